"""Chroma on a server (`chroma.url`): one started by `chroma run`, a distributed Chroma, or Chroma Cloud."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.config import ChromaSettings
from rag.errors import CollectionError
from rag.store import Record
from rag.store.chroma import HNSW_SERVER, add, client_settings, delete
from rag.store.chroma_folder import FOLDER
from rag.system.address import without_login
from rag.system.connection import client_options

if TYPE_CHECKING:
    import numpy as np

    Vectors = np.ndarray[Any, np.dtype[np.float32]]

__all__ = ["ServerStore", "check_quickly", "check_server", "discard"]

_CHECK_TIMEOUT_SECONDS = 2.0  # for a server to say that it is there, when somebody only wants to know


class ServerStore:
    """A Chroma server. Any number of processes may use it, and each sees the newest that was acknowledged."""

    def __init__(self, home: Path, chroma: ChromaSettings, identity: str, build: str, create: bool) -> None:
        self._home, self._folder, self._chroma, self._create = home, home / build, chroma, create
        self._name = _name_of(chroma, identity, build)
        self._lock = threading.Lock()
        self._client: Any = None
        self._collection: Any = None

    @property
    def place(self) -> str:
        return f"{_address(self._chroma)} {self._chroma.tenant} {self._chroma.database} {self._name}"

    def open(self) -> None:
        with self.collection():
            pass

    def forget_others(self) -> None:
        # A folder that was used before would fall behind, and not show it.
        shutil.rmtree(self._folder / FOLDER, ignore_errors=True)

    @contextmanager
    def collection(self) -> Iterator[Any]:
        with _translated(self._chroma):
            yield self._opened()

    def _opened(self) -> Any:
        from chromadb.errors import NotFoundError

        if (collection := self._collection) is not None:
            return collection
        # Not locked: while a server is silent, nobody has to wait for another's waiting.
        client = _connected(self._chroma)
        try:
            if self._create:
                collection = client.get_or_create_collection(
                    self._name, configuration={"hnsw": HNSW_SERVER}, embedding_function=None
                )
            else:
                collection = client.get_collection(self._name, embedding_function=None)
        except NotFoundError as exc:
            client.close()
            raise CollectionError(
                f"the Chroma server at {self._chroma.url} has no collection {self._name}. "
                f"Fill it: clippings sync FOLDER --home {self._home}"
            ) from exc
        with self._lock:
            if self._collection is not None:  # another thread was quicker
                client.close()
            else:
                self._client, self._collection = client, collection
            return self._collection

    def close(self) -> None:
        with self._lock:
            if self._client is not None:
                self._client.close()
            self._client = self._collection = None

    def is_full(self) -> bool:
        return False

    def verify(self) -> None:
        """What lies on a server is the server's to check."""

    def wipe(self) -> None:
        with self.collection():
            self._client.delete_collection(self._name)
            self.close()
            self._opened()

    def add(self, records: Sequence[Record], vectors: Vectors) -> None:
        with self.collection() as collection:
            add(collection, records, vectors, texts=self._chroma.texts)

    def delete(self, keys: Sequence[str]) -> None:
        with self.collection() as collection:
            delete(collection, keys)


def check_server(chroma: ChromaSettings) -> str:
    """The version of the server at `chroma.url`. Raises `CollectionError` when none answers there, or not to
    us.
    """
    with _translated(chroma):
        client = _connected(chroma)
        try:
            return str(client.get_version())
        finally:
            client.close()


def check_quickly(chroma: ChromaSettings) -> None:
    """Raise `CollectionError` when the server does not answer within two seconds."""
    hurried = replace(chroma, timeout=min(_CHECK_TIMEOUT_SECONDS, chroma.timeout))
    with _translated(hurried):
        _check_alive(hurried)


def discard(chroma: ChromaSettings, identity: str, build: str) -> None:
    """Remove the records of a build that answers no more; what is not there is no error."""
    from chromadb.errors import NotFoundError

    with _translated(chroma):
        client = _connected(chroma)
        try:
            client.delete_collection(_name_of(chroma, identity, build))
        except NotFoundError:
            pass
        finally:
            client.close()


def _name_of(chroma: ChromaSettings, identity: str, build: str) -> str:
    """What a build's vectors are called on a server."""
    name = chroma.collection or f"clippings-{identity}"
    return f"{name}-{build.rpartition('/')[2]}" if build else name


def _check_alive(chroma: ChromaSettings) -> tuple[str, dict[str, str]]:
    """The server's address, and what to send with each request, once it has answered. Chroma's client waits
    without end for a server that accepts and is silent, and takes any for its own."""
    import httpx

    url, key = _address(chroma).rstrip("/"), chroma.key()
    headers = {"x-chroma-token": key} if key else {}
    with httpx.Client(**client_options(str(chroma.url), chroma.timeout)) as client:
        answer = client.get(f"{url}/api/v2/heartbeat", headers=headers)
    answer.raise_for_status()
    if "heartbeat" not in answer.text:
        raise ValueError("what answers there is no Chroma server")
    return url, headers


def _connected(chroma: ChromaSettings) -> Any:
    import chromadb
    from chromadb.api import fastapi

    url, headers = _check_alive(chroma)
    if not isinstance(fastapi.httpx, _Httpx):
        fastapi.httpx = _Httpx()
    token = _options.set(client_options(str(chroma.url), chroma.timeout))
    try:
        return chromadb.HttpClient(
            host=url,
            ssl=url.startswith("https"),
            headers=headers,
            tenant=chroma.tenant,
            database=chroma.database,
            settings=client_settings(),
        )
    finally:
        _options.reset(token)


# How the connections are made that Chroma's client opens in this moment, in this thread.
_options: ContextVar[dict[str, Any] | None] = ContextVar("_options", default=None)


class _Httpx:
    """httpx as Chroma's client sees it. That client makes two connections before it can be got at, and has no
    setting for how they are made: without proxies out of the environment, with a password, and with an end to
    waiting. Other clients of Chroma in this process are made as ever."""

    def __getattr__(self, name: str) -> Any:
        import httpx

        return getattr(httpx, name)

    @staticmethod
    def Client(**theirs: Any) -> Any:
        import httpx

        return httpx.Client(**(theirs | (_options.get() or {})))


def _address(chroma: ChromaSettings) -> str:
    return without_login(str(chroma.url))


def _message(chroma: ChromaSettings, exc: Exception) -> str:
    import httpx
    from chromadb.errors import ChromaAuthError

    where, reason = f"the Chroma server at {chroma.url}", str(exc).partition("\n")[0]
    if isinstance(exc, httpx.TimeoutException):
        return (
            f"no answer from {where} within {chroma.timeout:g} s. Is it running? Ask again, or raise "
            "chroma.timeout"
        )
    if isinstance(exc, httpx.TransportError) or "Could not connect" in reason:
        return (
            f"no answer from {where} ({reason}). Is `chroma run` running there? Correct chroma.url, or start "
            "it"
        )
    status = exc.response.status_code if isinstance(exc, httpx.HTTPStatusError) else None
    if status in (401, 403) or isinstance(exc, ChromaAuthError):
        return (
            f"{where} does not let us in ({reason}). Set CLIPPINGS_CHROMA_KEY, or chroma.key_file, to a key "
            "of it"
        )
    return f"{where} cannot be used: {reason}"


@contextmanager
def _translated(chroma: ChromaSettings) -> Iterator[None]:
    import httpx
    from chromadb.errors import ChromaError

    try:
        yield
    except (ChromaError, httpx.HTTPError, ValueError, OSError) as exc:
        raise CollectionError(_message(chroma, exc)) from exc
