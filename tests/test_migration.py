"""A collection that an earlier version made is brought to this one's layout when it is opened, and loses
nothing.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import zlib
from contextlib import closing
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import chromadb
import pytest
from conftest import WordEncoder, WordReader, write_jsonl

import app
from ingest import edit, remove, soundness, sync
from ingest import writer as batching
from ingest.restoring import restore
from ingest.safekeeping import backup
from rag.config import DENSE, Config, RetrievalSettings
from rag.errors import CollectionError
from rag.retrieval.search import Retriever
from rag.store.catalog import FILE, Catalog
from rag.store.vectors import DenseIndex
from rag.types import Filters, content_version, corrected_version

pytestmark = pytest.mark.slow  # builds collections over and over

WORDS = " ".join(f"Ship {n} left the harbour of Varn with {n} crew and a cargo of salt." for n in range(12))


def age(home: Path, schema: str = "2", layout: str | None = "3") -> None:
    """Make a collection what an earlier version would have made of the same articles.

    Schema 2 knew of each passage whether it was indexed, and kept lists of what was to be deleted and grouped;
    schema 1 had no columns for fingerprints and copies, no earlier versions, no notes of what was read. Layout 3
    had neither texts nor facts in Chroma and no checksums of ours in the cache, layout 2 no cache, and the first
    (`None`) no index of whole articles.
    """
    with closing(sqlite3.connect(home / FILE)) as db, db:
        for (name,) in db.execute(
            "SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = 'passages' AND sql IS NOT NULL"
        ).fetchall():
            db.execute(f"DROP INDEX {name}")
        db.execute("ALTER TABLE passages RENAME TO newer")
        for statement in FIRST:
            if "passages" in statement or "doomed" in statement:
                db.execute(statement)
        db.execute(
            'INSERT INTO passages SELECT key, article_id, start, "end", 1 FROM newer WHERE removed IS NULL'
        )
        db.execute("INSERT INTO doomed VALUES ('a@0:0-9')")
        db.execute("DROP TABLE newer")
        db.execute("DROP TABLE indexes")
        db.execute("DROP INDEX ix_articles_changed")
        db.execute("ALTER TABLE articles DROP COLUMN changed")
        db.execute("ALTER TABLE snapshots RENAME TO looked")
        db.execute(UNGROUPED)
        if schema == "1":
            for index in ("ix_articles_copy_of", "articles_noted"):
                db.execute(f"DROP INDEX {index}")
            for column in ("mark", "provenance", "pages", "signature", "copy_of"):
                db.execute(f"ALTER TABLE articles DROP COLUMN {column}")
            for table in ("looked", "earlier", "ungrouped"):
                db.execute(f"DROP TABLE {table}")
        db.execute("UPDATE meta SET value = ? WHERE name = 'schema'", (schema,))
        db.execute("DELETE FROM meta WHERE name = 'index layout'")
        if layout:
            db.execute("INSERT INTO meta VALUES ('index layout', ?)", (layout,))
        if layout == "3":
            db.execute("INSERT INTO meta VALUES ('filled', 'dense')")
    client = chromadb.PersistentClient(f"{home / 'dense'}/././.")
    held = client.get_collection("passages", embedding_function=None).get(include=["embeddings"])
    client.delete_collection("passages")
    older = client.create_collection(
        "passages", configuration={"hnsw": {"space": "cosine"}}, embedding_function=None
    )
    older.add(ids=held["ids"], embeddings=held["embeddings"])
    client.close()
    if layout == "3":
        (home / "vectors" / "1" / "checksums").unlink()
        state = json.loads((home / "vectors" / "state").read_bytes())
        del state["generation"]
        (home / "vectors" / "state").write_text(json.dumps(state))
    else:
        shutil.rmtree(home / "vectors")
    if layout is None:
        shutil.rmtree(home / "whole")


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
    age(config.home, "1")
    return config


def rows(config: Config) -> list[tuple[object, ...]]:
    with sqlite3.connect(config.home / FILE) as db:
        return db.execute(
            "SELECT id, version, title, source, text, origin FROM articles ORDER BY id"
        ).fetchall()


def test_who_only_reads_finds_everything_there(old: Config) -> None:
    before = rows(old)
    with Retriever(old.home, old, WordEncoder()) as retriever:
        assert retriever.find("snow on the hills").passages[0].article.id == "b"
    assert rows(old) == before


def test_a_sync_keeps_what_is_unchanged_and_learns_what_is_new(feed: Path, old: Config) -> None:
    encoder = WordEncoder()
    before = rows(old)
    report = sync(feed, old, encoder=encoder)
    assert (report.kept, report.added, report.replaced) == (("a", "b", "c"), (), ())
    assert encoder.encoded == [], "nothing is encoded again"
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
        db.execute("UPDATE meta SET value = '4' WHERE name = 'schema'")
    with pytest.raises(CollectionError, match="has layout 4, this version of Clippings reads layout 3"):
        Catalog(old.home, old)


QUESTIONS = ("snow on the hills", "ships that left the harbour of Varn", "salt")


def answers(config: Config, **limits: Any) -> list[list[str]]:
    with Retriever(config.home, config, WordEncoder()) as retriever:
        return [
            [p.passage.id for p in retriever.find(question, filters=Filters(**limits), stages=stages)]
            for question in QUESTIONS
            for stages in (("dense",), ("lexical",), ("dense", "lexical", "whole"))
        ]


@pytest.mark.parametrize(("schema", "layout"), [("1", None), ("1", "2"), ("2", "2"), ("2", "3")])
def test_the_indexes_of_every_layout_are_brought_to_this_one_s_by_a_sync_that_encodes_nothing(
    feed: Path, config: Config, schema: str, layout: str | None
) -> None:
    sync(feed, config, encoder=WordEncoder())
    edit("b", {"title": "Snow"}, config, encoder=WordEncoder())
    whole, filtered = answers(config), answers(config, sources=("Wire",))
    age(config.home, schema, layout)
    if layout == "3":
        assert answers(config) == whole, "they answer meanwhile"
        assert answers(config, sources=("Wire",)) == filtered
    else:
        with pytest.raises(CollectionError, match="bring them to this one: clippings sync FOLDER"):
            answers(config)
    encoder = WordEncoder()
    report = sync(feed, config, encoder=encoder)
    assert (report.kept, encoder.encoded) == (("a", "b", "c"), [])
    for mode in DENSE:
        asked = replace(config, retrieval=RetrievalSettings(dense=mode))
        assert answers(asked) == whole
        assert answers(asked, sources=("Wire",)) == filtered
    assert sync(feed, config, encoder=encoder).kept == ("a", "b", "c")
    assert encoder.encoded == []
    assert sorted(path.name for path in config.home.iterdir()) == [FILE, "indexes", "write.lock"]
    client = chromadb.PersistentClient(f"{config.home / 'indexes' / '1' / 'dense'}/././.")
    held = client.get_collection("passages", embedding_function=None).get(include=["documents", "metadatas"])
    client.close()
    assert {facts["source"] for facts in held["metadatas"]} == {"Dawn", "Wire", "Harbor Courier"}
    assert "Snow fell on the hills." in held["documents"]


@pytest.mark.parametrize("mode", DENSE)
def test_an_older_chroma_store_answers_where_the_cache_is_lost_whatever_the_filter(
    feed: Path, config: Config, mode: str
) -> None:
    sync(feed, config, encoder=WordEncoder())
    whole, filtered = answers(config), answers(config, sources=("Wire",))
    age(config.home)
    shutil.rmtree(config.home / "vectors")
    asked = replace(config, retrieval=RetrievalSettings(dense=mode))
    assert answers(asked) == whole
    assert answers(asked, sources=("Wire",)) == filtered


def test_a_change_to_one_article_migrates_the_others_first(feed: Path, config: Config) -> None:
    sync(feed, config, encoder=WordEncoder())
    age(config.home, "2", "2")
    encoder = WordEncoder()
    remove("b", config, encoder=encoder)
    assert encoder.encoded == []
    assert {i.partition(":")[0] for found in answers(config) for i in found} == {"a", "c"}


def test_vectors_that_an_earlier_version_has_lost_are_encoded_by_who_asks_for_it(
    feed: Path, config: Config
) -> None:
    sync(feed, config, encoder=WordEncoder())
    age(config.home, "2", "2")
    shutil.rmtree(config.home / "dense")
    with pytest.raises(CollectionError, match=r"vectors are not there.*clippings sync --rebuild --home"):
        sync(feed, config, encoder=WordEncoder())
    encoder = WordEncoder()
    sync(feed, config, rebuild=True, encoder=encoder)
    assert len(encoder.encoded) == len(set(encoder.encoded)) > 0
    assert answers(config)[0][0].startswith("b:")


def test_a_migration_that_is_killed_is_gone_on_with(
    feed: Path, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batching, "BATCH", 1)
    sync(feed, config, encoder=WordEncoder())
    whole = answers(config)
    age(config.home)
    written: list[object] = []
    add = DenseIndex.add

    def killed(self: DenseIndex, *given: Any, **options: Any) -> None:
        written.append(given)
        if len(written) == 2:
            raise KeyboardInterrupt
        add(self, *given, **options)

    monkeypatch.setattr(DenseIndex, "add", killed)
    with pytest.raises(KeyboardInterrupt):
        sync(feed, config, encoder=WordEncoder())
    assert answers(config) == whole, "the old ones answer"
    encoder = WordEncoder()
    sync(feed, config, encoder=encoder)
    assert (answers(config), encoder.encoded) == (whole, [])


def test_what_an_earlier_version_had_not_indexed_yet_is_indexed(feed: Path, config: Config) -> None:
    sync(feed, config, encoder=WordEncoder())
    age(config.home, "2", "3")
    with closing(sqlite3.connect(config.home / FILE)) as db, db:
        db.execute("DELETE FROM passages WHERE article_id = 'b'")
        db.execute("INSERT INTO meta VALUES ('indexes', 'stale')")  # it was making them again, and was killed
    encoder = WordEncoder()
    sync(feed, config, encoder=encoder)
    assert answers(config)[0][0].startswith("b:")
    with closing(sqlite3.connect(config.home / FILE)) as db:
        assert (
            db.execute("SELECT name FROM meta WHERE name IN ('indexes', 'filled', 'ungrouped')").fetchall()
            == []
        )


# Catalogs as earlier versions made them, in their own SQL

META = "CREATE TABLE meta (name TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (name))"
ARTICLES = """CREATE TABLE articles (
    id TEXT NOT NULL, version TEXT NOT NULL, label TEXT NOT NULL, url TEXT, title TEXT, source TEXT, author TEXT,
    published TEXT, language TEXT, words INTEGER NOT NULL, origin TEXT NOT NULL, added TEXT NOT NULL, text TEXT NOT NULL{},
    PRIMARY KEY (id))"""
SINCE_1 = ", mark TEXT, provenance TEXT, pages TEXT, signature BLOB, copy_of TEXT"
PASSAGES = """CREATE TABLE passages (
    "key" TEXT NOT NULL, article_id TEXT NOT NULL, start INTEGER NOT NULL, "end" INTEGER NOT NULL, "indexed" BOOLEAN NOT NULL,
    PRIMARY KEY ("key"))"""
CORRECTIONS = """CREATE TABLE corrections (
    article_id TEXT NOT NULL, name TEXT NOT NULL, value TEXT, was TEXT, of_version TEXT NOT NULL, PRIMARY KEY (article_id, name))"""
LOOKED = "CREATE TABLE looked (origin TEXT NOT NULL, stamp TEXT NOT NULL, items TEXT NOT NULL, PRIMARY KEY (origin))"
EARLIER = """CREATE TABLE earlier (
    article_id TEXT NOT NULL, version TEXT NOT NULL, until TEXT NOT NULL, facts TEXT NOT NULL, text BLOB NOT NULL,
    PRIMARY KEY (article_id, version))"""
UNGROUPED = "CREATE TABLE ungrouped (article_id TEXT NOT NULL, PRIMARY KEY (article_id))"
FIRST = [
    META, ARTICLES.format(""), PASSAGES, 'CREATE TABLE doomed ("key" TEXT NOT NULL, PRIMARY KEY ("key"))',
    "CREATE INDEX ix_articles_version ON articles (version)", "CREATE INDEX ix_articles_origin ON articles (origin)",
    "CREATE INDEX ix_passages_article_id ON passages (article_id)", 'CREATE INDEX ix_passages_indexed ON passages ("indexed")',
]  # fmt: skip
SECOND = [
    *(ARTICLES.format(SINCE_1) if sql.startswith("CREATE TABLE articles") else sql for sql in FIRST), CORRECTIONS, LOOKED,
    EARLIER, "CREATE INDEX ix_articles_copy_of ON articles (copy_of)",
]  # fmt: skip
MIGRATED = [
    *FIRST, CORRECTIONS, LOOKED, EARLIER, UNGROUPED,
    *(f"ALTER TABLE articles ADD COLUMN {column.strip()}" for column in SINCE_1.split(",")[1:]),
    "CREATE INDEX ix_articles_copy_of ON articles (copy_of)",
]  # fmt: skip
# By what came with each: its SQL, the catalog's layout, and that of its indexes, which the first did not
# note.
LAYOUTS = {
    "the first": (FIRST, "1", None),
    "whole articles": (FIRST, "1", "2"),
    "corrections": ([*FIRST, CORRECTIONS], "1", "2"),
    "earlier versions": (SECOND, "2", "2"),
    "brought to it": (MIGRATED, "2", "2"),
    "mapped vectors": (
        [*SECOND, UNGROUPED, "CREATE INDEX articles_by_day ON articles (published, source, id)"],
        "2",
        "3",
    ),
}
STORIES = {
    "a": ("Snow fell on the hills.", "Snow", "2024-01-20"),
    "b": ("The ship left the harbour of Varn.", None, None),
}
RIGHT = {"title": "Sailing"}  # a correction of b, where there are corrections


def made_by(layout: str, home: Path) -> None:
    """A catalog of two articles as that version made it. Its indexes are of another make, and worth nothing."""
    statements, schema, indexes = LAYOUTS[layout]
    home.mkdir()
    with closing(sqlite3.connect(home / FILE)) as db, db:
        db.execute("PRAGMA journal_mode = WAL")
        for statement in statements:
            db.execute(statement)
        settings = {
            "schema": schema,
            "generation": "7",
            "encoder": "words",
            "passages.words": "150",
            "passages.overlap": "1",
        }
        settings |= {"passages.title": "true"} | ({"index layout": indexes} if indexes else {})
        db.executemany("INSERT INTO meta VALUES (?, ?)", settings.items())
        for article_id, (text, title, day) in STORIES.items():
            version = content_version(text, {"title": title, "published": day})
            if CORRECTIONS in statements and article_id == "b":
                row = (article_id, "title", RIGHT["title"], title, version)
                db.execute("INSERT INTO corrections VALUES (?, ?, ?, ?, ?)", row)
                version, title = corrected_version(version, {"title": RIGHT["title"]}), RIGHT["title"]
            values = (
                article_id,
                version,
                title or text,
                title,
                day,
                len(text.split()),
                "/old/feed.jsonl",
                ADDED,
                text,
            )
            db.execute(
                "INSERT INTO articles (id, version, label, title, published, words, origin, added, text) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", values,
            )  # fmt: skip
            key = f"{article_id}@{version[:16]}:0-{len(text)}"
            db.execute("INSERT INTO passages VALUES (?, ?, 0, ?, 1)", (key, article_id, len(text)))
        if EARLIER in statements:
            was = ("Snow fell.", {"title": "Snow"})
            packed = (content_version(*was), ADDED, json.dumps(was[1]), zlib.compress(was[0].encode()))
            db.execute("INSERT INTO earlier VALUES ('a', ?, ?, ?, ?)", packed)
    (home / "lexical").mkdir()
    (home / "lexical" / "meta.json").write_text("of another make")


ADDED = "2024-01-21T08:00:00+00:00"


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_collection_of_every_layout_is_kept_and_restored_to_this_one_s_with_all_that_was_in_it(
    layout: str, tmp_path: Path
) -> None:
    old = Config(home=tmp_path / "old", encoder="words")
    made_by(layout, old.home)
    before = (old.home / FILE).read_bytes()
    statements = LAYOUTS[layout][0]
    kept = backup(tmp_path / "kept.zip", old)
    assert (kept.articles, kept.passages, kept.vectors) == (2, 2, 0)
    assert (old.home / FILE).read_bytes() == before, "a backup migrates nothing"
    config = Config(home=tmp_path / "new", encoder="words")
    made = restore(kept.file, config, encoder=WordEncoder())
    counts = (made.articles, made.passages, made.corrections, made.earlier, made.encoded)
    assert counts == (2, 2, int(CORRECTIONS in statements), int(EARLIER in statements), 2)
    with Retriever(config.home, config, WordEncoder()) as retriever:
        for question, article_id in (("snow on the hills", "a"), ("the ship of Varn", "b")):
            for stage in ("dense", "lexical"):
                found = retriever.find(question, stages=(stage,)).passages[0]
                assert (found.article.id, found.passage.text) == (article_id, STORIES[article_id][0])
        first, second = retriever.catalog.listings()
        assert (first.headline.title, first.headline.published, first.added.isoformat()) == (
            "Snow",
            date(2024, 1, 20),
            ADDED,
        )
        assert second.headline.title == (RIGHT["title"] if CORRECTIONS in statements else None)
        assert [version for version, _ in retriever.catalog.versions("a")] == (
            [content_version("Snow fell.", {"title": "Snow"})] if EARLIER in statements else []
        )


# A catalog that is damaged otherwise: every command says so


@pytest.mark.slow
@pytest.mark.parametrize(
    ("statements", "words"),
    [
        (["UPDATE articles SET published = '2024-02-31'"], "day is out of range for month"),
        (["UPDATE articles SET text = CAST(x'ff41' AS TEXT)"], "Could not decode to UTF-8"),
        (["UPDATE articles SET text = text || '!'"], "is not what was added"),
        (["UPDATE articles SET added = 'once'"], "Invalid isoformat string: 'once'"),
        (["UPDATE articles SET pages = 'x'"], "Expecting value"),
        (["UPDATE articles SET provenance = '{}'", "UPDATE articles SET provenance = '[1]'"], "cannot unpack"),
        (["{}", "UPDATE articles SET label = NULL"], "the article a has no label"),
        (["{}", "UPDATE articles SET version = NULL"], "the article a has no version"),
        (["{}", "UPDATE articles SET text = NULL"], "the article a has no text"),
        (["{}", "UPDATE articles SET origin = NULL"], "the article a has no origin"),
        (["UPDATE meta SET value = 'x' WHERE name = 'generation'"], "invalid literal for int()"),
        (["DELETE FROM meta WHERE name = 'generation'"], "No row was found"),
        (["UPDATE meta SET value = '4' WHERE name = 'schema'"], "has layout 4, this version of Clippings reads layout 3"),
        (["DROP TABLE earlier"], "no such table"),
        (["ALTER TABLE articles DROP COLUMN author"], "no such column"),
    ],
)  # fmt: skip
def test_a_catalog_that_no_version_wrote_is_told_in_a_sentence_by_every_command(
    feed: Path, config: Config, statements: list[str], words: str, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    for place in ("ingest.collection", "rag.opening", "rag.doctor", "rag.models.encoder"):
        monkeypatch.setattr(f"{place}.SentenceEncoder", lambda _: WordEncoder())
    for place in ("rag.opening", "rag.doctor", "rag.models.reader"):
        monkeypatch.setattr(f"{place}.SpanReader", WordReader)
    monkeypatch.setattr(
        soundness, "_chroma", lambda _: (True, "a process of its own, which has no need of the catalog")
    )
    monkeypatch.setenv("CLIPPINGS_ENCODER", "words")
    sync(feed, config, encoder=WordEncoder())
    with closing(sqlite3.connect(config.home / FILE, isolation_level=None)) as db:
        for statement in statements:
            if statement == "{}":  # NULL where none may be
                db.execute("PRAGMA writable_schema = ON")
                db.execute(
                    "UPDATE sqlite_master SET sql = replace(sql, ' NOT NULL', '') WHERE name = 'articles'"
                )
                db.execute("PRAGMA writable_schema = RESET")
            else:
                db.execute(statement)
    gold = write_jsonl(
        config.home.parent / "gold.jsonl",
        {"id": "1", "question": "Where did snow fall?", "kind": "where", "facts": [], "declined": True},
    )
    said = ""
    for command in (
        ["articles"], ["show", "a"], ["ask", "Where did snow fall?"], ["doctor", "--deep"],
        ["eval", "--gold", str(gold), "--out", str(config.home.parent / "out")],
    ):  # fmt: skip
        status = app.main([*command, "--home", str(config.home)])  # a traceback would end the test
        out = capsys.readouterr()
        assert status in ((1,) if command[0] == "doctor" else (0, 1)), out
        assert status == 0 or command[0] == "doctor" or "clippings: " in out.err, (status, out)
        said += out.out + out.err
    assert words in said
