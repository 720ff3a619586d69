"""What can be asked of a catalog about its articles: whole, as headlines, as they were before."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from rag.store import schema
from rag.store.passages import PassageCatalog
from rag.store.schema import as_date, batches, translated, translated_rows
from rag.types import FACTS, Article, Filters, Headline, content_version, corrected_version

__all__ = ["CatalogReader", "Corrected", "Listing", "Snapshot"]

_articles = schema.articles
# Put together once: every question reads the articles that it found.
_NAMED = sa.select(_articles).where(_articles.c.id.in_(sa.bindparam("ids", expanding=True)))
_OUTLETS = sa.select(_articles.c.copy_of, _articles.c.source).where(
    _articles.c.copy_of.in_(sa.bindparam("groups", expanding=True))
)


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
class Listing:
    """A row of the articles' table: words and passages are counts, `added` is when it was added (UTC)."""

    headline: Headline
    origin: str
    words: int
    passages: int
    added: datetime


class CatalogReader(PassageCatalog):
    """An open catalog, for questions. Safe from any thread."""

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
                rows = db.execute(_NAMED, {"ids": some}).all()
                groups = list({row.copy_of for row in rows if row.copy_of})
                outlets: dict[str, set[str | None]] = {}
                for copy in db.execute(_OUTLETS, {"groups": groups}) if groups else ():
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
        """The ids of the articles that were read from a file; of an archive, from the files in it. In
        order."""
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


def _headline(row: Any, outlets: Iterable[str | None] = ()) -> Headline:
    """Raises `ValueError` for a row that no version of Clippings wrote."""
    article_id, version, shown = (
        _text_of(row.id, name, getattr(row, name)) for name in ("id", "version", "label")
    )
    return Headline(
        article_id, version, shown, row.url, row.title, row.source, row.author, as_date(row.published),
        row.language, _pages(row.pages), row.copy_of,
        tuple(sorted({name for name in outlets if name} - {row.source})),
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
            f"the article {row.id} is not what was added. Remove it (clippings remove {row.id}) and add "
            "it again with `clippings sync`, or put a backup in the collection's place"
        )
    return article


def _text_of(article_id: object, name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"the article {article_id} has no {name}")
    return value


def _article(article_id: str, version: str, text: str, facts: Mapping[str, Any]) -> Article:
    """An article of the facts as they are stored. Raises `ValueError` for what no version of Clippings
    wrote."""
    for name, value in (("id", article_id), ("version", version), ("text", text)):
        _text_of(article_id, name, value)
    known = {**facts, "published": as_date(facts["published"]), "pages": _pages(facts["pages"])}
    known["provenance"] = tuple((name, place) for name, place in json.loads(facts["provenance"] or "[]"))
    return Article(article_id, version, text, **known)


def _pages(stored: str | None) -> tuple[int, ...]:
    return tuple(json.loads(stored)) if stored else ()
