"""Ways to turn what a sentence says: its order in time, its cause, its denial, who does it, how sure it is.

Each takes the sentence, the whole text that it stands in and the source of random choices, and returns the
changed sentence, or `None` where the way does not apply.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise
from random import Random

from rag.english.lexicon import (
    AUXILIARIES,
    CALENDAR,
    DO,
    GROUP_NOUNS,
    HAVE,
    MUTUAL_VERBS,
    NEGATIONS,
    OFFICES,
    OPPOSITES,
    ORGANISATION_HEADS,
    PERSONAL,
    PERSONS,
    POSSESSIVES,
    SPEECH_VERBS,
    TELLING_VERBS,
    TIME_WORDS,
    WISHING_VERBS,
    alternation,
    forms,
    verb_forms,
)
from rag.english.phrases import NounPhrase, VerbGroup, phrase_after
from rag.training.wording import (
    Parsed,
    capitalised,
    conjugated,
    is_plural,
    not_behind,
    parsed,
    persons,
    role_of,
    spliced,
    told,
    uncapitalised,
)

__all__ = [
    "attempt", "attitude", "cause", "comparison", "condition", "hedge", "joined", "negation", "order", "role",
    "scope",
]  # fmt: skip

Edit = tuple[int, int, str]  # what stands at [start, end) is replaced


def _one(sentence: str, edits: list[Edit], rng: Random) -> str | None:
    """The sentence with one of the edits, if there are any."""
    return spliced(sentence, *rng.choice(edits)) if edits else None


def _swaps(sentence: str, pairs: dict[str, str], around: tuple[str, str] = ("", "")) -> list[Edit]:
    """An edit for each place where a word or phrase of the pairs stands, as a whole word."""
    found = re.finditer(rf"{around[0]}\b({alternation(pairs)})\b{around[1]}", sentence, re.IGNORECASE)
    return [(*m.span(1), pairs[m[1].lower()]) for m in found]


def _both(pairs: str) -> dict[str, str]:
    """Pairs of phrases as a mapping in both directions: "before/after|first/last"."""
    split = [
        (pair.strip().partition("/")[0], pair.strip().partition("/")[2])
        for pair in " ".join(pairs.split()).split("|")
    ]
    return dict(split) | {b: a for a, b in reversed(split)}


# --- order in time ---------------------------------------------------------------------------------------

_BEFORE_AFTER = _both("before/after|prior to/following")
_NO_TIME = not_behind("look looked looking named sought day year time soon never ever been seen than")
_THINGS_HEARD = r"(?!\s(?:all\b|effects?|(?:the|a)\s(?:court|judge|committee|jury|panel|house|senate)))"
_ENDS = _both("the first/the last|the previous/the next|the former/the latter|earlier than/later than")
_STARTS = {
    "begin": "end",
    "start": "end",
    "end": "begin",
    "open": "close",
    "close": "open",
    "precede": "follow",
}


def order(sentence: str, _text: str, rng: Random) -> str | None:
    """What was before put after, and the other way round; a beginning made an end."""
    p = parsed(sentence)
    edits = [
        e
        for e in _swaps(sentence, _BEFORE_AFTER, (_NO_TIME, _THINGS_HEARD))
        if not (
            e[2] == "prior to"
            and re.search(
                r"(?:\b(?:the|or|and|by|for|of|from|are|is|was|were|been)|\A)\s?\Z", sentence[: e[0]]
            )
        )
    ]
    edits += _swaps(
        sentence,
        _ENDS,
        (
            "",
            r"(?!\s(?:lady|minister|amendment|aid|half|quarter|name|few|several|couple|year|decade|week|month|\d+"
            r"|two|three|four|five|six|ten|[A-Z]\w*)\b|-)",
        ),
    )
    edits += [
        (m.start(1), m.end(1), "until" if m[1].lower() == "since" else "since")
        for m in re.finditer(
            rf"\b(since|until)\b(?=\s(?:(?:last|early|late|mid)\b|\d{{4}}\b|(?:{alternation(CALENDAR)})\b))",
            sentence,
            re.IGNORECASE,
        )
    ]
    edits += [
        e
        for e in _verb_edits(p, _STARTS)
        if not re.match(r"\s(?:up|in|with|to|\w+ing|out|off)\b", sentence[e[1] :])
    ]
    return _one(sentence, edits, rng)


def _verb_edits(p: Parsed, verbs: dict[str, str]) -> list[Edit]:
    """An edit for each verb that has another in `verbs`, in the same form."""
    return [
        (p.verb(g).start, p.verb(g).end, conjugated(verbs[g.verb], role_of(p, g)))
        for g in p.groups
        if g.verb in verbs
    ]


# --- cause -----------------------------------------------------------------------------------------------

_CAUSES = {
    "because of": "despite", "as a result of": "despite", "due to": "despite", "thanks to": "despite",
    "owing to": "despite", "in spite of": "because of", "despite": "because of",
    "because": "although", "even though": "because", "although": "because",
    "was caused by": "led to", "were caused by": "led to", "led to": "was the result of",
    "resulted in": "resulted from", "stemmed from": "led to",
}  # fmt: skip


def cause(sentence: str, _text: str, rng: Random) -> str | None:
    """A cause denied, a cause and its effect exchanged, or one invented for two things told side by side."""
    p = parsed(sentence)
    edits = [
        e
        for e in _swaps(sentence, _CAUSES, (r"(?<!not )(?<!just )(?<!only )", ""))
        if p.free(e[0], e[1])
        and not (e[2] == "despite" and re.match(r"\s(?:the fact|her|him|them)\b", sentence[e[1] :]))
    ]
    if edits:
        return _one(sentence, edits, rng)
    return _invented(p)


def _invented(p: Parsed) -> str | None:
    """ "A after B" told as "B because A", and "A, and B" as "A because B", of whole clauses."""
    for match in re.finditer(r",?\s(after|and)\s", p.text):
        first, second = p.text[: match.start()], p.text[match.end() :].rstrip(".")
        groups = [g for g in p.groups if g.kind == "finite"]
        before = [g for g in groups if p.start(g) < match.start()]
        after = [g for g in groups if p.start(g) >= match.end()]
        if len(before) != 1 or len(after) != 1 or not p.free(0, len(p.text)) or "," in first + second:
            continue
        subject = p.subject(after[0])
        if subject is None or p.said[subject.first].start != match.end() or before[0].verb in SPEECH_VERBS:
            continue
        if match[1] == "after":
            if p.said[subject.head].low in PERSONAL:
                continue
            return f"{capitalised(second)} because {uncapitalised(first)}."
        return f"{first} because {second}."
    return None


# --- denial ----------------------------------------------------------------------------------------------

_DENIED = _both(
    """likely/unlikely|able to/unable to|willing to/unwilling to|possible/impossible|legal/illegal"""
)


def negation(sentence: str, _text: str, rng: Random) -> str | None:
    """A denial taken out where there is one, put in where there is none."""
    p = parsed(sentence)
    finite = [g for g in p.groups if g.kind == "finite" and g.inverted is None]
    if out := [e for g in finite for e in _affirmed(p, g)]:
        return _one(sentence, out, rng)
    edits = [e for e in _swaps(sentence, _DENIED) if not re.search(r"\b(?:un|not )\Z", sentence[: e[0]])]
    if any(item.low in NEGATIONS or item.low.endswith("n't") for item in p.said):
        return _one(sentence, edits, rng)
    edits += [e for g in finite if p.free(p.start(g), p.verb(g).end) for e in _put_in(p, g)]
    return _one(sentence, edits, rng)


def _affirmed(p: Parsed, group: VerbGroup) -> Iterator[Edit]:
    """The group without its "not" or "never": "did not win" is "won", "isn't" is "is"."""
    run = p.said[group.first : group.last]
    if not group.negative or {"only", "just", "merely", "even"} & group.words:
        return
    last = run[-1]
    plain = next((item for item in run if item.low in {"not", "never"}), None)
    contracted = next((item for item in run if item.low.endswith("n't")), None)
    auxiliary = next(
        (item.low.removesuffix("n't") for item in run if item.low.removesuffix("n't") in DO), None
    )
    if auxiliary and (plain or contracted) and last.low == group.verb and last.low not in DO:
        role = {"do": "base", "does": "third", "did": "past"}[auxiliary]
        yield run[0].start, last.end, conjugated(group.verb, role)
    elif contracted:
        whole = {"can't": "can", "won't": "will", "shan't": "shall"}.get(contracted.low)
        yield contracted.start, contracted.end, whole or contracted.low.removesuffix("n't")
    elif plain is not None:
        end = plain.end + 1 if plain is not last else plain.end
        start = plain.start if plain is not last else plain.start - 1
        if p.text.startswith("yet ", end):
            yield start, end + len("yet "), "already "
        else:
            yield start, end, ""
    elif run[0].low == "cannot":
        yield run[0].start, run[0].end, "can"


def _put_in(p: Parsed, group: VerbGroup) -> Iterator[Edit]:
    """The group with "not": "won" is "did not win". Not where "may" leaves it open anyway."""
    first, verb = p.said[group.first], p.verb(group)
    if group.words & {"may", "might", "could", "would", "should", "ought", "also", "even", "only"}:
        return
    if first.low in AUXILIARIES and (first.low not in HAVE | DO or group.last - group.first > 1):
        yield first.end, first.end, "not" if first.low == "can" else " not"
    elif group.last - group.first == 1 and group.verb not in SPEECH_VERBS | {"do"}:
        did = {"past": "did", "third": "does"}.get(role_of(p, group))
        subject = p.subject(group)
        if (
            did == "does"
            and group.verb != "have"
            and (subject is None or not (p.said[subject.head].name or subject.last - subject.first == 1))
        ):
            return  # "at 50 pounds a day", "their given names"
        if did and not re.search(r"(?:\b(?:and|or|but|then)|,)\s\Z", p.text[: verb.start]):
            yield verb.start, verb.end, f"{did} not {group.verb}"


# --- hedges ----------------------------------------------------------------------------------------------

_HEDGED_TO = re.compile(
    r"\b(?P<be>is|are|was|were)\s(?:now\s|still\s|widely\s|also\s)?"
    r"(?P<how>expected|likely|set|due|scheduled|planning|"
    r"hoping|aiming|alleged|believed|thought|rumoured|rumored|reported|said|suspected|poised|projected|considering)"
    r"(?P<to>\sto\s(?:have\s)?|\s)(?P<verb>[a-z]+)\b"
)
_PLANS_TO = re.compile(
    r"\b(?:plans?|hopes?|aims?|intends?|wants?|expects?|seeks?"
    r"|planned|hoped|aimed|intended|wanted|expected|appears?|seems?)"
    r"\sto\s(?P<have>have\s)?(?P<verb>[a-z]+)\b"
)
_LATER = re.compile(
    r"\b(?:next|tomorrow|later|this|upcoming|soon|by 20\d\d|in 20\d\d|if|unless|whether|until)\b",
    re.IGNORECASE,
)
_UNSURE = re.compile(
    r"(?<!\bnot )(?<!\bto )\b(?P<word>allegedly|reportedly|possibly|probably|perhaps|apparently|"
    r"purportedly|supposedly|"
    r"potentially|alleged|suspected|purported|would-be|attempted)\s(?!if\b)"
)


def hedge(sentence: str, _text: str, rng: Random) -> str | None:
    """What may be, is planned or alleged told as a fact: "may cut" and "plans to cut" as "cut"."""
    p = parsed(sentence)
    if "not" in {item.low for item in p.said}:
        return None
    edits = [(m.start("word"), m.end(), "") for m in _UNSURE.finditer(sentence)]
    edits += [e for g in p.groups if g.kind == "finite" and not g.negative for e in _done(p, g)]
    for match in _PLANS_TO.finditer(sentence):
        verb = _past_of(match["verb"], bool(match["have"]))
        if verb and _opens_finite(p, match.start()) and not _LATER.search(sentence):
            edits.append((*match.span(), verb))
    for match in _HEDGED_TO.finditer(sentence):
        if not match["to"].strip() or _LATER.search(sentence):
            continue
        if match["verb"] == "be":
            edits.append((*match.span(), match["be"]))
        elif verb := _past_of(match["verb"], "have" in match["to"]):
            edits.append((*match.span(), verb))
    return _one(sentence, [e for e in edits if p.free(e[0], e[1]) and not (e[2] and _goes_on(p, e[1]))], rng)


def _goes_on(p: Parsed, end: int) -> bool:
    """Whether another verb hangs on the same auxiliary: "will stay at home and work"."""
    return any(
        one.low in {"and", "or", "but"} and other.start > end and verb_forms().get(other.low) == other.low
        for one, other in pairwise(p.said)
    )


def _opens_finite(p: Parsed, start: int) -> bool:
    return any(g.kind == "finite" and p.start(g) == start for g in p.groups)


def _past_of(verb: str, perfect: bool) -> str | None:
    """The past of a verb behind "to", or of the participle behind "to have"; `None` for "be", "have"."""
    if verb in {"be", "have", "been", "not", "do", "a", "the"} or verb.endswith("ly"):
        return None
    if perfect:
        lemma_of = parsed(f"It has {verb} it.").groups
        verb = lemma_of[0].verb if lemma_of else verb
    return conjugated(verb, "past")


def _done(p: Parsed, group: VerbGroup) -> Iterator[Edit]:
    """ "May cut", "would cut" and "will cut" as "cut", "may be" as "is" or "are"."""
    first, last = p.said[group.first], p.verb(group)
    if first.low not in {"may", "might", "could", "would", "will"} or _LATER.search(p.text):
        return
    rest = [item.low for item in p.said[group.first + 1 : group.last]]
    subject = p.subject(group)
    if not rest or subject is None or rest[0] in {"well", "also"} or len(rest) > 3:
        return
    plural = is_plural(p, subject)
    if rest == ["be"] or (rest[0] == "be" and len(rest) == 2 and first.low in {"may", "might", "could"}):
        if plural is not None:
            tail = p.text[p.said[group.first + 1].end : last.end]
            yield first.start, last.end, ("are" if plural else "is") + tail
    elif (rest[0] == "have" and len(rest) == 2 and last.low != "been") or (
        len(rest) == 1 and group.verb not in {"be", "have"} and rest[0] == group.verb
    ):
        yield first.start, last.end, conjugated(group.verb, "past")


_MOVES = {
    "rise": "fall", "fall": "rise", "increase": "decrease", "decrease": "increase", "grow": "shrink",
    "climb": "fall", "jump": "plunge", "drop": "rise", "decline": "rise", "gain": "lose", "win": "lose",
    "lose": "win", "raise": "lower", "lower": "raise", "reduce": "increase", "surge": "plunge",
    "plunge": "surge", "soar": "plummet", "tumble": "soar", "strengthen": "weaken", "weaken": "strengthen",
    "expand": "shrink", "improve": "worsen", "worsen": "improve", "slow": "accelerate",
    "accelerate": "slow", "beat": "lose to", "double": "halve",
}  # fmt: skip

# --- attitudes -------------------------------------------------------------------------------------------

# Verbs whose other senses have other contraries: "leave a message", "release an album", "save money".
_MANY_SENSES = frozenset(
    "allow leave save keep advance retreat release free kill pass fail succeed die stop reduce cut".split()
)
# Of the lexicon's opposites those that take sides; the others move, begin and end.
_ATTITUDES: dict[str, tuple[str, ...]] = {
    verb: tuple(sorted(others))
    for verb, others in OPPOSITES.items()
    if verb not in _MOVES | _STARTS and verb not in _MANY_SENSES
} | {
    "welcome": ("condemn",), "endorse": ("reject",), "denounce": ("praise",), "applaud": ("condemn",),
    "hail": ("condemn",), "allow": ("forbid",), "dispute": ("confirm",), "refute": ("confirm",),
    "acknowledge": ("deny",),
}  # fmt: skip
_TURNS = {
    "accused of": "convicted of", "charged with": "convicted of", "suspected of": "convicted of",
    "cleared of": "found guilty of", "acquitted of": "found guilty of",
    "pleaded not guilty": "pleaded guilty",
    "pleaded guilty": "pleaded not guilty", "convicted of": "cleared of", "found guilty of": "cleared of",
    "found not guilty": "found guilty", "declined to": "agreed to", "refused to": "agreed to",
    "refuses to": "agrees to", "agreed to": "refused to", "agrees to": "refuses to",
    "promised to": "refused to",
    "in favor of": "against", "in favour of": "against", "optimistic": "pessimistic",
    "declines to": "agrees to", "vowed to": "refused to", "plead guilty": "plead not guilty",
}  # fmt: skip


def attitude(sentence: str, _text: str, rng: Random) -> str | None:
    """What somebody denies confirmed, what they oppose supported, an accusation made a conviction."""
    p = parsed(sentence)
    edits = [e for e in _swaps(sentence, _TURNS) if p.free(e[0], e[1])]
    edits += [
        (p.verb(g).start, p.verb(g).end, conjugated(other, role_of(p, g)))
        for g in p.groups
        if g.verb in _ATTITUDES
        and g.kind != "reduced"
        and _has_object(p, g)
        and p.free(p.start(g), p.verb(g).end)
        for other in _ATTITUDES[g.verb]
    ]
    return _one(sentence, edits, rng)


def _has_object(p: Parsed, group: VerbGroup) -> bool:
    """Whether the verb has an object: "backed the plan", and not "back to"."""
    following = p.said[group.last] if group.last < len(p.said) else None
    if group.passive:
        return True
    return following is not None and (
        following.low in {"that", "a", "an", "the", "any", "all", "its", "his", "her", "their"}
        or following.name
    )


# --- attempts --------------------------------------------------------------------------------------------

_TRYING = frozenset("try attempt fail seek offer propose struggle".split()) | (WISHING_VERBS & SPEECH_VERBS)
_NEARLY = re.compile(r"\b(?:nearly|almost)\s(?P<verb>(?!doubl|tripl|quadrupl|halv)[a-z]+)\b")


def attempt(sentence: str, _text: str, rng: Random) -> str | None:
    """What was tried, threatened, promised or nearly done told as done: "tried to win" as "won"."""
    p = parsed(sentence)
    edits: list[Edit] = []
    for group, inner in pairwise(p.groups):
        if group.verb not in _TRYING or inner.kind != "to" or inner.first != group.last or group.passive:
            continue
        if group.negative or inner.verb in {"be", "have"} or inner.last - inner.first != 2:
            continue
        role = role_of(p, group)
        if group.kind == "ing" and group.verb != "try":
            continue
        edits.append((p.verb(group).start, p.verb(inner).end, conjugated(inner.verb, role)))
    for match in _NEARLY.finditer(sentence):
        for group in p.groups:
            if (
                group.kind == "finite"
                and p.verb(group).start == match.start("verb")
                and role_of(p, group) != "ing"
            ):
                edits.append((match.start(), match.start("verb"), ""))
    edits += [
        (*m.span(), conjugated(parsed(f"They are {m[1]} it.").groups[0].verb, "past"))
        for m in re.finditer(r"\b(?:came|come|comes) (?:very )?close to ([a-z]+ing)\b", sentence)
        if len(parsed(f"They are {m[1]} it.").groups) == 1
    ]
    return _one(sentence, [e for e in edits if p.free(e[0], e[1])], rng)


# --- conditions ------------------------------------------------------------------------------------------

_CONDITION = r"(?<!\bas)(?<!\beven)(?<!\bwhat)(?<!\bonly)(?<!\bor)"
_ASKING = re.compile(
    r"\b(?:ask\w*|know|knew|see|wonder\w*|sure|determin\w+|check\w*|unclear|decid\w+|"
    r"question\w*|test\w*|find out|say|clear|idea|remembers?)\b[^,]{0,25}\Z"
)
_IF_LAST = re.compile(
    rf"{_CONDITION}(?:,\s|\s)(?:if|unless|provided that|as long as|so long as|on condition that|only if)"
    r"\s(?!not\b)[^,]{8,110}(?=[.]\Z)"
)
_IF_FIRST = re.compile(r"\A(?:If|Unless|Provided that|As long as|So long as)\s[^,]{8,110},\s(?:then\s)?")
_IF_BETWEEN = re.compile(
    r",\s(?:if|unless|provided that|as long as)"
    r"\s(?!not\b|any\b|necessary|possible|needed)[^,]{8,90},(?=\s[a-z])"
)


def condition(sentence: str, _text: str, _rng: Random) -> str | None:
    """The sentence without the condition that it sets."""
    p = parsed(sentence)
    match = _IF_FIRST.search(sentence) or _IF_BETWEEN.search(sentence) or _IF_LAST.search(sentence)
    if match is None or not p.free(*match.span()) or _ASKING.search(sentence[: match.start()]):
        return None
    rest = spliced(sentence, *match.span(), "")
    return rest if any(g.kind == "finite" for g in parsed(rest).groups) and len(rest) > 15 else None


# --- who did it to whom ----------------------------------------------------------------------------------

_ACTORS = (
    OFFICES | PERSONS | GROUP_NOUNS | ORGANISATION_HEADS | frozenset("police government army team".split())
)
_GIVING = frozenset("sell give send hand lend pay transfer offer return deliver cede award".split())


def role(sentence: str, _text: str, rng: Random) -> str | None:
    """Whoever did it and whomever it was done to, exchanged."""
    p = parsed(sentence)
    made = [
        m for g in p.groups if g.kind == "finite" and g.verb not in MUTUAL_VERBS for m in _exchanged(p, g)
    ]
    return rng.choice(made) if made else None


def _exchanged(p: Parsed, group: VerbGroup) -> Iterator[str]:
    if group.verb in {"be", "have", "become", "remain", "include", "say"} and not group.passive:
        return
    subject = p.subject(group)
    if subject is None or not _opens_clause(p, subject):
        return
    if group.passive:
        if group.last >= len(p.said) or p.said[group.last].low != "by":
            return
        other = _phrase_at(p, group.last + 1)
    else:
        other = p.object(group)
        if group.verb in _GIVING:
            to = next(
                (i for i in range(group.last, min(group.last + 8, len(p.said))) if p.said[i].low == "to"),
                None,
            )
            receiver = _phrase_at(p, to + 1) if to is not None else None
            other = receiver if receiver is not None and p.said[receiver.head].name else None
        elif group.verb in {"lose", "surrender", "apologise", "apologize"}:
            other = (
                _phrase_at(p, group.last + 1)
                if group.last < len(p.said) and p.said[group.last].low == "to"
                else None
            )
    if other is None or not (_may_act(p, subject) and _may_act(p, other)) or not _closes(p, other):
        return
    one, two = is_plural(p, subject), is_plural(p, other)
    if (group.passive or role_of(p, group) in {"third", "base"} or HAVE & group.words) and one != two:
        return
    a, b = p.words(subject), p.words(other)
    if a.lower() == b.lower():
        return
    start, middle, end = p.said[subject.first].start, p.said[subject.last - 1].end, p.said[other.first].start
    b = capitalised(b) if start == 0 else b
    a = uncapitalised(a) if start == 0 and not p.said[subject.first].name else a
    yield p.text[:start] + b + p.text[middle:end] + a + p.text[p.said[other.last - 1].end :]


def _phrase_at(p: Parsed, at: int) -> NounPhrase | None:
    return phrase_after(p.said, at, frozenset(g.first for g in p.groups))


def _opens_clause(p: Parsed, phrase: NounPhrase) -> bool:
    before = p.said[phrase.first - 1] if phrase.first else None
    if re.search(r"[A-Z][\w.’'-]*\s\Z", p.text[: p.said[phrase.first].start]):
        return False  # a title stands before the name, and would stay behind
    return (
        before is None
        or before.mark
        or before.low in {"that", "and", "but", "when", "after", "as", "while", "said"}
    )


def _closes(p: Parsed, phrase: NounPhrase) -> bool:
    """Whether the phrase is over where it ends: no verb is said of it and no other noun follows."""
    if phrase.last >= len(p.said):
        return True
    after = p.said[phrase.last]
    return (
        after.low not in {"of", "and", "or", "who", "which", "that", "to"}
        and not after.name
        and (after.mark or phrase.last not in {g.first for g in p.groups})
        and not (after.mark and after.low in {"“", '"', "("})
    )


def _may_act(p: Parsed, phrase: NounPhrase) -> bool:
    head = p.said[phrase.head]
    run = p.said[phrase.first : phrase.last]
    if head.possessive or any(item.low in PERSONAL | POSSESSIVES or item.mark for item in run):
        return False
    if any(item.low in TIME_WORDS or any(c.isdigit() for c in item.low) for item in run):
        return False
    return head.name or head.low.removesuffix("s") in _ACTORS or head.low in _ACTORS


# --- scope -----------------------------------------------------------------------------------------------

_OF = {
    "some of": "all of", "several of": "all of", "many of": "all of", "most of": "all of",
    "half of": "all of",
    "a few of": "all of", "at least one of": "all of", "one of": "all of",
    "few of": "all of", "a number of": "all", "a majority of": "all", "nearly all": "all",
    "almost all": "all",
    "nearly every": "every", "almost every": "every", "nearly half of": "all of", "none of": "all of",
    "partly": "entirely", "partially": "completely", "sometimes": "always", "often": "always",
    "usually": "always",
    "rarely": "often", "generally": "always", "mostly": "entirely", "occasionally": "always",
    "seldom": "always",
    "largely": "entirely", "in some cases": "in all cases", "frequently": "always", "typically": "always",
}  # fmt: skip
_LIMITS = re.compile(
    r"\b(?:up to|at most|as many as|as much as|no more than|fewer than|less than)\s(?=[$€£]?\d)",
    re.IGNORECASE,
)
_PART = re.compile(
    r"(?:\A|\b(?:in|from|across|over|through|closed|destroyed|damaged|lost|sold|covers?|covered)\s)"
    r"(parts? of)(?= the\s)",
    re.IGNORECASE,
)
_SOME = re.compile(
    r"(?<!the )(?<!as )(?<!so )(?<!too )(?<!how )(?<!these )(?<!those )(?<!their )(?<!his )(?<!her )(?<!its )"
    r"\b(some|several|many|most|a few|dozens of|numerous|various)\s(?=(?:of the\s)?"
    r"(?!(?:[a-z]+ )?(?:years|months|weeks|days|hours|minutes|times|decades|inches|feet|miles|degrees|more"
    r"|this|is|was|has|his|its|us|as|does)\b|of\b|such\b|other\b|more\b"
    r"|recent|important|likely|popular|famous)[a-z-]+s?\s?[a-z]*s\b)",
    re.IGNORECASE,
)


def scope(sentence: str, _text: str, rng: Random) -> str | None:
    """What holds of some said of all, what was so at times said to be so always, a bound made a count."""
    p = parsed(sentence)
    limits = r"(?!\s(?:the most|the best|his|her|it|them|us|those|a\b))"
    before = not_behind(
        "only is was as be not are a were of becoming became "
        "more most less too very so how over than about roughly nearly"
    )
    edits = [*_swaps(sentence, _OF, (before, limits))]
    edits += [(*m.span(1), "all") for m in _SOME.finditer(sentence)]
    edits += [(*m.span(1), "all of") for m in _PART.finditer(sentence)]
    edits += [(*m.span(), "") for m in _LIMITS.finditer(sentence)]
    return _one(sentence, [e for e in edits if p.free(e[0], e[1])], rng)


# --- comparisons -----------------------------------------------------------------------------------------

_COMPARED = _both(
    """higher/lower|larger/smaller|better/worse|stronger/weaker|older/younger|faster/slower|
    highest/lowest|largest/smallest|best/worst|strongest/weakest|oldest/youngest|fastest/slowest|
    longest/shortest|above/below|cheaper/dearer|richer/poorer|warmer/cooler|easier/harder|safer/riskier|
    heavier/lighter|hotter/colder|upward/downward"""
) | {
    "more than": "fewer than", "fewer than": "more than", "less than": "more than", "greater": "smaller",
    "bigger": "smaller", "biggest": "smallest", "greatest": "smallest", "at least": "at most",
    "under": "over",
    "an increase in": "a decrease in", "a rise in": "a fall in", "a decline in": "a rise in",
    "a drop in": "a rise in", "increases in": "decreases in", "a fall in": "a rise in",
    "record high": "record low", "record low": "record high", "most popular": "least popular",
    "most expensive": "least expensive", "more expensive": "less expensive", "more likely": "less likely",
    "less likely": "more likely", "more common": "less common", "victory": "defeat", "defeat": "victory",
    "outperformed": "underperformed", "positive": "negative",
}  # fmt: skip
_UNDER = {"under", "over", "above", "below"}


def comparison(sentence: str, _text: str, rng: Random) -> str | None:
    """More made less, a rise a fall, the largest the smallest, a win a defeat."""
    p = parsed(sentence)
    edits = [
        e
        for e in _swaps(
            sentence, _COMPARED, (r"(?<!no )(?<!not )", r"(?!-)(?!\s(?:the age|known|off|all else)\b)")
        )
        if sentence[e[0] : e[1]].lower() not in _UNDER or re.match(r"\s[$£€]?\d", sentence[e[1] :])
    ]
    edits += [
        (p.verb(g).start, p.verb(g).end, _contrary(p, g))
        for g in p.groups
        if g.verb in _MOVES and _moves(p, g)
    ]
    return _one(sentence, edits, rng)


def _contrary(p: Parsed, group: VerbGroup) -> str:
    """The contrary of a move, in the same form: money that is lost is else gained, not won."""
    sum_behind = re.match(r"\s(?:[a-z]+ ){0,2}?[$£€\d]", p.text[p.verb(group).end :])
    return _as_put("gain" if group.verb == "lose" and sum_behind else _MOVES[group.verb], role_of(p, group))


def _as_put(verb: str, role: str) -> str:
    head, _, rest = verb.partition(" ")
    return conjugated(head, role) + (f" {rest}" if rest else "")


def _moves(p: Parsed, group: VerbGroup) -> bool:
    """Whether the verb says that something went up or down, and no other sense of it: "fall in love"."""
    after = p.said[group.last].low if group.last < len(p.said) else "."
    if group.verb == "beat":
        return (
            not group.passive
            and group.last < len(p.said)
            and (p.said[group.last].name or after in {"the", "a"})
        )
    if group.verb in {"raise", "lower"}:
        return after not in {
            "money",
            "funds",
            "awareness",
            "questions",
            "concerns",
            "some",
            "kids",
            "children",
            "eyebrows",
            "a",
            "alarms",
            "alarm",
            "doubts",
            "fears",
            "more",
            "him",
            "her",
            "them",
            "in",
            "by",
            "hopes",
        }
    if group.verb in {"drop", "lose", "win", "fall", "jump", "climb", "grow"}:
        return not group.passive and after not in {
            "out",
            "off",
            "into",
            "on",
            "in",
            "up",
            "over",
            "him",
            "her",
            "them",
            "himself",
            "apart",
            "ill",
            "back",
            "onto",
            "down",
            "for",
            "behind",
            "asleep",
            "short",
            "victim",
            "sight",
            "track",
            "his",
            "their",
            "through",
            "under",
            "at",
            "as",
            "more",
            "less",
            "older",
        } | (set() if group.verb in {"lose", "win"} else {"the"})
    return True


# --- two subjects ----------------------------------------------------------------------------------------


def joined(sentence: str, text: str, rng: Random) -> str | None:
    """What the text says of somebody else said of the sentence's subject: "A, who …," or "A … and …"."""
    own = _predicate(sentence)
    if own is None:
        return None
    who, rest = own
    if who.split()[-1] not in persons(text):
        return None
    others = [
        (other, what)
        for other, what in _predicates(text)
        if not set(re.findall(r"\w{3,}", other)) & set(re.findall(r"\w{3,}", sentence)) and who not in what
        if other.split()[-1] in persons(text)
    ]
    if not others:
        return None
    _, what = rng.choice(others)
    what = what.rstrip(".")
    if rng.random() < 0.5:
        return f"{who}, who {what}, {rest}"
    return f"{who} {what} and {rest}"


_SPOKEN = re.compile(rf"\b(?:according|{alternation(forms(TELLING_VERBS))})\b")


@lru_cache(maxsize=64)
def _predicates(text: str) -> tuple[tuple[str, str], ...]:
    found = (_predicate(sentence) for _, _, sentence in told(text) if len(sentence) < 240)
    return tuple(
        (who, what)
        for who, what in filter(None, found)
        if 15 <= len(what) <= 110 and not _SPOKEN.search(what)
    )


def _predicate(sentence: str) -> tuple[str, str] | None:
    """A person named first in a sentence, and what is said of them; `None` where there is no such thing."""
    p = parsed(sentence)
    first = p.groups[0] if p.groups else None
    if first is None or first.kind != "finite" or first.first != 1 or not p.said[0].name:
        return None
    if not p.free(0, len(sentence)) or not re.fullmatch(
        r"(?:[A-Z][\w’'.-]+ ){0,3}[A-Z][\w’'-]+", p.said[0].text
    ):
        return None
    who, what = sentence[: p.said[0].end], sentence[p.said[1].start :]
    if not sentence.endswith(".") or re.search(r"[:;—]", what) or p.said[0].low in PERSONAL:
        return None
    return who, what
