"""A sentence that says several things, cut into what it says one by one.

A part must be able to stand alone: where the cut would take a condition, a speaker or a denial from what it
governs, the sentence stays whole.
"""

from __future__ import annotations

import re

from rag.english.clauses import Clause, clauses
from rag.english.lexicon import (
    CLAIMING_VERBS,
    CONNECTIVES,
    COORDINATORS,
    DENYING_VERBS,
    DETERMINERS,
    HEDGING_VERBS,
    PERSONAL,
    POINTING,
    PREPOSITIONS,
    RELATIVES,
    SPEECH_VERBS,
    alternation,
)
from rag.english.normalise import words

__all__ = ["coordinated"]

_LONGEST = 800  # characters; a longer sentence is none, and is left whole
_FEWEST_WORDS = 3
_LONGEST_OPENING = 5  # words
_SUBORDINATING = (CONNECTIVES | RELATIVES) - COORDINATORS - {"than"}
_ARTICLES = frozenset({"the", "a", "an"})
_BORDER = re.compile(
    rf"(?:;|,|\s[–—])\s+(?:(?P<joint>{alternation(COORDINATORS)})\s+)?(?P<first>(?:[\w’'-]+\s+){{0,4}})\Z",
    re.IGNORECASE,
)
_BEFORE = 60  # characters before a subject in which its border stands
_CONDITIONAL = re.compile(r"\b(?:if|unless|whether|not true|untrue|false)\b", re.IGNORECASE)
_GOVERNING = SPEECH_VERBS | CLAIMING_VERBS | DENYING_VERBS | HEDGING_VERBS


def coordinated(sentence: str) -> tuple[str, ...]:
    """What a sentence says one by one, each as a sentence of its own; the sentence alone where it says one
    thing, or where its parts cannot be told for certain.

    What opens the sentence holds for all its parts.

    >>> coordinated("In May, Norvik sold its mine, Orlo bought a ship, and the head of Kis is ill.")
    ('In May, Norvik sold its mine.', 'In May, Orlo bought a ship.', 'In May, the head of Kis is ill.')
    >>> coordinated("When the rain fell, the river rose, and the mill stopped.")
    ('When the rain fell, the river rose, and the mill stopped.',)
    >>> coordinated("Ruiz said that Norvik grew, and Orlo shrank.")
    ('Ruiz said that Norvik grew, and Orlo shrank.',)
    """
    whole = (sentence,)
    if (
        len(sentence) > _LONGEST
        or any(mark in sentence for mark in '"“”«»()')
        or _CONDITIONAL.search(sentence)
    ):
        return whole
    said = clauses(sentence)
    if any(clause.verb in _GOVERNING or clause.embedded or clause.reported for clause in said):
        return whole
    starts = [clause for clause in said if clause.finite and clause.who]
    if len(starts) < 2:
        return whole
    opening = sentence[: starts[0].start]
    if not _is_adverbial(opening):
        return whole
    borders = [
        (m.start(), m.start("first"))
        for clause in starts[1:]
        if (m := _border(sentence, clause)) and (m["joint"] or _opens_phrase(sentence[m.start("first") :]))
    ]
    ends = [*(end for end, _ in borders), len(sentence)]
    begins = [starts[0].start, *(start for _, start in borders)]
    cut = [sentence[a:b].strip() for a, b in zip(begins, ends, strict=True)]
    if len(cut) < 2 or any(len(words(part)) < _FEWEST_WORDS or not _stands_alone(part) for part in cut):
        return whole
    if any(set(words(part)) & _SUBORDINATING for part in cut[:-1]):
        return whole  # what follows may belong to the clause that it opens: "a place where eggs grow, and …"
    return tuple(_as_sentence(opening, part) for part in cut)


def _border(sentence: str, clause: Clause) -> re.Match[str] | None:
    """The mark and the word that join a clause to what stands before it."""
    return _BORDER.search(sentence, max(0, clause.start - _BEFORE), clause.start)


def _opens_phrase(text: str) -> bool:
    """Whether a text begins with a name or a determiner: without a joining word, "Help" after a comma is no
    subject."""
    return text[:1].isupper() or words(text)[0] in DETERMINERS


def _is_adverbial(opening: str) -> bool:
    """Whether what stands before the first subject can stand before the others too: a time or a place, and no
    clause."""
    if opening.strip().lower() in _ARTICLES | {""}:
        return True
    low = words(opening)
    return opening.rstrip().endswith(",") and len(low) <= _LONGEST_OPENING and not set(low) & CONNECTIVES


def _stands_alone(part: str) -> bool:
    """Whether a part has its own subject, by name or description, which is not all there is to it."""
    low = words(part)
    first = low[0].partition("'")[0]
    if first in PERSONAL | POINTING | RELATIVES:
        return False
    own = [clause for clause in clauses(part) if clause.finite and clause.who]
    before = words(part[: own[0].start]) if own else []
    return bool(own) and not set(before) & (PREPOSITIONS | CONNECTIVES | COORDINATORS | RELATIVES)


def _as_sentence(opening: str, part: str) -> str:
    part = part.rstrip(" ,;–—")
    said = f"{opening}{part}" if opening.strip() else part[:1].upper() + part[1:]
    return said if said.endswith((".", "!", "?")) else f"{said}."
