"""A question, read for comparing what articles answer: what it asks for, and by what its subject is known."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

from rag.english.dates import years_in
from rag.english.lexicon import (
    AUXILIARIES,
    DO,
    HAVE,
    MODALS,
    PLACE_LEVELS,
    SHARED_VERBS,
    UNITS_OF_TIME,
    alternation,
    forms,
)
from rag.english.measures import counts_together, kind_near
from rag.english.names import names
from rag.english.normalise import content_stems, words
from rag.english.numbers import unit_of
from rag.english.participants import Participant, ParticipantRole, participants

__all__ = ["AnswerType", "Asked", "answer_type"]


class AnswerType(Enum):
    """What a question asks for. Phrases may be rivals under PLACE and ONE alone, figures and times always."""

    FIGURE = "how many"
    TIME = "when"
    PLACE = "where"
    ONE = "who, which, what: one of its kind"
    POLAR = "yes or no"
    OPEN = "why, how, several things"


_FIGURE_ASKED = re.compile(rf"\bhow\s+(?!(?:{alternation(AUXILIARIES)}|to)\b)\w+", re.IGNORECASE)
_COUNT_ASKED = re.compile(r"\bhow\s+many\b", re.IGNORECASE)
_TIME_ASKED = re.compile(
    rf"\bwhen\b|\b(?:what|which)\s+(?:\w+\s+)?(?:date|time|{alternation(UNITS_OF_TIME)})\b", re.IGNORECASE
)
_PLACE_ASKED = re.compile(
    rf"\b(?:where|location)\b|\b(?:what|which)\s+(?:\w+\s+)?(?:place|{alternation(PLACE_LEVELS)})\b",
    re.IGNORECASE,
)
_ONE_ASKED = re.compile(r"\b(?:who|whom|whose|which|what)\b", re.IGNORECASE)
# Each article may name another of several. "What does" and "which class" are one: not every s is a plural.
_PLURAL = r"\w+[^\W\dsiu]s\b"
_SEVERAL_ASKED = re.compile(
    r"\b(?:who|what|which|where)\s+(?:are|were|have|else)\b|\bwhich\s+of\b"
    rf"|\b(?:which|what)\s+(?!is\b|was\b|has\b|does\b){_PLURAL}"
    rf"|\bwhere\s+(?:do|did|will)\s+(?:[\w’']+\s+){{0,2}}(?-i:[a-z]){_PLURAL}",
    re.IGNORECASE,
)
_REASON_ASKED = re.compile(r"\b(?:why|how)\b|\bwhat\s+(?:do|did|happened|has|had)\b", re.IGNORECASE)
_DOER_FOLLOWS = re.compile(rf"\b(?:{alternation(DO | HAVE | MODALS)}|when)\s(?:the\s)?\Z", re.IGNORECASE)


def answer_type(question: str) -> AnswerType:
    """What a question asks for, from its words.

    >>> questions = ("How many died?", "On what day?", "Where is it?", "Who won?", "Who were killed?")
    >>> [answer_type(q).name for q in questions]
    ['FIGURE', 'TIME', 'PLACE', 'ONE', 'OPEN']
    >>> questions = ("How many died when it fell?", "Where did the strikes land?", "Why?", "Is it?")
    >>> [answer_type(q).name for q in questions]
    ['FIGURE', 'OPEN', 'OPEN', 'POLAR']
    """
    asked = words(question)
    if asked and asked[0] in AUXILIARIES:
        return AnswerType.POLAR
    figure, time = _FIGURE_ASKED.search(question), _TIME_ASKED.search(question)
    if figure or time:
        first = time and (not figure or time.start() < figure.start())
        return AnswerType.TIME if first else AnswerType.FIGURE
    if _SEVERAL_ASKED.search(question) or _shared_verbs() & set(asked):
        return AnswerType.OPEN
    if _PLACE_ASKED.search(question):
        return AnswerType.PLACE
    if _REASON_ASKED.search(question):
        return AnswerType.OPEN
    return AnswerType.ONE if _ONE_ASKED.search(question) else AnswerType.OPEN


@lru_cache(maxsize=1)
def _shared_verbs() -> frozenset[str]:
    return forms(SHARED_VERBS)


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, read.

    `marks` tell its subject from others: its names' words, or, if it is `nameless`, its stems. `agents` and
    `targets` are who did it to whom. `together`: it asks about several sides at once. `known` are the words
    that it or the texts beside it write as names.
    `unit` is what "how many" counts, `kind` the harm or the measure asked about.
    """

    type: AnswerType
    stems: frozenset[str]
    marks: frozenset[str]
    nameless: bool
    agents: frozenset[str]
    targets: frozenset[str]
    years: frozenset[int]
    unit: str | None
    kind: str | None
    together: bool
    known: frozenset[str]

    @classmethod
    def of(cls, question: str, texts: Iterable[str] = ()) -> Asked:
        """A question as it is to be understood beside those texts, which show what is a name."""
        known = _written_as_names(question).union(*map(_written_as_names, texts))
        named = [p for p in participants(question, known) if p.role is not ParticipantRole.SPEAKER]
        stems = frozenset(content_stems(question))
        return cls(
            answer_type(question),
            stems,
            frozenset(word for p in named for word in p.words) or stems,
            not named,
            _doer(question, named),
            frozenset(word for p in named if p.role is ParticipantRole.TARGET for word in p.words),
            years_in(question),
            unit_of(question[counted.end() :]) if (counted := _COUNT_ASKED.search(question)) else None,
            kind_near(question, len(question)),
            counts_together(question),
            known,
        )


def _doer(question: str, named: Sequence[Participant]) -> frozenset[str]:
    """Who does what is asked about: the name after "did", else one whose deed it is; nobody in "when was
    Kakar born".

    >>> questions = ("When did Iran hit Iraq?", "Who fled Iran's strikes?", "Is Iran big?")
    >>> [sorted(_doer(q, participants(q))) for q in questions]
    [['iran'], ['iran'], []]
    """
    doing = [p for p in named if p.role is ParticipantRole.AGENT]
    asked = [p for p in doing if _DOER_FOLLOWS.search(question[: p.start])]
    deeds = [p for p in doing if p.deed]
    return (asked or deeds)[0].words if asked or deeds else frozenset()


@lru_cache(maxsize=512)
def _written_as_names(text: str) -> frozenset[str]:
    """The words of the names that open no sentence."""
    return frozenset(word for name in names(text) if not name.opens for word in words(name.text))
