"""What of a scripted model's replies reaches the reader, over the demo articles, with the real encoder and
reader.
"""

from __future__ import annotations

import pytest

from eval.bench.replies import FACTS, Outcome, put, table

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def outcomes() -> list[Outcome]:
    return put()


def test_thirty_replies_are_put_with_a_fault_of_every_kind(outcomes: list[Outcome]) -> None:
    assert 3 * len(FACTS) == 30
    faults = {o.kind for o in outcomes if o.faulty}
    assert faults == {
        "date",
        "role",
        "number",
        "name",
        "negation",
        "source",
        "invented",
        "number of no passage",
    }


def test_what_is_right_reaches_the_reader_with_the_right_quote_whatever_its_number(
    outcomes: list[Outcome],
) -> None:
    for kind in ("right", "wrong number", "no number"):
        assert [o.text for o in outcomes if o.kind == kind and not (o.shown and o.cited)] == []


def test_what_is_spoiled_is_not_called_supported_but_for_one_that_is_known(outcomes: list[Outcome]) -> None:
    # Another article has Jilani's counterpart come on Monday; the words that differ, "spoke" and "evening",
    # are too few.
    known = "Foreign Minister Jalil Abbas Jilani spoke to his Iranian counterpart on Monday evening."
    assert [o.text for o in outcomes if o.faulty and o.supported] == [known]


def test_what_no_article_says_is_not_shown_even_to_be_checked(outcomes: list[Outcome]) -> None:
    assert [o.text for o in outcomes if o.kind in {"invented", "number of no passage"} and o.shown] == []


def test_the_table_has_a_row_a_kind_what_is_right_first(outcomes: list[Outcome]) -> None:
    rows = table(outcomes)
    assert [row["kind"] for row in rows[:3]] == ["right", "wrong number", "no number"]
    assert rows[0] == {
        "kind": "right",
        "sentences": 10,
        "to be shown": 10,
        "shown": 10,
        "supported": 9,
        "with the right quote": 10,
    }
    assert sum(row["sentences"] for row in rows) == len(outcomes) == 70
