"""Answers without a language model: what the bundled reader points at, in the articles' own words.

A question is taken apart; the reader has read each passage for each part; the words it points at are compared
across passages and articles. A part that asks for words gets a short answer and the sentence it stands in;
one that asks why, how or what happened gets the sentences that tell most. Every sentence is the article's
own, and so is every short answer, but for the words of the question that `worded` may put around it.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from rag.answer import abstain
from rag.answer.corrections import Notice, notice_on, notices
from rag.answer.paraphrase import agrees, is_doubted
from rag.answer.study import Confidence, PartReading, SpanCandidate, Study, named_nearby, study, widened
from rag.english.clauses import is_hedged, is_reported
from rag.english.dates import time_in
from rag.english.lexicon import CAUSES, MEASURED_ADJECTIVES, TIME_WORDS, alternation
from rag.english.names import names
from rag.english.normalise import content_stems, words
from rag.english.numbers import numbers
from rag.english.sentences import quoted, sentences
from rag.english.times import day_of
from rag.question.parts import Kind, Part, decided, parts_of, tells_of_the_opposite, worded
from rag.types import (
    Abstention,
    Claim,
    DraftSentence,
    Encoder,
    Evidence,
    Judge,
    Reader,
    Retrieved,
    RetrievedPassage,
)

if TYPE_CHECKING:
    import numpy as np

    Floats = np.ndarray[Any, np.dtype[np.float32]]

__all__ = ["Extractive", "PartDrafter"]


class Extractive:
    """Points at the words of the evidence that answer, and gives the sentences they stand in."""

    name = "extract"

    def __init__(
        self,
        encoder: Encoder,
        reader: Reader,
        confidence: Confidence = abstain.confidence,
        judge: Judge | None = None,
    ) -> None:
        self._encoder, self._reader = encoder, reader
        self._confidence, self._judge = confidence, judge

    def study(self, parts: Sequence[Part], retrieved: Retrieved) -> Study:
        """Look the parts of a question up in what was retrieved for it; see `rag.answer.study`."""
        return study(parts, retrieved, self._reader, self._confidence, self._judge)

    def drafter(self, evidence: Evidence) -> PartDrafter:
        """Drafts the sentences for the parts of one question."""
        return PartDrafter(evidence, self._encoder)

    def draft(
        self,
        question: str,
        evidence: Evidence,
        *,
        asked_on: date | None = None,  # noqa: ARG002  the sentences are shown as they stand
    ) -> Iterator[DraftSentence | Abstention]:
        """Part by part: a short answer where one is asked for and the reader is sure, then the sentences."""
        drafter, given = self.drafter(evidence), set[str]()
        readings = self.study(parts_of(question), Retrieved(question, evidence)).parts
        for reading in readings:
            for draft in drafter.draft(reading, brief=len(readings) > 1):
                if draft.text not in given:
                    given.add(draft.text)
                    yield draft
        if not given:
            yield Abstention.WEAK_EVIDENCE


class PartDrafter:
    """Drafts the sentences for the parts of one question, out of the same evidence."""

    def __init__(self, evidence: Evidence, encoder: Encoder) -> None:
        self._evidence, self._encoder = evidence, encoder
        self._vectors: dict[str, Floats] = {}  # of the sentences: another part has the same to choose from

    def draft(self, reading: PartReading, *, brief: bool) -> Iterator[DraftSentence]:
        """What answers a part; nothing where the evidence does not. `brief`: there are other parts, and each
        has room for one sentence."""
        if reading.confidence < abstain.MIN_CONFIDENCE:
            return
        part, spans = reading.part, self._sound(reading)
        asks_for_words = part.kind in (Kind.WORDS, Kind.LIST)
        if asks_for_words and spans and (notice := self._notice_of(part, spans[0])):
            yield from self._from_notice(part, spans[0], notice)
            return
        if asks_for_words and spans and spans[0].score >= abstain.MIN_BELIEF:
            yield from _short(part, spans)
            return
        if asks_for_words and brief and spans:
            # The sentence of the reader's best words, if not its words alone.
            shown = spans[0].shown
            yield DraftSentence(shown, (Claim(spans[0].source.rank, shown),), _answering(part, spans[0]))
            return
        room = _ACCOUNT_SENTENCES if part.kind is Kind.ACCOUNT else 1 if brief else _MOST
        for sentence in self._telling(reading, room):
            verdict = decided(part.question, sentence.text) if part.kind is Kind.DECIDE else None
            lead = {True: "Yes:", False: "No:", None: ""}[verdict]
            held = asks_for_words and spans and sentence.holds(spans[0])
            short = _answering(part, spans[0]) if held else None
            shown = sentence.shown[2]
            if notice := self._notice(sentence.source, sentence.start, sentence.text):
                yield _noticed(notice)
            else:
                yield DraftSentence(shown, (Claim(sentence.source.rank, shown),), short, lead)

    def _sound(self, reading: PartReading) -> tuple[SpanCandidate, ...]:
        """The words that may answer, those first whose sentence gives as done what the question takes for
        done, and whose article does not take them back. Where it does, those first that it puts in their
        place."""
        part, spans = reading.part, reading.candidates
        sure = [span for span in spans if span.score >= abstain.MIN_BELIEF]
        best = next((span for span in sure if self._is_sound(part, span)), None)
        if best is None and spans and self._is_taken_back(part, spans[0]):
            best = next((s for s in spans if self._notice_of(part, s) and self._is_sound(part, s)), None)
        return spans if best is None else (best, *(span for span in spans if span is not best))

    def _is_sound(self, part: Part, span: SpanCandidate) -> bool:
        return not (is_doubted(part.question, span.quote) or self._is_taken_back(part, span))

    def _is_taken_back(self, part: Part, span: SpanCandidate) -> bool:
        """Whether the words stand among those that their article takes back, or say with the question what it
        takes back."""
        article = span.source.passage.article_id
        if any(notice.was_wrong(article, span.start) for notice in notices(article, self._evidence)):
            return True
        return notice_on(_statement(part, span), span.source, self._evidence) is not None

    def _from_notice(self, part: Part, span: SpanCandidate, notice: Notice) -> Iterator[DraftSentence]:
        """The words, if they are what is right, and the notice."""
        draft = _noticed(notice)
        if notice.correction.is_right(span.words) and self._is_sound(part, span):
            yield DraftSentence(worded("", span.words), draft.claims, span.words)
        yield draft

    def _notice_of(self, part: Part, span: SpanCandidate) -> Notice | None:
        return self._notice(span.source, span.start, _statement(part, span))

    def _notice(self, source: RetrievedPassage, start: int, statement: str) -> Notice | None:
        """The notice of correction that a place of an article lies in, or that takes back what is said
        there."""
        article = source.passage.article_id
        within = (notice for notice in notices(article, self._evidence) if notice.holds(article, start))
        return next(within, None) or notice_on(statement, source, self._evidence)

    def _encoded(self, texts: Sequence[str]) -> Floats:
        """Unit vectors, shape (texts, dims)."""
        import numpy as np

        new = [text for text in dict.fromkeys(texts) if text not in self._vectors]
        if new:
            self._vectors.update(zip(new, self._encoder.passages(new), strict=True))
        return np.stack([self._vectors[text] for text in texts])

    def _telling(self, reading: PartReading, room: int) -> list[_SentenceCandidate]:
        """The sentences that tell most of what is asked: near the question, with its words, or with the
        reader's.
        """
        candidates = _candidates(self._evidence, reading.part.speaker)
        if not candidates:
            return []
        asked = reading.part.question
        vectors = self._encoded([asked, *(c.text for c in candidates)])
        said = vectors[1:]
        if reading.part.bare:
            # It names nothing to be near to: what the other sentences are about, too, tells most.
            scores = (said @ said.T).mean(axis=1)
        else:
            rarity = _rarity(candidates)
            scores = [
                _score(asked, c, float(cosine), rarity)
                for c, cosine in zip(candidates, said @ vectors[0], strict=True)
            ]
        believed = _believed(reading.candidates)
        of_events = reading.part.of_events
        scored = [
            (
                float(score)
                + _BELIEF * believed.get((c.article_id, c.start), 0.0)
                + (c.eventful if of_events else 0.0)
                - _OPPOSITE * tells_of_the_opposite(asked, c.text),
                c,
            )
            for score, c in zip(scores, candidates, strict=True)
        ]
        scored.sort(key=lambda pair: (-pair[0], pair[1].source.rank, pair[1].start))
        chosen: list[_SentenceCandidate] = []
        least = 0.0 if reading.part.kind is Kind.ACCOUNT else abstain.MIN_NEXT_SENTENCE * scored[0][0]
        for score, candidate in scored:
            if len(chosen) == room or score < least:
                break
            if not any(_alike(candidate, other) or candidate.within(other) for other in chosen):
                chosen = [*(other for other in chosen if not other.within(candidate)), candidate]
        if reading.part.kind is Kind.ACCOUNT:
            chosen = _in_order(chosen)
        return chosen


# Weights of a sentence's nearness, of the question's words in it, of the kind of thing asked for, and of the
# reader's belief; chosen on the development half of eval/gold, see eval/LOG.md.
_COSINE, _COVERAGE, _KIND, _BELIEF = 0.7, 0.3, 0.1, 0.4
_MOST = 3  # sentences for a question of one part
_ACCOUNT_SENTENCES = 5
# Asked what happened, a sentence that says when, or stands where an article begins, is worth more; one that
# quotes somebody, or speaks of what may come, less.
_TIMED, _LEADING, _SPOKEN = 0.1, 0.1, 0.15
_LEAD = 600  # characters: news tells the whole in its first two or three sentences
_TWIN = 0.6  # share of words in common above which two sentences say the same
_SHORTEST = 3  # words; less is a heading or a byline
_OPPOSITE = 0.3  # a sentence all of whose clauses do is worth less by this
_LITTLE_MORE = 0.6  # a sentence that is hardly longer than the short answer makes that superfluous


def _statement(part: Part, span: SpanCandidate) -> str:
    """What the words say as an answer: the question's words, and theirs."""
    return f"{part.question} {span.words}"


def _noticed(notice: Notice) -> DraftSentence:
    """A notice of correction, whole: what was wrong is not shown without what is right."""
    shown = " ".join(notice.correction.text.split())
    return DraftSentence(shown, (Claim(notice.source.rank, shown),))


def _answering(part: Part, span: SpanCandidate) -> str | None:
    """The words as a short answer; `None` where they would say more than their sentence does."""
    return None if is_doubted(part.question, span.quote) else span.words


def _short(part: Part, spans: Sequence[SpanCandidate]) -> Iterator[DraftSentence]:
    """The short answer, and the sentence it stands in; that alone, where it says little more, or where the
    answer would say more than the sentence does."""
    best = spans[0]
    if best.supported is not None and best.supported < abstain.MIN_SHORT:
        yield DraftSentence(best.shown, (Claim(best.source.rank, best.shown),), best.words)
        return
    short: str | None = _listed(spans) if part.kind is Kind.LIST else best.words
    said = worded(part.question, short or "")
    shown = best.shown
    if is_doubted(part.question, best.quote):
        yield DraftSentence(shown, (Claim(best.source.rank, shown),))
        return
    stems, held = set(content_stems(said)), set(content_stems(best.quote))
    if not stems <= held:
        said = worded("", short or "")  # the question's words would say more than the sentence does
    elif not agrees(said, best.quote):
        yield DraftSentence(shown, (Claim(best.source.rank, shown),))
        return
    if len(stems) < _LITTLE_MORE * len(held):
        yield DraftSentence(said, (Claim(best.source.rank, shown),), short)
        short = None
    yield DraftSentence(shown, (Claim(best.source.rank, shown),), short)


def _listed(spans: Sequence[SpanCandidate]) -> str:
    """The members that stand in the best one's sentence, from the first to the last of them, as the sentence
    has them.
    """
    best = spans[0]
    members = [
        span
        for span in spans
        if span.sentence == best.sentence and span.score >= abstain.MIN_LIST_SHARE * best.score
    ]
    start, end = min(f.start for f in members), max(f.end for f in members)
    passage = best.source.passage
    return passage.text[start - passage.start : end - passage.start]


@dataclass(frozen=True, slots=True)
class _SentenceCandidate:
    source: RetrievedPassage
    start: int  # in the article
    text: str
    stems: frozenset[str]
    # The day that it speaks of, itself or in the sentence before it. A number is a weekday, 0 to 6.
    day: date | int | None

    @property
    def article_id(self) -> str:
        return self.source.passage.article_id

    @property
    def shown(self) -> tuple[int, int, str]:
        """The sentence, with the one that says whose words it is, where it is all quotation: start, end,
        text.
        """
        return widened(self.source, self.start, self.start + len(self.text))

    @property
    def eventful(self) -> float:
        """What a sentence is worth more, or less, for telling what happened and not what somebody said."""
        return (
            (_TIMED if self.day is not None else 0.0)
            + (_LEADING if self.start < _LEAD else 0.0)
            - (_SPOKEN if _is_no_event(self.text) else 0.0)
        )

    def holds(self, span: SpanCandidate) -> bool:
        """Whether those words stand in this sentence."""
        return self.article_id == span.source.passage.article_id and self.start == span.sentence[0]

    def within(self, other: _SentenceCandidate) -> bool:
        """Whether this sentence is shown with the other one anyway."""
        start, end, _ = other.shown
        return self.article_id == other.article_id and start <= self.start < end


def _candidates(evidence: Evidence, speaker: str | None) -> list[_SentenceCandidate]:
    found: dict[tuple[str, int], _SentenceCandidate] = {}
    for source in evidence:
        passage, published = source.passage, source.article.published
        around = sentences(passage.text)
        before: date | int | None = None
        for start, end in around:
            text = passage.text[start:end]
            at = (passage.article_id, passage.start + start)
            own = day_of(text, published)
            before, day = own, before if own is None else own
            if (
                at in found
                or len(text.split()) < _SHORTEST
                or not named_nearby(passage.text, (start, end), around, speaker)
            ):
                continue
            found[at] = _SentenceCandidate(source, at[1], text, frozenset(content_stems(text)), day)
    return list(found.values())


def _in_order(chosen: Sequence[_SentenceCandidate]) -> list[_SentenceCandidate]:
    """Sentences in the order of the days they speak of. Weekdays without a date are taken for days of one
    stretch, which begins after the longest gap between them; a sentence that names no day stands where its
    article's date puts it, or last."""
    weekdays = sorted({c.day for c in chosen if isinstance(c.day, int)})
    gaps = [
        ((day - before - 1) % 7, day)
        for before, day in zip([*weekdays[-1:], *weekdays], weekdays, strict=False)
    ]
    first = max(gaps, default=(0, 0))[1]

    best: dict[str, int] = {}
    for c in chosen:
        best[c.article_id] = min(c.source.rank, best.get(c.article_id, c.source.rank))

    def place(c: _SentenceCandidate) -> tuple[int, int]:
        if isinstance(c.day, int):
            return 1, (c.day - first) % 7
        day = c.day or c.source.article.published
        return (0, day.toordinal()) if day else (2, 0)

    return sorted(chosen, key=lambda c: (place(c), best[c.article_id], c.article_id, c.start))


def _believed(spans: Sequence[SpanCandidate]) -> dict[tuple[str, int], float]:
    """For each sentence, by article and start, the greatest belief in words that stand in it."""
    best: dict[tuple[str, int], float] = {}
    for span in spans:
        at = (span.source.passage.article_id, span.sentence[0])
        best[at] = max(best.get(at, 0.0), span.score)
    return best


def _rarity(candidates: Sequence[_SentenceCandidate]) -> Callable[[str], float]:
    """How telling a word is among these sentences: 1 + ln((sentences + 1) / (sentences with it + 1))."""
    count = Counter(stem for c in candidates for stem in c.stems)
    total = len(candidates)
    return lambda stem: 1 + math.log((total + 1) / (count[stem] + 1))


def _score(part: str, candidate: _SentenceCandidate, cosine: float, rarity: Callable[[str], float]) -> float:
    asked = dict.fromkeys(content_stems(part))
    weight = sum(rarity(stem) for stem in asked)
    coverage = sum(rarity(stem) for stem in asked if stem in candidate.stems) / weight if weight else 0.0
    return _COSINE * max(cosine, 0.0) + _COVERAGE * coverage + _KIND * _of_kind(part, candidate.text)


def _of_kind(part: str, text: str) -> bool:
    """Whether a sentence holds the kind of thing that is asked for, where that can be seen."""
    asked = words(part)
    if "how" in asked and MEASURED_ADJECTIVES & set(asked):
        return bool(numbers(text, ordinals=True))
    if "when" in asked or ("what" in asked and TIME_WORDS & set(asked)):
        return time_in(text) is not None or bool(TIME_WORDS & set(words(text)))
    if "why" in asked:
        return bool(_WHY.search(text))
    if {"who", "whom", "whose"} & set(asked):
        return any(not name.opens for name in names(text))
    return False


_WHY = re.compile(rf"\b(?:{alternation(CAUSES)})\b", re.IGNORECASE)


def _is_no_event(text: str) -> bool:
    """Whether a sentence gives somebody's words, or what may or will come, and not what happened."""
    to_come = {"will", "would", "unclear"} & set(words(text))
    return bool(to_come) or bool(quoted(text)) or is_reported(text) or is_hedged(text)


def _alike(one: _SentenceCandidate, other: _SentenceCandidate) -> bool:
    shared = len(one.stems & other.stems)
    return shared > _TWIN * max(1, min(len(one.stems), len(other.stems)))
