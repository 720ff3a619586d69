"""RSS, Atom and RDF feeds to entries: what a publisher lists, with the facts and sometimes the whole text of
each article.

feedparser reads them. Its clean-up of HTML is left out, since the text of an article is extracted from it
anyway. It is called in a reading process, whose limits of time and memory bound what a hostile feed can cost.
"""

from __future__ import annotations

import hashlib
import html
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from ingest.formats.dates import read_date
from ingest.formats.extracted import Fact
from rag.errors import SourceError
from rag.system.address import without_login

__all__ = ["MOST_ENTRIES", "FeedEntry", "entries", "is_feed"]

# Entries of a feed that are read, from the top, where the newest are. Some archives put decades into one.
MOST_ENTRIES = 1_000

_HEAD = 4_096  # bytes in which the outermost element must begin for a page to be seen to be a feed
_ROOTS = frozenset({"rss", "feed", "rdf"})
_MEDIA_TYPES = frozenset({"application/rss+xml", "application/atom+xml", "application/rdf+xml"})
_PROLOGUE = re.compile(
    r"<!--.*?(?:-->|\Z)|<\?.*?\?>|<!DOCTYPE[^>\[]*(?:\[.*?\]\s*)?>", re.DOTALL | re.IGNORECASE
)
_ELEMENT = re.compile(r"<(?:[A-Za-z_][\w.-]*:)?([A-Za-z_][\w.-]*)")
_LONGEST_NAME = 200  # characters; the patterns that look for a mail address take quadratic time
_MAIL_THEN_NAME = re.compile(r"\S+@\S+\s*\((.+)\)")  # RSS 2.0 asks for jane@paper.example (Jane Doe)
_NAME_THEN_MAIL = re.compile(r"(.+?)\s*[(<]\S+@\S+[)>]")
_MARKUP = re.compile(r"<[/!]?[A-Za-z-][^<>]*>")
_HTML = frozenset({"text/html", "application/xhtml+xml", "html", "xhtml"})
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")  # publishers paste it all the same
# What feedparser lets escape on elements that are not what they should be, as a place without a number.
_ESCAPES = (ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError)
_DUBLIN_CORE = "http://purl.org/dc/elements/1.1/"


@dataclass(frozen=True, slots=True)
class FeedEntry:
    """One article as a feed lists it.

    `id` is its guid or Atom id, else its link, else its digest; no two of a feed are alike. `url` is its
    link, absolute. `facts` are what is known of `title, author, published, source, language`. `html` is its
    full content as the publisher sent it, not made safe to show, and `None` where the feed has only a
    summary. `digest` is a SHA-256 in hexadecimal that changes when the feed says anything else of it.
    """

    id: str
    url: str | None
    facts: Mapping[str, Fact] = field(default_factory=dict)
    html: str | None = None
    digest: str = ""


def is_feed(body: bytes, media_type: str) -> bool:
    """Whether a page is a feed: by its outermost element, and by its media type only where that cannot be
    seen in the first 4 KiB.

    >>> is_feed(b'<?xml version="1.0"?><!-- news --><rss version="2.0">', "text/html")
    True
    >>> is_feed(b"<html><body>rss</body></html>", "application/rss+xml")
    False
    """
    head = body[:_HEAD].replace(b"\0", b"").decode("latin-1")  # without the zeros of UTF-16
    outermost = _outermost(head)
    if outermost not in _ROOTS and (start := head.find("<?xml")) > 0:  # a server's complaint came first
        outermost = _outermost(head[start:]) or outermost
    return outermost in _ROOTS if outermost else media_type.strip().lower() in _MEDIA_TYPES


def _outermost(head: str) -> str | None:
    found = _ELEMENT.search(_PROLOGUE.sub("", head))
    return found.group(1).lower() if found else None


def entries(body: bytes, url: str, *, charset: str | None = None) -> tuple[FeedEntry, ...]:
    """The entries of a feed in its order, `MOST_ENTRIES` of them at most; `()` where it lists none.

    `url` is where it was found, which relative links start from; `charset` is what its server called its
    encoding. Raises `SourceError` for what is not a feed, and for one whose entities unfold without end.
    """
    import feedparser

    body, charset = _as_utf8(body, charset)
    headers = {"content-location": url, "content-type": "application/xml"}
    if charset:
        headers["content-type"] += f"; charset={charset}"
    try:
        parsed = feedparser.parse(  # a stream: it would take bytes for an address or a path
            io.BytesIO(body), response_headers=headers, sanitize_html=False, resolve_relative_uris=False
        )
    except _ESCAPES as exc:
        raise SourceError(
            f"the feed is damaged and cannot be parsed ({type(exc).__name__}). "
            "Try later, or give the addresses of its pages"
        ) from exc
    # The words are expat's own, which has no number for this that Python hands on.
    if "amplification" in str(parsed.get("bozo_exception", "")):
        raise SourceError(
            "its entities expand to more than a feed may contain, which suggests a file made to do harm. "
            "Do not trust it"
        )
    if not parsed.get("version"):
        raise SourceError(
            "it is not a feed: neither RSS nor Atom is in it. Give the address of an RSS or Atom feed"
        )
    return tuple(_distinct(_entry(found, parsed) for found in parsed.entries[:MOST_ENTRIES]))


def _as_utf8(body: bytes, charset: str | None) -> tuple[bytes, str | None]:
    """The feed, and the encoding to read it in: UTF-8 if most of its letters beyond ASCII are that.

    Servers call everything Latin-1, and feedparser believes them. A feed of hundreds of articles is not to
    be misread for one bad byte either.
    """
    text = body.decode("utf-8", "replace")
    damaged = text.count("\ufffd")
    sound = sum(character > "\x7f" for character in text) - damaged
    return (text.encode(), "utf-8") if sound > damaged else (body, charset)


def _entry(found: Any, parsed: Any) -> FeedEntry:
    feed = parsed.feed
    atom = parsed.version.startswith("atom")
    facts: dict[str, Fact] = {}

    def add(name: str, value: str | date | None, place: str) -> None:
        if value and name not in facts:
            facts[name] = Fact(value, place)

    add("title", _title(found), "feed entry title")
    add("author", _names(found), "feed entry author")
    if atom:  # RFC 4287, 4.2.1: the feed's author is that of entries without one. RSS has an editor there
        add("author", _names(feed), "feed author")
    add("published", _day(found.get("published")), "feed published" if atom else "feed pubDate")
    # Not `updated`, though Atom asks for it alone: it moves with each correction, and the day of a change is
    # no publication. In RSS feedparser calls Dublin Core's date so, which is that of the article.
    updated = dict.get(found, "updated")  # by its own `get` a publication's date would do
    if not atom and _DUBLIN_CORE in parsed.namespaces.values():
        add("published", _day(updated), "feed dc:date")
    # An aggregator names whose article it is.
    add("source", _title(_table(found.get("source"))), "feed entry source")
    add("source", _title(feed), "feed title")
    add("language", _line(found.get("language")), "feed entry language")
    add("language", _line(feed.get("language")), "feed language")
    link = _web_address(found.get("link"))
    content = _content(_tables(found.get("content")))
    stated = [[name, str(fact.value), fact.place] for name, fact in sorted(facts.items())]
    rest = [_line(found.get(name)) for name in ("id", "summary")]
    everything = json.dumps([stated, link, content, rest, _line(updated)])
    digest = hashlib.sha256(everything.encode()).hexdigest()
    return FeedEntry(_line(found.get("id")) or link or digest, link, facts, content, digest)


def _distinct(found: Iterable[FeedEntry]) -> Iterator[FeedEntry]:
    """Without repeats. Different articles to which a feed gives one id are called by their links."""
    urls: dict[str, str | None] = {}
    for entry in found:
        named = entry
        if entry.id in urls and entry.url != urls[entry.id] and entry.url:
            named = FeedEntry(entry.url, entry.url, entry.facts, entry.html, entry.digest)
        if named.id not in urls:
            urls[named.id] = named.url
            yield named


def _line(value: object) -> str:
    """A text on one line, "" for what is none."""
    return " ".join(_NOT_XML.sub("", value).split()) if isinstance(value, str) else ""


def _table(value: object) -> Mapping[str, Any]:
    """feedparser keeps an element it does not know under its own name, `<authors>` beside the authors it has
    found."""
    return value if isinstance(value, dict) else {}


def _tables(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _plain(text: str) -> str:
    """The words of a bit of HTML.

    >>> _plain("Q&amp;A: <b>Who</b> pays for <i>it</i>?")
    'Q&A: Who pays for it?'
    """
    return _line(html.unescape(_MARKUP.sub("", text)))


def _title(found: Any) -> str:
    title = found.get("title")
    if not isinstance(title, str):
        return ""
    kind = _table(found.get("title_detail")).get("type", "text/html")
    return _plain(title) if kind in _HTML else _line(title)


def _names(found: Any) -> str:
    """The authors, once each, as `Jane Doe, Bo Lind`."""
    stated = [author.get("name") for author in _tables(found.get("authors"))]
    if len(stated) == 1:  # feedparser cuts a mail address in .media after the fourth letter of that
        stated = [found.get("author")]
    names = [_name(_plain(_line(name))) for name in stated]
    return ", ".join(dict.fromkeys(name for name in names if name))


def _name(stated: str) -> str:
    """The name in an author, "" where there is but a mail address.

    >>> _name("jane@paper.media (Jane Doe)"), _name("Jane Doe (jane@paper.media)"), _name("jane@paper.media")
    ('Jane Doe', 'Jane Doe', '')
    """
    stated = stated[:_LONGEST_NAME]
    if match := _MAIL_THEN_NAME.fullmatch(stated) or _NAME_THEN_MAIL.fullmatch(stated):
        return match.group(1)
    return "" if re.fullmatch(r"\S+@\S+", stated) else stated


def _day(stated: object) -> date | None:
    """The day as the publisher's clock had it.

    >>> _day("Sat, 20 Jan 2024 23:30:00 -0500"), _day("20 Jan 24 23:30 EST"), _day("soon")
    (datetime.date(2024, 1, 20), datetime.date(2024, 1, 20), None)
    """
    if not isinstance(stated, str):
        return None
    if day := read_date(stated):
        return day
    try:
        return parsedate_to_datetime(stated).date()  # years of two digits: RFC 822
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _web_address(link: object) -> str | None:
    """The link, which feedparser has made absolute, if it leads to the web; without a login, which is not to
    be kept."""
    try:
        parts = urlsplit(without_login(_line(link)))
    except ValueError:
        return None
    return parts.geturl() if parts.scheme in ("http", "https") and parts.netloc else None


def _content(contents: Iterable[Any]) -> str | None:
    for content in contents:
        value = str(content.get("value") or "").strip()
        if not value:
            continue
        kind = content.get("type", "text/html")
        if kind in _HTML:
            return value
        if kind in ("text/plain", "text"):
            paragraphs = re.split(r"\n\s*\n", value)
            return "\n".join(f"<p>{html.escape(part.strip(), quote=False)}</p>" for part in paragraphs)
    return None
