"""Where in the evidence a sentence in other words may stand: the stretches that hold most of its words, and
the texts a judge is to read.

A sentence may rest on several stretches, of one passage or of several. Each that is cited adds words, numbers
or names to what the others hold.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date

from rag.answer.paraphrase import named_stems, statement_stems
from rag.english.normalise import fold, is_whole
from rag.english.sentences import Span, sentences
from rag.types import Evidence, RetrievedPassage

__all__ = ["Located", "Stretch", "around", "located", "place_of", "together"]

_WINDOW = 165  # words: about what the judge reads beside a sentence
_WINDOWS = 2  # passages a sentence is laid beside, and one text of the stretches taken together
_MOST = 3  # stretches cited
_LEAST = 0.2  # share of a sentence's words, weighed by rarity, that a passage has at least
_GAIN = 0.15  # share of a sentence's words, weighed by rarity, that a further stretch has to add
_NAMED = 0.1  # what a passage is worth more for being named by the sentence
_LONGEST_CUT = 600  # characters from the first words of a quote to its last, where it leaves some out
_CUT = re.compile(r"\s*[\[(]?(?:\.\s?\.\s?\.|…)[\])]?\s*")
# What is compared of a quote: words and numbers, and the marks between them but for those of quotation.
_TOKEN = re.compile(r"\d+(?:[.,]\d+)*|\w+(?:'\w+)*|[^\w\s\"']")
_ENDING = " .,;:!?"
_NAMES = 2.0  # how much more a name or a number counts: the stretches that are cited should have each of them


@dataclass(frozen=True, slots=True)
class Stretch:
    """A sentence of a passage, at [start, end) of the passage's text, and what it has of the words sought."""

    source: RetrievedPassage
    start: int
    end: int
    held: frozenset[str]

    @property
    def text(self) -> str:
        return self.source.passage.text[self.start : self.end]


@dataclass(frozen=True, slots=True)
class Located:
    """A text to lay beside a sentence, and the stretches of it that the sentence would rest on, the best
    first."""

    text: str
    stretches: tuple[Stretch, ...]

    @property
    def published(self) -> date | None:
        """The day of the article of the best stretch."""
        return self.stretches[0].source.article.published


def located(
    text: str, evidence: Evidence, named: Iterable[int] = (), common: Set[str] = frozenset()
) -> list[Located]:
    """Texts of the evidence that may support the sentence: from the passages with most of its words, those
    `named` by rank rather than others, and one of the stretches that have most together. `common`: stems of
    words that are no names though they open a sentence.

    Empty where no passage has much of it.
    """
    sought = frozenset(statement_stems(text))
    if not sought:
        return []
    stretches = [
        Stretch(source, start, end, sought & frozenset(statement_stems(source.passage.text[start:end])))
        for source in evidence
        for start, end in sentences(source.passage.text)
    ]
    counts = Counter(stem for stretch in stretches for stem in stretch.held)
    rare = {stem: 1 + math.log((len(stretches) + 1) / (counts[stem] + 1)) for stem in sought}
    for stem in sought & named_stems(text, common):
        rare[stem] *= _NAMES
    whole = _weight(sought, rare)

    def worth(stems: Iterable[str]) -> float:
        return _weight(stems, rare) / whole

    named = frozenset(named)
    ranked = []
    for source in evidence:
        own = [stretch for stretch in stretches if stretch.source is source]
        most = worth(frozenset[str]().union(*(stretch.held for stretch in own)))
        if most >= _LEAST:
            ranked.append((most + _NAMED * (source.rank in named), source, own))
    if not ranked:
        return []
    ranked.sort(key=lambda found: (-found[0], found[1].rank))
    texts = []
    for _, source, own in ranked[:_WINDOWS]:
        chosen = _covering(own, worth)
        start, end = _window(source.passage.text, chosen[0])
        inside = tuple(stretch for stretch in chosen if start <= stretch.start and stretch.end <= end)
        texts.append(Located(source.passage.text[start:end], inside))
    covering = _covering([stretch for stretch in stretches if stretch.held], worth)
    if len({stretch.source.rank for stretch in covering}) > 1:
        texts.append(together(covering))
    return texts


def _weight(stems: Iterable[str], rare: Mapping[str, float]) -> float:
    """What some stems weigh together, whatever their order: a set has another in each process, and a plain
    sum would then differ in its last digit, which decides between equal stretches.

    >>> weights = {"a": 0.1, "b": 0.2, "c": 0.3}
    >>> _weight("abc", weights) == _weight("cba", weights)
    True
    """
    return math.fsum(rare[stem] for stem in stems)


def together(stretches: Sequence[Stretch]) -> Located:
    """Several stretches as one text."""
    return Located(" ".join(stretch.text for stretch in _in_order(stretches)), tuple(stretches))


def around(source: RetrievedPassage, start: int, end: int, *, words: int = _WINDOW) -> Located:
    """A stretch of a passage that is known, with the sentences around it, up to so many words."""
    stretch = Stretch(source, start, end, frozenset())
    first, last = _window(source.passage.text, stretch, words)
    return Located(source.passage.text[first:last], (stretch,))


def place_of(quote: str, text: str) -> Span | None:
    """Where a text has the words of a quote, all of them and in their order; the first place.

    Capitals, accents, spaces, quotation marks, the kinds of dashes and what the quote ends with may differ.
    Where an ellipsis leaves words out, the place is from the first words to the last. No word and no number
    may differ.

    >>> text = 'Profit “fell by 3 %” — the most since May — and costs rose.'
    >>> [place_of(quote, text) for quote in ("Profit fell by 3%.", "fell … costs rose", "fell by 4 %")]
    [(0, 19), (8, 58), None]
    """
    there = _tokens(text)
    joined = f" {' '.join(token for token, _ in there)} "
    found: list[Span] = []
    at = 0
    for piece in _CUT.split(quote):
        sought = " ".join(token for token, _ in _tokens(piece.strip(_ENDING)))
        if not sought:
            continue
        while (at := joined.find(f" {sought} ", at)) >= 0:
            first = joined.count(" ", 0, at)
            start, end = there[first][1][0], there[first + sought.count(" ")][1][1]
            if is_whole(text, start, end):
                break
            at += 1
        if at < 0:
            return None
        found.append((start, end))
        at += len(sought) + 1
    if not found or (len(found) > 1 and found[-1][1] - found[0][0] > _LONGEST_CUT):
        return None
    return found[0][0], found[-1][1]


def _tokens(text: str) -> list[tuple[str, Span]]:
    """What is compared of a text, each with its place there."""
    folded, origin = fold(text)
    return [(m.group(), (origin[m.start()], origin[m.end() - 1] + 1)) for m in _TOKEN.finditer(folded)]


def _covering(stretches: Sequence[Stretch], worth: Callable[[Iterable[str]], float]) -> list[Stretch]:
    """The stretches that together have most of the words: the best, and each further one that adds enough."""
    chosen: list[Stretch] = []
    held: frozenset[str] = frozenset()
    while len(chosen) < _MOST:
        best = max(stretches, key=lambda s: (worth(s.held - held), -s.source.rank, -s.start))
        if chosen and worth(best.held - held) < _GAIN:
            break
        chosen.append(best)
        held |= best.held
    return chosen


def _in_order(stretches: Iterable[Stretch]) -> list[Stretch]:
    return sorted(stretches, key=lambda stretch: (stretch.source.rank, stretch.start))


def _window(text: str, stretch: Stretch, most: int = _WINDOW) -> tuple[int, int]:
    """A run of whole sentences around a stretch, of at most so many words where the stretch is no longer."""
    spans = sentences(text)
    held = [i for i, (start, end) in enumerate(spans) if start < stretch.end and stretch.start < end]
    low, high = held[0], held[-1]

    def length(first: int, last: int) -> int:
        return len(text[spans[first][0] : spans[last][1]].split())

    while True:
        wider = [
            (first, last)
            for first, last in ((low - 1, high), (low, high + 1))
            if first >= 0 and last < len(spans) and length(first, last) <= most
        ]
        if not wider:
            return spans[low][0], spans[high][1]
        # By turns, and first what stands before, which tells whom "he" means.
        low, high = min(wider, key=lambda ends: max(held[0] - ends[0], ends[1] - held[-1]))
