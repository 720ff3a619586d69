"""Pictures of what was measured. matplotlib, of the optional part `bench`, is needed for these alone."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from eval.bench.scale.dense import METHODS
from eval.bench.scale.report import Found, at
from eval.bench.scale.trip import STEPS
from eval.bench.scale.work import Task
from rag.system.installed import how_to_add

__all__ = ["apart", "draw"]

_COLOURS = (
    "#0072b2",
    "#d55e00",
    "#009e73",
    "#cc79a7",
    "#56b4e9",
    "#e69f00",
    "#000000",
    "#7f7f7f",
)  # Okabe and Ito's
_DOTS = 130
_BYTES = 384  # of a passage's codes

Lines = Mapping[str, Sequence[tuple[float, float]]]


def apart(heights: Mapping[str, float], least: float) -> dict[str, float]:
    """Heights for labels, in their order and at least so far from each other, each as near its own as that
    allows.

    >>> apart({"a": 1.0, "b": 1.25, "c": 5.0}, 0.5)
    {'a': 0.875, 'b': 1.375, 'c': 5.0}
    """
    groups: list[tuple[list[str], float]] = []  # names, and the height of their middle
    for name in sorted(heights, key=lambda n: (heights[n], n)):
        groups.append(([name], heights[name]))
        while len(groups) > 1:
            (low, one), (high, other) = groups[-2:]
            if other - one >= least * (len(low) + len(high)) / 2:
                break
            both = len(low) + len(high)
            groups[-2:] = [(low + high, (one * len(low) + other * len(high)) / both)]
    return {
        name: middle + least * (i - (len(names) - 1) / 2)
        for names, middle in groups
        for i, name in enumerate(names)
    }


def draw(found: Found, sizes: Sequence[int], out: Path) -> None:
    """Write the plots for which there are figures of two sizes at least; without matplotlib say so and write
    none.
    """
    try:
        import matplotlib
    except ImportError:
        print(f"matplotlib is not installed, so no plots are drawn: {how_to_add('bench')}", file=sys.stderr)
        return
    matplotlib.use("Agg")
    held = {size: at(found.get(Task("build", size=size)), "passages") or size for size in sizes}

    def line(part: str, *path: str, of: str = "", times: float = 1.0) -> list[tuple[float, float]]:
        values = ((held[size], at(found.get(Task(part, of, size)), *path)) for size in sizes)
        return [(size, value * times) for size, value in values if value]

    steps = {step: line("trip", "ms", step, "p50") for step in STEPS}
    bands = {step: line("trip", "ms", step, "p95") for step in STEPS}
    _plot(
        out / "trip.png", "A question, step by step: p50, and up to p95 shaded", "milliseconds", steps, bands
    )
    memory = {
        "answering, its own": line("trip", "memory_mb", "after", "anonymous"),
        "answering, files mapped": line("trip", "memory_mb", "after", "file"),
        "writing, its own": line("build", "memory_mb", "most_own"),
    }
    room = {
        name: line("build", "disk_bytes", name, times=1e-6)
        for name in ("catalog", "Chroma", "vectors", "lexical", "whole", "all")
    }
    _plot(
        out / "room.png",
        "Memory and disk",
        "megabytes",
        memory | {f"disk, {name}": some for name, some in room.items()},
        dashed=tuple(memory),
    )
    rates = {
        "writing, encoding apart": line("build", "per_second"),
        "writing, the last batch": line("build", "last_per_second"),
    }
    encoding = at(found.get(Task("vectors")), "per_second")
    if encoding:
        rates["encoding"] = [(size, encoding) for size in held.values()]
    _plot(out / "taking-in.png", "Taking in", "passages a second", rates, dashed=("encoding",))
    searches = {name: line("dense", "ms", "p50", of=name) for name in METHODS}
    slowest = {name: line("dense", "ms", "p95", of=name) for name in METHODS}
    reading = at(found.get(Task("limits", "one")), "read_gb_per_second")
    if reading:
        searches["reading the codes, one thread"] = [
            (size, size * _BYTES / 1e6 / reading) for size in held.values()
        ]
    _plot(
        out / "dense.png", "50 nearest vectors: p50, and up to p95 shaded", "milliseconds", searches, slowest,
        dashed=("reading the codes, one thread",),
    )  # fmt: skip


def _plot(
    path: Path,
    title: str,
    unit: str,
    lines: Lines,
    bands: Lines = MappingProxyType({}),
    *,
    dashed: Sequence[str] = (),
) -> None:
    """One picture, both axes logarithmic, each line named at its right end."""
    from math import log10

    from matplotlib import pyplot
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    drawn = {name: some for name, some in lines.items() if len(some) > 1}
    if not drawn:
        return
    figure, axes = pyplot.subplots(figsize=(9, 5.6))
    colours = {name: _COLOURS[at % len(_COLOURS)] for at, name in enumerate(drawn)}
    for name, some in drawn.items():
        xs, ys = zip(*some, strict=True)
        axes.plot(
            xs,
            ys,
            "--" if name in dashed else "-",
            color=colours[name],
            marker="o",
            markersize=3.5,
            linewidth=1.6,
        )
        if len(bands.get(name, ())) == len(some):
            axes.fill_between(
                xs, ys, [y for _, y in bands[name]], color=colours[name], alpha=0.09, linewidth=0
            )
    axes.set_xscale("log")
    axes.set_yscale("log")
    low, high = (log10(edge) for edge in axes.get_ylim())
    ends = {name: log10(some[-1][1]) for name, some in drawn.items()}
    edge = axes.get_xlim()[1]
    for name, height in apart(ends, (high - low) / 21).items():
        axes.annotate(
            name, (edge, 10**height), xytext=(4, 0), textcoords="offset points", va="center",
            color=colours[name], fontsize=9,
            annotation_clip=False,
        )  # fmt: skip
    axes.set_xticks(sorted({x for some in drawn.values() for x, _ in some}))
    _finish(axes, title, unit, FuncFormatter(lambda value, _: f"{value:,.10g}"), LogLocator, NullFormatter)
    figure.tight_layout()
    figure.savefig(path, dpi=_DOTS)
    pyplot.close(figure)


def _finish(axes: Any, title: str, unit: str, plain: Any, locator: Any, none: Any) -> None:
    axes.set_title(title, loc="left", fontsize=11)
    axes.set_xlabel("passages in the collection")
    axes.set_ylabel(unit)
    axes.yaxis.set_major_locator(locator(10, subs=(1.0,)))
    axes.xaxis.set_minor_locator(locator(10, subs=(1.0,)))
    axes.tick_params(axis="both", which="minor", length=0)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(plain)
        axis.set_minor_formatter(none())
    axes.grid(True, which="major", color="#e4e4e4", linewidth=0.7)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
