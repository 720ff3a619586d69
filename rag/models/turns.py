"""Turns at something that one caller uses at a time: first come, first served."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

__all__ = ["Turns"]

_LOOK = 0.1  # seconds after which a waiting caller looks again whether it is still wanted


class Turns:
    """A lock with a queue. A `threading.Lock` gives itself to any of those that wait.

    >>> turns = Turns()
    >>> turns.take(timeout=1), turns.take(timeout=0)
    (True, False)
    >>> turns.give_back()
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken = False
        self._queue: deque[threading.Event] = deque()

    def take(self, *, timeout: float, unwanted: Callable[[], bool] = lambda: False) -> bool:
        """Wait for a turn, at most `timeout` seconds and only until `unwanted`; whether it came.

        Who got one gives it back with `give_back`, from any thread.
        """
        with self._lock:
            if not self._taken and not self._queue:
                self._taken = True
                return True
            turn = threading.Event()
            self._queue.append(turn)
        until = time.monotonic() + timeout
        while not turn.is_set():
            left = until - time.monotonic()
            if left <= 0 or unwanted():
                return not self._withdraw(turn)
            turn.wait(min(left, _LOOK))
        return True

    def give_back(self) -> None:
        """End a turn; the caller that has waited longest gets the next."""
        with self._lock:
            if self._queue:
                self._queue.popleft().set()
            else:
                self._taken = False

    def _withdraw(self, turn: threading.Event) -> bool:
        """Leave the queue; `False` where the turn came in the meantime."""
        with self._lock:
            if turn.is_set():
                return False
            self._queue.remove(turn)
            return True
