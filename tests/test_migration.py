"""A collection that an earlier version made is brought to this one's layout when it is opened, and loses nothing."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from conftest import WordEncoder, write_jsonl

from ingest import edit, sync
from rag.catalog import FILE, Catalog
from rag.config import Config
from rag.errors import CollectionError
from rag.retrieve import Retriever

WORDS = " ".join(f"Ship {n} left the harbour of Varn with {n} crew and a cargo of salt." for n in range(12))


def age(home: Path) -> None:
    """Make the catalog what layout 1 was: no columns for marks and copies, no earlier versions, no notes of what was looked at."""
    with sqlite3.connect(home / FILE) as db:
        for index in ("ix_articles_copy_of", "articles_noted"):
            db.execute(f"DROP INDEX {index}")
        for column in ("mark", "provenance", "pages", "signature", "copy_of"):
            db.execute(f"ALTER TABLE articles DROP COLUMN {column}")
        for table in ("looked", "earlier"):
            db.execute(f"DROP TABLE {table}")
        db.execute("UPDATE meta SET value = '1' WHERE name = 'schema'")


@pytest.fixture
def feed(tmp_path: Path) -> Path:
    records = [
        {"id": "a", "text": WORDS, "title": "Ships", "source": "Dawn"},
        {"id": "b", "text": "Snow fell on the hills.", "source": "Wire"},
        {"id": "c", "text": f"VARN (Wire) - {WORDS}", "source": "Harbor Courier"},
    ]
    return write_jsonl(tmp_path / "feed.jsonl", *records)


@pytest.fixture
def old(feed: Path, config: Config) -> Config:
    sync(feed, config, encoder=WordEncoder())
    edit("b", {"title": "Snow"}, config, encoder=WordEncoder())
    age(config.home)
    return config


def rows(config: Config) -> list[tuple[object, ...]]:
    with sqlite3.connect(config.home / FILE) as db:
        return db.execute("SELECT id, version, title, source, text, origin FROM articles ORDER BY id").fetchall()


def test_who_only_reads_finds_everything_there(old: Config) -> None:
    before = rows(old)
    with Retriever(old.home, old, WordEncoder()) as retriever:
        assert retriever.find("snow on the hills").passages[0].article.id == "b"
    assert rows(old) == before


def test_a_sync_keeps_what_is_unchanged_and_learns_what_is_new(feed: Path, old: Config) -> None:
    encoder = WordEncoder()
    before = rows(old)
    report = sync(feed, old, encoder=encoder)
    assert (report.kept, report.added, report.replaced, report.passages) == (("a", "b", "c"), (), (), 0)
    assert encoder.encoded == [], "nothing is indexed again"
    assert rows(old) == before
    catalog = Catalog(old.home, old)
    assert catalog.groups() == {"a": "a", "c": "a"}, "copies are found among articles that were there before"
    headline = catalog.headline("a")
    catalog.close()
    assert headline is not None
    assert (headline.group, headline.also, headline.voice) == ("a", ("Harbor Courier",), "a")


def test_a_change_is_told_by_the_version_as_it_was_read(feed: Path, old: Config) -> None:
    write_jsonl(feed, {"id": "b", "text": "Rain fell on the hills.", "source": "Wire"})
    assert sync(feed, old, encoder=WordEncoder()).replaced == ("b",)
    catalog = Catalog(old.home, old)
    article = catalog.article("b")
    assert article is not None
    assert (article.title, article.text) == ("Snow", "Rain fell on the hills.")
    ((version, _),) = catalog.versions("b")
    earlier = catalog.earlier("b", version)
    catalog.close()
    assert earlier is not None
    assert (earlier.title, earlier.text) == ("Snow", "Snow fell on the hills.")


def test_it_is_migrated_once_and_by_several_at_a_time(old: Config) -> None:
    catalogs = [Catalog(old.home, old) for _ in range(3)]
    for catalog in catalogs:
        assert catalog.count()[0] == 3
        catalog.close()
    Catalog(old.home, old, create=True).close()


def test_a_layout_of_the_future_is_refused_with_what_to_do(old: Config) -> None:
    with sqlite3.connect(old.home / FILE) as db:
        db.execute("UPDATE meta SET value = '3' WHERE name = 'schema'")
    with pytest.raises(CollectionError, match="has layout 3, this version of Clippings reads layout 2"):
        Catalog(old.home, old)
