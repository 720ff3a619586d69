"""The news as it is read and cut, and a vector for every passage of it, encoded once."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from eval.bench.scale.work import Work
from ingest.scan import ArticleReader, scan
from ingest.split import passage_spans
from rag.config import Config
from rag.errors import ConfigError, SourceError
from rag.models.encoder import SentenceEncoder, bundled_folder

__all__ = ["Looked", "Real", "Stock", "encode_all", "indexed", "real"]

_A_FILE = 4_096  # passages, or a few more: a file ends with an article
_SAMPLE = 1_024  # passages that are encoded again, for the rate of now
_LAYERS, _WIDTH, _LONGEST = 6, 384, 256  # of the bundled encoder
Vectors = np.ndarray[Any, np.dtype[np.float32]]


@dataclass(frozen=True, slots=True)
class Real:
    """An article and where its passages lie; `at` is the byte at which its line begins in the file."""

    id: str
    title: str | None
    source: str | None
    published: date | None
    text: str
    spans: tuple[tuple[int, int], ...]
    at: int

    def passages(self) -> list[str]:
        return [self.text[start:end] for start, end in self.spans]


def indexed(title: str | None, passage: str) -> str:
    """A passage as the indexes see it."""
    return f"{title}\n{passage}" if title else passage


def real(work: Work) -> Iterator[Real]:
    """The articles of which `encode_all` has kept the vectors, in the order of the file."""
    with work.real.open(encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            row["published"] = date.fromisoformat(row["published"]) if row["published"] else None
            yield Real(**{**row, "spans": tuple((start, end) for start, end in row["spans"])})


class Stock:
    """Vectors by the hash of the text they are of, in files that are mapped into memory."""

    def __init__(self, folder: Path) -> None:
        names = sorted(file.stem[1:] for file in folder.glob("h*.npy"))
        hashes = [np.load(folder / f"h{name}.npy") for name in names]
        self._parts = [np.load(folder / f"v{name}.npy", mmap_mode="r") for name in names]
        self._ends = np.cumsum([len(some) for some in hashes])
        every = np.concatenate(hashes) if hashes else np.zeros(0, np.uint64)
        self._order = np.argsort(every, kind="stable")
        self._sorted = every[self._order]

    def __len__(self) -> int:
        return len(self._sorted)

    def rows(self, texts: Sequence[str]) -> list[int]:
        """Where the vectors of texts stand; −1 where there is none."""
        if not len(self):
            return [-1] * len(texts)
        wanted = np.array([_number(text) for text in texts], dtype=np.uint64)
        at = np.minimum(np.searchsorted(self._sorted, wanted), len(self) - 1)
        rows: list[int] = np.where(self._sorted[at] == wanted, self._order[at], -1).tolist()
        return rows

    def vectors(self, rows: Sequence[int]) -> Vectors:
        """Shape (rows, dims)."""
        parts = np.searchsorted(self._ends, rows, "right").tolist()
        begins = [0, *self._ends.tolist()]
        return np.array(
            [self._parts[p][row - begins[p]] for p, row in zip(parts, rows, strict=True)], dtype=np.float32
        )


class Looked:
    """An encoder that looks up what was encoded before. `more` are vectors of texts that no stock has."""

    def __init__(self, name: str, stock: Stock) -> None:
        self.name, self.dims, self.languages = name, _WIDTH, frozenset({"en"})
        self.more: dict[str, Vectors] = {}
        self._stock = stock

    def passages(self, texts: Sequence[str]) -> Vectors:
        """Raises `ConfigError` for a text of which no vector is known."""
        if not texts:
            return np.zeros((0, self.dims), dtype=np.float32)
        rows = self._stock.rows([text for text in texts if text not in self.more])
        if -1 in rows:
            raise ConfigError(
                "a passage has no vector: the articles have changed. Name an empty folder with --work"
            )
        found = iter(self._stock.vectors(rows) if rows else ())
        return np.array(
            [self.more[text] if text in self.more else next(found) for text in texts], dtype=np.float32
        )

    def question(self, text: str) -> Vectors:
        vector: Vectors = self.passages([text])[0]
        return vector


def flops(tokens: int) -> int:
    """The additions and multiplications of encoding a text of so many tokens.

    In each of 6 layers, for each token: 24 w² in the six matrix products of width w = 384 (query, key, value
    and mixing w × w, widening and narrowing w × 4w, two operations a weight), and 4 w t in the two products
    of attention over t tokens. Softmax, norms and the look-up of words are left out: under a hundredth.

    >>> flops(195) / 1e9
    4.49100288
    """
    return _LAYERS * tokens * (24 * _WIDTH**2 + 4 * _WIDTH * tokens)


def encode_all(work: Work) -> dict[str, Any]:
    """Read and cut the articles, encode what has no vector yet, and say how fast encoding is on this machine
    now, over passages that are encoded once more and compared with what is kept. A run that is stopped goes
    on after the last full file."""
    config = Config()
    encoder = SentenceEncoder(config.encoder)
    work.vectors.mkdir(parents=True, exist_ok=True)
    stock = Stock(work.vectors)
    encoded, seconds, passages, articles = 0, 0.0, 0, 0
    waiting: list[str] = []

    def flush() -> None:
        nonlocal encoded, seconds
        began = time.perf_counter()
        vectors = encoder.passages(waiting)
        seconds += time.perf_counter() - began
        encoded += len(waiting)
        number = len(list(work.vectors.glob("h*.npy")))
        np.save(work.vectors / f"v{number:04}.npy", vectors)
        # The hashes last: vectors that have none do not count.
        np.save(work.vectors / f"h{number:04}.npy", np.array([_number(text) for text in waiting], np.uint64))
        waiting.clear()

    aside = work.real.with_suffix(".new")
    with ArticleReader() as readings, aside.open("w", encoding="utf-8") as out:
        for found in scan([work.articles()]).found:
            try:
                article, _ = readings.read(found)
            except SourceError:
                continue  # as a sync does, and says
            spans = passage_spans(article.text, config.passages)
            row = {
                "id": article.id, "title": article.title, "source": article.source,
                "published": article.published and article.published.isoformat(), "text": article.text,
                "spans": spans,
                "at": found.position,
            }  # fmt: skip
            out.write(json.dumps(row, ensure_ascii=False) + "\n")
            texts = [indexed(article.title, article.text[start:end]) for start, end in spans]
            waiting += [text for text, row in zip(texts, stock.rows(texts), strict=True) if row < 0]
            passages += len(spans)
            articles += 1
            if len(waiting) >= _A_FILE:
                flush()
    if waiting:
        flush()
    os.replace(aside, work.real)
    return {
        "articles": articles, "passages": passages, "encoded": encoded, "seconds": seconds, **_rate(work,
        encoder),
    }  # fmt: skip


def _rate(work: Work, encoder: SentenceEncoder) -> dict[str, Any]:
    """How fast some of the passages are encoded, drawn evenly from all, and how near the vectors are to those
    kept.
    """
    texts = [indexed(a.title, passage) for a in real(work) for passage in a.passages()]
    some = texts[:: max(1, len(texts) // _SAMPLE)][:_SAMPLE]
    tokenizer = Tokenizer.from_file(str(bundled_folder() / "tokenizer.json"))
    tokenizer.enable_truncation(_LONGEST)
    tokenizer.no_padding()
    lengths = [len(read.ids) for read in tokenizer.encode_batch(some)]
    encoder.passages(some[:8])
    began = time.perf_counter()
    vectors = encoder.passages(some)
    took = time.perf_counter() - began
    stock = Stock(work.vectors)
    cosines = (vectors * stock.vectors(stock.rows(some))).sum(axis=1)
    return {
        "sampled": len(some),
        "per_second": len(some) / took,
        "tokens": sum(lengths) / len(lengths),
        "gflop": sum(map(flops, lengths)) / len(lengths) / 1e9,
        "least_cosine_to_kept": float(cosines.min()),
    }


def _number(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")
