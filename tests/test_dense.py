"""Chroma holds the vectors, and the mapped files are a cache: whatever becomes of these, every way of asking
gives the same answers, and nothing is encoded again."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from conftest import WordEncoder, write_jsonl
from filelock import FileLock

from ingest import edit, sync
from rag.config import DENSE, Config, RetrievalSettings, load
from rag.errors import CollectionError, ConfigError
from rag.retrieval.search import Retriever
from rag.store import LOCK
from rag.store import vectors as dense
from rag.store.cache import ExactIndex
from rag.types import Filters

pytestmark = pytest.mark.slow  # builds collections over and over

ROOT = Path(__file__).parent.parent
FILTERS = (
    Filters(),
    Filters(after=date(2024, 1, 3)),
    Filters(before=date(2024, 1, 2)),
    Filters(sources=("Dawn",)),
    Filters(exclude_articles=("1", "4"), sources=("Dawn", "Wire")),
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A feed, and the collection of it with one article corrected."""
    folder = tmp_path_factory.mktemp("made")
    # Two have the same words: equal cosines are put in order by key.
    records: list[dict[str, str]] = [
        {
            "id": str(n),
            "text": f"The ship{n % 7} of crew{n % 7} left the harbour of Varn. Snow{n % 7} fell.",
            "title": f"Ship {n % 7}",
            "source": "Dawn" if n % 2 else "Wire",
        }
        | ({"published": f"2024-01-0{n}"} if n else {})
        for n in range(9)
    ]
    feed = write_jsonl(folder / "feed.jsonl", *records)
    config = Config(home=folder / "home", encoder=WordEncoder.name)
    sync(feed, config, encoder=WordEncoder())
    edit("5", {"title": "A corrected title"}, config, encoder=WordEncoder())
    return feed, config.home


@pytest.fixture
def feed(made: tuple[Path, Path]) -> Iterator[Path]:
    before = made[0].read_bytes()
    yield made[0]
    made[0].write_bytes(before)


@pytest.fixture
def collection(made: tuple[Path, Path], config: Config) -> Config:
    shutil.copytree(made[1], config.home)
    return config


def asking(config: Config, mode: str) -> Config:
    return replace(config, retrieval=RetrievalSettings(dense=mode))


def answers(config: Config, mode: str = "auto") -> list[list[tuple[str, float | None]]]:
    """What the vectors alone find, with each filter. Chroma makes vectors of length 1 once more, so the last
    digits of a cosine may differ."""
    encoder = WordEncoder()
    with Retriever(config.home, asking(config, mode), encoder) as retriever:
        found = [
            [
                (p.passage.id, None if p.scores.dense is None else round(p.scores.dense, 5))
                for p in retriever.find(question, k=6, stages=("dense",), filters=filters)
            ]
            for question in ("ship3 of crew3", "snow5 fell", "harbour")
            for filters in FILTERS
        ]
    assert encoder.encoded == []
    return found


def a_flipped_bit(*file: str, at: int = 40) -> Callable[[Path], None]:
    def flip(home: Path) -> None:
        path = home.joinpath("vectors", "1", *file)
        data = bytearray(path.read_bytes())
        data[at % len(data)] ^= 4
        path.write_bytes(data)

    return flip


def an_older_copy(home: Path) -> None:
    """As if somebody had put back a copy of a few days ago: half of the rows, and sound."""
    state = json.loads((home / "vectors" / "state").read_bytes())
    state |= {"rows": state["rows"] // 2, "generation": 1}
    (home / "vectors" / "state").write_text(json.dumps(state))


def an_older_generation(home: Path) -> None:
    """As many rows as there should be, but of the passages that were there before."""
    state = json.loads((home / "vectors" / "state").read_bytes())
    (home / "vectors" / "state").write_text(json.dumps(state | {"generation": 1}))


DAMAGE: dict[str, Callable[[Path], None]] = {
    "removed": lambda home: shutil.rmtree(home / "vectors"),
    "emptied": lambda home: (home / "vectors" / "1" / "exact").write_bytes(b""),
    "no state": lambda home: (home / "vectors" / "state").unlink(),
    "half a state": lambda home: (home / "vectors" / "state").write_bytes(b'{"part": 1'),
    "an older copy": an_older_copy,
    "an older generation": an_older_generation,
    "a code": a_flipped_bit("codes"),
    "a number": a_flipped_bit("exact", at=4_001),
    "a step": a_flipped_bit("scale", at=6),
    "a day": a_flipped_bit("day", at=8),
    "a source": a_flipped_bit("source", at=9),
    "an article": a_flipped_bit("article", at=10),
    "a name": a_flipped_bit("name", at=11),
    "where a key ends": a_flipped_bit("end", at=8),
    "a key": a_flipped_bit("keys", at=3),
    "a living row marked as dead": a_flipped_bit("dead", at=2),
    "a dead row marked as living": lambda home: (home / "vectors" / "1" / "dead").write_bytes(bytes(10)),
    "a checksum": a_flipped_bit("checksums", at=16),
}


@pytest.mark.parametrize("mode", DENSE)
def test_every_way_of_asking_gives_the_same_answers(collection: Config, mode: str) -> None:
    assert answers(collection, mode) == answers(collection, "exact")
    assert all(len(found) > 1 for found in answers(collection, mode))


@pytest.mark.parametrize("mode", DENSE)
@pytest.mark.parametrize("damage", DAMAGE)
def test_whatever_becomes_of_the_cache_the_answers_are_the_same_and_nothing_is_encoded(
    collection: Config, damage: str, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = answers(collection)
    monkeypatch.setattr(dense.DenseIndex, "_make_soon", lambda _: None)  # as long as nobody has made it again
    DAMAGE[damage](collection.home)
    assert answers(collection, mode) == expected


@pytest.mark.parametrize("damage", DAMAGE)
def test_the_next_sync_makes_the_cache_again_out_of_chroma_and_not_out_of_the_encoder(
    feed: Path, collection: Config, damage: str
) -> None:
    expected = answers(collection)
    DAMAGE[damage](collection.home)
    encoder = WordEncoder()
    assert len(sync(feed, collection, encoder=encoder).kept) == 9
    assert encoder.encoded == []
    shutil.rmtree(collection.home / "dense")  # what answers now is the cache
    assert answers(collection, "exact") == expected


def test_an_opening_that_may_write_makes_the_cache_again_while_chroma_answers(collection: Config) -> None:
    expected = answers(collection)
    shutil.rmtree(collection.home / "vectors")
    with Retriever(collection.home, collection, WordEncoder()) as retriever:
        assert [p.article.id for p in retriever.find("ship3 of crew3", k=1)] == ["3"]
        index = retriever._opened.dense
        assert index._making is not None
        index._making.join(60)
        assert index.cache_is_whole()
    shutil.rmtree(collection.home / "dense")
    assert answers(collection) == expected


def test_while_another_process_writes_nobody_makes_the_cache(collection: Config) -> None:
    expected = answers(collection)
    shutil.rmtree(collection.home / "vectors")
    with FileLock(collection.home / LOCK):
        for mode in DENSE:
            assert answers(collection, mode) == expected
        assert not (collection.home / "vectors").exists()


@pytest.mark.slow
def test_chroma_is_loaded_only_where_it_is_asked(collection: Config) -> None:
    program = (
        "import sys; sys.path[:0] = sys.argv[2:4]\n"
        "from conftest import WordEncoder\nfrom rag.config import Config, RetrievalSettings\n"
        "from rag.retrieval.search import Retriever\n"
        "config = Config(home=sys.argv[1], encoder='words', retrieval=RetrievalSettings(dense=sys.argv[4]))\n"
        "with Retriever(config.home, config, WordEncoder()) as retriever:\n"
        "    assert len(retriever.find('ship3', k=1)) == 1\n"
        "print('chromadb' in sys.modules)"
    )
    loaded = {
        mode: subprocess.run(
            [sys.executable, "-c", program, str(collection.home), str(ROOT), str(ROOT / "tests"), mode],
            capture_output=True, text=True, check=True,
        ).stdout.strip()
        for mode in DENSE
    }  # fmt: skip
    assert loaded == {"auto": "False", "chroma": "True", "exact": "False"}


def test_where_chroma_has_lost_its_records_the_cache_answers_and_the_next_sync_fills_it(
    feed: Path, collection: Config
) -> None:
    expected = answers(collection)
    shutil.rmtree(collection.home / "dense")
    assert answers(collection) == answers(collection, "exact") == expected
    with pytest.raises(
        CollectionError, match=r"dense is missing\. It is made again by the next `clippings sync`"
    ):
        answers(collection, "chroma")
    encoder = WordEncoder()
    sync(feed, collection, encoder=encoder)
    assert (answers(collection, "chroma"), encoder.encoded) == (expected, [])


def test_where_both_are_lost_a_question_is_refused_with_what_to_do(collection: Config) -> None:
    for folder in ("vectors", "dense"):
        shutil.rmtree(collection.home / folder)
    for mode in DENSE:
        with pytest.raises(CollectionError, match="clippings sync"):
            answers(collection, mode)


def test_a_cache_that_lies_in_memory_follows_what_is_written(feed: Path, collection: Config) -> None:
    lock = FileLock(collection.home / LOCK)
    exact = asking(collection, "exact")
    with Retriever(collection.home, exact, WordEncoder()) as retriever:
        shutil.rmtree(collection.home / "vectors")
        with lock:
            assert [p.article.id for p in retriever.find("ship3 of crew3", k=1)] == ["3"]
        with feed.open("a") as lines:
            lines.write(json.dumps({"id": "new", "text": "The lighthouse keeper saw it."}) + "\n")
        sync(feed, collection, encoder=WordEncoder())
        shutil.rmtree(collection.home / "vectors")
        with lock:
            found = retriever.find("lighthouse keeper", k=1, stages=("dense",))
            assert [p.article.id for p in found] == ["new"]


def test_a_row_that_a_writer_is_just_removing_is_no_damage(tmp_path: Path, collection: Config) -> None:
    index = ExactIndex(collection.home)
    assert index.holds(9, 0)
    other = ExactIndex(collection.home, create=True)
    other.delete([sorted(other.keys())[0]])
    assert (index.holds(8, 0), index.holds(9, 0)) == (True, False)
    assert ExactIndex(collection.home).holds(8, 0)


def test_the_setting_is_read_from_the_environment_and_judged() -> None:
    assert load({"CLIPPINGS_RETRIEVAL_DENSE": "chroma"}).retrieval.dense == "chroma"
    with pytest.raises(ConfigError, match=r"unknown retrieval\.dense 'exactly'; did you mean exact\?"):
        load({"CLIPPINGS_RETRIEVAL_DENSE": "exactly"})
    with pytest.raises(ConfigError, match=r"unknown retrieval\.dense '7'; known are auto, chroma, exact"):
        load({"CLIPPINGS_RETRIEVAL_DENSE": "7"})
