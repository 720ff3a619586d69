"""The words and noun phrases of a question: what is a name, a time or a plural, and where a phrase ends.

Offsets count code points of the text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from rag.english.conversation import HOLIDAYS, IRREGULAR_PLURALS, PREDICATES
from rag.english.lexicon import (
    ADVERBS,
    AUXILIARIES,
    CALENDAR,
    DETERMINERS,
    IRREGULAR_VERBS,
    NEWS_VERBS,
    NUMBER_WORDS,
    PERSONAL,
    PLACES,
    PREPOSITIONS,
    QUESTION_WORDS,
    STOPWORDS,
    TIME_WORDS,
    TITLES,
    WEEKDAYS,
    verb_forms,
)
from rag.english.names import Name, names

__all__ = [
    "ENDS_PHRASE",
    "OPENS_CLAUSE",
    "SHORT_AUXILIARIES",
    "Phrase",
    "Role",
    "Word",
    "bare",
    "has_name",
    "is_done",
    "is_plural",
    "is_time",
    "opens_only",
    "opens_time",
    "participles",
    "past_form",
    "pasts",
    "phrases",
    "read",
    "touches",
]


@dataclass(frozen=True, slots=True)
class Word:
    """A word at [start, end). `low`: in small letters, with straight apostrophes; but "May" for the month,
    as "may" is an auxiliary. `opens`: it begins a sentence. `named`: it is part of a name, its title among
    it, or a place that is known in any case.
    """

    text: str
    start: int
    end: int
    low: str
    opens: bool = False
    named: bool = False


class Role(StrEnum):
    """What a phrase does in its question."""

    ASKED = "asked"
    SUBJECT = "subject"
    OBJECT = "object"
    ADJUNCT = "adjunct"


@dataclass(frozen=True, slots=True)
class Phrase:
    """A noun phrase at [start, end), and the preposition before it, "" if it has none.

    `whole`: where the preposition begins, or `start`. `name`: the capitalised words in it, as (start, end).
    """

    text: str
    start: int
    end: int
    preposition: str
    whole: int
    role: Role
    words: tuple[Word, ...]
    name: tuple[int, int] | None

    @property
    def time(self) -> bool:
        return is_time(self.words)


_WORD = re.compile(r"[^\W_]+(?:['’.-][^\W_]+|:\d+)*(?:(?<=s)['’](?=\s+[^\W_]))?|&")

_CONTRACTED = re.compile(rf"({'|'.join(sorted(QUESTION_WORDS))})(['’](?:s|re|ll|d))", re.IGNORECASE)

SHORT_AUXILIARIES = {"'s": "is", "'re": "are", "'ll": "will", "'d": "did"}


@lru_cache(maxsize=1024)
def read(text: str) -> tuple[Word, ...]:
    """The words of a text; the auxiliary of "what's" is a word of its own.

    >>> [word.low for word in read("What’s Ann Lee’s plan?")]
    ['what', "'s", 'ann', "lee's", 'plan']
    """
    found: list[Word] = []
    called = _name_spans(text)
    for match in _WORD.finditer(text):
        start, end = match.span()
        if short := _CONTRACTED.fullmatch(match.group()):
            middle = start + len(short[1])
            found.append(Word(short[1], start, middle, short[1].casefold()))
            start = middle
        low = text[start:end].casefold().replace("’", "'")
        if low == "may" and _is_month(text, found, end):
            low = "May"
        between = text[found[-1].end : start].strip() if found else "."
        opens = between[:1] in {".", "!", "?"} and not (found and touches(text, found[-1], match.start()))
        named = any(first <= start < last for first, last in called)
        found.append(Word(text[start:end], start, end, low, bool(between) and opens, named))
    return tuple(found)


def _name_spans(text: str) -> list[tuple[int, int]]:
    """Where names stand, with a title or a capital "The" before them, and without days and months."""
    found: list[tuple[int, int]] = []
    for name in names(text, lower=_KNOWN_PLACES):
        start = name.start
        if opens_only(name):
            continue
        while before := re.search(r"\b([A-Z][\w’']*)\.?\s$", text[:start]):
            low = before[1].casefold()
            inside = bool(re.search(r"[^\s.!?]\s$", text[: before.start()]))
            if not (
                low in TITLES | {"per"} | set(NUMBER_WORDS) or (low in PREPOSITIONS | {"the"} and inside)
            ):
                break
            start = before.start()
        if name.text.casefold().removesuffix("s") not in CALENDAR:
            found.append((start, name.end))
    return found


_KNOWN_PLACES = PLACES - {"us", "un"}


def opens_only(name: Name) -> bool:
    """Whether a name may be a common word that has its capital for opening a sentence: one word, and not a
    place.
    """
    single = not re.search(r"\W", name.text) and not name.possessive and not name.title
    shouted = name.text.isupper() and len(name.text) > 1
    return name.opens and single and not shouted and name.text.casefold() not in _KNOWN_PLACES


def has_name(said: Sequence[Word]) -> bool:
    return any(word.named for word in said)


def bare(question: str) -> str:
    return question.strip().rstrip("?!. ").strip()


def touches(text: str, before: Word, start: int) -> bool:
    """Whether nothing but space stands between two words, or the stop of a title or an initial."""
    between = text[before.end : start].strip()
    return not between or (between == "." and (before.low in TITLES or len(before.text) == 1))


def _is_month(text: str, before: Sequence[Word], end: int) -> bool:
    previous = before[-1].low if before else ""
    capital = text[end - 3].isupper() and bool(before) and not text.isupper()
    dated = (
        previous in PREPOSITIONS | {"last", "next", "this", "early", "late", "and"} or previous.isdecimal()
    )
    return capital or dated or not text[end:].strip(" ?!.") or bool(re.match(r"\s+\d", text[end:]))


def is_time(said: Sequence[Word]) -> bool:
    """Whether a phrase gives a time: its last word does.

    >>> [is_time(read(text)) for text in ("last year", "the summer of 2023", "the May election")]
    [True, True, False]
    """
    if not said:
        return False
    last = said[-1].low.casefold()
    last = last.removesuffix("s") if last.removesuffix("s") in WEEKDAYS else last
    dated = bool(re.fullmatch(r"(?:1[5-9]|20)\d\d(?:-\d\d)?s?|\d{1,2}(?:st|nd|rd|th)", last))
    after_month = len(said) > 1 and last.isdecimal() and said[-2].low.casefold() in TIME_WORDS
    ago = (
        len(said) > 1
        and last in {"ago", "before", "after", "earlier", "later"}
        and said[-2].low in TIME_WORDS
    )
    return last in TIME_WORDS | HOLIDAYS | {"weekday", "weekdays"} or dated or after_month or ago


def is_plural(phrase: str) -> bool:
    """Whether a noun phrase means more than one.

    >>> is_plural("bats of the cave"), is_plural("the virus"), is_plural("Ann Lee and Bo Xi")
    (True, False, True)
    """
    said = read(phrase)
    if any(word.low in {"and", "&"} for word in said) and not any(word.low == "of" for word in said):
        return all(word.low != "&" for word in said)
    head = said[: next((at for at, word in enumerate(said) if at and word.low in PREPOSITIONS), len(said))]
    return bool(head) and (head[-1].low in IRREGULAR_PLURALS or bool(re.search(r"[^siu'’]s$", head[-1].low)))


def past_form(low: str) -> bool:
    """Whether a word is a past form that differs from its plain form: "fell", "denied"; not "hit".

    >>> past_form("fell"), past_form("hit")
    (True, False)
    """
    return low in _changed_pasts() or (low in verb_forms() and low.endswith("ed") and low not in NEWS_VERBS)


def is_done(low: str) -> bool:
    """Whether a word can be the participle of something done: "killed", "hurt"; not "rise", "born" or "true".

    >>> [is_done(low) for low in ("killed", "hurt", "rise", "true", "born")]
    [True, True, False, False, False]
    """
    return low not in PREDICATES and (low in participles() or bool(re.search(r"\w{3}ed$", low)))


@lru_cache(maxsize=1)
def participles() -> frozenset[str]:
    return frozenset(participle for _, participle in IRREGULAR_VERBS.values())


@lru_cache(maxsize=1)
def pasts() -> frozenset[str]:
    return frozenset(past for past, _ in IRREGULAR_VERBS.values())


@lru_cache(maxsize=1)
def _changed_pasts() -> frozenset[str]:
    return frozenset(past for lemma, (past, _) in IRREGULAR_VERBS.items() if past != lemma)


OPENS_CLAUSE = (QUESTION_WORDS | {"that", "because", "if", "whether", "but", "although", "unless"}) - {
    "which"
}

# Words that no noun phrase goes on over, unless it has just begun: "the first minister", "the late king".
ENDS_PHRASE = (STOPWORDS | PREPOSITIONS | QUESTION_WORDS | AUXILIARIES | ADVERBS) - frozenset(
    ["of", "all", "more", "most", "other", "own", "same", "such", "few"]
)

_OPENS_PHRASE = DETERMINERS - {"more", "most", "all", "other"}


def phrases(text: str, said: Sequence[Word], first: int, last: int, role: Role = Role.OBJECT) -> list[Phrase]:
    """The noun phrases among the words [first, last). The first has the role, those with a preposition are
    adjuncts.

    >>> text = "cars to the US last year"
    >>> [(phrase.preposition, phrase.text) for phrase in phrases(text, read(text), 0, 6)]
    [('', 'cars'), ('to', 'the US'), ('', 'last year')]
    """
    found: list[Phrase] = []
    at = first
    while at < last:
        opened = at
        if said[at].low in PREPOSITIONS and not said[at].named and at + 1 < last:
            at += 1
            if said[at].low in PREPOSITIONS and not said[at].named:  # "since before the war"
                at += 1
        end = _phrase_end(text, said, at, last)
        if end == at:
            at = max(opened, at) + (opened == at)
            continue
        inside = tuple(said[at:end])
        named = [word for word in inside if word.named]
        preposition = text[said[opened].start : said[at - 1].end].lower() if at > opened else ""
        part = Role.ADJUNCT if (preposition or is_time(inside)) and role is not Role.SUBJECT else role
        found.append(
            Phrase(
                text[inside[0].start : inside[-1].end],
                inside[0].start,
                inside[-1].end,
                preposition,
                said[opened].start,
                part,
                inside,
                (named[0].start, named[-1].end) if named else None,
            )
        )
        at = end
    return found


def _phrase_end(text: str, said: Sequence[Word], first: int, last: int) -> int:
    at = first
    while at < last:
        word, named = said[at], said[at].named
        before = said[at - 1] if at > first else None
        if before and not touches(text, before, word.start):
            break
        if word.low in _AND and before and at + 1 < last and _is_noun(said, at + 1):
            at += 1
            continue
        if word.low == "of":
            joined = at > first and said[at - 1].named and at + 1 < last and said[min(at + 1, last - 1)].named
            if not joined:
                break
        elif before is None:
            if (
                word.low in ENDS_PHRASE - DETERMINERS - PERSONAL
                and not named
                and not opens_time(said, at, last)
            ):
                break
        elif before.low in PERSONAL and before.low not in DETERMINERS and not said[at - 1].named:
            break
        elif before.low not in DETERMINERS | _AND or said[at - 1].named:
            if not named and (word.low in ENDS_PHRASE - {"before", "after"} or word.low in _OPENS_PHRASE):
                break
            if word.low in {"before", "after"} and not (before.low in TIME_WORDS and at + 1 == last):
                break
            if opens_time(said, at, last) and before.low != "of":
                break
            if word.low in pasts() - NEWS_VERBS and not named:  # "when the ferry sank"
                break
        at += 1
    return at - (at > first and said[at - 1].low in _AND)


_AND = frozenset(["and", "&", "or"])


def _is_noun(said: Sequence[Word], at: int) -> bool:
    return said[at].named or said[at].low not in ENDS_PHRASE - DETERMINERS


def opens_time(said: Sequence[Word], at: int, last: int) -> bool:
    """Whether a time of its own begins there: "last year", "yesterday", "Friday"."""
    low = said[at].low
    if low in {"last", "next", "this", "that", "every"}:
        return at + 1 < last and said[at + 1].low in TIME_WORDS
    return low in {"yesterday", "today", "tonight", "tomorrow"} or (
        low in WEEKDAYS and not said[at - 1].named
    )
