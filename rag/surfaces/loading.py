"""What is loaded in threads while the rest of a program is imported, and never outlives it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType

__all__ = ["Loading"]


class Loading:
    """Steps under way, each in a thread of its own. An interpreter that ends while a thread of its is in
    native code brings the process down, so `close` waits for the steps that have begun, and those that have
    not are left out.

    Whoever needs what a step loads loads it too, by the same lock, and meets the same error: it is raised
    there.
    """

    def __init__(self, *steps: Callable[[], object]) -> None:
        self._closed = threading.Event()
        # No daemons: the interpreter waits for these too, should somebody be interrupted while waiting in
        # `close`.
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
        """Wait until no step is under way any more, and let none begin."""
        self._closed.set()
        for thread in self._threads:
            thread.join()

    def _run(self, step: Callable[[], object]) -> None:
        if not self._closed.is_set():
            with suppress(Exception):  # raised again where it is needed
                step()
