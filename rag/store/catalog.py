"""The catalog: which articles and passages a collection holds, and whether its indexes have caught up.

It is the truth; the dense index and the two lexical ones derive from it. Nothing found in an index counts
unless it stands here. So a change is written to the indexes first, its keys listed here as doomed (`expect`);
one commit then makes them count, dooms those they replace, and raises the generation (`put`); when the
indexes have lost the doomed, `settle` clears the list. A run that is killed in between leaves a list that the
next run works off.

The indexes are in a folder that the catalog names (`build`). A rebuild makes others beside them, and keeps
the passages it has cut in tables of its own (`Rebuild`); the commit that names its folder is the moment from
which they answer.

SQLite, through SQLAlchemy Core; one file, `catalog.sqlite`, in the collection's home. Where that may not be
written to, it is read as it lies there.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import sqlite3
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy import exc as sa_exc

from rag.config import Config
from rag.errors import CollectionError
from rag.store.label import label
from rag.system.files import private_folder
from rag.system.sqlite import fault, reading
from rag.types import FACTS as _FACTS
from rag.types import Article, Filters, Headline, content_version, corrected_version
from rag.validation import CATALOG, interrupted, require_collection

__all__ = [
    "Catalog", "Corrected", "Entry", "Listing", "Looked", "Place", "Rebuild", "at_home", "columns",
    "in_force", "indexes",
    "passage_key",
]  # fmt: skip

SCHEMA = "2"
# Of the indexes. 2: whole articles are indexed beside the passages; 3: vectors are mapped, days and sources
# are indexed
LAYOUT = "3"
_LAYOUT = "index layout"
# by which a server tells this collection from others; a copy that is restored gets one of its own
IDENTITY = "identity"
_FILLED = "filled"  # the place of Chroma's that holds every vector
STALE = "stale"  # what versions before this one noted while they made the indexes again
_BUILD = "build"  # the folder of the indexes that answer
_NEXT = "next build"  # the folder of those that a rebuild is making, and with which settings
_NEXT_FILLED = "next filled"
_LEFT = "left builds"  # the folders of those that answer no more, or never will
UNGROUPED = "ungrouped"  # articles have changed since near-copies were looked for
FILE = CATALOG
BUILDS = "indexes"  # the folder, in the home, of the indexes that rebuilds have made
_PLACE = re.compile(rf"({BUILDS}/[1-9][0-9]{{0,17}})?")
_T = TypeVar("_T")
_TOO_LITTLE = (
    1_000_000  # bytes free, with which SQLite may not find room for the 32 KB that its readers share
)
_AT_ONCE = 500  # SQLite takes a limited number of values in one statement

_metadata = sa.MetaData()
_meta = sa.Table(
    "meta",
    _metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)
_articles = sa.Table(
    "articles",
    _metadata,
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
    sa.Column("mark", sa.Text),
    sa.Column("provenance", sa.Text),
    sa.Column("pages", sa.Text),
    sa.Column("signature", sa.LargeBinary),
    sa.Column("copy_of", sa.Text, index=True),
)
_SINCE_1 = ("mark", "provenance", "pages", "signature", "copy_of")  # columns that layout 1 had not
_passages = sa.Table(
    "passages",
    _metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("article_id", sa.Text, nullable=False, index=True),
    sa.Column("start", sa.Integer, nullable=False),
    sa.Column("end", sa.Integer, nullable=False),
    sa.Column("indexed", sa.Boolean, nullable=False, index=True),
)
_doomed = sa.Table("doomed", _metadata, sa.Column("key", sa.Text, primary_key=True))
_rebuilding = sa.MetaData()  # the same two for a rebuild, there only while one is going on
_next_passages = _passages.to_metadata(_rebuilding, name="next_passages")
_next_doomed = _doomed.to_metadata(_rebuilding, name="next_doomed")
_corrections = sa.Table(
    "corrections",
    _metadata,
    sa.Column("article_id", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.Text),
    sa.Column("was", sa.Text),
    sa.Column("of_version", sa.Text, nullable=False),
)
_looked = sa.Table(
    "looked",
    _metadata,
    sa.Column("origin", sa.Text, primary_key=True),
    sa.Column("stamp", sa.Text, nullable=False),
    sa.Column("items", sa.Text, nullable=False),
)
_ungrouped = sa.Table("ungrouped", _metadata, sa.Column("article_id", sa.Text, primary_key=True))
_earlier = sa.Table(
    "earlier",
    _metadata,
    sa.Column("article_id", sa.Text, primary_key=True),
    sa.Column("version", sa.Text, primary_key=True),
    sa.Column("until", sa.Text, nullable=False),
    sa.Column("facts", sa.Text, nullable=False),
    sa.Column("text", sa.LargeBinary, nullable=False),
)
_by_day = sa.Index("articles_by_day", _articles.c.published, _articles.c.source, _articles.c.id)
# The same values once more, by which SQLite's own check finds a byte that is no longer what was written. The
# text and the facts have the version's hash, and other columns an index that is looked into.
_noted = sa.Index(
    "articles_noted",
    *(_articles.c[name] for name in ("mark", "provenance", "pages", "added", "label", "words")),
)
_HEADLINE = [_articles.c[name] for name in ("id", "version", "label", *_FACTS, "pages", "copy_of")]


@dataclass(frozen=True, slots=True)
class Corrected:
    """Facts of an article that somebody put right: by name what holds now and what had been read, each `None`
    for unknown. `version` is that of the article as it was read."""

    version: str
    facts: Mapping[str, tuple[str | None, str | None]]


@dataclass(frozen=True, slots=True)
class Entry:
    """An article as it is to be stored: where it was read (a file's absolute path, or an address), where its
    passages lie, which of its facts are not as they were read, `mark`, by which a change of what it was read
    from is told, and the signature by which near-copies are found."""

    article: Article
    origin: str
    spans: tuple[tuple[int, int], ...]
    corrected: Corrected | None = None
    mark: str = ""
    signature: bytes = b""


@dataclass(frozen=True, slots=True)
class Looked:
    """What a place held when it was last looked at, as its reader noted it; `stamp` tells whether it is still
    the same.
    """

    stamp: str
    items: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where an indexed key stands."""

    key: str
    article_id: str
    start: int
    end: int

    @property
    def id(self) -> str:
        """The passage's id: the key without the version."""
        return f"{self.article_id}:{self.start}-{self.end}"


@dataclass(frozen=True, slots=True)
class Listing:
    """A row of the articles' table: words and passages are counts, `added` is when it was taken in (UTC)."""

    headline: Headline
    origin: str
    words: int
    passages: int
    added: datetime


def passage_key(article: Article, start: int, end: int) -> str:
    """The name of a passage in the indexes. It holds the version, so that a stale vector can never pass for a
    new one.
    """
    return f"{article.id}@{article.version[:16]}:{start}-{end}"


class Catalog:
    """An open catalog. Any thread may read; only the holder of the collection's lock may write."""

    _passages, _doomed, _filled = _passages, _doomed, _FILLED

    def __init__(self, home: Path, config: Config, *, create: bool = False, rebuild: bool = False) -> None:
        """Open the catalog in `home`, or make it when `create` is true.

        Raises `CollectionError` when there is none, when it was made by another version of Clippings, with
        another encoder or with other passage settings than `config` asks for (unless it is opened for a
        `rebuild`, which changes them), or when it cannot be read.
        """
        path = home / FILE
        if not path.is_file() and (unfinished := interrupted(home)):
            raise CollectionError(unfinished)
        if rebuild and not path.is_file():
            raise CollectionError(
                f"there is no collection in {home} to rebuild. Make one: clippings sync FOLDER --home {home}",
                missing=True,
            )
        if not create:
            require_collection(home)
        self._engine = _engine(path, writing=create)
        self.path = path
        try:
            with _translated(path):
                if create:
                    private_folder(home)
                    self._create(config)
                elif self._meta().get("schema") == "1":
                    with self._engine.begin() as db:
                        db.exec_driver_sql("BEGIN IMMEDIATE")  # another process may be at the same
                        _metadata.create_all(db)
                        _migrate(db)
            self.check(config, rebuild=rebuild)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self._engine.dispose()

    def _create(self, config: Config) -> None:
        with self._engine.begin() as db:
            _metadata.create_all(db)
            _migrate(db)
            for index in (_by_day, _noted):
                index.create(db, checkfirst=True)
            db.execute(
                sa.insert(_meta).prefix_with("OR IGNORE").values(name=IDENTITY, value=secrets.token_hex(6))
            )
            if db.execute(sa.select(_meta.c.name).where(_meta.c.name != IDENTITY)).first():
                return  # it is there already, perhaps made by another version: `check` says
            settings = {"schema": SCHEMA, "generation": "0", **_settings(config)}
            for name, value in settings.items():
                db.execute(sa.insert(_meta).values(name=name, value=value))

    def _meta(self) -> dict[str, str]:
        with self._engine.connect() as db:
            return {row.name: row.value for row in db.execute(sa.select(_meta))}

    def check(self, config: Config, *, rebuild: bool = False) -> None:
        """Raise `CollectionError` unless the collection is, still, what `config` can read: a rebuild may have
        changed it. For a `rebuild` its settings may be others."""
        home = self.path.parent
        with _translated(self.path):
            meta = self._meta()
        if meta.get("schema") != SCHEMA:
            raise CollectionError(
                f"the collection in {home} has layout {meta.get('schema')}, this version of Clippings reads "
                f"layout {SCHEMA}. "
                "Make it again in another folder: clippings sync FOLDER --home NEW"
            )
        for name, wanted in () if rebuild else _settings(config).items():
            if meta.get(name) != wanted and name == _LAYOUT:
                raise CollectionError(
                    f"the indexes of the collection in {home} were made by another version of Clippings. "
                    f"The articles are safe; make the indexes again: clippings sync --rebuild --home {home}",
                    outdated=True,
                )
            if meta.get(name) != wanted:
                raise CollectionError(
                    f"the collection in {home} was made with {name} = {meta.get(name)}; the configuration "
                    f"asks for {wanted}. "
                    f"Set {name} back, or make the indexes again: clippings sync --rebuild --home {home}"
                )

    # Reading

    def generation(self) -> int:
        """How many times the collection has been written. A reader that sees it rise reopens its indexes."""
        with _sound(self.path), self._engine.connect() as db:
            return int(db.execute(sa.select(_meta.c.value).where(_meta.c.name == "generation")).scalar_one())

    def identity(self) -> str:
        """By which this collection is told from all others; empty in one that was made before there were any,
        until its next sync."""
        with _translated(self.path):
            return self._meta().get(IDENTITY, "")

    def build(self) -> str:
        """Where in the home the indexes lie; empty for the home itself, as in a collection that was never
        rebuilt.
        """
        with _sound(self.path):
            return _folder(self._meta().get(_BUILD, ""))

    def filled(self) -> str | None:
        """The place of Chroma's that holds every vector; `None` while one is being filled."""
        with _translated(self.path):
            return self._meta().get(self._filled)

    def article(self, article_id: str) -> Article | None:
        """The whole article, or `None`. Raises `CollectionError` when it is no longer what was taken in."""
        with _sound(self.path), self._engine.connect() as db:
            row = db.execute(sa.select(_articles).where(_articles.c.id == article_id)).one_or_none()
            return None if row is None else _whole(db, row)

    def read(self, article_ids: Iterable[str]) -> dict[str, tuple[Article, Headline]]:
        """Those articles, whole and as headlines, by id; one that is not there is left out. Raises
        `CollectionError` when one is no longer what was taken in."""
        found: dict[str, tuple[Article, Headline]] = {}
        with _sound(self.path), self._engine.connect() as db:
            for some in _portions(sorted(set(article_ids))):
                rows = db.execute(sa.select(_articles).where(_articles.c.id.in_(some))).all()
                groups = {row.copy_of for row in rows if row.copy_of}
                query = sa.select(_articles.c.copy_of, _articles.c.source).where(
                    _articles.c.copy_of.in_(groups)
                )
                outlets: dict[str, set[str | None]] = {}
                for copy in db.execute(query) if groups else ():
                    outlets.setdefault(copy.copy_of, set()).add(copy.source)
                for row in rows:
                    found[row.id] = _whole(db, row), _headline(row, outlets.get(row.copy_of or "", ()))
        return found

    def earlier(self, article_id: str, version: str) -> Article | None:
        """An article as it was before its text changed; `None` where that version is not known, or has the
        present text.
        """
        query = sa.select(_earlier).where(
            (_earlier.c.article_id == article_id) & (_earlier.c.version == version)
        )
        with _sound(self.path), self._engine.connect() as db:
            row = db.execute(query).one_or_none()
            if row is None:
                return None
            return _article(article_id, version, zlib.decompress(row.text).decode(), json.loads(row.facts))

    def versions(self, article_id: str) -> list[tuple[str, datetime]]:
        """The article's earlier versions, the latest first, each with the time (UTC) until which it was the
        present one.
        """
        query = sa.select(_earlier.c.version, _earlier.c.until).where(_earlier.c.article_id == article_id)
        with _sound(self.path), self._engine.connect() as db:
            rows = db.execute(query.order_by(_earlier.c.until.desc(), _earlier.c.version)).all()
            return [(row.version, datetime.fromisoformat(row.until)) for row in rows]

    def headline(self, article_id: str) -> Headline | None:
        """The article's facts without its text, or `None`."""
        with _sound(self.path), self._engine.connect() as db:
            row = db.execute(sa.select(*_HEADLINE).where(_articles.c.id == article_id)).one_or_none()
            if row is None:
                return None
            group = sa.select(_articles.c.id, _articles.c.source).where(_articles.c.copy_of == row.copy_of)
            copies = db.execute(group).all() if row.copy_of else ()
            return _headline(row, {copy.source for copy in copies})

    def published(self, article_ids: Iterable[str]) -> dict[str, date]:
        """When those articles appeared; one whose date is unknown is left out."""
        found: dict[str, date] = {}
        with _sound(self.path), self._engine.connect() as db:
            for some in _portions(sorted(set(article_ids))):
                query = sa.select(_articles.c.id, _articles.c.published).where(_articles.c.id.in_(some))
                found.update(
                    (r.id, date.fromisoformat(r.published)) for r in db.execute(query) if r.published
                )
        return found

    def listings(self) -> list[Listing]:
        """Every article, by id."""
        theirs = self._passages.c.article_id
        counts = sa.select(theirs, sa.func.count().label("passages")).group_by(theirs).subquery()
        query = (
            sa.select(*_HEADLINE, _articles.c.origin, _articles.c.words, _articles.c.added, counts.c.passages)
            .outerjoin(counts, counts.c.article_id == _articles.c.id)
            .order_by(_articles.c.id)
        )
        outlets: dict[str, set[str | None]] = {}
        with _sound(self.path), self._engine.connect() as db:
            rows = db.execute(query).all()
            for row in rows:
                if row.copy_of:
                    outlets.setdefault(row.copy_of, set()).add(row.source)
            return [
                Listing(
                    _headline(row, outlets.get(row.copy_of or "", ())),
                    _stated(row.id, "origin", row.origin),
                    int(row.words),
                    row.passages or 0,
                    datetime.fromisoformat(row.added),
                )
                for row in rows
            ]

    def read_from(self, file: str) -> list[str]:
        """The ids, in order, of the articles that were read from a file, or from the files in an archive."""
        origin = _articles.c.origin
        inside = (origin > f"{file}/") & (
            origin < f"{file}0"
        )  # "0" comes after "/": what begins with the one is before the other
        with _translated(self.path), self._engine.connect() as db:
            query = sa.select(_articles.c.id).where((origin == file) | inside).order_by(_articles.c.id)
            return list(db.execute(query).scalars())

    def known(self) -> dict[str, tuple[str, str]]:
        """For every article the mark of what it was read from, and where that was."""
        read = {article_id: corrected.version for article_id, corrected in self.corrections().items()}
        with _sound(self.path), self._engine.connect() as db:
            query = sa.select(_articles.c.id, _articles.c.version, _articles.c.mark, _articles.c.origin)
            # In layout 1 the version as it was read was the mark.
            return {
                row.id: (row.mark or read.get(row.id, row.version), _stated(row.id, "origin", row.origin))
                for row in db.execute(query)
            }

    def looked(self) -> dict[str, Looked]:
        """What each place held when it was last looked at, by its origin."""
        with _translated(self.path), self._engine.connect() as db:
            return {row.origin: Looked(row.stamp, row.items) for row in db.execute(sa.select(_looked))}

    def text(self, article_id: str) -> str:
        """The text of an article that is there."""
        with _translated(self.path), self._engine.connect() as db:
            return str(
                db.execute(sa.select(_articles.c.text).where(_articles.c.id == article_id)).scalar_one()
            )

    def signatures(self) -> dict[str, bytes]:
        """The signature of every article, by id; empty where an older layout kept none."""
        with _translated(self.path), self._engine.connect() as db:
            query = sa.select(_articles.c.id, _articles.c.signature).order_by(_articles.c.id)
            return {row.id: row.signature or b"" for row in db.execute(query)}

    def ungrouped(self) -> set[str] | None:
        """The ids of articles that have changed since near-copies were looked for, some of which may be gone,
        and of what was in a group with them; `None` where all are to be looked at."""
        with _translated(self.path), self._engine.connect() as db:
            if db.execute(sa.select(_meta.c.name).where(_meta.c.name == UNGROUPED)).first():
                return None
            return set(db.execute(sa.select(_ungrouped.c.article_id)).scalars())

    def groups(self) -> dict[str, str]:
        """The group of every article that has near-copies, by id."""
        query = sa.select(_articles.c.id, _articles.c.copy_of).where(_articles.c.copy_of.is_not(None))
        with _translated(self.path), self._engine.connect() as db:
            return {row.id: row.copy_of for row in db.execute(query.order_by(_articles.c.id))}

    def corrections(self) -> dict[str, Corrected]:
        """The articles that somebody put right, by id."""
        found: dict[str, Corrected] = {}
        with _translated(self.path), self._engine.connect() as db:
            for row in db.execute(
                sa.select(_corrections).order_by(_corrections.c.article_id, _corrections.c.name)
            ):
                facts = found[row.article_id].facts if row.article_id in found else {}
                found[row.article_id] = Corrected(row.of_version, {**facts, row.name: (row.value, row.was)})
        return found

    def places(self, keys: Iterable[str]) -> dict[str, Place]:
        """Where those keys stand; a key the catalog does not know is left out."""
        found: dict[str, Place] = {}
        with _translated(self.path), self._engine.connect() as db:
            for some in _portions(list(keys)):
                for row in db.execute(sa.select(self._passages).where(self._passages.c.key.in_(some))):
                    found[row.key] = Place(row.key, row.article_id, row.start, row.end)
        return found

    def openings(self, article_ids: Sequence[str] | None = None) -> dict[str, Place]:
        """Each article's first passage, by the article's id; under its key the whole article is indexed.

        Of all articles, or of those named (at most 500).
        """
        first = sa.select(
            self._passages.c.article_id, sa.func.min(self._passages.c.start).label("start")
        ).group_by(self._passages.c.article_id)
        theirs = (
            first if article_ids is None else first.where(self._passages.c.article_id.in_(article_ids))
        ).subquery()
        query = sa.select(self._passages).join(
            theirs,
            (theirs.c.article_id == self._passages.c.article_id) & (theirs.c.start == self._passages.c.start),
        )
        with _translated(self.path), self._engine.connect() as db:
            return {r.article_id: Place(r.key, r.article_id, r.start, r.end) for r in db.execute(query)}

    def articles(self) -> int:
        """How many articles there are."""
        with _translated(self.path), self._engine.connect() as db:
            return int(db.execute(sa.select(sa.func.count()).select_from(_articles)).scalar_one())

    def count(self) -> tuple[int, int]:
        """How many articles and passages there are."""
        with _translated(self.path), self._engine.connect() as db:
            articles = db.execute(sa.select(sa.func.count()).select_from(_articles)).scalar_one()
            return articles, db.execute(sa.select(sa.func.count()).select_from(self._passages)).scalar_one()

    def sources(self) -> list[str]:
        """The names of all sources, in order."""
        with _translated(self.path), self._engine.connect() as db:
            query = (
                sa.select(_articles.c.source)
                .distinct()
                .where(_articles.c.source.is_not(None))
                .order_by(_articles.c.source)
            )
            return list(db.execute(query).scalars())

    def keys(self) -> set[str]:
        """Every passage that the indexes hold."""
        with _translated(self.path), self._engine.connect() as db:
            return set(db.execute(sa.select(self._passages.c.key).where(self._passages.c.indexed)).scalars())

    def held(self, keys: Iterable[str]) -> set[str]:
        """Those of the keys that the indexes hold."""
        found: set[str] = set()
        with _translated(self.path), self._engine.connect() as db:
            for some in _portions(list(keys)):
                query = sa.select(self._passages.c.key).where(
                    self._passages.c.key.in_(some) & self._passages.c.indexed
                )
                found.update(db.execute(query).scalars())
        return found

    def latest(self, k: int, filters: Filters = Filters(), until: date | None = None) -> list[str]:
        """The ids of the k latest articles that the filters admit, undated ones last; with `until`, those of
        later days come last of all."""
        a = _articles.c
        query = sa.select(a.id)
        if filters.after:
            query = query.where(a.published >= filters.after.isoformat())
        if filters.before:
            query = query.where(a.published <= filters.before.isoformat())
        if filters.sources:
            query = query.where(a.source.in_(filters.sources))
        if filters.exclude_articles:
            query = query.where(a.id.not_in(filters.exclude_articles))
        if until:
            query = query.order_by(sa.func.coalesce(a.published > until.isoformat(), sa.false()))
        with _translated(self.path), self._engine.connect() as db:
            return list(db.execute(query.order_by(a.published.desc(), a.id).limit(k)).scalars())

    # Writing, under the collection's lock

    def expect(self, keys: Sequence[str]) -> None:
        """List keys that are about to be written to the indexes as doomed: they stay so until `put` makes
        them count.
        """
        with _translated(self.path), self._engine.begin() as db:
            for some in _portions(keys):
                db.execute(sa.insert(self._doomed).prefix_with("OR IGNORE"), [{"key": key} for key in some])

    def put(self, entries: Sequence[Entry], *, indexed: bool = False) -> None:
        """Store or replace articles with their passages, in one transaction; the old passages are doomed.
        `indexed` says that the indexes hold the new ones already."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        with _translated(self.path), self._engine.begin() as db:
            _note_changed(db, [e.article.id for e in entries])
            self._retire(db, [e.article.id for e in entries])
            for entry in entries:
                a = entry.article
                values = {
                    "version": a.version, "label": label(a.title, a.text), "url": a.url, "title": a.title,
                    "source": a.source,
                    "author": a.author, "published": a.published.isoformat() if a.published else None,
                    "language": a.language,
                    "words": len(a.text.split()), "origin": entry.origin, "text": a.text,
                    "mark": entry.mark or a.version,
                    "provenance": json.dumps(a.provenance) if a.provenance else None,
                    "pages": json.dumps(a.pages) if a.pages else None, "signature": entry.signature or None,
                }  # fmt: skip
                self._keep_earlier(db, a, now)
                changed = db.execute(sa.update(_articles).where(_articles.c.id == a.id).values(**values))
                if changed.rowcount == 0:
                    db.execute(sa.insert(_articles).values(id=a.id, added=now, **values))
                db.execute(sa.delete(_corrections).where(_corrections.c.article_id == a.id))
                if entry.corrected:
                    for name, (value, was) in entry.corrected.facts.items():
                        facts = {
                            "name": name,
                            "value": value,
                            "was": was,
                            "of_version": entry.corrected.version,
                        }
                        db.execute(sa.insert(_corrections).values(article_id=a.id, **facts))
                self._put_passages(db, entry, indexed)
            self._raise_generation(db)

    def remove(self, article_ids: Sequence[str]) -> None:
        """Take articles out, in one transaction; their passages are doomed."""
        with _translated(self.path), self._engine.begin() as db:
            _note_changed(db, article_ids)
            self._retire(db, article_ids)
            for some in _portions(article_ids):
                db.execute(sa.delete(_articles).where(_articles.c.id.in_(some)))
                db.execute(sa.delete(_corrections).where(_corrections.c.article_id.in_(some)))
                db.execute(sa.delete(_earlier).where(_earlier.c.article_id.in_(some)))
            self._raise_generation(db)

    def note(self, looked: Mapping[str, Looked | None]) -> None:
        """Keep what places held when they were looked at; `None` forgets one."""
        with _translated(self.path), self._engine.begin() as db:
            for origin, now in looked.items():
                if now is None:
                    db.execute(sa.delete(_looked).where(_looked.c.origin == origin))
                else:
                    values = {"origin": origin, "stamp": now.stamp, "items": now.items}
                    db.execute(sa.insert(_looked).prefix_with("OR REPLACE").values(**values))

    def remark(self, marks: Mapping[str, str]) -> None:
        """Record that articles (by id) are unchanged, though what they are read from has a new mark."""
        with _translated(self.path), self._engine.begin() as db:
            for article_id, mark in marks.items():
                db.execute(sa.update(_articles).where(_articles.c.id == article_id).values(mark=mark))

    def sign(self, signatures: Mapping[str, bytes]) -> None:
        """Keep the signatures of articles (by id) that had none."""
        with _translated(self.path), self._engine.begin() as db:
            for article_id, signature in signatures.items():
                db.execute(
                    sa.update(_articles).where(_articles.c.id == article_id).values(signature=signature)
                )

    def regroup(self, groups: Mapping[str, str], among: Collection[str] | None = None) -> None:
        """Record which articles are near-copies of each other: these, and no others (of those `among` which
        it was looked).
        """
        before = {name: group for name, group in self.groups().items() if among is None or name in among}
        changed = {article_id: groups.get(article_id) for article_id in {**before, **groups}}
        changed = {
            article_id: group for article_id, group in changed.items() if group != before.get(article_id)
        }
        with _translated(self.path), self._engine.begin() as db:
            for article_id, group in changed.items():
                db.execute(sa.update(_articles).where(_articles.c.id == article_id).values(copy_of=group))
            db.execute(sa.delete(_meta).where(_meta.c.name == UNGROUPED))
            db.execute(sa.delete(_ungrouped))
            if changed:
                self._raise_generation(db)

    def move(self, origins: Mapping[str, str]) -> None:
        """Record that articles (by id) are now read from other files."""
        with _translated(self.path), self._engine.begin() as db:
            for article_id, origin in origins.items():
                db.execute(sa.update(_articles).where(_articles.c.id == article_id).values(origin=origin))
            self._raise_generation(db)

    def pending(self) -> list[Place]:
        """The passages that the indexes may not hold yet, by article and offset."""
        p = self._passages
        query = sa.select(p).where(~p.c.indexed).order_by(p.c.article_id, p.c.start)
        with _translated(self.path), self._engine.connect() as db:
            return [Place(r.key, r.article_id, r.start, r.end) for r in db.execute(query)]

    def retired(self) -> int:
        """How many keys the indexes may still hold that they must lose."""
        with _translated(self.path), self._engine.connect() as db:
            return int(db.execute(sa.select(sa.func.count()).select_from(self._doomed)).scalar_one())

    def doomed(self) -> list[str]:
        """The keys that the indexes may still hold and must lose."""
        with _translated(self.path), self._engine.connect() as db:
            return list(db.execute(sa.select(self._doomed.c.key).order_by(self._doomed.c.key)).scalars())

    def uncut(self) -> list[str]:
        """The ids of articles without passages, as a rebuild by an earlier version has left them."""
        query = (
            sa.select(_articles.c.id)
            .outerjoin(self._passages, self._passages.c.article_id == _articles.c.id)
            .where(self._passages.c.key.is_(None))
            .order_by(_articles.c.id)
        )
        with _translated(self.path), self._engine.connect() as db:
            return list(db.execute(query).scalars())

    def stale(self) -> bool:
        """Whether an earlier version has begun to make the indexes again, and did not come to empty them."""
        with _translated(self.path):
            return self._meta().get("indexes") == STALE

    def note_filled(self, place: str | None) -> None:
        """Record which place of Chroma's holds every vector."""
        with _translated(self.path), self._engine.begin() as db:
            db.execute(sa.delete(_meta).where(_meta.c.name == self._filled))
            if place is not None:
                db.execute(sa.insert(_meta).values(name=self._filled, value=place))
            self._raise_generation(db)

    def settle(self, indexed: Sequence[str], gone: Sequence[str]) -> None:
        """The indexes now hold the first keys and have lost the second."""
        with _translated(self.path), self._engine.begin() as db:
            for some in _portions(indexed):
                db.execute(
                    sa.update(self._passages).where(self._passages.c.key.in_(some)).values(indexed=True)
                )
            for some in _portions(gone):
                db.execute(sa.delete(self._doomed).where(self._doomed.c.key.in_(some)))
            self._raise_generation(db)

    def rebuild(self, config: Config) -> Rebuild:
        """Begin to make other indexes, with the configuration's settings; or go on with those that were begun
        with the same settings, if nothing was written to the collection since."""
        settings, going, left = _settings(config), self._going(), self._left()
        if going and going["settings"] == settings:
            return Rebuild(self, going["folder"], config)
        numbers = [int(folder.rpartition("/")[2] or 0) for folder in (self.build(), *left)]
        folder = f"{BUILDS}/{max(numbers) + 1}"  # never one that a reader may have open
        with _translated(self.path), self._engine.begin() as db:
            self._abandon(db)
            _say(db, _NEXT, json.dumps({"folder": folder, "settings": settings}))
            _say(db, _LEFT, json.dumps([*left, folder]))
            _rebuilding.create_all(db)
        return Rebuild(self, folder, config)

    def abandon_rebuild(self) -> None:
        """Forget what a rebuild that was killed has cut; its indexes are among what is `left`."""
        if self._going():
            with _translated(self.path), self._engine.begin() as db:
                self._abandon(db)

    def left(self) -> list[str]:
        """Folders of indexes that answer no more, or never will, and of no rebuild that goes on."""
        going = self._going()
        return [folder for folder in self._left() if going is None or folder != going["folder"]]

    def removed(self, folders: Sequence[str]) -> None:
        """Record that indexes are gone."""
        left = [folder for folder in self._left() if folder not in folders]
        with _translated(self.path), self._engine.begin() as db:
            _say(db, _LEFT, json.dumps(left))

    def _going(self) -> dict[str, Any] | None:
        with _sound(self.path):
            going: dict[str, Any] | None = json.loads(self._meta().get(_NEXT, "null"))
            return going and {"folder": _folder(going["folder"]), "settings": going["settings"]}

    def _left(self) -> list[str]:
        with _sound(self.path):
            return [_folder(stated) for stated in json.loads(self._meta().get(_LEFT, "[]"))]

    @staticmethod
    def _abandon(db: sa.Connection) -> None:
        # In this order: it is a change of rows that begins a transaction, and not one of tables.
        db.execute(sa.delete(_meta).where(_meta.c.name.in_([_NEXT, _NEXT_FILLED])))
        _rebuilding.drop_all(db)

    def _raise_generation(self, db: sa.Connection) -> None:
        value = sa.cast(sa.cast(_meta.c.value, sa.Integer) + 1, sa.Text)
        db.execute(sa.update(_meta).where(_meta.c.name == "generation").values(value=value))

    def _put_passages(self, db: sa.Connection, entry: Entry, indexed: bool) -> None:
        a = entry.article
        rows = [
            {
                "key": passage_key(a, start, end),
                "article_id": a.id,
                "start": start,
                "end": end,
                "indexed": indexed,
            }
            for start, end in entry.spans
        ]
        for some in _portions(rows):
            db.execute(sa.insert(self._passages), some)
            db.execute(sa.delete(self._doomed).where(self._doomed.c.key.in_([row["key"] for row in some])))

    @staticmethod
    def _keep_earlier(db: sa.Connection, now: Article, until: str) -> None:
        """Put the stored article by, if its text is about to change, so that what was cited from it stays
        readable.
        """
        row = db.execute(sa.select(_articles).where(_articles.c.id == now.id)).one_or_none()
        if row is None or row.text == now.text:
            return
        facts = json.dumps(
            {
                **{name: getattr(row, name) for name in _FACTS},
                "provenance": row.provenance,
                "pages": row.pages,
            }
        )
        values = {"article_id": row.id, "version": row.version, "until": until, "facts": facts}
        db.execute(
            sa.insert(_earlier)
            .prefix_with("OR REPLACE")
            .values(**values, text=zlib.compress(row.text.encode()))
        )
        # A text that has come back is the present one again.
        db.execute(
            sa.delete(_earlier).where((_earlier.c.article_id == now.id) & (_earlier.c.version == now.version))
        )

    def _retire(self, db: sa.Connection, article_ids: Sequence[str]) -> None:
        for some in _portions(article_ids):
            theirs = self._passages.c.article_id.in_(some)
            keys = sa.select(self._passages.c.key).where(theirs)
            db.execute(sa.insert(self._doomed).prefix_with("OR IGNORE").from_select(["key"], keys))
            db.execute(sa.delete(self._passages).where(theirs))


class Rebuild(Catalog):
    """A catalog as a rebuild sees it: the same articles, with the passages and the indexes that are being
    made. Nobody else sees these before `swap`, so nothing here raises the generation. It is closed with the
    catalog that it is of."""

    _passages, _doomed, _filled = _next_passages, _next_doomed, _NEXT_FILLED

    def __init__(self, catalog: Catalog, folder: str, config: Config) -> None:
        self._engine, self.path = catalog._engine, catalog.path
        self._folder, self._config = folder, config

    def build(self) -> str:
        return self._folder

    def put(self, entries: Sequence[Entry], *, indexed: bool = False) -> None:
        """Store the passages of articles, which are as they are stored."""
        with _translated(self.path), self._engine.begin() as db:
            self._retire(db, [e.article.id for e in entries])
            for entry in entries:
                self._put_passages(db, entry, indexed)

    def swap(self) -> None:
        """From this commit on the new indexes answer, and their settings are the collection's."""
        with _translated(self.path):
            meta, left = self._meta(), self._left()
        with _translated(self.path), self._engine.begin() as db:
            for now, new in ((_passages, _next_passages), (_doomed, _next_doomed)):
                db.execute(sa.delete(now))
                db.execute(sa.insert(now).from_select(list(now.c.keys()), sa.select(new)))
            for name, value in _settings(self._config).items():
                _say(db, name, value)
            _say(db, _BUILD, self._folder)
            _say(db, _LEFT, json.dumps([f for f in (*left, meta.get(_BUILD, "")) if f != self._folder]))
            db.execute(sa.delete(_meta).where(_meta.c.name.in_(["indexes", _FILLED])))
            if _NEXT_FILLED in meta:
                _say(db, _FILLED, meta[_NEXT_FILLED])
            self._abandon(db)
            super()._raise_generation(db)

    def _raise_generation(self, db: sa.Connection) -> None:
        pass


def at_home(copy: Path) -> None:
    """Make a copy of a catalog's file that of a collection whose indexes lie in the home itself, and which
    nobody rebuilds.
    """
    with closing(sqlite3.connect(copy)) as db:
        with db:
            db.execute("DELETE FROM meta WHERE name IN (?, ?, ?, ?)", (_BUILD, _NEXT, _NEXT_FILLED, _LEFT))
            for table in _rebuilding.tables:
                db.execute(f"DROP TABLE IF EXISTS {table}")
        db.execute("VACUUM")


def in_force(db: sqlite3.Connection) -> str:
    """Where in the home the indexes lie that answer, as a catalog's file says. Raises `ValueError` where that
    is no such place."""
    row = db.execute("SELECT value FROM meta WHERE name = ?", (_BUILD,)).fetchone()
    return _folder(row[0]) if row else ""


def _folder(stated: object) -> str:
    """A folder of indexes in the home, as the catalog names it. It is about to be opened, or removed: it must
    be no other.
    """
    if not isinstance(stated, str) or not _PLACE.fullmatch(stated):
        raise ValueError(f"its indexes lie in {str(stated)[:60]!r}, where no version of Clippings puts them")
    return stated


def _settings(config: Config) -> dict[str, str]:
    """What a collection is made with and cannot be read without."""
    p = config.passages
    return {
        _LAYOUT: LAYOUT,
        "encoder": config.encoder,
        "passages.words": str(p.words),
        "passages.overlap": str(p.overlap),
        "passages.title": str(p.title).lower(),
    }


def _engine(path: Path, *, writing: bool) -> sa.Engine:
    """Connections to a catalog, as far as its disk lets them be."""
    if writing or os.access(path.parent, os.W_OK):
        engine = sa.create_engine(
            f"sqlite:///{path}", hide_parameters=True
        )  # articles' texts stand in no log
        sa.event.listen(engine, "connect", _prepare)
        if writing or not _needs_room(engine, path):
            return engine
        engine.dispose()
    # Each connection looks anew at how the file can be read.
    return sa.create_engine(
        "sqlite://", creator=lambda: reading(path), poolclass=sa.NullPool, hide_parameters=True
    )


def _needs_room(engine: sa.Engine, path: Path) -> bool:
    """Whether a catalog cannot be read because its disk has no room for what readers and writers agree by."""
    try:
        with engine.connect() as db:
            db.execute(sa.text("SELECT count(*) FROM sqlite_master"))
    except sa_exc.SQLAlchemyError:
        return (
            shutil.disk_usage(path.parent).free < _TOO_LITTLE
        )  # any other fault is met, and told, where it is read
    return False


def _prepare(connection: object, _record: object) -> None:
    cursor = connection.cursor()  # type: ignore[attr-defined]
    # Readers go on while a writer commits, and a commit that was reported survives a power cut.
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA busy_timeout=10000")
    cursor.close()


def _say(db: sa.Connection, name: str, value: str) -> None:
    db.execute(sa.insert(_meta).prefix_with("OR REPLACE").values(name=name, value=value))


def _note_changed(db: sa.Connection, article_ids: Sequence[str]) -> None:
    """Remember for `ungrouped` that these are about to change, and what is in a group with them."""
    a = _articles.c
    for some in _portions(article_ids):
        ids = sa.select(a.id).where(a.copy_of.in_(sa.select(a.copy_of).where(a.id.in_(some))))
        db.execute(sa.insert(_ungrouped).prefix_with("OR IGNORE").from_select(["article_id"], ids))
        db.execute(sa.insert(_ungrouped).prefix_with("OR IGNORE"), [{"article_id": i} for i in some])


def _note_ungrouped(db: sa.Connection) -> None:
    db.execute(sa.insert(_meta).prefix_with("OR REPLACE").values(name=UNGROUPED, value="yes"))


def _portions(items: Sequence[_T]) -> Iterator[Sequence[_T]]:
    for start in range(0, len(items), _AT_ONCE):
        yield items[start : start + _AT_ONCE]


def _headline(row: Any, outlets: Iterable[str | None] = ()) -> Headline:
    """Raises `ValueError` for a row that no version of Clippings wrote."""
    article_id, version, shown = (
        _stated(row.id, name, getattr(row, name)) for name in ("id", "version", "label")
    )
    return Headline(
        article_id, version, shown, row.url, row.title, row.source, row.author, _date(row.published),
        row.language,
        _pages(row.pages), row.copy_of, tuple(sorted({name for name in outlets if name} - {row.source})),
    )  # fmt: skip


def _whole(db: sa.Connection, row: Any) -> Article:
    """The article of a row. Raises `ValueError` for one that is not as it was written: a damaged disk may
    hand out other words without saying so, and a question must not be answered from them."""
    facts = {name: getattr(row, name) for name in _FACTS}
    article = _article(
        row.id, row.version, row.text, {**facts, "provenance": row.provenance, "pages": row.pages}
    )
    if content_version(row.text, facts) == row.version:
        return article
    query = sa.select(_corrections).where(_corrections.c.article_id == row.id)
    corrected = {c.name: (c.value, c.was, c.of_version) for c in db.execute(query)}
    read = content_version(row.text, {**facts, **{name: was for name, (_, was, _) in corrected.items()}})
    changed = {name: value for name, (value, was, _) in corrected.items() if value != was}
    as_stated = all(facts.get(name) == value and of == read for name, (value, _, of) in corrected.items())
    if not changed or not as_stated or corrected_version(read, changed) != row.version:
        raise ValueError(
            f"the article {row.id} is not what was taken in. Take it out (clippings remove {row.id}) and in "
            f"again with "
            "`clippings sync`, or put a backup in the collection's place"
        )
    return article


def _stated(article_id: object, name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"the article {article_id} has no {name}")
    return value


def _article(article_id: str, version: str, text: str, facts: Mapping[str, Any]) -> Article:
    """An article of the facts as they are stored. Raises `ValueError` for what Clippings never wrote."""
    for name, value in (("id", article_id), ("version", version), ("text", text)):
        _stated(article_id, name, value)
    known = {**facts, "published": _date(facts["published"]), "pages": _pages(facts["pages"])}
    known["provenance"] = tuple((name, place) for name, place in json.loads(facts["provenance"] or "[]"))
    return Article(article_id, version, text, **known)


def _pages(stored: str | None) -> tuple[int, ...]:
    return tuple(json.loads(stored)) if stored else ()


def _migrate(db: sa.Connection) -> None:
    """Bring a catalog of layout 1 to this one: what is new in it is unknown of the articles it holds."""
    row = db.execute(sa.select(_meta.c.value).where(_meta.c.name == "schema")).one_or_none()
    if row is None or row.value != "1":
        return
    there = {column["name"] for column in sa.inspect(db).get_columns(_articles.name)}
    for name in _SINCE_1:
        if name not in there:
            kind = _articles.c[name].type.compile(db.dialect)
            db.exec_driver_sql(f"ALTER TABLE articles ADD COLUMN {name} {kind}")
    for index in _articles.indexes:
        index.create(db, checkfirst=True)
    _note_ungrouped(db)
    db.execute(sa.update(_meta).where(_meta.c.name == "schema").values(value=SCHEMA))


def _date(stored: str | None) -> date | None:
    return date.fromisoformat(stored) if stored else None


def columns() -> dict[str, dict[str, tuple[str, bool, bool]]]:
    """The tables of a catalog, and of each column the type in SQLite's words, whether it may not be NULL, and
    whether it is part of the primary key."""
    from sqlalchemy.dialects import sqlite

    dialect = sqlite.dialect()
    return {
        table.name: {c.name: (c.type.compile(dialect), not c.nullable, c.primary_key) for c in table.columns}
        for table in (*_metadata.tables.values(), *_rebuilding.tables.values())
    }


def indexes() -> dict[str, tuple[str, tuple[str, ...]]]:
    """The indexes of a catalog: the table and the columns of each."""
    tables = (*_metadata.tables.values(), *_rebuilding.tables.values())
    made = [(table.name, index) for table in tables for index in table.indexes]
    return {str(index.name): (table, tuple(c.name for c in index.columns)) for table, index in made}


@contextmanager
def _sound(path: Path) -> Iterator[None]:
    """Turn what cannot be made of a row into what to do about it: a day that is none, nothing where something
    must be.
    """
    with _translated(path):
        try:
            yield
        except (ValueError, TypeError, AttributeError, zlib.error) as exc:
            raise CollectionError(
                f"{path} is damaged: {exc}. What else is wrong: clippings doctor --deep --home {path.parent}"
            ) from exc


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except sa_exc.SQLAlchemyError as exc:
        kind, cause = fault(exc)
        said = {
            "full": f"the disk that holds {path.parent} is full. The articles stored before are safe; "
            "free some space and run again",
            "busy": f"{path} is being written by another process. Try again in a moment",
            "damaged": f"{path} is not a catalog of Clippings, or is damaged ({cause}). "
            "Put a backup in its place, or name another folder with --home",
            "read-only": f"the collection in {path.parent} may be read but not written to, which this needs. "
            "Get write access to the folder, or copy it and name the copy with --home",
            "unopened": f"{path} cannot be opened for this ({cause}). Check the folder's permissions",
            "other": f"{path}: {cause}",
        }
        raise CollectionError(said[kind], busy=kind == "busy") from exc
    except OSError as exc:
        raise CollectionError(
            f"{path.parent} cannot be used: {exc.strerror or exc}. Name another folder with --home"
        ) from exc
