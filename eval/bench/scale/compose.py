"""More articles than there are: real ones recombined.

Each passage of a new article is the first half of a passage of one article and the second half of one of
another that is about nearly the same, as news is many reports of few events. Its vector is the sum of the two
passages', at length one: `likeness` says how near that comes to encoding the new text.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterator, Sequence
from datetime import date
from functools import lru_cache
from itertools import islice
from typing import Any

import numpy as np

from eval.bench.scale.data import Real, Stock, indexed, real
from eval.bench.scale.figures import percentile
from eval.bench.scale.work import Work
from rag.english.sentences import sentences
from rag.errors import ConfigError
from rag.models.encoder import SentenceEncoder
from rag.store.vectors import DenseIndex
from rag.types import Article, content_version

__all__ = ["Composed", "compose", "halves", "likeness", "made", "recombine"]

_NEAR = 50  # articles among which the second one is drawn
_PREFIX = "made-"
_LOOKED_AT = 300  # passages that are encoded for real
_TENTH = 10
Composed = tuple[Article, tuple[tuple[int, int], ...], tuple[tuple[int, int], ...]]
Vectors = np.ndarray[Any, np.dtype[np.float32]]


@lru_cache(maxsize=500_000)
def halves(text: str) -> tuple[str, str]:
    """A passage in two, at the end of the sentence that lies nearest its middle; one of a single sentence
    between two words, and a single word is both halves.

    >>> halves("Rain fell. The river rose. Roads closed.")
    ('Rain fell. The river rose.', 'Roads closed.')
    >>> halves("Rain fell on Bergen"), halves("Rain")
    (('Rain fell', 'on Bergen'), ('Rain', 'Rain'))
    """
    borders = [end for _, end in sentences(text)][:-1] or [
        at for at, sign in enumerate(text) if sign.isspace()
    ]
    if not borders:
        return text, text
    cut = min(borders, key=lambda at: (abs(2 * at - len(text)), -at))
    first, second = text[:cut].strip(), text[cut:].strip()
    return (first, second) if first and second else (text, text)


def compose(number: int, one: Real, other: Real, chance: random.Random) -> Composed:
    """A new article with the title, the date and the source of the first: the article, where its passages
    lie, and for each the numbers of the passages of both that it is made of."""
    order = list(range(len(other.spans)))
    chance.shuffle(order)
    pairs = tuple((at, order[at % len(order)]) for at in range(len(one.spans)))
    ours, theirs = one.passages(), other.passages()
    pieces = [f"{halves(ours[a])[0]} {halves(theirs[b])[1]}" for a, b in pairs]
    text, spans = "", []
    for piece in pieces:
        text += "\n\n" if text else ""
        spans.append((len(text), len(text) + len(piece)))
        text += piece
    facts = {"title": one.title, "source": one.source, "published": one.published}
    return Article(f"{_PREFIX}{number:07}", content_version(text, facts), text, **facts), tuple(spans), pairs  # type: ignore[arg-type]


def neighbours(means: Vectors, k: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    """For each article the k others whose mean vectors are nearest to its own, nearest first, shape
    (articles, k).

    >>> neighbours(np.array([[1, 0], [0, 1], [0.8, 0.6]], dtype=np.float32), 1).tolist()
    [[2], [2], [0]]
    """
    found = []
    for start in range(0, len(means), 1_000):
        near = means[start : start + 1_000] @ means.T
        near[np.arange(len(near)), np.arange(start, start + len(near))] = -np.inf
        found.append(np.argsort(-near, axis=1, kind="stable")[:, :k])
    return np.concatenate(found)


def composed(articles: Sequence[Real], near: Sequence[Sequence[int]]) -> Iterator[tuple[int, int, Composed]]:
    """New articles without end, with the numbers of the two that each is of. Each real one is the first of a
    pair before any is for the second time. The same every time."""
    number = 0
    while True:
        order = list(range(len(articles)))
        random.Random(f"round {number}").shuffle(order)
        for one in order:
            chance = random.Random(f"article {number}")
            other = int(chance.choice(near[one]))
            yield one, other, compose(number, articles[one], articles[other], chance)
            number += 1


def recombine(work: Work, size: int) -> dict[str, Any]:
    """Write as many new articles as bring all real ones to so many passages, with the rows of the stock that
    their vectors are made of. Nothing where the real ones reach."""
    articles = [a for a in real(work) if a.spans]
    missing = size - sum(len(a.spans) for a in articles)
    if missing <= 0:
        return {"articles": 0, "passages": 0}
    if len(articles) < 2:
        raise ConfigError(f"{work.data} holds {len(articles)} articles with text; recombining takes two")
    stock = Stock(work.vectors)
    rows = [stock.rows([indexed(a.title, passage) for passage in a.passages()]) for a in articles]
    means = np.stack([stock.vectors(some).mean(axis=0) for some in rows])
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    near = neighbours(means, min(_NEAR, len(articles) - 1)).tolist()
    passages = count = 0
    aside = work.composed.with_suffix(".new")
    with aside.open("w", encoding="utf-8") as out:
        for one, other, (article, spans, pairs) in composed(articles, near):
            if passages >= missing:
                break
            row = {
                "id": article.id, "text": article.text, "title": article.title, "source": article.source,
                "published": article.published and article.published.isoformat(), "spans": spans,
                "rows": [(rows[one][a], rows[other][b]) for a, b in pairs],
            }  # fmt: skip
            out.write(json.dumps(row, ensure_ascii=False) + "\n")
            passages += len(spans)
            count += 1
    os.replace(aside, work.composed)
    return {"articles": count, "passages": passages}


def made(work: Work) -> Iterator[Composed]:
    """The new articles as they were written; in the place of the numbers of passages, rows of the stock."""
    with work.composed.open(encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            row["published"] = date.fromisoformat(row["published"]) if row["published"] else None
            spans, rows = (tuple((a, b) for a, b in row.pop(name)) for name in ("spans", "rows"))
            row["version"] = content_version(row["text"], row)
            yield Article(**row), spans, rows


def summed(stock: Stock, rows: Sequence[tuple[int, int]]) -> Vectors:
    """The vectors of recombined passages, of length one."""
    found = stock.vectors([a for a, _ in rows]) + stock.vectors([b for _, b in rows])
    lengths: Vectors = np.linalg.norm(found, axis=1, keepdims=True)
    unit: Vectors = (found / np.maximum(lengths, 1e-12)).astype(np.float32)
    return unit


def likeness(work: Work, size: int) -> dict[str, Any]:
    """How like the real thing recombined passages are: the cosine between a composed vector and that of the
    text encoded, and how far (1 − cosine) the tenth nearest other passage of the collection is, from real and
    from recombined ones."""
    stock = Stock(work.vectors)
    config = work.config(size)
    dense = DenseIndex(config.home, config.chroma, build=work.build(size))
    chance = random.Random("likeness")
    keys = dense.cache.keys()
    ids = {key.rpartition("@")[0] for key in keys}
    texts = [indexed(a.title, passage) for a in real(work) if a.id in ids for passage in a.passages()]
    originals = stock.vectors(stock.rows(chance.sample(texts, min(_LOOKED_AT, len(texts)))))
    among = np.concatenate(
        [
            stock.vectors(range(at, min(at + 8_192, len(stock)))) @ originals.T
            for at in range(0, len(stock), 8_192)
        ]
    )
    found: dict[str, Any] = {
        "distance_to_tenth": {
            "real, among all real": _shares(1 - np.sort(among, axis=0)[-1 - _TENTH :][0]),
            "real": _shares(_tenth(dense, originals)),
        }
    }
    if work.composed.is_file():
        # Those that this collection holds are the first.
        count = sum(key.startswith(_PREFIX) for key in keys)
        pool: list[tuple[str, tuple[int, int]]] = []
        for article, spans, rows in made(work):
            if len(pool) >= count:
                break
            pool += [
                (indexed(article.title, article.text[a:b]), of)
                for (a, b), of in zip(spans, rows, strict=True)
            ]
        some = chance.sample(pool, min(_LOOKED_AT, len(pool)))
        if some:
            vectors = summed(stock, [rows for _, rows in some])
            encoded = SentenceEncoder(config.encoder).passages([text for text, _ in some])
            cosines = (vectors * encoded).sum(axis=1)
            found["cosine"] = {"mean": float(cosines.mean()), **_shares(cosines)}
            found["distance_to_tenth"]["recombined"] = _shares(_tenth(dense, vectors))
            found["distance_to_tenth"]["recombined, encoded"] = _shares(_tenth(dense, encoded))
    dense.close()
    return found


def _tenth(dense: DenseIndex, vectors: Vectors) -> list[float]:
    """How far the tenth nearest is, the nearest left out: that is the passage itself."""
    hits = (dense.search(vector, _TENTH + 1) for vector in vectors)
    return [1 - found[-1][1] for found in islice(hits, len(vectors)) if found]


def _shares(values: Any) -> dict[str, float | None]:
    known = [float(value) for value in values]
    return {name: percentile(known, share) for name, share in (("p10", 0.1), ("p50", 0.5), ("p90", 0.9))}
