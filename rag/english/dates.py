"""The calendar: months, weekdays, days and years as they are written, and how far a time is given.

Which day words like "on Tuesday" mean, seen from the day of publication, is read in `rag.english.times`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from rag.english.lexicon import MONTH_NUMBERS, STOPWORDS, WEEKDAYS, alternation
from rag.english.normalise import words

__all__ = [
    "DAY_MONTH",
    "ISO_DAY",
    "MONTH",
    "MONTH_DAY",
    "Time",
    "is_bare_time",
    "month_number",
    "on_day",
    "shifted",
    "time_in",
    "years_in",
]

MONTH = rf"(?:{alternation(MONTH_NUMBERS)})"  # long or short, to be matched in any case
_DAY = r"\d{1,2}(?:st|nd|rd|th)?"
DAY_MONTH = re.compile(
    rf"\b(?P<first>{_DAY})(?:\s?(?:-|–|to|and)\s?(?P<last>{_DAY}))?(?:\sof)?\s(?P<month>{MONTH}\b\.?)",
    re.IGNORECASE,
)
MONTH_DAY = re.compile(
    rf"\b(?P<month>{MONTH}\b\.?)\s(?P<first>{_DAY})(?!\d)(?:\s?(?:-|–|to|and)\s?(?P<last>{_DAY})(?!\d))?",
    re.IGNORECASE,
)
_MONTH_ONLY = re.compile(rf"\b(?P<month>{MONTH}\b\.?)", re.IGNORECASE)
ISO_DAY = re.compile(r"\b(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)\b")
_YEARS = re.compile(
    r"(?<![\d,.$€£])(?P<year>1\d{3}|20\d\d)(?P<decade>s)?"
    r"(?:\s?(?:-|–|—|/|to|and)\s?(?P<last>\d{4}|\d\d)(?P<until>s)?)?(?![\d%]|,\d)"
)
_WEEKDAY = re.compile(rf"\b(?P<day>{alternation(WEEKDAYS)})\b", re.IGNORECASE)
_RELATIVE = re.compile(r"\b(?P<word>today|tonight|yesterday|tomorrow)\b|\blast night\b", re.IGNORECASE)
_CLOCK = re.compile(r"\b(?P<hour>\d{1,2})(?::(?P<minute>\d\d))?\s?(?P<half>[ap])\.?m\b\.?", re.IGNORECASE)
_TIME_FILLER = frozenset(
    """about around before between by circa early during end evening late later mid middle morning afternoon
    night
    noon next past previous last since spring summer autumn winter until""".split()
)
_ABOUT_YEARS = re.compile(r"\b(?:about|around|circa|c\.|ca\.)\s*\Z", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Time:
    """A time as far as it is given; `None` where nothing is said. Years and days are ranges, both ends
    included.
    """

    years: tuple[int, int] | None = None
    month: int | None = None
    days: tuple[int, int] | None = None
    weekday: int | None = None
    minute: int | None = None
    published: date | None = None


def time_in(text: str, before: str = "", published: date | None = None) -> Time | None:
    """The time a text gives; "yesterday" means something only beside the day it was published.

    >>> time_in("Jan. 18, 2024") == time_in("the 18th of January 2024")
    True
    >>> time_in("the 1880s").years, time_in("1926-27").years
    ((1880, 1889), (1926, 1927))
    >>> time_in("Tuesday").weekday, time_in("9:30 p.m.").minute
    (1, 1290)
    """
    if (relative := _RELATIVE.search(text)) and published:
        return on_day(
            shifted(
                published, {"yesterday": -1, "tomorrow": 1}.get((relative["word"] or "yesterday").lower(), 0)
            )
        )
    if iso := ISO_DAY.search(text):
        return Time((int(iso["year"]),) * 2, int(iso["month"]), (int(iso["day"]),) * 2, published=published)
    named = DAY_MONTH.search(text) or MONTH_DAY.search(text) or _MONTH_ONLY.search(text)
    weekday, clock = _WEEKDAY.search(text), _CLOCK.search(text)
    found = Time(
        _years(text, before),
        month_number(named["month"]) if named else None,
        _day_range(named) if named else None,
        WEEKDAYS.index(weekday["day"].lower()) if weekday else None,
        _minutes(clock) if clock else None,
        published,
    )
    return found if found != Time(published=published) else None


def shifted(day: date, number: int) -> date:
    """The day so many days later, or earlier; the first or the last day of the calendar where it ends before
    that.

    >>> shifted(date(9999, 12, 30), 7)
    datetime.date(9999, 12, 31)
    """
    return date.fromordinal(min(max(day.toordinal() + number, date.min.toordinal()), date.max.toordinal()))


def on_day(day: date) -> Time:
    """A day of the calendar as a time that is wholly given."""
    return Time((day.year, day.year), day.month, (day.day, day.day), day.weekday())


def _day_range(named: re.Match[str]) -> tuple[int, int] | None:
    parts = named.groupdict()
    if not parts.get("first"):
        return None
    first, last = (int(re.sub(r"\D", "", d)) for d in (parts["first"], parts.get("last") or parts["first"]))
    return min(first, last), max(first, last)


def _minutes(clock: re.Match[str]) -> int:
    hour = int(clock["hour"]) % 12 + (12 if clock["half"].lower() == "p" else 0)
    return 60 * hour + int(clock["minute"] or 0)


def _years(text: str, before: str = "") -> tuple[int, int] | None:
    """The years a text speaks of: "about 1870" may be two years off, "1880s" are ten.

    >>> _years("1884–1886"), _years("about 1870"), _years("3,559 people")
    ((1884, 1886), (1868, 1872), None)
    """
    if (match := _YEARS.search(text)) is None:
        return None
    first = int(match["year"])
    last = int(match["last"]) if match["last"] else first
    if last < 100:
        last += first - first % 100
    last += 9 if match["until"] or (match["decade"] and not match["last"]) else 0
    slack = 2 if _ABOUT_YEARS.search((before + text[: match.start()])[-12:]) else 0
    return (first - slack, last + slack) if last >= first else (first, first)


def years_in(text: str) -> frozenset[int]:
    """The years that a text names, one by one.

    >>> sorted(years_in("In 2023 it sold 1,990 cars, as in 2019.")), sorted(years_in("the 1880s, for $1999"))
    ([2019, 2023], [])
    """
    return frozenset(int(match["year"]) for match in _YEARS.finditer(text) if not match["decade"])


def is_bare_time(text: str) -> bool:
    """Whether a text is a time and nothing else: "late on Tuesday" is, "the 1970 Atlanta Braves" is not.

    >>> is_bare_time("late on Tuesday"), is_bare_time("the 1970 Atlanta Braves"), is_bare_time("Jan. 18")
    (True, False, True)
    """
    for pattern in (ISO_DAY, DAY_MONTH, MONTH_DAY, _MONTH_ONLY, _WEEKDAY, _CLOCK, _RELATIVE, _YEARS):
        text = pattern.sub(" ", text)
    return not any(w for w in words(text) if w not in STOPWORDS and w not in _TIME_FILLER)


def month_number(name: str) -> int:
    """The number of a month by its name, long or short, in any case.

    >>> month_number("Sept."), month_number("MAY")
    (9, 5)
    """
    return MONTH_NUMBERS[name.rstrip(".").lower()]
