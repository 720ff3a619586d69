"""One bit that is no longer what was written: `doctor --deep` finds it, or it lies where nothing is read; no
answer has other words.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import WordEncoder, write_jsonl

from ingest import edit, remove, soundness, sync
from ingest.soundness import Part
from rag.config import Config, PassageSettings
from rag.errors import CollectionError
from rag.retrieval.search import Retriever
from rag.store.bm25 import PASSAGES, WHOLE, LexicalIndex
from rag.store.cache import ExactIndex
from rag.store.catalog import FILE, Catalog, PassageRef
from rag.store.schema import table_columns
from rag.store.vectors import DenseIndex

pytestmark = pytest.mark.slow

FLIPS = int(os.environ.get("FLIPS", "45"))
QUESTIONS = ("ship3 of crew3", "snow on hill2", "an inquiry opened")
# What the examination cannot vouch for, and no answer is made of: what places held when they were looked at
# (they are read again), which articles are to be grouped, and the collection's number of writes and identity.
NO_CHECKSUM = {"snapshots", "indexes", "meta"}
REBUILD = "clippings sync --rebuild"
PLACES = {  # of each store the share of the flips, and the part of the examination that is to find them
    FILE: (14, "catalog's rows"),
    "vectors": (10, "vectors"),
    PASSAGES: (8, "passages' words"),
    WHOLE: (8, "articles' words"),
    "dense": (5, "Chroma's vectors"),  # each takes a process of its own
}


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Config:
    """A collection with everything in it: corrections, earlier versions, days, sources, copies, and what was
    removed.
    """
    place = tmp_path_factory.mktemp("sound")
    config = Config(home=place / "home", encoder=WordEncoder.name)
    news, encoder = place / "news", WordEncoder()
    news.mkdir()
    for n in range(6):
        (news / f"{n}.txt").write_text(
            f"Harbour {n} of Varn\n\nBy Ana Torell\n\n"
            + f"The ship{n} of crew{n} left the harbour at noon. " * 20
        )
    snow = [
        {
            "id": f"f{n}",
            "text": f"Snow fell on hill{n}. " * 30,
            "published": f"2024-01-0{n + 1}",
            "source": "Wire",
        }
        for n in range(5)
    ]
    sync([news, write_jsonl(place / "feed.jsonl", *snow)], config, encoder=encoder)
    edit("f1", {"title": "Right"}, config, encoder=encoder)
    (news / "0.txt").write_text("An inquiry opened into the loss of the ship.")
    sync(news, config, encoder=encoder)
    remove("f4", config, encoder=encoder)
    return config


@pytest.fixture
def copy(sound: Config, tmp_path: Path) -> Callable[[], Config]:
    """Makes a fresh copy of the collection."""

    def made() -> Config:
        shutil.rmtree(tmp_path / "copy", ignore_errors=True)
        shutil.copytree(sound.home, tmp_path / "copy")
        return replace(sound, home=tmp_path / "copy")

    return made


def examined(config: Config, *names: str) -> dict[str, Part]:
    """What the examination finds; only of some parts, where these are named."""
    known = {
        "catalog's rows": lambda: soundness._catalog(config.home),
        "vectors": lambda: soundness._vectors(config, soundness._counts(config)[0]),
        "passages' words": lambda: soundness._lexical(
            config.home, PASSAGES, soundness._counts(config)[0], REBUILD
        ),
        "articles' words": lambda: soundness._lexical(
            config.home, WHOLE, soundness._counts(config)[1], REBUILD
        ),
        "Chroma's vectors": lambda: soundness._chroma(config),
    }
    if not names:
        return {part.name: part for part in soundness.examine(config)}
    return {name: soundness._examined(name, known[name]) for name in names}


def stored(config: Config, place: str) -> Any:
    """All that is ever read of one of the stores."""
    home = config.home
    if place == FILE:
        with closing(sqlite3.connect(home / FILE)) as db:
            tables = [
                name
                for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
            ]
            columns = {
                # Not until when, nor in which generation: these have no checksum either.
                "earlier": "article_id, version, facts, text",
                "passages": "key, article_id, start, end, added IS NULL, removed IS NULL",
                "articles": ", ".join(name for name in table_columns()["articles"] if name != "changed"),
            }
            return {
                t: sorted(db.execute(f"SELECT {columns.get(t, '*')} FROM {t}").fetchall(), key=repr)
                for t in tables
            }
    if place == "vectors":
        index = ExactIndex(home)
        matrix = index._mapped()
        return [
            (
                matrix.key(int(row)),
                *(
                    matrix.columns[name][row].tolist()
                    for name in matrix.columns
                    if name not in ("end", "dead")
                ),
            )
            for rows in matrix.alive()
            for row in rows
        ]
    if place == "dense":
        with closing(DenseIndex(home)) as index, index.collection() as collection:
            held = collection.get(include=["embeddings"])
            return {
                key: np.round(vector, 5).tolist()
                for key, vector in zip(held["ids"], held["embeddings"], strict=True)
            }
    index = LexicalIndex(home, place)
    return sorted(index.keys()), [index.search(question, 20) for question in QUESTIONS]


def passages(config: Config) -> set[tuple[str, str]]:
    """The words that questions find, with where they are said to stand."""
    with Retriever(config.home, config, WordEncoder()) as retriever:
        return {
            (p.passage.id, p.passage.text) for question in QUESTIONS for p in retriever.find(question, k=20)
        }


def flipped(config: Config, place: str, chance: random.Random) -> tuple[Path, int]:
    """Flip a bit of a byte in a store's files that is not zero: most of those are room that nobody has
    written to.
    """
    root = config.home / place
    files = (
        [root]
        if root.is_file()
        else sorted(p for p in root.rglob("*") if p.is_file() and not p.name.endswith(".lock"))
    )
    written = [(file, np.frombuffer(file.read_bytes(), "uint8").nonzero()[0]) for file in files]
    number = chance.randrange(sum(len(places) for _, places in written))
    for file, places in written:
        if number < len(places):
            data, at = bytearray(file.read_bytes()), int(places[number])
            data[at] ^= 1 << chance.randrange(8)
            file.write_bytes(data)
            return file, at
        number -= len(places)
    raise AssertionError


def test_a_sound_collection_is_well_in_every_part(sound: Config) -> None:
    assert {name: (part.well, part.detail) for name, part in examined(sound).items()} == {
        "catalog's rows": (True, "10 articles and 1 earlier versions are as they were added (layout 3)"),
        "vectors": (True, "15 are as they were written"),
        "passages' words": (True, "every file of lexical has its checksum"),
        "articles' words": (True, "every file of whole has its checksum"),
        "Chroma's vectors": (True, "the same 15 as are mapped; the links of its graph are not looked at"),
    }


def test_the_indexes_that_answer_are_examined_wherever_they_lie(copy: Callable[[], Config]) -> None:
    config = copy()
    expected = {name: part.detail for name, part in examined(config).items()}
    sync([], config, rebuild=True, encoder=WordEncoder())
    begun = replace(config, passages=PassageSettings(words=30, overlap=1))
    with closing(Catalog(config.home, begun, create=True, rebuild=True)) as catalog:
        # One that was killed is no fault.
        catalog.rebuild(begun).stage([PassageRef("half", "half", 0, 1)])
    assert {name: (part.well, part.detail) for name, part in examined(config).items()} == {
        name: (True, detail) for name, detail in expected.items()
    }
    build = config.home / "indexes" / "1"
    for part, pattern in (
        ("vectors", "vectors/*/exact"),
        ("passages' words", "lexical/*.store"),
        ("articles' words", "whole/*.idx"),
    ):
        (file, *_) = build.glob(pattern)
        file.write_bytes(bytes([file.read_bytes()[0] ^ 1]) + file.read_bytes()[1:])
        assert not examined(config, part)[part].well
    shutil.rmtree(build / "dense")
    assert (
        f"remove the folder {build / 'dense'}"
        in examined(config, "Chroma's vectors")["Chroma's vectors"].detail
    )
    with closing(sqlite3.connect(config.home / FILE)) as db, db:
        db.execute("UPDATE meta SET value = 'indexes/../..' WHERE name = 'build'")
    said = "its indexes lie in 'indexes/../..', where no version of Clippings puts them"
    assert all(not part.well and said in part.detail for part in examined(config).values())
    with pytest.raises(CollectionError, match=re.escape(said)):
        sync([], config, encoder=WordEncoder())


def test_a_flipped_bit_is_found_or_lies_where_nothing_is_read(
    sound: Config, copy: Callable[[], Config]
) -> None:
    chance = random.Random(FLIPS)
    before = {place: stored(sound, place) for place in PLACES}
    words = passages(sound)
    found, harmless = dict.fromkeys(PLACES, 0), dict.fromkeys(PLACES, 0)
    total = sum(share for share, _ in PLACES.values())
    for place, (share, part) in PLACES.items():
        for _ in range(max(1, share * FLIPS // total)):
            config = copy()
            file, at = flipped(config, place, chance)
            where = f"byte {at} of {file.relative_to(config.home)}"
            said = examined(config, part)[part]  # before anybody asks, who may make the cache again
            if not said.well:
                assert "clippings" in said.detail or "remove the folder" in said.detail, said
                found[place] += 1
            else:
                assert unlike(stored(config, place), before[place]) == set(), f"not found: {where}"
                harmless[place] += 1
            try:
                assert passages(config) <= words, f"another text was given for {where}"
            except CollectionError:
                pass  # refused, with a sentence
    print({place: (found[place], harmless[place]) for place in PLACES})
    assert all(found[place] for place in (FILE, "vectors", PASSAGES, WHOLE))


def unlike(now: Any, before: Any) -> set[str]:
    """What is read otherwise than before, apart from what has no checksum."""
    if now == before:
        return set()
    if not isinstance(now, dict):
        return {"all"}
    return {name for name in {*now, *before} if now.get(name) != before.get(name)} - NO_CHECKSUM
