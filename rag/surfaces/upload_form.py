"""Parse an uploaded form (multipart/form-data) as it arrives, and write its files to a folder.

Every limit is checked before a byte is written.
"""

from __future__ import annotations

import errno
import os
import secrets
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from rag.config import ServeSettings
from rag.errors import UploadError
from rag.surfaces.file_names import numbered, safe_name

__all__ = [
    "Upload",
    "UploadForm",
    "UploadedFile",
    "boundary",
    "form_overhead_bytes",
    "interrupted",
    "megabytes",
    "translated_disk_errors",
]

_BLOCK_BYTES = 4096  # the disk space that a file takes at least
_MAX_FIELDS = 10  # fields of a form besides its files
_MAX_FIELD_BYTES = 1000
_MAX_PART_OVERHEAD_BYTES = 6000  # the boundary and the headers of a part


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """An uploaded file: its safe name, where it is stored for now, and its size in bytes."""

    name: str
    path: Path
    bytes: int


@dataclass(frozen=True, slots=True)
class Upload:
    """Files that were sent together, each with a different name, and the other fields of their form."""

    id: str
    owner: str
    files: tuple[UploadedFile, ...]
    fields: Mapping[str, str] = field(default_factory=dict)


def form_overhead_bytes(limits: ServeSettings) -> int:
    """The most bytes of a form that are not file contents."""
    return _MAX_PART_OVERHEAD_BYTES * (limits.upload_max_files + _MAX_FIELDS)


class UploadForm:
    """One upload while it is received. `reserve` is called with the bytes to be written, before they are; it
    raises `UploadError` where they are too many.
    """

    def __init__(
        self, owner: str, parent: Path, border: bytes, limits: ServeSettings, reserve: Callable[[int], None]
    ) -> None:
        self.id, self.owner = secrets.token_hex(16), owner
        # Hidden, so that a sync of the upload folder skips files that were not added yet.
        self.folder = parent / f".{self.id}"
        self.lock = threading.Lock()
        self.size = 0  # bytes reserved
        self._limits, self._reserve = limits, reserve
        self._files: list[UploadedFile] = []
        self._fields: dict[str, str] = {}
        self._last_number: dict[str, int] = {}  # by file name
        self._header, self._value, self._field = bytearray(), bytearray(), bytearray()
        self._headers: dict[bytes, bytes] = {}
        self._name, self._file_name, self._file_bytes = "", "", 0
        self._sent_name: bytes | None = None  # the sender's name for the file of this part; None for a field
        self._output: IO[bytes] | None = None
        self._content_bytes = self._overhead_bytes = self._parts = 0
        self._complete = self._stopped = False
        with _translated_form_errors():
            self._parser = MultipartParser(
                border,
                {
                    "on_part_begin": self._headers.clear,
                    "on_header_field": lambda data, start, end: self._header.extend(data[start:end]),
                    "on_header_value": lambda data, start, end: self._value.extend(data[start:end]),
                    "on_header_end": self._header_ended,
                    "on_headers_finished": self._part_began,
                    "on_part_data": self._part_data,
                    "on_part_end": self._part_ended,
                    "on_end": self._ended,
                },
            )

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock. Raises `UploadError` where the upload was stopped in the meantime."""
        with self.lock:
            if self._stopped:
                raise interrupted()
            yield

    def feed(self, chunk: bytes) -> None:
        """Parse and write the next bytes. Raises `UploadError` where they exceed a limit or are malformed."""
        with self.locked():
            before = self._content_bytes
            with _translated_form_errors(), translated_disk_errors():
                self._parser.write(chunk)
            self._overhead_bytes += len(chunk) - (self._content_bytes - before)
            if self._overhead_bytes > form_overhead_bytes(self._limits):
                raise _malformed("its fields and headers are too long")

    def finish(self) -> Upload:
        """The upload. Raises `UploadError` where it is incomplete or has no file."""
        if not self._complete:
            raise interrupted()
        if not self._files:
            raise UploadError("no file was sent. Choose at least one", status=400)
        return Upload(self.id, self.owner, tuple(self._files), dict(self._fields))

    def stop(self) -> None:
        self._stopped = True
        if self._output:
            with suppress(OSError):  # unwritten data is not needed
                self._output.close()

    def _header_ended(self) -> None:
        self._headers[bytes(self._header).lower()] = bytes(self._value)
        self._header.clear()
        self._value.clear()

    def _part_began(self) -> None:
        self._parts += 1
        if self._parts > self._limits.upload_max_files + _MAX_FIELDS:
            raise self._too_many()
        kind, facts = parse_options_header(self._headers.get(b"content-disposition"))
        if kind != b"form-data" or b"name" not in facts:
            raise _malformed("one of its parts has no name")
        self._name, self._file_bytes = facts[b"name"].decode(errors="replace"), 0
        self._field.clear()
        self._sent_name = facts.get(b"filename")
        if self._sent_name:
            self._open_next()

    def _open_next(self) -> None:
        if len(self._files) >= self._limits.upload_max_files:
            raise self._too_many()
        self._count(_BLOCK_BYTES)
        # Browsers encode a quotation mark like this, and nothing else.
        name = safe_name((self._sent_name or b"").decode(errors="replace").replace("%22", '"'))
        self._file_name, self._output = self._opened(name)

    def _opened(self, name: str) -> tuple[str, IO[bytes]]:
        """A new file with this name, or with the next free number if there is one already."""
        while True:
            self._last_number[name] = number = self._last_number.get(name, 0) + 1
            path = self.folder / numbered(name, number)
            try:
                opened = os.open(
                    path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600
                )
            except FileExistsError:
                continue
            return path.name, os.fdopen(opened, "wb")

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        size = end - start
        if self._output is None and self._sent_name is not None:
            # A file without a name: an input without a chosen file has no data.
            self._open_next()
        if self._output is None:
            if len(self._field) + size > _MAX_FIELD_BYTES:
                raise _malformed(f"one of its fields is longer than {_MAX_FIELD_BYTES} bytes")
            self._field += data[start:end]
            return
        self._file_bytes += size
        if self._file_bytes > self._limits.upload_max_file_bytes:
            raise UploadError(
                f"{self._file_name} is larger than {megabytes(self._limits.upload_max_file_bytes)}, the "
                "limit for one file (serve.upload_max_file_bytes). Split it, or add it with `clippings "
                "sync`",
                status=413,
            )
        self._count(min(size, max(0, self._file_bytes - _BLOCK_BYTES)))  # the first block is already counted
        self._content_bytes += size
        self._output.write(memoryview(data)[start:end])

    def _count(self, size: int) -> None:
        self._reserve(size)
        self.size += size

    def _part_ended(self) -> None:
        if self._output:
            self._output.close()
            self._output = None
            self._files.append(UploadedFile(self._file_name, self.folder / self._file_name, self._file_bytes))
        elif self._sent_name is None:
            self._fields[self._name] = self._field.decode(errors="replace")

    def _ended(self) -> None:
        self._complete = True

    def _too_many(self) -> UploadError:
        return UploadError(
            f"more than {self._limits.upload_max_files} files were sent, the limit for one upload "
            f"(serve.upload_max_files). Send them in several uploads, or as a .zip file",
            status=413,
        )


def boundary(headers: Mapping[str, str]) -> bytes:
    """The boundary of a multipart form. Raises `UploadError` where the request is not one."""
    kind, facts = parse_options_header(headers.get("content-type"))
    packed = headers.get("content-encoding", "identity").strip().lower()
    if kind != b"multipart/form-data" or packed != "identity":
        raise UploadError(
            "uploads must be multipart/form-data without compression. Send them like that", status=415
        )
    if not facts.get(b"boundary"):
        raise _malformed("it has no boundary")
    return facts[b"boundary"]


@contextmanager
def _translated_form_errors() -> Iterator[None]:
    try:
        yield
    except FormParserError as exc:
        raise _malformed(str(exc)) from exc


@contextmanager
def translated_disk_errors() -> Iterator[None]:
    """Raises `UploadError` for an `OSError`."""
    try:
        yield
    except OSError as exc:
        if exc.errno in (errno.ENOSPC, errno.EDQUOT):
            raise UploadError(
                "the disk is full. Free some space and send the files again", status=507
            ) from exc
        message = f"uploads cannot be stored ({exc.strerror or exc}). Tell the administrator of this server"
        raise UploadError(message, status=507) from exc


def interrupted() -> UploadError:
    """The error for an upload whose connection was lost."""
    return UploadError("the upload was interrupted before its end. Send it again", status=400)


def _malformed(reason: str) -> UploadError:
    return UploadError(f"the upload is not valid multipart/form-data: {reason}. Send it again", status=400)


def megabytes(size: int) -> str:
    """A size in bytes, as text.

    >>> megabytes(2_500_000), megabytes(12_000)
    ('2 MB', '12,000 bytes')
    """
    return f"{size / 1e6:,.0f} MB" if size >= 1_000_000 else f"{size:,} bytes"
