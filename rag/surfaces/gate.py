"""The queue of questions, shared by people, programs and tools. It limits how many are answered at the same
time, how many wait, and for how long. When it is full, further questions are refused at once.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterator
from concurrent.futures import Future
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import TypeVar

from rag.config import ServeSettings
from rag.errors import BusyError
from rag.system.stopping import stoppable

__all__ = ["Gate", "QueueCounts", "Waiting"]

_T = TypeVar("_T")
_POSITION_SECONDS = 1.0  # how often a waiting question checks its position


@dataclass(frozen=True, slots=True)
class Waiting:
    """A question waits in the queue, with `before` others before it."""

    before: int


@dataclass(frozen=True, slots=True)
class QueueCounts:
    """The questions of a server since its start. `answered` includes those that failed or were stopped."""

    running: int
    waiting: int
    answered: int
    refused: int


@dataclass(frozen=True, slots=True)
class _End:
    error: Exception | None


class Gate:
    """Admits questions, first come, first served. Safe to share between threads and event loops."""

    def __init__(self, limits: ServeSettings) -> None:
        self._limits = limits
        self._lock = threading.Lock()
        # The turns of those that wait: True once it is their turn, False if they are refused.
        self._queue: deque[Future[bool]] = deque()
        self._running = self._answered = self._refused = 0
        self._stopping = False

    @property
    def counts(self) -> QueueCounts:
        with self._lock:
            return QueueCounts(self._running, len(self._queue), self._answered, self._refused)

    @property
    def stopping(self) -> bool:
        """Whether `stop` was called."""
        return self._stopping

    def stop(self) -> None:
        """Refuse new questions and those that wait. Running ones continue."""
        with self._lock:
            self._stopping = True
            self._refused += len(self._queue)
            while self._queue:
                self._queue.popleft().set_result(False)

    async def answered(self, work: Callable[[], Iterator[_T]]) -> AsyncGenerator[_T | Waiting, None]:
        """Run `work` in its own thread when it is its turn, and yield what it yields; before that, its
        position.

        If the caller is slower than `work`, only the latest item is yielded. If this is closed early, its
        place in the queue is free at once, and a running `work` stops after its current step; a step can ask
        `rag.system.stopping` to stop sooner. Raises what
        `work` raises, and `BusyError` where the queue is full, the wait exceeds `queue_timeout`, or the
        server stops.
        """
        turn = self._enter()
        given_up: threading.Event | None = None
        try:
            until = time.monotonic() + self._limits.queue_timeout
            before, arrived = -1, asyncio.wrap_future(turn)
            while not turn.done():
                if (now_before := self._before(turn)) != before:
                    before = now_before
                    yield Waiting(before)
                left = until - time.monotonic()
                if left <= 0 and self._withdraw(turn, refused=True):
                    raise BusyError(
                        f"the server is busy: the question waited {self._limits.queue_timeout:g} seconds. "
                        "Ask again in a few minutes"
                    )
                await asyncio.wait([arrived], timeout=max(0.0, min(_POSITION_SECONDS, left)))
            if not turn.result():
                raise self._closed()
            items: asyncio.Queue[_T | _End] = asyncio.Queue()
            loop, stopped = asyncio.get_running_loop(), threading.Event()

            def put(item: _T | _End) -> None:
                with suppress(RuntimeError):  # the loop is closed: the caller has gone
                    loop.call_soon_threadsafe(items.put_nowait, item)

            threading.Thread(
                target=self._work, args=(work, put, stopped), name="question", daemon=True
            ).start()
            given_up = stopped  # from here on the thread gives the turn back
            while True:
                batch = [await items.get()]
                while not items.empty():
                    batch.append(items.get_nowait())
                if steps := [item for item in batch if not isinstance(item, _End)]:
                    yield steps[-1]
                if isinstance(last := batch[-1], _End):
                    if last.error:
                        raise last.error
                    break
        finally:
            if given_up:
                given_up.set()
            elif not self._withdraw(turn) and turn.done() and turn.result():
                self._leave()

    async def result(self, work: Callable[[], _T]) -> _T:
        """What `work` returns, run as by `answered`. Raises as `answered` does."""
        results: list[_T] = []
        async with aclosing(self.answered(lambda: iter([work()]))) as made:
            async for step in made:
                if not isinstance(step, Waiting):
                    results.append(step)
        return results[0]

    def _work(
        self, work: Callable[[], Iterator[_T]], put: Callable[[_T | _End], None], given_up: threading.Event
    ) -> None:
        error: Exception | None = None
        try:
            with stoppable(given_up.is_set):
                made = work()
                try:
                    for step in made:
                        if given_up.is_set():
                            break
                        put(step)
                finally:
                    if close := getattr(made, "close", None):
                        close()
        except Exception as exc:  # noqa: BLE001  raised in the caller
            error = exc
        finally:
            self._leave()
            put(_End(error))

    def _enter(self) -> Future[bool]:
        turn: Future[bool] = Future()
        with self._lock:
            if not self._stopping and self._running < self._limits.max_concurrency:
                self._running += 1
                turn.set_result(True)
                return turn
            if not self._stopping and len(self._queue) < self._limits.queue_size:
                self._queue.append(turn)
                return turn
            self._refused += 1
            if self._stopping:
                raise self._closed()
            raise BusyError(
                f"the server is busy ({self._running} running, {len(self._queue)} waiting). "
                "Ask again in a minute"
            )

    def _leave(self) -> None:
        """Give a turn back; the next in the queue gets it."""
        with self._lock:
            self._answered += 1
            if self._queue:
                self._queue.popleft().set_result(True)
            else:
                self._running -= 1

    def _withdraw(self, turn: Future[bool], *, refused: bool = False) -> bool:
        """Remove a turn from the queue; whether it was still waiting."""
        with self._lock:
            if turn not in self._queue:
                return False
            self._queue.remove(turn)
            self._refused += refused
            return True

    def _before(self, turn: Future[bool]) -> int:
        with self._lock:
            return self._queue.index(turn) if turn in self._queue else 0

    def _closed(self) -> BusyError:
        return BusyError("the server is stopping and accepts no new questions. Ask again after its restart")
