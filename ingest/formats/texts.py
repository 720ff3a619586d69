"""Plain text and Markdown to articles: the text stays as decoded, less what says something about it."""

from __future__ import annotations

import re
import tomllib
from datetime import date
from typing import Any

from ingest.formats.articles import opening
from ingest.formats.clean import decode
from ingest.formats.dates import leading_date, read_date
from ingest.formats.extracted import Extracted, Fact
from rag.errors import SourceError

__all__ = ["text_article"]

_HEADING = re.compile(r"\A\s*#[ \t]+(\S[^\n\r]*)")
# YAML between dashes, as Jekyll has it, or TOML between plus signs, as Hugo has.
_FRONT = re.compile(r"\A(---|\+\+\+)[ \t]*\r?\n(.{0,20000}?)\r?\n\1[ \t]*(?:\r?\n|\Z)\s*", re.DOTALL)
# What front matter calls our facts; a draft's `lastmod` is no publication date.
_KEYS = {
    "title": "title",
    "author": "author",
    "authors": "author",
    "date": "published",
    "published": "published",
    "pubdate": "published",
    "source": "source",
    "outlet": "source",
    "publication": "source",
    "url": "url",
    "link": "url",
    "canonical": "url",
    "canonical_url": "url",
    "lang": "language",
    "language": "language",
}


def text_article(data: bytes, *, markdown: bool = False) -> Extracted:
    """The article that a text file is. In Markdown the first heading is its title, and front matter its
    facts.

    Raises `SourceError` for what is not text, and where there are no words.
    """
    text, encoding = decode(data)
    facts: dict[str, Fact] = {}
    warnings: list[str] = []
    if markdown and (match := _FRONT.match(text)):
        facts, warnings = _front_matter(match.group(2), toml=match.group(1) == "+++")
        text = text[match.end() :]
    day, text = leading_date(text)
    if day:
        facts["published"] = Fact(day, "leading date")
    if not text.strip():
        raise SourceError("it contains no words. Remove it, or put the article's text into it")
    if (
        markdown
        and "title" not in facts
        and (heading := _HEADING.match(text))
        and (title := heading.group(1).strip(" #"))
    ):
        facts["title"] = Fact(title, "heading")
    if not encoding.startswith(
        "utf-"
    ):  # as a mark or the bytes themselves tell; not charset-normalizer's guess, utf_16
        warnings.append(
            f"it is not UTF-8 and was read as {encoding}; if letters look wrong, save it as UTF-8"
        )
    return Extracted(text, opening(text, facts), (), tuple(warnings))


def _front_matter(block: str, *, toml: bool) -> tuple[dict[str, Fact], list[str]]:
    import yaml

    try:
        # Everything is a string to YAML's plainest loader: it makes no objects, and no dates of its own.
        found: Any = tomllib.loads(block) if toml else yaml.load(block, Loader=yaml.BaseLoader)
    except (
        yaml.YAMLError,
        ValueError,
        OverflowError,
        RecursionError,
    ) as exc:  # a number of thousands of digits, no character
        kind = "TOML" if toml else "YAML"
        return {}, [
            f"its front matter is not {kind} and was ignored ({next(iter(str(exc).splitlines()), '')[:100]})"
        ]
    facts: dict[str, Fact] = {}
    warnings: list[str] = []
    for key, value in found.items() if isinstance(found, dict) else ():
        name = _KEYS.get(str(key).strip().lower())
        if isinstance(value, date):  # a datetime is one
            value = value.isoformat()
        if isinstance(value, list) and all(isinstance(part, str) for part in value):
            value = ", ".join(value)
        if name is None or name in facts or not isinstance(value, str) or not value.strip():
            continue
        place = f"front matter {key}"
        if name != "published":
            facts[name] = Fact(value.strip(), place)
        elif day := read_date(value):
            facts[name] = Fact(day, place)
        else:
            warnings.append(f"its date {value[:40]!r} cannot be read and is treated as unknown")
    return facts, warnings
