"""Numbers and figures: what a text counts, in digits and in words, with scale, unit and bound."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from math import inf

from rag.english.lexicon import (
    CURRENCIES,
    DIGIT_WORDS,
    NEWS_VERBS,
    NO_SUPERLATIVES,
    NUMBER_WORDS,
    ORDINALS,
    PERSONS,
    QUANTITIES,
    SCALES,
    STOPWORDS,
    TEENS,
    TENS,
    alternation,
    past_forms,
)
from rag.english.normalise import stem, words

__all__ = [
    "Amount",
    "Figure",
    "amounts",
    "bound_before",
    "figures",
    "meant_numbers",
    "numbers",
    "ranks",
    "stated_numbers",
    "unit_of",
]

_LONG_SCALES = [scale for scale in SCALES if len(scale) > 3 and scale != "score"]
_SHORT_SCALES = [scale for scale in SCALES if len(scale) < 3]
_LONG_SCALE, _SHORT_SCALE = alternation(_LONG_SCALES), alternation(_SHORT_SCALES)
# "1.5m doses" are a million and a half; "100m hurdles" are metres.
_COUNTED = r"people|men|women|children|(?!hurdles|heats|finals|times)[a-z]{2,20}s"
_HYPHEN = r"[-‐‑\s]"
# One piece of a number: digits or a number word, with the scale behind it. "5m" alone may be metres, so
# "m" is a million only after a currency's sign. Digits inside a word are no number ("F16", "v1.2"), nor
# are ordinals.
_PIECE = re.compile(
    rf"(?P<minus>\bminus\s)?(?:(?P<money>[$€£¥])\s?)?"
    rf"(?:(?<![\w.,])(?P<digits>\d{{1,15}}(?:[.,\u00a0\u2009\u202f]\d{{1,15}}){{0,6}})(?![.,]?\d)"
    rf"(?P<ordinal>(?:st|nd|rd|th)\b)?"
    rf"|\b(?<!\bno\s)(?P<word>(?:{alternation(TENS)})(?:{_HYPHEN}(?:{alternation(DIGIT_WORDS[1:])}))?"
    rf"|{alternation((*TEENS, *DIGIT_WORDS))}"
    rf"|(?:an?|half\san?)(?=\s(?:{_LONG_SCALE})\b))\b"
    rf"(?P<next>{_HYPHEN}(?:{alternation(ORDINALS[:9])})\b)?)"
    rf"(?P<and_half>\sand\sa\shalf(?=\s(?:{_LONG_SCALE})\b))?"
    rf"(?P<scale>(?:[-\s]?(?:{_LONG_SCALE})\b)+|[-\s]?(?:{_SHORT_SCALE})\b|(?(money)m\b|m(?=\s(?:{_COUNTED})\b)))?"
    rf"(?P<percent>\s?(?:%|per\s?cent\b))?",
    re.IGNORECASE,
)
_JOINT = re.compile(r"\s(?:and\s)?", re.IGNORECASE)
_GROUPS = re.compile(r"[,\u00a0\u2009\u202f](?=\d{3}(?:\D|$))")


@dataclass(frozen=True, slots=True)
class Amount:
    """A number at [start, end): its value, and how far it was rounded (half of its last place, 0 if exact).

    `money` is a currency's sign, `percent` whether it is a share of a hundred, `ordinal` whether it is
    one of a row ("16th"). `written` is the value as a plain decimal, or the digits as they stand where
    they are no decimal.
    """

    start: int
    end: int
    value: float
    margin: float
    written: str
    money: str | None = None
    percent: bool = False
    ordinal: bool = False


def amounts(text: str) -> tuple[Amount, ...]:
    """The numbers of a text in order, scales reckoned in.

    >>> [(a.written, a.money) for a in amounts("£3.5bn, twelve hundred cars, the 16th")]
    [('3500000000', '£'), ('1200', None), ('16', None)]
    """
    return tuple(_amounts(text))


def _amounts(text: str) -> Iterator[Amount]:
    at = 0
    while match := _PIECE.search(text, at):
        if match["next"]:  # "twenty-first" is an ordinal, and no twenty
            at = match.end("next")
            continue
        amount = _amount(text, match)
        yield amount
        at = max(amount.end, match.start() + 1)


def _amount(text: str, match: re.Match[str]) -> Amount:
    """A number from its first piece on: "two hundred and fifty" is one."""
    total, end, scale, margin = Decimal(0), match.start(), inf, Decimal(0)
    piece: re.Match[str] | None = match
    while piece is not None:
        number = _value(piece)
        if number is None:
            return Amount(match.start(), match.end("digits"), 0.0, 0.0, match["digits"])
        smaller = _scale(piece["scale"])
        if total and (number >= scale or piece["ordinal"] or piece["next"]):
            break
        if total and smaller >= scale:
            if scale != 100 or smaller < 1_000:
                break
            total, number = Decimal(0), total + number  # "two hundred and fifty thousand"
        decimals = (
            len(piece["digits"].rpartition(".")[2]) if piece["digits"] and "." in piece["digits"] else 0
        )
        total += number * smaller
        end, scale = piece.end("scale") if piece["scale"] else piece.end(_last(piece)), smaller
        margin = Decimal(smaller).scaleb(-decimals) / 2 if smaller > 1 or decimals else Decimal(0)
        joint = _JOINT.match(text, end) if smaller > 1 and match["word"] else None
        last, piece = piece, _PIECE.match(text, joint.end()) if joint else None
        if piece is not None and piece["money"]:
            piece = None
    if last["percent"]:
        end = last.end("percent")
    if match["minus"]:
        total = -total
    written = format(total.normalize(), "f") if total else "0"
    return Amount(
        match.start(),
        last.end("ordinal") if last["ordinal"] else end,
        float(total),
        float(min(margin, abs(total) * Decimal("0.05"))),
        written,
        match["money"],
        bool(last["percent"]),
        bool(last["ordinal"]),
    )


def _last(piece: re.Match[str]) -> str:
    return "digits" if piece["digits"] else "word"


def _value(piece: re.Match[str]) -> Decimal | None:
    """What a piece says before its scale; `None` where its digits are no decimal ("1,23", "1.2.3")."""
    half = Decimal("0.5") if piece["and_half"] else Decimal(0)
    if digits := piece["digits"]:
        plain = _GROUPS.sub("", digits)
        return Decimal(plain) + half if re.fullmatch(r"\d+(?:\.\d+)?", plain) else None
    said = piece["word"].lower()
    if said.startswith("half"):
        return Decimal("0.5")
    if said in ("a", "an"):
        return Decimal(1) + half
    return Decimal(sum(NUMBER_WORDS[word] for word in re.split(_HYPHEN, said))) + half


def _scale(said: str | None) -> int:
    """What a scale multiplies by: "hundred thousand" is 100,000."""
    scale = 1
    for word in re.findall(r"[a-z]+", (said or "").lower()):
        scale *= 10**6 if word == "m" else SCALES[word]
    return scale


def numbers(text: str, *, ordinals: bool = False) -> list[str]:
    """The numbers a text states, as plain decimals, in order. `ordinals`: also those that digits and a "th"
    give.

    >>> numbers("at least nine people, 1,566 incidents and 3.5 bn")
    ['9', '1566', '3500000000']
    >>> numbers("twelve hundred, two dozen, a hundred and five"), numbers("one in eight on the 16th")
    (['1200', '24', '105'], ['1', '8'])
    >>> numbers("on the 16th", ordinals=True)
    ['16']
    """
    return [amount.written for amount in amounts(text) if ordinals or not amount.ordinal]


_YEARS = re.compile(r"(?<!\d)((?:1[89]|20)\d\d)[-–/](\d\d)(?![\d-])")


def meant_numbers(text: str) -> frozenset[str]:
    """The numbers that a text may be said to state: those of `numbers`, and what "2018–19" comes to.

    >>> sorted(meant_numbers("since 2018–19, for six decades"))
    ['19', '2018', '2019', '6']
    """
    return frozenset({*numbers(text, ordinals=True)} | stated_numbers(text))


_ONE_OF_THEM = re.compile(
    r"(?<!-)\bone (?:of|way or|or (?:the )?other|or another|another)\b|\b(?:no|any|every|this|that|the) one\b"
    r"|(?<!-)\bone(?=\s*(?:[.,;:!?)]|\Z))",
    re.IGNORECASE,
)


def stated_numbers(text: str) -> frozenset[str]:
    """The numbers that a text states and means: "one of the few" counts nothing, "2018–19" is two years, and
    "401(k)" is "401k".

    >>> sorted(stated_numbers("One of the two ran in 2018–19, one way or the other."))
    ['2', '2018', '2019']
    """
    plain = re.sub(r"(?<=\d)\(([a-z])\)", r"\1", _ONE_OF_THEM.sub("", text))
    plain = _YEARS.sub(lambda m: f"{m[1]} and {m[1][:2]}{m[2]}" if m[2] > m[1][2:] else m[0], plain)
    return frozenset(numbers(plain, ordinals=True))


# --- figures ------------------------------------------------------------------------------------------

_BOUNDS = (
    ("least", r"\bat\sleast|\b(?:a\s)?minimum\sof|\b(?:no|not)\s(?:fewer|less)\sthan"),
    ("most", r"\bat\smost|\bup\sto|\bas\smany\sas|\bno\smore\sthan|\b(?:a\s)?maximum\sof"),
    ("over", r"\bmore\sthan|\bover|\babove|\bupwards?\sof|\bin\sexcess\sof|\bexceed(?:s|ed|ing)?"),
    ("under", r"\bfewer\sthan|\bless\sthan|\bunder|\bbelow"),
    ("about", r"\babout|\baround|\bsome|\broughly|\bapproximately|\bnearly|\balmost|\bclose\sto"
              r"|\b(?:an\s)?estimated(?:\sat)?|\bcirca|~"),
)  # fmt: skip
_BOUND = tuple((name, re.compile(rf"(?:{pattern})\s*\Z", re.IGNORECASE)) for name, pattern in _BOUNDS)
_OR_MORE = re.compile(r"\+|\s?plus\b|(?:\s\w{1,20})?\sor\smore\b|\sand\scounting\b", re.IGNORECASE)
_TO = re.compile(r"\s?(?:-|–|—|\bto\b|\band\b)\s?", re.IGNORECASE)
_VAGUE = re.compile(
    rf"\b(?:(?P<times>tens|{alternation(QUANTITIES)})\sof\s)?(?P<many>{alternation(QUANTITIES)})\b",
    re.IGNORECASE,
)
_OF = re.compile(r"\A\sof\b", re.IGNORECASE)
_UNIT_WORDS = re.compile(r"[-\s]?((?:[^\W\d_]{1,30}[-\s]){0,2}[^\W\d_]{1,30})")
_REACH = 40  # characters before a number in which its bound stands
_ABOUT_SHARE = 0.1  # "about 1,000" may be 900 or 1,100
_BETWEEN = re.compile(r"\bbetween\s*\Z", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with what is counted, at [start, end), its bound's words not included.

    `bound`: "" for a plain number, "least", "most", "over", "under", "about", or "range". The number lies
    from `low` to `high`. `unit`: a currency's sign, "%", "person", or the stem of what is counted; `None`
    if unsaid.
    """

    start: int
    end: int
    value: float
    bound: str
    low: float
    high: float
    unit: str | None


def figures(text: str) -> tuple[Figure, ...]:
    """The figures of a text in order; two that make a range are one.

    >>> figures("It killed at least nine people.")
    (Figure(start=19, end=23, value=9.0, bound='least', low=9.0, high=inf, unit='person'),)
    >>> [(f.value, f.bound, f.unit) for f in figures("about $1.5 million, 20 to 30 ships and dozens of cars")]
    [(1500000.0, 'about', '$'), (20.0, 'range', 'ship'), (24.0, 'range', 'car')]
    """
    found: list[Figure] = []
    counted = [amount for amount in amounts(text) if not amount.ordinal]
    at = 0
    while at < len(counted):
        first = counted[at]
        second = counted[at + 1] if at + 1 < len(counted) else None
        ranged = second is not None and _is_range(text, first, second)
        found.append(_figure(text, first, second if ranged else None))
        at += 2 if ranged else 1
    for match in _VAGUE.finditer(text):
        low, high = _vaguely(match)
        found.append(
            Figure(
                *match.span(),
                float(low),
                "range",
                float(low),
                float(high),
                unit_of(_OF.sub("", text[match.end() :])),
            )
        )
    return tuple(sorted(found, key=lambda figure: (figure.start, figure.end)))


def bound_before(text: str, start: int) -> int:
    """Where a figure begins that stands at `start`, with the words that bound it.

    >>> text = "killing at least nine people"
    >>> text[bound_before(text, text.index("nine")):]
    'at least nine people'
    """
    before = max(0, start - _REACH)
    found = [match for _, pattern in _BOUND if (match := pattern.search(text, before, start))]
    return min((match.start() for match in found), default=start)


def _vaguely(match: re.Match[str]) -> tuple[float, float]:
    """From where to where "dozens" or "hundreds of thousands" may be."""
    low, high = QUANTITIES[match["many"].lower()]
    if times := (match["times"] or "").lower():
        one = low // 2  # "thousands" are two thousand or more
        few, many = (20, 100) if times == "tens" else QUANTITIES[times]
        return few * one, many * one
    return low, high


def _is_range(text: str, first: Amount, second: Amount) -> bool:
    joint = text[first.end : second.start]
    if not _TO.fullmatch(joint) or second.value <= first.value:
        return False
    return joint.strip().lower() != "and" or bool(
        _BETWEEN.search(text[max(0, first.start - _REACH) : first.start])
    )


def _figure(text: str, first: Amount, second: Amount | None) -> Figure:
    last = second or first
    unit = first.money or last.money or ("%" if last.percent else unit_of(text[last.end :]))
    if second is not None:
        return Figure(first.start, second.end, first.value, "range", first.value, second.value, unit)
    before = text[max(0, first.start - _REACH) : first.start]
    bound = next((name for name, pattern in _BOUND if pattern.search(before)), "")
    if not bound and _OR_MORE.match(text, first.end):
        bound = "least"
    margin = first.value * _ABOUT_SHARE if bound == "about" else first.margin
    low = (
        -inf
        if bound in ("most", "under")
        else first.value
        if bound in ("least", "over")
        else first.value - margin
    )
    high = (
        inf
        if bound in ("least", "over")
        else first.value
        if bound in ("most", "under")
        else first.value + margin
    )
    return Figure(first.start, first.end, first.value, bound, low, high, unit)


def unit_of(text: str) -> str | None:
    """What is counted, from the words after a figure; every word for a human being is one unit.

    >>> unit_of(" jobs worldwide"), unit_of(" died in it")
    ('job', None)
    >>> unit_of(" Pakistani nationals, most of them women"), unit_of("-mile border")
    ('nation', 'mile')
    >>> unit_of(" persons were"), unit_of(", he said")
    ('person', None)
    """
    match = _UNIT_WORDS.match(text)
    run: list[str] = []
    for word in words(match[1]) if match else []:
        done = word in _done() or word.endswith("ed")
        if word in STOPWORDS or (done and word not in PERSONS):
            break
        run.append(word)
    if text.startswith("-"):
        run = run[:1]
    if PERSONS & set(run):
        return "person"
    if run and run[-1] in CURRENCIES:
        return CURRENCIES[run[-1]]
    plural = next((word for word in run if re.search(r"[^su]s\Z", word)), None)  # "jobs worldwide"
    return stem(plural or run[-1]) if run else None


_ONE_OF = frozenset({"one", "among"})


def ranks(text: str) -> tuple[tuple[str, int], ...]:
    """What a text ranks, and at which place: 1 for "the oldest", 2 for "the second oldest", 0 for "one of the
    oldest".

    >>> ranks("It is the second-oldest club, one of the richest, and the third most popular.")
    (('oldest', 2), ('richest', 0), ('most popular', 3))
    """
    said = words(text)
    found: list[tuple[str, int]] = []
    for at, word in enumerate(said):
        most = word in {"most", "least"} and at + 1 < len(said) and said[at - 1] in _BEFORE_MOST
        if not most and not (word in {"best", "worst"} or (word.endswith("est") and len(word) > 4)):
            continue
        if word in NO_SUPERLATIVES:
            continue
        before = said[max(0, at - 3) : at]
        place = ORDINALS.index(before[-1]) + 1 if before and before[-1] in ORDINALS else 1
        if place == 1 and _ONE_OF & set(before):
            place = 0
        found.append((f"{word} {said[at + 1]}" if most else word, place))
    return tuple(found)


_BEFORE_MOST = frozenset([*ORDINALS, "the", "its", "his", "her", "their", "our", "country", "world"])


@lru_cache(maxsize=1)
def _done() -> frozenset[str]:
    """Verbs that follow a figure: "nine died"."""
    return past_forms(NEWS_VERBS)
