"""Clippings beside other libraries' retrieval: one run, the same passages, the same encoder weights.

    pip install -e ".[peers]"
    python -m eval.bench.peers --data DIR [--home DIR] [--questions FILE …] [--only NAME …] [--patience
    SECONDS]
                               [--sample ARTICLES] [--out FILE]

DIR is a folder as `eval.bench.news` reads it. Every system gets the passages and the vectors of one
collection (title before each passage, as Clippings indexes it), ranks passages for the questions of which
some article holds the answer, and is judged on distinct articles. Each works in a process of its own, so that
memory is its own. The questions come in one shuffled order; a system that is slower than `--patience` allows
is judged on the ones it reached, and compared with Clippings on just those.

What is measured: hit@1, 5, 10 of an article that holds the answer; the answer's words in the first 8
passages; passages a second from text to searchable (encoding included, over the first articles) and with
vectors given (over all); milliseconds of a question for 8 passages (its encoding included); memory grown from
before indexing to the last question.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Protocol

from eval.bench.news import collection
from eval.metrics.interval import bootstrap, paired_difference
from ingest import sync
from rag import Config
from rag.config import default_home
from rag.english.matching import contained
from rag.errors import ConfigError
from rag.models.encoder import SentenceEncoder
from rag.models.reader import SpanReader
from rag.retrieval.search import Retriever
from rag.store import Record
from rag.store.bm25 import LexicalIndex, LexicalWriter
from rag.store.catalog import Catalog
from rag.store.vectors import DenseIndex

__all__ = ["SYSTEMS", "Clippings", "Vectors", "dump", "main", "measure", "passages", "table"]

_DEPTHS = (1, 5, 10)
_WIDE = 200  # passages looked at for ten distinct articles
_READ = 8
_AT_ONCE = 65_536  # passages whose vectors are fetched together
_WARM = 3  # questions before the clock starts

Passage = dict[
    str, str
]  # key, article, text as it is indexed; "whole", the article, on the first of each where wanted


class System(Protocol):
    """One library. It is given everything once and then asked."""

    def index(self, passages: Sequence[Passage]) -> None: ...

    def search(self, question: str, asked_on: date, k: int) -> list[str]:
        """The keys of the k best passages, best first."""
        ...


class Vectors:
    """The collection's own vectors for its own passages, and the encoder for everything else."""

    def __init__(self, work: Path | None) -> None:
        import numpy as np

        self.encoder = SentenceEncoder(Config().encoder)
        self._rows: dict[str, int] = {}
        self._matrix: Any = None
        if work is not None:
            self._matrix = np.load(work / "vectors.npy", mmap_mode="r")
            for row, line in enumerate((work / "passages.jsonl").open(encoding="utf-8")):
                self._rows[json.loads(line)["text"]] = row

    def of(self, texts: Sequence[str]) -> Any:
        """Unit vectors, shape (texts, dims)."""
        import numpy as np

        rows = [self._rows.get(text) for text in texts]
        missing = [text for text, row in zip(texts, rows, strict=True) if row is None]
        fresh = iter(self.encoder.passages(missing)) if missing else iter(())
        return np.asarray(
            [next(fresh) if row is None else self._matrix[row] for row in rows], dtype=np.float32
        )

    def question(self, text: str) -> Any:
        return self.encoder.question(text)


class Clippings:
    """The product's own retrieval over its own collection; `dated` tells it the day of the question."""

    dated = True

    def __init__(self, vectors: Vectors, home: Path) -> None:
        self._retriever = Retriever(home, Config(home=home), vectors.encoder, SpanReader())

    def index(self, passages: Sequence[Passage]) -> None:
        """Nothing: `sync` made the collection."""

    def search(self, question: str, asked_on: date, k: int) -> list[str]:
        found = self._retriever.find(question, k=k, asked_on=asked_on if self.dated else None)
        return [p.passage.id for p in found]


class Undated(Clippings):
    dated = False


class Lexical:
    """Plain BM25 over the passages, by tantivy."""

    def __init__(self, vectors: Vectors, home: Path) -> None:
        self._folder = tempfile.TemporaryDirectory()

    def index(self, passages: Sequence[Passage]) -> None:
        home = Path(self._folder.name)
        with LexicalWriter(home) as writer:
            writer.add(Record(p["key"], p["article"], p["text"]) for p in passages)
            writer.commit()
        self._index = LexicalIndex(home)

    def search(self, question: str, asked_on: date, k: int) -> list[str]:
        return [key for key, _ in self._index.search(question, k)]


class Dense:
    """Plain nearest vectors: every product, in float32."""

    def __init__(self, vectors: Vectors, home: Path) -> None:
        self._vectors = vectors

    def index(self, passages: Sequence[Passage]) -> None:
        self._keys = [p["key"] for p in passages]
        self._matrix = self._vectors.of([p["text"] for p in passages])

    def search(self, question: str, asked_on: date, k: int) -> list[str]:
        import numpy as np

        # Not a matrix product: numpy's is threaded, and fights with the encoder's graph for the cores.
        cosines = np.einsum("ij,j->i", self._matrix, self._vectors.question(question))
        best = np.argpartition(-cosines, k)[:k] if k < len(cosines) else np.arange(len(cosines))
        return [
            self._keys[row] for row in sorted(best.tolist(), key=lambda row: (-cosines[row], self._keys[row]))
        ]


def _llama_embedding(vectors: Vectors) -> Any:
    from llama_index.core.base.embeddings.base import BaseEmbedding

    class Ours(BaseEmbedding):  # type: ignore[misc]  # llama-index has no types
        def _get_query_embedding(self, query: str) -> list[float]:
            found: list[float] = vectors.question(query).tolist()
            return found

        async def _aget_query_embedding(self, query: str) -> list[float]:
            return self._get_query_embedding(query)

        def _get_text_embedding(self, text: str) -> list[float]:
            found: list[float] = vectors.of([text])[0].tolist()
            return found

        def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
            found: list[list[float]] = vectors.of(texts).tolist()
            return found

    return Ours(embed_batch_size=64)


class LlamaIndex:
    """llama-index's VectorStoreIndex in memory, over the same passages."""

    def __init__(self, vectors: Vectors, home: Path) -> None:
        self._embedding = _llama_embedding(vectors)

    def index(self, passages: Sequence[Passage]) -> None:
        from llama_index.core import VectorStoreIndex
        from llama_index.core.schema import TextNode

        nodes = [TextNode(id_=p["key"], text=p["text"]) for p in passages]
        self._index = VectorStoreIndex(nodes, embed_model=self._embedding)
        self._retrievers: dict[int, Any] = {}

    def search(self, question: str, asked_on: date, k: int) -> list[str]:
        if k not in self._retrievers:
            self._retrievers[k] = self._index.as_retriever(similarity_top_k=k)
        return [hit.node.node_id for hit in self._retrievers[k].retrieve(question)]


class LlamaIndexDefaults(LlamaIndex):
    """llama-index as its first page has it: whole articles, its own chunks of 1,024 tokens. Keys are
    articles.
    """

    def index(self, passages: Sequence[Passage]) -> None:
        from llama_index.core import Document, VectorStoreIndex

        whole: dict[str, str] = {}
        for p in passages:
            if "whole" in p:
                whole[p["article"]] = p["whole"]
        documents = [Document(id_=article, text=text) for article, text in whole.items()]
        self._index = VectorStoreIndex.from_documents(documents, embed_model=self._embedding)
        self._retrievers: dict[int, Any] = {}

    def search(self, question: str, asked_on: date, k: int) -> list[str]:
        if k not in self._retrievers:
            self._retrievers[k] = self._index.as_retriever(similarity_top_k=k)
        return [hit.node.ref_doc_id for hit in self._retrievers[k].retrieve(question)]


class Txtai:
    """txtai's hybrid index: BM25 and nearest vectors, weighted half and half, with its default stores."""

    def __init__(self, vectors: Vectors, home: Path) -> None:
        from txtai import Embeddings

        def encode(
            texts: list[str],
        ) -> Any:  # txtai takes a function for a transform, and calls anything else
            return vectors.question(texts[0])[None, :] if self._asking else vectors.of(texts)

        self._embeddings = Embeddings(method="external", transform=encode, hybrid=True, content=False)
        self._asking = False

    def index(self, passages: Sequence[Passage]) -> None:
        self._asking = False
        self._embeddings.index((p["key"], p["text"], None) for p in passages)
        self._asking = True

    def search(self, question: str, asked_on: date, k: int) -> list[str]:
        return [str(key) for key, _ in self._embeddings.search(question, k)]


class Haystack:
    """Haystack's in-memory store with its BM25 and embedding retrievers, joined by reciprocal rank."""

    def __init__(self, vectors: Vectors, home: Path) -> None:
        from haystack.components.joiners import DocumentJoiner
        from haystack.components.retrievers.in_memory import InMemoryBM25Retriever, InMemoryEmbeddingRetriever
        from haystack.document_stores.in_memory import InMemoryDocumentStore

        self._vectors = vectors
        self._store = InMemoryDocumentStore(embedding_similarity_function="cosine")
        self._lexical = InMemoryBM25Retriever(document_store=self._store)
        self._dense = InMemoryEmbeddingRetriever(document_store=self._store)
        self._joiner = DocumentJoiner(join_mode="reciprocal_rank_fusion")

    def index(self, passages: Sequence[Passage]) -> None:
        from haystack import Document

        for start in range(0, len(passages), 1_000):
            some = passages[start : start + 1_000]
            vectors = self._vectors.of([p["text"] for p in some]).tolist()
            self._store.write_documents(
                [
                    Document(id=p["key"], content=p["text"], embedding=vector)
                    for p, vector in zip(some, vectors, strict=True)
                ]
            )

    def search(self, question: str, asked_on: date, k: int) -> list[str]:
        lexical = self._lexical.run(query=question, top_k=k)["documents"]
        vector = self._vectors.question(question).tolist()
        dense = self._dense.run(query_embedding=vector, top_k=k)["documents"]
        joined = self._joiner.run(documents=[lexical, dense], top_k=k)["documents"]
        return [document.id for document in joined]


SYSTEMS: dict[str, Callable[[Vectors, Path], System]] = {
    "clippings": Clippings,
    "clippings, undated": Undated,
    "bm25": Lexical,
    "dense": Dense,
    "llama-index": LlamaIndex,
    "llama-index defaults": LlamaIndexDefaults,
    "txtai hybrid": Txtai,
    "haystack hybrid": Haystack,
}


def dump(config: Config, work: Path) -> None:
    """Write the collection's passages as they are indexed, with their vectors, by article and offset."""
    import numpy as np

    work.mkdir(parents=True, exist_ok=True)
    catalog = Catalog(config.home, config)
    marks = work / "generation"
    if marks.is_file() and marks.read_text() == str(catalog.generation()):
        catalog.close()
        return
    dense = DenseIndex(config.home, config.chroma, identity=catalog.identity(), build=catalog.build())
    places = sorted(
        catalog.passages(catalog.keys()).values(), key=lambda place: (place.article_id, place.start)
    )
    parts = []
    with (work / "passages.jsonl").open("w", encoding="utf-8") as out:
        last: tuple[str, Any] = ("", None)
        for start in range(0, len(places), _AT_ONCE):
            some = places[start : start + _AT_ONCE]
            matrix, there = dense.vectors([place.key for place in some])
            parts.append(matrix[there])
            for place in (place for place, known in zip(some, there, strict=True) if known):
                if last[0] != place.article_id:
                    last = place.article_id, catalog.article(place.article_id)
                title = f"{last[1].title}\n" if config.passages.title and last[1].title else ""
                passage = {
                    "key": place.id,
                    "article": place.article_id,
                    "text": title + last[1].text[place.start : place.end],
                }
                out.write(json.dumps(passage, ensure_ascii=False) + "\n")
    np.save(work / "vectors.npy", np.concatenate(parts))
    marks.write_text(str(catalog.generation()))
    dense.close()
    catalog.close()


def passages(config: Config, work: Path, *, whole: bool) -> list[Passage]:
    """What `dump` has written; with `whole`, every article on the first of its passages."""
    found: list[Passage] = [json.loads(line) for line in (work / "passages.jsonl").open(encoding="utf-8")]
    if whole:
        catalog = Catalog(config.home, config)
        first = {p["article"]: p for p in reversed(found)}
        for key, passage in first.items():
            if article := catalog.article(key):
                passage["whole"] = f"{article.title}\n{article.text}" if article.title else article.text
        catalog.close()
    return found


def measure(
    name: str, config: Config, work: Path, questions: Sequence[dict[str, Any]], patience: float, sample: int
) -> dict[str, Any]:
    """Index and ask one system, in this process. Rates in passages a second, times in milliseconds, memory in
    MB. `sample`: how many articles are taken in from their text, to see the rate with encoding."""
    whole = name == "llama-index defaults"
    given = passages(config, work, whole=whole)
    found: dict[str, Any] = {"system": name, "passages": len(given)}
    found["taken_in_per_second"] = _rate_with_encoding(name, config, given, sample)
    vectors = Vectors(work)
    vectors.question("load the model before the clock starts")
    before = _memory()
    system = SYSTEMS[name](vectors, config.home)
    began = time.perf_counter()
    system.index(given)
    if not isinstance(system, Clippings):
        found["indexed_per_second"] = len(given) / (time.perf_counter() - began)
    article = {p["key"]: p["article"] for p in given} | {p["article"]: p["article"] for p in given}
    text = {p["key"]: p["text"] for p in given}
    rows, times = [], []
    for question in questions[:_WARM]:
        system.search(question["question"], date.fromisoformat(question["date"]), _READ)
    began = time.perf_counter()
    for question in questions:
        if time.perf_counter() - began > patience:
            break
        asked_on = date.fromisoformat(question["date"])
        start = time.perf_counter()
        first = system.search(question["question"], asked_on, _READ)
        times.append((time.perf_counter() - start) * 1000)
        keys = system.search(question["question"], asked_on, _WIDE)
        articles = list(dict.fromkeys(article[key] for key in keys))
        ranks = [rank for rank, a in enumerate(articles, 1) if a in question["articles_with_answer"]]
        held = None if whole else any(contained(text[key], question["answers"]) for key in first)
        rows.append({"id": question["id"], "rank": ranks[0] if ranks else None, "in_passages": held})
    times.sort()
    return {
        **found,
        "milliseconds": {"p50": times[len(times) // 2], "p95": times[int(len(times) * 0.95)]},
        "memory_mb": _memory() - before,
        "rows": rows,
    }


def _rate_with_encoding(name: str, config: Config, passages: Sequence[Passage], sample: int) -> float:
    """Passages a second over the first articles, from text to searchable; Clippings reads, cuts and keeps
    them as well.
    """
    wanted = set(list(dict.fromkeys(p["article"] for p in passages))[:sample])
    some = [p for p in passages if p["article"] in wanted]
    vectors = Vectors(None)
    vectors.question("load the model before the clock starts")
    if issubclass(SYSTEMS[name], Clippings):  # type: ignore[arg-type]
        catalog = Catalog(config.home, config)
        with tempfile.TemporaryDirectory() as folder:
            lines = Path(folder, "some.jsonl")
            with lines.open("w", encoding="utf-8") as out:
                for article_id in sorted(wanted):
                    if article := catalog.article(article_id):
                        out.write(
                            json.dumps({"id": article.id, "title": article.title, "text": article.text})
                            + "\n"
                        )
            catalog.close()
            began = time.perf_counter()
            report = sync(lines, Config(home=Path(folder, "home")), encoder=vectors.encoder)
            return report.passages / (time.perf_counter() - began)
    system = SYSTEMS[name](vectors, config.home)
    began = time.perf_counter()
    system.index(some)
    return len(some) / (time.perf_counter() - began)


def _memory() -> float:
    """What this process holds now, in MB."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("this system does not say how much memory a process holds")


def table(found: Sequence[dict[str, Any]]) -> str:
    """What was measured, a line a system, with Clippings' lead at hit@10 over the same questions."""
    ours = {row["id"]: row for row in found[0]["rows"]} if found else {}
    lines = [
        "| system | questions | hit@1 | hit@5 | hit@10 | Clippings ahead at 10 | answer in 8 "
        "| from text, /s | vectors given, /s | question ms p50 / p95 | memory MB |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for system in found:
        rows = system["rows"]
        hits = {k: [_hit(row, k) for row in rows] for k in _DEPTHS}
        both = [row for row in rows if row["id"] in ours]
        gain = paired_difference([_hit(ours[row["id"]], 10) for row in both], [_hit(row, 10) for row in both])
        held = [float(row["in_passages"]) for row in rows if row["in_passages"] is not None]
        index = system.get("indexed_per_second")
        ms = system["milliseconds"]
        ahead = (
            "" if system is found[0] or gain is None else f"{gain[0]:+.1%} ({gain[1]:+.1%} … {gain[2]:+.1%})"
        )
        lines.append(
            f"| {system['system']} | {len(rows)} | {_share(hits[1])} | {_share(hits[5])} | "
            f"{_share(hits[10])} | {ahead} "
            f"| {_share(held) if held else ''} | {system['taken_in_per_second']:.0f} | "
            f"{f'{index:,.0f}' if index else ''} "
            f"| {ms['p50']:.1f} / {ms['p95']:.1f} | {system['memory_mb']:,.0f} |"
        )
    return "\n".join(lines)


def _hit(row: dict[str, Any], k: int) -> float:
    return float(row["rank"] is not None and row["rank"] <= k)


def _share(values: Sequence[float]) -> str:
    low, high = bootstrap(values) or (float("nan"), float("nan"))
    return f"{sum(values) / len(values):.1%} ({low:.1%}–{high:.1%})"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run every system in a process of its own and print the table."""
    parser = argparse.ArgumentParser(
        prog="python -m eval.bench.peers", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--data", type=Path, required=True, help="the folder of articles and questions")
    parser.add_argument(
        "--questions", nargs="*", help="names of question files (default: all questions_*.jsonl)"
    )
    parser.add_argument(
        "--home",
        type=Path,
        default=default_home().with_name("bench-news"),
        help="where the collection is kept",
    )
    parser.add_argument("--only", nargs="*", choices=list(SYSTEMS), help="these systems (default: all)")
    parser.add_argument(
        "--patience", type=float, default=600.0, help="seconds of asking a system gets (default 600)"
    )
    parser.add_argument(
        "--sample", type=int, default=150, help="articles taken in from text for the rate (default 150)"
    )
    parser.add_argument(
        "--out", type=Path, help="where each system's figures are kept, so that a run can go on"
    )
    parser.add_argument("--one", choices=list(SYSTEMS), help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    names = options.questions or sorted(path.name for path in options.data.glob("questions_*.jsonl"))
    if not names:
        raise ConfigError(f"there is no questions_*.jsonl in {options.data}")
    lines = [
        line for name in names for line in (options.data / name).read_text(encoding="utf-8").splitlines()
    ]
    questions = [q for line in lines if line.strip() and (q := json.loads(line))["articles_with_answer"]]
    random.Random(0).shuffle(questions)
    work = options.home.with_name(f"{options.home.name}-peers")
    if options.one:
        print(
            json.dumps(
                measure(
                    options.one, Config(home=options.home), work, questions, options.patience, options.sample
                )
            )
        )
        return
    config = collection(
        options.data, options.home, lambda p: print(f"{p.done} of {p.total} articles", file=sys.stderr)
    )
    dump(config, work)
    kept = options.out or work / "figures.jsonl"
    found = (
        {f["system"]: f for f in map(json.loads, kept.read_text(encoding="utf-8").splitlines())}
        if kept.is_file()
        else {}
    )
    for name in options.only or SYSTEMS:
        if name in found:
            continue
        print(f"{name} …", file=sys.stderr, flush=True)
        command = [
            sys.executable,
            "-m",
            "eval.bench.peers",
            "--data",
            str(options.data),
            "--home",
            str(options.home),
        ]
        command += [
            "--questions",
            *names,
            "--patience",
            str(options.patience),
            "--sample",
            str(options.sample),
            "--one",
            name,
        ]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        found[name] = json.loads(done.stdout.splitlines()[-1])
        with kept.open("a", encoding="utf-8") as out:
            out.write(json.dumps(found[name], ensure_ascii=False) + "\n")
    print(table([found[name] for name in SYSTEMS if name in found]))


if __name__ == "__main__":
    main()
