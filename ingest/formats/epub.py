"""E-books: the chapters in the order they are read in, and what the package says of the book.

Read with zipfile and lxml alone: ebooklib, the known library, is under the AGPL, which would bind whoever
serves Clippings.
"""

from __future__ import annotations

import html.entities
import posixpath
import re
from datetime import date
from typing import Any
from urllib.parse import unquote
from zipfile import ZipFile

from ingest.formats import markup
from ingest.formats.dates import read_date
from ingest.formats.extracted import Extracted, Fact
from ingest.formats.packed import MEGABYTE, open_zip, read_member, shown
from rag.errors import SourceError

__all__ = ["extract"]

Element = Any  # lxml has no types

_MOST_TEXT = 100 * MEGABYTE  # of all chapters' markup; War and Peace has 4
_OBFUSCATED = (
    "http://www.idpf.org/2008/embedding",
    "http://ns.adobe.com/pdf/enc#RC",
)  # fonts, which no one reads here
_CHAPTERS = ("application/xhtml+xml", "text/html", "application/html", "text/x-oeb1-document")
_DC = "{http://purl.org/dc/elements/1.1/}"
_OPF = "{http://www.idpf.org/2007/opf}"


def extract(data: bytes) -> Extracted:
    """The text of a book: chapter after chapter, their headings as paragraphs of their own; contents lists
    are left out.

    A book is one article. Its date is taken only where it is a day, and the day of publication.
    """
    with open_zip(data) as opened:
        book = _Book(opened)
        if book.is_locked():
            raise SourceError("it is protected against copying (DRM). Use an edition without protection")
        package_at = book.package()
        package = book.xml(package_at)
        texts, warnings = book.chapters(package, posixpath.dirname(package_at))
    text = "\n\n".join(texts)
    if not markup.has_words(text):
        raise SourceError("it contains no words: its pages may be pictures. Use an edition with text")
    return Extracted(text, _facts(package), warnings=tuple(warnings))


class _Book:
    """The members of the zip file by name, read within one budget."""

    def __init__(self, opened: ZipFile) -> None:
        self._opened = opened
        self._members = {info.filename: info for info in opened.infolist()}
        self._left = _MOST_TEXT

    def __contains__(self, name: str) -> bool:
        return name in self._members

    def read(self, name: str) -> bytes:
        data = read_member(self._opened, self._members[name], self._left)
        self._left -= len(data)
        return data

    def xml(self, name: str) -> Element:
        if name not in self._members:
            raise SourceError(
                f"it is not an e-book (EPUB), or a damaged one: it has no {shown(name)}. Download it again"
            )
        root = _parsed(self.read(name))
        if root is None:
            raise SourceError(
                f"it is a damaged e-book: {shown(name)} in it cannot be read. Download it again"
            )
        return root

    def is_locked(self) -> bool:
        if "META-INF/encryption.xml" not in self:
            return False
        methods = _all(self.xml("META-INF/encryption.xml"), "encryptionmethod")
        return any(method.get("Algorithm") not in _OBFUSCATED for method in methods)

    def package(self) -> str:
        for rootfile in _all(self.xml("META-INF/container.xml"), "rootfile"):
            if path := rootfile.get("full-path"):
                return _within("", path)
        raise SourceError(
            "it is a damaged e-book: it does not say where its contents are listed. Download it again"
        )

    def chapters(self, package: Element, folder: str) -> tuple[list[str], list[str]]:
        """The text of each chapter in the order of the spine, and what could not be read."""
        items = {item.get("id"): item for item in _all(package, "item")}
        contents = {
            _within(folder, reference.get("href") or "")
            for reference in _all(package, "reference")
            if (reference.get("type") or "").lower() == "toc"
        }
        texts, warnings, seen = [], [], set()
        for itemref in _all(package, "itemref"):
            item = items.get(itemref.get("idref"))
            # What is not linear stands beside the text (answers, enlarged tables) and is reached through a
            # link.
            if (
                item is None
                or itemref.get("linear") == "no"
                or "nav" in (item.get("properties") or "").split()
            ):
                continue
            name = _within(folder, item.get("href") or "")
            if item.get("media-type") not in _CHAPTERS or name in contents or name in seen:
                continue
            seen.add(name)
            if name not in self:
                warnings.append(f"the chapter {shown(name)} is missing")
                continue
            if text := markup.text_of(_chapter(self.read(name))):
                texts.append(text)
        return texts, warnings


def _chapter(data: bytes) -> Element:
    """A chapter as XML, which it should be; else as HTML, which forgives what publishers get wrong."""
    data = re.sub(rb"&([A-Za-z][A-Za-z0-9]*);", _character, data)
    root = _parsed(data)
    if root is None:
        from ingest.formats.clean import decode

        root = markup.parse_html(decode(data)[0])
    body = next((element for element in root if markup.local_name(element) == "body"), None)
    return root if body is None else body


def _character(entity: re.Match[bytes]) -> bytes:
    """`&nbsp;` as `&#160;`: XHTML's names stand in a DTD that is not read. What XML itself names stays."""
    name = entity.group(1).decode("ascii")
    if name in ("amp", "lt", "gt", "quot", "apos") or name + ";" not in html.entities.html5:
        return entity.group()
    return "".join(f"&#{ord(character)};" for character in html.entities.html5[name + ";"]).encode("ascii")


def _parsed(data: bytes) -> Element | None:
    import lxml.etree

    # No entity is expanded, nothing is fetched, and what is larger or deeper than any book is refused.
    parser = lxml.etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False, load_dtd=False)
    try:
        return lxml.etree.fromstring(data, parser)
    except (lxml.etree.LxmlError, ValueError, LookupError):
        return None


def _all(root: Element, name: str) -> list[Element]:
    return [element for element in root.iter() if markup.local_name(element) == name]


def _within(folder: str, href: str) -> str:
    """The member that a link means.

    >>> _within("OEBPS", "text/ch%201.xhtml#start"), _within("OEBPS/text", "../a.xhtml")
    ('OEBPS/text/ch 1.xhtml', 'OEBPS/a.xhtml')
    >>> _within("", "../../a")
    '../../a'
    """
    return posixpath.normpath(posixpath.join(folder, unquote(href.partition("#")[0])))


def _facts(package: Element) -> dict[str, Fact]:
    facts = {}
    for name, value in (
        ("title", next(iter(_texts(package, "title")), "")),
        ("author", ", ".join(_authors(package))),
        ("language", next((stated for stated in _texts(package, "language") if stated.lower() != "und"), "")),
        ("source", next(iter(_texts(package, "publisher")), "")),
    ):
        if value:
            facts[name] = Fact(value, f"EPUB {'publisher' if name == 'source' else name}")
    if published := _published(package):
        facts["published"] = Fact(published, "EPUB date")
    return facts


def _texts(package: Element, name: str) -> list[str]:
    stated = (markup.one_line("".join(element.itertext())) for element in package.iter(_DC + name))
    return [text for text in stated if text]


def _authors(package: Element) -> list[str]:
    """The creators; of those with a role only the authors, unless none is one."""
    roles = {
        (meta.get("refines") or "").removeprefix("#"): (meta.text or "").strip()
        for meta in _all(package, "meta")
        if meta.get("property") == "role"
    }
    creators: dict[str, str] = {}
    for element in package.iter(_DC + "creator"):
        if name := markup.one_line("".join(element.itertext())):
            creators.setdefault(
                name, element.get(_OPF + "role") or roles.get(element.get("id") or "", "") or "aut"
            )
    authors = [name for name, role in creators.items() if role == "aut"]
    return authors or list(creators)


def _published(package: Element) -> date | None:
    """The day of publication: of dates with an event only that one, as the others are when the file was made
    or changed.
    """
    days: dict[str, date] = {}
    for element in package.iter(_DC + "date"):
        day = read_date(element.text or "")
        if day and day.year > 1000:  # calibre writes the year 101 for a day it does not know
            days.setdefault((element.get(_OPF + "event") or "").lower(), day)
    return days.get("publication") or days.get("")
