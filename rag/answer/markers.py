"""The passages that a language model's reply names, in every form that models write: [1], [1, 2], 【1】, ¹,
[^1], (1), [passage 1], (Source: passage 2), "according to passage 1", "Passage 1 says that".

Regular expressions without nested repeats; white space is matched only from where it begins. Either cost a
minute of CPU on a hostile reply.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rag.english.lexicon import SPEECH_VERBS, alternation, forms
from rag.english.sentences import Span

__all__ = ["Marker", "is_opening", "numbers_in", "without_markers"]

_WIDEST_RANGE = 20
_GAP = r"\s{0,3}"  # bounded, as two gaps may stand side by side
_NUMBERS = r"\^?\d{1,3}(?:\s{0,3}[,;–&-]\s{0,3}\^?\d{1,3}){0,8}"
_NOUN = r"(?i:passages?|sources?|documents?|docs?|excerpts?)"
_LEAD = r"(?:(?i:see|sources?|from|per|cf\.?)\s{0,3}:?\s{0,3})?"
_ANNOUNCED = rf"(?:{_LEAD}(?:{_NOUN}|(?i:articles?)){_GAP}[:#]?{_GAP})"
_SAYING = alternation(forms(SPEECH_VERBS))
_STATED = rf"(?:as\s+(?:{_SAYING}|shown|seen)\s+(?:in|by)|according\s+to|based\s+on|per)"
_GIVEN = (
    r"(?:the\s+)?(?:(?:provided|given|supplied|above)\s+(?:passages?|articles?|documents?|sources?|texts?|context|"
    r"information|evidence)|(?:passages?|articles?|documents?|sources?|texts?|context|information|evidence)\s+"
    r"(?:provided|given|supplied|above)|passages|articles)"
)
_START = r"(?:\A|(?<=\n)|(?<=[.!?]\s))"
_SAYS = rf"(?:{_SAYING})"
_MARKER = re.compile(
    "|".join(
        [
            rf"(?<!\s)\s*[\[【]{_GAP}(?:{_ANNOUNCED})?({_NUMBERS}){_GAP}[\]】]",
            rf"(?<!\s)\s*\({_GAP}{_ANNOUNCED}({_NUMBERS}){_GAP}\)",
            # "(1)" elsewhere counts points: "It fell (1) in May".
            r"(?<!\s)\s*\(\s{0,3}(\d{1,2}(?:\s{0,3}[,;]\s{0,3}\d{1,2}){0,8})\s{0,3}\)(?=\s*(?:[.!?](?:\s|\Z)|\Z|\n))",
            r"(?<=[.!?])\s*\(\s{0,3}(\d{1,2}(?:\s{0,3}[,;]\s{0,3}\d{1,2}){0,8})\s{0,3}\)",
            # "km²" is a unit and "10²" a power.
            r"(?:(?<=[^\W\d_]{3})|(?<=[.,;!?”\"’)]))([⁰¹²³⁴-⁹]{1,3})(?!\w)",
            rf"(?<!\s)\s*\b(?:Sources?|Citations?|References?){_GAP}:{_GAP}(?:{_NOUN}{_GAP})?[\[(]?({_NUMBERS})"
            r"(?=[\])]?\.?\s*(?:\Z|\n|[A-Z]))[\])]?\.?",
            rf"{_START}(?P<opener>(?i:{_STATED}|in|from)\s+(?i:the\s+)?(?i:{_NOUN})\s+(?P<in>{_NUMBERS})\s*,?\s*)",
            rf"(?<![\s.!?])(?:,\s*|\s+)(?i:{_STATED})\s+(?i:{_NOUN})\s+({_NUMBERS})\b,?",
            rf"{_START}(?P<says>(?i:{_NOUN})\s+(?P<by>{_NUMBERS})\s+(?:also\s+)?{_SAYS}\s+that\s+)",
            rf"{_START}(?P<given>(?i:according\s+to|based\s+on|per|from)\s+(?i:{_GIVEN})\s*,\s*)",
            rf"{_START}(?P<given_says>(?i:{_GIVEN})\s+(?:also\s+)?{_SAYS}\s+that\s+)",
        ]
    ),
)
_OPENERS = ("opener", "says", "given", "given_says")
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")
_LONGEST_OPENING = 80
# A piece of text that may become a marker of what stands before it.
_OPENING = re.compile(r"\s*(?:[\[【(][^\]】)]*\Z|(?i:sources?|citations?|references?)\b)")


@dataclass(frozen=True, slots=True)
class Marker:
    """The numbers of a marker, and where it stood in the text without markers: a sentence (start, end] has
    those with start < at <= end."""

    at: int
    numbers: tuple[int, ...]


def without_markers(
    text: str, code: Sequence[Span] = (), passages: int | None = None
) -> tuple[str, tuple[Marker, ...], list[int]]:
    """The text without its markers, the markers, and for each place of what remains, and for its end, where
    it stood in the text.

    `code` are stretches in which a bracket is an index. `passages`: how many there are, by which a number in
    round brackets is told from an age; 20 at most otherwise.

    >>> plain, markers, _ = without_markers("Iran struck [1]. According to passage 2, it fell (3).")
    >>> plain, [(marker.at, marker.numbers) for marker in markers]
    ('Iran struck. It fell.', [(11, (1,)), (14, (2,)), (20, (3,))])
    """
    most = _WIDEST_RANGE if passages is None else passages
    plain: list[str] = []
    places: list[int] = []
    markers: list[Marker] = []
    last = at = 0
    behind = 0
    raised = False  # the word behind an opening that has gone opens the sentence now

    def keep(start: int, end: int) -> None:
        nonlocal at, raised
        kept = text[start:end]
        if raised and kept:
            kept, raised = kept[0].upper() + kept[1:], False
        kept = kept if len(kept) == end - start else text[start:end]  # "ß" in capitals is two letters
        plain.append(kept)
        places.extend(range(start, end))
        at += end - start

    for match in _MARKER.finditer(text):
        while behind < len(code) and code[behind][1] <= match.start():
            behind += 1
        if behind < len(code) and code[behind][0] < match.end():
            continue
        opener = next((name for name in _OPENERS if match[name]), None)
        inside = next((group for name, group in _numbered(match) if group), "")
        numbers = numbers_in(inside.translate(_SUPERSCRIPTS))
        if match.lastindex in _IN_ROUND and not all(1 <= n <= most for n in numbers):
            continue
        keep(last, match.start())
        raised = raised or bool(opener)
        if numbers:
            markers.append(Marker(at + bool(opener), tuple(numbers)))
        last = match.end()
    keep(last, len(text))
    return "".join(plain), tuple(markers), [*places, len(text)]


_NAMED = {"opener", "says", "given", "given_says"}
_NUMBER_GROUPS = [
    n for n in range(1, _MARKER.groups + 1) if n not in {_MARKER.groupindex[name] for name in _NAMED}
]
_IN_ROUND = {3, 4}


def _numbered(match: re.Match[str]) -> list[tuple[int, str | None]]:
    return [(n, match[n]) for n in _NUMBER_GROUPS]


def is_opening(text: str) -> bool:
    """Whether a text that is not finished may become a marker of the sentence before it.

    >>> [is_opening(text) for text in ("[1, ", "(Source: pas", "Source: passage", "It ended in May")]
    [True, True, True, False]
    """
    return len(text) < _LONGEST_OPENING and _OPENING.match(text) is not None


def numbers_in(inside: str) -> list[int]:
    """The numbers of a marker, a range spelled out.

    >>> numbers_in("1, 3-5")
    [1, 3, 4, 5]
    """
    found: list[int] = []
    for part in re.split(r"[,;&]", inside):
        ends = [int(n) for n in re.findall(r"\d+", part)]
        if len(ends) == 2 and 0 <= ends[1] - ends[0] <= _WIDEST_RANGE:
            found.extend(range(ends[0], ends[1] + 1))
        else:
            found.extend(ends)
    return found
