"""Ways to make a sentence say what its text does not say, each by one change.

Each takes the sentence, the whole text that it stands in and the source of random choices, and returns the
changed sentence, or `None` where the way does not apply. They change words outside quotations only where a
quotation could not hold the change.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise
from random import Random

from rag.english.lexicon import (
    BY_SHORT_NAME,
    CAPITALS,
    DEMONYMS,
    MONTHS,
    NUMBER_WORDS,
    WEEKDAYS,
    alternation,
)
from rag.english.names import Name, names
from rag.english.speakers import speakers
from rag.training.wording import kind_of_name, persons, spliced, told

__all__ = ["crossed", "date", "name", "number", "speaker", "unit"]

# --- numbers ---------------------------------------------------------------------------------------------

_SMALL_WORDS = {word: value for word, value in NUMBER_WORDS.items() if 2 <= value <= 90}
_WORDS_BY_VALUE = {value: word for word, value in _SMALL_WORDS.items()}
_FIGURE = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"
# Not a part of a score, a date, a time, a name ("Apollo 13") or a longer word.
_NUMBER = re.compile(
    rf"(?<![\w.,:/’'–-])(?P<figure>{_FIGURE})(?![\w:/–]|[.,]?\d|-(?!\w))"
    rf"|(?<![\w-])(?P<word>{alternation(_SMALL_WORDS)})\b(?!-(?:{alternation(NUMBER_WORDS)})\b)"
)
_NAMED = re.compile(r"(?:\b[A-Z][\w.’'-]*|\b[Nn]o\.?|[Aa]rticle|[Ss]ection|[Cc]hapter|#)\s\Z")
_MONTH = re.compile(rf"\b(?:{alternation(m.capitalize() for m in MONTHS)}|[A-Z][a-z]{{2,3}}\.)\s\Z")
_MONTH_BEHIND = re.compile(rf"(?:st|nd|rd|th)?\s(?:of\s)?(?:{alternation(m.capitalize() for m in MONTHS)})\b")
_YEAR = re.compile(r"\A(?:1[5-9]|20)\d\d\Z")


def _numbers(sentence: str) -> list[re.Match[str]]:
    """The numbers that count something, greater than 1, in order."""
    return [
        m
        for m in _NUMBER.finditer(sentence)
        if not _NAMED.search(sentence[: m.start()])
        and not _YEAR.match(m.group())
        and not _MONTH_BEHIND.match(sentence[m.end() :])
        and (m["word"] or float(m["figure"].replace(",", "")) > 1)
    ]


def number(sentence: str, _text: str, rng: Random) -> str | None:
    """One number changed by a tenth of it at least, as exact as it was."""
    found = _numbers(sentence)
    if not found:
        return None
    match = rng.choice(found)
    new = _other_word(match["word"], rng) if match["word"] else _other_figure(match["figure"], rng)
    return spliced(sentence, *match.span(), new)


def _other_word(word: str, rng: Random) -> str:
    value = _SMALL_WORDS[word.lower()]
    near = [v for v in _WORDS_BY_VALUE if v != value and value / 3 <= v <= 3 * value + 2]
    return _WORDS_BY_VALUE[rng.choice(near)]


def _other_figure(figure: str, rng: Random) -> str:
    places = len(figure.partition(".")[2])
    value = float(figure.replace(",", ""))
    while True:
        if value <= 12 and not places:
            new = value + rng.choice([-3, -2, -1, 1, 2, 3, 4])
        else:
            new = value * rng.choice([0.4, 0.6, 0.8, 0.9, 1.2, 1.5, 2.0, 3.0])
            zeros = (
                len(figure.replace(",", "")) - len(figure.replace(",", "").rstrip("0")) if not places else 0
            )
            new = round(new, -zeros if zeros else places)
        written = f"{new:,.{places}f}" if "," in figure or new >= 10_000 else f"{new:.{places}f}"
        if new > 1 and written != figure:
            return written


def crossed(sentence: str, text: str, rng: Random) -> str | None:
    """Two numbers of the sentence exchanged, or one that the text gives elsewhere for the same noun."""
    ways = [_exchanged, _from_elsewhere]
    rng.shuffle(ways)
    return next((made for way in ways if (made := way(sentence, text, rng))), None)


_COUNTED = re.compile(r"\s(?:[a-z-]+\s)?([a-z]{3,})")
_RANGE = re.compile(r"\A[\w\s%$£€]{0,16}\b(?:to|and|or)\s[$£€]?\Z")


def _exchanged(sentence: str, _text: str, _rng: Random) -> str | None:
    found = [m for m in _numbers(sentence) if "." not in m.group()]
    for first, second in pairwise(found):
        between = sentence[first.end() : second.start()]
        ahead, behind = _COUNTED.match(sentence[first.end() :]), _COUNTED.match(sentence[second.end() :])
        if bool(first["word"]) != bool(second["word"]) or not ahead or not behind:
            continue
        if first.group() == second.group() or len(between.split()) < 2:
            continue
        if re.search(r"\b(?:between|from)\s[$£€]?\Z", sentence[: first.start()]) or _RANGE.match(between):
            continue
        return sentence[: first.start()] + second.group() + between + first.group() + sentence[second.end() :]
    return None


def _from_elsewhere(sentence: str, text: str, rng: Random) -> str | None:
    options = []
    for match in _numbers(sentence):
        noun = re.match(r"\s([a-z]{3,})", sentence[match.end() :])
        if not noun:
            continue
        options += [
            (match.span(), other)
            for other, counted in _counts_of(text)
            if counted == noun[1] and other not in sentence and other.isalpha() == bool(match["word"])
        ]
    if not options:
        return None
    (start, end), new = rng.choice(options)
    return spliced(sentence, start, end, new)


@lru_cache(maxsize=64)
def _counts_of(text: str) -> tuple[tuple[str, str], ...]:
    """Each number of a text with the noun right behind it."""
    return tuple(
        (m.group(), noun[1])
        for _, _, sentence in told(text)
        for m in _numbers(sentence)
        if (noun := re.match(r"\s([a-z]{3,})", sentence[m.end() :]))
    )


_UNITS = {
    "miles": ("kilometres", "metres"), "mile": ("kilometre",), "kilometres": ("miles",),
    "kilometers": ("miles",),
    "km": ("miles",), "metres": ("kilometres",), "meters": ("kilometers",), "feet": ("metres", "miles"),
    "inches": ("feet",), "million": ("billion",), "billion": ("million", "trillion"),
    "trillion": ("billion",),
    "thousand": ("million",), "hundred": ("thousand",), "dollars": ("euros", "pounds"), "euros": ("dollars",),
    "pounds": ("dollars",), "seconds": ("minutes",), "minutes": ("hours",), "hours": ("days", "minutes"),
    "days": ("weeks", "months", "hours"), "weeks": ("months", "days"), "months": ("years", "weeks"),
    "years": ("months", "decades"), "decades": ("years",), "second": ("minute",), "minute": ("hour",),
    "hour": ("day",), "day": ("week", "month"), "week": ("month", "day"), "month": ("year", "week"),
    "year": ("month", "decade"), "tonnes": ("kilograms",), "tons": ("pounds",), "kilograms": ("tonnes",),
    "acres": ("square miles",), "hectares": ("acres",), "gallons": ("litres",), "litres": ("gallons",),
    "mph": ("kilometres an hour",), "votes": ("seats",), "seats": ("votes",), "points": ("goals",),
}  # fmt: skip
_SIGNS = {"$": "€", "€": "$", "£": "$"}
_UNIT = re.compile(
    rf"(?P<count>(?:\d|\b(?:{alternation(_SMALL_WORDS)}|hundred|thousand|million|billion|trillion))[\s-])"
    rf"(?P<unit>{alternation(_UNITS)})\b(?!\s(?:old|of age)|-old)"
)
_SHARE = re.compile(r"(?<=\d)(?:%|\sper\scent|\spercent)\sof\s(?:the\s|all\s)?(?=[a-z]+(?:\s[a-z]+)?s\b)")
_SIGN = re.compile(r"[$€£](?=\d)")


def unit(sentence: str, _text: str, rng: Random) -> str | None:
    """The unit behind a number, or the sign before it, changed for another of its kind."""
    options: list[tuple[int, int, str]] = []
    for match in _UNIT.finditer(sentence):
        options += [(*match.span("unit"), other) for other in _UNITS[match["unit"]]]
    options += [(*m.span(), " ") for m in _SHARE.finditer(sentence)]
    if not options:
        options += [(*m.span(), _SIGNS[m.group()]) for m in _SIGN.finditer(sentence)][:1]
    if not options:
        return None
    start, end, new = rng.choice(options)
    return sentence[:start] + new + sentence[end:]


# --- names, days, speakers -------------------------------------------------------------------------------


def _called(named: str) -> str:
    """What a name is compared by: countries, their peoples and their capitals are one."""
    low = named.lower().removeprefix("the ").replace(".", "")
    low = DEMONYMS.get(low, CAPITALS.get(low, low))
    return BY_SHORT_NAME.get(low, low)


def _excludes(one: str, other: str) -> bool:
    """Whether two names cannot be of the same: no word in common, and neither the initials of the other."""
    parts, others = set(re.findall(r"\w+", one.lower())), set(re.findall(r"\w+", other.lower()))
    initials = {"".join(w[0] for w in re.findall(r"\w+", n)).lower() for n in (one, other)}
    plain = {one.replace(".", "").lower(), other.replace(".", "").lower()}
    return _called(one) != _called(other) and not parts & others and not initials & plain


def name(sentence: str, text: str, rng: Random) -> str | None:
    """A name of the sentence changed for another of the same kind that the text has elsewhere."""
    own = [n for n in names(sentence) if len(n.text) > 2]
    choices: list[tuple[Name, str]] = []
    for found in own:
        kind, the = (
            kind_of_name(found, sentence, persons(text)),
            sentence[: found.start].lower().endswith("the "),
        )
        if not kind:
            continue
        others = {called for called, *sort in _names_of(text) if sort == [kind, the]}
        choices += [
            (found, other)
            for other in sorted(others)
            if all(_excludes(other, mine.text) for mine in own) and len(other) > 2
        ]
    if not choices:
        return None
    found, other = rng.choice(choices)
    return spliced(sentence, found.start, found.end, other)


@lru_cache(maxsize=64)
def _names_of(text: str) -> tuple[tuple[str, str, bool], ...]:
    """Each name of a text with its kind and whether "the" stands before it."""
    return tuple(
        (n.text, kind_of_name(n, sentence, persons(text)), sentence[: n.start].lower().endswith("the "))
        for _, _, sentence in told(text)
        for n in names(sentence)
    )


@lru_cache(maxsize=64)
def _speakers_of(text: str) -> frozenset[tuple[str, bool]]:
    """The named speakers of a text, and whether "the" stands before each."""
    return frozenset(
        (s.text, sentence[: s.start].lower().endswith("the "))
        for _, _, sentence in told(text)
        for s in speakers(sentence)
        if s.named
    )


def _is_person(named: str, text: str) -> bool:
    return named.split()[-1] in persons(text)


_DAYS = [day.capitalize() for day in WEEKDAYS]
_MONTHS = [month.capitalize() for month in MONTHS]
_LONG_MONTHS = [_MONTHS[number - 1] for number in (1, 3, 5, 7, 8, 10, 12)]
_DATES = re.compile(
    rf"\b(?P<day>{alternation(_DAYS)})\b|\b(?P<month>{alternation(_MONTHS)})\b(?!\s[A-Z])"
    rf"|\b(?:in|since|until|by|of|from|after|before)\s(?P<year>(?:1[89]|20)\d\d)\b(?![-–/])"
    rf"|\b(?:{alternation(_MONTHS)})\s(?P<date>\d{{1,2}})\b(?!:)"
)


def date(sentence: str, _text: str, rng: Random) -> str | None:
    """A weekday, a month, a day of it or a year changed for another."""
    found = [
        (kind, m)
        for m in _DATES.finditer(sentence)
        for kind in ("day", "month", "year", "date")
        if m[kind] and not (m[kind] in {"May", "March", "August"} and not _is_month(sentence, m))
    ]
    if not found:
        return None
    kind, match = rng.choice(found)
    old = match[kind]
    if kind == "year":
        new = str(int(old) + rng.choice([-5, -3, -2, -1, 1, 2, 3]))
    elif kind == "date":
        new = str(rng.choice([n for n in range(1, 29) if n != int(old)]))
    else:
        late = re.match(r"\s(?:29|30|31)\b", sentence[match.end(kind) :])
        names_of = _DAYS if kind == "day" else _LONG_MONTHS if late else _MONTHS
        new = rng.choice([n for n in names_of if n != old])
    return sentence[: match.start(kind)] + new + sentence[match.end(kind) :]


def _is_month(sentence: str, match: re.Match[str]) -> bool:
    """Whether what may be a month is one: "in May", "May 3", and not "May went" or "April Jones"."""
    before, after = sentence[: match.start()], sentence[match.end() :]
    return bool(
        re.search(r"(?:\d|\b(?:in|of|last|next|since|until|by|early|late|mid|every|this))[\s-]\Z", before)
        or re.match(r"\s\d", after)
    )


def speaker(sentence: str, text: str, rng: Random) -> str | None:
    """Another speaker of the text in place of the one who says it."""
    own = [s for s in speakers(sentence) if s.named and s.main]
    if not own:
        return None
    spoken = rng.choice(own)
    mine = [n.text for n in names(sentence)]
    person, the = _is_person(spoken.text, text), sentence[: spoken.start].lower().endswith("the ")
    others = sorted(
        other
        for other, determined in _speakers_of(text)
        if determined == the and _is_person(other, text) == person and all(_excludes(other, m) for m in mine)
    )
    return spliced(sentence, spoken.start, spoken.end, rng.choice(others)) if others else None
