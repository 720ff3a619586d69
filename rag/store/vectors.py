"""The dense index: the vectors of a collection in Chroma, and the nearest of them by cosine.

It takes and returns keys, floats and arrays. Chroma keeps the vectors: in a folder of the collection, or on a
server (`chroma.url`: one started by `chroma run`, Chroma Cloud, a distributed Chroma). Questions are answered
from an exact index beside it (`rag.store.cache`), which takes any filter. Those without a filter go to the
server, where there is one that holds what the exact index does: it may hold more than one machine can look
through.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from contextvars import ContextVar
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote

from filelock import FileLock, Timeout

from rag.config import ChromaSettings
from rag.errors import CollectionError
from rag.store import Row, fault, is_full, panicked, unlockable
from rag.store.cache import FOLDER as EXACT
from rag.store.cache import ExactIndex
from rag.system.address import without_login
from rag.system.connection import client_options
from rag.system.telemetry import disable_telemetry
from rag.types import Filters

if TYPE_CHECKING:
    import numpy as np

    Vectors = np.ndarray[Any, np.dtype[np.float32]]

__all__ = ["DenseIndex", "check_server", "discard"]

disable_telemetry()

FOLDER = "dense"
_NAME = "passages"
_TURN = "dense.lock"
_CHANGES = "dense.changes"  # how often it was written
_PATIENCE = 60  # seconds; a thousand vectors take one
# In a folder no question is put to the graph, and Chroma's defaults do; on a server recall@50 against exact
# search on real news vectors chose. See eval/LOG.md.
_UNASKED = {"space": "cosine"}
_ASKED = {"space": "cosine", "max_neighbors": 32, "ef_construction": 200, "ef_search": 200}
_SOON = 2.0  # seconds for a server to say that it is there, when somebody only wants to know
_ROUNDING = 1e-6  # of a number in a vector of length 1
_AT_ONCE = 1_000  # vectors in one call; Chroma's rate is flat from 100 to 1,000
_APART = """
import json, sys
from pathlib import Path
from rag.errors import CollectionError
from rag.store.vectors import DenseIndex
try:
    print(json.dumps({"differing": DenseIndex(Path(sys.argv[1]), build=sys.argv[2])._compared()}))
except CollectionError as exc:
    print(json.dumps({"fault": str(exc)}))
"""
# Within a process Chroma shares one store between all clients of a path as it is spelled, also a broken one,
# and a shared one cannot be opened anew by one of its users. So each spells the path in its own way, with
# "/." added.
_spellings: set[str] = set()
_spelling = threading.Lock()


class DenseIndex:
    """The vectors of a collection. Reading is safe from any thread and process; writing is for the holder of
    the collection's lock. Chroma is not opened before it is needed: a question that the exact index answers
    never does."""

    def __init__(
        self,
        home: Path,
        chroma: ChromaSettings = ChromaSettings(),
        *,
        identity: str = "",
        build: str = "",
        create: bool = False,
    ) -> None:
        """`identity` is the collection's, by which a server tells it from others; `build` where in the home
        the index lies.
        """
        self._store: _Store = (
            _Server(home, chroma, identity, build, create) if chroma.url else _Folder(home, build, create)
        )
        self._home, self._build, self._chroma = home, build, chroma
        self.filled: str | None = None  # the store that holds all there is, as whoever opens this index knows
        self._exact = ExactIndex(home, build=build, create=create)
        if create:
            self._store.open()

    @property
    def place(self) -> str:
        """Where Chroma keeps the vectors."""
        return self._store.place

    def check(self) -> None:
        """Raise `CollectionError` when questions go to a server that does not answer."""
        if self._chroma.url and self.filled == self.place:
            quickly = replace(self._chroma, timeout=min(_SOON, self._chroma.timeout))
            with _from_server(quickly):
                _alive(quickly)

    @property
    def megabytes(self) -> float:
        """What a question looks through, mapped into memory."""
        return self._exact.megabytes

    @contextmanager
    def alone(self) -> Iterator[Any]:
        """Chroma's collection as it was last written; where it lies in a folder nobody else is at it
        meanwhile.
        """
        with self._store.collection() as collection:
            yield collection

    def close(self) -> None:
        """Give the store back; another call opens it again."""
        self._store.close()
        self._exact.close()

    def count(self) -> int:
        return self._exact.count()

    def keys(self) -> set[str]:
        """Every key that Chroma has, for checks."""
        with self._store.collection() as collection:
            return set(collection.get(include=[])["ids"])

    def mapped(self) -> set[str]:
        """Every key that the exact index has, for checks."""
        return self._exact.keys()

    def verified(self) -> tuple[int, int]:
        """How many rows of the exact index are not as they were written, and how many lack a checksum."""
        return self._exact.verified()

    def differing(self) -> int:
        """How many vectors Chroma has otherwise than the exact index, or only one of the two has. Raises
        `CollectionError` where its store is damaged.

        Beyond rounding: Chroma makes them of length 1 once more. Not looked at are the links of its graph,
        which in a folder no question is put to.
        """
        if self._chroma.url:
            return self._compared()
        # In a process of its own: a number in its graph's header that is not as it was makes Chroma write
        # where it may not.
        found = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        asked = [sys.executable, "-c", _APART, str(self._home), self._build]
        with _translated(self._home / self._build / FOLDER, self._home):
            done = subprocess.run(asked, capture_output=True, text=True, env=found, check=False)
            said = done.stdout.splitlines()
            if done.returncode or not said:
                raise ValueError("Chroma broke down over its files")
            if "fault" in (told := json.loads(said[-1])):
                raise CollectionError(told["fault"])
        return int(told["differing"])

    def _compared(self) -> int:
        import numpy as np

        self._store.verify()
        same = 0
        with self._store.collection() as collection:
            for keys, vectors in self._exact.all():
                for start in range(0, len(keys), _AT_ONCE):
                    some, mapped = keys[start : start + _AT_ONCE], vectors[start : start + _AT_ONCE]
                    found = collection.get(ids=some, include=["embeddings"])
                    theirs = dict(zip(found["ids"], found["embeddings"], strict=True))
                    same += sum(
                        key in theirs
                        and theirs[key].shape == ours.shape
                        and bool((np.abs(theirs[key] - ours) < _ROUNDING).all())
                        for key, ours in zip(some, mapped, strict=True)
                    )
            return max(int(collection.count()), self._exact.count()) - same

    def vectors(self, keys: Sequence[str]) -> tuple[Vectors, np.ndarray]:
        """The vectors in the order of `keys`, shape (keys, dims), and which of the keys have one; the others
        have zeros.
        """
        return self._exact.vectors(keys)

    def search(
        self, vector: Vectors, k: int, filters: Filters = Filters(), *, crowded: bool = False
    ) -> list[tuple[str, float]]:
        """The k nearest keys that the filters admit with their cosines, best first, equal cosines by key.
        `crowded` says that many keys are just being added or removed, which a server would show."""
        if filters or crowded or not self._chroma.url or self.filled != self.place:
            return self._exact.search(vector, k, filters)
        try:
            return self._asked(vector, k)
        except CollectionError as exc:
            from chromadb.errors import NotFoundError

            if not isinstance(exc.__cause__, NotFoundError):
                raise
            self._store.close()  # made anew by a rebuild since: under the old number there is nothing
            return self._asked(vector, k)

    def _asked(self, vector: Vectors, k: int) -> list[tuple[str, float]]:
        """The nearest as Chroma's graph has them."""
        if k < 1:
            return []
        with self._store.collection() as collection:
            held = collection.count()
            wanted = min(k + 1, held)
            hits: list[tuple[str, float]] = []
            while wanted:
                found = collection.query(query_embeddings=[vector], n_results=wanted, include=["distances"])
                hits = [
                    (key, 1.0 - float(d))
                    for key, d in zip(found["ids"][0], found["distances"][0], strict=True)
                ]
                # What is equally near at the cut is fetched whole, so that it is cut by key and not by
                # Chroma's order.
                if wanted == held or len(hits) < wanted or hits[-1][1] < hits[k - 1][1]:
                    break
                wanted = min(2 * wanted, held)
        return sorted(hits, key=lambda hit: (-hit[1], hit[0]))[:k]

    # Writing

    def opens(self) -> bool:
        """Whether Chroma's store can be opened. Raises `CollectionError` when another process keeps it too
        long.
        """
        try:
            with self.alone():
                return True
        except CollectionError as exc:
            if isinstance(exc.__cause__, Timeout):
                raise
            return False

    def sound(self) -> bool:
        """Whether Chroma's store can be read. A process that was killed while Chroma saved its graph leaves
        half of one.
        """
        from chromadb.errors import ChromaError

        try:
            with self._store.collection() as collection:
                some = collection.get(limit=1, include=["embeddings"])
                if some["ids"]:
                    collection.query(query_embeddings=some["embeddings"], n_results=1, include=["distances"])
                return True
        except CollectionError as exc:
            if not isinstance(exc.__cause__, ChromaError) or self._store.is_full():
                raise
            return False

    def agrees(self) -> bool:
        """Whether Chroma's store has as many vectors as the exact index. For a moment in which nothing is
        left to do: what a killed run has left may stand in one of them only."""
        with self._store.collection() as collection:
            return int(collection.count()) == self._exact.count()

    def refill(self) -> None:
        """Make Chroma's store anew, out of the exact index."""
        self._store.wipe()
        for keys, vectors in self._exact.all():
            for start in range(0, len(keys), _AT_ONCE):
                self._store.add(keys[start : start + _AT_ONCE], vectors[start : start + _AT_ONCE])

    def add(self, rows: Sequence[Row], vectors: Vectors, *, show: bool = True) -> None:
        """Store unit vectors of shape (rows, dims); one whose key is there already is replaced. What is not
        to be shown yet is found from the next `show`, but by a server, which shows all it has."""
        for start in range(0, len(rows), _AT_ONCE):
            some, theirs = rows[start : start + _AT_ONCE], vectors[start : start + _AT_ONCE]
            self._store.add([row.key for row in some], theirs)
            self._exact.add(some, theirs, show=show)

    def show(self) -> None:
        """Let questions find what was added, all at once."""
        self._exact.show()

    def delete(self, keys: Sequence[str]) -> None:
        """Remove vectors; a key that is not there is no error."""
        self._exact.delete(keys)  # first: it is what questions look through
        for start in range(0, len(keys), _AT_ONCE):
            self._store.delete(list(keys[start : start + _AT_ONCE]))

    def wipe(self) -> None:
        """Forget every vector, and how long vectors were."""
        self._store.wipe()
        self._exact.wipe()

    def tidy(self) -> None:
        """Give back the room of what was deleted, where it is much."""
        self._exact.tidy()


class _Store(Protocol):
    """Where Chroma keeps the vectors."""

    @property
    def place(self) -> str: ...
    def open(self) -> None: ...
    def close(self) -> None: ...
    def is_full(self) -> bool: ...
    def verify(self) -> None: ...
    def wipe(self) -> None: ...
    def add(self, keys: Sequence[str], vectors: Vectors) -> None: ...
    def delete(self, keys: Sequence[str]) -> None: ...
    def collection(self) -> Any:
        """A context: Chroma's collection, up to date, for reading. In it Chroma's errors are
        `CollectionError`.
        """


class _Folder:
    """Chroma's embedded store. It is made for one process: even a question writes to it, and two processes at
    work at once damage it. So each call waits for its turn, and opens the store anew if it was written to
    since."""

    def __init__(self, home: Path, build: str, create: bool) -> None:
        self._home, folder = home, home / build
        self._path = folder / FOLDER
        self._create = create
        self._lock = threading.RLock()
        self._turn = FileLock(folder / _TURN, timeout=_PATIENCE)
        self._changes = folder / _CHANGES
        self._client: Any = None
        self._collection: Any = None
        self._spelled = ""
        self._seen = -1
        if create:
            with self._translated():
                folder.mkdir(parents=True, exist_ok=True)

    @property
    def place(self) -> str:
        return FOLDER

    def open(self) -> None:
        with self.collection():
            pass

    @contextmanager
    def collection(self, *, writing: bool = False) -> Iterator[Any]:
        """Hold the store alone and up to date. `writing` makes everyone else open it anew before their next
        call.
        """
        with self._lock, self._translated():
            try:
                self._turn.acquire(poll_interval=0.002)
            except Timeout as exc:
                raise CollectionError(
                    f"another process has been at work in {self._path} for {_PATIENCE} seconds. Try again "
                    f"when it is done",
                    busy=True,
                ) from exc
            except (NotImplementedError, OSError) as exc:
                raise unlockable(self._home, exc) from exc
            try:
                changes = self._counted(writing)
                if self._client is None or changes != self._seen:
                    self.close()
                    self._open()
                self._seen = changes + writing
                yield self._collection
            except BaseException:
                self.close()  # a call that failed may leave a transaction open, and everyone waiting for it
                raise
            finally:
                self._turn.release()

    def _counted(self, writing: bool) -> int:
        """How often the store had been written to until now. Counted before the deed: a writer may be killed
        in it.
        """
        if not self._changes.exists():
            self._changes.touch()
        with self._changes.open("r+b") as file:
            said = file.read()
            count = int(said) if said.isdigit() else 0  # a power cut may leave anything
            if writing:  # in place, at one length: this works on a disk that is full
                file.seek(0)
                file.write(b"%020d" % (count + 1))
        return count

    def _open(self) -> None:
        import chromadb

        if not self._create and not self._path.is_dir():
            raise CollectionError(f"{self._path} is missing. It is made again by the next `clippings sync`")
        self._spelled = _spell(self._path)
        client = chromadb.PersistentClient(self._spelled, settings=_settings())
        self._client = client
        if self._create:
            self._collection = client.get_or_create_collection(
                _NAME, configuration={"hnsw": _UNASKED}, embedding_function=None
            )
        else:
            self._collection = client.get_collection(_NAME, embedding_function=None)

    def close(self) -> None:
        with self._lock, self._translated():
            if self._client is not None:
                self._client.close()
                self._client = self._collection = None
                _spellings.discard(self._spelled)

    def is_full(self) -> bool:
        return is_full(self._home)

    def verify(self) -> None:
        """Raise `CollectionError` where SQLite finds Chroma's file of it damaged."""
        import sqlite3

        with (
            self.collection(),
            closing(sqlite3.connect(f"file:{quote(str(self._path))}/chroma.sqlite3?mode=ro", uri=True)) as db,
        ):
            (said,) = db.execute("PRAGMA integrity_check(1)").fetchone()
            if said != "ok":
                raise sqlite3.DatabaseError(said)

    def wipe(self) -> None:
        with self.collection(writing=True):
            self._client.delete_collection(_NAME)
            self._collection = self._client.create_collection(
                _NAME, configuration={"hnsw": _UNASKED}, embedding_function=None
            )

    def add(self, keys: Sequence[str], vectors: Vectors) -> None:
        with self.collection(writing=True) as collection:
            _replace(collection, keys, vectors)

    def delete(self, keys: Sequence[str]) -> None:
        with self.collection(writing=True) as collection:
            _remove(collection, keys)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        with _translated(self._path, self._home):
            yield


class _Server:
    """A Chroma server. Any number of processes may use it, and each sees the newest that was acknowledged."""

    def __init__(self, home: Path, chroma: ChromaSettings, identity: str, build: str, create: bool) -> None:
        self._home, self._folder, self._chroma, self._create = home, home / build, chroma, create
        self._name = _named(chroma, identity, build)
        self._lock = threading.Lock()
        self._client: Any = None
        self._collection: Any = None

    @property
    def place(self) -> str:
        return f"{_address(self._chroma)} {self._chroma.tenant} {self._chroma.database} {self._name}"

    def open(self) -> None:
        with self.collection():
            pass
        # One that was used before would fall behind, and not show it.
        shutil.rmtree(self._folder / FOLDER, ignore_errors=True)

    @contextmanager
    def collection(self) -> Iterator[Any]:
        with _from_server(self._chroma):
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
                    self._name, configuration={"hnsw": _ASKED}, embedding_function=None
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

    def add(self, keys: Sequence[str], vectors: Vectors) -> None:
        with self.collection() as collection:
            _replace(collection, keys, vectors)

    def delete(self, keys: Sequence[str]) -> None:
        with self.collection() as collection:
            _remove(collection, keys)


def check_server(chroma: ChromaSettings) -> str:
    """The version of the server at `chroma.url`. Raises `CollectionError` when none answers there, or not to
    us.
    """
    with _from_server(chroma):
        client = _connected(chroma)
        try:
            return str(client.get_version())
        finally:
            client.close()


def discard(home: Path, chroma: ChromaSettings, identity: str, build: str) -> None:
    """Remove the vectors of a build that answers no more; what is not there, or is still in use where the
    system then keeps it, is no error."""
    if chroma.url:
        from chromadb.errors import NotFoundError

        with _from_server(chroma):
            client = _connected(chroma)
            try:
                client.delete_collection(_named(chroma, identity, build))
            except NotFoundError:
                pass
            finally:
                client.close()
    for folder in (FOLDER, EXACT):
        shutil.rmtree(home / build / folder, ignore_errors=True)
    for file in (_TURN, _CHANGES):
        (home / build / file).unlink(missing_ok=True)


def _named(chroma: ChromaSettings, identity: str, build: str) -> str:
    """What a build's vectors are called on a server."""
    name = chroma.collection or f"clippings-{identity}"
    return f"{name}-{build.rpartition('/')[2]}" if build else name


def _alive(chroma: ChromaSettings) -> tuple[str, dict[str, str]]:
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

    url, headers = _alive(chroma)
    if not isinstance(fastapi.httpx, _Httpx):
        fastapi.httpx = _Httpx()
    ours = _options.set(client_options(str(chroma.url), chroma.timeout))
    try:
        return chromadb.HttpClient(
            host=url,
            ssl=url.startswith("https"),
            headers=headers,
            tenant=chroma.tenant,
            database=chroma.database,
            settings=_settings(),
        )
    finally:
        _options.reset(ours)


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


def _settings() -> Any:
    from chromadb.config import Settings

    # Said here, they win over variables, and over a file .env that lies in the working folder for other
    # programs.
    return Settings(
        anonymized_telemetry=False, chroma_otel_granularity="none", chroma_otel_collection_endpoint=""
    )


def _address(chroma: ChromaSettings) -> str:
    return without_login(str(chroma.url))


def _said_by_server(chroma: ChromaSettings, exc: Exception) -> str:
    import httpx
    from chromadb.errors import ChromaAuthError

    where, said = f"the Chroma server at {chroma.url}", str(exc).partition("\n")[0]
    if isinstance(exc, httpx.TimeoutException):
        return (
            f"no answer from {where} within {chroma.timeout:g} s. Is it at work? Ask again, or raise "
            "chroma.timeout"
        )
    if isinstance(exc, httpx.TransportError) or "Could not connect" in said:
        return (
            f"no answer from {where} ({said}). Is `chroma run` running there? Correct chroma.url, or start it"
        )
    status = exc.response.status_code if isinstance(exc, httpx.HTTPStatusError) else None
    if status in (401, 403) or isinstance(exc, ChromaAuthError):
        return (
            f"{where} does not let us in ({said}). Set CLIPPINGS_CHROMA_KEY, or chroma.key_file, to a key of "
            "it"
        )
    return f"{where} cannot be used: {said}"


def _replace(collection: Any, keys: Sequence[str], vectors: Vectors) -> None:
    # Adding is four times faster than upserting, and a key that exists is rare: an interrupted run's.
    there = set(collection.get(ids=list(keys), include=[])["ids"])
    if there:
        collection.delete(ids=sorted(there))
    collection.add(ids=list(keys), embeddings=vectors)


def _remove(collection: Any, keys: Sequence[str]) -> None:
    there = collection.get(ids=list(keys), include=[])["ids"]
    if there:
        collection.delete(ids=there)


def _spell(path: Path) -> str:
    with _spelling:
        spelled = str(path)
        while spelled in _spellings:
            spelled += "/."
        _spellings.add(spelled)
    return spelled


@contextmanager
def _from_server(chroma: ChromaSettings) -> Iterator[None]:
    import httpx
    from chromadb.errors import ChromaError

    try:
        yield
    except (ChromaError, httpx.HTTPError, ValueError, OSError) as exc:
        raise CollectionError(_said_by_server(chroma, exc)) from exc


@contextmanager
def _translated(path: Path, home: Path) -> Iterator[None]:
    import sqlite3

    try:
        yield
    except CollectionError:
        raise
    except BaseException as exc:
        if panicked(exc):
            raise fault("dense", path, home, exc) from exc
        from chromadb.errors import ChromaError  # a fifth of a second, which a question need not wait for

        if not isinstance(exc, (ChromaError, sqlite3.Error, OSError, ValueError, RuntimeError)):
            raise
        # Chroma seldom says that the disk is full, only what could not be done.
        full = "disk is full" in str(exc) or "disk I/O error" in str(exc)
        raise fault("dense", path, home, exc, full=full) from exc
