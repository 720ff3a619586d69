"""How much of a sentence repeats one of the article's: by that it is weighed as a copy or as other words."""

from __future__ import annotations

import pytest

from rag.answer.aligned import repeated

RULING = "The court in Lisbon ruled on Monday that the ferry company Nordline must repay 4 million euros."


@pytest.mark.parametrize(
    ("text", "quote", "share"),
    [
        (RULING, RULING, 1.0),
        ("The court ruled that Nordline must repay.", RULING, 1.0),
        ("Nordline must repay 4 million euros, the court ruled.", RULING, 6 / 9),
        # Words in the order of two sentences are not one sentence's.
        ("The ferry sank.", "The ferry left at noon. A barge sank.", 2 / 3),
        # Nor are words from all over a long one.
        (
            "Iran struck first.",
            "Asked about Iran, the spokesman said that he would rather not talk about who struck first.",
            2 / 3,
        ),
        ("Is it?", "", 0.0),
        ("…", RULING, 0.0),
    ],
)
def test_the_share_of_words_that_one_sentence_has_in_order_and_close_together(
    text: str, quote: str, share: float
) -> None:
    assert repeated(text, quote) == pytest.approx(share)


@pytest.mark.parametrize(("between", "share"), [(3, 1.0), (4, 0.75)])
def test_the_words_may_be_drawn_from_three_times_as_many(between: int, share: float) -> None:
    words = " ".join(["slowly"] * between)
    assert repeated("Boats sank near Porto.", f"Boats {words} sank {words} near, again, Porto.") == share
