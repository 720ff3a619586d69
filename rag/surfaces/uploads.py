"""Files on their way in: received from a browser or a program, and kept until somebody takes them in or gives
them up.

A file goes to the disk as it arrives, into a folder of the collection that only its owner may read, and every
limit is looked at before a byte is written. What is refused, breaks off, or stays away too long is gone from
the disk at once.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import re
import secrets
import shutil
import threading
import time
import unicodedata
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeVar

from filelock import FileLock, Timeout
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from rag.config import ServeSettings
from rag.errors import UploadError
from rag.system.files import RESERVE, private_folder

if TYPE_CHECKING:
    from starlette.requests import Request

__all__ = ["INCOMING", "Received", "Upload", "Uploads", "numbered", "safe_name"]

_T = TypeVar("_T")

INCOMING = "incoming"  # the folder inside the collection's `upload` in which uploads wait
AT_ONCE = 4  # uploads that are received at the same time
IDLE = 30.0  # seconds without a byte after which a sender is given up
LONGEST = 3600.0  # seconds that one upload may take in all
KEPT = 3600.0  # seconds that an upload waits to be taken in
_BLOCK = 4096  # bytes that a file takes on the disk, however little is in it
_NAME = 200  # bytes of a file's name; systems allow 255, and numbers and endings may still be added
_ENDING = 20  # bytes that an ending may have; what is longer is part of the name
_FIELDS = 10  # fields of a form beside its files
_FIELD = 1000  # bytes of one of them
_BESIDES = 6000  # bytes of a part that are not its file: the border and the headers

# Windows opens a device under these names, whatever their ending.
_DEVICES = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)(\.|$)", re.IGNORECASE)
# Such characters turn the direction of what stands after them: "exe.txt" could be read where "txt.exe"
# stands.
_TURNING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@dataclass(frozen=True, slots=True)
class Received:
    """A file that was received: its name, safe to be kept under, where it lies meanwhile, and its length in
    bytes.
    """

    name: str
    path: Path
    bytes: int


@dataclass(frozen=True, slots=True)
class Upload:
    """Files that were sent together, each of another name, and the other fields of their form."""

    id: str
    owner: str
    files: tuple[Received, ...]
    fields: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class _Waiting:
    upload: Upload
    folder: Path
    size: int  # bytes on the disk, as they are counted
    until: float  # by time.monotonic
    taken: bool = False


def safe_name(stated: str) -> str:
    """The name under which a file may be kept, whatever its sender calls it: no folder, no control character,
    no dot or space at either end, no name that the system or we use, and at most 200 bytes of UTF-8 with the
    ending kept.

    >>> safe_name("C:\\\\news\\\\..\\\\may\\x00.txt"), safe_name("../../.bashrc"), safe_name("con.txt"), safe_name("..")
    ('may.txt', 'bashrc', '_con.txt', 'file')
    """
    last = re.split(r"[/\\]", stated)[-1]
    kept = "".join(
        c for c in last if unicodedata.category(c) not in ("Cc", "Cs", "Zl", "Zp") and c not in _TURNING
    )
    name = _trimmed(unicodedata.normalize("NFC", kept))
    if not name:
        return "file"
    if _DEVICES.match(name) or name.casefold() == INCOMING:
        name = f"_{name}"
    return numbered(name, 1)


def numbered(name: str, number: int) -> str:
    """A safe name made another one by a number before its ending; the first is the name itself.

    >>> numbered("may.jsonl.gz", 2), numbered("may", 3), numbered("may.txt", 1)
    ('may (2).jsonl.gz', 'may (3)', 'may.txt')
    """
    stem, ending = _parted(name)
    mark = f" ({number})" if number > 1 else ""
    room = _NAME - len(f"{mark}{ending}".encode())
    short = stem.encode()[:room].decode(errors="ignore")
    return f"{short if short == stem else short.rstrip('. ')}{mark}{ending}"


def _parted(name: str) -> tuple[str, str]:
    """A name without its ending, and the ending: that of what is packed and of the packing."""
    stem, dot, last = name.rpartition(".")
    if not stem or len(f".{last}".encode()) > _ENDING:
        return name, ""
    inner, another, packed = stem.rpartition(".")
    if last.lower() == "gz" and inner and len(f".{packed}.{last}".encode()) <= _ENDING:
        return inner, f"{another}{packed}{dot}{last}"
    return stem, f"{dot}{last}"


def _trimmed(name: str) -> str:
    return re.sub(r"^[.\s]+|[.\s]+$", "", name)


class Uploads:
    """The uploads of one collection, whose folder is `home`. Safe to share between threads and event loops.

    What earlier processes have left behind is removed when this is made, unless another one that is alive
    serves the same collection: then what lies there may be its own.
    """

    def __init__(
        self,
        home: Path,
        limits: ServeSettings,
        *,
        idle: float = IDLE,
        longest: float = LONGEST,
        kept: float = KEPT,
    ) -> None:
        self._folder, self._limits = home / "upload" / INCOMING, limits
        self._idle, self._longest, self._kept = idle, longest, kept
        self._lock = threading.Lock()
        self._waiting: dict[str, _Waiting] = {}
        self._size = 0  # bytes on the disk: what waits, and what is being received
        self._receiving: dict[str, _Receiving] = {}
        self._closed = False
        self._timer: threading.Timer | None = None
        # Of our own: nothing else that is slow may hold up what a sender is waiting for, nor the other way
        # round.
        self._threads = ThreadPoolExecutor(AT_ONCE + 1, "clippings-upload")
        self._alone = FileLock(home / "incoming.lock", timeout=0, thread_local=False)
        if self._folder.exists():
            self._clear()

    def close(self) -> None:
        """Give up everything that waits or is being received, and take nothing more."""
        with self._lock:
            self._closed = True
            if self._timer:
                self._timer.cancel()
            gone = [waiting.folder for waiting in self._waiting.values() if not waiting.taken]
        self._threads.shutdown()
        for receiving in self._receiving.values():
            receiving.stop()
            gone.append(receiving.folder)
        for folder in gone:
            _remove(folder)
        self._alone.release(force=True)

    async def receive(self, request: Request, owner: str) -> Upload:
        """Receive the files of a multipart/form-data request. Raises `UploadError`, with nothing left on the
        disk.
        """
        receiving = _Receiving(owner, self._folder, _border(request.headers), self._limits, self._grow)
        self._admit(receiving, _stated_length(request.headers))
        try:
            try:
                async with asyncio.timeout(self._longest):
                    await self._run(self._open, receiving)
                    async with aclosing(_chunks(request, self._idle)) as chunks:
                        async for chunk in chunks:
                            await self._run(receiving.feed, chunk)
                    return await self._run(self._finish, receiving)
            except TimeoutError as exc:
                raise UploadError(
                    f"the upload was not whole after {self._longest:g} seconds, the most that one may take. "
                    "Send fewer files at a time",
                    status=408,
                ) from exc
        except BaseException:
            await self._run(self._abandon, receiving)
            raise

    def pending(self, owner: str) -> list[Upload]:
        """The uploads of an owner that wait to be taken in, oldest first."""
        self._sweep()
        with self._lock:
            return [w.upload for w in self._waiting.values() if w.upload.owner == owner and not w.taken]

    def paths(self, owner: str, upload_id: str) -> list[Path]:
        """Where the files of an upload lie. Raises `UploadError` where the owner has no such upload."""
        self._sweep()
        with self._lock:
            return [file.path for file in self._known(owner, upload_id).upload.files]

    def discard(self, owner: str, upload_id: str) -> None:
        """Remove an upload and its files. Raises `UploadError` where the owner has no such upload, or it is
        being taken in.
        """
        with self._lock:
            waiting = self._known(owner, upload_id)
            self._forget(waiting)
        _remove(waiting.folder)

    @contextmanager
    def taking(self, owner: str, upload_id: str) -> Iterator[Upload]:
        """An upload while it is taken in: nobody else can take it or remove it meanwhile. It is gone
        afterwards; where that raises, it waits again. Raises `UploadError` where the owner has no such
        upload, or it is being taken in already."""
        self._sweep()
        with self._lock:
            waiting = self._known(owner, upload_id)
            waiting.taken = True
        try:
            yield waiting.upload
        except BaseException:
            with self._lock:
                waiting.taken, waiting.until = False, time.monotonic() + self._kept
                self._watch()
            raise
        with self._lock:
            self._forget(waiting)
        _remove(waiting.folder)

    def _known(self, owner: str, upload_id: str) -> _Waiting:
        waiting = self._waiting.get(upload_id)
        if waiting is None or waiting.upload.owner != owner:
            raise UploadError("there is no such upload any more. Upload the files again", status=404)
        if waiting.taken:
            raise UploadError("this upload is being taken in just now. Wait until that is done", status=409)
        return waiting

    def _forget(self, waiting: _Waiting) -> None:
        self._size -= waiting.size
        del self._waiting[waiting.upload.id]

    def _sweep(self) -> None:
        """Give up what has waited too long."""
        with self._lock:
            now = time.monotonic()
            late = [
                waiting for waiting in self._waiting.values() if waiting.until <= now and not waiting.taken
            ]
            for waiting in late:
                self._forget(waiting)
            self._watch()
        for waiting in late:
            _remove(waiting.folder)

    def _watch(self) -> None:
        """See to it that what waits is given up in time, also when nobody comes any more."""
        if self._timer:
            self._timer.cancel()
            self._timer = None
        if waiting := [w.until for w in self._waiting.values() if not w.taken]:
            self._timer = threading.Timer(max(0.0, min(waiting) - time.monotonic()), self._sweep)
            self._timer.daemon = True
            self._timer.start()

    def _admit(self, receiving: _Receiving, stated: int) -> None:
        """Let one more be received, `stated` bytes long. Raises `UploadError` where it is too long, or there
        are too many.
        """
        besides = _BESIDES * (self._limits.upload_max_files + _FIELDS)
        if stated - besides > self._limits.upload_max_total_bytes:
            raise UploadError(
                f"the upload has {_said(stated)}; {_said(self._limits.upload_max_total_bytes)} is the most that may "
                f"wait to be taken in "
                "(serve.upload_max_total_bytes). Send fewer files at a time",
                status=413,
            )
        with self._lock:
            self._require_room(max(0, stated - besides))
            if self._closed:
                raise _stopping()
            if len(self._receiving) >= AT_ONCE:
                raise UploadError(
                    f"{AT_ONCE} uploads are being received, the most at once. Try again in a minute",
                    status=503,
                )
            self._receiving[receiving.id] = receiving

    def _open(self, receiving: _Receiving) -> None:
        with receiving.going_on(), _on_disk():
            private_folder(self._folder.parent)
            private_folder(self._folder)
            self._folder.chmod(0o700)
            with suppress(Timeout), self._lock:
                if not self._alone.is_locked:
                    self._alone.acquire()
            receiving.folder.mkdir(mode=0o700)

    def _grow(self, size: int) -> None:
        """Count bytes that are about to be written. Raises `UploadError` where that would be too many."""
        with self._lock:
            self._require_room(size)
            self._size += size

    def _require_room(self, size: int) -> None:
        if self._size + size > self._limits.upload_max_total_bytes:
            raise UploadError(
                f"too much waits to be taken in: {_said(self._limits.upload_max_total_bytes)} is the most, everybody's "
                f"uploads together "
                "(serve.upload_max_total_bytes). Add or remove what was uploaded before, or try again later",
                status=507,
            )
        usage = shutil.disk_usage(
            next(place for place in (self._folder, *self._folder.parents) if place.exists())
        )
        if usage.free - size < (reserve := min(RESERVE, usage.total // 20)):
            raise UploadError(
                f"the disk is nearly full: {_said(reserve)} of it must stay free. Free some space, or send "
                f"less",
                status=507,
            )

    def _finish(self, receiving: _Receiving) -> Upload:
        with receiving.going_on():
            upload = receiving.finish()
            with self._lock:
                del self._receiving[upload.id]
                until = time.monotonic() + self._kept
                self._waiting[upload.id] = _Waiting(upload, receiving.folder, receiving.size, until)
                self._watch()
            return upload

    def _abandon(self, receiving: _Receiving) -> None:
        with (
            receiving.lock
        ):  # else what is being written just now would come to lie there after the rest is gone
            receiving.stop()
            with self._lock:
                self._size -= receiving.size
                self._receiving.pop(receiving.id, None)
                self._waiting.pop(receiving.id, None)  # it became whole just when its sender was given up
                self._watch()
            _remove(receiving.folder)

    def _clear(self) -> None:
        try:
            self._alone.acquire()
        except Timeout:
            return  # another process serves this collection, and its uploads wait there
        except OSError as exc:  # a disk that is read-only: the collection on it can be asked all the same
            logging.getLogger("clippings").warning(
                "what was left of uploads in %s stays there: %s", self._folder, exc.strerror
            )
            return
        for left in self._folder.iterdir():
            _remove(left)

    async def _run(self, work: Callable[..., _T], *given: Any) -> _T:
        """What `work` returns, in a thread. It is done to its end even where nobody waits for it any more."""
        try:
            done = asyncio.get_running_loop().run_in_executor(self._threads, partial(work, *given))
        except RuntimeError as exc:
            if self._closed:
                raise _stopping() from exc
            raise
        return await asyncio.shield(done)


class _Receiving:
    """One upload that is being received: what its bytes mean, and where they go."""

    def __init__(
        self, owner: str, parent: Path, border: bytes, limits: ServeSettings, grow: Callable[[int], None]
    ) -> None:
        self.id, self.owner = secrets.token_hex(16), owner
        # Hidden, so that a sync of the folder that uploads are kept in passes over what nobody has taken in
        # yet.
        self.folder = parent / f".{self.id}"
        self.lock = threading.Lock()
        self.size = 0  # bytes counted
        self._limits, self._grow = limits, grow
        self._files: list[Received] = []
        self._fields: dict[str, str] = {}
        self._latest: dict[str, int] = {}  # of each name the number given last
        self._header, self._value, self._field = bytearray(), bytearray(), bytearray()
        self._headers: dict[bytes, bytes] = {}
        self._name, self._file, self._written = "", "", 0
        self._chosen: bytes | None = (
            None  # what the sender calls the file of this part; `None` where it is a field
        )
        self._to: IO[bytes] | None = None
        self._passed = self._besides = self._parts = 0
        self._whole = self._stopped = False
        with _in_form():
            self._parser = MultipartParser(
                border,
                {
                    "on_part_begin": self._headers.clear,
                    "on_header_field": lambda data, start, end: self._header.extend(data[start:end]),
                    "on_header_value": lambda data, start, end: self._value.extend(data[start:end]),
                    "on_header_end": self._header_ended,
                    "on_headers_finished": self._part_began,
                    "on_part_data": self._part_goes_on,
                    "on_part_end": self._part_ended,
                    "on_end": self._ended,
                },
            )

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """Hold the upload against other threads. One whose turn comes after it was given up must not begin
        anything.
        """
        with self.lock:
            if self._stopped:
                raise _broken_off()
            yield

    def feed(self, chunk: bytes) -> None:
        """Write what the next bytes hold. Raises `UploadError` where they go over a limit, or are no form."""
        with self.going_on():
            before = self._passed
            with _in_form(), _on_disk():
                self._parser.write(chunk)
            self._besides += len(chunk) - (self._passed - before)
            if self._besides > _BESIDES * (self._limits.upload_max_files + _FIELDS):
                raise _no_form("it holds more that is no file than a form can")

    def finish(self) -> Upload:
        if not self._whole:
            raise _broken_off()
        if not self._files:
            raise UploadError("no file was sent. Choose one or more", status=400)
        return Upload(self.id, self.owner, tuple(self._files), dict(self._fields))

    def stop(self) -> None:
        self._stopped = True
        if self._to:
            with suppress(OSError):  # what was not written yet is not wanted any more
                self._to.close()

    def _header_ended(self) -> None:
        self._headers[bytes(self._header).lower()] = bytes(self._value)
        self._header.clear()
        self._value.clear()

    def _part_began(self) -> None:
        self._parts += 1
        if self._parts > self._limits.upload_max_files + _FIELDS:
            raise self._too_many()
        kind, facts = parse_options_header(self._headers.get(b"content-disposition"))
        if kind != b"form-data" or b"name" not in facts:
            raise _no_form("a part of it has no name")
        self._name, self._written = facts[b"name"].decode(errors="replace"), 0
        self._field.clear()
        self._chosen = facts.get(b"filename")
        if self._chosen:
            self._open_next()

    def _open_next(self) -> None:
        if len(self._files) >= self._limits.upload_max_files:
            raise self._too_many()
        self._count(_BLOCK)
        # Browsers write a quotation mark so, and nothing else that this would change.
        name = safe_name((self._chosen or b"").decode(errors="replace").replace("%22", '"'))
        self._file, self._to = self._opened(name)

    def _opened(self, name: str) -> tuple[str, IO[bytes]]:
        """A new file of this name, or where there is one already, of the next name that is free."""
        while True:
            self._latest[name] = number = self._latest.get(name, 0) + 1
            path = self.folder / numbered(name, number)
            try:
                opened = os.open(
                    path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600
                )
            except FileExistsError:
                continue
            return path.name, os.fdopen(opened, "wb")

    def _part_goes_on(self, data: bytes, start: int, end: int) -> None:
        size = end - start
        if self._to is None and self._chosen is not None:
            # it has no name, but is not the empty one of an input in which no file was chosen
            self._open_next()
        if self._to is None:
            if len(self._field) + size > _FIELD:
                raise _no_form(f"a field of it is longer than {_FIELD} bytes")
            self._field += data[start:end]
            return
        self._written += size
        if self._written > self._limits.upload_max_file_bytes:
            raise UploadError(
                f"{self._file} is larger than {_said(self._limits.upload_max_file_bytes)}, the most that one file may "
                f"have "
                "(serve.upload_max_file_bytes). Split it, or take it in with `clippings sync`",
                status=413,
            )
        self._count(min(size, max(0, self._written - _BLOCK)))  # the first block is counted already
        self._passed += size
        self._to.write(memoryview(data)[start:end])

    def _count(self, size: int) -> None:
        self._grow(size)
        self.size += size

    def _part_ended(self) -> None:
        if self._to:
            self._to.close()
            self._to = None
            self._files.append(Received(self._file, self.folder / self._file, self._written))
        elif self._chosen is None:
            self._fields[self._name] = self._field.decode(errors="replace")

    def _ended(self) -> None:
        self._whole = True

    def _too_many(self) -> UploadError:
        return UploadError(
            f"more than {self._limits.upload_max_files} files were sent, the most in one upload "
            f"(serve.upload_max_files). "
            "Send them in several, or packed as .zip",
            status=413,
        )


async def _chunks(request: Request, idle: float) -> AsyncGenerator[bytes, None]:
    """The body as it arrives. Raises `UploadError` where its sender goes away, or is silent for so many
    seconds.
    """
    from starlette.requests import ClientDisconnect

    body = request.stream()
    while True:
        until = time.monotonic() + idle
        try:
            chunk = b""
            while not chunk:  # nothing is no news
                chunk = await asyncio.wait_for(anext(body), until - time.monotonic())
        except StopAsyncIteration:
            return
        except TimeoutError as exc:
            raise UploadError(
                f"nothing arrived for {idle:g} seconds, so the upload was given up. Send it again", status=408
            ) from exc
        except ClientDisconnect as exc:
            raise _broken_off() from exc
        yield chunk


def _border(headers: Mapping[str, str]) -> bytes:
    """What stands between the parts of a form. Raises `UploadError` where the request is none."""
    kind, facts = parse_options_header(headers.get("content-type"))
    packed = headers.get("content-encoding", "identity").strip().lower()
    if kind != b"multipart/form-data" or packed != "identity":
        raise UploadError("files are uploaded as multipart/form-data, not packed. Send them so", status=415)
    if not facts.get(b"boundary"):
        raise _no_form("its boundary is not stated")
    return facts[b"boundary"]


def _stated_length(headers: Mapping[str, str]) -> int:
    stated = headers.get("content-length", "0")
    if not (stated.isascii() and stated.isdigit() and len(stated) < 20):
        raise UploadError("the upload's Content-Length is no number. Send it again", status=400)
    return int(stated)


@contextmanager
def _in_form() -> Iterator[None]:
    try:
        yield
    except FormParserError as exc:
        raise _no_form(str(exc)) from exc


@contextmanager
def _on_disk() -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        if exc.errno in (errno.ENOSPC, errno.EDQUOT):
            raise UploadError(
                "the disk is full. Free some space and send the files again", status=507
            ) from exc
        said = f"what is uploaded cannot be kept ({exc.strerror or exc}). Tell whoever runs the page"
        raise UploadError(said, status=507) from exc


def _stopping() -> UploadError:
    return UploadError("the page is being stopped. Upload the files again when it is open again", status=503)


def _broken_off() -> UploadError:
    return UploadError("the upload broke off before its end. Send it again", status=400)


def _no_form(why: str) -> UploadError:
    return UploadError(
        f"what was sent is no form of the kind multipart/form-data: {why}. Send it again", status=400
    )


def _said(size: int) -> str:
    return f"{size / 1e6:,.0f} MB" if size >= 1_000_000 else f"{size:,} bytes"


def _remove(place: Path) -> None:
    """Remove a folder or a file of ours, as far as it can be removed."""
    if place.is_dir() and not place.is_symlink():
        shutil.rmtree(place, ignore_errors=True)
    else:
        with suppress(OSError):
            place.unlink()
    if place.exists():
        logging.getLogger("clippings").error("%s cannot be removed. Remove it by hand", place)
