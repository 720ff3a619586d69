"""The states of citations and sentences in words, and how many sentences are in each. The page, the terminal,
exports and JSON all take them from here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from rag.types import Answer, Support

__all__ = ["StateCounts", "counts", "counts_json", "counts_of", "counts_text", "support_text"]

_WORDS = {
    Support.QUOTED: "quoted",
    Support.SUPPORTED: "supported",
    Support.CHECK: "in other words: please check",
}


@dataclass(frozen=True, slots=True)
class StateCounts:
    """How many sentences of an answer are quoted, supported, to be checked by the reader, and withheld."""

    quoted: int = 0
    supported: int = 0
    check: int = 0
    withheld: int = 0


def support_text(support: Support) -> str:
    """A state in words.

    >>> support_text(Support.CHECK)
    'in other words: please check'
    """
    return _WORDS[support]


def counts(supports: Iterable[Support], withheld: int) -> StateCounts:
    """The counts of sentences with these states, and of `withheld` more that are not shown.

    >>> counts([Support.QUOTED, Support.CHECK, Support.QUOTED], 1)
    StateCounts(quoted=2, supported=0, check=1, withheld=1)
    """
    of = Counter(supports)
    return StateCounts(of[Support.QUOTED], of[Support.SUPPORTED], of[Support.CHECK], withheld)


def counts_of(answer: Answer) -> StateCounts:
    """The counts of an answer."""
    return counts((sentence.support for sentence in answer.sentences), len(answer.withheld))


def counts_text(found: StateCounts) -> str:
    """The counts in words, without those that are 0; empty where all are.

    >>> counts_text(StateCounts(quoted=2, check=1, withheld=1))
    'Sentences: 2 quoted; 1 in other words: please check; 1 withheld'
    """
    named = [
        (found.quoted, support_text(Support.QUOTED)),
        (found.supported, support_text(Support.SUPPORTED)),
        (found.check, support_text(Support.CHECK)),
        (found.withheld, "withheld"),
    ]
    said = [f"{number} {words}" for number, words in named if number]
    return f"Sentences: {'; '.join(said)}" if said else ""


def counts_json(found: StateCounts) -> dict[str, Any]:
    """The counts as JSON values, with their words as `text`.

    >>> counts_json(StateCounts(quoted=1))
    {'quoted': 1, 'supported': 0, 'check': 0, 'withheld': 0, 'text': 'Sentences: 1 quoted'}
    """
    return asdict(found) | {"text": counts_text(found)}
