"""Numbers and figures: digits, words, scales, bounds and units."""

from __future__ import annotations

from math import inf

import pytest

from rag.english.numbers import Figure, figures, numbers


@pytest.mark.parametrize(
    ("text", "stated"),
    [
        ("at least nine people, 1,566 incidents and 3.5 bn", ["9", "1566", "3500000000"]),
        ("1,234,567 and 1,23", ["1234567", "1,23"]),
        ("It ended in 2023, at 5.", ["2023", "5"]),
        ("an F16 of v1.2", []),
        ("zero, Nineteen, twenty, ninety", ["0", "19", "20", "90"]),
        ("twenty-one, Thirty‑two, forty three and ninety-nine", ["21", "32", "43", "99"]),
        ("twelve hundred, two dozen, a hundred and five", ["1200", "24", "105"]),
        ("two hundred and fifty thousand and six", ["250006"]),
        ("half a million, one and a half million, half of it", ["500000", "1500000"]),
        ("$3.5bn, £2m, 400m, 5km and 12k", ["3500000000", "2000000", "400", "5", "12000"]),
        ("five or six hundred", ["5", "600"]),
        ("won 2-1 in 2023-24", ["2", "1", "2023", "24"]),
        ("the 21st, the twenty-first, the first", []),
        ("twenty-ten seventeens", ["20", "10"]),
        ("someone often attends nine’s", ["9"]),
        ("none, an hour, a lot", []),
    ],
)
def test_numbers_are_read_from_digits_and_from_words(text: str, stated: list[str]) -> None:
    assert numbers(text) == stated


def test_ordinals_in_digits_count_where_they_are_wanted() -> None:
    assert numbers("on the 16th, 2 of them", ordinals=True) == ["16", "2"]


@pytest.mark.parametrize(
    ("text", "figure"),
    [
        ("at least nine people", Figure(9, 13, 9.0, "least", 9.0, inf, "person")),
        ("Profit rose about 10% in May", Figure(18, 21, 10.0, "about", 9.0, 11.0, "%")),
        ("up to £2m was paid", Figure(6, 9, 2e6, "most", -inf, 2e6, "£")),
        ("more than 300 flights", Figure(10, 13, 300.0, "over", 300.0, inf, "flight")),
        ("It drew approximately 20 ships", Figure(22, 24, 20.0, "about", 18.0, 22.0, "ship")),
        ("20 or more ships", Figure(0, 2, 20.0, "least", 20.0, inf, None)),
        ("between 20 and 30 metres of rain", Figure(8, 17, 20.0, "range", 20.0, 30.0, "meter")),
        ("dozens of homes", Figure(0, 6, 24.0, "range", 24.0, 200.0, "home")),
        ("5 million euros", Figure(0, 9, 5e6, "", 4.75e6, 5.25e6, "€")),
    ],
)
def test_a_figure_has_its_bound_its_room_and_what_it_counts(text: str, figure: Figure) -> None:
    assert figures(text)[0] == figure


def test_two_counts_with_an_and_between_them_are_no_range() -> None:
    assert [(f.value, f.unit) for f in figures("killed 20 and 30 others")] == [(20.0, None), (30.0, "other")]
