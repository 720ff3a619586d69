"""What a terminal shows while a question is answered: one line, which is gone when the answer is there."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import TextIO

from rag.system.terminal import one_line

__all__ = ["WaitingLine"]

_ERASE = "\r\x1b[K"  # to the start of the line, and erase it


class WaitingLine:
    """The current step with its seconds, and the latest sentence of the answer, on a terminal.

    A step shows once it has taken a second, so that a quick answer shows none; a sentence shows at once. What
    is no terminal stays empty. `clock` gives seconds that never run backwards; `every` of them pass between
    two drawings.
    """

    def __init__(
        self, stream: TextIO, *, clock: Callable[[], float] = time.monotonic, every: float = 1.0
    ) -> None:
        self._stream, self._clock, self._every = stream, clock, every
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._step, self._began, self._sentence = "", clock(), ""
        self._drawn = False
        self._thread: threading.Thread | None = None

    def __enter__(self) -> WaitingLine:
        if self._stream.isatty():
            self._thread = threading.Thread(target=self._tick, name="waiting", daemon=True)
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        if self._thread:
            self._thread.join()
        if self._drawn:
            self._stream.write(_ERASE)
            self._stream.flush()

    def step(self, doing: str) -> None:
        """A step begins, such as "SmolLM2 is writing"."""
        with self._lock:
            self._step, self._began = doing, self._clock()

    def sentence(self, text: str) -> None:
        """A sentence of the answer is there."""
        with self._lock:
            self._sentence = text
        if self._thread:
            self.draw()

    def draw(self) -> None:
        """Draw the line as it is now, cut to the width of the terminal."""
        with self._lock:
            seconds = int(self._clock() - self._began)
            line = f"{self._step} … {seconds} s" if self._step else ""
            line = f"{line}  {self._sentence}" if self._sentence else line
            width = shutil.get_terminal_size((80, 24)).columns - 1
            # The cursor stays in front of it: a warning that is logged meanwhile replaces it.
            self._stream.write(f"{_ERASE}{one_line(line)[:width]}\r")
            self._stream.flush()
            self._drawn = True

    def _tick(self) -> None:
        while not self._ended.wait(self._every):
            if self._drawn or self._clock() - self._began >= self._every:
                self.draw()
