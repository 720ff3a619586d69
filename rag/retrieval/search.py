"""From a question to its evidence: this room alone orders and cuts.

The dense and the lexical index name their best passages, a second lexical index the best whole articles;
reciprocal rank fusion merges the three rankings, the reader reads the best of the merged once, and the best
of those are kept. Each index applies the filters itself, beside its search, so that a filter costs next to
nothing.
"""

from __future__ import annotations

import itertools
import math
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from rag.config import Config
from rag.english.normalise import words
from rag.errors import CollectionError
from rag.retrieval.fuse import fuse
from rag.scores import log_odds
from rag.store.bm25 import WHOLE, LexicalIndex
from rag.store.catalog import Catalog, PassageRef, passage_key
from rag.store.vectors import DenseIndex
from rag.types import (
    Article,
    Encoder,
    Evidence,
    Filters,
    Headline,
    Reader,
    Reading,
    Retrieved,
    RetrievedPassage,
    Scores,
)

if TYPE_CHECKING:
    import numpy as np

    Vector = np.ndarray[Any, np.dtype[np.float32]]

__all__ = ["Retriever"]

_T = TypeVar("_T")
_DEEPEST = 3_200  # hits that are asked of an index, but for those that are just being added or removed
# A question is searched again while the collection is being written to: at least so many times, and for so
# many seconds. Only commits that follow each other faster than a search outlast that.
_TRIES, _PATIENCE = 3, 5.0
_STAGES = ("dense", "lexical", "whole", "reader")
# Chosen on the news questions of 2022; see eval/LOG.md.
_RECENCY_WEIGHT = 1.0  # how much more an article of the very day counts
_RECENCY_DAYS = 30.0  # after which that is down to a third
_DAYS_AHEAD = 3  # a weekly quiz, like a magazine, is dated after it is written


def _recency(published: date | None, asked_on: date) -> float:
    """What an article's score is multiplied by: 2 for the day of asking, falling to 1 with the distance in
    days; 1 where the date is unknown or lies in the future.

    >>> _recency(date(2024, 1, 20), date(2024, 1, 20)), _recency(None, date(2024, 1, 20))
    (2.0, 1.0)
    """
    if published is None or (published - asked_on).days > _DAYS_AHEAD:
        return 1.0
    return 1.0 + _RECENCY_WEIGHT * math.exp(-abs((asked_on - published).days) / _RECENCY_DAYS)


# How the reader's judgements and the rank before them are weighed; chosen on the news questions of 2022, see
# eval/LOG.md.
_ANSWERABLE, _RELEVANT, _BEFORE = 0.05, 0.05, 1.0


def _reranked(found: Sequence[RetrievedPassage], readings: Mapping[str, Reading]) -> list[RetrievedPassage]:
    """The passages in the order of the reader's judgement and of their score before it; equal ones by id."""
    scored = []
    for p in found:
        reading = readings[p.passage.id]
        before = p.scores.dated if p.scores.dated is not None else p.scores.fused
        value = (
            _ANSWERABLE * log_odds(reading.answerable)
            + _RELEVANT * log_odds(reading.relevant)
            + _BEFORE * math.log(before if before else 1e-6)
        )
        scored.append(replace(p, scores=replace(p.scores, reader=1 / (1 + math.exp(-value)))))
    return sorted(scored, key=lambda p: (-(p.scores.reader or 0.0), p.passage.id))


def _varied(found: Sequence[RetrievedPassage], per_article: int) -> list[RetrievedPassage]:
    """The passages in their order, those that an article has beyond so many last."""
    turn: Counter[str] = Counter()
    first: list[RetrievedPassage] = []
    beyond: list[RetrievedPassage] = []
    for p in found:
        turn[p.article.id] += 1
        (first if turn[p.article.id] <= per_article else beyond).append(p)
    return [*first, *beyond]


_COPY = 0.7  # of a passage's pairs of words, that stand in a near-copy of it


def _repeats(text: str, shown: RetrievedPassage) -> bool:
    """Whether a passage says what one of another article said already, and no name and no number besides: a
    copy in which one of these was changed says something else."""
    theirs = shown.passage.text
    named = {word for word in re.findall(r"\w+", text) if not word.islower()}
    if not named <= set(re.findall(r"\w+", theirs)):
        return False
    said, there = (set(itertools.pairwise(words(t))) for t in (text, theirs))
    return bool(said) and len(said & there) >= _COPY * len(said)


@dataclass(frozen=True, slots=True)
class _Opened:
    """The indexes of a build, as they were when the generation was read. Searches that are under way go on in
    them when others take their place, or when their files are removed."""

    generation: int
    build: str
    dense: DenseIndex
    lexical: LexicalIndex
    whole: LexicalIndex
    articles: int


class Retriever:
    """A collection opened for questions. It follows what other processes write: every question first asks the
    catalog for its generation, and reads the lexical indexes anew when that has risen, or opens others where
    a rebuild has made them; the dense one shows by itself what was written."""

    def __init__(self, home: Path, config: Config, encoder: Encoder, reader: Reader | None = None) -> None:
        self.catalog = Catalog(home, config)
        self._home, self._made_with = home, config
        self._config = config.retrieval
        self._encoder = encoder
        self._reader = reader
        # For following. A search needs no lock: an index that is opened anew leaves it what it looks at.
        self._lock = threading.Lock()
        try:
            self._opened = self._open(None)
        except BaseException:
            self.catalog.close()
            raise

    def __enter__(self) -> Retriever:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._opened.dense.close()
        self.catalog.close()

    @property
    def articles(self) -> int:
        """How many articles there are to search."""
        return self._follow().articles

    def check(self) -> None:
        """Raise `CollectionError` when the indexes cannot be asked."""
        self._opened.dense.check()

    def memory(self) -> dict[str, float]:
        """Megabytes that questions look through, by index; they are mapped, and shared by all processes that
        do.
        """
        now = self._follow()
        return {
            "dense index": now.dense.megabytes,
            "lexical indexes": now.lexical.megabytes + now.whole.megabytes,
        }

    @property
    def generation(self) -> int:
        """The generation that the latest search answered from."""
        return self._opened.generation

    def find(
        self,
        question: str,
        *,
        k: int | None = None,
        filters: Filters = Filters(),
        asked_on: date | None = None,
        parts: int = 1,
        stages: tuple[str, ...] = _STAGES,
    ) -> Evidence:
        """The evidence of `retrieve`, where the arguments are explained."""
        return self.retrieve(
            question, k=k, filters=filters, asked_on=asked_on, parts=parts, stages=stages
        ).evidence

    def retrieve(
        self,
        question: str,
        *,
        k: int | None = None,
        filters: Filters = Filters(),
        asked_on: date | None = None,
        parts: int = 1,
        per_article: int | None = None,
        stages: tuple[str, ...] = _STAGES,
    ) -> Retrieved:
        """The k best passages for a question (by default `retrieval.top_k`), ranked from 1, with the
        readings they were ranked by.

        With `asked_on`, articles published around that day come before others of equal merit: news is asked
        about while it is new. A question of several `parts` is read again for each of them, so fewer passages
        are read for the whole of it: `retrieval.rerank_top_n` for all parts together, but no fewer than are
        kept. No more than `per_article` passages are of one article, as long as others have any.
        `stages` names who is asked, for comparing them: `dense` and `lexical` find passages, `whole` and
        `reader` put them in order; without a reader there is no re-ranking.
        """
        top_k = self._config.top_k if k is None else k
        candidates = max(self._config.candidates, top_k)
        vector = self._encoder.question(question) if "dense" in stages else None
        reader = self._reader if "reader" in stages else None
        rerank_top_n = (
            self._config.rerank_top_n if parts == 1 else max(top_k, self._config.rerank_top_n // parts)
        )
        if reader is None:
            rerank_top_n = 0
        most = max(top_k, rerank_top_n)

        def search(now: _Opened) -> list[RetrievedPassage]:
            rankings, places = self._ranked(now, question, vector, candidates, filters, stages)
            return self._merged(rankings, places, most, asked_on, per_article)

        found = self._undisturbed(search)
        readings: dict[str, Reading] = {}
        if reader and found:
            first = found[:rerank_top_n]
            read = reader.read(question, [p.passage.text for p in first])
            readings = {p.passage.id: reading for p, reading in zip(first, read, strict=True)}
            found = [*_reranked(first, readings), *found[rerank_top_n:]]
        if per_article is not None:
            found = _varied(found, per_article)
        kept = tuple(replace(p, rank=rank) for rank, p in enumerate(found[:top_k], 1))
        shown = {p.passage.id: readings[p.passage.id] for p in kept if p.passage.id in readings}
        return Retrieved(question, Evidence(kept), shown)

    def _ranked(
        self,
        now: _Opened,
        question: str,
        vector: Vector | None,
        candidates: int,
        filters: Filters,
        stages: tuple[str, ...],
    ) -> tuple[dict[str, list[tuple[str, float]]], dict[str, PassageRef]]:
        """The best keys with their scores, by index, and where the keys stand; those that the catalog does
        not know are left out."""
        # The indexes may hold keys that are just being added, or that the catalog has retired until the
        # writer gets there.
        passing = self.catalog.count_hidden()
        deep, deepest = candidates + min(candidates, passing), max(_DEEPEST, candidates + passing)
        while True:
            hits: dict[str, list[tuple[str, float]]] = {}
            if vector is not None:
                hits["dense"] = now.dense.search(vector, deep, filters, crowded=passing > candidates)
            if "lexical" in stages:
                hits["lexical"] = now.lexical.search(question, deep, filters)
            if "whole" in stages and hits:
                hits["whole"] = now.whole.search(question, deep, filters)
            places = self.catalog.passages({key for found in hits.values() for key, _ in found})
            short = [
                f for f in hits.values() if len(f) == deep and sum(key in places for key, _ in f) < candidates
            ]
            if not short or deep >= deepest:
                break
            deep = min(4 * deep, deepest)
        return {
            stage: [hit for hit in found if hit[0] in places][:candidates] for stage, found in hits.items()
        }, places

    def openings(
        self, *, k: int | None = None, filters: Filters = Filters(), asked_on: date | None = None
    ) -> Evidence:
        """How the k latest articles begin (by default `retrieval.top_k`), undated ones last: for a question
        that names nothing to look for, such as "What happened?". With `asked_on`, those that appeared after
        that day come last of all."""
        until = asked_on + min(timedelta(days=_DAYS_AHEAD), date.max - asked_on) if asked_on else None

        def look(_: _Opened) -> list[tuple[PassageRef, tuple[Article, Headline]]]:
            ids = self.catalog.latest(self._config.top_k if k is None else k, filters, until)
            places = self.catalog.first_passages(ids)
            read = self._read(places[i] for i in ids if i in places)
            return [
                (place, known)
                for i in ids
                if (place := places.get(i)) and (known := self._current(place, read))
            ]

        found = self._undisturbed(look)
        return Evidence(
            tuple(
                RetrievedPassage(article.passage(place.start, place.end), headline, rank, Scores())
                for rank, (place, (article, headline)) in enumerate(found, 1)
            )
        )

    def _undisturbed(self, search: Callable[[_Opened], _T]) -> _T:
        """What `search` finds while the collection stays as it is, from the indexes to the articles' texts.

        A commit in between may have replaced what the indexes named: the article's earlier passages count no
        more, and its new ones were not looked for. Then the search is made again. One that is disturbed even
        after `_PATIENCE` seconds leaves out what was replaced."""
        until = time.monotonic() + _PATIENCE
        tries = 0
        while True:
            now, tries = self._follow(), tries + 1
            last = tries >= _TRIES and time.monotonic() >= until
            try:
                found = search(now)
            except CollectionError:
                if last or self.catalog.generation() == now.generation:
                    raise
                continue  # the indexes were replaced, and removed, just now
            if last or self.catalog.generation() == now.generation:
                return found

    def _merged(
        self,
        rankings: dict[str, list[tuple[str, float]]],
        places: dict[str, PassageRef],
        most: int,
        asked_on: date | None,
        per_article: int | None,
    ) -> list[RetrievedPassage]:
        """The passages at most so many, best first, by the fusion of the rankings. Those that an article has
        beyond its `per_article` come last, and only where there is room."""
        whole = [(places[key].article_id, score) for key, score in rankings.pop("whole", ())]
        whole_score = dict(whole)
        rank_of = {article_id: rank for rank, (article_id, _) in enumerate(whole, 1)}
        scores = {stage: dict(found) for stage, found in rankings.items()}
        merged = fuse(
            [[key for key, _ in found] for found in rankings.values()],
            k=self._config.rrf_k,
            further={key: rank_of[p.article_id] for key, p in places.items() if p.article_id in rank_of},
        )
        fused_score = dict(merged)
        if asked_on:
            published = self.catalog.published(places[key].article_id for key, _ in merged)
            merged = [
                (key, fused * _recency(published.get(places[key].article_id), asked_on))
                for key, fused in merged
            ]
        merged.sort(key=lambda hit: (-hit[1], places[hit[0]].id))
        passages: list[RetrievedPassage] = []
        beyond: list[RetrievedPassage] = []
        turn: Counter[str] = Counter()
        read: dict[str, tuple[Article, Headline]] = {}
        for at, (key, last) in enumerate(merged):
            if len(passages) == most:
                break
            place = places[key]
            if at % most == 0:  # as many at a time as there will be, if none is left out
                read = self._read(places[key] for key, _ in merged[at : at + most])
            found = self._current(place, read)
            if found is None:  # removed or replaced since by another process that does not rest
                continue
            article, headline = found
            text = article.text[place.start : place.end]
            if headline.group and any(
                _repeats(text, p) for p in (*passages, *beyond) if p.article.group == headline.group
            ):
                continue  # a near-copy says the same words: what it lacks another passage may say
            turn[article.id] += 1
            into = beyond if per_article is not None and turn[article.id] > per_article else passages
            score = Scores(
                dense=scores.get("dense", {}).get(key),
                lexical=scores.get("lexical", {}).get(key),
                whole=whole_score.get(place.article_id),
                fused=fused_score[key],
                dated=last if asked_on else None,
            )
            into.append(
                RetrievedPassage(article.passage(place.start, place.end), headline, len(into) + 1, score)
            )
        return [*passages, *beyond][:most]

    def _read(self, places: Iterable[PassageRef]) -> dict[str, tuple[Article, Headline]]:
        """The articles that passages were cut from, by id."""
        return self.catalog.read({place.article_id for place in places})

    @staticmethod
    def _current(
        place: PassageRef, read: Mapping[str, tuple[Article, Headline]]
    ) -> tuple[Article, Headline] | None:
        """The article a passage was cut from; `None` if it has changed since."""
        known = read.get(place.article_id)
        return known if known and place.key == passage_key(known[0], place.start, place.end) else None

    def _follow(self) -> _Opened:
        """The indexes as they are now."""
        with self._lock:
            if self.catalog.generation() != self._opened.generation:
                self.catalog.check(self._made_with)
                self._opened = self._open(self._opened)
            return self._opened

    def _open(self, before: _Opened | None) -> _Opened:
        while True:
            generation, build = self.catalog.generation(), self.catalog.build()
            try:
                if before is None or before.build != build:
                    chroma, identity = self._made_with.chroma, self.catalog.identity()
                    mode = self._config.dense
                    dense = DenseIndex(self._home, chroma, identity=identity, build=build, mode=mode)
                    lexical = LexicalIndex(self._home, build=build)
                    whole = LexicalIndex(self._home, WHOLE, build=build)
                else:
                    dense, lexical, whole = before.dense, before.lexical, before.whole
                    lexical.reload()
                    whole.reload()
            except CollectionError:
                if self.catalog.build() == build:
                    raise
                self.catalog.check(self._made_with)
                continue  # a rebuild has just put others in their place
            dense.follow(self.catalog)
            return _Opened(generation, build, dense, lexical, whole, self.catalog.articles())
