"""The pieces that clauses are made of: words with their places, noun phrases and verb groups.

Rules over word lists and word order, for the English of news. What they cannot tell they leave out.

One file, though it is long: a noun phrase ends where a verb group begins, so each is found with the other.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

from rag.english.lexicon import (
    ADVERBIALS,
    ADVERBS,
    AUXILIARIES,
    BE,
    CALENDAR,
    CONNECTIVES,
    CONTRACTIONS,
    DEGREE_NEGATIONS,
    DETERMINERS,
    HAVE,
    HEDGING_ADVERBS,
    NEGATIONS,
    NEWS_VERBS,
    NOUNS_IN_LY,
    NUMBER_WORDS,
    PERSONAL,
    POSSESSIVES,
    PREPOSITIONS,
    PRONOUNS,
    QUANTITIES,
    RELATIVES,
    TIME_WORDS,
    inflect,
    lemma,
)
from rag.english.names import names

__all__ = [
    "Item",
    "NounPhrase",
    "VerbGroup",
    "items",
    "may_be_base",
    "phrase_after",
    "phrase_before",
    "verb_groups",
]

_ITEM = re.compile(r"[^\W_]+(?:['’.&-][^\W_]+)*|[,;:()“”\"„«»–—?!]|\.(?=\s|\Z)|%")
_BOUNDARY = frozenset(',;:()“”"„«»–—?!.')
_PARTICLES = frozenset("up out off over down away back in on".split())
_LINKING = frozenset("a an".split())
_EVER = frozenset(["not", "only", "just", "even", "both", "either"])


@dataclass(frozen=True, slots=True)
class Item:
    """A word, a whole name, or a mark, at [start, end). `low` is it in small letters, with a straight
    apostrophe."""

    start: int
    end: int
    low: str
    text: str
    name: bool = False
    possessive: bool = False

    @property
    def mark(self) -> bool:
        return self.low in _BOUNDARY


@dataclass(frozen=True, slots=True)
class NounPhrase:
    """A noun phrase: items [first, last) and its head, which names who or what is meant."""

    first: int
    last: int
    head: int


@dataclass(frozen=True, slots=True)
class VerbGroup:
    """Auxiliaries, adverbs and the verb, items [first, last). `kind`: "finite", "to", "ing" or "reduced"
    ("built by Kestrel").

    `inverted`: the phrase between the auxiliary and the verb of a question ("did Iran strike").
    """

    first: int
    last: int
    verb: str
    kind: str
    passive: bool
    negative: bool
    words: frozenset[str]
    inverted: NounPhrase | None = None


@lru_cache(maxsize=512)  # a sentence is asked for its clauses, its main statement and its hedges
def items(text: str) -> tuple[Item, ...]:
    """The words, names and marks of a text in order.

    >>> [(item.low, item.name) for item in items("Gen. Mark Milley left, didn’t he?")][:3]
    [('mark milley', True), ('left', False), (',', False)]
    """
    called = names(text)
    found = [Item(n.start, n.end, n.text.lower(), n.text, True, n.possessive) for n in called]
    taken = [(name.start, name.end) for name in called]
    behind = 0  # names that end before the word that is looked at
    for match in _ITEM.finditer(text):
        while behind < len(taken) and taken[behind][1] <= match.start():
            behind += 1
        if behind == len(taken) or taken[behind][0] >= match.end():
            low = match.group().lower().replace("’", "'")
            bare = low
            if "'" in low and low not in {"it's", "that's", "he's", "she's"}:
                bare = re.sub(r"'s\Z|(?<=s)'\Z", "", low)
            found.append(Item(match.start(), match.end(), bare, match.group(), False, bare != low))
    found.sort(key=lambda item: item.start)
    titled = {name.start: len(name.title.split()) for name in called if name.title}
    kept: list[Item] = []
    for item in found:
        if item.name and item.start in titled:  # the title goes with its name
            left = titled[item.start]
            while kept and (kept[-1].low == "." or left):
                left -= kept.pop().low != "."
        kept.append(item)
    return tuple(kept)


@lru_cache(maxsize=1)
def _roles() -> Mapping[str, frozenset[str]]:
    """What each form of a known verb may be: base, third, past, participle, ing."""
    roles: dict[str, set[str]] = {}
    for verb in NEWS_VERBS:
        for role, group in zip(
            ("base", "third", "past", "participle", "ing"), ((verb,), *inflect(verb)), strict=True
        ):
            for form in group:
                roles.setdefault(form, set()).add(role)
    return MappingProxyType({form: frozenset(found) for form, found in roles.items()})


def _verb_roles(item: Item) -> frozenset[str]:
    if item.name or item.mark or item.possessive or item.low == "according":
        return frozenset()
    if known := _roles().get(item.low):
        return known
    if item.low.endswith("ed") and len(item.low) > 4 and item.low not in {"hundred", "indeed", "speed"}:
        return frozenset({"past", "participle"})
    if item.low.endswith("ing") and len(item.low) > 5 and item.low not in PRONOUNS:
        return frozenset({"ing"})
    return frozenset()


def may_be_base(item: Item) -> bool:
    """Whether a word may be a verb's base form, as behind "to".

    >>> [may_be_base(item) for item in items("hire stolen")]
    [True, False]
    """
    return "base" in _verb_roles(item)


_ADVERBS = ADVERBS | HEDGING_ADVERBS | DEGREE_NEGATIONS | _EVER | {"never"}


def _is_adverb(item: Item) -> bool:
    return item.low in _ADVERBS or (
        item.low.endswith("ly") and len(item.low) > 4 and not item.name and item.low not in NOUNS_IN_LY
    )


def _is_number(item: Item) -> bool:
    return (
        item.low[:1].isdigit()
        or item.low in NUMBER_WORDS
        or item.low in {"hundred", "thousand", "million", "billion"}
    )


def _is_noun_like(item: Item) -> bool:
    """Whether an item may be a part of a noun phrase, after its determiner."""
    if item.name or _is_number(item) or item.low == "%":
        return True
    return not item.mark and item.low not in _FUNCTION and not _is_adverb(item)


_FUNCTION = (
    PREPOSITIONS
    | DETERMINERS
    | PRONOUNS
    | AUXILIARIES
    | CONNECTIVES
    | RELATIVES
    | frozenset({"not", "to", "according"})
)


# --- verb groups ---------------------------------------------------------------------------------------


def verb_groups(said: Sequence[Item]) -> tuple[VerbGroup, ...]:
    """The verb groups of a sentence's items, in order.

    >>> said = items("Iran may not have struck the port, police said.")
    >>> [(group.verb, group.negative, group.kind) for group in verb_groups(said)]
    [('strike', True, 'finite'), ('say', False, 'finite')]
    """
    found: list[VerbGroup] = []
    at = 0
    while at < len(said):
        group = _group(said, at, found)
        if group is None:
            at += 1
        else:
            found.append(group)
            at = group.last
    return tuple(found)


def _group(said: Sequence[Item], at: int, before: Sequence[VerbGroup]) -> VerbGroup | None:
    item = said[at]
    if item.name or item.mark:
        return None
    if item.low == "to" and (end := _main(said, _past_adverbs(said, at + 1), {"base"})):
        return _made(said, at, end, "to")
    if item.low in AUXILIARIES and not (_is_noun_or_name(said, at)):
        return _with_auxiliary(said, at)
    return _plain_verb(said, at, before)


def _is_noun_or_name(said: Sequence[Item], at: int) -> bool:
    """Whether what may be an auxiliary is none: "the will", "in May"."""
    if said[at].low not in {"can", "will", "may", "might"}:
        return False
    return _follows_determiner(said, at) or (at > 0 and said[at].text[0].isupper() and not said[at - 1].mark)


def _before_adverbs(said: Sequence[Item], at: int, floor: int = 0) -> int:
    """Where the adverbs begin that end right before an item."""
    while at > floor:
        if at - 1 > floor and " ".join(item.low for item in said[at - 2 : at]) in ADVERBIALS:
            at -= 2
        elif _is_adverb(said[at - 1]) and not said[at - 1].name:
            at -= 1
        else:
            break
    return at


def _past_adverbs(said: Sequence[Item], at: int) -> int:
    while at < len(said):
        if " ".join(item.low for item in said[at : at + 2]) in ADVERBIALS:
            at += 2
        elif _is_adverb(said[at]) or said[at].low in {"not", "n't"}:
            at += 1
        else:
            break
    return at


def _main(said: Sequence[Item], at: int, wanted: set[str]) -> int:
    """Where a verb at this place ends, through "be" and "have" before it; 0 if there is none."""
    here = at
    while here < len(said) and said[here].low in BE | HAVE:
        here = _past_adverbs(said, here + 1)
        wanted = {"participle", "ing"}
    if here < len(said) and _verb_roles(said[here]) & wanted and said[here].low not in AUXILIARIES:
        return here + 1
    return at + 1 if at < len(said) and said[at].low in BE | HAVE else 0


def _made(
    said: Sequence[Item], first: int, last: int, kind: str, inverted: NounPhrase | None = None
) -> VerbGroup:
    run = (
        [item for item in said[first:last] if not item.name]
        if inverted is None
        else [said[first], *said[inverted.last : last]]
    )
    lows = frozenset(item.low for item in run)
    main = said[last - 1].low
    being = any(item.low in BE or item.low.removesuffix("n't") in BE for item in run[:-1])
    passive = being and "participle" in _verb_roles(said[last - 1])
    negative = any(low in NEGATIONS or low in CONTRACTIONS or low in DEGREE_NEGATIONS for low in lows)
    if {"not", "only"} <= lows or {"not", "just"} <= lows:
        negative = False
    verb = "be" if main in BE or main.removesuffix("n't") in BE else "have" if main in HAVE else lemma(main)
    return VerbGroup(first, last, verb, kind, passive, negative, lows, inverted)


def _with_auxiliary(said: Sequence[Item], at: int) -> VerbGroup | None:
    here = at
    wanted: set[str] = set()
    while here < len(said):
        low = said[here].low.removesuffix("n't") if said[here].low in CONTRACTIONS else said[here].low
        if said[here].name or low not in AUXILIARIES:
            break
        wanted = {"participle", "ing"} if low in BE else {"participle"} if low in HAVE else {"base"}
        here = _past_adverbs(said, here + 1)
    if here < len(said) and _verb_roles(said[here]) & wanted and not _is_noun_there(said, here):
        return _made(said, at, here + 1, "finite")
    opens = (
        at == 0
        or said[at - 1].mark
        or said[at - 1].low in RELATIVES | {"why", "how", "what"}
        or _asks(said, at)
    )
    # "those who had no tickets entered" asks nothing.
    opens = opens and not (at > 1 and said[at - 1].low in RELATIVES and said[at].low in BE | HAVE)
    if opens and (asked := _inverted(said, here, wanted)) is not None:
        return _made(said, at, asked[1] + 1, "finite", asked[0])
    last = max((index for index in range(at, here) if said[index].low in AUXILIARIES), default=at) + 1
    group = _made(said, at, last, "finite")
    negative = group.negative or any(item.low in {"not", "never", "no"} for item in said[last:here])
    extra = group.words | {item.low for item in said[last:here]}
    return VerbGroup(at, max(last, here), group.verb, "finite", False, negative, extra)


def _inverted(said: Sequence[Item], at: int, wanted: set[str]) -> tuple[NounPhrase, int] | None:
    """The subject and the verb of a question, behind its auxiliary."""
    for here in range(at + 1, len(said)):
        if said[here].mark or said[here].low == "that":  # "the army, when asked, would admit that they have"
            return None
        before = said[here - 1]
        if _verb_roles(said[here]) & wanted and not (
            before.low in DETERMINERS - PRONOUNS or before.possessive or before.low in PREPOSITIONS
        ):
            subject = phrase_before(said, here, at)
            return (subject, here) if subject is not None else None
    return None


def _asks(said: Sequence[Item], at: int) -> bool:
    """Whether a question word with its noun stands right before: "which port did"."""
    return any(item.low in {"what", "which", "who", "whom", "how"} for item in said[max(0, at - 3) : at])


def _is_noun_there(said: Sequence[Item], at: int) -> bool:
    return at > 0 and said[at - 1].low in DETERMINERS | {"no"}


def _follows_determiner(said: Sequence[Item], at: int) -> bool:
    return at > 0 and (said[at - 1].low in DETERMINERS or said[at - 1].possessive)


def _plain_verb(said: Sequence[Item], at: int, before: Sequence[VerbGroup]) -> VerbGroup | None:
    roles = _verb_roles(said[at])
    if not roles or (at == 0 and "ing" not in roles):
        return None
    prior = said[at - 1] if at else None
    after = said[at + 1] if at + 1 < len(said) else None
    if prior is None:
        return _made(said, at, at + 1, "ing") if after is not None and _begins_phrase(after) else None
    adverbs = _before_adverbs(said, at)
    anchor = said[adverbs - 1] if adverbs else None
    if (
        anchor is None
        or _follows_determiner(said, at)
        or anchor.low in DETERMINERS - PRONOUNS
        or anchor.possessive
    ):
        return None
    if "base" in roles and _is_contrast(said, at, before):
        return _made(said, at - 1, at + 1, "to")
    if "ing" in roles:
        goes = anchor.mark or anchor.low in PREPOSITIONS or (before and before[-1].last == adverbs)
        return _made(said, adverbs, at + 1, "ing") if goes and anchor.low not in _LINKING else None
    if anchor.low in PREPOSITIONS - {"since", "than"} or anchor.low in BE | HAVE:
        return None
    if (
        "participle" in roles
        and after is not None
        and after.low == "by"
        and (anchor.name or _is_noun_like(anchor) or anchor.mark or _goes_on_reduced(anchor, before))
    ):
        return _made_reduced(said, at)
    if before and before[-1].last == adverbs and not roles & {"past"}:
        return None  # what follows a verb is done to: "launched strikes"
    if roles & {"past"}:
        adjective = _is_number(anchor) and after is not None and _is_noun_like(after) and not after.name
        return None if adjective else _made(said, adverbs, at + 1, "finite")
    return _present(said, adverbs, at, roles, anchor, after)


def _is_contrast(said: Sequence[Item], at: int, before: Sequence[VerbGroup]) -> bool:
    """Whether a verb's base form goes on from "to" with a denial: "to go back to work, not stay at home"."""
    return (
        at > 1
        and said[at - 1].low == "not"
        and said[at - 2].low in {",", "and", "but", "–", "—"}
        and bool(before)
        and before[-1].kind == "to"
    )


def _goes_on_reduced(anchor: Item, before: Sequence[VerbGroup]) -> bool:
    """Whether a participle goes on from another one: "built by Nordlys and launched by NASA"."""
    return anchor.low == "and" and bool(before) and before[-1].kind == "reduced"


def _made_reduced(said: Sequence[Item], at: int) -> VerbGroup:
    group = _made(said, at, at + 1, "reduced")
    return VerbGroup(at, at + 1, group.verb, "reduced", True, group.negative, group.words)


def _present(
    said: Sequence[Item], first: int, at: int, roles: frozenset[str], anchor: Item, after: Item | None
) -> VerbGroup | None:
    """A verb in the present, if that is no noun: "Ajax plans to", and not "Ajax plans were"."""
    opens = after is None or after.mark or _begins_phrase(after) or after.low in {"to", "that", "by", "as"}
    if after is not None and (after.low in AUXILIARIES or _verb_roles(after) & {"past"}):
        return None
    if "third" in roles:
        sure = anchor.low in {"he", "she", "it", "who", "which", "that", "and", "but"} or anchor.name
        singular = _is_noun_like(anchor) and not anchor.low.endswith("s")
        plain = anchor.low not in TIME_WORDS and singular and _is_last_verb(said, at)
        determined = first > 1 and said[first - 2].low in DETERMINERS
        fits = (
            (determined and plain and after is not None and after.low in PREPOSITIONS)
            or (sure and (opens or (after is not None and after.low in PREPOSITIONS)))
            or (singular and opens)
        )
        return _made(said, first, at + 1, "finite") if fits else None
    if "base" in roles:
        plural = anchor.low in {"they", "we", "you", "i", "who", "people", "police"} or (
            not anchor.name and anchor.low.endswith("s") and _is_noun_like(anchor)
        )
        return _made(said, first, at + 1, "finite") if plural and opens else None
    return None


def _is_last_verb(said: Sequence[Item], at: int) -> bool:
    """Whether no other verb follows before the clause is over, which this word would be a noun to."""
    for item in said[at + 1 :]:
        if item.mark or item.low in CONNECTIVES - {"as"} or item.low in RELATIVES:
            return True
        if item.low in AUXILIARIES or _verb_roles(item) & {"past"}:
            return False
    return True


def _begins_phrase(item: Item) -> bool:
    return item.name or item.low in DETERMINERS | PRONOUNS or _is_number(item)


# --- noun phrases --------------------------------------------------------------------------------------

_TIMES = TIME_WORDS - frozenset("second quarter season fall spring day night".split())


def phrase_after(said: Sequence[Item], at: int, stops: frozenset[int] = frozenset()) -> NounPhrase | None:
    """The noun phrase that begins at an item; `None` where none does. `stops`: items where verb groups begin.

    >>> said = items("the northern port of Karachi on Tuesday")
    >>> phrase = phrase_after(said, 0)
    >>> phrase and said[phrase.head].text
    'port'
    """
    first = at
    if at >= len(said):
        return None
    if said[at].low in PERSONAL - POSSESSIVES or said[at].low in PRONOUNS - DETERMINERS - {"many", "others"}:
        return NounPhrase(at, at + 1, at)
    here = at
    while here < len(said) and (
        said[here].low in DETERMINERS or said[here].low in {"no", "not", "than", "at", "least"}
    ):
        if said[here].low in {"at", "than"} and not (
            here + 1 < len(said) and (said[here + 1].low == "least" or _is_number(said[here + 1]))
        ):
            break
        here += 1
    head: int | None = None
    while here < len(said) and here not in stops and _is_part(said, here):
        if said[here].low in _TIMES and head is not None:
            break
        if (
            head is not None
            and said[here].low in {"last", "next"}
            and said[min(here + 1, len(said) - 1)].low in TIME_WORDS
        ):
            break
        if not _is_number(said[here]) or head is None:
            head = (
                here
                if not (said[here].possessive and here + 1 < len(said) and _is_part(said, here + 1))
                else head
            )
        if (
            said[here].name
            and not said[here].possessive
            and here + 1 < len(said)
            and said[here + 1].low in DETERMINERS
        ):
            here += 1
            break
        here += 1
    if head is None:
        if here > first and said[here - 1].low in PRONOUNS:
            return NounPhrase(first, here, here - 1)
        return None
    if _is_quantity(said[head]) and here + 1 < len(said) and said[here].low == "of" and here + 1 not in stops:
        counted = phrase_after(said, here + 1, stops)
        if counted is not None:
            return NounPhrase(first, counted.last, counted.head)
    return NounPhrase(first, here, head)


def _is_part(said: Sequence[Item], at: int) -> bool:
    return (
        _is_noun_like(said[at])
        or (said[at].low in HEDGING_ADVERBS)
        or (
            said[at].low.endswith("ly")
            and at + 1 < len(said)
            and _verb_roles(said[at + 1]) != frozenset()
            and at > 0
            and said[at - 1].low in DETERMINERS
        )
    )


def _is_quantity(item: Item) -> bool:
    return item.low in QUANTITIES or item.low in {
        "number",
        "half",
        "third",
        "quarter",
        "majority",
        "most",
        "some",
        "all",
        "lot",
        "couple",
        "handful",
        "dozen",
        "series",
        "one",
        "two",
        "three",
        "none",
        "many",
        "tens",
    }


def phrase_before(said: Sequence[Item], at: int, floor: int = 0) -> NounPhrase | None:
    """The noun phrase whose last item stands right before an item, with the prepositional phrases that belong
    to it; its head is that of its first part. `floor`: the first item that may belong to it.

    >>> said = items("Two men from Leeds on Tuesday robbed a bank")
    >>> phrase = phrase_before(said, 6)
    >>> phrase and said[phrase.head].text
    'men'
    """
    end = _before_adverbs(said, at, floor)
    phrase = _simple_before(said, end, floor)
    while phrase is not None and phrase.first - 1 > floor:
        joint = said[phrase.first - 1]
        if joint.low not in PREPOSITIONS and joint.low not in {"and", "or"}:
            break
        if joint.low in {"than", "since", "until", "during", "after", "before", "as", "by"}:
            break
        earlier = _simple_before(said, phrase.first - 1, floor)
        if earlier is None:
            break
        quantity = joint.low == "of" and _is_quantity(said[earlier.head])
        phrase = NounPhrase(earlier.first, phrase.last, phrase.head if quantity else earlier.head)
    if (
        phrase is not None
        and phrase.first > 0
        and said[phrase.first - 1].low in PREPOSITIONS - {"than", "like"}
    ):
        lone = said[phrase.first - 1].low
        if phrase.first - 1 >= floor and lone not in {"after", "before", "since", "until", "as", "because"}:
            return _tail(said, phrase, end)
    return phrase


def _tail(said: Sequence[Item], phrase: NounPhrase, end: int) -> NounPhrase:
    """The last part of a phrase that a preposition opens: "In the north of Kenya the army …" ends with it."""
    last = _simple_before(said, end, phrase.first)
    return last if last is not None else phrase


def _simple_before(said: Sequence[Item], end: int, floor: int) -> NounPhrase | None:
    last = end
    if last <= floor:
        return None
    if said[last - 1].low in PERSONAL - POSSESSIVES or (
        said[last - 1].low in PRONOUNS and said[last - 1].low not in DETERMINERS
    ):
        return NounPhrase(last - 1, last, last - 1)
    first = last
    while first > floor and _is_noun_like(said[first - 1]):
        if said[first - 1].low in _TIMES and first < last and not said[first - 1].possessive:
            break
        if said[first - 1].name and first < last and said[first].name and not said[first - 1].possessive:
            break
        first -= 1
    if first == last:
        if said[last - 1].low in DETERMINERS & PRONOUNS:
            return NounPhrase(last - 1, last, last - 1)
        return None
    while first > floor and said[first - 1].low in DETERMINERS | {"no"}:
        if said[first - 1].low == "that" and first > 1 and _is_noun_like(said[first - 2]):
            break  # "the letters that Napoleon wrote"
        first -= 1
    head = last - 1
    while head > first and (said[head].low in CALENDAR or _is_number(said[head])):
        head -= 1
    return NounPhrase(first, last, head)
