"""`kill -9` at any moment of a restoration: the home is as it was, or whole, and the same command finishes
it.
"""

from __future__ import annotations

import random
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest
from conftest import WordEncoder, write_jsonl
from test_crash import FORKS, KILLS

import app
from ingest import sync
from ingest import writer as batching
from ingest.restoring import restore
from ingest.safekeeping import backup
from rag.config import Config
from rag.errors import CollectionError
from rag.retrieval.search import Retriever
from rag.store.bm25 import WHOLE, LexicalIndex
from rag.store.catalog import FILE, Catalog
from rag.store.vectors import DenseIndex
from rag.validation import interrupted

pytestmark = pytest.mark.slow

ARTICLES = 12


def _restoring(file: Path, config: Config, batch: int, tell: Connection) -> None:
    """Restore, and say when it begins and when each batch is in."""
    batching.BATCH = batch
    tell.send("began")
    began = time.perf_counter()
    restore(file, config, encoder=WordEncoder(), progress=lambda _: tell.send("batch"))
    tell.send(time.perf_counter() - began)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup without vectors, so that there is something to encode."""
    place = tmp_path_factory.mktemp("kept")
    records = [
        {"id": f"{n:02}", "text": f"Ship{n} of crew{n} left the harbour at noon. " * 9}
        for n in range(ARTICLES)
    ]
    config = Config(home=place / "home", encoder="words")
    sync(write_jsonl(place / "feed.jsonl", *records), config, encoder=WordEncoder())
    return backup(place / "kept.zip", config, vectors=False).file


@pytest.fixture
def start() -> Iterator[Callable[..., tuple[Any, Connection]]]:
    """Starts another process that restores."""
    running = []

    def begin(file: Path, config: Config, batch: int = 4) -> tuple[Any, Connection]:
        ours, theirs = FORKS.Pipe()
        process = FORKS.Process(target=_restoring, args=(file, config, batch, theirs))
        process.start()
        theirs.close()
        running.append(process)
        return process, ours

    yield begin
    for process in running:
        process.kill()
        process.join(60)


def require_whole(config: Config) -> None:
    """All articles, in every index, and a question answered from them."""
    with closing(Catalog(config.home, config)) as catalog:
        build = catalog.build()
    with (
        closing(Catalog(config.home, config)) as catalog,
        closing(DenseIndex(config.home, build=build)) as index,
    ):
        assert (catalog.articles(), catalog.count_hidden(), catalog.without_passages()) == (ARTICLES, 0, [])
        assert (
            catalog.keys()
            == index.cache.keys()
            == index.keys()
            == LexicalIndex(config.home, build=build).keys()
        )
        assert LexicalIndex(config.home, WHOLE, build=build).keys() == {
            place.key for place in catalog.first_passages().values()
        }
    with Retriever(config.home, config, WordEncoder()) as retriever:
        for stage in ("dense", "lexical"):
            assert retriever.find("ship7 crew7", stages=(stage,)).passages[0].article.id == "07"


def test_a_restoration_that_is_killed_at_any_moment_leaves_nothing_or_the_whole_and_is_finished_by_the_next(
    kept: Path, tmp_path: Path, start: Callable[..., tuple[Any, Connection]]
) -> None:
    process, says = start(kept, Config(home=tmp_path / "clean", encoder="words"))
    while isinstance(said := says.recv(), str):
        pass
    process.join(60)
    took, killed, there = said, 0, 0
    moments = random.Random(KILLS)
    for number in range(KILLS):
        config = Config(home=tmp_path / f"killed-{number}", encoder="words")
        process, says = start(kept, config)
        assert says.recv() == "began"
        moment = 1.1 * took * (number + moments.random()) / KILLS
        time.sleep(moment)
        process.kill()
        process.join(60)
        killed += process.exitcode == -signal.SIGKILL
        if config.home.exists():
            there += 1
            require_whole(config)
        else:
            restore(kept, config, encoder=WordEncoder())
            require_whole(config)
        beside = tmp_path / f"killed-{number}.restoring"
        assert not (beside / "new").exists(), f"killed after {moment:.3f} of {took:.3f} s"
    assert killed > KILLS / 2, "the runs ended before they were killed"
    assert there < KILLS, "none was killed before it was whole"


def test_what_a_killed_restoration_has_indexed_is_not_encoded_again_and_meanwhile_everyone_is_told(
    kept: Path, tmp_path: Path, start: Callable[..., tuple[Any, Connection]], monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    config = Config(home=tmp_path / "home", encoder="words")
    process, says = start(kept, config)
    while says.recv() != "batch":
        pass
    process.kill()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    with closing(sqlite3.connect(tmp_path / "home.restoring" / "new" / FILE)) as db:
        (cut,) = db.execute("SELECT count(DISTINCT article_id) FROM next_passages").fetchone()
    told = (
        f"a backup is being restored to {config.home}, or that was interrupted ({cut} of {ARTICLES} "
        f"articles are indexed). The collection can be used when it is complete. If no process is working on it, continue with: clippings restore FILE --home {config.home}"
    )
    assert 0 < cut < ARTICLES
    assert interrupted(config.home) == told
    for attempt in (
        lambda: sync(tmp_path, config, encoder=WordEncoder()),
        lambda: Retriever(config.home, config, WordEncoder()),
    ):
        with pytest.raises(CollectionError) as refused:
            attempt()
        assert str(refused.value) == told
    assert not config.home.exists()
    for arguments in (["ask", "Which ship left?"], ["articles"], ["show", "07"]):
        for named in (["--home", str(config.home)], []):
            monkeypatch.setenv("CLIPPINGS_HOME", str(config.home))
            assert app.main([*arguments, *named]) == 1
            assert capsys.readouterr().err == f"clippings: {told}\n"
    encoder = WordEncoder()
    made = restore(kept, config, encoder=encoder)
    assert 0 < made.encoded == len(encoder.encoded) < made.passages
    require_whole(config)
    assert not (tmp_path / "home.restoring").exists()


def test_two_cannot_restore_to_one_home(
    kept: Path, tmp_path: Path, start: Callable[..., tuple[Any, Connection]]
) -> None:
    config = Config(home=tmp_path / "home", encoder="words")
    process, says = start(kept, config, batch=1)
    while says.recv() != "batch":
        pass
    with pytest.raises(CollectionError, match="another process is writing to the collection in"):
        restore(kept, config, encoder=WordEncoder())
    process.join(60)
    assert process.exitcode == 0
    require_whole(config)


def test_another_backup_does_not_go_on_with_what_one_has_begun(
    kept: Path, tmp_path: Path, start: Callable[..., tuple[Any, Connection]]
) -> None:
    config = Config(home=tmp_path / "home", encoder="words")
    process, says = start(kept, config)
    while says.recv() != "batch":
        pass
    process.kill()
    process.join(60)
    other = replace(config, home=tmp_path / "other")
    sync(
        write_jsonl(tmp_path / "feed.jsonl", {"id": "only", "text": "Snow fell."}),
        other,
        encoder=WordEncoder(),
    )
    made = restore(backup(tmp_path / "other.zip", other).file, config)
    assert (made.articles, made.encoded) == (1, 0)
    with closing(Catalog(config.home, config)) as catalog:
        assert list(catalog.known()) == ["only"]
