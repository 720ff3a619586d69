"""Questions that gather from many articles: a summary, a timeline, a comparison, a list. The one home of how
such questions are asked.

What is meant is the form of the answer, so a question that only holds such a word is none: "What did the
summary say?", "Who compared them?". Rules over the question's words alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from rag.english.lexicon import (
    AUXILIARIES,
    COMPARING_NOUNS,
    COMPARING_VERBS,
    DETERMINERS,
    GIVING_VERBS,
    LISTING_NOUNS,
    LISTING_VERBS,
    NUMBER_WORDS,
    POLITE_OPENINGS,
    PREPOSITIONS,
    QUESTION_WORDS,
    SINGULAR_IN_S,
    SOURCE_NOUNS,
    SUMMARY_NOUNS,
    SUMMARY_VERBS,
    TIMELINE_NOUNS,
    WHOLE,
    alternation,
    forms,
    lemma,
)
from rag.english.names import names
from rag.english.normalise import content_stems
from rag.question.parse import parse
from rag.question.phrases import Role, is_plural, read

__all__ = ["Form", "Gathering", "gathering"]


class Form(StrEnum):
    """The form in which what was gathered is told."""

    SUMMARY = "summary"
    TIMELINE = "timeline"
    COMPARISON = "comparison"
    LIST = "list"


@dataclass(frozen=True, slots=True)
class Gathering:
    """A question that gathers. `topic`: what it gathers about, without the words that ask for the form, for
    looking it up. `sides`: what a comparison lays side by side, where it names them."""

    form: Form
    topic: str
    sides: tuple[str, ...] = ()


def _one_of(phrases: Iterable[str]) -> str:
    """The phrases as one group of a regular expression, with any white space between their words."""
    return alternation(phrases).replace(r"\ ", r"\s+")


_POLITE = re.compile(rf"\W*(?P<said>{_one_of(POLITE_OPENINGS)})\b[\s,:.!–-]*", re.IGNORECASE)
_WHO_FOR = r"(?:\s+(?:me|us|them))?"
_AUXILIARY = alternation(AUXILIARIES)
_ASKING = alternation(QUESTION_WORDS)
_GIVE = rf"(?:{_one_of(GIVING_VERBS)}){_WHO_FOR}\s+"
_WHAT_IS = r"what(?:\s+(?:is|are|was|were)|['’]s)\s+"
_DETERMINED = r"(?:(?:a|an|the|your|some|one|any|all)\s+)?"
_DESCRIBED = rf"(?:(?!(?:{alternation(PREPOSITIONS)}|{_ASKING}|{_AUXILIARY})\b)[\w’'-]+,?\s+){{0,3}}?"
# What may stand behind the noun: what it is about, or nothing. "The overview effect" is no overview.
_ABOUT = (
    rf"(?:\s+(?=(?:{alternation(PREPOSITIONS)}|comparing|showing|listing|leading|please|that|{_ASKING})\b)"
    r"|\s*[:,]\s*|\W*\Z)"
)
_NOUN = {
    form: re.compile(
        rf"\W*(?P<given>{_GIVE}|{_WHAT_IS})?{_DETERMINED}{_DESCRIBED}(?:{_one_of(nouns)})\b{_ABOUT}",
        re.IGNORECASE,
    )
    for form, nouns in (
        (Form.TIMELINE, TIMELINE_NOUNS),
        (Form.SUMMARY, SUMMARY_NOUNS),
        (Form.COMPARISON, COMPARING_NOUNS),
        (Form.LIST, LISTING_NOUNS),
    )
}
# "The list of winners was printed when?" asks for a fact; "a list of what was lost" for a list.
_TOLD_OF = re.compile(rf"(?:(?!\b(?:{_ASKING}|that)\b).)*\b(?:{_AUXILIARY})\b", re.IGNORECASE)
_SUMMARISE = re.compile(rf"\W*(?:{_one_of(SUMMARY_VERBS)})\b(?=\W*\Z|[\s:,]+\w)", re.IGNORECASE)
_COMPARE = re.compile(rf"\W*(?:{_one_of(COMPARING_VERBS)})\s+(?=[\w“\"‘'])", re.IGNORECASE)
_LIST = re.compile(
    rf"\W*(?P<verb>{_one_of(LISTING_VERBS)}){_WHO_FOR}(?:\s+(?:out|down|up))?[\s:]+(?!prices?\b)",
    re.IGNORECASE,
)
_BEHIND_COMPARE = r"(?=\s+(?:with|to|against|in|on|when|for)\b|\W*\Z)"
# "How do the accounts differ?", "How does A compare with B?"; but "How did he compare it to theirs?" asks for
# what he said.
_HOW_DIFFER = re.compile(
    rf"\W*(?:how|where|in\s+(?:what|which)\s+ways?|on\s+what)\s+(?:{_AUXILIARY})\s+(?P<topic>.+?\s+"
    rf"(?:differ|disagree|diverge|(?:contrast|compare){_BEHIND_COMPARE})\b.*)"
    rf"|\W*how\s+(?:different|similar)\s+(?:{_AUXILIARY})\s+(?P<alike>.+)",
    re.IGNORECASE,
)
# "What happened when the dam broke?" asks for one event.
_UNFOLDED = re.compile(
    rf"\W*(?:how\s+(?:{_AUXILIARY})\s+.+\s+(?:unfold|unfolded|play\s+out|played\s+out)\b"
    r"|what\s+(?:has\s+|had\s+)?happen(?:ed|s)\s+when(?=\s+(?:in|during|at|on|to)\b|\W*\Z)"
    r"|when\s+did\s+(?:each|what)\s+happen\b|in\s+(?:what|which)\s+order\s+(?:did|were|was)\b)",
    re.IGNORECASE,
)
_IN_ORDER = re.compile(
    r"\b(?:in\s+(?:chronological\s+order|(?:the\s+)?order\s+of\s+(?:time|dates?))|by\s+date|chronologically)\b",
    re.IGNORECASE,
)
_WHO_ARE = re.compile(
    r"\W*(?:who\s+(?:are|were)\s+(?:all\s+(?:of\s+)?)?the"
    r"|what\s+(?:are|were)\s+(?:all\s+(?:of\s+)?the|the\s+(?:names|main|key|different|various|most\s+important)))\s+",
    re.IGNORECASE,
)
_EVERY = WHOLE | NUMBER_WORDS.keys() | {"any", "some", "as", "those"}
# What says how a question gathers, and nothing of what.
_OF_THE_FORM = (
    SOURCE_NOUNS | QUESTION_WORDS | (WHOLE - {"whole", "entire"}) | forms(COMPARING_VERBS[:2])
    | forms(["differ", "disagree", "mention"]) | {"account", "accounts", "among", "any", "between", "please"}
)  # fmt: skip
# Where what is compared ends: "what Kis and Lee said about Oslo".
_MATTER = re.compile(r"\b(?:about|concerning|over|regarding|on|in)\b", re.IGNORECASE)


def gathering(question: str) -> Gathering | None:
    """What a question gathers; `None` for one that asks for a fact or an account, as most do.

    >>> asked = "Please sum up the trial", "Could you list all winners?", "Timeline of the strike"
    >>> [str(found.form) for question in asked if (found := gathering(question))]
    ['summary', 'list', 'timeline']
    >>> compared = gathering("How do the accounts of Kis and Lee differ?")
    >>> compared and (compared.topic, compared.sides), gathering("Who compared the two?")
    (('the of Kis and Lee', ('Kis', 'Lee')), None)
    """
    asked = _without_politeness(question.lower() if question.isupper() else question)
    found = _asked_form(asked)
    if found is None:
        return None
    form, about = found
    if form in (Form.LIST, Form.SUMMARY) and _IN_ORDER.search(asked):
        form, about = Form.TIMELINE, _IN_ORDER.sub("", about)
    return Gathering(form, _topic(about), _sides(about) if form is Form.COMPARISON else ())


def _without_politeness(question: str) -> str:
    """The request without what politeness puts before it: "Would you mind listing" is "list"."""
    minding = False
    while polite := _POLITE.match(question):
        minding = polite["said"].lower().endswith("mind")
        question = question[polite.end() :]
    verb, gap, rest = question.partition(" ")
    return f"{lemma(verb.lower())}{gap}{rest}" if minding and verb.lower().endswith("ing") else question


def _asked_form(asked: str) -> tuple[Form, str] | None:
    """The form that a request wants, and what it is to be about."""
    if _UNFOLDED.match(asked):
        return Form.TIMELINE, asked
    if differ := _HOW_DIFFER.match(asked):
        return Form.COMPARISON, differ["topic"] or differ["alike"]
    for form, pattern in _NOUN.items():
        noun = pattern.match(asked)
        if noun and (noun["given"] or not _TOLD_OF.match(asked[noun.end() :])):
            return form, asked[noun.end() :]
    if verb := _SUMMARISE.match(asked):
        return Form.SUMMARY, asked[verb.end() :]
    if verb := _COMPARE.match(asked):
        return Form.COMPARISON, asked[verb.end() :]
    if (verb := _LIST.match(asked)) and _is_several(asked[verb.end() :], verb["verb"].lower()):
        return Form.LIST, asked[verb.end() :]
    if (are := _WHO_ARE.match(asked)) and _names_several(asked[are.end() :]):
        return Form.LIST, asked[are.end() :]
    return (Form.LIST, asked) if _asks_which(asked) else None


def _is_several(listed: str, verb: str) -> bool:
    """Whether what is to be listed is more than one: "all winners", "the winners"; not "the winner"."""
    first = next((word.low for word in read(listed)), "")
    if first in _EVERY or first.isdigit() or (first in QUESTION_WORDS and verb != "name"):
        return True
    said = read(listed)
    determined = bool(said) and said[0].low in DETERMINERS
    return _names_several(listed[said[0].end :] if determined else listed)


def _names_several(listed: str) -> bool:
    """Whether a text begins with a noun in the plural that is no name: "ministers who resigned"."""
    phrases = parse(f"which {listed.strip()}").about(Role.ASKED)
    return bool(phrases) and _is_plural_noun(phrases[0].text)


def _is_plural_noun(phrase: str) -> bool:
    said = read(phrase)
    return is_plural(phrase) and said[-1].text[0].islower() and said[-1].low not in SINGULAR_IN_S


def _asks_which(asked: str) -> bool:
    """Whether a question asks which of many: "which companies"; not "which two companies", which it knows."""
    question = parse(asked)
    phrases = question.about(Role.ASKED)
    if question.wh not in {"which", "what"} or not phrases:
        return False
    first = read(phrases[0].text)[0].low
    return not (first in NUMBER_WORDS or first.isdigit()) and _is_plural_noun(phrases[0].text)


def _topic(about: str) -> str:
    """What is looked for: without the words that only speak of articles, of telling, and of how many."""
    said = about.strip(" ?.!:,").split()
    kept = [word for word in said if word.lower().strip(",;?!.") not in _OF_THE_FORM]
    return " ".join(kept if content_stems(" ".join(kept)) else said)


def _sides(about: str) -> tuple[str, ...]:
    """The names of what is compared; none where fewer than two are named."""
    end = next((m.start() for m in _MATTER.finditer(about) if m.start()), len(about))
    found = tuple(dict.fromkeys(name.text for name in names(about[:end])))
    return found if len(found) > 1 else ()
