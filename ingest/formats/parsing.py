"""Documents to text, in processes that are given up when one takes too long or too much memory.

A page or a PDF that was made to do harm, or that a library cannot cope with, costs its own process and no
more: it becomes a failure in the report, and the next document is read by a new one. While documents are read
there, this process encodes.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from queue import LifoQueue
from types import TracebackType
from typing import Any

from ingest.formats.extracted import Extracted
from ingest.formats.feeds import FeedEntry
from ingest.formats.worker import unpack, unpack_entries
from rag.errors import SourceError

__all__ = ["Parsers"]

SECONDS = 120.0  # for one document; a PDF of a thousand pages takes about as long
MEMORY = 2_000_000_000  # bytes of address space; a page of 30 MB takes a fifth of it
_ROOT = Path(__file__).parent.parent.parent


class Parsers:
    """Up to `workers` processes that read documents, started when they are needed. Any thread may ask."""

    def __init__(self, workers: int | None = None, *, seconds: float = SECONDS, memory: int = MEMORY) -> None:
        self.workers = workers or max(1, (os.cpu_count() or 2) // 2)
        self._seconds, self._memory = seconds, memory
        self._free: LifoQueue[_Worker | None] = LifoQueue()
        for _ in range(self.workers):
            self._free.put(None)
        self._living: set[_Worker] = set()
        self._abandoned = False

    def __enter__(self) -> Parsers:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the processes, once they have finished what they are at."""
        workers = [self._free.get() for _ in range(self.workers)]
        for worker in workers:
            if worker:
                self._end(worker)
            self._free.put(None)

    def abandon(self) -> None:
        """End the processes at once. What they are at fails, and so does all that is asked of them later."""
        self._abandoned = True
        for worker in tuple(self._living):
            worker.kill()

    def _end(self, worker: _Worker) -> None:
        self._living.discard(worker)
        worker.end()

    def extract(self, kind: str, data: bytes, options: Mapping[str, Any] | None = None) -> Extracted:
        """What `ingest.formats.<kind>` makes of a document; raises the `SourceError` that it raises, and one
        of its own for a document that takes longer than the limit, or brings its process down."""
        return unpack(self._ask(kind, data, options or {}))

    def entries(self, data: bytes, url: str, charset: str | None = None) -> tuple[FeedEntry, ...]:
        """The entries of the feed that was found at `url`; raises as `extract` does."""
        return unpack_entries(self._ask("feeds", data, {"url": url, "charset": charset}))

    def _ask(self, kind: str, data: bytes, options: Mapping[str, Any]) -> Any:
        worker = self._free.get()
        try:
            if self._abandoned:
                raise SourceError("it was not read because the sync was stopped")
            if worker is None:
                worker = _Worker(self._memory, self._seconds)
                self._living.add(worker)
            if self._abandoned:  # just now: it may have missed this one
                worker.kill()
            answer = worker.ask(
                {"kind": kind, "size": len(data), "options": dict(options)}, data, self._seconds
            )
            if answer.get("spent"):  # what it holds is lost to the next document
                self._end(worker)
                worker = None
        except BaseException:
            if worker:
                self._end(worker)
            worker = None
            raise
        finally:
            self._free.put(worker)
        if "trace" in answer:
            logging.getLogger("clippings").debug("a document could not be read\n%s", answer["trace"])
        if "error" in answer:
            raise SourceError(answer["error"])
        return answer["found"]


class _Worker:
    """One process, and what is said to it."""

    def __init__(self, memory: int, seconds: float) -> None:
        command = [sys.executable, "-m", "ingest.formats.worker", str(memory), str(int(seconds) + 30)]
        # Without a window of its own and out of the terminal's group: Ctrl-C is for this process, which then
        # ends that one.
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=_ROOT,
            start_new_session=True,
        )

    def ask(self, request: dict[str, Any], data: bytes, seconds: float) -> dict[str, Any]:
        requests, answers = self._process.stdin, self._process.stdout
        if requests is None or answers is None:
            raise AssertionError("both are pipes")
        late = threading.Event()

        def give_up() -> None:
            late.set()
            self._process.kill()

        timer = threading.Timer(seconds, give_up)
        timer.start()
        try:
            requests.write(json.dumps(request).encode() + b"\n" + data)
            requests.flush()
            size = answers.readline()
            answer = answers.read(int(size)) if size else b""
            if not size or len(answer) < int(size):
                raise BrokenPipeError
            found: dict[str, Any] = json.loads(answer)
            return found
        except (OSError, ValueError) as exc:
            if late.is_set():
                raise SourceError(
                    f"it took longer than {seconds:g} seconds to be read. Split it, or save its text as .txt"
                ) from exc
            try:
                code: int | str = self._process.wait(5)
            except subprocess.TimeoutExpired:  # it has closed its output and goes on
                code = "unknown"
            raise SourceError(
                f"the process that read it crashed (exit status {code}): it is damaged, or needs too much "
                "memory. Save its text as .txt"
            ) from exc
        finally:
            timer.cancel()

    def kill(self) -> None:
        self._process.kill()

    def end(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                try:
                    pipe.close()
                except OSError:  # it is gone already, with words of ours unread
                    pass
        try:
            self._process.wait(0.5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
