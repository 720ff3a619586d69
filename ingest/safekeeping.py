"""A whole collection in one file, and a collection out of such a file.

A backup is an ordinary zip file: a snapshot of the catalog, what was uploaded, verdicts, gold cases, what the
encoder made of each passage, and last `manifest.json`, which names every other member with its length and its
SHA-256. The indexes are not in it: they are made again from the catalog, whatever state they were in. But
encoding takes hours where copying takes minutes. So the vectors are kept, each under the hash of the words
that were encoded: a vector belongs to its words, wherever these stand.

A file that is restored may come from anywhere. Of its catalog only rows are taken, each judged, into one of
our own making. Both ways the new is made aside and moved into place when it is whole, so that a run that is
killed leaves what was there.
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
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

import numpy as np

from ingest.apply import Progress, as_encoded
from ingest.collection import LOCK, sync, writing
from ingest.soundness import judged, opened, require_plain, require_schema, told
from rag.config import Config, PassageSettings
from rag.errors import CollectionError, ConfigError
from rag.models.encoder import SentenceEncoder
from rag.store.cache import ExactIndex
from rag.store.catalog import FILE, LAYOUT, UNGROUPED, Catalog, at_home, in_force
from rag.store.label import label
from rag.types import Encoder
from rag.validation import RESTORING

__all__ = ["Kept", "backup", "restore"]

_FORMAT = 2
# the manifest's key that tells a backup from any other zip file; its value is the format
_MARK = "clippings backup"
_MANIFEST = "manifest.json"
_LONGEST = 64_000_000  # bytes of a manifest: some 400,000 uploaded files
_FEEDBACK, _GOLD, _UPLOAD = "feedback.jsonl", "gold.jsonl", "upload"
_PEOPLE = "people.sqlite"  # conversations, and who may ask
_SECRET = ("sessions", "tokens")  # the tables of it that open a door
_TEXTS, _VECTORS = "vectors.texts", "vectors.float32"  # hashes of 16 bytes, and as many vectors
_DIGEST = 16
_SINGLE = (FILE, _FEEDBACK, _GOLD, _PEOPLE, _TEXTS, _VECTORS)
_INDEXES = ("lexical", "whole", "vectors", "dense")  # which format 1 held; they are made again
_WAITING = ("upload/incoming", "upload/.adding")  # what was uploaded and is not taken in, or is just being so
_SPARE = 64_000_000  # bytes left free: Chroma's graph does not survive a disk that fills up
_RATIO, _LARGE = (
    200,
    16_000_000,
)  # a member of more bytes than this that was packed tighter is a bomb; we pack none so
_AT_ONCE = 500  # SQLite takes a limited number of values in one statement
_MOST_WORDS = 100_000  # of a passage
_MADE_AGAIN = (
    "signature",
    "copy_of",
)  # columns that tell near-copies, which the next sync finds in the articles themselves
_UNIT = 1e-3  # how far the length of a vector may be from 1


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
    home, target = config.home.resolve(), _named(file)
    if not (home / FILE).is_file():
        raise CollectionError(f"there is no collection in {config.home}, so there is nothing to back up")
    if target.is_relative_to(home):
        raise CollectionError(
            f"{target} lies in the collection itself and would be lost with it. Name a file elsewhere"
        )
    with _explained(target, "Name another file"):
        if target.is_dir():
            raise CollectionError(
                f"{target} is a folder. Name a file in it, such as {target / 'clippings.zip'}"
            )
        if target.exists():
            with _reading(target, "Name another file, or remove it"):
                pass  # it is a backup, and may be replaced
        with _unfinished(target) as aside:
            files = dict(_files(home, _FEEDBACK, _GOLD, _UPLOAD))
            _require_room(
                target, sum(path.stat().st_size for path in files.values()) + 2 * (home / FILE).stat().st_size
            )
            facts, notes = _gather(home, aside, files, vectors=vectors, conversations=conversations)
            if not _pack(aside, files, facts, zipfile.ZIP_DEFLATED):
                _pack(aside, files, facts, zipfile.ZIP_STORED)
            os.replace(aside / "archive", target)
        counts = {name: facts[name] for name in ("articles", "passages", "earlier", "corrections", "vectors")}
        lines = {"verdicts": _lines(home / _FEEDBACK), "cases": _lines(home / _GOLD)}
        return Kept(target, bytes=target.stat().st_size, notes=tuple(notes), **counts, **lines)


def restore(
    file: str | os.PathLike[str],
    config: Config,
    *,
    encoder: Encoder | None = None,
    progress: Callable[[Progress], None] = lambda _: None,
) -> Kept:
    """Make the collection in `config.home` out of a backup, with the settings it was made with. Where it was
    made with another encoder than `config` asks for and not every passage has its vector in the file, it is
    made with those of `config`.

    It is made in `HOME.restoring` and moved into place when it can be asked. Killed while articles are
    indexed, the same command goes on where it was. Raises `CollectionError`, leaving nothing behind, when
    something is there already, and when the file cannot be read, is damaged, or holds anything but what a
    backup does.
    """
    home, source = config.home.resolve(), _named(file)
    with _explained(home, "Name another folder with --home"):
        beside = home.with_name(f"{home.name}{RESTORING}")
        if (home / FILE).exists() and beside.is_dir() and not (beside / "new").exists():
            shutil.rmtree(beside)  # of a restoration that was killed when all was done
        if home.exists() and any(path.name != LOCK for path in home.iterdir()):
            there = "a collection" if (home / FILE).exists() else "something"
            raise CollectionError(
                f"there is {there} in {home} already. Name another folder with --home, or remove that one"
            )
        if not source.is_file():
            raise CollectionError(
                f"{source} is {'a folder' if source.is_dir() else 'not there'}. Name the file of a backup"
            )
        with _reading(source, "Use another one") as (archive, said):
            members = _checked(archive, said)
            home.parent.mkdir(parents=True, exist_ok=True)
            beside.mkdir(mode=0o700, exist_ok=True)
            with writing(beside):
                kept = _received(archive, said, members, beside, home, config)
                made = _made(kept, config, beside / "new")
                remembering = _Remembering(made.encoder, encoder, beside, kept["dims"])
                sync([], made, encoder=remembering, progress=progress)
                counts = _counted(made)
                if home.exists():
                    (home / LOCK).unlink(missing_ok=True)
                    home.rmdir()  # the system refuses if somebody else was quicker
                os.replace(beside / "new", home)
                shutil.rmtree(beside)
        notes = [*kept["notes"], *_otherwise(config)]
        size = source.stat().st_size
        return Kept(
            source,
            bytes=size,
            vectors=remembering.known,
            encoded=remembering.encoded,
            notes=tuple(notes),
            **counts,
        )


def _named(file: str | os.PathLike[str]) -> Path:
    if not os.fspath(file).strip():
        raise CollectionError("the backup has no name. Name a file, such as clippings.zip")
    return Path(file).expanduser().resolve()


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
            raise CollectionError(
                f"the disk that holds {path} is full. Free some space and run again"
            ) from exc
        if isinstance(exc, sqlite3.Error):
            raise CollectionError(
                f"the catalog cannot be read ({exc}). Restore an earlier backup in its place"
            ) from exc
        where = f" ({exc.filename})" if exc.filename else ""
        raise CollectionError(f"{path} cannot be made: {exc.strerror or exc}{where}. {otherwise}") from exc


# Keeping


def _gather(
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
            if faults := told(judged(db)):
                raise ValueError(faults)
            facts: dict[str, Any] = {"home": home.as_posix(), **_facts(db), "vectors": 0, "dims": 0}
            if vectors:
                facts |= _encoded(home, db, aside)
                if facts["vectors"] < facts["passages"] and _are_replaced(home, in_force(db)):
                    for made in aside.iterdir():
                        made.unlink()
                    return _gather(home, aside, files, vectors=vectors, conversations=conversations)
                if lacking := facts["passages"] - facts["vectors"]:
                    notes.append(
                        f"{lacking:,} of {facts['passages']:,} vectors are left out, which are not there "
                        "or not sound; a restoration encodes them again"
                    )
            else:
                notes.append("the vectors are left out; a restoration encodes every passage again")
    except ValueError as exc:
        raise CollectionError(
            f"the collection in {home} is damaged, and no backup was made: {exc}. "
            f"What to do about it: clippings doctor --deep --home {home}"
        ) from exc
    at_home(snapshot)  # what a rebuild has made so far is left out, as the indexes are
    kept = {FILE: snapshot}
    if facts["vectors"]:
        kept |= {name: aside / name for name in (_TEXTS, _VECTORS)}
    if (home / _PEOPLE).is_file():
        if conversations:
            _snapshot(home / _PEOPLE, aside / _PEOPLE)
            _without_secrets(aside / _PEOPLE)
            kept[_PEOPLE] = aside / _PEOPLE
            notes.append(
                "people's sessions and tokens are left out: they sign in again, and programs need new tokens"
            )
        else:
            notes.append("conversations and accounts are left out; --conversations keeps them")
    notes.append("the indexes are left out; a restoration makes them again")
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


def _encoded(home: Path, db: sqlite3.Connection, aside: Path) -> dict[str, int]:
    """Write what the encoder made of the catalog's passages, as far as the index has it; how many, and of
    what length.
    """
    meta = dict(db.execute("SELECT name, value FROM meta"))
    if meta.get("index layout") != LAYOUT:
        return {}
    made, dims = 0, 0
    titled = meta.get("passages.title") == "true"
    try:
        with (aside / _TEXTS).open("xb") as texts, (aside / _VECTORS).open("xb") as vectors:
            for keys, found in ExactIndex(home, build=in_force(db)).sound():
                at = {key: n for n, key in enumerate(keys)}
                for start in range(0, len(keys), _AT_ONCE):
                    some = keys[start : start + _AT_ONCE]
                    rows = db.execute(
                        "SELECT p.key, p.start, p.end, a.id FROM passages AS p JOIN articles AS a ON a.id = "
                        "p.article_id "
                        f"WHERE p.key IN ({', '.join('?' * len(some))}) ORDER BY a.id",
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
                        texts.write(_digest(as_encoded(read[1], read[2][first:end], titled=titled)))
                        vectors.write(found[at[key]].astype("<f4").tobytes())
                    made += len(rows)
                dims = found.shape[1]
    except (
        CollectionError
    ):  # of an index that is missing or damaged; the passages without a vector are counted
        if (aside / _VECTORS).is_file() and made:
            os.truncate(aside / _TEXTS, made * _DIGEST)
            os.truncate(aside / _VECTORS, made * 4 * dims)
    return {"vectors": made, "dims": dims}


def _are_replaced(home: Path, build: str) -> bool:
    """Whether a rebuild has put others in the place of these indexes, and removed them."""
    with suppress(sqlite3.Error), opened(home / FILE) as db:
        return in_force(db) != build
    return False


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=_DIGEST).digest()


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
                members[name] = _add(archive, name, path, zipfile.ZIP_STORED if name == _VECTORS else packing)
            listed = {name: {"bytes": size, "sha256": digest} for name, (size, digest) in members.items()}
            archive.writestr(_MANIFEST, json.dumps({_MARK: _FORMAT, **facts, "members": listed}, indent=1))
            sound = not any(_is_bomb(info) for info in archive.infolist())
        file.flush()
        os.fsync(file)
    return sound


def _is_bomb(info: zipfile.ZipInfo) -> bool:
    return info.file_size > _LARGE and info.file_size > _RATIO * info.compress_size


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
        return _copy(source, member)


def _copy(source: IO[bytes], to: IO[bytes]) -> tuple[int, str]:
    size, digest = 0, hashlib.sha256()
    while chunk := source.read(1 << 20):
        size += to.write(chunk)
        digest.update(chunk)
    return size, digest.hexdigest()


def _facts(db: sqlite3.Connection) -> dict[str, Any]:
    """What a catalog says of itself, whichever version of Clippings wrote it."""
    meta = dict(db.execute("SELECT name, value FROM meta"))
    tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    counts = {
        table: db.execute(f"SELECT count(*) FROM {table}").fetchone()[0] if table in tables else 0
        for table in ("articles", "passages", "earlier", "corrections")
    }
    return {"layout": meta.get("schema"), "encoder": meta.get("encoder"), **counts}


def _lines(path: Path) -> int:
    """How many lines with something in them a file has; none where there is no file."""
    try:
        with path.open("rb") as file:
            return sum(bool(line.strip()) for line in file)
    except FileNotFoundError:
        return 0


# Restoring


@contextmanager
def _reading(file: Path, otherwise: str) -> Iterator[tuple[zipfile.ZipFile, dict[str, Any]]]:
    """The archive and its manifest. In here `ValueError` says why it is no backup; zipfile has some more ways
    to.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            info = archive.getinfo(_MANIFEST)
            if info.file_size > _LONGEST:
                raise ValueError("its manifest is too long")
            said = json.loads(archive.read(info))
            if not isinstance(said, dict) or _MARK not in said:
                raise ValueError(f"its {_MANIFEST} is something else's")
            yield archive, said
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


def _checked(archive: zipfile.ZipFile, said: dict[str, Any]) -> dict[str, tuple[int, str]]:
    """The members' lengths and SHA-256, if the archive holds what the manifest says, and nothing that a
    backup does not.
    """
    if said[_MARK] not in (1, _FORMAT):
        later = isinstance(said[_MARK], int) and said[_MARK] > _FORMAT
        raise ValueError(
            f"its format is {str(said[_MARK])[:20]}, this version of Clippings reads {_FORMAT} and 1"
            + (". A later version made it: update this one" if later else "")
        )
    try:
        members = {name: (m["bytes"], m["sha256"]) for name, m in said["members"].items()}
        numbers = [said.get(name, 0) for name in ("articles", "passages", "vectors", "dims")]
    except (KeyError, TypeError, AttributeError) as exc:
        raise ValueError("its manifest is not complete") from exc
    if not all(type(number) is int and 0 <= number < 2**53 for number in numbers):
        raise ValueError("its manifest counts what cannot be counted")
    infos = archive.infolist()
    if sorted(info.filename for info in infos) != sorted([*members, _MANIFEST]) or FILE not in members:
        raise ValueError("it does not hold the files that its manifest names")
    folders = (_UPLOAD, *_INDEXES) if said[_MARK] == 1 else (_UPLOAD,)
    end = 0
    for info in sorted(infos, key=lambda info: info.header_offset):
        name, parts = info.filename, tuple(info.filename.split("/"))
        inside = len(parts) > 1 and parts[0] in folders and Path(name).parts == parts and ".." not in parts
        plain = stat.S_IFMT(info.external_attr >> 16) in (0, stat.S_IFREG)  # and no link
        if not plain or not (inside or name in (*_SINGLE, _MANIFEST)):
            raise ValueError(f"{name!r} is nothing that a backup holds")
        if name in members and info.file_size != members[name][0]:
            raise ValueError(f"{name} has not the length that its manifest says")
        if _is_bomb(info) or info.header_offset < end:
            raise ValueError(f"{name} unpacks to far more than a backup packs into so little")
        end = info.header_offset + len(name.encode()) + info.compress_size
    return members


def _received(
    archive: zipfile.ZipFile,
    said: dict[str, Any],
    members: dict[str, tuple[int, str]],
    beside: Path,
    home: Path,
    config: Config,
) -> dict[str, Any]:
    """Unpack and judge the backup, unless that was done before; what was noted of it."""
    note, mark = beside / "received.json", hashlib.sha256(archive.read(_MANIFEST)).hexdigest()
    with suppress(FileNotFoundError, ValueError):
        noted: dict[str, Any] = json.loads(note.read_bytes())
        if noted["backup"] == mark:
            return noted  # a run that was killed got so far
    try:
        note.unlink(missing_ok=True)
        new, received = beside / "new", beside / "received"
        for folder in (new, received):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(mode=0o700)
        wanted = {
            name: stated
            for name, stated in members.items()
            if name.split("/")[0] not in _INDEXES or name in _SINGLE
        }
        _require_room(home, 2 * sum(size for size, _ in wanted.values()))
        for name, stated in wanted.items():
            path = (received if name in (FILE, _TEXTS, _VECTORS) else new) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(name) as member, path.open("xb") as unpacked:
                if name == _PEOPLE:
                    path.chmod(0o600)
                if (
                    _copy(member, unpacked) != stated
                ):  # zipfile reads no more than the length that was checked
                    raise ValueError(f"{name} is not what was backed up")
                unpacked.flush()
                os.fsync(unpacked)
        if _PEOPLE in wanted:
            require_plain(new / _PEOPLE)
        vectors = _vectors_checked(received, said) if _VECTORS in wanted or _TEXTS in wanted else 0
        kept = {
            "backup": mark,
            "dims": said.get("dims", 0) if vectors else 0,
            **_taken(received / FILE, new, said, vectors, home, config),
        }
        (received / FILE).unlink()
        with (beside / "noting").open("wb") as file:
            file.write(json.dumps(kept).encode())
            file.flush()
            os.fsync(file)
        os.replace(beside / "noting", note)
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise
    return kept


def _vectors_checked(received: Path, said: dict[str, Any]) -> int:
    """How many vectors were unpacked. Raises `ValueError` unless they are as many as the hashes, and of
    length 1.
    """
    rows, dims = said.get("vectors", 0), said.get("dims", 0)
    sizes = [
        path.stat().st_size if path.is_file() else -1 for path in (received / _TEXTS, received / _VECTORS)
    ]
    if not rows or not dims or sizes != [_DIGEST * rows, 4 * dims * rows]:
        raise ValueError("its vectors are not as many as its manifest says")
    stored = np.memmap(received / _VECTORS, "<f4", "r", shape=(rows, dims))
    for start in range(0, rows, 65_536):
        with np.errstate(all="ignore"):
            lengths = np.linalg.norm(stored[start : start + 65_536].astype(np.float64), axis=1)
        if not (np.abs(lengths - 1) < _UNIT).all():
            raise ValueError("its vectors are none: their lengths are not 1")
    return int(rows)


def _taken(
    received: Path, new: Path, said: dict[str, Any], vectors: int, home: Path, config: Config
) -> dict[str, Any]:
    """Make a catalog of the rows of another, once they have all been checked; its settings."""
    with opened(received, immutable=True) as db:
        try:
            require_schema(db)
            if faults := told(judged(db)):
                raise ValueError(faults)
            facts = _facts(db)
        except sqlite3.Error as exc:
            raise ValueError(f"its catalog cannot be read: {exc}") from exc
        if any(said.get(name) != facts[name] for name in ("layout", "encoder", "articles", "passages")):
            raise ValueError("its catalog is not the one that its manifest describes")
        settings = _settings(
            dict(db.execute("SELECT name, value FROM meta")), vectors, facts["passages"], config
        )
        Catalog(new, _made(settings, config, new), create=True).close()
        with closing(sqlite3.connect(new / FILE)) as to, to:
            for table in ("articles", "corrections", "earlier", "looked"):
                names = [
                    row[1] for row in db.execute(f"PRAGMA table_info({table})") if row[1] not in _MADE_AGAIN
                ]
                if names:
                    rows = db.execute(f"SELECT {', '.join(names)} FROM {table}")
                    to.executemany(
                        f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})",
                        rows,
                    )
            to.create_function("label", 2, label, deterministic=True)
            to.execute("UPDATE articles SET label = label(title, text)")
            to.execute("INSERT OR REPLACE INTO meta (name, value) VALUES (?, 'yes')", (UNGROUPED,))
            # What was uploaded lies in the home: the catalog shall know it, and have it removed, where it
            # lies now.
            old = str(said.get("home"))
            for table in ("articles", "looked"):
                moved = (
                    f"UPDATE OR REPLACE {table} SET origin = ? || substr(origin, ?) "
                    "WHERE substr(origin, 1, ?) = ?"
                )
                to.execute(moved, (home.as_posix(), len(old) + 1, len(old) + 1, f"{old}/"))
            (generation,) = db.execute("SELECT value FROM meta WHERE name = 'generation'").fetchone()
            to.execute("UPDATE meta SET value = ? WHERE name = 'generation'", (generation,))
    return settings


def _settings(meta: dict[str, str], vectors: int, passages: int, config: Config) -> dict[str, Any]:
    """With which settings the collection is made: its own, unless this takes an encoder that is not the one
    asked for. A file from anywhere must not choose which model is loaded."""
    own = {
        "encoder": meta.get("encoder"),
        **{name: meta.get(f"passages.{name}") for name in ("words", "overlap", "title")},
    }
    if own["encoder"] == config.encoder or (
        vectors and vectors >= passages and meta.get("index layout") == LAYOUT
    ):
        try:
            cut = PassageSettings(int(str(own["words"])), int(str(own["overlap"])), own["title"] == "true")
            if cut.words > _MOST_WORDS or cut.overlap > cut.words:
                raise ValueError("passages of more words than any encoder reads")
            return {
                "encoder": own["encoder"],
                "words": cut.words,
                "overlap": cut.overlap,
                "title": cut.title,
                "notes": [],
            }
        except (ConfigError, ValueError) as exc:
            raise ValueError(f"its catalog was made with settings that cannot be: {exc}") from exc
    p = config.passages
    note = (
        f"it was made with encoder = {str(own['encoder'])[:60]}; its indexes are made anew with "
        f"{config.encoder}, as configured"
    )
    return {
        "encoder": config.encoder,
        "words": p.words,
        "overlap": p.overlap,
        "title": p.title,
        "notes": [note],
    }


def _made(settings: dict[str, Any], config: Config, new: Path) -> Config:
    cut = PassageSettings(settings["words"], settings["overlap"], settings["title"])
    return replace(config, home=new, encoder=settings["encoder"], passages=cut)


class _Remembering:
    """An encoder that looks up what a backup has of a text, and encodes the rest. Nothing is loaded before it
    is needed.
    """

    def __init__(self, name: str, encoder: Encoder | None, beside: Path, dims: int) -> None:
        self.name = name
        self.known = self.encoded = 0
        self._encoder = encoder
        texts = beside / "received" / _TEXTS
        rows = texts.stat().st_size // _DIGEST if dims and texts.is_file() else 0
        digests = np.fromfile(texts, "<u8").reshape(rows, 2) if rows else np.zeros((0, 2), "<u8")
        self._order = digests[:, 0].argsort(kind="stable")
        self._digests = digests[self._order]
        self._vectors = (
            np.memmap(beside / "received" / _VECTORS, "<f4", "r", shape=(rows, dims)) if rows else None
        )

    @property
    def dims(self) -> int:
        return self._vectors.shape[1] if self._vectors is not None else self._loaded().dims

    def passages(self, texts: Sequence[str]) -> np.ndarray[Any, np.dtype[np.float32]]:
        rows = [self._row(text) for text in texts]
        lacking = [text for text, row in zip(texts, rows, strict=True) if row is None]
        made = iter(self._loaded().passages(lacking)) if lacking else iter(())
        self.known += len(texts) - len(lacking)
        self.encoded += len(lacking)
        found = [next(made) if row is None or self._vectors is None else self._vectors[row] for row in rows]
        return np.array(found, dtype=np.float32).reshape(len(texts), -1)

    def question(self, text: str) -> np.ndarray[Any, np.dtype[np.float32]]:
        return self._loaded().question(text)

    def _row(self, text: str) -> int | None:
        first, second = np.frombuffer(_digest(text), "<u8")
        at = int(np.searchsorted(self._digests[:, 0], first))
        while at < len(self._digests) and self._digests[at, 0] == first:
            if self._digests[at, 1] == second:
                return int(self._order[at])
            at += 1
        return None

    def _loaded(self) -> Encoder:
        if self._encoder is None:
            self._encoder = SentenceEncoder(self.name)
        return self._encoder


def _counted(made: Config) -> dict[str, int]:
    """What is there now, whatever was said of it. Raises `CollectionError` unless it can be asked."""
    with closing(Catalog(made.home, made)) as catalog:
        if catalog.uncut() or catalog.pending() or catalog.stale():
            raise CollectionError("the restored collection is not whole. Run the same command again")
    with opened(made.home / FILE) as db:
        facts = _facts(db)
    counts = {name: int(facts[name]) for name in ("articles", "passages", "earlier", "corrections")}
    return {**counts, "verdicts": _lines(made.home / _FEEDBACK), "cases": _lines(made.home / _GOLD)}


def _otherwise(config: Config) -> list[str]:
    """What stands in the way of asking the restored collection with the settings in force."""
    try:
        Catalog(config.home, config).close()
    except CollectionError as exc:
        return [str(exc)]
    return []
