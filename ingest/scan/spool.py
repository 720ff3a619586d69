"""What a scan has read, until it is stored: in memory up to a limit, then in a temporary file.

A scan must see every place before a plan can be made, since a file may have been renamed, or two may claim
one id. The articles wait here meanwhile, so that their files need not be opened again.
"""

from __future__ import annotations

import pickle
import shutil
import tempfile
import threading
from dataclasses import dataclass
from types import TracebackType
from typing import BinaryIO

from rag.types import Article

__all__ = ["LARGEST_DOCUMENT", "Slot", "Spool"]

LARGEST_DOCUMENT = 8_000_000  # bytes; a larger document is opened again when its turn comes, and not copied
_MEMORY = 32_000_000  # bytes held in memory: some five thousand articles of news
_FREE = 1_000_000_000  # bytes that are left free on the disk of the temporary file


@dataclass(frozen=True, slots=True)
class Slot:
    """Where one article's `size` bytes lie: from `offset` of the temporary file, or in memory under the
    negative `offset`. `parsed` tells an article from a document's bytes."""

    offset: int
    size: int
    parsed: bool


class Spool:
    """Keeps articles, and documents' bytes, until the sync ends. Any thread may ask.

    What does not fit on the disk is not kept: `put` answers `None`, and the article is read from its file
    when its turn comes.

    >>> with Spool(memory=10) as spool:
    ...     slots = [spool.put(data) for data in (b"in memory", b"on the disk")]
    ...     [spool.get(slot) for slot in slots]
    [b'in memory', b'on the disk']
    """

    def __init__(self, *, memory: int = _MEMORY, free: int = _FREE) -> None:
        self._memory, self._free = memory, free
        self._lock = threading.Lock()
        self._held: dict[int, bytes] = {}
        self._held_bytes = 0
        self._file: BinaryIO | None = None
        self._end = 0  # of the temporary file
        self._full = False

    def __enter__(self) -> Spool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._held.clear()
            if self._file:
                self._file.close()

    def put(self, read: Article | bytes) -> Slot | None:
        """Keep an article, or a document's bytes; `None` where there is no room for it."""
        # Only this process writes and reads these bytes, so nobody else's pickle can be among them.
        parsed = isinstance(read, Article)
        data = pickle.dumps(read, pickle.HIGHEST_PROTOCOL) if isinstance(read, Article) else read
        with self._lock:
            if self._held_bytes + len(data) <= self._memory:
                offset = -1 - len(self._held)
                self._held[offset] = data
                self._held_bytes += len(data)
                return Slot(offset, len(data), parsed)
            return None if self._full else self._append(data, parsed)

    def get(self, slot: Slot) -> Article | bytes:
        """What was put there. Raises `OSError` where the temporary file cannot be read."""
        data = self._bytes(slot)
        if not slot.parsed:
            return data
        read: Article = pickle.loads(data)
        return read

    def _bytes(self, slot: Slot) -> bytes:
        with self._lock:
            if slot.offset < 0:
                return self._held[slot.offset]
            if self._file is None:
                raise AssertionError("a slot of the temporary file was made by it")
            self._file.seek(slot.offset)
            data = self._file.read(slot.size)
        if len(data) < slot.size:
            raise OSError("the temporary file of this sync was cut short")
        return data

    def _append(self, data: bytes, parsed: bool) -> Slot | None:
        offset = self._end
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile(prefix="clippings-")  # noqa: SIM115  closed on leaving
            if shutil.disk_usage(tempfile.gettempdir()).free - len(data) < self._free:
                self._full = True
                return None
            self._file.seek(offset)
            self._file.write(data)
            self._file.flush()
            self._end = offset + len(data)
        except OSError:  # a quota, or a disk that others fill just now
            self._full = True
            return None
        return Slot(offset, len(data), parsed)
