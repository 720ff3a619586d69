"""Exact search in arrays: the vectors of a collection, the facts that filters ask for, and the nearest by
cosine.

A vector stands here twice: as bytes, which are searched at the rate that memory is read at, and as it was
encoded, for the exact cosines of the few that come close: of those within six standard deviations of the
bytes' error. Beside it stand the facts that filters ask for, so that a filter costs a look at a number a
passage. eval/LOG.md has this beside Chroma's graph. The arrays may be files that are mapped into memory
(`cache`), or plain memory.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from rag.types import Filters

if TYPE_CHECKING:
    import numpy as np

    Vectors = np.ndarray[Any, np.dtype[np.float32]]
    Array = np.ndarray[Any, np.dtype[Any]]

__all__ = ["CHECKSUMS", "COLUMNS", "Facts", "Matrix", "checksums", "columns_of", "in_memory", "numbers"]

Facts = tuple[str, str, date | None, str | None]  # a passage's key, its article's id, day and source
# What numpy calls them, and whether there is one for each of a vector's dimensions.
COLUMNS = {
    "codes": ("int8", True),  # the vector, its greatest number as 127
    "exact": ("float32", True),
    "scale": ("float32", False),  # what one step of the codes stands for
    "day": ("int32", False),  # date.toordinal; 0 unknown, which is no day
    "source": ("uint64", False),  # hashes, as the article's id and the key: see `_number`
    "article": ("uint64", False),
    "name": ("uint64", False),
    "end": ("int64", False),  # where the key ends among all keys
    "dead": ("uint8", False),
}
# Of each row a checksum of its columns, but for two that change: where its key ends, and whether it is dead.
# 0: none was made. The key is in it too.
CHECKSUMS = "checksums"
_SUMMED = ("codes", "exact", "scale", "day", "source", "article", "name")
_MULTIPLIER = 0x9E3779B97F4A7C15  # odd, so that no flipped bit is lost: 2^64 divided by the golden ratio
_LONGEST_KEY = 8_192  # bytes; the weights of a longer one's come round again
_ROUNDING = 1e-4  # how far the length of a vector may be from 1
_SCAN_ALL = 3  # searching everything is cheaper than picking out a third of it
_SIGMAS = 6.0  # of the codes' error, within which nothing is left out
_CHUNK_ROWS = 65_536  # rows that are copied, or picked out, at a time
_SUM_ROWS = 8_192  # rows whose checksums are made at a time, in 16 MB


@dataclass(frozen=True, slots=True)
class Matrix:
    """The vectors of a collection: `rows` of each column hold. `part` names the files that they are mapped
    from; `coarsest` is the greatest of the scales."""

    part: int
    rows: int
    dims: int
    columns: dict[str, Array]
    keys: Array
    coarsest: float

    def key(self, row: int) -> str:
        # One that is just being blanked may be half a letter; it is in no catalog any more.
        return self.key_bytes(row).decode(errors="replace")

    def key_bytes(self, row: int) -> bytes:
        ends = self.columns["end"]
        return bytes(self.keys[int(ends[row - 1]) if row else 0 : int(ends[row])])

    def alive(self) -> Iterator[Array]:
        """The numbers of the rows that are alive, some tens of thousands at a time."""
        for start in range(0, self.rows, _CHUNK_ROWS):
            found = start + (self.columns["dead"][start : start + _CHUNK_ROWS] == 0).nonzero()[0]
            if len(found):
                yield found

    def count(self) -> int:
        """How many rows are alive."""
        return int((self.columns["dead"] == 0).sum())

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
            passing &= np.isin(self.columns["source"], numbers(filters.sources))
        if filters.exclude_articles:
            passing &= ~np.isin(self.columns["article"], numbers(filters.exclude_articles))
        return passing

    def search(self, vector: Vectors, k: int, filters: Filters = Filters()) -> list[tuple[str, float]]:
        """The k nearest keys of those that the filters admit, with their cosines, best first, equal cosines
        by key.

        Raises `ValueError` for a vector of another length than those that are stored.
        """
        import numpy as np

        if k < 1 or not self.rows:
            return []
        if len(vector) != self.dims:
            raise ValueError(f"its vectors have dimension {self.dims}, the question's has {len(vector)}")
        admitted = self.admitted(filters)
        rows = admitted.nonzero()[0] if filters or not admitted.all() else None
        if rows is not None and not len(rows):
            return []
        code, steps = _coded(vector[None])
        step = float(steps[0])
        slack = _slack(step, self.coarsest) / step  # the question's own step is left out of all scores
        codes, scale = self.columns["codes"], self.columns["scale"]
        if rows is None or len(rows) * _SCAN_ALL > self.rows:
            near = _products(code, codes)
            near *= scale
            if rows is not None:
                near[~admitted] = -np.inf
            found = _within(near, k, slack)
        else:
            some = (rows[start : start + _CHUNK_ROWS] for start in range(0, len(rows), _CHUNK_ROWS))
            near = np.concatenate([_products(code, codes[part]) for part in some])
            near *= scale[rows]
            found = rows[_within(near, k, slack)]
        # Not a matrix product: numpy's is threaded, and fights with the graphs for the cores.
        cosines = np.einsum("ij,j->i", self.columns["exact"][found], vector)
        hits = [(self.key(int(row)), float(cosine)) for row, cosine in zip(found, cosines, strict=True)]
        return sorted(hits, key=lambda hit: (-hit[1], hit[0]))[:k]

    def damaged(self, sums: Array, first: int = 0) -> Array:
        """The numbers of the rows from `first` on that are not as they were written. `sums` are the checksums
        of all rows; a row without one has to agree with itself. Dead rows are not looked at."""
        import numpy as np

        found = [np.zeros(0, "int64")]
        for start in range(first, self.rows, _SUM_ROWS):
            part = slice(start, min(start + _SUM_ROWS, self.rows))
            columns = {name: self.columns[name][part] for name in _SUMMED}
            differ = checksums(columns, *self._keys_of(part)) != sums[part]
            rows = start + (differ & (self.columns["dead"][part] == 0)).nonzero()[0]
            unsummed = rows[sums[rows] == 0]
            wrong = [rows[sums[rows] != 0], unsummed[~self._agreeing(unsummed)]]
            # Another process may just have removed some, and blanked them.
            found += [some[self.columns["dead"][some] == 0] for some in wrong if len(some)]
        return np.concatenate(found)

    def _keys_of(self, part: slice) -> tuple[Array, Array]:
        """The keys of some rows one after the other, and where each ends in them. What cannot be, since the
        files are damaged, is cut to what can: the checksums differ all the same."""
        import numpy as np

        ends = self.columns["end"]
        first = int(ends[part.start - 1]) if part.start else 0
        first = min(max(first, 0), len(self.keys))
        within = np.clip(np.maximum.accumulate(ends[part]), first, len(self.keys)) - first
        return self.keys[first : first + int(within[-1])], within

    def _agreeing(self, rows: Array) -> Array:
        """Which rows agree with themselves: a vector of length 1, its codes and its step, and the key with
        its number."""
        import numpy as np

        exact = self.columns["exact"][rows]
        with np.errstate(all="ignore"):  # a damaged number may be anything
            codes, scale = _coded(exact)
            same = (codes == self.columns["codes"][rows]).all(axis=1) & (scale == self.columns["scale"][rows])
            same &= np.abs(np.linalg.norm(exact, axis=1) - 1) < _ROUNDING
        same &= numbers([self.key(int(row)) for row in rows]) == self.columns["name"][rows]
        agreeing: Array = same
        return agreeing


def columns_of(facts: Sequence[Facts], vectors: Vectors, used: int = 0) -> tuple[dict[str, Array], bytes]:
    """The columns of new rows, and their keys one after the other; `used` is the length of all keys
    before."""
    import numpy as np

    spelled = [key.encode() for key, *_ in facts]
    codes, scale = _coded(vectors)
    columns = {
        "codes": codes,
        "exact": np.asarray(vectors, dtype=np.float32),
        "scale": scale,
        "day": np.array([day.toordinal() if day else 0 for _, _, day, _ in facts]),
        "source": numbers([source or "" for *_, source in facts]),
        "article": numbers([article_id for _, article_id, *_ in facts]),
        "name": numbers([key for key, *_ in facts]),
        "end": used + np.cumsum([len(key) for key in spelled]),
        "dead": np.zeros(len(facts)),
    }
    typed = {name: columns[name].astype(kind, copy=False) for name, (kind, _) in COLUMNS.items()}
    return typed, b"".join(spelled)


def in_memory(pieces: Iterable[tuple[Sequence[Facts], Vectors]]) -> Matrix:
    """A matrix that lies in no file."""
    import numpy as np

    found, heaps, used = [], [], 0
    for facts, vectors in pieces:
        if len(facts):
            columns, heap = columns_of(facts, vectors, used)
            found.append(columns)
            heaps.append(heap)
            used += len(heap)
    if not found:
        empty = {name: np.zeros((0, 0) if wide else (0,), kind) for name, (kind, wide) in COLUMNS.items()}
        return Matrix(0, 0, 0, empty, np.zeros(0, "uint8"), 0.0)
    whole = {name: np.concatenate([columns[name] for columns in found]) for name in COLUMNS}
    keys = np.frombuffer(b"".join(heaps), "uint8")
    return Matrix(
        0, len(whole["exact"]), whole["exact"].shape[1], whole, keys, float(whole["scale"].max())
    )  # fmt: skip


def _number(text: str) -> int:
    """A text as a number of 64 bits: among a million, two share one with a chance of one in forty million."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def numbers(texts: Iterable[str]) -> Array:
    """The texts as numbers of 64 bits."""
    import numpy as np

    return np.array([_number(text) for text in texts], dtype=np.uint64)


@lru_cache(maxsize=4)
def _weights(words: int) -> Array:
    import numpy as np

    with np.errstate(over="ignore"):
        return np.cumprod(np.full(words, _MULTIPLIER, dtype=np.uint64))


def checksums(columns: dict[str, Array], keys: Array, ends: Array) -> Array:
    """Of each row a checksum of 64 bits of its columns and its key, shape (rows,); 1 in place of 0. `keys`
    are the rows' keys one after the other, and `ends` where each ends in them.

    The row's bytes are words of 64 bits, each times an odd number of its own, added up modulo 2^64: any one
    word that changes changes the sum. So with each byte of the key. It is made of all rows at once, at the
    rate that memory is read at, where a CRC would be made of one at a time."""
    import numpy as np

    rows = len(columns["name"])
    pieces = [
        np.ascontiguousarray(columns[name].astype(COLUMNS[name][0], copy=False))
        .view("uint8")
        .reshape(rows, -1)
        for name in _SUMMED
    ]
    width = sum(piece.shape[1] for piece in pieces)
    together = np.zeros((rows, -(-width // 8) * 8), "uint8")
    filled = 0
    for piece in pieces:
        together[:, filled : filled + piece.shape[1]] = piece
        filled += piece.shape[1]
    words = together.view("<u8")
    with np.errstate(over="ignore"):
        sums: Array = words @ _weights(words.shape[1])
        starts = np.concatenate([np.zeros(1, "int64"), ends[:-1]]) if rows else ends
        at = np.arange(len(keys)) - np.repeat(starts, ends - starts)
        letters = _weights(_LONGEST_KEY)[at % _LONGEST_KEY] * keys.astype(np.uint64)
        added = np.concatenate([np.zeros(1, np.uint64), np.cumsum(letters, dtype=np.uint64)])
        sums += (added[ends] - added[starts]) * np.uint64(_MULTIPLIER)
    sums[sums == 0] = 1
    return sums


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
