"""The systems of `eval.bench.peers` as a collection grows: the same passages, the same vectors, given to
them.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from eval.bench import peers
from eval.bench.scale.figures import spread
from eval.bench.scale.watch import holding
from eval.bench.scale.work import WARM, Work
from rag.system.installed import how_to_add

__all__ = ["NAMES", "expected", "peer"]

_CUTS = "llama-index defaults"  # cuts passages of its own, for which there are no vectors
NAMES = tuple(name for name in peers.SYSTEMS if name != _CUTS)
_MOST = 12_000.0  # MB
_ASKING = 4  # a system is asked for so many times less than the patience there is for indexing


def expected(before: Sequence[tuple[int, Mapping[str, Any]]], size: int, patience: float) -> str | None:
    """Why a system is not tried at a size, from what it took at smaller ones, smallest first, in proportion;
    `None` where it is.

    >>> figures = {"seconds": 50.0, "memory_mb": 900.0}
    >>> expected([(1_000, figures)], 10_000, 900.0), expected([(1_000, figures)], 20_000, 900.0)
    (None, '1,000 s of indexing are to be expected')
    >>> killed = {"left_out": "it was killed"}
    >>> expected([(1_000, {"seconds": 1.0, "memory_mb": 900.0}), (5_000, killed)], 10_000, 900.0)
    'it was killed at 5,000'
    """
    if not before:
        return None
    smaller, figures = before[-1]
    if "left_out" in figures:
        reason = str(figures["left_out"])
        return reason if "not installed" in reason or " at " in reason else f"{reason} at {smaller:,}"
    seconds, megabytes = (figures[name] * size / smaller for name in ("seconds", "memory_mb"))
    if seconds > patience:
        return f"{seconds:,.0f} s of indexing are to be expected"
    return f"{megabytes:,.0f} MB are to be expected" if megabytes > _MOST else None


def peer(work: Work, name: str, size: int) -> dict[str, Any]:
    """Seconds of indexing, milliseconds of a question for 8 passages (its encoding included), and memory
    grown from before indexing to the last question, in MB."""
    config = work.config(size)
    passages = peers.passages(config, work.passages(size), whole=False)
    vectors = peers.Vectors(work.passages(size))
    vectors.question("load the model before the clock starts")
    before = holding()
    try:
        system = peers.SYSTEMS[name](vectors, config.home)
        began = time.perf_counter()
        system.index(passages)
    except ImportError as exc:
        return {"left_out": f"{exc.name or name} is not installed: {how_to_add('peers')}"}
    seconds = time.perf_counter() - began
    times: list[float] = []
    started = time.perf_counter()
    for number, question in enumerate(work.asked()):
        if times and time.perf_counter() - started > work.patience / _ASKING:
            break
        began = time.perf_counter()
        system.search(question["question"], date.fromisoformat(question["date"]), 8)
        if number >= WARM:
            times.append((time.perf_counter() - began) * 1000)
    # The product's own collection was made before.
    rate = None if isinstance(system, peers.Clippings) else len(passages) / seconds
    return {
        "passages": len(passages),
        "seconds": seconds,
        "per_second": rate,
        "questions": len(times),
        "ms": spread(times),
        "memory_mb": holding().get("resident", 0.0) - before.get("resident", 0.0),
    }
