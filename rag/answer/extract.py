"""Answers without a language model: the sentences of the evidence that best answer the question, verbatim."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from rag.text import content_stems, numbers, sentences
from rag.types import Abstention, Claim, DraftSentence, Evidence

if TYPE_CHECKING:
    import numpy as np

    Encode = Callable[[Sequence[str]], np.ndarray[Any, Any]]

__all__ = ["Extractive", "parts_of"]

# Chosen on the development half of eval/gold; see eval/LOG.md for what else was tried.
_COSINE, _COVERAGE, _KIND = 0.7, 0.3, 0.1
_ALSO = 0.88  # a further sentence is given when it is nearly as good as the best
_MOST = 3  # sentences for a question of one part
_TWIN = 0.6  # share of words in common above which two sentences say the same
_SHORTEST = 3  # words; less is a heading or a byline

_SECOND_PART = re.compile(
    r"\s*(?:,|;|\?)?\s+and\s+(?=(?:who|whom|whose|what|when|where|why|which|how)\b)|\?\s+(?=\w)", re.IGNORECASE
)
_LEANS = re.compile(r"\b(?:he|she|they|it|him|her|them|his|their|its|this|that)\b", re.IGNORECASE)
_MONTH = re.compile(
    r"\b(?:january|february|march|april|may|june|july|august|september|october|november|december|monday|tuesday|wednesday"
    r"|thursday|friday|saturday|sunday|yesterday|today|week|month|year|\d{4})\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class _Candidate:
    number: int  # of the passage, its rank
    start: int  # in the article
    text: str
    stems: frozenset[str]
    article_id: str


class Extractive:
    """Ranks the evidence's sentences by nearness to the question and by the question's words they hold.

    `encode` gives unit vectors, shape (texts, dims). A sentence under `least` (0 to 1) is not offered.
    """

    name = "extract"

    def __init__(self, encode: Encode, *, least: float) -> None:
        self._encode = encode
        self._least = least

    def draft(
        self,
        question: str,
        evidence: Evidence,
        *,
        asked_on: date | None = None,  # noqa: ARG002  the sentences are shown as they stand
    ) -> Iterator[DraftSentence | Abstention]:
        """The best sentences of each part of the question, part by part. Nothing near: `WEAK_EVIDENCE`."""
        candidates = _candidates(evidence)
        parts = parts_of(question)
        if not candidates:
            yield Abstention.WEAK_EVIDENCE
            return
        vectors = self._encode([*parts, question, *(c.text for c in candidates)])
        asked, whole, said = vectors[: len(parts)], vectors[len(parts)], vectors[len(parts) + 1 :]
        # "whom did they target" says nothing without the part before it: such a part is read with the whole question.
        leaning = [bool(number and _LEANS.search(part)) for number, part in enumerate(parts)]
        cosines = [(row + whole) / 2 @ said.T if leans else row @ said.T for row, leans in zip(asked, leaning, strict=True)]
        rarity = _rarity(candidates)
        chosen: list[_Candidate] = []
        for part, row in zip(parts, cosines, strict=True):
            scored = sorted(
                ((_score(part, c, float(cosine), rarity), c) for c, cosine in zip(candidates, row, strict=True)),
                key=lambda pair: (-pair[0], pair[1].number, pair[1].start),
            )
            best = scored[0][0]
            if best < self._least:
                continue
            room = 1 if len(parts) > 1 else _MOST
            for score, candidate in scored:
                if room == 0 or score < max(self._least, _ALSO * best):
                    break
                if not any(_alike(candidate, other) for other in chosen):
                    chosen.append(candidate)
                    room -= 1
        if not chosen:
            yield Abstention.WEAK_EVIDENCE
        for candidate in chosen:
            yield DraftSentence(candidate.text, (Claim(candidate.number, candidate.text),))


def parts_of(question: str) -> list[str]:
    """The questions a question asks.

    >>> parts_of("Who struck first, and whom did they target?")
    ['Who struck first', 'whom did they target?']
    """
    return [part for part in (p.strip() for p in _SECOND_PART.split(question)) if part]


def _candidates(evidence: Evidence) -> list[_Candidate]:
    found: dict[tuple[str, int], _Candidate] = {}
    for source in evidence:
        passage = source.passage
        for start, end in sentences(passage.text):
            text = passage.text[start:end]
            at = (passage.article_id, passage.start + start)
            if at not in found and len(text.split()) >= _SHORTEST:
                found[at] = _Candidate(source.rank, at[1], text, frozenset(content_stems(text)), passage.article_id)
    return list(found.values())


def _rarity(candidates: Sequence[_Candidate]) -> Callable[[str], float]:
    """How telling a word is among these sentences: 1 + ln((sentences + 1) / (sentences with it + 1))."""
    count = Counter(stem for c in candidates for stem in c.stems)
    total = len(candidates)
    return lambda stem: 1 + math.log((total + 1) / (count[stem] + 1))


def _score(part: str, candidate: _Candidate, cosine: float, rarity: Callable[[str], float]) -> float:
    asked = dict.fromkeys(content_stems(part))
    weight = sum(rarity(stem) for stem in asked)
    coverage = sum(rarity(stem) for stem in asked if stem in candidate.stems) / weight if weight else 0.0
    return _COSINE * max(cosine, 0.0) + _COVERAGE * coverage + _KIND * _of_kind(part, candidate.text)


def _of_kind(part: str, text: str) -> bool:
    """Whether a sentence holds the kind of thing that is asked for, where that can be seen."""
    first = part.lower()
    if re.search(r"\bhow (?:many|much|long|far|old)\b", first):
        return bool(numbers(text))
    if re.search(r"\bwhen\b|\bwhat (?:day|date|year|month)\b", first):
        return bool(_MONTH.search(text))
    if re.search(r"\bwhy\b", first):
        return bool(re.search(r"\bbecause|due to|in response|after|over|as\b|aim|so that|in order|amid|in light of", text))
    if re.search(r"\bwho(?:m|se)?\b", first):
        return bool(re.search(r"(?<=\w )[A-Z]\w+", text))
    return False


def _alike(one: _Candidate, other: _Candidate) -> bool:
    shared = len(one.stems & other.stems)
    return shared > _TWIN * max(1, min(len(one.stems), len(other.stems)))
