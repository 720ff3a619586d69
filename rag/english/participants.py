"""Which names of a sentence do something and which have it done to them, verbs and nouns of deeds alike.

`rag.english.clauses` reads verbs. This adds what nouns say ("Iran's strikes on Syria", "a raid by Iran") and
where a thing happens ("in Syria"), because news so names those to whom it happens.
"""

from __future__ import annotations

import re
from collections.abc import Set
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

from rag.english.clauses import Clause, clauses
from rag.english.lexicon import DEED_NOUNS, DEMONYMS, DETERMINERS, SPEECH_VERBS, alternation
from rag.english.names import Name, name_words, names

__all__ = ["Participant", "ParticipantRole", "participants"]

_INTO = frozenset("against at in inside into near on onto outside within".split())
_WORD = re.compile(r"[^\W\d_]+")
_NEAR = 40  # characters: more than a preposition and a determiner take, so that a long text costs no more
_BEFORE = re.compile(rf"(?P<word>[^\W\d_]+)[^\w.,;:]+(?:(?:{alternation(DETERMINERS)})\s)*\Z", re.IGNORECASE)
_AFTER = re.compile(r"(?:['’]s?)?(?:[\s-][^\W\d_]+){1,3}")


class ParticipantRole(Enum):
    """What a name does in its sentence."""

    AGENT = "does it"
    TARGET = "has it done to it, or is where it is done"
    SPEAKER = "tells of it"
    NONE = "something else"


@dataclass(frozen=True, slots=True)
class Participant:
    """A name's words as compared, where it starts, its role, and whether a deed is called its own."""

    words: frozenset[str]
    start: int
    role: ParticipantRole
    deed: bool = False


@lru_cache(maxsize=1_024)
def participants(text: str, known: frozenset[str] = frozenset()) -> tuple[Participant, ...]:
    """The names of a text in order, with their roles.

    `known` are words that are names even where a sentence begins, and in small letters if all the text is.

    >>> [(*p.words, p.role.name) for p in participants("On Tuesday Iran hit camps in Syria, Kirby said.")]
    [('iran', 'AGENT'), ('syria', 'TARGET'), ('kirby', 'SPEAKER')]
    >>> [(*p.words, p.role.name, p.deed) for p in participants("It followed Pakistani strikes on Iran.")]
    [('pakistan', 'AGENT', True), ('iran', 'TARGET', False)]
    """
    small = text.islower()
    found = names(text, known=known, lower=_spellings(known) if small else frozenset())
    verbs = clauses(text)
    return tuple(
        Participant(frozenset(name_words(name.text)), name.start, *_role(text, name, verbs))
        for name in found
        if small or not name.text.islower()
    )


def _spellings(known: Set[str]) -> frozenset[str]:
    """The words, and as hasty readers write their possessives: "pakistans strikes"."""
    return frozenset(known) | {f"{word}s" for word in known}


def _role(text: str, name: Name, verbs: tuple[Clause, ...]) -> tuple[ParticipantRole, bool]:
    before = _BEFORE.search(text, max(name.start - _NEAR, 0), name.start)
    prior = before["word"].lower() if before else ""
    if prior == "by" or _owns_a_deed(text, name):
        return ParticipantRole.AGENT, True
    if prior in _INTO:
        return ParticipantRole.TARGET, False
    clause = next((c for c in verbs if c.start <= name.start < c.end and name.text in (c.who, c.whom)), None)
    if clause is None or clause.verb in ("be", "have"):
        return ParticipantRole.NONE, False
    if clause.who != name.text:
        return ParticipantRole.TARGET, False
    return ParticipantRole.SPEAKER if clause.verb in SPEECH_VERBS else ParticipantRole.AGENT, False


def _owns_a_deed(text: str, name: Name) -> bool:
    """Whether the name is a possessive or a people, and one of the next three words is a deed."""
    if not (name.possessive or DEMONYMS.get(name.last) or name.text.islower()):
        return False
    following = _AFTER.match(text, name.end)
    near = _WORD.findall(following.group().lower()) if following else []
    return any(word in DEED_NOUNS or word.removesuffix("s") in DEED_NOUNS for word in near)
