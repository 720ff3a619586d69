"""The server: one application with REST, MCP and the page behind the access middleware; how it starts and
stops."""

from __future__ import annotations

import contextlib
import logging
import signal
import socket
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import uvicorn
from fastapi import FastAPI

from rag.errors import ClippingsError, ConfigError
from rag.people.accounts import Accounts
from rag.people.store import People
from rag.surfaces.api.access import AccessRules, AdminRights
from rag.surfaces.api.application import api_app
from rag.surfaces.api.conversations import conversation_router
from rag.surfaces.api.health import Health, health_router
from rag.surfaces.api.jobs import job_router
from rag.surfaces.api.login import login_router
from rag.surfaces.api.middleware import AccessMiddleware, Traffic
from rag.surfaces.api.model import model_router
from rag.surfaces.api.uploads import upload_router
from rag.surfaces.gate import Gate
from rag.surfaces.jobs import Jobs
from rag.surfaces.library import Library
from rag.surfaces.listening import listen
from rag.surfaces.people_store import PeopleStore
from rag.surfaces.uploads import Uploads

__all__ = ["Server", "serve"]

_IDLE_SECONDS = 0.5  # without a request, after which all answers have been sent
_POLL_SECONDS = 0.05
_DRAIN_SECONDS = 3.0  # the longest wait for that, and for streams that stay open as long as their browsers
_DELETED_KEPT = timedelta(days=30)  # until then a deletion can be undone


@dataclass(slots=True)
class Server:
    """The parts of one server. `application` is the ASGI application. `admins` are the accounts that may set
    the language model; raises `ConfigError` for one that does not exist."""

    library: Library
    rules: AccessRules = field(default_factory=AccessRules)
    accounts: Accounts | None = None
    admins: tuple[str, ...] = ()
    gate: Gate = field(init=False)
    people: PeopleStore = field(init=False)
    jobs: Jobs = field(init=False)
    traffic: Traffic = field(init=False)

    def __post_init__(self) -> None:
        _check_admins(self.admins, self.accounts)
        self.gate = Gate(self.library.own.serve)
        self.people = PeopleStore(People(self.library.own.home))
        self.jobs, self.traffic = Jobs(), Traffic()

    def application(self) -> AccessMiddleware:
        """The ASGI application. All questions share one gate, and all requests pass one access middleware."""
        from rag.surfaces.page import mount

        library, gate, people, root_path = self.library, self.gate, self.people, self.rules.root_path
        limits = library.own.serve
        uploads = Uploads(library.own.home, limits)
        rights = AdminRights(self.rules, self.accounts is not None, frozenset(self.admins), library.read_only)
        routers = (
            health_router(Health(library, gate)),
            login_router(self.accounts, people, root_path=root_path),
            conversation_router(library, gate, people, timeout=limits.request_timeout),
            upload_router(library, uploads, owner_of=lambda request: str(request.state.owner)),
            job_router(library, self.jobs, uploads),
            model_router(library, rights),
        )
        app = api_app(library, gate, timeout=limits.request_timeout, routers=routers)
        mount(app, library, people.people, rights, root_path=root_path)
        _close_with(app, uploads)
        return AccessMiddleware(
            app,
            self.rules,
            login_required=self.accounts is not None,
            account_of=self._account,
            token_of=self._token,
            traffic=self.traffic,
        )

    def _account(self, secret: str) -> str | None:
        """The account of a session, as long as its password has not changed."""
        return self.people.account_of(secret, self.accounts.fingerprint) if self.accounts else None

    def _token(self, secret: str) -> tuple[str, bool] | None:
        token = self.people.people.tokens.find(secret)
        return (token.name, token.read_only) if token else None

    def close(self) -> None:
        self.jobs.close(self.library.own.serve.shutdown_timeout)
        self.people.close()


def serve(
    library: Library,
    *,
    port: int,
    rules: AccessRules,
    accounts: Accounts | None = None,
    admins: tuple[str, ...] = (),
) -> None:
    """Run the server until SIGTERM or Ctrl-C. Then new questions are refused, and running ones have
    `serve.shutdown_timeout` seconds to finish. A second signal ends the process at once.

    Without `accounts` everybody who reaches the server may use it. `admins` are the accounts that may set the
    language model. Raises `ConfigError` for one that does not exist, and `ClippingsError` when the server
    cannot listen.
    """
    # Gradio imports matplotlib at each call if it is installed, and it writes a font cache to the user's
    # home.
    sys.modules.setdefault("matplotlib", None)  # type: ignore[arg-type]
    server = Server(library, rules, accounts, admins)
    listening = listen(rules.host, port)
    try:
        # Loading takes seconds: better before the server is ready than at the first question.
        library.assistant(library.first).warm()
        _clean_up(library, server.people.people)
        signals = _handle_signals()  # until here Ctrl-C ends the process like any other command
        with _running(server.application(), listening) as running:
            print(f"Clippings is running at {address(rules.host, port)} (press Ctrl-C to stop)", flush=True)
            while not signals and running.is_alive():
                time.sleep(_POLL_SECONDS)  # a signal may arrive in another thread and not wake this one
            server.gate.stop()
            if count := server.gate.counts.running:
                print(
                    f"Finishing {count} question{'' if count == 1 else 's'} (press Ctrl-C to stop at once)",
                    flush=True,
                )
            _drain(server)
    finally:
        listening.close()
        server.close()


def _check_admins(admins: tuple[str, ...], accounts: Accounts | None) -> None:
    for name in admins:
        if accounts is None:
            raise ConfigError(
                f"--admin {name} names an account, so the server needs accounts. Add --auth-file"
            )
        if name not in accounts.names:
            raise ConfigError(
                f"--admin {name}: there is no such account. Add it first: clippings account add {name} "
                "--auth-file FILE"
            )


def address(host: str, port: int) -> str:
    """The URL of the server.

    >>> address("::1", 7860)
    'http://[::1]:7860'
    """
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


@contextlib.contextmanager
def _running(application: AccessMiddleware, listening: socket.socket) -> Iterator[threading.Thread]:
    """Run the application in its own thread, from when it is ready until the end of the block."""
    config = uvicorn.Config(
        application,
        log_level="warning",
        access_log=False,
        server_header=False,
        date_header=True,
        lifespan="on",
        proxy_headers=False,  # the access middleware handles them
        timeout_graceful_shutdown=int(_DRAIN_SECONDS),
        ws="none",
        http="h11",  # the other parser has no limit for headers
        h11_max_incomplete_event_size=64_000,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, name="server", daemon=True)
    thread.start()
    while not server.started:
        if not thread.is_alive():
            raise ClippingsError("the server could not start. The messages above say why")
        time.sleep(_POLL_SECONDS)
    try:
        yield thread
    finally:
        server.should_exit = True
        thread.join(_DRAIN_SECONDS + 2)


def _handle_signals() -> list[int]:
    """A list that receives the first SIGINT or SIGTERM. A second one ends the process."""
    received: list[int] = []
    both = (signal.SIGINT, signal.SIGTERM)

    def stop(number: int, _: object) -> None:
        for each in both:
            signal.signal(each, signal.SIG_DFL)
        received.append(number)

    for each in both:
        signal.signal(each, stop)
    return received


def _drain(server: Server) -> None:
    """Wait until no question is running and all answers are sent, at most `serve.shutdown_timeout`
    seconds."""
    until = time.monotonic() + server.library.own.serve.shutdown_timeout
    while server.gate.counts.running and time.monotonic() < until:
        time.sleep(_POLL_SECONDS)
    until = time.monotonic() + _DRAIN_SECONDS  # answers that were just finished are still sent
    traffic = server.traffic
    while (
        traffic.requests or time.monotonic() < traffic.latest + _IDLE_SECONDS
    ) and time.monotonic() < until:
        time.sleep(_POLL_SECONDS)


def _clean_up(library: Library, people: People) -> None:
    """Clean up after an earlier server: unanswered questions, old deletions, and half-added uploads."""
    try:
        library.recover()
        people.conversations.interrupted("the server was stopped before the answer was complete. Ask again")
        people.conversations.purge(datetime.now(UTC) - _DELETED_KEPT)
    except ClippingsError as exc:  # questions can still be answered where the folder is read-only
        logging.getLogger("clippings").warning("%s", exc)


def _close_with(app: FastAPI, uploads: Uploads) -> None:
    """Discard pending uploads when the application ends."""
    inner = app.router.lifespan_context

    @contextlib.asynccontextmanager
    async def lifespan(of: FastAPI) -> AsyncIterator[Any]:
        async with inner(of) as state:
            try:
                yield state
            finally:
                uploads.close()

    app.router.lifespan_context = lifespan
