"""Chroma's embedded store, in a folder of the collection.

It is made for one process: a graph in memory does not follow another process, even a question writes to the
store, and two processes at work in it at once can damage it. So each call waits for its turn, and opens the
store anew if it was written to since. Where the folder may only be read, a copy of it is opened.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from filelock import FileLock, Timeout

from rag.errors import CollectionError
from rag.store import Record, fault, is_full, panicked, unlockable
from rag.store.chroma import HNSW_FOLDER, add, client_settings, delete

if TYPE_CHECKING:
    import numpy as np

    Vectors = np.ndarray[Any, np.dtype[np.float32]]

__all__ = ["FOLDER", "FolderStore", "discard", "translated"]

FOLDER = "dense"
COLLECTION = "passages"
_LOCK = "dense.lock"
_WRITES = "dense.changes"  # how often the store was written to
_LOCK_TIMEOUT_SECONDS = 60  # a thousand vectors take one
# Within a process Chroma shares one store between all clients of a path as it is spelled, also a broken one,
# and a shared one cannot be opened anew by one of its users. So each spells the path in its own way, with
# "/." added: once at least, so that none is shared with a client that somebody else opens in this process.
_spellings: set[str] = set()
_spelling = threading.Lock()


class FolderStore:
    """Chroma's store in a folder. Any number of threads and processes may use it, one after the other."""

    def __init__(self, home: Path, build: str, create: bool, texts: bool) -> None:
        self._home, folder = home, home / build
        self._path = folder / FOLDER
        self._create, self._texts = create, texts
        self._lock = threading.RLock()
        self._turn = FileLock(folder / _LOCK, timeout=_LOCK_TIMEOUT_SECONDS)
        self._writes = folder / _WRITES
        self._client: Any = None
        self._collection: Any = None
        self._spelled = ""
        self._seen = -1
        self._copy: TemporaryDirectory[str] | None = None  # of a folder that may only be read
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
            if not writing and self._path.is_dir() and not os.access(self._path, os.W_OK):
                yield self._copied()
                return
            try:
                self._turn.acquire(poll_interval=0.002)
            except Timeout as exc:
                raise CollectionError(
                    f"another process has been at work in {self._path} for {_LOCK_TIMEOUT_SECONDS} seconds. "
                    f"Try again when it is done",
                    busy=True,
                ) from exc
            except (NotImplementedError, OSError) as exc:
                raise unlockable(self._home, exc) from exc
            try:
                writes = self._count_writes(writing)
                if self._client is None or writes != self._seen:
                    self.close()
                    self._open(self._path)
                self._seen = writes + writing
                yield self._collection
            except BaseException:
                self.close()  # a call that failed may leave a transaction open, and everyone waiting for it
                raise
            finally:
                self._turn.release()

    def _count_writes(self, writing: bool) -> int:
        """How often the store had been written to until now. Counted before the deed: a writer may be killed
        in it.
        """
        if not self._writes.exists():
            self._writes.touch()
        with self._writes.open("r+b") as file:
            stored = file.read()
            count = int(stored) if stored.isdigit() else 0  # a power cut may leave anything
            if writing:  # in place, at one length: this works on a disk that is full
                file.seek(0)
                file.write(b"%020d" % (count + 1))
        return count

    def _copied(self) -> Any:
        """The collection out of a copy: to open a store is to write to it. Made anew when the store has been
        written to since, as it may be under another path."""
        stored = self._writes.read_bytes() if self._writes.is_file() else b""
        writes = int(stored) if stored.isdigit() else 0
        if self._client is None or self._copy is None or writes != self._seen:
            self.close()
            self._copy = TemporaryDirectory(prefix="clippings-")
            shutil.copytree(self._path, Path(self._copy.name) / FOLDER)
            self._open(Path(self._copy.name) / FOLDER)
            self._seen = writes
        return self._collection

    def _open(self, path: Path) -> None:
        import chromadb

        if not self._create and not path.is_dir():
            raise CollectionError(f"{path} is missing. It is made again by the next `clippings sync`")
        self._spelled = _spell(path)
        client = chromadb.PersistentClient(self._spelled, settings=client_settings())
        self._client = client
        if self._create:
            self._collection = client.get_or_create_collection(
                COLLECTION, configuration={"hnsw": HNSW_FOLDER}, embedding_function=None
            )
        else:
            self._collection = client.get_collection(COLLECTION, embedding_function=None)

    def close(self) -> None:
        with self._lock, self._translated():
            if self._client is not None:
                self._client.close()
                self._client = self._collection = None
                _spellings.discard(self._spelled)
            if self._copy is not None:
                self._copy.cleanup()
                self._copy = None

    def forget_others(self) -> None:
        """What lies on a server may be another computer's too."""

    def is_full(self) -> bool:
        return is_full(self._home)

    def verify(self) -> None:
        """Raise `CollectionError` where SQLite finds Chroma's file of it damaged."""
        import sqlite3

        with (
            self.collection(),
            closing(sqlite3.connect(f"file:{quote(str(self._path))}/chroma.sqlite3?mode=ro", uri=True)) as db,
        ):
            (result,) = db.execute("PRAGMA integrity_check(1)").fetchone()
            if result != "ok":
                raise sqlite3.DatabaseError(result)

    def wipe(self) -> None:
        with self.collection(writing=True):
            self._client.delete_collection(COLLECTION)
            self._collection = self._client.create_collection(
                COLLECTION, configuration={"hnsw": HNSW_FOLDER}, embedding_function=None
            )

    def add(self, records: Sequence[Record], vectors: Vectors) -> None:
        with self.collection(writing=True) as collection:
            add(collection, records, vectors, texts=self._texts)

    def delete(self, keys: Sequence[str]) -> None:
        with self.collection(writing=True) as collection:
            delete(collection, keys)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        with translated(self._path, self._home):
            yield


def discard(home: Path, build: str) -> None:
    """Remove the store of a build; what is not there is no error."""
    shutil.rmtree(home / build / FOLDER, ignore_errors=True)
    for file in (_LOCK, _WRITES):
        (home / build / file).unlink(missing_ok=True)


def _spell(path: Path) -> str:
    with _spelling:
        spelled = f"{path}/."
        while spelled in _spellings:
            spelled += "/."
        _spellings.add(spelled)
    return spelled


@contextmanager
def translated(path: Path, home: Path) -> Iterator[None]:
    """Turn Chroma's errors, SQLite's and the system's into `CollectionError`."""
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
