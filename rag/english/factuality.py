"""What a sentence does not say to be so, though its words stand there: "came close to winning", "accused of
stealing", "It was wrongly reported that …", "a plan to sell".

The field calls this event factuality (Saurí and Pustejovsky, 2009). Cues are found in word lists; each has a
scope, the words that depend on it. Rules over word order, for the English of news.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from rag.english.lexicon import (
    ACCUSING_VERBS,
    AVERTING_VERBS,
    BE,
    CALLING_VERBS,
    CLAIMING_VERBS,
    CLEARING_VERBS,
    CONNECTIVES,
    DETERMINERS,
    FALSITY_ADJECTIVES,
    FALSITY_ADVERBS,
    FEIGNING_VERBS,
    FULFILLING_VERBS,
    HEDGING_VERBS,
    KEEPING_VERBS,
    MISSTATING_VERBS,
    NEGATIONS,
    NOMINAL_ADJECTIVES,
    OFFERING_VERBS,
    OPPOSING_VERBS,
    POSSIBLE_NOUNS,
    PRESENT_AUXILIARIES,
    PROOF_NOUNS,
    RELATIVES,
    REPORT_NOUNS,
    SHOWING_VERBS,
    SPEECH_VERBS,
    STRIVING_VERBS,
    SUPPOSING_VERBS,
    TO_COME,
    UNITS_OF_TIME,
    UNSURE_NOUNS,
    WISHING_NOUNS,
    WISHING_VERBS,
    alternation,
    forms,
    inflect,
    past_forms,
)
from rag.english.phrases import Item, VerbGroup, items, may_be_base, verb_groups

__all__ = ["Factuality", "Scope", "scopes"]


class Factuality(StrEnum):
    """What a sentence says of words that it does not give as a fact, the surest first."""

    NOMINAL = "the noun names what it is not: attempted murder"
    DENIED = "they are not so"
    OPEN = "they may come, or may be so"
    CLAIMED = "somebody claims, believes or suspects them"


@dataclass(frozen=True, slots=True)
class Scope:
    """Words at [start, end) of a sentence that it does not give as a fact, and the first word of what says
    so."""

    start: int
    end: int
    kind: Factuality
    cue: str


# Forms of `ACCUSING_VERBS` that are oftener something else.
_NOUNS = {"wants", "want", "tries", "questions", "charges"}
_NAME = "N"  # what stands for a whole name in the line that cues are looked for in
_BE = r"(?:is|was|are|were|be|been|being)"
_NEAR = r"(?:[^ ,;.]+ )"  # one word between the parts of a cue


def _any(*groups: object) -> str:
    return alternation([word for group in groups for word in group])  # type: ignore[attr-defined]


_ACCUSED = rf"(?:{_any(forms(ACCUSING_VERBS) - _NOUNS)})"
_REPORT = rf"(?:{_any(REPORT_NOUNS)})"
_FALSE = rf"(?:{_any(FALSITY_ADJECTIVES)})"
_PROOF = rf"(?:{_any(PROOF_NOUNS)})"
_NONE_OF = rf"(?:{_PROOF}|intentions?|plans?|desire|wish|question|chance|hope|prospect|truth)"
_TOLD = rf"(?:{_any(forms(SPEECH_VERBS | CLAIMING_VERBS | SUPPOSING_VERBS))})"
_NO = rf"(?:{_any(NEGATIONS)}|no one|\w+n't)"
_NO_TIMES = rf"(?!(?:{_any(UNITS_OF_TIME)})s? )"

# What follows one of these is said not to be so. The scope begins where the pattern ends.
_NOT_SO = re.compile(
    "|".join(
        rf"(?<![^ ]){pattern} "
        for pattern in (
            r"(?:came|come|comes|coming) (?:\w+ )?(?:close|near) to",
            r"(?:verge|brink|cusp) of",
            r"on the point of",
            rf"within (?:an? )?(?:\w+ )?{_NO_TIMES}\w+ of(?= [^ ]+ing\b)",
            rf"(?:{_any(forms(['stop', 'fall']))}) (?:just |well )?short of",
            r"far from(?= [^ ]+ing\b)",
            r"without(?= [^ ]+ing\b)",
            r"(?:instead of|rather than|as opposed to|in place of)",
            rf"(?:{_any(forms(KEEPING_VERBS))}) {_NEAR}{{0,6}}?from(?= [^ ]+ing\b)",
            rf"(?:{_any(forms(OPPOSING_VERBS))}) {_NEAR}{{0,3}}?against",
            rf"(?:{_any(forms(CLEARING_VERBS))}) {_NEAR}{{0,6}}?of",
            r"(?:not guilty|innocent) of",
            rf"(?:{_any(FALSITY_ADVERBS)}) {_TOLD}(?: {_NEAR}{{0,4}}?(?:of|for|with|as))?",
            rf"{_TOLD} (?:{_any(FALSITY_ADVERBS)})",
            rf"(?:{_any(FALSITY_ADVERBS)}) (?:convicted|jailed|imprisoned) (?:of|for)",
            rf"{_BE} (?:not (?:true|correct|right)|{_FALSE}|a (?:lie|myth|hoax))(?= that\b)",
            rf"{_FALSE} {_REPORT} (?:of|about)",
            rf"(?:{_FALSE} {_REPORT}|myth|misconception)(?= that\b)",
            rf"(?:{_any(forms(FEIGNING_VERBS))})",
            rf"(?:no|little|without(?: any)?) (?:\w+ )?{_NONE_OF}(?= that\b)",
            rf"(?:no|little|without(?: any)?) (?:\w+ )?{_NONE_OF} (?:of|to|for)",
            rf"(?:not|\w+n't|never) {_NEAR}{{0,4}}?{_PROOF}(?= that\b)",
            rf"(?:not|\w+n't|never) {_NEAR}{{0,4}}?{_PROOF} of",
            r"nothing to (?:suggest|show|indicate|prove)",
            rf"(?:{_any(forms(['fail', 'refuse', 'decline', 'neglect', 'forget']))}) to",
            rf"(?:{_any(forms(AVERTING_VERBS))})(?! (?:to|from|that)\b)",
            rf"(?:{_any(forms(['rule']))}) out",
            rf"(?:{_any(forms(['call', 'put']))}) off",
            rf"(?:{_any(forms(['turn']))}) down",
            rf"(?:apologi[sz]\w+ for|{_any(forms(['retract', 'withdraw', 'regret']))}) "
            rf"{_NEAR}{{0,3}}?(?:{_REPORT}|{_any(forms(MISSTATING_VERBS))})(?= that\b)",
            rf"(?:{_any(forms(['come', 'get']))}) within {_NEAR}{{1,4}}?of",
            r"within an? (?:split )?second of(?= [^ ]+ing\b)",
            r"(?:was|were) to have",
            rf"mist(?:aken|ook) {_NEAR}{{0,3}}?for",
            r"(?:strikes?|struck|votes?|voted) down",
            r"too \w+ (?:for \w+ )?to",
            r"yet to",
            r"(?:died|dies|intercepted|foiled|halted) (?:[^ ;.]+ ){0,4}?before(?= (?!being)[^ ]+ing\b)",
        )
    )
)
_PURPOSE = WISHING_VERBS | HEDGING_VERBS | STRIVING_VERBS | frozenset({"vote", "opt", "elect", "apply"})
_POSSIBLE = rf"(?:{_any(WISHING_NOUNS | UNSURE_NOUNS | POSSIBLE_NOUNS)})"
# What follows one of these is left open.
_OPEN = re.compile(
    "|".join(
        rf"(?<![^ ]){pattern} "
        for pattern in (
            rf"(?:{_any(forms(_PURPOSE))}) (?:(?!to )[^ ,;.]+ ){{0,6}}?to",
            rf"(?:{_any(forms(OFFERING_VERBS))})(?! (?:to|that)\b)",
            r"(?:supposed|meant|tipped|slated|earmarked|about|due|set|poised|ready|bound|in line|on course"
            r"|on track|in talks|likely|unlikely|close|near) to",
            rf"(?:{_any(forms(CALLING_VERBS))}) for",
            rf"{_POSSIBLE} (?:(?!to )[^ ,;.]+ ){{0,6}}?to",
            rf"{_POSSIBLE} (?:of|for|at|about)",
            r"talks (?:on|over|about)",
            rf"(?:{_any(forms(['postpone', 'delay']))})(?! (?:by|until)\b)",
            rf"{_NO} {_NEAR}{{0,3}}?(?:{_any(forms(SHOWING_VERBS))})(?= that\b)",
            r"(?:is|are) to(?= [a-z]+ )",
            r"(?:even if|as if|as though|if|unless|whether|provided that|assuming|lest|in case)",
            r"in (?:the event|case) of",
        )
    )
)
# What follows one of these is somebody's word.
_CLAIMED = re.compile(
    "|".join(
        rf"(?<![^ ]){pattern} "
        for pattern in (
            rf"(?:{_any(forms(CLAIMING_VERBS | SUPPOSING_VERBS))}) to",
            rf"(?:{_POSSIBLE}|charges?)(?= (?:that|he|she|it|they|we|i)\b)",
            rf"{_BE} (?:\w+ly )?(?:{_any(past_forms(MISSTATING_VERBS))}) to",
            rf"{_ACCUSED} (?:(?!of |with |for |over )[^ ,;.]+ ){{0,6}}?(?:of|with|for|over)",
            rf"(?:trial|charges?|suspicion|investigation|questioned|custody) {_NEAR}{{0,2}}?(?:of|for|over)",
        )
    )
)
_REPORTS = re.compile(rf"(?<![^ ]){_REPORT} (?=that\b)")
_UNTIL = re.compile(r"(?<![^ ])(?:until|till|once|before|as soon as|by the time) ")
_TO_COME = re.compile(rf"(?<![^ ])(?:{_any(TO_COME)}) (?:\w+ly )?(?:be )?(?=[a-z])")
_ALL_BUT = re.compile(r"(?<![^ ])all but (?=[a-z]+(?:ed|en)\b|[a-z]+ )")
_NOMINAL = re.compile(rf"(?<![^ ])(?:{_any(NOMINAL_ADJECTIVES)}) (?=[a-z])")
_TRAILING = re.compile(
    rf"(?:, )?(?:{_BE}|proved|turned out to be) (?:\w+ly )?"
    rf"(?:{_FALSE}|not true|denied|dismissed|rejected|debunked|retracted|refuted)\b"
)
_CUES = ((Factuality.DENIED, _NOT_SO), (Factuality.OPEN, _OPEN), (Factuality.CLAIMED, _CLAIMED))
_STOPS = frozenset({".", ";", ":", "!", "?", "(", ")", "–", "—"})
_ENDING_WORDS = (CONNECTIVES - {"or", "nor", "and", "than", "that", "whether", "if"}) | frozenset(
    {"despite", "amid", "following", "whereas"}
)


@lru_cache(maxsize=4_096)
def scopes(sentence: str) -> tuple[Scope, ...]:
    """The stretches of a sentence that are not said to be so, in the order of their cues.

    >>> def held(text):
    ...     return [(text[scope.start : scope.end], scope.kind.name) for scope in scopes(text)]
    >>> held("Sira Dembe came close to scoring twice, but Lugano won.")
    [('scoring twice', 'DENIED')]
    >>> held("It was wrongly reported that the bank had closed; it is open.")
    [('that the bank had closed', 'DENIED')]
    >>> held("A plan by the museum to sell three paintings drew protests.")
    [('sell three paintings', 'OPEN')]
    >>> held("The mayor kept his promise to cut fares.")
    []
    """
    said = items(sentence)
    groups = verb_groups(said)
    line, starts = _line(said)
    found: dict[tuple[int, int], Scope] = {}
    order = tuple(Factuality)
    for cue, first, last, kind in _cued(line, starts, said, groups):
        if first < last:
            scope = Scope(said[first].start, said[last - 1].end, kind, said[cue].low)
            at = (scope.start, scope.end)
            found[at] = min(scope, found.get(at, scope), key=lambda each: order.index(each.kind))
    return tuple(found.values())


def _line(said: Sequence[Item]) -> tuple[str, list[int]]:
    """The items in small letters with a blank behind each, a name as one word; and where each begins."""
    parts: list[str] = []
    starts: list[int] = []
    at = 0
    for item in said:
        starts.append(at)
        parts.append(_NAME if item.name else item.low)
        at += len(parts[-1]) + 1
    return " ".join([*parts, ""]), starts


def _cued(
    line: str, starts: Sequence[int], said: Sequence[Item], groups: Sequence[VerbGroup]
) -> Iterator[tuple[int, int, int, Factuality]]:
    """For each cue: its first item, where its scope begins and ends, and its kind."""
    at = {start: index for index, start in enumerate(starts)}
    for kind, pattern in _CUES:
        for match in _each(pattern, line):
            cue, first = at[match.start()], at.get(match.end(), len(said))
            if first >= len(said) or (kind is Factuality.DENIED and _is_denied(said, groups, cue)):
                continue
            if kind is not Factuality.DENIED and (
                _is_fulfilled(groups, cue) or _is_no_complement(said, groups, cue, first)
            ):
                continue
            last = _end(said, groups, first)
            false = kind is not Factuality.DENIED and _is_false(line, starts, last)
            yield cue, first, last, Factuality.DENIED if false else kind
    for match in _REPORTS.finditer(line):
        first = at[match.end()]
        last = _end(said, groups, first)
        if _is_false(line, starts, last):
            yield at[match.start()], first, last, Factuality.DENIED
    for match in _UNTIL.finditer(line):
        first = at.get(match.end(), len(said))
        last = _end(said, groups, first) if first < len(said) else first
        verb = next((g for g in groups if first <= g.first < last and g.kind == "finite"), None)
        if verb is not None and _is_present(verb):
            yield at[match.start()], first, last, Factuality.OPEN
    for match in _TO_COME.finditer(line):
        first = at[match.end()]
        if not said[first].name and not said[first].mark:
            yield at[match.start()], first, first + 1, Factuality.OPEN
    for match in _ALL_BUT.finditer(line):
        first = at[match.end()]
        if any(group.first <= first < group.last for group in groups):
            yield at[match.start()], first, first + 1, Factuality.DENIED
    for match in _NOMINAL.finditer(line):
        first = at[match.end()]
        yield at[match.start()], first, _phrase_end(said, groups, first), Factuality.NOMINAL


def _is_false(line: str, starts: Sequence[int], last: int) -> bool:
    """Whether what is claimed is said to be false behind it: "Reports that … were untrue"."""
    return last < len(starts) and bool(_TRAILING.match(line, starts[last]))


def _each(pattern: re.Pattern[str], line: str) -> Iterator[re.Match[str]]:
    """Every place where a pattern matches, those inside another match among them."""
    here = 0
    while match := pattern.search(line, here):
        yield match
        here = line.find(" ", match.start()) + 1


def _is_denied(said: Sequence[Item], groups: Sequence[VerbGroup], cue: int) -> bool:
    """Whether a cue is denied itself: "was not prevented from"."""
    if said[cue].low in BE:
        return False  # "is not true that"
    around = next((group for group in groups if group.first <= cue < group.last), None)
    if around is None and cue and said[cue].low in {"close", "short"}:
        around = next((group for group in groups if group.last == cue), None)
    return around is not None and around.negative and said[cue].low not in NEGATIONS


def _is_fulfilled(groups: Sequence[VerbGroup], cue: int) -> bool:
    """Whether a promise or a plan was kept: "kept his promise to"."""
    before = next((group for group in reversed(groups) if group.last <= cue), None)
    near = before is not None and cue - before.last <= 3
    return near and before is not None and before.verb in FULFILLING_VERBS and not before.negative


def _is_no_complement(said: Sequence[Item], groups: Sequence[VerbGroup], cue: int, first: int) -> bool:
    """Whether "to" opens no infinitive, or one of another verb: "offered tickets to the fans"."""
    if said[first - 1].low != "to" or first - 1 == cue:
        return False
    after = said[first]
    if after.name or after.mark or after.low in DETERMINERS or after.low[:1].isdigit():
        return True
    return any(cue < group.first < first - 1 and group.last > cue + 1 for group in groups)


def _is_present(verb: VerbGroup) -> bool:
    if verb.words & PRESENT_AUXILIARIES:
        return True
    return bool(verb.words & frozenset(inflect(verb.verb)[0]))


def _end(said: Sequence[Item], groups: Sequence[VerbGroup], first: int) -> int:
    """Where a cue's scope ends: at the next clause of its own."""
    if said[first].mark or said[first].low in {"and", "or"} | _ENDING_WORDS:
        return first
    finite = [g for g in groups if g.first >= first and g.kind == "finite"]
    infinitive = said[first - 1].low == "to" or may_be_base(said[first])
    gerund = said[first].low.endswith("ing")
    if not (infinitive or gerund) and any(group.first == first for group in finite):
        return first  # what follows is said of the cue itself
    clause = said[first].low == "that" or (
        not infinitive
        and bool(finite)
        and not gerund
        and said[finite[0].first - 1].low not in {"and", "or"}
        and said[first - 1].low not in {"of", "for", "with", "as", "over", "at", "about", "to", "than"}
        and not any(item.mark or item.low in _ENDING_WORDS for item in said[first : finite[0].first])
        and said[first - 1].low not in _NOUN_COMPLEMENTS
    )
    own = finite[0].last if clause and finite else first
    verbs = {group.first: group for group in finite if group.first >= own}
    for at in range(first, len(said)):
        low = said[at].low
        if low in _STOPS:
            return at
        if low == "," and at + 1 < len(said) and said[at].end == said[at + 1].start:
            continue  # "40,000"
        if at < own:
            continue
        if low == ",":
            after = at + 2 if at + 1 < len(said) and said[at + 1].low in {"and", "or"} else at + 1
            goes_on = after < len(said) and (
                (infinitive and may_be_base(said[after])) or (gerund and said[after].low.endswith("ing"))
            )
            if not goes_on:
                return at
        elif at > first and (low in _ENDING_WORDS or (low in RELATIVES and not clause)):
            return at
        elif at in verbs and at > first:
            joined = said[at - 1].low in {"and", "or", ","}
            if clause and (joined or said[at - 1].low in RELATIVES):
                continue
            if not (infinitive and joined and may_be_base(said[at])):
                return at - 1 if joined else at
    return len(said)


_NOUN_COMPLEMENTS = WISHING_NOUNS | UNSURE_NOUNS


def _phrase_end(said: Sequence[Item], groups: Sequence[VerbGroup], first: int) -> int:
    """Where the noun ends that an adjective stands before: at the next function word, verb or mark."""
    verbs = {group.first for group in groups}
    at = first
    while at < len(said) and not said[at].mark and said[at].low not in _PHRASE_ENDS and at not in verbs:
        at += 1
    return at


_PHRASE_ENDS = DETERMINERS | CONNECTIVES | RELATIVES | frozenset("in on at of by to for with from".split())
