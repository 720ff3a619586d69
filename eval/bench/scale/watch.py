"""What a process holds, and how long the calls of a thing take."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__ = ["Clock", "Timed", "holding", "memory"]

_LINES = {"VmRSS": "resident", "RssAnon": "anonymous", "RssFile": "file", "VmHWM": "peak"}


def memory(status: str) -> dict[str, float]:
    """Of a Linux process's status, in MB: what is resident, how much of that is its own and how much is files
    that are mapped and can be dropped, and the most that ever was resident.

    >>> memory("VmHWM: 4096 kB\\nVmRSS:  2048 kB\\nRssAnon: 1024 kB\\nRssFile: 1024 kB\\nThreads: 3")
    {'peak': 4.194304, 'resident': 2.097152, 'anonymous': 1.048576, 'file': 1.048576}
    """
    lines = (line.split(":") for line in status.splitlines() if ":" in line)
    return {_LINES[name]: int(value.split()[0]) * 1024 / 1e6 for name, value in lines if name in _LINES}


def holding() -> dict[str, float]:
    """What this process holds now, in MB; empty where the system does not say."""
    try:
        return memory(Path("/proc/self/status").read_text(encoding="ascii"))
    except OSError:
        return {}


class Clock:
    """Milliseconds by step."""

    def __init__(self) -> None:
        self.steps: defaultdict[str, float] = defaultdict(float)

    def timed(self, step: str, call: Callable[..., Any]) -> Callable[..., Any]:
        """The call, its time added to a step."""

        def calling(*given: Any, **named: Any) -> Any:
            began = time.perf_counter()
            try:
                return call(*given, **named)
            finally:
                self.steps[step] += (time.perf_counter() - began) * 1000

        return calling

    def taken(self) -> dict[str, float]:
        """What has been counted since the last time."""
        taken = dict(self.steps)
        self.steps.clear()
        return taken


class Timed:
    """A thing whose calls are timed under one step; all else is its own."""

    def __init__(self, thing: Any, step: str, clock: Clock) -> None:
        self._thing, self._step, self._clock = thing, step, clock

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._thing, name)
        return self._clock.timed(self._step, found) if callable(found) else found
