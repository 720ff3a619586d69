"""The dense index: nearest vectors by cosine, with Chroma's embedded store.

It takes and returns keys, floats and arrays. Unfiltered questions use Chroma's HNSW graph; filtered
ones score the admitted vectors exactly, since Chroma's own filters cost 404 ms at 100,000 passages.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from rag.errors import CollectionError
from rag.index import is_full

if TYPE_CHECKING:
    import numpy as np

    Vectors = np.ndarray[Any, np.dtype[np.float32]]

__all__ = ["DenseIndex", "nearest"]

FOLDER = "dense"
_NAME = "passages"
_TURN = "dense.lock"
_CHANGES = "dense.changes"  # how often it was written
_PATIENCE = 60  # seconds; a thousand vectors take one
# recall@50 against exact search on real news vectors; see eval/LOG.md for the settings compared.
_HNSW = {"space": "cosine", "max_neighbors": 32, "ef_construction": 200, "ef_search": 200}
_AT_ONCE = 1_000  # vectors in one call; Chroma's rate is flat from 100 to 1,000
# Within a process Chroma shares one store between all clients of a path as it is spelled, also a broken one, and a
# shared one cannot be opened anew by one of its users. So each spells the path in its own way, with "/." added.
_spellings: set[str] = set()
_spelling = threading.Lock()


class DenseIndex:
    """The vectors of a collection. Reading is safe from any thread and process; writing is for the holder of the
    collection's lock.

    Chroma's embedded store is made for one process: even a question writes to it, and two processes at work at
    once damage it. So each call waits for its turn, and opens the store anew if it was written to since.
    """

    def __init__(self, home: Path, *, create: bool = False) -> None:
        self._path = home / FOLDER
        self._create = create
        self._lock = threading.RLock()
        self._turn = FileLock(home / _TURN, timeout=_PATIENCE)
        self._changes = home / _CHANGES
        self._client: Any = None
        self._collection: Any = None
        self._spelled = ""
        self._seen = -1
        if create:
            with _translated(self._path):
                home.mkdir(parents=True, exist_ok=True)
        elif not self._path.is_dir():
            raise CollectionError(
                f"the dense index {self._path} is missing. Make it again: clippings sync --rebuild --home {home}"
            )
        with self.alone():
            pass

    @contextmanager
    def alone(self, *, writing: bool = False) -> Iterator[None]:
        """Hold the store alone and up to date. `writing` makes everyone else open it anew before their next call."""
        with self._lock, _translated(self._path):
            try:
                self._turn.acquire(poll_interval=0.002)
            except Timeout as exc:
                raise CollectionError(
                    f"another process has been at work in {self._path} for {_PATIENCE} seconds. Try again when it is done"
                ) from exc
            try:
                changes = self._counted(writing)
                if self._client is None or changes != self._seen:
                    self._shut()
                    self._open()
                self._seen = changes + writing
                yield
            except BaseException:
                self._shut()  # a call that failed may leave a transaction open, and everyone waiting for it
                raise
            finally:
                self._turn.release()

    def _counted(self, writing: bool) -> int:
        """How often the store had been written to until now. Counted before the deed: a writer may be killed in it."""
        if not self._changes.exists():
            self._changes.touch()
        with self._changes.open("r+b") as file:
            count = int(file.read() or 0)
            if writing:  # in place, at one length: this works on a disk that is full
                file.seek(0)
                file.write(b"%020d" % (count + 1))
        return count

    def _open(self) -> None:
        import chromadb
        from chromadb.config import Settings

        self._spelled = _spell(self._path)
        client = chromadb.PersistentClient(self._spelled, settings=Settings(anonymized_telemetry=False))
        self._client = client
        if self._create:
            self._collection = client.get_or_create_collection(_NAME, configuration={"hnsw": _HNSW}, embedding_function=None)
        else:
            self._collection = client.get_collection(_NAME, embedding_function=None)

    def _shut(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = self._collection = None
            _spellings.discard(self._spelled)

    def close(self) -> None:
        """Give the store back; another call opens it again."""
        with self._lock, _translated(self._path):
            self._shut()

    def count(self) -> int:
        with self.alone():
            return int(self._collection.count())

    def sound(self) -> bool:
        """Whether the graph can be read: a process that was killed while Chroma saved it leaves half of one."""
        from chromadb.errors import ChromaError

        with self.alone():
            try:
                some = self._collection.get(limit=1, include=["embeddings"])
                if some["ids"]:
                    self._collection.query(query_embeddings=some["embeddings"], n_results=1, include=["distances"])
            except ChromaError:
                if is_full(self._path.parent):
                    raise
                self._shut()
                return False
        return True

    def keys(self) -> set[str]:
        """Every key in the index, for checks."""
        with self.alone():
            return set(self._collection.get(include=[])["ids"])

    def add(self, keys: Sequence[str], vectors: Vectors) -> None:
        """Store unit vectors of shape (keys, dims); one that is there already is replaced."""
        for start in range(0, len(keys), _AT_ONCE):
            with self.alone(writing=True):
                some = list(keys[start : start + _AT_ONCE])
                # Adding is four times faster than upserting, and a key that exists is rare: an interrupted run's.
                there = set(self._collection.get(ids=some, include=[])["ids"])
                if there:
                    self._collection.delete(ids=sorted(there))
                self._collection.add(ids=some, embeddings=vectors[start : start + _AT_ONCE])

    def delete(self, keys: Sequence[str]) -> None:
        """Remove vectors; a key that is not there is no error."""
        for start in range(0, len(keys), _AT_ONCE):
            with self.alone(writing=True):
                there = self._collection.get(ids=list(keys[start : start + _AT_ONCE]), include=[])["ids"]
                if there:
                    self._collection.delete(ids=there)

    def search(self, vector: Vectors, k: int) -> list[tuple[str, float]]:
        """The k nearest keys with their cosines, best first, equal cosines by key."""
        if k < 1:
            return []
        with self.alone():
            held = self._collection.count()
            wanted = min(k + 1, held)
            hits: list[tuple[str, float]] = []
            while wanted:
                found = self._collection.query(query_embeddings=[vector], n_results=wanted, include=["distances"])
                hits = [(key, 1.0 - float(d)) for key, d in zip(found["ids"][0], found["distances"][0], strict=True)]
                # What is equally near at the cut is fetched whole, so that it is cut by key and not by Chroma's order.
                if wanted == held or len(hits) < wanted or hits[-1][1] < hits[k - 1][1]:
                    break
                wanted = min(2 * wanted, held)
        return sorted(hits, key=lambda hit: (-hit[1], hit[0]))[:k]

    def vectors(self, keys: Sequence[str]) -> tuple[Vectors, np.ndarray]:
        """The stored vectors in the order of `keys`, shape (keys, dims), and which of the keys have one.

        A key without a vector has zeros; a writer may just have retired it.
        """
        import numpy as np

        matrix: Vectors = np.zeros((len(keys), 0), dtype=np.float32)
        there = np.zeros(len(keys), dtype=bool)
        at = {key: i for i, key in enumerate(keys)}
        for start in range(0, len(keys), _AT_ONCE):
            with self.alone():
                found = self._collection.get(ids=list(keys[start : start + _AT_ONCE]), include=["embeddings"])
            if not found["ids"]:
                continue
            vectors = np.asarray(found["embeddings"], dtype=np.float32)
            if not matrix.shape[1]:
                matrix = np.zeros((len(keys), vectors.shape[1]), dtype=np.float32)
            rows = [at[key] for key in found["ids"]]
            matrix[rows] = vectors
            there[rows] = True
        return matrix, there

    def wipe(self) -> None:
        """Forget every vector, and how long vectors were."""
        with self.alone(writing=True):
            self._client.delete_collection(_NAME)
            self._collection = self._client.create_collection(_NAME, configuration={"hnsw": _HNSW}, embedding_function=None)


def _spell(path: Path) -> str:
    with _spelling:
        spelled = str(path)
        while spelled in _spellings:
            spelled += "/."
        _spellings.add(spelled)
    return spelled


def nearest(matrix: Vectors, rows: np.ndarray, vector: Vectors, keys: Sequence[str], k: int) -> list[tuple[str, float]]:
    """The k best of the given rows by exact cosine, best first, equal cosines by key.

    `matrix` holds unit vectors, `rows` are positions in it, `keys` names every position.
    """
    import numpy as np

    if not len(rows) or k < 1:
        return []
    # einsum stays on one thread: a threaded product and torch fight over the cores (60 ms and more instead of 10).
    scores = np.einsum("ij,j->i", matrix[rows] if len(rows) < len(matrix) else matrix, vector)
    k = min(k, len(rows))
    # The k-th best score, and everything as good as it, so that ties are cut by key and not by position.
    limit = np.partition(scores, len(scores) - k)[len(scores) - k]
    hits = [(keys[int(rows[i])], float(scores[i])) for i in np.flatnonzero(scores >= limit)]
    return sorted(hits, key=lambda hit: (-hit[1], hit[0]))[:k]


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    import sqlite3

    from chromadb.errors import ChromaError

    try:
        yield
    except (ChromaError, sqlite3.Error, OSError, ValueError, RuntimeError) as exc:
        # Chroma seldom says that the disk is full, only what could not be done.
        if is_full(path.parent) or "disk is full" in str(exc) or "No space left" in str(exc) or "disk I/O error" in str(exc):
            raise CollectionError(
                f"the disk that holds {path} is full. The articles stored before are safe; free some space and run again"
            ) from exc
        raise CollectionError(
            f"the dense index {path} cannot be used: {exc}. Make it again: clippings sync --rebuild --home {path.parent}"
        ) from exc
