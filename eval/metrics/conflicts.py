"""Whether sources that disagree are laid side by side. Ours; no paper's.

A case is one question: `(gold_conflict, gold_values, found)`. `gold_conflict` says whether its articles
disagree; `gold_values` are the values they give, each as the list of its acceptable wordings; `found` are the
conflicts the program showed, each as its values.

A found conflict is right if the case is a gold conflict and two different gold values are met by two
different found values. A found value meets a gold value if the one stands in the other, either way round, as
whole normalised words: "at least nine" meets "nine". This is generous: "people" also meets "nine people".
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from rag.english.matching import contained, squad_normalise

__all__ = ["ConflictCase", "conflict_precision", "conflict_recall"]

ConflictCase = tuple[bool, Sequence[Sequence[str]], Sequence[Sequence[str]]]


def conflict_recall(cases: Sequence[ConflictCase]) -> float | None:
    """The share of gold conflicts for which at least one right conflict was found, 0 to 1; `None` without
    any.

    >>> nine_or_ten = [["nine", "9"], ["ten", "10"]]
    >>> conflict_recall([(True, nine_or_ten, [["9 people", "10 people"]]), (True, nine_or_ten, [])])
    0.5
    """
    found = [any(verdicts) for gold_conflict, verdicts in map(_judged, cases) if gold_conflict]
    return sum(found) / len(found) if found else None


def conflict_precision(cases: Sequence[ConflictCase]) -> float | None:
    """The share of found conflicts that are right, 0 to 1, over all cases; `None` if none was found.

    Two right ones of the same case count as two.

    >>> nine_or_ten = [["nine", "9"], ["ten", "10"]]
    >>> conflict_precision([(True, nine_or_ten, [["9", "10"]]), (False, [], [["May", "June"]])])
    0.5
    """
    found = [verdict for _, verdicts in map(_judged, cases) for verdict in verdicts]
    return sum(found) / len(found) if found else None


def _judged(case: ConflictCase) -> tuple[bool, list[bool]]:
    """Whether the case is a gold conflict, and for each found conflict whether it is right."""
    gold_conflict, gold_values, found = case
    if gold_conflict and len(gold_values) < 2:
        raise ValueError(f"a gold conflict needs at least two values, but this one has {len(gold_values)}")
    return gold_conflict, [gold_conflict and _lays_two_side_by_side(values, gold_values) for values in found]


def _lays_two_side_by_side(found_values: Sequence[str], gold_values: Sequence[Sequence[str]]) -> bool:
    different = sorted({squad_normalise(value) for value in found_values})  # "9" and "9." are one value
    met = [
        (g, f)
        for g, gold in enumerate(gold_values)
        for f, value in enumerate(different)
        if _meets(value, gold)
    ]
    return any(g != other_g and f != other_f for (g, f), (other_g, other_f) in combinations(met, 2))


def _meets(value: str, gold: Sequence[str]) -> bool:
    return contained(value, gold) or any(contained(wording, [value]) for wording in gold)
