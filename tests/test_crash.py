"""`kill -9` at any moment of a sync, then the same sync again: the collection is as if nothing had happened.

Real processes are killed with SIGKILL: first at each single step that writes, then at moments spread over a
run. And one process writes while this one asks.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from conftest import WordEncoder, write_jsonl

from ingest import remove, sync
from ingest import writer as batching
from rag.config import Config, PassageSettings
from rag.errors import CollectionError
from rag.models.encoder import BUNDLED, SentenceEncoder
from rag.retrieval.search import Retriever
from rag.store import schema
from rag.store import vectors as dense
from rag.store.bm25 import WHOLE, LexicalIndex, LexicalWriter
from rag.store.cache import ExactIndex
from rag.store.catalog import Catalog, Rebuild
from rag.store.vectors import DenseIndex
from rag.types import Encoder, Filters

pytestmark = pytest.mark.slow

# A server that has imported the libraries and forks: a process of its own for a tenth of a second instead of
# three.
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(
    ["ingest.collection", "rag.retrieval.search", "chromadb.api.rust", "chromadb.telemetry.product.posthog", "tantivy", "sentencex", "snowballstemmer",
     "llama_index.core.node_parser", "sqlalchemy.dialects.sqlite", "pytest"]
)  # fmt: skip

KILLS = int(
    os.environ.get("KILLS", "20")
)  # moments at which a run is killed; `make crash` takes ten times as many


# What the other process does


def _syncing(
    places: list[Path],
    config: Config,
    options: dict[str, Any],
    batch: int,
    kill_at: int | None,
    tell: Connection,
) -> None:
    """Sync, and say how long it took; with `kill_at` count the steps that write, and die at that one (0: at
    none).
    """
    batching.BATCH = batch
    steps = _Steps(kill_at or 0)
    encoder: Encoder = SentenceEncoder(config.encoder) if config.encoder == BUNDLED else WordEncoder()
    tell.send("began")
    began = time.perf_counter()
    if kill_at is not None:
        threading.setprofile(steps)  # batches are written by a thread of their own
        sys.setprofile(steps)
    sync(places, config, encoder=encoder, progress=lambda _: tell.send("batch"), **options)
    sys.setprofile(None)
    tell.send((steps.count, time.perf_counter() - began))


class _Steps:
    """Counts calls of what writes, before and after each, and kills this process at one of them."""

    ours = frozenset(
        function.__code__
        for function in (
            Catalog.stage, Catalog.put, Catalog.remove, Catalog.save_origins, Catalog.mark_indexed, schema.create,
            Catalog.abandon_staged, Catalog.follow, Catalog.rebuild,
            Catalog.forget_builds, Rebuild.put, Rebuild.swap, dense.discard, DenseIndex.add, DenseIndex.publish,
            DenseIndex.delete,
            ExactIndex.add, LexicalWriter.__init__, LexicalWriter.add, LexicalWriter.delete,
            LexicalWriter.commit, LexicalWriter.__exit__,
        )
    )  # fmt: skip
    theirs = frozenset({"Bindings", "IndexWriter"})  # of Chroma and tantivy

    def __init__(self, kill_at: int) -> None:
        self.kill_at, self.count = kill_at, 0

    def __call__(self, frame: FrameType, event: str, arg: Any) -> None:
        if event in ("call", "return"):
            writes = frame.f_code in self.ours
        else:
            writes = type(getattr(arg, "__self__", None)).__name__ in self.theirs and event == "c_return"
        if writes:
            self.count += 1
            if self.count == self.kill_at:
                os.kill(os.getpid(), signal.SIGKILL)


@dataclass
class Other:
    """A process that is syncing, and what it says."""

    process: Any
    says: Connection

    def told(self) -> tuple[int, float]:
        """How many steps it counted and how many seconds it took, once it has ended well."""
        assert self.ends() == 0
        while isinstance(said := self.says.recv(), str):
            pass
        steps, seconds = said
        return steps, seconds

    def ends(self, seconds: float = 60) -> int:
        """Its exit code; one that hangs is a failure."""
        self.process.join(seconds)
        if self.process.exitcode is None:
            self.process.kill()
            self.process.join()
            pytest.fail("the other process hangs")
        return int(self.process.exitcode)


@pytest.fixture
def start() -> Iterator[Callable[..., Other]]:
    started: list[Other] = []

    def start(
        places: list[Path], config: Config, *, batch: int = 4, kill_at: int | None = None, **options: Any
    ) -> Other:
        says, tell = FORKS.Pipe(duplex=False)
        process = FORKS.Process(target=_syncing, args=(places, config, options, batch, kill_at, tell))
        process.start()
        tell.close()
        started.append(Other(process, says))
        return started[-1]

    yield start
    for other in started:
        other.process.kill()
        other.process.join()
        other.says.close()


# What a collection holds


def held(config: Config) -> dict[str, Any]:
    """All that a collection holds: every row of the catalog but times and counts, every vector, every key."""
    catalog = Catalog(config.home, config)
    with catalog._engine.connect() as db:
        rows = {
            table: sorted(map(tuple, db.execute(sa.text(f"SELECT {columns} FROM {table}"))))
            for table, columns in {
                "articles": "id, version, label, url, title, source, author, published, language, words, origin, text, mark, copy_of",
                "earlier": "article_id, version, facts, text",
                "passages": 'key, article_id, start, "end", added IS NULL, removed IS NULL',
                "indexes WHERE name <> 'near-copies'": "name, generation - (SELECT max(generation) FROM indexes WHERE name <> 'near-copies')",
                "meta": "name, CASE WHEN name IN ('generation', 'identity', 'build', 'left builds') THEN '' ELSE value END",
            }.items()
        }
    build = catalog.build()
    assert catalog.obsolete_builds() == []
    catalog.close()
    index = DenseIndex(config.home, build=build)
    keys = sorted(index.cache.keys())
    vectors, there = index.vectors(keys)
    assert there.all()
    assert index.keys() == set(keys), "Chroma holds the same"
    if keys:
        with index.collection() as collection:
            near = set(
                collection.query(query_embeddings=vectors[:1], n_results=len(keys), include=[])["ids"][0]
            )
        # A sound graph may hide one in a thousand; of one that is half written, hundreds are missing.
        assert near <= set(keys)
        assert len(near) >= 0.99 * len(keys), "the graph has lost what the store holds"
        assert len(index.search(vectors[0], 10_000)) == len(keys)
    index.close()
    return {
        **rows,
        "dense": keys,
        "vectors": np.round(vectors, 5).tolist(),
        "lexical": sorted(LexicalIndex(config.home, build=build).keys()),
        "whole": sorted(LexicalIndex(config.home, WHOLE, build=build).keys()),
    }


def answers(config: Config) -> list[list[tuple[str, float | None, bool]]]:
    """What a reader finds, with each index and each way of asking."""
    with Retriever(config.home, config, WordEncoder()) as retriever:
        return [
            [
                (
                    p.passage.id,
                    None if p.scores.dense is None else round(p.scores.dense, 5),
                    p.scores.whole is not None,
                )
                for p in retriever.find(question, filters=filters)
            ]
            for question in ("story", "correction", "story7 happened")
            for filters in (Filters(), Filters(exclude_articles=("feed3",)))
        ]


# Three lives: a first sync, a sync of additions, changes, removals and a renamed file, and a rebuild


@dataclass(frozen=True)
class Life:
    """A collection as it is before (`None`: not there yet), and the sync that is interrupted."""

    before: Path | None
    places: list[Path]
    config: Config
    options: dict[str, Any]


def story(number: int, word: str = "story") -> str:
    return f"The {word}{number} happened at noon. " * (3 + 5 * number)


def _first(folder: Path) -> list[Path]:
    news = folder / "news"
    news.mkdir()
    for n in range(4):
        (news / f"{n}.txt").write_text(story(n))
    feed = write_jsonl(
        folder / "feed.jsonl",
        *({"id": f"feed{n}", "text": story(n), "title": f"Story {n}"} for n in range(4, 10)),
    )
    return [news, feed]


def _second(folder: Path) -> None:
    news = folder / "news"
    (news / "0.txt").unlink()
    (news / "1.txt").rename(news / "one.txt")
    (news / "2.txt").write_text(story(2, "correction"))
    (news / "new.txt").write_text(story(11))
    records = [
        {"id": f"feed{n}", "text": story(n, "correction" if n == 6 else "story"), "title": f"Story {n}"}
        for n in (4, 6, 7, 12)
    ]
    write_jsonl(folder / "feed.jsonl", *records)


@pytest.fixture(params=["first", "changes", "rebuild"])
def life(request: pytest.FixtureRequest, tmp_path: Path) -> Life:
    config = Config(home=tmp_path / "before", encoder="words")
    places = _first(tmp_path)
    if request.param == "first":
        return Life(None, places, config, {})
    sync(places, config, encoder=WordEncoder())
    _second(tmp_path)
    if request.param == "changes":
        return Life(config.home, places, config, {"prune": True})
    other = replace(config, passages=PassageSettings(words=60, overlap=0))
    return Life(config.home, places, other, {"rebuild": True})


def fresh(life: Life, home: Path) -> Config:
    """The collection as it was before, in a folder of its own."""
    if life.before:
        shutil.copytree(life.before, home)
    return replace(life.config, home=home)


def again(life: Life, config: Config) -> None:
    sync(life.places, config, encoder=WordEncoder(), **life.options)


def test_a_run_that_is_killed_at_any_step_is_finished_by_the_next(
    life: Life, tmp_path: Path, start: Callable[..., Other], monkeypatch: pytest.MonkeyPatch
) -> None:
    clean = fresh(life, tmp_path / "clean")
    steps, _ = start(life.places, clean, kill_at=0, **life.options).told()
    expected, expected_answers = held(clean), answers(clean)
    assert {row[-2:] for row in expected["passages"]} == {(0, 1)}, (
        "nothing is staged, and nothing a tombstone"
    )
    assert expected["dense"] == expected["lexical"] == [row[0] for row in expected["passages"]]
    monkeypatch.setattr(batching, "BATCH", 4)
    assert steps > 25
    for kill_at in range(1, steps + 1, max(1, steps // 9)):
        config = fresh(life, tmp_path / f"killed-{kill_at}")
        other = start(life.places, config, kill_at=kill_at, **life.options)
        assert other.ends() == -signal.SIGKILL
        if life.before and "rebuild" not in life.options:
            assert answers(config), "a reader must go on with what there is"
        again(life, config)
        assert held(config) == expected, f"killed at step {kill_at} of {steps}"
        assert answers(config) == expected_answers, f"killed at step {kill_at} of {steps}"
        shutil.rmtree(config.home)


def test_a_run_that_is_killed_at_any_moment_is_finished_by_the_next(
    tmp_path: Path, start: Callable[..., Other]
) -> None:
    config = Config(home=tmp_path / "before", encoder="words")
    places = _first(tmp_path)
    sync(places, config, encoder=WordEncoder())
    _second(tmp_path)
    life = Life(config.home, places, config, {"prune": True})
    clean = fresh(life, tmp_path / "clean")
    _, took = start(places, clean, prune=True).told()
    expected = held(clean)
    expected_answers = answers(clean)
    killed = 0
    moments = random.Random(KILLS)
    for number in range(KILLS):
        config = fresh(life, tmp_path / f"killed-{number}")
        other = start(places, config, prune=True)
        assert other.says.recv() == "began"
        moment = took * moments.random()
        time.sleep(moment)
        other.process.kill()
        killed += other.ends() == -signal.SIGKILL
        again(life, config)
        assert held(config) == expected, f"killed after {moment:.3f} of {took:.3f} s"
        assert answers(config) == expected_answers, f"killed after {moment:.3f} of {took:.3f} s"
        shutil.rmtree(config.home)
    assert killed > KILLS / 4, "the runs ended before they were killed"


def test_a_run_killed_twice_is_finished_by_the_third(tmp_path: Path, start: Callable[..., Other]) -> None:
    places = _first(tmp_path)
    config = Config(home=tmp_path / "home", encoder="words")
    for kill_at in (20, 30):
        assert start(places, config, kill_at=kill_at).ends() == -signal.SIGKILL
    sync(places, config, encoder=WordEncoder())
    clean = replace(config, home=tmp_path / "clean")
    sync(places, clean, encoder=WordEncoder())
    assert held(config) == held(clean)


def test_what_a_killed_run_left_is_also_finished_by_a_removal(
    tmp_path: Path, start: Callable[..., Other]
) -> None:
    places = _first(tmp_path)
    config = Config(home=tmp_path / "home", encoder="words")
    sync(places, config, encoder=WordEncoder())
    _second(tmp_path)
    assert start(places, config, kill_at=12, prune=True).ends() == -signal.SIGKILL
    remove("feed4", config, encoder=WordEncoder())
    state = held(config)
    assert {row[-2:] for row in state["passages"]} == {(0, 1)}
    assert state["dense"] == state["lexical"] == [row[0] for row in state["passages"]]
    assert "feed4" not in {row[1] for row in state["passages"]}


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(
            lambda folder: os.truncate(folder / "index_metadata.pickle", 9_000), id="its list cut short"
        ),
        pytest.param(lambda folder: os.truncate(folder / "header.bin", 0), id="its header not written yet"),
    ],
)
def test_a_run_that_is_killed_while_chroma_saves_its_graph_is_finished_by_the_next(
    tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    # Chroma saves it at every thousandth vector, in place. Hitting that moment takes hundreds of kills, so it
    # is made by hand.
    feed = tmp_path / "feed.jsonl"
    config = Config(home=tmp_path / "home", encoder="words")
    records = [
        {"id": f"{n:04}", "text": f"Story{n} of ship{n} and crew{n} happened at noon."} for n in range(1_110)
    ]
    write_jsonl(feed, *records[:1_100])
    sync(feed, config, encoder=WordEncoder())
    write_jsonl(feed, *records)
    (graph,) = (config.home / "dense").glob("*/index_metadata.pickle")
    damage(graph.parent)
    assert answers(config), "questions have no need of it"
    encoder = WordEncoder()
    report = sync(feed, config, encoder=encoder)
    assert (len(report.added), report.passages, len(encoder.encoded)) == (10, 10, 10), (
        "it is filled, and nothing encoded again"
    )
    clean = replace(config, home=tmp_path / "clean")
    sync(feed, clean, encoder=WordEncoder())
    assert held(config) == held(clean)
    assert answers(config) == answers(clean)


def test_with_the_real_encoder_a_killed_run_is_finished_by_the_next(
    tmp_path: Path, start: Callable[..., Other]
) -> None:
    folder = tmp_path / "news"
    folder.mkdir()
    for n in range(6):
        (folder / f"{n}.txt").write_text(f"The story{n} happened at noon.")
    places = [folder]
    config = Config(home=tmp_path / "home")
    other = start(places, config, batch=1)
    while other.says.recv() != "batch":  # the first batch is in, the next is being encoded
        pass
    other.process.kill()
    assert other.ends() == -signal.SIGKILL
    encoder = SentenceEncoder(BUNDLED)
    report = sync(places, config, encoder=encoder)
    assert report.kept, "nothing of the killed run was kept"
    assert report.added, "the killed run had come to its end"
    clean = replace(config, home=tmp_path / "clean")
    sync(places, clean, encoder=encoder)
    killed, whole = held(config), held(clean)
    # How a text is batched changes the last digits of its vector.
    assert np.allclose(killed.pop("vectors"), whole.pop("vectors"), atol=0.02)
    assert killed == whole


# Asking while another process writes


def _editing(config: Config, folder: Path, rounds: int, talk: Connection) -> None:
    """In each round add an article, take out the one before, and wait to be told to go on."""
    for n in range(rounds):
        (folder / f"{n}.txt").write_text(f"Headline{n} about the harbour. " * 40)
        (folder / f"{n - 1}.txt").unlink(missing_ok=True)
        sync(folder, config, encoder=WordEncoder(), prune=True)
        talk.send(n)
        talk.recv()


def test_who_asks_while_another_process_writes_sees_each_commit_and_nothing_that_is_gone(
    tmp_path: Path,
) -> None:
    config = Config(home=tmp_path / "home", encoder="words")
    folder = tmp_path / "news"
    folder.mkdir()
    (folder / "constant.txt").write_text("The lighthouse stands at the harbour.")
    sync(folder, config, encoder=WordEncoder())
    talk, theirs = FORKS.Pipe()
    rounds = 12
    writer = FORKS.Process(target=_editing, args=(config, folder, rounds, theirs))
    asked = 0
    with Retriever(config.home, config, WordEncoder()) as retriever:
        writer.start()
        for n in range(rounds):
            deadline = time.monotonic() + 60
            while not talk.poll(0.001):  # it is writing: whatever we see, we see without a fault
                found = {
                    p.article.id
                    for p in retriever.find(
                        "lighthouse harbour", filters=Filters(exclude_articles=("x",) * (asked % 2))
                    )
                }
                assert "news/constant.txt" in found
                assert found <= {"news/constant.txt", f"news/{n - 1}.txt", f"news/{n}.txt"}
                asked += 1
                assert time.monotonic() < deadline
            assert talk.recv() == n
            for stage in ("dense", "lexical"):
                for filters in (Filters(), Filters(exclude_articles=("x",))):
                    new = [
                        p.article.id
                        for p in retriever.find(f"Headline{n}", stages=(stage,), filters=filters, k=20)
                    ]
                    assert new[0] == f"news/{n}.txt"
                    assert set(new) <= {"news/constant.txt", f"news/{n}.txt"}, (
                        "what was removed is still found"
                    )
            talk.send("go on")
        writer.join(60)
    assert (writer.exitcode, asked > rounds) == (0, True)
    state = held(config)
    assert state["dense"] == state["lexical"] == [row[0] for row in state["passages"]]


def _committing(config: Config, feed: Path) -> None:
    batching.BATCH = 30
    sync(feed, config, encoder=WordEncoder())


def test_every_batch_of_one_sync_is_seen_when_it_is_committed(tmp_path: Path) -> None:
    config = Config(home=tmp_path / "home", encoder="words")
    (tmp_path / "empty").mkdir()
    sync(tmp_path / "empty", config, encoder=WordEncoder())
    texts = [f"Headline{n}: ship{n} with crew{n} and cargo{n} reached the harbour." for n in range(600)]
    feed = write_jsonl(
        tmp_path / "feed.jsonl", *({"id": f"{n:03}", "text": text} for n, text in enumerate(texts))
    )
    writer = FORKS.Process(target=_committing, args=(config, feed))
    seen: list[int] = []
    with Retriever(config.home, config, WordEncoder()) as retriever:
        writer.start()
        while writer.is_alive() or len(seen) < 2:
            settled = len(retriever.catalog.keys())
            assert len(retriever.find("harbour", stages=("lexical",), k=600)) >= settled
            if settled:
                newest = retriever.find(texts[settled - 1], stages=("dense",), k=1).passages[0]
                assert newest.article.id == f"{settled - 1:03}"
            seen.append(settled)
        writer.join(60)
        assert len(retriever.find("harbour", stages=("lexical",), k=600)) == 600
    assert writer.exitcode == 0
    assert seen == sorted(seen)
    assert len(set(seen)) > 3, f"the batches came all at once: {seen}"


def test_a_second_writer_is_refused_while_the_first_writes_and_loses_nothing(
    tmp_path: Path, start: Callable[..., Other]
) -> None:
    places = _first(tmp_path)
    config = Config(home=tmp_path / "home", encoder="words")
    other = start(places, config, batch=1)
    while other.says.recv() != "batch":
        pass
    refusals: set[str] = set()
    while other.process.is_alive():
        try:
            sync(places[0], config, encoder=WordEncoder())
        except CollectionError as exc:
            refusals.add(str(exc).split(" to the collection")[0])
    assert other.ends() == 0
    assert refusals == {"another process is writing"}
    clean = replace(config, home=tmp_path / "clean")
    sync(places, clean, encoder=WordEncoder())
    assert held(config) == held(clean)
