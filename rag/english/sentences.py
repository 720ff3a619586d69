"""Where sentences and quotations begin and end. Offsets count code points of the text that was handed in."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

__all__ = ["Span", "in_quotation", "quoted", "sentences"]

Span = tuple[int, int]

_TERMINAL = re.compile(r"[.!?…。！？:;][\"'”’)\]]*\s*\Z")
# The splitter is quadratic in unclosed quotation marks; no real line of prose is longer than this.
_LONGEST_LINE = 8_000
# Passages are asked for their sentences by whoever reads them; whole books, once, when they are split.
_LONGEST_KNOWN = 8_000


def sentences(text: str) -> tuple[Span, ...]:
    """The sentences of a text as [start, end), without surrounding white space.

    A line break ends a sentence, as headings and bylines need, except in text wrapped at a fixed
    width. Abbreviations, initials and quotations are left to sentencex, Wikimedia's splitter.

    >>> [("Gen. Milley left. He was late."[a:b]) for a, b in sentences("Gen. Milley left. He was late.")]
    ['Gen. Milley left.', 'He was late.']
    """
    return _known(text) if len(text) <= _LONGEST_KNOWN else _found(text)


@lru_cache(maxsize=512)
def _known(text: str) -> tuple[Span, ...]:
    return _found(text)


def _found(text: str) -> tuple[Span, ...]:
    found: list[Span] = []
    for start, end in _blocks(text):
        for piece_start, piece_end in _pieces(text, start, end):
            found.extend(_split(text, piece_start, piece_end))
    return tuple(found)


def _blocks(text: str) -> Iterator[Span]:
    """Stretches between line breaks that end a sentence."""
    breaks = [m.span() for m in re.finditer(r"\r\n|[\n\r\u2028\u2029\x0b\x0c\x85]", text)]
    wrapped = _is_wrapped(text, breaks)
    start = 0
    line_ends = [here for here, _ in breaks[1:]] + [len(text)]
    for (here, after), line_end in zip(
        breaks, line_ends, strict=False
    ):  # without breaks there is one end too many
        if not wrapped or not text[after:line_end].strip():  # a blank line follows
            yield start, here
            start = after
    yield start, len(text)


def _is_wrapped(text: str, breaks: Sequence[Span]) -> bool:
    """Whether lines were broken at a fixed width: many lines, all short, most ending inside a sentence."""
    if len(breaks) < 2:
        return False
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) < 3 or max(map(len, lines)) > 100:
        return False
    inner = [line for line in lines[:-1] if not _TERMINAL.search(line)]
    typical = sorted(map(len, lines))[len(lines) // 2]
    return typical >= 40 and len(inner) * 2 > len(lines)


def _pieces(text: str, start: int, end: int) -> Iterator[Span]:
    while end - start > _LONGEST_LINE:
        cut = max(text.rfind(" ", start + 1, start + _LONGEST_LINE), start)
        cut = cut if cut > start else start + _LONGEST_LINE
        yield start, cut
        start = cut
    yield start, end


def _split(text: str, start: int, end: int) -> Iterator[Span]:
    block = text[start:end].replace("\n", " ").replace("\r", " ")
    if not block.strip():
        return
    from sentencex import get_sentence_boundaries

    for found in get_sentence_boundaries("en", block):
        first, last = start + found["start_index"], start + found["end_index"]
        while first < last and text[first].isspace():
            first += 1
        while last > first and text[last - 1].isspace():
            last -= 1
        if first < last:
            yield first, last


_MARK = re.compile('["“”„«»\n]')


def in_quotation(text: str) -> list[bool]:
    """For each character, whether it stands inside double quotation marks, or is one.

    A quotation is over at the end of its paragraph at the latest: a missing mark must not turn the rest of
    the article round, and a quotation of several paragraphs opens each of them anew.

    >>> in_quotation('a "b" c')
    [False, False, True, True, True, False, False]
    """
    found: list[bool] = []
    within = False
    for match in _MARK.finditer(text):
        found += [within] * (match.start() - len(found))
        mark = match.group()
        if mark == "\n":
            within = False
        opens = mark in "“„«" or (mark == '"' and not within)
        closes = mark in "”»" or (mark == '"' and within)
        found.append(within or opens)
        within = (within or opens) and not closes
    return found + [within] * (len(text) - len(found))


def quoted(text: str) -> tuple[Span, ...]:
    """What stands inside double quotation marks, without them, as [start, end); empty quotations are left
    out.

    >>> text = 'He said: “We go.” Then, "No'
    >>> [text[a:b] for a, b in quoted(text)]
    ['We go.', 'No']
    """
    found: list[Span] = []
    start: int | None = None
    for at, inside in enumerate([*in_quotation(text), False]):
        character = text[at : at + 1]
        if start is not None and (not inside or character in "”»" or character == '"'):
            if text[start:at].strip():
                found.append((start, at))
            start = None
        elif start is None and inside and character in '“„«"':
            start = at + 1
    return tuple(found)
