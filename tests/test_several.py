"""A sentence of several claims: each is checked, and the sentence stands with what they rest on."""

from __future__ import annotations

from collections.abc import Sequence

from conftest import article, evidence

from rag.answer.check import Checker
from rag.answer.several import checked_in_parts
from rag.types import DraftSentence, Judgement, Support


class Unsure:
    """A judge that finds every sentence in other words likely, but not certain."""

    name = "unsure"

    def judge(self, pairs: Sequence[tuple[str, str]]) -> list[Judgement]:
        return [Judgement(0.3, 0.3, 0.1, 0.3, 0.5) for _ in pairs]


def test_words_that_carry_two_claims_are_cited_once_in_the_weaker_state() -> None:
    story = article("The ferry sank in the bay of Karvel on Sunday.")
    first, second = (
        "The ferry sank in the bay of Karvel on Sunday.",
        "In the bay of Karvel sank a ferry on Sunday.",
    )
    draft = DraftSentence(f"{first[:-1]}, and {second}", parts=(first, second))
    sentence = checked_in_parts(Checker(evidence(story), Unsure()), draft)
    assert sentence is not None
    assert [(c.number, c.support) for c in sentence.citations] == [(1, Support.CHECK)]
