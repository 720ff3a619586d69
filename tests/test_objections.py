"""What rules hold against a sentence: nothing where the quote says the same in another form."""

from __future__ import annotations

import pytest

from rag.answer.paraphrase import objections
from rag.types import Objection

SAME = [
    ("A diplomat who chose not to be named spoke.", "A diplomat who declined to be named spoke."),
    ("The goalkeeper was not able to reach the ball.", "The goalkeeper was unable to reach the ball."),
    ("The goalkeeper could not reach the ball.", "The goalkeeper was unable to reach the ball."),
    ("Prices are not likely to fall.", "Prices are unlikely to fall."),
    ("The yard did not manage to sell the trawler.", "The yard failed to sell the trawler."),
    ("Solveig Dahl will not be able to sing on Friday.", "Solveig Dahl will be unable to sing on Friday."),
    ("Half of that will be offset over five years.", "Half of that will be offset over 5 years."),
    ("Ontario’s leader announced that the rules will go.", "The leader of Ontario announced that the rules will go."),
]  # fmt: skip
OTHER = [
    ("The goalkeeper was able to reach the ball.", "The goalkeeper was unable to reach the ball."),
    ("Prices are likely to fall.", "Prices are unlikely to fall."),
    ("The yard managed to sell the trawler.", "The yard failed to sell the trawler."),
    ("The diplomat was named.", "A diplomat who chose not to be named spoke."),
    ("Half of that was offset over five years.", "Half of that will be offset over 5 years."),
    ("Quebec’s leader announced that the rules will go.", "The leader of Ontario announced that the rules will go."),
]  # fmt: skip


@pytest.mark.parametrize(("text", "quote"), [*SAME, *(pair[::-1] for pair in SAME)])
def test_the_same_in_another_form_meets_no_objection(text: str, quote: str) -> None:
    assert objections(text, quote) == frozenset()


@pytest.mark.parametrize(("text", "quote"), OTHER)
def test_what_says_otherwise_meets_one(text: str, quote: str) -> None:
    assert objections(text, quote) & {
        Objection.CHANGED, Objection.DEEDS, Objection.DENIALS, Objection.FACTS, Objection.SPEAKERS
    }  # fmt: skip
