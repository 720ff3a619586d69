"""Two values: the same, rivals, or not to be compared."""

from __future__ import annotations

import pytest

from rag.answer.values import Relation, phrase, relation
from rag.english.measures import quantities

SAME, COMPATIBLE, RIVAL, UNRELATED = Relation.SAME, Relation.COMPATIBLE, Relation.RIVAL, Relation.UNRELATED


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("4,000 cars", "3,800 cars", SAME),  # a round number may lie a twentieth off
        ("4,000 cars", "3,799 cars", RIVAL),
        ("600 cars", "570 cars", SAME),
        ("600 cars", "569 cars", RIVAL),
        ("80 cars", "79 cars", RIVAL),  # what is counted by tens is not taken to be rounded
        ("54%", "54.5%", SAME),  # half of the last place
        ("54%", "54.6%", RIVAL),
        ("600 miles", "990 km", SAME),  # 966 km: a conversion is rounded by up to a thirtieth
        ("600 miles", "1,010 km", RIVAL),
        ("560 miles", "560", SAME),
        ("560 miles", "570 miles", RIVAL),  # nothing is converted
        ("minus 3 degrees", "3 degrees", RIVAL),
        ("9 euros", "9 dollars", UNRELATED),
        ("nobody", "three people", RIVAL),
        ("up to ten people", "nobody", COMPATIBLE),
        ("more than 5 cars", "more than 7 cars", RIVAL),
        ("more than 5 cars", "at least 7 cars", COMPATIBLE),
    ],
)
def test_figures(one: str, other: str, expected: Relation) -> None:
    a, b = quantities(one)[0], quantities(other)[0]
    assert (relation(a, b), relation(b, a)) == (expected, expected)


@pytest.mark.parametrize(
    ("word", "least", "most"),
    [
        ("dozens", 24, 200),
        ("scores", 40, 200),
        ("hundreds", 200, 2_000),
        ("thousands", 2_000, 200_000),
        ("millions", 2_000_000, 2_000_000_000),
        ("billions", 2_000_000_000, 2_000_000_000_000),
    ],
)
def test_a_plural_that_says_how_many_is_at_least_two_of_them(word: str, least: int, most: int) -> None:
    said = quantities(f"{word} of cars")[0]
    counts = (least - 1, least, most, most + 1)
    assert [relation(said, quantities(f"{count:,} cars")[0]) for count in counts] == [
        RIVAL,
        SAME,
        SAME,
        RIVAL,
    ]


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("a gulf free of troops, bases, ships, spies", "peace", RIVAL),  # six content words
        ("a gulf free of troops, bases, ships, spies, planes", "peace", UNRELATED),
        ("Boeing 747", "Douglas DC-3", RIVAL),  # neither ends in a name
        ("Boeing 747", "Douglas", UNRELATED),
        ("The Walt Disney Co.", "Warner", RIVAL),
        ("Salem, Ohio", "Salem, Oregon", UNRELATED),
        ("the", "Salem", UNRELATED),
    ],
)
def test_phrases(one: str, other: str, expected: Relation) -> None:
    a, b = phrase(one), phrase(other)
    assert (relation(a, b), relation(b, a)) == (expected, expected)


def test_values_of_two_types_are_unrelated() -> None:
    assert relation(quantities("nine")[0], phrase("nine lives")) is UNRELATED
