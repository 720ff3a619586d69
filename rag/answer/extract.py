"""Answers without a language model: what the bundled reader points at, in the articles' own words.

A question is taken apart; the reader has read each passage for each part; the words it points at are compared
across passages and articles. A part that asks for words gets a short answer and the sentence it stands in;
one that asks why, how or what happened gets the sentences that tell most. Every sentence is the article's
own, and so is every short answer, but for the words of the question that `worded` may put around it.
"""

from __future__ import annotations

import math
import re
import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Any, Protocol

from rag.english.lexicon import CALENDAR, alternation
from rag.english.matching import squad_normalise
from rag.english.normalise import content_stems
from rag.english.numbers import numbers
from rag.english.sentences import sentences
from rag.english.speakers import with_speaker
from rag.question.parts import (
    Kind,
    Part,
    decided,
    parts_of,
    qualified,
    reversed_roles,
    tells_of_the_opposite,
    worded,
)
from rag.scores import log_odds
from rag.types import Abstention, Claim, DraftSentence, Evidence, Reader, Reading, RetrievedPassage, Turn

if TYPE_CHECKING:
    import numpy as np

    Encode = Callable[[Sequence[str]], np.ndarray[Any, Any]]

__all__ = ["Extractive", "Found", "Judge", "StudiedPart", "Study"]


@dataclass(frozen=True, slots=True)
class Found:
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
        return _with_speaker(self.source, *self.sentence)[2]


@dataclass(frozen=True, slots=True)
class StudiedPart:
    """A part of the question, standing alone, with the words found for it, best first, and how likely the
    evidence answers it, 0 to 1."""

    part: Part
    found: tuple[Found, ...]
    confidence: float


@dataclass(frozen=True, slots=True)
class Study:
    """A question taken apart and looked up in the evidence."""

    parts: tuple[StudiedPart, ...]

    @property
    def confidence(self) -> float:
        """How likely the evidence answers some part, 0 to 1."""
        return max((studied.confidence for studied in self.parts), default=0.0)


class Judge(Protocol):
    """How likely the evidence answers a question, 0 to 1; see `rag.answer.abstain.confidence`."""

    def __call__(self, question: str, evidence: Evidence, answerable: Sequence[float]) -> float: ...


class Extractive:
    """Points at the words of the evidence that answer, and gives the sentences they stand in.

    `encode` gives unit vectors, shape (texts, dims). `resolve` makes a later part stand alone, given the
    parts before it with what answered them as turns. `day_of` says which day a sentence of an article of that
    date speaks of, or which weekday (0 to 6) where the date is not known. A part of which the `judge` is less
    than `least` confident is passed over; `sure` (0 to 1) is the share of the reader's belief from which a
    short answer is given.
    """

    name = "extract"

    def __init__(
        self,
        encode: Encode,
        reader: Reader,
        resolve: Callable[[str, Sequence[Turn]], str],
        judge: Judge,
        day_of: Callable[[str, date | None], date | int | None],
        *,
        least: float,
        sure: float,
    ) -> None:
        self._encode, self._reader, self._resolve, self._judge = _Remembering(encode), reader, resolve, judge
        self._day_of, self._least, self._sure = day_of, least, sure

    def study(self, question: str, evidence: Evidence) -> Study:
        """Take the question apart and read the evidence for each part."""
        parts: list[StudiedPart] = []
        earlier: list[Turn] = []
        pieces = parts_of(question)
        for piece in pieces:
            asked = self._resolve(piece.question, earlier) if earlier else piece.question
            # Read as it was asked, the whole question is what the re-ranker has read already.
            put = question if len(pieces) == 1 and piece.speaker is None else asked
            readings = self._reader.read(put, [source.passage.text for source in evidence])
            found = _found(evidence, readings, piece)
            # A request that names nothing to look for ("Summarise the articles") is answered by whatever
            # there is.
            sure = (
                1.0
                if piece.bare and evidence.passages
                else self._judge(put, evidence, [r.answerable for r in readings])
            )
            parts.append(StudiedPart(replace(piece, question=asked), found, sure))
            earlier.append(Turn(piece.question, found[0].words if found else ""))
        return Study(tuple(parts))

    def draft(
        self,
        question: str,
        evidence: Evidence,
        *,
        asked_on: date | None = None,  # noqa: ARG002  the sentences are shown as they stand
    ) -> Iterator[DraftSentence | Abstention]:
        """Part by part: the short answer where one is asked for and the reader is sure, then the sentences."""
        given: set[str] = set()
        parts = self.study(question, evidence).parts
        for studied in parts:
            for draft in self.told(studied, evidence, several=len(parts) > 1):
                if draft.text not in given:
                    given.add(draft.text)
                    yield draft
        if not given:
            yield Abstention.WEAK_EVIDENCE

    def told(self, studied: StudiedPart, evidence: Evidence, *, several: bool) -> Iterator[DraftSentence]:
        """What answers a part that was studied before; nothing, where it is not answered. `several`: there
        are other parts, and each has to be brief."""
        if studied.confidence >= self._least:
            yield from self._answered(studied, evidence, several=several)

    def _answered(
        self, studied: StudiedPart, evidence: Evidence, *, several: bool
    ) -> Iterator[DraftSentence]:
        part, found = studied.part, studied.found
        if part.kind in (Kind.WORDS, Kind.LIST) and found and found[0].score >= self._sure:
            yield from _short(part, found)
            return
        asks_for_words = part.kind in (Kind.WORDS, Kind.LIST)
        if (
            asks_for_words and several and found
        ):  # room for one sentence: the reader's best, if not its word alone
            shown = found[0].shown
            yield DraftSentence(shown, (Claim(found[0].source.rank, shown),), found[0].words)
            return
        room = _ACCOUNT_SENTENCES if part.kind is Kind.ACCOUNT else 1 if several else _MOST
        for candidate in self._telling(studied, evidence, room):
            verdict = decided(part.question, candidate.text) if part.kind is Kind.DECIDE else None
            lead = {True: "Yes:", False: "No:", None: ""}[verdict]
            short = found[0].words if asks_for_words and found and candidate.holds(found[0]) else None
            shown = candidate.shown[2]
            yield DraftSentence(shown, (Claim(candidate.source.rank, shown),), short, lead)

    def _telling(self, studied: StudiedPart, evidence: Evidence, room: int) -> list[_Candidate]:
        """The sentences that tell most of what is asked: near the question, with its words, or with the
        reader's.
        """
        candidates = _candidates(evidence, studied.part.speaker, self._day_of)
        if not candidates:
            return []
        asked = studied.part.question
        vectors = self._encode([asked, *(c.text for c in candidates)])
        said = vectors[1:]
        if (
            studied.part.bare
        ):  # it names nothing to be near to: what the other sentences are about, too, tells most
            scores = (said @ said.T).mean(axis=1)
        else:
            rarity = _rarity(candidates)
            scores = [
                _score(asked, c, float(cosine), rarity)
                for c, cosine in zip(candidates, said @ vectors[0], strict=True)
            ]
        believed = _believed(studied.found)
        eventful = 1.0 if studied.part.of_events else 0.0
        scored = [
            (
                float(score)
                + _BELIEF * believed.get((c.article_id, c.start), 0.0)
                + eventful * c.eventful
                - _OPPOSITE * tells_of_the_opposite(asked, c.text),
                c,
            )
            for score, c in zip(scores, candidates, strict=True)
        ]
        scored.sort(key=lambda pair: (-pair[0], pair[1].source.rank, pair[1].start))
        chosen: list[_Candidate] = []
        least = 0.0 if studied.part.kind is Kind.ACCOUNT else _ALSO * scored[0][0]
        for score, candidate in scored:
            if len(chosen) == room or score < least:
                break
            if not any(_alike(candidate, other) or candidate.within(other) for other in chosen):
                chosen = [*(other for other in chosen if not other.within(candidate)), candidate]
        if studied.part.kind is Kind.ACCOUNT:
            chosen = _in_order(chosen)
        return chosen


class _Remembering:
    """An encoder that remembers the sentences it encoded lately: good passages come up again and again, and
    encoding their sentences is most of the time that an answer in sentences takes."""

    def __init__(self, encode: Encode) -> None:
        self._encode = encode
        self._lock = threading.Lock()
        self._known: OrderedDict[str, np.ndarray[Any, Any]] = OrderedDict()

    def __call__(self, texts: Sequence[str]) -> np.ndarray[Any, Any]:
        """Vectors, shape (texts, dims)."""
        import numpy as np

        with self._lock:
            known = {text: self._known[text] for text in texts if text in self._known}
        new = [text for text in dict.fromkeys(texts) if text not in known]
        known.update(zip(new, self._encode(new), strict=True) if new else ())
        with self._lock:
            for text in texts:
                self._known[text] = known[text]
                self._known.move_to_end(text)
            while len(self._known) > _KEPT:
                self._known.popitem(last=False)
        return np.stack([known[text] for text in texts])


_KEPT = 2_048  # sentences, 3 MB of vectors: those of some thirty questions
# Weights of a sentence's nearness, of the question's words in it, of the kind of thing asked for, and of the
# reader's belief; chosen on the development half of eval/gold, see eval/LOG.md.
_COSINE, _COVERAGE, _KIND, _BELIEF = 0.7, 0.3, 0.1, 0.4
_ALSO = 0.88  # a further sentence is given when it is nearly as good as the best
_MOST = 3  # sentences for a question of one part
_ACCOUNT_SENTENCES = 5
# Asked what happened, a sentence that says when, or stands where an article begins, is worth more; one that
# quotes somebody, or speaks of what may come, less.
_TIMED, _LEADING, _SPOKEN = 0.1, 0.1, 0.15
_LEAD = 600  # characters: news tells the whole in its first two or three sentences
_NO_EVENT = re.compile(
    r"[“”\"]|\b(?:said|says|told|added|will|would|could|may|might|should|unclear|not (?:\w+ )?clear)\b"
)
_TWIN = 0.6  # share of words in common above which two sentences say the same
_SHORTEST = 3  # words; less is a heading or a byline
# How a span's score, the judgement that its passage answers, the score of no answer there, and the rank are
# weighed into one belief; chosen on the news questions of 2022, see eval/LOG.md.
_ANSWERABLE, _NULL, _RANK, _TEMPERATURE = 0.5, 0.5, 0.2, 2.0
# less belief (a twentieth of it) in words of a clause that tells of the opposite: see `reversed_roles`
_REVERSED = 3.0
_OPPOSITE = 0.3  # a sentence all of whose clauses do is worth less by this
_MONTH = re.compile(
    rf"\b(?:{alternation(CALENDAR)}|yesterday|today|week|month|year|\d{{4}})\b", re.IGNORECASE
)
_LITTLE_MORE = 0.6  # a sentence that is hardly longer than the short answer makes that superfluous
_LISTED = 0.1  # a further member of a list has at least this share of the best one's belief


def _found(evidence: Evidence, readings: Sequence[Reading], part: Part) -> tuple[Found, ...]:
    """The words the reader points at, over all passages, best first. Equal words of several articles
    strengthen each other.
    """
    pointed: list[tuple[float, Found]] = []
    for source, reading in zip(evidence, readings, strict=True):
        passage = source.passage
        around = sentences(passage.text)
        for span in reading.spans:
            sentence = _around(around, span.start, span.end)
            if sentence is None or not _spoken(passage.text, sentence, around, part.speaker):
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
            at = (passage.start + sentence[0], passage.start + sentence[1])
            first = qualified(part.question, passage.text, span.start)
            words = passage.text[first : span.end]
            pointed.append(
                (
                    belief,
                    Found(words, passage.start + first, passage.start + span.end, at, source, reading, 0.0),
                )
            )
    if not pointed:
        return ()
    highest = max(belief for belief, _ in pointed)
    total = sum(math.exp(belief - highest) for belief, _ in pointed)
    own = [(math.exp(belief - highest) / total, found) for belief, found in pointed]
    # One article repeating itself, a near-copy of it, or a passage overlapping the next, is one voice.
    voices: dict[str, dict[str, float]] = {}
    for share, found in own:
        articles = voices.setdefault(squad_normalise(found.words), {})
        voice = found.source.article.voice
        articles[voice] = max(share, articles.get(voice, 0.0))
    scored = [
        (share, replace(f, score=min(1.0, sum(voices[squad_normalise(f.words)].values()))))
        for share, f in own
    ]
    scored.sort(key=lambda pair: (-pair[1].score, -pair[0], pair[1].source.rank, pair[1].start))
    return tuple(found for _, found in scored)


def _around(spans: Sequence[tuple[int, int]], start: int, end: int) -> tuple[int, int] | None:
    """The sentence, or the run of sentences, that holds a stretch."""
    held = [span for span in spans if span[0] < end and start < span[1]]
    return (held[0][0], held[-1][1]) if held else None


def _spoken(
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


def _short(part: Part, found: Sequence[Found]) -> Iterator[DraftSentence]:
    """The short answer, and the sentence it stands in; that alone, where it says little more."""
    best = found[0]
    words: str | None = _listed(found) if part.kind is Kind.LIST else best.words
    said = worded(part.question, words or "")
    shown = best.shown
    stems, held = set(content_stems(said)), set(content_stems(best.quote))
    if not stems <= held:
        said = worded("", words or "")  # the question's words would say more than the sentence does
    if len(stems) < _LITTLE_MORE * len(held):
        yield DraftSentence(said, (Claim(best.source.rank, shown),), words)
        words = None
    yield DraftSentence(shown, (Claim(best.source.rank, shown),), words)


def _listed(found: Sequence[Found]) -> str:
    """The members that stand in the best one's sentence, from the first to the last of them, as the sentence
    has them.
    """
    best = found[0]
    members = [f for f in found if f.sentence == best.sentence and f.score >= _LISTED * best.score]
    start, end = min(f.start for f in members), max(f.end for f in members)
    passage = best.source.passage
    return passage.text[start - passage.start : end - passage.start]


@dataclass(frozen=True, slots=True)
class _Candidate:
    source: RetrievedPassage
    start: int  # in the article
    text: str
    stems: frozenset[str]
    day: (
        date | int | None
    )  # that it speaks of, itself or in the sentence before it; a number is a weekday, 0 to 6

    @property
    def article_id(self) -> str:
        return self.source.passage.article_id

    @property
    def shown(self) -> tuple[int, int, str]:
        """The sentence, with the one that says whose words it is, where it is all quotation: start, end,
        text.
        """
        return _with_speaker(self.source, self.start, self.start + len(self.text))

    @property
    def eventful(self) -> float:
        """What a sentence is worth more, or less, for telling what happened and not what somebody said."""
        return (
            (_TIMED if self.day is not None else 0.0)
            + (_LEADING if self.start < _LEAD else 0.0)
            - (_SPOKEN if _NO_EVENT.search(self.text) else 0.0)
        )

    def holds(self, found: Found) -> bool:
        """Whether those words stand in this sentence."""
        return self.article_id == found.source.passage.article_id and self.start == found.sentence[0]

    def within(self, other: _Candidate) -> bool:
        """Whether this sentence is shown with the other one anyway."""
        start, end, _ = other.shown
        return self.article_id == other.article_id and start <= self.start < end


def _with_speaker(source: RetrievedPassage, start: int, end: int) -> tuple[int, int, str]:
    """A stretch of an article, widened to the sentence that says whose words it is: start, end, text."""
    passage = source.passage
    first, last = with_speaker(
        passage.text, sentences(passage.text), start - passage.start, end - passage.start
    )
    return passage.start + first, passage.start + last, " ".join(passage.text[first:last].split())


def _candidates(
    evidence: Evidence, speaker: str | None, day_of: Callable[[str, date | None], date | int | None]
) -> list[_Candidate]:
    found: dict[tuple[str, int], _Candidate] = {}
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
                or not _spoken(passage.text, (start, end), around, speaker)
            ):
                continue
            found[at] = _Candidate(source, at[1], text, frozenset(content_stems(text)), day)
    return list(found.values())


def _in_order(chosen: Sequence[_Candidate]) -> list[_Candidate]:
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

    def place(c: _Candidate) -> tuple[int, int]:
        if isinstance(c.day, int):
            return 1, (c.day - first) % 7
        day = c.day or c.source.article.published
        return (0, day.toordinal()) if day else (2, 0)

    return sorted(chosen, key=lambda c: (place(c), best[c.article_id], c.article_id, c.start))


def _believed(found: Sequence[Found]) -> dict[tuple[str, int], float]:
    """For each sentence, by article and start, the greatest belief in words that stand in it."""
    best: dict[tuple[str, int], float] = {}
    for f in found:
        at = (f.source.passage.article_id, f.sentence[0])
        best[at] = max(best.get(at, 0.0), f.score)
    return best


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
        return bool(numbers(text, ordinals=True))
    if re.search(r"\bwhen\b|\bwhat (?:day|date|year|month)\b", first):
        return bool(_MONTH.search(text))
    if re.search(r"\bwhy\b", first):
        return bool(
            re.search(
                r"\bbecause|due to|in response|after|over|as\b|aim|so that|in order|amid|in light of", text
            )
        )
    if re.search(r"\bwho(?:m|se)?\b", first):
        return bool(re.search(r"(?<=\w )[A-Z]\w+", text))
    return False


def _alike(one: _Candidate, other: _Candidate) -> bool:
    shared = len(one.stems & other.stems)
    return shared > _TWIN * max(1, min(len(one.stems), len(other.stems)))
