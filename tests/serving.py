"""An application behind a real server on loopback, and a language model that waits in the middle of what it
says.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import uvicorn

from rag.surfaces.gate import QueueCounts


@contextmanager
def served(app: Any) -> Iterator[str]:
    """The address at which an ASGI application is served, with its lifespan run."""
    server = uvicorn.Server(
        uvicorn.Config(app, port=0, log_level="warning", lifespan="on", timeout_graceful_shutdown=2)
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until(lambda: server.started)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(20)


def until(happens: Callable[[], bool]) -> None:
    limit = time.monotonic() + 20
    while not happens():
        assert time.monotonic() < limit, "it has not happened within twenty seconds"
        time.sleep(0.01)


class HeldModel:
    """Says the first part, and the others once it may go on. `began` when it is asked, `ended` where it was
    listened to until the end."""

    name = "held"

    def __init__(self, first: str, *rest: str) -> None:
        self.first, self.rest = first, rest
        self.began, self.goes_on = threading.Event(), threading.Event()
        self.closed = self.ended = False

    def stream(self, messages: Sequence[Mapping[str, str]]) -> Iterator[str]:
        try:
            self.began.set()
            yield self.first
            assert self.goes_on.wait(20)
            yield from self.rest
            self.ended = True
        finally:
            self.closed = True


def idle(counts: QueueCounts) -> bool:
    return counts.running == counts.waiting == 0
