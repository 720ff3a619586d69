"""The dense index, with Chroma itself: what it keeps, in a folder and on a server, and more than one process
at it.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rag.errors import CollectionError
from rag.store import Record, chroma_folder
from rag.store.vectors import DenseIndex

ROOT = Path(__file__).parent.parent
# Cosines to EAST: 1, 0.8, 0.6, 0, -1.
EAST, SOUTHEAST, SOUTH_BY_EAST, SOUTH, WEST = [
    np.array(v, dtype=np.float32) for v in ([1, 0, 0], [0.8, 0.6, 0], [0.6, 0.8, 0], [0, 1, 0], [-1, 0, 0])
]
COMPASS = ["e", "se", "sbe", "s", "w"]
VECTORS = np.array([EAST, SOUTHEAST, SOUTH_BY_EAST, SOUTH, WEST])


def rounded(hits: list[tuple[str, float]]) -> list[tuple[str, float]]:
    return [(key, round(score, 5)) for key, score in hits]


def named(hits: list[tuple[str, float]]) -> list[str]:
    return [key for key, _ in hits]


def unit(count: int, dims: int = 16) -> np.ndarray:
    """Vectors in all directions, the same on every machine."""
    vectors = np.random.default_rng(0).normal(size=(count, dims)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def rows(names: Iterable[str]) -> list[Record]:
    return [Record(name, f"article of {name}") for name in names]


@pytest.fixture
def index(tmp_path: Path) -> Iterator[DenseIndex]:
    index = DenseIndex(tmp_path, create=True)
    index.add(rows(COMPASS), VECTORS)
    yield index
    index.close()


# Writing


def test_a_key_that_is_there_already_is_replaced_and_not_doubled(index: DenseIndex) -> None:
    index.add(rows(["e", "new"]), np.array([WEST, EAST]))
    assert rounded(index.search(EAST, 6)) == [
        ("new", 1.0), ("se", 0.8), ("sbe", 0.6), ("s", 0.0), ("e", -1.0), ("w", -1.0)
    ]  # fmt: skip
    assert index.count() == 6


def test_what_is_deleted_is_not_found_again(index: DenseIndex, tmp_path: Path) -> None:
    index.delete(["e", "se", "never there"])
    index.delete([])
    assert named(index.search(EAST, 5)) == ["sbe", "s", "w"]
    assert (index.keys(), index.cache.keys(), index.count()) == ({"sbe", "s", "w"}, {"sbe", "s", "w"}, 3)
    index.close()
    again = DenseIndex(tmp_path)
    assert named(again.search(EAST, 5)) == ["sbe", "s", "w"]
    again.close()


def test_many_are_written_and_deleted_as_one(tmp_path: Path) -> None:
    index = DenseIndex(tmp_path, create=True)
    vectors = unit(2_300)
    names = [f"{n:04}" for n in range(2_300)]
    index.add(rows(names), vectors)  # more than Chroma takes in one call
    index.delete(names[100:2_200])
    assert index.keys() == index.cache.keys() == {*names[:100], *names[2_200:]}
    assert named(index.search(vectors[2_250], 1)) == ["2250"]
    matrix, there = index.vectors(names)
    assert there.tolist() == [n < 100 or n >= 2_200 for n in range(2_300)]
    assert (matrix[there] == vectors[there]).all()
    assert not matrix[~there].any()
    index.close()


def test_a_wiped_index_is_empty_and_takes_vectors_of_another_length(
    index: DenseIndex, tmp_path: Path
) -> None:
    reader = DenseIndex(tmp_path)
    assert named(reader.search(EAST, 1)) == ["e"]
    index.wipe_chroma()
    index.cache.wipe()
    assert (index.count(), index.keys(), index.search(EAST, 3), reader.search(EAST, 3)) == (0, set(), [], [])
    index.add(rows(["x"]), np.array([[1, 0, 0, 0]], dtype=np.float32))
    assert rounded(index.search(np.array([1, 0, 0, 0], dtype=np.float32), 3)) == [("x", 1.0)]
    assert named(reader.search(np.array([1, 0, 0, 0], dtype=np.float32), 3)) == ["x"]
    reader.close()


# Several at once


def another_process(code: str, *arguments: object) -> subprocess.Popen[bytes]:
    """A process of its own in which `index`, `COMPASS`, `VECTORS` and `unit` mean what they do here."""
    begin = (
        f"import sys; sys.path[:0] = [{str(ROOT)!r}, {str(ROOT / 'tests')!r}]\n"
        "from pathlib import Path\nfrom test_vectors import *\nindex = DenseIndex(Path(sys.argv[1]))\n"
    )
    return subprocess.Popen([sys.executable, "-c", begin + code, *map(str, arguments)])


@pytest.mark.slow
def test_what_another_process_wrote_is_found_and_what_it_deleted_is_not(
    index: DenseIndex, tmp_path: Path
) -> None:
    other = DenseIndex(tmp_path)  # a second reader in this process must follow as well
    assert named(other.search(EAST, 2)) == ["e", "se"]
    code = "index.delete(['e']); index.add(rows(['east']), VECTORS[:1]); index.close()"
    assert another_process(code, tmp_path).wait(60) == 0
    for seen in (index, other):
        assert named(seen.search(EAST, 2)) == ["east", "se"]
        seen.close()
        assert named(seen.search(EAST, 2)) == ["east", "se"]
        assert seen.keys() == {"east", "se", "sbe", "s", "w"}
    other.close()


def test_two_in_one_process_follow_each_other(index: DenseIndex, tmp_path: Path) -> None:
    other = DenseIndex(tmp_path)
    other.add(rows(["east"]), VECTORS[:1])
    assert named(index.search(EAST, 2)) == ["e", "east"]
    index.delete(["e"])
    assert named(other.search(EAST, 2)) == ["east", "se"]
    other.close()
    assert named(index.search(EAST, 2)) == ["east", "se"]


@pytest.mark.slow
def test_reading_while_another_process_writes_neither_fails_nor_loses_a_vector(tmp_path: Path) -> None:
    # Past the thousand at which Chroma saves its graph, and again: two at work at once damaged it there.
    vectors = unit(2_400)
    names = [f"{n:04}" for n in range(2_400)]
    reader = DenseIndex(tmp_path, create=True)
    code = (
        "for n in range(0, 2_400, 150): index.add(rows(f'{m:04}' for m in range(n, n + 150)), "
        "unit(2_400)[n:n + 150])\n"
        "index.close()"
    )
    writer = another_process(code, tmp_path)
    searches = 0
    while writer.poll() is None:
        found = reader.search(vectors[searches % 2_400], 3)
        assert reader.keys() <= set(names)  # Chroma's own, for which readers and writers take turns
        if searches % 2 == 0:
            reader.close()  # opened again by its next use
        assert {key for key, _ in found} <= set(names)
        searches += 1
    assert (writer.returncode, searches > 5) == (0, True)
    for index in (reader, DenseIndex(tmp_path)):
        matrix, there = index.vectors(names)
        assert there.all()
        assert (matrix == vectors).all()
        with index.collection() as collection:
            near = collection.query(query_embeddings=vectors[::100], n_results=1, include=[])["ids"]
        assert near == [[name] for name in names[::100]], "Chroma's graph has them too"
        assert [named(index.search(vectors[n], 1)) for n in range(0, 2_400, 100)] == [
            [names[n]] for n in range(0, 2_400, 100)
        ]
        assert index.count() == len(index.search(vectors[0], 2_400)) == 2_400
        index.close()


def test_threads_may_share_an_index(index: DenseIndex) -> None:
    faults: list[BaseException] = []

    def search() -> None:
        try:
            for _ in range(20):
                assert named(index.search(EAST, 2))[0] == "e"
                assert index.keys() == set(COMPASS)
                index.close()
        except BaseException as exc:
            faults.append(exc)

    threads = [threading.Thread(target=search) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert faults == []


@pytest.mark.slow
def test_a_process_that_was_killed_at_its_turn_does_not_keep_it(index: DenseIndex, tmp_path: Path) -> None:
    code = "index._store._turn.acquire(); import os; os.kill(os.getpid(), 9)"
    assert another_process(code, tmp_path).wait(60) == -9
    assert index.keys() == set(COMPASS)


def test_a_turn_that_does_not_come_is_an_error_and_not_a_wait_without_end(
    index: DenseIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chroma_folder, "_LOCK_TIMEOUT_SECONDS", 0.1)
    other = DenseIndex(tmp_path)
    index._store._turn.acquire()
    with pytest.raises(CollectionError, match=r"another process has been at work in .*dense for 0.1 seconds"):
        other.keys()
    assert named(other.search(EAST, 1)) == ["e"], "a question has no need of a turn"
    index._store._turn.release()
    assert other.keys() == set(COMPASS)
    other.close()


def test_an_index_that_was_closed_is_opened_by_its_next_use(index: DenseIndex) -> None:
    index.close()
    index.close()
    assert (named(index.search(EAST, 1)), index.keys()) == (["e"], set(COMPASS))


@pytest.mark.slow
def test_a_question_does_not_wait_for_chroma_to_be_loaded(index: DenseIndex, tmp_path: Path) -> None:
    code = (
        "import sys; sys.path[:0] = [sys.argv[2]]\n"
        "from pathlib import Path\nimport numpy as np\nfrom rag.store.vectors import DenseIndex\n"
        "assert DenseIndex(Path(sys.argv[1])).search(np.array([1, 0, 0], np.float32), 1)[0][0] == 'e'\n"
        "assert 'chromadb' not in sys.modules"
    )
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path), str(ROOT)]).returncode == 0


# Faults


def test_a_missing_index_is_named_by_who_asks_it_with_the_command_that_makes_it_again(tmp_path: Path) -> None:
    with pytest.raises(CollectionError) as missing:
        DenseIndex(tmp_path).search(EAST, 1)
    assert str(missing.value) == (
        f"the dense index {tmp_path}/vectors is missing. It is made again by the next sync: "
        f"clippings sync FOLDER --home {tmp_path}"
    )
    assert list(tmp_path.iterdir()) == [], "looking for it made something"


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(
            lambda folder: (folder / "chroma.sqlite3").write_bytes(b"no database" * 500), id="not a database"
        ),
        pytest.param(lambda folder: (folder / "chroma.sqlite3").unlink(), id="emptied"),
    ],
)
def test_a_damaged_index_is_named_with_the_command_that_makes_it_again(tmp_path: Path, damage: Any) -> None:
    index = DenseIndex(tmp_path, create=True)
    index.add(rows(COMPASS), VECTORS)
    index.close()
    damage(tmp_path / "dense")
    with pytest.raises(CollectionError) as damaged:
        DenseIndex(tmp_path).keys()
    assert str(damaged.value).startswith(f"the dense index {tmp_path}/dense cannot be used: ")
    assert str(damaged.value).endswith(f"Make it again: clippings sync --rebuild --home {tmp_path}")
    assert damaged.value.__cause__ is not None


def test_a_graph_that_can_be_read_is_sound_and_half_a_one_is_not(tmp_path: Path) -> None:
    index = DenseIndex(tmp_path, create=True)
    assert index.is_readable(), "there is nothing in it that could be broken"
    index.add(rows(f"{n:04}" for n in range(1_200)), unit(1_200))
    assert index.is_readable()
    index.close()
    (graph,) = (tmp_path / "dense").glob("*/index_metadata.pickle")
    graph.write_bytes(graph.read_bytes()[:5_000])
    assert not index.is_readable()
    index.wipe_chroma()
    index.add_to_chroma(rows(f"{n:04}" for n in range(1_200)), unit(1_200))
    assert index.is_readable()
    assert index.keys() == index.cache.keys() == {f"{n:04}" for n in range(1_200)}
    index.close()


def test_a_store_that_is_not_there_is_empty_for_who_writes_and_named_for_who_reads(
    index: DenseIndex, tmp_path: Path
) -> None:
    index.close()
    shutil.rmtree(tmp_path / "dense")
    with pytest.raises(
        CollectionError, match=r"dense is missing\. It is made again by the next `clippings sync`"
    ):
        DenseIndex(tmp_path).keys()
    assert (index.is_readable(), index.chroma_count(), index.held(COMPASS)) == (True, 0, set())


def test_a_vector_of_another_length_is_refused_and_the_index_goes_on(index: DenseIndex) -> None:
    with pytest.raises(CollectionError, match=r"cannot be used: .*dimension"):
        index.add(rows(["x"]), np.array([[1, 0]], dtype=np.float32))
    with pytest.raises(CollectionError, match=r"cannot be used: .*dimension"):
        index.search(np.array([1, 0], dtype=np.float32), 1)
    assert named(index.search(EAST, 1)) == ["e"]
