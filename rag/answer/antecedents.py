"""What a pronoun at the head of a sentence points to in the sentence before it."""

from __future__ import annotations

import re

from rag.english.clauses import clauses
from rag.english.lexicon import (
    CALENDAR,
    FEMALE,
    MALE,
    ORGANISATION_HEADS,
    PERSONS,
    PLACES,
    PLURAL,
    POINTING,
    POSSESSIVES,
    SINGULAR_PERSONS,
    THINGS,
)
from rag.english.names import names
from rag.english.phrases import Item, items, phrase_before, verb_groups
from rag.question.phrases import is_plural
from rag.question.referents import possessive

__all__ = ["pointing_word", "with_antecedent"]

_LONGEST = 600  # characters of a sentence that is looked into
_SUBJECTS = frozenset({"he", "she", "it", "they", "his", "her", "its", "their"})
_OTHER_PERSONS = (FEMALE | MALE | PERSONS) - SINGULAR_PERSONS
# Words that stand before the subject and leave it the head: "However, it fell".
_BEFORE = re.compile(
    r"(?:\w+ly|however|also|then|later|additionally|moreover|furthermore|in addition|meanwhile|so|"
    r"but|and),?\s+",
    re.IGNORECASE,
)
_IMPERSONAL = re.compile(
    r"it(?:'s|\s+(?:is|was|seems|appears|remains))\s+(?:\w+ly\s+)?\w+\s+(?:to|that|whether|if|for|who)\b",
    re.IGNORECASE,
)


def pointing_word(text: str) -> str | None:
    """The pronoun at the head of a sentence that points to what stands before it, in small letters.

    >>> [pointing_word(text) for text in ("It fell.", "However, they left.", "These rivers are long.")]
    ['it', 'they', 'these']
    >>> [pointing_word(text) for text in ("It is hard to tell.", "Norvik fell.", "You can leave.")]
    [None, None, None]
    """
    head = _head(text)
    low = text[head:].replace("’", "'")
    word = re.match(r"[A-Za-z]+", low)
    if word is None or _IMPERSONAL.match(low):
        return None
    said = word.group().lower()
    points = said in _SUBJECTS or said in POINTING
    return (
        said
        if points
        and not (said == "that" and not re.match(r"that(?:'s|\s+(?:is|was|has|will|would))\b", low, re.I))
        else None
    )


def with_antecedent(text: str, before: str) -> str | None:
    """The sentence with what its pronoun stands for in its place; `None` where that is not certain.

    A person is certain where the sentence before names one person. What "it" and "they" stand for is certain
    where the subject of the sentence before agrees in number, and no other name there does.

    >>> with_antecedent("She won the race.", "Ana Ruiz started last in Oslo.")
    'Ana Ruiz won the race.'
    >>> with_antecedent("Its shares fell.", "The miner Norvik closed a pit.")
    "The miner Norvik's shares fell."
    >>> with_antecedent("It fell by 4 %.", "Norvik overtook Orlo.") is None
    True
    """
    pronoun = pointing_word(text)
    if pronoun is None or pronoun in POINTING or len(before) > _LONGEST:
        return None
    found = _person(before) if pronoun in SINGULAR_PERSONS else _subject(before, plural=pronoun in PLURAL)
    if found is None:
        return None
    head = _head(text)
    after = text[head + len(pronoun) :]
    owns = pronoun in POSSESSIVES and (pronoun != "her" or re.match(r"\s+\w", after) is not None)
    put = possessive(found) if owns else found
    put = put[:1].upper() + put[1:] if not head else put
    return f"{text[:head]}{put}{after}"


def _head(text: str) -> int:
    before = _BEFORE.match(text)
    return before.end() if before else 0


def _person(text: str) -> str | None:
    """The one person that a sentence speaks of: its only name, of two words at least, as a single one may be
    a firm's, and no other person is told of, as by "her husband"."""
    called = [n for n in names(text) if not _is_no_person(n.text)]
    told = {item.low for item in items(text) if not item.name}
    if len({n.text for n in called}) != 1 or any(n.possessive for n in called) or told & _OTHER_PERSONS:
        return None
    return called[0].text if " " in called[0].text else None


def _is_no_person(name: str) -> bool:
    low = name.casefold()
    last = low.split()[-1].rstrip(".")
    return low in PLACES or low in CALENDAR or last in ORGANISATION_HEADS or name.isupper()


def _subject(text: str, *, plural: bool) -> str | None:
    """The subject of the first verb, where it agrees and no other name could be meant."""
    said = items(text)
    group = next((g for g in verb_groups(said) if g.kind == "finite"), None)
    if group is None or not any(clause.finite and clause.who for clause in clauses(text)):
        return None
    phrase = phrase_before(said, group.first)
    if phrase is None:
        return None
    subject = text[said[phrase.first].start : said[phrase.last - 1].end]
    head = said[phrase.head]
    if _points(head) or _many(said[phrase.first : phrase.last], head) is not plural:
        return None
    opening = said[phrase.first]
    if not plural and head.name and opening.name and opening.text.casefold() not in PLACES:
        return None  # a bare name may be a person's, to whom "it" does not point
    others = [n.text for n in names(text) if n.text not in subject and n.text.casefold() not in CALENDAR]
    return None if others and not plural else subject


def _points(item: Item) -> bool:
    """Whether a word points to something itself."""
    return item.low in SINGULAR_PERSONS | THINGS | PLURAL | POINTING


def _many(phrase: tuple[Item, ...], head: Item) -> bool:
    if any(item.low == "and" for item in phrase):
        return True
    return not head.name and is_plural(head.text)
