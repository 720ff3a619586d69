"""Carry out a plan, so that it can be stopped at any moment and run again.

Each batch is encoded first, then committed to the catalog, then to the indexes, then settled; so a
changed article is out of reach only for the moment between. Whatever a run that was killed has left is
worked off first by the next; if it was killed while Chroma saved its graph, which it overwrites in place,
Chroma's store is filled anew with the vectors of the exact index.

Three things go on at once: the next articles are read and cut, a batch is encoded, and the batch before it is written.
Each waits for the one after it, so no more than two batches and a few articles are ever held.
"""

from __future__ import annotations

import shutil
from collections import deque
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from ingest.corrections import correct
from ingest.duplicates import around, current, groups, signature
from ingest.languages import language, warnings
from ingest.sources import Found, Readings
from ingest.split import passage_spans
from rag.catalog import Catalog, Corrected, Entry, Place, passage_key
from rag.config import Config
from rag.errors import CollectionError, SourceError
from rag.index import Row
from rag.index.dense import DenseIndex
from rag.index.lexical import PASSAGES, WHOLE, LexicalWriter
from rag.types import Article, Encoder, Failure, IngestReport, Plan

__all__ = ["Batch", "Progress", "Writer", "apply", "as_encoded", "opened", "put_right", "require_room", "take_out"]

_T = TypeVar("_T")
# Passages in a commit: enough to sort by length and to spread the cost of a commit (about 0.1 s),
# few enough that a killed run repeats seconds of work.
_BATCH = 512
# Bytes that must be free before a batch is begun. A batch writes some 6 MB, and tantivy's merges need as much again as
# each lexical index holds: 16 MB at 100,000 passages.
_ROOM = 64_000_000
_ROOM_PER_LETTER = 20
_MANY = 50  # one article's copies are found in a fiftieth of the time that those of all take, whatever their number
_AHEAD = 64  # articles that are read before their turn: more than a batch of news has


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


@dataclass(frozen=True, slots=True)
class Batch:
    """Articles to be stored, a row for each passage, and the vectors of every few hundred of them."""

    entries: Sequence[Entry]
    rows: Sequence[Row]
    vectors: Sequence[Any]


class Writer:
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
        self.completed = 0  # passages that an interrupted run had left

    def encode(self, entries: Sequence[Entry], encoded: Callable[[int, int], None] = lambda _made, _of: None) -> Batch:
        """The entries with the vectors of their passages. `encoded` hears, every few hundred, how many of how many there are:
        one article may be a book."""
        rows = [self._row(e.article, start, end) for e in entries for start, end in e.spans]
        vectors = []
        for some in _portions(rows):
            vectors.append(self.encoder.passages([row.text for row in some]))
            if len(rows) > _BATCH:
                encoded(sum(map(len, vectors)), len(rows))
        return Batch(entries, rows, vectors)

    def write(self, batch: Batch) -> int:
        """Store a batch; the number of its passages."""
        self.catalog.put(batch.entries)
        for some, found in zip(_portions(batch.rows), batch.vectors, strict=True):
            self.dense.add(some, found)
        self.lexical.add(batch.rows)
        self.whole.add(self._whole_row(e.article, *e.spans[0]) for e in batch.entries if e.spans)
        self._settle([row.key for row in batch.rows])
        return len(batch.rows)

    def take_out(self, article_ids: Sequence[str]) -> None:
        self.catalog.remove(article_ids)
        self._settle([])

    def complete(self) -> None:
        """Work off what an interrupted run or a rebuild has left."""
        if self.catalog.stale():
            self.dense.wipe()
            self.lexical.wipe()
            self.whole.wipe()
            self.catalog.emptied()
        pending = self.catalog.pending()
        openings = {place.key for place in self.catalog.openings().values()} if pending else set()
        for some in _portions(pending):
            rows = list(self._rows(some))
            self.dense.add(rows, self.encoder.passages([row.text for row in rows]))
            self.lexical.add(rows)
            self.whole.add(self._wholes(place for place in some if place.key in openings))
            self._settle([row.key for row in rows])
        if self.catalog.doomed():
            self._settle([])
        self.completed = len(pending)

    def _settle(self, added: Sequence[str]) -> None:
        doomed = self.catalog.doomed()
        self.dense.delete(doomed)
        for index in (self.lexical, self.whole):
            index.delete(doomed)
            index.commit()
        self.catalog.settle(added, doomed)

    def _rows(self, places: Iterable[Place]) -> Iterator[Row]:
        article: Article | None = None
        for place in places:
            if article is None or article.id != place.article_id:
                article = self.catalog.article(place.article_id)
            if article is not None:
                yield self._row(article, place.start, place.end)

    def _wholes(self, openings: Iterable[Place]) -> Iterator[Row]:
        for place in openings:
            if article := self.catalog.article(place.article_id):
                yield self._whole_row(article, place.start, place.end)

    def _row(self, article: Article, start: int, end: int) -> Row:
        text = self._titled(article, article.passage(start, end).text)
        return Row(passage_key(article, start, end), article.id, text, article.published, article.source)

    def _whole_row(self, article: Article, start: int, end: int) -> Row:
        """The article whole, under the key of its first passage."""
        return replace(self._row(article, start, end), text=self._titled(article, article.text))

    def _titled(self, article: Article, text: str) -> str:
        """What the indexes see: the title says what a passage from the middle of an article is about."""
        return as_encoded(article.title, text, titled=self.config.passages.title)


def as_encoded(title: str | None, text: str, *, titled: bool) -> str:
    """The words of a passage as the encoder gets them, `titled` or not."""
    return f"{title}\n{text}" if titled and title else text


def apply(
    plan: Plan,
    reading: Mapping[str, Found],
    catalog: Catalog,
    home: Path,
    config: Config,
    encoder: Encoder,
    progress: Callable[[Progress], None],
    readings: Readings,
) -> IngestReport:
    """Do what the plan says and report what was done. A file that fails only now is a failure in the report, and one whose
    article turns out to be as it was is kept."""
    with opened(catalog, home, config, encoder) as writer:
        gone = frozenset(plan.removed)
        uncut = dict.fromkeys(article_id for article_id in catalog.uncut() if article_id not in gone)
        if plan.removed:
            writer.take_out(plan.removed)
        if plan.renamed:
            catalog.move(dict(plan.renamed))
        work = _Work(plan, reading, uncut, catalog, config, readings)
        passages = _carry_out(work, writer, home, config, progress)
    _group(catalog)
    return work.report(passages, writer.completed, getattr(encoder, "languages", None))


def _carry_out(work: _Work, writer: Writer, home: Path, config: Config, progress: Callable[[Progress], None]) -> int:
    """Encode and write all there is to do; the number of passages written."""
    passages = done = 0
    written: Future[int] | None = None

    def settled() -> None:
        """Wait for the batch that is being written, and say that it is."""
        if written:
            written.result()
            progress(Progress(min(done + work.passed, work.total), work.total, passages))

    entries = work.entries()
    with ThreadPoolExecutor(1, "clippings-write") as writing, closing(entries):
        for batch in _batches(entries, config.passages.words):
            require_room(home, sum(len(entry.article.text) for entry in batch))
            made = writer.encode(batch, partial(_part, progress, Progress(done, work.total, passages), len(batch)))
            settled()
            written = writing.submit(writer.write, made)
            passages += len(made.rows)
            done += len(batch)
        settled()
    return passages


def _part(progress: Callable[[Progress], None], before: Progress, articles: int, ready: int, of: int) -> None:
    progress(replace(before, passages=before.passages + ready, part=articles * ready / of))


@dataclass(frozen=True, slots=True)
class _Read:
    """An article to be stored, what to warn of, and the language it is written in, where that can be told."""

    entry: Entry
    warnings: tuple[str, ...]
    language: str | None


@dataclass(slots=True)
class _Work:
    """What there is to be read, and what came of it."""

    plan: Plan
    reading: Mapping[str, Found]
    uncut: Collection[str]
    catalog: Catalog
    config: Config
    readings: Readings
    added: list[str] = field(default_factory=list)
    replaced: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    failed: list[Failure] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    languages: dict[str, list[str]] = field(default_factory=dict)

    @property
    def total(self) -> int:
        return len(self.plan.added) + len(self.plan.replaced) + len([i for i in self.uncut if i not in self.reading])

    @property
    def passed(self) -> int:
        """Articles that are done without being written."""
        return len(self.failed) + len(self.kept)

    def entries(self) -> Generator[Entry, None, None]:
        """The articles to be written, read a little before their turn."""
        known, corrections = self.catalog.known(), self.catalog.corrections()
        for article_id in self.uncut:
            if article_id not in self.reading:
                yield from self._as_stored(article_id, known, corrections)
        adding = frozenset(self.plan.added)
        ids = (*self.plan.added, *self.plan.replaced)
        # A file's lines are read in order, by one thread; documents by as many processes as there are.
        with (
            ThreadPoolExecutor(1, "clippings-lines") as lines,
            ThreadPoolExecutor(self.readings.workers, "clippings-documents") as documents,
        ):
            ahead: deque[tuple[str, Future[_Read | None]]] = deque()
            try:
                for article_id in ids:
                    reader = lines if self.reading[article_id].at is not None else documents
                    ahead.append((article_id, reader.submit(self._read, article_id, known, corrections)))
                    if len(ahead) > _AHEAD:
                        yield from self._taken(*ahead.popleft(), adding, known, corrections)
                while ahead:
                    yield from self._taken(*ahead.popleft(), adding, known, corrections)
            except BaseException:
                # Ctrl-C, or a failure further on: nobody waits for the document that is being read just now.
                for _, waiting in ahead:
                    waiting.cancel()
                self.readings.abandon()
                raise

    def _read(
        self, article_id: str, known: Mapping[str, tuple[str, str]], corrections: Mapping[str, Corrected]
    ) -> _Read | None:
        """The article as it is to be stored; `None` if it is stored so already."""
        found = self.reading[article_id]
        article, warnings = self.readings.read(found)
        # A renamed file keeps the id it is stored by.
        named, corrected = replace(article, id=article_id), corrections.get(article_id)
        if article_id in known and self._is_stored(named, corrected):
            return None
        earlier = corrected.facts if corrected else {}
        right, record = correct(named, {name: value for name, (value, _) in earlier.items()})
        return _Read(self._cut(right, found.origin, record, found.mark), warnings, language(right.text))

    def _as_stored(
        self, article_id: str, known: Mapping[str, tuple[str, str]], corrections: Mapping[str, Corrected]
    ) -> Iterator[Entry]:
        """A stored article that has no passages, as after a rebuild, cut anew."""
        if article := self.catalog.article(article_id):
            mark, origin = known[article_id]
            yield self._cut(article, origin, corrections.get(article_id), mark)

    def _is_stored(self, article: Article, corrected: Corrected | None) -> bool:
        if corrected:
            return corrected.version == article.version
        stored = self.catalog.headline(article.id)
        return stored is not None and stored.version == article.version

    def _cut(self, article: Article, origin: str, corrected: Corrected | None, mark: str) -> Entry:
        return Entry(
            article, origin, passage_spans(article.text, self.config.passages), corrected, mark, signature(article.text)
        )

    def _taken(
        self,
        article_id: str,
        read: Future[_Read | None],
        adding: frozenset[str],
        known: Mapping[str, tuple[str, str]],
        corrections: Mapping[str, Corrected],
    ) -> Iterator[Entry]:
        found = self.reading[article_id]
        try:
            made = read.result()
        except SourceError as exc:
            self.failed.append(Failure(found.name, str(exc)))
            if article_id in self.uncut:  # what is stored of it is to be found all the same
                yield from self._as_stored(article_id, known, corrections)
            return
        if made is None:
            self.kept.append(article_id)
            self.catalog.remark({article_id: found.mark})
            if article_id in self.uncut:
                yield from self._as_stored(article_id, self.catalog.known(), corrections)
            return
        self.warnings += [f"{found.name}: {warning}" for warning in made.warnings]
        if made.language:
            self.languages.setdefault(made.language, []).append(found.name)
        (self.added if article_id in adding else self.replaced).append(article_id)
        yield made.entry

    def report(self, passages: int, completed: int, languages: frozenset[str] | None) -> IngestReport:
        told = warnings(self.languages, languages)
        return IngestReport(
            tuple(self.added), tuple(self.replaced), self.plan.removed, (*self.plan.kept, *self.kept),
            (*self.plan.failed, *self.failed), self.plan.renamed, (*self.plan.warnings, *self.warnings, *told), passages,
            completed,
        )  # fmt: skip


def _group(catalog: Catalog) -> None:
    """Find the near-copies of what has changed: an article may join two groups, or leave one."""
    changed = catalog.ungrouped()
    if changed is not None and not changed:
        return
    signatures = catalog.signatures()
    old = [article_id for article_id, signed in signatures.items() if not current(signed)]
    new = {article_id: signature(catalog.text(article_id)) for article_id in old}
    catalog.sign(new)
    signatures.update(new)
    few = not old and changed is not None and len(changed) <= _MANY
    among = around(signatures, changed & signatures.keys(), most=_MANY) if few and changed is not None else None
    if changed is None or among is None:
        catalog.regroup(groups(signatures, catalog.text))
    else:
        catalog.regroup(groups({i: signatures[i] for i in among}, catalog.text), among | changed)


def take_out(article_ids: Sequence[str], catalog: Catalog, home: Path, config: Config, encoder: Encoder) -> None:
    """Remove articles from the catalog and the indexes."""
    with opened(catalog, home, config, encoder) as writer:
        writer.take_out(article_ids)
    _group(catalog)


def put_right(
    article: Article,
    origin: str,
    corrected: Corrected | None,
    mark: str,
    catalog: Catalog,
    home: Path,
    config: Config,
    encoder: Encoder,
) -> None:
    """Store an article anew, with facts that were corrected."""
    spans = passage_spans(article.text, config.passages)
    with opened(catalog, home, config, encoder) as writer:
        writer.write(writer.encode([Entry(article, origin, spans, corrected, mark, signature(article.text))]))


@contextmanager
def opened(catalog: Catalog, home: Path, config: Config, encoder: Encoder) -> Iterator[Writer]:
    """The catalog and the indexes for one change, what an interrupted run has left worked off."""
    require_room(home)
    dense = DenseIndex(home, config.chroma, identity=catalog.identity(), create=True)
    try:
        if not dense.sound() or catalog.filled() != dense.place:
            _refill(catalog, dense)
        if catalog.stale():  # another version's may have other columns, which tantivy refuses to open
            for folder in (PASSAGES, WHOLE):
                shutil.rmtree(home / folder, ignore_errors=True)
        with LexicalWriter(home) as lexical, LexicalWriter(home, WHOLE) as whole:
            writer = Writer(catalog, dense, lexical, whole, encoder, config)
            writer.complete()
            if not dense.agrees():
                _refill(catalog, dense)
            yield writer
        dense.tidy()
    finally:
        dense.close()


def _refill(catalog: Catalog, dense: DenseIndex) -> None:
    """Make Chroma's store anew; until that is done, and noted, nobody asks it."""
    if catalog.filled() is not None:
        catalog.note_filled(None)
    dense.refill()
    catalog.note_filled(dense.place)


def require_room(home: Path, letters: int = 0) -> None:
    """Raise `CollectionError` while the disk still has room: Chroma's graph does not survive a disk that fills up."""
    free = shutil.disk_usage(home).free
    if free < _ROOM + _ROOM_PER_LETTER * letters:
        raise CollectionError(
            f"the disk that holds {home} is nearly full ({free / 1e6:,.0f} MB free). What was stored before is safe; "
            "free some space and run again"
        )


def _batches(entries: Iterator[Entry], words: int) -> Iterator[list[Entry]]:
    batch: list[Entry] = []
    size = 0
    for entry in entries:
        batch.append(entry)
        size += 1 + len(entry.article.text) // (6 * words)  # about as many passages; six letters and a space a word
        if size >= _BATCH:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _portions(rows: Sequence[_T]) -> Iterator[Sequence[_T]]:
    for start in range(0, len(rows), _BATCH):
        yield rows[start : start + _BATCH]
