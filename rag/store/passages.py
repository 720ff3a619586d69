"""An open catalog: its settings, its passages, and how far the indexes are that follow it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from rag.config import Config
from rag.errors import CollectionError
from rag.store import schema
from rag.store.schema import batches, translated, translated_rows
from rag.system.files import private_folder
from rag.types import Article
from rag.validation import interrupted, require_collection

__all__ = ["PassageCatalog", "PassageRef", "passage_key"]

_articles, _meta = schema.articles, schema.meta
# Asked several times a question: to put a query together takes longer than to run it.
_GENERATION = sa.select(_meta.c.value).where(_meta.c.name == schema.GENERATION)
_ARTICLES = sa.select(sa.func.count()).select_from(_articles)


@dataclass(frozen=True, slots=True)
class PassageRef:
    """A passage as the catalog knows it: its key in the indexes, and the stretch of which article it is."""

    key: str
    article_id: str
    start: int
    end: int

    @property
    def id(self) -> str:
        """The passage's id: the key without the version."""
        return f"{self.article_id}:{self.start}-{self.end}"


def passage_key(article: Article, start: int, end: int) -> str:
    """The name of a passage in the indexes. It holds the version, so that a stale vector can never pass for a
    new one.
    """
    return f"{article.id}@{article.version[:16]}:{start}-{end}"


class PassageCatalog:
    """An open catalog, as far as its passages go. Reading is safe from any thread."""

    _passages, _cursors = schema.passages, schema.cursors

    def __init__(self, home: Path, config: Config, *, create: bool = False, rebuild: bool = False) -> None:
        """Open the catalog in `home`, or make it when `create` is true.

        Raises `CollectionError` when there is none, when it was made by another version of Clippings, with
        another encoder or with other passage settings than `config` asks for (unless it is opened for a
        `rebuild`, which changes them), or when it cannot be read.
        """
        path = home / schema.FILE
        if not path.is_file() and (unfinished := interrupted(home)):
            raise CollectionError(unfinished)
        if rebuild and not path.is_file():
            raise CollectionError(
                f"there is no collection in {home} to rebuild. Create one: clippings sync FOLDER "
                f"--home {home}",
                missing=True,
            )
        if not create:
            require_collection(home)
        self._engine = schema.connect(path, writing=create)
        self.path = path
        try:
            with translated(path):
                self._prepare(config, create=create)
            self.check(config, rebuild=rebuild, writing=create)
        except BaseException:
            self.close()
            raise

    def _prepare(self, config: Config, *, create: bool) -> None:
        if create or self._settings().get("schema") in ("1", "2"):
            if create:
                private_folder(self.path.parent)
            with self._engine.begin() as db:
                db.exec_driver_sql("BEGIN IMMEDIATE")  # another process may be at the same
                if create:
                    schema.create(db, config)
                else:
                    schema.migrate(db)

    def close(self) -> None:
        self._engine.dispose()

    def _settings(self) -> dict[str, str]:
        with self._engine.connect() as db:
            return {row.name: row.value for row in db.execute(sa.select(_meta))}

    def check(self, config: Config, *, rebuild: bool = False, writing: bool = False) -> None:
        """Raise `CollectionError` unless the collection is, still, what `config` can read: a rebuild may have
        changed it. For a `rebuild` its settings may be others; for who is `writing` its indexes may be of any
        earlier layout, which is migrated first."""
        home = self.path.parent
        with translated(self.path):
            found = self._settings()
        if found.get("schema") != schema.SCHEMA:
            raise CollectionError(
                f"the collection in {home} has layout {found.get('schema')}, this version of Clippings reads "
                f"layout {schema.SCHEMA}. "
                "Make it again in another folder: clippings sync FOLDER --home NEW"
            )
        for name, wanted in () if rebuild else schema.settings(config).items():
            if name == schema.LAYOUT_NAME:
                layout = found.get(name, "1")  # which noted none
                earlier = layout.isdecimal() and int(layout) < int(schema.LAYOUT)
                if layout not in schema.READABLE and not (writing and earlier):
                    raise CollectionError(
                        f"the indexes of the collection in {home} were made by another version of Clippings. "
                        f"The articles are safe; bring them to this one: clippings sync FOLDER --home {home}",
                        outdated=True,
                    )
            elif found.get(name) != wanted:
                raise CollectionError(
                    f"the collection in {home} was made with {name} = {found.get(name)}; the configuration "
                    f"asks for {wanted}. "
                    f"Set {name} back, or make the indexes again: clippings sync --rebuild --home {home}"
                )

    # The collection and its indexes

    def generation(self) -> int:
        """How many times the collection has been written. A reader that sees it rise opens its indexes
        anew."""
        with translated_rows(self.path), self._engine.connect() as db:
            return self._generation(db)

    def _generation(self, db: sa.Connection) -> int:
        return int(db.execute(_GENERATION).scalar_one())

    def identity(self) -> str:
        """The name by which this collection is told from all others; empty in one that was made before there
        were any, until its next sync."""
        with translated(self.path):
            return self._settings().get(schema.IDENTITY, "")

    def layout(self) -> str:
        """The layout of the indexes that answer."""
        with translated(self.path):
            return self._settings().get(schema.LAYOUT_NAME, "")

    def build(self) -> str:
        """Where in the home the indexes lie; empty for the home itself, as in a collection that was never
        rebuilt.
        """
        with translated_rows(self.path):
            return schema.build_folder(self._settings().get(schema.BUILD, ""))

    def cursor(self, index: str) -> int | None:
        """The generation up to which an index has applied everything; `None` where there is no such index."""
        query = sa.select(self._cursors.c.generation).where(self._cursors.c.name == index)
        with translated_rows(self.path), self._engine.connect() as db:
            found = db.execute(query).scalar_one_or_none()
            return None if found is None else int(found)

    def latest_added(self) -> int:
        """The generation in which the latest passage was added that counts; 0 where there is none. An index
        whose cursor is there, or beyond, holds every passage."""
        p = self._passages.c
        query = (
            sa.select(p.added)
            # Written so that SQLite goes down the index of `added`, and not through all that are not removed.
            .where(p.added.is_not(None) & (sa.func.coalesce(p.removed, -1) == -1))
            .order_by(p.added.desc())
            .limit(1)
        )
        with translated_rows(self.path), self._engine.connect() as db:
            return int(db.execute(query).scalar_one_or_none() or 0)

    def count(self) -> tuple[int, int]:
        """How many articles and passages there are."""
        return self.articles(), self.count_passages()

    def articles(self) -> int:
        """How many articles there are."""
        with translated(self.path), self._engine.connect() as db:
            return int(db.execute(_ARTICLES).scalar_one())

    def count_passages(self, until: int | None = None) -> int:
        """How many passages count; with `until`, of those that were added up to that generation."""
        rows = sa.select(sa.func.count()).select_from(self._passages)
        if until is not None:
            rows = rows.where(self._counts & (self._passages.c.added <= until))
        with translated(self.path), self._engine.connect() as db:
            found = int(db.execute(rows).scalar_one())
        # To count what does not count is quick: there is next to none of it.
        return found if until is not None else found - self.count_hidden()

    def count_unindexed(self) -> int:
        """How many passages count that an index has still to add."""
        c = self._cursors.c
        followers = sa.select(sa.func.coalesce(sa.func.min(c.generation), 0)).where(c.name != schema.COPIES)
        beyond = self._counts & (self._passages.c.added > followers.scalar_subquery())
        query = sa.select(sa.func.count()).select_from(self._passages).where(beyond)
        with translated(self.path), self._engine.connect() as db:
            return int(db.execute(query).scalar_one())

    def count_hidden(self) -> int:
        """How many keys the indexes may hold that do not count: staged ones and tombstones.

        Asked before every question, so it is made of two look-ups in indexes of the table.
        """
        with translated(self.path), self._engine.connect() as db:
            staged, removed, both = db.execute(self._hidden).one()
        return int(staged + removed - both)

    @cached_property
    def _hidden(self) -> sa.Select[Any]:
        """How many passages are staged, how many removed, and how many both: one row."""
        p = self._passages
        rows = sa.select(sa.func.count()).select_from(p)
        staged, removed = p.c.added.is_(None), p.c.removed > -1
        found = (rows.where(which).scalar_subquery() for which in (staged, removed, staged & removed))
        return sa.select(*found)

    @cached_property
    def _named(self) -> sa.Select[Any]:
        """The passages of some `keys` that count."""
        keys: sa.BindParameter[Any] = sa.bindparam("keys", expanding=True)
        return sa.select(self._passages).where(self._passages.c.key.in_(keys) & self._counts)

    @cached_property
    def _counts(self) -> sa.ColumnElement[bool]:
        return self._passages.c.added.is_not(None) & self._passages.c.removed.is_(None)

    # Passages

    def passages(self, keys: Iterable[str]) -> dict[str, PassageRef]:
        """Those of the keys that count, each with where it stands."""
        found: dict[str, PassageRef] = {}
        with translated(self.path), self._engine.connect() as db:
            for some in batches(list(keys)):
                rows = db.execute(self._named, {"keys": some})
                found.update((row.key, _ref(row)) for row in rows)
        return found

    def first_passages(self, article_ids: Iterable[str] | None = None) -> dict[str, PassageRef]:
        """Each article's first passage, by the article's id; under its key the whole article is indexed.

        Of all articles, or of those named (at most 500).
        """
        p = self._passages
        first = sa.select(p.c.article_id, sa.func.min(p.c.start).label("start")).where(self._counts)
        if article_ids is not None:
            first = first.where(p.c.article_id.in_(list(article_ids)))
        starts = first.group_by(p.c.article_id).subquery()
        at = (starts.c.article_id == p.c.article_id) & (starts.c.start == p.c.start)
        query = sa.select(p).join(starts, at).where(self._counts)
        with translated(self.path), self._engine.connect() as db:
            return {row.article_id: _ref(row) for row in db.execute(query)}

    def keys(self) -> set[str]:
        """The key of every passage that counts."""
        with translated(self.path), self._engine.connect() as db:
            return set(db.execute(sa.select(self._passages.c.key).where(self._counts)).scalars())

    def added_since(self, generation: int) -> Iterator[list[PassageRef]]:
        """The passages that were added after a generation and count, by article and offset, some hundreds at
        a time; for an index that follows from there. One article's are never parted."""
        p = self._passages
        after = self._counts & (p.c.added > generation)
        with translated(self.path), self._engine.connect() as db:
            query = sa.select(p.c.article_id).where(after).distinct().order_by(p.c.article_id)
            ids = list(db.execute(query).scalars())
        for some in batches(ids):
            chosen = sa.select(p).where(after & p.c.article_id.in_(some)).order_by(p.c.article_id, p.c.start)
            with translated(self.path), self._engine.connect() as db:
                found = [_ref(row) for row in db.execute(chosen)]
            yield found

    def vector_facts(self) -> Iterator[list[tuple[str, str, date | None, str | None]]]:
        """Of every passage that counts the key, and the facts that filters ask for: the article's id, day and
        source. By article and offset, some hundreds at a time."""
        p, a = self._passages, _articles
        columns = sa.select(p.c.key, p.c.article_id, a.c.published, a.c.source)
        for refs in self.added_since(-1):
            ids = list({ref.article_id for ref in refs})
            query = columns.join(a, a.c.id == p.c.article_id).where(self._counts & p.c.article_id.in_(ids))
            with translated_rows(self.path), self._engine.connect() as db:
                yield [
                    (row.key, row.article_id, schema.as_date(row.published), row.source)
                    for row in db.execute(query.order_by(p.c.article_id, p.c.start))
                ]

    def spans(self) -> dict[str, tuple[tuple[int, int], ...]]:
        """Where the passages of each article lie, in order, by the article's id."""
        found: dict[str, tuple[tuple[int, int], ...]] = {}
        for refs in self.added_since(-1):
            for ref in refs:
                found[ref.article_id] = (*found.get(ref.article_id, ()), (ref.start, ref.end))
        return found

    def without_passages(self) -> list[str]:
        """The ids of articles of which no passage counts: a rebuild is to cut them."""
        p = self._passages
        query = (
            sa.select(_articles.c.id)
            .outerjoin(p, (p.c.article_id == _articles.c.id) & self._counts)
            .where(p.c.key.is_(None))
            .order_by(_articles.c.id)
        )
        with translated(self.path), self._engine.connect() as db:
            return list(db.execute(query).scalars())


def _ref(row: Any) -> PassageRef:
    return PassageRef(row.key, row.article_id, row.start, row.end)
