"""How fast articles are taken in, against encoding their passages and doing nothing else, in one run.

    python -m eval.bench.ingest FILE.jsonl [--articles 500] [--portion 100] [--raw-every 1] [--stand-in]

prints articles and passages a second, the ratio to raw encoding of the same passages, memory as the
collection grows, the size of the collection on disk, the groups of near-copies, and how long it takes to find
that nothing has changed. Articles are taken in portion by portion, and every so many portions (`--raw-every`)
the same passages are encoded raw right after, so that a machine whose speed drifts slows both alike. With
`--stand-in` random vectors take the encoder's place, and nothing is encoded raw: for how memory goes with the
size of a collection, which then takes minutes to make.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ingest import sync
from ingest.apply import Progress
from ingest.scan import ArticleReader, scan
from ingest.split import passage_spans
from rag.config import Config
from rag.models.encoder import SentenceEncoder
from rag.store.catalog import Catalog
from rag.types import Encoder

__all__ = ["main", "measure"]

_TICK = 2.1  # seconds after which a file that was just written counts as settled


class _StandIn:
    """Random unit vectors, as long as the bundled encoder's."""

    dims = 384

    def __init__(self, name: str) -> None:
        self.name = name
        self._random = np.random.default_rng(1)

    def passages(self, texts: Sequence[str]) -> np.ndarray[Any, np.dtype[np.float32]]:
        vectors = self._random.standard_normal((len(texts), self.dims), dtype=np.float32)
        unit: np.ndarray[Any, np.dtype[np.float32]] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        return unit

    def question(self, text: str) -> np.ndarray[Any, np.dtype[np.float32]]:
        vector: np.ndarray[Any, np.dtype[np.float32]] = self.passages([text])[0]
        return vector


def measure(
    path: Path, articles: int, home: Path, *, portion: int = 100, raw_every: int = 1, stand_in: bool = False
) -> dict[str, Any]:
    """Sync the first articles of a `.jsonl` file and encode passages raw; seconds, rates, ratios, megabytes,
    bytes.
    """
    config = Config(home=home)
    encoder: Encoder = _StandIn(config.encoder) if stand_in else SentenceEncoder(config.encoder)
    encoder.question("load the model before the clock starts")
    lines = _first_lines(path, articles)
    whole = compared = raw = 0.0
    count = passages = raw_passages = 0
    memory: list[tuple[int, float]] = []
    with tempfile.TemporaryDirectory() as folder:
        parts = []
        for number, start in enumerate(range(0, len(lines), portion)):
            parts.append(Path(folder, f"{number:04}.jsonl"))
            parts[-1].write_bytes(b"".join(lines[start : start + portion]))
        time.sleep(_TICK)
        for number, part in enumerate(parts):
            began = time.perf_counter()
            report = sync(part, config, encoder=encoder, progress=partial(_note, memory, count))
            took = time.perf_counter() - began
            whole += took
            count += len(report.added)
            passages += report.passages
            if not stand_in and number % raw_every == min(raw_every, len(parts)) - 1:
                texts = _texts(part, config)
                began = time.perf_counter()
                encoder.passages(texts)
                raw += time.perf_counter() - began
                raw_passages += len(texts)
                compared += took
        began = time.perf_counter()
        again = sync(parts, config, encoder=encoder)
        recheck = time.perf_counter() - began
    catalog = Catalog(home, config)
    groups = catalog.groups()
    catalog.close()
    return {
        "articles": count,
        "passages": passages,
        "articles_per_second": count / whole,
        "passages_per_second": passages / whole,
        "raw_passages_per_second": raw_passages / raw if raw else None,
        "ratio_to_raw_encoding": raw / compared if compared else None,
        "unchanged": len(again.kept),
        "seconds_to_recheck": recheck,
        "ratio_recheck_to_sync": recheck / whole,
        "groups_of_copies": len(set(groups.values())),
        "articles_in_groups": len(groups),
        "memory_mb_by_articles": memory[:: max(1, len(memory) // 12)] + memory[-1:],
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "disk_bytes_per_passage": sum(f.stat().st_size for f in home.rglob("*") if f.is_file())
        / max(1, passages),
    }


def _note(memory: list[tuple[int, float]], before: int, step: Progress) -> None:
    memory.append((before + step.done, _resident()))


def _resident() -> float:
    """Megabytes that this process holds just now; its peak where the system does not say."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return pages * resource.getpagesize() / 1e6


def _first_lines(path: Path, articles: int) -> list[bytes]:
    with path.open("rb") as lines:
        return [line for _, line in zip(range(articles), lines, strict=False)]


def _texts(part: Path, config: Config) -> list[str]:
    texts: list[str] = []
    with ArticleReader() as readings:
        for found in scan([part]).found:
            article, _ = readings.read(found)
            head = f"{article.title}\n" if config.passages.title and article.title else ""
            texts += [
                head + article.text[start:end] for start, end in passage_spans(article.text, config.passages)
            ]
    return texts


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print, as JSON."""
    parser = argparse.ArgumentParser(prog="python -m eval.bench.ingest", description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path, help="articles in the ingest format, one a line")
    parser.add_argument("--articles", type=int, default=500, help="how many of them (default: 500)")
    parser.add_argument("--portion", type=int, default=100, help="how many at a time (default: 100)")
    parser.add_argument(
        "--raw-every", type=int, default=1, help="encode every n-th portion raw, to compare (default: 1)"
    )
    parser.add_argument("--stand-in", action="store_true", help="random vectors in the encoder's place")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as home:
        measured = measure(
            options.file, options.articles, Path(home) / "home", portion=options.portion,
            raw_every=options.raw_every,
            stand_in=options.stand_in,
        )  # fmt: skip
    print(json.dumps(measured, indent=2))


if __name__ == "__main__":
    main()
