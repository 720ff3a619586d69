"""What articles claim in answer to a question, and whether a claim is about what was asked.

A claim is a value and the sentence it stands in. It is left out if its sentence names too little of the
question, or says that it is about somebody else, another year, another harm or measure, or a part of the
whole.
"""

from __future__ import annotations

import re
from collections.abc import Sequence, Set
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache

from rag.answer.asked import AnswerType, Asked
from rag.answer.values import Value, WordValue, phrase
from rag.english.clauses import clauses, denials
from rag.english.dates import Time, is_bare_time, time_in, years_in
from rag.english.measures import counted_qualifiers, counts_together, kind_near, quantities
from rag.english.names import alike, name_words, names, same_name
from rag.english.normalise import content_stems, stem, words
from rag.english.numbers import Figure
from rag.english.participants import Participant, ParticipantRole, participants
from rag.english.sentences import sentences
from rag.english.times import days
from rag.types import RetrievedPassage

__all__ = ["ClaimedValue", "Interpreted", "concerns", "interpreted", "one_event"]

_LEAST_NAMED = 0.5  # of the question's names, that the sentence, its neighbours or the title hold
_CLAUSE_ENDS = re.compile(r"[,;:–—]")


@dataclass(frozen=True, slots=True)
class ClaimedValue:
    """What one passage says in answer to a question: the words, and the sentence they stand in.

    `start` and `end` are those of the value, in code points of the article. `score`, 0 to 1, is how sure the
    reader is that this answers the question. Raises `ValueError` unless the value stands there, inside that
    sentence.
    """

    value: str
    sentence: str
    source: RetrievedPassage
    start: int
    end: int
    score: float

    def __post_init__(self) -> None:
        passage = self.source.passage
        first, last = self.start - passage.start, self.end - passage.start
        if first < 0 or not self.value or passage.text[first:last] != self.value:
            raise ValueError(
                f"the value is not the text of {passage.article_id} at [{self.start}, {self.end})"
            )
        at = self._sentence_at()
        if at < 0 or at + len(self.sentence) < last:
            raise ValueError(
                f"[{self.start}, {self.end}) of {passage.article_id} lies outside the sentence given"
            )

    @property
    def sentence_span(self) -> tuple[int, int]:
        """Where the sentence stands in the article: [start, end)."""
        start = self.source.passage.start + self._sentence_at()
        return start, start + len(self.sentence)

    @property
    def span(self) -> tuple[int, int]:
        """Where the value stands in the sentence: [start, end)."""
        start = self.start - self.sentence_span[0]
        return start, start + len(self.value)

    @property
    def before(self) -> str:
        """The sentence up to the value."""
        return self.sentence[: self.span[0]]

    @property
    def after(self) -> str:
        """The sentence from the value's end."""
        return self.sentence[self.span[1] :]

    def denied(self, asked: Set[str] = frozenset()) -> bool:
        """Whether the value holds a denial, or stands in a clause that is denied.

        `asked` are the question's stems: to "did the court clear Hill", "cleared" denies nothing.
        """
        if any(stem(denial.sign) not in asked for denial in denials(self.value)):
            return True
        if not denials(self.sentence):
            return False
        begun = [clause for clause in clauses(self.sentence) if clause.start <= self.span[0]]
        if not begun or not begun[-1].denied:
            return False
        return _CLAUSE_ENDS.search(self.sentence, begun[-1].end, max(self.span[0], begun[-1].end)) is None

    @property
    def shown(self) -> str:
        """The value as a reader sees it: from its denial on, in the article's words. A value without content
        ("not", "he") is shown as its whole sentence.
        """
        start, end = self.span
        if not content_stems(self.value):
            start, end = 0, len(self.sentence)
        elif self.denied() and (signs := [d.start for d in denials(self.sentence) if d.start < start]):
            start = signs[-1]
        return " ".join(self.sentence[start:end].split())

    def _sentence_at(self) -> int:
        """Where in the passage the sentence begins, or -1: the last place at or before the value, if there
        are two.
        """
        latest = self.start - self.source.passage.start
        return self.source.passage.text.rfind(self.sentence, 0, latest + len(self.sentence))


# --- a claim, read ------------------------------------------------------------------------------------

_PART_BEFORE = re.compile(r"\b(?:including|among\s(?:them|whom))\s(?:at\sleast\s)?\Z", re.IGNORECASE)
# "Nine, four of whom were": four is the part. "Nine, of whom four were": nine is the whole.
_PART_AFTER = re.compile(r"(?:\s\w+)?\sof\s(?:them|those|whom\s(?:is|was|are|were))\b", re.IGNORECASE)
_COUNTED_IN = re.compile(r"(?:\s[^\W\d_]+){0,5}\s(?:in|at|near)\s(?:the\s)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Interpreted:
    """A claim, read.

    `context` are the words of its sentence, its neighbours and its article's title. `agent` and `target` are
    the names nearest the value in those roles; `agents` all that do something in its sentence. `kind` is the
    harm or the measure that the value counts; `places` is where it is counted ("120 jobs in Norway") and
    `sort` what is said of the things counted ("five gold medals").
    """

    claim: ClaimedValue
    value: Value
    denied: bool
    context: frozenset[str]
    years: frozenset[int]
    kind: str | None
    agent: frozenset[str]
    target: frozenset[str]
    agents: frozenset[str]
    places: frozenset[str]
    sort: frozenset[str]

    @property
    def article(self) -> str:
        return self.claim.source.article.id

    @property
    def published(self) -> date | None:
        return self.claim.source.article.published

    def is_version_of(self, other: Interpreted) -> bool:
        """Whether the articles are near-copies of different days: one source that has brought its report up
        to date. A copy of the same day, or of an unknown one, that gives another value disagrees."""
        ours, theirs = self.claim.source.article, other.claim.source.article
        published = {ours.published, theirs.published}
        return ours.voice == theirs.voice and (
            ours.id == theirs.id or (len(published) == 2 and None not in published)
        )


def interpreted(asked: Asked, claim: ClaimedValue) -> Interpreted:
    """The claim, read. A sentence in which no name does or suffers anything ("Ten were killed") goes on from
    the one before.
    """
    before, after = _neighbours(claim)
    at = claim.span[0]
    named = participants(claim.sentence, asked.known)
    agent, target = _nearest(named, ParticipantRole.AGENT, at), _nearest(named, ParticipantRole.TARGET, at)
    if not agent and not target and before:
        earlier = participants(before, asked.known)
        agent, target = (
            _nearest(earlier, role, len(before)) for role in (ParticipantRole.AGENT, ParticipantRole.TARGET)
        )
    value = _value(asked, claim)
    return Interpreted(
        claim,
        value,
        claim.denied(asked.stems) and not (isinstance(value, Figure) and value.value == 0),
        frozenset(
            w for text in (before, claim.sentence, after, claim.source.article.label) for w in _context(text)
        ),
        _years(claim),
        kind_near(claim.sentence, *claim.span),
        agent,
        target,
        frozenset(word for p in named if p.role is ParticipantRole.AGENT for word in p.words) or agent,
        frozenset(
            word
            for p in named
            if _COUNTED_IN.fullmatch(claim.sentence[claim.span[1] : p.start])
            for word in p.words
        ),
        counted_qualifiers(claim.sentence, value) if isinstance(value, Figure) else frozenset(),
    )


def _value(asked: Asked, claim: ClaimedValue) -> Value:
    """The value as what the question wants, or else as what it looks like: a time or a figure only if it is
    nothing else.
    """
    time = time_in(claim.value, claim.before, claim.source.article.published)
    figure = _figure(claim)
    if figure and not figure.unit and figure.value:
        figure = replace(figure, unit=asked.unit)
    if asked.type is AnswerType.FIGURE and figure:
        return figure
    if time and (asked.type is AnswerType.TIME or is_bare_time(claim.value)):
        return time
    if figure and _begins_with(claim, figure):
        return figure
    return phrase(claim.value, asked.stems)


def _figure(claim: ClaimedValue) -> Figure | None:
    """The first figure of the value, read in its sentence, which may bound it and say what it counts."""
    start, end = claim.span
    alone = quantities(claim.value)
    said = next((f for f in quantities(claim.sentence) if f.start < end and start < f.end), None)
    # A value that is cut out of a longer number ("205" of "$205,000") is none.
    return said if said and alone and alone[0].value == said.value else None


def _begins_with(claim: ClaimedValue, figure: Figure) -> bool:
    """Whether the value begins with its figure, but for what bounds it: "about nine people" does, "Flight 63"
    does not.
    """
    return bool(figure.bound) or not content_stems(claim.sentence[claim.span[0] : figure.start])


def _years(claim: ClaimedValue) -> frozenset[int]:
    """The years that a claim's sentence names beside the value, or else those of its days ("on Friday")."""
    named = years_in(claim.before) | years_in(claim.after)
    if named:
        return named
    found = days(claim.sentence, claim.source.article.published)
    return frozenset(year for moment in found for year in (moment.first.year, moment.last.year))


@lru_cache(maxsize=1_024)
def _context(text: str) -> frozenset[str]:
    """The words of a text, and those by which its names are compared: "america" for "the U.S."."""
    return frozenset([*words(text), *(word for name in names(text) for word in name_words(name.text))])


def _neighbours(claim: ClaimedValue) -> tuple[str, str]:
    """The sentence before and the one after, in the passage; empty where there is none."""
    passage = claim.source.passage
    start, end = (at - passage.start for at in claim.sentence_span)
    before = [span for span in sentences(passage.text) if span[1] <= start]
    after = [span for span in sentences(passage.text) if span[0] >= end]
    return passage.text[slice(*before[-1])] if before else "", passage.text[slice(*after[0])] if after else ""


def _nearest(named: Sequence[Participant], role: ParticipantRole, at: int) -> frozenset[str]:
    """The name of that role that stands last before a place, or else first after it."""
    fitting = [p for p in named if p.role is role]
    before = [p for p in fitting if p.start < at]
    return (before[-1:] or fitting[:1] or [Participant(frozenset(), 0, role)])[0].words


# --- what a claim is about ----------------------------------------------------------------------------


def concerns(asked: Asked, claim: Interpreted) -> bool:
    """Whether a claim is about what was asked: it names it, and nothing in its sentence says that it is
    something else.
    """
    named = sum(_is_named(asked, mark, claim.context) for mark in asked.marks)
    if named < _LEAST_NAMED * len(asked.marks):
        return False
    if isinstance(claim.value, WordValue):
        return not _differ(asked.years, claim.years)
    if isinstance(claim.value, Figure) and _is_another_count(asked, claim, claim.value):
        return False
    return not _is_another_deed(asked, claim)


def _is_named(asked: Asked, mark: str, context: Set[str]) -> bool:
    """Whether one of the question's marks is among the words: a name in any spelling, another stem by its
    beginning.
    """
    return _is_one_of(mark, context) or (asked.nameless and any(word.startswith(mark) for word in context))


def _is_one_of(word: str, others: Set[str]) -> bool:
    return word in others or any(alike(word, other) or same_name(word, other) for other in others)


def _share_a_name(a: Set[str], b: Set[str]) -> bool:
    return any(_is_one_of(word, b) for word in a)


def _differ(a: Set[int], b: Set[int]) -> bool:
    return bool(a and b) and not a & b


def _is_another_count(asked: Asked, claim: Interpreted, figure: Figure) -> bool:
    """Whether a figure counts another harm or measure, another year, a part, or two sides together."""
    said = claim.claim
    if asked.kind and claim.kind and asked.kind != claim.kind:
        return True
    if _PART_BEFORE.search(said.before) or _PART_AFTER.match(said.sentence, figure.end):
        return True
    if counts_together(said.sentence) and not asked.together:
        return True
    if _differ(asked.years, claim.years):
        return True
    # An article that appeared before the year asked about cannot report from it.
    return bool(
        asked.years and not claim.years and claim.published and claim.published.year < min(asked.years)
    )


def _is_another_deed(asked: Asked, claim: Interpreted) -> bool:
    """Whether somebody else did it, or did it to somebody else, by the names nearest the value."""
    elsewhere = bool(asked.targets and claim.target) and not _share_a_name(claim.target, asked.targets)
    if not asked.agents:
        return elsewhere and _share_a_name(claim.agent, asked.targets)
    if not claim.agent or _share_a_name(claim.agent, asked.agents):
        return elsewhere and not _share_a_name(claim.context, asked.targets)
    if _share_a_name(claim.agent, asked.targets) or _share_a_name(claim.target, asked.agents):
        return True
    return elsewhere or not _share_a_name(claim.agents, asked.agents)


def one_event(asked: Asked, a: Interpreted, b: Interpreted) -> bool:
    """Whether two claims may speak of one event.

    Figures of two years do not, nor what articles of two years each date to their own ("on Sunday"), nor the
    figure of a place and that of the whole. If the question names nobody, deeds of two actors do not either.
    """
    if _are_of_two_years(a, b):
        return False
    if isinstance(a.value, WordValue):
        return True
    if isinstance(a.value, Figure) and isinstance(b.value, Figure):
        if _differ(a.years, b.years):
            return False
        part, whole = (a, b) if a.value.value < b.value.value else (b, a)
        if _is_part_of(asked, part, whole):
            return False
    return not (asked.nameless and a.agent and b.agent and not _share_a_name(a.agents, b.agents))


def _are_of_two_years(a: Interpreted, b: Interpreted) -> bool:
    """Whether each sentence dates its matter to the year of its article, and the two years differ."""
    if not a.published or not b.published or a.published.year == b.published.year:
        return False
    if isinstance(a.value, Time) and isinstance(b.value, Time):
        return not (a.value.years or b.value.years)  # a day without a year is near its article
    return _differ(a.years, b.years)


def _is_part_of(asked: Asked, part: Interpreted, whole: Interpreted) -> bool:
    """Whether the smaller figure is of a place, or of a sort, that neither the question nor the other names:
    "in Norway", "gold medals".
    """
    known = asked.marks | whole.context
    return any(not _is_one_of(place, known) for place in part.places) or bool(
        part.sort - whole.sort - asked.stems
    )
