"""Restoring a collection out of the file of a backup (`archive`).

A file that is restored may come from anywhere. Of its catalog only rows are taken, each judged, into one of
our own making; the vectors are taken as what the encoder makes of their words, and the indexes are made
again. All that is done aside, and moved into place when it can be asked, so that a run that is killed leaves
what was there."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import zipfile
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ingest.archive import (
    DIGEST_BYTES,
    FEEDBACK,
    GOLD,
    INDEXES,
    MANIFEST,
    PEOPLE,
    SINGLE,
    TEXTS,
    VECTORS,
    Kept,
    checked_members,
    copy,
    count_lines,
    digest_of,
    explained,
    facts_of,
    path_of,
    reading,
    require_room,
)
from ingest.collection import LOCK, sync, writing
from ingest.judging import faults_of, opened, require_plain, require_schema, sentence
from ingest.progress import Progress
from rag.config import Config, PassageSettings
from rag.errors import CollectionError, ConfigError
from rag.models.encoder import SentenceEncoder
from rag.store.catalog import FILE, Catalog
from rag.store.label import label
from rag.store.schema import COPIES, READABLE
from rag.types import Encoder
from rag.validation import RESTORING

__all__ = ["restore"]

_MAX_WORDS = 100_000  # of a passage
_REBUILT_COLUMNS = (
    "signature",
    "copy_of",
    "changed",
)  # columns that tell near-copies, which the next sync finds in the articles themselves
# The tables that are restored, each from the one of its name, or of the name that earlier versions gave it.
_COPIED_TABLES = (
    ("articles", "articles"),
    ("corrections", "corrections"),
    ("earlier", "earlier"),
    ("snapshots", "snapshots"),
    ("snapshots", "looked"),
)
_UNIT_TOLERANCE = 1e-3  # how far the length of a vector may be from 1


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
    home, source = config.home.resolve(), path_of(file)
    with explained(home, "Name another folder with --home"):
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
        with reading(source, "Use another one") as (archive, manifest):
            members = checked_members(archive, manifest)
            home.parent.mkdir(parents=True, exist_ok=True)
            beside.mkdir(mode=0o700, exist_ok=True)
            with writing(beside):
                kept = _unpacked(archive, manifest, members, beside, home, config)
                made = _config(kept, config, beside / "new")
                remembering = _Remembering(made.encoder, encoder, beside, kept["dims"])
                sync([], made, encoder=remembering, progress=progress)
                counts = _counts(made)
                if home.exists():
                    (home / LOCK).unlink(missing_ok=True)
                    home.rmdir()  # the system refuses if somebody else was quicker
                os.replace(beside / "new", home)
                shutil.rmtree(beside)
        notes = [*kept["notes"], *_objections(config)]
        size = source.stat().st_size
        return Kept(
            source,
            bytes=size,
            vectors=remembering.known,
            encoded=remembering.encoded,
            notes=tuple(notes),
            **counts,
        )


def _unpacked(
    archive: zipfile.ZipFile,
    manifest: dict[str, Any],
    members: dict[str, tuple[int, str]],
    beside: Path,
    home: Path,
    config: Config,
) -> dict[str, Any]:
    """Unpack and judge the backup, unless that was done before; what was noted of it."""
    note, mark = beside / "received.json", hashlib.sha256(archive.read(MANIFEST)).hexdigest()
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
            name: listed
            for name, listed in members.items()
            if name.split("/")[0] not in INDEXES or name in SINGLE
        }
        require_room(home, 2 * sum(size for size, _ in wanted.values()))
        for name, listed in wanted.items():
            path = (received if name in (FILE, TEXTS, VECTORS) else new) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(name) as member, path.open("xb") as unpacked:
                if name == PEOPLE:
                    path.chmod(0o600)
                if copy(member, unpacked) != listed:  # zipfile reads no more than the length that was checked
                    raise ValueError(f"{name} is not what was backed up")
                unpacked.flush()
                os.fsync(unpacked)
        if PEOPLE in wanted:
            require_plain(new / PEOPLE)
        vectors = _vectors_checked(received, manifest) if VECTORS in wanted or TEXTS in wanted else 0
        kept = {
            "backup": mark,
            "dims": manifest.get("dims", 0) if vectors else 0,
            **_rebuilt_catalog(received / FILE, new, manifest, vectors, home, config),
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


def _vectors_checked(received: Path, manifest: dict[str, Any]) -> int:
    """How many vectors were unpacked. Raises `ValueError` unless they are as many as the hashes, and of
    length 1.
    """
    rows, dims = manifest.get("vectors", 0), manifest.get("dims", 0)
    sizes = [path.stat().st_size if path.is_file() else -1 for path in (received / TEXTS, received / VECTORS)]
    if not rows or not dims or sizes != [DIGEST_BYTES * rows, 4 * dims * rows]:
        raise ValueError("its vectors are not as many as its manifest says")
    stored = np.memmap(received / VECTORS, "<f4", "r", shape=(rows, dims))
    for start in range(0, rows, 65_536):
        with np.errstate(all="ignore"):
            lengths = np.linalg.norm(stored[start : start + 65_536].astype(np.float64), axis=1)
        if not (np.abs(lengths - 1) < _UNIT_TOLERANCE).all():
            raise ValueError("its vectors are damaged: their lengths are not 1")
    return int(rows)


def _rebuilt_catalog(
    received: Path, new: Path, manifest: dict[str, Any], vectors: int, home: Path, config: Config
) -> dict[str, Any]:
    """Make a catalog of the rows of another, once they have all been checked; its settings."""
    with opened(received, immutable=True) as db:
        try:
            require_schema(db)
            if faults := sentence(faults_of(db)):
                raise ValueError(faults)
            facts = facts_of(db)
        except sqlite3.Error as exc:
            raise ValueError(f"its catalog cannot be read: {exc}") from exc
        if any(manifest.get(name) != facts[name] for name in ("layout", "encoder", "articles", "passages")):
            raise ValueError("its catalog is not the one that its manifest describes")
        settings = _settings(
            dict(db.execute("SELECT name, value FROM meta")), vectors, facts["passages"], config
        )
        Catalog(new, _config(settings, config, new), create=True).close()
        with closing(sqlite3.connect(new / FILE)) as to, to:
            for table, source in _COPIED_TABLES:
                names = [
                    row[1]
                    for row in db.execute(f"PRAGMA table_info({source})")
                    if row[1] not in _REBUILT_COLUMNS
                ]
                if names:
                    rows = db.execute(f"SELECT {', '.join(names)} FROM {source}")
                    to.executemany(
                        f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})",
                        rows,
                    )
            to.create_function("label", 2, label, deterministic=True)
            to.execute("UPDATE articles SET label = label(title, text)")
            to.execute("DELETE FROM indexes WHERE name = ?", (COPIES,))  # they are grouped by the next sync
            # What was uploaded lies in the home: the catalog shall know it, and have it removed, where it
            # lies now.
            old = str(manifest.get("home"))
            for table in ("articles", "snapshots"):
                moved = f"UPDATE OR REPLACE {table} SET origin = ? || substr(origin, ?)"
                within = "WHERE substr(origin, 1, ?) = ?"
                to.execute(f"{moved} {within}", (home.as_posix(), len(old) + 1, len(old) + 1, f"{old}/"))
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
        vectors and vectors >= passages and meta.get("index layout") in READABLE
    ):
        try:
            cut = PassageSettings(int(str(own["words"])), int(str(own["overlap"])), own["title"] == "true")
            if cut.words > _MAX_WORDS or cut.overlap > cut.words:
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


def _config(settings: dict[str, Any], config: Config, new: Path) -> Config:
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
        texts = beside / "received" / TEXTS
        rows = texts.stat().st_size // DIGEST_BYTES if dims and texts.is_file() else 0
        digests = np.fromfile(texts, "<u8").reshape(rows, 2) if rows else np.zeros((0, 2), "<u8")
        self._order = digests[:, 0].argsort(kind="stable")
        self._digests = digests[self._order]
        self._vectors = (
            np.memmap(beside / "received" / VECTORS, "<f4", "r", shape=(rows, dims)) if rows else None
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
        first, second = np.frombuffer(digest_of(text), "<u8")
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


def _counts(made: Config) -> dict[str, int]:
    """What is there now, whatever was said of it. Raises `CollectionError` unless it can be asked."""
    with closing(Catalog(made.home, made)) as catalog:
        if catalog.without_passages() or catalog.count_hidden():
            raise CollectionError("the restored collection is not complete. Run the same command again")
    with opened(made.home / FILE) as db:
        facts = facts_of(db)
    counts = {name: int(facts[name]) for name in ("articles", "passages", "earlier", "corrections")}
    return {**counts, "verdicts": count_lines(made.home / FEEDBACK), "cases": count_lines(made.home / GOLD)}


def _objections(config: Config) -> list[str]:
    """What stands in the way of asking the restored collection with the settings in force."""
    try:
        Catalog(config.home, config).close()
    except CollectionError as exc:
        return [str(exc)]
    return []
