"""What one can do to a collection: sync, preview a sync, remove articles, correct the facts of one."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import date
from pathlib import Path

from filelock import FileLock, SoftFileLock, Timeout

from ingest.apply import Course, Progress, apply, correct_facts, migrate
from ingest.apply import rebuild as rebuilt
from ingest.apply import remove as removed
from ingest.corrections import as_read, correct, differing_facts, normalised_facts
from ingest.formats.parsing import Parsers
from ingest.plan import plan
from ingest.scan import ArticleReader, Scan, Spool, scan
from ingest.scan.walk import exists, is_address
from rag.config import Config, load
from rag.errors import CollectionError, SourceError
from rag.models.encoder import SentenceEncoder
from rag.store import LOCK, unlockable
from rag.store.bm25 import PASSAGES, WHOLE
from rag.store.catalog import FILE, Catalog, Snapshot
from rag.store.schema import LAYOUT
from rag.store.vectors import FOLDER as CHROMA
from rag.store.vectors import DenseIndex
from rag.system.files import private_folder
from rag.types import Article, Encoder, IngestReport, Plan
from rag.validation import configuration, interrupted

__all__ = ["LOCK", "edit", "preview", "remove", "sync", "writing"]

Places = str | os.PathLike[str] | Iterable[str | os.PathLike[str]]


def sync(
    sources: Places,
    config: Config | None = None,
    *,
    prune: bool = False,
    rebuild: bool = False,
    renew: bool = False,
    columns: Mapping[str, str] | None = None,
    encoder: Encoder | None = None,
    progress: Callable[[Progress], None] = lambda _: None,
    stop: threading.Event | None = None,
) -> IngestReport:
    """Make the collection hold what files, folders, web pages and feeds hold; one that is not there yet is
    made.

    Unchanged articles cost nothing, changed ones are replaced, and with `prune` those that have gone from the
    places named are removed. `rebuild` makes the indexes again from the stored articles, with the
    configuration's encoder and passage settings, before it looks at changes; until they are whole, the old
    ones answer. Indexes of an earlier version are made again too, with the vectors there are; where some are
    lost, only with `renew`. `columns` says what a
    table or a `.jsonl` file calls what we call `text, title, published, source, author, url, id, language`.
    What cannot be read is in the report and stops nothing. `progress` is told how far it is; the share that
    is done grows from 0 to 1. When `stop` is set, what is being written is finished, and the report says that
    it was `stopped` and how many items were `left`; the next sync goes on from there. Raises
    `CollectionError` when another process is writing, or when the collection was made otherwise, and
    `SourceError` for what names no place.
    """
    sources = _listed(sources)
    config = configuration(config, load)
    encoder = encoder or SentenceEncoder(config.encoder)
    if restoring := interrupted(config.home):
        raise CollectionError(restoring)
    with writing(config.home):
        catalog = Catalog(config.home, config, create=True, rebuild=rebuild)
        try:
            make = _what_to_make(catalog, rebuild=rebuild)
            if make is rebuilt:
                _ = encoder.dims  # one that cannot be loaded is found out before anything else
            known = catalog.known()
            with (
                Spool() as spool,
                _scanned(sources, config, catalog.snapshots(), known, columns or {}, spool, stop) as (
                    scanned,
                    readings,
                ),
            ):
                if stop and stop.is_set():
                    return IngestReport(
                        failed=scanned.failed,
                        warnings=scanned.warnings,
                        stopped=True,
                        left=len(scanned.found),
                    )
                todo, reading = plan(scanned, known, prune=prune, exists=exists)
                left = len(todo.added) + len(todo.replaced)
                course = Course(left + (make is not None) * catalog.articles(), progress, stop)
                try:
                    done = make is None or make(catalog, config.home, config, encoder, course)
                except CollectionError as exc:
                    if not (renew and exc.outdated):
                        raise
                    done = rebuilt(catalog, config.home, config, encoder, course)
                if course.stopped and (left or not done):
                    kept, passages = (todo.kept, todo.failed, (), todo.warnings), course.passages
                    return IngestReport((), (), (), *kept, passages=passages, stopped=True, left=left)
                if _is_unfinished(catalog, config) or reading or todo.removed or todo.renamed:
                    report = apply(todo, reading, catalog, config.home, config, encoder, course, readings)
                else:
                    course.finish()
                    kept, passages = (todo.kept, todo.failed, (), todo.warnings), course.passages
                    report = IngestReport((), (), (), *kept, passages=passages)
                if not report.stopped:
                    catalog.save_snapshots(scanned.last_seen)
            return report
        finally:
            catalog.close()


@contextmanager
def _scanned(
    sources: Places,
    config: Config,
    snapshots: Mapping[str, Snapshot],
    known: Mapping[str, tuple[str, str]],
    columns: Mapping[str, str],
    spool: Spool | None = None,
    stop: threading.Event | None = None,
) -> Iterator[tuple[Scan, ArticleReader]]:
    """What the places hold, and what reads it. Without a `spool`, as for a preview, nothing that was read is
    kept."""
    places = _listed(sources)
    with ExitStack() as stack:
        parsers = stack.enter_context(Parsers())
        readings = stack.enter_context(ArticleReader(columns, parsers, spool))
        web = None
        if any(is_address(os.fspath(place)) for place in places):
            from ingest.web.fetch import Fetcher, Limits  # what fetches takes a fifth of a second to import
            from ingest.web.pages import Web

            limits = Limits(pause=config.fetch.delay)
            web = Web(
                stack.enter_context(Fetcher(private=config.fetch.allow_private, limits=limits)), parsers
            )
        scanned = scan(
            places, last_seen=snapshots, known=known, columns=columns, web=web, spool=spool, stop=stop
        )
        yield scanned, readings


def preview(
    sources: Places,
    config: Config | None = None,
    *,
    prune: bool = False,
    columns: Mapping[str, str] | None = None,
) -> Plan:
    """What `sync` would do. Nothing is written; web addresses are fetched, and documents are looked at but
    not yet read.
    """
    sources = _listed(sources)
    config = configuration(config, load)
    known: Mapping[str, tuple[str, str]] = {}
    snapshots: Mapping[str, Snapshot] = {}
    if (config.home / FILE).is_file():
        catalog = Catalog(config.home, config)
        try:
            known, snapshots = catalog.known(), catalog.snapshots()
        finally:
            catalog.close()
    with _scanned(sources, config, snapshots, known, columns or {}) as (scanned, _):
        return plan(scanned, known, prune=prune, exists=exists)[0]


def remove(
    article_ids: str | Sequence[str], config: Config | None = None, *, encoder: Encoder | None = None
) -> None:
    """Remove articles from the catalog and the indexes; their files stay.

    Raises `CollectionError`, having removed nothing, if one of the ids is unknown.
    """
    config = configuration(config, load)
    wanted = _ids(article_ids)
    encoder = encoder or SentenceEncoder(config.encoder)
    with _changing(config, wanted, encoder, leaving=frozenset(wanted)) as catalog:
        removed(wanted, catalog, config.home, config, encoder)


def edit(
    article_id: str,
    facts: Mapping[str, str | date | None],
    config: Config | None = None,
    *,
    undo: bool = False,
    encoder: Encoder | None = None,
) -> Article:
    """Correct an article's `title`, `source` or day `published` (`None`: unknown); the article as it is now.

    A correction stays through later syncs, whatever becomes of the article's text; `undo` takes earlier ones
    back first. Raises `SourceError` for facts that cannot be kept, and `CollectionError` when there is no
    such article.
    """
    config = configuration(config, load)
    given = normalised_facts(facts)
    encoder = encoder or SentenceEncoder(config.encoder)
    with _changing(config, _ids(article_id, one=True), encoder) as catalog:
        article, earlier = catalog.article(article_id), catalog.corrections().get(article_id)
        if article is None:
            raise AssertionError(f"{article_id} is known")  # _changing has seen to it
        before = {} if earlier is None or undo else {name: now for name, (now, _) in earlier.facts.items()}
        read = as_read(article, earlier)
        right, corrected = correct(read, differing_facts(read, before, given))
        if right != article or corrected != earlier:
            fingerprint, origin = catalog.known()[article_id]
            correct_facts(right, origin, corrected, fingerprint, catalog, config.home, config, encoder)
        return right


@contextmanager
def _changing(
    config: Config, article_ids: Sequence[str], encoder: Encoder, *, leaving: frozenset[str] = frozenset()
) -> Iterator[Catalog]:
    """The catalog of a collection that is there and whole, but for what is `leaving` it, locked for a change
    to some of its articles."""
    if not (config.home / FILE).is_file():
        raise CollectionError(
            f"there is no collection in {config.home}, so there is nothing to change", missing=True
        )
    with writing(config.home):
        catalog = Catalog(config.home, config, create=True)
        try:
            known = catalog.known()
            if unknown := [i for i in article_ids if i not in known]:
                raise CollectionError(
                    f"there is no article {unknown[0]}. `clippings articles` lists those there are",
                    missing=True,
                )
            if make := _what_to_make(catalog):
                make(catalog, config.home, config, encoder, Course(catalog.articles()), leaving)
            yield catalog
        finally:
            catalog.close()


def _what_to_make(catalog: Catalog, *, rebuild: bool = False) -> Callable[..., bool] | None:
    """What has to be done to the indexes before anything else: they are made again where somebody asks for
    it, and where an earlier version of Clippings was killed while it did, for it emptied them first. They
    are migrated where an earlier version made them."""
    if rebuild or catalog.without_passages():
        return rebuilt
    return migrate if catalog.layout() != LAYOUT else None


def _is_unfinished(catalog: Catalog, config: Config) -> bool:
    """Whether an index has something to apply, or is lost, or something is still to be grouped or removed."""
    build, latest = config.home / catalog.build(), catalog.latest_added()
    if (
        config.chroma.url  # nobody can tell what has become of a server's vectors but by looking
        or not all((build / folder).is_dir() for folder in (PASSAGES, WHOLE, CHROMA))
        or catalog.obsolete_builds()
        or catalog.count_hidden()
        or catalog.changed_since_grouping() != set()
    ):
        return True
    dense = DenseIndex(config.home, config.chroma, build=catalog.build())
    try:
        dense.follow(catalog)
        cursors = [catalog.cursor(name) for name in (dense.place, PASSAGES, WHOLE)]
        return any(cursor is None or cursor < latest for cursor in cursors) or not dense.cache_is_whole()
    finally:
        dense.close()


@contextmanager
def writing(home: Path) -> Iterator[None]:
    """Hold the collection's lock. The system gives it back when the process ends, however it ends."""
    try:
        private_folder(home)
        lock = FileLock(home / LOCK, timeout=0)
        lock.acquire()
        if isinstance(
            lock, SoftFileLock
        ):  # what filelock then makes of it stays behind when a process is killed
            lock.release()
            raise NotImplementedError("flock is not implemented")
    except Timeout as exc:
        raise CollectionError(
            f"another process is writing to the collection in {home}. "
            "Wait until it is done and run this again; nothing is lost",
            busy=True,
        ) from exc
    except (FileExistsError, NotADirectoryError) as exc:
        raise CollectionError(
            f"{home} is, or lies in, a file and not a folder. Name a folder with --home"
        ) from exc
    except (NotImplementedError, OSError) as exc:
        raise unlockable(home, exc) from exc
    try:
        yield
    finally:
        lock.release()


def _listed(sources: object) -> list[str | os.PathLike[str]]:
    """The places that were named. Raises `SourceError` for what names none."""
    several = (
        sources
        if isinstance(sources, Iterable) and not isinstance(sources, str | bytes | Mapping)
        else [sources]
    )
    places = list(several)
    for place in places:
        if not isinstance(place, str | os.PathLike) or not isinstance(os.fspath(place), str):
            raise SourceError(f"a place is a path or a web address, or a list of these, not {place!r}")
        if not os.fspath(place).strip():
            raise SourceError("a place is empty. For the current folder, write a single dot")
    return places


def _ids(article_ids: object, *, one: bool = False) -> list[str]:
    """The ids of articles, each once. Raises `CollectionError` for what is none."""
    several = (
        article_ids
        if isinstance(article_ids, Iterable) and not (one or isinstance(article_ids, str | bytes))
        else None
    )
    ids = list(dict.fromkeys([article_ids] if several is None else several))
    for article_id in ids:
        if not isinstance(article_id, str):
            raise CollectionError(
                f"the id of an article is a text, not {article_id!r}. `clippings articles` lists them"
            )
    return ids
