"""What can be asked of a catalog: articles, earlier versions, passages, and how far the indexes are."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from rag.config import Config
from rag.errors import CollectionError
from rag.store import schema
from rag.store.schema import batches, translated, translated_rows
from rag.system.files import private_folder
from rag.types import FACTS, Article, Filters, Headline, content_version, corrected_version
from rag.validation import interrupted, require_collection

__all__ = ["CatalogReader", "Corrected", "Listing", "PassageRef", "Snapshot", "passage_key"]

_articles, _meta = schema.articles, schema.meta


@dataclass(frozen=True, slots=True)
class Corrected:
    """Facts of an article that somebody put right: by name what holds now and what had been read, each `None`
    for unknown. `version` is that of the article as it was read."""

    version: str
    facts: Mapping[str, tuple[str | None, str | None]]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a file, a folder or an address held when it was last read, as its reader noted it; `stamp` tells
    whether it is still the same.
    """

    stamp: str
    items: str


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


@dataclass(frozen=True, slots=True)
class Listing:
    """A row of the articles' table: words and passages are counts, `added` is when it was added (UTC)."""

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


class CatalogReader:
    """An open catalog, for questions. Safe from any thread."""

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
                f"there is no collection in {home} to rebuild. Make one: clippings sync FOLDER --home {home}",
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
        """How many times the collection has been written. A reader that sees it rise opens its indexes anew."""
        with translated_rows(self.path), self._engine.connect() as db:
            return self._generation(db)

    def _generation(self, db: sa.Connection) -> int:
        return int(db.execute(sa.select(_meta.c.value).where(_meta.c.name == schema.GENERATION)).scalar_one())

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
            .where(p.added.is_not(None) & p.removed.is_(None))
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
            return int(db.execute(sa.select(sa.func.count()).select_from(_articles)).scalar_one())

    def count_passages(self, until: int | None = None) -> int:
        """How many passages count; with `until`, of those that were added up to that generation."""
        query = sa.select(sa.func.count()).select_from(self._passages).where(self._counts)
        if until is not None:
            query = query.where(self._passages.c.added <= until)
        with translated(self.path), self._engine.connect() as db:
            return int(db.execute(query).scalar_one())

    def count_unindexed(self) -> int:
        """How many passages count that an index has still to add."""
        c = self._cursors.c
        followers = sa.select(sa.func.coalesce(sa.func.min(c.generation), 0)).where(c.name != schema.COPIES)
        beyond = self._counts & (self._passages.c.added > followers.scalar_subquery())
        query = sa.select(sa.func.count()).select_from(self._passages).where(beyond)
        with translated(self.path), self._engine.connect() as db:
            return int(db.execute(query).scalar_one())

    def count_hidden(self) -> int:
        """How many keys the indexes may hold that do not count: staged ones and tombstones."""
        query = sa.select(sa.func.count()).select_from(self._passages).where(~self._counts)
        with translated(self.path), self._engine.connect() as db:
            return int(db.execute(query).scalar_one())

    @property
    def _counts(self) -> sa.ColumnElement[bool]:
        return self._passages.c.added.is_not(None) & self._passages.c.removed.is_(None)

    # Articles

    def article(self, article_id: str) -> Article | None:
        """The whole article, or `None`. Raises `CollectionError` when it is no longer what was added."""
        with translated_rows(self.path), self._engine.connect() as db:
            row = db.execute(sa.select(_articles).where(_articles.c.id == article_id)).one_or_none()
            return None if row is None else _whole(db, row)

    def read(self, article_ids: Iterable[str]) -> dict[str, tuple[Article, Headline]]:
        """Those articles, whole and as headlines, by id; one that is not there is left out. Raises
        `CollectionError` when one is no longer what was added."""
        found: dict[str, tuple[Article, Headline]] = {}
        with translated_rows(self.path), self._engine.connect() as db:
            for some in batches(sorted(set(article_ids))):
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
        e = schema.earlier
        query = sa.select(e).where((e.c.article_id == article_id) & (e.c.version == version))
        with translated_rows(self.path), self._engine.connect() as db:
            row = db.execute(query).one_or_none()
            if row is None:
                return None
            return _article(article_id, version, zlib.decompress(row.text).decode(), json.loads(row.facts))

    def versions(self, article_id: str) -> list[tuple[str, datetime]]:
        """The article's earlier versions, the latest first, each with the time (UTC) until which it was the
        present one.
        """
        e = schema.earlier
        query = sa.select(e.c.version, e.c.until).where(e.c.article_id == article_id)
        with translated_rows(self.path), self._engine.connect() as db:
            rows = db.execute(query.order_by(e.c.until.desc(), e.c.version)).all()
            return [(row.version, datetime.fromisoformat(row.until)) for row in rows]

    def headline(self, article_id: str) -> Headline | None:
        """The article's facts without its text, or `None`."""
        with translated_rows(self.path), self._engine.connect() as db:
            row = db.execute(sa.select(*schema.HEADLINE).where(_articles.c.id == article_id)).one_or_none()
            if row is None:
                return None
            group = sa.select(_articles.c.id, _articles.c.source).where(_articles.c.copy_of == row.copy_of)
            copies = db.execute(group).all() if row.copy_of else ()
            return _headline(row, {copy.source for copy in copies})

    def published(self, article_ids: Iterable[str]) -> dict[str, date]:
        """When those articles appeared; one whose date is unknown is left out."""
        found: dict[str, date] = {}
        with translated_rows(self.path), self._engine.connect() as db:
            for some in batches(sorted(set(article_ids))):
                query = sa.select(_articles.c.id, _articles.c.published).where(_articles.c.id.in_(some))
                found.update(
                    (r.id, date.fromisoformat(r.published)) for r in db.execute(query) if r.published
                )
        return found

    def listings(self) -> list[Listing]:
        """Every article, by id."""
        theirs = self._passages.c.article_id
        counts = (
            sa.select(theirs, sa.func.count().label("passages"))
            .where(self._counts)
            .group_by(theirs)
            .subquery()
        )
        a = _articles.c
        query = (
            sa.select(*schema.HEADLINE, a.origin, a.words, a.added, counts.c.passages)
            .outerjoin(counts, counts.c.article_id == a.id)
            .order_by(a.id)
        )
        outlets: dict[str, set[str | None]] = {}
        with translated_rows(self.path), self._engine.connect() as db:
            rows = db.execute(query).all()
            for row in rows:
                if row.copy_of:
                    outlets.setdefault(row.copy_of, set()).add(row.source)
            return [
                Listing(
                    _headline(row, outlets.get(row.copy_of or "", ())),
                    _text_of(row.id, "origin", row.origin),
                    int(row.words),
                    row.passages or 0,
                    datetime.fromisoformat(row.added),
                )
                for row in rows
            ]

    def read_from(self, file: str) -> list[str]:
        """The ids of the articles that were read from a file; of an archive, from the files in it. In order."""
        origin = _articles.c.origin
        # "0" comes after "/": what begins with the one is before the other.
        inside = (origin > f"{file}/") & (origin < f"{file}0")
        with translated(self.path), self._engine.connect() as db:
            query = sa.select(_articles.c.id).where((origin == file) | inside).order_by(_articles.c.id)
            return list(db.execute(query).scalars())

    def known(self) -> dict[str, tuple[str, str]]:
        """For every article the fingerprint of what it was read from, and where that was."""
        read = {article_id: corrected.version for article_id, corrected in self.corrections().items()}
        with translated_rows(self.path), self._engine.connect() as db:
            query = sa.select(_articles.c.id, _articles.c.version, _articles.c.mark, _articles.c.origin)
            # In schema 1 the version as it was read was the fingerprint.
            return {
                row.id: (row.mark or read.get(row.id, row.version), _text_of(row.id, "origin", row.origin))
                for row in db.execute(query)
            }

    def snapshots(self) -> dict[str, Snapshot]:
        """What each file, folder and address held when it was last read, by its origin."""
        with translated(self.path), self._engine.connect() as db:
            return {
                row.origin: Snapshot(row.stamp, row.items) for row in db.execute(sa.select(schema.snapshots))
            }

    def text(self, article_id: str) -> str:
        """The text of an article that is there."""
        with translated(self.path), self._engine.connect() as db:
            query = sa.select(_articles.c.text).where(_articles.c.id == article_id)
            return str(db.execute(query).scalar_one())

    def signatures(self) -> dict[str, bytes]:
        """The signature of every article, by id; empty where an older schema kept none."""
        with translated(self.path), self._engine.connect() as db:
            query = sa.select(_articles.c.id, _articles.c.signature).order_by(_articles.c.id)
            return {row.id: row.signature or b"" for row in db.execute(query)}

    def changed_since_grouping(self) -> set[str] | None:
        """The ids of articles that have changed since near-copies were grouped, and of what was in a group
        with one that changed or went; `None` where they were never grouped."""
        cursor = sa.select(schema.cursors.c.generation).where(schema.cursors.c.name == schema.COPIES)
        with translated(self.path), self._engine.connect() as db:
            grouped = db.execute(cursor).scalar_one_or_none()
            if grouped is None:
                return None
            return set(db.execute(sa.select(_articles.c.id).where(_articles.c.changed > grouped)).scalars())

    def groups(self) -> dict[str, str]:
        """The group of every article that has near-copies, by id."""
        query = sa.select(_articles.c.id, _articles.c.copy_of).where(_articles.c.copy_of.is_not(None))
        with translated(self.path), self._engine.connect() as db:
            return {row.id: row.copy_of for row in db.execute(query.order_by(_articles.c.id))}

    def corrections(self) -> dict[str, Corrected]:
        """The articles that somebody put right, by id."""
        c = schema.corrections
        found: dict[str, Corrected] = {}
        with translated(self.path), self._engine.connect() as db:
            for row in db.execute(sa.select(c).order_by(c.c.article_id, c.c.name)):
                facts = found[row.article_id].facts if row.article_id in found else {}
                found[row.article_id] = Corrected(row.of_version, {**facts, row.name: (row.value, row.was)})
        return found

    def sources(self) -> list[str]:
        """The names of all sources, in order."""
        a = _articles.c
        with translated(self.path), self._engine.connect() as db:
            query = sa.select(a.source).distinct().where(a.source.is_not(None)).order_by(a.source)
            return list(db.execute(query).scalars())

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
        with translated(self.path), self._engine.connect() as db:
            return list(db.execute(query.order_by(a.published.desc(), a.id).limit(k)).scalars())

    # Passages

    def passages(self, keys: Iterable[str]) -> dict[str, PassageRef]:
        """Those of the keys that count, each with where it stands."""
        found: dict[str, PassageRef] = {}
        with translated(self.path), self._engine.connect() as db:
            for some in batches(list(keys)):
                query = sa.select(self._passages).where(self._passages.c.key.in_(some) & self._counts)
                found.update((row.key, _ref(row)) for row in db.execute(query))
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
        """The passages that were added after a generation and count, by article and offset, some hundreds at a
        time; for an index that follows from there. One article's are never parted."""
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
                    (row.key, row.article_id, _date(row.published), row.source)
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


def _headline(row: Any, outlets: Iterable[str | None] = ()) -> Headline:
    """Raises `ValueError` for a row that no version of Clippings wrote."""
    article_id, version, shown = (
        _text_of(row.id, name, getattr(row, name)) for name in ("id", "version", "label")
    )
    return Headline(
        article_id, version, shown, row.url, row.title, row.source, row.author, _date(row.published), row.language,
        _pages(row.pages), row.copy_of, tuple(sorted({name for name in outlets if name} - {row.source})),
    )  # fmt: skip


def _whole(db: sa.Connection, row: Any) -> Article:
    """The article of a row. Raises `ValueError` for one that is not as it was written: a damaged disk may
    hand out other words without saying so, and a question must not be answered from them."""
    facts = {name: getattr(row, name) for name in FACTS}
    article = _article(
        row.id, row.version, row.text, {**facts, "provenance": row.provenance, "pages": row.pages}
    )
    if content_version(row.text, facts) == row.version:
        return article
    query = sa.select(schema.corrections).where(schema.corrections.c.article_id == row.id)
    corrected = {c.name: (c.value, c.was, c.of_version) for c in db.execute(query)}
    read = content_version(row.text, {**facts, **{name: was for name, (_, was, _) in corrected.items()}})
    changed = {name: value for name, (value, was, _) in corrected.items() if value != was}
    as_recorded = all(facts.get(name) == value and of == read for name, (value, _, of) in corrected.items())
    if not changed or not as_recorded or corrected_version(read, changed) != row.version:
        raise ValueError(
            f"the article {row.id} is not what was taken in. Take it out (clippings remove {row.id}) and in "
            f"again with "
            "`clippings sync`, or put a backup in the collection's place"
        )
    return article


def _text_of(article_id: object, name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"the article {article_id} has no {name}")
    return value


def _article(article_id: str, version: str, text: str, facts: Mapping[str, Any]) -> Article:
    """An article of the facts as they are stored. Raises `ValueError` for what no version of Clippings wrote."""
    for name, value in (("id", article_id), ("version", version), ("text", text)):
        _text_of(article_id, name, value)
    known = {**facts, "published": _date(facts["published"]), "pages": _pages(facts["pages"])}
    known["provenance"] = tuple((name, place) for name, place in json.loads(facts["provenance"] or "[]"))
    return Article(article_id, version, text, **known)


def _pages(stored: str | None) -> tuple[int, ...]:
    return tuple(json.loads(stored)) if stored else ()


def _date(stored: str | None) -> date | None:
    return date.fromisoformat(stored) if stored else None
