"""Politeness: one request to a host at a time, with a pause between two, and none while it asks for that."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from ingest.web.door import Deadline
from rag.errors import SourceError

__all__ = ["HostTurns", "retry_after"]


class HostTurns:
    """One request to a host at a time, and `pause` seconds from the end of one to the start of the next."""

    def __init__(self, pause: float) -> None:
        self.pause = pause
        self._lock = threading.Lock()
        self._ready = 0.0
        self._shut: tuple[float, str] | None = None

    @contextmanager
    def turn(self, deadline: Deadline) -> Iterator[None]:
        """Hold the host. Nothing else is locked meanwhile, so that two pages that redirect to each other's
        hosts cannot wait for each other for ever."""
        with deadline.stopped():
            self._lock.acquire()
        try:
            if self._shut is not None and time.monotonic() < self._shut[0]:
                raise SourceError(self._shut[1])
            with deadline.stopped():
                time.sleep(max(0.0, self._ready - time.monotonic()))
            try:
                yield
            finally:
                self._ready = max(self._ready, time.monotonic() + self.pause)
        finally:
            self._lock.release()

    def wait(self, seconds: float) -> None:
        """Give the next turn not before so many seconds from now. To be called within a turn."""
        self._ready = time.monotonic() + seconds

    def shut(self, seconds: float, why: str) -> None:
        """Give no turn for so many seconds but a `SourceError` that says why. To be called within a turn."""
        self._shut = (time.monotonic() + seconds, why)


def retry_after(header: str) -> float | None:
    """Seconds that a server asks to be left alone, or `None` where it does not say.

    >>> retry_after("7"), retry_after("soon"), retry_after("Fri, 31 Dec 1999 23:59:59 -0000")
    (7.0, None, 0.0)
    """
    stated = header.strip()
    if stated.isascii() and stated.isdigit():
        return float(stated)
    try:
        when = parsedate_to_datetime(stated[:100])
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return max(0.0, (when - datetime.now(UTC)).total_seconds())
