"""What words give as a value (a figure, a time or a phrase), and how two values stand to each other.

Figures and times are compared by what they mean, phrases by their words. In doubt two values are unrelated.
"""

from __future__ import annotations

import re
from collections.abc import Set
from dataclasses import dataclass
from enum import Enum

from rag.english.dates import Time, on_day, shifted
from rag.english.lexicon import COMPASS, PLACE_LEVELS
from rag.english.measures import in_base_unit
from rag.english.names import alike, names, same_name
from rag.english.normalise import content_stems, words
from rag.english.numbers import Figure

__all__ = ["Relation", "Value", "WordValue", "phrase", "relation"]

_LONGEST_PHRASE = 6  # content words; more make a statement, and two statements may both be true
_CONVERTED = 1 / 30  # "350 miles" may be 563 km written as 560: how far a converted figure may be rounded
_ROUND_SHARE = 0.05  # "4,000 people" may be 3,980, and is not 4,500
_BOUNDED = frozenset(["least", "over", "most", "under"])


class Relation(Enum):
    """How two values, or two groups of claims, stand to each other."""

    SAME = "one value, in other words or less exactly"
    COMPATIBLE = "a bound, and a figure within it: neither the same nor exclusive"
    RIVAL = "not both can be right"
    UPDATE = "one replaces the other"
    UNRELATED = "not to be compared"


@dataclass(frozen=True, slots=True)
class WordValue:
    """A value that is neither figure nor time.

    `stems` are its content words' stems, `head` those before the first comma ("Salem" of "Salem, Ohio").
    `name`: it ends in a name. `level`: it says what kind of place it is ("Ohio state").
    """

    text: str
    stems: tuple[str, ...]
    head: tuple[str, ...]
    name: bool
    level: bool


Value = Figure | Time | WordValue


def phrase(text: str, asked: Set[str] = frozenset()) -> WordValue:
    """A phrase without the question's own stems: to "which party", "Liberal Party" answers "liberal".

    >>> phrase("Salem, Massachusetts").head, phrase("Liberal Party", {"parti"}).stems
    (('salem',), ('liber',))
    """
    stems = tuple(content_stems(text))
    kept = tuple(stem for stem in stems if stem not in asked) or stems
    first = text.partition(",")[0].rstrip()
    called = names(f"the {first}")  # so that no capital passes for a sentence's first
    return WordValue(
        text,
        kept,
        tuple(stem for stem in content_stems(first) if stem in kept),
        bool(called) and words(called[-1].text)[-1:] == words(first)[-1:] and words(first)[-1].isalpha(),
        bool((PLACE_LEVELS | COMPASS) & set(words(text))),
    )


def relation(a: Value, b: Value) -> Relation:
    """How two values stand to each other; values of two types are unrelated."""
    if isinstance(a, Figure) and isinstance(b, Figure):
        return _figures(a, b)
    if isinstance(a, Time) and isinstance(b, Time):
        return _times(a, b)
    if isinstance(a, WordValue) and isinstance(b, WordValue):
        return _phrases(a, b)
    return Relation.UNRELATED


# --- figures ------------------------------------------------------------------------------------------


def _figures(a: Figure, b: Figure) -> Relation:
    """Figures are rivals when they leave no room for each other. So are two bounds of one form.

    "At least seven" and "at least nine" are two counts, though nine is at least seven. "More than 5" allows
    "at least 7".

    >>> from rag.english.numbers import figures
    >>> pairs = (("at least 7", "at least 9"), ("over 5", "7"), ("560 miles", "900 km"), ("5 cars", "6 men"))
    >>> [_figures(figures(x)[0], figures(y)[0]).name for x, y in pairs]
    ['RIVAL', 'COMPATIBLE', 'SAME', 'UNRELATED']
    """
    slack = max(_slack(a, b), _slack(b, a))
    if a.unit and b.unit and a.unit != b.unit:
        a, b = in_base_unit(a), in_base_unit(b)
        if a.unit != b.unit:
            return Relation.UNRELATED
        slack = _CONVERTED * max(a.value, b.value)
    if a.value == b.value:
        return Relation.SAME
    if a.low > b.high + slack or b.low > a.high + slack:
        return Relation.RIVAL
    bounds = _BOUNDED & {a.bound, b.bound}
    if not bounds:
        return Relation.SAME
    return Relation.RIVAL if a.bound == b.bound else Relation.COMPATIBLE


def _slack(coarse: Figure, fine: Figure) -> float:
    """How far a round number may lie from one given to a finer place: half of its own last place.

    >>> from rag.english.numbers import figures
    >>> pairs = (("87%", "86.8%"), ("4,000", "3,980"), ("87%", "85%"))
    >>> [_slack(figures(x)[0], figures(y)[0]) for x, y in pairs]
    [0.5, 200.0, 0.0]
    """
    place = _last_place(coarse.value)
    if coarse.bound or place <= _last_place(fine.value) or 1 < place < 100:
        return 0.0
    return min(place / 2, max(0.5, abs(coarse.value) * _ROUND_SHARE))


def _last_place(value: float) -> float:
    """The place of a number's last digit that is not 0.

    >>> _last_place(4000), _last_place(87), _last_place(0.25)
    (1000.0, 1.0, 0.01)
    """
    exponent = -6
    while exponent < 12 and value and round(value * 10.0**6) % 10 ** (exponent + 7) == 0:
        exponent += 1
    return 10.0**exponent


# --- times --------------------------------------------------------------------------------------------


def _times(a: Time, b: Time) -> Relation:
    """Times are rivals when something that both give differs; a weekday and a date meet through the day of
    publication.

    >>> from datetime import date
    >>> from rag.english.dates import time_in
    >>> pairs = (("Wednesday", "on Thursday"), ("January 2024", "18 January"))
    >>> [_times(time_in(x), time_in(y)).name for x, y in pairs]
    ['RIVAL', 'SAME']
    >>> _times(time_in("Tuesday", published=date(2024, 1, 18)), time_in("16 January")).name
    'SAME'
    """
    for named, dated in ((a, b), (b, a)):
        if named.weekday is not None and not named.days and dated.days and dated.weekday is None:
            return _weekday_and_date(named, dated)
    given = (
        (a.years, b.years),
        (_point(a.month), _point(b.month)),
        (a.days, b.days),
        (_point(a.weekday), _point(b.weekday)),
        (_point(a.minute), _point(b.minute)),
    )
    both = [(x, y) for x, y in given if x and y]
    if not both:
        return Relation.UNRELATED
    overlap = all(x[0] <= y[1] and y[0] <= x[1] for x, y in both)
    return Relation.SAME if overlap else Relation.RIVAL


def _point(value: int | None) -> tuple[int, int] | None:
    return None if value is None else (value, value)


def _weekday_and_date(named: Time, dated: Time) -> Relation:
    """A weekday lies within a week of its article, before or after it."""
    if named.published is None or named.weekday is None:
        return Relation.UNRELATED
    back = (named.published.weekday() - named.weekday) % 7
    near = (shifted(named.published, -back), shifted(named.published, 7 - back))
    fits = any(_times(on_day(day), dated) is Relation.SAME for day in near)
    return Relation.SAME if fits else Relation.RIVAL


# --- phrases ------------------------------------------------------------------------------------------


def _phrases(a: WordValue, b: WordValue) -> Relation:
    """Phrases are the same when one holds the other's words, rivals when they share none and have one shape.

    >>> pairs = (("Gen. Asim Munir", "Munir"), ("BLA", "Baloch Liberation Army"), ("Boston", "Salem"))
    >>> [_phrases(phrase(x), phrase(y)).name for x, y in pairs]
    ['SAME', 'SAME', 'RIVAL']
    """
    if not a.stems or not b.stems:
        return Relation.UNRELATED
    few, many = sorted((a.stems, b.stems), key=len)
    shared = [stem for stem in few if _is_among(stem, many)]
    if len(shared) == len(few) or _one_name(a.text, b.text):
        return Relation.SAME
    # "Salem, Ohio" and "Akron, Ohio" share the state alone.
    places = a.head != a.stems and b.head != b.stems and not any(_is_among(stem, b.head) for stem in a.head)
    if shared and not places:
        return Relation.UNRELATED
    one_shape = a.name == b.name and a.level == b.level and len(many) <= _LONGEST_PHRASE
    return Relation.RIVAL if one_shape else Relation.UNRELATED


def _is_among(stem: str, others: tuple[str, ...]) -> bool:
    return any(alike(stem, other) for other in others)


def _one_name(a: str, b: str) -> bool:
    """Whether two texts are one name, also if one of them sets its letters apart."""
    return same_name(a, b, governments=False) or alike(re.sub(r"\W", "", a), re.sub(r"\W", "", b))
