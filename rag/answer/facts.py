"""Whether what a text gives as a fact is given as one by the words that it rests on.

"Won" does not rest on "came close to winning", "stole" not on "accused of stealing", "got the prize" not on
"was offered the prize". A veto: what these rules cannot tell passes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from rag.english.clauses import Clause, clauses, is_reported
from rag.english.factuality import Factuality, Scope, scopes
from rag.english.lexicon import (
    BE,
    CONNECTIVES,
    DISPUTING_VERBS,
    NOUNS_OF_VERBS,
    NUMBER_WORDS,
    PREPOSITIONS,
    PRESENT_AUXILIARIES,
    REALISING_VERBS,
    REPORT_NOUNS,
    STOPWORDS,
    TO_COME,
    UNSETTLED,
    alternation,
    forms,
    lemma,
    past_forms,
)
from rag.english.normalise import content_stems, fold, stem, words
from rag.english.numbers import numbers
from rag.english.phrases import items
from rag.english.sentences import sentences

__all__ = ["are_facts", "may_be_told_as_to_come"]

_PAST_AUXILIARIES = frozenset({"was", "were", "had", "has", "have", "did"})
_PLAIN = frozenset({"be", "have", "do"})


@dataclass(frozen=True, slots=True)
class _Word:
    """A word of the quote, by its stem and its lemma's, and its scope; `None` where it is given as a fact."""

    stems: frozenset[str]
    scope: Scope | None

    @property
    def kind(self) -> Factuality | None:
        return self.scope.kind if self.scope else None


def are_facts(text: str, quote: str) -> bool:
    """Whether nothing that the text gives as a fact is given otherwise wherever the quote has it.

    >>> quote = "Ruy Castel was offered the captaincy of Girona but declined; he came close to leaving."
    >>> texts = "Castel took the captaincy.", "Castel left.", "Castel was offered the captaincy."
    >>> [are_facts(text, quote) for text in texts]
    [False, False, True]
    """
    held = _words(quote)
    if any(word.scope for word in held):
        if any(_is_no_fact(said, held) for said in _asserted(text)):
            return False
        if _drops_adjective(text, held):
            return False
    return not (
        _is_whole_of_part(text, quote) or _is_contrary_side(text, quote) or _is_denied_report(text, quote)
    )


@lru_cache(maxsize=4_096)
def _words(quote: str) -> tuple[_Word, ...]:
    found: list[_Word] = []
    for start, end in sentences(quote):
        sentence = quote[start:end]
        held = scopes(sentence)
        for item in items(sentence):
            over = [scope for scope in held if scope.start <= item.start < scope.end]
            scope = min(over, key=lambda each: tuple(Factuality).index(each.kind), default=None)
            if item.name:
                found += [_Word(frozenset({stem(word)}), scope) for word in words(item.text)]
            elif not item.mark and item.low not in STOPWORDS:
                found.append(_Word(_stems(item.low), scope))
    return tuple(found)


def _stems(word: str) -> frozenset[str]:
    return frozenset({stem(word), stem(lemma(word))})


@dataclass(frozen=True, slots=True)
class _Assertion:
    """A clause that a text gives as a fact: its verb group as written, what follows that in its sentence, and
    whether it is told as somebody's word."""

    clause: Clause
    group: tuple[str, ...]
    after: str
    told: bool

    @property
    def to_come(self) -> bool:
        return bool(TO_COME & set(self.group))

    @property
    def is_past(self) -> bool:
        """Whether it is told as done: "opened", "has opened", and not "opens" or "is opened"."""
        if self.to_come:
            return False
        if _PAST_AUXILIARIES & set(self.group):
            return True
        verb = self.group[-1]
        return not PRESENT_AUXILIARIES & set(self.group) and verb in past_forms([self.clause.verb])


def _asserted(text: str) -> Iterator[_Assertion]:
    told = is_reported(text)
    for start, end in sentences(text):
        sentence = text[start:end]
        for clause in clauses(sentence):
            doubted = clause.denied or clause.hedged or clause.wanted or clause.claimed or clause.embedded
            if clause.finite and not doubted:
                group = words(sentence[clause.start : clause.verb_end])
                # "Some of that will be sold": where a clause is read from "be" on, "will" belongs to it.
                group = words(sentence[: clause.start])[-1:] + group if group[0] in BE else group
                yield _Assertion(clause, tuple(group), sentence[clause.verb_end :], told)


def _is_no_fact(said: _Assertion, held: tuple[_Word, ...]) -> bool:
    """Whether the quote has a clause's deed, or what it is done to, but never as a fact."""
    clause = said.clause
    if clause.verb not in _PLAIN:
        phrasal = {stem(f"{clause.verb}{particle}") for particle in words(said.after)[:1]}  # "a walkout"
        noun = _stems(NOUNS_OF_VERBS.get(clause.verb, clause.verb))
        deeds = _found(held, _stems(said.group[-1]) | {stem(clause.verb)} | noun | phrasal)
        if deeds:
            return not any(_is_given(word.scope, said) for word in deeds)
    if clause.verb == "go" and said.after.lower().split()[:1] == ["on"]:
        objects = _predicate(said.after.split(maxsplit=1)[-1])  # "went on strike"
    elif clause.verb not in REALISING_VERBS:
        return False
    elif clause.verb in {"be", "become"} and not clause.passive:
        objects = _predicate(said.after)
    else:
        objects = [_stems(word) for word in words(clause.whom or "")][-1:]
    things = [word for stems in objects for word in _found(held, stems)]
    return bool(things) and not any(_is_given(word.scope, said) for word in things)


_DENIED_REPORT = re.compile(
    rf"\b(?:{alternation(forms(DISPUTING_VERBS))})"
    rf"\s(?:that|(?:the |any )?(?:{alternation(REPORT_NOUNS)})s? (?:that|of)|having)\b(?P<what>.*)",
    re.IGNORECASE | re.DOTALL,
)
_REPEATED_SHARE = 0.6  # of a text's words, from which a denied report is what the text says


def _is_denied_report(text: str, quote: str) -> bool:
    """Whether a text gives as a fact what the quote has only in a report that somebody denies, in whatever
    order of words.

    >>> quote = "Officials deny that Iran struck first."
    >>> _is_denied_report("First struck was Iran.", quote), _is_denied_report("Officials deny it.", quote)
    (True, False)
    """
    said = {*content_stems(text)}
    if not said or _DENIED_REPORT.search(text):
        return False
    denied = False
    for start, end in sentences(quote):
        report = _DENIED_REPORT.search(quote, start, end)
        told = report["what"] if report else quote[start:end]
        if len(said & {*content_stems(told)}) >= _REPEATED_SHARE * len(said):
            if report is None:
                return False
            denied = True
    return denied


def _found(held: tuple[_Word, ...], sought: frozenset[str]) -> list[_Word]:
    return [word for word in held if word.stems & sought]


def _is_given(scope: Scope | None, said: _Assertion) -> bool:
    """Whether a word is given as surely as the text has it: what somebody claims may be told as somebody's
    word, and what is planned as what is to come."""
    if scope is None or (said.told and scope.kind is Factuality.CLAIMED):
        return True
    if scope.cue in TO_COME:
        return not said.is_past
    return said.to_come and may_be_told_as_to_come(scope)


def may_be_told_as_to_come(scope: Scope) -> bool:
    """Whether what stands in a scope may be said to come: "plans to sell", and not "threatened to sell".

    >>> texts = "Ajax plans to sell Kis.", "Ajax threatened to sell Kis.", "Ajax was barred from selling Kis."
    >>> [may_be_told_as_to_come(scopes(text)[0]) for text in texts]
    [True, False, False]
    """
    return scope.kind is Factuality.OPEN and lemma(scope.cue) not in UNSETTLED


def _predicate(after: str) -> list[frozenset[str]]:
    """The stems of the words that say what somebody is, up to a preposition or a clause."""
    found: list[frozenset[str]] = []
    for item in items(after):
        if item.mark or item.low in PREPOSITIONS | CONNECTIVES:
            break
        if not item.name and item.low not in STOPWORDS:
            found.append(_stems(item.low))
    return found


def _drops_adjective(text: str, held: tuple[_Word, ...]) -> bool:
    """Whether a text has a noun without "attempted" or "alleged", with which alone the quote has it."""
    return any(
        word.kind is None
        and (there := [other.kind for other in held if other.stems & word.stems])
        and all(kind is Factuality.NOMINAL for kind in there)
        for word in _words(text)
    )


_NUMBER = rf"(?:\d[\d,.]*|{alternation(NUMBER_WORDS)})"
_PARTITIVE = re.compile(
    rf"\b(?P<part>{_NUMBER}|half|most|some|many|few|none|several)\s(?:out\s)?of\s(?:the|its|his|her|their)\s"
    rf"(?:\w+\s)?(?P<whole>{_NUMBER})\s(?P<what>\w+)",
    re.IGNORECASE,
)


def _is_whole_of_part(text: str, quote: str) -> bool:
    """Whether a text says of a whole what the quote says of a part: "three of the nine bridges".

    >>> quote = "Only three of the nine bridges reopened."
    >>> [_is_whole_of_part(text, quote) for text in ("The nine bridges reopened.", "Three bridges reopened.")]
    [True, False]
    """
    said, known = fold(text)[0], set(numbers(text, ordinals=False))
    for match in _PARTITIVE.finditer(fold(quote)[0]):
        part, whole = set(numbers(match["part"])), set(numbers(match["whole"]))
        counted = re.search(rf"\b{re.escape(match['whole'])}\s{re.escape(match['what'])}\b", said)
        partial = re.search(rf"\bof\s(?:\w+\s){{0,2}}{re.escape(match['whole'])}\b", said)
        if counted and not partial and whole <= known and not (part and part <= known) and part != whole:
            return True
    return False


_SIDED = re.compile(r"\b(\w+)\s(for|against)\b", re.IGNORECASE)


def _is_contrary_side(text: str, quote: str) -> bool:
    """Whether a text has somebody vote, or argue, for what the quote has them do so against.

    >>> _is_contrary_side("Vaux voted for the stadium.", "Vaux voted against the stadium.")
    True
    """
    ours, theirs = _sides(text), _sides(quote)
    return any(
        (side == "for" and (verb, "against") in theirs and (verb, "for") not in theirs)
        or (side == "against" and (verb, "for") in theirs and (verb, "against") not in theirs)
        for verb, side in ours
        if verb in _SIDED_VERBS
    )


# The stems of those who take sides.
_SIDED_VERBS = frozenset(map(stem, "vote argue campaign demonstrate protest rule decide lobby spoke".split()))


def _sides(text: str) -> set[tuple[str, str]]:
    return {(stem(verb.lower()), side.lower()) for verb, side in _SIDED.findall(text)}
