"""A question asked in a conversation, made to stand alone. Rules only; a question that stands alone is left alone."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.text import STOPWORDS, sentences, words
from rag.types import Turn

__all__ = ["standalone"]

_OPENING = re.compile(
    r"^\s*(?:(?:and|or|but|so)\s+)?(?:(?:what|how)\s+about|and|or|but)\s+(?P<rest>.+?)\s*\??\s*$", re.IGNORECASE
)
_PREPOSITIONS = (
    "in",
    "on",
    "at",
    "by",
    "from",
    "to",
    "for",
    "with",
    "against",
    "after",
    "before",
    "during",
    "under",
    "near",
    "inside",
)
_PERSON = frozenset("he him his she her hers himself herself".split())
_THING = frozenset("it its itself this that they them their theirs these those themselves".split())
_POSSESSIVE = frozenset("his her hers its their theirs".split())
# After these a pronoun stands for something in the same sentence, or for nothing at all.
_EMPTY_IT = re.compile(r"\b(?:is|was|does|did|will|would) it (?:true|likely|possible|clear|mean|take|rain)\b", re.IGNORECASE)
_THAT_CLAUSE = re.compile(
    r"\b(?:said|says|say|claim\w*|believ\w*|think\w*|told|know|mean\w*|so|fact|report\w*|suggest\w*) that\b", re.IGNORECASE
)
_NAME = re.compile(r"\b[A-Z][\w’'-]*(?:\s+(?:(?:of|the|al|ul|bin|van|de)\s+)?[A-Z][\w’'-]*)*")
_WH = frozenset(
    "who whom whose what when where why which how is are was were did do does has have had can could will would".split()
)
# Written like names, but no pronoun stands for one of these.
_CALENDAR = frozenset(
    "january february march april may june july august september october november december monday tuesday wednesday "
    "thursday friday saturday sunday".split()
)
_TITLES = frozenset("mr mrs ms dr gen sen rep president minister secretary spokesman spokesperson spokeswoman".split())


def standalone(question: str, history: Sequence[Turn]) -> str:
    """The question with what it leaves out taken from the newest turns.

    >>> standalone("And in May?", [Turn("What did inflation do in April?", "It rose.")])
    'What did inflation do in May?'
    >>> standalone("When did he speak?", [Turn("Who is John Kirby?", "A spokesman.")])
    'When did John Kirby speak?'
    """
    if not history:
        return question
    if (completed := _ellipsis(question, history[-1])) is not None:
        return completed
    return _pronouns(question, history)


def _ellipsis(question: str, last: Turn) -> str | None:
    """A fragment put into the last question; `None` where the question is whole."""
    match = _OPENING.match(question)
    rest = match.group("rest") if match else question.strip().rstrip("?").strip()
    tokens = words(rest)
    if not tokens:
        return None
    if tokens[0] in _WH and len(tokens) > 2:  # "and who replied first?" is whole; "and why?" is not
        return None
    if match is None and not (len(tokens) <= 2 and tokens[0] in _WH):
        return None
    earlier = last.question.strip().rstrip("?").strip()
    if tokens[0] in _WH:
        return f"{rest[0].upper()}{rest[1:]}: {earlier[0].lower()}{earlier[1:]}?"
    if tokens[0] in _PREPOSITIONS:
        swapped, count = re.subn(
            rf"\b{tokens[0]}\s+(?:the\s+)?[\w’'-]+(?:\s+[A-Z\d][\w’'-]*)*(?=\W*$|\s+[a-z])", rest, earlier, count=1
        )
        return f"{swapped}?" if count else f"{earlier} {rest}?"
    if len(tokens) > 6:
        return None
    names = list(_names(earlier))
    if names and rest[:1].isupper():  # "what about Pakistan?": one name for another
        return f"{earlier.replace(names[0], rest, 1)}?"
    return f"{earlier}, and {rest}?"


def _pronouns(question: str, history: Sequence[Turn]) -> str:
    if _EMPTY_IT.search(question):
        return question
    for match in re.finditer(r"[A-Za-z]+", question):
        pronoun = match.group().casefold()
        if pronoun not in _PERSON | _THING:
            continue
        before = question[: match.start()]
        if _names(before):  # "Why did Iran say it struck?": the name stands in the question itself
            return question
        if pronoun == "that" and _THAT_CLAUSE.search(before + "that"):
            continue
        if pronoun in {"this", "that", "these", "those"} and re.match(r"\s+\w", question[match.end() :]):
            continue
        if name := _antecedent(pronoun, history):
            possessive = pronoun in _POSSESSIVE and re.match(r"\s+\w", question[match.end() :])
            return f"{before}{name}{'’s' if possessive else ''}{question[match.end() :]}"
    return question


def _antecedent(pronoun: str, history: Sequence[Turn]) -> str | None:
    """What a pronoun most likely stands for: the newest turn first, the question before its answer."""
    for turn in reversed(history):
        spans = sentences(turn.answer)
        first = turn.answer[spans[0][0] : spans[0][1]] if spans else ""
        for text in (turn.question, first):
            names = [n for n in _names(text) if n.casefold() not in _CALENDAR]
            if pronoun in _PERSON:
                names = [n for n in names if " " in n] or names
            if names:
                return names[0]
    return None


def _names(text: str) -> list[str]:
    """Runs of capitalised words, less the question word or the title they begin with."""
    found: list[str] = []
    for match in _NAME.finditer(text):
        parts = match.group().split()
        while parts and (parts[0].casefold() in _WH | STOPWORDS | _TITLES):
            parts = parts[1:]
        if parts:
            name = " ".join(parts)
            found.append(re.sub(r"[’']s$", "", name))
    return found
