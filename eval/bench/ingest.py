"""How fast articles are taken in, against encoding their passages and doing nothing else, in one run.

    python -m eval.bench.ingest FILE.jsonl [--articles 500]

prints articles and passages a second, the ratio to raw encoding of the same passages in the same batches, peak memory
and the size of the collection on disk. The two are run in turn, portion by portion, so that a machine whose speed
drifts slows both alike.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from ingest import sync
from ingest.sources import Readings, scan
from ingest.split import passage_spans
from rag.config import Config
from rag.encode import SentenceEncoder

__all__ = ["main", "measure"]

_PORTIONS = 5


def measure(path: Path, articles: int, home: Path) -> dict[str, float]:
    """Sync the first articles of a `.jsonl` file and encode the same passages raw; seconds, rates, ratio, bytes."""
    config = Config(home=home)
    encoder = SentenceEncoder(config.encoder)
    encoder.question("load the model before the clock starts")
    lines = _first_lines(path, articles)
    size = -(-len(lines) // _PORTIONS)
    whole = raw = 0.0
    count = passages = 0
    with tempfile.TemporaryDirectory() as folder:
        for portion in range(0, len(lines), size):
            part = Path(folder, f"{portion}.jsonl")
            part.write_bytes(b"".join(lines[portion : portion + size]))
            began = time.perf_counter()
            report = sync(part, config, encoder=encoder)
            whole += time.perf_counter() - began
            count += len(report.added)
            passages += report.passages
            texts = _texts(part, config)
            began = time.perf_counter()
            encoder.passages(texts)
            raw += time.perf_counter() - began
    return {
        "articles": count,
        "passages": passages,
        "articles_per_second": count / whole,
        "passages_per_second": passages / whole,
        "raw_passages_per_second": passages / raw,
        "ratio_to_raw_encoding": raw / whole,
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "disk_bytes_per_passage": sum(f.stat().st_size for f in home.rglob("*") if f.is_file()) / max(1, passages),
    }


def _first_lines(path: Path, articles: int) -> list[bytes]:
    with path.open("rb") as lines:
        return [line for _, line in zip(range(articles), lines, strict=False)]


def _texts(part: Path, config: Config) -> list[str]:
    texts: list[str] = []
    with Readings() as readings:
        for found in scan([part]).found:
            article, _ = readings.read(found)
            head = f"{article.title}\n" if config.passages.title and article.title else ""
            texts += [head + article.text[start:end] for start, end in passage_spans(article.text, config.passages)]
    return texts


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print, as JSON."""
    parser = argparse.ArgumentParser(prog="python -m eval.bench.ingest", description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path, help="articles in the ingest format, one a line")
    parser.add_argument("--articles", type=int, default=500, help="how many of them (default: 500)")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as home:
        print(json.dumps(measure(options.file, options.articles, Path(home) / "home"), indent=2))


if __name__ == "__main__":
    main()
