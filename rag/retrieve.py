"""From a question to its evidence: the only file that orders or cuts.

The dense and the lexical index name their best passages, a second lexical index the best whole articles; reciprocal
rank fusion merges the three rankings, the reader reads the best of the merged once, and the best of those are kept.
Filters are applied over the catalog's directory in memory, and the passages they admit are scored exactly, so a filter
never costs more than a look through the collection.
"""

from __future__ import annotations

import itertools
import math
import re
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from rag.catalog import Catalog, Directory, Place, passage_key
from rag.config import Config
from rag.index.dense import DenseIndex, nearest
from rag.index.fuse import fuse
from rag.index.lexical import WHOLE, LexicalIndex
from rag.text import log_odds, words
from rag.types import Article, Encoder, Evidence, Filters, Headline, Reader, Reading, RetrievedPassage, Scores

if TYPE_CHECKING:
    import numpy as np

__all__ = ["Retriever"]

_ARTICLES_AT_HAND = 256
_STAGES = ("dense", "lexical", "whole", "reader")
# Chosen on the news questions of 2022; see eval/LOG.md.
_TIMELY = 1.0  # how much more an article of the very day counts
_FADES = 30.0  # days after which that is down to a third
_AHEAD = 3  # days: a weekly quiz, like a magazine, is dated after it is written


def _timeliness(published: date | None, asked_on: date) -> float:
    """What an article's score is multiplied by: 2 for the day of asking, falling to 1 with the distance in days;
    1 where the date is unknown or lies in the future.

    >>> _timeliness(date(2024, 1, 20), date(2024, 1, 20)), _timeliness(None, date(2024, 1, 20))
    (2.0, 1.0)
    """
    if published is None or (published - asked_on).days > _AHEAD:
        return 1.0
    return 1.0 + _TIMELY * math.exp(-abs((asked_on - published).days) / _FADES)


# How the reader's judgements and the rank before them are weighed; chosen on the news questions of 2022, see eval/LOG.md.
_ANSWERABLE, _RELEVANT, _BEFORE = 0.05, 0.05, 1.0


def _reread(found: Sequence[RetrievedPassage], readings: Sequence[Reading]) -> list[RetrievedPassage]:
    """The passages in the order of the reader's judgement and of their score before it; equal ones by id."""
    scored = []
    for p, reading in zip(found, readings, strict=True):
        before = p.scores.dated if p.scores.dated is not None else p.scores.fused
        value = (
            _ANSWERABLE * log_odds(reading.answerable)
            + _RELEVANT * log_odds(reading.relevant)
            + _BEFORE * math.log(before if before else 1e-6)
        )
        scored.append(replace(p, scores=replace(p.scores, reader=1 / (1 + math.exp(-value)))))
    return sorted(scored, key=lambda p: (-(p.scores.reader or 0.0), p.passage.id))


_COPY = 0.7  # of a passage's pairs of words, that stand in a near-copy of it


def _repeats(text: str, shown: RetrievedPassage) -> bool:
    """Whether a passage says what one of another article said already, and no name and no number besides: a copy in which one
    of these was changed says something else."""
    theirs = shown.passage.text
    named = {word for word in re.findall(r"\w+", text) if not word.islower()}
    if not named <= set(re.findall(r"\w+", theirs)):
        return False
    said, there = (set(itertools.pairwise(words(t))) for t in (text, theirs))
    return bool(said) and len(said & there) >= _COPY * len(said)


class Retriever:
    """A collection opened for questions. It follows what other processes write: every question first asks
    the catalog for its generation, and opens the indexes anew when that has risen."""

    def __init__(self, home: Path, config: Config, encoder: Encoder, reader: Reader | None = None) -> None:
        self.catalog = Catalog(home, config)
        self._made_with = config
        self._config = config.retrieval
        self._encoder = encoder
        self._reader = reader
        # One lock for opening anew and for searching: the indexes must not be closed under a search,
        # and a search takes milliseconds. Encoding, which takes longer, is outside it.
        self._lock = threading.Lock()
        self._generation = self.catalog.generation()
        self._lexical = LexicalIndex(home)
        self._whole = LexicalIndex(home, WHOLE)
        self._dense = DenseIndex(home)
        self._directory: Directory | None = None
        self._matrix: tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]] | None = None
        self._articles: OrderedDict[str, tuple[Article, Headline]] = OrderedDict()

    def __enter__(self) -> Retriever:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        with self._lock:
            self._dense.close()
            self.catalog.close()

    @property
    def generation(self) -> int:
        """The generation that the latest search answered from."""
        return self._generation

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
        """The k best passages for a question (by default `retrieval.keep`), ranked from 1.

        With `asked_on`, articles published around that day come before others of equal merit: news is asked
        about while it is new. A question of several `parts` is read again for each of them, so fewer passages are read
        for the whole of it: `retrieval.read` for all parts together, but no fewer than are kept. `stages` names who is
        asked, for comparing them: `dense` and `lexical` find passages, `whole` and `reader` put them in order; without
        a reader there is no re-ranking.
        """
        keep = self._config.keep if k is None else k
        wanted = max(self._config.candidates, keep)
        vector = self._encoder.question(question) if "dense" in stages else None
        with self._lock:
            self._follow()
            # What the catalog has retired may still be in the indexes until the writer gets there.
            spare = len(self.catalog.doomed())
            hits: dict[str, list[tuple[str, float]]] = {}
            if vector is not None:
                hits["dense"] = self._search_dense(vector, wanted + spare, filters)
            if "lexical" in stages:
                hits["lexical"] = self._search_lexical(self._lexical, question, wanted + spare, filters)
            if "whole" in stages and hits:
                hits["whole"] = self._search_lexical(self._whole, question, wanted + spare, filters)
            places = self.catalog.places({key for found in hits.values() for key, _ in found})
        rankings = {stage: [hit for hit in found if hit[0] in places][:wanted] for stage, found in hits.items()}
        reader = self._reader if "reader" in stages else None
        read = 0 if reader is None else self._config.read if parts == 1 else max(keep, self._config.read // parts)
        found = self._evidence(rankings, places, max(keep, read), asked_on)
        if reader and found:
            first = found[:read]
            found = [*_reread(first, reader.read(question, [p.passage.text for p in first])), *found[read:]]
        return Evidence(tuple(replace(p, rank=rank) for rank, p in enumerate(found[:keep], 1)))

    def openings(self, *, k: int | None = None, filters: Filters = Filters(), asked_on: date | None = None) -> Evidence:
        """How the k latest articles begin (by default `retrieval.keep`), undated ones last: for a question that names
        nothing to look for, such as "What happened?". With `asked_on`, those that appeared after that day come last of all."""
        import numpy as np

        with self._lock:
            self._follow()
            directory = self._listed()
            admitted = directory.admitted(filters).nonzero()[0]  # by id
            days = directory.published[admitted]
            ahead = days > asked_on.toordinal() + _AHEAD if asked_on else np.zeros(len(days), dtype=bool)
            latest = admitted[np.lexsort((-days, ahead))][: self._config.keep if k is None else k]
            ids = [directory.articles[i] for i in latest]
            places = self.catalog.openings(ids)
        found = [(place, known) for i in ids if (place := places.get(i)) and (known := self._article(place))]
        return Evidence(
            tuple(
                RetrievedPassage(article.passage(place.start, place.end), headline, rank, Scores())
                for rank, (place, (article, headline)) in enumerate(found, 1)
            )
        )

    def _search_dense(self, vector: np.ndarray[Any, Any], k: int, filters: Filters) -> list[tuple[str, float]]:
        if not filters:
            return self._dense.search(vector, k)
        directory = self._listed()
        if self._matrix is None:
            self._matrix = self._dense.vectors(directory.keys)
        matrix, there = self._matrix
        rows = (directory.admitted(filters)[directory.article] & there).nonzero()[0]
        return nearest(matrix, rows, vector, directory.keys, k)

    def _search_lexical(self, index: LexicalIndex, question: str, k: int, filters: Filters) -> list[tuple[str, float]]:
        if not filters:
            return index.search(question, k)
        directory = self._listed()
        admitted = directory.admitted(filters)
        # Name whichever side is smaller: a filter by date bars thousands, an exclusion bars a few.
        if admitted.sum() * 2 > len(admitted):
            barred = [directory.articles[i] for i in (~admitted).nonzero()[0]]
            return index.search(question, k, without=barred)
        return index.search(question, k, only=[directory.articles[i] for i in admitted.nonzero()[0]])

    def _evidence(
        self, rankings: dict[str, list[tuple[str, float]]], places: dict[str, Place], most: int, asked_on: date | None
    ) -> list[RetrievedPassage]:
        whole = [(places[key].article_id, score) for key, score in rankings.pop("whole", ())]
        whole_score = dict(whole)
        rank_of = {article_id: rank for rank, (article_id, _) in enumerate(whole, 1)}
        scores = {stage: dict(found) for stage, found in rankings.items()}
        merged = fuse(
            [[key for key, _ in found] for found in rankings.values()],
            k=self._config.fuse_k,
            further={key: rank_of[p.article_id] for key, p in places.items() if p.article_id in rank_of},
        )
        fused_score = dict(merged)
        if asked_on:
            published = self.catalog.published(places[key].article_id for key, _ in merged)
            merged = [(key, fused * _timeliness(published.get(places[key].article_id), asked_on)) for key, fused in merged]
        merged.sort(key=lambda hit: (-hit[1], places[hit[0]].id))
        passages: list[RetrievedPassage] = []
        for key, last in merged:
            if len(passages) == most:
                break
            place = places[key]
            if (found := self._article(place)) is None:  # removed or replaced by another process since the search
                continue
            article, headline = found
            text = article.text[place.start : place.end]
            if headline.group and any(_repeats(text, p) for p in passages if p.article.group == headline.group):
                continue  # a near-copy says the same words: what it lacks another passage may say
            score = Scores(
                dense=scores.get("dense", {}).get(key),
                lexical=scores.get("lexical", {}).get(key),
                whole=whole_score.get(place.article_id),
                fused=fused_score[key],
                dated=last if asked_on else None,
            )
            passages.append(RetrievedPassage(article.passage(place.start, place.end), headline, len(passages) + 1, score))
        return passages

    def _article(self, place: Place) -> tuple[Article, Headline] | None:
        """The article a passage was cut from, from memory where it was read before; `None` if it has changed since."""
        with self._lock:
            known = self._articles.get(place.article_id)
            if known is None:
                article, headline = self.catalog.article(place.article_id), self.catalog.headline(place.article_id)
                if article is None or headline is None or article.version != headline.version:
                    return None
                known = self._articles[place.article_id] = article, headline
                while len(self._articles) > _ARTICLES_AT_HAND:
                    self._articles.popitem(last=False)
            self._articles.move_to_end(place.article_id)
        return known if place.key == passage_key(known[0], place.start, place.end) else None

    def _follow(self) -> None:
        generation = self.catalog.generation()
        if generation != self._generation:
            self.catalog.check(self._made_with)
            self._lexical.reload()
            self._whole.reload()
            self._directory = self._matrix = None
            self._articles.clear()
            self._generation = generation

    def _listed(self) -> Directory:
        if self._directory is None:
            self._directory = self.catalog.directory()
        return self._directory
