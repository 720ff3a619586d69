"""Claims that disagree: what several articles say in answer to one question, laid side by side.

Pure, and it never chooses which is right. Two values are rivals when they answer the same thing, exclude each
other, and come from two articles of which neither gives both. A value is read as a figure, a time or a
phrase, and compared as that; a claim whose sentence is about something else than the question is left out. In
doubt there is no conflict: a false one costs a reader's trust, a missed one leaves the articles' own words
standing.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from datetime import date
from enum import Enum
from functools import lru_cache
from itertools import combinations
from math import inf

from rag.english.dates import Time, is_bare_time, on_day, shifted, time_in
from rag.english.lexicon import CALENDAR, SHORT_MONTHS, STOPWORDS
from rag.english.matching import squad_normalise
from rag.english.normalise import content_stems, stem, words
from rag.english.numbers import numbers
from rag.english.sentences import sentences
from rag.types import RetrievedPassage

__all__ = ["Disagreement", "Group", "Said", "find"]


@dataclass(frozen=True, slots=True)
class Said:
    """What one passage says in answer to a question: the words, and the sentence they stand in.

    `start` and `end` are those of the value, in code points of the article; `score`, 0 to 1, is how sure the
    reader is that this answers the question. Raises `ValueError` unless the value stands there, inside that
    sentence.
    """

    value: str
    sentence: str
    source: RetrievedPassage
    start: int
    end: int
    score: float

    def __post_init__(self) -> None:
        passage = self.source.passage
        first, last = self.start - passage.start, self.end - passage.start
        if first < 0 or not self.value or passage.text[first:last] != self.value:
            raise ValueError(
                f"the value is not the text of {passage.article_id} at [{self.start}, {self.end})"
            )
        at = self._sentence_at()
        if at < 0 or at + len(self.sentence) < last:
            raise ValueError(
                f"[{self.start}, {self.end}) of {passage.article_id} lies outside the sentence given"
            )

    @property
    def sentence_span(self) -> tuple[int, int]:
        """Where the sentence stands in the article: [start, end)."""
        start = self.source.passage.start + self._sentence_at()
        return start, start + len(self.sentence)

    @property
    def shown(self) -> str:
        """The value as a reader sees it: from its negation on, in the article's words."""
        start = len(self.before)
        denied = _denied(self)
        value = self.sentence[start if denied is None else min(start, denied) : start + len(self.value)]
        return " ".join(value.split())

    @property
    def before(self) -> str:
        """The sentence up to the value."""
        return self.sentence[: self.start - self.sentence_span[0]]

    @property
    def after(self) -> str:
        """The sentence from the value's end."""
        return self.sentence[self.end - self.sentence_span[0] :]

    def _sentence_at(self) -> int:
        """Where in the passage the sentence begins, or -1: the last place at or before the value, if there
        are two.
        """
        latest = self.start - self.source.passage.start
        return self.source.passage.text.rfind(self.sentence, 0, latest + len(self.sentence))


@dataclass(frozen=True, slots=True)
class Group:
    """One value, in the words of its best claim, and every claim that gives it, best first."""

    value: str
    claims: tuple[Said, ...]


@dataclass(frozen=True, slots=True)
class Disagreement:
    """Different values for the same thing, from at least two articles; the group of the surest claim first.

    `about` is the question. If `later` is set this is no conflict: that group, one of `groups`, says that it
    updates the others, and none of those appeared after it.
    """

    about: str
    groups: tuple[Group, ...]
    later: Group | None = None


class _Bond(Enum):
    """How two values, or two groups of claims, stand to each other."""

    SAME = "one value, in other words or less exactly"
    LOOSE = "a bound, and a figure within it: neither the same nor exclusive"
    RIVAL = "not both can be right"
    UPDATED = "one says that it replaces the other"
    APART = "not to be compared"


def find(question: str, claims: Sequence[Said]) -> list[Disagreement]:
    """The disagreements among what articles say in answer to a question, in whatever order the claims come;
    the one with the surest claim first.

    Hand in only claims that the reader believes: each of them counts, and `score` only orders them. The work
    grows with the square of their number.
    """
    asked = _asked(question, claims)
    heard = [h for claim in _ordered(claims) if _concerns(asked, h := _heard(asked, claim))]
    groups = _voiced(asked, _grouped(asked, heard))
    bonds = {(g, h): _group_bond(asked, groups[g], groups[h]) for g, h in combinations(range(len(groups)), 2)}
    found: list[Disagreement] = []
    for members in _components(
        len(groups), [pair for pair, bond in bonds.items() if bond is not _Bond.APART]
    ):
        kinds = {bonds[pair] for pair in combinations(members, 2)}
        if kinds & {_Bond.RIVAL, _Bond.UPDATED}:
            shown = tuple(_shown(groups[m]) for m in members)
            later = None if _Bond.RIVAL in kinds else shown[_latest([groups[m] for m in members])]
            found.append(Disagreement(question.strip(), shown, later))
    return found


# --- spelling -------------------------------------------------------------------------------------------------------

# Endings by which a people's name and its country's differ: Iran, Iranian; Pakistan, Pakistani; China,
# Chinese.
_PEOPLE = frozenset(
    [
        "",
        "a",
        "ain",
        "an",
        "ans",
        "e",
        "ean",
        "ese",
        "i",
        "ia",
        "ian",
        "ians",
        "ine",
        "is",
        "ish",
        "n",
        "s",
        "y",
    ]
)
# Names of one actor that no spelling connects, for who did what; as values they stay apart. News says
# "Tehran" for Iran.
_SPEAKS_FOR = {
    "ankara": "turkey", "baghdad": "iraq", "beijing": "china", "berlin": "germany", "cairo": "egypt", "damascus": "syria",
    "delhi": "india", "islamabad": "pakistan", "kabul": "afghanistan", "kiev": "ukraine", "kremlin": "russia",
    "kyiv": "ukraine", "london": "britain", "moscow": "russia", "paris": "france", "tehran": "iran", "tokyo": "japan",
    "washington": "america",
}  # fmt: skip
_ACCENT = re.compile(r"[\u0300-\u036f]")
_SHORT_NAMES = (
    (re.compile(r"\b(?:U\.S\.(?:A\.)?|USA?\b|United States(?: of America)?\b)"), "America"),
    (re.compile(r"\b(?:U\.K\.|UK\b|United Kingdom\b|Great Britain\b)"), "Britain"),
    (re.compile(r"\b(?:U\.N\.|UN\b|United Nations\b)"), "Unitednations"),
    (re.compile(r"\b(?:E\.U\.|EU\b|European Union\b)"), "Europeanunion"),
)


@lru_cache(maxsize=4_096)
def _plain(text: str) -> str:
    """The text without accents, and with one name for those that have a short one.

    >>> _plain("Zoltán left the U.S. on Monday")
    'Zoltan left the America on Monday'
    """
    for pattern, name in _SHORT_NAMES:
        text = pattern.sub(name, text)
    return text if text.isascii() else _ACCENT.sub("", unicodedata.normalize("NFKD", text))


@lru_cache(maxsize=16_384)
def _alike(a: str, b: str) -> bool:
    """Whether two words are spellings of one name or word: transliterations, a people and its country, a slip
    of the pen.

    Short words must be equal, and so must those with digits: Iran is not Iraq, and a DC-3 no DC-8.

    >>> _alike("balochistan", "baluchestan"), _alike("iranian", "iran"), _alike("austria", "australia"), _alike("iran", "iraq")
    (True, True, False, False)
    """
    if a == b:
        return True
    if min(len(a), len(b)) < 4 or a[0] != b[0] or any(c.isdigit() for c in a + b):
        return False
    head = _shared_start(a, b)
    if head >= 4 and a[head:] in _PEOPLE and b[head:] in _PEOPLE:
        return True
    bones = _consonants(a)
    if len(bones) >= 4 and bones == _consonants(b):
        return True
    tail = _shared_start(a[head:][::-1], b[head:][::-1])
    return min(len(a), len(b)) >= 7 and max(len(a), len(b)) - head - tail <= 1


def _shared_start(a: str, b: str) -> int:
    return next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


def _consonants(word: str) -> str:
    """A word's consonants, doubles once.

    >>> _consonants("mohammed"), _consonants("muhammad")
    ('mhmd', 'mhmd')
    """
    return re.sub(r"(.)\1+", r"\1", re.sub(r"[aeiouy'’]", "", word))


def _among(word: str, others: Set[str]) -> bool:
    return word in others or any(_alike(word, other) for other in others)


def _actor(word: str) -> str:
    """The actor a word names: Tehran acts for Iran."""
    return _SPEAKS_FOR.get(word, word)


def _same_actor(a: Set[str], b: Set[str]) -> bool:
    actors = {_actor(y) for y in b}
    return any(_among(_actor(x), actors) for x in a)


# --- figures ----------------------------------------------------------------------------------------------------------

_UNITS = "one two three four five six seven eight nine"
_TEENS = "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_UNIT, _TEEN, _TEN = ("|".join(group.split()) for group in (_UNITS, _TEENS, _TENS))
_SCALES = {
    "dozen": 12, "hundred": 100, "thousand": 1e3, "k": 1e3, "million": 1e6, "mn": 1e6, "m": 1e6, "billion": 1e9, "bn": 1e9,
    "trillion": 1e12, "tn": 1e12,
}  # fmt: skip
_LONG_SCALE = "dozen|hundred|thousand|million|billion|trillion"
# "m" is a million only after a currency: 5m alone may be metres. "One of" counts nothing, and "20th" is no
# figure.
_FIGURE = re.compile(
    rf"(?:(?P<money>[$€£¥])\s?)?(?:(?<![\w.,])(?P<digits>\d+(?:,\d{{3}})*(?:\.\d+)?)"
    rf"|\b(?P<word>(?:{_TEN})(?:[-\s](?:{_UNIT}))?|{_TEEN}|{_UNIT}|an?(?=\s(?:{_LONG_SCALE})\b))\b(?!\sof\b))"
    rf"(?P<scale>[-\s]?(?:{_LONG_SCALE}|mn|bn|tn|k)\b|(?(money)m\b|(?!)))?(?![^\W\d_])(?P<percent>\s?(?:%|per\s?cent\b))?",
    re.IGNORECASE,
)
_VAGUE = re.compile(r"\b(?P<vague>dozens|scores|hundreds|thousands|millions)\b(?:\sof\b)?", re.IGNORECASE)
_VAGUE_RANGE = {
    "dozens": (24, 200),
    "scores": (40, 200),
    "hundreds": (200, 2e3),
    "thousands": (2e3, 2e5),
    "millions": (2e6, 2e9),
}
_TO = re.compile(r"\s?(?:-|–|—|\bto\b|\band\b)\s?", re.IGNORECASE)
_JOINT = re.compile(r"\s(?:and\s)?", re.IGNORECASE)
_QUALIFIERS = (
    (
        "least",
        re.compile(
            r"\b(?:at\sleast|(?:a\s)?minimum\sof|(?:no|not)\s(?:fewer|less)\sthan)\s*\Z", re.IGNORECASE
        ),
    ),
    (
        "most",
        re.compile(
            r"\b(?:at\smost|up\sto|as\smany\sas|no\smore\sthan|(?:a\s)?maximum\sof)\s*\Z", re.IGNORECASE
        ),
    ),
    (
        "over",
        re.compile(
            r"\b(?:more\sthan|over|above|upwards?\sof|in\sexcess\sof|exceed(?:s|ed|ing)?)\s*\Z", re.IGNORECASE
        ),
    ),
    ("under", re.compile(r"\b(?:fewer\sthan|less\sthan|under|below)\s*\Z", re.IGNORECASE)),
    (
        "about",
        re.compile(
            r"(?:\b(?:about|around|some|roughly|approximately|nearly|almost|close\sto|(?:an\s)?estimated(?:\sat)?|circa)|~)\s*\Z",
            re.IGNORECASE,
        ),
    ),
)
_OR_MORE = re.compile(r"\+|\s?plus\b|(?:\s\w+)?\sor\smore\b|\sand\scounting\b", re.IGNORECASE)
_FIGURE_FILLER = STOPWORDS | frozenset(
    "almost around close estimated exactly least less many maximum minimum nearly roughly total".split()
)
_ABOUT_SHARE = 0.1  # "about 1,000" may be 900 or 1,100
_ROUNDED_SHARE = 0.05  # "5 million" may be 5.2, and is not 6
_PERSONS = frozenset(
    "casualties dead deaths fatalities inhabitants killed lives people person persons residents souls victims".split()
)
# A unit in terms of another, so that miles and kilometres meet; a conversion is taken to be rounded by a
# thirtieth.
_IN_TERMS_OF = {
    "mile": ("km", 1.609),
    "kilometr": ("km", 1),
    "kilomet": ("km", 1),
    "hour": ("day", 1 / 24),
    "week": ("day", 7),
}
_UNIT_WORDS = re.compile(r"[-\s]?((?:[^\W\d_]+[-\s]){0,2}[^\W\d_]+)")


@dataclass(frozen=True, slots=True)
class _Figure:
    """A number as an article gives it: `at`, as far as it may lie from there, how it is bounded, and what is
    counted.
    """

    at: float
    low: float
    high: float
    form: str
    unit: str | None


def _figure(text: str, before: str = "", after: str = "") -> _Figure | None:
    """The first figure of a text; what stands before and after it may bound it and say what it counts.

    >>> _figure("nine people", before="killed at least ")
    _Figure(at=9.0, low=9.0, high=inf, form='least', unit='person')
    >>> _figure("about $1.5 million")
    _Figure(at=1500000.0, low=1350000.0, high=1650000.0, form='about', unit='$')
    """
    if (match := _FIGURE.search(text)) is None:
        return _vague(text)
    at, margin, end = _amount(text, match)
    ahead = text[end:] + after
    form = next(
        (name for name, pattern in _QUALIFIERS if pattern.search((before + text[: match.start()])[-40:])), ""
    )
    upper = None
    if (to := _TO.match(text, end)) and (second := _FIGURE.match(text, to.end())):
        upper, margin, end = _amount(text, second)
        ahead = text[end:] + after
    unit = match["money"] or ("%" if match["percent"] else _unit(ahead))
    if unit in _IN_TERMS_OF:
        unit, factor = _IN_TERMS_OF[unit]
        at, margin, upper = at * factor, max(margin, at / 30) * factor, upper and upper * factor
    if upper is not None and upper > at:
        return _Figure(at, at, upper, "range", unit)
    if not form and _OR_MORE.match(ahead):
        form = "least"
    if form == "about":
        margin = at * _ABOUT_SHARE
    low = -inf if form in ("most", "under") else at if form in ("least", "over") else at - margin
    high = inf if form in ("least", "over") else at if form in ("most", "under") else at + margin
    return _Figure(at, low, high, form, unit)


def _vague(text: str) -> _Figure | None:
    if (match := _VAGUE.search(text)) is None:
        return None
    low, high = _VAGUE_RANGE[match["vague"].lower()]
    return _Figure(low, low, high, "range", _unit(text[match.end() :]))


def _amount(text: str, match: re.Match[str]) -> tuple[float, float, int]:
    """What a figure comes to, half the last place it was rounded to, and where it ends: "two hundred and
    fifty" is one.

    >>> _amount("1.5 million", _FIGURE.match("1.5 million"))
    (1500000.0, 50000.0, 11)
    """
    total, end = 0.0, match.start()
    piece: re.Match[str] | None = match
    scale = inf
    while piece is not None:
        number = float(piece["digits"].replace(",", "")) if piece["digits"] else _word_number(piece["word"])
        smaller = _SCALES[piece["scale"].strip(" -").lower()] if piece["scale"] else 1
        if smaller >= scale or (total and number >= scale):
            break
        decimals = len(piece["digits"].partition(".")[2]) if piece["digits"] else 0
        total, end, scale = total + number * smaller, piece.end(), smaller
        margin = (
            min(smaller * 10.0**-decimals / 2, total * _ROUNDED_SHARE) if smaller > 1 or decimals else 0.0
        )
        joint = _JOINT.match(text, end) if scale > 1 else None
        piece = _FIGURE.match(text, joint.end()) if joint else None
    return total, margin, end


def _word_number(word: str) -> float:
    return float(numbers(word)[0]) if word.lower() not in ("a", "an") else 1.0


def _unit(text: str) -> str | None:
    """What is counted, from the words after a figure; every word for a human being is one unit.

    >>> _unit(" Pakistani nationals, most of them women"), _unit("-mile border"), _unit(" persons were"), _unit(", he said")
    ('nation', 'mile', 'person', None)
    """
    match = _UNIT_WORDS.match(text)
    run: list[str] = []
    for word in words(match[1]) if match else []:
        if word in STOPWORDS:
            break
        run.append(word)
    if text.startswith("-"):
        run = run[:1]
    if _PERSONS & set(run):
        return "person"
    unit = stem(run[-1]) if run else None
    return {"dollar": "$", "euro": "€", "pound": "£"}.get(unit, unit) if unit else None


def _figure_bond(a: _Figure, b: _Figure) -> _Bond:
    """Figures are rivals when they leave no room for each other; so are two lower, or two upper, bounds of
    one form.

    "At least seven" and "at least nine" are two counts, though nine is at least seven; "more than 5" allows
    "at least 7".

    >>> [_figure_bond(_figure(x), _figure(y)).name for x, y in (("at least 7", "at least 9"), ("over 5", "7"), ("2", "two"))]
    ['RIVAL', 'LOOSE', 'SAME']
    """
    if a.unit and b.unit and a.unit != b.unit:
        return _Bond.APART
    if a.at == b.at:
        return _Bond.SAME
    if a.low > b.high or b.low > a.high:
        return _Bond.RIVAL
    bounded = {"least", "over", "most", "under"} & {a.form, b.form}
    if not bounded:
        return _Bond.SAME
    return _Bond.RIVAL if a.form == b.form else _Bond.LOOSE


# --- times ------------------------------------------------------------------------------------------------------------

def _time_bond(a: Time, b: Time) -> _Bond:
    """Times are rivals when something both give differs; a weekday and a date meet through the day of
    publication.

    >>> _time_bond(time_in("Wednesday"), time_in("on Thursday")).name, _time_bond(time_in("January 2024"), time_in("18 January")).name
    ('RIVAL', 'SAME')
    >>> _time_bond(time_in("Tuesday", published=date(2024, 1, 18)), time_in("16 January")).name
    'SAME'
    """
    for named, dated in ((a, b), (b, a)):
        if named.weekday is not None and not named.days and dated.days and dated.weekday is None:
            return _weekday_bond(named, dated)
    pairs = [
        (x, y)
        for x, y in (
            (a.years, b.years),
            (_point(a.month), _point(b.month)),
            (a.days, b.days),
            (_point(a.weekday), _point(b.weekday)),
            (_point(a.minute), _point(b.minute)),
        )
        if x and y
    ]
    if not pairs:
        return _Bond.APART
    return _Bond.SAME if all(x[0] <= y[1] and y[0] <= x[1] for x, y in pairs) else _Bond.RIVAL


def _point(value: int | None) -> tuple[int, int] | None:
    return None if value is None else (value, value)


def _weekday_bond(named: Time, dated: Time) -> _Bond:
    """A weekday beside a date: the weekday lies within a week of its article, before or after it."""
    if named.published is None or named.weekday is None:
        return _Bond.APART
    back = (named.published.weekday() - named.weekday) % 7
    near = [shifted(named.published, -back), shifted(named.published, 7 - back)]
    fits = any(_time_bond(on_day(day), dated) is _Bond.SAME for day in near)
    return _Bond.SAME if fits else _Bond.RIVAL


# --- phrases ----------------------------------------------------------------------------------------------------------

_LONGEST_PHRASE = (
    6  # content words: more is a statement, and statements differ in many ways that are no conflict
)
_LEVELS = frozenset("area city country county district island province region state town village".split())


@dataclass(frozen=True, slots=True)
class _Phrase:
    """Any other value: its content stems, those before the first comma, whether it is a name, and how it is
    abbreviated.
    """

    stems: tuple[str, ...]
    head: tuple[str, ...]
    name: bool
    short: str
    joined: str
    level: bool


def _phrase(text: str, question: Set[str] = frozenset()) -> _Phrase:
    """A phrase, less the question's own words: to "which party", "Liberal Party" answers "liberal".

    >>> _phrase("Salem, Massachusetts").head, _phrase("Liberal Party", {"parti"}).stems, _phrase("the World Bank").short
    (('salem',), ('liber',), 'wb')
    """
    text = _plain(text)
    stems = tuple(content_stems(text))
    kept = tuple(s for s in stems if s not in question) or stems
    head = tuple(s for s in content_stems(text.partition(",")[0]) if s in kept)
    capitals = [w for w in re.findall(r"\w+", text) if w[0].isupper()]
    name = (
        bool(capitals) and stem(capitals[-1].lower()) == (content_stems(text.partition(",")[0]) or [""])[-1]
    )
    return _Phrase(
        kept,
        head,
        name,
        "".join(w[0] for w in capitals).lower(),
        re.sub(r"\W", "", text).lower(),
        bool(_LEVELS & set(words(text))),
    )


def _phrase_bond(a: _Phrase, b: _Phrase) -> _Bond:
    """Phrases are the same when one's words stand in the other, and rivals when they share none and are alike
    in shape.

    >>> pairs = (("Gen. Asim Munir", "Munir"), ("BLA", "Baloch Liberation Army"), ("Boston", "Salem"), ("Al Fox", "Jo Fox"))
    >>> [_phrase_bond(_phrase(x), _phrase(y)).name for x, y in pairs]
    ['SAME', 'SAME', 'RIVAL', 'APART']
    """
    if not a.stems or not b.stems:
        return _Bond.APART
    few, many = sorted((a.stems, b.stems), key=len)
    shared = [s for s in few if _among(s, set(many))]
    if len(shared) == len(few) or _alike(a.joined, b.joined) or _abbreviates(a, b) or _abbreviates(b, a):
        return _Bond.SAME
    places = a.head != a.stems and b.head != b.stems
    if shared and not (places and not any(_among(s, set(b.head)) for s in a.head)):
        return _Bond.APART
    shaped = a.name == b.name and a.level == b.level and len(many) <= _LONGEST_PHRASE
    return _Bond.RIVAL if shaped else _Bond.APART


def _abbreviates(a: _Phrase, b: _Phrase) -> bool:
    return len(a.joined) >= 2 and a.joined == b.short and len(b.stems) > 1


# --- the question -----------------------------------------------------------------------------------------------------


class _Wants(Enum):
    """What a question asks for. Only PLACE and ONE let two phrases be rivals; figures and times may always
    be.
    """

    FIGURE = "how many"
    TIME = "when"
    PLACE = "where"
    ONE = "who, which, what: one of its kind"
    OPEN = "why, how, several things, yes or no"


_FIGURE_ASKED = re.compile(
    r"\bhow\s+(?:many|much|old|long|far|tall|big|large|high|deep|fast|heavy)\b"
    r"|\b(?:population|number|toll|casualties|percentage|amount|price|cost|age|income|revenue|rate|budget|salary|distance"
    r"|length|height|weight|area|size)\b",
    re.IGNORECASE,
)
_TIME_ASKED = re.compile(
    r"\bwhen\b|\b(?:what|which)\s+(?:\w+\s+)?(?:day|date|year|month|time|week|weekday|decade|century)\b|\bdate\b|\bwhat\b[^?]{0,60}\byear\b",
    re.IGNORECASE,
)
_PLACE_ASKED = re.compile(
    r"\bwhere\b|\blocation\b"
    r"|\b(?:what|which)\s+(?:\w+\s+)?(?:city|town|village|country|state|province|region|county|district|place|venue|capital)\b",
    re.IGNORECASE,
)
_ONE_ASKED = re.compile(r"\b(?:who|whom|whose|which|what)\b", re.IGNORECASE)
# Each article may name another of several. "What does" and "which class" are one: not every s is a plural.
_SEVERAL_ASKED = re.compile(
    r"\b(?:who|what|which|where)\s+(?:are|were|have|else)\b|\bwhich\s+of\b"
    r"|\b(?:which|what)\s+(?!is\b|was\b|has\b|does\b)\w+[^\W\dsiu]s\b",
    re.IGNORECASE,
)
_REASON_ASKED = re.compile(r"\b(?:why|how)\b|\bwhat\s+(?:do|did|happened|has|had)\b", re.IGNORECASE)
_DID = re.compile(r"\b(?:did|does|do|has|have|had|will|when)\s(?:the\s)?\Z", re.IGNORECASE)
# What many may do at once, so that one who did does not exclude another.
_SHARED_DEEDS = (
    "accuse arrest attend comment condemn criticise criticize denounce deny injure join kill meet mourn "
    "oppose praise "
    "protest react respond said say speak support talk testify urge visit vote warn welcome witness wound"
)
_DEEDS = frozenset(
    noun + ending
    for noun in "action airstrike ambush assault attack blast bombardment bombing clash explosion incursion invasion offensive "
    "operation protest raid reprisal response retaliation shelling strike".split()
    for ending in ("", "s", "es")
)


@lru_cache(maxsize=1)
def _shared_deeds() -> frozenset[str]:
    return frozenset(map(stem, _SHARED_DEEDS.split()))  # here, so that an import loads no stemmer


def _wants(question: str) -> _Wants:
    """What a question asks for, from its words.

    >>> [_wants(q).name for q in ("How many died?", "On what day?", "Where is it?", "Who won?", "Who were killed?", "Why?")]
    ['FIGURE', 'TIME', 'PLACE', 'ONE', 'OPEN', 'OPEN']
    >>> [_wants(q).name for q in ("How many died when it fell?", "Where did the strikes land?", "Who condemned it?")]
    ['FIGURE', 'OPEN', 'OPEN']
    """
    asked = words(question)
    figure, time = _FIGURE_ASKED.search(question), _TIME_ASKED.search(question)
    if figure or time:
        return _Wants.TIME if time and (not figure or time.start() < figure.start()) else _Wants.FIGURE
    if _SEVERAL_ASKED.search(question) or _shared_deeds() & {stem(w) for w in asked}:
        return _Wants.OPEN
    if _PLACE_ASKED.search(question):
        several = any(w.endswith("s") and w in _DEEDS for w in asked)
        return _Wants.OPEN if several else _Wants.PLACE
    return _Wants.ONE if _ONE_ASKED.search(question) and not _REASON_ASKED.search(question) else _Wants.OPEN


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question, read: `marks` tell its subject from others (its names; if it is `nameless`, its stems),
    `agents` and `targets` are who did it to whom, `capitals` the words that it or the claims' passages write
    as names."""

    wants: _Wants
    stems: frozenset[str]
    marks: frozenset[str]
    nameless: bool
    agents: frozenset[str]
    targets: frozenset[str]
    years: frozenset[str]
    harm: str | None
    both: bool
    capitals: frozenset[str]


def _asked(question: str, claims: Sequence[Said]) -> _Asked:
    plain = _plain(question)
    capitals = _capitals(plain).union(*(_capitals(c.source.passage.text) for c in claims))
    named = [m for m in _mentions(plain, capitals) if m.role is not _Role.SPEAKER]
    stems = frozenset(content_stems(plain))
    return _Asked(
        _wants(question),
        stems,
        frozenset(w for m in named for w in m.words) or stems,
        not named,
        _doer(plain, named),
        frozenset(w for m in named if m.role is _Role.TARGET for w in m.words),
        frozenset(_year_words(question)),
        next((name for name, pattern in _HARMS if pattern.search(question)), None),
        bool(_BOTH.search(question)),
        capitals,
    )


def _doer(question: str, named: Sequence[_Mention]) -> frozenset[str]:
    """Who does what is asked about: the name after "did", else one whose deed it is; nobody in "when was
    Kakar born".

    >>> questions = ("When did Iran hit Iraq?", "Who fled Iran's strikes?", "Is Iran big?")
    >>> [sorted(_doer(q, _mentions(q, frozenset()))) for q in questions]
    [['iran'], ['iran'], []]
    """
    doing = [m for m in named if m.role is _Role.AGENT]
    asked = [m for m in doing if _DID.search(question[: m.start])]
    deeds = [m for m in doing if m.deed]
    return (asked or deeds)[0].words if asked or deeds else frozenset()


# --- who did it to whom -----------------------------------------------------------------------------------------------

_WORDLIKE = re.compile(r"\b[^\W\d_][\w’'-]*")
_CAPITALISED = re.compile(r"(?<![\w’'-])(?:[a-z]{1,3}-)?[^\W\d_a-z][\w’'-]*")  # also al-Adl, el-Sisi
_NO_NAME = STOPWORDS | CALENDAR | frozenset(SHORT_MONTHS)
_INTO = frozenset("against at in inside into near on onto outside within".split())
_NO_ROLE = frozenset("and are between for from is of or than to was were with".split())
_DETERMINERS = frozenset("a an her his its the their this that".split())
_TOLD = re.compile(
    r"[^.;A-Z]{0,40}\b(?:said|says?|told|report(?:s|ed)?|claim(?:s|ed)?|stated|confirmed|announced|added)\b"
)
_SUFFERED = re.compile(r"\s(?:was|were|is|are|been|being)\s(?:first\s)?(?:\w+ed|struck|hit|shot)\b")
_DEED_AHEAD = re.compile(r"\s((?:[a-z]+\s){0,2})([a-z]+)")


class _Role(Enum):
    """What a name does in its sentence, as far as the words around it tell."""

    AGENT = "does it"
    TARGET = "has it done to it, or is where it is done"
    SPEAKER = "tells of it"
    NONE = "something else"


@dataclass(frozen=True, slots=True)
class _Mention:
    """A name in a text: its words in small letters, where it stands, its role, and whether a deed is called
    its own.
    """

    words: frozenset[str]
    start: int
    role: _Role
    deed: bool = False


@lru_cache(maxsize=512)
def _capitals(text: str) -> frozenset[str]:
    """The words a text writes with a capital though no sentence begins there."""
    plain = _plain(text)
    found = [m.group() for m in _CAPITALISED.finditer(plain) if not _begins(plain, m.start())]
    return frozenset(words(" ".join(found))) - _NO_NAME


def _begins(text: str, at: int) -> bool:
    before = text[max(at - 4, 0) : at].rstrip(" \n“”‘\"'(-—")
    return not before or before[-1] in ".!?:"


@lru_cache(maxsize=1_024)
def _mentions(text: str, capitals: frozenset[str]) -> tuple[_Mention, ...]:
    """The names of a text in order; `capitals` are words that are names even where a sentence begins, or
    where a question has no capitals at all.

    >>> [(sorted(m.words), m.role.name) for m in _mentions("On Tuesday Iran hit camps in Pakistan, Kirby said.", frozenset())]
    [(['iran'], 'AGENT'), (['pakistan'], 'TARGET'), (['kirby'], 'SPEAKER')]
    >>> [(sorted(m.words), m.role.name) for m in _mentions("It followed Pakistani strikes on Iran.", frozenset())]
    [(['pakistani'], 'AGENT'), (['iran'], 'TARGET')]
    """
    pattern = _WORDLIKE if text.islower() else _CAPITALISED
    runs: list[list[re.Match[str]]] = []
    for match in pattern.finditer(text):
        if _is_name(text, match, capitals):
            if runs and text[runs[-1][-1].end() : match.start()] == " ":
                runs[-1].append(match)
            else:
                runs.append([match])
    return tuple(_Mention(_whole(run), run[0].start(), *_role(text, run)) for run in runs)


def _whole(run: Sequence[re.Match[str]]) -> frozenset[str]:
    return frozenset(w for match in run for w in words(match.group()))


def _is_name(text: str, match: re.Match[str], capitals: Set[str]) -> bool:
    parts = set(words(match.group()))
    if parts & _NO_NAME:
        return False
    known = bool(parts & capitals)
    if not match.group().islower():
        return known or not _begins(text, match.start()) or match.group().endswith(("’s", "'s"))
    return known or any(w.removesuffix("s") in capitals for w in parts)  # "pakistans strikes"


def _role(text: str, run: Sequence[re.Match[str]]) -> tuple[_Role, bool]:
    """What the name made of those words does, and whether a deed is called its own ("Iran's strikes",
    "strikes by Iran"): by the word before it, and by a deed or a telling after it."""
    before = [
        w.lower() for w in re.findall(r"[\w’'-]+|[,;]", text[max(run[0].start() - 40, 0) : run[0].start()])
    ]
    while before and before[-1] in _DETERMINERS:
        before.pop()
    prior = before[-1] if before else ""
    end = run[-1].end()
    ahead = _DEED_AHEAD.match(text, end)
    belongs = run[-1].group().endswith(("’s", "'s", "s’", "s'", "i", "n", "se", "sh"))
    if prior == "by" or (belongs and ahead and _DEEDS & set(ahead.group().split())):
        return _Role.AGENT, True
    if prior in _INTO or _is_deed(prior) or _SUFFERED.match(text, end):
        return _Role.TARGET, False
    if prior in _NO_ROLE:
        return _Role.NONE, False
    return _Role.SPEAKER if _TOLD.match(text, end) else _Role.AGENT, False


def _is_deed(word: str) -> bool:
    """Whether a word before a name is what is done to it: "struck Iran", "targeting Iran", "strike Iran"."""
    return word in ("struck", "hit") or word in _DEEDS or (word.endswith(("ed", "ing")) and len(word) > 4)


# --- what a claim is about --------------------------------------------------------------------------------------------

_LEAST_MARKS = 0.5  # of the question's names, that the sentence, its neighbours or the title hold
# Who was harmed how: a sentence often gives the killed and the injured in one breath.
_HARMS = (
    (
        "killed",
        re.compile(r"\b(?:kill\w*|dead|deaths?|die[ds]?|dying|toll|fatal\w*|lives|slain)\b", re.IGNORECASE),
    ),
    ("hurt", re.compile(r"\b(?:injur\w*|wound\w*|hurt)\b", re.IGNORECASE)),
    ("held", re.compile(r"\b(?:arrest\w*|detain\w*|captur\w*|abduct\w*)\b", re.IGNORECASE)),
    ("moved", re.compile(r"\b(?:displac\w*|fled|evacuat\w*|homeless)\b", re.IGNORECASE)),
    ("missing", re.compile(r"\bmissing\b", re.IGNORECASE)),
)
_BOTH = re.compile(r"\b(?:both|combined|each\sother)\b", re.IGNORECASE)
_YEAR = re.compile(r"(?<![\d,.])(?:1\d{3}|20\d\d)(?![\d%]|,\d)")
_NEGATION = re.compile(
    r"\b(?:never|not(?!\sonly)|no(?!\.|\s(?:fewer|less|more)\sthan)|neither|nor|\w+n['’]t)\b", re.IGNORECASE
)
_CLAUSE_END = re.compile(r"[,;:—–\"“”]")
_REACH = 6  # words that a negation may stand before the value

_Value = _Figure | Time | _Phrase


@dataclass(frozen=True, slots=True)
class _Heard:
    """A claim, read. `denied` is where its negation begins in the sentence; `agent` and `target` are the
    names nearest the value in those roles, `agents` all that do something in its sentence."""

    said: Said
    value: _Value
    denied: int | None
    context: frozenset[str]
    years: frozenset[str]
    harm: str | None
    both: bool
    agent: frozenset[str]
    target: frozenset[str]
    agents: frozenset[str]

    @property
    def article(self) -> str:
        return self.said.source.article.id

    def is_version_of(self, other: _Heard) -> bool:
        """Whether the articles are near-copies of different days: one source that has brought its report up
        to date. A copy of the same day, or of an unknown one, that gives another value disagrees."""
        ours, theirs = self.said.source.article, other.said.source.article
        days = {ours.published, theirs.published}
        return ours.voice == theirs.voice and (ours.id == theirs.id or (len(days) == 2 and None not in days))

    @property
    def published(self) -> date | None:
        return self.said.source.article.published


def _order(claim: Said) -> tuple[float, str, int, int, int]:
    return -claim.score, claim.source.article.id, claim.start, claim.end, claim.source.passage.start


def _ordered(claims: Iterable[Said]) -> list[Said]:
    """Surest first, then by article and place; the same words of one article once."""
    once: dict[tuple[str, int, int], Said] = {}
    for claim in sorted(claims, key=_order):
        once.setdefault((claim.source.article.id, claim.start, claim.end), claim)
    return list(once.values())


def _heard(asked: _Asked, said: Said) -> _Heard:
    """The claim, read. A sentence in which no name does or suffers anything ("Ten were killed") goes on from
    the one before.
    """
    ahead, value, behind = _plain(said.before), _plain(said.value), _plain(said.after)
    around = _around(said)
    mentions = _mentions(ahead + value + behind, asked.capitals)
    earlier = _mentions(_plain(around[0]), asked.capitals) if around[0] else ()
    agent = _nearest(mentions, _Role.AGENT, len(ahead))
    target = _nearest(mentions, _Role.TARGET, len(ahead))
    if not agent and not target:
        agent, target = (_nearest(earlier, role, len(around[0])) for role in (_Role.AGENT, _Role.TARGET))
    return _Heard(
        said,
        _value(asked, said),
        _denied(said),
        frozenset(w for text in (*around, said.sentence, said.source.article.label) for w in _spoken(text)),
        frozenset(_year_words(said.before + " " + said.after)),
        _harm(said) if asked.harm else None,
        bool(_BOTH.search(said.sentence)),
        agent,
        target,
        frozenset(w for m in mentions if m.role is _Role.AGENT for w in m.words) or agent,
    )


def _value(asked: _Asked, said: Said) -> _Value:
    """The value as what the question wants, or else as what it looks like: a time or a figure only if it is
    nothing else.
    """
    time = time_in(said.value, said.before, said.source.article.published)
    figure = _figure(said.value, said.before, said.after)
    if asked.wants is _Wants.FIGURE and figure:
        return figure
    if time and (asked.wants is _Wants.TIME or is_bare_time(said.value)):
        return time
    if figure and _is_bare_figure(said.value):
        return figure
    return _phrase(said.value, asked.stems)


def _is_bare_figure(text: str) -> bool:
    """Whether a text begins with a figure, but for what bounds it: "about nine people" does, "Flight 63" does
    not.

    >>> _is_bare_figure("about nine people"), _is_bare_figure("Flight 63"), _is_bare_figure("dozens")
    (True, False, True)
    """
    match = _FIGURE.search(text) or _VAGUE.search(text)
    return match is not None and all(w in _FIGURE_FILLER for w in words(text[: match.start()]))


def _year_words(text: str) -> list[str]:
    return _YEAR.findall(text)


@lru_cache(maxsize=1_024)
def _spoken(text: str) -> frozenset[str]:
    return frozenset(words(_plain(text)))


@lru_cache(maxsize=256)
def _spans(text: str) -> tuple[tuple[int, int], ...]:
    return sentences(text)


def _around(said: Said) -> tuple[str, str]:
    """The sentence before and the one after, in the passage; empty where there is none."""
    passage = said.source.passage
    start, end = (at - passage.start for at in said.sentence_span)
    before = [span for span in _spans(passage.text) if span[1] <= start]
    after = [span for span in _spans(passage.text) if span[0] >= end]
    return passage.text[slice(*before[-1])] if before else "", passage.text[slice(*after[0])] if after else ""


def _nearest(mentions: Sequence[_Mention], role: _Role, at: int) -> frozenset[str]:
    """The name of that role that stands last before a place, or else first after it."""
    fitting = [m for m in mentions if m.role is role]
    before = [m for m in fitting if m.start < at]
    return (before[-1:] or fitting[:1] or [_Mention(frozenset(), 0, role)])[0].words


def _harm(said: Said) -> str | None:
    """Which harm the value counts, by the word nearest to it.

    "Killed nine and injured 20" counts the injured with 20, as does "nine were killed and 20 injured".
    """
    found: list[tuple[int, int, str]] = []
    for rank, (name, pattern) in enumerate(_HARMS):
        found += [(0, rank, name) for _ in pattern.finditer(said.value)]
        found += [(len(said.before) - m.end(), rank, name) for m in pattern.finditer(said.before)]
        found += [(m.start(), rank, name) for m in pattern.finditer(said.after)]
    return min(found)[2] if found else None


def _denied(said: Said) -> int | None:
    """Where in the sentence a negation of the value begins: in it, or a few words before it in the same
    clause.
    """
    if match := _NEGATION.search(said.value):
        return len(said.before) + match.start()
    clause = [m.end() for m in _CLAUSE_END.finditer(said.before)]
    start = clause[-1] if clause else 0
    reach = [m.start() + start for m in re.finditer(r"\S+", said.before[start:])][-_REACH:]
    found = _NEGATION.search(said.before, reach[0]) if reach else None
    return found.start() if found else None


def _concerns(asked: _Asked, heard: _Heard) -> bool:
    """Whether a claim is about what was asked: it names it, and nothing in its sentence says that it is
    something else.
    """
    if sum(_mentioned(asked, mark, heard.context) for mark in asked.marks) < _LEAST_MARKS * len(asked.marks):
        return False
    if isinstance(heard.value, _Phrase):
        return not _other_years(asked.years, heard.years)
    if isinstance(heard.value, _Figure):
        other_harm = asked.harm and heard.harm and asked.harm != heard.harm
        if other_harm or _other_years(asked.years, heard.years) or (heard.both and not asked.both):
            return False
    return not _other_actor(asked, heard)


def _mentioned(asked: _Asked, mark: str, context: Set[str]) -> bool:
    """Whether one of the question's marks is among the words: a name by any of its actor's, another stem by
    its beginning.
    """
    return _same_actor({mark}, context) or (asked.nameless and any(word.startswith(mark) for word in context))


def _other_years(a: Set[str], b: Set[str]) -> bool:
    return bool(a and b) and not a & b


def _other_actor(asked: _Asked, heard: _Heard) -> bool:
    """Whether somebody else did it, or did it to somebody else, by the names nearest the value."""
    elsewhere = bool(asked.targets and heard.target) and not _same_actor(heard.target, asked.targets)
    if not asked.agents:
        return elsewhere and _same_actor(heard.agent, asked.targets)
    if not heard.agent or _same_actor(heard.agent, asked.agents):
        return elsewhere and not _same_actor(heard.context, asked.targets)
    if _same_actor(heard.agent, asked.targets) or _same_actor(heard.target, asked.agents):
        return True
    return elsewhere or not _same_actor(heard.agents, asked.agents)


def _one_matter(asked: _Asked, a: _Heard, b: _Heard) -> bool:
    """Whether two claims speak of one event. Figures of two years do not; nor, if the question names nobody,
    do deeds of two actors."""
    if isinstance(a.value, _Phrase):
        return True
    if isinstance(a.value, _Figure) and _other_years(a.years, b.years):
        return False
    return not (asked.nameless and a.agent and b.agent and not _same_actor(a.agents, b.agents))


# --- groups -----------------------------------------------------------------------------------------------------------

_RISEN = re.compile(
    r"\b(?:risen|rose|rises|rising|climbed|climbs|climbing|grown|grew|increased|jumped|raised|raising)\b[^.;]{0,30}\bto\b[^.;]{0,20}\Z",
    re.IGNORECASE,
)
_FALLEN = re.compile(
    r"\b(?:fallen|fell|dropped|lowered|cut|reduced)\b[^.;]{0,30}\bto\b[^.;]{0,20}\Z", re.IGNORECASE
)
_REVISED = re.compile(
    r"\b(?:(?:revised|corrected|updated|changed|moved|postponed|rescheduled)\b[^.;]{0,30}\b(?:to|until|at|is)|now"
    r"|(?:latest|new|updated)\s(?:toll|figures?|count|estimate|tally|date)\b[^.;]{0,20})\b[^.;]{0,25}\Z",
    re.IGNORECASE,
)
_COPY = 0.7  # of a sentence's runs of three words, that a near-copy of it holds
_Claims = list[_Heard]


def _bond(asked: _Asked, a: _Heard, b: _Heard) -> _Bond:
    """How two claims stand to each other, by their values."""
    if isinstance(a.value, _Phrase) and isinstance(b.value, _Phrase):
        if (a.denied is None) != (b.denied is None):
            return _Bond.RIVAL if _on_one_word(a.said.value, b.said.value) else _Bond.APART
        bond = _phrase_bond(a.value, b.value)
        allowed = asked.wants is _Wants.ONE or (asked.wants is _Wants.PLACE and not _know_each_other(a, b))
        return bond if bond is not _Bond.RIVAL or allowed else _Bond.APART
    if (a.denied is None) != (b.denied is None):
        return _Bond.APART
    if isinstance(a.value, _Figure) and isinstance(b.value, _Figure):
        return _figure_bond(a.value, b.value)
    if isinstance(a.value, Time) and isinstance(b.value, Time):
        return _time_bond(a.value, b.value)
    return _Bond.APART


def _on_one_word(a: str, b: str) -> bool:
    """Whether two phrases speak of one thing: an ally, an alliance.

    >>> _on_one_word("a major non-NATO ally", "no treaty of alliance"), _on_one_word("a friend", "never an ally")
    (True, False)
    """
    return any(
        _alike(x, y) or (min(len(x), len(y)) >= 4 and (x.startswith(y) or y.startswith(x)))
        for x in content_stems(_plain(a))
        for y in content_stems(_plain(b))
    )


def _know_each_other(a: _Heard, b: _Heard) -> bool:
    """Whether one claim's place is named around the other: the town and the province it lies in."""
    return any(
        isinstance(x.value, _Phrase)
        and all(_among(w, y.context) for w in words(_plain(x.said.value)) if w not in STOPWORDS)
        for x, y in ((a, b), (b, a))
    )


def _grouped(asked: _Asked, heard: Sequence[_Heard]) -> list[_Claims]:
    """The claims by value: each joins the first group whose best claim says the same."""
    groups: list[_Claims] = []
    for claim in heard:
        home = next((g for g in groups if _bond(asked, g[0], claim) is _Bond.SAME), None)
        if home is None:
            groups.append([claim])
        else:
            home.append(claim)
    return groups


def _voiced(asked: _Asked, groups: Sequence[_Claims]) -> list[_Claims]:
    """The groups that hold some article's surest claim of its kind: an article has one voice, though it gives
    other figures.

    Of its figures it is heard with the surest that can be compared with the surest of all: an article that
    counts the children who died, and then all who did, says how many died.
    """
    claims = sorted((c for group in groups for c in group), key=lambda c: _order(c.said))
    surest: dict[tuple[str, type], _Heard] = {}
    figures = [claim for claim in claims if isinstance(claim.value, _Figure)]
    for claim in figures:
        if _bond(asked, figures[0], claim) is not _Bond.APART:
            surest.setdefault((claim.article, _Figure), claim)
    for claim in claims:
        surest.setdefault((claim.article, type(claim.value)), claim)
    return [
        group for group in groups if any(claim is surest[claim.article, type(claim.value)] for claim in group)
    ]


def _group_bond(asked: _Asked, g: _Claims, h: _Claims) -> _Bond:
    """How two groups stand to each other: rivals only if each has an article that does not give the other's
    value too.
    """
    kinds = {_bond(asked, a, b) for a in g for b in h if _one_matter(asked, a, b)}
    if _Bond.RIVAL not in kinds:
        return _Bond.LOOSE if _Bond.LOOSE in kinds else _Bond.APART
    if _articles(g, h) <= _articles(h, g) or _articles(h, g) <= _articles(g, h):
        return _Bond.APART
    if all(a.is_version_of(b) for a in g for b in h):
        return _Bond.APART
    return _Bond.UPDATED if _replaces(g, h) or _replaces(h, g) else _Bond.RIVAL


def _articles(group: _Claims, others: _Claims) -> set[str]:
    """The articles that give a group's value: its own, and those of the others that hold a near-copy of its
    sentence.
    """
    return {c.article for c in group} | {
        o.article for o in others if any(_repeats(o.said, c.said) for c in group)
    }


def _repeats(other: Said, said: Said) -> bool:
    """Whether the other's passage holds nearly the same sentence with the same value: wire copy, the same
    text twice.
    """
    text = other.source.passage.text
    if _between_neighbours(said) not in f" ^ ^ {_normal(text)} $ $ ":
        return False
    sought = _runs(said.sentence)
    return bool(sought) and len(sought & _runs(text)) >= _COPY * len(sought)


def _between_neighbours(said: Said) -> str:
    """The value with two words on either side, so that "two hundred" does not stand in "two hundred and
    fifty".
    """
    text, at = said.source.passage.text, said.source.passage.start
    # A few words are enough, and passages may be long.
    before = squad_normalise(text[max(said.start - at - 40, 0) : said.start - at]).split()
    after = squad_normalise(text[said.end - at : said.end - at + 40]).split()
    return f" {' '.join([*['^', '^', *before][-2:], squad_normalise(said.value), *[*after, '$', '$'][:2]])} "


@lru_cache(maxsize=256)
def _normal(text: str) -> str:
    return squad_normalise(text)


@lru_cache(maxsize=256)
def _runs(text: str) -> frozenset[tuple[str, ...]]:
    said = words(text)
    return frozenset(zip(said, said[1:], said[2:], strict=False))


def _replaces(new: _Claims, old: _Claims) -> bool:
    """Whether a claim of the one says that it updates, and nothing in the other is newer, or of unknown date."""
    dates = [c.published for c in old]
    return any(
        n.published is not None
        and all(d is not None and d <= n.published for d in dates)
        and _updates(n, old[0])
        for n in new
    )


def _updates(new: _Heard, old: _Heard) -> bool:
    """Whether a claim's sentence says that its value is a change: "has risen to nine", "revised to", "now"."""
    if _REVISED.search(new.said.before):
        return True
    if not (isinstance(new.value, _Figure) and isinstance(old.value, _Figure)):
        return False
    if _RISEN.search(new.said.before):
        return new.value.at > old.value.at
    return bool(_FALLEN.search(new.said.before)) and new.value.at < old.value.at


def _latest(groups: Sequence[_Claims]) -> int:
    """Which group replaces others and is the newest; one must."""
    newest = [
        max((c.published for c in g if c.published), default=date.min)
        if any(_replaces(g, h) for h in groups)
        else date.min
        for g in groups
    ]
    return newest.index(max(newest))


def _components(size: int, edges: Sequence[tuple[int, int]]) -> Iterator[list[int]]:
    """The numbers below `size` that edges connect, in order; those without an edge are left out.

    >>> list(_components(5, [(0, 3), (1, 2), (3, 1)]))
    [[0, 1, 2, 3]]
    """
    left = set(range(size))
    while left:
        members, reached = set(), {min(left)}
        while reached:
            members |= reached
            reached = {y for a, b in edges for x, y in ((a, b), (b, a)) if x in members} - members
        left -= members
        if len(members) > 1:
            yield sorted(members)


def _shown(group: _Claims) -> Group:
    """The group as a reader sees it, by the value of its best claim."""
    return Group(group[0].said.shown, tuple(c.said for c in group))
