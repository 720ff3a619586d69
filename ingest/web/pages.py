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
from typing import Any
from urllib.parse import urldefrag, urlsplit

from ingest.formats.articles import address, article, as_opened
from ingest.formats.extracted import Extracted, Fact
from ingest.formats.feeds import MOST_ENTRIES, FeedEntry, is_feed
from ingest.formats.kinds import kind_of
from ingest.formats.parsing import Parsers
from ingest.formats.texts import text_article
from ingest.web.fetch import Fetched, Fetcher, Gone
from rag.errors import SourceError
from rag.store.catalog import Snapshot
from rag.types import Article

__all__ = ["PageResult", "Web"]

# pages fetched for one feed in one sync, at a polite second or two each: a sync that is stopped loses no more
_MOST_PAGES = 100
_MOST_FAILURES = 3  # failures after which a host is not asked for further entries of feeds
_KINDS_BY_MEDIA_TYPE = {
    "text/html": "html",
    "application/xhtml+xml": "html",
    "application/pdf": "pdf",
    "application/epub+zip": "epub",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "message/rfc822": "mail",
    "text/plain": "text",
    "text/markdown": "text",
}


@dataclass(frozen=True, slots=True)
class PageResult:
    """What came of one address: an article; or `items`, as they were noted, where nothing has changed; or why
    it `failed`; or why it is `gone` for good. `last_seen` is what to note of the address."""

    origin: str
    article: Article | None = None
    items: str | None = None
    failed: str | None = None
    gone: str | None = None
    last_seen: Snapshot | None = None
    warnings: tuple[str, ...] = ()


class Web:
    """Fetches pages and feeds, and reads the articles out of them."""

    def __init__(self, fetcher: Fetcher, parsers: Parsers) -> None:
        self._fetcher, self._parsers = fetcher, parsers
        self._failures: Counter[str] = Counter()  # by host

    def pages(self, address: str, last_seen: Mapping[str, Snapshot]) -> Iterator[PageResult]:
        """The page at an address, or the feed there and the article of each of its entries. `before` is what
        was noted of each address the last time, as far as it is stored so: what is noted is not fetched
        again."""
        try:
            state = _noted_state(last_seen.get(address))
            if any(origin not in last_seen for origin in state.get("feed", ())):
                state = {}  # of an entry that is to be read anew, the feed has to say what it is
            fetched = self._fetcher.get(address, etag=state.get("etag"), modified=state.get("modified"))
            if fetched is None:
                yield from self._as_before(address, last_seen)
            elif is_feed(fetched.body, fetched.kind):
                yield from self._feed(address, fetched, last_seen)
            else:
                yield self._page(address, fetched)
        except Gone as exc:
            yield PageResult(address, gone=str(exc))
        except SourceError as exc:
            yield PageResult(address, failed=str(exc))

    def _as_before(self, address: str, last_seen: Mapping[str, Snapshot]) -> Iterator[PageResult]:
        known = last_seen[address]
        listed = _noted_state(known).get("feed")
        yield PageResult(address, items="[]" if listed is not None else known.items)
        for origin in listed or ():
            if origin in last_seen:
                yield PageResult(origin, items=last_seen[origin].items)

    def _feed(
        self, address: str, fetched: Fetched, last_seen: Mapping[str, Snapshot]
    ) -> Iterator[PageResult]:
        listed: list[str] = []
        complete = True
        found = self._parsers.entries(fetched.body, fetched.url, fetched.charset)
        asked = left = 0
        for entry in found:
            if asked == _MOST_PAGES and entry.html is None and not self._is_noted(address, entry, last_seen):
                left += 1
                continue
            page = self._entry(address, entry, last_seen)
            asked += entry.html is None and page.items is None
            listed.append(page.origin)
            complete = complete and not (page.failed or page.gone)
            yield page
        complete = complete and not left
        # With its mark kept, an entry that could not be read would not be tried again before the feed
        # changes.
        stamp = json.dumps(
            {"etag": fetched.etag, "modified": fetched.modified, "feed": listed}
            if complete
            else {"feed": listed}
        )
        warnings: tuple[str, ...] = (
            (f"only its first {MOST_ENTRIES:,} entries were read",) if len(found) == MOST_ENTRIES else ()
        )
        if left:
            warnings += (
                f"{_MOST_PAGES} of its pages were fetched; the other {left} follow with the next syncs",
            )
        yield PageResult(address, items="[]", last_seen=Snapshot(stamp, "[]"), warnings=warnings)

    def _entry(self, feed: str, entry: FeedEntry, last_seen: Mapping[str, Snapshot]) -> PageResult:
        origin = _origin(feed, entry)
        if self._is_noted(feed, entry, last_seen):
            return PageResult(origin, items=last_seen[origin].items)
        try:
            if entry.html is not None:
                found = self._of_entry(entry, entry.html)
                return self._result(origin, origin, found, {"entry": entry.digest})
            if entry.url is None:
                raise SourceError("the feed gives neither its text nor its address")
            host = urlsplit(entry.url).hostname or ""
            if self._failures[host] >= _MOST_FAILURES:
                raise SourceError(
                    f"{host} has failed {_MOST_FAILURES} times in this sync, and was not tried again. "
                    "Sync later"
                )
            try:
                fetched = self._fetcher.get(entry.url)
            except Gone:
                raise
            except SourceError:
                self._failures[host] += 1
                raise
            if fetched is None:
                raise AssertionError("nothing was asked that allows this answer")
            return self._page(origin, fetched, entry)
        except Gone as exc:
            return PageResult(origin, gone=str(exc))
        except SourceError as exc:
            return PageResult(origin, failed=str(exc))

    def _is_noted(self, feed: str, entry: FeedEntry, last_seen: Mapping[str, Snapshot]) -> bool:
        known = last_seen.get(_origin(feed, entry))
        return known is not None and _noted_state(known).get("entry") == entry.digest

    def _of_entry(self, entry: FeedEntry, html: str) -> Extracted:
        """An article whose text stands in the feed; what the feed says of it counts."""
        # A page around it, so that it is read as one; the title tells where the text begins.
        title = str(entry.facts["title"].value) if "title" in entry.facts else ""
        text = f"<h1>{markup.escape(title)}</h1>{html}"
        page = f"<!doctype html><html><body><article>{text}</article></body></html>"
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

    def _page(self, origin: str, fetched: Fetched, entry: FeedEntry | None = None) -> PageResult:
        kind = _KINDS_BY_MEDIA_TYPE.get(fetched.kind) or kind_of(urlsplit(fetched.url).path)
        if kind in ("lines", "table", "archive"):
            raise SourceError("it is a file of many articles. Download it, and name the file")
        if kind is None:
            what = fetched.kind or "a type that it does not name"
            raise SourceError(
                f"its server sends {what}, which cannot be read. Supported are web pages, feeds, PDF, "
                "Word, EPUB and text"
            )
        if kind == "text":
            found = text_article(fetched.body)
        else:
            options = {"url": fetched.url, "charset": fetched.charset} if kind == "html" else {}
            found = self._parsers.extract(kind, fetched.body, options)
        if kind not in ("html", "text"):
            found = replace(found, facts=as_opened(found.text, found.facts))
        facts = dict(found.facts)
        own = _own_address(facts.get("url"), fetched.url)
        facts["url"] = own
        for name, fact in entry.facts.items() if entry else ():
            # The feed's name for the outlet says more than the page's host.
            if name not in facts or (name == "source" and facts[name].place == "its address"):
                facts[name] = fact
        state = {"entry": entry.digest} if entry else {"etag": fetched.etag, "modified": fetched.modified}
        return self._result(origin, str(own.value), replace(found, facts=facts), state)

    def _result(self, origin: str, article_id: str, found: Extracted, state: Mapping[str, Any]) -> PageResult:
        made = article(article_id, found)
        items = json.dumps(
            [[False, made.id, made.version, origin, None, None, list(found.warnings)]], ensure_ascii=False
        )
        seen = Snapshot(json.dumps(state), items)
        return PageResult(origin, made, last_seen=seen, warnings=found.warnings)


def _noted_state(known: Snapshot | None) -> dict[str, Any]:
    """What was noted of an address besides what it held; nothing where a file's stamp stands."""
    if known is None or not known.stamp.startswith("{"):
        return {}
    state: dict[str, Any] = json.loads(known.stamp)
    return state


def _origin(feed: str, entry: FeedEntry) -> str:
    """Where an entry's article lies. A feed may carry another site's text under that site's address: it must
    not pass for the article there."""
    if entry.url and (entry.html is None or _same_site(entry.url, feed)):
        return urldefrag(entry.url).url
    return f"{feed}#{entry.id}"


def _own_address(canonical: Fact | None, fetched: str) -> Fact:
    """The page's canonical address, if it is on the site it was fetched from; else where it was fetched."""
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
