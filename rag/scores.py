"""Probabilities and scores: the logarithm of odds, and how well scores separate two kinds."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence

__all__ = ["auroc", "log_odds"]


def log_odds(p: float) -> float:
    """The logarithm of the odds of a probability, which is kept a millionth away from 0 and 1.

    >>> round(log_odds(0.9), 3), log_odds(0.5), round(log_odds(1.0), 1)
    (2.197, 0.0, 13.8)
    """
    kept = min(max(p, 1e-6), 1 - 1e-6)
    return math.log(kept / (1 - kept))


def auroc(scores_answerable: Sequence[float], scores_unanswerable: Sequence[float]) -> float | None:
    """How often an answerable question outscores an unanswerable one, over all pairs; a tie counts half.

    The area under the ROC curve as Mann and Whitney's statistic (Hanley and McNeil, Radiology 1982). From 0
    to 1: 0.5 is chance, 1 a perfect separation. `None` if either side is empty.

    >>> auroc([3, 2], [2, 1])  # three pairs of four, and one tie
    0.875
    """
    if any(math.isnan(score) for score in (*scores_answerable, *scores_unanswerable)):
        raise ValueError("a score is not a number (NaN): leave out the questions that have no score")
    if not scores_answerable or not scores_unanswerable:
        return None
    below = sorted(scores_unanswerable)
    twice = sum(bisect_left(below, score) + bisect_right(below, score) for score in scores_answerable)
    return twice / (2 * len(scores_answerable) * len(below))
