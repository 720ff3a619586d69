"""Whether an answer is the expected one, as SQuAD 1.1 counts."""

from __future__ import annotations

import pytest

from rag.english.matching import contained, exact_match, squad_normalise, token_f1


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("The “Houthis”!", "houthis"),
        ("A  man,\nan other—the theatre", "man otherthe theatre"),
        ("U.S.-led", "usled"),
        ("the", ""),
        ("It’s 3.5%", "its 35"),
    ],
)
def test_normalising_is_that_of_squad_with_typographic_punctuation(text: str, normal: str) -> None:
    assert squad_normalise(text) == normal


def test_exact_match_needs_all_the_words_of_one_gold() -> None:
    assert exact_match("the Houthis.", ["Hamas", "Houthis"])
    assert not exact_match("Houthis of Yemen", ["Houthis"])
    assert not exact_match("Houthis", [])


def test_token_f1_is_the_best_over_the_golds() -> None:
    assert token_f1("Iran struck", ["Pakistan", "Iran"]) == pytest.approx(2 * (1 / 2) * 1 / (1 / 2 + 1))
    assert token_f1("so so Iran", ["so so"]) == pytest.approx(2 * 2 / 5), (
        "a word counts as often as both have it"
    )
    assert (
        token_f1("Iran", ["Pakistan"])
        == token_f1("Iran", [])
        == token_f1("", ["Iran"])
        == token_f1("Iran", ["the"])
        == 0.0
    )
    assert token_f1("the", ["a"]) == 1.0, "nothing where nothing was expected"


def test_a_gold_is_contained_in_one_piece_and_as_whole_words() -> None:
    assert contained("It killed at least nine people.", ["six people", "Nine People"])
    assert not contained("It killed nine or ten people.", ["nine people"])
    assert not contained("It killed nine peoples.", ["nine people"])
    assert not contained("It killed nine.", ["the", ""]), "a gold without words is in nothing"
    assert not contained("It killed nine.", [])
    assert not contained("the", ["", "a"])
