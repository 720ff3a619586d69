"""The file of a backup: what is in it, and what can be said of it before it is unpacked.

An ordinary zip file. Its manifest, `manifest.json`, names every other member with its length and its SHA-256.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import sqlite3
import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from rag.errors import CollectionError
from rag.store.catalog import FILE
from rag.store.schema import counting_passages

__all__ = [
    "DIGEST_BYTES",
    "FEEDBACK",
    "FORMAT",
    "GOLD",
    "INDEXES",
    "MANIFEST",
    "MARK",
    "PEOPLE",
    "SINGLE",
    "TEXTS",
    "UPLOAD",
    "VECTORS",
    "Kept",
    "checked_members",
    "copy",
    "count_lines",
    "digest_of",
    "explained",
    "facts_of",
    "is_bomb",
    "path_of",
    "reading",
    "require_room",
]

FORMAT = 2
# the manifest's key that tells a backup from any other zip file; its value is the format
MARK = "clippings backup"
MANIFEST = "manifest.json"
_LONGEST_MANIFEST = 64_000_000  # bytes of a manifest: some 400,000 uploaded files
FEEDBACK, GOLD, UPLOAD = "feedback.jsonl", "gold.jsonl", "upload"
PEOPLE = "people.sqlite"  # conversations, and who may ask
TEXTS, VECTORS = "vectors.texts", "vectors.float32"  # hashes of 16 bytes, and as many vectors
DIGEST_BYTES = 16
SINGLE = (FILE, FEEDBACK, GOLD, PEOPLE, TEXTS, VECTORS)
INDEXES = ("lexical", "whole", "vectors", "dense")  # which format 1 held; they are made again
_SPARE_BYTES = 64_000_000  # bytes left free: Chroma's graph does not survive a disk that fills up
_MAX_RATIO, _LARGE_BYTES = (
    200,
    16_000_000,
)  # a member of more bytes than this that was packed tighter is a bomb; we pack none so


@dataclass(frozen=True, slots=True)
class Kept:
    """A backup that was made or restored: what was counted in it, how many bytes the file has, and what there
    is to say of it.

    `vectors` are those that were kept, or that were found in the backup; `encoded` is how many texts were
    encoded again."""

    file: Path
    articles: int
    passages: int
    bytes: int
    earlier: int = 0
    corrections: int = 0
    verdicts: int = 0
    cases: int = 0
    vectors: int = 0
    encoded: int = 0
    notes: tuple[str, ...] = ()


def path_of(file: str | os.PathLike[str]) -> Path:
    if not os.fspath(file).strip():
        raise CollectionError("the backup has no name. Name a file, such as clippings.zip")
    return Path(file).expanduser().resolve()


def require_room(path: Path, needed: int) -> None:
    free, needed = shutil.disk_usage(path.parent).free, needed + _SPARE_BYTES
    if free < needed:
        say = f"{path} may take {needed / 1e6:,.0f} MB, and its disk has {free / 1e6:,.0f} MB free"
        raise CollectionError(f"{say}. Free some space and run again")


@contextmanager
def explained(path: Path, otherwise: str) -> Iterator[None]:
    """Turn the system's errors, and SQLite's, into what to do about them; `path` is what is being made."""
    try:
        yield
    except (OSError, sqlite3.Error) as exc:
        if getattr(exc, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or "disk is full" in str(exc):
            raise CollectionError(
                f"the disk that holds {path} is full. Free some space and run again"
            ) from exc
        if isinstance(exc, sqlite3.Error):
            raise CollectionError(
                f"the catalog cannot be read ({exc}). Restore an earlier backup in its place"
            ) from exc
        where = f" ({exc.filename})" if exc.filename else ""
        raise CollectionError(f"{path} cannot be made: {exc.strerror or exc}{where}. {otherwise}") from exc


def digest_of(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=DIGEST_BYTES).digest()


def is_bomb(info: zipfile.ZipInfo) -> bool:
    return info.file_size > _LARGE_BYTES and info.file_size > _MAX_RATIO * info.compress_size


def copy(source: IO[bytes], to: IO[bytes]) -> tuple[int, str]:
    size, digest = 0, hashlib.sha256()
    while chunk := source.read(1 << 20):
        size += to.write(chunk)
        digest.update(chunk)
    return size, digest.hexdigest()


def facts_of(db: sqlite3.Connection) -> dict[str, Any]:
    """What a catalog says of itself, whichever version of Clippings wrote it."""
    meta = dict(db.execute("SELECT name, value FROM meta"))
    tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    counts = {
        table: db.execute(f"SELECT count(*) FROM {table}").fetchone()[0] if table in tables else 0
        for table in ("articles", "earlier", "corrections")
    }
    passages = f"SELECT count(*) FROM passages AS p WHERE {counting_passages(db)}"
    counts["passages"] = db.execute(passages).fetchone()[0]
    return {"layout": meta.get("schema"), "encoder": meta.get("encoder"), **counts}


def count_lines(path: Path) -> int:
    """How many lines with something in them a file has; none where there is no file."""
    try:
        with path.open("rb") as file:
            return sum(bool(line.strip()) for line in file)
    except FileNotFoundError:
        return 0


@contextmanager
def reading(file: Path, otherwise: str) -> Iterator[tuple[zipfile.ZipFile, dict[str, Any]]]:
    """The archive and its manifest. In here `ValueError` says why it is no backup; zipfile has some more ways
    to.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            info = archive.getinfo(MANIFEST)
            if info.file_size > _LONGEST_MANIFEST:
                raise ValueError("its manifest is too long")
            manifest = json.loads(archive.read(info))
            if not isinstance(manifest, dict) or MARK not in manifest:
                raise ValueError(f"its {MANIFEST} is of another program")
            yield archive, manifest
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        LookupError,
        OverflowError,
        RuntimeError,
        ValueError,
    ) as exc:
        why = exc.args[0] if exc.args else "it ends too early"
        raise CollectionError(f"{file} is damaged, or is no backup of Clippings: {why}. {otherwise}") from exc


def checked_members(archive: zipfile.ZipFile, manifest: dict[str, Any]) -> dict[str, tuple[int, str]]:
    """The members' lengths and SHA-256, if the archive holds what the manifest says, and nothing that a
    backup does not.
    """
    if manifest[MARK] not in (1, FORMAT):
        later = isinstance(manifest[MARK], int) and manifest[MARK] > FORMAT
        raise ValueError(
            f"its format is {str(manifest[MARK])[:20]}, this version of Clippings reads {FORMAT} and 1"
            + (". A later version made it: update this one" if later else "")
        )
    try:
        members = {name: (m["bytes"], m["sha256"]) for name, m in manifest["members"].items()}
        numbers = [manifest.get(name, 0) for name in ("articles", "passages", "vectors", "dims")]
    except (KeyError, TypeError, AttributeError) as exc:
        raise ValueError("its manifest is not complete") from exc
    if not all(type(number) is int and 0 <= number < 2**53 for number in numbers):
        raise ValueError("its manifest has counts that are no numbers")
    infos = archive.infolist()
    if sorted(info.filename for info in infos) != sorted([*members, MANIFEST]) or FILE not in members:
        raise ValueError("it does not contain the files that its manifest names")
    folders = (UPLOAD, *INDEXES) if manifest[MARK] == 1 else (UPLOAD,)
    end = 0
    for info in sorted(infos, key=lambda info: info.header_offset):
        name, parts = info.filename, tuple(info.filename.split("/"))
        inside = len(parts) > 1 and parts[0] in folders and Path(name).parts == parts and ".." not in parts
        plain = stat.S_IFMT(info.external_attr >> 16) in (0, stat.S_IFREG)  # and no link
        if not plain or not (inside or name in (*SINGLE, MANIFEST)):
            raise ValueError(f"{name!r} is no file of a backup")
        if name in members and info.file_size != members[name][0]:
            raise ValueError(f"{name} has another length than its manifest says")
        if is_bomb(info) or info.header_offset < end:
            raise ValueError(f"{name} unpacks to far more than a backup of its size contains")
        end = info.header_offset + len(name.encode()) + info.compress_size
    return members
