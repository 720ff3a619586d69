"""One ranking out of several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

__all__ = ["fuse"]


def fuse(
    rankings: Sequence[Sequence[str]], *, k: int = 60, further: Mapping[str, int] = {}
) -> list[tuple[str, float]]:
    """Merge rankings of passage keys by reciprocal rank: the sum of 1 / (k + rank), rank from 1.

    `further` holds ranks from one more ranking, in which several keys may share a rank; it adds no keys of
    its own.

    Cormack, Clarke and Buettcher, SIGIR 2009. Equal scores order by key, so the same rankings
    always give the same list.

    >>> fuse([["a", "b"], ["b", "c"]], k=1)
    [('b', 0.8333333333333333), ('a', 0.5), ('c', 0.3333333333333333)]
    >>> fuse([["a", "b", "c"]], k=1, further={"b": 1, "c": 1, "d": 2})
    [('b', 0.8333333333333333), ('c', 0.75), ('a', 0.5)]
    """
    scores: dict[str, float] = {}
    for ranking in rankings:
        for rank, key in enumerate(ranking, 1):
            scores[key] = scores.get(key, 0.0) + 1 / (k + rank)
    for key in scores:
        if key in further:
            scores[key] += 1 / (k + further[key])
    return sorted(scores.items(), key=lambda item: (-item[1], item[0]))
