"""Uploads: files that were received from a browser or program, and wait until they are added or discarded.

A file is written to disk as it arrives, into a folder of the collection that only its owner may read. What is
refused, interrupted or waits too long is deleted.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
import threading
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, TypeVarTuple

from filelock import FileLock, Timeout

from rag.config import ServeSettings
from rag.errors import UploadError
from rag.surfaces.file_names import INCOMING
from rag.surfaces.upload_form import (
    Upload,
    UploadForm,
    boundary,
    form_overhead_bytes,
    interrupted,
    megabytes,
    translated_disk_errors,
)
from rag.system.files import RESERVE, private_folder

if TYPE_CHECKING:
    from starlette.requests import Request

__all__ = ["Uploads"]

_T = TypeVar("_T")
_Ts = TypeVarTuple("_Ts")

MAX_CONCURRENT = 4  # uploads that are received at the same time
IDLE_SECONDS = 30.0  # without a byte, after which an upload is given up
MAX_SECONDS = 3600.0  # that one upload may take
KEPT_SECONDS = 3600.0  # that an upload waits to be added


@dataclass(slots=True)
class _Pending:
    """An upload that waits to be added."""

    upload: Upload
    folder: Path
    size: int  # bytes reserved on the disk
    expires: float  # by time.monotonic
    claimed: bool = False  # while it is being added


class Uploads:
    """The uploads of the collection in `home`. Safe to share between threads and event loops.

    Files that earlier processes left behind are deleted when this is created, unless another process serves
    the same collection: they may belong to it.
    """

    def __init__(
        self,
        home: Path,
        limits: ServeSettings,
        *,
        idle: float = IDLE_SECONDS,
        longest: float = MAX_SECONDS,
        kept: float = KEPT_SECONDS,
    ) -> None:
        self._folder, self._limits = home / "upload" / INCOMING, limits
        self._idle, self._longest, self._kept = idle, longest, kept
        self._lock = threading.Lock()
        self._pending: dict[str, _Pending] = {}
        self._size = 0  # bytes reserved on the disk, for pending uploads and those being received
        self._receiving: dict[str, UploadForm] = {}
        self._closed = False
        self._timer: threading.Timer | None = None
        # A separate pool, so that uploads and other slow work do not delay each other.
        self._threads = ThreadPoolExecutor(MAX_CONCURRENT + 1, "clippings-upload")
        self._process_lock = FileLock(home / "incoming.lock", timeout=0, thread_local=False)
        if self._folder.exists():
            self._delete_leftovers()

    def close(self) -> None:
        """Discard all uploads and accept no more."""
        with self._lock:
            self._closed = True
            if self._timer:
                self._timer.cancel()
            gone = [pending.folder for pending in self._pending.values() if not pending.claimed]
        self._threads.shutdown()
        for form in self._receiving.values():
            form.stop()
            gone.append(form.folder)
        for folder in gone:
            _delete(folder)
        self._process_lock.release(force=True)

    async def receive(self, request: Request, owner: str) -> Upload:
        """Receive the files of a multipart/form-data request. On `UploadError` nothing is left on the
        disk."""
        form = UploadForm(owner, self._folder, boundary(request.headers), self._limits, self._reserve)
        self._admit(form, _content_length(request.headers))
        try:
            try:
                async with asyncio.timeout(self._longest):
                    await self._run(self._open, form)
                    async with aclosing(_chunks(request, self._idle)) as chunks:
                        async for chunk in chunks:
                            await self._run(form.feed, chunk)
                    return await self._run(self._finish, form)
            except TimeoutError as exc:
                raise UploadError(
                    f"the upload was not complete after {self._longest:g} seconds, the limit for one upload. "
                    "Send fewer files at a time",
                    status=408,
                ) from exc
        except BaseException:
            await self._run(self._abandon, form)
            raise

    def pending(self, owner: str) -> list[Upload]:
        """The uploads of an owner that wait to be added, oldest first."""
        self._sweep()
        with self._lock:
            return [w.upload for w in self._pending.values() if w.upload.owner == owner and not w.claimed]

    def paths(self, owner: str, upload_id: str) -> list[Path]:
        """The paths of an upload's files. Raises `UploadError` where the owner has no such upload."""
        self._sweep()
        with self._lock:
            return [file.path for file in self._get(owner, upload_id).upload.files]

    def discard(self, owner: str, upload_id: str) -> None:
        """Delete an upload and its files. Raises `UploadError` where the owner has no such upload, or it is
        being added.
        """
        with self._lock:
            pending = self._get(owner, upload_id)
            self._forget(pending)
        _delete(pending.folder)

    @contextmanager
    def claim(self, owner: str, upload_id: str) -> Iterator[Upload]:
        """An upload while it is added; nobody else can add or delete it in the meantime. It is deleted at the
        end of the block. If the block raises, it waits again. Raises `UploadError` where the owner has no
        such upload, or it is being added already.
        """
        self._sweep()
        with self._lock:
            pending = self._get(owner, upload_id)
            pending.claimed = True
        try:
            yield pending.upload
        except BaseException:
            with self._lock:
                pending.claimed, pending.expires = False, time.monotonic() + self._kept
                self._set_timer()
            raise
        with self._lock:
            self._forget(pending)
        _delete(pending.folder)

    def _get(self, owner: str, upload_id: str) -> _Pending:
        pending = self._pending.get(upload_id)
        if pending is None or pending.upload.owner != owner:
            raise UploadError("this upload no longer exists. Upload the files again", status=404)
        if pending.claimed:
            raise UploadError("this upload is being added already. Wait until that is done", status=409)
        return pending

    def _forget(self, pending: _Pending) -> None:
        self._size -= pending.size
        del self._pending[pending.upload.id]

    def _sweep(self) -> None:
        """Delete uploads that have waited too long."""
        with self._lock:
            now = time.monotonic()
            expired = [p for p in self._pending.values() if p.expires <= now and not p.claimed]
            for pending in expired:
                self._forget(pending)
            self._set_timer()
        for pending in expired:
            _delete(pending.folder)

    def _set_timer(self) -> None:
        """Call `_sweep` when the next upload expires, even if no further request comes."""
        if self._timer:
            self._timer.cancel()
            self._timer = None
        if expiries := [p.expires for p in self._pending.values() if not p.claimed]:
            self._timer = threading.Timer(max(0.0, min(expiries) - time.monotonic()), self._sweep)
            self._timer.daemon = True
            self._timer.start()

    def _admit(self, form: UploadForm, content_length: int) -> None:
        """Start to receive an upload of `content_length` bytes. Raises `UploadError` where it is too long, or
        too many are being received.
        """
        file_bytes = content_length - form_overhead_bytes(self._limits)
        if file_bytes > self._limits.upload_max_total_bytes:
            raise UploadError(
                f"the upload has {megabytes(content_length)}; the limit is "
                f"{megabytes(self._limits.upload_max_total_bytes)} (serve.upload_max_total_bytes). Send "
                "fewer files at a time",
                status=413,
            )
        with self._lock:
            self._require_space(max(0, file_bytes))
            if self._closed:
                raise _stopping()
            if len(self._receiving) >= MAX_CONCURRENT:
                raise UploadError(
                    f"{MAX_CONCURRENT} other uploads are being received. Try again in a minute",
                    status=503,
                )
            self._receiving[form.id] = form

    def _open(self, form: UploadForm) -> None:
        with form.locked(), translated_disk_errors():
            private_folder(self._folder.parent)
            private_folder(self._folder)
            self._folder.chmod(0o700)
            with suppress(Timeout), self._lock:
                if not self._process_lock.is_locked:
                    self._process_lock.acquire()
            form.folder.mkdir(mode=0o700)

    def _reserve(self, size: int) -> None:
        """Count bytes that are about to be written. Raises `UploadError` where they are too many."""
        with self._lock:
            self._require_space(size)
            self._size += size

    def _require_space(self, size: int) -> None:
        if self._size + size > self._limits.upload_max_total_bytes:
            raise UploadError(
                "too many uploads wait to be added: the limit is "
                f"{megabytes(self._limits.upload_max_total_bytes)} for all users "
                "(serve.upload_max_total_bytes). Add or discard earlier uploads, or try again later",
                status=507,
            )
        usage = shutil.disk_usage(
            next(place for place in (self._folder, *self._folder.parents) if place.exists())
        )
        if usage.free - size < (reserve := min(RESERVE, usage.total // 20)):
            raise UploadError(
                f"the disk is nearly full: {megabytes(reserve)} must stay free. Free some space, or send "
                "less",
                status=507,
            )

    def _finish(self, form: UploadForm) -> Upload:
        with form.locked():
            upload = form.finish()
            with self._lock:
                del self._receiving[upload.id]
                expires = time.monotonic() + self._kept
                self._pending[upload.id] = _Pending(upload, form.folder, form.size, expires)
                self._set_timer()
            return upload

    def _abandon(self, form: UploadForm) -> None:
        with form.lock:  # so that a write in progress does not leave a file behind
            form.stop()
            with self._lock:
                self._size -= form.size
                self._receiving.pop(form.id, None)
                self._pending.pop(form.id, None)  # it may have been completed just now
                self._set_timer()
            _delete(form.folder)

    def _delete_leftovers(self) -> None:
        try:
            self._process_lock.acquire()
        except Timeout:
            return  # another process serves this collection, and the files are its uploads
        except OSError as exc:  # a read-only disk; questions can still be answered
            logging.getLogger("clippings").warning(
                "old uploads in %s cannot be deleted: %s", self._folder, exc.strerror
            )
            return
        for left in self._folder.iterdir():
            _delete(left)

    async def _run(self, work: Callable[[*_Ts], _T], *arguments: *_Ts) -> _T:
        """What `work` returns, run in a thread. It runs to its end even if the caller is cancelled."""
        try:
            done = asyncio.get_running_loop().run_in_executor(self._threads, partial(work, *arguments))
        except RuntimeError as exc:
            if self._closed:
                raise _stopping() from exc
            raise
        return await asyncio.shield(done)


async def _chunks(request: Request, idle: float) -> AsyncGenerator[bytes, None]:
    """The body as it arrives. Raises `UploadError` where the sender disconnects, or sends nothing for `idle`
    seconds.
    """
    from starlette.requests import ClientDisconnect

    body = request.stream()
    while True:
        until = time.monotonic() + idle
        try:
            chunk = b""
            while not chunk:  # an empty chunk is no progress
                chunk = await asyncio.wait_for(anext(body), until - time.monotonic())
        except StopAsyncIteration:
            return
        except TimeoutError as exc:
            raise UploadError(
                f"no data arrived for {idle:g} seconds, so the upload was stopped. Send it again", status=408
            ) from exc
        except ClientDisconnect as exc:
            raise interrupted() from exc
        yield chunk


def _content_length(headers: Mapping[str, str]) -> int:
    stated = headers.get("content-length", "0")
    if not (stated.isascii() and stated.isdigit() and len(stated) < 20):
        raise UploadError("the Content-Length of the upload is not a number. Send it again", status=400)
    return int(stated)


def _stopping() -> UploadError:
    return UploadError("the server is stopping. Upload the files again after its restart", status=503)


def _delete(place: Path) -> None:
    """Delete a folder or a file of ours. What cannot be deleted is logged."""
    if place.is_dir() and not place.is_symlink():
        shutil.rmtree(place, ignore_errors=True)
    else:
        with suppress(OSError):
            place.unlink()
    if place.exists():
        logging.getLogger("clippings").error("%s cannot be deleted. Delete it by hand", place)
