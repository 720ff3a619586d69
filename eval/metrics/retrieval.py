"""How well a ranking finds the gold facts of one question.

A ranking is given as `facts_at`: for each rank, from 1, the gold facts that the item at that rank supports,
as indices from 0. An item that supports none is irrelevant. What an item is, a passage or an article, and
when it supports a fact, the caller decides. `facts` is how many gold facts the question has; without any,
every function here returns `None`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from math import log2

__all__ = ["average_precision", "hit_at", "mrr", "multihop_average_precision", "ndcg"]


def hit_at(facts_at: Sequence[Collection[int]], facts: int, k: int) -> float | None:
    """Hits@k: 1.0 if one of the first k items supports any gold fact, else 0.0.

    As in MultiHop-RAG (Tang and Yang, COLM 2024), where one fact of several is enough.

    >>> hit_at([[], [1], [0]], facts=2, k=1), hit_at([[], [1], [0]], facts=2, k=2)
    (0.0, 1.0)
    """
    _refuse_nonsense(facts_at, facts, k)
    if facts == 0:
        return None
    return float(any(facts_at[:k]))


def mrr(facts_at: Sequence[Collection[int]], facts: int, k: int = 10) -> float | None:
    """MRR@k for one question: 1 / the rank of the first relevant item, 0.0 if there is none in the first k.

    Voorhees, TREC-8 question answering track, 1999. From 0 to 1.

    >>> mrr([[], [1], [0]], facts=2)
    0.5
    """
    _refuse_nonsense(facts_at, facts, k)
    if facts == 0:
        return None
    return next((1 / rank for rank, found in enumerate(facts_at[:k], start=1) if found), 0.0)


def ndcg(facts_at: Sequence[Collection[int]], facts: int, k: int = 10) -> float | None:
    """nDCG@k: each fact found in the first k items earns 1 / log2(1 + rank), divided by what the best ranking
    earns.

    Järvelin and Kekäläinen, ACM TOIS 2002, with gains of 0 and 1. From 0 to 1. The best ranking has one new
    fact at each of the ranks 1 to min(facts, k). A fact found again earns nothing, and an item with several
    new facts earns for each, the i-th fact never more than at rank i: see `_credited_ranks`.

    >>> ndcg([[0], [], [1]], facts=2)  # (1 + 1/2) / (1 + 1/log2(3))
    0.9197207891481876
    >>> ndcg([[0, 1]], facts=2)
    1.0
    """
    _refuse_nonsense(facts_at, facts, k)
    if facts == 0:
        return None
    best = sum(1 / log2(1 + rank) for rank in range(1, min(facts, k) + 1))
    return sum(1 / log2(1 + rank) for rank in _credited_ranks(facts_at, k)) / best


def average_precision(facts_at: Sequence[Collection[int]], facts: int, k: int = 10) -> float | None:
    """MAP@k for one question: the precision at each relevant rank, summed and divided by min(facts, k).

    Buckley and Voorhees, SIGIR 2000; cut at k. From 0 to 1. How many relevant items there are is not known,
    since any number of passages may state a fact, so each gold fact stands for one relevant item: the i-th
    fact found, at rank r, counts min(1, i / r); a fact found again counts nothing; a fact not found in the
    first k counts 0. Where each item supports one fact and no two the same, this is the textbook's figure
    (trec_eval's `map_cut` differs for more than k facts: it divides by all of them).

    >>> average_precision([[0], [], [1], [1]], facts=2)  # (1/1 + 2/3) / 2
    0.8333333333333333
    >>> average_precision([[0, 1]], facts=2)
    1.0
    """
    _refuse_nonsense(facts_at, facts, k)
    if facts == 0:
        return None
    ranks = _credited_ranks(facts_at, k)
    return sum(i / rank for i, rank in enumerate(ranks, start=1)) / min(facts, k)


def multihop_average_precision(facts_at: Sequence[Collection[int]], facts: int, k: int = 10) -> float | None:
    """MAP@k for one question as MultiHop-RAG's script computes it: new facts / rank, summed, over min(facts,
    k).

    Tang and Yang, COLM 2024, `retrieval_evaluate.py`. Facts found before are left out of the numerator, so a
    perfect ranking of two facts, one an item, gets 0.75, and up to k facts none gets more than its
    `average_precision`. Use it only beside that paper's table. From 0 to 1; beyond k facts, more is possible.

    >>> multihop_average_precision([[0], [1]], facts=2)  # (1/1 + 1/2) / 2
    0.75
    """
    _refuse_nonsense(facts_at, facts, k)
    if facts == 0:
        return None
    return sum(count / rank for rank, count in enumerate(_new_facts(facts_at, k), start=1)) / min(facts, k)


def _new_facts(facts_at: Sequence[Collection[int]], k: int) -> list[int]:
    """For each of the first k ranks, how many facts are found there and nowhere before.

    >>> _new_facts([[0], [0, 2], [1]], k=2)
    [1, 1]
    """
    new: list[int] = []
    seen: set[int] = set()
    for found in facts_at[:k]:
        new.append(len(set(found) - seen))
        seen.update(found)
    return new


def _credited_ranks(facts_at: Sequence[Collection[int]], k: int) -> list[int]:
    """The rank at which each found fact counts, in order of finding, up to k.

    The i-th fact found counts at the rank of its item, or at i if that is later: two facts in the first item
    earn what two items at ranks 1 and 2 would, and no ranking earns more than the best.

    >>> _credited_ranks([[0, 1], [1], [2]], k=10)
    [1, 2, 3]
    """
    ranks = [rank for rank, count in enumerate(_new_facts(facts_at, k), start=1) for _ in range(count)]
    return [max(i, rank) for i, rank in enumerate(ranks, start=1) if i <= k]


def _refuse_nonsense(facts_at: Sequence[Collection[int]], facts: int, k: int) -> None:
    if k < 1:
        raise ValueError(f"k must be at least 1, not {k}")
    if facts < 0:
        raise ValueError(f"the number of gold facts is {facts}: it cannot be negative")
    for rank, found in enumerate(facts_at, start=1):
        if unknown := sorted(fact for fact in found if not 0 <= fact < facts):
            raise ValueError(
                f"rank {rank} supports fact {unknown[0]}, but there are {facts} gold facts, numbered from 0"
            )
