"""Tables of what was measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from eval.bench.scale.dense import GRAPHS, METHODS
from eval.bench.scale.figures import slope, table
from eval.bench.scale.peers import NAMES
from eval.bench.scale.trip import STEPS
from eval.bench.scale.work import Task

__all__ = ["Found", "at", "report"]

Found = Mapping[Task, Mapping[str, Any]]
_REST = "the rest (below 0: encoder and reader load side by side, and while packages are imported)"
_MADE = {  # what is kept where
    "catalog": "the catalog", "Chroma": "Chroma", "vectors": "the exact index", "lexical": "lexical",
    "whole": "whole articles",
    "all": "all",
}  # fmt: skip


def at(figures: Any, *path: str) -> Any:
    """What stands there, or `None` where it does not.

    >>> at({"ms": {"p50": 3}}, "ms", "p50"), at({"ms": {}}, "ms", "p50"), at(None, "ms")
    (3, None, None)
    """
    for name in path:
        figures = figures.get(name) if isinstance(figures, Mapping) else None
    return figures


def report(found: Found, sizes: Sequence[int]) -> str:
    """Everything there is, as Markdown."""
    parts = (
        _limits,
        _encoding,
        _building,
        _likeness,
        _trip,
        _memory,
        _filters,
        _graphs,
        _dense,
        _peers,
        _cold,
        _slopes,
    )
    told = [section for part in parts if (section := part(found, sizes))]
    return "\n\n".join(told) + "\n"


def _limits(found: Found, _sizes: Sequence[int]) -> str:
    one, every, bf16, disk = (found.get(Task("limits", name)) for name in ("one", "all", "bf16", "disk"))
    if not disk:
        return ""
    rows = [
        ["products in float32, one thread, GFLOP/s", at(one, "gflops")],
        ["products in float32, all, GFLOP/s", at(every, "gflops")],
        ["products in bfloat16, all, GFLOP/s", at(bf16, "gflops") or "not native"],
        ["reading memory, one thread, GB/s", at(one, "read_gb_per_second")],
        ["reading memory, all, GB/s", at(every, "read_gb_per_second")],
        ["writing the disk until safe, MB/s", at(disk, "write_mb_per_second")],
        ["reading the disk, MB/s", at(disk, "read_mb_per_second")],
        ["4 kB safe on the disk, ms p50", at(disk, "fsync_ms", "p50")],
        ["4 kB safe on the disk, ms p95", at(disk, "fsync_ms", "p95")],
    ]
    processor = f"{at(disk, 'processor')}, {at(disk, 'cores')} cores"
    return f"## The machine\n\n{processor}\n\n{table(['limit', 'measured'], rows)}"


def _encoding(found: Found, _sizes: Sequence[int]) -> str:
    made = found.get(Task("vectors"))
    if not made:
        return ""
    bf16, every = found.get(Task("limits", "bf16")), found.get(Task("limits", "all"))
    limit = at(bf16, "gflops") or at(every, "gflops")
    reached = made["gflop"] * made["per_second"]
    rows = [
        ["articles", made["articles"]], ["passages", made["passages"]], ["encoded in that run",
        made["encoded"]],
        ["passages/s", made["per_second"]], ["tokens a passage", made["tokens"]], ["GFLOP a passage",
        made["gflop"]],
        ["GFLOP/s reached", reached], ["share of the limit", reached / limit if limit else None],
        ["least cosine to what was kept", made["least_cosine_to_kept"]],
    ]  # fmt: skip
    return f"## Encoding\n\n{table(['', 'measured'], rows)}"


def _building(found: Found, sizes: Sequence[int]) -> str:
    built = {size: figures for size in sizes if (figures := found.get(Task("build", size=size)))}
    if not built:
        return ""
    encoding = at(found.get(Task("vectors")), "per_second")
    disk = at(found.get(Task("limits", "disk")), "write_mb_per_second")
    rows, steps, room = [], [], []
    for size, b in built.items():
        rate = b["per_second"]
        share = rate / (rate + encoding) if rate and encoding else None
        memory = b["memory_mb"]
        written = b["disk_bytes"]["all"] / 1e6 / b["passages"] * rate if rate else None
        rows.append([
            size, b["passages"], b["articles"], b["added"], rate, b["last_per_second"], share, at(memory,
            "start", "resident"),
            at(memory, "end", "resident"), at(memory, "most_own"), at(memory, "end", "peak"),
            written / disk if written and disk else None,
        ])  # fmt: skip
        last = b["written"]["batches"][-1:]
        steps += [
            [
                size,
                x["passages"],
                *(x["steps"].get(name, 0.0) * 1000 / x["passages"] for name in _MADE if name != "all"),
            ]
            for x in last
        ]
        room.append(
            [size, *(b["disk_bytes"][name] / 1e6 for name in _MADE), b["disk_bytes"]["all"] / b["passages"]]
        )
    heads = [
        "size", "passages", "articles", "added", "passages/s, encoding apart", "last batch, passages/s",
        "encoding's share of the time", "MB at the start", "at the end", "its own, at most",
        "with mapped files, at most",
        "share of the disk's rate",
    ]  # fmt: skip
    return "\n\n".join([
        "## Taking in", table(heads, rows),
        "Real articles come by `sync`: read, cut, signed, grouped. Recombined ones, and at every size the "
        "last batch, are only "
        "written. Memory holds the vectors that are looked up, as mapped files.",
        "Microseconds a passage of the last batch, by where it is written:",
        table(["size", "passages", *(_MADE[name] for name in _MADE if name != "all")], steps),
        "Disk, MB, and bytes a passage:", table(["size", *_MADE.values(), "bytes a passage"], room),
    ])  # fmt: skip


def _likeness(found: Found, sizes: Sequence[int]) -> str:
    like = found.get(Task("likeness", size=max(sizes)))
    if not like:
        return ""
    rows = [
        [name, *(shares[p] for p in ("p10", "p50", "p90"))]
        for name, shares in like["distance_to_tenth"].items()
    ]
    told = "## Recombined passages\n\nDistance to the tenth nearest other passage, by cosine:\n\n" + table(
        ["passages", "p10", "p50", "p90"], rows
    )
    if cosine := like.get("cosine"):
        middle = ", ".join(f"{name} {cosine[name]:.3f}" for name in ("mean", "p10", "p50"))
        told += f"\n\nCosine of a composed vector and its text's: {middle}."
    return told


def _trip(found: Found, sizes: Sequence[int]) -> str:
    trips = {size: figures for size in sizes if (figures := found.get(Task("trip", size=size)))}
    if not trips:
        return ""
    rows: list[list[object]] = [["questions", *(t["questions"] for t in trips.values())]]
    rows += [["of them declined", *(t["declined"] for t in trips.values())]]
    rows += [[step, *(_both(t["ms"].get(step)) for t in trips.values())] for step in STEPS]
    traced = dict.fromkeys(step for t in trips.values() for step in t["trace_ms"])
    rows += [[f"trace: {step}", *(_both(t["trace_ms"].get(step)) for t in trips.values())] for step in traced]
    return f"## A question, ms p50 / p95\n\n{table(['step', *(f'{size:,}' for size in trips)], rows)}"


def _memory(found: Found, sizes: Sequence[int]) -> str:
    trips = {size: figures for size in sizes if (figures := found.get(Task("trip", size=size)))}
    if not trips:
        return ""
    moments = {
        "before": "with nothing loaded",
        "warm": "after the first questions",
        "after": "after all questions",
    }
    rows: list[list[object]] = [
        [f"{told}, {name}", *(at(t, "memory_mb", moment, kind) for t in trips.values())]
        for moment, told in moments.items()
        for kind, name in (("anonymous", "its own"), ("file", "files mapped"))
    ]
    parts = dict.fromkeys(part for t in trips.values() for part in t["told_mb"])
    rows += [
        [f"as the assistant tells it: {part}", *(t["told_mb"].get(part) for t in trips.values())]
        for part in parts
    ]
    heads = ["", *(f"{size:,}" for size in trips)]
    return f"## Memory of a process that answers, MB\n\n{table(heads, rows)}"


def _filters(found: Found, sizes: Sequence[int]) -> str:
    rows, worst = [], []
    for size in sizes:
        if figures := found.get(Task("filters", size=size)):
            rows += [
                [size, name, f["admitted"], f["filtered_ms"], f["unfiltered_ms"], f["ratio"], f["recall@10"]]
                for name, f in figures["filters"].items()
            ]
            if name := figures["worst"]:
                worst.append(f"{size:,}: {name}, {figures['filters'][name]['ratio']:.2f}")
    heads = ["size", "filter", "admitted", "with it, ms p50", "without, ms p50", "ratio", "recall@10"]
    return f"## Filters\n\n{table(heads, rows)}\n\nThe worst ratio at {'; '.join(worst)}." if rows else ""


def _graphs(found: Found, sizes: Sequence[int]) -> str:
    rows = []
    for size in sizes:
        for name in GRAPHS:
            if g := found.get(Task("graph", name, size)):
                grown = [at(g, "memory_mb", when, "resident") for when in ("before", "after")]
                more = grown[1] - grown[0] if None not in grown else None
                rows.append(
                    [
                        size,
                        name,
                        *(
                            [g["left_out"], "", ""]
                            if "left_out" in g
                            else [g["per_second"], g["disk_mb"], more]
                        ),
                    ]
                )
    heads = ["size", "graph", "vectors/s", "disk MB", "memory grown MB"]
    return f"## Filling Chroma's graph\n\n{table(heads, rows)}" if rows else ""


def _dense(found: Found, sizes: Sequence[int]) -> str:
    rows: list[list[object]] = []
    for size in sizes:
        for name in METHODS:
            d = found.get(Task("dense", name, size))
            if d and "left_out" in d:
                rows.append([size, name, d["left_out"]] + [""] * 6)
            elif d:
                through, memory = d.get("looked_through_gb_per_second"), d["read_gb_per_second"]
                held = [at(d, "memory_mb", "after", kind) for kind in ("anonymous", "file")]
                share = through / memory if through else None
                rows.append(
                    [size, name, d.get("recall@10"), d.get("recall@50"), _both(d["ms"]), *held, memory, share]
                )
    heads = [
        "size", "method", "recall@10", "recall@50", "ms p50 / p95", "own MB", "MB of files",
        "memory read GB/s",
        "share of it a search reaches",
    ]  # fmt: skip
    note = "Shares above 1: what is looked through stays in the processor's cache."
    return f"## Dense search, 50 nearest of a vector\n\n{table(heads, rows)}\n\n{note}" if rows else ""


def _peers(found: Found, sizes: Sequence[int]) -> str:
    rows: list[list[object]] = []
    for name in NAMES:
        for size in sizes:
            p = found.get(Task("peers", name, size))
            if p and "left_out" in p:
                rows.append([name, size, f"left out: {p['left_out']}", "", "", ""])
            elif p:
                rows.append([name, size, p["per_second"], p["questions"], _both(p["ms"]), p["memory_mb"]])
    heads = ["system", "size", "indexed, passages/s", "questions", "question ms p50 / p95", "memory grown MB"]
    note = (
        "Left out at every size: llama-index as it comes, which cuts passages of its own, so no vectors can "
        "be given to it."
    )
    return f"## Other libraries, vectors given\n\n{table(heads, rows)}\n\n{note}" if rows else ""


def _cold(found: Found, _sizes: Sequence[int]) -> str:
    cold = found.get(Task("cold"))
    if not cold:
        return ""
    wall = cold["wall_ms"]
    steps = [[_REST if name == "the rest" else name, took] for name, took in cold["ms"].items()]
    steps.append(["all, p50", wall["p50"]])
    said = "chromadb is imported" if cold["chromadb_imported"] else "chromadb is not imported"
    told = f"Wall time {wall['p50']:,.0f} ms ({wall['least']:,.0f} to {wall['most']:,.0f}); {said}."
    packages = [*cold["imports_ms"].items(), ["all", cold["imports_in_all_ms"]]]
    return "\n\n".join([
        "## The first answer of a fresh process", told, table(["step", "ms"], steps),
        "Imports by package, as `-X importtime` tells them, which slows them a little:",
        table(["package", "ms"], packages),
    ])  # fmt: skip


def _slopes(found: Found, sizes: Sequence[int]) -> str:
    """From the smallest to the largest size: the exponent by which each figure grows."""
    small, large = min(sizes), max(sizes)
    rows: list[list[object]] = []

    def row(name: str, part: str, *path: str, of: str = "") -> None:
        first, last = (found.get(Task(part, of, size)) for size in (small, large))
        # Of the passages that there are, which are a few more than were asked for.
        held = [at(found.get(Task("build", size=size)), "passages") or size for size in (small, large)]
        ends = [at(first, *path), at(last, *path)]
        rows.append([name, *ends, slope((held[0], ends[0]), (held[1], ends[1]))])

    for step in STEPS:
        row(f"{step}, ms p50", "trip", "ms", step, "p50")
    for kind in ("anonymous", "file"):
        row(f"memory after all questions, {kind}, MB", "trip", "memory_mb", "after", kind)
    row("memory of the writer, its own at most, MB", "build", "memory_mb", "most_own")
    for name, told in _MADE.items():
        row(f"disk, {told}, bytes", "build", "disk_bytes", name)
    row("written, passages/s", "build", "per_second")
    row("written in the last batch, passages/s", "build", "last_per_second")
    for name in METHODS:
        row(f"dense search, {name}, ms p50", "dense", "ms", "p50", of=name)
    rows = [some for some in rows if some[1] is not None or some[2] is not None]
    return (
        f"## How it grows\n\n{table(['figure', f'at {small:,}', f'at {large:,}', 'slope'], rows)}"
        if rows and small != large
        else ""
    )


def _both(ms: Any) -> str | None:
    """The middle and the slowest but one in twenty, in one cell.

    >>> _both({"p50": 1.25, "p95": 20.0}), _both(None)
    ('1.2 / 20.0', None)
    """
    if at(ms, "p50") is None:
        return None
    return " / ".join(f"{ms[p]:,.{1 if ms[p] >= 1 else 2}f}" for p in ("p50", "p95"))
