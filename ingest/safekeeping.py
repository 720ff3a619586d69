"""Backing up a collection: the whole of it in one file (`archive`).

A backup holds a snapshot of the catalog, what was uploaded, verdicts, gold cases, and what the encoder made
of each passage. The indexes are not in it: they are made again from the catalog, whatever state they were
in. But encoding takes hours where copying takes minutes. So the vectors are kept, each under the hash of the
words that were encoded: a vector belongs to its words, wherever these stand. It is made aside and moved into
place when it is whole, so that a run that is killed leaves what was there."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import zipfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ingest.archive import (
    DIGEST_BYTES,
    FEEDBACK,
    FORMAT,
    GOLD,
    MANIFEST,
    MARK,
    PEOPLE,
    TEXTS,
    UPLOAD,
    VECTORS,
    Kept,
    copy,
    count_lines,
    digest_of,
    explained,
    facts_of,
    is_bomb,
    path_of,
    reading,
    require_room,
)
from ingest.collection import writing
from ingest.judging import faults_of, opened, require_schema, sentence
from ingest.writer import as_encoded
from rag.config import Config
from rag.errors import CollectionError
from rag.store.cache import ExactIndex
from rag.store.catalog import FILE
from rag.store.schema import READABLE, counting_passages, current_build, detach_rebuilds

__all__ = ["backup"]

_SECRET = ("sessions", "tokens")  # the tables of it that open a door
_WAITING = ("upload/incoming", "upload/.adding")  # what was uploaded and is not taken in, or is just being so
_BATCH_SIZE = 500  # SQLite takes a limited number of values in one statement


def backup(
    file: str | os.PathLike[str], config: Config, *, vectors: bool = True, conversations: bool = False
) -> Kept:
    """Write the collection to `file`, in place of an earlier backup of that name; others may ask and sync
    meanwhile.

    Nothing is written to the collection. Without `vectors` the file is a fraction as long, and a restoration
    encodes every passage again; with `conversations` people's conversations and accounts are in it, but
    nobody's session and no token. Raises `CollectionError` when there is no collection, when its catalog is
    damaged, and when the file cannot be written, or is there and is no backup.
    """
    home, target = config.home.resolve(), path_of(file)
    if not (home / FILE).is_file():
        raise CollectionError(f"there is no collection in {config.home}, so there is nothing to back up")
    if target.is_relative_to(home):
        raise CollectionError(
            f"{target} lies in the collection itself and would be lost with it. Name a file elsewhere"
        )
    with explained(target, "Name another file"):
        if target.is_dir():
            raise CollectionError(
                f"{target} is a folder. Name a file in it, such as {target / 'clippings.zip'}"
            )
        if target.exists():
            with reading(target, "Name another file, or remove it"):
                pass  # it is a backup, and may be replaced
        with _unfinished(target) as aside:
            files = dict(_files(home, FEEDBACK, GOLD, UPLOAD))
            require_room(
                target, sum(path.stat().st_size for path in files.values()) + 2 * (home / FILE).stat().st_size
            )
            facts, notes = _gathered(home, aside, files, vectors=vectors, conversations=conversations)
            if not _pack(aside, files, facts, zipfile.ZIP_DEFLATED):
                _pack(aside, files, facts, zipfile.ZIP_STORED)
            os.replace(aside / "archive", target)
        counts = {name: facts[name] for name in ("articles", "passages", "earlier", "corrections", "vectors")}
        lines = {"verdicts": count_lines(home / FEEDBACK), "cases": count_lines(home / GOLD)}
        return Kept(target, bytes=target.stat().st_size, notes=tuple(notes), **counts, **lines)


@contextmanager
def _unfinished(path: Path) -> Iterator[Path]:
    """An empty folder beside `path` for what is not whole yet, this process's alone, and gone at the end."""
    folder = path.with_name(f".{path.name}.unfinished")
    folder.mkdir(mode=0o700, exist_ok=True)
    with writing(folder):  # else the half of one process could be moved into place by another
        try:
            aside = folder / "new"
            shutil.rmtree(aside, ignore_errors=True)  # what a run that was killed has left
            aside.mkdir(mode=0o700)
            yield aside
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _gathered(
    home: Path, aside: Path, files: dict[str, Path], *, vectors: bool, conversations: bool
) -> tuple[dict[str, Any], list[str]]:
    """Make aside what is to be kept, and add it to the files to pack; what the catalog says of itself, and
    what to tell.
    """
    notes = []
    snapshot = aside / FILE
    _snapshot(home / FILE, snapshot)
    try:
        with opened(snapshot, immutable=True) as db:
            require_schema(db)
            if faults := sentence(faults_of(db)):
                raise ValueError(faults)
            facts: dict[str, Any] = {"home": home.as_posix(), **facts_of(db), "vectors": 0, "dims": 0}
            if vectors:
                facts |= _write_vectors(home, db, aside)
                if facts["vectors"] < facts["passages"] and _were_replaced(home, current_build(db)):
                    for made in aside.iterdir():
                        made.unlink()
                    return _gathered(home, aside, files, vectors=vectors, conversations=conversations)
                if lacking := facts["passages"] - facts["vectors"]:
                    notes.append(
                        f"{lacking:,} of {facts['passages']:,} vectors are left out because they are "
                        "missing or damaged; restoring encodes them again"
                    )
            else:
                notes.append("the vectors are left out; restoring encodes every passage again")
    except ValueError as exc:
        raise CollectionError(
            f"the collection in {home} is damaged, and no backup was made: {exc}. "
            f"What to do about it: clippings doctor --deep --home {home}"
        ) from exc
    detach_rebuilds(snapshot)  # what a rebuild has made so far is left out, as the indexes are
    kept = {FILE: snapshot}
    if facts["vectors"]:
        kept |= {name: aside / name for name in (TEXTS, VECTORS)}
    if (home / PEOPLE).is_file():
        if conversations:
            _snapshot(home / PEOPLE, aside / PEOPLE)
            _without_secrets(aside / PEOPLE)
            kept[PEOPLE] = aside / PEOPLE
            notes.append(
                "people's sessions and tokens are left out: they sign in again, and programs need new tokens"
            )
        else:
            notes.append("conversations and accounts are left out; --conversations keeps them")
    notes.append("the indexes are left out; restoring makes them again")
    files |= kept
    return facts, notes


def _snapshot(source: Path, to: Path) -> None:
    """A copy of a database as it is at one moment, whoever writes to it; without free pages, which hold what
    was removed.
    """
    try:
        with closing(sqlite3.connect(f"file:{quote(str(source))}?mode=ro", uri=True, timeout=10)) as db:
            db.execute("VACUUM INTO ?", (str(to),))
        return
    except sqlite3.OperationalError:
        # To read a catalog SQLite makes a file beside it, which it cannot where the folder is read-only or
        # the disk full.
        to.unlink(missing_ok=True)
    copy = to.with_name("copied")
    for suffix in ("", "-wal"):
        with suppress(FileNotFoundError):
            shutil.copyfile(f"{source}{suffix}", f"{copy}{suffix}")
    with closing(sqlite3.connect(copy)) as db:
        db.execute("VACUUM INTO ?", (str(to),))
    for suffix in ("", "-wal", "-shm"):
        Path(f"{copy}{suffix}").unlink(missing_ok=True)


def _without_secrets(people: Path) -> None:
    with closing(sqlite3.connect(people)) as db:
        tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        for table in tables.intersection(_SECRET):
            db.execute(f"DELETE FROM {table}")
        db.commit()
        db.execute("VACUUM")  # what was deleted is in its free pages


def _write_vectors(home: Path, db: sqlite3.Connection, aside: Path) -> dict[str, int]:
    """Write what the encoder made of the catalog's passages, as far as the index has it; how many, and of
    what length.
    """
    meta = dict(db.execute("SELECT name, value FROM meta"))
    if meta.get("index layout") not in READABLE:
        return {}
    made, dims = 0, 0
    titled, counts = meta.get("passages.title") == "true", counting_passages(db)
    try:
        with (aside / TEXTS).open("xb") as texts, (aside / VECTORS).open("xb") as vectors:
            for keys, found in ExactIndex(home, build=current_build(db)).sound():
                at = {key: n for n, key in enumerate(keys)}
                for start in range(0, len(keys), _BATCH_SIZE):
                    some = keys[start : start + _BATCH_SIZE]
                    rows = db.execute(
                        "SELECT p.key, p.start, p.end, a.id FROM passages AS p JOIN articles AS a ON a.id = "
                        "p.article_id "
                        f"WHERE p.key IN ({', '.join('?' * len(some))}) AND {counts} ORDER BY a.id",
                        some,
                    ).fetchall()
                    read: tuple[str, str | None, str] = ("", None, "")
                    for key, first, end, article_id in rows:
                        if read[0] != article_id:
                            read = (
                                article_id,
                                *db.execute(
                                    "SELECT title, text FROM articles WHERE id = ?", (article_id,)
                                ).fetchone(),
                            )
                        texts.write(digest_of(as_encoded(read[1], read[2][first:end], titled=titled)))
                        vectors.write(found[at[key]].astype("<f4").tobytes())
                    made += len(rows)
                dims = found.shape[1]
    except (
        CollectionError
    ):  # of an index that is missing or damaged; the passages without a vector are counted
        if (aside / VECTORS).is_file() and made:
            os.truncate(aside / TEXTS, made * DIGEST_BYTES)
            os.truncate(aside / VECTORS, made * 4 * dims)
    return {"vectors": made, "dims": dims}


def _were_replaced(home: Path, build: str) -> bool:
    """Whether a rebuild has put others in the place of these indexes, and removed them."""
    with suppress(sqlite3.Error), opened(home / FILE) as db:
        return current_build(db) != build
    return False


def _pack(aside: Path, files: dict[str, Path], facts: dict[str, Any], packing: int) -> bool:
    """Write the archive; whether `restore` would not take it for a bomb."""
    members = dict[str, tuple[int, str]]()
    descriptor = os.open(
        aside / "archive", os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0), 0o600
    )
    with os.fdopen(descriptor, "wb") as file:  # for its owner only: it holds every article
        with zipfile.ZipFile(file, "w", packing) as archive:
            for name, path in files.items():
                # Vectors hardly shrink.
                members[name] = _add(archive, name, path, zipfile.ZIP_STORED if name == VECTORS else packing)
            listed = {name: {"bytes": size, "sha256": digest} for name, (size, digest) in members.items()}
            archive.writestr(MANIFEST, json.dumps({MARK: FORMAT, **facts, "members": listed}, indent=1))
            sound = not any(is_bomb(info) for info in archive.infolist())
        file.flush()
        os.fsync(file)
    return sound


def _files(home: Path, *names: str) -> Iterator[tuple[str, Path]]:
    """What a backup takes of these files and folders, under the names it has there, in order."""
    for name in names:
        path = home / name
        if name in _WAITING:
            continue
        if path.is_dir():
            yield from _files(home, *sorted(f"{name}/{inner}" for inner in os.listdir(path)))
        elif path.is_file():
            yield name, path


def _add(
    archive: zipfile.ZipFile, name: str, path: Path, packing: int = zipfile.ZIP_DEFLATED
) -> tuple[int, str]:
    info = zipfile.ZipInfo.from_file(path, name, strict_timestamps=False)
    info.compress_type = packing
    with path.open("rb") as source, archive.open(info, "w", force_zip64=True) as member:
        return copy(source, member)
