"""The exact index: the same answers as comparing every vector, whatever the filter, and what a killed writer
leaves.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rag.errors import CollectionError
from rag.store import Record, matrix
from rag.store import cache as exact
from rag.store.cache import ExactIndex
from rag.types import Filters

# Cosines to EAST: 1, 0.8, 0.6, 0, -1.
EAST, SOUTHEAST, SOUTH_BY_EAST, SOUTH, WEST = [
    np.array(v, dtype=np.float32) for v in ([1, 0, 0], [0.8, 0.6, 0], [0.6, 0.8, 0], [0, 1, 0], [-1, 0, 0])
]
COMPASS = ["e", "se", "sbe", "s", "w"]
VECTORS = np.array([EAST, SOUTHEAST, SOUTH_BY_EAST, SOUTH, WEST])


def rows(names: Iterable[str]) -> list[Record]:
    return [Record(name, f"article of {name}") for name in names]


def rounded(hits: list[tuple[str, float]]) -> list[tuple[str, float]]:
    return [(key, round(score, 5)) for key, score in hits]


def named(hits: list[tuple[str, float]]) -> list[str]:
    return [key for key, _ in hits]


def unit(count: int, dims: int = 16, seed: int = 0) -> np.ndarray:
    """Vectors in all directions, the same on every machine."""
    vectors = np.random.default_rng(seed).normal(size=(count, dims)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def nearest(vectors: np.ndarray, names: list[str], vector: np.ndarray, k: int) -> list[str]:
    """The k nearest by comparing every one, equal ones by name."""
    cosines = vectors.astype(np.float64) @ vector.astype(np.float64)
    return [names[i] for i in sorted(range(len(names)), key=lambda i: (-cosines[i], names[i]))[:k]]


@pytest.fixture
def index(tmp_path: Path) -> ExactIndex:
    index = ExactIndex(tmp_path, create=True)
    index.add(rows(COMPASS), VECTORS)
    return index


# Searching


def test_the_nearest_come_first_with_their_cosines(index: ExactIndex) -> None:
    assert rounded(index.search(EAST, 5)) == [("e", 1.0), ("se", 0.8), ("sbe", 0.6), ("s", 0.0), ("w", -1.0)]
    assert rounded(index.search(SOUTH, 3)) == [("s", 1.0), ("sbe", 0.8), ("se", 0.6)]


def test_asking_for_more_than_there_is_gives_all_and_for_none_gives_none(index: ExactIndex) -> None:
    assert len(index.search(EAST, 99)) == 5
    assert index.search(EAST, 0) == []


def test_an_empty_index_answers_with_nothing(tmp_path: Path) -> None:
    index = ExactIndex(tmp_path, create=True)
    assert (index.search(EAST, 5), index.count(), index.keys(), list(index.all())) == ([], 0, set(), [])
    matrix, there = index.vectors(["e"])
    assert (matrix.shape, there.tolist()) == ((1, 0), [False])


def test_equal_cosines_are_cut_by_key_and_not_by_when_they_were_added(tmp_path: Path) -> None:
    index = ExactIndex(tmp_path, create=True)
    names = [f"{n:02}" for n in range(40)]
    index.add(rows(["best", *reversed(names), "far"]), np.array([SOUTH, *[SOUTH_BY_EAST] * 40, WEST]))
    for k in (1, 2, 5, 40, 41, 42):
        assert named(index.search(SOUTH, k)) == ["best", *names, "far"][:k]


@pytest.mark.parametrize("k", [1, 10, 50, 700])
def test_nothing_is_missed_though_bytes_are_looked_through(tmp_path: Path, k: int) -> None:
    """As many as make several blocks, so near to each other that the bytes alone would confuse hundreds of
    them.
    """
    names = [f"{n:05}" for n in range(9_000)]
    vectors = unit(9_000, 24) * 0.02 + unit(1, 24, seed=1)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    index = ExactIndex(tmp_path, create=True)
    index.add(rows(names), vectors)
    for question in (unit(1, 24, seed=2)[0], vectors[4_321]):
        found = index.search(question, k)
        assert set(named(found)) == set(nearest(vectors, names, question, k))
        assert [score for _, score in found] == pytest.approx(
            [float(vectors[int(key)] @ question) for key in named(found)]
        )


def test_the_slack_that_is_kept_is_needed_for_that(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matrix, "_SIGMAS", 0.0)
    with pytest.raises(AssertionError):
        test_nothing_is_missed_though_bytes_are_looked_through(tmp_path, 50)


# Filters

JANUARY, FEBRUARY = date(2024, 1, 18), date(2024, 2, 1)
DATED = [
    Record("e", "a", "", JANUARY, "DAWN"),
    Record("se", "a", "", JANUARY, "DAWN"),
    Record("sbe", "b", "", FEBRUARY, "AP"),
    Record("s", "c"),
    Record("w", "d", "", FEBRUARY, "DAWN"),
]


@pytest.mark.parametrize(
    ("limits", "left"),
    [
        (
            {"after": JANUARY},
            ["e", "se", "sbe", "w"],
        ),  # both days are included; an unknown date passes neither
        ({"after": date(2024, 1, 19)}, ["sbe", "w"]),
        ({"before": JANUARY}, ["e", "se"]),
        ({"before": date(2024, 1, 17)}, []),
        ({"after": JANUARY, "before": JANUARY}, ["e", "se"]),
        ({"after": date(1, 1, 1)}, ["e", "se", "sbe", "w"]),
        ({"before": date(9999, 12, 31)}, ["e", "se", "sbe", "w"]),
        ({"sources": ("AP",)}, ["sbe"]),
        ({"sources": ("AP", "DAWN")}, ["e", "se", "sbe", "w"]),
        ({"sources": ("ap",)}, []),
        ({"exclude_articles": ("a", "unheard of")}, ["sbe", "s", "w"]),
        ({"after": JANUARY, "sources": ("DAWN",), "exclude_articles": ("d",)}, ["e", "se"]),
    ],
)
def test_only_what_the_filters_admit_is_found(
    tmp_path: Path, limits: dict[str, Any], left: list[str]
) -> None:
    index = ExactIndex(tmp_path, create=True)
    index.add(DATED, VECTORS)
    assert named(index.search(EAST, 5, Filters(**limits))) == left
    assert named(index.search(EAST, 1, Filters(**limits))) == left[:1]


@pytest.mark.parametrize("share", [2, 20])  # looked through whole, and picked out
def test_a_filter_finds_the_best_of_what_it_admits_and_misses_none(tmp_path: Path, share: int) -> None:
    vectors, names = unit(6_000, 24), [f"{n:04}" for n in range(6_000)]
    index = ExactIndex(tmp_path, create=True)
    index.add(
        [Record(name, name, "", None, "AP" if n % share == 0 else "DAWN") for n, name in enumerate(names)],
        vectors,
    )
    question = unit(1, 24, seed=2)[0]
    found = named(index.search(question, 20, Filters(sources=("AP",))))
    assert found == nearest(vectors[::share], names[::share], question, 20)


# Writing


def test_a_key_that_is_there_already_is_replaced_and_not_doubled(index: ExactIndex) -> None:
    index.add(rows(["e", "new"]), np.array([WEST, EAST]))
    assert rounded(index.search(EAST, 6)) == [
        ("new", 1.0), ("se", 0.8), ("sbe", 0.6), ("s", 0.0), ("e", -1.0), ("w", -1.0)
    ]  # fmt: skip
    assert (index.count(), index.keys()) == (6, {*COMPASS, "new"})


def test_what_another_has_open_follows_at_once(index: ExactIndex, tmp_path: Path) -> None:
    reader = ExactIndex(tmp_path)
    assert named(reader.search(EAST, 2)) == ["e", "se"]
    index.delete(["e", "never there"])
    assert named(reader.search(EAST, 2)) == ["se", "sbe"]
    index.add(rows(["east"]), VECTORS[:1])
    assert named(reader.search(EAST, 2)) == ["east", "se"]
    index.wipe()
    assert reader.search(EAST, 2) == []
    index.add(rows(["x"]), np.array([[1, 0, 0, 0]], dtype=np.float32))
    assert named(reader.search(np.array([1, 0, 0, 0], dtype=np.float32), 3)) == ["x"]


def test_a_thread_may_let_go_of_the_files_while_others_look_through_them(
    restless: None, index: ExactIndex
) -> None:
    found: list[list[tuple[str, float]]] = []
    faults: list[Exception] = []
    done = threading.Event()

    def let_go() -> None:
        while not done.is_set():
            index.close()

    def search() -> None:
        try:
            for _ in range(500):
                found.append(index.search(EAST, 2))
        except Exception as exc:
            faults.append(exc)

    closing, searching = threading.Thread(target=let_go), [threading.Thread(target=search) for _ in range(4)]
    try:
        for thread in (closing, *searching):
            thread.start()
        for thread in searching:
            thread.join()
    finally:
        done.set()
        closing.join()
    assert faults == []
    assert [named(hits) for hits in found] == [["e", "se"]] * 2_000


def test_the_vectors_come_in_the_order_asked_for_as_they_were_with_a_word_on_which_are_missing(
    index: ExactIndex,
) -> None:
    index.delete(["s"])
    matrix, there = index.vectors(["w", "gone", "e", "s"])
    assert there.tolist() == [True, False, True, False]
    assert matrix.tolist() == [WEST.tolist(), [0, 0, 0], EAST.tolist(), [0, 0, 0]]
    nothing, none = index.vectors([])
    assert (nothing.shape, none.shape) == ((0, 3), (0,))
    ((keys, vectors),) = index.all()
    assert (keys, vectors.tolist()) == (["e", "se", "sbe", "w"], VECTORS[[0, 1, 2, 4]].tolist())


def test_keys_added_after_the_table_of_keys_was_made_are_found_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exact, "_SORTED_ROWS", 100)
    monkeypatch.setattr(matrix, "_CHUNK_ROWS", 100)
    index = ExactIndex(tmp_path, create=True)
    vectors, names = unit(1_000), [f"{n:04}" for n in range(1_000)]
    for start in range(0, 1_000, 30):
        index.add(rows(names[start : start + 30]), vectors[start : start + 30])
        index.delete(names[start : start + 1])
    assert index.keys() == {name for n, name in enumerate(names) if n % 30}
    assert sum(len(keys) for keys, _ in index.all()) == 966


def test_files_with_many_dead_rows_are_written_anew_and_the_old_ones_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exact, "_MIN_DEAD_ROWS", 10)
    monkeypatch.setattr(matrix, "_CHUNK_ROWS", 7)
    index = ExactIndex(tmp_path, create=True)
    reader = ExactIndex(tmp_path)
    vectors, names = unit(60), [f"{'long' * (n % 3)}{n:02}" for n in range(60)]
    index.add(rows(names), vectors)
    assert named(reader.search(vectors[0], 1)) == [names[0]]
    size = sum(file.stat().st_size for file in tmp_path.rglob("*"))
    index.delete(names[:15])
    index.compact()
    assert sum(file.stat().st_size for file in tmp_path.rglob("*")) >= size, "a quarter is not much"
    index.delete(names[15:40])
    index.compact()
    for seen in (index, reader, ExactIndex(tmp_path)):
        assert seen.keys() == set(names[40:])
        assert named(seen.search(vectors[50], 20)) == nearest(vectors[40:], names[40:], vectors[50], 20)
        assert (seen.vectors(names[40:])[0] == vectors[40:]).all()
    index.add(rows(["after"]), vectors[:1])
    assert named(reader.search(vectors[0], 1)) == ["after"]
    index.delete(names[40:])
    index.compact()
    assert (index.keys(), reader.keys()) == ({"after"}, {"after"})
    assert len([folder for folder in (tmp_path / "vectors").iterdir() if folder.is_dir()]) == 1


@pytest.mark.parametrize("dead", [range(8), range(4, 12), range(3, 16), range(16)])
def test_whole_blocks_of_dead_rows_are_left_out_wherever_they_lie(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dead: range
) -> None:
    monkeypatch.setattr(exact, "_MIN_DEAD_ROWS", 1)
    monkeypatch.setattr(matrix, "_CHUNK_ROWS", 4)
    index = ExactIndex(tmp_path, create=True)
    vectors, names = unit(16), [f"{'long' * (n % 3)}{n:02}" for n in range(16)]
    index.add(rows(names), vectors)
    index.delete([names[n] for n in dead])
    index.compact()
    left = [n for n in range(16) if n not in dead]
    for seen in (index, ExactIndex(tmp_path)):
        assert named(seen.search(vectors[0], 16)) == nearest(
            vectors[left], [names[n] for n in left], vectors[0], 16
        )
        assert (seen.vectors([names[n] for n in left])[0] == vectors[left]).all()


def test_a_disk_without_room_for_new_files_keeps_the_old_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exact, "_MIN_DEAD_ROWS", 1)
    monkeypatch.setattr(exact, "_SPARE_BYTES", 10**18)
    index = ExactIndex(tmp_path, create=True)
    index.add(rows(COMPASS), VECTORS)
    index.delete(["e", "se"])
    index.compact()
    assert sorted(p.name for p in (tmp_path / "vectors").iterdir()) == ["1", "state"]
    assert named(index.search(EAST, 5)) == ["sbe", "s", "w"]


def test_what_is_deleted_leaves_nothing_behind(tmp_path: Path) -> None:
    index = ExactIndex(tmp_path, create=True)
    index.add(rows(["kept", "a secret name", "other"]), VECTORS[[0, 1, 3]])
    index.delete(["a secret name"])
    held = {path.name: path.read_bytes() for path in (tmp_path / "vectors" / "1").iterdir()}
    assert b"secret" not in held["keys"]
    assert held["exact"] == VECTORS[0].tobytes() + bytes(12) + VECTORS[3].tobytes()
    assert held["codes"][3:6] == bytes(3)
    index.wipe()
    assert sorted(p.name for p in (tmp_path / "vectors").iterdir()) == ["2", "state"]


def test_a_folder_that_is_none_of_ours_is_left_alone(index: ExactIndex, tmp_path: Path) -> None:
    (tmp_path / "vectors" / "lost+found").mkdir()
    index.wipe()
    assert (tmp_path / "vectors" / "lost+found").is_dir()


def test_what_a_killed_writer_has_left_half_done_is_not_seen_and_is_written_over(
    index: ExactIndex, tmp_path: Path
) -> None:
    stated = (tmp_path / "vectors" / "state").read_bytes()
    index.add(rows(["half", "done"]), VECTORS[:2])
    (tmp_path / "vectors" / "state").write_bytes(stated)  # killed before it was noted
    again = ExactIndex(tmp_path, create=True)
    assert again.keys() == set(COMPASS)
    again.add(rows(["a long key"]), VECTORS[:1])
    assert again.keys() == {*COMPASS, "a long key"}
    assert named(again.search(EAST, 2)) == ["a long key", "e"]
    again.add(rows(["then"]), VECTORS[3:4])
    assert again.keys() == {*COMPASS, "a long key", "then"}


def test_a_writer_that_is_killed_while_it_replaces_leaves_no_key_twice(
    index: ExactIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ExactIndex, "_save_state", lambda *_: None)  # killed before what was written is noted
    index.add(rows(["e"]), VECTORS[1:2])
    monkeypatch.undo()
    again = ExactIndex(tmp_path, create=True)
    assert again.keys() == {"se", "sbe", "s", "w"}
    again.add(rows(["e"]), VECTORS[1:2])
    assert rounded(again.search(EAST, 3)) == [("e", 0.8), ("se", 0.8), ("sbe", 0.6)]


# Faults


def test_a_missing_index_is_named_with_the_command_that_makes_it_again(tmp_path: Path) -> None:
    with pytest.raises(CollectionError) as missing:
        ExactIndex(tmp_path)
    assert str(missing.value) == (
        f"the dense index {tmp_path}/vectors is missing. It is made again by the next sync: "
        f"clippings sync FOLDER --home {tmp_path}"
    )
    assert list(tmp_path.iterdir()) == [], "looking for it made something"


@pytest.mark.parametrize(
    ("file", "content"),
    [("state", b"{"), ("state", json.dumps({"part": 1}).encode()), ("1/codes", b""), ("1/end", b"short")],
)
def test_a_damaged_index_is_named_with_the_command_that_makes_it_again(
    index: ExactIndex, tmp_path: Path, file: str, content: bytes
) -> None:
    index.close()
    (tmp_path / "vectors" / file).write_bytes(content)
    with pytest.raises(CollectionError) as damaged:
        ExactIndex(tmp_path).search(EAST, 1)
    assert str(damaged.value).startswith(f"the dense index {tmp_path}/vectors cannot be used: ")
    assert str(damaged.value).endswith(f"Make it again: clippings sync --rebuild --home {tmp_path}")
    assert damaged.value.__cause__ is not None


def test_a_vector_of_another_length_is_refused_and_the_index_goes_on(index: ExactIndex) -> None:
    with pytest.raises(CollectionError, match=r"cannot be used: .*dimension 3, these have 2"):
        index.add(rows(["x"]), np.array([[1, 0]], dtype=np.float32))
    with pytest.raises(CollectionError, match=r"cannot be used: .*dimension 3, the question's has 2"):
        index.search(np.array([1, 0], dtype=np.float32), 1)
    assert named(index.search(EAST, 1)) == ["e"]
