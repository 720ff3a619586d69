"""A collection outlives what happens to it: a rebuild, a long article or a sync that is killed or stopped in
the middle, a disk that may only be read or is full, and a file system without locks."""

from __future__ import annotations

import errno
import fcntl
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import WordEncoder, WordReader, write_jsonl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_crash import FORKS, KILLS, held
from test_full_disk import DISK, disk, filled

from ingest import apply as applying
from ingest import edit, remove, sync
from ingest import writer as batching
from ingest.apply import Progress
from ingest.formats import articles
from ingest.restoring import restore
from ingest.safekeeping import backup
from ingest.split import passage_spans
from rag.config import DENSE, Config, PassageSettings, RetrievalSettings
from rag.errors import CollectionError
from rag.opening import open_assistant
from rag.retrieval.search import Retriever
from rag.store.catalog import FILE, Catalog
from rag.types import Failure, Filters

pytestmark = pytest.mark.slow

__all__ = ["DISK", "disk"]

LONG = "news/long.txt"  # a file's path below the folder for tests, and its id
SHORT = PassageSettings(words=40, overlap=0)


def story(number: int, sentences: int = 12) -> str:
    return " ".join(
        f"The story{number} of ship{number} happened at noon of day{n}." for n in range(sentences)
    )


def edition(number: int, sentences: int = 240) -> str:
    """A long article of which every sentence says which edition it is of."""
    return " ".join(
        f"Edition{number} says that ship{n} reached the harbour with crew{n}." for n in range(sentences)
    )


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path) -> None:
    (tmp_path / "news").mkdir()


@pytest.fixture
def feed(tmp_path: Path) -> Path:
    return write_jsonl(
        tmp_path / "feed.jsonl",
        *({"id": f"{n:02}", "text": story(n), "title": f"Story {n}"} for n in range(8)),
    )


class Slow(WordEncoder):
    """It notes how many texts it was given, in a file that outlives it, and takes a moment for them."""

    def __init__(self, notes: Path | None = None, moment: float = 0.0) -> None:
        super().__init__()
        self.notes, self.moment = notes, moment

    def passages(self, texts: Sequence[str]) -> np.ndarray:
        if self.notes:
            with self.notes.open("a") as lines:
                lines.write(f"{len(texts)}\n")
        time.sleep(self.moment)
        return super().passages(texts)

    @staticmethod
    def seen(notes: Path) -> int:
        return sum(map(int, notes.read_text().split())) if notes.exists() else 0


class Fragile(WordEncoder):
    """It does something before its n-th call, counted from 1."""

    def __init__(self, at: int, act: Callable[[], Any]) -> None:
        super().__init__()
        self.at, self.act, self.calls = at, act, 0

    def passages(self, texts: Sequence[str]) -> np.ndarray:
        self.calls += 1
        if self.calls == self.at:
            self.act()
        return super().passages(texts)


class Lost(Exception):
    """As if the process had ended here."""


def lose() -> None:
    raise Lost


def spans(config: Config, number: int) -> set[str]:
    """The ids of the passages of one article, with these settings."""
    return {f"{number:02}:{a}-{b}" for a, b in passage_spans(story(number), config.passages)}


def seen(config: Config, number: int) -> set[str]:
    """The passages of an article that its own words find."""
    with Retriever(config.home, config, WordEncoder()) as retriever:
        found = retriever.find(f"story{number} ship{number}", k=50).passages
    return {p.passage.id for p in found if p.article.id == f"{number:02}"}


# A rebuild


def test_until_the_indexes_are_whole_the_old_ones_answer_and_from_then_on_the_new_ones(
    feed: Path, config: Config
) -> None:
    sync(feed, config, encoder=WordEncoder())
    other = replace(config, passages=SHORT)
    old, new = spans(config, 3), spans(other, 3)
    assert len(new) > len(old), "passages are cut anew"
    asked: list[set[str]] = []
    with Retriever(config.home, config, WordEncoder()) as reader:

        def ask() -> None:
            asked.append({p.passage.id for p in reader.find("story3 ship3", k=50) if p.article.id == "03"})
            asked.append(seen(config, 3))
            with pytest.raises(
                CollectionError, match=r"was made with passages\.words = 150; the configuration asks for 40"
            ):
                seen(other, 3)

        report = sync([], other, rebuild=True, encoder=Fragile(1, ask))
        assert asked == [old, old]
        with pytest.raises(
            CollectionError, match=r"was made with passages\.words = 40; the configuration asks for 150"
        ):
            reader.find("story3")
    assert seen(other, 3) == new
    assert report.passages == sum(len(spans(other, n)) for n in range(8))
    assert sorted(p.name for p in config.home.iterdir()) == [FILE, "indexes", "write.lock"], (
        "the old ones are gone"
    )
    assert [p.name for p in (config.home / "indexes").iterdir()] == ["1"]
    state = held(other)
    assert state["dense"] == state["lexical"] == [row[0] for row in state["passages"]]


def test_a_reader_goes_on_through_rebuilds_with_the_same_settings(feed: Path, config: Config) -> None:
    sync(feed, config, encoder=WordEncoder())
    with Retriever(config.home, config, WordEncoder()) as reader:
        for number in (1, 2):
            sync([], config, rebuild=True, encoder=WordEncoder())
            for stage in ("dense", "lexical"):
                found = reader.find("story5 ship5", k=1, stages=(stage,))
                assert [p.article.id for p in found] == ["05"]
            assert reader.memory()["dense index"] > 0
            assert [p.name for p in (config.home / "indexes").iterdir()] == [str(number)]


def test_a_search_that_is_under_way_when_the_indexes_are_replaced_is_answered_from_the_new_ones(
    feed: Path, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync(feed, config, encoder=WordEncoder())
    with Retriever(config.home, config, WordEncoder()) as reader:
        follow, turns = reader._follow, iter([lambda: sync([], config, rebuild=True, encoder=WordEncoder())])

        def followed() -> Any:
            now = follow()
            next(turns, lambda: None)()
            return now

        monkeypatch.setattr(reader, "_follow", followed)
        assert [p.article.id for p in reader.find("story5 ship5", k=1)] == ["05"]
        assert reader._opened.build == "indexes/1"


def test_what_is_left_of_a_killed_rebuild_is_gone_on_with_or_removed_by_the_next_writer(
    feed: Path, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batching, "BATCH", 4)
    sync(feed, config, encoder=WordEncoder())
    other = replace(config, passages=SHORT)
    total = sum(len(spans(other, n)) for n in range(8))

    def kill() -> None:
        with pytest.raises(Lost):
            sync([], other, rebuild=True, encoder=Fragile(4, lose))
        assert (config.home / "indexes").is_dir()
        assert seen(config, 3) == spans(config, 3)

    kill()
    sync(feed, config, encoder=WordEncoder())  # nothing has changed, and nobody asks for a rebuild any more
    remove("07", config, encoder=WordEncoder())
    assert not (config.home / "indexes").exists()
    with sqlite3.connect(config.home / FILE) as db:
        assert db.execute("SELECT name FROM sqlite_master WHERE name LIKE 'next%'").fetchall() == []
        db.execute("UPDATE snapshots SET stamp = ''")
    sync(feed, config, encoder=WordEncoder())
    kill()
    encoder = WordEncoder()
    sync([], other, rebuild=True, encoder=encoder)
    assert total / 4 < len(encoder.encoded) < total, "the passages that were there are not encoded again"
    assert seen(other, 3) == spans(other, 3)
    assert held(other)["dense"] == [row[0] for row in held(other)["passages"]]


def test_a_backup_of_a_collection_that_was_rebuilt_is_whole(
    feed: Path, config: Config, tmp_path: Path
) -> None:
    sync(feed, config, encoder=WordEncoder())
    sync([], config, rebuild=True, encoder=WordEncoder())
    backup(tmp_path / "kept.zip", config)
    copy = replace(config, home=tmp_path / "copy")
    restore(tmp_path / "kept.zip", copy)
    assert {**held(copy), "meta": ()} == {**held(config), "meta": ()}
    assert sorted(str(p.relative_to(copy.home)) for p in copy.home.glob("*/*/*") if p.is_dir()) == [
        f"indexes/1/{name}" for name in ("dense", "lexical", "vectors", "whole")
    ]
    assert sync(feed, copy, encoder=WordEncoder()).kept == tuple(f"{n:02}" for n in range(8))


def test_a_collection_that_an_earlier_version_was_rebuilding_when_it_was_killed_is_made_whole(
    feed: Path, config: Config
) -> None:
    sync(feed, config, encoder=WordEncoder())
    for change in (
        lambda: edit("03", {"title": "Ships"}, config, encoder=WordEncoder()),
        lambda: sync(feed, config, encoder=WordEncoder()),
    ):
        with sqlite3.connect(config.home / FILE) as db:
            db.execute("DELETE FROM passages")
        change()
        assert [seen(config, n) for n in range(8)] == [spans(config, n) for n in range(8)]
    with sqlite3.connect(config.home / FILE) as db:
        db.execute("DELETE FROM passages")
        db.execute("UPDATE articles SET text = 'Another word. ' || text WHERE id = '05'")
    with pytest.raises(CollectionError, match=r"the article 05 is not what was added\. Remove it"):
        sync(feed, config, encoder=WordEncoder())
    remove("05", config, encoder=WordEncoder())  # as it was told to
    assert sync(feed, config, encoder=WordEncoder()).added == ("05",)
    assert [seen(config, n) for n in range(8)] == [spans(config, n) for n in range(8)]


# A long article


def test_a_long_article_goes_on_where_a_killed_run_was_and_appears_whole(
    tmp_path: Path, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batching, "BATCH", 4)
    short, path = replace(config, passages=SHORT), tmp_path / LONG
    path.write_text(edition(1, 200))
    first = sync(path, short, encoder=WordEncoder())
    path.write_text(edition(2, 240))
    total = len(passage_spans(edition(2, 240), SHORT))
    assert (first.added, total > 40) == ((LONG,), True)

    def editions() -> set[str]:
        with Retriever(short.home, short, WordEncoder()) as retriever:
            return {
                p.passage.text[:8]
                for stage in ("dense", "lexical")
                for p in retriever.find("Edition2 ship7 crew7", k=9, stages=(stage,))
            }

    encoded = 0
    for _ in range(3):
        encoder = Fragile(5, lose)
        with pytest.raises(Lost):
            sync(path, short, encoder=encoder)
        encoded += len(encoder.encoded)
        assert editions() == {"Edition1"}
    encoder = WordEncoder()
    report = sync(path, short, encoder=encoder)
    assert (report.replaced, report.passages, report.completed) == ((LONG,), total, 3 * 4 * 4)
    assert (encoded, len(encoder.encoded)) == (48, total - 48), "each passage was encoded once"
    assert editions() == {"Edition2"}
    state = held(short)
    assert state["dense"] == state["lexical"] == [row[0] for row in state["passages"]]
    assert len(state["dense"]) == total
    assert not (short.home / "unfinished").exists()


def test_vectors_kept_of_an_article_that_has_changed_since_are_not_used(
    tmp_path: Path, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batching, "BATCH", 4)
    path = tmp_path / LONG
    path.write_text(edition(1))
    with pytest.raises(Lost):
        sync(path, config, encoder=Fragile(3, lose))
    path.write_text(edition(2))
    encoder = WordEncoder()
    report = sync(path, config, encoder=encoder)
    assert (report.completed, len(encoder.encoded)) == (0, report.passages)
    state = held(config)
    assert state["dense"] == [row[0] for row in state["passages"]]


def test_an_article_that_is_too_long_is_a_failure_that_says_so(
    tmp_path: Path, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(articles, "LONGEST", 1_000)
    (tmp_path / LONG).write_text("Rain fell. " * 100)
    (tmp_path / "news" / "short.txt").write_text("Rain fell.")
    report = sync(tmp_path / "news", config, encoder=WordEncoder())
    said = "its text has 1,100 characters; at most 1,000 can be added. Split it"
    assert (report.added, report.failed) == (("news/short.txt",), (Failure(LONG, said),))


# Killed at any moment, and asked all the time


def _syncing(places: Sequence[Path], config: Config, rebuild: bool, notes: Path, tell: Connection) -> None:
    batching.BATCH = 4
    tell.send("began")
    began = time.perf_counter()
    sync(places, config, rebuild=rebuild, encoder=Slow(notes, 0.002))
    tell.send(time.perf_counter() - began)


@contextmanager
def syncing(
    places: Sequence[Path], config: Config, *, rebuild: bool, notes: Path
) -> Iterator[tuple[Any, Connection]]:
    says, tell = FORKS.Pipe(duplex=False)
    process = FORKS.Process(target=_syncing, args=(places, config, rebuild, notes, tell))
    process.start()
    tell.close()
    try:
        assert says.recv() == "began"
        yield process, says
    finally:
        process.kill()
        process.join(60)
        says.close()


def killed(
    places: Sequence[Path],
    config: Config,
    notes: Path,
    moment: float | None,
    ask: Callable[[], None],
    *,
    rebuild: bool,
) -> float | None:
    """Sync in another process, killed after so many seconds, and ask all the while and once more; how long it
    took, if it came to its end."""
    with syncing(places, config, rebuild=rebuild, notes=notes) as (process, says):
        until = time.monotonic() + (60 if moment is None else moment)
        while process.is_alive() and time.monotonic() < until:
            ask()
            time.sleep(0.01)  # there may be no other processor
        process.kill()
        process.join(60)
        if process.exitcode != -signal.SIGKILL:
            assert process.exitcode == 0
            ask()
            return float(says.recv())
    ask()
    return None


def test_a_rebuild_that_is_killed_at_any_moment_leaves_the_old_indexes_or_the_new_ones(
    feed: Path, config: Config, tmp_path: Path
) -> None:
    sync(feed, config, encoder=WordEncoder())
    long, short = config, replace(config, passages=SHORT)
    expected = {c.passages: [spans(c, n) for n in range(8)] for c in (long, short)}
    counts = {c.passages: (8, sum(map(len, expected[c.passages]))) for c in (long, short)}
    dice, answered = random.Random(KILLS), 0

    def current() -> Config:
        for candidate in (long, short, long):  # they may be changed between the first and the second
            try:
                Catalog(candidate.home, candidate).close()
            except CollectionError as exc:
                if "was made with passages" not in str(exc):
                    raise
                continue
            return candidate
        raise AssertionError("the collection fits neither")

    def ask() -> None:
        """Whoever's settings fit is answered from whole indexes."""
        nonlocal answered
        now, number = current(), dice.randrange(8)
        try:
            found = seen(now, number)
            with closing(Catalog(now.home, now)) as catalog:
                count = catalog.count()
        except CollectionError as exc:  # others have taken their place just now
            if "was made with passages" not in str(exc):
                raise
            return
        assert found == expected[now.passages][number]
        assert count in counts.values()
        answered += 1

    notes = tmp_path / "notes"
    took = killed([], short, notes, None, ask, rebuild=True)
    assert took is not None
    kills = swaps = runs = 0
    while kills < KILLS:
        runs += 1
        before = current()
        target = (
            (short if before is long else long) if runs % 4 else before
        )  # some with the settings there are
        kills += killed([], target, notes, took * 0.9 * dice.random(), ask, rebuild=True) is None
        swaps += current() is not before
    assert answered > KILLS
    assert swaps > 0
    now = current()
    sync(feed, now, encoder=WordEncoder())
    remove("07", now, encoder=WordEncoder())
    state = held(now)
    assert state["dense"] == state["lexical"] == [row[0] for row in state["passages"]]
    assert len(list((now.home / "indexes").iterdir())) <= 1, "what killed runs had left is gone"
    print(f"{kills} of {runs} killed, {swaps} had changed the settings, {answered} questions answered")


def test_a_long_article_that_is_killed_at_any_moment_is_the_old_one_or_the_new_one(
    config: Config, tmp_path: Path
) -> None:
    path, others = tmp_path / LONG, tmp_path / "others"
    others.mkdir()
    (others / "storm.txt").write_text("The lighthouse keeper saw the storm.")
    short = replace(config, passages=SHORT)
    path.write_text(edition(0))
    sync([path, others], short, encoder=WordEncoder())
    sizes = {n: len(passage_spans(edition(n), SHORT)) for n in range(KILLS + 2)}
    dice, answered = random.Random(KILLS), 0
    latest = 0
    with Retriever(short.home, short, WordEncoder()) as reader:

        def ask() -> None:
            """Passages of one edition, which is the one before or the new one, and what else there is."""
            nonlocal answered
            ship = dice.randrange(240)
            found = reader.find(f"ship{ship} crew{ship} harbour", k=8).passages
            stated = {p.passage.text.split()[0] for p in found if p.article.id == LONG}
            assert stated in ({f"Edition{latest}"}, {f"Edition{latest - 1}"}), stated
            exactly = reader.find(f"ship{ship} crew{ship}", k=1, stages=("lexical",)).passages
            assert f"crew{ship}." in exactly[0].passage.text
            storm = reader.find("lighthouse keeper storm", k=1, stages=(dice.choice(["dense", "lexical"]),))
            assert [p.article.id for p in storm] == ["others/storm.txt"]
            answered += 1

        def whole() -> bool:
            """Whether the latest edition has appeared; it or the one before is there whole."""
            with closing(Catalog(short.home, short)) as catalog:
                article, passages = catalog.article(LONG), catalog.count()[1]
            assert article is not None
            for n in (latest, latest - 1):
                if article.text == edition(n):
                    assert passages == sizes[n] + 1
                    return n == latest
            raise AssertionError("an edition that never was")

        latest = 1
        path.write_text(edition(1))
        took = killed([path], short, tmp_path / "clean", None, ask, rebuild=False)
        assert took is not None
        assert Slow.seen(tmp_path / "clean") == sizes[1]
        kills = editions = since = 0
        notes = tmp_path / "notes-1"
        while kills < KILLS:
            if whole():
                if since:
                    editions += 1
                    assert Slow.seen(notes) <= sizes[latest] + 4 * since, "what was encoded was encoded again"
                latest, since = latest + 1, 0
                sizes[latest] = len(passage_spans(edition(latest), SHORT))
                path.write_text(edition(latest))
                notes = tmp_path / f"notes-{latest}"
            # On a machine that grows busier no run would come to its end in the time that one took before.
            moment = took * (1.1 + 0.2 * since) * dice.random()
            kills += killed([path], short, notes, moment, ask, rebuild=False) is None
            since += 1
        sync(path, short, encoder=WordEncoder())
        assert whole()
    assert (answered > kills, editions > 0) == (True, True)
    state = held(short)
    assert state["dense"] == state["lexical"] == [row[0] for row in state["passages"]]
    print(f"{kills} killed in {editions} editions, {answered} questions answered")


# Stopped


def test_who_stops_a_sync_is_told_what_was_left_and_the_next_goes_on(
    tmp_path: Path, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batching, "BATCH", 1)
    news = tmp_path / "news"
    for n in range(6):
        (news / f"{n}.txt").write_text(f"Story{n} happened at noon.")
    stop = threading.Event()
    report = sync([news, tmp_path / "nowhere"], config, encoder=Fragile(3, stop.set), stop=stop)
    assert (report.added, report.stopped, report.left) == (tuple(f"news/{n}.txt" for n in range(3)), True, 3)
    assert (report.items, len(report.failed)) == (7, 1)
    assert sync([], config, encoder=WordEncoder()).stopped is False
    stop.clear()
    report = sync(news, config, encoder=WordEncoder(), stop=stop)
    assert (len(report.kept), len(report.added), report.stopped, report.left) == (3, 3, False, 0)
    stop.set()
    (news / "6.txt").write_text("Story6 happened at noon.")
    report = sync(news, config, encoder=WordEncoder(), stop=stop, prune=True)
    assert (report.stopped, report.items) == (True, 0), "it was stopped before anything was looked at"
    assert sync(news, config, encoder=WordEncoder()).added == ("news/6.txt",)


def test_a_long_article_and_a_rebuild_are_stopped_between_batches_and_gone_on_with(
    tmp_path: Path, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batching, "BATCH", 4)
    path, stop = tmp_path / LONG, threading.Event()
    path.write_text(edition(1))
    report = sync(path, config, encoder=Fragile(3, stop.set), stop=stop)
    assert (report.added, report.passages, report.stopped, report.left, report.items) == ((), 0, True, 1, 1)
    stop.clear()
    report = sync(path, config, encoder=WordEncoder(), stop=stop)
    assert (report.added, report.completed, report.stopped) == ((LONG,), 12, False)
    other = replace(config, passages=SHORT)
    report = sync(path, other, rebuild=True, encoder=Fragile(3, stop.set), stop=stop)
    assert (report.kept, report.stopped, report.left) == ((LONG,), True, 0)
    with Retriever(config.home, config, WordEncoder()) as retriever:
        assert len(retriever.find("ship7 crew7", k=1)) == 1, "the old indexes answer"
    encoder = WordEncoder()
    assert sync(path, other, rebuild=True, encoder=encoder).stopped is False
    assert len(encoder.encoded) == len(passage_spans(edition(1), SHORT)) - 12


@settings(
    max_examples=5,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    lengths=st.lists(st.integers(1, 60), min_size=1, max_size=9),
    spoilt=st.sets(st.integers(0, 8), max_size=3),
    batch=st.integers(1, 6),
    rebuild=st.booleans(),
)
def test_the_share_that_is_done_grows_from_nothing_to_all(
    tmp_path_factory: pytest.TempPathFactory, lengths: list[int], spoilt: set[int], batch: int, rebuild: bool
) -> None:
    folder = tmp_path_factory.mktemp("progress")
    news, config = folder / "news", Config(home=folder / "home", encoder="words", passages=SHORT)
    news.mkdir()
    (news / "before.txt").write_text(story(0))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batching, "BATCH", batch)
        sync(news, config, encoder=WordEncoder())
        for n, length in enumerate(lengths):
            (news / f"{n}.txt").write_text(story(n, length))

        class Spoiler(WordEncoder):
            def passages(self, texts: Sequence[str]) -> np.ndarray:
                for n in (
                    spoilt
                ):  # they change after they were looked at: some are read before, and some are failures
                    if n < len(lengths):
                        (news / f"{n}.txt").write_text("Changed.")
                return super().passages(texts)

        patch.setattr(applying, "_READ_AHEAD", 1)
        told: list[Progress] = []
        report = sync(news, config, rebuild=rebuild, encoder=Spoiler(), progress=told.append)
    shares = [step.share for step in told]
    assert shares == sorted(shares)
    assert (shares[0] > 0, shares[-1]) == (True, 1.0)
    assert told[-1] == Progress(told[-1].total, len(lengths) + rebuild, report.passages)
    assert [step.passages for step in told] == sorted(step.passages for step in told)
    shutil.rmtree(folder)


# A disk that may only be read, or is full


@contextmanager
def unwritable(folder: Path, place: Path) -> Iterator[Path]:
    """The folder once more, at a place where nothing can be written."""
    place.mkdir(exist_ok=True)
    for command in (
        ["mount", "--bind", str(folder), str(place)],
        ["mount", "-o", "remount,bind,ro", str(place)],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            subprocess.run(["umount", "--lazy", str(place)], check=False, capture_output=True)
            pytest.skip(f"no right to mount a folder that can only be read: {done.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def asked(config: Config) -> tuple[str, list[str], list[str], str | None]:
    """What a program gets of a collection, by every way there is."""
    with open_assistant(config, encoder=WordEncoder(), reader=WordReader()) as assistant:
        answer = assistant.ask("What happened to ship3 of story3?")
        ids = [p.article.id for p in assistant.search("story3 ship3", k=1)]
        labels = {a.headline.id: a.headline.label for a in assistant.collection.articles()}
        return answer.citations[0].article.id, ids, list(labels), labels["03"]


EXPECTED = ("03", ["03"], [f"{n:02}" for n in range(8)], "Story 3")


def leave_a_log(home: Path) -> None:
    """As a writer that is killed does: its last commit lies in SQLite's log."""
    program = (
        "import os, sqlite3, sys; db = sqlite3.connect(sys.argv[1]); db.execute('PRAGMA "
        "wal_autocheckpoint=0'); "
        "db.execute(\"UPDATE articles SET label = 'Story 3, corrected' WHERE id = '03'\"); db.commit(); "
        "os._exit(9)"
    )
    subprocess.run([sys.executable, "-c", program, str(home / FILE)], check=False)
    assert (home / f"{FILE}-wal").stat().st_size > 0


def test_a_collection_that_may_only_be_read_is_asked_however_it_was_left(
    feed: Path, config: Config, tmp_path: Path
) -> None:
    sync(feed, config, encoder=WordEncoder())
    with unwritable(config.home, tmp_path / "read-only") as home:
        there = replace(config, home=home)
        assert asked(there) == EXPECTED
        for attempt in (
            lambda: sync(feed, there, encoder=WordEncoder()),
            lambda: remove("03", there, encoder=WordEncoder()),
        ):
            with pytest.raises(CollectionError) as refused:
                attempt()
            assert str(refused.value) == (
                f"the folder {home} cannot be written to: Read-only file system. Name another one with --home"
            )
        with open_assistant(there, encoder=WordEncoder(), reader=WordReader()) as reader:
            assert reader.collection.holds()[0] == 8
            # Who may write does so meanwhile, where the folder is not only to be read.
            remove("03", config, encoder=WordEncoder())
            assert [a.headline.id for a in reader.collection.articles()] == [
                f"{n:02}" for n in range(8) if n != 3
            ]
            assert [p.article.id for p in reader.search("story5 ship5", k=1)] == ["05"]
            with closing(Catalog(config.home, config)):  # a log, with somebody at it
                edit("05", {"title": "Ships"}, config, encoder=WordEncoder())
                assert (config.home / f"{FILE}-wal").stat().st_size > 0
                assert reader.collection.article("05").title == "Ships"


@pytest.mark.parametrize("mode", DENSE)
def test_without_its_cache_a_collection_that_may_only_be_read_is_asked_from_a_copy_of_chroma_s_store(
    feed: Path, config: Config, tmp_path: Path, mode: str
) -> None:
    sync(feed, config, encoder=WordEncoder())
    shutil.rmtree(config.home / "vectors")
    with unwritable(config.home, tmp_path / "read-only") as home:
        there = replace(config, home=home, retrieval=RetrievalSettings(dense=mode))
        assert asked(there) == EXPECTED
        with Retriever(home, there, WordEncoder()) as retriever:
            found = retriever.find(
                "story3 ship3", k=1, stages=("dense",), filters=Filters(sources=("Nobody",))
            )
            assert found.passages == ()


def test_what_a_killed_writer_left_in_the_log_is_read_where_it_may_only_be_read(
    feed: Path, config: Config, tmp_path: Path
) -> None:
    sync(feed, config, encoder=WordEncoder())
    leave_a_log(config.home)
    with unwritable(config.home, tmp_path / "read-only") as home:
        assert asked(replace(config, home=home)) == (*EXPECTED[:3], "Story 3, corrected")
    (config.home / f"{FILE}-shm").unlink()  # as in a copy that was made without it
    with unwritable(config.home, tmp_path / "read-only") as home:
        with pytest.raises(CollectionError) as refused:
            asked(replace(config, home=home))
        assert str(refused.value) == (
            f"the collection in {home} is read-only, and its last writer was interrupted: "
            f"catalog.sqlite-wal has changes that must be applied first. Use the collection once with write access, or copy it and name the copy with --home"
        )
    assert asked(config) == (*EXPECTED[:3], "Story 3, corrected")
    with unwritable(config.home, tmp_path / "read-only") as home:
        assert asked(replace(config, home=home)) == (*EXPECTED[:3], "Story 3, corrected")


def test_a_collection_on_a_full_disk_is_asked_however_it_was_left(feed: Path, disk: Path) -> None:
    config = Config(home=disk / "home", encoder="words")
    sync(feed, config, encoder=WordEncoder())
    with filled(disk, leaving=0):
        assert asked(config) == EXPECTED
        with pytest.raises(CollectionError, match="is full"):
            sync([], config, rebuild=True, encoder=WordEncoder())
    leave_a_log(config.home)
    (config.home / f"{FILE}-shm").unlink()
    with filled(disk, leaving=0):
        assert asked(config) == (*EXPECTED[:3], "Story 3, corrected")
    assert sync(feed, config, encoder=WordEncoder()).kept == tuple(f"{n:02}" for n in range(8))


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_named(
    feed: Path, config: Config, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def flock(descriptor: int, operation: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", flock)
    with pytest.raises(CollectionError) as refused:
        sync(feed, config, encoder=WordEncoder())
    said = "flock is not implemented" if number == errno.ENOSYS else os.strerror(number)
    assert str(refused.value) == (
        f"the file system of {config.home} knows no locks ({said}), by which two writers keep out of each "
        f"other's way. "
        "Put the collection on another one: name a folder there with --home"
    )
    monkeypatch.undo()
    assert len(sync(feed, config, encoder=WordEncoder()).added) == 8
