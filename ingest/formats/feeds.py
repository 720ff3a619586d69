"""RSS, Atom and RDF feeds to entries: what a publisher lists, with the facts and sometimes the whole text of
each article.

feedparser knows the dialects; it is handed neither an address (it would fetch it), nor an encoding to guess,
nor a declaration of entities, and its clean-up of HTML is left out: the text of an article is extracted from
it anyway.
"""

from __future__ import annotations

import codecs
import functools
import hashlib
import html
import io
import json
import re
import xml.sax
import xml.sax.handler
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit
from xml.parsers import expat

from ingest.formats.dates import read_date
from ingest.formats.extracted import Fact
from rag.errors import SourceError
from rag.system.address import without_login

__all__ = ["MOST", "Entry", "entries", "is_feed"]

# entries of a feed that are read, from the top, where the newest are; archives of decades put all into one
MOST = 1_000

_HEAD = 4_096  # bytes in which the outermost element must begin for a page to be told a feed by what it holds
_ROOTS = frozenset({"rss", "feed", "rdf"})
_KINDS = frozenset({"application/rss+xml", "application/atom+xml", "application/rdf+xml"})
_MOST_NAMESPACES = 100
_MOST_TAGS = 1_000_000  # reading one takes some 30 µs, so a feed takes half a minute at worst
_LONGEST_NAME = 200  # characters; the patterns that look for a mail address take quadratic time
_MAIL_NAME = re.compile(r"\S+@\S+\s*\((.+)\)")  # RSS 2.0 asks for jane@paper.example (Jane Doe)
_NAME_MAIL = re.compile(r"(.+?)\s*[(<]\S+@\S+[)>]")
_MARKS = (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"), (codecs.BOM_UTF8, "utf-8-sig"), (
    codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16")  # fmt: skip
_WIDE = (b"<\x00?\x00", "utf-16-le"), (b"\x00<\x00?", "utf-16-be")  # "<?" without a mark
_DECLARED = re.compile(rb"\A\s*<\?xml\b[^>]{0,200}?\bencoding\s*=\s*[\"']([\w.:-]{1,40})[\"']")
# Python has codecs that are no encodings of text, or take quadratic time (punycode); these are what pages are
# written in.
_ENCODINGS = re.compile(
    r"utf-?(8|16|32).*|ascii|iso8859.*|iso2022.*|cp\d+|koi8.*|gb.*|big5.*|euc.*|shift.*|mac.*|johab|hz|tis.*"
)
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_TAG = re.compile(r"<(?:[A-Za-z_][\w.-]*:)?([A-Za-z_][\w.-]*)")
_MARKUP = re.compile(r"<[/!]?[A-Za-z-][^<>]*>")
_HTML = frozenset({"text/html", "application/xhtml+xml", "html", "xhtml"})
# What feedparser lets escape on elements that are not what they should be, as a place without a number.
_ESCAPES = (ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError)


@dataclass(frozen=True, slots=True)
class Entry:
    """One article as a feed lists it. `id` is its guid or Atom id, else its link, else its digest, and no two
    of a feed are alike; `url` its link, absolute; `facts` what is known of `title, author, published, source,
    language`; `html` its full content as the publisher sent it (not made safe to show), `None` where the feed
    has only a summary; `digest` a SHA-256 in hexadecimal that changes when the feed says anything else of
    it."""

    id: str
    url: str | None
    facts: Mapping[str, Fact] = field(default_factory=dict)
    html: str | None = None
    digest: str = ""


def is_feed(body: bytes, kind: str) -> bool:
    """Whether a page is a feed: by its outermost element, and by its media type only where that cannot be
    seen.

    >>> is_feed(b'<?xml version="1.0"?><!-- news --><rss version="2.0">', "text/html")
    True
    >>> is_feed(b"<html><body>rss</body></html>", "application/rss+xml")
    False
    """
    try:
        root = _root(_text(body[:_HEAD], None))
    except SourceError:  # its entities; `entries` says so
        return True
    return root[0] in _ROOTS if root else kind.strip().lower() in _KINDS


def entries(body: bytes, url: str, *, charset: str | None = None) -> tuple[Entry, ...]:
    """The entries of a feed in its order, `MOST` of them at most; `()` where it lists none.

    `url` is where it was found, which relative links start from; `charset` what its server called its
    encoding. Raises `SourceError` for what is not a feed, declares entities, or is too large."""
    text = _text(body, charset)
    root = _root(text)
    if root is None:
        raise SourceError("it is not a feed: no XML is in it. Give the address of an RSS or Atom feed")
    name, text = root
    if name not in _ROOTS:
        raise SourceError(
            f"it is not a feed, but a document of the kind <{name[:40]}>. Give the address of an RSS or Atom "
            f"feed"
        )
    if (tags := text.count("<")) > _MOST_TAGS:
        raise SourceError(
            f"the feed is too large ({tags:,} tags; {_MOST_TAGS:,} are read). Give the address of a shorter "
            f"one"
        )
    parsed = _parsed(text, url)
    if not parsed.version:
        raise SourceError(
            f"it is not a feed: its <{name}> is neither RSS nor Atom. Give the address of an RSS or Atom feed"
        )
    return tuple(_distinct(_entry(found, parsed) for found in parsed.entries))


def _text(body: bytes, charset: str | None) -> str:
    """The characters of a feed: by its mark; as UTF-8, if it fits (servers call everything Latin-1); by its
    server's word or its own; else as UTF-8 with what is damaged replaced, else as Windows-1252. A feed of
    hundreds of articles is not given up for one bad byte."""
    declared = _DECLARED.match(body[:_HEAD])
    stated = [encoding for mark, encoding in (*_MARKS, *_WIDE) if body.startswith(mark)]
    named = [charset or "", declared.group(1).decode("ascii", "replace") if declared else ""]
    stated += [
        name for name in named if name.lower().startswith(("iso-2022", "hz"))
    ]  # written in ASCII: UTF-8 would fit
    stated += ["utf-8", *named]
    for name in stated:
        try:
            encoding = codecs.lookup(name).name
            if _ENCODINGS.fullmatch(encoding):
                return _clean(body.decode(encoding))
        except (LookupError, ValueError):
            continue
    text = body.decode("utf-8", "replace")
    wrong = text.count("\ufffd")
    if sum(character > "\x7f" for character in text) - wrong > wrong:
        return _clean(text)
    return _clean(body.decode("cp1252", "replace"))


def _clean(text: str) -> str:
    """Without what XML forbids and publishers paste, which would have the whole feed taken for ill-formed."""
    return _NOT_XML.sub("", text)


class _Root(Exception):
    """The outermost element has begun."""


class _Enough(Exception):
    """There are as many entries as are read."""


def _root(text: str) -> tuple[str, str] | None:
    """The name of the outermost element in lower case, without its prefix, and the text from it on; `None`
    without one.

    What comes before it is left out: so feedparser, which reads declarations by patterns of its own, never
    meets one. Raises `SourceError` for a declaration of entities, which a few hundred bytes of can unfold to
    gigabytes."""
    found = _begun(text)
    if found and found[0] in _ROOTS:
        return found
    head = text[:_HEAD]
    if (start := head.find("<?xml")) > 0 and (
        later := _begun(text[start:])
    ):  # a server's complaint came first
        return later
    if not found and (tag := _TAG.search(head)):
        return tag.group(1).lower(), text[tag.start() :]
    return found


def _begun(text: str) -> tuple[str, str] | None:
    data = text.encode("utf-8", "replace")
    parser = expat.ParserCreate("utf-8")
    name, place = "", 0

    def begun(element: str, _: dict[str, str]) -> None:
        nonlocal name, place
        name, place = element, parser.CurrentByteIndex
        raise _Root

    def declared(*_: object) -> None:
        raise SourceError(
            "it declares entities of its own, which no feed needs and which can be made to fill all memory"
        )

    parser.StartElementHandler = begun
    parser.EntityDeclHandler = declared
    try:
        parser.Parse(data, False)
    except _Root:
        return name.rpartition(":")[2].lower(), data[place:].decode("utf-8")
    except expat.ExpatError:
        pass
    return None


@functools.cache
def _parsers() -> tuple[Any, Any]:
    from feedparser.api import LooseFeedParser, StrictFeedParser

    class Ours:
        def _sync_author_detail(self: Any, key: str = "author") -> None:
            # feedparser takes a name and a mail address apart with a pattern that takes quadratic time (hours
            # for a megabyte of name) and knows no `.example` or `.media`. `_name` does without.
            context = self._get_context()
            authors = _tables(context.get(f"{key}s"))
            if authors and not authors[-1] and isinstance(stated := context.get(key), str):
                authors[-1]["name"] = stated

        def _start_item(self: Any, attributes: Any) -> None:
            if len(self.entries) >= MOST:
                raise _Enough
            super()._start_item(attributes)  # type: ignore[misc]

        _start_entry = _start_item

        # Three more that take quadratic time: each category is compared with all others of its entry, each
        # element with all namespaces, and blank pieces are taken from the front of a list one by one.
        def _add_tag(self: Any, *_: object) -> None:
            self._get_context().setdefault("tags", [])

        def track_namespace(self: Any, prefix: object, uri: str) -> None:
            if len(self.namespaces_in_use) < _MOST_NAMESPACES:
                super().track_namespace(prefix, uri)  # type: ignore[misc]

        def handle_data(self: Any, text: Any, escape: int = 1) -> None:
            pieces = self.elementstack[-1][2] if self.elementstack else []
            last = pieces[-1] if pieces else None
            if isinstance(last, str) and len(last) < 100 and not last.strip() and not text.strip():
                pieces[-1] = last + text
            else:
                super().handle_data(text, escape)  # type: ignore[misc]

        # One bad element must not cost the feed.
        def unknown_starttag(self: Any, tag: str, attributes: Any) -> None:
            with suppress(*_ESCAPES):
                super().unknown_starttag(tag, attributes)  # type: ignore[misc]

        def unknown_endtag(self: Any, tag: str) -> None:
            with suppress(*_ESCAPES):
                super().unknown_endtag(tag)  # type: ignore[misc]

        def handle_charref(self: Any, ref: str) -> None:
            try:
                super().handle_charref(ref)  # type: ignore[misc]
            except (ValueError, OverflowError):  # a number that is no character
                self.handle_data("\ufffd")

        # feedparser takes this for an update. In RSS 1.0 it is the date of the article.
        def _start_dc_date(self: Any, _: object) -> None:
            self.push("dc_date", 1)

        def _end_dc_date(self: Any) -> None:
            self.pop("dc_date")

    return type("Strict", (Ours, StrictFeedParser), {}), type("Loose", (Ours, LooseFeedParser), {})


def _parsed(text: str, url: str) -> Any:
    """feedparser's handler after the document: its `version`, `feeddata` and `entries`."""
    strict, loose = _parsers()
    handler = strict(url, None, "utf-8")
    handler.resolve_relative_uris = handler.sanitize_html = False
    reader = xml.sax.make_parser()
    reader.setFeature(xml.sax.handler.feature_namespaces, True)
    reader.setFeature(xml.sax.handler.feature_external_ges, False)
    reader.setContentHandler(handler)
    reader.setErrorHandler(handler)
    source = xml.sax.xmlreader.InputSource()
    source.setByteStream(io.BytesIO(text.encode()))
    source.setEncoding("utf-8")
    try:
        reader.parse(source)
        return handler
    except _Enough:
        return handler
    except xml.sax.SAXException:
        pass  # it is ill-formed, as many are
    handler = loose(url, None, "utf-8", {})
    handler.resolve_relative_uris = handler.sanitize_html = False
    with suppress(_Enough):
        handler.feed(text)
    return handler


def _entry(found: Any, parsed: Any) -> Entry:
    feed = parsed.feeddata
    atom = parsed.version.startswith("atom")
    facts: dict[str, Fact] = {}

    def know(name: str, value: str | date | None, place: str) -> None:
        if value and name not in facts:
            facts[name] = Fact(value, place)

    know("title", _titled(found), "feed entry title")
    know("author", _names(found), "feed entry author")
    if atom:  # RFC 4287, 4.2.1: the feed's author is that of entries without one. RSS has an editor there
        know("author", _names(feed), "feed author")
    know("published", _day(found.get("published")), "feed published" if atom else "feed pubDate")
    know("published", _day(found.get("dc_date")), "feed dc:date")
    # Not `updated`, though Atom asks for it alone: it moves with each correction, and the day of a change is
    # no publication.
    know(
        "source", _titled(_table(found.get("source"))), "feed entry source"
    )  # an aggregator names whose article it is
    know("source", _titled(feed), "feed title")
    know("language", _stated(found.get("language")), "feed entry language")
    know("language", _stated(feed.get("language")), "feed language")
    link = _web(found.get("link"))
    content = _content(_tables(found.get("content")))
    said = [[name, str(fact.value), fact.place] for name, fact in sorted(facts.items())]
    rest = [_stated(found.get(name)) for name in ("id", "summary")]
    told = json.dumps([said, link, content, rest, _stated(dict.get(found, "updated"))])
    digest = hashlib.sha256(told.encode()).hexdigest()
    return Entry(_stated(found.get("id")) or link or digest, link, facts, content, digest)


def _distinct(found: Iterable[Entry]) -> Iterator[Entry]:
    """Without repeats. A feed that gives the same id to different articles has them told apart by their
    links.
    """
    seen: dict[str, str | None] = {}
    for entry in found:
        known = entry
        if entry.id in seen and entry.url != seen[entry.id] and entry.url:
            known = Entry(entry.url, entry.url, entry.facts, entry.html, entry.digest)
        if known.id not in seen:
            seen[known.id] = known.url
            yield known


def _stated(value: object) -> str:
    return " ".join(value.split()) if isinstance(value, str) else ""


def _table(value: object) -> Mapping[str, Any]:
    """feedparser keeps an element it does not know under its own name, `<authors>` beside the authors it has
    found.
    """
    return value if isinstance(value, dict) else {}


def _tables(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _plain(text: str) -> str:
    """The words of a bit of HTML.

    >>> _plain("Q&amp;A: <b>Who</b> pays for <i>it</i>?")
    'Q&A: Who pays for it?'
    """
    return " ".join(html.unescape(_MARKUP.sub("", text)).split())


def _titled(found: Any) -> str:
    title = found.get("title")
    if not isinstance(title, str):
        return ""
    kind = _table(found.get("title_detail")).get("type", "text/html")
    return _plain(title) if kind in _HTML else _stated(title)


def _names(found: Any) -> str:
    """The authors, once each, as `Jane Doe, Bo Lind`."""
    names = [_name(_plain(_stated(author.get("name")))) for author in _tables(found.get("authors"))]
    return ", ".join(dict.fromkeys(name for name in names if name))


def _name(stated: str) -> str:
    """The name in an author, "" where there is but a mail address.

    >>> _name("jane@paper.media (Jane Doe)"), _name("Jane Doe (jane@paper.media)"), _name("jane@paper.media")
    ('Jane Doe', 'Jane Doe', '')
    """
    stated = stated[:_LONGEST_NAME]
    if match := _MAIL_NAME.fullmatch(stated) or _NAME_MAIL.fullmatch(stated):
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


def _web(link: object) -> str | None:
    """The link, which feedparser has made absolute, if it leads to the web; without a login, which is not to
    be kept.
    """
    try:
        parts = urlsplit(without_login(_stated(link)))
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
            return "\n".join(
                f"<p>{html.escape(part.strip(), quote=False)}</p>" for part in re.split(r"\n\s*\n", value)
            )
    return None
