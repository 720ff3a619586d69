"""The server: one application with REST, MCP, the page and the door before them, and its life from the first
request to the last."""

from __future__ import annotations

import contextlib
import logging
import signal
import socket
import sys
import threading
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import uvicorn
from fastapi import FastAPI

from rag.errors import ClippingsError
from rag.people.accounts import Accounts
from rag.people.store import People
from rag.surfaces.api.application import api_app
from rag.surfaces.api.conversations import conversation_router
from rag.surfaces.api.door import Door, Doorway, Traffic
from rag.surfaces.api.health import Health, health_router
from rag.surfaces.api.jobs import job_router
from rag.surfaces.api.login import login_router
from rag.surfaces.api.uploads import upload_router
from rag.surfaces.gate import Gate
from rag.surfaces.jobs import Jobs
from rag.surfaces.keeping import Keeping
from rag.surfaces.library import Library
from rag.surfaces.listening import listen
from rag.surfaces.uploads import Uploads

__all__ = ["Server", "serve"]

_QUIET = 0.5  # seconds without a request after which every answer has arrived
_TICK = 0.05
_LINGER = (
    3.0  # seconds that are waited for this at most, and for streams that would last as long as their browsers
)
_KEPT_DELETED = timedelta(days=30)  # until then a deletion can be undone


@dataclass(slots=True)
class Server:
    """What one server holds. `application` is what uvicorn runs, and tests ask."""

    library: Library
    doorway: Doorway = field(default_factory=Doorway)
    accounts: Accounts | None = None
    gate: Gate = field(init=False)
    keeping: Keeping = field(init=False)
    jobs: Jobs = field(init=False)
    traffic: Traffic = field(init=False)

    def __post_init__(self) -> None:
        self.gate = Gate(self.library.own.serve)
        self.keeping = Keeping(People(self.library.own.home))
        self.jobs, self.traffic = Jobs(), Traffic()

    def application(self) -> Any:
        """The application, as ASGI has it. All questions go through one gate, and all requests through one
        door.
        """
        from rag.surfaces.page import mount

        library, gate, keeping, root_path = self.library, self.gate, self.keeping, self.doorway.root_path
        limits = library.own.serve
        uploads = Uploads(library.own.home, limits)
        also = (
            health_router(Health(library, gate)),
            login_router(self.accounts, keeping, root_path=root_path),
            conversation_router(library, gate, keeping, timeout=limits.request_timeout),
            upload_router(library, uploads, owner_of=lambda request: str(request.state.owner)),
            job_router(library, self.jobs, uploads),
        )
        app = api_app(library, gate, timeout=limits.request_timeout, also=also)
        mount(app, library, keeping.people, root_path=root_path, accounts=self.accounts is not None)
        _close_with(app, uploads)
        return Door(
            app, self.doorway, guarded=self.accounts is not None, account_of=self._account, token_of=self._token,
            traffic=self.traffic,
        )  # fmt: skip

    def _account(self, secret: str) -> str | None:
        """The account of a session, while the file has it with the password of then."""
        return self.keeping.account_of(secret, self.accounts.mark) if self.accounts else None

    def _token(self, secret: str) -> tuple[str, bool] | None:
        token = self.keeping.people.tokens.find(secret)
        return (token.name, token.read_only) if token else None

    def close(self) -> None:
        self.jobs.close(self.library.own.serve.shutdown_timeout)
        self.keeping.close()


def serve(library: Library, *, port: int, doorway: Doorway, accounts: Accounts | None = None) -> None:
    """Open the page and block until SIGTERM or Ctrl-C stops it: new questions are refused then, those that
    are worked on have `serve.shutdown_timeout` seconds to finish, and a second signal ends the process at once. Raises
    `ClippingsError` when it cannot listen there.

    Without `accounts` everybody who reaches the page may ask.
    """
    # Gradio imports it at each call where it is installed, and it keeps a list of the machine's fonts in the
    # reader's home.
    sys.modules.setdefault("matplotlib", None)  # type: ignore[arg-type]
    server = Server(library, doorway, accounts)
    listening = listen(doorway.host, port)
    try:
        # Loading takes seconds; better before the page says it is ready than at the first question.
        library.assistant(library.first).warm()
        _tidy(library, server.keeping.people)
        signals = _signals()  # until here Ctrl-C ends the process as it ends any other command
        with _running(server.application(), listening) as running:
            print(f"Clippings is open at {address(doorway.host, port)} (Ctrl-C stops it)", flush=True)
            while not signals and running.is_alive():
                time.sleep(
                    _TICK
                )  # a signal that another thread caught wakes nobody, but is heard at the next tick
            server.gate.stop()
            if count := server.gate.counts.running:
                print(
                    f"Finishing {count} question{'' if count == 1 else 's'} first (Ctrl-C stops at once)",
                    flush=True,
                )
            _wait_for_answers(server)
    finally:
        listening.close()
        server.close()


def address(host: str, port: int) -> str:
    """What to type into a browser.

    >>> address("::1", 7860)
    'http://[::1]:7860'
    """
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


@contextlib.contextmanager
def _running(application: Any, listening: socket.socket) -> Any:
    """The application in a thread of its own, from when it answers until it has ended."""
    config = uvicorn.Config(
        application, log_level="warning", access_log=False, server_header=False, date_header=True, lifespan="on",
        proxy_headers=False,  # whom to believe, the door knows
        timeout_graceful_shutdown=int(_LINGER), ws="none",
        http="h11", h11_max_incomplete_event_size=64_000,  # the other parser has no limit for headers
    )  # fmt: skip
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, name="server", daemon=True)
    thread.start()
    while not server.started:
        if not thread.is_alive():
            raise ClippingsError("the page could not be opened; what is printed above says why")
        time.sleep(_TICK)
    try:
        yield thread
    finally:
        server.should_exit = True
        thread.join(_LINGER + 2)


def _signals() -> list[int]:
    """Where the first signal to stop arrives. The second ends the process as if nobody listened."""
    arrived: list[int] = []
    both = (signal.SIGINT, signal.SIGTERM)

    def heard(number: int, _: object) -> None:
        for each in both:
            signal.signal(each, signal.SIG_DFL)
        arrived.append(number)

    for each in both:
        signal.signal(each, heard)
    return arrived


def _wait_for_answers(server: Server) -> None:
    """Wait until no question is worked on and every answer has reached its asker, at most so many seconds."""
    until = time.monotonic() + server.library.own.serve.shutdown_timeout
    while server.gate.counts.running and time.monotonic() < until:
        time.sleep(_TICK)
    until = time.monotonic() + _LINGER  # what was finished in the last moment arrives as well
    traffic = server.traffic
    while (traffic.requests or time.monotonic() < traffic.latest + _QUIET) and time.monotonic() < until:
        time.sleep(_TICK)


def _tidy(library: Library, people: People) -> None:
    """Put in order what an earlier server has left: questions that nobody answers any more, deletions past
    undoing, and uploads that were half added."""
    try:
        library.recover()
        people.conversations.interrupted("the page was stopped before the answer was there. Ask again")
        people.conversations.purge(datetime.now(UTC) - _KEPT_DELETED)
    except ClippingsError as exc:  # a folder that cannot be written to can still be asked
        logging.getLogger("clippings").warning("%s", exc)


def _close_with(app: FastAPI, uploads: Uploads) -> None:
    """Let what waits to be added go when the application ends."""
    inner = app.router.lifespan_context

    @contextlib.asynccontextmanager
    async def lifespan(of: FastAPI) -> AsyncIterator[Any]:
        async with inner(of) as state:
            try:
                yield state
            finally:
                uploads.close()

    app.router.lifespan_context = lifespan
