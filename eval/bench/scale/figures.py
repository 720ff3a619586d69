"""Small sums over figures, and how they are written down. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

__all__ = ["admitting", "percentile", "recall", "said", "slope", "spread", "table"]

Number = float | int | None


def percentile(values: Iterable[float], share: float) -> float | None:
    """The least value that at least a share (0 to 1) of all values do not exceed; `None` without values.

    >>> percentile([30, 10, 20, 40], 0.5), percentile([30, 10, 20, 40], 0.95), percentile([], 0.5)
    (20, 40, None)
    """
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else None


def spread(values: Iterable[float]) -> dict[str, float | None]:
    """The middle and the slowest but one in twenty, as they are kept.

    >>> spread([1, 2, 3, 4])
    {'p50': 2, 'p95': 4}
    """
    known = list(values)
    return {"p50": percentile(known, 0.5), "p95": percentile(known, 0.95)}


def slope(first: tuple[float, Number], last: tuple[float, Number]) -> float | None:
    """How a figure grows with a size, from two (size, figure): the exponent of the power law through both. 0
    stays the same, 1 grows in proportion, −1 falls in proportion. `None` where one is missing or not above 0,
    or the sizes are equal.

    >>> slope((1_000, 2.0), (100_000, 20.0)), slope((1_000, 5.0), (10_000, 5.0))
    (0.5, 0.0)
    >>> slope((1_000, None), (10_000, 5.0)) is None
    True
    """
    (small, low), (large, high) = first, last
    if not low or not high or min(low, high, small) <= 0 or small == large:
        return None
    return math.log(high / low) / math.log(large / small)


def recall(scores: Sequence[float], best: Sequence[float], k: int) -> float | None:
    """Of the k best there are, the share that was found, from the exact scores of what was found and those of
    the true best, best first. What is as good as the k-th best counts as one of them: articles that two
    outlets print have equal vectors. `None` where there is nothing to be found.

    >>> recall([0.9, 0.5], [0.9, 0.8, 0.5], 2), recall([0.9, 0.8, 0.7], [0.9, 0.8, 0.8], 2), recall([], [], 2)
    (0.5, 1.0, None)
    """
    wanted = min(k, len(best))
    if not wanted:
        return None
    least = best[wanted - 1] - 1e-6  # float32
    return sum(score >= least for score in list(scores)[:k]) / wanted


def admitting(counts: dict[str, int], least: int) -> str | None:
    """The name with the smallest count that is at least so much, or the largest there is; equal ones by name.

    >>> admitting({"a": 1, "b": 7, "c": 30}, 5), admitting({"a": 1}, 5), admitting({}, 5)
    ('b', 'a', None)
    """
    enough = [(count, name) for name, count in counts.items() if count >= least]
    return min(enough)[1] if enough else max(counts, key=lambda name: (counts[name], name), default=None)


def said(value: object) -> str:
    """A figure as it stands in a table: three digits that count, an empty cell for what there is not.

    >>> [said(v) for v in (None, 1234567, 1234.5, 12.345, 0.01234, 0.0, "txt")]
    ['', '1,234,567', '1,234', '12.3', '0.0123', '0', 'txt']
    """
    if value is None:
        return ""
    if isinstance(value, float):
        if value == 0:
            return "0"
        decimals = max(0, 2 - math.floor(math.log10(abs(value))))
        return f"{value:,.{decimals}f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table in Markdown.

    >>> print(table(["size", "ms"], [[1000, 1.5]]))
    | size | ms |
    |---|---|
    | 1,000 | 1.50 |
    """
    lines = [heads, ["---"] * len(heads), *([said(cell) for cell in row] for row in rows)]
    return "\n".join(
        "|---" * len(heads) + "|" if line[0] == "---" else f"| {' | '.join(line)} |" for line in lines
    )
