"""The dense index: the vectors of a collection, and the nearest of them by cosine.

Chroma holds the vectors: in a folder of the collection, or on a server (`chroma.url`). Beside it lies a
cache, mapped into memory (`cache`), which answers exactly, with any filter, and without loading Chroma. It
is made from Chroma's store, and may be missing, stale or damaged at any time. `retrieval.dense` says which
of the two answers: `auto` the cache where it is whole, and Chroma where it is not; `chroma` always Chroma;
`exact` the cache, made again first where it is not whole: on the disk if it can be written, in memory else.

And where Chroma's store is lost while the cache is whole, the next sync fills it from the cache.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from rag.config import ChromaSettings
from rag.errors import CollectionError
from rag.store import LOCK, Record, chroma_folder, chroma_server
from rag.store.cache import FOLDER as CACHE
from rag.store.cache import ExactIndex
from rag.store.chroma import BATCH_SIZE, Store, nearest
from rag.store.chroma_folder import FOLDER, FolderStore
from rag.store.chroma_server import ServerStore, check_server
from rag.store.matrix import Facts, Matrix, in_memory
from rag.store.reading import CatalogReader
from rag.store.schema import LAYOUT
from rag.types import Filters

if TYPE_CHECKING:
    import numpy as np

    Vectors = np.ndarray[Any, np.dtype[np.float32]]
    Array = np.ndarray[Any, np.dtype[Any]]

__all__ = ["CACHE", "FOLDER", "DenseIndex", "check_server", "discard"]

_ROUNDING = 1e-6  # of a number in a vector of length 1
_COMPARE = """
import json, sys
from pathlib import Path
from rag.errors import CollectionError
from rag.store.vectors import DenseIndex
try:
    print(json.dumps({"differing": DenseIndex(Path(sys.argv[1]), build=sys.argv[2])._compare()}))
except CollectionError as exc:
    print(json.dumps({"fault": str(exc)}))
"""


@dataclass(frozen=True, slots=True)
class _Expected:
    """What the catalog says that the vectors should be: how many passages count, in which generation the
    latest was added, how far Chroma's store is, and whether its records have the facts that filters ask
    for."""

    passages: int
    latest: int
    chroma: int | None
    filterable: bool

    @property
    def chroma_is_current(self) -> bool:
        return self.chroma is not None and self.chroma >= self.latest


class DenseIndex:
    """The vectors of a collection. Reading is safe from any thread and process; writing is for the holder of
    the collection's lock. Chroma is not loaded before it is needed: a question that the cache answers never
    does."""

    def __init__(
        self,
        home: Path,
        chroma: ChromaSettings = ChromaSettings(),
        *,
        identity: str = "",
        build: str = "",
        create: bool = False,
        mode: str = "auto",
    ) -> None:
        """`identity` is the collection's, by which a server tells it from others; `build` where in the home
        the index lies; `mode` is `retrieval.dense`.
        """
        self._store: Store = (
            ServerStore(home, chroma, identity, build, create)
            if chroma.url
            else FolderStore(home, build, create, chroma.texts)
        )
        self._home, self._build, self._chroma, self._mode = home, build, chroma, mode
        self._catalog: CatalogReader | None = None
        self._expected: _Expected | None = None
        self._lock = threading.Lock()
        self._cache: ExactIndex | None = None
        self._checked: tuple[bytes, _Expected | None, bool] = (b"", None, False)
        self._memory: tuple[_Expected, Matrix] | None = None
        self._making: threading.Thread | None = None
        self._closing = threading.Event()
        if create:
            self._cache = ExactIndex(home, build=build, create=True)
            self._store.open()

    @property
    def place(self) -> str:
        """The name of Chroma's store: its cursor in the catalog goes by it."""
        return self._store.place

    @property
    def cache(self) -> ExactIndex:
        """The cache. Raises `CollectionError` where there is none."""
        if self._cache is None:
            self._cache = ExactIndex(self._home, build=self._build)
        return self._cache

    def follow(self, catalog: CatalogReader) -> None:
        """Take over what the catalog says now: which passages there are, and how far Chroma's store is."""
        cursor = catalog.cursor(self.place)
        passages, latest = catalog.count_passages(), catalog.latest_added()
        self._catalog = catalog
        self._expected = _Expected(passages, latest, cursor, catalog.layout() == LAYOUT)
        if self._mode != "chroma":
            self.cache_is_whole()  # 0.1 s at 100,000 passages, here beside the loading of the encoder

    def check(self) -> None:
        """Raise `CollectionError` when questions go to a server that does not answer."""
        if self._chroma.url and self._asks_chroma():
            chroma_server.check_quickly(self._chroma)

    def _asks_chroma(self) -> bool:
        if self._expected is None or not self._expected.chroma_is_current:
            return False
        return self._mode == "chroma" or (self._mode == "auto" and not self.cache_is_whole())

    @property
    def megabytes(self) -> float:
        """What a question searches, mapped into memory; 0 where Chroma is asked."""
        with suppress(CollectionError):
            return self.cache.megabytes
        return 0.0

    @contextmanager
    def collection(self) -> Iterator[Any]:
        """Chroma's collection as it was last written; where it lies in a folder nobody else is at it
        meanwhile.
        """
        with self._store.collection() as collection:
            yield collection

    def close(self) -> None:
        """Give the store back; another call opens it again."""
        self._closing.set()
        if self._making is not None:
            self._making.join()
            self._making = None
        self._closing.clear()
        self._store.close()
        if self._cache is not None:
            self._cache.close()

    # Searching

    def search(
        self, vector: Vectors, k: int, filters: Filters = Filters(), *, crowded: bool = False
    ) -> list[tuple[str, float]]:
        """The k nearest keys that the filters admit with their cosines, best first, equal cosines by key.
        `crowded` says that many keys are just being added or removed, which Chroma's graph would show: then
        the cache is asked first."""
        expected = self._expected
        if expected is None:  # nobody has said what there should be: a writer, or a test
            return self.cache.search(vector, k, filters)
        if (self._mode != "chroma" or crowded or not expected.chroma_is_current) and self.cache_is_whole():
            # Removed or written anew just now: then the other one answers.
            with suppress(CollectionError):
                return self.cache.search(vector, k, filters)
        if not expected.chroma_is_current:
            # Both have fallen behind. What the cache has is better than nothing, if it is as it was written.
            if self._cache_is_sound():
                return self.cache.search(vector, k, filters)
            raise CollectionError(
                f"neither the cache of vectors in {self._home / self._build} nor Chroma's store holds every "
                f"passage. The next sync makes them whole: clippings sync FOLDER --home {self._home}"
            )
        if self._mode == "exact":
            self._make_now()
            if self.cache_is_whole():
                return self.cache.search(vector, k, filters)
            return self._in_memory().search(vector, k, filters)
        if self._mode == "auto":
            self._make_soon()
        if filters and not expected.filterable:  # an earlier version kept no facts in Chroma
            return self._in_memory().search(vector, k, filters)
        return self._ask_chroma(vector, k, filters)

    def _ask_chroma(self, vector: Vectors, k: int, filters: Filters) -> list[tuple[str, float]]:
        try:
            with self._store.collection() as collection:
                return nearest(collection, vector, k, filters)
        except CollectionError as exc:
            from chromadb.errors import NotFoundError

            if not isinstance(exc.__cause__, NotFoundError):
                raise
            self._store.close()  # made anew by a rebuild since: under the old number there is nothing
            with self._store.collection() as collection:
                return nearest(collection, vector, k, filters)

    # The cache

    def cache_is_whole(self) -> bool:
        """Whether the cache holds every passage that counts, as it was written. Looked at again when the
        cache or the collection was written to."""
        if self._expected is None:
            return False
        try:
            stamp = self.cache.stamp()
        except CollectionError:
            return False
        seen, expected, whole = self._checked
        if (seen, expected) != (stamp, self._expected) or not stamp:
            expected = self._expected
            latest = expected.latest if expected.filterable else 0  # earlier versions noted no generation
            whole = bool(stamp) and self.cache.holds(expected.passages, latest)
            self._checked = (stamp, expected, whole)
        return whole

    def _cache_is_sound(self) -> bool:
        """Whether the cache is as it was written, though it may have fallen behind the catalog."""
        if self._catalog is None:
            return False
        try:
            generation = self.cache.generation()
        except CollectionError:
            return False
        return self.cache.holds(self._catalog.count_passages(generation), generation)

    def _make_soon(self) -> None:
        """Make the cache again in a thread, where it can be written; Chroma answers meanwhile."""
        with self._lock:
            if self._making is None and os.access(self._home, os.W_OK):
                self._making = threading.Thread(
                    target=self._make_quietly, name="clippings-cache", daemon=True
                )
                self._making.start()

    def _make_quietly(self) -> None:
        with suppress(CollectionError):  # what is wrong is met again by who asks, or writes
            self._make_now()

    def _make_now(self) -> None:
        """Make the cache again from Chroma's store, unless another process is writing, or nothing can be
        written here."""
        if self._catalog is None or not os.access(self._home, os.W_OK):
            return
        lock = FileLock(self._home / LOCK, timeout=0)
        try:
            lock.acquire()
        except (Timeout, OSError, NotImplementedError):
            return
        try:
            self.follow(self._catalog)
            if not self.cache_is_whole():
                cache = ExactIndex(self._home, build=self._build, create=True)
                self._fill(cache, self._catalog)
                self._cache = cache
        finally:
            lock.release()

    def _fill(self, cache: ExactIndex, catalog: CatalogReader) -> None:
        latest = catalog.latest_added()
        cache.wipe()
        for facts, vectors in self._from_chroma(catalog):
            if self._closing.is_set():
                return
            cache.add([Record(*fact[:2], "", *fact[2:]) for fact in facts], vectors, publish=False)
        cache.publish(latest)

    def _in_memory(self) -> Matrix:
        if self._catalog is None or self._expected is None:
            raise AssertionError("there is no catalog to follow")
        if self._memory is None or self._memory[0] != self._expected:
            self._memory = self._expected, in_memory(self._from_chroma(self._catalog))
        return self._memory[1]

    def _from_chroma(self, catalog: CatalogReader) -> Iterator[tuple[list[Facts], Vectors]]:
        """Every passage that counts with its vector, as Chroma holds it. Raises `CollectionError` where one
        is missing there."""
        for facts in catalog.vector_facts():
            for start in range(0, len(facts), BATCH_SIZE):
                some = facts[start : start + BATCH_SIZE]
                vectors, there = self.stored_vectors([fact[0] for fact in some])
                if not there.all():
                    raise CollectionError(
                        f"Chroma's store lacks {int((~there).sum())} vectors, and the cache of them is not "
                        f"whole. Make them again: clippings sync --rebuild --home {self._home}"
                    )
                yield some, vectors

    # Reading, for checks and for who writes

    def count(self) -> int:
        return self.cache.count()

    def chroma_count(self) -> int:
        """How many records Chroma has."""
        with self._store.collection() as collection:
            return int(collection.count())

    def keys(self) -> set[str]:
        """Every key that Chroma has, for checks."""
        with self._store.collection() as collection:
            return set(collection.get(include=[])["ids"])

    def held(self, keys: Sequence[str]) -> set[str]:
        """Those of the keys that Chroma has."""
        found = set[str]()
        for start in range(0, len(keys), BATCH_SIZE):
            with self._store.collection() as collection:
                found.update(collection.get(ids=list(keys[start : start + BATCH_SIZE]), include=[])["ids"])
        return found

    def vectors(self, keys: Sequence[str]) -> tuple[Vectors, Array]:
        """The vectors in the order of `keys` as the cache has them, shape (keys, dims), and which of the keys
        have one; the others have zeros.
        """
        return self.cache.vectors(keys)

    def stored_vectors(self, keys: Sequence[str]) -> tuple[Vectors, Array]:
        """The same as Chroma has them."""
        import numpy as np

        at = {key: number for number, key in enumerate(keys)}
        there = np.zeros(len(keys), dtype=bool)
        found: Vectors | None = None
        for start in range(0, len(keys), BATCH_SIZE):
            with self._store.collection() as collection:
                some = collection.get(ids=list(keys[start : start + BATCH_SIZE]), include=["embeddings"])
            if some["ids"]:
                vectors = np.asarray(some["embeddings"], dtype=np.float32)
                if found is None:
                    found = np.zeros((len(keys), vectors.shape[1]), dtype=np.float32)
                rows = [at[key] for key in some["ids"]]
                found[rows], there[rows] = vectors, True
        return (np.zeros((len(keys), 0), dtype=np.float32) if found is None else found), there

    def verified(self) -> tuple[int, int]:
        """How many rows of the cache are not as they were written, and how many have no checksum."""
        return self.cache.verified()

    def differing(self) -> int:
        """How many vectors Chroma has otherwise than the cache, or only one of the two has. Raises
        `CollectionError` where its store is damaged.

        Beyond rounding: Chroma makes them of length 1 once more. Not looked at are the links of its graph.
        """
        if self._chroma.url:
            return self._compare()
        # In a process of its own: a number in its graph's header that is not as it was makes Chroma write
        # where it may not.
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        command = [sys.executable, "-c", _COMPARE, str(self._home), self._build]
        with chroma_folder.translated(self._home / self._build / FOLDER, self._home):
            done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
            lines = done.stdout.splitlines()
            if done.returncode or not lines:
                raise ValueError("Chroma broke down over its files")
            result = json.loads(lines[-1])
            if "fault" in result:
                raise CollectionError(result["fault"])
        return int(result["differing"])

    def _compare(self) -> int:
        import numpy as np

        self._store.verify()
        same = 0
        for keys, vectors in self.cache.all():
            for start in range(0, len(keys), BATCH_SIZE):
                some, ours = keys[start : start + BATCH_SIZE], vectors[start : start + BATCH_SIZE]
                theirs, there = self.stored_vectors(some)
                if theirs.shape == ours.shape:
                    same += int((there & (np.abs(theirs - ours) < _ROUNDING).all(axis=1)).sum())
        return max(self.chroma_count(), self.cache.count()) - same

    def is_readable(self) -> bool:
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

    # Writing

    def add(self, records: Sequence[Record], vectors: Vectors, *, publish: bool = True) -> None:
        """Store unit vectors of shape (records, dims); one whose key is there already is replaced. The cache
        shows what is not published from the next `publish` on; Chroma shows all it has."""
        self.add_to_chroma(records, vectors)
        self.cache.add(records, vectors, publish=publish)

    def add_to_chroma(self, records: Sequence[Record], vectors: Vectors) -> None:
        for start in range(0, len(records), BATCH_SIZE):
            self._store.add(records[start : start + BATCH_SIZE], vectors[start : start + BATCH_SIZE])

    def publish(self, generation: int | None = None) -> None:
        """Let questions find what was added, all at once: every passage up to that generation is there."""
        self.cache.publish(generation)

    def delete(self, keys: Sequence[str]) -> None:
        """Remove vectors; a key that is not there is no error."""
        self.cache.delete(keys)  # first: it is what questions mostly search
        for start in range(0, len(keys), BATCH_SIZE):
            self._store.delete(list(keys[start : start + BATCH_SIZE]))

    def wipe_chroma(self) -> None:
        """Forget Chroma's records."""
        self._store.wipe()

    def forget_others(self) -> None:
        """Remove a store of this machine that was used before this one, now that this one holds
        everything."""
        self._store.forget_others()

    def compact(self) -> None:
        """Give back the room of what was deleted, where it is much."""
        self.cache.compact()


def discard(home: Path, chroma: ChromaSettings, identity: str, build: str) -> None:
    """Remove the vectors of a build that answers no more; what is not there, or is still in use where the
    system then keeps it, is no error."""
    import shutil

    if chroma.url:
        chroma_server.discard(chroma, identity, build)
    chroma_folder.discard(home, build)
    shutil.rmtree(home / build / CACHE, ignore_errors=True)
