"""Exact search: every vector of a collection in files that are mapped into memory, and looked through for
every question.

A vector lies there twice: as bytes, which are looked through at the rate that memory is read at, and as it
was encoded, for the exact cosines of the few that come close: of those within six standard deviations of the
bytes' error. Beside it stand the facts that filters ask for, so that a filter costs a look at a number a
passage. eval/LOG.md has this beside Chroma's graph.

One file a column, all rows in the order they were added. A row that is retired is marked and blanked, and
stays until a third of all are; then the files are written anew. `state` says which files hold, and how many
of their rows: it is replaced last, so that what a writer that was killed has left half done is never seen.
Files that are mapped stay readable when they are removed.

Beside the columns lies a checksum of each row, which no question looks at: `verified` does, to find what a
disk has changed.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.store import Row, fault, missing
from rag.types import Filters

if TYPE_CHECKING:
    import numpy as np

    Vectors = np.ndarray[Any, np.dtype[np.float32]]
    Array = np.ndarray[Any, np.dtype[Any]]

__all__ = ["FOLDER", "ExactIndex", "is_made"]

FOLDER = "vectors"
_STATE = "state"
_KEYS = "keys"  # all keys, one after the other
# What numpy calls them, and whether there is one for each of a vector's dimensions.
_COLUMNS = {
    "codes": ("int8", True),  # the vector, its greatest number as 127
    "exact": ("float32", True),
    "scale": ("float32", False),  # what one step of the codes stands for
    "day": ("int32", False),  # date.toordinal; 0 unknown, which is no day
    "source": ("uint64", False),  # hashes, as the article's id and the key: see `_number`
    "article": ("uint64", False),
    "name": ("uint64", False),
    "end": ("int64", False),  # where the key ends in the file of keys
    "dead": ("uint8", False),
}
# Of each row the CRC-32 of its key and of its columns, but for two that change: where its key ends, and
# whether it is dead. 0: none was made.
_SUMS = "sums"
_SUMMED = ("codes", "exact", "scale", "day", "source", "article", "name")
_ROUNDING = 1e-4  # how far the length of a vector may be from 1
_FEW = 3  # looking through everything is cheaper than picking out a third of it
_SIGMAS = 6.0  # of the codes' error, within which nothing is left out
_WASTE = 3  # the files are written anew when one row in so many is dead
_LEAST_WASTE = 10_000  # rows
_AT_ONCE = 65_536  # rows that are copied, or picked out, at a time
_SPARE = 64_000_000  # bytes left free where the files are written anew


@dataclass(frozen=True, slots=True)
class _View:
    """The files as they are mapped: `rows` of each column hold."""

    part: int
    rows: int
    dims: int
    columns: dict[str, Array]
    keys: Array
    coarsest: float  # the greatest of the scales

    def key(self, row: int) -> str:
        ends = self.columns["end"]
        # One that is just being blanked may be half a letter; it is in no catalog any more.
        return bytes(self.keys[int(ends[row - 1]) if row else 0 : int(ends[row])]).decode(errors="replace")

    def admitted(self, filters: Filters) -> Array:
        """Which rows are alive and pass the filters: booleans, shape (rows,)."""
        import numpy as np

        passing: Array = self.columns["dead"] == 0
        day = self.columns["day"]
        if filters.after:
            passing &= day >= filters.after.toordinal()
        if filters.before:
            passing &= (day <= filters.before.toordinal()) & (day != 0)
        if filters.sources:
            passing &= np.isin(self.columns["source"], _numbers(filters.sources))
        if filters.exclude_articles:
            passing &= ~np.isin(self.columns["article"], _numbers(filters.exclude_articles))
        return passing


@dataclass(frozen=True, slots=True)
class _Unseen:
    """How far the files will hold once what was added is shown: `used` is the length of all keys."""

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
        self._view: _View | None = None
        self._rows_by_name: _Names | None = None
        self._unseen: _Unseen | None = None
        with self._translated():
            if create:
                self._path.mkdir(parents=True, exist_ok=True)
                if not self._state.exists():
                    self._begin(1)
                    self._note(1, 0, 0)
                self._clear(self._stated()[0])
            elif not self._state.is_file():
                raise missing("dense", self._path, home)

    @property
    def megabytes(self) -> float:
        """Of the codes and the facts, which are looked through; the exact vectors are only looked into."""
        with self._translated():
            view = self._mapped()
            return sum(c.nbytes for name, c in view.columns.items() if name != "exact") / 1e6

    def count(self) -> int:
        with self._translated():
            return int((self._mapped().columns["dead"] == 0).sum())

    def keys(self) -> set[str]:
        """Every key in the index."""
        return {key for keys, _ in self.all() for key in keys}

    def all(self) -> Iterator[tuple[list[str], Vectors]]:
        """Every key with its vector, some tens of thousands at a time."""
        with self._translated():
            view = self._mapped()
            for start in range(0, view.rows, _AT_ONCE):
                alive = start + (view.columns["dead"][start : start + _AT_ONCE] == 0).nonzero()[0]
                if len(alive):
                    yield [view.key(row) for row in alive], view.columns["exact"][alive]

    def sound(self) -> Iterator[tuple[list[str], Vectors]]:
        """Every key with its vector that is as it was written, some tens of thousands at a time."""
        with self._translated():
            view = self._mapped()
            sums = self._sums(view)
            for start in range(0, view.rows, _AT_ONCE):
                alive = start + (view.columns["dead"][start : start + _AT_ONCE] == 0).nonzero()[0]
                if not len(alive):
                    continue
                alive = alive[
                    (sums[alive] == self._summed(view, alive))
                    | ((sums[alive] == 0) & self._agreeing(view, alive))
                ]
                if len(alive):
                    yield [view.key(int(row)) for row in alive], view.columns["exact"][alive]

    def vectors(self, keys: Sequence[str]) -> tuple[Vectors, Array]:
        """The vectors in the order of `keys`, shape (keys, dims), and which of the keys have one; the others
        have zeros.
        """
        import numpy as np

        with self._translated():
            view = self._mapped()
            matrix = np.zeros((len(keys), view.dims), dtype=np.float32)
            there = np.zeros(len(keys), dtype=bool)
            names = _Names(view.columns["name"])
            for at, key in enumerate(keys):
                for row in names.all(_numbers([key])):
                    if not view.columns["dead"][row]:
                        matrix[at], there[at] = view.columns["exact"][row], True
            return matrix, there

    def search(self, vector: Vectors, k: int, filters: Filters = Filters()) -> list[tuple[str, float]]:
        """The k nearest keys of those that the filters admit, with their cosines, best first, equal cosines
        by key.

        Raises `CollectionError` for a vector of another length than those that are stored.
        """
        import numpy as np

        with self._translated():
            view = self._mapped()
            if k < 1 or not view.rows:
                return []
            if len(vector) != view.dims:
                raise ValueError(f"its vectors have dimension {view.dims}, the question's has {len(vector)}")
            admitted = view.admitted(filters)
            rows = admitted.nonzero()[0] if filters or not admitted.all() else None
            if rows is not None and not len(rows):
                return []
            code, steps = _coded(vector[None])
            step = float(steps[0])
            slack = _slack(step, view.coarsest) / step  # the question's own step is left out of all scores
            if rows is None or len(rows) * _FEW > view.rows:
                near = _products(code, view.columns["codes"])
                near *= view.columns["scale"]
                if rows is not None:
                    near[~admitted] = -np.inf
                found = _within(near, k, slack)
            else:
                some = (rows[start : start + _AT_ONCE] for start in range(0, len(rows), _AT_ONCE))
                near = np.concatenate([_products(code, view.columns["codes"][part]) for part in some])
                near *= view.columns["scale"][rows]
                found = rows[_within(near, k, slack)]
            # Not a matrix product: numpy's is threaded, and fights with the graphs for the cores.
            cosines = np.einsum("ij,j->i", view.columns["exact"][found], vector)
            hits = [(view.key(int(row)), float(cosine)) for row, cosine in zip(found, cosines, strict=True)]
        return sorted(hits, key=lambda hit: (-hit[1], hit[0]))[:k]

    def verified(self) -> tuple[int, int]:
        """How many rows are not as they were written, and how many have no checksum yet: these are only known
        to agree with themselves. Retired rows are not looked at. Raises `CollectionError` where the files do
        not fit together."""
        import numpy as np

        damaged = without = 0
        with self._translated():
            view = self._mapped()
            ends = view.columns["end"]
            if view.rows and (ends[0] < 0 or (np.diff(ends) < 0).any()):
                raise ValueError("its keys do not follow each other")
            sums = self._sums(view)
            for start in range(0, view.rows, _AT_ONCE):
                alive = start + (view.columns["dead"][start : start + _AT_ONCE] == 0).nonzero()[0]
                unsummed = sums[alive] == 0
                differ = (sums[alive] != self._summed(view, alive)) & ~unsummed
                damaged += int((differ | (unsummed & ~self._agreeing(view, alive))).sum())
                without += int(unsummed.sum())
        return damaged, without

    @staticmethod
    def _agreeing(view: _View, rows: Array) -> Array:
        """Which rows agree with themselves: a vector of length 1, its codes and its step, and the key with
        its number.
        """
        import numpy as np

        exact = view.columns["exact"][rows]
        with np.errstate(all="ignore"):  # a damaged number may be anything
            codes, scale = _coded(exact)
            same = (codes == view.columns["codes"][rows]).all(axis=1) & (scale == view.columns["scale"][rows])
            same &= np.abs(np.linalg.norm(exact, axis=1) - 1) < _ROUNDING
        same &= _numbers([view.key(int(row)) for row in rows]) == view.columns["name"][rows]
        agreeing: Array = same
        return agreeing

    @staticmethod
    def _summed(view: _View, rows: Array) -> Array:
        ends = view.columns["end"]
        keys = [bytes(view.keys[int(ends[row - 1]) if row else 0 : int(ends[row])]) for row in rows.tolist()]
        return _checksums(keys, {name: view.columns[name][rows] for name in _SUMMED})

    def _sums(self, view: _View) -> Array:
        """The checksums of all rows; 0 where there is none."""
        import numpy as np

        path = self._path / str(view.part) / _SUMS
        stored = np.fromfile(path, "uint32") if path.is_file() else np.zeros(0, "uint32")
        sums = np.zeros(view.rows, "uint32")
        sums[: len(stored)] = stored[: view.rows]
        return sums

    def seal(self) -> None:
        """Make the checksums that an earlier version of Clippings did not, of those rows that agree with
        themselves.
        """
        with self._translated():
            view = self._mapped()
            sums = self._sums(view)
            for start in range(0, view.rows, _AT_ONCE):
                part = slice(start, start + _AT_ONCE)
                rows = start + ((view.columns["dead"][part] == 0) & (sums[part] == 0)).nonzero()[0]
                if not len(rows):
                    continue
                rows = rows[self._agreeing(view, rows)]
                sums[rows] = self._summed(view, rows)
                path = self._path / str(view.part) / _SUMS
                path.touch()
                _write(path, 0, sums.tobytes())

    # Writing

    def add(self, rows: Sequence[Row], vectors: Vectors, *, show: bool = True) -> None:
        """Store unit vectors of shape (rows, dims); what is there already under one of the keys is replaced.
        What is not to be shown yet is seen from the next `show`, and forgotten if the process ends before."""
        import numpy as np

        if not rows:
            return
        with self._translated():
            view = self._mapped()
            dims = vectors.shape[1]
            if view.dims not in (0, dims):
                raise ValueError(f"its vectors have dimension {view.dims}, these have {dims}")
            names = _numbers([row.key for row in rows])
            self._bury(view, self._known(view).all(names))
            codes, scale = _coded(vectors)
            spelled = [row.key.encode() for row in rows]
            before = self._unseen or _Unseen(
                view.part, view.rows, int(view.columns["end"][-1]) if view.rows else 0, dims
            )
            columns = {
                "codes": codes,
                "exact": np.asarray(vectors, dtype=np.float32),
                "scale": scale,
                "day": np.array([row.published.toordinal() if row.published else 0 for row in rows]),
                "source": _numbers([row.source or "" for row in rows]),
                "article": _numbers([row.article_id for row in rows]),
                "name": names,
                "end": before.used + np.cumsum([len(key) for key in spelled]),
                "dead": np.zeros(len(rows)),
            }
            heap = b"".join(spelled)
            self._append(view.part, before.rows, dims, heap, before.used, columns)
            self._unseen = _Unseen(view.part, before.rows + len(rows), before.used + len(heap), dims)
        if show:
            self.show()

    def show(self) -> None:
        """Let everybody see what was added, all at once."""
        if (added := self._unseen) is not None:
            with self._translated():
                self._note(added.part, added.rows, added.dims)
                self._unseen = None

    def delete(self, keys: Sequence[str]) -> None:
        """Retire vectors; a key that is not there is no error."""
        with self._translated():
            view = self._mapped()
            self._bury(view, self._known(view).all(_numbers(keys)))

    def wipe(self) -> None:
        """Forget every vector, and how long vectors were."""
        with self._translated():
            part = self._stated()[0] + 1
            self._begin(part)
            self._note(part, 0, 0)
            self._forget()
            self._clear(part)

    def tidy(self) -> None:
        """Write the files anew if many of their rows are dead. For the end of a change: it takes a moment."""
        self.seal()
        with self._translated():
            view = self._mapped()
            dead = int((view.columns["dead"] != 0).sum())
            room = view.keys.nbytes + sum(column.nbytes for column in view.columns.values())
            if (
                dead < _LEAST_WASTE
                or dead * _WASTE < view.rows
                or shutil.disk_usage(self._path).free < room + _SPARE
            ):
                return
            part = view.part + 1
            try:
                self._begin(part)
                self._note(part, self._copy(view, part), view.dims)
            except BaseException:
                shutil.rmtree(self._path / str(part), ignore_errors=True)
                raise
            self._forget()
            self._clear(part)

    def _copy(self, view: _View, part: int) -> int:
        """Write the living rows as another part; how many there are."""
        rows = used = 0
        sums = self._sums(view)
        for start in range(0, view.rows, _AT_ONCE):
            alive = start + (view.columns["dead"][start : start + _AT_ONCE] == 0).nonzero()[0]
            heap = b"".join(view.key(int(row)).encode() for row in alive)
            ends = view.columns["end"]
            lengths = ends[alive] - [ends[row - 1] if row else 0 for row in alive]
            columns = {name: column[alive] for name, column in view.columns.items()}
            columns["end"] = used + lengths.cumsum()
            columns[_SUMS] = sums[alive]  # as they were: what has been damaged must not pass for sound
            self._append(part, rows, view.dims, heap, used, columns)
            rows, used = rows + len(alive), used + len(heap)
        return rows

    def close(self) -> None:
        """Let go of the files; another call maps them again."""
        self._forget()

    def _forget(self) -> None:
        self._view = self._rows_by_name = self._unseen = None

    def _mapped(self) -> _View:
        """The files as they are now. Not locked: two threads that map them at once map the same."""
        import numpy as np

        part, rows, dims = self._stated()
        view = self._view
        if view is not None and (view.part, view.rows) == (part, rows):
            return view
        folder = self._path / str(part)

        def mapped(name: str, kind: str, shape: tuple[int, ...]) -> Array:
            if 0 in shape:
                return np.zeros(shape, kind)
            return np.asarray(np.memmap(folder / name, kind, "r", shape=shape))

        try:
            columns = {
                name: mapped(name, kind, (rows, dims) if wide else (rows,))
                for name, (kind, wide) in _COLUMNS.items()
            }
            keys = mapped(_KEYS, "uint8", (int(columns["end"][-1]) if rows else 0,))
        except FileNotFoundError:
            if self._stated()[0] == part:
                raise
            return self._mapped()  # written anew just now
        alive = columns["scale"][columns["dead"] == 0]
        view = _View(part, rows, dims, columns, keys, float(alive.max()) if len(alive) else 0.0)
        self._view = view  # which another thread may replace or forget at once
        return view

    def _stated(self) -> tuple[int, int, int]:
        """Which part holds, how many rows of it, and how long a vector is (0: nobody knows yet)."""
        stated = json.loads(self._state.read_bytes())
        part, rows, dims = (stated[name] for name in ("part", "rows", "dims"))
        if not all(type(number) is int and number >= 0 for number in (part, rows, dims)):
            raise ValueError("its note of what holds is damaged")
        return part, rows, dims

    def _note(self, part: int, rows: int, dims: int) -> None:
        aside = self._path / f"{_STATE}.new"
        with aside.open("wb") as file:
            file.write(json.dumps({"part": part, "rows": rows, "dims": dims}).encode())
            file.flush()
            os.fsync(file.fileno())
        os.replace(aside, self._state)
        _keep(self._path)

    def _begin(self, part: int) -> None:
        """Empty files."""
        folder = self._path / str(part)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for name in (*_COLUMNS, _KEYS, _SUMS):
            (folder / name).touch()
        _keep(folder)

    def _clear(self, part: int) -> None:
        """Remove the files of all other parts; where the system does not let go of what is mapped, another
        time.
        """
        for old in self._path.iterdir():
            if old.is_dir() and old.name.isdecimal() and int(old.name) != part:
                shutil.rmtree(old, ignore_errors=True)

    def _append(
        self, part: int, rows: int, dims: int, keys: bytes, used: int, columns: dict[str, Array]
    ) -> None:
        """Write rows behind those that hold; nobody sees them before they are noted."""
        import numpy as np

        folder = self._path / str(part)
        for name, (kind, wide) in _COLUMNS.items():
            width = np.dtype(kind).itemsize * (dims if wide else 1)
            _write(folder / name, rows * width, columns[name].astype(kind, copy=False).tobytes())
        _write(folder / _KEYS, used, keys)
        sums = columns.get(_SUMS)
        if sums is None:
            ends = (columns["end"] - used).tolist()
            spelled = [keys[start:end] for start, end in zip([0, *ends], ends, strict=False)]
            typed = {name: columns[name].astype(_COLUMNS[name][0], copy=False) for name in _SUMMED}
            sums = _checksums(spelled, typed)
        (folder / _SUMS).touch()  # an earlier version of Clippings made none
        _write(folder / _SUMS, rows * 4, sums.tobytes())

    def _bury(self, view: _View, rows: Iterable[int]) -> None:
        """Mark rows as dead; then blank what they held, so that nothing of what was removed stays behind."""
        places = sorted(row for row in rows if not view.columns["dead"][row])
        if not places:
            return
        ends = view.columns["end"]
        spelled = [(int(ends[row - 1]) if row else 0, int(ends[row])) for row in places]
        folder = self._path / str(view.part)
        _overwrite(folder / "dead", [(row, b"\1") for row in places])
        _overwrite(folder / "codes", [(row * view.dims, bytes(view.dims)) for row in places])
        _overwrite(folder / "exact", [(4 * row * view.dims, bytes(4 * view.dims)) for row in places])
        _overwrite(folder / _KEYS, [(start, bytes(end - start)) for start, end in spelled])

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError, KeyError, TypeError, OverflowError, MemoryError) as exc:
            raise fault("dense", self._path, self._home, exc) from exc

    def _known(self, view: _View) -> _Names:
        known = self._rows_by_name
        if known is None or known.part != view.part:
            known = self._rows_by_name = _Names(view.columns["name"], view.part)
        known.follow(view.columns["name"])
        return known


class _Names:
    """Where a key stands, by its number: the rows of the beginning sorted once, those that came later in a
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
        if len(names) - len(self._sorted) > _AT_ONCE:
            self._sort(names)
        for row in range(self._seen, len(names)):
            self._later.setdefault(int(names[row]), []).append(row)
        self._seen = len(names)

    def all(self, names: Array) -> list[int]:
        """The rows under any of these numbers, dead ones too."""
        import numpy as np

        low, high = (
            np.searchsorted(self._sorted, names, "left"),
            np.searchsorted(self._sorted, names, "right"),
        )
        found = [int(row) for a, b in zip(low, high, strict=True) for row in self._order[a:b]]
        return found + [row for name in names.tolist() for row in self._later.get(name, ())]


def _number(text: str) -> int:
    """A text as a number of 64 bits: among a million, two share one with a chance of one in forty million."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def _numbers(texts: Iterable[str]) -> Array:
    import numpy as np

    return np.array([_number(text) for text in texts], dtype=np.uint64)


def _checksums(keys: Sequence[bytes], columns: dict[str, Array]) -> Array:
    """Of each row the CRC-32 of its key and its columns, shape (rows,); 1 in place of 0."""
    import numpy as np

    if not keys:
        return np.zeros(0, "uint32")
    pieces = [np.ascontiguousarray(columns[name]).view("uint8").reshape(len(keys), -1) for name in _SUMMED]
    together = np.concatenate(pieces, axis=1)
    return np.array(
        [zlib.crc32(row.data, zlib.crc32(key)) or 1 for key, row in zip(keys, together, strict=True)],
        "uint32",
    )


def _coded(vectors: Vectors) -> tuple[Array, Array]:
    """Vectors as bytes, shape (vectors, dims), and for each what one step stands for.

    >>> import numpy as np
    >>> codes, steps = _coded(np.array([[0.6, -0.8]], dtype=np.float32))
    >>> codes.tolist(), [round(float(s), 4) for s in steps]
    ([[95, -127]], [0.0063])
    """
    import numpy as np

    steps = np.maximum(np.abs(vectors).max(axis=1), 1e-12).astype(np.float32) / np.float32(127)
    return np.rint(vectors / steps[:, None]).astype(np.int8), steps


def _products(code: Array, codes: Array) -> Array:
    """The products of one vector's bytes with all the others', shape (rows,)."""
    import numkong
    import numpy as np

    return np.asarray(numkong.cdist(code, codes, "dot")).ravel()


def _slack(step: float, coarsest: float) -> float:
    """How far two cosines by the codes may lie apart though the exact ones are equal. Rounding is off by up
    to half a step either way: a variance of a twelfth of the step's square, for the one vector and the other,
    in both products.

    >>> round(_slack(0.0012, 0.0012), 4)
    0.0042
    """
    return _SIGMAS * math.sqrt((step**2 + coarsest**2) / 6)


def _within(scores: Array, k: int, slack: float) -> Array:
    """Where the k best scores stand, and every score less than `slack` below them, in no order.

    >>> import numpy as np
    >>> _within(np.array([0.1, 0.9, 0.5, -np.inf]), 1, 0.45).tolist()
    [1, 2]
    """
    import numpy as np

    # The k-th best is at least the k-th best of the blocks' best: found sixteen times faster than the k-th
    # best itself.
    width = max(1, min(1024, len(scores) // (4 * k)))
    blocks = len(scores) // width
    if blocks <= k:
        return (scores > -np.inf).nonzero()[0]
    best = scores[: blocks * width].reshape(blocks, width).max(axis=1)
    limit = np.partition(best, blocks - k)[blocks - k]
    near: Array = ((scores >= limit - slack) & (scores > -np.inf)).nonzero()[0]
    return near


def is_made(home: Path, build: str = "") -> bool:
    """Whether there is an exact index in a collection's home."""
    return (home / build / FOLDER / _STATE).is_file()


def _overwrite(path: Path, pieces: Iterable[tuple[int, bytes]]) -> None:
    with path.open("r+b") as file:
        for at, data in pieces:
            file.seek(at)
            file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _keep(folder: Path) -> None:
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
