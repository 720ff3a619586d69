"""How Clippings fares as a collection grows.

    python -m eval.bench.scale --data DIR --work DIR [--sizes N …] [--out DIR] [--questions N] [--only PART …]
    [--again]
                               [--patience SECONDS]

DIR is a folder as `eval.bench.news` reads it. Everything costly stays in WORK, so a run that was stopped goes
on and what is done is not done again; `--again` measures the parts that are named once more (vectors and
collections stay). OUT gets `scale.md`, `scale.json` and the plots. Sizes are in passages. The parts, each of
each size in a process of its own:

    vectors   read, cut and encode the articles        trip      a question, step by step, and memory
    build     the collections, and how like real       filters   what a filter costs, and whether it misses
    anything
              news the recombined part of them is      dense     our index, Chroma's graph and float32 over
              the same vectors cold      the first answer of a fresh process      peers     other libraries
              over the same passages and vectors

What the machine itself can do is measured in every run and printed first.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from eval.bench.scale.work import Task, Work
from rag.errors import ClippingsError

__all__ = ["main", "perform", "tasks"]

PARTS = ("vectors", "build", "cold", "trip", "filters", "dense", "peers")
SIZES = (1_000, 10_000, 100_000, 1_000_000)
_LIMITS = ("one", "all", "bf16", "disk")
_STAY = ("vectors", "recombine", "build", "dump", "graph")  # are made, not only measured
_MAY_FAIL = ("graph", "peers")
# numpy's products in one thread: its own threads would fight with whatever else is measured.
_ONE_THREAD = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def tasks(parts: Sequence[str], sizes: Sequence[int]) -> Iterator[Task]:
    """What is to be done, in order: whatever a task needs comes before it."""
    from eval.bench.scale.dense import GRAPHS, METHODS
    from eval.bench.scale.peers import NAMES

    yield from (Task("limits", name) for name in _LIMITS)
    largest = max(sizes)
    if "vectors" in parts:
        yield Task("vectors")
    if "build" in parts:
        yield Task("recombine", size=largest)
        yield from (Task("build", size=size) for size in sizes)
        yield Task("likeness", size=largest)
    if "cold" in parts:
        yield Task("cold")
    for part in ("trip", "filters"):
        if part in parts:
            yield from (Task(part, size=size) for size in sizes)
    if "dense" in parts or "peers" in parts:
        yield from (Task("dump", size=size) for size in sizes)
    if "dense" in parts:
        yield Task("questions")
        yield from (Task("graph", name, size) for size in sizes for name in GRAPHS)
        yield from (Task("dense", name, size) for size in sizes for name in METHODS)
    if "peers" in parts:
        yield from (Task("peers", name, size) for name in NAMES for size in sizes)


def perform(task: Task, work: Work, sizes: Sequence[int]) -> dict[str, Any]:
    """Do one task, in this process; its figures."""
    from eval.bench.scale import build, cold, compose, data, dense, filters, limits, peers, trip

    match task.part:
        case "limits":
            return limits.limits(work, task.name)
        case "vectors":
            return data.encode_all(work)
        case "recombine":
            return compose.recombine(work, task.size)
        case "build":
            return build.build(
                work, task.size, [size for size in sizes if work.kept(Task("build", size=size))]
            )
        case "likeness":
            return compose.likeness(work, task.size)
        case "cold":
            return cold.cold(work)
        case "trip":
            return trip.trip(work, task.size)
        case "filters":
            return filters.filters(work, task.size)
        case "dump":
            return dense.dump(work, task.size)
        case "questions":
            return dense.encode_questions(work)
        case "graph":
            return dense.graph(work, task.name, task.size)
        case "dense":
            return dense.dense(work, task.name, task.size)
        case "peers":
            return peers.peer(work, task.name, task.size)
    raise ValueError(f"there is no part {task.part}")


def left_out(task: Task, work: Work, sizes: Sequence[int]) -> str | None:
    """Why a task is not tried, from how others went."""
    from eval.bench.scale.dense import GRAPHS
    from eval.bench.scale.peers import expected

    if task.part == "dense" and task.name in GRAPHS:
        made = work.kept(Task("graph", task.name, task.size)) or {}
        return made.get("left_out")
    if task.part == "peers":
        smaller = [(size, work.kept(Task("peers", task.name, size))) for size in sizes if size < task.size]
        return expected([(size, figures) for size, figures in smaller if figures], task.size, work.patience)
    return None


def _apart(task: Task, work: Work, sizes: Sequence[int]) -> dict[str, Any]:
    """Do a task in a process of its own."""
    told = json.dumps([task.part, task.name, task.size])
    command = [
        sys.executable,
        "-m",
        "eval.bench.scale",
        "--one",
        told,
        *_arguments(work),
        "--sizes",
        *map(str, sizes),
    ]
    single = (task.part, task.name) in {("limits", "one"), ("dense", "numpy")}
    environ = {**os.environ, **(_ONE_THREAD if single else {})}
    limit = 3 * work.patience if task.part in _MAY_FAIL else None
    try:
        done = subprocess.run(
            command, env=environ, stdout=subprocess.PIPE, text=True, timeout=limit, check=False
        )
    except subprocess.TimeoutExpired:
        return {"left_out": f"it was stopped after {limit:,.0f} s"}
    if done.returncode:
        if task.part in _MAY_FAIL:
            return {"left_out": f"it ended with status {done.returncode}"}
        raise ClippingsError(f"{task.key} ended with status {done.returncode}. What it says stands above")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _arguments(work: Work) -> list[str]:
    named = {"data": work.data, "work": work.folder, "questions": work.questions, "patience": work.patience}
    given = [word for name, value in named.items() for word in (f"--{name}", str(value))]
    return [*given, "--megabytes", str(work.megabytes)]


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what is not done yet, and tell what came of it; the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m eval.bench.scale", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--data", type=Path, required=True, help="the folder of articles and questions")
    parser.add_argument(
        "--work", type=Path, required=True, help="where vectors, collections and figures are kept"
    )
    parser.add_argument(
        "--sizes", type=int, nargs="+", default=SIZES, help="collections of about so many passages"
    )
    parser.add_argument("--out", type=Path, help="where tables, figures and plots go (default: WORK/out)")
    parser.add_argument("--questions", type=int, default=200, help="how many are asked (default 200)")
    parser.add_argument("--only", nargs="+", choices=PARTS, help="these parts (default: all)")
    parser.add_argument("--again", action="store_true", help="measure these parts once more")
    parser.add_argument(
        "--patience", type=float, default=900.0, help="seconds that filling an index may take (default 900)"
    )
    parser.add_argument("--megabytes", type=int, default=1_000, help=argparse.SUPPRESS)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if min(options.questions, options.megabytes, *options.sizes) < 1:
        parser.error("sizes and questions must be at least 1")
    work = Work(options.data, options.work, options.questions, options.patience, options.megabytes)
    sizes = sorted(set(options.sizes))
    try:
        if options.one:
            part, name, size = json.loads(options.one)
            print(json.dumps(perform(Task(part, name, size), work, sizes)))
            return 0
        return _run(
            work, sizes, options.only or PARTS, options.out or work.folder / "out", again=options.again
        )
    except (ClippingsError, OSError) as exc:
        print(f"scale: {exc}", file=sys.stderr)
        return 2


def _run(work: Work, sizes: Sequence[int], parts: Sequence[str], out: Path, *, again: bool) -> int:
    from eval.bench.scale import plots, report

    work.folder.mkdir(parents=True, exist_ok=True)
    todo = list(tasks(parts, sizes))
    for task in todo:
        given_up = "left_out" in (work.kept(task) or {})
        if task.part == "limits" or (again and (task.part not in _STAY or given_up)):
            work.forget(task)
    for task in todo:
        if work.kept(task) is not None:
            continue
        print(f"{task.key} …", file=sys.stderr, flush=True)
        reason = left_out(task, work, sizes)
        work.keep(task, {"left_out": reason} if reason else _apart(task, work, sizes))
    # All that is known is told, also of parts that were done before.
    found = {task: figures for task in tasks(PARTS, sizes) if (figures := work.kept(task)) is not None}
    told = report.report(found, sizes)
    out.mkdir(parents=True, exist_ok=True)
    (out / "scale.md").write_text(told, encoding="utf-8")
    figures = {task.key: figures for task, figures in found.items()}
    (out / "scale.json").write_text(json.dumps(figures, indent=1, ensure_ascii=False), encoding="utf-8")
    print(told)
    plots.draw(found, sizes, out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
