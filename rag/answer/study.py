"""What the reader sees of a question in the evidence: for each part of it the words that may answer, best
first, and how likely the part is answered at all.

Each part is read once in each passage. Where the whole question is one part, the re-ranker has read it
already, and its readings are taken over.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from rag.answer import abstain
from rag.answer.conflict import ClaimedValue
from rag.english.matching import squad_normalise
from rag.english.normalise import content_stems
from rag.english.numbers import numbers
from rag.english.sentences import sentences
from rag.english.speakers import with_speaker
from rag.question.followup import standalone
from rag.question.parts import Kind, Part, qualified, reversed_roles
from rag.scores import log_odds
from rag.types import Evidence, Reader, Reading, Retrieved, RetrievedPassage, Turn

__all__ = ["Judge", "PartReading", "SpanCandidate", "Study", "claims", "named_nearby", "study", "widened"]

# How a span's score, the judgement that its passage answers, the score of no answer there, and the rank are
# weighed into one belief; chosen on the news questions of 2022, see eval/LOG.md.
_ANSWERABLE, _NULL, _RANK, _TEMPERATURE = 0.5, 0.5, 0.2, 2.0
# Words of a clause that has the question's roles reversed get a twentieth of their belief.
_REVERSED = 3.0


@dataclass(frozen=True, slots=True)
class SpanCandidate:
    """Words that may answer a part: where they stand in the article, the sentence around them, and `score`,
    the share (0 to 1) of the reader's belief in all words it found for this part that falls on these."""

    words: str
    start: int
    end: int
    sentence: tuple[int, int]  # in the article
    source: RetrievedPassage
    reading: Reading
    score: float

    @property
    def is_best(self) -> bool:
        """Whether these are the reader's best words of their passage."""
        best, passage = self.reading.spans[0], self.source.passage
        return self.start - passage.start <= best.start and self.end == passage.start + best.end

    @property
    def margin(self) -> float:
        """By how much the score of the passage's best words exceeds that of there being no answer in it."""
        return self.reading.spans[0].score - self.reading.null

    @property
    def quote(self) -> str:
        """The sentence around the words, as the article has it."""
        passage = self.source.passage
        return passage.text[self.sentence[0] - passage.start : self.sentence[1] - passage.start]

    @property
    def shown(self) -> str:
        """The sentence; with the one that says whose words it is, where it is all quotation."""
        return widened(self.source, *self.sentence)[2]


@dataclass(frozen=True, slots=True)
class PartReading:
    """A part of the question, standing alone, with the words that may answer it, best first, and how likely
    the evidence answers it, 0 to 1."""

    part: Part
    candidates: tuple[SpanCandidate, ...]
    confidence: float


@dataclass(frozen=True, slots=True)
class Study:
    """A question taken apart and looked up in the evidence."""

    question: str
    parts: tuple[PartReading, ...]

    @property
    def confidence(self) -> float:
        """How likely the evidence answers some part, 0 to 1."""
        return max((reading.confidence for reading in self.parts), default=0.0)


class Judge(Protocol):
    """How likely the evidence answers a question, 0 to 1; see `rag.answer.abstain.confidence`."""

    def __call__(self, question: str, evidence: Evidence, answerable: Sequence[float]) -> float: ...


def study(
    parts: Sequence[Part], retrieved: Retrieved, reader: Reader, judge: Judge = abstain.confidence
) -> Study:
    """Look each part of a question up in the evidence. A later part is made to stand alone by the parts
    before it and the words that answer them. Raises `ModelError` when the reader cannot read.
    """
    read: list[PartReading] = []
    earlier: list[Turn] = []
    readings = {retrieved.question: dict(retrieved.readings)}
    for part in parts:
        standing = standalone(part.question, earlier) if earlier else part.question
        # As it was typed, the whole question is what the re-ranker has read.
        asked = retrieved.question if len(parts) == 1 and part.speaker is None else standing
        seen = _readings(asked, retrieved.evidence, readings.setdefault(asked, {}), reader)
        candidates = _candidates(retrieved.evidence, seen, part)
        # A request that names nothing to look for ("Summarise the articles") is answered by whatever there
        # is.
        certain = part.bare and bool(retrieved.evidence.passages)
        answerable = [reading.answerable for reading in seen]
        confidence = 1.0 if certain else judge(asked, retrieved.evidence, answerable)
        read.append(PartReading(replace(part, question=standing), candidates, confidence))
        earlier.append(Turn(part.question, candidates[0].words if candidates else ""))
    return Study(retrieved.question, tuple(read))


def _readings(question: str, evidence: Evidence, known: dict[str, Reading], reader: Reader) -> list[Reading]:
    """A reading for each passage of the evidence: those `known`, by passage id, and for the others what the
    reader sees now, which is added to them."""
    unread = [source.passage for source in evidence if source.passage.id not in known]
    if unread:
        read = reader.read(question, [passage.text for passage in unread])
        known |= {passage.id: reading for passage, reading in zip(unread, read, strict=True)}
    return [known[source.passage.id] for source in evidence]


def claims(reading: PartReading) -> list[ClaimedValue]:
    """What the articles say to a part of the question: the best words of each passage, where the reader
    believes in them and not very much less than in the best of all."""
    surest = reading.candidates[0].score if reading.candidates else 0.0

    def counts(candidate: SpanCandidate) -> bool:
        if not candidate.is_best or candidate.margin < abstain.MIN_MARGIN:
            return False
        # Figures, and two statements that exclude each other, are checked further by rule.
        checked = numbers(candidate.words, ordinals=True) or reading.part.kind is Kind.DECIDE
        least = abstain.MIN_RIVAL_FIGURE if checked else abstain.MIN_RIVAL
        return candidate.score >= least * surest

    return [
        ClaimedValue(c.words, c.quote, c.source, c.start, c.end, c.score)
        for c in reading.candidates
        if counts(c)
    ]


def _candidates(evidence: Evidence, readings: Sequence[Reading], part: Part) -> tuple[SpanCandidate, ...]:
    """The words the reader points at, over all passages, best first. Equal words of several articles
    strengthen each other.
    """
    pointed: list[tuple[float, str, SpanCandidate]] = []
    for source, reading in zip(evidence, readings, strict=True):
        passage = source.passage
        around = sentences(passage.text)
        for span in reading.spans:
            sentence = _around(around, span.start, span.end)
            if sentence is None or not named_nearby(passage.text, sentence, around, part.speaker):
                continue
            belief = (
                span.score
                + _ANSWERABLE * log_odds(reading.answerable)
                - _NULL * reading.null
                - _RANK * (source.rank - 1)
            ) / _TEMPERATURE
            if reversed_roles(
                part.question, passage.text[sentence[0] : sentence[1]], span.start - sentence[0]
            ):
                belief -= _REVERSED
            first = qualified(part.question, passage.text, span.start)
            candidate = SpanCandidate(
                words=passage.text[first : span.end],
                start=passage.start + first,
                end=passage.start + span.end,
                sentence=(passage.start + sentence[0], passage.start + sentence[1]),
                source=source,
                reading=reading,
                score=0.0,  # known once all beliefs are
            )
            pointed.append((belief, squad_normalise(candidate.words), candidate))
    if not pointed:
        return ()
    highest = max(belief for belief, _, _ in pointed)
    total = sum(math.exp(belief - highest) for belief, _, _ in pointed)
    own = [(math.exp(belief - highest) / total, said, candidate) for belief, said, candidate in pointed]
    # One article repeating itself, a near-copy of it, or a passage overlapping the next, is one voice.
    voices: dict[str, dict[str, float]] = {}
    for share, said, candidate in own:
        articles = voices.setdefault(said, {})
        voice = candidate.source.article.voice
        articles[voice] = max(share, articles.get(voice, 0.0))
    scores = {said: min(1.0, sum(articles.values())) for said, articles in voices.items()}
    scored = [(share, replace(c, score=scores[said])) for share, said, c in own]
    scored.sort(key=lambda pair: (-pair[1].score, -pair[0], pair[1].source.rank, pair[1].start))
    return tuple(candidate for _, candidate in scored)


def _around(spans: Sequence[tuple[int, int]], start: int, end: int) -> tuple[int, int] | None:
    """The sentence, or the run of sentences, that holds a stretch."""
    held = [span for span in spans if span[0] < end and start < span[1]]
    return (held[0][0], held[-1][1]) if held else None


def named_nearby(
    text: str, sentence: tuple[int, int], around: Sequence[tuple[int, int]], speaker: str | None
) -> bool:
    """Whether a sentence, or the one before or after it, names the speaker by the last of their names."""
    if speaker is None:
        return True
    names = content_stems(speaker)
    if not names:
        return True
    at = [i for i, span in enumerate(around) if span[0] < sentence[1] and sentence[0] < span[1]]
    low, high = max(0, at[0] - 1), min(len(around) - 1, at[-1] + 1)
    return names[-1] in content_stems(text[around[low][0] : around[high][1]])


def widened(source: RetrievedPassage, start: int, end: int) -> tuple[int, int, str]:
    """A stretch of an article, widened to the sentence that says whose words it is: start, end, text."""
    passage = source.passage
    first, last = with_speaker(
        passage.text, sentences(passage.text), start - passage.start, end - passage.start
    )
    return passage.start + first, passage.start + last, " ".join(passage.text[first:last].split())
