"""A disk that is full: one clear error, nothing that was stored is lost, and the same sync completes when
there is room.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import WordEncoder

from ingest import remove, sync
from ingest import writer as batching
from rag.config import Config
from rag.errors import CollectionError
from rag.retrieval.search import Retriever
from rag.store.bm25 import WHOLE, LexicalIndex
from rag.store.catalog import Catalog
from rag.store.vectors import DenseIndex

pytestmark = pytest.mark.slow

DISK = 96_000_000  # bytes; twenty more than a sync asks to find free


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk of our own."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(place)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip(f"no right to mount a small disk to fill: {mounted.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


@contextmanager
def filled(disk: Path, *, leaving: int) -> Iterator[None]:
    """The disk, full but for a number of bytes."""
    ballast = disk / "ballast"
    usage = shutil.disk_usage(disk)
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(usage.free - leaving, 1))
    try:
        yield
    finally:
        ballast.unlink()


@pytest.fixture
def old(tmp_path: Path) -> Path:
    folder = tmp_path / "old"
    folder.mkdir()
    for n in range(12):
        (folder / f"{n}.txt").write_text(
            f"Iran struck on day{n}. " + f"Witness{n} spoke of it at length. " * 60
        )
    return folder


@pytest.fixture
def more(tmp_path: Path) -> Path:
    folder = tmp_path / "more"
    folder.mkdir()
    for n in range(30):
        (folder / f"{n}.txt").write_text(
            " ".join(f"Report{n}x{m} said that rain{m} fell in town{n}." for m in range(700))
        )
    return folder


def whole(config: Config) -> tuple[int, int]:
    """How many articles and passages there are, once all three agree and nothing is left to do."""
    catalog = Catalog(config.home, config)
    keys, build = catalog.keys(), catalog.build()
    assert LexicalIndex(config.home, WHOLE, build=build).keys() == {
        place.key for place in catalog.first_passages().values()
    }
    assert (catalog.count_hidden(), catalog.without_passages()) == (0, [])
    counts = catalog.count()
    catalog.close()
    dense = DenseIndex(config.home, build=build)
    assert dense.keys() == dense.cache.keys() == LexicalIndex(config.home, build=build).keys() == keys
    assert dense.vectors(sorted(keys))[1].all()
    dense.close()
    return counts


def struck(retriever: Retriever) -> set[str]:
    return {
        p.article.id
        for stage in ("dense", "lexical")
        for p in retriever.find("Iran struck on day7", k=3, stages=(stage,))
    }


def test_a_sync_with_too_little_room_is_refused_before_it_writes_and_completes_when_there_is_room(
    disk: Path, old: Path, more: Path, encoder: WordEncoder
) -> None:
    config = Config(home=disk / "home", encoder="words")
    sync(old, config, encoder=encoder)
    before = whole(config)
    with Retriever(config.home, config, encoder) as open_already:
        for leaving in (0, 5_000_000, batching.ROOM_BYTES - 100_000):
            with filled(disk, leaving=leaving):
                for attempt in (
                    lambda: sync(more, config, encoder=encoder),
                    lambda: remove("old/7.txt", config, encoder=encoder),
                    lambda: sync([], config, rebuild=True, encoder=encoder),
                ):
                    with pytest.raises(CollectionError) as refused:
                        attempt()
                    assert "full" in str(refused.value)
                    assert str(disk / "home") in str(refused.value)
                    assert str(refused.value).endswith("free some space and run again")
                assert "old/7.txt" in struck(open_already)
        with (
            filled(disk, leaving=batching.ROOM_BYTES - 100_000),
            Retriever(config.home, config, encoder) as opened_now,
        ):
            assert "old/7.txt" in struck(opened_now), "there is room enough to read"
        assert whole(config) == before
        assert len(sync(more, config, encoder=encoder).added) == 30
        assert "old/7.txt" in struck(open_already)
        assert {p.article.id for p in open_already.find("Report3x7 rain7 town3", k=1)} == {"more/3.txt"}
    assert whole(config)[0] == 42


def test_the_room_asked_for_grows_with_what_is_to_be_written(
    disk: Path, tmp_path: Path, encoder: WordEncoder
) -> None:
    config = Config(home=disk / "home", encoder="words")
    long = tmp_path / "long.txt"
    long.write_text("Nothing of note happened. " * 80_000)  # 2 MB, for which 40 MB are asked
    short = tmp_path / "short.txt"
    short.write_text("Nothing of note happened.")
    with filled(disk, leaving=batching.ROOM_BYTES + 10_000_000):
        assert len(sync(short, config, encoder=encoder).added) == 1
        with pytest.raises(CollectionError, match="is nearly full"):
            sync(long, config, encoder=encoder)
    assert whole(config) == (1, 1)


@pytest.mark.parametrize("leaving", [0, 600_000, 1_200_000, 2_000_000, 2_800_000, 3_600_000])
def test_a_disk_that_fills_up_in_the_middle_is_one_clear_error_and_nothing_stored_is_lost(
    disk: Path, old: Path, more: Path, encoder: WordEncoder, leaving: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As when another program fills the disk after we have looked: every store in turn finds no room.
    monkeypatch.setattr(batching, "ROOM_BYTES", 0)
    monkeypatch.setattr(batching, "ROOM_BYTES_PER_LETTER", 0)
    config = Config(home=disk / "home", encoder="words")
    sync(old, config, encoder=encoder)
    with filled(disk, leaving=leaving), pytest.raises(CollectionError) as refused:
        sync(more, config, encoder=encoder)
    assert f"the disk that holds {disk / 'home'}" in str(refused.value)
    assert str(refused.value).endswith(
        "is full. The articles stored before are safe; free some space and run again"
    )
    assert refused.value.__cause__ is not None
    catalog = Catalog(config.home, config)
    assert all(catalog.article(f"old/{n}.txt") for n in range(12))
    catalog.close()
    sync(more, config, encoder=encoder)
    assert whole(config)[0] == 42
    with Retriever(config.home, config, encoder) as retriever:
        assert "old/7.txt" in struck(retriever)


def test_a_first_sync_on_a_full_disk_leaves_nothing_that_stands_in_the_way(
    disk: Path, old: Path, encoder: WordEncoder
) -> None:
    config = Config(home=disk / "home", encoder="words")
    for leaving in (0, 20_000, 300_000):
        with filled(disk, leaving=leaving), pytest.raises(CollectionError, match=r"full|No space left"):
            sync(old, config, encoder=encoder)
    assert len(sync(old, replace(config), encoder=encoder).added) == 12
    assert whole(config)[0] == 12
