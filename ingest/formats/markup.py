"""From marked-up text to text that reads well: headings and paragraphs stand apart, a list has its marks, a
table its rows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ingest.formats.clean import tidy, without_surrogates
from rag.errors import SourceError

__all__ = ["Block", "has_words", "joined", "local_name", "one_line", "parse_html", "text_of"]

Element = Any  # lxml has no types


def one_line(text: str) -> str:
    """A title or a name: tidy, and on one line.

    >>> one_line(" Iran\\n struck\\tfirst ")
    'Iran struck first'
    """
    return " ".join(tidy(text).split())


def has_words(text: str) -> bool:
    """
    >>> has_words("Iran"), has_words(" | - 1.")
    (True, False)
    """
    return any(character.isalpha() for character in text)


@dataclass(slots=True)
class Block:
    """A paragraph, a heading, an item of a list or a table. `listed` ones follow each other without a blank
    line.
    """

    text: str
    listed: bool = False


def joined(blocks: list[Block]) -> str:
    """
    >>> joined([Block("Who:"), Block("- Iran", listed=True), Block("- Pakistan", listed=True), Block("Why?")])
    'Who:\\n\\n- Iran\\n- Pakistan\\n\\nWhy?'
    """
    text = ""
    for number, block in enumerate(blocks):
        if number:
            text += "\n" if block.listed and blocks[number - 1].listed else "\n\n"
        text += block.text
    return text


def parse_html(text: str) -> Element:
    """The root of an HTML page, whatever state it is in. Nothing is fetched for it."""
    import lxml.etree
    import lxml.html

    parser = lxml.html.HTMLParser(encoding="utf-8", no_network=True, huge_tree=False)
    try:
        # As bytes: lxml refuses a str that says its own encoding. A null would end the page for libxml2.
        root = lxml.html.document_fromstring(
            without_surrogates(text).replace("\0", "").encode(), parser=parser
        )
    except (lxml.etree.LxmlError, ValueError, AssertionError, MemoryError) as exc:
        raise SourceError("its HTML cannot be read, or it is empty. Save it as text first") from exc
    return root


def local_name(element: Element) -> str:
    """The name of an element without its namespace; nothing for comments, instructions and entities."""
    tag = element.tag
    return tag.rpartition("}")[2].lower() if isinstance(tag, str) else ""


# Everything not named here is part of a line: links, emphasis, and whatever is invented next.
_BLOCK = frozenset(
    "address article aside blockquote body caption center dd details dialog div dl dt fieldset figcaption "
    "figure footer form "
    "h1 h2 h3 h4 h5 h6 header hgroup hr html legend li main menu ol p pre section summary table tbody td "
    "tfoot th thead tr "
    "ul".split()
)
# What is no text, or text about the text: menus, forms, pictures, the reading of ruby characters.
_SKIPPED = frozenset(
    "audio button canvas datalist embed head iframe input map nav noscript object option rp rt script select "
    "style svg "
    "template textarea title track video".split()
)
# EPUB says what a piece is for. The call of a footnote is a digit glued to a word ("war3"), and the note
# stands elsewhere.
_NOT_TEXT = frozenset(
    "noteref doc-noteref footnote doc-footnote endnote rearnote pagebreak doc-pagebreak toc doc-toc".split()
)
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden|mso-hide\s*:\s*all", re.IGNORECASE)
_LONG_CELL = 200  # code points: a cell with more is a column of a layout, as newsletters are made of


def text_of(root: Element) -> str:
    """The readable text of an element and everything in it."""
    reading = _Reading()
    for opening, element in _walk(root):
        if opening == "skip":
            reading.cell(element)
        elif opening == "open":
            reading.open(element)
        else:
            reading.close(element)
        if opening != "open" and element is not root:
            reading.words(element.tail)
    reading.end_paragraph()
    return tidy(joined(reading.blocks))


def _walk(root: Element) -> Iterator[tuple[str, Element]]:
    """Each element when it opens and when it closes, what is skipped only once. A page can nest deeper than
    Python may.
    """
    waiting: list[tuple[str, Element]] = [("open", root)]
    while waiting:
        step, element = waiting.pop()
        if step == "open" and (not local_name(element) or _is_skipped(element) or _is_data(element)):
            step = "skip"
        yield step, element
        if step == "open":
            waiting.append(("close", element))
            waiting.extend(("open", child) for child in reversed(element))


def _is_skipped(element: Element) -> bool:
    if (
        local_name(element) in _SKIPPED
        or element.get("hidden") is not None
        or _HIDDEN.search(element.get("style") or "")
    ):
        return True
    kind = element.get("{http://www.idpf.org/2007/ops}type") or element.get("epub:type") or ""
    return not _NOT_TEXT.isdisjoint(f"{kind} {element.get('role') or ''}".lower().split())


def _is_data(element: Element) -> bool:
    """Whether a table is one of data: rows of short cells. A newsletter is a table of tables, each holding
    paragraphs.
    """
    if local_name(element) != "table" or element.get("role") in ("presentation", "none"):
        return False
    inner = list(element.iterdescendants())
    if any(
        local_name(one) in ("table", "ul", "ol", "blockquote", "h1", "h2", "h3", "h4", "h5", "h6")
        for one in inner
    ):
        return False
    rows = [_cells(one) for one in inner if local_name(one) == "tr"]
    if sum(len(cells) > 1 for cells in rows) < 2:
        return False
    return all(len(_line(cell)) <= _LONG_CELL for cells in rows for cell in cells)


def _cells(row: Element) -> list[Element]:
    return [cell for cell in row if local_name(cell) in ("td", "th")]


def _line(element: Element) -> str:
    """The text of an element on one line."""
    pieces: list[str] = []
    for step, inner in _walk(element):
        if step == "open":
            pieces.append(" " if local_name(inner) in _BLOCK | {"br"} else "")
            pieces.append(inner.text or "")
        elif step == "close":
            pieces.append(" " if local_name(inner) in _BLOCK else "")
        if step != "open" and inner is not element:
            pieces.append(inner.tail or "")
    return one_line("".join(pieces))


@dataclass(slots=True)
class _Reading:
    blocks: list[Block] = field(default_factory=list)
    line: list[str] = field(default_factory=list)
    lists: list[int | None] = field(
        default_factory=list
    )  # of each list that is open: its next number, or None for marks
    mark: str = ""  # of the item whose first paragraph is being read
    kept: int = 0  # how many <pre> are open

    def words(self, text: str | None) -> None:
        if text:
            self.line.append(text if self.kept else re.sub(r"[ \t\r\n\f]+", " ", text))

    def open(self, element: Element) -> None:
        name = local_name(element)
        if name == "br":
            self.line.append("\n")
        elif name in _BLOCK:
            self.end_paragraph()
            self.kept += name == "pre"
            if name in ("ul", "ol", "menu"):
                self.lists.append(_start(element) if name == "ol" else None)
            elif name == "li":
                self._item()
        self.words(element.text)

    def close(self, element: Element) -> None:
        name = local_name(element)
        if name not in _BLOCK:
            return
        self.end_paragraph()
        self.kept -= name == "pre"
        if name == "li":
            self.mark = ""
        elif name in ("ul", "ol", "menu") and self.lists:
            self.lists.pop()

    def cell(self, element: Element) -> None:
        """A table of data, at once; of all else that is skipped, nothing."""
        if local_name(element) != "table" or _is_skipped(element):
            return
        self.end_paragraph()
        for caption in element:
            if local_name(caption) == "caption" and (words := _line(caption)):
                self.blocks.append(Block(words))
        rows = [
            " | ".join(_line(cell) for cell in _cells(row))
            for row in element.iter()
            if local_name(row) == "tr"
        ]
        if rows := [row for row in rows if row.strip(" |")]:
            self.blocks.append(Block("\n".join(rows)))

    def end_paragraph(self) -> None:
        text, self.line = "".join(self.line), []
        text = tidy(text if self.kept else re.sub(r" *\n *", "\n", text))
        if not text:
            return
        if self.lists:
            indent = "  " * (len(self.lists) - 1)
            text = indent + (self.mark or "  ") + text.replace("\n", " ")
        # Two line breaks in a row are how mail programs write a paragraph.
        self.blocks.append(Block(text, listed=bool(self.lists)))
        self.mark = ""

    def _item(self) -> None:
        if not self.lists:  # an item outside of any list, as broken pages have
            self.mark = ""
        elif (number := self.lists[-1]) is None:
            self.mark = "- "
        else:
            self.mark = f"{number}. "
            self.lists[-1] = number + 1


def _start(element: Element) -> int:
    start = element.get("start") or "1"
    return int(start) if re.fullmatch(r"\d{1,6}", start) else 1
