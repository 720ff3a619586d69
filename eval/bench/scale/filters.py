"""What a filter costs, and whether it costs anything of what is found.

Filters of very different reach, each beside no filter in the same run: questions are asked in turns, one with
and the next without, so that a machine whose speed drifts slows both alike. What is found is compared with
the exact cosines of all passages that the filter admits.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np

from eval.bench.scale.figures import admitting, percentile, recall
from eval.bench.scale.work import WARM, Work
from rag.config import Config
from rag.models.encoder import SentenceEncoder
from rag.retrieval.search import Retriever
from rag.store.cache import ExactIndex
from rag.store.catalog import Catalog
from rag.store.vectors import DenseIndex
from rag.types import Filters, Headline

__all__ = ["chosen", "filters"]

_STAGES = ("dense", "lexical", "whole")
_K = 10
_SMALL = 10  # passages that a small source has at least
_FIFTY = 50
_JUDGED = 50  # questions whose hits are compared with exact search


def chosen(articles: Sequence[tuple[Headline, int]]) -> dict[str, Filters]:
    """The filters, by name, from articles and how many passages each has. Day, month and year are those of
    the article in the middle of all that have a date; what a collection has nothing for is left out."""
    days = sorted(headline.published for headline, _ in articles if headline.published)
    sources: Counter[str] = Counter()
    for headline, passages in articles:
        if headline.source:
            sources[headline.source] += passages
    ids = sorted(headline.id for headline, _ in articles)
    found: dict[str, Filters] = {}
    large = max(sources, key=lambda name: (sources[name], name), default=None)
    if days:
        middle = days[len(days) // 2]
        month = middle.replace(day=1)
        month_end = max(day for day in days if (day.year, day.month) == (middle.year, middle.month))
        found["one day"] = Filters(after=middle, before=middle)
        found["one month"] = Filters(after=month, before=month_end)
        found["one year"] = Filters(after=date(middle.year, 1, 1), before=date(middle.year, 12, 31))
        found["half of the dates"] = Filters(after=middle)
        if large:
            found["the largest source in a month"] = Filters(after=month, before=month_end, sources=(large,))
        found["any date"] = Filters(after=date(1, 1, 1))
    if large:
        found["a small source"] = Filters(sources=(admitting(dict(sources), _SMALL) or large,))
        found["the largest source"] = Filters(sources=(large,))
    if ids:
        found["one article excluded"] = Filters(exclude_articles=tuple(ids[:1]))
        found["fifty excluded"] = Filters(exclude_articles=tuple(ids[:_FIFTY]))
    return found


def filters(work: Work, size: int) -> dict[str, Any]:
    """For each filter: the share of passages it admits, the median times of retrieval without the reader with
    it and without any, their ratio, and recall at 10 of its dense search."""
    config = work.config(size)
    catalog = Catalog(config.home, config)
    articles = [(listing.headline, listing.passages) for listing in catalog.listings()]
    build = catalog.build()
    catalog.close()
    named = chosen(articles)
    encoder = SentenceEncoder(config.encoder)
    questions = [(q["question"], date.fromisoformat(q["date"])) for q in work.asked()]
    rows: dict[str, dict[str, Any]] = {}
    with Retriever(config.home, config, encoder) as retriever:

        def timed(question: tuple[str, date], limits: Filters) -> float:
            began = time.perf_counter()
            retriever.find(question[0], asked_on=question[1], filters=limits, stages=_STAGES)
            return (time.perf_counter() - began) * 1000

        for question in questions[:WARM]:
            timed(question, Filters())
        for name, limits in named.items():
            with_it: list[float] = []
            without: list[float] = []
            for number, question in enumerate(questions[WARM:]):
                (without if number % 2 else with_it).append(
                    timed(question, Filters() if number % 2 else limits)
                )
            filtered, unfiltered = percentile(with_it, 0.5), percentile(without, 0.5)
            ratio = filtered / unfiltered if filtered and unfiltered else None
            rows[name] = {"filtered_ms": filtered, "unfiltered_ms": unfiltered, "ratio": ratio}
    vectors = np.array([encoder.question(text) for text, _ in questions[WARM : WARM + _JUDGED]])
    for name, judged in _judged(config, build, articles, named, vectors).items():
        rows[name] |= judged
    worst = max(
        (name for name in rows if rows[name]["ratio"]), key=lambda name: rows[name]["ratio"], default=None
    )
    return {"filters": rows, "worst": worst}


def _judged(
    config: Config,
    build: str,
    articles: Sequence[tuple[Headline, int]],
    named: Mapping[str, Filters],
    vectors: Any,
) -> dict[str, dict[str, Any]]:
    """The share each filter admits and its recall, against the cosines of every passage in float32."""
    facts = {headline.id: headline for headline, _ in articles}
    keys: list[str] = []
    parts = []
    for some, theirs in ExactIndex(config.home, build=build).all():
        keys += some
        parts.append(vectors @ theirs.T)
    cosines = np.concatenate(parts, axis=1)  # a row a question
    row_of = {key: row for row, key in enumerate(keys)}
    of = [key.rpartition("@")[0] for key in keys]
    found: dict[str, dict[str, Any]] = {}
    dense = DenseIndex(config.home, config.chroma, build=build)
    for name, limits in named.items():
        passing = {article_id for article_id, headline in facts.items() if _admits(limits, headline)}
        rows = np.array([row for row, article_id in enumerate(of) if article_id in passing], dtype=np.int64)
        shares = []
        for at, vector in enumerate(vectors):
            values = cosines[at, rows]
            cut = max(0, len(values) - _K)
            best = np.sort(np.partition(values, cut)[cut:] if cut else values)[::-1].tolist()
            hits = [row_of[key] for key, _ in dense.search(vector, _K, limits)]
            allowed = [float(cosines[at, row]) for row in hits if of[row] in passing]
            shares.append(recall(allowed, best, _K))
        known = [share for share in shares if share is not None]
        found[name] = {
            "admitted": len(rows) / len(keys),
            "recall@10": sum(known) / len(known) if known else None,
        }
    dense.close()
    return found


def _admits(limits: Filters, headline: Headline) -> bool:
    """Whether an article passes, said again and plainly: what is checked does not check itself."""
    day = headline.published
    if limits.after and (day is None or day < limits.after):
        return False
    if limits.before and (day is None or day > limits.before):
        return False
    if limits.sources and headline.source not in limits.sources:
        return False
    return headline.id not in limits.exclude_articles
