"""A collection in one file and back: nothing is lost on the way, nothing half done or hostile ever stands for
a whole one.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import random
import shutil
import sqlite3
import stat
import subprocess
import threading
import zipfile
import zlib
from collections import namedtuple
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import DIMS, WordEncoder
from filelock import FileLock

from ingest import archive, edit, judging, remove, safekeeping, sync
from ingest.apply import Progress
from ingest.archive import Kept
from ingest.collection import LOCK
from ingest.restoring import restore
from ingest.safekeeping import backup
from rag.config import Config, PassageSettings
from rag.errors import CollectionError
from rag.retrieval.search import Retriever
from rag.store.bm25 import WHOLE, LexicalIndex
from rag.store.catalog import FILE, Catalog, PassageRef, Snapshot
from rag.store.vectors import DenseIndex

pytestmark = pytest.mark.slow  # builds collections over and over

IRAN = "Iran struck first. Pakistan replied."
WEATHER = "The weather was fine. Nobody complained."
QUESTIONS = ("Who struck first?", "How was the weather?", "What was uploaded?")
VERDICT = '{"verdict": "right", "asked": "Wer?"}\n'
CASE = '{"id": "1", "question": "Who struck?"}\n'


@pytest.fixture
def news(tmp_path: Path) -> Path:
    folder = tmp_path / "news"
    folder.mkdir()
    (folder / "iran.txt").write_text(IRAN)
    (folder / "weather.txt").write_text(WEATHER)
    return folder


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `full` is a copy of: a second's work, done once."""
    place = tmp_path_factory.mktemp("made")
    config = Config(home=place / "home", encoder=WordEncoder.name)
    encoder = WordEncoder()
    (place / "news").mkdir()
    (place / "news" / "iran.txt").write_text(IRAN)
    (place / "news" / "weather.txt").write_text(WEATHER)
    sync(place / "news", config, encoder=encoder)
    (config.home / "upload").mkdir()
    (config.home / "upload" / "sent.txt").write_text("This was uploaded by Ann.")
    sync(config.home / "upload" / "sent.txt", config, encoder=encoder)
    edit("news/iran.txt", {"title": "Strikes"}, config, encoder=encoder)
    (config.home / "feedback.jsonl").write_text(VERDICT)
    (config.home / "gold.jsonl").write_text(CASE)
    return place


@pytest.fixture
def full(made: Path, news: Path, config: Config) -> Config:
    """A collection of two articles from a folder and one that was uploaded, a verdict, a gold case and a
    correction.
    """
    shutil.copytree(made / "home", config.home)
    with closing(sqlite3.connect(config.home / FILE)) as db, db:
        for table in ("articles", "snapshots"):
            db.execute(f"UPDATE {table} SET origin = replace(origin, ?, ?)", (str(made), str(news.parent)))
    return config


@pytest.fixture
def kept(full: Config, tmp_path: Path) -> Path:
    return backup(tmp_path / "news.zip", full).file


@pytest.fixture
def other(config: Config, tmp_path: Path) -> Config:
    """Where there is no collection yet."""
    return replace(config, home=tmp_path / "other")


def answers(config: Config) -> list[Any]:
    """What a collection finds, stage by stage. Not the words' scores: an index made anew has forgotten what
    was deleted.
    """
    with Retriever(config.home, config, WordEncoder()) as retriever:
        return [
            [
                (p.passage, p.article, p.rank, p.scores.dense)
                for p in retriever.find(question, stages=(stage,))
            ]
            for question in QUESTIONS
            for stage in ("dense", "lexical", "whole")
        ]


GENERATIONS = {("articles", "changed"), ("passages", "added"), ("passages", "removed")}


def rows(config: Config) -> dict[str, list[Any]]:
    with closing(sqlite3.connect(config.home / FILE)) as db:
        tables = [
            name
            for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
        ]
        # A copy has its own identity, its indexes lie where they were made, and it has been written more often.
        tables.remove("indexes")
        columns = {
            table: ", ".join(
                f'"{row[1]}"'
                for row in db.execute(f"PRAGMA table_info({table})")
                if (table, row[1]) not in GENERATIONS
            )
            for table in tables
        }
        held = {
            table: sorted(db.execute(f"SELECT {columns[table]} FROM {table}").fetchall(), key=repr)
            for table in tables
        }
    held["meta"] = [
        (name, value)
        for name, value in held["meta"]
        if name not in ("identity", "generation", "build", "left builds")
    ]
    return held


def whole(config: Config) -> int:
    """The number of passages, when the catalog and the indexes hold the same and nothing is left to do."""
    with closing(Catalog(config.home, config)) as catalog:
        build = catalog.build()
    with (
        closing(Catalog(config.home, config)) as catalog,
        closing(DenseIndex(config.home, build=build)) as index,
    ):
        assert (catalog.count_hidden(), catalog.without_passages()) == (0, [])
        assert (
            catalog.keys()
            == index.cache.keys()
            == index.keys()
            == LexicalIndex(config.home, build=build).keys()
        )
        assert LexicalIndex(config.home, WHOLE, build=build).keys() == {
            place.key for place in catalog.first_passages().values()
        }
        return catalog.count()[1]


def origins(config: Config) -> dict[str, str]:
    with closing(Catalog(config.home, config)) as catalog:
        return {article_id: origin for article_id, (_, origin) in catalog.known().items()}


def files(folder: Path) -> dict[str, bytes]:
    """Everything below a folder but the locks, and Chroma's own notes, which it writes when it is opened too."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else b""
        for path in folder.rglob("*")
        if path.suffix != ".lock" and path.name != "chroma.sqlite3"
    }


@contextmanager
def unchanged(folder: Path) -> Iterator[None]:
    before = files(folder)
    yield
    assert files(folder) == before


@contextmanager
def refused(*words: str) -> Iterator[None]:
    with pytest.raises(CollectionError) as error:
        yield
    assert [some for some in words if some not in str(error.value)] == [], str(error.value)


@contextmanager
def broken_off(door: Any, name: str, error: BaseException, full: str = "") -> Iterator[None]:
    """While a door of the system's or a vendor's raises; where it is a full disk, that is what is said."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(door, name, raising(error))
        with pytest.raises((CollectionError, KeyboardInterrupt)) as told:
            yield
    if told.type is CollectionError:
        assert str(told.value) == f"the disk that holds {full} is full. Free some space and run again"


def raising(error: BaseException) -> Callable[..., Any]:
    def fail(*_given: Any, **_named: Any) -> Any:
        raise error

    return fail


Members = dict[str, Any]


def forged(kept: Path, change: Callable[[dict[str, bytes], Members], object], **how: Any) -> Path:
    """The backup packed again, after `change` has had its way with the members and the manifest."""
    with zipfile.ZipFile(kept) as archive:
        data = {name: archive.read(name) for name in archive.namelist()}
    manifest = json.loads(data.pop("manifest.json"))
    change(data, manifest)
    path = kept.with_name("forged.zip")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in data.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = how.get(name, 0)
            archive.writestr(info, content, zipfile.ZIP_DEFLATED)
        archive.writestr("manifest.json", json.dumps(manifest))
    return path


# There and back


def test_what_is_restored_answers_as_it_did_row_by_row(full: Config, kept: Path, other: Config) -> None:
    steps: list[Progress] = []
    made = restore(kept, other, progress=steps.append)
    size = kept.stat().st_size
    assert made == Kept(
        kept, 3, 3, size, earlier=0, corrections=1, verdicts=1, cases=1, vectors=3, encoded=0, notes=()
    )
    assert (steps[-1].done, steps[-1].total, steps[-1].passages) == (3, 3, 3)
    assert answers(other) == answers(full)
    before, after = rows(full), rows(other)
    del before["articles"], after["articles"]  # the origins are looked at below
    assert before == after
    with closing(Catalog(full.home, full)) as one, closing(Catalog(other.home, other)) as two:
        assert one.identity() != two.identity(), "on a server the copy would else be written into the other"
    assert whole(other) == 3
    assert (other.home / "feedback.jsonl").read_text() == VERDICT
    assert (other.home / "gold.jsonl").read_text() == CASE
    assert (other.home / "upload" / "sent.txt").read_text() == "This was uploaded by Ann."


def test_a_backup_is_an_ordinary_zip_file_without_locks_that_says_what_is_in_it(
    full: Config, tmp_path: Path
) -> None:
    (full.home / "lexical" / ".tmpAbC").write_text("half a file of a run that was killed")
    for passing in ("incoming/.a1", ".adding/earlier"):  # what waits to be taken in, or is just being so
        (full.home / "upload" / passing).mkdir(parents=True)
        (full.home / "upload" / passing / "a.txt").write_text("not yet an article")
    made = backup(tmp_path / "news.zip", full)
    size, notes = made.file.stat().st_size, ("the indexes are left out; restoring makes them again",)
    assert made == Kept(
        tmp_path / "news.zip", 3, 3, size, corrections=1, verdicts=1, cases=1, vectors=3, notes=notes
    )
    with zipfile.ZipFile(made.file) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        manifest = json.loads(archive.read("manifest.json"))
    assert names[-1] == "manifest.json"
    assert sorted(manifest["members"]) == sorted(names[:-1])
    assert {name.split("/")[0] for name in names[:-1]} == {
        FILE, "upload", "feedback.jsonl", "gold.jsonl", "vectors.texts", "vectors.float32"
    }  # fmt: skip
    assert [name for name in names if name.startswith("upload/")] == ["upload/sent.txt"]
    assert not [name for name in names if "lock" in name or ".tmp" in name or name.endswith(("-wal", "-shm"))]
    assert {name: manifest[name] for name in ("clippings backup", "home", "layout", "encoder", "articles", "passages")} == {
        "clippings backup": 2, "home": str(full.home), "layout": "3", "encoder": "words", "articles": 3, "passages": 3
    }  # fmt: skip
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home", "news", "news.zip"]


def test_what_was_removed_is_not_in_a_backup(
    full: Config, other: Config, tmp_path: Path, encoder: WordEncoder
) -> None:
    remove("news/iran.txt", full, encoder=encoder)
    restore(backup(tmp_path / "news.zip", full).file, other)
    assert b"Pakistan replied" not in (other.home / FILE).read_bytes()


def test_a_collection_is_backed_up_while_others_ask(full: Config, other: Config, tmp_path: Path) -> None:
    over, wrong = threading.Event(), []
    with Retriever(full.home, full, WordEncoder()) as retriever:
        expected = [p.passage.id for p in retriever.find(QUESTIONS[0])]
        asked = threading.Semaphore(0)

        def ask() -> None:
            while not over.is_set():
                if [p.passage.id for p in retriever.find(QUESTIONS[0])] != expected:
                    wrong.append("another answer")
                asked.release()

        thread = threading.Thread(target=ask)
        thread.start()
        try:
            for _ in range(3):
                assert asked.acquire(timeout=10)
                kept = backup(tmp_path / "news.zip", full).file
        finally:
            over.set()
            thread.join()
    assert wrong == []
    restore(kept, other)
    assert answers(other) == answers(full)


def test_a_restored_collection_is_synced_further_and_pruned(
    news: Path, kept: Path, other: Config, encoder: WordEncoder
) -> None:
    restore(kept, other)
    (news / "snow.txt").write_text("Snow fell.")
    (news / "weather.txt").unlink()
    report = sync(news, other, encoder=encoder, prune=True)
    assert (report.added, report.removed, report.kept) == (
        ("news/snow.txt",),
        ("news/weather.txt",),
        ("news/iran.txt",),
    )
    assert encoder.encoded[-1:] == ["Snow fell."], "nothing that was there is encoded again"
    assert whole(other) == 3
    with closing(Catalog(other.home, other)) as catalog:
        iran = catalog.article("news/iran.txt")
    assert iran is not None
    assert iran.title == "Strikes"


def test_what_was_uploaded_is_known_where_it_lies_now_and_nothing_else_is_moved(
    full: Config, kept: Path, other: Config, news: Path, encoder: WordEncoder
) -> None:
    near = full.home.with_name(
        "home2"
    )  # the old home's name is the beginning of this one's, and no part of it
    near.mkdir()
    (near / "near.txt").write_text("Snow fell nearby.")
    sync(near, full, encoder=encoder)
    with closing(Catalog(full.home, full)) as catalog:
        catalog.save_snapshots({f"{full.home}/upload/big.jsonl": Snapshot("stamp", "[]")})
    restore(backup(kept, full).file, other)
    uploaded = other.home / "upload" / "sent.txt"
    assert origins(other) == {
        "news/iran.txt": str(news / "iran.txt"),
        "news/weather.txt": str(news / "weather.txt"),
        "home2/near.txt": str(near / "near.txt"),
        "upload/sent.txt": str(uploaded),
    }
    with closing(Catalog(other.home, other)) as catalog:
        assert list(catalog.snapshots()) == [f"{other.home}/upload/big.jsonl"]
    assert sync(uploaded, other, encoder=encoder).kept == ("upload/sent.txt",)
    shutil.rmtree(full.home)
    uploaded.write_text("This was sent by Bob.")
    assert sync(other.home / "upload", other, encoder=encoder, prune=True).replaced == ("upload/sent.txt",)
    uploaded.unlink()
    assert sync(other.home / "upload", other, encoder=encoder, prune=True).removed == ("upload/sent.txt",)


def test_a_collection_that_is_lost_is_restored_in_its_place(full: Config, kept: Path) -> None:
    before = rows(full), answers(full)
    shutil.rmtree(full.home)
    full.home.mkdir()  # an empty folder is no hindrance
    restore(kept, full)
    assert (rows(full), answers(full)) == before


def test_a_collection_of_older_indexes_and_another_encoder_is_kept_and_made_with_the_one_in_force(
    full: Config, other: Config, tmp_path: Path
) -> None:
    with closing(sqlite3.connect(full.home / FILE)) as db, db:
        db.execute("UPDATE meta SET value = '1' WHERE name = 'index layout'")
    with refused("were made by another version of Clippings"):
        Catalog(full.home, full)
    shutil.rmtree(full.home / "whole")  # an older version had none
    shutil.rmtree(full.home / "vectors")
    kept = backup(tmp_path / "old.zip", replace(full, encoder="another"))
    assert (
        kept.notes[0]
        == "3 of 3 vectors are left out because they are missing or damaged; restoring encodes them again"
    )
    encoder = WordEncoder()
    asking = replace(other, encoder="another")
    made = restore(kept.file, asking, encoder=encoder)
    assert (made.encoded, made.vectors, len(encoder.encoded)) == (3, 0, 3)
    assert made.notes == (
        "it was made with encoder = words; its indexes are made anew with another, as configured",
    )
    Catalog(asking.home, asking).close()


def test_a_sync_that_was_killed_goes_on_in_the_restored_collection(
    news: Path, config: Config, other: Config, encoder: WordEncoder, tmp_path: Path
) -> None:
    sync(news, config, encoder=encoder)
    (news / "snow.txt").write_text("Snow fell.")
    with broken_off(DenseIndex, "add", KeyboardInterrupt()):
        sync(news, config, encoder=encoder)
    kept = backup(tmp_path / "news.zip", config)
    assert (kept.articles, kept.vectors) == (2, 2), "an article counts from when it is whole"
    encoder.encoded.clear()
    assert restore(kept.file, other, encoder=encoder).encoded == 0
    assert len(sync(news, other, encoder=encoder).added) == 1
    assert (whole(other), encoder.encoded) == (3, ["Snow fell."])


def test_the_vectors_are_those_that_answer_and_what_a_rebuild_has_made_so_far_is_left_out(
    full: Config, other: Config, tmp_path: Path
) -> None:
    expected = answers(full)
    sync([], full, rebuild=True, encoder=WordEncoder())
    (full.home / "vectors").mkdir()  # and none that lie in the home itself
    begun = replace(full, passages=PassageSettings(words=30, overlap=1))
    with closing(Catalog(full.home, begun, create=True, rebuild=True)) as catalog:
        anew = catalog.rebuild(begun)
        anew.stage([PassageRef("half", "half", 0, 1)])
        assert anew.build() == "indexes/2"
    kept = backup(tmp_path / "kept.zip", full)
    assert (kept.articles, kept.vectors) == (3, 3)
    with zipfile.ZipFile(kept.file) as archive:
        archive.extract(FILE, tmp_path)
    with closing(sqlite3.connect(tmp_path / FILE)) as db:
        tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE name LIKE 'next%'")]
        noted = [name for (name,) in db.execute("SELECT name FROM meta WHERE name LIKE '%build%'")]
        assert (tables, noted) == ([], [])
    assert restore(kept.file, other, encoder=WordEncoder()).encoded == 0
    assert (whole(other), answers(other)) == (3, expected)


def test_a_rebuild_that_ends_during_a_backup_costs_no_vector(
    full: Config, other: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    within = safekeeping._write_vectors
    rebuilt = []

    def meanwhile(*given: Any) -> dict[str, int]:
        if not rebuilt:
            rebuilt.append(sync([], full, rebuild=True, encoder=WordEncoder()))
        return within(*given)

    monkeypatch.setattr(safekeeping, "_write_vectors", meanwhile)
    kept = backup(tmp_path / "kept.zip", full)
    assert kept.vectors == kept.passages == 3
    assert restore(kept.file, other, encoder=WordEncoder()).encoded == 0


def test_what_can_be_made_of_an_article_is_not_taken_from_a_backup(
    full: Config, other: Config, tmp_path: Path
) -> None:
    def made(config: Config) -> list[Any]:
        with closing(sqlite3.connect(config.home / FILE)) as db:
            return db.execute("SELECT id, label, signature, copy_of FROM articles ORDER BY id").fetchall()

    expected = made(full)
    with closing(sqlite3.connect(full.home / FILE)) as db, db:
        (last,) = db.execute("SELECT max(id) FROM articles").fetchone()
        db.execute("UPDATE articles SET label = 'Buy this', copy_of = 'all'")
        db.execute("UPDATE articles SET signature = (SELECT signature FROM articles WHERE id = ?)", (last,))
    kept = backup(tmp_path / "kept.zip", full)
    restore(kept.file, other, encoder=WordEncoder())
    assert made(other) == expected


# What a backup may not cost


BREAKS = [KeyboardInterrupt(), OSError(errno.ENOSPC, "No space left on device")]


@pytest.mark.parametrize("error", BREAKS)
@pytest.mark.parametrize(
    ("door", "name"),
    [(zipfile.ZipInfo, "from_file"), (zipfile._ZipWriteFile, "write"), (zipfile.ZipFile, "writestr"), (os, "fsync"), (os, "replace")],
)  # fmt: skip
def test_a_backup_that_breaks_off_leaves_the_earlier_one_and_nothing_else(
    full: Config, kept: Path, door: Any, name: str, error: BaseException
) -> None:
    with unchanged(kept.parent), broken_off(door, name, error, str(kept)):
        backup(kept, full)
    assert backup(kept, full).articles == 3


def test_what_a_killed_run_has_left_does_not_stand_in_the_way(
    full: Config, kept: Path, other: Config
) -> None:
    for left in (
        kept.with_name(f".{kept.name}.unfinished") / "new",
        other.home.with_name("other.restoring") / "new",
    ):
        left.mkdir(parents=True)
        (left / "archive").write_text("half of one")
        (left / FILE).write_text("half of one")
    (other.home.with_name("other.restoring") / "received.json").write_text('{"backup": "of another file"}')
    restore(backup(kept, full).file, other)
    assert whole(other) == 3
    assert not list(kept.parent.glob(".*"))


def test_the_nightly_backup_replaces_the_former_and_nothing_that_is_none(
    full: Config, kept: Path, other: Config, news: Path, encoder: WordEncoder
) -> None:
    (news / "snow.txt").write_text("Snow fell.")
    sync(news, full, encoder=encoder)
    assert backup(kept, full).articles == 4
    assert restore(kept, other).articles == 4
    holiday = kept.with_name("holiday.zip")
    with zipfile.ZipFile(holiday, "w") as archive:
        archive.writestr("manifest.json", "{}")
    half = kept.with_name("half.zip")
    half.write_bytes(kept.read_bytes()[:-100])
    for mistaken in (news / "iran.txt", holiday, half):
        with (
            unchanged(kept.parent),
            refused(
                f"{mistaken} is damaged, or is no backup of Clippings: ", ". Name another file, or remove it"
            ),
        ):
            backup(mistaken, full)


def test_a_link_to_the_backup_stays_a_link(full: Config, kept: Path) -> None:
    (kept.parent / "disk").mkdir()
    moved = kept.rename(kept.parent / "disk" / "moved.zip")
    moved.write_bytes(moved.read_bytes())
    kept.symlink_to(moved)
    was = moved.stat().st_ino
    backup(kept, full)
    assert kept.is_symlink()
    assert moved.stat().st_ino != was


def test_there_is_nothing_to_back_up_where_there_is_no_collection(config: Config, tmp_path: Path) -> None:
    with refused(f"there is no collection in {config.home}, so there is nothing to back up"):
        backup(tmp_path / "news.zip", config)
    assert list(tmp_path.iterdir()) == []


def test_a_place_where_a_backup_cannot_be_is_refused_with_another(full: Config, tmp_path: Path) -> None:
    for target, words in (
        (
            full.home / "news.zip",
            "lies in the collection itself and would be lost with it. Name a file elsewhere",
        ),
        (full.home, "lies in the collection itself"),
        (tmp_path, f"{tmp_path} is a folder. Name a file in it, such as {tmp_path / 'clippings.zip'}"),
        ("", "the backup has no name. Name a file, such as clippings.zip"),
        (" ", "the backup has no name"),
        (tmp_path / "none" / "news.zip", "cannot be made: No such file or directory"),
        (tmp_path / ("n" * 250), "cannot be made: File name too long"),
    ):
        with unchanged(tmp_path), refused(words):
            backup(target, full)
    (tmp_path / "door").symlink_to(full.home)
    with refused("lies in the collection itself"):
        backup(tmp_path / "door" / "news.zip", full)


def test_a_file_that_cannot_be_read_is_not_left_out_in_silence(
    full: Config, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    really = os.listdir

    def fail(path: Any) -> list[str]:
        if str(path).endswith("upload"):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return really(path)

    monkeypatch.setattr(os, "listdir", fail)
    with refused(f"{kept} cannot be made: Permission denied ({full.home / 'upload'}). Name another file"):
        backup(kept, full)


def test_a_damaged_catalog_does_not_replace_a_good_backup(full: Config, kept: Path) -> None:
    with (full.home / FILE).open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 8192)
    with unchanged(kept.parent), refused("Restore an earlier backup in its place"):
        backup(kept, full)


Usage = namedtuple("Usage", "total used free")


def test_a_disk_without_room_is_told_before_anything_is_written(
    full: Config, kept: Path, other: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(1, 1, 64_000_000))
    for attempt, path in ((lambda: backup(kept, full), kept), (lambda: restore(kept, other), other.home)):
        with (
            unchanged(kept.parent),
            refused(f"{path} may take 6", "its disk has 64 MB free. Free some space and run again"),
        ):
            attempt()


def test_a_collection_is_backed_up_while_another_process_writes_to_it_but_a_file_by_one_at_a_time(
    full: Config, kept: Path, other: Config
) -> None:
    with (
        FileLock(full.home / LOCK),
        FileLock(full.home / "dense.lock"),
        closing(sqlite3.connect(full.home / FILE, isolation_level=None)) as db,
    ):
        db.execute("BEGIN IMMEDIATE")
        db.execute("DELETE FROM articles")
        assert backup(kept, full).articles == 3
        db.execute("ROLLBACK")
    assert restore(kept, other).articles == 3
    aside = kept.with_name(f".{kept.name}.unfinished")
    aside.mkdir()
    with FileLock(aside / LOCK), refused("Wait until it is done and run this again"):
        backup(kept, full)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk of our own."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(place)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("no right to mount a small disk")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.mark.slow
@pytest.mark.parametrize("state", ["full", "read-only", "read-only, with a log"])
def test_a_collection_on_a_disk_that_takes_nothing_is_backed_up_elsewhere(
    full: Config, other: Config, disk: Path, tmp_path: Path, state: str
) -> None:
    moved = replace(full, home=disk / "home")
    shutil.copytree(full.home, moved.home)
    if (
        "log" in state
    ):  # what was written last lies in a file beside the catalog, as a writer that was killed leaves it
        with closing(sqlite3.connect(full.home / FILE)) as db:
            db.execute("UPDATE articles SET added = '2024-01-01T00:00:00+00:00'")
            db.commit()
            for suffix in ("", "-wal"):
                shutil.copyfile(f"{full.home / FILE}{suffix}", f"{moved.home / FILE}{suffix}")
    if state == "full":
        with (disk / "ballast").open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, shutil.disk_usage(disk).free)
    else:
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    kept = backup(tmp_path / "kept.zip", moved)
    assert (kept.articles, kept.vectors) == (3, 3)
    restore(kept.file, other)
    assert whole(other) == 3
    assert all(row[11].startswith("2024-01-01") is ("log" in state) for row in rows(other)["articles"])


@pytest.mark.parametrize("index", ["vectors", "dense", "lexical", "whole"])
@pytest.mark.parametrize("damage", ["gone", "overwritten"])
def test_a_collection_with_a_damaged_index_is_kept_and_whole_again_when_it_is_restored(
    full: Config, other: Config, tmp_path: Path, index: str, damage: str
) -> None:
    if damage == "gone":
        shutil.rmtree(full.home / index)
    else:
        for path in (full.home / index).rglob("*"):
            if path.is_file():
                path.write_bytes(bytes(len(path.read_bytes())))
    kept = backup(tmp_path / "kept.zip", full)
    assert (kept.articles, kept.vectors) == (3, 0 if index == "vectors" else 3)
    made = restore(kept.file, other, encoder=WordEncoder())
    assert (whole(other), made.encoded) == (3, 3 - kept.vectors)


def test_one_vector_that_is_not_as_it_was_written_is_encoded_again(
    full: Config, other: Config, tmp_path: Path
) -> None:
    expected = answers(full)
    (exact,) = (full.home / "vectors").glob("*/exact")
    data = bytearray(exact.read_bytes())
    data[-1] ^= 1
    exact.write_bytes(data)
    kept = backup(tmp_path / "kept.zip", full)
    assert kept.vectors == 2
    assert restore(kept.file, other, encoder=WordEncoder()).encoded == 1
    assert answers(other) == expected


def test_without_vectors_a_backup_is_smaller_and_everything_is_encoded_again(
    full: Config, other: Config, tmp_path: Path
) -> None:
    kept = backup(tmp_path / "kept.zip", full, vectors=False)
    assert kept.notes[0] == "the vectors are left out; restoring encodes every passage again"
    assert not {"vectors.texts", "vectors.float32"} & set(zipfile.ZipFile(kept.file).namelist())
    made = restore(kept.file, other, encoder=WordEncoder())
    assert (made.encoded, made.vectors, answers(other) == answers(full)) == (3, 0, True)


def test_conversations_are_left_out_unless_they_are_asked_for_and_tokens_always(
    full: Config, other: Config, tmp_path: Path
) -> None:
    with closing(sqlite3.connect(full.home / "people.sqlite")) as db, db:
        db.execute("CREATE TABLE conversations (id TEXT NOT NULL, title TEXT NOT NULL, PRIMARY KEY (id))")
        db.execute("CREATE TABLE sessions (digest BLOB NOT NULL, PRIMARY KEY (digest))")
        db.execute(
            "CREATE TABLE tokens (name TEXT NOT NULL, digest BLOB NOT NULL UNIQUE, PRIMARY KEY (name))"
        )
        db.execute("INSERT INTO conversations VALUES ('1', 'Who struck?')")
        db.execute("INSERT INTO sessions VALUES (CAST('a secret session' AS BLOB))")
        db.execute("INSERT INTO tokens VALUES ('mine', CAST('a secret token' AS BLOB))")
    kept = backup(tmp_path / "kept.zip", full)
    assert "people.sqlite" not in zipfile.ZipFile(kept.file).namelist()
    assert kept.notes[0] == "conversations and accounts are left out; --conversations keeps them"
    kept = backup(tmp_path / "kept.zip", full, conversations=True)
    assert kept.notes[0] == (
        "people's sessions and tokens are left out: they sign in again, and programs need new tokens"
    )
    packed = zipfile.ZipFile(kept.file).read("people.sqlite")
    assert (b"Who struck?" in packed, b"secret" in packed) == (True, False)
    restore(kept.file, other)
    assert stat.S_IMODE((other.home / "people.sqlite").stat().st_mode) == 0o600
    assert stat.S_IMODE(kept.file.stat().st_mode) == 0o600, "it holds every article"
    assert stat.S_IMODE(other.home.stat().st_mode) == 0o700
    with closing(sqlite3.connect(other.home / "people.sqlite")) as db:
        assert db.execute("SELECT * FROM conversations").fetchall() == [("1", "Who struck?")]
        assert db.execute("SELECT * FROM tokens").fetchall() == []


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TRIGGER t AFTER INSERT ON conversations BEGIN DELETE FROM conversations; END",
        "CREATE VIEW v AS SELECT 1",
        "CREATE VIRTUAL TABLE f USING fts5(x)",
        "CREATE INDEX i ON conversations (lower(id))",
        "CREATE TABLE g (id TEXT, double TEXT GENERATED ALWAYS AS (id || id))",
    ],
)
def test_people_s_file_with_anything_that_runs_is_refused(
    full: Config, other: Config, tmp_path: Path, statement: str
) -> None:
    with closing(sqlite3.connect(full.home / "people.sqlite")) as db, db:
        db.execute("CREATE TABLE conversations (id TEXT NOT NULL, PRIMARY KEY (id))")
        db.execute(statement)
    kept = backup(tmp_path / "kept.zip", full, conversations=True).file
    with (
        unchanged(tmp_path),
        refused("people.sqlite h", "which no version of Clippings makes. Use another one"),
    ):
        restore(kept, other)


def test_a_catalog_that_packs_tighter_than_a_bomb_may_is_stored_as_it_is(
    full: Config, other: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "_LARGE_BYTES", 1_000)
    monkeypatch.setattr(archive, "_MAX_RATIO", 2)
    kept = backup(tmp_path / "kept.zip", full).file
    assert {info.compress_type for info in zipfile.ZipFile(kept).infolist() if info.file_size > 1_000} == {
        zipfile.ZIP_STORED
    }
    assert restore(kept, other).articles == 3


def test_a_backup_of_the_former_format_is_restored_without_its_indexes(
    full: Config, kept: Path, other: Config
) -> None:
    def age(data: dict[str, bytes], said: Members) -> None:
        for name in ("vectors.texts", "vectors.float32"):
            del data[name], said["members"][name]
        data["dense/chroma.sqlite3"] = data["vectors/1/exact"] = b"whatever"
        for name in ("dense/chroma.sqlite3", "vectors/1/exact"):
            said["members"][name] = {"bytes": 8, "sha256": hashlib.sha256(b"whatever").hexdigest()}
        said["clippings backup"] = 1
        for name in ("vectors", "dims", "earlier", "corrections"):
            del said[name]

    made = restore(forged(kept, age), other, encoder=WordEncoder())
    assert (made.articles, made.encoded, whole(other), answers(other) == answers(full)) == (3, 3, 3, True)


# What is not restored


def revised(kept: Path, *statements: str) -> Path:
    """The backup with a catalog on which somebody has run SQL, its manifest made to agree."""

    def change(data: dict[str, bytes], said: Members) -> None:
        catalog = kept.with_name("revised.sqlite")
        catalog.write_bytes(data[FILE])
        with closing(sqlite3.connect(catalog, isolation_level=None)) as db:
            for statement in statements:
                db.execute(statement)
            for table in ("articles", "passages"):
                with suppress(sqlite3.OperationalError):
                    said[table] = db.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            said["layout"] = dict(db.execute("SELECT name, value FROM meta")).get("schema")
        data[FILE] = catalog.read_bytes()
        catalog.unlink()
        said["members"][FILE] = {"bytes": len(data[FILE]), "sha256": hashlib.sha256(data[FILE]).hexdigest()}

    return forged(kept, change)


def test_a_catalog_revised_by_nobody_is_restored(full: Config, kept: Path, other: Config) -> None:
    assert restore(revised(kept), other).articles == 3


@pytest.mark.parametrize(
    ("statements", "words"),
    [
        (["CREATE TRIGGER t AFTER INSERT ON articles BEGIN DELETE FROM articles; END"], "holds the trigger 't'"),
        (["CREATE VIEW v AS SELECT 1"], "holds the view 'v'"),
        (["CREATE VIRTUAL TABLE f USING fts5(x)"], "holds the table 'f'"),
        (["CREATE TABLE more (x TEXT)"], "holds the table 'more'"),
        (["CREATE INDEX more ON articles (title)"], "holds the index 'more'"),
        (["DROP INDEX ix_articles_origin", "CREATE INDEX ix_articles_origin ON articles (lower(origin))"],
         "the index 'ix_articles_origin' of its catalog is another one"),
        (["DROP INDEX ix_articles_origin", "CREATE INDEX ix_articles_origin ON articles (origin) WHERE origin > ''"],
         "the index 'ix_articles_origin' of its catalog is another one"),
        (["DROP TABLE passages"], "its catalog has no table passages"),
        (["ALTER TABLE articles ADD COLUMN more TEXT"], "the table articles of its catalog is made with 'more'"),
        (["ALTER TABLE indexes ADD COLUMN double TEXT GENERATED ALWAYS AS (name || name) VIRTUAL"],
         "the table indexes of its catalog is made with"),
        (["DROP TABLE indexes", "CREATE TABLE indexes (name TEXT NOT NULL CHECK (length(name) < 9), "
          "generation INTEGER NOT NULL, PRIMARY KEY (name))"],
         "the table indexes of its catalog is made with"),
        (["DROP TABLE indexes", "CREATE TABLE indexes (name TEXT NOT NULL DEFAULT 'x', "
          "generation INTEGER NOT NULL, PRIMARY KEY (name))"],
         "the table indexes of its catalog is made with"),
        (["DROP TABLE indexes", "CREATE TABLE indexes (name TEXT, generation INTEGER NOT NULL, PRIMARY KEY (name))"],
         "the table indexes of its catalog has other columns than any version of Clippings makes (name)"),
        (["DROP TABLE indexes", "CREATE TABLE indexes (name BLOB NOT NULL, generation INTEGER NOT NULL, "
          "PRIMARY KEY (name))"],
         "the table indexes of its catalog has other columns"),
        (["DROP TABLE indexes"], "its catalog has no table indexes"),
        (["CREATE TABLE doomed (key TEXT NOT NULL, PRIMARY KEY (key))"],
         "holds the table 'doomed', which no version of Clippings makes in layout 3"),
        (["UPDATE meta SET value = '7' WHERE name = 'schema'"],
         "has layout 7, this version reads 1 to 3 (a later version of Clippings made it: update this one)"),
        (["DELETE FROM meta WHERE name = 'schema'"], "has layout None, this version reads 1 to 3 (no version of Clippings made it)"),
        (["UPDATE articles SET text = text || '.' WHERE id = 'news/weather.txt'"],
         "the article news/weather.txt is not what was added: its content has another hash"),
        (["UPDATE articles SET version = 'x' WHERE id = 'news/weather.txt'"], "news/weather.txt is not what was added"),
        (["UPDATE corrections SET was = 'Another'"], "news/iran.txt is not what was added"),
        (["UPDATE corrections SET name = 'text'"], "news/iran.txt is not what was added"),
        (["UPDATE corrections SET article_id = 'nowhere'"], "a correction belongs to the article nowhere, which is not there"),
        (["UPDATE passages SET \"end\" = 999 WHERE article_id = 'news/iran.txt'"],
         "a passage of the article news/iran.txt lies outside its text"),
        (["UPDATE passages SET \"end\" = 30 WHERE article_id = 'news/iran.txt'"],
         "a passage of the article news/iran.txt is of another version of it"),
        (["UPDATE passages SET start = -1 WHERE article_id = 'news/iran.txt'"], "lies outside its text"),
        (["UPDATE passages SET start = 'x' WHERE article_id = 'news/iran.txt'"], "lies outside its text"),
        (["UPDATE passages SET article_id = 'nowhere' WHERE article_id = 'news/iran.txt'"],
         "a passage belongs to the article nowhere, which is not there"),
        (["UPDATE meta SET value = '-1' WHERE name = 'generation'"], "generation is '-1', which is no number of writes"),
        (["UPDATE meta SET value = '9999999999999999999' WHERE name = 'generation'"], "which is no number of writes"),
        (["UPDATE meta SET value = '1' WHERE name = 'passages.words'"], "was made with settings that cannot be: passages.words"),
        (["UPDATE meta SET value = '1000000' WHERE name = 'passages.words'"], "was made with settings that cannot be"),
        (["UPDATE articles SET id = 'a' || char(7) WHERE id = 'news/weather.txt'"], "or holds control characters"),
        (["UPDATE articles SET id = hex(zeroblob(3000)) WHERE id = 'news/weather.txt'"], "longer than 5,000 characters"),
        (["UPDATE articles SET published = '2024-02-31' WHERE id = 'news/weather.txt'"],
         "was published on '2024-02-31', which is no day"),
        (["UPDATE articles SET added = 'yesterday'"], "was added at 'yesterday', which is no time"),
        (["UPDATE articles SET words = 1"], "has another number of words than is noted"),
        (["UPDATE articles SET pages = '[5, 1]'"], "has a note of where it was read that cannot be read"),
        (["UPDATE articles SET provenance = '{}'"], "has a note of where it was read that cannot be read"),
        (["UPDATE articles SET signature = 7"], "has another signature than its text"),
        (["UPDATE articles SET text = CAST(x'ff41' AS TEXT)"], "its catalog cannot be read: Could not decode to UTF-8 column"),
        (["UPDATE articles SET text = x'4142'"], "has no text that could be one"),
        (["INSERT INTO earlier VALUES ('nowhere', 'v', '2024-01-01', '{}', x'00')"],
         "an earlier version of the article nowhere is kept, and the article is not there"),
        (["INSERT INTO earlier VALUES ('news/weather.txt', 'v', '2024-01-01', '{}', x'00')"],
         "an earlier version of the article news/weather.txt cannot be read"),
        (["INSERT INTO snapshots VALUES ('x', x'00', '[]')"], "the table snapshots has in stamp a value that is no text"),
        (["UPDATE indexes SET generation = 'x'"], "the table indexes has in generation a value that is no integer"),
        (["UPDATE passages SET added = 'x'"], "the table passages has in added a value that is no generation"),
        (["PRAGMA writable_schema = ON", "UPDATE sqlite_master SET rootpage = 3 WHERE name = 'indexes'"],
         "its catalog cannot be read"),
    ],
)  # fmt: skip
def test_a_catalog_that_clippings_did_not_write_is_refused(
    kept: Path, other: Config, statements: list[str], words: str
) -> None:
    path = revised(kept, *statements)
    with unchanged(kept.parent), refused(f"{path} is damaged, or is no backup of Clippings: ", words):
        restore(path, other)


def test_an_earlier_version_that_unpacks_without_end_is_refused(
    kept: Path, other: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judging, "_LONGEST_TEXT", 1_000_000)
    bomb = zlib.compress(bytes(2_000_000)).hex()
    path = revised(
        kept,
        f"INSERT INTO earlier VALUES ('news/iran.txt', '{'0' * 64}', '2024-01-01T00:00:00+00:00', '{{}}', "
        f"x'{bomb}')",
    )
    with unchanged(kept.parent), refused("an earlier version of the article news/iran.txt cannot be read"):
        restore(path, other)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), 0.0, 2.0])
def test_vectors_that_are_none_are_refused(kept: Path, other: Config, number: float) -> None:
    def change(data: dict[str, bytes], said: Members) -> None:
        data["vectors.float32"] = np.full(3 * DIMS, number, "<f4").tobytes()
        said["members"]["vectors.float32"]["sha256"] = hashlib.sha256(data["vectors.float32"]).hexdigest()

    path = forged(kept, change)
    with unchanged(kept.parent), refused("its vectors are damaged: their lengths are not 1"):
        restore(path, other)


def test_members_that_overlap_are_refused(kept: Path, other: Config) -> None:
    # A bomb whose members share what is packed: each alone is modest.
    with zipfile.ZipFile(kept) as archive:
        gold, feedback = archive.getinfo("gold.jsonl"), archive.getinfo("feedback.jsonl")
        offset, there = (info.header_offset.to_bytes(4, "little") for info in (gold, feedback))
    data = kept.read_bytes()
    at = data.index(offset, data.index(b"PK\x01\x02"))
    kept.write_bytes(data[:at] + there + data[at + 4 :])
    with refused("is damaged, or is no backup of Clippings: "):
        restore(kept, other)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda data, _: data.update({FILE: data[FILE][::-1]}), f"{FILE} is not what was backed up"),
        (lambda data, _: data.pop("gold.jsonl"), "it does not contain the files that its manifest names"),
        (lambda data, _: data.update({"upload/more.txt": b"x"}), "it does not contain the files that its manifest names"),
        (lambda data, said: said["members"]["gold.jsonl"].update(sha256="0" * 64), "gold.jsonl is not what was backed up"),
        (lambda data, said: said["members"]["gold.jsonl"].update(bytes=1), "gold.jsonl has another length than its manifest says"),
        (lambda data, said: said["members"]["gold.jsonl"].pop("bytes"), "its manifest is not complete"),
        (lambda data, said: said.update(members=[]), "its manifest is not complete"),
        (lambda data, said: said.update(articles=4), "its catalog is not the one that its manifest describes"),
        (lambda data, said: said.pop("encoder"), "its catalog is not the one that its manifest describes"),
        (
            lambda data, said: said.update({"clippings backup": 3}),
            "its format is 3, this version of Clippings reads 2 and 1. A later version made it: update this "
            "one",
        ),
        (lambda data, said: said.update(passages=-1), "its manifest has counts that are no numbers"),
        (lambda data, said: said.update(dims=True), "its manifest has counts that are no numbers"),
        (lambda data, said: said.update(vectors=2), "its vectors are not as many as its manifest says"),
        (lambda data, said: said.update(dims=128), "its vectors are not as many as its manifest says"),
        (lambda data, said: said.pop("clippings backup"), "its manifest.json is of another program"),
        (lambda data, said: (data.pop(FILE), said["members"].pop(FILE)), "it does not contain the files that its manifest names"),
    ],
)  # fmt: skip
def test_a_backup_that_is_not_as_it_was_made_leaves_nothing_behind(
    kept: Path, other: Config, change: Callable[[dict[str, bytes], Members], object], words: str
) -> None:
    path = forged(kept, change)
    with (
        unchanged(kept.parent),
        refused(f"{path} is damaged, or is no backup of Clippings: {words}. Use another one"),
    ):
        restore(path, other)


@pytest.mark.parametrize(
    "name",
    [
        "../evil.txt", "upload/../../evil.txt", "upload/..", "/tmp/evil.txt", "upload//evil.txt", "upload/./evil.txt", "upload/",
        "evil.txt", "evil/evil.txt", "write.lock", "upload", "..", "", "catalog.sqlite-wal", "catalog.sqlite/evil",
    ],
)  # fmt: skip
def test_a_member_that_would_lie_elsewhere_is_refused(kept: Path, other: Config, name: str) -> None:
    def add(data: dict[str, bytes], said: Members) -> None:
        data[name] = b"evil"
        said["members"][name] = {"bytes": 4, "sha256": "4b3b8dcf1a3e3f8d"}

    path = forged(kept, add)
    with unchanged(kept.parent), refused(f"{name!r} is no file of a backup"):
        restore(path, other)


def test_a_link_is_refused(kept: Path, other: Config) -> None:
    path = forged(kept, lambda *_: None, **{"gold.jsonl": (stat.S_IFLNK | 0o777) << 16})
    with unchanged(kept.parent), refused("'gold.jsonl' is no file of a backup"):
        restore(path, other)


def test_a_member_that_is_there_twice_is_refused(kept: Path, other: Config) -> None:
    with zipfile.ZipFile(kept, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("gold.jsonl", CASE)
    with unchanged(kept.parent), refused("it does not contain the files that its manifest names"):
        restore(kept, other)


def test_a_bomb_is_read_no_further_than_the_manifest_says(
    kept: Path, other: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill(data: dict[str, bytes], _said: Members) -> None:
        data["gold.jsonl"] = bytes(50_000_000)

    path = forged(kept, fill)
    with unchanged(kept.parent), refused("gold.jsonl has another length than its manifest says"):
        restore(path, other)
    # One that lies about its length in the zip's directory as well.
    with (
        unchanged(kept.parent),
        monkeypatch.context() as patch,
        refused("gold.jsonl has another length than its manifest says"),
    ):
        patch.setattr(archive, "is_bomb", lambda _: False)
        restore(path, other)
    real, false = (50_000_000).to_bytes(4, "little"), len(CASE).to_bytes(4, "little")
    assert path.read_bytes().count(real) == 2
    path.write_bytes(path.read_bytes().replace(real, false))
    # It would be refused for its length already.
    monkeypatch.setattr(archive, "is_bomb", lambda _: False)
    written: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda file: written.append(os.fstat(file.fileno()).st_size))
    with unchanged(kept.parent), refused("Bad CRC-32 for file 'gold.jsonl'"):
        restore(path, other)
    assert sum(written) < 5_000_000


def test_a_manifest_that_would_fill_the_memory_is_not_read(
    kept: Path, other: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.archive._LONGEST_MANIFEST", 100)
    with unchanged(kept.parent), refused("its manifest is too long"):
        restore(kept, other)


def test_a_manifest_nested_without_end_is_refused(kept: Path, other: Config) -> None:
    with zipfile.ZipFile(kept, "w") as archive:
        archive.writestr("manifest.json", "[" * 200_000)
    with unchanged(kept.parent), refused("is damaged, or is no backup of Clippings: "):
        restore(kept, other)


def test_a_file_that_is_cut_off_or_flipped_anywhere_is_restored_whole_or_not_at_all(
    full: Config, kept: Path, other: Config
) -> None:
    good, chance = kept.read_bytes(), random.Random(7)
    expected = answers(full)
    for _ in range(40):
        at = chance.randrange(len(good)) if chance.random() < 0.3 else len(good) - 1 - chance.randrange(6_000)
        for bad in (good[:at], good[:at] + bytes([good[at] ^ (1 << chance.randrange(8))]) + good[at + 1 :]):
            kept.write_bytes(bad)
            try:
                restore(kept, other)
            except CollectionError:
                assert not other.home.exists()
            else:  # a bit that means nothing, such as a time of day
                assert answers(other) == expected
                shutil.rmtree(other.home)


def test_a_file_that_is_no_backup_at_all_is_said_to_be_none(
    news: Path, tmp_path: Path, other: Config
) -> None:
    with zipfile.ZipFile(tmp_path / "holiday.zip", "w") as archive:
        archive.writestr("photo.jpg", b"x")
    (tmp_path / "empty.zip").write_bytes(b"")
    for file, words in (
        (tmp_path / "holiday.zip", "There is no item named 'manifest.json' in the archive. Use another one"),
        (news / "iran.txt", "File is not a zip file. Use another one"),
        (tmp_path / "empty.zip", "File is not a zip file. Use another one"),
        (tmp_path / "none.zip", f"{tmp_path / 'none.zip'} is not there. Name the file of a backup"),
        (news, f"{news} is a folder. Name the file of a backup"),
    ):
        with unchanged(tmp_path), refused(words):
            restore(file, other)


def test_a_collection_that_is_there_is_never_overwritten(full: Config, kept: Path, other: Config) -> None:
    with (
        unchanged(kept.parent),
        refused(
            f"there is a collection in {full.home} already. Name another folder with --home, or remove that "
            f"one"
        ),
    ):
        restore(kept, full)
    other.home.mkdir()
    (other.home / "diary.txt").write_text("mine")
    with unchanged(kept.parent), refused(f"there is something in {other.home} already"):
        restore(kept, other)
    with unchanged(kept.parent), refused("cannot be made: Not a directory"):
        restore(kept, replace(other, home=other.home / "diary.txt"))


def test_one_that_appears_in_the_meantime_is_not_overwritten_either(
    kept: Path, other: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    really = os.replace

    def late(source: Path, to: Path) -> None:
        if to == other.home:
            other.home.mkdir()
            (other.home / FILE).write_text("another's")
        really(source, to)

    monkeypatch.setattr(os, "replace", late)
    with refused(f"{other.home} cannot be made: Directory not empty"):
        restore(kept, other)
    assert files(other.home) == {FILE: b"another's"}


@pytest.mark.parametrize("error", BREAKS)
@pytest.mark.parametrize("name", ["fsync", "replace"])
def test_a_restoration_that_breaks_off_before_all_was_judged_leaves_nothing_behind(
    kept: Path, other: Config, name: str, error: BaseException
) -> None:
    with unchanged(kept.parent), broken_off(os, name, error, str(other.home)):
        restore(kept, other)
    assert restore(kept, other).articles == 3
