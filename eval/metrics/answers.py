"""How an answer's words compare with the gold answers of one question.

Exact match, token F1 and containment are the project's own, from `rag.english.matching`: evaluation counts
with the same normaliser (SQuAD 1.1) as everything else.
"""

from __future__ import annotations

from collections.abc import Sequence

from rag.english.matching import contained, exact_match, token_f1

__all__ = ["contained", "exact_match", "fact_recall", "token_f1"]


def fact_recall(prediction: str, facts: Sequence[Sequence[str]]) -> float | None:
    """The share of facts of which at least one acceptable answer stands in the prediction, 0 to 1.

    STR-EM of ASQA (Stelmakh et al., EMNLP 2022), on whole normalised words. A fact without acceptable answers
    has no opinion and is left out; `None` if that leaves none. An empty prediction states no fact: 0.0.

    >>> fact_recall("Nine people were killed.", [["nine", "9"], ["Thursday", "18 January"], []])
    0.5
    """
    judged = [answers for answers in facts if answers]
    if not judged:
        return None
    return sum(contained(prediction, answers) for answers in judged) / len(judged)
