"""A reply in Markdown as a list of blocks: plain text, with its place, and without any mark.

markdown-it-py parses it, by the rules of CommonMark with tables. Nothing of a reply becomes HTML or a link:
of a link its text is kept, and an HTML tag is left out. What could change an earlier line when
a later one comes (underlined headings, link definitions) is left out, so that a reply can be read while it
streams.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

from rag.english.sentences import Span
from rag.types import BlockKind, Place

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

__all__ = ["Block", "blocks", "last_top_line"]

_DEEPEST = 40  # nested lists and quotations, each list with its items; what stands deeper is left out
_NUMBER = re.compile(r"\^?\d{1,3}")
_BULLET = re.compile(r"^([ \t]*)[•◦▪‣●]([ \t])", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph, heading, item, cell or piece of code. `text` has "\\n" where a line ends. `code`:
    stretches that were marked as code. `strong`: where a bold run ends with which the text begins; 0 without
    one. `closed`: nothing that follows can be part of it.
    """

    text: str
    place: Place
    code: tuple[Span, ...] = ()
    strong: int = 0
    closed: bool = True


@cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": True, "maxNesting": _DEEPEST})
    return parser.enable("table").disable(["reference", "lheading", "html_block"])


def blocks(text: str, first: int = 0) -> list[Block]:
    """The blocks of a reply, or of the part of it that has come; their numbers run from `first`.

    >>> [(b.place.kind.value, b.place.number, b.text) for b in blocks("# Oil\\n\\n1. **Up**: 4 %\\n2. Down")]
    [('heading', None, 'Oil'), ('item', 1, 'Up: 4 %'), ('item', 2, 'Down')]
    """
    found = list(_walk(_parser().parse(_plain(text)), first))
    if found:
        found[-1] = replace(found[-1], closed=False)
        last = found[-1].place
        if last.kind is BlockKind.CELL and not text.endswith("\n"):  # the line of the row may go on
            found = [b for b in found if (b.place.block, b.place.row) != (last.block, last.row)]
    return found


def last_top_line(text: str) -> int:
    """Where the last block begins that stands in no other, in whole lines; what is before it is closed."""
    whole = text[: text.rfind("\n") + 1]
    tokens = [token for token in _parser().parse(_plain(whole)) if token.level == 0 and token.map]
    if not tokens:
        return 0
    line = max(token.map[0] for token in tokens if token.map)
    at = 0
    for _ in range(line):
        at = whole.index("\n", at) + 1
    return at


def _plain(text: str) -> str:
    # Characters are neither added nor taken away, so that lines keep their places.
    return _BULLET.sub(r"\1-\2", text.replace("\r\n", " \n").replace("\r", "\n").replace("\0", " "))


def _walk(tokens: Sequence[Token], first: int) -> Iterator[Block]:
    block = first
    numbers: list[int | None] = []  # of the items that are open
    begun: list[bool] = []  # whether each has a text already
    quotes = row = column = heading = 0
    in_table = False
    for token in tokens:
        if token.type == "list_item_open":
            numbers.append(int(token.info) if token.info else None)
            begun.append(False)
        elif token.type == "list_item_close":
            numbers.pop()
            begun.pop()
        elif token.type in ("blockquote_open", "blockquote_close"):
            quotes += token.nesting
        elif token.type == "heading_open":
            heading = int(token.tag[1])
        elif token.type == "heading_close":
            heading = 0
        elif token.type in ("table_open", "table_close"):
            in_table, row = token.type == "table_open", -1
            block += not in_table
        elif token.type == "tr_open":
            row, column = row + 1, 0
        elif token.type in ("fence", "code_block"):
            if token.content.strip():
                yield Block(token.content.strip("\n"), Place(block, BlockKind.CODE, len(numbers)))
                block += 1
        elif token.type == "inline":
            text, code, strong = _inline(token.children or [])
            if in_table:
                yield Block(text, Place(block, BlockKind.CELL, 0, None, row, column), code, strong)
                column += 1
                continue
            if heading:
                place = Place(block, BlockKind.HEADING, heading)
            elif numbers and not begun[-1]:
                place = Place(block, BlockKind.ITEM, len(numbers), numbers[-1])
                begun[-1] = True
            else:
                place = Place(block, BlockKind.QUOTE if quotes else BlockKind.PARAGRAPH, len(numbers))
            yield Block(text, place, code, strong)
            block += 1


def _inline(children: Sequence[Token]) -> tuple[str, tuple[Span, ...], int]:
    """The text without marks, the stretches of code, and where bold ends with which it begins."""
    parts: list[str] = []
    code: list[Span] = []
    size = strong = 0
    blank = True  # nothing but space so far
    bold_from_start = False
    linked = 0
    for child in children:
        text = ""
        if child.type in ("softbreak", "hardbreak") or child.content == "<br>":
            text = "\n"
        elif child.type in ("text", "code_inline", "text_special"):
            text = child.content
        elif child.type == "strong_open":
            bold_from_start = bold_from_start or blank
        elif child.type == "strong_close" and bold_from_start and not strong:
            strong = size
        elif child.type == "link_open" or child.content == "<sup>":
            linked = len(parts)
        elif (child.type == "link_close" or child.content == "</sup>") and _NUMBER.fullmatch(
            "".join(parts[linked:])
        ):
            size += 2  # "[1](https://…)" and "<sup>1</sup>" are citations
            parts[linked:] = ["[", *parts[linked:], "]"]
        if child.type == "code_inline":
            code.append((size, size + len(text)))
        parts.append(text)
        size += len(text)
        blank = blank and not text.strip()
    return "".join(parts), tuple(code), strong
