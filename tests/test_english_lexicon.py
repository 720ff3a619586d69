"""Forms of verbs, made from their lemmas and read back to them."""

from __future__ import annotations

import pytest

from rag.english.lexicon import DENYING_VERBS, MONTH_NUMBERS, forms, lemma, past_forms


@pytest.mark.parametrize(
    ("verb", "made"),
    [
        ("deny", {"deny", "denies", "denied", "denying"}),
        ("strike", {"strike", "strikes", "struck", "striking"}),
        ("stop", {"stop", "stops", "stopped", "stopping"}),
        ("visit", {"visit", "visits", "visited", "visiting"}),
        ("cancel", {"cancel", "cancels", "canceled", "cancelled", "canceling", "cancelling"}),
        ("win", {"win", "wins", "won", "winning"}),
        ("tie", {"tie", "ties", "tied", "tying"}),
        ("free", {"free", "frees", "freed", "freeing"}),
        ("panic", {"panic", "panics", "panicked", "panicking"}),
        ("catch", {"catch", "catches", "caught", "catching"}),
    ],
)
def test_the_forms_of_a_verb_follow_from_its_lemma(verb: str, made: set[str]) -> None:
    assert forms([verb]) == made
    assert {lemma(form) for form in made} == {verb}


@pytest.mark.parametrize(
    ("form", "verb"),
    [
        ("docked", "dock"),
        ("relocated", "relocate"),
        ("jammed", "jam"),
        ("levied", "levy"),
        ("crippled", "cripple"),
    ],
)
def test_the_lemma_of_a_verb_that_is_not_listed_is_told_by_its_ending(form: str, verb: str) -> None:
    assert lemma(form) == verb


def test_denying_and_the_calendar_hold_what_their_callers_had() -> None:
    assert past_forms(["deny", "refuse"]) <= forms(DENYING_VERBS)
    assert [MONTH_NUMBERS[name] for name in ("january", "sep", "sept", "may", "dec")] == [1, 9, 9, 5, 12]
