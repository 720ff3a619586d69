"""Whether the program declines the questions it should, and how well its scores could tell them apart.

A decision is `(must_decline, declined)`: whether the collection holds no answer, and what the program did.
A score or confidence is any number that is higher the more likely the question can be answered; its scale
does not matter, only its order.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import isnan

from rag.scores import auroc

__all__ = [
    "Decision",
    "aurc",
    "auroc",
    "declined_at_answered",
    "false_answer_rate",
    "false_refusal_rate",
    "risk_coverage",
]

Decision = tuple[bool, bool]


def false_answer_rate(decisions: Sequence[Decision]) -> float | None:
    """The share of questions to be declined that were answered, 0 (best) to 1; `None` if none was to be
    declined.

    The unanswerable questions are those of SQuAD 2.0's kind (Rajpurkar, Jia and Liang, ACL 2018).

    >>> false_answer_rate([(True, True), (True, False), (False, False)])
    0.5
    """
    declined = [declined for must_decline, declined in decisions if must_decline]
    return declined.count(False) / len(declined) if declined else None


def false_refusal_rate(decisions: Sequence[Decision]) -> float | None:
    """The share of answerable questions that were declined, 0 (best) to 1; `None` if none was answerable.

    The other side of `false_answer_rate`: declining everything makes that 0 and this 1.

    >>> false_refusal_rate([(True, True), (False, True), (False, False), (False, False)])
    0.3333333333333333
    """
    declined = [declined for must_decline, declined in decisions if not must_decline]
    return declined.count(True) / len(declined) if declined else None


def risk_coverage(confidences: Sequence[float], correct: Sequence[bool]) -> list[tuple[float, float]]:
    """The risk (share wrong of those answered) at each coverage (share answered), least coverage first.

    El-Yaniv and Wiener, JMLR 2010. One point for each different confidence: a threshold there answers all
    questions that have it, so the order in which they are given does not matter. Both are shares, 0 to 1; the
    last point is (1.0, the share wrong of all). Empty for no questions.

    >>> risk_coverage([0.9, 0.8, 0.8, 0.1], [True, True, False, False])
    [(0.25, 0.0), (0.75, 0.3333333333333333), (1.0, 0.5)]
    """
    _refuse_nan(confidences)
    ranked = sorted(zip(confidences, correct, strict=True), key=lambda pair: -pair[0])
    points: list[tuple[float, float]] = []
    wrong = 0
    for answered, (confidence, right) in enumerate(ranked, start=1):
        wrong += not right
        if answered == len(ranked) or ranked[answered][0] != confidence:
            points.append((answered / len(ranked), wrong / answered))
    return points


def aurc(confidences: Sequence[float], correct: Sequence[bool]) -> float | None:
    """The area under the risk-coverage curve, 0 (best) to 1; `None` for no questions.

    Geifman, Uziel and El-Yaniv, ICLR 2019: without ties, the mean of the risks of the first 1, 2, … n
    questions. The risk of a tie is that of the whole tie, over all the coverage it adds.

    >>> aurc([0.9, 0.1], [True, False])  # (0 + 1/2) / 2
    0.25
    """
    points = risk_coverage(confidences, correct)
    if not points:
        return None
    return sum(
        risk * (coverage - before) for (before, _), (coverage, risk) in pairwise([(0.0, 0.0), *points])
    )


def declined_at_answered(
    scores_answerable: Sequence[float], scores_unanswerable: Sequence[float], answered: float = 0.75
) -> float | None:
    """The share of unanswerable questions declined at the strictest threshold that still answers enough, 0 to
    1.

    Enough is at least `answered` (0 excluded, to 1) of the answerable ones; a score equal to the threshold is
    answered. The specificity at a given sensitivity, as read off a ROC curve. `None` if either side is empty.

    >>> declined_at_answered([9, 8, 7, 1], [8, 6, 5, 2])  # the threshold is 7
    0.75
    """
    if not 0 < answered <= 1:
        raise ValueError(f"answered must lie above 0 and not above 1, unlike {answered}")
    _refuse_nan(scores_answerable, scores_unanswerable)
    if not scores_answerable or not scores_unanswerable:
        return None
    highest_first = sorted(scores_answerable, reverse=True)
    # Counted, not ceil(answered * n): 0.55 * 100 is 55.00000000000001, which would ask for 56.
    threshold = next(s for n, s in enumerate(highest_first, start=1) if n / len(highest_first) >= answered)
    return sum(score < threshold for score in scores_unanswerable) / len(scores_unanswerable)


def _refuse_nan(*scores: Sequence[float]) -> None:
    # A NaN compares with nothing: sorting would go through and mean nothing.
    if any(isnan(score) for some in scores for score in some):
        raise ValueError("a score is not a number (NaN): leave out the questions that have no score")
