"""The catalog: which articles and passages a collection holds. It is the truth for both.

The indexes derive from it and follow it: the vectors in Chroma and the two lexical ones. Nothing found in an
index counts unless it stands here. A change goes in three steps. Its keys are staged (`stage`), and written
to the indexes. One commit makes them count, turns those they replace into tombstones, and raises the
generation (`put`). When the indexes have deleted the tombstones, their cursors pass them (`mark_indexed`). A
run that is killed in between leaves staged keys or tombstones, and cursors that say how far each index is:
the next run works them off.

The indexes are in a folder that the catalog names (`build`). A rebuild makes others beside them, and keeps
the passages it has cut in tables of its own (`Rebuild`); the commit that names its folder is the moment from
which they answer.

SQLite, through SQLAlchemy Core; one file, `catalog.sqlite`, in the collection's home. Where that may not be
written to, it is read as it lies there. The tables are in `schema`, the questions in `passages` and
`reading`."""

from __future__ import annotations

import json
import zlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from rag.config import Config
from rag.store import schema
from rag.store.label import label
from rag.store.passages import PassageRef, passage_key
from rag.store.reading import CatalogReader, Corrected, Listing, Snapshot
from rag.store.schema import BUILDS, FILE, batches, set_meta, translated, translated_rows
from rag.types import FACTS, Article

__all__ = [
    "BUILDS",
    "FILE",
    "ArticleUpdate",
    "Catalog",
    "CatalogReader",
    "Corrected",
    "Listing",
    "PassageRef",
    "Rebuild",
    "Snapshot",
    "passage_key",
]

_articles, _meta = schema.articles, schema.meta


@dataclass(frozen=True, slots=True)
class ArticleUpdate:
    """An article as it is to be stored: where it was read (a file's absolute path, or an address), where its
    passages lie, which of its facts are not as they were read, the fingerprint by which a change of what it
    was read from is told (by default its version), and the signature by which near-copies are found."""

    article: Article
    origin: str
    spans: tuple[tuple[int, int], ...]
    corrected: Corrected | None = None
    fingerprint: str = ""
    signature: bytes = b""

    def passage_keys(self) -> list[str]:
        """The keys of its passages."""
        return [passage_key(self.article, start, end) for start, end in self.spans]

    def refs(self) -> list[PassageRef]:
        """Its passages."""
        return [
            PassageRef(passage_key(self.article, start, end), self.article.id, start, end)
            for start, end in self.spans
        ]


class Catalog(CatalogReader):
    """An open catalog. Reading is safe from any thread; writing is for the holder of the collection's
    lock."""

    # Articles

    def put(self, updates: Sequence[ArticleUpdate]) -> None:
        """Store or replace articles with their passages, in one transaction.

        New passages count from this generation on; those they replace are tombstones of the next, since the
        indexes have still to delete them. The cursors of indexes that had applied everything move along where
        all that is new was staged, and so is in them.
        """
        now = datetime.now(UTC).isoformat(timespec="seconds")
        ids = [update.article.id for update in updates]
        with translated(self.path), self._engine.begin() as db:
            before = self._generation(db)
            for update in updates:
                self._put_article(db, update, now)
            staged, replaced = self._put_passages(db, updates, before + 1)
            if staged:
                self._advance_cursors(db, before, before + 1)
            generation = before + 1 + replaced
            self._set_generation(db, generation)
            self._mark_changed(db, ids, generation)

    def _put_article(self, db: sa.Connection, update: ArticleUpdate, now: str) -> None:
        a = update.article
        values = {
            "version": a.version, "label": label(a.title, a.text), "url": a.url, "title": a.title,
            "source": a.source, "author": a.author, "language": a.language, "text": a.text,
            "published": a.published.isoformat() if a.published else None,
            "words": len(a.text.split()), "origin": update.origin,
            "mark": update.fingerprint or a.version,
            "provenance": json.dumps(a.provenance) if a.provenance else None,
            "pages": json.dumps(a.pages) if a.pages else None, "signature": update.signature or None,
        }  # fmt: skip
        self._keep_earlier(db, a, now)
        changed = db.execute(sa.update(_articles).where(_articles.c.id == a.id).values(**values))
        if changed.rowcount == 0:
            db.execute(sa.insert(_articles).values(id=a.id, added=now, **values))
        c = schema.corrections
        db.execute(sa.delete(c).where(c.c.article_id == a.id))
        if update.corrected:
            for name, (value, was) in update.corrected.facts.items():
                facts = {"name": name, "value": value, "was": was, "of_version": update.corrected.version}
                db.execute(sa.insert(c).values(article_id=a.id, **facts))

    def _put_passages(
        self, db: sa.Connection, updates: Sequence[ArticleUpdate], added: int
    ) -> tuple[bool, bool]:
        """Make the passages of articles count from the generation `added` on; whether all that are new had
        been staged, and whether any were replaced."""
        p = self._passages
        wanted = {ref.key: ref for update in updates for ref in update.refs()}
        there: dict[str, tuple[int | None, int | None]] = {}
        for ids in batches(list({update.article.id for update in updates})):
            for row in db.execute(sa.select(p).where(p.c.article_id.in_(ids))):
                there[row.key] = row.added, row.removed
        counting = {key for key, (since, removed) in there.items() if since is not None and removed is None}
        staged = {key for key, state in there.items() if state == (None, None)}
        self._make_tombstones(db, sorted(counting - wanted.keys()), added + 1)
        for keys in batches(sorted(staged & wanted.keys())):
            db.execute(sa.update(p).where(p.c.key.in_(keys)).values(added=added))
        new = [
            wanted[key] for update in updates for key in update.passage_keys() if key not in counting | staged
        ]
        for refs in batches(new):
            db.execute(
                sa.delete(p).where(p.c.key.in_([ref.key for ref in refs]))
            )  # a tombstone that comes back
            db.execute(sa.insert(p), [_values(ref, added) for ref in refs])
        return not new, bool(counting - wanted.keys())

    def remove(self, article_ids: Sequence[str]) -> None:
        """Remove articles, in one transaction; their passages become tombstones."""
        p = self._passages
        with translated(self.path), self._engine.begin() as db:
            generation = self._generation(db) + 1
            self._mark_changed(db, article_ids, generation)
            for some in batches(article_ids):
                query = sa.select(p.c.key).where(p.c.article_id.in_(some) & self._counts)
                self._make_tombstones(db, list(db.execute(query).scalars()), generation)
                db.execute(sa.delete(_articles).where(_articles.c.id.in_(some)))
                for table in (schema.corrections, schema.earlier):
                    db.execute(sa.delete(table).where(table.c.article_id.in_(some)))
            self._set_generation(db, generation)

    def save_snapshots(self, snapshots: Mapping[str, Snapshot | None]) -> None:
        """Keep what files, folders and addresses held when they were read; `None` forgets one."""
        table = schema.snapshots
        with translated(self.path), self._engine.begin() as db:
            for origin, now in snapshots.items():
                if now is None:
                    db.execute(sa.delete(table).where(table.c.origin == origin))
                else:
                    values = {"origin": origin, "stamp": now.stamp, "items": now.items}
                    db.execute(sa.insert(table).prefix_with("OR REPLACE").values(**values))

    def save_fingerprints(self, fingerprints: Mapping[str, str]) -> None:
        """Record that articles (by id) are unchanged, though what they are read from has a new
        fingerprint."""
        self._save("mark", fingerprints)

    def save_signatures(self, signatures: Mapping[str, bytes]) -> None:
        """Keep the signatures of articles (by id) that had none."""
        self._save("signature", signatures)

    def save_origins(self, origins: Mapping[str, str]) -> None:
        """Record that articles (by id) are now read from other files."""
        self._save("origin", origins, raising=True)

    def save_groups(self, groups: Mapping[str, str], among: Collection[str] | None = None) -> None:
        """Record which articles are near-copies of each other: these, and no others (of those `among` which
        they were looked for). The cursor of the grouping passes everything so far.
        """
        before = {name: group for name, group in self.groups().items() if among is None or name in among}
        changed = {article_id: groups.get(article_id) for article_id in {**before, **groups}}
        changed = {
            article_id: group for article_id, group in changed.items() if group != before.get(article_id)
        }
        cursor = schema.cursors
        with translated(self.path), self._engine.begin() as db:
            for article_id, group in changed.items():
                db.execute(sa.update(_articles).where(_articles.c.id == article_id).values(copy_of=group))
            values = {"name": schema.COPIES, "generation": self._generation(db)}
            db.execute(sa.insert(cursor).prefix_with("OR REPLACE").values(**values))
            if changed:
                self._raise_generation(db)

    def _save(self, column: str, values: Mapping[str, Any], *, raising: bool = False) -> None:
        with translated(self.path), self._engine.begin() as db:
            for article_id, value in values.items():
                db.execute(sa.update(_articles).where(_articles.c.id == article_id).values({column: value}))
            if raising:
                self._raise_generation(db)

    @staticmethod
    def _mark_changed(db: sa.Connection, article_ids: Sequence[str], generation: int) -> None:
        """Note for the grouping of near-copies that these have changed, and what is in a group with them."""
        a = _articles.c
        for some in batches(article_ids):
            groups = sa.select(a.copy_of).where(a.id.in_(some) & a.copy_of.is_not(None))
            in_group = a.id.in_(some) | a.copy_of.in_(groups)
            db.execute(sa.update(_articles).where(in_group).values(changed=generation))

    @staticmethod
    def _keep_earlier(db: sa.Connection, now: Article, until: str) -> None:
        """Put the stored article by, if its text is about to change, so that what was cited from it stays
        readable.
        """
        row = db.execute(sa.select(_articles).where(_articles.c.id == now.id)).one_or_none()
        if row is None or row.text == now.text:
            return
        facts = {name: getattr(row, name) for name in (*FACTS, "provenance", "pages")}
        values = {"article_id": row.id, "version": row.version, "until": until, "facts": json.dumps(facts)}
        e = schema.earlier
        packed = zlib.compress(row.text.encode())
        db.execute(sa.insert(e).prefix_with("OR REPLACE").values(**values, text=packed))
        # A text that has come back is the present one again.
        db.execute(sa.delete(e).where((e.c.article_id == now.id) & (e.c.version == now.version)))

    # Passages and the indexes that follow them

    def stage(self, refs: Sequence[PassageRef]) -> None:
        """List passages that are about to be written to the indexes. They do not count before `put`; what a
        killed run has staged the next one deletes.
        """
        p = self._passages
        with translated(self.path), self._engine.begin() as db:
            for some in batches(refs):
                stale = p.c.key.in_([ref.key for ref in some]) & ~self._counts
                db.execute(sa.delete(p).where(stale))
                rows = [_values(ref, None) for ref in some]
                db.execute(sa.insert(p).prefix_with("OR IGNORE"), rows)

    def abandon_staged(self) -> None:
        """Turn what a killed run has staged into tombstones: the indexes may hold it."""
        p = self._passages
        staged = p.c.added.is_(None) & p.c.removed.is_(None)
        with translated(self.path), self._engine.begin() as db:
            if db.execute(sa.select(p.c.key).where(staged).limit(1)).first():
                generation = self._generation(db) + 1
                db.execute(sa.update(p).where(staged).values(removed=generation))
                self._set_generation(db, generation)

    def tombstones(self, after: int = -1) -> list[str]:
        """The keys that an index whose cursor is at `after` may hold and must delete, in order."""
        p = self._passages
        query = sa.select(p.c.key).where(p.c.removed > after).order_by(p.c.key)
        with translated(self.path), self._engine.connect() as db:
            return list(db.execute(query).scalars())

    def follow(self, names: Iterable[str]) -> dict[str, int]:
        """The cursors of exactly these indexes. One that is new has to apply everything; one that is not
        named is forgotten: nobody keeps it up to date any more."""
        c, wanted = self._cursors, list(names)
        with translated(self.path), self._engine.begin() as db:
            db.execute(sa.delete(c).where(c.c.name.not_in([*wanted, schema.COPIES])))
            rows = [{"name": name, "generation": 0} for name in wanted]
            db.execute(sa.insert(c).prefix_with("OR IGNORE"), rows)
            query = sa.select(c).where(c.c.name.in_(wanted))
            return {row.name: int(row.generation) for row in db.execute(query)}

    def mark_indexed(self, names: Sequence[str]) -> None:
        """Record that these indexes have applied everything; a later crash resumes from here. Tombstones that
        no index can hold any more are gone. Where there was anything to record the generation rises, so that
        readers open what changed."""
        c, p = self._cursors, self._passages
        with translated(self.path), self._engine.begin() as db:
            generation = self._generation(db)
            behind = c.c.name.in_(names) & (c.c.generation < generation)
            moved = db.execute(sa.update(c).where(behind).values(generation=generation)).rowcount
            followers = sa.select(sa.func.min(c.c.generation)).where(c.c.name != schema.COPIES)
            applied = db.execute(followers).scalar_one()
            purged = db.execute(sa.delete(p).where(p.c.removed <= applied)).rowcount
            if moved or purged:
                self._raise_generation(db)

    def reset_cursor(self, name: str) -> None:
        """Record that an index is empty, and has to apply everything."""
        c = self._cursors
        with translated(self.path), self._engine.begin() as db:
            db.execute(sa.update(c).where(c.c.name == name).values(generation=0))
            self._raise_generation(db)

    def _make_tombstones(self, db: sa.Connection, keys: Sequence[str], removed: int) -> None:
        for some in batches(keys):
            db.execute(
                sa.update(self._passages).where(self._passages.c.key.in_(some)).values(removed=removed)
            )

    def _raise_generation(self, db: sa.Connection) -> None:
        """Count a commit that gives the indexes nothing to apply: their cursors move along."""
        before = self._generation(db)
        self._advance_cursors(db, before, before + 1)
        self._set_generation(db, before + 1)

    def _advance_cursors(self, db: sa.Connection, before: int, after: int) -> None:
        c = self._cursors
        current = (c.c.generation == before) & (c.c.name != schema.COPIES)
        db.execute(sa.update(c).where(current).values(generation=after))

    def _set_generation(self, db: sa.Connection, generation: int) -> None:
        set_meta(db, schema.GENERATION, str(generation))

    # Rebuilding

    def rebuild(self, config: Config) -> Rebuild:
        """Begin to make other indexes, with the configuration's settings; or go on with those that were begun
        with the same settings, if nothing was written to the collection since."""
        wanted, going, obsolete = schema.settings(config), self._rebuild_in_progress(), self._obsolete()
        if going and going["settings"] == wanted:
            return Rebuild(self, going["folder"], config)
        numbers = [int(folder.rpartition("/")[2] or 0) for folder in (self.build(), *obsolete)]
        folder = f"{BUILDS}/{max(numbers) + 1}"  # never one that a reader may have open
        with translated(self.path), self._engine.begin() as db:
            schema.abandon_rebuild(db)
            set_meta(db, schema.NEXT, json.dumps({"folder": folder, "settings": wanted}))
            set_meta(db, schema.NEXT_GENERATION, "0")
            set_meta(db, schema.OBSOLETE, json.dumps([*obsolete, folder]))
            schema.rebuilding.create_all(db)
        return Rebuild(self, folder, config)

    def abandon_rebuild(self) -> None:
        """Forget what a rebuild that was killed has cut; its indexes are obsolete."""
        if self._rebuild_in_progress():
            with translated(self.path), self._engine.begin() as db:
                schema.abandon_rebuild(db)

    def obsolete_builds(self) -> list[str]:
        """Folders of indexes that answer no more, or never will, and of no rebuild that goes on."""
        going = self._rebuild_in_progress()
        return [folder for folder in self._obsolete() if going is None or folder != going["folder"]]

    def forget_builds(self, folders: Sequence[str]) -> None:
        """Record that indexes are gone."""
        left = [folder for folder in self._obsolete() if folder not in folders]
        with translated(self.path), self._engine.begin() as db:
            set_meta(db, schema.OBSOLETE, json.dumps(left))

    def _rebuild_in_progress(self) -> dict[str, Any] | None:
        with translated_rows(self.path):
            going: dict[str, Any] | None = json.loads(self._settings().get(schema.NEXT, "null"))
            return going and {
                "folder": schema.build_folder(going["folder"]), "settings": going["settings"]
            }  # fmt: skip

    def _obsolete(self) -> list[str]:
        with translated_rows(self.path):
            return schema.obsolete_builds(self._settings().get(schema.OBSOLETE, "[]"))


class Rebuild(Catalog):
    """A catalog as a rebuild sees it: the same articles, with the passages and the cursors of the indexes
    that are being made, and a generation of its own. Nobody else sees these before `swap`. It is closed with
    the catalog that it is of."""

    _passages, _cursors = schema.next_passages, schema.next_cursors

    def __init__(self, catalog: Catalog, folder: str, config: Config) -> None:
        self._engine, self.path = catalog._engine, catalog.path
        self._folder, self._config = folder, config

    def build(self) -> str:
        return self._folder

    def layout(self) -> str:
        return schema.LAYOUT

    def put(self, updates: Sequence[ArticleUpdate]) -> None:
        """Store the passages of articles, which are as they are stored."""
        with translated(self.path), self._engine.begin() as db:
            before = self._generation(db)
            staged, replaced = self._put_passages(db, updates, before + 1)
            if staged:
                self._advance_cursors(db, before, before + 1)
            self._set_generation(db, before + 1 + replaced)

    def generation_after_swap(self) -> int:
        """The collection's generation once these indexes answer, if nobody writes to it before."""
        with translated_rows(self.path), self._engine.connect() as db:
            return super()._generation(db) + 1 + self._generation(db)

    def swap(self) -> None:
        """From this commit on the new indexes answer, and their settings are the collection's."""
        with translated(self.path):
            build = self._settings().get(schema.BUILD, "")
            obsolete = self._obsolete()
        cursors, own = schema.cursors, self._cursors
        with translated(self.path), self._engine.begin() as db:
            # The generations of the rebuild are older than any of the collection's: they go before the next.
            offset = super()._generation(db) + 1
            now, new = schema.passages, schema.next_passages
            db.execute(sa.delete(now))
            shifted = [
                new.c[name] + offset if name in ("added", "removed") else new.c[name]
                for name in now.columns.keys()  # noqa: SIM118
            ]
            db.execute(sa.insert(now).from_select(list(now.c.keys()), sa.select(*shifted)))
            db.execute(sa.delete(cursors).where(cursors.c.name != schema.COPIES))
            current = sa.select(own.c.name, own.c.generation + offset)
            db.execute(sa.insert(cursors).from_select(["name", "generation"], current))
            generation = offset + self._generation(db)
            for name, value in schema.settings(self._config).items():
                set_meta(db, name, value)
            set_meta(db, schema.BUILD, self._folder)
            set_meta(db, schema.OBSOLETE, json.dumps([f for f in (*obsolete, build) if f != self._folder]))
            super()._set_generation(db, generation)
            schema.abandon_rebuild(db)

    def _generation(self, db: sa.Connection) -> int:
        query = sa.select(_meta.c.value).where(_meta.c.name == schema.NEXT_GENERATION)
        return int(db.execute(query).scalar_one())

    def _set_generation(self, db: sa.Connection, generation: int) -> None:
        set_meta(db, schema.NEXT_GENERATION, str(generation))


def _values(ref: PassageRef, added: int | None) -> dict[str, Any]:
    return {
        "key": ref.key, "article_id": ref.article_id, "start": ref.start, "end": ref.end, "added": added,
        "removed": None,
    }  # fmt: skip
