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
import secrets
import shutil
import sqlite3
import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from ingest.collection import writing
from rag.catalog import BUILDS, FILE, IDENTITY, at_home
from rag.config import Config
from rag.errors import CollectionError
from rag.index.dense import FOLDER as DENSE
from rag.index.dense import DenseIndex
from rag.index.exact import FOLDER as EXACT
from rag.index.lexical import PASSAGES, WHOLE

__all__ = ["Kept", "backup", "restore"]

_FORMAT = 1
_MARK = "clippings backup"  # the manifest's key that tells a backup from any other zip file; its value is the format
_MANIFEST = "manifest.json"
_LONGEST = 64_000_000  # bytes of a manifest: some 400,000 uploaded files
_SINGLE = (FILE, "feedback.jsonl", "gold.jsonl")
_UPLOADS = "upload"
_FOLDERS = (PASSAGES, WHOLE, EXACT, _UPLOADS, DENSE)
_PASSING = (".tantivy-", ".tmp")  # tantivy's locks, and what it was writing when it was killed
_SPARE = 64_000_000  # bytes left free: Chroma's graph does not survive a disk that fills up


@dataclass(frozen=True, slots=True)
class Kept:
    """A backup that was made or restored: the articles and passages in it, and how many bytes the file has."""

    file: Path
    articles: int
    passages: int
    bytes: int


def backup(file: str | os.PathLike[str], config: Config) -> Kept:
    """Write the whole collection to `file`, in place of an earlier backup of that name; questions are answered meanwhile.

    Raises `CollectionError` when there is no collection, while another process is writing to it, and when the file cannot
    be written, or is there and is no backup.
    """
    home, target = config.home.resolve(), Path(file).expanduser().resolve()
    if not (home / FILE).is_file():
        raise CollectionError(f"there is no collection in {config.home}, so there is nothing to back up")
    if target.is_relative_to(home):
        raise CollectionError(f"{target} lies in the collection itself and would be lost with it. Name a file elsewhere")
    with _explained(target, "Name another file"):
        if target.exists():
            with _reading(target, "Name another file, or remove it"):
                pass  # it is a backup, and may be replaced
        with writing(home), _unfinished(target) as aside:
            sizes = [path.stat().st_size for _, path in _files(home, *_SINGLE, *_FOLDERS, BUILDS)]
            _require_room(target, sum(sizes) + (home / FILE).stat().st_size)  # the snapshot lies beside the archive
            facts = _pack(home, target, aside)
            os.replace(aside / "archive", target)
        return Kept(target, facts["articles"], facts["passages"], target.stat().st_size)


def restore(file: str | os.PathLike[str], config: Config) -> Kept:
    """Make the collection in `config.home` out of a backup: as it was, whatever the configuration asks for.

    Raises `CollectionError`, leaving nothing behind, when something is there already, and when the file cannot be read, is
    damaged, or holds anything but what a backup does.
    """
    home, source = config.home.resolve(), Path(file).expanduser().resolve()
    with _explained(home, "Name another folder with --home"):
        if home.exists() and any(home.iterdir()):
            there = "a collection" if (home / FILE).exists() else "something"
            raise CollectionError(f"there is {there} in {home} already. Name another folder with --home, or remove that one")
        if not source.is_file():
            raise CollectionError(f"{source} is {'a folder' if source.is_dir() else 'not there'}. Name the file of a backup")
        with _reading(source, "Use another one") as (archive, said):
            members = _checked(archive, said)
            home.parent.mkdir(parents=True, exist_ok=True)
            with _unfinished(home) as aside:
                _require_room(home, sum(size for size, _ in members.values()))
                for name, stated in members.items():
                    (aside / name).parent.mkdir(parents=True, exist_ok=True)
                    with archive.open(name) as member, (aside / name).open("xb") as unpacked:
                        if _copy(member, unpacked) != stated:  # zipfile reads no more than the length that was checked
                            raise ValueError(f"{name} is not what was backed up")
                        unpacked.flush()
                        os.fsync(unpacked)
                facts = _facts(aside / FILE)
                if facts != {name: said.get(name) for name in facts}:
                    raise ValueError("its catalog is not the one that its manifest describes")
                _move(aside / FILE, str(said.get("home")), home.as_posix())
                _renamed(aside / FILE)
                os.replace(aside, home)  # the system refuses if somebody else was quicker
        return Kept(source, facts["articles"], facts["passages"], source.stat().st_size)


@contextmanager
def _unfinished(path: Path) -> Iterator[Path]:
    """An empty folder beside `path` for what is not whole yet, this process's alone, and gone at the end."""
    folder = path.with_name(f".{path.name}.unfinished")
    folder.mkdir(mode=0o700, exist_ok=True)
    with writing(folder):  # else the half of one process could be moved into place by another
        try:
            aside = folder / "new"
            shutil.rmtree(aside, ignore_errors=True)  # what a run that was killed has left
            aside.mkdir()
            yield aside
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _require_room(path: Path, needed: int) -> None:
    free, needed = shutil.disk_usage(path.parent).free, needed + _SPARE
    if free < needed:
        say = f"{path} may take {needed / 1e6:,.0f} MB, and its disk has {free / 1e6:,.0f} MB free"
        raise CollectionError(f"{say}. Free some space and run again")


@contextmanager
def _explained(path: Path, otherwise: str) -> Iterator[None]:
    """Turn the system's errors, and SQLite's, into what to do about them; `path` is what is being made."""
    try:
        yield
    except (OSError, sqlite3.Error) as exc:
        if getattr(exc, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or "disk is full" in str(exc):
            raise CollectionError(f"the disk that holds {path} is full. Free some space and run again") from exc
        if isinstance(exc, sqlite3.Error):
            raise CollectionError(f"the catalog cannot be read ({exc}). Restore an earlier backup in its place") from exc
        where = f" ({exc.filename})" if exc.filename else ""
        raise CollectionError(f"{path} cannot be made: {exc.strerror or exc}{where}. {otherwise}") from exc


def _pack(home: Path, target: Path, aside: Path) -> dict[str, Any]:
    """Write the archive that is to be `target`; what the catalog says of itself."""
    # Not the catalog's file: what was written last lies in a log beside it. Nor its free pages, which hold what was removed.
    with closing(sqlite3.connect(home / FILE, timeout=10)) as db:
        db.execute("VACUUM INTO ?", (str(aside / FILE),))
    indexes = home / (build := at_home(aside / FILE))
    facts, members = _facts(aside / FILE), dict[str, tuple[int, str]]()
    with (aside / "archive").open("xb") as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            members[FILE] = _add(archive, FILE, aside / FILE)
            for name, path in (*_files(home, *_SINGLE[1:], _UPLOADS), *_files(indexes, PASSAGES, WHOLE, EXACT)):
                # Vectors hardly shrink.
                members[name] = _add(
                    archive, name, path, zipfile.ZIP_STORED if name.startswith(f"{EXACT}/") else zipfile.ZIP_DEFLATED
                )
            if (indexes / DENSE).is_dir():
                dense = DenseIndex(home, build=build)  # opening it undoes what a run that was killed has left half done
                # Nobody may be at work in Chroma's store meanwhile. Errors are explained here too, as the index takes each for
                # its own.
                with closing(dense):
                    if dense.opens():  # else it is left out: the next sync makes it anew, here as there
                        with dense.alone(), _explained(target, "Name another file"):
                            for name, path in _files(indexes, DENSE):
                                members[name] = _add(archive, name, path, zipfile.ZIP_STORED)
            listed = {name: {"bytes": size, "sha256": digest} for name, (size, digest) in members.items()}
            said = {_MARK: _FORMAT, "home": home.as_posix(), **facts, "members": listed}
            archive.writestr(_MANIFEST, json.dumps(said, indent=1))
        file.flush()
        os.fsync(file)
    return facts


def _files(home: Path, *names: str) -> Iterator[tuple[str, Path]]:
    """What a backup takes of these files and folders, under the names it has there, in order."""
    for name in names:
        path = home / name
        if path.is_dir():
            yield from _files(home, *sorted(f"{name}/{inner}" for inner in os.listdir(path)))
        elif path.is_file() and not path.name.startswith(_PASSING):
            yield name, path


def _add(archive: zipfile.ZipFile, name: str, path: Path, packing: int = zipfile.ZIP_DEFLATED) -> tuple[int, str]:
    info = zipfile.ZipInfo.from_file(path, name, strict_timestamps=False)
    info.compress_type = packing
    with path.open("rb") as source, archive.open(info, "w", force_zip64=True) as member:
        return _copy(source, member)


def _copy(source: IO[bytes], to: IO[bytes]) -> tuple[int, str]:
    size, digest = 0, hashlib.sha256()
    while chunk := source.read(1 << 20):
        size += to.write(chunk)
        digest.update(chunk)
    return size, digest.hexdigest()


def _facts(catalog: Path) -> dict[str, Any]:
    """What a catalog says of itself, whichever version of Clippings wrote it."""
    with closing(sqlite3.connect(catalog)) as db:
        meta = dict(db.execute("SELECT name, value FROM meta"))
        counts = {table: db.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in ("articles", "passages")}
    return {"layout": meta.get("schema"), "encoder": meta.get("encoder"), **counts}


@contextmanager
def _reading(file: Path, otherwise: str) -> Iterator[tuple[zipfile.ZipFile, dict[str, Any]]]:
    """The archive and its manifest. In here `ValueError` says why it is no backup; zipfile has some more ways to."""
    try:
        with zipfile.ZipFile(file) as archive:
            info = archive.getinfo(_MANIFEST)
            if info.file_size > _LONGEST:
                raise ValueError("its manifest is too long")
            said = json.loads(archive.read(info))
            if not isinstance(said, dict) or _MARK not in said:
                raise ValueError(f"its {_MANIFEST} is something else's")
            yield archive, said
    except (zipfile.BadZipFile, zlib.error, EOFError, LookupError, OverflowError, RuntimeError, ValueError) as exc:
        why = exc.args[0] if exc.args else "it ends too early"
        raise CollectionError(f"{file} is damaged, or is no backup of Clippings: {why}. {otherwise}") from exc


def _checked(archive: zipfile.ZipFile, said: dict[str, Any]) -> dict[str, tuple[int, str]]:
    """The members' lengths and SHA-256, if the archive holds what the manifest says, and nothing that a backup does not."""
    if said[_MARK] != _FORMAT:
        raise ValueError(f"its format is {said[_MARK]}, this version of Clippings reads {_FORMAT}")
    try:
        members = {name: (m["bytes"], m["sha256"]) for name, m in said["members"].items()}
    except (KeyError, TypeError, AttributeError) as exc:
        raise ValueError("its manifest is not complete") from exc
    infos = archive.infolist()
    if sorted(info.filename for info in infos) != sorted([*members, _MANIFEST]) or FILE not in members:
        raise ValueError("it does not hold the files that its manifest names")
    for info in infos:
        name, parts = info.filename, tuple(info.filename.split("/"))
        inside = len(parts) > 1 and parts[0] in _FOLDERS and Path(name).parts == parts and ".." not in parts
        plain = stat.S_IFMT(info.external_attr >> 16) in (0, stat.S_IFREG)  # and no link
        if not plain or not (inside or name in (*_SINGLE, _MANIFEST)):
            raise ValueError(f"{name!r} is nothing that a backup holds")
        if name in members and info.file_size != members[name][0]:
            raise ValueError(f"{name} has not the length that its manifest says")
    return members


def _renamed(catalog: Path) -> None:
    """Give the copy an identity of its own: on a server, both would else be written to one place."""
    with closing(sqlite3.connect(catalog)) as db, db:
        db.execute("UPDATE meta SET value = ? WHERE name = ?", (secrets.token_hex(6), IDENTITY))


def _move(catalog: Path, old: str, new: str) -> None:
    """What was uploaded lies in the home: the catalog shall know it, and have it removed, where it lies now."""
    with closing(sqlite3.connect(catalog)) as db, db:  # layout 1 has only the first of the two tables
        for (table,) in db.execute("SELECT name FROM sqlite_master WHERE name IN ('articles', 'looked')").fetchall():
            moved = f"UPDATE OR REPLACE {table} SET origin = ? || substr(origin, ?) WHERE substr(origin, 1, ?) = ?"
            db.execute(moved, (new, len(old) + 1, len(old) + 1, f"{old}/"))
