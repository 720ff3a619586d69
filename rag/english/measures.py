"""What a text counts and measures, and in which units.

Besides figures these are shares ("one in four"), nothing ("nobody") and single units ("an hour and a half").
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from types import MappingProxyType

from rag.english.lexicon import (
    AUXILIARIES,
    COUNTED_KINDS,
    DIGIT_WORDS,
    NUMBER_WORDS,
    ORDINALS,
    PERSONS,
    UNITS_OF_TIME,
    alternation,
)
from rag.english.normalise import stem, words
from rag.english.numbers import Figure, figures, unit_of

__all__ = ["counted_qualifiers", "counts_together", "in_base_unit", "is_as_much", "kind_near", "quantities"]

# Unit, short or long: how many of the base unit, which comes first in each line.
_UNITS = (
    "metre:1 meter:1 m:1 millimetre:.001 millimeter:.001 mm:.001 centimetre:.01 centimeter:.01 cm:.01 "
    "kilometre:1000 kilometer:1000 km:1000 mile:1609.34 yard:.9144 foot:.3048 feet:.3048 ft:.3048 inch:.0254",
    "second:1 minute:60 min:60 hour:3600 day:86400 week:604800 fortnight:1209600",
    "month:1 year:12 decade:120 century:1200",
    "gram:1 gramme:1 kilogram:1000 kilogramme:1000 kilo:1000 kg:1000 tonne:1e6 ounce:28.35",
    "litre:1 liter:1 millilitre:.001 milliliter:.001 gallon:3.785",
    "hectare:1 acre:.4047",
    "watt:1 kilowatt:1e3 megawatt:1e6 mw:1e6 gigawatt:1e9 gw:1e9",
    "kph:1 kmh:1 mph:1.60934",
)


@lru_cache(maxsize=1)
def _factors() -> Mapping[str, tuple[str, float]]:
    """Of each unit's stem: its base unit and how many of them it is."""
    found: dict[str, tuple[str, float]] = {}
    for line in _UNITS:
        pairs = [entry.split(":") for entry in line.split()]
        for name, factor in pairs:
            found[stem(name)] = stem(pairs[0][0]), float(factor)
    return MappingProxyType(found)


def in_base_unit(figure: Figure) -> Figure:
    """The figure in the base unit of its kind: metres, seconds, months, grams, and so on; others as they are.

    >>> from rag.english.numbers import figures
    >>> [(f.value, f.unit) for f in map(in_base_unit, figures("30 centimetres, 90 minutes and nine people"))]
    [(0.3, 'meter'), (5400.0, 'second'), (9.0, 'person')]
    """
    base = _factors().get(figure.unit or "")
    if base is None:
        return figure
    unit, factor = base
    value, low, high = (round(number * factor, 9) for number in (figure.value, figure.low, figure.high))
    return replace(figure, unit=unit, value=value, low=low, high=high)


_ROUNDED = 0.03  # of a number that was converted into another unit, and rounded


def is_as_much(one: Figure, other: Figure) -> bool:
    """Whether a figure is another one in another unit, rounded.

    >>> from rag.english.numbers import figures
    >>> decades, years, miles, kilometres = figures("six decades, 60 years, 20 miles and 32 kilometres")
    >>> is_as_much(decades, years), is_as_much(miles, kilometres), is_as_much(years, miles)
    (True, True, False)
    """
    if one.unit == other.unit or one.unit is None or other.unit is None:
        return False
    first, second = in_base_unit(one), in_base_unit(other)
    return first.unit == second.unit and abs(first.value - second.value) <= _ROUNDED * abs(first.value)


_FEW = alternation(DIGIT_WORDS[1:])
_OF_TIME = alternation([*UNITS_OF_TIME, *(f"{unit}s" for unit in UNITS_OF_TIME)])
_PARTS = ("half", ORDINALS[2], "quarter", *ORDINALS[4:10])  # the third part to the tenth
_IN_OR_OF = re.compile(
    rf"\b(?P<part>{_FEW}|[1-9])\s(?:in|out\sof)\s(?:every\s)?"
    rf"(?P<whole>{alternation(NUMBER_WORDS)}|100|[1-9]\d?)\b"
    rf"(?!\s(?:{_OF_TIME})\b|[.,]?\d)",
    re.IGNORECASE,
)
_FRACTION = re.compile(
    rf"\b(?:(?P<many>{_FEW})[-\s](?P<parts>{alternation(_PARTS)})s"
    rf"|(?:(?:an?\s|one[-\s])(?P<one>{alternation(_PARTS)})"
    rf"|(?<!first\s)(?<!second\s)(?P<half>half))(?=\sof\b))\b",
    re.IGNORECASE,
)
_NOBODY = re.compile(r"\b(?:nobody|no[-\s]one|none)\b", re.IGNORECASE)
_NO_PLURAL = re.compile(
    rf"\bno(?P<what>\s(?:[^\W\d_]+\s)?(?:people|(?!(?:{alternation(AUXILIARIES)})\b)[^\W\d_]+[^\W\d_su]s))\b",
    re.IGNORECASE,
)
_HALVES = re.compile(
    rf"\b(?:(?P<half>half\s)an?|(?P<many>an?|{_FEW}|\d{{1,9}}))\s(?P<unit>{_OF_TIME})"
    rf"(?P<and_half>\sand\sa\shalf)?\b",
    re.IGNORECASE,
)


def quantities(text: str) -> tuple[Figure, ...]:
    """What a text counts or measures, in order. A share is a percentage, and of nothing there is 0.

    >>> [(f.value, f.unit) for f in quantities("One in four left, and two-thirds of them were paid 9 euros.")]
    [(25.0, '%'), (66.66667, '%'), (9.0, '€')]
    >>> [(f.value, f.unit) for f in quantities("Nobody was hurt, no trains ran for an hour and a half.")]
    [(0.0, 'person'), (0.0, 'train'), (1.5, 'hour')]
    """
    found = [*_shares(text), *_nothing(text), *_halves(text)]
    taken = [(figure.start, figure.end) for figure in found]
    plain = (f for f in figures(text) if not any(f.start < end and start < f.end for start, end in taken))
    return tuple(sorted([*found, *plain], key=lambda figure: (figure.start, figure.end)))


def _exactly(match: re.Match[str], value: float, unit: str | None) -> Figure:
    value = float(round(value, 5))
    return Figure(*match.span(), value, "", value, value, unit)


def _number(word: str) -> int:
    return int(word) if word.isdigit() else NUMBER_WORDS[word.lower()]


def _shares(text: str) -> Iterator[Figure]:
    for match in _IN_OR_OF.finditer(text):
        part, whole = _number(match["part"]), _number(match["whole"])
        if part < whole:
            yield _exactly(match, 100 * part / whole, "%")
    for match in _FRACTION.finditer(text):
        name = (match["parts"] or match["one"] or match["half"]).lower()
        number = _number(match["many"]) if match["many"] else 1
        yield _exactly(match, 100 * number / (4 if name == "quarter" else _PARTS.index(name) + 2), "%")


def _nothing(text: str) -> Iterator[Figure]:
    for match in _NOBODY.finditer(text):
        yield _exactly(match, 0, None if match.group().lower() == "none" else "person")
    for match in _NO_PLURAL.finditer(text):
        yield _exactly(match, 0, unit_of(match["what"]))


def _halves(text: str) -> Iterator[Figure]:
    """Units of time that are halved or come with a half, and a single one."""
    for match in _HALVES.finditer(text):
        if match["half"] or match["and_half"] or match["many"].lower() in ("a", "an"):
            many = (
                0 if match["half"] else 1 if match["many"].lower() in ("a", "an") else _number(match["many"])
            )
            half = 0.5 if match["half"] or match["and_half"] else 0.0
            yield _exactly(match, many + half, unit_of(f" {match['unit']}"))


@lru_cache(maxsize=1)
def _kinds() -> Mapping[str, str]:
    """Of each stem that says what is counted: its kind."""
    return MappingProxyType({stem(word): kind for kind, counted in COUNTED_KINDS.items() for word in counted})


@lru_cache(maxsize=1_024)
def kind_near(text: str, start: int, end: int | None = None) -> str | None:
    """Which harm or measure the words nearest to a place say.

    "Killed nine and injured 20" counts the injured with 20, as does "nine were killed and 20 injured".

    >>> text = "It killed nine and injured 20."
    >>> kind_near(text, text.index("nine")), kind_near(text, text.index("20")), kind_near("It rained.", 0)
    ('killed', 'hurt', None)
    """
    found: list[tuple[int, int, str]] = []
    for match in re.finditer(r"[^\W\d_]+", text):
        if kind := _kinds().get(stem(match.group().lower())):
            distance = max(start - match.end(), match.start() - (start if end is None else end), 0)
            found.append((distance, match.start(), kind))
    return min(found)[2] if found else None


_TOGETHER = re.compile(r"\b(?:both|combined|each\sother)\b", re.IGNORECASE)


def counts_together(text: str) -> bool:
    """Whether a text speaks of several sides at once.

    >>> counts_together("It killed eleven on both sides."), counts_together("It killed nine.")
    (True, False)
    """
    return bool(_TOGETHER.search(text))


def counted_qualifiers(text: str, figure: Figure) -> frozenset[str]:
    """The stems of what stands between a figure of the text and the noun that it counts, up to two words.

    >>> text = "It won five gold medals."
    >>> counted_qualifiers(text, figures(text)[0])
    frozenset({'gold'})
    """
    following = words(text[figure.end : figure.end + 60])[:3]
    for at, word in enumerate(following):
        if stem(word) == figure.unit or (figure.unit == "person" and word in PERSONS):
            return frozenset(map(stem, following[:at]))
    return frozenset()
