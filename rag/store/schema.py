"""The catalog's tables, how older ones become these, and how its file is opened.

A passage is in one of three states. It is *staged* while it is written to the indexes (`added` is NULL), it
*counts* from the commit of generation `added` on, and it is a *tombstone* from generation `removed` on, until
every index has deleted it. Each index is a row of `indexes`: its cursor is the generation up to which it has
applied everything. It holds all passages added up to there, and none removed up to there.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import sqlite3
import zlib
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import date
from pathlib import Path
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy import exc as sa_exc

from rag.config import Config
from rag.errors import CollectionError
from rag.system.sqlite import fault, reading
from rag.types import FACTS
from rag.validation import CATALOG

__all__ = [
    "BUILDS",
    "COPIES",
    "FILE",
    "LAYOUT",
    "READABLE",
    "SCHEMA",
    "SINCE_1",
    "counting_passages",
    "current_build",
    "detach_rebuilds",
    "table_columns",
    "table_indexes",
]

FILE = CATALOG
# Of the tables. 2: near-copies, earlier versions; 3: passages with generations, a cursor for each index.
SCHEMA = "3"
# Of the indexes. 2: whole articles are indexed beside the passages; 3: vectors are mapped, days and sources
# are indexed; 4: Chroma has texts and facts, accents are folded however they are written
LAYOUT = "4"
READABLE = ("3", LAYOUT)  # what questions can be answered from, until the next sync makes them anew
LAYOUT_NAME = "index layout"
IDENTITY = (
    "identity"  # by which a Chroma server tells this collection from others; a restored copy gets its own
)
GENERATION = "generation"
BUILD = "build"  # the folder of the indexes that answer
NEXT = "next build"  # the folder of those that a rebuild is making, and with which settings
NEXT_GENERATION = "next generation"  # how far that rebuild is, in commits
OBSOLETE = "left builds"  # the folders of those that answer no more, or never will
BUILDS = "indexes"  # the folder, in the home, of the indexes that rebuilds have made
COPIES = "near-copies"  # the cursor of the grouping of near-copies: it follows articles, not passages
_BUILD_FOLDER = re.compile(rf"({BUILDS}/[1-9][0-9]{{0,17}})?")
_MIN_FREE_BYTES = 1_000_000  # with less SQLite may not find room for the 32 KB that its readers share
_BATCH_SIZE = 500  # SQLite takes a limited number of values in one statement
_T = TypeVar("_T")

metadata = sa.MetaData()
meta = sa.Table(
    "meta",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)
articles = sa.Table(
    "articles",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("version", sa.Text, nullable=False, index=True),
    sa.Column("label", sa.Text, nullable=False),
    sa.Column("url", sa.Text),
    sa.Column("title", sa.Text),
    sa.Column("source", sa.Text),
    sa.Column("author", sa.Text),
    sa.Column("published", sa.Text),
    sa.Column("language", sa.Text),
    sa.Column("words", sa.Integer, nullable=False),
    sa.Column("origin", sa.Text, nullable=False, index=True),
    sa.Column("added", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("mark", sa.Text),  # the fingerprint of what it was read from
    sa.Column("provenance", sa.Text),
    sa.Column("pages", sa.Text),
    sa.Column("signature", sa.LargeBinary),
    sa.Column("copy_of", sa.Text, index=True),
    # The generation of its last change, or of the last change in its group of near-copies.
    sa.Column("changed", sa.Integer, index=True),
)
SINCE_1 = ("mark", "provenance", "pages", "signature", "copy_of", "changed")  # columns that schema 1 had not
passages = sa.Table(
    "passages",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("article_id", sa.Text, nullable=False, index=True),
    sa.Column("start", sa.Integer, nullable=False),
    sa.Column("end", sa.Integer, nullable=False),
    sa.Column("added", sa.Integer, index=True),
    sa.Column("removed", sa.Integer, index=True),
)
cursors = sa.Table(
    "indexes",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("generation", sa.Integer, nullable=False),
)
rebuilding = sa.MetaData()  # the same two for a rebuild, there only while one is going on
next_passages = passages.to_metadata(rebuilding, name="next_passages")
next_cursors = cursors.to_metadata(rebuilding, name="next_indexes")
corrections = sa.Table(
    "corrections",
    metadata,
    sa.Column("article_id", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.Text),
    sa.Column("was", sa.Text),
    sa.Column("of_version", sa.Text, nullable=False),
)
snapshots = sa.Table(
    "snapshots",
    metadata,
    sa.Column("origin", sa.Text, primary_key=True),
    sa.Column("stamp", sa.Text, nullable=False),
    sa.Column("items", sa.Text, nullable=False),
)
earlier = sa.Table(
    "earlier",
    metadata,
    sa.Column("article_id", sa.Text, primary_key=True),
    sa.Column("version", sa.Text, primary_key=True),
    sa.Column("until", sa.Text, nullable=False),
    sa.Column("facts", sa.Text, nullable=False),
    sa.Column("text", sa.LargeBinary, nullable=False),
)
_by_day = sa.Index("articles_by_day", articles.c.published, articles.c.source, articles.c.id)
# The same values once more, by which SQLite's own check finds a byte that is no longer what was written. The
# text and the facts have the version's hash, and other columns an index that is read.
_covering = sa.Index(
    "articles_noted",
    *(articles.c[name] for name in ("mark", "provenance", "pages", "added", "label", "words")),
)
HEADLINE = [articles.c[name] for name in ("id", "version", "label", *FACTS, "pages", "copy_of")]


def settings(config: Config) -> dict[str, str]:
    """What a collection is made with and cannot be read without."""
    p = config.passages
    return {
        LAYOUT_NAME: LAYOUT,
        "encoder": config.encoder,
        "passages.words": str(p.words),
        "passages.overlap": str(p.overlap),
        "passages.title": str(p.title).lower(),
    }


def create(db: sa.Connection, config: Config) -> None:
    """Make the tables that are missing, and bring older ones to this schema."""
    migrate(db)
    metadata.create_all(db)
    for index in (_by_day, _covering):
        index.create(db, checkfirst=True)
    db.execute(sa.insert(meta).prefix_with("OR IGNORE").values(name=IDENTITY, value=secrets.token_hex(6)))
    if db.execute(sa.select(meta.c.name).where(meta.c.name != IDENTITY)).first():
        return  # it is there already, perhaps made by another version: `Catalog.check` says
    db.execute(sa.insert(cursors).values(name=COPIES, generation=0))
    for name, value in {"schema": SCHEMA, GENERATION: "0", **settings(config)}.items():
        db.execute(sa.insert(meta).values(name=name, value=value))


def migrate(db: sa.Connection) -> bool:
    """Bring a catalog of schema 1 or 2 to this one, in the caller's transaction; whether there was one.

    What schema 1 did not keep is unknown of the articles it holds. Passages count as before. Near-copies are
    looked for anew. An earlier version that was killed while it made the indexes again had emptied them: then
    no passage counts, and the next sync cuts them all.
    """
    if not db.execute(sa.text("SELECT 1 FROM sqlite_master WHERE name = 'meta'")).first():
        return False
    noted = {row.name: row.value for row in db.execute(sa.select(meta))}
    if noted.get("schema") not in ("1", "2"):
        return False
    tables = {name for (name,) in db.execute(sa.text("SELECT name FROM sqlite_master WHERE type = 'table'"))}
    there = {column["name"] for column in sa.inspect(db).get_columns("articles")}
    for name in SINCE_1:
        if name not in there:
            kind = articles.c[name].type.compile(db.dialect)
            db.exec_driver_sql(f"ALTER TABLE articles ADD COLUMN {name} {kind}")
    db.exec_driver_sql("ALTER TABLE passages RENAME TO old_passages")
    for (name,) in db.execute(
        sa.text(
            "SELECT name FROM sqlite_master "
            "WHERE type = 'index' AND tbl_name = 'old_passages' AND sql IS NOT NULL"
        )
    ).all():
        db.exec_driver_sql(f'DROP INDEX "{name}"')
    if "looked" in tables:
        db.exec_driver_sql("ALTER TABLE looked RENAME TO snapshots")
    metadata.create_all(db)
    for index in articles.indexes:
        index.create(db, checkfirst=True)
    generation = int(noted.get(GENERATION, "0"))
    if noted.get("indexes") != "stale":
        db.exec_driver_sql(
            'INSERT INTO passages (key, article_id, start, "end", added) '
            f'SELECT key, article_id, start, "end", {generation} FROM old_passages'
        )
    for table in ("old_passages", "doomed", "ungrouped", "next_passages", "next_doomed"):
        db.exec_driver_sql(f"DROP TABLE IF EXISTS {table}")
    if place := noted.get("filled"):  # the Chroma store that held every vector
        db.execute(sa.insert(cursors).values(name=place, generation=generation))
    for name in ("indexes", "filled", "ungrouped", NEXT, "next filled"):
        db.execute(sa.delete(meta).where(meta.c.name == name))
    db.execute(sa.update(meta).where(meta.c.name == "schema").values(value=SCHEMA))
    return True


def detach_rebuilds(copy: Path) -> None:
    """Make a copy of a catalog's file that of a collection whose indexes lie in the home itself, and which
    nobody rebuilds.
    """
    with closing(sqlite3.connect(copy)) as db:
        with db:
            names = (BUILD, NEXT, NEXT_GENERATION, OBSOLETE, "next filled")
            db.execute(f"DELETE FROM meta WHERE name IN ({', '.join('?' * len(names))})", names)
            for table in (*rebuilding.tables, "next_doomed"):
                db.execute(f"DROP TABLE IF EXISTS {table}")
        db.execute("VACUUM")


def current_build(db: sqlite3.Connection) -> str:
    """Where in the home the indexes lie that answer, as a catalog's file says. Raises `ValueError` where that
    is no such place."""
    row = db.execute("SELECT value FROM meta WHERE name = ?", (BUILD,)).fetchone()
    return build_folder(row[0]) if row else ""


def build_folder(name: object) -> str:
    """A folder of indexes in the home, as the catalog names it. It is about to be opened, or removed: it must
    be no other.
    """
    if not isinstance(name, str) or not _BUILD_FOLDER.fullmatch(name):
        raise ValueError(f"its indexes lie in {str(name)[:60]!r}, where no version of Clippings puts them")
    return name


def as_date(stored: str | None) -> date | None:
    return date.fromisoformat(stored) if stored else None


def set_meta(db: sa.Connection, name: str, value: str) -> None:
    db.execute(sa.insert(meta).prefix_with("OR REPLACE").values(name=name, value=value))


def batches(items: Sequence[_T]) -> Iterator[Sequence[_T]]:
    for start in range(0, len(items), _BATCH_SIZE):
        yield items[start : start + _BATCH_SIZE]


def abandon_rebuild(db: sa.Connection) -> None:
    # In this order: a change of rows begins a transaction, and a change of tables does not.
    db.execute(sa.delete(meta).where(meta.c.name.in_([NEXT, NEXT_GENERATION])))
    rebuilding.drop_all(db)


def obsolete_builds(stored: str) -> list[str]:
    return [build_folder(folder) for folder in json.loads(stored)]


# What the tables look like, for whoever judges a catalog of unknown origin


def table_columns(number: str = SCHEMA) -> dict[str, dict[str, tuple[str, bool, bool]]]:
    """The tables of a catalog of this or an earlier schema, and of each column the type in SQLite's words,
    whether it may not be NULL, and whether it is part of the primary key."""
    from sqlalchemy.dialects import sqlite

    dialect = sqlite.dialect()
    found = {
        table.name: {c.name: (c.type.compile(dialect), not c.nullable, c.primary_key) for c in table.columns}
        for table in (*metadata.tables.values(), *rebuilding.tables.values())
    }
    if number == SCHEMA:
        return found
    keys = {"key": ("TEXT", True, True)}
    passages = {name: kind for name, kind in found["passages"].items() if name not in ("added", "removed")}
    passages["indexed"] = ("BOOLEAN", True, False)
    since = ("indexes", "next_indexes", "snapshots")
    return {name: columns for name, columns in found.items() if name not in since} | {
        "passages": passages, "next_passages": passages, "doomed": keys, "next_doomed": keys,
        "looked": found["snapshots"], "ungrouped": {"article_id": ("TEXT", True, True)},
    }  # fmt: skip


def table_indexes(number: str = SCHEMA) -> dict[str, tuple[str, tuple[str, ...]]]:
    """The indexes of a catalog's tables, of this or an earlier schema: the table and the columns of each."""
    tables = (*metadata.tables.values(), *rebuilding.tables.values())
    made = [(table.name, index) for table in tables for index in table.indexes]
    found = {str(index.name): (table, tuple(c.name for c in index.columns)) for table, index in made}
    if number == SCHEMA:
        return found
    return found | {f"ix_{table}_indexed": (table, ("indexed",)) for table in ("passages", "next_passages")}


def counting_passages(db: sqlite3.Connection) -> str:
    """The condition, in SQL, by which a passage `p` counts in a catalog of whichever schema."""
    names = {row[1] for row in db.execute("PRAGMA table_info(passages)")}
    return "p.added IS NOT NULL AND p.removed IS NULL" if "added" in names else "TRUE"


# The file


def connect(path: Path, *, writing: bool) -> sa.Engine:
    """Connections to a catalog, as far as its disk lets them be."""
    if writing or os.access(path.parent, os.W_OK):
        # Articles' texts stand in no log.
        engine = sa.create_engine(f"sqlite:///{path}", hide_parameters=True)
        sa.event.listen(engine, "connect", _prepare)
        if writing or not _lacks_room(engine, path):
            return engine
        engine.dispose()
    # Each connection looks anew at how the file can be read.
    return sa.create_engine(
        "sqlite://", creator=lambda: reading(path), poolclass=sa.NullPool, hide_parameters=True
    )


def _lacks_room(engine: sa.Engine, path: Path) -> bool:
    """Whether a catalog cannot be read because its disk has no room for what readers and writers share."""
    try:
        with engine.connect() as db:
            db.execute(sa.text("SELECT count(*) FROM sqlite_master"))
    except sa_exc.SQLAlchemyError:
        # Any other fault is met, and reported, where it is read.
        return shutil.disk_usage(path.parent).free < _MIN_FREE_BYTES
    return False


def _prepare(connection: object, _record: object) -> None:
    cursor = connection.cursor()  # type: ignore[attr-defined]
    # Readers go on while a writer commits, and a commit that was reported survives a power cut.
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA busy_timeout=10000")
    cursor.close()


@contextmanager
def translated_rows(path: Path) -> Iterator[None]:
    """Turn what cannot be made of a row into what to do about it: a day that is none, nothing where something
    must be.
    """
    with translated(path):
        try:
            yield
        except (ValueError, TypeError, AttributeError, zlib.error) as exc:
            raise CollectionError(
                f"{path} is damaged: {exc}. What else is wrong: clippings doctor --deep --home {path.parent}"
            ) from exc


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn SQLite's errors, and the system's, into `CollectionError`."""
    try:
        yield
    except sa_exc.SQLAlchemyError as exc:
        kind, cause = fault(exc)
        messages = {
            "full": f"the disk that holds {path.parent} is full. The articles stored before are safe; free "
            "some space and run again",
            "busy": f"{path} is being written by another process. Try again in a moment",
            "damaged": f"{path} is not a catalog of Clippings, or is damaged ({cause}). "
            "Put a backup in its place, or name another folder with --home",
            "read-only": f"the collection in {path.parent} may be read but not written to, which this needs. "
            "Get write access to the folder, or copy it and name the copy with --home",
            "unopened": f"{path} cannot be opened for this ({cause}). Check the folder's permissions",
            "other": f"{path}: {cause}",
        }
        raise CollectionError(messages[kind], busy=kind == "busy") from exc
    except OSError as exc:
        raise CollectionError(
            f"{path.parent} cannot be used: {exc.strerror or exc}. Name another folder with --home"
        ) from exc
