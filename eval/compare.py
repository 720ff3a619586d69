"""Two reports over the same cases, side by side: which cases changed sides, and is the difference more than
noise?

python -m eval.compare BEFORE.json AFTER.json
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from eval.metrics.interval import paired_difference
from eval.run import Report, Row, read_report
from rag.errors import ConfigError

__all__ = ["Change", "Comparison", "compare", "main"]

_SIDES = {"hit@5": 1.0, "fact_coverage": 1.0}  # a case is on the right side when it reaches this


@dataclass(frozen=True, slots=True)
class Change:
    """A metric before and after over the cases both have an opinion on; `low` and `high` bound the mean
    difference.
    """

    metric: str
    before: float
    after: float
    difference: float
    low: float
    high: float
    cases: int

    @property
    def beyond_noise(self) -> bool:
        """Whether the 95 % interval of the difference leaves zero out."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True, slots=True)
class Comparison:
    """All changes, and for each metric with sides the ids that were won and lost."""

    changes: tuple[Change, ...]
    won: dict[str, tuple[str, ...]]
    lost: dict[str, tuple[str, ...]]
    unpaired: tuple[str, ...]


def compare(before: Report, after: Report) -> Comparison:
    """Pair the rows of two reports by id. Raises `ConfigError` when they have no case in common."""
    first = {row.id: row for row in before.rows}
    second = {row.id: row for row in after.rows}
    common = sorted(first.keys() & second.keys())
    if not common:
        raise ConfigError("the two reports have no case in common, so there is nothing to compare")
    names = sorted({name for row in (*before.rows, *after.rows) for name in _measures(row)})
    changes: list[Change] = []
    won: dict[str, tuple[str, ...]] = {}
    lost: dict[str, tuple[str, ...]] = {}
    for name in names:
        pairs = [
            (case, _measures(first[case])[name], _measures(second[case])[name])
            for case in common
            if name in _measures(first[case]) and name in _measures(second[case])
        ]
        if found := paired_difference([b for _, _, b in pairs], [a for _, a, _ in pairs]):
            difference, low, high = found
            mean = [
                sum(values) / len(pairs) for values in ([a for _, a, _ in pairs], [b for _, _, b in pairs])
            ]
            changes.append(Change(name, mean[0], mean[1], difference, low, high, len(pairs)))
        if (least := _SIDES.get(name)) is not None or name == "right_to_answer":
            bar = 1.0 if least is None else least
            won[name] = tuple(case for case, a, b in pairs if a < bar <= b)
            lost[name] = tuple(case for case, a, b in pairs if b < bar <= a)
    return Comparison(tuple(changes), won, lost, tuple(sorted(first.keys() ^ second.keys())))


def _measures(row: Row) -> dict[str, float]:
    """A row's measures, and whether it was right to answer or to decline."""
    return {
        **row.measures,
        "right_to_answer": float(row.error is None and row.must_decline == (row.declined is not None)),
    }


def text(comparison: Comparison) -> str:
    """The comparison for a terminal."""
    lines = [f"{'metric':<20} {'before':>7} {'after':>7} {'change':>8}  95 % interval      cases"]
    for c in comparison.changes:
        sure = "*" if c.beyond_noise else " "
        lines.append(
            f"{c.metric:<20} {c.before:7.3f} {c.after:7.3f} {c.difference:+8.3f}{sure} "
            f"[{c.low:+.3f}, {c.high:+.3f}] {c.cases:6}"
        )
    lines.append("* more than noise: the interval of the paired difference leaves zero out")
    for name in comparison.won:
        lines.append(f"{name}: won {len(comparison.won[name])}, lost {len(comparison.lost[name])}")
        lines += [f"  + {case}" for case in comparison.won[name]] + [
            f"  - {case}" for case in comparison.lost[name]
        ]
    if comparison.unpaired:
        lines.append(f"{len(comparison.unpaired)} cases stand in only one of the reports")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Compare two kept reports and print."""
    parser = argparse.ArgumentParser(
        prog="python -m eval.compare", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    options = parser.parse_args(arguments)
    print(text(compare(read_report(options.before), read_report(options.after))))


if __name__ == "__main__":
    main()
