"""The page that is asked: a process of its own, and the memory it takes."""

from __future__ import annotations

import os
import re
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from eval.bench.traffic.writing import START
from rag.errors import ClippingsError

__all__ = ["END", "Watch", "grown", "memory", "opened", "slope", "stop"]

END = 30.0  # seconds for it to end when it is told to
_APP = Path(__file__).resolve().parents[3] / "app.py"
_MINUTE = 60.0  # seconds in which caches fill, and after which memory is expected to be flat
_MEMORY = {"VmRSS": "resident", "RssAnon": "anonymous", "RssFile": "mapped"}


@contextmanager
def opened(home: Path, log: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """The page of a collection in a process of its own, and its address. Raises `ClippingsError` if it does
    not open.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, str(_APP), "serve", "--home", str(home), "--port", str(port)]
    with log.open("wb") as said:
        page = subprocess.Popen(
            command, stdout=said, stderr=subprocess.STDOUT, env={**os.environ, "PYTHONUNBUFFERED": "1"}
        )
    try:
        until = time.monotonic() + START
        while not _answers(url):
            if page.poll() is not None or time.monotonic() > until:
                raise ClippingsError(
                    f"the page did not open. It said: {log.read_text(encoding='utf-8')[-2000:]}"
                )
            time.sleep(0.2)
        yield page, url
    finally:
        stop(page)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5, trust_env=False).is_success
    except httpx.HTTPError:
        return False


def stop(page: subprocess.Popen[bytes]) -> bool:
    """Tell the page to end; whether it did."""
    page.terminate()
    try:
        page.wait(END)
    except subprocess.TimeoutExpired:
        page.kill()
        page.wait()
        return False
    return True


def memory(status: str) -> dict[str, float]:
    """Megabytes a process has in memory, from the text of its /proc/PID/status: `resident` in all, of which
    `anonymous` is what it holds itself and `mapped` are files, which the system can drop. What the text does
    not say is left out.

    >>> memory("Name:\\tpython\\nVmRSS:\\t  500000 kB\\nRssAnon:\\t  375000 kB\\nRssFile:\\t  125000 kB\\n")
    {'resident': 512.0, 'anonymous': 384.0, 'mapped': 128.0}
    """
    stated = dict(re.findall(r"^(\w+):\s+(\d+) kB$", status, re.MULTILINE))
    return {name: int(stated[theirs]) * 1024 / 1e6 for theirs, name in _MEMORY.items() if theirs in stated}


def slope(samples: Sequence[tuple[float, float]]) -> float | None:
    """How fast a value grows, by least squares: from pairs of seconds and value, the value a minute. `None`
    for fewer than two moments.

    >>> slope([(0, 100), (60, 103), (120, 104)])
    2.0
    """
    if len({at for at, _ in samples}) < 2:
        return None
    return statistics.linear_regression(*zip(*samples, strict=True)).slope * 60


def grown(
    samples: Sequence[tuple[float, Mapping[str, float]]], began: float
) -> dict[str, dict[str, Any]] | None:
    """How each kind of memory went, in MB, from pairs of seconds and `memory`'s figures: at the start, at
    each minute after people `began` to ask, at the end, and the slope in MB a minute after the first. `None`
    where nothing was measured."""
    if not samples:
        return None
    whole = int((samples[-1][0] - began) // _MINUTE)
    found: dict[str, dict[str, Any]] = {}
    for name, first in samples[0][1].items():
        rise = slope([(at, held[name]) for at, held in samples if at >= began + _MINUTE])
        minutes = (
            next(held[name] for at, held in samples if at >= began + _MINUTE * (n + 1)) for n in range(whole)
        )
        found[name] = {
            "start": round(first, 1),
            "by_minute": [round(held, 1) for held in minutes],
            "end": round(samples[-1][1][name], 1),
            "slope_mb_per_minute": None if rise is None else round(rise, 3),
        }
    return found


class Watch:
    """Looks every second at how much memory a process has; `samples` are pairs of seconds and `memory`'s
    figures.
    """

    def __init__(self, process: int) -> None:
        self._status = Path(f"/proc/{process}/status")
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self.samples: list[tuple[float, dict[str, float]]] = []

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _look(self) -> None:
        while True:
            try:
                found = memory(self._status.read_text(encoding="utf-8"))
            except OSError:
                return  # it has ended, or this system has no such files
            if found:
                self.samples.append((time.monotonic(), found))
            if self._done.wait(1.0):
                return
