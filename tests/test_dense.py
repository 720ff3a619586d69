"""The dense index, with Chroma itself: cosine order, a total order, and more than one process at it."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rag.errors import CollectionError
from rag.index import dense
from rag.index.dense import DenseIndex, nearest

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


@pytest.fixture
def index(tmp_path: Path) -> Iterator[DenseIndex]:
    index = DenseIndex(tmp_path, create=True)
    index.add(COMPASS, VECTORS)
    yield index
    index.close()


# Searching


def test_the_nearest_come_first_with_their_cosines(index: DenseIndex) -> None:
    assert rounded(index.search(EAST, 5)) == [("e", 1.0), ("se", 0.8), ("sbe", 0.6), ("s", 0.0), ("w", -1.0)]
    assert rounded(index.search(SOUTH, 3)) == [("s", 1.0), ("sbe", 0.8), ("se", 0.6)]


def test_asking_for_more_than_there_is_gives_all_and_for_none_gives_none(index: DenseIndex) -> None:
    assert len(index.search(EAST, 99)) == 5
    assert index.search(EAST, 0) == []


def test_an_empty_index_answers_with_nothing(tmp_path: Path) -> None:
    index = DenseIndex(tmp_path, create=True)
    assert (index.search(EAST, 5), index.count(), index.keys()) == ([], 0, set())
    matrix, there = index.vectors(["e"])
    assert (matrix.shape, there.tolist()) == ((1, 0), [False])
    index.close()


def test_equal_cosines_are_ordered_by_key(tmp_path: Path) -> None:
    index = DenseIndex(tmp_path, create=True)
    index.add(["m", "z", "a", "far"], np.array([SOUTH, SOUTH, SOUTH, EAST]))
    assert named(index.search(SOUTH, 4)) == ["a", "m", "z", "far"]
    index.close()


def test_equal_cosines_are_cut_by_key_and_not_by_when_they_were_added(tmp_path: Path) -> None:
    index = DenseIndex(tmp_path, create=True)
    names = [f"{n:02}" for n in range(40)]
    index.add(["best", *reversed(names), "far"], np.array([SOUTH, *[SOUTH_BY_EAST] * 40, WEST]))
    for k in (1, 2, 5, 40, 41, 42):
        assert named(index.search(SOUTH, k)) == ["best", *names, "far"][:k]
    index.close()


def test_more_can_be_asked_for_than_the_graph_looks_at_by_itself(tmp_path: Path) -> None:
    index = DenseIndex(tmp_path, create=True)
    vectors = unit(700)
    index.add([f"{n:03}" for n in range(700)], vectors)
    found = named(index.search(vectors[0], 600))
    exact = [f"{n:03}" for n in np.argsort(-(vectors @ vectors[0]))[:600]]
    assert len(found) == 600
    assert len(set(found) & set(exact)) > 590
    index.close()


# Writing


def test_a_key_that_is_there_already_is_replaced_and_not_doubled(index: DenseIndex) -> None:
    index.add(["e", "new"], np.array([WEST, EAST]))
    assert rounded(index.search(EAST, 6)) == [
        ("new", 1.0), ("se", 0.8), ("sbe", 0.6), ("s", 0.0), ("e", -1.0), ("w", -1.0)
    ]  # fmt: skip
    assert index.count() == 6


def test_what_is_deleted_is_not_found_again(index: DenseIndex, tmp_path: Path) -> None:
    index.delete(["e", "se", "never there"])
    index.delete([])
    assert named(index.search(EAST, 5)) == ["sbe", "s", "w"]
    assert (index.keys(), index.count()) == ({"sbe", "s", "w"}, 3)
    index.close()
    again = DenseIndex(tmp_path)
    assert named(again.search(EAST, 5)) == ["sbe", "s", "w"]
    again.close()


def test_many_are_written_and_deleted_as_one(tmp_path: Path) -> None:
    index = DenseIndex(tmp_path, create=True)
    vectors = unit(2_300)
    names = [f"{n:04}" for n in range(2_300)]
    index.add(names, vectors)  # more than Chroma takes in one call
    index.delete(names[100:2_200])
    assert index.keys() == {*names[:100], *names[2_200:]}
    assert named(index.search(vectors[2_250], 1)) == ["2250"]
    matrix, there = index.vectors(names)
    assert there.tolist() == [n < 100 or n >= 2_200 for n in range(2_300)]
    assert np.allclose(matrix[there], vectors[there], atol=1e-6)
    assert not matrix[~there].any()
    index.close()


def test_the_vectors_come_in_the_order_asked_for_with_a_word_on_which_are_missing(index: DenseIndex) -> None:
    matrix, there = index.vectors(["w", "gone", "e"])
    assert there.tolist() == [True, False, True]
    assert matrix.tolist() == [WEST.tolist(), [0, 0, 0], EAST.tolist()]
    nothing, none = index.vectors([])
    assert (nothing.shape, none.shape) == ((0, 0), (0,))


def test_a_wiped_index_is_empty_and_takes_vectors_of_another_length(index: DenseIndex, tmp_path: Path) -> None:
    reader = DenseIndex(tmp_path)
    index.wipe()
    assert (index.count(), index.search(EAST, 3)) == (0, [])
    index.add(["x"], np.array([[1, 0, 0, 0]], dtype=np.float32))
    assert rounded(index.search(np.array([1, 0, 0, 0], dtype=np.float32), 3)) == [("x", 1.0)]
    assert named(reader.search(np.array([1, 0, 0, 0], dtype=np.float32), 3)) == ["x"]
    reader.close()


# Several at once


def another_process(code: str, *arguments: object) -> subprocess.Popen[bytes]:
    """A process of its own in which `index`, `COMPASS`, `VECTORS` and `unit` mean what they do here."""
    begin = (
        f"import sys; sys.path[:0] = [{str(ROOT)!r}, {str(ROOT / 'tests')!r}]\n"
        "from pathlib import Path\nfrom test_dense import *\nindex = DenseIndex(Path(sys.argv[1]))\n"
    )
    return subprocess.Popen([sys.executable, "-c", begin + code, *map(str, arguments)])


def test_what_another_process_wrote_is_found_and_what_it_deleted_is_not(index: DenseIndex, tmp_path: Path) -> None:
    other = DenseIndex(tmp_path)  # a second reader in this process must follow as well
    assert named(other.search(EAST, 2)) == ["e", "se"]
    code = "index.delete(['e']); index.add(['east'], VECTORS[:1]); index.close()"
    assert another_process(code, tmp_path).wait(60) == 0
    for seen in (index, other):
        assert named(seen.search(EAST, 2)) == ["east", "se"]
        seen.close()
        assert named(seen.search(EAST, 2)) == ["east", "se"]
        assert seen.keys() == {"east", "se", "sbe", "s", "w"}
    other.close()


def test_two_in_one_process_follow_each_other(index: DenseIndex, tmp_path: Path) -> None:
    other = DenseIndex(tmp_path)
    other.add(["east"], VECTORS[:1])
    assert named(index.search(EAST, 2)) == ["e", "east"]
    index.delete(["e"])
    assert named(other.search(EAST, 2)) == ["east", "se"]
    other.close()
    assert named(index.search(EAST, 2)) == ["east", "se"]


def test_reading_while_another_process_writes_neither_fails_nor_loses_a_vector(tmp_path: Path) -> None:
    # Past the thousand at which Chroma saves its graph, and again: two at work at once damaged it there.
    vectors = unit(2_400)
    names = [f"{n:04}" for n in range(2_400)]
    reader = DenseIndex(tmp_path, create=True)
    code = (
        "for n in range(0, 2_400, 150): index.add([f'{m:04}' for m in range(n, n + 150)], unit(2_400)[n:n + 150])\n"
        "index.close()"
    )
    writer = another_process(code, tmp_path)
    searches = 0
    while writer.poll() is None:
        found = reader.search(vectors[searches % 2_400], 3)
        reader.vectors(names[:50])
        if searches % 2 == 0:
            reader.close()  # opened again by its next use
        assert {key for key, _ in found} <= set(names)
        searches += 1
    assert (writer.returncode, searches > 5) == (0, True)
    for index in (reader, DenseIndex(tmp_path)):
        matrix, there = index.vectors(names)
        assert there.all()
        assert np.allclose(matrix, vectors, atol=1e-6)
        assert [named(index.search(vectors[n], 1)) for n in range(0, 2_400, 100)] == [[names[n]] for n in range(0, 2_400, 100)]
        assert index.count() == len(index.search(vectors[0], 2_400)) == 2_400
        index.close()


def test_threads_may_share_an_index(index: DenseIndex) -> None:
    faults: list[BaseException] = []

    def search() -> None:
        try:
            for _ in range(20):
                assert named(index.search(EAST, 2))[0] == "e"
                index.close()
        except BaseException as exc:
            faults.append(exc)

    threads = [threading.Thread(target=search) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert faults == []


def test_a_process_that_was_killed_at_its_turn_does_not_keep_it(index: DenseIndex, tmp_path: Path) -> None:
    code = "index._turn.acquire(); import os; os.kill(os.getpid(), 9)"
    assert another_process(code, tmp_path).wait(60) == -9
    assert named(index.search(EAST, 1)) == ["e"]


def test_a_turn_that_does_not_come_is_an_error_and_not_a_wait_without_end(
    index: DenseIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dense, "_PATIENCE", 0.1)
    other = DenseIndex(tmp_path)
    index._turn.acquire()
    with pytest.raises(CollectionError, match=r"another process has been at work in .*dense for 0.1 seconds"):
        other.search(EAST, 1)
    index._turn.release()
    assert named(other.search(EAST, 1)) == ["e"]
    other.close()


def test_an_index_that_was_closed_is_opened_by_its_next_use(index: DenseIndex) -> None:
    index.close()
    index.close()
    assert named(index.search(EAST, 1)) == ["e"]


# Faults


def test_a_missing_index_is_named_with_the_command_that_makes_it_again(tmp_path: Path) -> None:
    with pytest.raises(CollectionError) as missing:
        DenseIndex(tmp_path)
    assert str(missing.value) == (
        f"the dense index {tmp_path}/dense is missing. Make it again: clippings sync --rebuild --home {tmp_path}"
    )
    assert list(tmp_path.iterdir()) == [], "looking for it made something"


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda folder: (folder / "chroma.sqlite3").write_bytes(b"no database" * 500), id="not a database"),
        pytest.param(lambda folder: (folder / "chroma.sqlite3").unlink(), id="emptied"),
    ],
)
def test_a_damaged_index_is_named_with_the_command_that_makes_it_again(tmp_path: Path, damage: Any) -> None:
    index = DenseIndex(tmp_path, create=True)
    index.add(COMPASS, VECTORS)
    index.close()
    damage(tmp_path / "dense")
    with pytest.raises(CollectionError) as damaged:
        DenseIndex(tmp_path)
    assert str(damaged.value).startswith(f"the dense index {tmp_path}/dense cannot be used: ")
    assert str(damaged.value).endswith(f"Make it again: clippings sync --rebuild --home {tmp_path}")
    assert damaged.value.__cause__ is not None


def test_a_graph_that_can_be_read_is_sound_and_half_a_one_is_not(tmp_path: Path) -> None:
    index = DenseIndex(tmp_path, create=True)
    assert index.sound(), "there is nothing in it that could be broken"
    index.add([f"{n:04}" for n in range(1_200)], unit(1_200))
    assert index.sound()
    index.close()
    (graph,) = (tmp_path / "dense").glob("*/index_metadata.pickle")
    graph.write_bytes(graph.read_bytes()[:5_000])
    assert not index.sound()
    index.wipe()
    assert index.sound()
    index.close()


def test_a_vector_of_another_length_is_refused_and_the_index_goes_on(index: DenseIndex) -> None:
    with pytest.raises(CollectionError, match=r"cannot be used: .*dimension"):
        index.add(["x"], np.array([[1, 0]], dtype=np.float32))
    with pytest.raises(CollectionError, match=r"cannot be used: .*dimension"):
        index.search(np.array([1, 0], dtype=np.float32), 1)
    assert named(index.search(EAST, 1)) == ["e"]


# nearest(): the exact scores over the passages that a filter admits

KEYS = ["c", "a", "b", "d", "e"]


@pytest.mark.parametrize(
    ("rows", "k", "expected"),
    [
        ([0, 1, 2, 3, 4], 5, ["c", "a", "b", "d", "e"]),
        ([0, 1, 2, 3, 4], 2, ["c", "a"]),
        ([4, 2, 3], 2, ["b", "d"]),
        ([2], 9, ["b"]),
        ([], 3, []),
        ([1, 2], 0, []),
    ],
)
def test_only_the_admitted_are_scored(rows: list[int], k: int, expected: list[str]) -> None:
    hits = nearest(VECTORS, np.array(rows, dtype=np.int64), EAST, KEYS, k)
    cosines = dict(zip(KEYS, [1.0, 0.8, 0.6, 0.0, -1.0], strict=True))
    assert rounded(hits) == [(key, cosines[key]) for key in expected]


@pytest.mark.parametrize("k", [1, 2, 3, 4, 5])
def test_exact_ties_are_cut_by_key_and_not_by_position(k: int) -> None:
    matrix = np.array([SOUTH, EAST, SOUTH, SOUTH, WEST])
    assert named(nearest(matrix, np.arange(5), SOUTH, KEYS, k)) == ["b", "c", "d", "a", "e"][:k]


def test_exact_and_approximate_search_agree(tmp_path: Path) -> None:
    vectors = unit(500)
    names = [f"{n:03}" for n in range(500)]
    index = DenseIndex(tmp_path, create=True)
    index.add(names, vectors)
    for n in range(0, 500, 50):
        exact = nearest(vectors, np.arange(500), vectors[n], names, 20)
        assert rounded(index.search(vectors[n], 20)) == rounded(exact)
    index.close()
