"""The blocks that a laid-out answer is shown in: paragraphs, headings, lists, tables, code.

Sentences that were withheld leave gaps, so a block is what is left of it. A line that claims nothing (a
heading, a lead-in, a label) is shown once, before the first sentence under it that is shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from rag.types import BlockKind, Layout, Place

__all__ = ["Part", "Shown", "is_laid_out", "layout_record", "shown_blocks", "table_rows"]

Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Part:
    """A line without a citation, or the record of a sentence; one of the two. `row` and `column` are those of
    a cell."""

    line: str = ""
    sentence: Record | None = None
    row: int = 0
    column: int = 0


@dataclass(slots=True)
class Shown:
    """A block with what is shown of it, in order. `kind` is `None` where sentences run on without layout. An
    item's `depth` is at most one more than that of the item before it."""

    kind: BlockKind | None
    depth: int = 0
    number: int | None = None
    parts: list[Part] = field(default_factory=list)
    block: int | None = None


def layout_record(layout: Layout) -> Record:
    """A layout as JSON values."""
    return {
        "place": _place_record(layout.place),
        "under": [{"text": line.text, "place": _place_record(line.place)} for line in layout.under],
    }


def _place_record(place: Place) -> Record:
    return {
        "block": place.block, "kind": str(place.kind), "depth": place.depth, "number": place.number,
        "row": place.row, "column": place.column,
    }  # fmt: skip


def shown_blocks(sentences: Iterable[Record]) -> list[Shown]:
    """The blocks of an answer, from the records of its sentences.

    >>> place = {"block": 1, "kind": "item", "depth": 1, "number": 2, "row": 0, "column": 0}
    >>> lead = {"text": "Why:", "place": {**place, "block": 0, "kind": "paragraph", "number": None}}
    >>> (first, second) = shown_blocks([{"text": "It rained.", "layout": {"place": place, "under": [lead]}}])
    >>> first.parts[0].line, second.number, second.parts[0].sentence["text"]
    ('Why:', 2, 'It rained.')
    """
    found: list[Shown] = []
    drawn: set[tuple[int, int, int, str]] = set()
    for sentence in sentences:
        layout = sentence.get("layout")
        if layout is None:
            if not found or found[-1].kind is not None:
                found.append(Shown(None))
            found[-1].parts.append(Part(sentence=sentence))
            continue
        for line in layout["under"]:
            place, text = line["place"], line["text"]
            key = (place["block"], place["row"], place["column"], text)
            if key not in drawn:
                drawn.add(key)
                _block(found, place).parts.append(Part(text, None, place["row"], place["column"]))
        place = layout["place"]
        _block(found, place).parts.append(Part("", sentence, place["row"], place["column"]))
    return found


def _block(found: list[Shown], place: Record) -> Shown:
    """The last block where it is the one of the place, or else a new one."""
    kind, number = BlockKind(place["kind"]), place["number"]
    last = found[-1] if found else None
    if last and (last.block, last.kind, last.number) == (place["block"], kind, number):
        return last
    depth = place["depth"]
    if kind is not BlockKind.HEADING:
        depth = min(depth, last.depth + 1 if last and last.kind is not BlockKind.HEADING else 1)
    found.append(Shown(kind, depth, number, [], place["block"]))
    return found[-1]


def table_rows(table: Shown) -> list[list[list[Part]]]:
    """The rows of a table, the header first: for each column of which something is shown, its parts.

    >>> table = Shown(BlockKind.CELL, parts=[Part("Firm"), Part("Staff", column=2), Part("Orlo", row=3)])
    >>> [[[part.line for part in cell] for cell in row] for row in table_rows(table)]
    [[['Firm'], ['Staff']], [['Orlo'], []]]
    """
    columns = sorted({part.column for part in table.parts})
    rows = sorted({0, *(part.row for part in table.parts)})
    cells: dict[tuple[int, int], list[Part]] = {}
    for part in table.parts:
        cells.setdefault((part.row, part.column), []).append(part)
    return [[cells.get((row, column), []) for column in columns] for row in rows]


def is_laid_out(blocks: Sequence[Shown]) -> bool:
    """Whether any sentence has a layout that has to be shown: more than one paragraph."""
    return any(block.kind not in (None, BlockKind.PARAGRAPH) for block in blocks) or len(blocks) > 1
