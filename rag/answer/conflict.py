"""Claims that disagree: what several articles say in answer to one question, laid side by side.

Pure, and it never chooses which is right. Two values are rivals when they answer the same thing, exclude
each other, and come from two articles of which neither gives both. In doubt there is no conflict: a false one
costs a reader's trust, a missed one leaves the articles' own words standing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from itertools import combinations

from rag.answer.asked import AnswerType, Asked
from rag.answer.claims import ClaimedValue, Interpreted, concerns, interpreted, one_event
from rag.answer.values import Relation, WordValue, relation
from rag.english.lexicon import FALL_VERBS, REVISE_VERBS, RISE_VERBS, UPDATE_WORDS, alternation, forms
from rag.english.matching import squad_normalise
from rag.english.names import alike
from rag.english.normalise import content_stems, words
from rag.english.numbers import Figure

__all__ = ["ClaimedValue", "Disagreement", "Group", "find"]


@dataclass(frozen=True, slots=True)
class Group:
    """One value, in the words of its best claim, and every claim that gives it, best first."""

    value: str
    claims: tuple[ClaimedValue, ...]


@dataclass(frozen=True, slots=True)
class Disagreement:
    """Different values for the same thing, from at least two articles; the group of the surest claim first.

    `about` is the question. If `later` is set this is no conflict: that group, one of `groups`, says that it
    updates the others, and none of those appeared after it.
    """

    about: str
    groups: tuple[Group, ...]
    later: Group | None = None


def find(question: str, claims: Sequence[ClaimedValue]) -> list[Disagreement]:
    """The disagreements among what articles say in answer to a question, in whatever order the claims come;
    the one with the surest claim first.

    Hand in only claims that the reader believes: each of them counts, and `score` only orders them. The work
    grows with the square of their number.
    """
    asked = Asked.of(question, (claim.source.passage.text for claim in claims))
    read = [claim for said in _ordered(claims) if concerns(asked, claim := interpreted(asked, said))]
    groups = _with_a_surest_claim(asked, _by_value(asked, read))
    pairs = combinations(range(len(groups)), 2)
    relations = {(g, h): _between_groups(asked, groups[g], groups[h]) for g, h in pairs}
    related = [pair for pair, kind in relations.items() if kind is not Relation.UNRELATED]
    found: list[Disagreement] = []
    for members in _components(len(groups), related):
        kinds = {relations[pair] for pair in combinations(members, 2)}
        if kinds & {Relation.RIVAL, Relation.UPDATE}:
            shown = tuple(_shown(groups[m]) for m in members)
            later = None if Relation.RIVAL in kinds else shown[_newest_update([groups[m] for m in members])]
            found.append(Disagreement(question.strip(), shown, later))
    return found


def _order(claim: ClaimedValue) -> tuple[float, str, int, int, int]:
    return -claim.score, claim.source.article.id, claim.start, claim.end, claim.source.passage.start


def _ordered(claims: Iterable[ClaimedValue]) -> list[ClaimedValue]:
    """Surest first, then by article and place; the same words of one article once."""
    once: dict[tuple[str, int, int], ClaimedValue] = {}
    for claim in sorted(claims, key=_order):
        once.setdefault((claim.source.article.id, claim.start, claim.end), claim)
    return list(once.values())


# --- two claims ---------------------------------------------------------------------------------------


def _between_claims(asked: Asked, a: Interpreted, b: Interpreted) -> Relation:
    """How two claims stand to each other, by their values and by what they deny."""
    phrases = isinstance(a.value, WordValue) and isinstance(b.value, WordValue)
    if a.denied != b.denied:
        opposed = phrases and (_share_a_word(a, b) or _both_answer(asked, a, b))
        return Relation.RIVAL if opposed else Relation.UNRELATED
    found = relation(a.value, b.value)
    one = asked.type is AnswerType.ONE or (asked.type is AnswerType.PLACE and not _know_each_other(a, b))
    return Relation.UNRELATED if found is Relation.RIVAL and phrases and not one else found


def _share_a_word(a: Interpreted, b: Interpreted) -> bool:
    """Whether the values speak of one thing: an ally, an alliance."""
    return any(
        alike(x, y) or (min(len(x), len(y)) >= 4 and (x.startswith(y) or y.startswith(x)))
        for x in content_stems(a.claim.value)
        for y in content_stems(b.claim.value)
    )


def _both_answer(asked: Asked, a: Interpreted, b: Interpreted) -> bool:
    """Whether both sentences hold what a yes-or-no question asks: then one says yes and the other no."""
    return asked.type is AnswerType.POLAR and all(
        asked.stems <= set(content_stems(claim.claim.sentence)) for claim in (a, b)
    )


def _know_each_other(a: Interpreted, b: Interpreted) -> bool:
    """Whether one claim's value is named around the other: the town and the province it lies in."""
    return any(
        all(any(alike(w, c) for c in y.context) for w in words(x.claim.value)) for x, y in ((a, b), (b, a))
    )


# --- groups -------------------------------------------------------------------------------------------

_Claims = list[Interpreted]


def _by_value(asked: Asked, claims: Sequence[Interpreted]) -> list[_Claims]:
    """The claims by value: each joins the first group whose best claim says the same."""
    groups: list[_Claims] = []
    for claim in claims:
        home = next((g for g in groups if _between_claims(asked, g[0], claim) is Relation.SAME), None)
        if home is None:
            groups.append([claim])
        else:
            home.append(claim)
    return groups


def _with_a_surest_claim(asked: Asked, groups: Sequence[_Claims]) -> list[_Claims]:
    """The groups that hold some article's surest claim of its type: an article has one voice, though it gives
    other figures.

    Of its figures the surest counts that can be compared with the surest of all: an article that counts the
    children who died, and then all who did, says how many died.
    """
    claims = sorted((claim for group in groups for claim in group), key=lambda claim: _order(claim.claim))
    surest: dict[tuple[str, type], Interpreted] = {}
    counted = [claim for claim in claims if isinstance(claim.value, Figure)]
    for claim in counted:
        if _between_claims(asked, counted[0], claim) is not Relation.UNRELATED:
            surest.setdefault((claim.article, Figure), claim)
    for claim in claims:
        surest.setdefault((claim.article, type(claim.value)), claim)
    return [
        group for group in groups if any(claim is surest[claim.article, type(claim.value)] for claim in group)
    ]


def _between_groups(asked: Asked, g: _Claims, h: _Claims) -> Relation:
    """How two groups stand to each other: rivals only if each has an article that does not give the other's
    value too.
    """
    kinds = {_between_claims(asked, a, b) for a in g for b in h if one_event(asked, a, b)}
    if Relation.RIVAL not in kinds:
        return Relation.COMPATIBLE if Relation.COMPATIBLE in kinds else Relation.UNRELATED
    if _articles(g, h) <= _articles(h, g) or _articles(h, g) <= _articles(g, h):
        return Relation.UNRELATED
    if all(a.is_version_of(b) for a in g for b in h):
        return Relation.UNRELATED
    return Relation.UPDATE if _replaces(g, h) or _replaces(h, g) else Relation.RIVAL


def _components(size: int, edges: Sequence[tuple[int, int]]) -> Iterator[list[int]]:
    """The numbers below `size` that edges connect, in order; those without an edge are left out.

    >>> list(_components(5, [(0, 3), (1, 2), (3, 1)]))
    [[0, 1, 2, 3]]
    """
    left = set(range(size))
    while left:
        members, reached = set(), {min(left)}
        while reached:
            members |= reached
            reached = {y for a, b in edges for x, y in ((a, b), (b, a)) if x in members} - members
        left -= members
        if len(members) > 1:
            yield sorted(members)


def _shown(group: _Claims) -> Group:
    """The group as a reader sees it, by the value of its best claim."""
    return Group(group[0].claim.shown, tuple(claim.claim for claim in group))


# --- near-copies --------------------------------------------------------------------------------------

_COPY = 0.7  # of a sentence's runs of three words, that a near-copy of it holds


def _articles(group: _Claims, others: _Claims) -> set[str]:
    """The articles that give a group's value: its own, and those of the others that hold a near-copy of its
    sentence.
    """
    copies = {o.article for o in others if any(_repeats(o.claim, c.claim) for c in group)}
    return {claim.article for claim in group} | copies


def _repeats(other: ClaimedValue, claim: ClaimedValue) -> bool:
    """Whether the other's passage holds nearly the same sentence with the same value: wire copy, the same
    text twice.
    """
    text = other.source.passage.text
    if _between_neighbours(claim) not in f" ^ ^ {_normal(text)} $ $ ":
        return False
    sought = _runs(claim.sentence)
    return bool(sought) and len(sought & _runs(text)) >= _COPY * len(sought)


def _between_neighbours(claim: ClaimedValue) -> str:
    """The value with two words on either side, so that "two hundred" does not stand in "two hundred and
    fifty".
    """
    text, at = claim.source.passage.text, claim.source.passage.start
    # A few words are enough, and passages may be long.
    before = squad_normalise(text[max(claim.start - at - 40, 0) : claim.start - at]).split()
    after = squad_normalise(text[claim.end - at : claim.end - at + 40]).split()
    return f" {' '.join([*['^', '^', *before][-2:], squad_normalise(claim.value), *[*after, '$', '$'][:2]])} "


@lru_cache(maxsize=256)
def _normal(text: str) -> str:
    return squad_normalise(text)


@lru_cache(maxsize=256)
def _runs(text: str) -> frozenset[tuple[str, ...]]:
    said = words(text)
    return frozenset(zip(said, said[1:], said[2:], strict=False))


# --- updates ------------------------------------------------------------------------------------------


_NOT_YET = "yet"


def _changing(verbs: Iterable[str]) -> re.Pattern[str]:
    """One of the verbs, and behind it the preposition before the new value: "has risen since Monday to"."""
    return re.compile(
        rf"\b(?:{alternation(forms(verbs))})\b[^.;]{{0,30}}\b(?:to|until|at|is)\b[^.;]{{0,20}}\Z",
        re.IGNORECASE,
    )


_RISEN, _FALLEN, _REVISED = map(_changing, (RISE_VERBS, FALL_VERBS, REVISE_VERBS))


def _replaces(new: _Claims, old: _Claims) -> bool:
    """Whether a claim of the one updates the other, in which nothing is newer or of unknown date."""
    dates = [claim.published for claim in old]
    return any(
        n.published is not None
        and all(day is not None and day <= n.published for day in dates)
        and (_says_an_update(n, old[0]) or all(_is_a_later_report(n, o) for o in old))
        for n in new
    )


def _says_an_update(new: Interpreted, old: Interpreted) -> bool:
    """Whether a claim's sentence says that its value is a change ("has risen to nine", "now"), or the other's
    that it may change ("not yet").
    """
    before = new.claim.before
    if _REVISED.search(before) or UPDATE_WORDS & set(words(new.claim.sentence)):
        return True
    if old.denied and _NOT_YET in words(old.claim.sentence):
        return True
    if not (isinstance(new.value, Figure) and isinstance(old.value, Figure)):
        return False
    change = _RISEN if new.value.value > old.value.value else _FALLEN
    return bool(change.search(before))


def _is_a_later_report(new: Interpreted, old: Interpreted) -> bool:
    """Whether a publication gives another figure on a later day: it has brought its own count up to date."""
    ours, theirs = new.claim.source.article, old.claim.source.article
    return (
        isinstance(new.value, Figure)
        and ours.source is not None
        and ours.source == theirs.source
        and ours.published != theirs.published
    )


def _newest_update(groups: Sequence[_Claims]) -> int:
    """Which group replaces others and is the newest; one must."""
    newest = [
        max((claim.published for claim in g if claim.published), default=date.min)
        if any(_replaces(g, h) for h in groups)
        else date.min
        for g in groups
    ]
    return newest.index(max(newest))
