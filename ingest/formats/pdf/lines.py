"""Words to lines."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ingest.formats.markup import has_words, one_line
from ingest.formats.pdf.letters import Sheet, Word

__all__ = ["Line", "body_size", "lift_dropped_capitals", "lines_of", "spelled"]


@dataclass(slots=True)
class Line:
    words: list[Word]
    page: int
    spaces: bool  # of the page: they are printed
    base: float
    size: float
    x0: float = 0.0
    x1: float = 0.0
    bold: bool = False
    text: str = ""
    fresh: bool = False  # within its paragraph it begins a line of its own, as in an address


def body_size(words: Iterable[Word]) -> float:
    """The size that most letters are set in."""
    sizes: Counter[float] = Counter()
    for word in words:
        sizes[round(word.size, 1)] += len(word.text)
    return max(sizes, key=lambda size: (sizes[size], size), default=10.0)


def lines_of(words: Sequence[Word], sheet: Sheet) -> list[Line]:
    """The words as lines from top to bottom; raised and lowered figures belong to the line that they stand
    at.
    """
    bases: list[float] = []
    lines: dict[float, Line] = {}
    reach = 0.6 * max((word.size for word in words), default=0.0)
    for word in sorted(words, key=lambda word: (-round(word.size, 1), -word.base, word.x0)):
        home = None
        for base in bases[bisect_left(bases, word.base - reach) : bisect_left(bases, word.base + reach)]:
            size = lines[base].size
            low, high = (-0.35 * size, 0.55 * size) if word.size < 0.85 * size else (-0.2 * size, 0.2 * size)
            if low < word.base - base < high and (
                home is None or abs(word.base - base) < abs(word.base - home)
            ):
                home = base
        if home is None:
            home = word.base
            insort(bases, home)
            lines[home] = Line([], sheet.number, sheet.spaces, home, word.size)
        lines[home].words.append(word)
    return [_measured(lines[base]) for base in reversed(bases)]


def _measured(line: Line) -> Line:
    line.words.sort(key=lambda word: (word.x0, word.x1))
    line.size = body_size(line.words)
    # Beside a dropped letter the lines are shorter, but it is not they that are indented.
    line.x0 = line.words[min(line.words[0].dropped, len(line.words) - 1)].x0
    line.x1 = max(word.x1 for word in line.words)
    line.text = one_line("".join(spelled(line.words, line.spaces)))
    line.bold = has_words(line.text) and all(word.bold for word in line.words if has_words(word.text))
    return line


def spelled(words: Sequence[Word], spaces: bool) -> Iterator[str]:
    before: Word | None = None
    for word in words:
        if before is not None and _apart(before, word, spaces):
            yield " "
        yield word.text
        before = word


def _apart(before: Word, word: Word, spaces: bool) -> bool:
    if word.spaced:
        return True
    if before.dropped:
        return not spaces and before.text in ("A", "I")
    return word.x0 - before.x1 > (0.3 if spaces else 0.12) * min(word.size, before.size)


def lift_dropped_capitals(words: Sequence[Word]) -> None:
    """A letter several lines high is put where it is read: before the first of these lines."""
    body = body_size(words)
    for word in words:
        if len(word.text) != 1 or not word.text.isalpha() or word.size < 1.8 * body:
            continue
        first_base = word.base + 0.7 * (
            word.size - body
        )  # capitals are 0.7 em high, and their tops are level
        beside = [
            other
            for other in words
            if other.size < 1.3 * body
            and -0.5 * body < other.x0 - word.x1 < 2 * body
            and abs(other.base - first_base) < 0.6 * body
        ]
        if beside:
            first = min(beside, key=lambda other: other.x0)
            word.base, word.size, word.dropped = first.base, first.size, True
