"""Web addresses to articles: pages and feeds, fetched politely and asked again only whether they have
changed.

A page's id is its canonical address, if that is on its own site: a page must not be able to pass for an
article of another. What an address held is noted with what its server said of it, so that the next sync asks
whether that still holds.
"""

from __future__ import annotations

import html as markup
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urldefrag, urlsplit

from ingest.articles import address, article, as_opened
from ingest.extracted import Extracted, Fact
from ingest.feeds import MOST, Entry, entries, is_feed
from ingest.fetch import Fetched, Fetcher, Gone
from ingest.formats.worker import pack
from ingest.parsing import Parsers
from ingest.texts import text_article
from ingest.walk import kind_of
from rag.errors import SourceError
from rag.store.catalog import Snapshot as Looked
from rag.types import Article

__all__ = ["Page", "Web"]

# pages fetched for one feed in one sync, at a polite second or two each: a sync that is stopped loses no more
_AT_ONCE = 100
_PATIENCE = 3  # failures after which a host is not asked for further entries of feeds
_KINDS = {
    "text/html": "html", "application/xhtml+xml": "html", "application/pdf": "pdf", "application/epub+zip": "epub",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx", "message/rfc822": "mail",
    "text/plain": "text", "text/markdown": "text",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Page:
    """What came of one address: an article, with the file in which what was read is `kept`; or `items`, noted
    the last time, where nothing has changed; or why it `failed`; or why it is `gone` for good. `looked` is
    what to note of it."""

    origin: str
    article: Article | None = None
    kept: str | None = None
    items: str | None = None
    failed: str | None = None
    gone: str | None = None
    looked: Looked | None = None
    warnings: tuple[str, ...] = ()


class Web:
    """Fetches pages and feeds; what is read out of them lies in `folder` until the sync ends."""

    def __init__(self, fetcher: Fetcher, parsers: Parsers, folder: Path) -> None:
        self._fetcher, self._parsers, self._folder = fetcher, parsers, folder
        self._count = 0
        self._silent: Counter[str] = Counter()  # failures by host

    def pages(self, address: str, before: Mapping[str, Looked]) -> Iterator[Page]:
        """The page at an address, or the feed there and the article of each of its entries. `before` is what
        was noted of each address the last time, as far as it is stored so: what is noted is not fetched
        again."""
        try:
            said = _said(before.get(address))
            if any(origin not in before for origin in said.get("feed", ())):
                said = {}  # of an entry that is to be read anew, the feed has to say what it is
            fetched = self._fetcher.get(address, etag=said.get("etag"), modified=said.get("modified"))
            if fetched is None:
                yield from self._as_before(address, before)
            elif is_feed(fetched.body, fetched.kind):
                yield from self._feed(address, fetched, before)
            else:
                yield self._page(address, fetched)
        except Gone as exc:
            yield Page(address, gone=str(exc))
        except SourceError as exc:
            yield Page(address, failed=str(exc))

    def _as_before(self, address: str, before: Mapping[str, Looked]) -> Iterator[Page]:
        known = before[address]
        listed = _said(known).get("feed")
        yield Page(address, items="[]" if listed is not None else known.items)
        for origin in listed or ():
            if origin in before:
                yield Page(origin, items=before[origin].items)

    def _feed(self, address: str, fetched: Fetched, before: Mapping[str, Looked]) -> Iterator[Page]:
        listed: list[str] = []
        whole = True
        found = entries(fetched.body, fetched.url, charset=fetched.charset)
        asked = left = 0
        for entry in found:
            if asked == _AT_ONCE and entry.html is None and not self._is_noted(address, entry, before):
                left += 1
                continue
            page = self._entry(address, entry, before)
            asked += entry.html is None and page.items is None
            listed.append(page.origin)
            whole = whole and not (page.failed or page.gone)
            yield page
        whole = whole and not left
        # With its mark kept, an entry that could not be read would not be tried again before the feed
        # changes.
        stamp = json.dumps(
            {"etag": fetched.etag, "modified": fetched.modified, "feed": listed}
            if whole
            else {"feed": listed}
        )
        told: tuple[str, ...] = (f"only its first {MOST:,} entries were read",) if len(found) == MOST else ()
        if left:
            told += (f"{_AT_ONCE} of its pages were fetched; the other {left} follow with the next syncs",)
        yield Page(address, items="[]", looked=Looked(stamp, "[]"), warnings=told)

    def _entry(self, feed: str, entry: Entry, before: Mapping[str, Looked]) -> Page:
        origin = _origin(feed, entry)
        if self._is_noted(feed, entry, before):
            return Page(origin, items=before[origin].items)
        try:
            if entry.html is not None:
                found = self._of_entry(entry, entry.html)
                return self._taken(origin, origin, found, {"entry": entry.digest})
            if entry.url is None:
                raise SourceError("the feed gives neither its text nor its address")
            host = urlsplit(entry.url).hostname or ""
            if self._silent[host] >= _PATIENCE:
                raise SourceError(
                    f"{host} has failed {_PATIENCE} times in this sync, and was not asked again. Sync later"
                )
            try:
                fetched = self._fetcher.get(entry.url)
            except Gone:
                raise
            except SourceError:
                self._silent[host] += 1
                raise
            if fetched is None:
                raise AssertionError("nothing was asked that allows this answer")
            return self._page(origin, fetched, entry)
        except Gone as exc:
            return Page(origin, gone=str(exc))
        except SourceError as exc:
            return Page(origin, failed=str(exc))

    def _is_noted(self, feed: str, entry: Entry, before: Mapping[str, Looked]) -> bool:
        known = before.get(_origin(feed, entry))
        return known is not None and _said(known).get("entry") == entry.digest

    def _of_entry(self, entry: Entry, html: str) -> Extracted:
        """An article whose text stands in the feed; what the feed says of it counts."""
        # A page around it, so that it is read as one; the title tells where the text begins.
        title = str(entry.facts["title"].value) if "title" in entry.facts else ""
        page = f"<!doctype html><html><body><article><h1>{markup.escape(title)}</h1>{html}</article></body></html>"
        found = self._parsers.extract("html", page.encode("utf-8", "replace"), {"charset": "utf-8"})
        known = {
            name: fact
            for name, fact in found.facts.items()
            if name not in ("title", "url", "source", "language")
        }
        facts = {**known, **entry.facts}
        if entry.url:
            facts["url"] = Fact(entry.url, "feed link")
        return replace(found, facts=facts)

    def _page(self, origin: str, fetched: Fetched, entry: Entry | None = None) -> Page:
        kind = _KINDS.get(fetched.kind) or kind_of(urlsplit(fetched.url).path)
        if kind in ("lines", "table", "archive"):
            raise SourceError("it is a file of many articles. Download it, and name the file")
        if kind is None:
            what = fetched.kind or "a kind that is not said"
            raise SourceError(
                f"its server sends {what}, which cannot be read. Known are web pages, feeds, PDF, Word, EPUB "
                f"and text"
            )
        if kind == "text":
            found = text_article(fetched.body)
        else:
            options = {"url": fetched.url, "charset": fetched.charset} if kind == "html" else {}
            found = self._parsers.extract(kind, fetched.body, options)
        if kind not in ("html", "text"):
            found = replace(found, facts=as_opened(found.text, found.facts))
        facts = dict(found.facts)
        own = _own(facts.get("url"), fetched.url)
        facts["url"] = own
        for name, fact in entry.facts.items() if entry else ():
            # The feed's name for the outlet says more than the page's host.
            if name not in facts or (name == "source" and facts[name].place == "its address"):
                facts[name] = fact
        said = {"entry": entry.digest} if entry else {"etag": fetched.etag, "modified": fetched.modified}
        return self._taken(origin, str(own.value), replace(found, facts=facts), said)

    def _taken(self, origin: str, article_id: str, found: Extracted, said: Mapping[str, Any]) -> Page:
        made = article(article_id, found)
        self._count += 1
        kept = self._folder / f"{self._count}.json"
        kept.write_text(json.dumps(pack(found)), encoding="utf-8")
        items = json.dumps(
            [[False, made.id, made.version, origin, None, None, list(found.warnings)]], ensure_ascii=False
        )
        return Page(
            origin, made, str(kept), None, None, None, Looked(json.dumps(said), items), found.warnings
        )


def _said(known: Looked | None) -> dict[str, Any]:
    """What was noted of an address besides what it held; nothing where a file's stamp stands."""
    if known is None or not known.stamp.startswith("{"):
        return {}
    said: dict[str, Any] = json.loads(known.stamp)
    return said


def _origin(feed: str, entry: Entry) -> str:
    """Where an entry's article lies. A feed may carry another site's text under that site's address: it must
    not pass for the article there."""
    if entry.url and (entry.html is None or _same_site(entry.url, feed)):
        return urldefrag(entry.url).url
    return f"{feed}#{entry.id}"


def _own(canonical: Fact | None, fetched: str) -> Fact:
    """The page's canonical address, where it is on the site it was fetched from; else where it was fetched."""
    here = Fact(urldefrag(fetched).url, "its address")
    if canonical is None:
        return here
    stated = address(str(canonical.value))
    return Fact(stated, canonical.place) if _same_site(stated, fetched) else here


def _same_site(one: str, other: str) -> bool:
    """Whether two addresses are of one host, or of its mobile and its other pages. A blog of a shared domain
    is apart.
    """
    first, second = (
        re.sub(r"\A(?:www|m|mobile|amp)\.", "", (urlsplit(a).hostname or "").lower()) for a in (one, other)
    )
    return first == second
