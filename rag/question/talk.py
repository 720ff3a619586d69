"""A conversation as its questions are read: its turns, their short answers, names and times in them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from rag.english.conversation import WORKS
from rag.english.lexicon import (
    AUXILIARIES,
    CALENDAR,
    DEMONYMS,
    DETERMINERS,
    MONTHS,
    NEGATIONS,
    PERSONAL,
    PLACES,
    PLURAL,
    POINTING,
    PREPOSITIONS,
    SINGULAR_PERSONS,
    STOPWORDS,
    THINGS,
    TIME_WORDS,
    WEEKDAYS,
    verb_forms,
)
from rag.english.names import names as find_names
from rag.english.normalise import content_stems
from rag.english.numbers import numbers
from rag.english.sentences import sentences
from rag.question.parse import parse
from rag.question.phrases import (
    Role,
    Word,
    is_plural,
    is_time,
    opens_only,
    past_form,
    phrases,
    read,
)
from rag.types import Turn

__all__ = [
    "LONGEST_FRAGMENT",
    "LONGEST_TOPIC",
    "NEAR",
    "POINTING_WORDS",
    "ShortReply",
    "Talk",
    "names",
    "opening_sentence",
    "reply_to",
    "time_preposition",
]

NEAR = 2  # turns that a reference can point to; further back, no guess was right (eval.bench.followups, dev)
LONGEST_FRAGMENT = 6  # words; a longer piece after "and" says what it asks by itself
LONGEST_TOPIC = 12  # words; a longer topic would drown the question it is added to
POINTING_WORDS = SINGULAR_PERSONS | THINGS | PLURAL | POINTING | {"there"}
_LONGEST_REPLY = 10  # words; a longer answer is a sentence, whatever its words
_PEOPLES = frozenset(people.casefold() for people in DEMONYMS)
_YES_OR_NO = re.compile(r"^\W*(?:yes|no|yeah|nope)\b\W*", re.IGNORECASE)


@dataclass
class Talk:
    """The turns so far, made to stand alone, and the gender of those whom a pronoun stood for."""

    turns: list[Turn] = field(default_factory=list)
    genders: dict[str, str] = field(default_factory=dict)

    @property
    def near(self) -> list[Turn]:
        return self.turns[-NEAR:]


@dataclass(frozen=True, slots=True)
class ShortReply:
    """A short answer that is one phrase: "Two million passwords.", "In Lima." `preposition` is "" where it
    has none.
    """

    preposition: str
    phrase: str
    named: bool
    time: bool

    @property
    def text(self) -> str:
        return f"{self.preposition} {self.phrase}".strip()


def reply_to(turn: Turn) -> ShortReply | None:
    """The answer of a turn, if it is a phrase rather than a sentence.

    >>> reply_to(Turn("Where was it filmed?", "On the island of Mull.")).text
    'on the island of Mull'
    >>> reply_to(Turn("Who struck?", "Iran did.")).phrase, reply_to(Turn("Who struck?", "Iran struck first."))
    ('Iran', None)
    """
    text = _YES_OR_NO.sub("", opening_sentence(turn.answer)).rstrip(" .!?…")
    said = read(text)
    if len(said) > 1 and said[-1].low in AUXILIARIES:
        said = said[:-1]
        text = text[: said[-1].end]
    if not 0 < len(said) <= _LONGEST_REPLY or parse(text).structured or _is_sentence(said):
        return None
    verb = parse(turn.question).verb
    if verb and any(word.low == verb.low and word.text.islower() for word in said[1:-1]):
        return None  # "Ann Lee voiced Brack.": the question's own verb
    found = phrases(text, said, 0, len(said))
    if not found or not (content_stems(text) or found[0].name):
        return None
    opens = found[0].start == said[0].start
    common = opens and _is_common(said, turn)
    phrase = text[found[0].start : said[-1].end]
    day = said[0].low.casefold() in CALENDAR
    if common and not day and (len(said[0].text) == 1 or not said[0].text.isupper()):
        phrase = phrase[0].lower() + phrase[1:]
    named = any(_is_capital(word) for word in said[common or not opens :])
    if len(said) == 1 and said[0].low in _PEOPLES:
        named = False  # "Dutch." describes who it was
    return ShortReply(found[0].preposition, phrase, named, found[0].time)


def _is_sentence(said: Sequence[Word]) -> bool:
    """Whether an answer has a verb or a pronoun, as far as its words tell; or denies that there is an
    answer.
    """
    lows = {word.low for word in said}
    verbs = (word.low for word in said[1:] if word.text.islower() and word.low not in {"called", "named"})
    pronouns = any(word.low in PERSONAL and not word.named for word in said)
    return (
        bool(lows & (AUXILIARIES | NEGATIONS | {"that", "because", "when"}))
        or pronouns
        or any(map(past_form, verbs))
    )


def _is_common(said: Sequence[Word], turn: Turn) -> bool:
    """Whether an answer's first word has its capital only for being the first."""
    first, asked = said[0], parse(turn.question)
    asked_for = {word.low for phrase in asked.about(Role.ASKED) for word in phrase.words}
    if first.named or (first.low == "the" and asked_for & WORKS):
        return False
    if first.low in DETERMINERS | PREPOSITIONS | STOPWORDS | TIME_WORDS or numbers(first.text):
        return True
    if first.text in {word.text for word in asked.words[1:]}:
        return False
    if len(said) > 1:
        return said[1].text.islower() and said[1].low not in {"and", "of", "or", "&"}
    if asked.verb and verb_forms().get(asked.verb.low) == "happen":
        return True  # "Stolen."
    return asked.wh == "what" and is_plural(first.text)


def _is_capital(word: Word) -> bool:
    return word.text[0].isupper() and word.low.casefold() not in CALENDAR | STOPWORDS


def opening_sentence(text: str) -> str:
    spans = sentences(text)
    return text[spans[0][0] : spans[0][1]] if spans else ""


def names(text: str, *, first: bool = False) -> list[str]:
    """The names in a text, less days and months; known places in any case.

    A single word that opens the text has its capital anyway: it is a name only if `first` says so.

    >>> names("Yesterday Joe Biden met Ostmark Cement’s board in iran.")
    ['Joe Biden', 'Ostmark Cement', 'iran']
    """
    found = find_names(text, lower=PLACES - {"us", "un"})
    return [
        name.text
        for name in found
        if name.text.casefold() not in CALENDAR and (first or not opens_only(name))
    ]


def time_preposition(said: Sequence[Word]) -> str:
    """The preposition that a time takes: "on Friday", "in May", "last year" none.

    >>> [time_preposition(read(text)) for text in ("Friday", "5 May", "May 2023", "last year")]
    ['on', 'on', 'in', '']
    """
    lows = [word.low.casefold() for word in said]
    if any(low.removesuffix("s") in WEEKDAYS for low in lows):
        return "on"
    if lows[0] in {"last", "next", "this", "that", "every", "yesterday", "today", "tonight", "tomorrow"}:
        return ""
    if not is_time(said) or lows[-1] in {"ago", "before", "after", "earlier", "later"}:
        return ""
    month = any(low in MONTHS for low in lows)
    return "on" if month and any(low.isdecimal() and len(low) < 3 for low in lows) else "in"
