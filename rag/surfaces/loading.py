"""Load things in threads while the rest of the program is imported."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType

__all__ = ["Loading"]


class Loading:
    """Steps that run, each in its own thread. `close` waits for steps that have started and skips the others:
    an interpreter that ends while a thread is in native code crashes.

    Errors are ignored here. The code that needs what a step loads takes the same lock, loads it again and
    raises the same error.
    """

    def __init__(self, *steps: Callable[[], object]) -> None:
        self._closed = threading.Event()
        # Not daemons: if `close` is interrupted while it waits, the interpreter waits for them at exit.
        self._threads = [threading.Thread(target=self._run, args=(step,), name="loading") for step in steps]
        for thread in self._threads:
            thread.start()

    def __enter__(self) -> Loading:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Wait for running steps, and start no more."""
        self._closed.set()
        for thread in self._threads:
            thread.join()

    def _run(self, step: Callable[[], object]) -> None:
        if not self._closed.is_set():
            with suppress(Exception):  # raised again where the result is needed
                step()
