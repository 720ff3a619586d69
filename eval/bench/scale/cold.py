"""The first answer of a process that has just been started: what a person waits for at the terminal, and
where it goes.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable
from typing import Any

from eval.bench.scale.figures import percentile
from eval.bench.scale.work import Work
from rag.config import Config, demo
from rag.opening import make_demo

__all__ = ["cold", "imported"]

QUESTION = "Who struck first, and whom did they target?"
_RUNS = 7
_NAMED = 12


def imported(lines: Iterable[str]) -> dict[str, float]:
    """Milliseconds by package, what each of its modules took by itself, from what `python -X importtime`
    writes.

    >>> imported(["import time: self [us] | cumulative | imported package",
    ...           "import time:      1500 |       1500 |   numpy.core",
    ...           "import time:       500 |       2000 | numpy"])
    {'numpy': 2.0}
    """
    found: Counter[str] = Counter()
    for line in lines:
        head, _, name = line.rpartition("|")
        own = head.removeprefix("import time:").split("|")[0].strip()
        if line.startswith("import time:") and own.isdigit():
            found[name.strip().partition(".")[0]] += int(own)
    return {name: micro / 1000 for name, micro in found.most_common()}


def cold(work: Work) -> dict[str, Any]:
    """Seconds from the command to its end, the middle of some runs, and milliseconds by step."""
    config = _config(work)
    make_demo(config)
    environ = {**os.environ, "CLIPPINGS_HOME": str(config.home)}
    command = ["-m", "app", "ask", QUESTION]

    def run(*arguments: str) -> tuple[float, str]:
        began = time.perf_counter()
        done = subprocess.run(
            [sys.executable, *arguments], env=environ, capture_output=True, text=True, check=True
        )
        return (time.perf_counter() - began) * 1000, done.stderr

    run(*command)
    walls, bare, firsts = [], [], []
    for _ in range(_RUNS):  # in turns, so that a machine whose speed drifts slows all alike
        walls.append(run(*command)[0])
        bare.append(run("-c", "pass")[0])
        firsts.append(_first(demo(config), environ))
    _, told = run("-X", "importtime", *command)
    packages = imported(told.splitlines())
    steps = {name: percentile([first[name] for first in firsts], 0.5) for name in firsts[0]}
    wall, interpreter = percentile(walls, 0.5) or 0.0, percentile(bare, 0.5) or 0.0
    steps = {"interpreter": interpreter, **steps}
    first = dict(list(packages.items())[:_NAMED])
    return {
        "wall_ms": {"p50": wall, "least": min(walls), "most": max(walls)},
        "ms": {**steps, "the rest": wall - sum(took or 0.0 for took in steps.values())},
        "imports_ms": {**first, "the others": sum(packages.values()) - sum(first.values())},
        "imports_in_all_ms": sum(packages.values()),
        "chromadb_imported": "chromadb" in packages,
    }


def _config(work: Work) -> Config:
    return Config(home=work.folder / "cold" / "collection")


def _first(config: Config, environ: dict[str, str]) -> dict[str, float]:
    command = [sys.executable, "-m", "eval.bench.scale.first", str(config.home), QUESTION]
    done = subprocess.run(command, env=environ, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found
