"""Draft sentences to cited ones: find the words each rests on, check them, and let nothing else through.

Pure: it sees the evidence and the draft, nothing else. A sentence whose words stand in its quote, in one
piece, is VERBATIM. One in other words is CONSISTENT when a stretch of a passage carries every number, every
name and the negation of the sentence, and most of its content words; that is a rule about words, not a proof
of meaning, and is never called supported.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from rag.answer.paraphrase import agrees, share_carried
from rag.english.clauses import joined_part
from rag.english.names import small_words
from rag.english.normalise import fold, locate, stem, words
from rag.english.sentences import sentences
from rag.types import Citation, Claim, DraftSentence, Evidence, RetrievedPassage, Sentence, Support

__all__ = ["Checker", "cited_text"]

# A place inside a word or a number: “rose 1” does not stand in “rose 12%” nor in “rose 1.5%”.
_INSIDE = re.compile(r"(?<=\w)(?=['’-]?\w)|(?<=\w['’-])(?=\w)|(?<=\d)(?=[.,]\d)|(?<=\d[.,])(?=\d)")


@dataclass(frozen=True, slots=True)
class _Found:
    """Words of a passage that carry a sentence; offsets in the article."""

    source: RetrievedPassage
    start: int
    end: int
    support: Support
    share: float


class Checker:
    """Checks one answer, sentence by sentence, numbering its citations by first appearance."""

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        self._numbers: dict[tuple[str, int, int], Citation] = {}
        self.withheld: list[str] = []

    @cached_property  # an answer of quotations alone never asks for them
    def _common(self) -> frozenset[str]:
        """The stems of words that the evidence has in small letters. They are no names where they open a
        sentence."""
        return frozenset(stem(word) for source in self._evidence for word in small_words(source.passage.text))

    @property
    def citations(self) -> tuple[Citation, ...]:
        """The citations so far, by number, each as it first appeared."""
        return tuple(self._numbers.values())

    def check(self, draft: DraftSentence) -> Sentence | None:
        """The sentence with its checked citations, or `None` when no words of the evidence carry it; it is
        then withheld.

        A claim is looked for where it says; a claim that points at the wrong passage is repaired to the first
        passage, by rank, that does carry the sentence.
        """
        found = [f for claim in draft.claims if (f := self._claimed(draft.text, claim))]
        if not found:
            found = [f for f in (self._carried(draft.text, source) for source in self._evidence) if f][:1]
        if not found:
            self.withheld.append(draft.text)
            return None
        citations = dict.fromkeys(self._cite(f) for f in found)
        return Sentence(draft.text, tuple(citations), draft.short, draft.lead)

    def _claimed(self, text: str, claim: Claim) -> _Found | None:
        source = self._evidence.numbered(claim.number)
        if source is None:
            return None
        if claim.quote is None:
            return self._carried(text, source)
        span = _standing(claim.quote, source.passage.text)
        if span is None:
            return None
        quote = source.passage.text[span[0] : span[1]]
        if _same(text, quote) or _standing(text.rstrip(" .!?"), quote):
            return _at(source, span, Support.VERBATIM, 1.0)
        share = share_carried(text, quote, self._common)
        return None if share is None else _at(source, span, Support.CONSISTENT, share)

    def _carried(self, text: str, source: RetrievedPassage) -> _Found | None:
        """The shortest stretch of one or two sentences of a passage that carries the text best."""
        passage = source.passage.text
        span = _standing(text.rstrip(" .!?"), passage)
        if span is not None and len(words(text)) > 2:
            return _at(source, _to_full_stop(passage, span), Support.VERBATIM, 1.0)
        spans = sentences(passage)
        stretches = [*spans, *((a, d) for (a, _), (_, d) in itertools.pairwise(spans))]
        best: _Found | None = None
        for start, end in stretches:
            share = share_carried(text, passage[start:end], self._common)
            if share is not None and (best is None or share > best.share):
                best = _at(source, (start, end), Support.CONSISTENT, share)
        return best

    def _cite(self, found: _Found) -> Citation:
        """The citation of those words: one number per quote, though one sentence may be the quote and another
        only fit it.
        """
        passage = found.source.passage
        at = (passage.article_id, found.start, found.end)
        known = self._numbers.get(at)
        number = known.number if known else len(self._numbers) + 1
        quote = passage.text[found.start - passage.start : found.end - passage.start]
        citation = Citation(
            number, found.source.article, found.start, found.end, quote, found.support, passage
        )
        self._numbers.setdefault(at, citation)
        return citation


def cited_text(parts: Iterable[Sentence]) -> str:
    """The sentences with their markers, as one text."""
    return " ".join(sentence.marked() for sentence in parts)


def _at(source: RetrievedPassage, span: tuple[int, int], support: Support, share: float) -> _Found:
    return _Found(source, source.passage.start + span[0], source.passage.start + span[1], support, share)


def _to_full_stop(passage: str, span: tuple[int, int]) -> tuple[int, int]:
    end = span[1]
    while end < len(passage) and passage[end] in ".!?”\"’'":
        end += 1
    return span[0], end


def _standing(sought: str, passage: str) -> tuple[int, int] | None:
    """The first place where the words stand whole, in a sentence that says as much: one that does not deny
    them, nor give them as what may be.
    """
    at = 0
    while span := locate(sought, passage[at:]):
        start, end = at + span[0], at + span[1]
        whole = not (_INSIDE.match(passage, start) or _INSIDE.match(passage, end))
        if whole and agrees(sought, _around(passage, start, end)):
            return start, end
        at = start + 1
    return None


def _around(passage: str, start: int, end: int) -> str:
    """The part of a sentence, or of a run of sentences, that the words from start to end stand in."""
    held = [span for span in sentences(passage) if span[0] < end and start < span[1]]
    first, last = min([start, *(a for a, _ in held)]), max([end, *(b for _, b in held)])
    return joined_part(passage[first:last], start - first, end - first)


def _same(text: str, quote: str) -> bool:
    return fold(text)[0].strip() == fold(quote)[0].strip()
