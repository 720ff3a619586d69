"""A collection in one file and back: nothing is lost on the way, nothing half done or hostile ever stands for a whole one."""

from __future__ import annotations

import errno
import json
import os
import random
import shutil
import sqlite3
import stat
import threading
import zipfile
from collections import namedtuple
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import WordEncoder
from filelock import FileLock, Timeout

from ingest import edit, remove, sync
from ingest.collection import LOCK
from ingest.safekeeping import Kept, backup, restore
from rag.catalog import FILE, Catalog, Looked
from rag.config import Config
from rag.errors import CollectionError
from rag.index import dense
from rag.index.dense import DenseIndex
from rag.index.lexical import WHOLE, LexicalIndex
from rag.retrieve import Retriever

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


@pytest.fixture
def full(news: Path, config: Config, encoder: WordEncoder) -> Config:
    """A collection of two articles from a folder and one that was uploaded, a verdict, a gold case and a correction."""
    sync(news, config, encoder=encoder)
    (config.home / "upload").mkdir()
    (config.home / "upload" / "sent.txt").write_text("This was uploaded by Ann.")
    sync(config.home / "upload" / "sent.txt", config, encoder=encoder)
    edit("news/iran.txt", {"title": "Strikes"}, config, encoder=encoder)
    (config.home / "feedback.jsonl").write_text(VERDICT)
    (config.home / "gold.jsonl").write_text(CASE)
    return config


@pytest.fixture
def kept(full: Config, tmp_path: Path) -> Path:
    return backup(tmp_path / "news.zip", full).file


@pytest.fixture
def other(config: Config, tmp_path: Path) -> Config:
    """Where there is no collection yet."""
    return replace(config, home=tmp_path / "other")


def answers(config: Config) -> list[Any]:
    """What a collection finds, with every score, stage by stage."""
    with Retriever(config.home, config, WordEncoder()) as retriever:
        return [
            [(p.passage, p.article, p.rank, p.scores) for p in retriever.find(question, stages=(stage,))]
            for question in QUESTIONS
            for stage in ("dense", "lexical", "whole")
        ]


def rows(config: Config) -> dict[str, list[Any]]:
    with closing(sqlite3.connect(config.home / FILE)) as db:
        tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
        held = {table: sorted(db.execute(f"SELECT * FROM {table}").fetchall(), key=repr) for table in tables}
    held["meta"] = [(name, value) for name, value in held["meta"] if name != "identity"]  # a copy has its own
    return held


def whole(config: Config) -> int:
    """The number of passages, when the catalog and the indexes hold the same and nothing is left to do."""
    with closing(Catalog(config.home, config)) as catalog, closing(DenseIndex(config.home)) as index:
        assert (catalog.pending(), catalog.doomed(), catalog.uncut(), catalog.stale()) == ([], [], [], False)
        assert catalog.keys() == index.mapped() == index.keys() == LexicalIndex(config.home).keys()
        assert LexicalIndex(config.home, WHOLE).keys() == {place.key for place in catalog.openings().values()}
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
    made = restore(kept, other)
    assert made == Kept(kept, articles=3, passages=3, bytes=kept.stat().st_size)
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


def test_a_backup_is_an_ordinary_zip_file_without_locks_that_says_what_is_in_it(full: Config, tmp_path: Path) -> None:
    (full.home / "lexical" / ".tmpAbC").write_text("half a file of a run that was killed")
    for passing in ("incoming/.a1", ".adding/earlier"):  # what waits to be taken in, or is just being so
        (full.home / "upload" / passing).mkdir(parents=True)
        (full.home / "upload" / passing / "a.txt").write_text("not yet an article")
    made = backup(tmp_path / "news.zip", full)
    assert made == Kept(tmp_path / "news.zip", articles=3, passages=3, bytes=made.file.stat().st_size)
    with zipfile.ZipFile(made.file) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        manifest = json.loads(archive.read("manifest.json"))
    assert names[-1] == "manifest.json"
    assert sorted(manifest["members"]) == sorted(names[:-1])
    assert {name.split("/")[0] for name in names[:-1]} == {
        FILE, "dense", "lexical", "vectors", "whole", "upload", "feedback.jsonl", "gold.jsonl"
    }  # fmt: skip
    assert [name for name in names if name.startswith("upload/")] == ["upload/sent.txt"]
    assert not [name for name in names if "lock" in name or ".tmp" in name or name.endswith(("-wal", "-shm"))]
    assert {name: manifest[name] for name in ("clippings backup", "home", "layout", "encoder", "articles", "passages")} == {
        "clippings backup": 1, "home": str(full.home), "layout": "2", "encoder": "words", "articles": 3, "passages": 3
    }  # fmt: skip
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home", "news", "news.zip"]


def test_what_was_removed_is_not_in_a_backup(full: Config, other: Config, tmp_path: Path, encoder: WordEncoder) -> None:
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


def test_nobody_is_at_work_in_chroma_s_store_while_it_is_copied_and_questions_wait_for_nothing_else(
    full: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone: dict[str, bool] = {}
    really = zipfile.ZipFile.open

    def look(archive: zipfile.ZipFile, name: Any, mode: str = "r", *given: Any, **how: Any) -> Any:
        if mode == "w" and isinstance(name, zipfile.ZipInfo):
            try:
                with FileLock(full.home / "dense.lock", timeout=0):
                    alone[name.filename] = False
            except Timeout:
                alone[name.filename] = True
        return really(archive, name, mode, *given, **how)

    monkeypatch.setattr(zipfile.ZipFile, "open", look)
    backup(tmp_path / "news.zip", full)
    assert {name for name, held in alone.items() if held} == {name for name in alone if name.startswith("dense/")} != set()


def test_a_restored_collection_is_synced_further_and_pruned(
    news: Path, kept: Path, other: Config, encoder: WordEncoder
) -> None:
    restore(kept, other)
    (news / "snow.txt").write_text("Snow fell.")
    (news / "weather.txt").unlink()
    report = sync(news, other, encoder=encoder, prune=True)
    assert (report.added, report.removed, report.kept) == (("news/snow.txt",), ("news/weather.txt",), ("news/iran.txt",))
    assert encoder.encoded[-1:] == ["Snow fell."], "nothing that was there is encoded again"
    assert whole(other) == 3
    with closing(Catalog(other.home, other)) as catalog:
        iran = catalog.article("news/iran.txt")
    assert iran is not None
    assert iran.title == "Strikes"


def test_what_was_uploaded_is_known_where_it_lies_now_and_nothing_else_is_moved(
    full: Config, kept: Path, other: Config, news: Path, encoder: WordEncoder
) -> None:
    near = full.home.with_name("home2")  # the old home's name is the beginning of this one's, and no part of it
    near.mkdir()
    (near / "near.txt").write_text("Snow fell nearby.")
    sync(near, full, encoder=encoder)
    with closing(Catalog(full.home, full)) as catalog:
        catalog.note({f"{full.home}/upload/big.jsonl": Looked("stamp", "[]")})
    restore(backup(kept, full).file, other)
    uploaded = other.home / "upload" / "sent.txt"
    assert origins(other) == {
        "news/iran.txt": str(news / "iran.txt"),
        "news/weather.txt": str(news / "weather.txt"),
        "home2/near.txt": str(near / "near.txt"),
        "upload/sent.txt": str(uploaded),
    }
    with closing(Catalog(other.home, other)) as catalog:
        assert list(catalog.looked()) == [f"{other.home}/upload/big.jsonl"]
    assert sync(uploaded, other, encoder=encoder).kept == ("upload/sent.txt",)
    shutil.rmtree(full.home)
    uploaded.write_text("This was sent by Bob.")
    assert sync(other.home / "upload", other, encoder=encoder, prune=True).replaced == ("upload/sent.txt",)
    uploaded.unlink()
    assert sync(other.home / "upload", other, encoder=encoder, prune=True).removed == ("upload/sent.txt",)


def test_a_store_of_chromas_that_cannot_be_opened_is_left_out_and_made_anew_from_the_vectors(
    full: Config, other: Config, tmp_path: Path, encoder: WordEncoder
) -> None:
    before = answers(full)
    (full.home / "dense" / "chroma.sqlite3").write_bytes(b"no database" * 500)
    file = backup(tmp_path / "news.zip", full).file
    with zipfile.ZipFile(file) as archive:
        assert not [name for name in archive.namelist() if name.startswith("dense/")]
    restore(file, other)
    assert answers(other) == before
    encoder.encoded.clear()
    sync([], other, encoder=encoder)
    assert (whole(other), encoder.encoded) == (3, [])


def test_a_collection_that_is_lost_is_restored_in_its_place(full: Config, kept: Path) -> None:
    before = rows(full), answers(full)
    shutil.rmtree(full.home)
    full.home.mkdir()  # an empty folder is no hindrance
    restore(kept, full)
    assert (rows(full), answers(full)) == before


def test_a_collection_made_otherwise_is_kept_and_restored_as_it_is_and_says_so_when_opened(
    full: Config, other: Config, tmp_path: Path
) -> None:
    with closing(sqlite3.connect(full.home / FILE)) as db, db:
        db.execute("UPDATE meta SET value = '1' WHERE name = 'index layout'")
    with refused("were made by another version of Clippings"):
        Catalog(full.home, full)
    shutil.rmtree(full.home / "whole")  # an older version had none
    asking = replace(other, encoder="another")
    restore(backup(tmp_path / "old.zip", replace(full, encoder="another")).file, asking)
    with refused("make the indexes again: clippings sync --rebuild"):
        Catalog(asking.home, other)


def test_a_sync_that_was_killed_goes_on_in_the_restored_collection(
    news: Path, config: Config, other: Config, encoder: WordEncoder, tmp_path: Path
) -> None:
    sync(news, config, encoder=encoder)
    (news / "snow.txt").write_text("Snow fell.")
    with broken_off(DenseIndex, "add", KeyboardInterrupt()):
        sync(news, config, encoder=encoder)
    restore(backup(tmp_path / "news.zip", config).file, other)
    sync(news, other, encoder=encoder)
    assert whole(other) == 3


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


def test_a_disk_that_fills_up_while_vectors_are_copied_is_not_blamed_on_the_index(
    full: Config, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    really = zipfile.ZipFile.open

    def fail(archive: zipfile.ZipFile, info: Any, mode: str = "r", *given: Any, **how: Any) -> Any:
        if mode == "w" and info.filename.startswith("dense/"):
            raise OSError(errno.ENOSPC, "No space left on device")
        return really(archive, info, mode, *given, **how)

    monkeypatch.setattr(zipfile.ZipFile, "open", fail)
    with unchanged(kept.parent), refused(f"the disk that holds {kept} is full"):
        backup(kept, full)


def test_what_a_killed_run_has_left_does_not_stand_in_the_way(full: Config, kept: Path, other: Config) -> None:
    for path in (kept, other.home):
        left = path.with_name(f".{path.name}.unfinished") / "new"
        left.mkdir(parents=True)
        (left / "archive").write_text("half of one")
        (left / FILE).write_text("half of one")
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
            refused(f"{mistaken} is damaged, or is no backup of Clippings: ", ". Name another file, or remove it"),
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
        (full.home / "news.zip", "lies in the collection itself and would be lost with it. Name a file elsewhere"),
        (full.home, "lies in the collection itself"),
        (tmp_path, f"{tmp_path} cannot be made: Is a directory"),
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
        with unchanged(kept.parent), refused(f"{path} may take 6", "its disk has 64 MB free. Free some space and run again"):
            attempt()


def test_while_another_process_writes_there_is_no_backup(full: Config, kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with unchanged(kept.parent), FileLock(full.home / LOCK), refused("another process is writing to the collection in"):
        backup(kept, full)
    monkeypatch.setattr(dense, "_PATIENCE", 0.05)
    with unchanged(kept.parent), FileLock(full.home / "dense.lock"), refused("another process has been at work in"):
        backup(kept, full)
    aside = kept.with_name(f".{kept.name}.unfinished")
    aside.mkdir()
    with FileLock(aside / LOCK), refused("Wait until it is done and run this again"):
        backup(kept, full)


# What is not restored


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda data, _: data.update({FILE: data[FILE][::-1]}), f"{FILE} is not what was backed up"),
        (lambda data, _: data.pop("gold.jsonl"), "it does not hold the files that its manifest names"),
        (lambda data, _: data.update({"upload/more.txt": b"x"}), "it does not hold the files that its manifest names"),
        (lambda data, said: said["members"]["gold.jsonl"].update(sha256="0" * 64), "gold.jsonl is not what was backed up"),
        (lambda data, said: said["members"]["gold.jsonl"].update(bytes=1), "gold.jsonl has not the length that its manifest says"),
        (lambda data, said: said["members"]["gold.jsonl"].pop("bytes"), "its manifest is not complete"),
        (lambda data, said: said.update(members=[]), "its manifest is not complete"),
        (lambda data, said: said.update(articles=4), "its catalog is not the one that its manifest describes"),
        (lambda data, said: said.pop("encoder"), "its catalog is not the one that its manifest describes"),
        (lambda data, said: said.update({"clippings backup": 2}), "its format is 2, this version of Clippings reads 1"),
        (lambda data, said: said.pop("clippings backup"), "its manifest.json is something else's"),
        (lambda data, said: (data.pop(FILE), said["members"].pop(FILE)), "it does not hold the files that its manifest names"),
    ],
)  # fmt: skip
def test_a_backup_that_is_not_as_it_was_made_leaves_nothing_behind(
    kept: Path, other: Config, change: Callable[[dict[str, bytes], Members], object], words: str
) -> None:
    path = forged(kept, change)
    with unchanged(kept.parent), refused(f"{path} is damaged, or is no backup of Clippings: {words}. Use another one"):
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
    with unchanged(kept.parent), refused(f"{name!r} is nothing that a backup holds"):
        restore(path, other)


def test_a_link_is_refused(kept: Path, other: Config) -> None:
    path = forged(kept, lambda *_: None, **{"gold.jsonl": (stat.S_IFLNK | 0o777) << 16})
    with unchanged(kept.parent), refused("'gold.jsonl' is nothing that a backup holds"):
        restore(path, other)


def test_a_member_that_is_there_twice_is_refused(kept: Path, other: Config) -> None:
    with zipfile.ZipFile(kept, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("gold.jsonl", CASE)
    with unchanged(kept.parent), refused("it does not hold the files that its manifest names"):
        restore(kept, other)


def test_a_bomb_is_read_no_further_than_the_manifest_says(kept: Path, other: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    def fill(data: dict[str, bytes], _said: Members) -> None:
        data["gold.jsonl"] = bytes(50_000_000)

    path = forged(kept, fill)
    with unchanged(kept.parent), refused("gold.jsonl has not the length that its manifest says"):
        restore(path, other)
    # One that lies about its length in the zip's directory as well.
    real, false = (50_000_000).to_bytes(4, "little"), len(CASE).to_bytes(4, "little")
    assert path.read_bytes().count(real) == 2
    path.write_bytes(path.read_bytes().replace(real, false))
    written: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda file: written.append(os.fstat(file.fileno()).st_size))
    with unchanged(kept.parent), refused("Bad CRC-32 for file 'gold.jsonl'"):
        restore(path, other)
    assert sum(written) < 5_000_000


def test_a_manifest_that_would_fill_the_memory_is_not_read(kept: Path, other: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.safekeeping._LONGEST", 100)
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


def test_a_file_that_is_no_backup_at_all_is_said_to_be_none(news: Path, tmp_path: Path, other: Config) -> None:
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
        refused(f"there is a collection in {full.home} already. Name another folder with --home, or remove that one"),
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

    def late(*given: Any) -> None:
        other.home.mkdir()
        (other.home / FILE).write_text("another's")
        really(*given)

    monkeypatch.setattr(os, "replace", late)
    with refused(f"{other.home} cannot be made: Directory not empty"):
        restore(kept, other)
    assert files(other.home) == {FILE: b"another's"}


@pytest.mark.parametrize("error", BREAKS)
@pytest.mark.parametrize("name", ["fsync", "replace"])
def test_a_restoration_that_breaks_off_leaves_nothing_behind(
    kept: Path, other: Config, name: str, error: BaseException
) -> None:
    with unchanged(kept.parent), broken_off(os, name, error, str(other.home)):
        restore(kept, other)
    assert restore(kept, other).articles == 3
