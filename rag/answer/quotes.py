"""The exact words that a language model's reply quotes for its sentences, in the forms that models write:
[2: "the words"], (passage 2: “the words”), ("the words") [2], and a quotation behind its sentence.

A quote is words of a passage or it is nothing: `claim_of` looks it up. What a sentence says in quotation
marks is not its quote, and stays.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from rag.answer.located import place_of
from rag.answer.markers import Marker, numbers_in
from rag.english.lexicon import DETERMINERS, PREPOSITIONS, PRESENTING_VERBS, SPEECH_VERBS, forms
from rag.english.normalise import words
from rag.types import Claim

__all__ = [
    "QUOTATION",
    "Quote",
    "bare_quotation",
    "claim_of",
    "is_long_enough",
    "opens_quote",
    "without_quotes",
]

_FEWEST_WORDS = 3  # fewer say nothing by themselves, and stand in many places
_LONGEST = 1_000  # characters of a quote with its brackets
_OPENED, _CLOSED = '"“„«”', '"”“»'
QUOTATION = rf"[{_OPENED}]([^{_OPENED}{_CLOSED}]{{1,{_LONGEST}}})[{_CLOSED}]"
_NOUN = r"(?i:passages?|sources?|documents?|excerpts?|articles?|quotes?)"
_NUMBERS = r"\d{1,3}(?:\s{0,3}[,;&–-]\s{0,3}\d{1,3}){0,8}"
_LABEL = (
    r"(?:(?i:the\s+)?(?i:exact\s+|supporting\s+)?(?i:quotes?|quotation|words|evidence|excerpt|source|text)"
    r"\s?:\s?)?"
)
# A bracket that a number opens, with a colon or a quotation mark behind it.
_NUMBERED = re.compile(
    rf"\s{{0,3}}([\[【(])\s{{0,3}}(?:{_NOUN}\s{{0,3}})?({_NUMBERS})\s{{0,3}}(?::|[,;–—-]?\s{{0,3}}(?=['‘{_OPENED}]))"
)
# A bracket around a quotation, with a number behind that or without one.
_BRACKETED = re.compile(
    rf"\s{{0,3}}[\[(]\s{{0,3}}{_LABEL}{QUOTATION}[.,;:–—-]?\s{{0,3}}(?:(?:{_NOUN}\s{{0,3}})?({_NUMBERS}))?\s{{0,3}}[\])]"
)
_FOLLOWING = re.compile(rf"\s{{0,3}}[:–—-]?\s{{0,3}}{_LABEL}{QUOTATION}")
_BARE = re.compile(rf"\s*[:–—-]?\s{{0,3}}{_LABEL}{QUOTATION}\s{{0,3}}[.,;]?\s*")
_SINGLE = rf"['‘]([^'‘]{{1,{_LONGEST}}})['’](?=\s*(?:[;,.]|\Z))"
_PART = re.compile(rf"(?:({_NUMBERS})\s{{0,3}}[:,–—-]?\s{{0,3}})?(?:{QUOTATION}|{_SINGLE})")
_PAIRS = {"[": "]", "【": "】", "(": ")"}
_SPEAKING = forms(SPEECH_VERBS)
_LEADING_TO = _SPEAKING | forms(PRESENTING_VERBS) | PREPOSITIONS | DETERMINERS | frozenset({"that", "called"})
_ENDED = re.compile(r"[.!?…][\"”’')\]]*\s*\Z")

_Words = tuple[str, tuple[int, ...]]  # what is quoted, and the passages that are named for it


@dataclass(frozen=True, slots=True)
class Quote:
    """Words that a reply quotes, the passages it names for them, and where they stood in the text without
    quotes: a sentence (start, end] has those with start < at <= end."""

    at: int
    text: str
    numbers: tuple[int, ...] = ()


def without_quotes(
    plain: str,
    markers: Sequence[Marker],
    places: Sequence[int],
    passages: int | None = None,
    *,
    closed: bool = True,
) -> tuple[str, tuple[Marker, ...], list[int], tuple[Quote, ...]]:
    """The text without its quotes, its markers and places as `without_markers` gave them, those of the quotes
    among them, and the quotes. `closed`: nothing follows the text.

    >>> text = 'It fell by 3 %. [2: "fell by three per cent"] He said "we will go".'
    >>> plain, markers, _, quotes = without_quotes(text, (), range(len(text) + 1))
    >>> plain, [(marker.at, marker.numbers) for marker in markers]
    ('It fell by 3 %. He said "we will go".', [(15, (2,))])
    >>> quotes
    (Quote(at=15, text='fell by three per cent', numbers=(2,)),)
    """
    cuts: list[tuple[int, int, list[_Words]]] = []
    at = 0
    while at < len(plain):
        found = _quote_at(plain, at, markers, passages, closed)
        if found:
            cuts.append((at, *found))
            at = found[0]
        else:
            at += 1
    if not cuts:
        return plain, tuple(markers), list(places), ()
    kept: list[str] = []
    where: list[int] = []
    quotes: list[Quote] = []
    added: list[Marker] = []
    last = size = 0
    for start, end, parts in cuts:
        kept.append(plain[last:start])
        where += places[last:start]
        size += start - last
        last = end
        for text, numbers in parts:
            quotes.append(Quote(size, text, numbers))
            if numbers:
                added.append(Marker(size, numbers))
    kept.append(plain[last:])
    where += places[last:]

    def moved(marker: Marker) -> Marker:
        gone = sum(min(marker.at, end) - start for start, end, _ in cuts if start < marker.at)
        return Marker(marker.at - gone, marker.numbers)

    merged = sorted([*map(moved, markers), *added], key=lambda marker: marker.at)
    return "".join(kept), tuple(merged), where, tuple(quotes)


def _quote_at(
    plain: str, at: int, markers: Sequence[Marker], passages: int | None, closed: bool
) -> tuple[int, list[_Words]] | None:
    """Where a quote ends that begins at a place, with its words and numbers; `None` where none begins."""
    if plain[at] not in f" \t\n:–—-[【({_OPENED}" or (at and plain[at - 1].isspace()):
        return None
    if match := _NUMBERED.match(plain, at):
        numbers = tuple(numbers_in(match[2]))
        end = _closing(plain, match.end(), match[1])
        if end is not None and (match[1] != "(" or _are_passages(numbers, passages)):
            return end + 1, list(_parts(plain[match.end() : end], numbers))
        return None
    if match := _BRACKETED.match(plain, at):
        numbers = tuple(numbers_in(match[2])) if match[2] else ()
        behind = _has_ended(plain, at) or any(at <= m.at <= match.end() for m in markers)
        if numbers or (behind and is_long_enough(match[1])):
            return match.end(), [(match[1], numbers)]
        return None
    match = _FOLLOWING.match(plain, at)
    if match is None or not is_long_enough(match[1]) or not plain[:at].strip():
        return None
    if bare_quotation(plain[:at].rpartition("\n")[2]):  # a list of quotations is the answer itself
        return None
    marked = any(marker.at == at for marker in markers)
    if not _stands_alone(plain, match.end(), match[1], markers, closed=closed, marked=marked):
        return None
    if _has_ended(plain, at):
        end = match.end() + (plain[match.end() : match.end() + 1] == ".")
        return end, [(match[1], ())]
    # "fell by 3 % [2] "the words"." has a quote before its full stop, "he said [2] "we go"." has none.
    before = words(plain[max(0, at - 60) : at])[-1:]
    if marked and plain[at - 1] not in ",:;" and not set(before) & _LEADING_TO:
        return match.end(), [(match[1], ())]
    return None


def _has_ended(plain: str, at: int) -> bool:
    return bool(_ENDED.search(plain[max(0, at - 10) : at]))


def _stands_alone(
    plain: str, end: int, said: str, markers: Sequence[Marker], *, closed: bool, marked: bool
) -> bool:
    """Whether no sentence goes on behind a quotation that ends there. `marked`: a marker stands before it."""
    rest = plain[end:]
    if not rest.strip(" ."):
        return closed or "\n" in rest
    if rest.lstrip(" .").startswith("\n") or any(marker.at == end for marker in markers):
        return True
    ended = marked or rest.startswith(".") or said.rstrip().endswith((".", "!", "?"))
    following = rest.lstrip(" .")
    return ended and not following[:1].islower() and not set(words(following[:60])[:4]) & _SPEAKING


def _closing(plain: str, start: int, opened: str) -> int | None:
    """Where a bracket is closed, other brackets of its kind in it passed over."""
    depth = 1
    for at in range(start, min(len(plain), start + _LONGEST)):
        depth += (plain[at] == opened) - (plain[at] == _PAIRS[opened])
        if not depth:
            return at
    return None


def _parts(inside: str, numbers: tuple[int, ...]) -> Iterator[_Words]:
    """The quotes of a bracket: those in quotation marks, each with the number before it, or all that it
    says."""
    found = False
    bare = inside.strip(" .")
    if bare[:1] in _OPENED and bare[-1:] in _CLOSED and not re.search(rf"[{_CLOSED}]\s?[,;]", bare):
        yield bare[1:-1], numbers  # which may have others in it
        return
    for match in _PART.finditer(inside):
        found = True
        numbers = tuple(numbers_in(match[1])) if match[1] else numbers
        yield match[2] or match[3], numbers
    if not found:
        yield inside.strip(), numbers


def _are_passages(numbers: Iterable[int], passages: int | None) -> bool:
    return all(1 <= number <= (passages or 20) for number in numbers)


def bare_quotation(text: str) -> str | None:
    """What a text quotes that is a quotation and nothing else, perhaps with a label before it.

    >>> bare_quotation("Quote: “We will not go.”"), bare_quotation("“We go”, he said.")
    ('We will not go.', None)
    """
    match = _BARE.fullmatch(text)
    return match[1] if match else None


def is_long_enough(quote: str) -> bool:
    """Whether a quote has the three words without which it says nothing."""
    return len(words(quote)) >= _FEWEST_WORDS


def opens_quote(text: str) -> bool:
    """Whether a text that is not finished may become a quote of the sentence before it.

    >>> [opens_quote(text) for text in ('"fell by', "[2: fell", "Quote: ", "Then it rose in Ma")]
    [True, True, True, False]
    """
    bare = text.lstrip()
    return bare.startswith(tuple(f"[【(:–—->{_OPENED}")) or bool(_LABELLED.match(bare))


_LABELLED = re.compile(
    r"(?:the\s+)?(?:exact|supporting|quot|words|evidence|excerpt|source|text)", re.IGNORECASE
)


def claim_of(quote: str, numbers: Iterable[int], texts: Sequence[str]) -> Claim | None:
    """The claim that a quote makes: the passage that has its words, one of those named rather than another,
    and the words as they stand there. `None` for one that no passage has, and for fewer than three words.

    >>> claim_of("fell by three per cent", [1], ["It rained.", "Profit “fell” by three per cent."])
    Claim(number=2, quote='fell” by three per cent')
    """
    if not is_long_enough(quote):
        return None
    for number in dict.fromkeys([*numbers, *range(1, len(texts) + 1)]):
        if 1 <= number <= len(texts) and (span := place_of(quote, texts[number - 1])):
            return Claim(number, texts[number - 1][span[0] : span[1]])
    return None
