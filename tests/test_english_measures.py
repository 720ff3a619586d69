"""What a text counts and measures, and which unit is how much of another."""

from __future__ import annotations

import pytest

from rag.english.measures import in_base_unit, quantities


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One in four left.", [(25, "%")]),
        ("Nine out of ten left.", [(90, "%")]),
        ("It fell on one in 20 days.", [(1, None), (20, "day")]),  # a rate, and no share
        ("Four in one box.", [(4, None), (1, "box")]),  # a part is smaller than its whole
        ("Two-thirds of them left.", [(66.66667, "%")]),
        ("Half of it sank.", [(50, "%")]),
        ("The third of March, in the second half of it.", []),
        ("The third man.", []),
        ("Three quarters were sold.", [(75, "%")]),
        ("No one was hurt.", [(0, "person")]),
        ("None was sold.", [(0, None)]),
        ("No injuries were reported.", [(0, "injuri")]),
        ("No doubt it sank.", []),
        ("It took an hour and a half.", [(1.5, "hour")]),
        ("It took two weeks and a half.", [(2.5, "week")]),
        ("It took half an hour.", [(0.5, "hour")]),
        ("It took a day.", [(1, "day")]),
    ],
)
def test_quantities(text: str, expected: list[tuple[float, str | None]]) -> None:
    assert [(figure.value, figure.unit) for figure in quantities(text)] == expected


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1 mile", "1,609.34 metres"),
        ("5 feet", "60 inches"),
        ("3 yards", "9 ft"),
        ("2 weeks", "14 days"),
        ("a fortnight", "336 hours"),
        ("one century", "10 decades"),
        ("2 years", "24 months"),
        ("1.5 tonnes", "1,500 kg"),
        ("2 litres", "2,000 millilitres"),
        ("2 gigawatts", "2,000 MW"),
        ("5 acres", "2.0235 hectares"),
        ("100 mph", "160.934 kph"),
    ],
)
def test_units(one: str, other: str) -> None:
    a, b = in_base_unit(quantities(one)[0]), in_base_unit(quantities(other)[0])
    assert a.unit == b.unit
    assert a.value == pytest.approx(b.value, rel=1e-3)


def test_units_of_two_kinds_do_not_meet() -> None:
    assert (
        len(
            {
                in_base_unit(quantities(text)[0]).unit
                for text in ("1 mile", "1 day", "1 year", "1 kg", "1 litre")
            }
        )
        == 5
    )
