"""A question taken apart: question phrase, auxiliary, subject, verb, and the noun phrases with their
prepositions.

The verb of an English question is found by its position and form: after "did" stands a plain form, after
"was" a participle, after "which storm" a finite verb. A list of verbs helps, and what may follow a verb
decides between a verb and a noun: "did Ford recall cars", "did the recall cost Ford". Offsets count code
points of the question.
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
    BE,
    CALENDAR,
    DETERMINERS,
    DO,
    HAVE,
    IRREGULAR_VERBS,
    MODALS,
    NEWS_VERBS,
    NUMBER_WORDS,
    PERSONAL,
    PLACES,
    PREPOSITIONS,
    QUESTION_WORDS,
    SPEECH_VERBS,
    STOPWORDS,
    TIME_WORDS,
    TITLES,
    WEEKDAYS,
    alternation,
    verb_forms,
)
from rag.english.names import Name, names

__all__ = [
    "Phrase",
    "Question",
    "Role",
    "Word",
    "is_done",
    "is_plural",
    "is_time",
    "opens_only",
    "parse",
    "past_form",
    "phrases",
    "read",
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


@dataclass(frozen=True, slots=True)
class Question:
    """A question without its closing marks. `asks`: the words of its question phrase, the preposition first.

    `asks_subject`: whether the question phrase is the subject, as in "Who won?". `verb` is the main verb; a
    form of "be" is one only as an auxiliary. `subject` is [start, end).
    """

    text: str
    words: tuple[Word, ...]
    asks: tuple[Word, ...] = ()
    auxiliary: Word | None = None
    subject: tuple[int, int] | None = None
    verb: Word | None = None
    asks_subject: bool = False
    phrases: tuple[Phrase, ...] = ()

    @property
    def wh(self) -> str:
        """Its question word in small letters; "" where it has none."""
        return next((word.low for word in self.asks if word.low in QUESTION_WORDS), "")

    @property
    def structured(self) -> bool:
        """Whether a question word or an auxiliary was found where a question has one."""
        return bool(self.asks or self.auxiliary)

    def about(self, role: Role) -> tuple[Phrase, ...]:
        return tuple(phrase for phrase in self.phrases if phrase.role is role)

    def with_text(self, start: int, end: int, new: str) -> str:
        """The question's text with other words at [start, end).

        >>> parse("Who left Oslo?").with_text(9, 13, "Bern")
        'Who left Bern'
        """
        return f"{self.text[:start]}{new}{self.text[end:]}"

    @property
    def subject_text(self) -> str:
        return self.text[slice(*self.subject)] if self.subject else ""


# --- words -------------------------------------------------------------------------------------------------

_WORD = re.compile(r"[^\W_]+(?:['’.-][^\W_]+)*(?:(?<=s)['’](?=\s+[^\W_]))?|&")
_CONTRACTED = re.compile(rf"({'|'.join(sorted(QUESTION_WORDS))})(['’](?:s|re|ll|d))", re.IGNORECASE)
_SHORT = {"'s": "is", "'re": "are", "'ll": "will", "'d": "did"}
_OPENS_CLAUSE = (QUESTION_WORDS | {"that", "because", "if", "whether", "but", "although", "unless"}) - {
    "which"
}
# Words that no noun phrase goes on over, unless it has just begun: "the first minister", "the late king".
_ENDS_PHRASE = (STOPWORDS | PREPOSITIONS | QUESTION_WORDS | AUXILIARIES | ADVERBS) - frozenset(
    ["of", "all", "more", "most", "other", "own", "same", "such", "few"]
)
_OPENS_PHRASE = DETERMINERS - {"more", "most", "all", "other"}


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
        opens = between[:1] in {".", "!", "?"} and not (found and _touches(text, found[-1], match.start()))
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
            if not (low in TITLES | set(NUMBER_WORDS) or (low in PREPOSITIONS | {"the"} and inside)):
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


# --- phrases -----------------------------------------------------------------------------------------------


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
        if before and not _touches(text, before, word.start):
            break
        if word.low in {"and", "&", "or"} and before and at + 1 < last and _is_noun(said, at + 1):
            at += 1
            continue
        if word.low == "of":
            joined = at > first and said[at - 1].named and at + 1 < last and said[min(at + 1, last - 1)].named
            if not joined:
                break
        elif before is None:
            if word.low in _ENDS_PHRASE - DETERMINERS - PERSONAL and not named and not _dates(said, at, last):
                break
        elif before.low in PERSONAL and before.low not in DETERMINERS and not said[at - 1].named:
            break
        elif before.low not in DETERMINERS or said[at - 1].named:
            if not named and (word.low in _ENDS_PHRASE - {"before", "after"} or word.low in _OPENS_PHRASE):
                break
            if word.low in {"before", "after"} and not (before.low in TIME_WORDS and at + 1 == last):
                break
            if _dates(said, at, last) and before.low not in {"and", "&", "or", "of"}:
                break
            if word.low in _pasts() - NEWS_VERBS and not named:  # "when the ferry sank"
                break
        at += 1
    return at


def _is_noun(said: Sequence[Word], at: int) -> bool:
    return said[at].named or said[at].low not in _ENDS_PHRASE - DETERMINERS


def _dates(said: Sequence[Word], at: int, last: int) -> bool:
    """Whether a time of its own begins there: "last year", "yesterday", "Friday"."""
    low = said[at].low
    if low in {"last", "next", "this", "that", "every"}:
        return at + 1 < last and said[at + 1].low in TIME_WORDS
    return low in {"yesterday", "today", "tonight", "tomorrow"} or (
        low in WEEKDAYS and not said[at - 1].named
    )


def _touches(text: str, before: Word, start: int) -> bool:
    """Whether nothing but space stands between two words, or the stop of a title or an initial."""
    between = text[before.end : start].strip()
    return not between or (between == "." and (before.low in TITLES or len(before.text) == 1))


# --- the verb ----------------------------------------------------------------------------------------------


class _Form(StrEnum):
    PLAIN = "plain"
    PARTICIPLE = "participle"
    FINITE = "finite"


@lru_cache(maxsize=1)
def _participles() -> frozenset[str]:
    return frozenset(participle for _, participle in IRREGULAR_VERBS.values())


def past_form(low: str) -> bool:
    """Whether a word is a past form that differs from its plain form: "fell", "denied"; not "hit".

    >>> past_form("fell"), past_form("hit")
    (True, False)
    """
    return low in _changed_pasts() or (low in verb_forms() and low.endswith("ed") and low not in NEWS_VERBS)


@lru_cache(maxsize=1)
def _changed_pasts() -> frozenset[str]:
    return frozenset(past for lemma, (past, _) in IRREGULAR_VERBS.items() if past != lemma)


def is_done(low: str) -> bool:
    """Whether a word can be the participle of something done: "killed", "hurt"; not "rise", "born" or "true".

    >>> [is_done(low) for low in ("killed", "hurt", "rise", "true", "born")]
    [True, True, False, False, False]
    """
    return low not in PREDICATES and (low in _participles() or bool(re.search(r"\w{3}ed$", low)))


@lru_cache(maxsize=1)
def _pasts() -> frozenset[str]:
    return frozenset(past for past, _ in IRREGULAR_VERBS.values())


def _likely(said: Sequence[Word], at: int, form: _Form) -> int | None:
    """How much a word looks like a verb of that form, 0 to 2; `None` where it can't be one."""
    low, text = said[at].low, said[at].text
    if said[at].named or (text[0].isupper() and at) or "'" in low or not low[0].isalpha():
        return None
    verb = low in {"be", "do", "have", "been", "being", "doing", "done", "having"}
    if low in _ENDS_PHRASE | DETERMINERS | PERSONAL and not verb and low not in NEWS_VERBS:
        return None
    if form is _Form.PLAIN:
        if low in NEWS_VERBS:
            return 2
        return None if re.search(r"(?:s|ed|ing|ly|ion|ment|ness|ity)$", low) or low in TIME_WORDS else 0
    if form is _Form.PARTICIPLE:
        if (
            low in _participles()
            or (low in verb_forms() and low.endswith(("ed", "ing")))
            or low in PREDICATES
            or verb
        ):
            return 2
        return 1 if re.search(r"\w{2}(?:ed|ing|able|ible|ful|less|ous)$", low) else None
    if low in _pasts() or (low in verb_forms() and not low.endswith("ing")):
        return 2
    return 1 if re.search(r"\w{2}ed$", low) else None


def _followed(text: str, said: Sequence[Word], at: int, last: int) -> int:
    """How well what stands behind a word may follow a verb, 0 to 2."""
    if at + 1 >= last or not _touches(text, said[at], said[at + 1].start):
        return 2
    after = said[at + 1]
    if said[at + 1].named or after.low in DETERMINERS | PREPOSITIONS | PERSONAL | _OPENS_CLAUSE | {
        "to",
        "not",
    }:
        return 2
    if _dates(said, at + 1, last) or after.low[0].isdigit() or after.low in ADVERBS:
        return 2
    return 1 if is_plural(after.text) and after.low not in verb_forms() else 0


def _verb(text: str, said: Sequence[Word], first: int, last: int, form: _Form) -> int | None:
    """The index of the verb behind a subject that begins at `first`; `None` where there is none.

    >>> text = "oil prices rise"
    >>> _verb(text, read(text), 0, 3, _Form.PLAIN)
    2
    """
    if first >= last:
        return None
    pronoun = said[first].low in PERSONAL and said[first].low not in DETERMINERS and not said[first].named
    best: tuple[int, int] | None = None
    for at in range(first + 1, last):
        before = said[at - 1]
        likely = _likely(said, at, form)
        if pronoun and likely is None and at == first + 1 and before.low not in DETERMINERS:
            likely = 0 if said[at].low not in _ENDS_PHRASE else None
        if likely is None or (before.low in DETERMINERS | PREPOSITIONS | {"of"} and not said[at - 1].named):
            continue
        if not _touches(text, before, said[at].start):
            break
        named = said[at - 1].named and said[first].low not in DETERMINERS
        subject_ends = 3 if pronoun and before.low in ADVERBS | PERSONAL else int(
            named or is_plural(before.text) or before.low in ADVERBS
        )  # fmt: skip
        score = likely + _followed(text, said, at, last) + subject_ends
        if best is None or score > best[0]:
            best = score, at
    return best[1] if best else None


# --- the question ------------------------------------------------------------------------------------------

_POLITE = re.compile(
    r"\W*(?:(?:can|could|would) you (?:please )?|please |do you know )*"
    rf"(?:(?:{alternation(SPEECH_VERBS)}|know|describe) (?:me |us )?)?"
    r"(?=(?:who|whom|what|when|where|why|which|how)\b)",
    re.IGNORECASE,
)


@lru_cache(maxsize=256)
def parse(text: str) -> Question:
    """A question taken apart. A text that is no question has only phrases.

    >>> asked = parse("How much did Nordhavn Foods pay for Grano Vivo in May?")
    >>> asked.wh, asked.auxiliary.text, asked.subject_text, asked.verb.text
    ('how', 'did', 'Nordhavn Foods', 'pay')
    >>> [(phrase.role.value, phrase.preposition, phrase.text) for phrase in asked.phrases]
    [('subject', '', 'Nordhavn Foods'), ('adjunct', 'for', 'Grano Vivo'), ('adjunct', 'in', 'May')]
    >>> parse("Which storm hit Cádiz?").asks_subject, parse("Is it true?").wh
    (True, '')
    """
    body = text.rstrip().rstrip("?!.… ")
    said = read(body)
    opens = _opening(body, said)
    if opens is None:
        return Question(body, said, phrases=tuple(phrases(body, said, 0, len(said))))
    before = tuple(phrases(body, said, 0, opens, Role.ADJUNCT))
    wh = opens + (said[opens].low in PREPOSITIONS)
    if said[wh].low not in QUESTION_WORDS:
        return _inverted(body, said, before, opens, wh, wh)
    behind = _asking_end(said, wh)
    if said[wh].low in {"which", "what", "whose"} or said[min(wh + 1, len(said) - 1)].low in {"many", "much"}:
        here = _behind_noun(body, said, behind, said[wh].low)
    else:
        here = behind
        while here < len(said) and said[here].low in ADVERBS - {"far", "long", "late"}:
            here += 1
    if here >= len(said):
        noun = phrases(body, said, behind, len(said), Role.ASKED)
        return Question(body, said, tuple(said[opens:]), phrases=(*before, *noun))
    if said[here].low in AUXILIARIES or said[here].low in _SHORT:
        return _inverted(body, said, before, opens, behind, here)
    if said[wh].low in {"when", "where", "why", "whom"}:
        return Question(
            body, said, tuple(said[opens:here]), phrases=(*before, *phrases(body, said, here, len(said)))
        )
    return _asks_subject(body, said, before, opens, behind, None, here)


def _opening(text: str, said: Sequence[Word]) -> int | None:
    """Where the question begins: at a question word, its preposition or an auxiliary that opens a clause."""
    polite = _POLITE.match(text)
    asked_for = polite.end() if polite and polite.end() > len(text) - len(text.lstrip()) else 0
    for at, word in enumerate(said):
        if word.start < asked_for:
            continue
        after = said[at + 1].low if at + 1 < len(said) else ""
        asks = word.low in QUESTION_WORDS | AUXILIARIES or (
            word.low in PREPOSITIONS and after in QUESTION_WORDS
        )
        fresh = at == 0 or not _touches(text, said[at - 1], word.start)
        fresh = fresh or all(each.low in {"and", "but", "so", "then", "or", "well"} for each in said[:at])
        if asks and (fresh or word.start == asked_for):
            if at + 1 < len(said) and word.low in {"when", "while"} and at == 0 and "," in text:
                continue  # "When prices rose, what did the bank do?"
            return at
    return None


def _asking_end(said: Sequence[Word], wh: int) -> int:
    """Behind the question word and what belongs to it: "how many", "how long", "who else"."""
    at = wh + 1
    if (
        at < len(said)
        and said[wh].low == "how"
        and said[at].low not in AUXILIARIES
        and said[at].low not in _SHORT
    ):
        at += 1
    while at < len(said) and said[at].low in {"else", "exactly", "other"}:
        at += 1
    return at


def _behind_noun(text: str, said: Sequence[Word], first: int, wh: str) -> int:
    """Where the auxiliary or the finite verb stands behind "which storm" or "how many people"."""
    for at in range(first, len(said)):
        if said[at].low in AUXILIARIES or said[at].low in _SHORT:
            return at
        after = said[at + 1].low if at + 1 < len(said) else ""
        alone = at == first  # "what causes wildfires", "how many died"; but "which strikes hit Oman"
        if alone and (wh == "which" or (said[at].low.endswith("s") and wh != "what")):
            continue
        later = at + 1 < len(said) and _likely(said, at + 1, _Form.FINITE) is not None
        if _likely(said, at, _Form.FINITE) is None or after in AUXILIARIES or (alone and later):
            continue
        if _followed(text, said, at, len(said)) or not later:
            return at
    for at in range(first + 1, len(said) - 1):  # an unknown verb: "which parties govern Eskerby"
        word, behind = said[at], said[at + 1]
        plain = word.low not in _ENDS_PHRASE and not word.named and not is_plural(word.text)
        if plain and (behind.named or behind.low in DETERMINERS):
            return at
    return len(said)


def _clause_end(text: str, said: Sequence[Word], first: int) -> int:
    for at in range(first, len(said)):
        if said[at].low in _OPENS_CLAUSE and not said[at].named:
            return at
        if at > first and re.search(r"[,;:(]", text[said[at - 1].end : said[at].start]):
            return at
    return len(said)


def _inverted(
    text: str, said: Sequence[Word], before: tuple[Phrase, ...], opens: int, behind: int, aux: int
) -> Question:
    """A question with an auxiliary at `aux`: what follows it is the subject, or else the verb."""
    auxiliary = said[aux]
    low = auxiliary.low.removesuffix("n't") if auxiliary.low not in _SHORT else _SHORT[auxiliary.low]
    plain = low in DO | MODALS | {"ca", "wo", "can", "will"}
    first = aux + 1
    while first < len(said) and said[first].low in {"not", "also", "still", "ever", "already", "first"}:
        first += 1
    end = _clause_end(text, said, first)
    form = _Form.PLAIN if plain else _Form.PARTICIPLE
    asked = said[opens:aux]
    argument = any(word.low in {"who", "what", "which", "whose", "many", "much"} for word in asked)
    verb = _verb(text, said, first, end, form)
    if argument and first < end and low not in DO:
        opening = _likely(said, first, form)
        predicate = opening == 2 and (
            verb is None or said[first].low in {"been", "be", "being", "have"} or not plain
        )
        if predicate or (low in BE and said[first].low in PREPOSITIONS and not said[first].named):
            return _asks_subject(text, said, before, opens, behind, auxiliary, first)
        if low in HAVE and verb is None:
            return _asks_subject(text, said, before, opens, behind, None, aux)
    if verb is not None and low in BE and not plain and _is_filled(said, asked, verb):
        verb = None
    inner = phrases(text, said, first, verb if verb is not None else end, Role.SUBJECT)
    while verb is not None and verb + 1 < end and said[verb].low in {"be", "been", "being"}:
        if _likely(said, verb + 1, _Form.PARTICIPLE) is None:
            break
        verb += 1
    if verb is None and inner:  # "are nurses on strike": what a preposition opens is no longer the subject
        kept = next((at for at, each in enumerate(inner) if at and each.preposition != "of"), len(inner))
        kept = next((at for at, each in enumerate(inner[:kept]) if at and each.preposition != "of"), kept)
        cut = inner[kept].whole if kept < len(inner) else None
        inner = inner[:kept]
        rest = next((at for at, word in enumerate(said) if cut is not None and word.start == cut), None)
        beyond = end if rest is None else rest
    else:
        beyond = end if verb is None else verb + 1
    subject = (inner[0].start, inner[-1].end) if inner else None
    noun = phrases(text, said, behind, aux, Role.ASKED)
    return Question(
        text, tuple(said), tuple(asked), auxiliary, subject, said[verb] if verb is not None else None, False,
        (*before, *noun, *inner, *phrases(text, said, beyond, len(said))),
    )  # fmt: skip


def _is_filled(said: Sequence[Word], asked: Sequence[Word], verb: int) -> bool:
    """Whether "how old is …" has its predicate already, so that a last adjective belongs to a noun."""
    low = said[verb].low
    is_verb = low in _participles() or (low in verb_forms() and low.endswith(("ed", "ing")))
    return len(asked) > 1 and asked[0].low == "how" and not is_verb


def _asks_subject(
    text: str,
    said: Sequence[Word],
    before: tuple[Phrase, ...],
    opens: int,
    behind: int,
    auxiliary: Word | None,
    at: int,
) -> Question:
    """A question whose question phrase is the subject of the verb at `at`."""
    verb = at
    while verb + 1 < len(said) and said[verb].low in {"been", "be", "being", "have", "not"}:
        verb += 1
    stop = next(index for index, word in enumerate(said) if word is (auxiliary or said[at]))
    noun = phrases(text, said, behind, stop, Role.ASKED)
    is_verb = said[verb].low not in PREPOSITIONS and said[verb].low not in DETERMINERS
    rest = phrases(text, said, verb + 1 if is_verb else verb, len(said))
    return Question(
        text, tuple(said), tuple(said[opens:stop]), auxiliary, None, said[verb] if is_verb else None, True,
        (*before, *noun, *rest),
    )  # fmt: skip


def has_name(said: Sequence[Word]) -> bool:
    return any(word.named for word in said)


def bare(question: str) -> str:
    return question.strip().rstrip("?!. ").strip()
