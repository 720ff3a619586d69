"""Carry out a plan: read what it names, cut it into passages, and store these in batches (`writer`).

Three things go on at once: the next articles are read and cut, a batch is encoded, and the batch before it is
written. Each waits for the one after it, so no more than two batches and a few articles are ever held.

A rebuild makes another set of indexes, beside those that answer, and one commit puts it in their place. A
migration is a rebuild that encodes nothing: it takes the vectors from the indexes of the earlier version.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ingest import writer as batching
from ingest.corrections import correct
from ingest.duplicates import around, current, groups, signature
from ingest.languages import language, warnings
from ingest.migration import StoredVectors
from ingest.progress import Course, Progress
from ingest.scan import ArticleReader, ScannedArticle
from ingest.split import passage_spans
from ingest.writer import Writer, discard_obsolete, open_build, opened, require_room
from rag.config import Config
from rag.errors import SourceError
from rag.store.catalog import ArticleUpdate, Catalog, Corrected
from rag.types import Article, Encoder, Failure, IngestReport, Plan

__all__ = ["Course", "Progress", "apply", "correct_facts", "migrate", "rebuild", "remove"]

# One article's copies are found in a fiftieth of the time that those of all take, whatever their number.
_FEW_CHANGES = 50
_READ_AHEAD = 64  # articles that are read before their turn: more than a batch of news has


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
            writer.remove(plan.removed)
        if plan.renamed:
            catalog.save_origins(dict(plan.renamed))
        work = _Work(plan, reading, catalog, config, readings, course)
        with closing(work.updates()) as updates:
            _carry_out(updates, writer, home, config, course, work.stored)
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
    then goes on, if nothing was written to the collection in between. What is `leaving` is about to be
    removed, and need not be readable any more."""

    def cut(article: Article) -> tuple[tuple[int, int], ...]:
        return passage_spans(article.text, config.passages)

    return _made_again(catalog, home, config, encoder, course, leaving, cut, None)


def migrate(
    catalog: Catalog,
    home: Path,
    config: Config,
    encoder: Encoder,
    course: Course,
    leaving: frozenset[str] = frozenset(),
) -> bool:
    """Make the indexes of an earlier version again as this one's, like a rebuild, but of the same passages
    and with the vectors there are: nothing is encoded. False if it was stopped before. Raises
    `CollectionError` where the vectors are not there."""
    stored = StoredVectors(catalog, home, config)
    try:
        stored.require_all()
        spans = catalog.spans()

        def cut(article: Article) -> tuple[tuple[int, int], ...]:
            return spans.get(article.id, ())

        return _made_again(catalog, home, config, encoder, course, leaving, cut, stored.vectors)
    finally:
        stored.close()


def _made_again(
    catalog: Catalog,
    home: Path,
    config: Config,
    encoder: Encoder,
    course: Course,
    leaving: frozenset[str],
    spans: Callable[[Article], tuple[tuple[int, int], ...]],
    stored: Callable[[Sequence[str]], tuple[Any, Any]] | None,
) -> bool:
    require_room(home)
    anew = catalog.rebuild(config)
    discard_obsolete(catalog, home, config)
    waiting = [article_id for article_id in anew.without_passages() if article_id not in leaving]
    course.passed(catalog.articles() - len(waiting))
    with open_build(anew, home, config, encoder, stored) as writer:
        updates = _as_stored(waiting, catalog, spans)
        _carry_out(updates, writer, home, config, course, lambda _: None)
        writer.dense.publish(anew.generation_after_swap())
    if course.stopped and not leaving.issuperset(anew.without_passages()):
        return False
    anew.swap()
    discard_obsolete(catalog, home, config)
    return True


def _as_stored(
    article_ids: Iterable[str], catalog: Catalog, spans: Callable[[Article], tuple[tuple[int, int], ...]]
) -> Iterator[ArticleUpdate]:
    """Stored articles, cut anew."""
    known = catalog.known()
    for article_id in article_ids:
        if article := catalog.article(article_id):
            yield ArticleUpdate(article, known[article_id][1], spans(article))


def _carry_out(
    updates: Iterator[ArticleUpdate],
    writer: Writer,
    home: Path,
    config: Config,
    course: Course,
    stored: Callable[[Sequence[ArticleUpdate]], None],
) -> None:
    """Encode and write all there is to do, until it is stopped. `stored` gets what is about to be stored."""
    written: Future[int] | None = None
    waiting = 0

    def wait_for_batch() -> None:
        """Wait for the batch that is being written, and say that it is."""
        nonlocal written
        if written:
            written.result()
            written = None
            course.stored(waiting)

    with ThreadPoolExecutor(1, "clippings-write") as writing:
        for batch in _batches(updates, config.passages.words):
            if course.stopped:
                break
            require_room(home, sum(len(update.article.text) for update in batch))
            if len(batch[0].spans) > batching.BATCH:
                wait_for_batch()
                if not writer.write_long(batch[0], course):
                    break
                stored(batch)
                course.stored(1)
                continue
            made = writer.encode(batch)
            course.encoded(len(made.records), len(batch))
            wait_for_batch()
            stored(batch)
            written, waiting = writing.submit(writer.write, made), len(batch)
        wait_for_batch()


@dataclass(frozen=True, slots=True)
class _Read:
    """An article to be stored, what to warn of, and the language it is written in, where that can be told."""

    update: ArticleUpdate
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

    def updates(self) -> Generator[ArticleUpdate, None, None]:
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
                    if len(ahead) > _READ_AHEAD:
                        yield from self._collected(*ahead.popleft())
                while ahead:
                    yield from self._collected(*ahead.popleft())
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

    def _cut(
        self, article: Article, origin: str, corrected: Corrected | None, fingerprint: str
    ) -> ArticleUpdate:
        return ArticleUpdate(
            article,
            origin,
            passage_spans(article.text, self.config.passages),
            corrected,
            fingerprint,
            signature(article.text),
        )

    def _collected(self, article_id: str, read: Future[_Read | None]) -> Iterator[ArticleUpdate]:
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
            self.catalog.save_fingerprints({article_id: found.content_hash})
            return
        self.warnings += [f"{found.name}: {warning}" for warning in made.warnings]
        if made.language:
            self.languages.setdefault(made.language, []).append(found.name)
        yield made.update

    def stored(self, updates: Sequence[ArticleUpdate]) -> None:
        adding = frozenset(self.plan.added)
        for update in updates:
            (self.added if update.article.id in adding else self.replaced).append(update.article.id)

    def report(self, passages: int, completed: int, languages: frozenset[str] | None) -> IngestReport:
        language_warnings = warnings(self.languages, languages)
        left = len(self.plan.added) + len(self.plan.replaced)
        left -= len(self.added) + len(self.replaced) + len(self.kept) + len(self.failed)
        return IngestReport(
            tuple(self.added), tuple(self.replaced), self.plan.removed, (*self.plan.kept, *self.kept),
            (*self.plan.failed, *self.failed), self.plan.renamed,
            (*self.plan.warnings, *self.warnings, *language_warnings), passages, completed,
            self.course.stopped and left > 0, left,
        )  # fmt: skip


def _group(catalog: Catalog) -> None:
    """Find the near-copies of what has changed: an article may join two groups, or leave one."""
    changed = catalog.changed_since_grouping()
    if changed is not None and not changed:
        return
    signatures = catalog.signatures()
    old = [article_id for article_id, signed in signatures.items() if not current(signed)]
    new = {article_id: signature(catalog.text(article_id)) for article_id in old}
    catalog.save_signatures(new)
    signatures.update(new)
    few = not old and changed is not None and len(changed) <= _FEW_CHANGES
    among = (
        around(signatures, changed & signatures.keys(), most=_FEW_CHANGES)
        if few and changed is not None
        else None
    )
    if changed is None or among is None:
        catalog.save_groups(groups(signatures, catalog.text))
    else:
        catalog.save_groups(groups({i: signatures[i] for i in among}, catalog.text), among | changed)


def remove(
    article_ids: Sequence[str], catalog: Catalog, home: Path, config: Config, encoder: Encoder
) -> None:
    """Remove articles from the catalog and the indexes."""
    with opened(catalog, home, config, encoder) as writer:
        writer.remove(article_ids)
    _group(catalog)


def correct_facts(
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
    update = ArticleUpdate(article, origin, spans, corrected, mark, signature(article.text))
    with opened(catalog, home, config, encoder) as writer:
        if len(spans) > batching.BATCH:
            writer.write_long(update, Course(1))
        else:
            writer.write(writer.encode([update]))


def _batches(updates: Iterator[ArticleUpdate], words: int) -> Iterator[list[ArticleUpdate]]:
    """The articles in batches; one that has more passages than a batch is by itself."""
    batch: list[ArticleUpdate] = []
    size = 0
    for update in updates:
        if len(update.spans) > batching.BATCH:
            if batch:
                yield batch
            yield [update]
            batch, size = [], 0
            continue
        batch.append(update)
        size += 1 + len(update.article.text) // (
            6 * words
        )  # about as many passages; six letters and a space a word
        if size >= batching.BATCH:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
