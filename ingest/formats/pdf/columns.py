"""Words to columns and tables, in the order in which they are read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from ingest.formats.markup import one_line
from ingest.formats.pdf.letters import Sheet, Word
from ingest.formats.pdf.lines import Line, body_size, lines_of, spelled

__all__ = ["Region", "regions_of"]


_GUTTER = 0.8  # em: the least distance of columns; a space is 0.25
_MARK = re.compile(r"[•–—*-]|\(?(?:\d{1,3}|[A-Za-z])[.)]")
_DEEPEST = 12


@dataclass(slots=True)
class Region:
    """A part of a page that is read line by line: a column of text, or a table with the lines of each row."""

    lines: list[Line]
    is_table: bool = False


def regions_of(words: Sequence[Word], sheet: Sheet, body: float, depth: int = 0) -> Iterator[Region]:
    """The parts of a page in the order they are read in: what is above columns, each column, and what is
    below.
    """
    rows = _rows(words)
    strip = _gutter(rows, body) if depth < _DEEPEST else None
    if strip is None:
        if words:
            yield Region(lines_of(words, sheet))
        return
    first, last, middle = strip
    columns = _table(rows[first : last + 1], body)
    if columns:  # a heading or a note beside nothing is no row of the table
        while first < last and _one_sided(rows[first], middle):
            first += 1
        while first < last and _one_sided(rows[last], middle):
            last -= 1
    above, within, below = rows[:first], rows[first : last + 1], rows[last + 1 :]
    yield from regions_of(_all(above), sheet, body, depth + 1)
    if columns:
        yield Region([_row_line(line, columns) for line in lines_of(_all(within), sheet)], is_table=True)
    else:
        yield from regions_of([word for word in _all(within) if word.x0 < middle], sheet, body, depth + 1)
        yield from regions_of([word for word in _all(within) if word.x0 >= middle], sheet, body, depth + 1)
    yield from regions_of(_all(below), sheet, body, depth + 1)


def _all(rows: Iterable[Sequence[Word]]) -> list[Word]:
    return [word for row in rows for word in row]


def _rows(words: Sequence[Word]) -> list[list[Word]]:
    """The words in groups that a horizontal line can be drawn between. Columns whose lines are not level are
    one group.
    """
    rows: list[list[Word]] = []
    foot = 0.0
    for word in sorted(words, key=lambda word: (-word.base - 0.45 * word.size, word.x0)):
        if rows and word.base + 0.45 * word.size > foot + 0.05 * word.size:
            rows[-1].append(word)
            foot = min(foot, word.base)
        else:
            rows.append([word])
            foot = word.base
    return rows


_Span = tuple[float, float]


def _gaps(row: Sequence[Word], least: float) -> list[_Span]:
    """Where a row has nothing printed: left and right of it, and between words at least that far apart."""
    ordered = sorted(row, key=lambda word: word.x0)
    spans: list[_Span] = [(float("-inf"), ordered[0].x0)]
    reached = ordered[0].x1
    for word in ordered[1:]:
        if word.x0 - reached > least:
            spans.append((reached, word.x0))
        reached = max(reached, word.x1)
    return [*spans, (reached, float("inf"))]


def _outstanding(row: Sequence[Word], gaps: Sequence[_Span], body: float) -> Iterator[_Span]:
    """The gaps that may part columns: in a justified line all are wide, and all alike."""
    spaces = [high - low for low, high in _gaps(row, 0.05 * body)[1:-1]]
    for low, high in gaps[1:-1]:
        if high - low >= min(2.0 * body, 2.0 * min(spaces)) or len(spaces) == 1:
            yield low, high


def _staggered(pair: Sequence[Sequence[Word]], least: float, body: float) -> Iterator[_Span]:
    """The strip between two rows that are nearer than the lines of a paragraph, but not above each other."""
    if len(pair) < 2 or min(word.base for word in pair[0]) - max(word.base for word in pair[1]) > 0.9 * body:
        return
    ends = [(min(word.x0 for word in row), max(word.x1 for word in row)) for row in pair]
    low, high = min(end[1] for end in ends), max(end[0] for end in ends)
    if high - low >= least:
        yield low, high


def _overlap(span: _Span, spans: Iterable[_Span], least: float) -> _Span | None:
    both = [(max(span[0], low), min(span[1], high)) for low, high in spans]
    return max(
        (one for one in both if one[1] - one[0] >= least), key=lambda one: one[1] - one[0], default=None
    )


def _one_sided(row: Sequence[Word], middle: float) -> bool:
    return len({word.x0 < middle for word in row}) == 1


def _gutter(rows: Sequence[Sequence[Word]], body: float) -> tuple[int, int, float] | None:
    """The longest empty strip with text on both sides: its first and last row, and a place in it."""
    least = _GUTTER * body
    free = [_gaps(row, least) for row in rows]
    best: tuple[tuple[int, float], int, int, float] | None = None
    tried: set[tuple[int, int]] = set()
    for at, spans in enumerate(free):
        for span in [*_outstanding(rows[at], spans, body), *_staggered(rows[at : at + 2], least, body)]:
            strip, first, last = span, at, at
            while first > 0 and (narrower := _overlap(strip, free[first - 1], least)):
                strip, first = narrower, first - 1
            while last + 1 < len(rows) and (narrower := _overlap(strip, free[last + 1], least)):
                strip, last = narrower, last + 1
            middle = (strip[0] + strip[1]) / 2
            if (key := (first, round(middle))) in tried:
                continue
            tried.add(key)
            first, last = _trimmed(rows, first, last, middle)
            lines = _divided(rows, first, last, middle, strip[1] - strip[0], body)
            if lines and (best is None or (lines, strip[1] - strip[0]) > best[0]):
                best = (lines, strip[1] - strip[0]), first, last, middle
    return best[1:] if best else None


def _trimmed(rows: Sequence[Sequence[Word]], first: int, last: int, middle: float) -> tuple[int, int]:
    """Without the lines above and below that are beside nothing, unless they go on with the column that they
    stand in.
    """
    if first and _one_sided(rows[first], middle) and _follows(rows[first - 1], rows[first]):
        while first < last and _one_sided(rows[first], middle) and rows[first][0].x0 < middle:
            first += 1
    two_sided = [at for at in range(first, last + 1) if not _one_sided(rows[at], middle)]
    end = two_sided[-1] if two_sided else last
    while end < last and _follows(rows[end], rows[end + 1]):
        end += 1
    return first, end


def _follows(upper: Sequence[Word], lower: Sequence[Word]) -> bool:
    """Whether two rows are as near as the lines of a paragraph, and in type of one size."""
    sizes = body_size(upper), body_size(lower)
    between = min(word.base for word in upper) - max(word.base for word in lower)
    return abs(sizes[0] - sizes[1]) < 0.08 * sizes[0] and between < 1.6 * max(sizes)


def _is_flush(within: Sequence[Sequence[Word]], rows: Sequence[Sequence[Word]]) -> bool:
    """Whether rows reach from margin to margin, as justified lines do; the last one of a paragraph ends where
    it ends.
    """
    left, right = min(word.x0 for word in _all(rows)), max(word.x1 for word in _all(rows))
    return all(min(w.x0 for w in row) < left + 1 and max(w.x1 for w in row) > right - 1 for row in within[:2])


_RIVER = 6  # lines: as many do not part at the same place by chance


def _divided(
    rows: Sequence[Sequence[Word]], first: int, last: int, middle: float, width: float, body: float
) -> int:
    """How many lines stand beside each other; 0 if they are too few to tell columns, the left ones are but
    list marks, or they are lines of a justified paragraph whose spaces happen to stand one above the
    other."""
    within = rows[first : last + 1]
    left, right = (
        [word for word in _all(within) if word.x0 < middle],
        [word for word in _all(within) if word.x0 >= middle],
    )
    lines = min(len({round(word.base / (0.4 * body)) for word in side}) for side in (left, right))
    beside = sum(not _one_sided(row, middle) for row in within)
    staggered = sum(any(_staggered(within[at : at + 2], width, body)) for at in range(len(within)))
    beside += staggered
    if lines < 2 or all(_MARK.fullmatch(word.text) for word in left):
        return 0
    if abs(body_size(left) - body_size(right)) > 0.12 * body:  # a caption beside text
        return lines
    in_paragraph = (first > 0 and _follows(rows[first - 1], rows[first])) or (
        last + 1 < len(rows) and _follows(rows[last], rows[last + 1])
    )
    level = all(_level(row, 0.1 * body) for row in within if not _one_sided(row, middle)) and not staggered
    if (
        level
        and lines < _RIVER
        and (in_paragraph or (beside < 4 and width < 2.5 * body and _is_flush(within, rows)))
    ):
        return 0
    return (
        lines if beside >= 3 or (beside == 2 and width >= 1.2 * body) or (beside == 1 and lines >= 3) else 0
    )


def _table(rows: Sequence[Sequence[Word]], body: float) -> list[float]:
    """Where the columns of a table end; nothing if the rows are lines of columns of text.

    The cells of a row are level, and those of some column are short or of very different lengths. Columns of
    text may be level too, but their lines are full.
    """
    shared = _gaps(rows[0], _GUTTER * body)
    for row in rows[1:]:
        both = (_overlap(span, _gaps(row, _GUTTER * body), _GUTTER * body) for span in shared)
        shared = [span for span in both if span]
    left, right = min(word.x0 for word in _all(rows)), max(word.x1 for word in _all(rows))
    ends = [(low + high) / 2 for low, high in shared if left < (low + high) / 2 < right]
    cells = [_cells(row, ends) for row in rows]
    several = [row for row in cells if sum(bool(cell) for cell in row) > 1]
    level = sum(_level(_all(row), 0.3 * body) for row in several)
    if not several or level < 0.8 * len(several):
        return []
    for number in range(len(ends) + 1):
        column = [row[number] for row in several if row[number]]
        if not column:
            continue
        words = sum(len(cell) for cell in column) / len(column)
        widths = [cell[-1].x1 - cell[0].x0 for cell in column]
        full = median(widths) > 0.85 * max(widths)
        if words <= 1.5 or (words <= 3 and not full) or (words <= 4.5 and median(widths) < 0.7 * max(widths)):
            return ends
    return []


def _level(words: Sequence[Word], within: float) -> bool:
    """Whether words stand on one line; raised and lowered figures do not count."""
    size = 0.85 * body_size(words)
    bases = [word.base for word in words if word.size > size]
    return max(bases) - min(bases) < within


def _cells(row: Sequence[Word], ends: Sequence[float]) -> list[list[Word]]:
    cells: list[list[Word]] = [[] for _ in range(len(ends) + 1)]
    for word in sorted(row, key=lambda word: word.x0):
        cells[sum(word.x0 > end for end in ends)].append(word)
    return cells


def _row_line(line: Line, ends: Sequence[float]) -> Line:
    line.text = one_line(" | ".join("".join(spelled(cell, line.spaces)) for cell in _cells(line.words, ends)))
    line.fresh = True
    return line
