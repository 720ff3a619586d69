"""How sure a mean over so many questions is.

Questions are drawn again, with replacement, from those that have a value (Efron, Annals of Statistics 1979).
Values are sorted before drawing, so the same values and the same seed give the same interval, in whatever
order they come.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["Statistic", "bootstrap", "paired_difference"]

Statistic = Callable[[NDArray[np.float64]], float]


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean())


def bootstrap(
    values: Sequence[float | None],
    *,
    statistic: Statistic = _mean,
    resamples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> tuple[float, float] | None:
    """The percentile bootstrap interval of a statistic, by default the mean: (low, high).

    Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13. In the unit of the values.
    `None` values are left out; the result is `None` if fewer than two are left. Values that are all equal
    give an interval without width, which says that none differed, not that the mean is certain.

    >>> low, high = bootstrap([0.0, 1.0] * 50)  # 0.5 plus or minus 1.96 standard errors of 0.05
    >>> round(low, 1), round(high, 1)
    (0.4, 0.6)
    """
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, unlike {level}")
    if resamples < 1:
        raise ValueError(f"resamples must be at least 1, not {resamples}")
    present = np.array(sorted(float(value) for value in values if value is not None))
    if len(present) < 2:
        return None
    rng = np.random.default_rng(seed)
    drawn = [statistic(present[rng.integers(len(present), size=len(present))]) for _ in range(resamples)]
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def paired_difference(
    a: Sequence[float | None],
    b: Sequence[float | None],
    *,
    resamples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> tuple[float, float, float] | None:
    """The mean of a - b over the same questions, with its bootstrap interval: (difference, low, high).

    Paired bootstrap (Koehn, EMNLP 2004). Positive where a is higher. Questions for which either has no value
    are left out; `None` if fewer than two are left. An interval that holds 0 leaves open which is higher.

    >>> paired_difference([0.75, 1.0, None, 0.5], [0.5, 0.75, 1.0, 0.25])
    (0.25, 0.25, 0.25)
    """
    pairs = zip(a, b, strict=True)
    differences = [float(x) - float(y) for x, y in pairs if x is not None and y is not None]
    interval = bootstrap(differences, resamples=resamples, level=level, seed=seed)
    if interval is None:
        return None
    return _mean(np.array(sorted(differences))), *interval
