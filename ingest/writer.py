"""The catalog and the indexes, changed together, so that it can be stopped at any moment and run again.

Each batch is encoded first, its keys are staged in the catalog, then it is written to the indexes, where it
does not count. One commit to the catalog makes it count, and turns what it replaces into tombstones, which
are then deleted from the indexes. So an article's earlier version answers until the new one is there whole.

Every index follows the catalog by its cursor. What a killed run has left is worked off first by the next:
what it had staged is deleted, and each index applies what lies beyond its cursor (`Writer.catch_up`).
Vectors that one of Chroma's store and the cache lacks come from the other, and only what neither has is
encoded. So an index that is lost or damaged is made again like one that has fallen behind.

An article of more passages than a batch, a book, is encoded a batch at a time. The vectors are kept beside
the indexes until all are there, so that a run that was killed in the middle goes on where it was.
"""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from ingest.progress import Course
from rag.config import Config
from rag.errors import CollectionError
from rag.store import Record
from rag.store.bm25 import PASSAGES, WHOLE, LexicalWriter
from rag.store.cache import ExactIndex
from rag.store.catalog import BUILDS, ArticleUpdate, Catalog, PassageRef
from rag.store.vectors import DenseIndex, discard
from rag.types import Article, Encoder

__all__ = [
    "BATCH",
    "Batch",
    "Writer",
    "as_encoded",
    "discard_obsolete",
    "open_build",
    "opened",
    "require_room",
]

_T = TypeVar("_T")
_Vectors = np.ndarray[Any, np.dtype[np.float32]]
# Passages in a commit: enough to sort by length and to spread the cost of a commit (about 0.1 s),
# few enough that a killed run repeats seconds of work.
BATCH = 512
# Bytes that must be free before a batch is begun. A batch writes some 6 MB, and tantivy's merges need as much
# again as each lexical index holds: 16 MB at 100,000 passages.
ROOM_BYTES = 64_000_000
ROOM_BYTES_PER_LETTER = 20
_UNFINISHED = (
    "unfinished"  # the folder, beside the indexes, of the vectors of an article that is not whole yet
)


@dataclass(frozen=True, slots=True)
class Batch:
    """Articles to be stored, a record for each passage that the indexes do not hold, and the vectors of every
    few hundred of them."""

    updates: Sequence[ArticleUpdate]
    records: Sequence[Record]
    vectors: Sequence[Any]


class Writer:
    """The catalog and the indexes, changed together. `lexical` holds passages, `whole` whole articles.

    `stored` gives what is known of the vectors of some records, and for which: a migration has them all from
    the indexes that it replaces.
    """

    def __init__(
        self,
        catalog: Catalog,
        dense: DenseIndex,
        lexical: LexicalWriter,
        whole: LexicalWriter,
        encoder: Encoder,
        config: Config,
        stored: Callable[[Sequence[str]], tuple[_Vectors, Any]] | None = None,
    ) -> None:
        self.catalog, self.dense, self.lexical, self.whole = catalog, dense, lexical, whole
        self.encoder, self.config = encoder, config
        self.completed = 0  # passages that an interrupted run had left
        self._stored = stored
        self._home = catalog.path.parent
        self._unfinished = f"{build}/{_UNFINISHED}" if (build := catalog.build()) else _UNFINISHED
        self._names = (dense.place, PASSAGES, WHOLE)

    # A change

    def encode(self, updates: Sequence[ArticleUpdate]) -> Batch:
        """The updates with the vectors of their new passages."""
        held = self._counting(updates)
        records = [record for update in updates for record in self._new_records(update, held)]
        return Batch(updates, records, [self._encoded(some) for some in _portions(records)])

    def write(self, batch: Batch) -> int:
        """Store a batch; the number of its passages."""
        new = {record.key for record in batch.records}
        self._stage(batch.updates, new)
        for some, vectors in zip(_portions(batch.records), batch.vectors, strict=True):
            self.dense.add(some, vectors, publish=False)
        self.lexical.add(batch.records)
        for update in batch.updates:
            self._add_whole(update, new)
        self._commit(batch.updates)
        return len(batch.records)

    def write_long(self, update: ArticleUpdate, course: Course) -> bool:
        """Encode and store an article of more passages than a batch has. Its vectors are kept as they come;
        what is kept of it already is not encoded again. False if it was stopped before all were there."""
        held = self._counting([update])
        new = set(update.passage_keys()) - held
        unfinished = ExactIndex(self._home, build=self._unfinished, create=True)
        there = unfinished.keys()
        if not there <= new:  # of another article, or of an earlier version of this one
            unfinished.wipe()
            there = set()
        made = 0
        for records in _portions_of(self._new_records(update, held)):
            if course.stopped:
                return False
            if lacking := [record for record in records if record.key not in there]:
                require_room(self._home)
                unfinished.add(lacking, self._encoded(lacking))
            self.completed += len(records) - len(lacking)
            made += len(records)
            course.encoding(made, made / len(new))
        course.encoded(made, 1)
        self._stage([update], new)
        for records in _portions_of(self._new_records(update, held)):
            vectors, _ = unfinished.vectors([record.key for record in records])
            self.dense.add(records, vectors, publish=False)
            self.lexical.add(records)
        self._add_whole(update, new)
        self._commit([update])
        unfinished.close()
        self._discard_unfinished()
        return True

    def remove(self, article_ids: Sequence[str]) -> None:
        self.catalog.remove(article_ids)
        self._apply_deletes()

    def _counting(self, updates: Sequence[ArticleUpdate]) -> set[str]:
        """The keys of these articles that count already: the indexes hold them."""
        return set(self.catalog.passages(key for update in updates for key in update.passage_keys()))

    def _stage(self, updates: Sequence[ArticleUpdate], new: set[str]) -> None:
        self.catalog.stage([ref for update in updates for ref in update.refs() if ref.key in new])

    def _commit(self, updates: Sequence[ArticleUpdate]) -> None:
        """Make what was added count. Readers reopen the lexical indexes when the catalog has changed."""
        self._commit_lexical()
        self.dense.publish(self.catalog.generation() + 1)
        self.catalog.put(updates)
        self._apply_deletes()

    def _apply_deletes(self) -> None:
        """Delete the tombstones from the indexes."""
        if tombstones := self.catalog.tombstones():
            self.dense.delete(tombstones)
            for index in (self.lexical, self.whole):
                index.delete(tombstones)
            self._commit_lexical()
            self.catalog.mark_indexed(self._names)

    def _commit_lexical(self) -> None:
        for index in (self.lexical, self.whole):
            index.commit()

    # Catching up

    def catch_up(self) -> None:
        """Bring every index to the catalog's generation: what an interrupted run has left, and what was lost.

        Raises `CollectionError` when both Chroma's store and the cache have lost the vectors: to encode a
        whole collection again is for somebody to decide."""
        self.catalog.abandon_staged()
        cursors = self.catalog.follow(self._names)
        tombstones = self.catalog.tombstones()
        self._catch_up_lexical(self.lexical, cursors[PASSAGES], self._records)
        self._catch_up_lexical(self.whole, cursors[WHOLE], self._whole_records)
        self._catch_up_dense(cursors[self.dense.place], tombstones)
        self._commit_lexical()
        self.catalog.mark_indexed(self._names)
        self.dense.forget_others()
        if (self._home / self._unfinished).is_dir():
            unfinished = ExactIndex(self._home, build=self._unfinished, create=True)
            there = unfinished.keys()
            if there <= self.catalog.passages(there).keys():
                self._discard_unfinished()  # it had been stored when the run was killed

    def _catch_up_lexical(
        self,
        index: LexicalWriter,
        cursor: int,
        records: Callable[[Sequence[PassageRef]], Iterator[Record]],
    ) -> None:
        if cursor and not index.count() and self.catalog.count_passages(cursor):
            cursor = 0  # it was lost
        index.delete(self.catalog.tombstones(cursor))
        for refs in self.catalog.added_since(cursor):
            index.add(records(refs))

    def _catch_up_dense(self, cursor: int, tombstones: Sequence[str]) -> None:
        dense, catalog = self.dense, self.catalog
        passages, generation = catalog.count_passages(), catalog.generation()
        chroma, cache = self._sound_chroma(cursor), self._sound_cache()
        if passages and not (chroma or cache) and (cursor or dense.cache.generation()):
            raise CollectionError(
                f"the vectors of the collection in {self._home} are lost: neither Chroma's store nor the "
                f"cache of them can be used. Make them again: clippings sync --rebuild --home {self._home}"
            )
        for _ in range(3):  # again what does not agree yet, as a server that lost its data
            if not chroma and not self._is_new():
                catalog.reset_cursor(dense.place)  # nobody asks it before it is filled
                dense.wipe_chroma()
            if not cache:
                dense.cache.wipe()
            dense.delete(tombstones)
            for refs in catalog.added_since(chroma):
                self._add_to_chroma(refs, everything=not chroma)
            for refs in catalog.added_since(cache):
                self._add_to_cache(refs, everything=not cache)
            dense.publish(generation)
            chroma = generation if dense.chroma_count() == passages else 0
            cache = generation if dense.cache.count() == passages else 0
            if (chroma and cache) or not passages:
                break
            # Where both hold what the catalog does not know, first the one is made again from the other.
            cache = cache or (0 if chroma else generation)

    def _is_new(self) -> bool:
        """Whether Chroma's store has never held anything."""
        if self.catalog.cursor(self.dense.place):
            return False
        with suppress(CollectionError):
            return self.dense.chroma_count() == 0
        return False

    def _sound_chroma(self, cursor: int) -> int:
        """The cursor of Chroma's store; 0 where it cannot be read, or has lost records."""
        if not cursor or not self.dense.is_readable():
            return 0
        return cursor if self.dense.chroma_count() >= self.catalog.count_passages(cursor) else 0

    def _sound_cache(self) -> int:
        """The generation up to which the cache holds everything; 0 where it is damaged, or was lost."""
        generation = self.dense.cache.generation()
        passages = self.catalog.count_passages(generation)
        return generation if self.dense.cache.holds(passages, generation) else 0

    def _add_to_chroma(self, refs: Sequence[PassageRef], *, everything: bool) -> None:
        held = set() if everything else self.dense.held([ref.key for ref in refs])
        for records in _portions_of(self._records([ref for ref in refs if ref.key not in held])):
            vectors, there = self.dense.vectors([record.key for record in records])
            self.dense.add_to_chroma(records, self._completed(records, vectors, there))

    def _add_to_cache(self, refs: Sequence[PassageRef], *, everything: bool) -> None:
        if not everything:
            _, there = self.dense.vectors([ref.key for ref in refs])
            refs = [ref for ref, held in zip(refs, there, strict=True) if not held]
        for records in _portions_of(self._records(refs)):
            vectors, there = self.dense.stored_vectors([record.key for record in records])
            self.dense.cache.add(records, self._completed(records, vectors, there), publish=False)

    def _completed(self, records: Sequence[Record], vectors: _Vectors, there: Any) -> _Vectors:
        """The vectors, with those encoded that are not there."""
        if there.all():
            return vectors
        lacking = [record for record, held in zip(records, there, strict=True) if not held]
        made = self._encoded(lacking)
        self.completed += len(lacking)
        if not there.any():
            return made
        vectors[~there] = made
        return vectors

    def _discard_unfinished(self) -> None:
        shutil.rmtree(self._home / self._unfinished, ignore_errors=True)

    # Records

    def _encoded(self, records: Sequence[Record]) -> _Vectors:
        if self._stored is not None:
            vectors, there = self._stored([record.key for record in records])
            if there.all():
                return vectors
        return self.encoder.passages([record.text for record in records])

    def _new_records(self, update: ArticleUpdate, held: set[str]) -> Iterator[Record]:
        for ref in update.refs():
            if ref.key not in held:
                yield self._record(update.article, ref)

    def _add_whole(self, update: ArticleUpdate, new: set[str]) -> None:
        if update.spans and (first := update.refs()[0]).key in new:
            self.whole.add([self._whole_record(update.article, first)])

    def _records(self, refs: Iterable[PassageRef]) -> Iterator[Record]:
        """The records of passages that come article by article."""
        article: Article | None = None
        for ref in refs:
            if article is None or article.id != ref.article_id:
                article = self.catalog.article(ref.article_id)
            if article is not None:
                yield self._record(article, ref)

    def _whole_records(self, refs: Sequence[PassageRef]) -> Iterator[Record]:
        """The records of the whole articles whose first passages are among these."""
        first = self.catalog.first_passages({ref.article_id for ref in refs})
        keys = {ref.key for ref in first.values()}
        for ref in refs:
            if ref.key in keys and (article := self.catalog.article(ref.article_id)):
                yield self._whole_record(article, ref)

    def _record(self, article: Article, ref: PassageRef) -> Record:
        # The title says what a passage from the middle of an article is about.
        text = self._titled(article, article.text[ref.start : ref.end])
        return Record.of(article, ref.key, ref.start, ref.end, text)

    def _whole_record(self, article: Article, ref: PassageRef) -> Record:
        """The article whole, under the key of its first passage."""
        return replace(self._record(article, ref), text=self._titled(article, article.text))

    def _titled(self, article: Article, text: str) -> str:
        return as_encoded(article.title, text, titled=self.config.passages.title)


def as_encoded(title: str | None, text: str, *, titled: bool) -> str:
    """The words of a passage as the encoder gets them, `titled` or not."""
    return f"{title}\n{text}" if titled and title else text


@contextmanager
def opened(catalog: Catalog, home: Path, config: Config, encoder: Encoder) -> Iterator[Writer]:
    """The catalog and the indexes for one change, what an interrupted run or rebuild has left worked off."""
    require_room(home)
    catalog.abandon_rebuild()
    discard_obsolete(catalog, home, config)
    with open_build(catalog, home, config, encoder) as writer:
        yield writer


@contextmanager
def open_build(
    catalog: Catalog,
    home: Path,
    config: Config,
    encoder: Encoder,
    stored: Callable[[Sequence[str]], tuple[_Vectors, Any]] | None = None,
) -> Iterator[Writer]:
    """The catalog and the indexes in the folder that it names, brought up to date with it. `stored` gives the
    vectors that are known already, by key, and which of the keys have one."""
    build = catalog.build()
    dense = DenseIndex(home, config.chroma, identity=catalog.identity(), build=build, create=True)
    try:
        with LexicalWriter(home, build=build) as lexical, LexicalWriter(home, WHOLE, build=build) as whole:
            writer = Writer(catalog, dense, lexical, whole, encoder, config, stored)
            writer.catch_up()
            yield writer
        dense.compact()
    finally:
        dense.close()


def discard_obsolete(catalog: Catalog, home: Path, config: Config) -> None:
    """Remove indexes that answer no more, or never will. Who has them open goes on with them: they are mapped
    into memory.
    """
    gone = []
    for build in catalog.obsolete_builds():
        discard(home, config.chroma, catalog.identity(), build)
        for folder in (PASSAGES, WHOLE, _UNFINISHED):
            shutil.rmtree(home / build / folder, ignore_errors=True)
        if build:
            shutil.rmtree(home / build, ignore_errors=True)
        # Some systems keep what is in use.
        if not any((home / build / folder).exists() for folder in (PASSAGES, WHOLE)):
            gone.append(build)
    if gone:
        catalog.forget_builds(gone)
    if not catalog.build().startswith(BUILDS):
        with suppress(OSError):
            (home / BUILDS).rmdir()  # which the system refuses while there is something in it


def require_room(home: Path, letters: int = 0) -> None:
    """Raise `CollectionError` while the disk still has room: Chroma's graph does not survive a disk that
    fills up.
    """
    free = shutil.disk_usage(home).free
    if free < ROOM_BYTES + ROOM_BYTES_PER_LETTER * letters:
        raise CollectionError(
            f"the disk that holds {home} is nearly full ({free / 1e6:,.0f} MB free). What was stored before "
            f"is safe; "
            "free some space and run again"
        )


def _portions(records: Sequence[_T]) -> Iterator[Sequence[_T]]:
    for start in range(0, len(records), BATCH):
        yield records[start : start + BATCH]


def _portions_of(items: Iterable[_T]) -> Iterator[list[_T]]:
    """The same of what is made as it is asked for."""
    left = iter(items)
    while some := list(itertools.islice(left, BATCH)):
        yield some
