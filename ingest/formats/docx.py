"""Word documents: what a reader of the printed page would see of the text, in its order.

Left out are what is deleted under tracked changes, hidden text, text boxes, headers and footers, comments,
and footnotes (with a warning): a footnote's words belong to no place in the text, and cited there they would
mislead.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from typing import TYPE_CHECKING, Any
from zipfile import ZIP_STORED, ZipFile

from ingest.formats.clean import tidy
from ingest.formats.extracted import Extracted, Fact
from ingest.formats.markup import Block, has_words, joined, one_line
from ingest.formats.packed import MEGABYTE, members, open_zip, read_member
from rag.errors import SourceError
from rag.system.installed import how_to_add

if TYPE_CHECKING:
    from docx.document import Document

__all__ = ["extract"]

Element = Any  # lxml has no types

_MOST_BYTES = 100 * MEGABYTE  # of XML; a thousand pages have 20
_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_MATH_TEXT = "{http://schemas.openxmlformats.org/officeDocument/2006/math}t"
_OLD = b"\xd0\xcf\x11\xe0"  # .doc, and a .docx with a password, which is wrapped into the same container
_LONG_CELL = 200  # code points: a table with such cells is a layout
# What python-docx and lxml raise for packages with parts missing, misnamed or malformed.
_DAMAGE = (
    LookupError,
    ValueError,
    TypeError,
    AttributeError,
    AssertionError,
    OSError,
    RuntimeError,
    SyntaxError,
)


def extract(data: bytes) -> Extracted:
    """The text of a document: headings and paragraphs apart, lists with their marks, tables as rows."""
    if data.startswith(_OLD):
        raise SourceError(
            "it is in Word's old format (.doc), or has a password. Save it as .docx without a password"
        )
    document = _opened(_unpacked(data))
    try:
        body = _Body(document)
        body.read()
        facts = _facts(document, body)
    except _DAMAGE as exc:
        raise SourceError(
            "its parts do not match. Open it in Word or LibreOffice, and save it as .docx again"
        ) from exc
    text = tidy(joined(body.blocks))
    if not has_words(text):
        raise SourceError(
            "it contains no words outside of pictures and text boxes. Save its text as .docx or .txt"
        )
    notes = "1 footnote was" if body.notes == 1 else f"{body.notes} footnotes were"
    return Extracted(text, facts, warnings=(f"{notes} left out",) if body.notes else ())


def _unpacked(data: bytes) -> BytesIO:
    """The document as a zip file that is not packed, without its pictures.

    python-docx unpacks each member as a whole, however large it turns out to be. Here that is counted first.
    """
    plain, left = BytesIO(), _MOST_BYTES
    with open_zip(data) as opened, ZipFile(plain, "w", ZIP_STORED) as copy:
        parts = {info.filename: info for info in members(opened)}
        if "[Content_Types].xml" not in parts:
            raise SourceError(
                "it is a zip file, but not a Word document (.docx). Save it as .docx from Word or LibreOffice"
            )
        for name, info in parts.items():
            content = (
                b"" if re.match(r"word/(media|fonts|embeddings)/", name) else read_member(opened, info, left)
            )
            left -= len(content)
            copy.writestr(name, content)
    plain.seek(0)
    return plain


def _opened(plain: BytesIO) -> Document:
    try:
        import docx
        from docx.opc.exceptions import OpcError
    except ImportError as exc:
        raise SourceError(f"Word documents need python-docx: {how_to_add('docx')}") from exc
    try:
        # Its parser expands no entities (resolve_entities=False), and lxml bounds depth and size.
        return docx.Document(plain)
    except (*_DAMAGE, OpcError) as exc:
        raise SourceError(
            "it is not a Word document (.docx), or a damaged one. Open it in Word, and save it again"
        ) from exc


def _val(parent: Element | None, *path: str) -> str | None:
    """`w:val` of an element below another; "" for one that is there without it.

    An element without it means yes: `<w:vanish/>`.
    """
    for name in path:
        parent = None if parent is None else parent.find(_W + name)
    if parent is None:
        return None
    value: str = parent.get(_W + "val", "")
    return value


def _on(value: str | None) -> bool:
    return value is not None and value not in ("0", "false", "off")


@dataclass(frozen=True, slots=True)
class _Style:
    name: str = ""  # as Word names it in every language: "heading 1", "Title", "toc 2"
    hidden: bool = False
    heading: bool = False
    list: tuple[str, int] | None = None  # numbering and level


def _styles(document: Document) -> dict[str, _Style]:
    """Each style with what it inherits."""
    elements = {
        element.get(_W + "styleId"): element for element in document.styles.element.iterchildren(_W + "style")
    }

    def chain(style_id: str | None) -> Iterator[Element]:
        seen = set()
        while style_id in elements and style_id not in seen:
            seen.add(style_id)
            yield elements[style_id]
            style_id = _val(elements[style_id], "basedOn")

    styles = {}
    for style_id in elements:
        hidden = next(
            (value for one in chain(style_id) if (value := _val(one, "rPr", "vanish")) is not None), None
        )
        level = next(
            (value for one in chain(style_id) if (value := _val(one, "pPr", "outlineLvl")) is not None), None
        )
        number = next(
            (value for one in chain(style_id) if (value := _val(one, "pPr", "numPr", "numId")) is not None),
            None,
        )
        depth = next(
            (value for one in chain(style_id) if (value := _val(one, "pPr", "numPr", "ilvl")) is not None),
            None,
        )
        name = _val(elements[style_id], "name") or ""
        styles[style_id] = _Style(
            name,
            hidden=_on(hidden),
            heading=bool(re.fullmatch(r"title|subtitle|heading \d", name.lower()))
            or level in set("012345678"),
            list=(number, _int(depth)) if number else None,
        )
    return styles


def _int(digits: str | None) -> int:
    return int(digits) if digits and re.fullmatch(r"\d{1,6}", digits) else 0


@dataclass(slots=True)
class _Numbering:
    """Which lists have marks and which have numbers, and how far each has been counted."""

    levels: dict[tuple[str, int], tuple[str, int]] = field(
        default_factory=dict
    )  # format and start, by list and level
    alike: dict[str, str] = field(
        default_factory=dict
    )  # lists that count on from one another share a definition
    counts: dict[tuple[str, int], int] = field(default_factory=dict)

    @classmethod
    def of(cls, document: Document) -> _Numbering:
        numbering = cls()
        # Not document.part.numbering_part, which python-docx cannot make where there is none.
        root = next((part.element for name, part in _related(document) if name.endswith("/numbering")), None)
        if root is None:
            return numbering
        definitions = {one.get(_W + "abstractNumId"): one for one in root.iterchildren(_W + "abstractNum")}
        for num in root.iterchildren(_W + "num"):
            number, meant = num.get(_W + "numId"), _val(num, "abstractNumId") or ""
            overridden = False
            for override in num.iterchildren(_W + "lvlOverride"):
                overridden = overridden or _val(override, "startOverride") is not None
            numbering.alike[number] = number if overridden else f"of {meant}"
            definition = definitions.get(meant)
            for level in [] if definition is None else definition.iterchildren(_W + "lvl"):
                start = _val(level, "start")
                place = (number, _int(level.get(_W + "ilvl")))
                numbering.levels[place] = (_val(level, "numFmt") or "decimal", _int(start) if start else 1)
        return numbering

    def mark(self, number: str, level: int) -> str | None:
        """What stands before the next item: "- " or "3. ", whatever its letters are; None where it is no
        item.
        """
        if (number, level) not in self.levels:
            return None
        style, start = self.levels[number, level]
        if style == "none":
            return None
        if style == "bullet":
            return "- "
        counted = self.alike[number]
        self.counts[counted, level] = self.counts.get((counted, level), start - 1) + 1
        for deeper in [place for place in self.counts if place[0] == counted and place[1] > level]:
            del self.counts[deeper]
        return f"{self.counts[counted, level]}. "


def _related(document: Document) -> Iterator[tuple[str, Any]]:
    for relation in document.part.rels.values():
        if not relation.is_external:
            yield relation.reltype, relation.target_part


_BRANCHES = frozenset(
    _W + name for name in "hyperlink ins moveTo smartTag sdt sdtContent fldSimple customXml dir bdo".split()
)
_NOTES = (_W + "footnoteReference", _W + "endnoteReference")


class _Body:
    """The blocks of a document as they are read, one after the other."""

    def __init__(self, document: Document) -> None:
        self.blocks: list[Block] = []
        self.notes = 0
        self.title: str | None = (
            None  # the first paragraph in the style of a title or of a heading of the first level
        )
        self.languages: Counter[str] = Counter()  # code points
        self._root = document.element.body
        self._styles = _styles(document)
        self._numbering = _Numbering.of(document)
        self._carried = ""  # the text of a paragraph whose end is deleted: it goes on in the next one

    def read(self) -> None:
        for element in _blocks(self._root):
            self._block(element)
        if self._carried.strip():
            self.blocks.append(Block(self._carried))

    def _block(self, element: Element) -> None:
        if element.tag == _W + "p":
            self._paragraph(element)
        else:
            self._table(element)

    def _paragraph(self, paragraph: Element) -> None:
        properties = paragraph.find(_W + "pPr")
        style = self._styles.get(_val(properties, "pStyle") or "", _Style())
        if re.match(r"toc\b", style.name.lower()):  # a table of contents repeats the headings
            return
        text = self._carried + self._words(paragraph, style)
        self._carried = ""
        if properties is not None and properties.find(f"{_W}rPr/{_W}del") is not None:
            self._carried = text
            return
        text = tidy(text)
        if not text:
            return
        if self.title is None and style.name.lower() in ("title", "heading 1"):
            self.title = one_line(text)
        item = (
            None
            if style.heading or _val(properties, "outlineLvl") in set("012345678")
            else self._item(properties, style)
        )
        if item is None:
            self.blocks.append(Block(text))
        else:
            mark, level = item
            self.blocks.append(Block("  " * level + mark + text.replace("\n", " "), listed=True))

    def _item(self, properties: Element | None, style: _Style) -> tuple[str, int] | None:
        number, level = style.list or ("", 0)
        if (value := _val(properties, "numPr", "numId")) is not None:
            number = value  # 0 takes a paragraph out of the list that its style puts it in
        if (depth := _val(properties, "numPr", "ilvl")) is not None:
            level = _int(depth)
        mark = self._numbering.mark(number, level)
        return None if mark is None else (mark, min(level, 8))

    def _words(self, paragraph: Element, style: _Style) -> str:
        pieces = []
        for run in _runs(paragraph):
            if run.tag == _MATH_TEXT:
                pieces.append(run.text or "")
                continue
            properties = run.find(_W + "rPr")
            hidden = _val(properties, "vanish")
            if hidden is None:
                named = self._styles.get(_val(properties, "rStyle") or "", _Style())
                if named.hidden or style.hidden:
                    continue
            elif _on(hidden):
                continue
            text = self._run(run)
            if language := _val(properties, "lang"):
                self.languages[language] += len(text)
            else:
                self.languages[""] += len(text)
            pieces.append(text)
        return "".join(pieces)

    def _run(self, run: Element) -> str:
        text = ""
        for element in run:
            if element.tag == _W + "t":
                text += element.text or ""
            elif element.tag in (_W + "tab", _W + "ptab"):
                text += "\t"
            elif element.tag in (_W + "br", _W + "cr"):
                text += "\n"
            elif element.tag == _W + "noBreakHyphen":
                text += "\u2011"
            elif (
                element.tag == _W + "ruby"
            ):  # the characters, without the small ones that say how they are read
                text += "".join(inner.text or "" for inner in element.iterfind(f"{_W}rubyBase/{_W}r/{_W}t"))
            elif element.tag in _NOTES:
                self.notes += 1
        return text

    def _table(self, table: Element) -> None:
        rows = [[list(_blocks(cell)) for cell in _cells(row)] for row in _rows(table)]
        if not _is_data(rows):
            for row in rows:
                for cell in row:
                    for element in cell:
                        self._block(element)
            return
        lines = [" | ".join(self._cell(cell) for cell in row) for row in rows]
        if lines := [line for line in lines if line.strip(" |")]:
            self.blocks.append(Block("\n".join(lines)))

    def _cell(self, cell: list[Element]) -> str:
        return one_line(
            "\n".join(
                self._words(paragraph, self._styles.get(_val(paragraph, "pPr", "pStyle") or "", _Style()))
                for paragraph in cell
            )
        )


def _blocks(parent: Element) -> Iterator[Element]:
    """The paragraphs and tables in their order, also those in content controls, which python-docx skips."""
    for element in parent:
        if element.tag in (_W + "p", _W + "tbl"):
            yield element
        elif element.tag in _BRANCHES and not _is_contents(element):
            yield from _blocks(element)


def _is_contents(element: Element) -> bool:
    return (
        element.tag == _W + "sdt"
        and _val(element, "sdtPr", "docPartObj", "docPartGallery") == "Table of Contents"
    )


def _runs(parent: Element) -> Iterator[Element]:
    """The runs of a paragraph as they would be printed with all changes accepted. `paragraph.text` leaves out
    insertions.
    """
    for element in parent:
        if element.tag == _W + "r":
            yield element
        elif element.tag in _BRANCHES:
            yield from _runs(element)
        elif isinstance(element.tag, str) and element.tag.endswith(("}oMath", "}oMathPara")):
            yield from element.iter(_MATH_TEXT)


def _rows(table: Element) -> Iterator[Element]:
    for element in table:
        if element.tag == _W + "tr":
            if element.find(f"{_W}trPr/{_W}del") is None:
                yield element
        elif element.tag in _BRANCHES:
            yield from _rows(element)


def _cells(row: Element) -> Iterator[Element]:
    for element in row:
        if element.tag == _W + "tc":
            yield element
        elif element.tag in _BRANCHES:
            yield from _cells(element)


def _is_data(rows: list[list[list[Element]]]) -> bool:
    """Whether a table is one of data: more than one column, and short cells. Else it only places paragraphs
    on the page.
    """
    cells = [cell for row in rows for cell in row]
    if not any(len(row) > 1 for row in rows) or any(one.tag == _W + "tbl" for cell in cells for one in cell):
        return False
    return all(
        sum(len(text.text or "") for one in cell for text in one.iter(_W + "t")) <= _LONG_CELL
        for cell in cells
    )


# What Word, python-docx and the like write where nobody wrote anything.
_NO_TITLE = re.compile(
    r"(microsoft word|word document|untitled|document ?\d*$)|.*\.(docx?|dotx?|rtf|odt|txt|pdf)$",
    re.IGNORECASE,
)
_NO_AUTHOR = frozenset(
    "python-docx microsoft office user admin administrator owner author unknown root word windows".split()
)


def _facts(document: Document, body: _Body) -> Mapping[str, Fact]:
    """No date: the properties say when the file was made and changed, not when the article was published."""
    facts = {}
    properties = _properties(document)
    if (title := one_line(properties.get("title", ""))) and not _NO_TITLE.match(title):
        facts["title"] = Fact(title, "document properties")
    elif body.title:
        facts["title"] = Fact(body.title, "title paragraph")
    author = one_line(properties.get("creator", ""))
    if has_words(author) and not set(author.lower().split()) <= _NO_AUTHOR:
        facts["author"] = Fact(author, "document properties")
    if language := one_line(properties.get("language", "")):
        facts["language"] = Fact(language, "document properties")
    elif language := _language(document, body):
        facts["language"] = Fact(language, "document language")
    return facts


def _properties(document: Document) -> dict[str, str]:
    """The core properties as they stand. python-docx makes up some where there are none."""
    root = next(
        (part.element for name, part in _related_to_package(document) if name.endswith("/core-properties")),
        None,
    )
    children = [] if root is None else root
    return {
        element.tag.rpartition("}")[2]: element.text or ""
        for element in children
        if isinstance(element.tag, str)
    }


def _related_to_package(document: Document) -> Iterator[tuple[str, Any]]:
    for relation in document.part.package.rels.values():
        if not relation.is_external:
            yield relation.reltype, relation.target_part


def _language(document: Document, body: _Body) -> str:
    """The language that most of the text is marked with; what is not marked is in the one of the document's
    defaults.
    """
    spoken = Counter(body.languages)
    default = _val(document.styles.element, "docDefaults", "rPrDefault", "rPr", "lang") or ""
    spoken[default] += spoken.pop("", 0)
    return max(sorted(spoken), key=lambda language: spoken[language], default="")
