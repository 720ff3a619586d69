"""Carry out a plan, so that it can be stopped at any moment and run again.

Each batch is encoded first, then written to the indexes, where nobody sees it; one commit to the catalog then
makes it count, and what it replaces is deleted. So an article's earlier version answers until the new one is
there whole. Whatever a run that was killed has left is worked off first by the next; if it was killed while
Chroma saved its graph, which it overwrites in place, Chroma's store is filled anew with the vectors of the
exact index.

An article of more passages than a batch, a book, is encoded a batch at a time. The vectors are kept beside
the indexes until all are there, so that a run that was killed in the middle goes on where it was.

A rebuild does the same to another set of indexes, beside those that answer, and one commit puts it in their
place.

Three things go on at once: the next articles are read and cut, a batch is encoded, and the batch before it is
written. Each waits for the one after it, so no more than two batches and a few articles are ever held.
"""

from __future__ import annotations

import itertools
import shutil
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from ingest.corrections import correct
from ingest.duplicates import around, current, groups, signature
from ingest.languages import language, warnings
from ingest.scan import ArticleReader, ScannedArticle
from ingest.split import passage_spans
from rag.config import Config
from rag.errors import CollectionError, SourceError
from rag.store import Row
from rag.store.bm25 import PASSAGES, WHOLE, LexicalWriter
from rag.store.cache import ExactIndex
from rag.store.catalog import BUILDS, Catalog, Corrected, Entry, Place, passage_key
from rag.store.vectors import DenseIndex, discard
from rag.types import Article, Encoder, Failure, IngestReport, Plan

__all__ = [
    "Batch", "Course", "Progress", "Writer", "apply", "as_encoded", "opened", "put_right", "rebuild",
    "require_room",
    "take_out",
]  # fmt: skip

_T = TypeVar("_T")
# Passages in a commit: enough to sort by length and to spread the cost of a commit (about 0.1 s),
# few enough that a killed run repeats seconds of work.
_BATCH = 512
# Bytes that must be free before a batch is begun. A batch writes some 6 MB, and tantivy's merges need as much
# again as each lexical index holds: 16 MB at 100,000 passages.
_ROOM = 64_000_000
_ROOM_PER_LETTER = 20
# one article's copies are found in a fiftieth of the time that those of all take, whatever their number
_MANY = 50
_KEPT = "unfinished"  # the folder, beside the indexes, of the vectors of an article that is not whole yet
_AHEAD = 64  # articles that are read before their turn: more than a batch of news has


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a sync is: articles done, of how many, and passages made so far; `part` is how many more
    articles, or how much of one, are encoded and still to be stored."""

    done: int
    total: int
    passages: int
    part: float = 0.0

    @property
    def share(self) -> float:
        """Of the whole, 0 to 1; it grows within an article that is a book."""
        return min(1.0, (self.done + self.part) / self.total) if self.total else 1.0


class Course:
    """How far a change is, through all its steps, and whether somebody wants it stopped. An article that is
    passed over, or is encoded, counts from then on, so that the share of the whole that is told never
    falls."""

    def __init__(
        self,
        total: int,
        progress: Callable[[Progress], None] = lambda _: None,
        stop: threading.Event | None = None,
    ) -> None:
        self.total, self.passages = total, 0
        self._progress, self._stop = progress, stop
        self._done = self._encoded = 0
        self._told = -1.0

    @property
    def stopped(self) -> bool:
        return self._stop is not None and self._stop.is_set()

    def passed(self, articles: int = 1) -> None:
        """Articles are done without being encoded."""
        self._done += articles

    def encoding(self, passages: int, articles: float) -> None:
        """Tell that so many passages of a batch are made, which are as much as so many articles."""
        self._tell(passages, articles)

    def encoded(self, passages: int, articles: int) -> None:
        """A batch is encoded, and still to be stored."""
        self.passages += passages
        self._encoded += articles

    def stored(self, articles: int) -> None:
        """Tell that a batch is stored."""
        self._encoded -= articles
        self._done += articles
        self._tell()

    def finish(self) -> None:
        """Tell that all is done, if that was not told yet."""
        if not self.stopped and self.total and self._told < 1.0:
            self._tell()

    def _tell(self, passages: int = 0, articles: float = 0.0) -> None:
        told = Progress(self._done, self.total, self.passages + passages, self._encoded + articles)
        self._told = told.share
        self._progress(told)


@dataclass(frozen=True, slots=True)
class Batch:
    """Articles to be stored, a row for each passage that the indexes do not hold, and the vectors of every
    few hundred of them."""

    entries: Sequence[Entry]
    rows: Sequence[Row]
    vectors: Sequence[Any]


class Writer:
    """The catalog and the indexes, changed together. `lexical` holds passages, `whole` whole articles; `kept`
    is the folder for the vectors of an article that is not whole yet."""

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
        self._home = catalog.path.parent
        self._kept = f"{build}/{_KEPT}" if (build := catalog.build()) else _KEPT

    def encode(self, entries: Sequence[Entry]) -> Batch:
        """The entries with the vectors of their passages."""
        held = self.catalog.held(
            passage_key(e.article, start, end) for e in entries for start, end in e.spans
        )
        rows = [row for e in entries for row in self._new_rows(e, held)]
        return Batch(
            entries, rows, [self.encoder.passages([row.text for row in some]) for some in _portions(rows)]
        )

    def write(self, batch: Batch) -> int:
        """Store a batch; the number of its passages."""
        self.catalog.expect([row.key for row in batch.rows])
        for some, found in zip(_portions(batch.rows), batch.vectors, strict=True):
            self.dense.add(some, found, show=False)
        self.lexical.add(batch.rows)
        new = {row.key for row in batch.rows}
        for entry in batch.entries:
            self._add_whole(entry, new)
        self._show(batch.entries)
        return len(batch.rows)

    def write_long(self, entry: Entry, course: Course) -> bool:
        """Encode and store an article of more passages than a batch has. Its vectors are kept as they come;
        what is kept of it already is not encoded again. False if it was stopped before all were there."""
        keys = [passage_key(entry.article, start, end) for start, end in entry.spans]
        held = self.catalog.held(keys)
        new = set(keys) - held
        kept = ExactIndex(self._home, build=self._kept, create=True)
        there = kept.keys()
        if not there <= new:  # of another article, or of an earlier version of this one
            kept.wipe()
            there = set()
        made = 0
        for rows in _portions_of(self._new_rows(entry, held)):
            if course.stopped:
                return False
            if missing := [row for row in rows if row.key not in there]:
                require_room(self._home)
                kept.add(missing, self.encoder.passages([row.text for row in missing]))
            self.completed += len(rows) - len(missing)
            made += len(rows)
            course.encoding(made, made / len(new))
        course.encoded(made, 1)
        self.catalog.expect(sorted(new))
        for rows in _portions_of(self._new_rows(entry, held)):
            self.dense.add(rows, kept.vectors([row.key for row in rows])[0], show=False)
            self.lexical.add(rows)
        self._add_whole(entry, new)
        self._show([entry])
        kept.close()
        self._forget_kept()
        return True

    def take_out(self, article_ids: Sequence[str]) -> None:
        self.catalog.remove(article_ids)
        self._settle()

    def complete(self) -> None:
        """Work off what an interrupted run has left."""
        pending = self.catalog.pending()  # as earlier versions left it
        openings = {place.key for place in self.catalog.openings().values()} if pending else set()
        for some in _portions(pending):
            rows = list(self._rows(some))
            self.dense.add(rows, self.encoder.passages([row.text for row in rows]))
            self.lexical.add(rows)
            self.whole.add(self._wholes(place for place in some if place.key in openings))
            self._commit()
            self.catalog.settle([row.key for row in rows], [])
        self._settle()
        self.completed = len(pending)
        if (self._home / self._kept).is_dir():
            kept = ExactIndex(self._home, build=self._kept, create=True)
            there = kept.keys()
            if there <= self.catalog.held(there):
                self._forget_kept()  # it had been stored when the run was killed

    def _show(self, entries: Sequence[Entry]) -> None:
        """Make what was added count. Readers reopen the lexical indexes when the catalog has changed."""
        self._commit()
        self.dense.show()
        self.catalog.put(entries, indexed=True)
        self._settle()

    def _settle(self) -> None:
        """Delete what the indexes must lose."""
        if doomed := self.catalog.doomed():
            self.dense.delete(doomed)
            for index in (self.lexical, self.whole):
                index.delete(doomed)
            self._commit()
            self.catalog.settle([], doomed)

    def _commit(self) -> None:
        for index in (self.lexical, self.whole):
            index.commit()

    def _forget_kept(self) -> None:
        shutil.rmtree(self._home / self._kept, ignore_errors=True)

    def _new_rows(self, entry: Entry, held: set[str]) -> Iterator[Row]:
        for start, end in entry.spans:
            if passage_key(entry.article, start, end) not in held:
                yield self._row(entry.article, start, end)

    def _add_whole(self, entry: Entry, new: set[str]) -> None:
        if entry.spans and passage_key(entry.article, *entry.spans[0]) in new:
            self.whole.add([self._whole_row(entry.article, *entry.spans[0])])

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
    reading: Mapping[str, ScannedArticle],
    catalog: Catalog,
    home: Path,
    config: Config,
    encoder: Encoder,
    course: Course,
    readings: ArticleReader,
) -> IngestReport:
    """Do what the plan says and report what was done. A file that fails only now is a failure in the report,
    and one whose article turns out to be as it was is kept."""
    with opened(catalog, home, config, encoder) as writer:
        if plan.removed:
            writer.take_out(plan.removed)
        if plan.renamed:
            catalog.move(dict(plan.renamed))
        work = _Work(plan, reading, catalog, config, readings, course)
        with closing(work.entries()) as entries:
            _carry_out(entries, writer, home, config, course, work.stored)
    if not course.stopped:
        _group(catalog)
    course.finish()
    return work.report(course.passages, writer.completed, getattr(encoder, "languages", None))


def rebuild(
    catalog: Catalog,
    home: Path,
    config: Config,
    encoder: Encoder,
    course: Course,
    leaving: frozenset[str] = frozenset(),
) -> bool:
    """Make the indexes again from the stored articles, with the configuration's settings, beside those that
    answer, and put them in their place; false if it was stopped before. The next one with the same settings
    then goes on, if nothing was written to the collection in between. What is `leaving` is about to be taken
    out, and need not be readable any more."""
    require_room(home)
    anew = catalog.rebuild(config)
    _discard_left(catalog, home, config)
    uncut = [article_id for article_id in anew.uncut() if article_id not in leaving]
    course.passed(catalog.articles() - len(uncut))
    with _opened(anew, home, config, encoder) as writer:
        _carry_out(_as_stored(uncut, catalog, config), writer, home, config, course, lambda _: None)
    if course.stopped and not leaving.issuperset(anew.uncut()):
        return False
    anew.swap()
    _discard_left(catalog, home, config)
    return True


def _as_stored(article_ids: Iterable[str], catalog: Catalog, config: Config) -> Iterator[Entry]:
    """Stored articles, cut anew."""
    known = catalog.known()
    for article_id in article_ids:
        if article := catalog.article(article_id):
            yield Entry(article, known[article_id][1], passage_spans(article.text, config.passages))


def _carry_out(
    entries: Iterator[Entry],
    writer: Writer,
    home: Path,
    config: Config,
    course: Course,
    stored: Callable[[Sequence[Entry]], None],
) -> None:
    """Encode and write all there is to do, until it is stopped. `stored` gets what is about to be stored."""
    written: Future[int] | None = None
    waiting = 0

    def settled() -> None:
        """Wait for the batch that is being written, and say that it is."""
        nonlocal written
        if written:
            written.result()
            written = None
            course.stored(waiting)

    with ThreadPoolExecutor(1, "clippings-write") as writing:
        for batch in _batches(entries, config.passages.words):
            if course.stopped:
                break
            require_room(home, sum(len(entry.article.text) for entry in batch))
            if len(batch[0].spans) > _BATCH:
                settled()
                if not writer.write_long(batch[0], course):
                    break
                stored(batch)
                course.stored(1)
                continue
            made = writer.encode(batch)
            course.encoded(len(made.rows), len(batch))
            settled()
            stored(batch)
            written, waiting = writing.submit(writer.write, made), len(batch)
        settled()


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
    reading: Mapping[str, ScannedArticle]
    catalog: Catalog
    config: Config
    readings: ArticleReader
    course: Course
    added: list[str] = field(default_factory=list)
    replaced: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    failed: list[Failure] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    languages: dict[str, list[str]] = field(default_factory=dict)

    def entries(self) -> Generator[Entry, None, None]:
        """The articles to be written, read a little before their turn."""
        known, corrections = self.catalog.known(), self.catalog.corrections()
        ids = (*self.plan.added, *self.plan.replaced)
        # A file's lines are read in order, by one thread; documents by as many processes as there are.
        with (
            ThreadPoolExecutor(1, "clippings-lines") as lines,
            ThreadPoolExecutor(self.readings.workers, "clippings-documents") as documents,
        ):
            ahead: deque[tuple[str, Future[_Read | None]]] = deque()
            try:
                for article_id in ids:
                    reader = lines if self.reading[article_id].position is not None else documents
                    ahead.append((article_id, reader.submit(self._read, article_id, known, corrections)))
                    if len(ahead) > _AHEAD:
                        yield from self._taken(*ahead.popleft())
                while ahead:
                    yield from self._taken(*ahead.popleft())
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
        return _Read(
            self._cut(right, found.origin, record, found.content_hash), warnings, language(right.text)
        )

    def _is_stored(self, article: Article, corrected: Corrected | None) -> bool:
        if corrected:
            return corrected.version == article.version
        stored = self.catalog.headline(article.id)
        return stored is not None and stored.version == article.version

    def _cut(self, article: Article, origin: str, corrected: Corrected | None, mark: str) -> Entry:
        return Entry(
            article,
            origin,
            passage_spans(article.text, self.config.passages),
            corrected,
            mark,
            signature(article.text),
        )

    def _taken(self, article_id: str, read: Future[_Read | None]) -> Iterator[Entry]:
        found = self.reading[article_id]
        try:
            made = read.result()
        except SourceError as exc:
            self.failed.append(Failure(found.name, str(exc)))
            self.course.passed()
            return
        if made is None:
            self.kept.append(article_id)
            self.course.passed()
            self.catalog.remark({article_id: found.content_hash})
            return
        self.warnings += [f"{found.name}: {warning}" for warning in made.warnings]
        if made.language:
            self.languages.setdefault(made.language, []).append(found.name)
        yield made.entry

    def stored(self, entries: Sequence[Entry]) -> None:
        adding = frozenset(self.plan.added)
        for entry in entries:
            (self.added if entry.article.id in adding else self.replaced).append(entry.article.id)

    def report(self, passages: int, completed: int, languages: frozenset[str] | None) -> IngestReport:
        told = warnings(self.languages, languages)
        left = len(self.plan.added) + len(self.plan.replaced)
        left -= len(self.added) + len(self.replaced) + len(self.kept) + len(self.failed)
        return IngestReport(
            tuple(self.added), tuple(self.replaced), self.plan.removed, (*self.plan.kept, *self.kept),
            (*self.plan.failed, *self.failed), self.plan.renamed, (*self.plan.warnings, *self.warnings,
            *told), passages,
            completed, self.course.stopped and left > 0, left,
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
    among = (
        around(signatures, changed & signatures.keys(), most=_MANY) if few and changed is not None else None
    )
    if changed is None or among is None:
        catalog.regroup(groups(signatures, catalog.text))
    else:
        catalog.regroup(groups({i: signatures[i] for i in among}, catalog.text), among | changed)


def take_out(
    article_ids: Sequence[str], catalog: Catalog, home: Path, config: Config, encoder: Encoder
) -> None:
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
    entry = Entry(article, origin, spans, corrected, mark, signature(article.text))
    with opened(catalog, home, config, encoder) as writer:
        if len(spans) > _BATCH:
            writer.write_long(entry, Course(1))
        else:
            writer.write(writer.encode([entry]))


@contextmanager
def opened(catalog: Catalog, home: Path, config: Config, encoder: Encoder) -> Iterator[Writer]:
    """The catalog and the indexes for one change, what an interrupted run or rebuild has left worked off."""
    require_room(home)
    catalog.abandon_rebuild()
    _discard_left(catalog, home, config)
    with _opened(catalog, home, config, encoder) as writer:
        yield writer


@contextmanager
def _opened(catalog: Catalog, home: Path, config: Config, encoder: Encoder) -> Iterator[Writer]:
    build = catalog.build()
    dense = DenseIndex(home, config.chroma, identity=catalog.identity(), build=build, create=True)
    try:
        if not dense.sound() or catalog.filled() != dense.place:
            _refill(catalog, dense)
        with LexicalWriter(home, build=build) as lexical, LexicalWriter(home, WHOLE, build=build) as whole:
            writer = Writer(catalog, dense, lexical, whole, encoder, config)
            writer.complete()
            if not dense.agrees():
                _refill(catalog, dense)
            yield writer
        dense.tidy()
    finally:
        dense.close()


def _discard_left(catalog: Catalog, home: Path, config: Config) -> None:
    """Remove indexes that answer no more, or never will. Who has them open goes on with them: they are mapped
    into memory.
    """
    gone = []
    for build in catalog.left():
        discard(home, config.chroma, catalog.identity(), build)
        for folder in (PASSAGES, WHOLE, _KEPT):
            shutil.rmtree(home / build / folder, ignore_errors=True)
        if build:
            shutil.rmtree(home / build, ignore_errors=True)
        if not any(
            (home / build / folder).exists() for folder in (PASSAGES, WHOLE)
        ):  # some systems keep what is in use
            gone.append(build)
    if gone:
        catalog.removed(gone)
    if (
        not catalog.build().startswith(BUILDS)
        and (home / BUILDS).is_dir()
        and not any((home / BUILDS).iterdir())
    ):
        (home / BUILDS).rmdir()


def _refill(catalog: Catalog, dense: DenseIndex) -> None:
    """Make Chroma's store anew; until that is done, and noted, nobody asks it."""
    if catalog.filled() is not None:
        catalog.note_filled(None)
    dense.refill()
    catalog.note_filled(dense.place)


def require_room(home: Path, letters: int = 0) -> None:
    """Raise `CollectionError` while the disk still has room: Chroma's graph does not survive a disk that
    fills up.
    """
    free = shutil.disk_usage(home).free
    if free < _ROOM + _ROOM_PER_LETTER * letters:
        raise CollectionError(
            f"the disk that holds {home} is nearly full ({free / 1e6:,.0f} MB free). What was stored before "
            f"is safe; "
            "free some space and run again"
        )


def _batches(entries: Iterator[Entry], words: int) -> Iterator[list[Entry]]:
    """The articles in batches; one that has more passages than a batch is by itself."""
    batch: list[Entry] = []
    size = 0
    for entry in entries:
        if len(entry.spans) > _BATCH:
            if batch:
                yield batch
            yield [entry]
            batch, size = [], 0
            continue
        batch.append(entry)
        size += 1 + len(entry.article.text) // (
            6 * words
        )  # about as many passages; six letters and a space a word
        if size >= _BATCH:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _portions(rows: Sequence[_T]) -> Iterator[Sequence[_T]]:
    for start in range(0, len(rows), _BATCH):
        yield rows[start : start + _BATCH]


def _portions_of(items: Iterable[_T]) -> Iterator[list[_T]]:
    """The same of what is made as it is asked for."""
    left = iter(items)
    while some := list(itertools.islice(left, _BATCH)):
        yield some
