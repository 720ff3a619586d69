"""Who does what to whom, and whether a sentence denies it, holds it possible, or gives it as somebody's word.

Rules over word order and word lists, for the English of news. A passive is turned round. What the rules
cannot tell is `None`: no clause is better than a wrong one.

One file, though it is long: who does it, and whether it is denied, is read off the same few words.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise

from rag.english.factuality import Factuality, Scope, scopes
from rag.english.lexicon import (
    ADVERBS,
    CLAIM_ADVERBS,
    CLAIMING_VERBS,
    CONNECTIVES,
    CONTRACTIONS,
    CONTROL_VERBS,
    DEGREE_NEGATIONS,
    DENYING_PARTICLES,
    DENYING_PHRASES,
    DENYING_VERBS,
    HEDGING_ADVERBS,
    HEDGING_VERBS,
    MODALS,
    NEGATIONS,
    NEGATIVE_PRONOUNS,
    NUMBER_WORDS,
    PREPOSITIONS,
    SCALES,
    SPEECH_VERBS,
    TO_COME,
    UNSURE_NOUNS,
    WISHING_NOUNS,
    WISHING_VERBS,
    alternation,
    forms,
)
from rag.english.normalise import content_stems, fold
from rag.english.phrases import Item, NounPhrase, VerbGroup, items, phrase_after, phrase_before, verb_groups
from rag.english.sentences import in_quotation

__all__ = [
    "Clause",
    "Denial",
    "clauses",
    "denials",
    "is_conditioned",
    "is_denied",
    "is_hedged",
    "is_reported",
    "joined_part",
    "with_plain_denials",
]

# Adjectives before "to" that plan, and those that deny.
_PLANNED = frozenset(
    "set due poised ready scheduled expected about likely keen eager prepared willing free bound".split()
)
# Verbs whose other side stands behind "to": "lost to Ajax".
_TO_WHOM = frozenset("lose surrender apologise apologize respond".split())
_MODAL_HEDGES = MODALS - {"can", "must", "shall", "will", "ought"}
_COUNTING = frozenset(NUMBER_WORDS) | frozenset(SCALES) | frozenset({"half", "all", "a", "$", "every"})
_CONDITIONS = frozenset({"if", "unless", "whether"})


@dataclass(frozen=True, slots=True)
class Clause:
    """One verb with who does it and to whom it is done, as the text writes their heads, at [start, end).

    `verb` is a lemma. `denied`: the text says that it is not so. `hedged`: that it may be, or is planned.
    `reported`: that somebody says so. `wanted`: that somebody asks for it or promises it, and not that it is
    done. `claimed`: that somebody claims or believes it. `embedded`: the scope of the words that it
    depends on, where those give it as no fact ("came close to winning"). `verb_end` is where the verb ends.
    """

    who: str | None
    verb: str
    whom: str | None
    start: int
    end: int
    denied: bool = False
    hedged: bool = False
    reported: bool = False
    passive: bool = False
    wanted: bool = False
    claimed: bool = False
    finite: bool = True
    embedded: Scope | None = None
    verb_end: int = 0


@dataclass(frozen=True, slots=True)
class Denial:
    """A word that denies, at [start, end), and the stem of the content word that it denies; "" if that is not
    near."""

    start: int
    end: int
    sign: str
    what: str


@dataclass(frozen=True, slots=True)
class _Parsed:
    """A clause with what its neighbours need of it."""

    group: VerbGroup
    subject: NounPhrase | None
    target: NounPhrase | None
    agent: NounPhrase | None
    clause: Clause
    parent: int | None
    relative: bool


@lru_cache(maxsize=2_048)
def clauses(sentence: str) -> tuple[Clause, ...]:
    """The clauses of a sentence in order.

    >>> said = clauses("Pakistan, which struck Iran, was hit by the Iranian army on Tuesday.")
    >>> [(c.who, c.verb, c.whom) for c in said]
    [('Pakistan', 'strike', 'Iran'), ('army', 'hit', 'Pakistan')]
    >>> said = clauses("The firm denied that it had bought Trefoil, which may sue Ona.")
    >>> [(c.verb, c.denied, c.hedged) for c in said]
    [('deny', False, False), ('buy', True, False), ('sue', False, True)]
    """
    parsed = _parse(sentence)
    found = [p.clause for p in parsed]
    said = items(sentence)
    for first, last in _conditional(said):  # what will be then may not be
        found = [
            replace(c, hedged=True) if first <= p.group.first < last and _is_to_come(p.group) else c
            for c, p in zip(found, parsed, strict=True)
        ]
    if parsed and _is_said_last(sentence, parsed[-1]):
        found = [*(replace(clause, claimed=True) for clause in found[:-1]), found[-1]]
    return tuple(found)


def _conditional(said: Sequence[Item]) -> list[tuple[int, int]]:
    """The stretches of items, between full stops, that hold a condition: a quotation may have several."""
    stops = [-1, *(at for at, item in enumerate(said) if item.low in {".", "!", "?"}), len(said)]
    stretches = [(before + 1, after) for before, after in pairwise(stops)]
    return [(a, b) for a, b in stretches if any(item.low in {"if", "unless"} for item in said[a:b])]


def _is_to_come(group: VerbGroup) -> bool:
    return bool(group.words & {"will", "shall", "won't"})


def _is_said_last(sentence: str, parsed: _Parsed) -> bool:
    """Whether a sentence ends in whoever claims it: "Kis took bribes, the prosecutor claimed"."""
    before = sentence[: parsed.clause.start].rstrip()
    return (
        parsed.group.verb in CLAIMING_VERBS
        and parsed.target is None
        and before.endswith((",", "”", '"', "–", "—"))
        and not sentence[parsed.clause.end :].strip(' .!?”"')
    )


def _parse(sentence: str) -> list[_Parsed]:
    said = items(sentence)
    groups = verb_groups(said)
    stops = frozenset(group.first for group in groups)
    within = in_quotation(sentence)
    held = scopes(sentence)
    found: list[_Parsed] = []
    for at, group in enumerate(groups):
        parent = _parent(said, groups, at, found)
        subject = _subject(said, groups, at, found, parent)
        after = groups[at + 1].first if at + 1 < len(groups) else len(said)
        target = None if group.passive else _target(said, group, stops)
        relative = _is_relative(said, group, subject)
        if relative and target is None and not group.passive and subject is not None:
            target = _antecedent(said, group, subject)
        agent = _agent(said, group, after, stops) if group.passive else None
        if subject is None and target is not None and _is_spoken_before(said, group):
            subject, target = target, None  # "“…,” said Kis"
        if target is None and group.inverted is not None and not group.passive:
            target = _asked_for(said, group)
        doer, done_to = (agent, subject) if group.passive else (subject, target)
        clause = Clause(
            _shown(said, doer),
            group.verb,
            _shown(said, done_to),
            said[
                min(group.first, subject.first if subject and subject.first < group.first else group.first)
            ].start,
            said[max(group.last, target.last if target else 0, agent.last if agent else 0) - 1].end,
            _is_denied_there(said, group, subject, target, found, parent),
            _is_hedged_there(said, groups, at, found, parent),
            within[said[group.first].start] or _is_told(found, parent),
            group.passive,
            _is_wanted(said, group, found, parent),
            _is_claimed(said, groups, at, found, parent),
            group.kind == "finite",
            _embedded(held, said[group.first].start, said[group.last - 1].end),
            said[group.last - 1].end,
        )
        found.append(_Parsed(group, subject, target, agent, clause, parent, relative))
    return found


def _embedded(held: Sequence[Scope], start: int, end: int) -> Scope | None:
    """The surest of the scopes that hold a verb at [start, end), but for that of its own "will"."""
    over = [
        scope
        for scope in held
        if scope.start < end
        and start < scope.end
        and scope.kind is not Factuality.NOMINAL
        and scope.cue not in TO_COME
    ]
    return min(over, key=lambda scope: tuple(Factuality).index(scope.kind), default=None)


def _shown(said: Sequence[Item], phrase: NounPhrase | None) -> str | None:
    return said[phrase.head].text if phrase is not None else None


def _parent(
    said: Sequence[Item], groups: Sequence[VerbGroup], at: int, found: Sequence[_Parsed]
) -> int | None:
    """The clause that a verb group depends on: "failed to land", "denied that it had paid", "denied
    striking"."""
    if at == 0:
        return None
    group, before = groups[at], groups[at - 1]
    between = said[before.last : group.first]
    if group.kind in ("to", "ing"):
        return at - 1 if not any(item.low in {";", "."} for item in between) else None
    lows = [item.low for item in between]
    if lows[-1:] in (["and"], ["but"]) and "that" not in lows:
        return None  # "refused to reopen on Monday and opened on Wednesday"
    if (_SUBORDINATE - {"before", "until"}) & set(lows) and "that" not in lows:
        return None  # "cancelled the order after prices doubled"
    if before.verb in SPEECH_VERBS | HEDGING_VERBS | DENYING_VERBS:
        if "that" in lows or not any(item.mark and item.low not in '“"' for item in between):
            return at - 1
        return None
    if lows and lows[0] in {"who", "which", "that"} and before.verb not in SPEECH_VERBS:
        return None
    # "said that Ana, who lives in Oslo, had left": the clause behind the relative one.
    grand = found[at - 1].parent
    relative = any(item.low in {"who", "which"} for item in said[max(0, before.first - 2) : before.first])
    return grand if relative and grand is not None else None


def _subject(
    said: Sequence[Item], groups: Sequence[VerbGroup], at: int, found: Sequence[_Parsed], parent: int | None
) -> NounPhrase | None:
    group = groups[at]
    if group.inverted is not None:
        return group.inverted
    if group.kind in ("to", "ing"):
        if not found:
            return None
        above = found[parent if parent is not None else at - 1]
        if group.kind == "to" and above.group.verb in CONTROL_VERBS:
            return above.subject if above.group.passive else above.target or above.subject
        return above.subject
    floor = groups[at - 1].last if at else 0
    here = group.first
    while here > 2 and said[here - 1].low == "and" and said[here - 2].low.endswith("ly"):
        here -= 2  # "quickly and quietly buried"
    prior = said[here - 1] if here else None
    if prior is None:
        return None
    if group.kind == "reduced" and prior.low == "and":
        return found[-1].subject if found else None
    if prior.low in {"who", "which", "that"} and here - 1 >= floor:
        before = here - 2 if here > 1 and said[here - 2].low == "," else here - 1
        reaching = phrase_before(said, before, _clause_floor(said, before, floor))
        if reaching is not None:
            return _nearest_part(said, reaching, before)
        return found[-1].target or found[-1].agent if found else None
    if at and not any(item.mark or item.low in {"and", "but", "that"} for item in said[floor:here]):
        above = found[-1]
        if above.group.kind == "reduced":
            return above.subject  # "a bridge built by Kestrel collapsed"
        if above.relative and above.group.verb not in SPEECH_VERBS | HEDGING_VERBS:
            # "those who had no tickets entered", "the convoy that rebels attacked reached"
            pronoun = said[above.group.first - 1].low in {"who", "which", "that"}
            return above.subject if pronoun else above.target
    if prior.low in {"and", "but", "or", "then", "nor"}:
        return _inherited(found)
    if group.kind == "reduced" and prior.low == ",":
        return phrase_before(said, here - 1, _clause_floor(said, here - 1, floor))
    if prior.low == ",":
        return _past_parenthesis(said, groups, at, found)
    if prior.mark:
        return None
    return phrase_before(said, here, _clause_floor(said, here, floor))


def _is_relative(said: Sequence[Item], group: VerbGroup, subject: NounPhrase | None) -> bool:
    """Whether a verb group stands in a relative clause: behind "who", or behind "that" and its subject."""
    if group.kind != "finite" or not group.first:
        return False
    if said[group.first - 1].low in {"who", "which"}:
        return True
    if said[group.first - 1].low == "that":
        return group.first > 1 and (said[group.first - 2].name or said[group.first - 2].low not in _SAYING)
    return subject is not None and _antecedent(said, group, subject) is not None


_SAYING = forms(SPEECH_VERBS | HEDGING_VERBS) | {"so", "now", "and", "or", "but"}


def _antecedent(said: Sequence[Item], group: VerbGroup, subject: NounPhrase) -> NounPhrase | None:
    """What a relative pronoun before a clause's subject stands for: "the convoy that rebels attacked"."""
    at = subject.first - 1
    if subject.last > group.first or at < 1 or said[at].low not in {"that", "which", "whom"}:
        return None
    end = at - 1 if said[at - 1].low == "," else at
    if said[end - 1].low in _SAYING or (said[at].low == "that" and end != at):
        return None
    return phrase_before(said, end)


def _is_spoken_before(said: Sequence[Item], group: VerbGroup) -> bool:
    marks = {",", "”", '"', "»", "?", "!"}
    return group.verb in SPEECH_VERBS and group.first > 0 and said[group.first - 1].low in marks


def _asked_for(said: Sequence[Item], group: VerbGroup) -> NounPhrase | None:
    """What a question asks for, before its auxiliary: "which firm did"."""
    for at in range(group.first - 1, max(-1, group.first - 5), -1):
        if said[at].low in {"which", "what"} and at + 1 < group.first:
            return phrase_after(said[: group.first], at + 1)
        if said[at].low in {"what", "whom", "who", "which"}:
            return NounPhrase(at, at + 1, at)
    return None


def _nearest_part(said: Sequence[Item], phrase: NounPhrase, end: int) -> NounPhrase:
    """Of "the head of Trefoil, which", Trefoil: what stands right before the pronoun."""
    last = phrase_before(said, end, max(phrase.first, end - 1))
    return last if last is not None and said[last.head].name else phrase


def _clause_floor(said: Sequence[Item], at: int, floor: int) -> int:
    """Where the clause around a place begins, at the latest mark or joining word before it."""
    for index in range(at - 1, floor - 1, -1):
        low = said[index].low
        if said[index].mark or low in {
            "that",
            "because",
            "while",
            "when",
            "although",
            "though",
            "if",
            "whether",
            "but",
        }:
            return index + 1
        if (
            low in {"after", "before", "as", "since", "until", "and"}
            and any(said[earlier].low not in {"a", "the"} for earlier in range(floor, index))
            and floor > 0
        ):
            return index + 1
    return floor


def _inherited(found: Sequence[_Parsed]) -> NounPhrase | None:
    """The subject of a verb behind "and": that of the verb before it, past relative clauses."""
    return next((p.subject for p in reversed(found) if p.group.kind == "finite"), None)


def _past_parenthesis(
    said: Sequence[Item], groups: Sequence[VerbGroup], at: int, found: Sequence[_Parsed]
) -> NounPhrase | None:
    """The subject of a verb behind a comma: the phrase before the inset that the comma closes."""
    closing = groups[at].first - 1
    for opening in range(closing - 1, 0, -1):
        if said[opening].low not in {",", "–", "—", "("}:
            continue
        inset = said[opening + 1 : closing]
        if not inset:
            continue
        floor = next((group.last for group in reversed(groups[:at]) if group.last <= opening), 0)
        before = phrase_before(said, opening, _clause_floor(said, opening, floor))
        if before is None:
            continue
        named = [opening + 1 + i for i, item in enumerate(inset) if item.name]
        if not said[before.head].name and len(inset) == 1 and named:
            return NounPhrase(before.first, closing, named[0])
        return before
    return _inherited(found)


def _target(said: Sequence[Item], group: VerbGroup, stops: frozenset[int]) -> NounPhrase | None:
    if group.verb == "be":
        return None
    here = group.last
    while (
        here < len(said)
        and not said[here].name
        and here not in stops
        and said[here].low in ADVERBS | _PARTICLES
    ):
        if said[here].low in _PARTICLES and not (here + 1 < len(said) and _opens_phrase(said[here + 1])):
            return None
        here += 1
    if group.verb in _TO_WHOM and here + 1 < len(said) and said[here].low == "to" and here not in stops:
        return phrase_after(said, here + 1, stops)
    if (
        here >= len(said)
        or here in stops
        or (said[here].low in PREPOSITIONS | {"that", "to"} and said[here].low != "at")
    ):
        return None
    phrase = phrase_after(said, here, stops)
    # "said he would go", "said Iran struck": a clause follows, and no object.
    if (
        phrase is not None
        and group.verb in SPEECH_VERBS
        and phrase.last in stops
        and said[phrase.last].low != "to"
    ):
        return None
    return phrase


_PARTICLES = frozenset("up out off over down away back".split())


def _opens_phrase(item: Item) -> bool:
    return not item.mark and item.low not in PREPOSITIONS


def _agent(said: Sequence[Item], group: VerbGroup, after: int, stops: frozenset[int]) -> NounPhrase | None:
    for at in range(group.last, min(after, group.last + 12, len(said))):
        if said[at].low in {";", ".", ","} and at > group.last:
            return None
        if said[at].low == "by" and at + 1 < len(said):
            return phrase_after(said, at + 1, stops)
    return None


# --- denied, hedged, reported --------------------------------------------------------------------------


def _is_denied_there(
    said: Sequence[Item],
    group: VerbGroup,
    subject: NounPhrase | None,
    target: NounPhrase | None,
    found: Sequence[_Parsed],
    parent: int | None,
) -> bool:
    denied = group.negative
    for phrase in (subject, target):
        if phrase is None or (phrase is subject and group.kind in ("to", "ing")):
            continue
        run = [item.low for item in said[phrase.first : phrase.last]]
        than = any(low in {"fewer", "less", "more"} for low in run[:2])
        if phrase is subject and {"neither", "nor"} & {item.low for item in said[: phrase.last]}:
            denied = True
        denied ^= bool(NEGATIVE_PRONOUNS & set(run[:2])) and not than
    if group.first and said[group.first - 1].low == "without":
        denied = True
    if parent is not None:
        above = found[parent]
        between = [item.low for item in said[above.group.last : group.first]]
        particle = DENYING_PARTICLES.get(above.group.verb)
        denies = (
            above.group.verb in DENYING_VERBS
            or bool(DENYING_PHRASES & set(between))
            or (particle is not None and between[:1] == [particle])
        )
        carried = above.clause.denied if group.kind in ("to", "ing") and not denies else False
        by_verb = denies and not above.clause.denied
        by_preposition = (
            group.kind == "ing"
            and group.first
            and said[group.first - 1].low in {"after", "before", "while", "since", "when"}
        )
        if (carried or by_verb) and not by_preposition:
            denied = not denied
    return denied


def _is_hedged_there(
    said: Sequence[Item], groups: Sequence[VerbGroup], at: int, found: Sequence[_Parsed], parent: int | None
) -> bool:
    group = groups[at]
    if group.words & (_MODAL_HEDGES | HEDGING_ADVERBS | {"couldn't", "wouldn't", "shouldn't", "mightn't"}):
        return True
    floor = groups[at - 1].last if at else 0
    start = group.first
    while start > floor and not (said[start - 1].mark and said[start - 2].low not in HEDGING_ADVERBS):
        start -= 1
    before = said[start : group.first]
    if any(item.low in _CONDITIONS for item in before) or _hedging(said, start, group.first):
        return True
    if parent is not None:
        above = found[parent]
        planned = group.first > above.group.last and said[group.first - 1].low in _PLANNED
        planning = above.group.verb in HEDGING_VERBS or above.group.words & _PLANNED
        if group.kind == "to" and (planned or planning or above.clause.hedged):
            return True
        return group.kind != "ing" and bool(planning)
    return False


def _hedging(said: Sequence[Item], first: int, last: int) -> bool:
    """Whether an adverb among some items hedges; "nearly 200 people" is about their number."""
    return any(
        said[at].low in HEDGING_ADVERBS
        and not (at + 1 < len(said) and (said[at + 1].low in _COUNTING or said[at + 1].low[:1].isdigit()))
        for at in range(first, last)
    )


def _is_wanted(said: Sequence[Item], group: VerbGroup, found: Sequence[_Parsed], parent: int | None) -> bool:
    """Whether a verb says what somebody is asked, or promises, to do."""
    if group.kind not in ("to", "ing") or parent is None:
        return False
    above = found[parent]
    if group.kind == "to" and said[group.first - 1].low in WISHING_NOUNS:
        return True
    if any(item.low in PREPOSITIONS for item in said[group.first - 1 : group.first]):
        return False  # "decided after hearing"
    if above.group.verb in WISHING_VERBS | HEDGING_VERBS:
        return True
    goes_on = above.group.last == group.first or said[group.first].low == "not"  # "to go, not stay"
    return above.clause.wanted and goes_on


_CLAIM_NOUNS = UNSURE_NOUNS | {"claim", "claims", "belief", "fear", "fears", "accusation", "accusations"}


def _is_claimed(
    said: Sequence[Item], groups: Sequence[VerbGroup], at: int, found: Sequence[_Parsed], parent: int | None
) -> bool:
    """Whether a verb says what somebody claims or believes."""
    group = groups[at]
    floor = groups[at - 1].last if at else 0
    lows = [item.low for item in said[floor : group.first]]
    if any(low in _CLAIM_NOUNS and after in {"that", "of"} for low, after in pairwise(lows)):
        return True
    if parent is None:
        return False
    above = found[parent]
    if group.kind == "ing" and not (lows and lows[-1] in {"of", "with"}):
        return False
    return above.group.verb in CLAIMING_VERBS or (above.clause.claimed and group.kind != "ing")


def _is_told(found: Sequence[_Parsed], parent: int | None) -> bool:
    return parent is not None and (found[parent].group.verb in SPEECH_VERBS or found[parent].clause.reported)


# "According to Ana Ruiz", and not "according to age".
_VIEW = re.compile(
    r"\baccording to (?=(?:the|an?|his|her|its|their|our)\b|(?-i:[^\W\d_a-z])|\w+s\b)"
    r"|\bin the (?:words|view|opinion) of\b",
    re.IGNORECASE,
)
_NOT_ONLY = re.compile(
    r"\bnot (?:only|just|merely|least)\b|\bno (?:fewer|less|more|later) than\b|\bno doubt\b"
    r"|\bno\.? ?\d|\bnothing but\b"
    r"|\bnot (?:fewer|less) than\b|\bwhether or not\b",
    re.IGNORECASE,
)
_SIGNS = NEGATIONS | CONTRACTIONS
_FAILING = forms(DENYING_VERBS) | DENYING_PHRASES
_BESIDE = frozenset(
    "yet still longer going go formally ever immediately currently any to be been that the a an".split()
)
_NEAR = 5  # words within which what is denied follows
_WORD = re.compile(r"[^\W\d_]+(?:['’]t)?")


@lru_cache(maxsize=1_024)
def denials(text: str) -> tuple[Denial, ...]:
    """What each word that denies denies: the next content word, if one comes soon. "Not only" denies nothing.

    >>> [(d.sign, d.what) for d in denials("He did not resign, and the firm denied paying anybody.")]
    [('not', 'resign'), ('denied', 'pay')]
    >>> denials("Not only did it rain, no fewer than nine died.")
    ()
    """
    affirmed = [match.span() for match in _NOT_ONLY.finditer(text)]
    said = [match for match in _WORD.finditer(text) if not any(a <= match.start() < b for a, b in affirmed)]
    lows = [fold(match.group())[0] for match in said]
    found: list[Denial] = []
    for at, low in enumerate(lows):
        if low in _SIGNS or low in _FAILING or low in DEGREE_NEGATIONS:
            near = (word for word in lows[at + 1 : at + 1 + _NEAR] if word not in _BESIDE | _SIGNS)
            what = next((stems[0] for word in near if (stems := content_stems(word))), "")
            found.append(Denial(*said[at].span(), low, what))
    return tuple(found)


_MODAL = rf"(?P<modal>{alternation(MODALS)})"
_PLAIN_DENIALS = [
    (re.compile(pattern, re.IGNORECASE), plain)
    for pattern, plain in (
        (rf"\b{_MODAL} (?:be unable|not be able) to\b", r"\g<modal> not"),
        (r"\b(?:is|are|am) (?:unable|not able) to\b|\b(?:is|are)n['’]t able to\b", "cannot"),
        (
            r"\b(?:was|were) (?:unable|not able) to\b|\b(?:was|were)n['’]t able to\b"
            r"|\bha(?:s|ve|d) (?:been unable|not been able) to\b|\bha(?:s|ve|d)n['’]t been able to\b",
            "could not",
        ),
        (r"\b(?<!have )(?<!has )(?<!had )(?:failed to|did(?: not|n['’]t) manage to)\b", "did not"),
        (r"\b(?:fails to|does(?: not|n['’]t) manage to)\b", "does not"),
        (r"\b(?P<be>is|are|was|were) unlikely to\b", r"\g<be> not likely to"),
        (r"\b(?:chose|opted|elected) not to\b", "declined to"),
    )
]


@lru_cache(maxsize=4_096)
def with_plain_denials(text: str) -> str:
    """The text with each denial that can be told in several ways told in one, so that two texts can be
    compared.

    >>> with_plain_denials("Kis was unable to play, failed to call and chose not to be named.")
    'Kis could not play, did not call and declined to be named.'
    >>> with_plain_denials("It will not be able to sail and is unlikely to return.")
    'It will not sail and is not likely to return.'
    """
    for pattern, plain in _PLAIN_DENIALS:
        text = pattern.sub(plain, text)
    return text


_JOINS = re.compile(rf";|[,–—]\s*(?:{alternation(CONNECTIVES - {'as', 'than', 'that'})})\b", re.IGNORECASE)


def joined_part(sentence: str, start: int, end: int) -> str:
    """The part of a sentence that holds [start, end), of those that marks with "and", "but" or "while" join.

    >>> text = "Nobody was sure; it fell at dawn, but did not burn."
    >>> joined_part(text, text.index("fell"), text.index("at"))
    ' it fell at dawn'
    """
    first = max((match.end() for match in _JOINS.finditer(sentence, 0, start)), default=0)
    after = _JOINS.search(sentence, end)
    return sentence[first : after.start() if after else len(sentence)]


_CONDITION = re.compile(
    r"(?<!\beven )(?<!\bas )(?<!\bwhat )(?<!\bonly )"
    r"\b(?:if|unless|provided(?: that)?|providing(?: that)?|(?:as|so) long as"
    r"|on (?:the )?condition (?:that|of)|assuming(?: that)?|only if)\b(?! (?:not|anything|so)\b)",
    re.IGNORECASE,
)


_SIDE_BY_SIDE = re.compile(r";|[,–—]\s*(?:and|but|while|yet|so)\b", re.IGNORECASE)


def is_conditioned(sentence: str, start: int, end: int) -> bool:
    """Whether what stands at [start, end) of a sentence is said under a condition that stands outside of it.

    >>> text = "Unless demand falls, prices rise in May; the council pays if it must."
    >>> [is_conditioned(text, text.index(said), text.index(said) + len(said))
    ...  for said in ("prices rise in May", "the council pays", "the council pays if it must")]
    [True, True, False]
    """
    first = max((match.end() for match in _SIDE_BY_SIDE.finditer(sentence, 0, start)), default=0)
    joined = _SIDE_BY_SIDE.search(sentence, end)
    last = joined.start() if joined else len(sentence)
    before, after = sentence[first:start], sentence[end:last]
    return bool(_CONDITION.match(before.lstrip()) or _CONDITION.search(after))


def is_denied(text: str) -> bool:
    """Whether the main statement of a sentence is denied.

    >>> [is_denied(text) for text in ("Nobody was hurt.", "The firm denied that it had paid.")]
    [True, True]
    >>> [is_denied(text) for text in ("No fewer than nine died.", "Not only did it rain, it hailed.")]
    [False, False]
    """
    main = _main(text)
    if main is None:
        return bool(denials(text))
    parsed = main
    clause = parsed.clause
    denies = clause.verb in DENYING_VERBS or _rules_out(text, parsed.group)
    own = clause.denied or denies or _denies_itself(text, parsed)
    both = clause.denied and denies
    return own and not both


def _rules_out(text: str, group: VerbGroup) -> bool:
    """Whether a verb denies together with the word behind it: "ruled out"."""
    said = items(text)
    return group.last < len(said) and DENYING_PARTICLES.get(group.verb) == said[group.last].low


def _denies_itself(text: str, parsed: _Parsed) -> bool:
    """Whether the words right behind a copula deny: "is unlikely", "was unable to", "are false"."""
    if parsed.group.verb not in {
        "be",
        "prove",
        "seem",
        "appear",
        "remain",
        "have",
        "see",
        "find",
        "give",
        "show",
    }:
        return False
    said = items(text)
    near = [item.low for item in said[parsed.group.last : parsed.group.last + 4]]
    return bool((DENYING_PHRASES | NEGATIVE_PRONOUNS) & set(near)) and not _NOT_ONLY.search(text)


def _main(text: str) -> _Parsed | None:
    """The clause that makes the main statement: what is said, where the sentence says that somebody says
    it."""
    parsed = _parse(text)
    finite = [p for p in parsed if p.group.kind == "finite" and not _is_subordinate(text, p)]
    if not finite:
        return None
    first = finite[0]
    if first.group.verb not in SPEECH_VERBS - DENYING_VERBS or first.clause.denied:
        return first
    told = [
        p for p in parsed if p.parent is not None and parsed[p.parent] is first and p.group.kind == "finite"
    ]
    return next((p for p in (*told, *finite[1:]) if p.clause.start > first.clause.start), first)


_SUBORDINATE = frozenset(
    "although though while because if when after before as since until unless whereas whose where".split()
)


def _is_subordinate(text: str, parsed: _Parsed) -> bool:
    """Whether a clause stands in another one's place or circumstances: behind "who", "although",
    "because"."""
    before = fold(text[: parsed.clause.start])[0].split()[-1:]
    return parsed.relative or bool(before and before[0] in _SUBORDINATE)


def is_hedged(text: str) -> bool:
    """Whether a sentence gives its main statement as possible, planned or rumoured, and not as a fact.

    >>> texts = "Ajax may sell Kis.", "The firm plans to buy Trefoil.", "Ajax sold Kis."
    >>> [is_hedged(text) for text in texts]
    [True, True, False]
    """
    said = items(text)
    lows = {item.low for item in said}
    if lows & (UNSURE_NOUNS | {"alleged", "suspected", "unconfirmed"}) or _hedging(said, 0, len(said)):
        return True
    parsed = [p.clause for p in _parse(text)]
    return any(clause.hedged or clause.verb in HEDGING_VERBS for clause in parsed)


def is_reported(text: str) -> bool:
    """Whether a sentence gives its main statement as somebody's word.

    >>> texts = "“We won,” said Kis.", "According to Ana Ruiz, it fell.", "It fell."
    >>> [is_reported(text) for text in texts]
    [True, True, False]
    """
    if set(fold(text)[0].split()) & CLAIM_ADVERBS or _VIEW.search(text):
        return True
    spoken = any(
        p.group.verb in SPEECH_VERBS and p.group.kind == "finite" and not p.relative for p in _parse(text)
    )
    return spoken or bool(_said().search(text))


@lru_cache(maxsize=1)  # of 200 verbs, which take long to compile
def _said() -> re.Pattern[str]:
    return re.compile(rf"[”\"’,]\s(?:{alternation(forms(SPEECH_VERBS))})\b", re.IGNORECASE)
