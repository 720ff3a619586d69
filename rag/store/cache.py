"""The exact index: every vector of a collection in files that are mapped into memory. It is a cache, made
from Chroma's, and may be deleted at any time.

One file a column (`matrix`), all rows in the order they were added. A row that is removed is marked and
blanked, and stays until a third of all are; then the files are compacted. `state` says which files hold, how
many of their rows, and the generation of the collection up to which every passage is in them. It is replaced
last, so that what a writer that was killed has left half done is never seen. Files that are mapped stay
readable when they are removed.

Whether the cache can be trusted is found out when it is opened, from its checksums and from what the catalog
says (`holds`): one that is missing, stale or damaged is not asked, and made again.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.errors import CollectionError
from rag.store import Record, fault, missing
from rag.store.matrix import CHECKSUMS, COLUMNS, Matrix, checksums, columns_of, numbers
from rag.types import Filters

if TYPE_CHECKING:
    import numpy as np

    Vectors = np.ndarray[Any, np.dtype[np.float32]]
    Array = np.ndarray[Any, np.dtype[Any]]

__all__ = ["FOLDER", "ExactIndex"]

FOLDER = "vectors"
_STATE = "state"
_KEYS = "keys"  # all keys, one after the other
_DEAD_SHARE = 3  # the files are compacted when one row in so many is dead
_MIN_DEAD_ROWS = 10_000
_SORTED_ROWS = 65_536  # rows whose keys are looked up one by one before they are sorted
_SPARE_BYTES = 64_000_000  # left free where the files are compacted


@dataclass(frozen=True, slots=True)
class _State:
    """Which files hold, how many of their rows, how long a vector is (0: not known yet), and the generation
    of the collection up to which every passage is in them (0: no matter)."""

    part: int
    rows: int
    dims: int
    generation: int


@dataclass(frozen=True, slots=True)
class _Unpublished:
    """How far the files will hold once what was added is published: `used` is the length of all keys."""

    part: int
    rows: int
    used: int
    dims: int


class ExactIndex:
    """The vectors of a collection. Reading is safe from any thread and process and sees at once what was
    added; writing is for the holder of the collection's lock."""

    def __init__(self, home: Path, *, build: str = "", create: bool = False) -> None:
        self._home, self._path = home, home / build / FOLDER
        self._state = self._path / _STATE
        self._matrix: Matrix | None = None
        self._verified: tuple[int, int] = (-1, 0)  # of which part so many rows were found to be as written
        self._rows_by_name: _Names | None = None
        self._unpublished: _Unpublished | None = None
        with self._translated():
            if create:
                self._create()
            elif not self._state.is_file():
                raise missing("dense", self._path, home)

    def _create(self) -> None:
        self._path.mkdir(parents=True, exist_ok=True)
        try:
            part = self._read_state().part
        except (OSError, ValueError, KeyError, TypeError):
            part = max((int(f.name) for f in self._path.iterdir() if f.name.isdecimal()), default=0) + 1
            self._begin(part)
            self._save_state(_State(part, 0, 0, 0))
        self._remove_other_parts(part)

    @property
    def megabytes(self) -> float:
        """Of the codes and the facts, which are searched; the exact vectors are only read here and there."""
        with self._translated():
            matrix = self._mapped()
            return sum(c.nbytes for name, c in matrix.columns.items() if name != "exact") / 1e6

    def count(self) -> int:
        with self._translated():
            return self._mapped().count()

    def keys(self) -> set[str]:
        """Every key in the index."""
        return {key for keys, _ in self.all() for key in keys}

    def all(self) -> Iterator[tuple[list[str], Vectors]]:
        """Every key with its vector, some tens of thousands at a time."""
        with self._translated():
            matrix = self._mapped()
            for rows in matrix.alive():
                yield [matrix.key(int(row)) for row in rows], matrix.columns["exact"][rows]

    def sound(self) -> Iterator[tuple[list[str], Vectors]]:
        """Every key with its vector that is as it was written, some tens of thousands at a time."""
        import numpy as np

        with self._translated():
            matrix = self._mapped()
            damaged = matrix.damaged(self._checksums(matrix))
            for rows in matrix.alive():
                rows = rows[~np.isin(rows, damaged)]
                if len(rows):
                    yield [matrix.key(int(row)) for row in rows], matrix.columns["exact"][rows]

    def vectors(self, keys: Sequence[str]) -> tuple[Vectors, Array]:
        """The vectors in the order of `keys`, shape (keys, dims), and which of the keys have one; the others
        have zeros.
        """
        import numpy as np

        with self._translated():
            matrix = self._mapped()
            found = np.zeros((len(keys), matrix.dims), dtype=np.float32)
            there = np.zeros(len(keys), dtype=bool)
            names = _Names(matrix.columns["name"]) if keys else None
            for at, key in enumerate(keys):
                for row in names.all(numbers([key])) if names else ():
                    if not matrix.columns["dead"][row]:
                        found[at], there[at] = matrix.columns["exact"][row], True
            return found, there

    def search(self, vector: Vectors, k: int, filters: Filters = Filters()) -> list[tuple[str, float]]:
        """The k nearest keys of those that the filters admit, with their cosines, best first, equal cosines
        by key.

        Raises `CollectionError` for a vector of another length than those that are stored.
        """
        with self._translated():
            return self._mapped().search(vector, k, filters)

    def generation(self) -> int:
        """The generation of the collection up to which every passage was in the index."""
        with self._translated():
            return self._read_state().generation

    def stamp(self) -> bytes:
        """The state as it is on the disk: another one tells that the index was written to. Empty where there
        is none."""
        try:
            return self._state.read_bytes()
        except OSError:
            return b""

    def holds(self, passages: int, generation: int) -> bool:
        """Whether every passage that was added up to a generation is here as it was written: there are at
        least so many `passages`, the index has followed so far, and every row has its checksum.

        Each row is looked at once in the life of this object, at the rate that memory is read at.
        """
        try:
            with self._translated():
                state, matrix = self._read_state(), self._mapped()
                if state.generation < generation or matrix.count() < passages:
                    return False
                part, rows = self._verified
                first = rows if part == matrix.part else 0
                if len(matrix.damaged(self._checksums(matrix), first)):
                    return False
                self._verified = (matrix.part, matrix.rows)
                return True
        except CollectionError:
            return False

    def verified(self) -> tuple[int, int]:
        """How many rows are not as they were written, and how many have no checksum: these are only known to
        agree with themselves. Dead rows are not looked at. Raises `CollectionError` where the files do not
        fit together."""
        import numpy as np

        with self._translated():
            matrix = self._mapped()
            ends = matrix.columns["end"]
            if matrix.rows and (ends[0] < 0 or (np.diff(ends) < 0).any()):
                raise ValueError("its keys do not follow each other")
            sums = self._checksums(matrix)
            damaged = matrix.damaged(sums)
            without = sum(int((sums[rows] == 0).sum()) for rows in matrix.alive())
        return len(damaged), without

    def _checksums(self, matrix: Matrix) -> Array:
        """The checksums of all rows; 0 where there is none."""
        import numpy as np

        path = self._path / str(matrix.part) / CHECKSUMS
        stored = np.fromfile(path, "uint64") if path.is_file() else np.zeros(0, "uint64")
        sums = np.zeros(matrix.rows, "uint64")
        sums[: len(stored)] = stored[: matrix.rows]
        return sums

    # Writing

    def add(self, records: Sequence[Record], vectors: Vectors, *, publish: bool = True) -> None:
        """Store unit vectors of shape (records, dims); what is there already under one of the keys is
        replaced. What is not published yet is seen from the next `publish`, and forgotten if the process
        ends before."""
        if not records:
            return
        with self._translated():
            matrix = self._mapped()
            dims = vectors.shape[1]
            if matrix.dims not in (0, dims):
                raise ValueError(f"its vectors have dimension {matrix.dims}, these have {dims}")
            before = self._unpublished or _Unpublished(
                matrix.part, matrix.rows, int(matrix.columns["end"][-1]) if matrix.rows else 0, dims
            )
            facts = [(r.key, r.article_id, r.published, r.source) for r in records]
            columns, heap = columns_of(facts, vectors, before.used)
            self._remove(matrix, self._known(matrix).all(columns["name"]))
            self._append(matrix.part, before.rows, dims, heap, before.used, columns)
            self._unpublished = _Unpublished(
                matrix.part, before.rows + len(records), before.used + len(heap), dims
            )
        if publish:
            self.publish()

    def publish(self, generation: int | None = None) -> None:
        """Let everybody see what was added, all at once; with `generation`, note that every passage up to
        there is here."""
        with self._translated():
            state, added = self._read_state(), self._unpublished
            if added is not None:
                state = _State(added.part, added.rows, added.dims, state.generation)
            if generation is not None and generation != state.generation:
                state = _State(state.part, state.rows, state.dims, generation)
            if state != self._read_state():
                self._save_state(state)
            self._unpublished = None

    def delete(self, keys: Sequence[str]) -> None:
        """Remove vectors; a key that is not there is no error."""
        with self._translated():
            matrix = self._mapped()
            self._remove(matrix, self._known(matrix).all(numbers(keys)))

    def wipe(self) -> None:
        """Forget every vector, and how long vectors were."""
        with self._translated():
            state = self._read_state()
            if (state.rows, state.dims, state.generation) == (0, 0, 0) and self._unpublished is None:
                return  # it is new
            part = state.part + 1
            self._begin(part)
            self._save_state(_State(part, 0, 0, 0))
            self._forget()
            self._remove_other_parts(part)

    def compact(self) -> None:
        """Write the files anew if many of their rows are dead. For the end of a change: it takes a moment."""
        with self._translated():
            matrix, state = self._mapped(), self._read_state()
            dead = matrix.rows - matrix.count()
            room = matrix.keys.nbytes + sum(column.nbytes for column in matrix.columns.values())
            if (
                dead < _MIN_DEAD_ROWS
                or dead * _DEAD_SHARE < matrix.rows
                or shutil.disk_usage(self._path).free < room + _SPARE_BYTES
            ):
                return
            part = matrix.part + 1
            try:
                self._begin(part)
                self._save_state(_State(part, self._copy(matrix, part), matrix.dims, state.generation))
            except BaseException:
                shutil.rmtree(self._path / str(part), ignore_errors=True)
                raise
            self._forget()
            self._remove_other_parts(part)

    def _copy(self, matrix: Matrix, part: int) -> int:
        """Write the living rows as another part; how many there are."""
        rows = used = 0
        sums = self._checksums(matrix)
        ends = matrix.columns["end"]
        for alive in matrix.alive():
            heap = b"".join(matrix.key_bytes(int(row)) for row in alive)
            lengths = ends[alive] - [ends[row - 1] if row else 0 for row in alive]
            columns = {name: column[alive] for name, column in matrix.columns.items()}
            columns["end"] = used + lengths.cumsum()
            columns[CHECKSUMS] = sums[alive]  # as they were: what has been damaged must not pass for sound
            self._append(part, rows, matrix.dims, heap, used, columns)
            rows, used = rows + len(alive), used + len(heap)
        return rows

    def close(self) -> None:
        """Let go of the files; another call maps them again."""
        self._forget()

    def _forget(self) -> None:
        self._matrix = self._rows_by_name = self._unpublished = None

    def _mapped(self) -> Matrix:
        """The files as they are now. Not locked: two threads that map them at once map the same."""
        import numpy as np

        state = self._read_state()
        matrix = self._matrix
        if matrix is not None and (matrix.part, matrix.rows) == (state.part, state.rows):
            return matrix
        folder = self._path / str(state.part)

        def mapped(name: str, kind: str, shape: tuple[int, ...]) -> Array:
            if 0 in shape:
                return np.zeros(shape, kind)
            return np.asarray(np.memmap(folder / name, kind, "r", shape=shape))

        try:
            columns = {
                name: mapped(name, kind, (state.rows, state.dims) if wide else (state.rows,))
                for name, (kind, wide) in COLUMNS.items()
            }
            keys = mapped(_KEYS, "uint8", (int(columns["end"][-1]) if state.rows else 0,))
        except FileNotFoundError:
            if self._read_state().part == state.part:
                raise
            return self._mapped()  # written anew just now
        alive = columns["scale"][columns["dead"] == 0]
        coarsest = float(alive.max()) if len(alive) else 0.0
        matrix = Matrix(state.part, state.rows, state.dims, columns, keys, coarsest)
        self._matrix = matrix  # which another thread may replace or forget at once
        return matrix

    def _read_state(self) -> _State:
        stored = json.loads(self._state.read_bytes())
        # Earlier versions noted no generation.
        values = [stored["part"], stored["rows"], stored["dims"], stored.get("generation", 0)]
        if not all(type(number) is int and number >= 0 for number in values):
            raise ValueError("its note of what holds is damaged")
        return _State(*values)

    def _save_state(self, state: _State) -> None:
        values = {"part": state.part, "rows": state.rows, "dims": state.dims, "generation": state.generation}
        aside = self._path / f"{_STATE}.new"
        with aside.open("wb") as file:
            file.write(json.dumps(values).encode())
            file.flush()
            os.fsync(file.fileno())
        os.replace(aside, self._state)
        _sync_folder(self._path)

    def _begin(self, part: int) -> None:
        """Empty files."""
        folder = self._path / str(part)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for name in (*COLUMNS, _KEYS, CHECKSUMS):
            (folder / name).touch()
        _sync_folder(folder)

    def _remove_other_parts(self, part: int) -> None:
        """Where the system does not let go of what is mapped, they are removed another time."""
        for old in self._path.iterdir():
            if old.is_dir() and old.name.isdecimal() and int(old.name) != part:
                shutil.rmtree(old, ignore_errors=True)

    def _append(
        self, part: int, rows: int, dims: int, keys: bytes, used: int, columns: dict[str, Array]
    ) -> None:
        """Write rows behind those that hold; nobody sees them before they are published."""
        import numpy as np

        folder = self._path / str(part)
        for name, (kind, wide) in COLUMNS.items():
            width = np.dtype(kind).itemsize * (dims if wide else 1)
            _write(folder / name, rows * width, columns[name].astype(kind, copy=False).tobytes())
        _write(folder / _KEYS, used, keys)
        if CHECKSUMS in columns:
            sums = columns[CHECKSUMS]
        else:
            sums = checksums(columns, np.frombuffer(keys, "uint8"), columns["end"] - used)
        (folder / CHECKSUMS).touch()  # an earlier version of Clippings made none
        _write(folder / CHECKSUMS, rows * 8, sums.tobytes())

    def _remove(self, matrix: Matrix, rows: Iterable[int]) -> None:
        """Mark rows as dead; then blank what they held, so that nothing of what was removed stays behind."""
        # One that is dead already may not be blank: a writer may have been killed in between.
        places = sorted(
            row for row in rows if not matrix.columns["dead"][row] or matrix.columns["exact"][row].any()
        )
        if not places:
            return
        ends = matrix.columns["end"]
        spelled = [(int(ends[row - 1]) if row else 0, int(ends[row])) for row in places]
        folder = self._path / str(matrix.part)
        _overwrite(folder / "dead", [(row, b"\1") for row in places])
        _overwrite(folder / "codes", [(row * matrix.dims, bytes(matrix.dims)) for row in places])
        _overwrite(folder / "exact", [(4 * row * matrix.dims, bytes(4 * matrix.dims)) for row in places])
        _overwrite(folder / _KEYS, [(start, bytes(end - start)) for start, end in spelled])

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError, KeyError, TypeError, OverflowError, MemoryError) as exc:
            raise fault("dense", self._path, self._home, exc) from exc

    def _known(self, matrix: Matrix) -> _Names:
        known = self._rows_by_name
        if known is None or known.part != matrix.part:
            known = self._rows_by_name = _Names(matrix.columns["name"], matrix.part)
        known.follow(matrix.columns["name"])
        return known


class _Names:
    """Which row a key is in, by its number: the rows of the beginning sorted once, those that came later in a
    table.
    """

    def __init__(self, names: Array, part: int = 0) -> None:
        self.part = part
        self._sort(names)

    def _sort(self, names: Array) -> None:
        self._order = names.argsort(kind="stable")
        self._sorted = names[self._order]
        self._seen = len(names)
        self._later: dict[int, list[int]] = {}

    def follow(self, names: Array) -> None:
        if len(names) - len(self._sorted) > _SORTED_ROWS:
            self._sort(names)
        for row in range(self._seen, len(names)):
            self._later.setdefault(int(names[row]), []).append(row)
        self._seen = len(names)

    def all(self, names: Array) -> list[int]:
        """The rows under any of these numbers, dead ones too."""
        import numpy as np

        low = np.searchsorted(self._sorted, names, "left")
        high = np.searchsorted(self._sorted, names, "right")
        found = [int(row) for a, b in zip(low, high, strict=True) for row in self._order[a:b]]
        return found + [row for name in names.tolist() for row in self._later.get(name, ())]


def _overwrite(path: Path, pieces: Iterable[tuple[int, bytes]]) -> None:
    with path.open("r+b") as file:
        for at, data in pieces:
            file.seek(at)
            file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """See to it that what was made, renamed or removed in a folder is so after a power cut too."""
    if not hasattr(os, "O_DIRECTORY"):  # Windows has no such thing
        return
    descriptor = os.open(folder, os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write(path: Path, at: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(data)
        file.truncate()  # what a writer that was killed has left
        file.flush()
        os.fsync(file.fileno())
