"""Running heads, page numbers, and what browsers print above and below a page: found, and removed."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence

from ingest.formats.markup import one_line
from ingest.formats.pdf.letters import Sheet, Word
from ingest.formats.pdf.lines import Line, lines_of

__all__ = ["remove_running_heads"]


_EDGE = 4  # lines at the head and at the foot of a page that may be running ones
_NEAR = 6.0  # points by which their place may differ from page to page
_NUMBER = re.compile(
    r"(?:page |seite |p\. ?)?[-–—|]? ?(?:#|[ivxlc]{1,6}) ?[-–—|]?(?: ?(?:/|of|von|de|sur) ?#)?"
)
# What browsers print above and below a page; where there is but one page, nothing repeats that could tell.
_BROWSER_HEAD = re.compile(r"\d{1,4}[./-]\d{1,2}[./-]\d{1,4},? \d{1,2}:\d{2}\b.*")
_BROWSER_FOOT = re.compile(
    r"(?:(?:https?|file)://\S+ )?\d+ ?/ ?\d+|(?:.{0,80}\W)?(?:page|seite|p[áa]gina) \d+ (?:of|von|de|sur|di) "
    r"\d+(?:\W.{0,80})?",
    re.IGNORECASE,
)


def remove_running_heads(sheets: Sequence[Sheet]) -> None:
    """Removes the lines at the edges of pages that stand in the same place on most pages, or on most left or
    right ones, and differ in digits at most."""
    written = [sheet for sheet in sheets if sheet.words]
    edges = {sheet.number: _edges(sheet) for sheet in written}
    places: dict[tuple[str, bool, int], set[int]] = defaultdict(set)
    for number, (head, foot) in edges.items():
        for lines, at_foot in ((head, False), (foot, True)):
            for line in lines:
                places[_running(line.text), at_foot, round(line.base / _NEAR)].add(number)

    def repeats(line: Line, at_foot: bool) -> bool:
        key, slot = _running(line.text), round(line.base / _NEAR)
        on = set().union(*(places.get((key, at_foot, slot + by), set()) for by in (-1, 0, 1)))
        if len(on) < 2:
            return False
        return any(
            len(on & alike) > max(1, len(alike) / 2)
            for alike in (set(edges), {n for n in edges if n % 2}, {n for n in edges if not n % 2})
        ) or (len(edges) == 2 and len(on) == 2)

    gone: set[int] = set()
    for sheet in written:
        for lines, at_foot in zip(edges[sheet.number], (False, True), strict=True):
            for line in lines:  # from the edge inwards, as far as they repeat
                alone = len(written) == 1 and (_BROWSER_FOOT if at_foot else _BROWSER_HEAD).fullmatch(
                    line.text
                )
                if not (alone or repeats(line, at_foot)):
                    break
                gone.update(id(word) for word in line.words)
            gone.update(id(word) for line in lines[:1] for word in _folio(line))
    if all(id(word) in gone for sheet in written for word in sheet.words):
        return  # a form filled in twice, rather than pages with nothing but a head
    for sheet in written:
        sheet.words = [word for word in sheet.words if id(word) not in gone]


def _folio(line: Line) -> list[Word]:
    """The words at an end of a page's first or last line that say which page it is: "THE COURIER … PAGE
    5"."""
    for words in (line.words[:2], line.words[-2:]):
        if len(words) == 2 and re.fullmatch(
            r"(?:page|seite|p[áa]gina) \d+", f"{words[0].text} {words[1].text}".lower()
        ):
            return words
    return []


def _edges(sheet: Sheet) -> tuple[list[Line], list[Line]]:
    lines = lines_of(sheet.words, sheet)
    return lines[:_EDGE], lines[::-1][:_EDGE]


def _running(text: str) -> str:
    """What does not change from page to page.

    >>> _running("The Courier, page 12"), _running("– 7 –"), _running("xiv")
    ('the courier, page #', '#', '#')
    """
    key = re.sub(r"\d+", "#", one_line(text).lower())
    return "#" if _NUMBER.fullmatch(key) else key
