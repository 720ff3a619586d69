"""Collections of several sizes: real articles by `sync` as far as they reach, recombined ones by the writer
itself.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from eval.bench.scale.compose import made, summed
from eval.bench.scale.data import Looked, Real, Stock, indexed, real
from eval.bench.scale.figures import spread
from eval.bench.scale.watch import Clock, Timed, holding
from eval.bench.scale.work import Work
from ingest import sync
from ingest.apply import Progress
from ingest.collection import writing
from ingest.duplicates import signature
from ingest.scan import ArticleReader, scan
from ingest.split import passage_spans
from ingest.writer import Writer, opened
from rag.config import Config
from rag.store.catalog import BUILDS, ArticleUpdate, Catalog

__all__ = ["build", "disk"]

_BATCH = 4_000  # passages that are written at once
_LAST = (
    4_096  # of the real ones at most so many are written as the recombined ones are, to compare the sizes by
)
_LAST_SHARE = 4  # and at most one in so many
_PARTS = {
    "catalog": "catalog.sqlite*",
    "Chroma": "dense",
    "vectors": "vectors",
    "lexical": "lexical",
    "whole": "whole",
}


def build(work: Work, size: int, begun: Sequence[int]) -> dict[str, Any]:
    """Bring a collection to about so many passages, going on from a copy of the largest smaller one of those
    that are `begun`.

    Vectors are looked up, so everything but encoding is measured. Rates are of this process: where a run was
    stopped and goes on, of what was still to be written. Recombined articles are not signed, and near-copies
    are not looked for among them: two that share an article share half of their words, so nearly every pair
    of them would have to be read side by side. Real ones are grouped by `sync` as ever.
    """
    config = work.config(size)
    began_with = _copied(work, size, begun)
    stock = Stock(work.vectors)
    encoder = Looked(config.encoder, stock)
    catalog = Catalog(config.home, config, create=True)
    known = set(catalog.known())
    catalog.close()
    wanted, reached = _first(real(work), size)
    some = [article for article in wanted if article.id not in known]
    most = 0 if reached < size else min(_LAST, size // _LAST_SHARE)
    synced, last = _parted(some, most)
    counted = sum(len(article.spans) for article in some)
    before = holding()
    timeline: list[tuple[int, float]] = []
    own: list[float] = []  # memory, as it went
    took = _synced(work, synced, config, encoder, timeline, own)
    clock = Clock()
    batches: list[dict[str, Any]] = []
    began = time.perf_counter()
    with writing(config.home):
        catalog = Catalog(config.home, config)
        with opened(catalog, config.home, config, encoder) as writer:
            _watch(writer, clock)
            opening = time.perf_counter() - began
            entries = (
                (e for e in _entries(work, last, config))
                if last
                else _recombined(work, size - reached, known, stock, encoder)
            )
            for batch in _batches(entries):
                # Looking vectors up stands for encoding, so it is not counted.
                ready = writer.encode(batch)
                clock.taken()
                start = time.perf_counter()
                written = writer.write(ready)
                batches.append(
                    {"passages": written, "seconds": time.perf_counter() - start, "steps": clock.taken()}
                )
                own.append(holding().get("anonymous", 0.0))
                encoder.more.clear()
            closing = time.perf_counter()
        catalog.close()
    closed = time.perf_counter() - closing
    after = holding()
    counts = _counts(config)
    written = sum(batch["passages"] for batch in batches)
    made_of = counted if last or reached >= size else counted + written
    direct = sum(batch["seconds"] for batch in batches)
    return {
        "began_with": began_with,
        **counts,
        "added": made_of,
        "synced": {
            "passages": made_of - written,
            "seconds": took,
            "timeline": timeline[:: max(1, len(timeline) // 50)],
        },
        "written": {
            "passages": written,
            "seconds": direct,
            "opening": opening,
            "closing": closed,
            "batches": batches,
        },
        "per_second": made_of / (took + direct + closed) if made_of else None,
        "last_per_second": batches[-1]["passages"] / batches[-1]["seconds"] if batches else None,
        "batch_ms": spread(1000 * batch["seconds"] for batch in batches),
        "memory_mb": {"start": before, "end": after, "most_own": max(own, default=None)},
        "disk_bytes": disk(config.home),
    }


def disk(home: Path) -> dict[str, int]:
    """Bytes of each part of a collection, wherever its indexes lie, and of all."""
    places = {name: (pattern, f"{BUILDS}/*/{pattern}") for name, pattern in _PARTS.items()}
    found = {
        name: sum(_size(path) for place in some for path in home.glob(place)) for name, some in places.items()
    }
    return {**found, "all": _size(home)}


def _size(path: Path) -> int:
    return (
        path.stat().st_size
        if path.is_file()
        else sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    )


def _copied(work: Work, size: int, begun: Sequence[int]) -> int:
    """Begin with a copy of the largest collection that is smaller; its size, or 0. One that was begun is gone
    on with.
    """
    home = work.config(size).home
    smaller = max((other for other in begun if other < size), default=0)
    if not home.exists() and smaller:
        aside = home.with_name(f"{home.name}.new")
        shutil.rmtree(aside, ignore_errors=True)
        shutil.copytree(work.config(smaller).home, aside)
        os.replace(aside, home)
    return smaller


def _first(articles: Iterable[Real], size: int) -> tuple[list[Real], int]:
    """The first articles that have so many passages, and how many they have."""
    found, passages = [], 0
    for article in articles:
        if passages >= size:
            break
        found.append(article)
        passages += len(article.spans)
    return found, passages


def _parted(articles: Sequence[Real], most: int) -> tuple[list[Real], list[Real]]:
    """The articles, and apart the last of them that have at most so many passages."""
    last: list[Real] = []
    while (
        len(last) < len(articles)
        and sum(len(a.spans) for a in last) + len(articles[-1 - len(last)].spans) <= most
    ):
        last.append(articles[-1 - len(last)])
    return list(articles[: len(articles) - len(last)]), last[::-1]


def _lines(work: Work, articles: Sequence[Real]) -> Path:
    """A file of just these articles, as they stand in the whole."""
    path = work.folder / "parts" / f"{articles[0].at}-{articles[-1].at}.jsonl"
    path.parent.mkdir(exist_ok=True)
    with work.articles().open("rb") as source, path.open("wb") as target:
        for article in articles:
            source.seek(article.at)
            target.write(source.readline().rstrip(b"\n") + b"\n")
    return path


def _synced(
    work: Work,
    articles: Sequence[Real],
    config: Config,
    encoder: Looked,
    timeline: list[tuple[int, float]],
    own: list[float],
) -> float:
    """Sync articles; the seconds it took, near-copies among all articles included. How far it is goes to
    `timeline`, and what memory the process has of its own to `own`."""
    if not articles:
        return 0.0
    path = _lines(work, articles)
    began = time.perf_counter()

    def note(step: Progress) -> None:
        timeline.append((step.passages, round(time.perf_counter() - began, 3)))
        own.append(holding().get("anonymous", 0.0))

    sync(path, config, encoder=encoder, progress=note)
    return time.perf_counter() - began


def _watch(writer: Writer, clock: Clock) -> None:
    """Time what a batch is written to, each by itself."""
    for name in ("catalog", "lexical", "whole"):
        setattr(writer, name, Timed(getattr(writer, name), name, clock))
    for name, step in (("_store", "Chroma"), ("_cache", "vectors")):
        setattr(writer.dense, name, Timed(getattr(writer.dense, name), step, clock))


def _entries(work: Work, articles: Sequence[Real], config: Config) -> list[ArticleUpdate]:
    """Articles cut and signed, ready to be written."""
    found = []
    with ArticleReader() as readings:
        for at in scan([_lines(work, articles)]).found:
            article, _ = readings.read(at)
            spans = passage_spans(article.text, config.passages)
            found.append(
                ArticleUpdate(article, at.origin, spans, None, at.content_hash, signature(article.text))
            )
    return found


def _recombined(
    work: Work, missing: int, known: set[str], stock: Stock, encoder: Looked
) -> Iterator[ArticleUpdate]:
    """The recombined articles that have so many passages, those that are not known yet; the encoder is told
    their vectors.
    """
    if missing <= 0:
        return
    passages = 0
    for article, spans, rows in made(work):
        if passages >= missing:
            return
        passages += len(spans)
        if article.id in known:
            continue
        texts = [indexed(article.title, article.text[start:end]) for start, end in spans]
        encoder.more.update(zip(texts, summed(stock, rows), strict=True))
        yield ArticleUpdate(article, str(work.composed), spans)


def _batches(entries: Iterable[ArticleUpdate]) -> Iterator[list[ArticleUpdate]]:
    batch: list[ArticleUpdate] = []
    for entry in entries:
        batch.append(entry)
        if sum(len(e.spans) for e in batch) >= _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _counts(config: Config) -> dict[str, int]:
    catalog = Catalog(config.home, config)
    try:
        return {"passages": len(catalog.keys()), "articles": catalog.articles()}
    finally:
        catalog.close()
