"""One ranking out of several."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["fuse"]


def fuse(rankings: Sequence[Sequence[str]], *, k: int = 60) -> list[tuple[str, float]]:
    """Merge rankings of passage keys by reciprocal rank: the sum of 1 / (k + rank), rank from 1.

    Cormack, Clarke and Buettcher, SIGIR 2009. Equal scores order by key, so the same rankings
    always give the same list.

    >>> fuse([["a", "b"], ["b", "c"]], k=1)
    [('b', 0.8333333333333333), ('a', 0.5), ('c', 0.3333333333333333)]
    """
    scores: dict[str, float] = {}
    for ranking in rankings:
        for rank, key in enumerate(ranking, 1):
            scores[key] = scores.get(key, 0.0) + 1 / (k + rank)
    return sorted(scores.items(), key=lambda item: (-item[1], item[0]))
