"""What a page says of itself in JSON-LD, as publishers write it: in graphs, in comments, with a comma too
many.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

__all__ = ["addresses", "articles", "as_list", "comparable", "names", "text_of"]

_ARTICLE = re.compile(r"(?:Article|BlogPosting|Report|Review)\Z")


def articles(tree: Any) -> Iterator[Mapping[str, Any]]:
    """The articles among the page's JSON-LD objects; not those that stand in lists or are only mentioned."""
    for item in _objects(tree):
        if _is_article(item):
            yield item
        elif isinstance(inner := item.get("mainEntity"), Mapping) and _is_article(inner):
            yield inner


def names(tree: Any) -> Iterator[tuple[str, str]]:
    """What the page's JSON-LD objects are called, by the address that others refer to them by."""
    for item in _objects(tree):
        if isinstance(item.get("@id"), str) and (name := text_of(item.get("name"))):
            yield item["@id"], name


def _objects(tree: Any) -> Iterator[Mapping[str, Any]]:
    for script in tree.xpath("//script[contains(@type, 'ld+json')]"):
        source = "".join(script.itertext()).strip().removeprefix("<!--").removesuffix("-->").strip()
        source = re.sub(r"\A(?://\s*)?<!\[CDATA\[|(?://\s*)?\]\]>\Z", "", source).strip()
        for part in as_list(_json(source)):
            for item in [part, *as_list(part.get("@graph"))] if isinstance(part, Mapping) else ():
                if isinstance(item, Mapping):
                    yield item


def _is_article(item: Any) -> bool:
    return isinstance(item, Mapping) and any(
        _ARTICLE.search(str(kind)) for kind in as_list(item.get("@type"))
    )


def _json(source: str) -> Any:
    """The object, or `None`; commas too many and line breaks in strings, which publishers write, are put up
    with.
    """
    try:
        return json.loads(source, strict=False)
    except (ValueError, RecursionError):
        pass
    try:
        return json.loads(re.sub(r",(\s*[}\]])", r"\1", source).rstrip("; \n"), strict=False)
    except (ValueError, RecursionError):
        return None


def as_list(value: Any) -> list[Any]:
    return [] if value is None else value if isinstance(value, list) else [value]


def text_of(value: Any) -> str:
    """A string of JSON-LD as text: publishers put entities and tags into it."""
    if isinstance(value, list):
        value = value[0] if value else None
    if not isinstance(value, str):
        return ""
    return " ".join(re.sub(r"<[^<>]{1,200}>", " ", html.unescape(value)).split())


def addresses(item: Mapping[str, Any]) -> Iterator[str]:
    for name in ("url", "@id", "mainEntityOfPage"):
        for part in as_list(item.get(name)):
            address = part.get("@id") or part.get("url") if isinstance(part, Mapping) else part
            if isinstance(address, str):
                yield address


def comparable(address: str) -> str:
    """An address without what differs between two spellings of it."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return address
    return f"{(parts.hostname or '').removeprefix('www.')}{parts.path.rstrip('/')}?{parts.query}"
