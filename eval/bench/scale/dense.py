"""Nearest vectors by several methods over the same vectors: our index, Chroma's graph as it comes (which each
collection has) and as wide as is sensible, and every product in float32, which is the truth the others are
judged by."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from eval.bench import peers
from eval.bench.scale.figures import recall, spread
from eval.bench.scale.limits import read_rate
from eval.bench.scale.watch import holding
from eval.bench.scale.work import WARM, Work
from rag.models.encoder import SentenceEncoder
from rag.store.vectors import FOLDER, DenseIndex

__all__ = ["GRAPHS", "METHODS", "dense", "dump", "encode_questions", "graph"]

GRAPHS: dict[str, dict[str, Any]] = {
    "chroma wide": {"space": "cosine", "max_neighbors": 32, "ef_construction": 200, "ef_search": 200},
}
METHODS = ("numpy", "clippings", "chroma", *GRAPHS)  # the first makes what the others are judged by
_K = 50  # as many as a question asks the index for
_AT_ONCE = 1_000
_SURE = 5  # batches after which one can tell how long the rest takes

Search = Callable[[Any], Sequence[Any]]
Vectors = np.ndarray[Any, np.dtype[np.float32]]


def dump(work: Work, size: int) -> dict[str, Any]:
    """Write a collection's passages and vectors for whatever searches them."""
    peers.dump(work.config(size), work.passages(size))
    return {"passages": len(np.load(work.passages(size) / "vectors.npy", mmap_mode="r"))}


def encode_questions(work: Work) -> dict[str, Any]:
    """Write the questions' vectors, so that who searches need not hold an encoder."""
    encoder = SentenceEncoder(work.config(0).encoder)
    questions = work.asked()
    np.save(work.folder / "asked.npy", np.array([encoder.question(q["question"]) for q in questions]))
    return {"questions": len(questions) - WARM}


def graph(work: Work, name: str, size: int) -> dict[str, Any]:
    """Add a collection's vectors to a graph of Chroma's, unless that would take longer than there is patience
    for.
    """
    import chromadb

    vectors = _vectors(work, size)
    folder = _folder(work, name, size)
    shutil.rmtree(folder, ignore_errors=True)
    before = holding()
    client = chromadb.PersistentClient(str(folder), settings=_settings())
    collection = client.create_collection(
        "vectors", configuration={"hnsw": GRAPHS[name]}, embedding_function=None
    )
    began = time.perf_counter()
    for start in range(0, len(vectors), _AT_ONCE):
        some = np.asarray(vectors[start : start + _AT_ONCE])
        collection.add(ids=[str(row) for row in range(start, start + len(some))], embeddings=some)
        took = time.perf_counter() - began
        expected = took * len(vectors) / (start + len(some))
        if start >= _SURE * _AT_ONCE and expected > work.patience:
            client.close()
            shutil.rmtree(folder, ignore_errors=True)
            return {"left_out": f"adding would take {expected:,.0f} s or more"}
    seconds = time.perf_counter() - began
    after = holding()
    client.close()
    return {
        "per_second": len(vectors) / seconds,
        "disk_mb": sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 1e6,
        "memory_mb": {"before": before, "after": after},
    }


def dense(work: Work, name: str, size: int) -> dict[str, Any]:
    """Recall and milliseconds of searches for 50, and what they hold. The rate of reading memory is this
    process's own.

    `looked_through_gb_per_second` is what a search of ours reads, a byte a dimension and passage, by the time
    it takes; small collections stay in the processor's cache, so theirs may be above what memory gives.
    """
    asked = np.load(work.folder / "asked.npy")
    before = holding()
    search, passages = _opened(work, name, size)
    for vector in asked[:WARM]:
        search(vector)
    times, found = [], []
    for vector in asked[WARM:]:
        began = time.perf_counter()
        found.append(search(vector))
        times.append((time.perf_counter() - began) * 1000)
    after = holding()
    figures: dict[str, Any] = {"ms": spread(times), "memory_mb": {"before": before, "after": after}}
    truth = work.folder / f"truth-{size}.npy"
    vectors = _vectors(work, size)
    row_of = _rows(work, size) if name in ("clippings", "chroma") else {}
    rows = [row_of[passage_id(hit)] if row_of else int(hit) for hits in found for hit in hits]
    lengths = [len(hits) for hits in found]
    scores = [vectors[some] @ vector for some, vector in zip(_cut(rows, lengths), asked[WARM:], strict=True)]
    if name == METHODS[0]:
        np.save(truth, np.array(scores))
    else:
        best = np.load(truth)
        for k in (10, 50):
            shares = [
                recall(ours.tolist(), theirs.tolist(), k) for ours, theirs in zip(scores, best, strict=True)
            ]
            known = [share for share in shares if share is not None]
            figures[f"recall@{k}"] = sum(known) / len(known) if known else None
    figures["read_gb_per_second"] = read_rate(work.megabytes)
    took = figures["ms"]["p50"]
    if name in ("clippings", "numpy") and took:
        figures["looked_through_gb_per_second"] = (
            passages * vectors.shape[1] * (1 if name == "clippings" else 4) / 1e6 / took
        )
    return figures


def _opened(work: Work, name: str, size: int) -> tuple[Search, int]:
    """A search by vector that gives keys or rows, best first, and how many passages there are."""
    if name == "clippings":
        index = DenseIndex(work.config(size).home, work.config(size).chroma, build=work.build(size))
        return lambda vector: [key for key, _ in index.search(vector, _K)], index.count()
    if name == "numpy":
        matrix = np.load(work.passages(size) / "vectors.npy")

        def exact(vector: Vectors) -> Sequence[Any]:
            scores = matrix @ vector
            best = np.argpartition(-scores, _K)[:_K] if len(scores) > _K else np.arange(len(scores))
            rows: list[int] = best[np.argsort(-scores[best], kind="stable")].tolist()
            return rows

        return exact, len(matrix)
    import chromadb

    home = work.config(size).home / work.build(size)
    folder, called = (
        (home / FOLDER, "passages") if name == "chroma" else (_folder(work, name, size), "vectors")
    )
    client = chromadb.PersistentClient(str(folder), settings=_settings())
    collection = client.get_collection(called, embedding_function=None)
    wanted = min(_K, collection.count())
    return lambda vector: collection.query(
        query_embeddings=[vector], n_results=wanted, include=["distances"]
    )["ids"][0], wanted


def _rows(work: Work, size: int) -> dict[str, int]:
    """Where each passage stands among those that were written, by its id."""
    with (work.passages(size) / "passages.jsonl").open(encoding="utf-8") as lines:
        return {json.loads(line)["key"]: row for row, line in enumerate(lines)}


def passage_id(key: str) -> str:
    """A passage's id, from its name in the indexes.

    >>> passage_id("dam@0123456789abcdef:0-65")
    'dam:0-65'
    """
    article_id, _, rest = key.rpartition("@")
    return f"{article_id}:{rest.partition(':')[2]}"


def _cut(rows: Sequence[int], lengths: Sequence[int]) -> list[Sequence[int]]:
    """Rows, parted into as many as each length says.

    >>> _cut([4, 5, 6], [1, 0, 2])
    [[4], [], [5, 6]]
    """
    ends = np.cumsum(lengths).tolist()
    return [list(rows[end - length : end]) for end, length in zip(ends, lengths, strict=True)]


def _vectors(work: Work, size: int) -> Vectors:
    found: Vectors = np.load(work.passages(size) / "vectors.npy", mmap_mode="r")
    return found


def _folder(work: Work, name: str, size: int) -> Path:
    return work.folder / f"chroma-{size}-{name.replace(' ', '-')}"


def _settings() -> Any:
    from chromadb.config import Settings

    return Settings(anonymized_telemetry=False)
