"""Opening a file of the user's: never one that a link leads to out of its folder, unpacked where it is gzip,
and never more of it than a file of articles can honestly hold."""

from __future__ import annotations

import gzip
import io
import os
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

from ingest.formats.records import LONGEST, rows
from rag.errors import SourceError

__all__ = [
    "EMPTY",
    "LARGEST",
    "changed",
    "numbered_lines",
    "numbered_rows",
    "opened",
    "require_inside",
    "unpacked",
    "unreadable",
    "whole",
]

LARGEST = 200_000_000  # bytes of a document; it is held in memory, and read out of there
EMPTY = "it is empty. Remove it, or put the article's text into it"
_LARGEST_RATIO = 200  # gzip packs prose to a third, and a bomb to a thousandth
_SMALL = 100_000_000  # bytes below which no ratio is a danger

# A record with its position and its number, or why it cannot be read.
NumberedLine = tuple[int, int, bytes | SourceError]
NumberedRow = tuple[int, int, Mapping[str, str] | SourceError]


def require_inside(stream: BinaryIO, path: Path, root: Path) -> None:
    """Raise `SourceError` unless the open file lies in the folder `root`. A link may have been put in its
    place since the folder was listed."""
    place = os.path.realpath(path)
    try:
        same_file = os.path.samestat(os.fstat(stream.fileno()), os.stat(place))
        inside = same_file and Path(place).is_relative_to(root)
    except OSError:  # gone again
        inside = False
    if not inside:
        raise SourceError(
            "it is a link that leads out of the folder. Name what it leads to, if that is meant"
        )


@contextmanager
def opened(path: Path, root: Path | None = None) -> Iterator[BinaryIO]:
    """A file's bytes, unpacked. With `root`, only of a file that lies in that folder."""
    with path.open("rb") as stream:
        if root is not None:
            require_inside(stream, path, root)
        with unpacked(stream, path.name, os.fstat(stream.fileno()).st_size) as plain:
            yield plain


@contextmanager
def unpacked(stream: BinaryIO, name: str, size: int) -> Iterator[BinaryIO]:
    """The bytes of a stream of `size` bytes, out of gzip where its name says so."""
    if not name.lower().endswith(".gz"):
        yield stream
        return
    try:
        with gzip.GzipFile(fileobj=stream) as packed:
            most = max(_SMALL, _LARGEST_RATIO * size)
            yield cast(BinaryIO, io.BufferedReader(_Bounded(packed, most)))
    except (EOFError, zlib.error, gzip.BadGzipFile) as exc:
        raise SourceError("it is not a whole gzip file. Copy or download it again") from exc


class _Bounded(io.RawIOBase):
    """A stream that is given up when it is longer than a file of its packed size can honestly be."""

    def __init__(self, stream: gzip.GzipFile, most: int) -> None:
        self._stream, self._left, self._most = stream, most, most

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._stream.read(len(buffer))
        self._left -= len(data)
        if self._left < 0:
            raise SourceError(
                f"it unpacks to more than {self._most:,} bytes, which suggests a file made to do harm. "
                "Do not trust it"
            )
        buffer[: len(data)] = data
        return len(data)


def whole(stream: BinaryIO) -> bytes:
    """All bytes of a document. Raises `SourceError` for an empty one, and for more than `LARGEST`."""
    data = stream.read(LARGEST + 1)
    if not data:
        raise SourceError(EMPTY)
    if len(data) > LARGEST:
        raise SourceError(
            f"it is larger than {LARGEST:,} bytes, which no article is. "
            "Split it, or put it into a .jsonl file"
        )
    return data


def numbered_lines(stream: BinaryIO, start: int = 0) -> Iterator[NumberedLine]:
    """The lines that are not empty, each with the byte it begins at and its number.

    `start` is the byte at which the stream stands; lines are then numbered from there. A line that is too
    long is a `SourceError`, and the last.
    """
    position, number = start, 0
    while line := stream.readline(LONGEST + 1):
        number += 1
        if len(line) > LONGEST:
            reason = f"it is longer than {LONGEST:,} bytes, which no article is. The rest was not read"
            yield position, number, SourceError(reason)
            return
        if line.strip():
            yield position, number, line
        position += len(line)
        if line == b"\n" and isinstance(stream, io.BufferedReader):
            # Empty lines that follow are taken together: a hundred million of them are soon made.
            while run := len(held := stream.peek()) - len(held.lstrip(b"\n")):
                stream.read(run)
                position, number = position + run, number + run


def numbered_rows(stream: BinaryIO) -> Iterator[NumberedRow]:
    """The rows of a table, each with its number twice: that is its position too. What ends the table early
    is a `SourceError`, and the last."""
    number = 0
    try:
        for number, row in rows(stream):
            yield number, number, row
    except SourceError as exc:
        yield number + 1, number + 1, exc


def unreadable(exc: OSError) -> SourceError:
    """A failure of the operating system as a sentence."""
    if isinstance(exc, FileNotFoundError):
        return SourceError("it is a broken link, or has just been removed. Repair the link or remove it")
    return SourceError(f"it cannot be read: {exc.strerror or exc}. Check the file's permissions")


def changed() -> SourceError:
    return SourceError("it changed while it was being read. Sync again")
