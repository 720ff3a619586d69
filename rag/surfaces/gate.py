"""How many questions are worked on at once, how many wait for their turn and how long: the same line for
people, programs and tools. Whoever comes when the line is full is told so at once, and everybody else is
answered in time."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterator
from concurrent.futures import Future
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from rag.config import ServeSettings
from rag.errors import BusyError

__all__ = ["Counts", "Gate", "Waiting"]

_T = TypeVar("_T")
_LOOK = 1.0  # seconds after which one that waits looks how many are still before it


@dataclass(frozen=True, slots=True)
class Waiting:
    """A question waits for its turn, and so many others before it."""

    before: int


@dataclass(frozen=True, slots=True)
class Counts:
    """The questions of a page since it was opened. Those that failed, or were stopped in the middle, are
    `answered` too.
    """

    running: int
    waiting: int
    answered: int
    refused: int


@dataclass(frozen=True, slots=True)
class _End:
    error: Exception | None


class Gate:
    """Lets questions in, first come first served. Safe to share between threads and event loops."""

    def __init__(self, limits: ServeSettings) -> None:
        self._limits = limits
        self._lock = threading.Lock()
        self._line: deque[Future[bool]] = (
            deque()
        )  # of turns: true once one's own has come, false when it will not
        self._running = self._answered = self._refused = 0
        self._stopping = False

    @property
    def counts(self) -> Counts:
        with self._lock:
            return Counts(self._running, len(self._line), self._answered, self._refused)

    @property
    def stopping(self) -> bool:
        """Whether `stop` was called."""
        return self._stopping

    def stop(self) -> None:
        """Refuse all that come from now on and all that wait. What is worked on goes on."""
        with self._lock:
            self._stopping = True
            self._refused += len(self._line)
            while self._line:
                self._line.popleft().set_result(False)

    async def answered(self, work: Callable[[], Iterator[_T]]) -> AsyncGenerator[_T | Waiting, None]:
        """What `work` makes, in a thread of its own, once there is a turn for it; until then, how many wait
        before it.

        Where it makes more than is taken meanwhile, only the latest is given. Closed early, it gives its
        place in the line back at once, or its turn after the step that is worked on. Raises what `work` does,
        and `BusyError` where too many wait already, the turn does not come within the patience, or the page
        is being stopped.
        """
        turn = self._enter()
        given_up: threading.Event | None = None
        try:
            until, before, come = time.monotonic() + self._limits.queue_timeout, -1, asyncio.wrap_future(turn)
            while not turn.done():
                if (there := self._before(turn)) != before:
                    before = there
                    yield Waiting(before)
                left = until - time.monotonic()
                if left <= 0 and self._withdrawn(turn, refused=True):
                    raise BusyError(
                        f"the question has waited {self._limits.queue_timeout:g} seconds for its turn, as too "
                        f"many ask at once. "
                        "Ask it again in a few minutes"
                    )
                await asyncio.wait([come], timeout=max(0.0, min(_LOOK, left)))
            if not turn.result():
                raise self._closed()
            said: asyncio.Queue[Any] = asyncio.Queue()
            loop, stopped = asyncio.get_running_loop(), threading.Event()

            def say(what: _T | _End) -> None:
                with suppress(RuntimeError):  # the loop is closed: nobody listens any more
                    loop.call_soon_threadsafe(said.put_nowait, what)

            threading.Thread(
                target=self._work, args=(work, say, stopped), name="question", daemon=True
            ).start()
            given_up = stopped  # and from here on the thread gives the turn back
            last: Any = None
            while not isinstance(last, _End):
                arrived = [await said.get()]
                while not said.empty():
                    arrived.append(said.get_nowait())
                last = arrived[-1]
                if made := [step for step in arrived if not isinstance(step, _End)]:
                    yield made[-1]
            if last.error:
                raise last.error
        finally:
            if given_up:
                given_up.set()
            elif not self._withdrawn(turn) and turn.done() and turn.result():
                self._leave()

    async def result(self, work: Callable[[], _T]) -> _T:
        """What `work` returns, in a thread of its own, once there is a turn for it. Raises as `answered`
        does.
        """
        found: list[_T] = []
        async with aclosing(self.answered(lambda: iter([work()]))) as made:
            async for step in made:
                if not isinstance(step, Waiting):
                    found.append(step)
        return found[0]

    def _work(
        self, work: Callable[[], Iterator[_T]], say: Callable[[_T | _End], None], given_up: threading.Event
    ) -> None:
        error: Exception | None = None
        try:
            made = work()
            try:
                for step in made:
                    if given_up.is_set():
                        break
                    say(step)
            finally:
                if close := getattr(made, "close", None):
                    close()
        except Exception as exc:  # noqa: BLE001  raised where somebody asked
            error = exc
        finally:
            self._leave()
            say(_End(error))

    def _enter(self) -> Future[bool]:
        turn: Future[bool] = Future()
        with self._lock:
            if not self._stopping and self._running < self._limits.max_concurrency:
                self._running += 1
                turn.set_result(True)
                return turn
            if not self._stopping and len(self._line) < self._limits.queue_size:
                self._line.append(turn)
                return turn
            self._refused += 1
            if self._stopping:
                raise self._closed()
            raise BusyError(
                f"too many ask at once: {self._running} being answered, {len(self._line)} waiting. Ask again "
                f"in a minute"
            )

    def _leave(self) -> None:
        """A turn is over; the next in the line has one."""
        with self._lock:
            self._answered += 1
            if self._line:
                self._line.popleft().set_result(True)
            else:
                self._running -= 1

    def _withdrawn(self, turn: Future[bool], *, refused: bool = False) -> bool:
        """Take one out of the line; whether it still stood there."""
        with self._lock:
            if turn not in self._line:
                return False
            self._line.remove(turn)
            self._refused += refused
            return True

    def _before(self, turn: Future[bool]) -> int:
        with self._lock:
            return self._line.index(turn) if turn in self._line else 0

    def _closed(self) -> BusyError:
        return BusyError(
            "the page is being stopped and takes no new questions. Ask again when it is open again"
        )
