"""Carry out a plan, so that it can be stopped at any moment and run again.

Each batch is encoded first, then committed to the catalog, then to the indexes, then settled; so a
changed article is out of reach only for the moment between. Whatever a run that was killed has left is
worked off first by the next; if it was killed while Chroma saved its graph, which it overwrites in place,
that means making the indexes again.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from ingest.corrections import correct
from ingest.sources import Found, read
from ingest.split import passage_spans
from rag.catalog import Catalog, Corrected, Entry, Place, passage_key
from rag.config import Config
from rag.errors import CollectionError, SourceError
from rag.index.dense import DenseIndex
from rag.index.lexical import WHOLE, LexicalWriter
from rag.types import Article, Encoder, Failure, IngestReport, Plan

__all__ = ["Progress", "Taken", "apply", "put_right", "require_room", "take_out"]

_T = TypeVar("_T")
Taken = tuple[Article, str, Corrected | None]  # an article as it is to be stored, its file, and what of it is corrected
# Passages in a commit: enough to sort by length and to spread the cost of a commit (about 0.1 s),
# few enough that a killed run repeats seconds of work.
_BATCH = 512
# Bytes that must be free before a batch is begun. A batch writes some 6 MB, and tantivy's merges need as much again as
# each lexical index holds: 16 MB at 100,000 passages.
_ROOM = 64_000_000
_ROOM_PER_LETTER = 20


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a sync is: articles done, of how many, and passages made so far; `part` of the next articles is done too."""

    done: int
    total: int
    passages: int
    part: float = 0.0

    @property
    def share(self) -> float:
        """Of the whole, 0 to 1; it grows within an article that is a book."""
        return min(1.0, (self.done + self.part) / self.total) if self.total else 1.0


class _Writer:
    """The catalog and the indexes, changed together. `lexical` holds passages, `whole` whole articles."""

    def __init__(
        self,
        catalog: Catalog,
        dense: DenseIndex,
        lexical: LexicalWriter,
        whole: LexicalWriter,
        encoder: Encoder,
        config: Config,
    ) -> None:
        self.catalog, self.dense, self.lexical, self.whole = catalog, dense, lexical, whole
        self.encoder, self.config = encoder, config

    def put(self, batch: Sequence[Taken], encoded: Callable[[int, int], None] = lambda _made, _of: None) -> int:
        """Write articles with the files they are from; the number of passages. `encoded` hears, every few hundred, how
        many of how many are ready to be written: one article may be a book."""
        entries = [
            Entry(article, origin, passage_spans(article.text, self.config.passages), corrected)
            for article, origin, corrected in batch
        ]
        rows = [
            (passage_key(e.article, start, end), e.article.id, self._titled(e.article, e.article.passage(start, end).text))
            for e in entries
            for start, end in e.spans
        ]
        vectors = []
        for some in _portions(rows):
            vectors.append(self.encoder.passages([text for _, _, text in some]))
            if len(rows) > _BATCH:
                encoded(sum(map(len, vectors)), len(rows))
        self.catalog.put(entries)
        for some, found in zip(_portions(rows), vectors, strict=True):
            self.dense.add([key for key, _, _ in some], found)
        self.lexical.add(rows)
        self.whole.add(
            (passage_key(e.article, *e.spans[0]), e.article.id, self._titled(e.article, e.article.text))
            for e in entries
            if e.spans
        )
        self._settle([key for key, _, _ in rows])
        return len(rows)

    def take_out(self, article_ids: Sequence[str]) -> None:
        self.catalog.remove(article_ids)
        self._settle([])

    def complete(self) -> int:
        """Work off what an interrupted run or a rebuild has left; the number of passages."""
        if self.catalog.stale():
            self.dense.wipe()
            self.lexical.wipe()
            self.whole.wipe()
            self.catalog.emptied()
        pending = self.catalog.pending()
        openings = {place.key for place in self.catalog.openings().values()} if pending else set()
        for some in _portions(pending):
            rows = list(self._rows(some))
            self.dense.add([key for key, _, _ in rows], self.encoder.passages([text for _, _, text in rows]))
            self.lexical.add(rows)
            self.whole.add(self._wholes(place for place in some if place.key in openings))
            self._settle([key for key, _, _ in rows])
        if self.catalog.doomed():
            self._settle([])
        return len(pending)

    def _settle(self, added: Sequence[str]) -> None:
        doomed = self.catalog.doomed()
        self.dense.delete(doomed)
        for index in (self.lexical, self.whole):
            index.delete(doomed)
            index.commit()
        self.catalog.settle(added, doomed)

    def _rows(self, places: Iterable[Place]) -> Iterator[tuple[str, str, str]]:
        article: Article | None = None
        for place in places:
            if article is None or article.id != place.article_id:
                article = self.catalog.article(place.article_id)
            if article is not None:
                yield place.key, place.article_id, self._titled(article, article.passage(place.start, place.end).text)

    def _wholes(self, openings: Iterable[Place]) -> Iterator[tuple[str, str, str]]:
        for place in openings:
            if article := self.catalog.article(place.article_id):
                yield place.key, place.article_id, self._titled(article, article.text)

    def _titled(self, article: Article, text: str) -> str:
        """What the indexes see: the title says what a passage from the middle of an article is about."""
        return f"{article.title}\n{text}" if self.config.passages.title and article.title else text


def apply(
    plan: Plan,
    reading: Mapping[str, Found],
    catalog: Catalog,
    home: Path,
    config: Config,
    encoder: Encoder,
    progress: Callable[[Progress], None],
) -> IngestReport:
    """Do what the plan says and report what was done. A file that fails only now is a failure in the report."""
    added: list[str] = []
    replaced: list[str] = []
    failed = list(plan.failed)
    passages = done = 0
    require_room(home)
    dense = DenseIndex(home, create=True)
    try:
        if not dense.sound():
            Catalog.readopt(home, config)
        elsewhere = {*reading, *plan.removed}
        uncut = [article_id for article_id in catalog.uncut() if article_id not in elsewhere]
        total = len(plan.added) + len(plan.replaced) + len(uncut)
        with LexicalWriter(home) as lexical, LexicalWriter(home, WHOLE) as whole:
            writer = _Writer(catalog, dense, lexical, whole, encoder, config)
            completed = writer.complete()
            if plan.removed:
                writer.take_out(plan.removed)
            if plan.renamed:
                catalog.move(dict(plan.renamed))
            known, corrections = catalog.known(), catalog.corrections()

            def articles() -> Iterator[Taken]:
                for article_id in uncut:
                    if article := catalog.article(article_id):
                        yield article, known[article_id][1], corrections.get(article_id)
                for article_id in (*plan.added, *plan.replaced):
                    found = reading[article_id]
                    try:
                        article = read(found)
                    except SourceError as exc:
                        failed.append(Failure(found.name, str(exc)))
                        continue
                    (added if article_id in adding else replaced).append(article_id)
                    earlier = corrections[article_id].facts if article_id in corrections else {}
                    # A renamed file keeps the id it is stored by.
                    named, now = replace(article, id=article_id), {name: value for name, (value, _) in earlier.items()}
                    right, corrected = correct(named, now)
                    yield right, found.origin, corrected

            adding = frozenset(plan.added)

            def ready(made: int, of: int) -> None:
                progress(Progress(done, total, passages + made, len(batch) * made / of))

            for batch in _batches(articles(), config.passages.words):
                require_room(home, sum(len(article.text) for article, _, _ in batch))
                passages += writer.put(batch, ready)
                done += len(batch)
                progress(Progress(done, total, passages))
    finally:
        dense.close()
    return IngestReport(
        tuple(added), tuple(replaced), plan.removed, plan.kept, tuple(failed), plan.renamed, plan.warnings, passages, completed
    )


def take_out(article_ids: Sequence[str], catalog: Catalog, home: Path, config: Config, encoder: Encoder) -> None:
    """Remove articles from the catalog and the indexes."""
    with _open(catalog, home, config, encoder) as writer:
        writer.take_out(article_ids)


def put_right(taken: Taken, catalog: Catalog, home: Path, config: Config, encoder: Encoder) -> None:
    """Store an article anew, with facts that were corrected."""
    with _open(catalog, home, config, encoder) as writer:
        writer.put([taken])


@contextmanager
def _open(catalog: Catalog, home: Path, config: Config, encoder: Encoder) -> Iterator[_Writer]:
    """The catalog and the indexes for one change, what an interrupted run has left worked off."""
    require_room(home)
    dense = DenseIndex(home, create=True)
    try:
        with LexicalWriter(home) as lexical, LexicalWriter(home, WHOLE) as whole:
            writer = _Writer(catalog, dense, lexical, whole, encoder, config)
            writer.complete()
            yield writer
    finally:
        dense.close()


def require_room(home: Path, letters: int = 0) -> None:
    """Raise `CollectionError` while the disk still has room: Chroma's graph does not survive a disk that fills up."""
    free = shutil.disk_usage(home).free
    if free < _ROOM + _ROOM_PER_LETTER * letters:
        raise CollectionError(
            f"the disk that holds {home} is nearly full ({free / 1e6:,.0f} MB free). What was stored before is safe; "
            "free some space and run again"
        )


def _batches(articles: Iterator[Taken], words: int) -> Iterator[list[Taken]]:
    batch: list[Taken] = []
    size = 0
    for taken in articles:
        batch.append(taken)
        size += 1 + len(taken[0].text) // (6 * words)  # about as many passages; six letters and a space a word
        if size >= _BATCH:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _portions(rows: Sequence[_T]) -> Iterator[Sequence[_T]]:
    for start in range(0, len(rows), _BATCH):
        yield rows[start : start + _BATCH]
