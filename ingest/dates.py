"""Dates as publishers write them. What cannot be read, or can be read in two ways, stays unknown."""

from __future__ import annotations

import re
from datetime import date, datetime
from email.utils import parsedate_to_datetime

from rag.english.dates import month_number
from rag.english.lexicon import MONTH_NUMBERS, SHORT_WEEKDAYS, WEEKDAYS, alternation

__all__ = ["agency", "dateline", "day_in", "leading_date", "read_date"]

_LEADING = re.compile(r"\A\s*date[ \t]+(\d{4}-\d{2}-\d{2})(?!\S)\s*")
_COMPACT = re.compile(r"\d{8}\Z", re.ASCII)
_YEAR_FIRST = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?!\d)", re.ASCII)
_YEAR_LAST = re.compile(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4})(?!\d)", re.ASCII)
_ISO_TIME = re.compile(r"(\d{4}-\d{2}-\d{2})[T ]\d{2}:\d{2}(?::\d{2})?\S*\Z", re.ASCII)
_MONTH = alternation(MONTH_NUMBERS)
_DAY_MONTH = re.compile(
    rf"\b(\d{{1,2}})(?:st|nd|rd|th)?[ \u00a0]+(?:of[ ])?({_MONTH})\b\.?,?[ \u00a0]+(\d{{4}})\b", re.IGNORECASE
)
_MONTH_DAY = re.compile(
    rf"\b({_MONTH})\b\.?[ \u00a0]+(\d{{1,2}})(?:st|nd|rd|th)?,?[ \u00a0]+(\d{{4}})\b", re.IGNORECASE
)
# A day, a word that may be a month in some language, a year; Hungarian has the year first, Chinese and
# Japanese signs.
_FOREIGN = re.compile(
    r"\b\d{1,2}(?:\.|er|º)?\s+(?:de\s+|d[’'])?[^\W\d]{3,12}\.?,?\s+(?:del?\s+)?\d{4}\b(?:\s*г\.)?"
    r"|\b\d{4}\.\s+[^\W\d]{3,12}\.?\s+\d{1,2}\."
    r"|\d{4}\s*年\s*\d{1,2}\s*月\s*\d{1,2}\s*日"
    r"|\d{4}\s*년\s*\d{1,2}\s*월\s*\d{1,2}\s*일"
)
_BESIDE = re.compile(
    rf"(?i:(?:{alternation([*WEEKDAYS, *SHORT_WEEKDAYS])})\.?|at|[ap]\.?m\.?)|[A-Z]{{1,5}}"
)
_BESIDE_A_DAY = 10  # words: a place, an outlet, an author
# What stands small between them. All other words have a capital.
_SMALL = frozenset(
    "published posted filed by on at of the and in am pm st von vom um den der und uhr veröffentlicht le la "
    "à par publié el en "
    "de del por publicado il di pubblicato da do door av".split()
)
_LANGUAGES = (
    "en de fr es it pt nl sv da nb fi pl cs sk ru uk bg tr ar he fa ja zh ko el hu ro hr sr id vi".split()
)
_LONGEST = 100  # characters; nothing longer is a date
# A place in capitals, what stands before the dash, and the dash: "GENEVA, Jan. 17, 2024 (Northwire) —".
_DATELINE = re.compile(
    r"\A\s*(?:[A-Z][A-Z.’'\- ]{2,40})(?:[,/][^\n—–]{0,80}?)?(?:\([^\n()]{1,40}\)\s*)?\s*(?:—|–|--|\s-\s)"
)


def leading_date(text: str) -> tuple[date | None, str]:
    """The publication date a text opens with, and the text without it.

    Only the form ` date YYYY-MM-DD` is recognised, and only if there is such a day.

    >>> leading_date(" date 2024-01-20 WASHINGTON - The")
    (datetime.date(2024, 1, 20), 'WASHINGTON - The')
    >>> leading_date("date 2024-13-20 was")
    (None, 'date 2024-13-20 was')
    """
    if (match := _LEADING.match(text)) and (day := read_date(match.group(1))):
        return day, text[match.end() :]
    return None, text


def read_date(stated: str) -> date | None:
    """A date that stands alone, with or without a time and a time zone: in ISO 8601, as in a mail, in
    numbers, or in words of some thirty languages. The day is the one the publisher wrote. `None` where a part
    of it is missing, where there is no such day, and where 3/4 may be March or April.

    >>> read_date("2024-01-20T23:30:00-05:00")
    datetime.date(2024, 1, 20)
    >>> read_date("Jan. 20, 2024"), read_date("20. Januar 2024"), read_date("20.1.2024")
    (datetime.date(2024, 1, 20), datetime.date(2024, 1, 20), datetime.date(2024, 1, 20))
    >>> read_date("last Tuesday") is read_date("3/4/2024") is None
    True
    """
    words = " ".join(stated.split())
    if not 6 <= len(words) <= _LONGEST or not any(character.isdigit() for character in words):
        return None
    return _iso(words) or _numbers(words) or _mail(words) or _english(words) or _foreign(words)


def day_in(text: str) -> date | None:
    """The one full date that some words hold, as a byline does; `None` where there is none, or two that
    differ.

    >>> day_in("By Ana Torell, 14 March 2023 at 10:00")
    datetime.date(2023, 3, 14)
    >>> day_in("14 March 2023 to 15 March 2023") is None
    True
    """
    found = {
        day for match in _YEAR_FIRST.finditer(text) if (day := _iso(match.group()) or _numbers(match.group()))
    }
    found |= {day for match in _YEAR_LAST.finditer(text) if (day := _numbers(match.group()))}
    found |= set(_english_days(text))
    if not found:
        found = {day for match in _FOREIGN.finditer(text) if (day := _foreign(match.group()))}
    return found.pop() if len(found) == 1 else None


def day_line(line: str) -> date | None:
    """The day of a line that says when something appeared, and beside that at most where, in what, and by
    whom: other words have a capital, where the script has capitals, or are such as stand in a dateline.

    >>> day_line("Harbor Courier, 14 March 2023 – by Ana Torell"), day_line("Von Jörg Hänßler, Varner Bote, 14.3.2023")
    (datetime.date(2023, 3, 14), datetime.date(2023, 3, 14))
    >>> day_line("Tickets on sale 14 March 2025") is day_line("Valid until 31 December 2030") is None
    True
    """
    if day := read_date(line):
        return day
    day, beside = day_in(line), line
    for pattern in (_DAY_MONTH, _MONTH_DAY, _FOREIGN, _YEAR_FIRST, _YEAR_LAST):
        beside = pattern.sub(" ", beside)
    words = re.findall(r"[^\W\d_]{2,}", beside)
    return (
        day if len(words) <= _BESIDE_A_DAY and all(not w[0].islower() or w in _SMALL for w in words) else None
    )


def dateline(text: str) -> date | None:
    """The day in the dateline that a text opens with; `None` where it names no year, as most do not.

    >>> dateline("GENEVA, Jan. 17, 2024 (Northwire) — The talks")
    datetime.date(2024, 1, 17)
    >>> dateline("GENEVA, Jan 17 (Northwire) — The talks") is None
    True
    """
    match = _DATELINE.match(text[:300])
    return day_in(match.group()) if match else None


def agency(text: str) -> str | None:
    """The agency that a dateline names.

    >>> agency("GENEVA, Jan 17 (Northwire) — The talks"), agency("The talks (and more) — ended")
    ('Northwire', None)
    """
    match = _DATELINE.match(text[:300])
    named = re.search(r"\(([^\W\d_][^\n()]{1,39})\)", match.group()) if match else None
    if match is None or named is None:
        return None
    words = named.group(1).split()
    # "NATO (North Atlantic Treaty Organization)" says what the letters stand for.
    spelt = "".join(word[0] for word in words if word[0].isupper()) == re.sub(
        r"\W", "", match.group()[: named.start()]
    )
    return " ".join(words) if len(words) <= 4 and not spelt else None


def _iso(words: str) -> date | None:
    if not (_COMPACT.match(words) or _ISO_TIME.match(words) or len(words) == 10):
        return None
    try:
        return datetime.fromisoformat(words).date()
    except ValueError:
        if (match := _ISO_TIME.match(words)) and _time(words[11:]):  # "…T10:00:00+0000 (UTC)", "… 10:00 EST"
            return _iso(match.group(1))
        return None


def _time(words: str) -> bool:
    match = re.match(r"(\d{2}):(\d{2})(?::(\d{2}))?(?!\d)", words, re.ASCII)
    return match is not None and all(
        int(part or 0) < limit for part, limit in zip(match.groups(), (24, 60, 61), strict=True)
    )


def _numbers(words: str) -> date | None:
    """Year, month, day; or day, month, year, where a dot or the numbers themselves say which is which."""
    head = words.split(" ")[0].split("T")[0].rstrip(",")
    if len(words) > len(head) and not re.fullmatch(
        r"[,T ]*(?:[01]?\d|2[0-3])[:.h][0-5]\d\b.*", words[len(head) :]
    ):
        return None
    if match := _YEAR_FIRST.fullmatch(head):
        return _day(*map(int, match.groups()))
    if not (match := _YEAR_LAST.fullmatch(head)):
        return None
    first, second, year = int(match.group(1)), int(match.group(3)), int(match.group(4))
    if match.group(2) == "." or first > 12 or first == second:  # dots are written where the day comes first
        return _day(year, second, first)
    return _day(year, first, second) if second > 12 else None


def _mail(words: str) -> date | None:
    if not re.search(r"\d \w{3,4} \d{4} \d{1,2}:\d{2}", words):
        return None
    try:
        return parsedate_to_datetime(words).date()
    except (ValueError, TypeError, IndexError, OverflowError):  # it raises all of these on what is not a date
        return None


def _english_days(text: str) -> list[date]:
    days = [_day(int(m[3]), month_number(m[2]), int(m[1])) for m in _DAY_MONTH.finditer(text)]
    days += [_day(int(m[3]), month_number(m[1]), int(m[2])) for m in _MONTH_DAY.finditer(text)]
    return [day for day in days if day]


def _english(words: str) -> date | None:
    """A day beside which only a weekday, a time and a zone stand."""
    days = set(_english_days(words))
    aside = re.findall(r"[^\W\d_][\w.]*", _MONTH_DAY.sub(" ", _DAY_MONTH.sub(" ", words)))
    return days.pop() if len(days) == 1 and all(map(_BESIDE.fullmatch, aside)) else None


def _foreign(words: str) -> date | None:
    if not re.search(r"\d{4}", words) or not re.search(r"[^\W\d_]{3}|年|년", words):
        return None
    import dateparser

    # Without these it reads "May 2024" as the May of today's day, and "yesterday" as a date.
    settings = {
        "STRICT_PARSING": True,
        "REQUIRE_PARTS": ["day", "month", "year"],
        "PARSERS": ["absolute-time"],
    }
    found = dateparser.parse(words, languages=_LANGUAGES, settings=settings)
    return found.date() if found else None


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
