"""Times that an article says relative to its publication, as days of the calendar: rules for English news, no
guesses.

A weekday is the nearest such day on or before publication; "last Tuesday" is the nearest one before it. Where
the words point ahead ("will meet on Tuesday", "on Tuesday will", "the coming Tuesday") it is the nearest one
after. "Next Friday" in Thursday's paper is tomorrow to some and a week later to others, and stays unresolved;
so does a weekday that may lie on either side ("until Friday", "would meet on Friday").

Weeks run from Monday to Sunday. "Three weeks ago" is the whole week that lies three back; months and years
likewise. A day without a year is the one up to four months back or two ahead, or the one on the weekday that
is named with it. A month alone ("in December") is the nearest such month within half a year, behind unless
the words point ahead. Neither is resolved in a sentence that names a year, which may be theirs.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from rag.english.dates import ISO_DAY, month_number
from rag.english.lexicon import (
    DIGIT_WORDS,
    MONTH_NUMBERS,
    MONTHS,
    SHORT_MONTHS,
    TELLING_VERBS,
    WEEKDAYS,
    alternation,
    past_forms,
)

__all__ = ["Moment", "day_of", "days", "resolved", "with_months_first"]

Days = tuple[date, date]  # the first and the last

_WEEKDAYS = tuple(day.capitalize() for day in WEEKDAYS)
_MONTHS = tuple(month.capitalize() for month in MONTHS)
_COUNTS = DIGIT_WORDS[1:]  # from ten on they are often round
_STEPS = {"last": -1, "this": 0, "next": 1}
_DAYS_AWAY = {
    "the day before yesterday": -2, "yesterday": -1, "tomorrow": 1, "the day after tomorrow": 2,
    "today": 0, "tonight": 0, "this morning": 0, "this afternoon": 0, "this evening": 0,
}  # fmt: skip

_DAY = timedelta(days=1)
_WEEK = timedelta(days=7)
_FAR_BACK, _FAR_AHEAD = -120 * _DAY, 60 * _DAY  # the same day of another year is then at least twice as far
_NEAR_MONTHS = 6
_REACH = 120  # characters: words further off do not bear on a day, and a long text takes no longer than it is
_BESIDE = 20  # characters that hold the words right before

# Bounded, as every repeat below is: two open ones side by side are quadratic in a run of spaces.
_GAP = r"\s{1,3}"
_WEEKDAY = "|".join(_WEEKDAYS)
_MONTH = "|".join(_MONTHS)
_TH = "(?:st|nd|rd|th)?"
_SHORT = alternation([*(month.capitalize() for month in SHORT_MONTHS), "May"])

# Weekdays and months begin with a capital, which tells them from the verbs "may" and "march".
_SAID = re.compile(
    rf"""
    (?P<dated>
        (?: \b[Oo]n{_GAP} )? (?: \b(?P<named>{_WEEKDAY}),?{_GAP}(?P<bracket>\()? )?
        (?: \b(?P<month_before>{_MONTH}|{_SHORT})(?:\.\s{{0,3}}|{_GAP})(?P<day_after>\d{{1,2}}){_TH}
          | (?:\bthe{_GAP})? (?<![\w.,:/$€£–-])(?P<day_before>\d{{1,2}}){_TH}(?:{_GAP}of)?{_GAP}
            (?P<month_after>{_MONTH})
        ) \b(?![%:/]|[.,]\d)
        (?: ,?{_GAP}(?P<year>\d{{4}})\b | {_GAP}(?:of{_GAP})?(?P<of_year>last|this|next){_GAP}year\b )?
        (?(bracket)\)?)
    ) | (?P<weekday>
        (?: \b[Oo]n{_GAP} )?
        (?: \b(?P<which>[Ll]ast|[Nn]ext|[Cc]oming|[Pp]ast|[Tt]his(?:{_GAP}coming|{_GAP}past)?){_GAP} )?
        \b(?P<weekday_name>{_WEEKDAY})\b
        (?: {_GAP}(?:morning|afternoon|evening|night)\b )?
        (?: {_GAP}(?:of{_GAP})?(?P<of_week>last|this|next){_GAP}week\b )?
    ) | (?P<month>
        \b[Ii]n{_GAP}(?P<month_name>{_MONTH})\b
        (?: {_GAP}(?:of{_GAP})?(?P<month_of_year>last|this|next){_GAP}year\b )?
    ) | (?P<weekend>
        (?i: \b(?: (?:at|over|during){_GAP}the | last ){_GAP}weekend\b )
    ) | (?P<unit>
        (?i: \b(?: (?P<part>earlier|later){_GAP}this | (?P<step>last|this|next) ){_GAP}
           (?P<unit_name>week|month|year)\b )
    ) | (?P<ago>
        (?i: \b(?P<count>an?|{"|".join(_COUNTS)}|[1-9]){_GAP}(?P<ago_name>day|week|month|year)s?{_GAP}ago\b )
    ) | (?P<near>
        (?i: \bthe{_GAP}day{_GAP}(?:before{_GAP}yesterday|after{_GAP}tomorrow)\b
           | \b(?:yesterday|tonight|tomorrow)\b
           | \bthis{_GAP}(?:morning|afternoon|evening)\b )
        | \btoday\b | (?<![A-Za-z]\s)\bToday\b
    )
    """,
    re.VERBOSE,
)

_DAY_OF_MONTH = re.compile(
    rf"\b(?P<month>{_MONTH}|{_SHORT})(?:\.\s{{0,3}}|{_GAP})(?P<day>\d{{1,2}}){_TH}\b(?![%:/]|[.,]\d)"
    rf"|(?<![\w.,:/$€£–-])(?P<day_before>\d{{1,2}}){_TH}(?:{_GAP}of)?{_GAP}(?P<month_behind>{_MONTH}|{_SHORT})\b\.?"
)
# "The last year" is the twelve months behind; "Obama's last year", one of his; "the next Tuesday", that of a
# story.
_NOT_OURS = re.compile(
    rf"(?:\b(?:the|an?|my|our|your|his|her|its|their|very|every|each)|['’]s){_GAP}\Z", re.IGNORECASE
)
# "About two years ago", "two or three days ago", "a year and two months ago", "thirty-two days ago".
_INEXACT = re.compile(
    rf"(?:\b(?:about|around|roughly|approximately|nearly|almost|some|over|under|than|least|most|or|to|and|half|many"
    rf"|hundred|(?:twen|thir|for|fif|six|seven|eigh|nine)ty){_GAP}|[\d.,/–-])\Z",
    re.IGNORECASE,
)
# "Jan. 16–18", "in March and April", "Tuesday the 16th", "Tuesday two weeks ago", "on Jan. 16 that year".
_GOES_ON = re.compile(
    rf"\s?[-–—/]\s?\d|{_GAP}(?:and|or|to|through){_GAP}(?:\d|(?:{_MONTH}|{_SHORT})\b)"
    rf"|,?{_GAP}(?:the{_GAP})?\d{{1,2}}(?:st|nd|rd|th)\b|,?{_GAP}(?:week\b|\w{{1,9}}{_GAP}weeks?{_GAP}ago\b)"
    rf"|{_GAP}(?:of{_GAP})?(?:that|the{_GAP}(?:same|previous|following|next)){_GAP}(?:week|month|year)\b"
)
_A_WEEKDAY = re.compile(rf"\b(?:{_WEEKDAY})\b")
_YEAR = re.compile(r"\b(?:19|20)\d\d\b")
# Right before a weekday: it may lie on either side ("begins on", "by"), is no one day ("a", "every"), or is a
# name.
_UNSURE = re.compile(
    rf"\b(?:by|until|till|before|for|from|through|to|ahead{_GAP}of|starting|beginning|effective"
    r"|is|are|due|expected|planned|scheduled|ago|week|an?|one|some|any|each|every"
    rf"|Black|Good|Bloody|Super|Ash|Palm|Easter|Holy|Cyber|Sheffield){_GAP}\Z|\d{{4}}\W{{1,3}}\Z",
    re.IGNORECASE,
)
# What these say is planned: unsure, unless "will" stands before them.
_PLANNED = re.compile(rf"\b(?:begins?|starts?|opens?|resumes?|ends?){_GAP}\Z", re.IGNORECASE)
_NEWSPAPER = re.compile(
    rf"{_GAP}(?:Times|Telegraph|Express|Mirror|Mail|Post|Herald|Star|Independent|World)\b"
)

# A full stop after a title, an initial or an hour ends no sentence.
_ABBREVIATIONS = ("[A-Z]", "Mr", "Ms", "Dr", "St", "Mrs", "Gen", "Col", "Sen", "Gov", r"[ap]\.m")
_NO_END = "".join(rf"(?<!\b{abbreviation}\.)" for abbreviation in _ABBREVIATIONS)
_SENTENCE_END = re.compile(rf"[.!?]{_NO_END}['\"’”)]{{0,2}}{_GAP}(?![a-z\d\s])|\n\s?\n")
# What stands before who says it does not bear on the day of saying it: "It will answer, he said on Tuesday".
_SAYING = re.compile(
    rf"[;:]\s|\b(?:{alternation({*past_forms(TELLING_VERBS), 'says'})})\b"
    rf"(?![^,]{{0,{_REACH}}},)"
)
_WILL = re.compile(
    rf"\b(?:will|shall|won['’]t|(?:is|are){_GAP}(?:(?:going|set|expected|scheduled|due){_GAP})?to)\b|['’]ll\b"
)
# Between "will" and a day, what may hang the day on something else: "will respond to the strike on", "will
# rest after".
_TURN = re.compile(
    r",|\b(?:after|since|following|that|which|who|when|where|because|despite|while|as)\b"
    r"|\b(?:respond|react|retaliat|aveng|investigat|condemn)"
)
_WILL_NEXT = re.compile(rf"{_GAP}(?:will|shall)\b")
_WILL_SOON = re.compile(rf",?(?:{_GAP}(?!said|says|told)[\w’'-]{{1,20}}){{0,4}}{_GAP}(?:will|shall)\b")
_POSSESSIVE = re.compile(r"['’]s\b")
# "Would meet on", "agreed to hold talks on": whether that day had come when the article appeared is not said.
_OPEN = re.compile(
    rf"\b(?:would|could|may|might|should|must|can|cannot|[Ii]f|[Uu]nless)\b"
    rf"|(?<!ccording\s)\bto{_GAP}(?!(?:the|an?|its|their|his|her|our|at)\b)[a-z]{{2,20}}(?:{_GAP}[\w’'.-]{{1,20}}){{0,4}}{_GAP}\Z"
)


@dataclass(frozen=True, slots=True)
class Moment:
    """Words that say a time, at [start, end) in code points, and the days they mean, both included."""

    start: int
    end: int
    first: date
    last: date

    @property
    def shown(self) -> str:
        """The days, said as shortly as they can be.

        >>> Moment(0, 10, date(2024, 1, 16), date(2024, 1, 16)).shown
        '16 January 2024'
        >>> Moment(0, 9, date(2024, 1, 8), date(2024, 1, 14)).shown
        '8–14 January 2024'
        >>> Moment(0, 10, date(2023, 12, 1), date(2023, 12, 31)).shown
        'December 2023'
        """
        first, last = _written(self.first), _written(self.last)
        if self.first == self.last:
            return " ".join(last)
        if (self.first, self.last) == _year(self.first.year):
            return last[2]
        if (self.first, self.last) == _month(self.first.year, self.first.month):
            return " ".join(last[1:])
        if first[1:] == last[1:]:
            return f"{first[0]}–{' '.join(last)}"
        return f"{' '.join(first[:2] if first[2] == last[2] else first)} – {' '.join(last)}"


def _written(day: date) -> list[str]:
    return [str(day.day), _MONTHS[day.month - 1], str(day.year)]


def resolved(text: str, published: date | None) -> tuple[Moment, ...]:
    """The words that say a time relative to publication, in order; none where the day of publication is not
    known.

    >>> [(moment.start, moment.shown) for moment in resolved("Iran struck on Tuesday.", date(2024, 1, 18))]
    [(12, '16 January 2024')]
    >>> resolved("Iran struck on Tuesday.", None), resolved("Iran struck recently.", date(2024, 1, 18))
    ((), ())
    """
    if published is None:
        return ()
    moments = []
    for said in _SAID.finditer(text):
        try:
            days = _READ[str(said.lastgroup)](said, published)
        except (ValueError, OverflowError):  # 30 February; the day before the calendar begins
            continue
        if days:
            moments.append(Moment(*said.span(), *days))
    return tuple(moments)


def day_of(text: str, published: date | None) -> date | int | None:
    """The day that a sentence speaks of, by its first words that mean one day, or else by its first that mean
    several: a day of the calendar where it is written out or the day of publication is known, else a weekday,
    0 for Monday to 6; `None` where it names none.

    >>> day_of("Iran struck on Tuesday.", date(2024, 1, 18)), day_of("Iran struck on Tuesday.", None)
    (datetime.date(2024, 1, 16), 1)
    """
    moments = [*_written_out(text), *resolved(text, published)]
    if moments:
        return min(moments, key=lambda moment: (moment.first != moment.last, moment.start)).first
    said = _A_WEEKDAY.search(text) if published is None else None
    return _WEEKDAYS.index(said.group()) if said else None


def days(text: str, published: date | None) -> tuple[Moment, ...]:
    """The times of a text as days, in order: those written out with their year, and those `resolved`.

    >>> [(m.start, m.shown) for m in days("From 2024-01-03 on, and on Tuesday", date(2024, 1, 18))]
    [(5, '3 January 2024'), (24, '16 January 2024')]
    """
    moments = [*_written_out(text), *resolved(text, published)]
    return tuple(sorted(moments, key=lambda moment: (moment.start, moment.end)))


def with_months_first(text: str) -> str:
    """The text with each day of a month in one form, as it is compared where no year is known.

    >>> with_months_first("From Dec. 4 to the 6th of December, or 5 Sept. at the latest; in May 22 came.")
    'From December 4 to the December 6, or September 5 at the latest; in May 22 came.'
    """

    def in_one_form(said: re.Match[str]) -> str:
        month, day = (said["month"] or said["month_behind"]), (said["day"] or said["day_before"])
        return f"{_MONTHS[MONTH_NUMBERS[month.lower()] - 1]} {day}"

    return _DAY_OF_MONTH.sub(in_one_form, text)


def _written_out(text: str) -> Iterator[Moment]:
    """Days that are said with their year, which need no help."""
    for iso in ISO_DAY.finditer(text):
        try:
            day = date(int(iso["year"]), int(iso["month"]), int(iso["day"]))
        except ValueError:  # 2024-13-20
            continue
        yield Moment(*iso.span(), day, day)
    for said in _SAID.finditer(text):
        if said.lastgroup == "dated" and said["year"]:
            month = month_number(said["month_before"] or said["month_after"])
            try:
                day = date(int(said["year"]), month, int(said["day_after"] or said["day_before"]))
            except ValueError:  # 30 February
                continue
            yield Moment(*said.span(), day, day)


def _dated(said: re.Match[str], published: date) -> Days | None:
    """Days of a month: "(on) (Tuesday,) Jan. 16", "the 16th of January (last year)". With its year, one needs
    no help.
    """
    month = month_number(said["month_before"] or said["month_after"])
    number = int(said["day_after"] or said["day_before"])
    if said["of_year"]:
        return _one(date(published.year + _STEPS[said["of_year"]], month, number))
    # "the Jan. 6 riot", "the May 9 cases": events known by their day, of a year that is not said.
    an_event = _NOT_OURS.search(_before(said))
    if said["year"] or an_event or _GOES_ON.match(_after(said)) or _names_a_year(said):
        return None
    years = [
        year for year in range(published.year - 1, published.year + 2) if number <= monthrange(year, month)[1]
    ]
    days = [date(year, month, number) for year in years]
    if said["named"]:
        return next((_one(day) for day in days if _WEEKDAYS[day.weekday()] == said["named"]), None)
    return next((_one(day) for day in days if _FAR_BACK <= day - published <= _FAR_AHEAD), None)


def _weekday(said: re.Match[str], published: date) -> Days | None:
    """Weekdays: "(on) (last) Tuesday (of last week)"."""
    weekday, which, before = (
        _WEEKDAYS.index(said["weekday_name"]),
        (said["which"] or "").lower(),
        _before(said),
    )
    if said["of_week"]:
        return _one(_week(published, _STEPS[said["of_week"]])[0] + weekday * _DAY)
    if _NEWSPAPER.match(_after(said)) or _GOES_ON.match(_after(said)):
        return None
    behind, ahead = _latest(weekday, published - _DAY), _latest(weekday, published + _WEEK)
    if which.endswith(("last", "past")):
        return None if which == "last" and _NOT_OURS.search(before) else _one(behind)
    if which.endswith("coming"):
        return _one(ahead)
    if which == "next":
        return None if _NOT_OURS.search(before) or ahead <= _week(published, 0)[1] else _one(ahead)
    points_ahead = None if _UNSURE.search(before) else _points_ahead(said)
    if not points_ahead and _PLANNED.search(before):
        return None
    if points_ahead is None:
        return None
    if points_ahead:
        return None if weekday == published.weekday() else _one(ahead)  # that very day, or a week later
    nearest = _latest(weekday, published)
    return None if which == "this" and nearest < _week(published, 0)[0] else _one(nearest)


def _month_alone(said: re.Match[str], published: date) -> Days | None:
    """Months without a day: "in December (last year)"."""
    month = month_number(said["month_name"])
    if said["month_of_year"]:
        return _month(published.year + _STEPS[said["month_of_year"]], month)
    points_ahead = _points_ahead(said)
    if points_ahead is None or _GOES_ON.match(_after(said)) or _names_a_year(said):
        return None
    steps = (month - published.month) % 12 if points_ahead else -((published.month - month) % 12)
    return _period("month", steps, published) if abs(steps) <= _NEAR_MONTHS else None


def _weekend(said: re.Match[str], published: date) -> Days | None:
    """The weekend before: "last weekend"; "at the weekend" too, but not on one, nor where the coming one may
    be meant.
    """
    last = said.group().lower().startswith("last")
    unsure = (
        _NOT_OURS.search(_before(said))
        if last
        else published.weekday() >= 5 or _points_ahead(said) is not False
    )
    sunday = _week(published, -1)[1]
    return None if unsure else (sunday - _DAY, sunday)


def _unit(said: re.Match[str], published: date) -> Days | None:
    """Calendar units: "last month". "Earlier this month" runs up to the day of publication, "later this
    month" on from it.
    """
    unit, part = said["unit_name"].lower(), (said["part"] or "").lower()
    step = _STEPS[(said["step"] or "this").lower()]
    if _NOT_OURS.search(_before(said)):
        return None
    first, last = _period(unit, step, published)
    return (published if part == "later" else first), (published if part == "earlier" else last)


def _ago(said: re.Match[str], published: date) -> Days | None:
    """Exact counts back: "two days ago"."""
    if _INEXACT.search(_before(said)):
        return None
    count = said["count"].lower()
    number = _COUNTS.index(count) + 1 if count in _COUNTS else 1 if count in {"a", "an"} else int(count)
    return _period(said["ago_name"].lower(), -number, published)


def _near(said: re.Match[str], published: date) -> Days | None:
    """Days around that of publication: "yesterday", "this morning"."""
    return _one(published + _DAYS_AWAY[" ".join(said.group().lower().split())] * _DAY)


_READ: dict[str, Callable[[re.Match[str], date], Days | None]] = {
    "dated": _dated,
    "weekday": _weekday,
    "month": _month_alone,
    "weekend": _weekend,
    "unit": _unit,
    "ago": _ago,
    "near": _near,
}


def _points_ahead(said: re.Match[str]) -> bool | None:
    """Whether the words around a day put it after publication; `None` where they leave that open."""
    sentence, after = _sentence_before(said), _after(said)
    before = _last_clause(sentence)
    possessive = _POSSESSIVE.match(after)
    will = max((found.end() for found in _WILL.finditer(before)), default=None)
    if will is not None:  # "will discuss Tuesday's strike", "will attend Tuesday's talks"
        return None if possessive or _TURN.search(before, will) else True
    if _OPEN.search(before):
        return None
    if possessive:  # "Tuesday's vote will be close", "Tuesday's strike will be answered"
        return None if _WILL_SOON.match(after, possessive.end()) else False
    opens = not sentence.strip(" \n“\"'‘")  # but "he said on Tuesday he will" says when he said it
    return bool(_WILL_NEXT.match(after) or (opens and _WILL_SOON.match(after)))


def _before(said: re.Match[str]) -> str:
    return said.string[max(0, said.start() - _BESIDE) : said.start()]


def _after(said: re.Match[str]) -> str:
    return said.string[said.end() : said.end() + _REACH]


def _sentence_before(said: re.Match[str]) -> str:
    begun = said.string[max(0, said.start() - _REACH) : said.start() + 1]  # a small letter begins no sentence
    return begun[max((end.end() for end in _SENTENCE_END.finditer(begun)), default=0) : -1]


def _last_clause(before: str) -> str:
    return before[max((saying.end() for saying in _SAYING.finditer(before)), default=0) :]


def _names_a_year(said: re.Match[str]) -> bool:
    start, after = said.start(), _after(said)
    behind = _YEAR.search(said.string[max(0, start - _REACH) : start])
    return bool(
        (behind and _YEAR.search(_sentence_before(said)))
        or (_YEAR.search(after) and _YEAR.search(_SENTENCE_END.split(after, 1)[0]))
    )


def _latest(weekday: int, day: date) -> date:
    """The nearest such weekday on or before a day."""
    return day - (day.weekday() - weekday) % 7 * _DAY


def _one(day: date) -> Days:
    return day, day


def _week(day: date, steps: int) -> Days:
    monday = _latest(0, day) + steps * _WEEK
    return monday, monday + 6 * _DAY


def _month(year: int, month: int) -> Days:
    return date(year, month, 1), date(year, month, monthrange(year, month)[1])


def _year(year: int) -> Days:
    return date(year, 1, 1), date(year, 12, 31)


def _period(unit: str, steps: int, published: date) -> Days:
    """The day, week, month or year that lies so many steps from that of publication.

    >>> _period("month", -1, date(2024, 1, 18))
    (datetime.date(2023, 12, 1), datetime.date(2023, 12, 31))
    """
    if unit == "day":
        return _one(published + steps * _DAY)
    if unit == "week":
        return _week(published, steps)
    if unit == "month":
        year, month = divmod(published.year * 12 + published.month - 1 + steps, 12)
        return _month(year, month + 1)
    return _year(published.year + steps)
