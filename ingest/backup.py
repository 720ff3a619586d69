"""A whole collection in one file, and a collection out of such a file.

A backup is an ordinary zip file: a snapshot of the catalog, the indexes, what was uploaded, verdicts, gold cases, and last
`manifest.json`, which names every other member with its length and its SHA-256. Both ways the new is made aside and moved
into place when it is whole, so that a run that is killed leaves what was there before.
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
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from ingest.collection import _writing
from rag.catalog import FILE
from rag.config import Config, load
from rag.errors import CollectionError
from rag.index.dense import FOLDER as DENSE
from rag.index.dense import DenseIndex
from rag.index.lexical import PASSAGES, WHOLE

__all__ = ["Kept", "backup", "restore"]

_FORMAT = 1
_MARK = "clippings backup"  # the manifest's key that tells a backup from any other zip file; its value is the format
_MANIFEST = "manifest.json"
_LONGEST = 64_000_000  # bytes of a manifest: some 500,000 uploaded files
_FOLDERS = (PASSAGES, WHOLE, "upload")
_SINGLE = (FILE, "feedback.jsonl", "gold.jsonl")
_PASSING = (".tantivy-", ".tmp")  # tantivy's locks, and what it was writing when it was killed
_CHUNK = 1 << 20
_SPARE = 64_000_000  # bytes left free: a sync that meets a full disk loses Chroma's graph


@dataclass(frozen=True, slots=True)
class Kept:
    """A backup that was made or restored: what it holds, and how long the file is."""

    file: Path
    articles: int
    passages: int
    bytes: int


@dataclass(frozen=True, slots=True)
class _Facts:
    """What a catalog says of itself, whichever version of Clippings wrote it."""

    layout: str | None
    encoder: str | None
    articles: int
    passages: int


@dataclass(frozen=True, slots=True)
class _Manifest:
    """`home` is where the collection lay; `members` has the length and SHA-256 of each."""

    home: str
    facts: _Facts
    members: Mapping[str, tuple[int, str]]

    @property
    def total(self) -> int:
        return sum(size for size, _ in self.members.values())


def backup(file: str | os.PathLike[str], config: Config | None = None) -> Kept:
    """Write the whole collection to `file`, in place of an earlier backup of that name; questions are answered meanwhile.

    Raises `CollectionError` when there is no collection, while another process is writing to it, and when the file cannot
    be written, or is there and is no backup.
    """
    config = load() if config is None else config
    home, target = config.home.resolve(), Path(file).expanduser().resolve()
    if not (home / FILE).is_file():
        raise CollectionError(f"there is no collection in {config.home}, so there is nothing to back up")
    if target.is_relative_to(home):
        raise CollectionError(f"{target} lies in the collection itself and would be lost with it. Name a file elsewhere")
    with _explained(target, "Name another file"):
        _may_replace(target)
        with _writing(home), _unfinished(target) as aside:
            sizes = [path.stat().st_size for _, path in _files(home, *_SINGLE, *_FOLDERS, DENSE)]
            _require_room(aside, sum(sizes) + (home / FILE).stat().st_size)  # the snapshot lies beside the archive
            manifest = _pack(home, aside / "snapshot", aside / "archive")
            os.replace(aside / "archive", target)
        return Kept(target, manifest.facts.articles, manifest.facts.passages, target.stat().st_size)


def restore(file: str | os.PathLike[str], config: Config | None = None) -> Kept:
    """Make the collection in `config.home` out of a backup: as it was, whatever the configuration asks for.

    Raises `CollectionError`, leaving nothing behind, when something is there already, and when the file cannot be read, is
    damaged, or holds anything but what a backup does.
    """
    config = load() if config is None else config
    home, source = config.home.resolve(), Path(file).expanduser().resolve()
    with _explained(home, "Name another folder with --home"):
        if (home / FILE).exists():
            raise CollectionError(
                f"there is a collection in {home} already. Name another folder with --home, or remove that one"
            )
        if home.exists() and not (home.is_dir() and not any(home.iterdir())):
            raise CollectionError(f"{home} is there already and is not an empty folder. Name another one with --home")
        if not source.is_file():
            raise CollectionError(f"{source} is {'a folder' if source.is_dir() else 'not there'}. Name the file of a backup")
        with _reading(source) as archive:
            manifest = _checked(archive)
            home.parent.mkdir(parents=True, exist_ok=True)
            with _unfinished(home) as aside:
                _require_room(aside, manifest.total)
                for name in manifest.members:
                    _unpack(archive, name, aside / name, manifest.members[name])
                if _facts(aside / FILE) != manifest.facts:
                    raise ValueError("its catalog is not the one that its manifest describes")
                _move(aside / FILE, manifest.home, home.as_posix())
                os.replace(aside, home)  # refused by the system if somebody else was quicker
        return Kept(source, manifest.facts.articles, manifest.facts.passages, source.stat().st_size)


def _may_replace(target: Path) -> None:
    if target.is_dir():
        raise CollectionError(f"{target} is a folder. Name a file, such as {target / 'news.zip'}")
    if not target.parent.is_dir():
        raise CollectionError(f"there is no folder {target.parent}. Make it, or name a file elsewhere")
    if target.exists():
        try:
            with _reading(target) as archive:
                _stated(archive)
        except CollectionError as exc:
            raise CollectionError(
                f"{target} is there already and is not a backup, so it is not replaced. Name another file, or remove that one"
            ) from exc


@contextmanager
def _unfinished(path: Path) -> Iterator[Path]:
    """An empty folder beside `path` for what is not whole yet, this process's alone, and gone at the end."""
    aside = path.with_name(f".{path.name}.unfinished")
    aside.mkdir(mode=0o700, exist_ok=True)
    with _writing(aside):  # else the half of one process could be moved into place by another
        try:
            new = aside / "new"
            if new.exists():  # a run that was killed has left it
                shutil.rmtree(new)
            new.mkdir()
            yield new
        finally:
            shutil.rmtree(aside, ignore_errors=True)


def _require_room(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed + _SPARE:
        raise CollectionError(
            f"this takes up to {(needed + _SPARE) / 1e6:,.0f} MB, and the disk that holds {folder.parent.parent} has "
            f"{free / 1e6:,.0f} MB free. Free some space and run again"
        )


@contextmanager
def _explained(path: Path, otherwise: str) -> Iterator[None]:
    """Turn the system's errors, and SQLite's, into what to do about them; `path` is what is being made."""
    try:
        yield
    except (OSError, sqlite3.Error) as exc:
        full = getattr(exc, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or "disk is full" in str(exc)
        if full:
            raise CollectionError(f"the disk that holds {path} is full. Free some space and run again") from exc
        if isinstance(exc, sqlite3.Error):
            raise CollectionError(f"the catalog cannot be read and may be damaged ({exc}). Use an earlier backup") from exc
        where = f" ({exc.filename})" if exc.filename else ""
        raise CollectionError(f"{path} cannot be made: {exc.strerror or exc}{where}. {otherwise}") from exc


# Making one


def _pack(home: Path, snapshot: Path, archived: Path) -> _Manifest:
    # Not the catalog's file: what was written last lies in a log beside it. Nor its free pages, which hold what was removed.
    with closing(sqlite3.connect(home / FILE, timeout=10)) as db:
        db.execute("VACUUM INTO ?", (str(snapshot),))
    members: dict[str, tuple[int, str]] = {}
    with archived.open("xb") as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            members[FILE] = _add(archive, FILE, snapshot)
            for name, path in _files(home, *_SINGLE[1:], *_FOLDERS):
                members[name] = _add(archive, name, path)
            members.update(_add_dense(archive, home, archived))
            manifest = _Manifest(home.as_posix(), _facts(snapshot), members)
            listed = {name: {"bytes": size, "sha256": digest} for name, (size, digest) in members.items()}
            said = {_MARK: _FORMAT, "home": manifest.home, **asdict(manifest.facts), "members": listed}
            archive.writestr(_MANIFEST, json.dumps(said, indent=1))
        file.flush()
        os.fsync(file.fileno())
    return manifest


def _files(home: Path, *tops: str) -> Iterator[tuple[str, Path]]:
    """What a backup takes of these files and folders, with the names it has there, in order."""
    for top in tops:
        found = [Path(folder) / name for folder, _, names in os.walk(home / top) for name in names]
        for path in sorted(found or [home / top]):
            if path.is_file() and not path.name.startswith(_PASSING):
                yield path.relative_to(home).as_posix(), path


def _add(archive: zipfile.ZipFile, name: str, path: Path, packing: int = zipfile.ZIP_DEFLATED) -> tuple[int, str]:
    info = zipfile.ZipInfo.from_file(path, name, strict_timestamps=False)
    info.compress_type = packing
    with path.open("rb") as source, archive.open(info, "w", force_zip64=True) as member:
        return _copy(source, member)


def _add_dense(archive: zipfile.ZipFile, home: Path, archived: Path) -> dict[str, tuple[int, str]]:
    """Copy Chroma's store while nobody is at work in it. It is not compressed: questions wait, and vectors hardly shrink."""
    if not (home / DENSE).is_dir():
        return {}
    dense = DenseIndex(home)  # opening it undoes what a run that was killed has left half done
    try:
        # Explained here too, as the index takes every error for its own.
        with dense._alone(), _explained(archived, "Name another file"):
            return {name: _add(archive, name, path, zipfile.ZIP_STORED) for name, path in _files(home, DENSE)}
    finally:
        dense.close()


def _copy(source: IO[bytes], to: IO[bytes]) -> tuple[int, str]:
    size, digest = 0, hashlib.sha256()
    while chunk := source.read(_CHUNK):
        to.write(chunk)
        digest.update(chunk)
        size += len(chunk)
    return size, digest.hexdigest()


def _facts(catalog: Path) -> _Facts:
    with closing(sqlite3.connect(catalog)) as db:
        meta = dict(db.execute("SELECT name, value FROM meta"))
        ((articles,),) = db.execute("SELECT count(*) FROM articles")
        ((passages,),) = db.execute("SELECT count(*) FROM passages")
    return _Facts(meta.get("schema"), meta.get("encoder"), articles, passages)


# Reading one


@contextmanager
def _reading(file: Path) -> Iterator[zipfile.ZipFile]:
    """The archive opened; `ValueError` says in what it is not a backup. zipfile has more ways to say that than one."""
    try:
        with zipfile.ZipFile(file) as archive:
            yield archive
    except (zipfile.BadZipFile, zlib.error, EOFError, LookupError, RuntimeError, ValueError) as exc:
        raise CollectionError(
            f"{file} is damaged, or is not a backup: {exc.args[0] if exc.args else exc!r}. Use another one"
        ) from exc


def _stated(archive: zipfile.ZipFile) -> dict[str, Any]:
    """The manifest as it stands there."""
    info = archive.getinfo(_MANIFEST)
    if info.file_size > _LONGEST:
        raise ValueError("its manifest is too long")
    said = json.loads(archive.read(info))
    if not isinstance(said, dict) or _MARK not in said:
        raise ValueError(f"its {_MANIFEST} is something else's")
    return said


def _checked(archive: zipfile.ZipFile) -> _Manifest:
    """The manifest, once the archive's own list of members agrees with it and holds nothing that a backup does not."""
    said = _stated(archive)
    if said[_MARK] != _FORMAT:
        raise ValueError(f"its format is {said[_MARK]}, this version of Clippings reads {_FORMAT}")
    try:
        facts = _Facts(**{name: said[name] for name in _Facts.__slots__})
        members = {name: (int(m["bytes"]), str(m["sha256"])) for name, m in said["members"].items()}
        manifest = _Manifest(str(said["home"]), facts, members)
    except (KeyError, TypeError, AttributeError) as exc:
        raise ValueError("its manifest is not complete") from exc
    infos = archive.infolist()
    if sorted(info.filename for info in infos) != sorted([*members, _MANIFEST]) or FILE not in members:
        raise ValueError("it does not hold the files that its manifest names")
    for info in infos:
        name, parts = info.filename, tuple(info.filename.split("/"))
        plain = stat.S_IFMT(info.external_attr >> 16) in (0, stat.S_IFREG)
        inside = len(parts) > 1 and parts[0] in (*_FOLDERS, DENSE) and Path(name).parts == parts and ".." not in parts
        if not plain or not (inside or name in (*_SINGLE, _MANIFEST)):
            raise ValueError(f"{name!r} is nothing that a backup holds")
        if name in members and info.file_size != members[name][0]:
            raise ValueError(f"{name} has not the length that its manifest says")
    return manifest


def _unpack(archive: zipfile.ZipFile, name: str, to: Path, stated: tuple[int, str]) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(name) as member, to.open("xb") as file:  # zipfile reads no more than the length it was checked for
        if _copy(member, file) != stated:
            raise ValueError(f"{name} is not what was backed up")
        file.flush()
        os.fsync(file.fileno())


def _move(catalog: Path, old: str, new: str) -> None:
    """What was uploaded lies in the home: it is to be known, and removed, where it lies now."""
    with closing(sqlite3.connect(catalog)) as db, db:
        tables = db.execute("SELECT name FROM sqlite_master WHERE name IN ('articles', 'looked')").fetchall()
        for (table,) in tables:  # layout 1 has only the first
            db.execute(
                f"UPDATE OR REPLACE {table} SET origin = ? || substr(origin, ?) WHERE substr(origin, 1, ?) = ?",
                (new, len(old) + 1, len(old) + 1, f"{old}/"),
            )
