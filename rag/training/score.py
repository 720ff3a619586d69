"""Score the reader on a file of questions in SQuAD 1.1 or 2.0 format, and print the figures as JSON.

    python -m rag.training.score FILE.json [--weights FILE] [--fold FOLD] [--by paragraph|article] [--limit N]

Exact match and F1 are SQuAD's (Rajpurkar et al., EMNLP 2016), over the questions that have an answer, with
the best span whether or not the reader believes in it. For the others: the share that the reader declines at
the shipped threshold, and how well its judgement tells the two kinds apart (AUROC). `--fold` keeps to one of
the parts that `rag.training.data` makes of the training files.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rag.english.matching import exact_match, token_f1
from rag.models.reader import ANSWERS, SpanReader
from rag.scores import auroc
from rag.training.data import Example, read_squad
from rag.types import Reader

__all__ = ["main", "score"]


def score(found: Sequence[Example], reader: Reader) -> dict[str, Any]:
    """Percentages of the answerable and the unanswerable questions, and the AUROC (0 to 1) between them;
    `None` where there are none of a kind."""
    matches: list[float] = []
    shares: list[float] = []
    sure: list[float] = []
    unsure: list[float] = []
    for e in found:
        reading = reader.read(e.question, [e.context])[0]
        if not e.answers:
            unsure.append(reading.answerable)
            continue
        sure.append(reading.answerable)
        best = reading.spans[0] if reading.spans else None
        said = e.context[best.start : best.end] if best else ""
        golds = [text for _, text in e.answers]
        matches.append(float(exact_match(said, golds)))
        shares.append(token_f1(said, golds))
    return {
        "answerable": len(sure),
        "exact_match": _percent(matches),
        "f1": _percent(shares),
        "answered": _percent([float(p >= ANSWERS) for p in sure]),
        "unanswerable": len(unsure),
        "unanswerable_accuracy": _percent([float(p < ANSWERS) for p in unsure]),
        "threshold": ANSWERS,
        "auroc": auroc(sure, unsure),
    }


def _percent(values: Sequence[float]) -> float | None:
    return round(100 * sum(values) / len(values), 2) if values else None


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the file, score the reader on it, print JSON. Raises `SourceError` for a file in another format."""
    parser = argparse.ArgumentParser(
        prog="python -m rag.training.score", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("file", type=Path)
    parser.add_argument("--weights", type=Path, help="other weights than those shipped")
    parser.add_argument("--fold", choices=("train", "dev", "test"))
    parser.add_argument(
        "--by", choices=("paragraph", "article"), default="paragraph", help="what falls into one fold whole"
    )
    parser.add_argument("--limit", type=int, help="only the first so many questions")
    options = parser.parse_args(arguments)
    found = [e for e in read_squad(options.file, by=options.by) if options.fold in (None, e.fold)][
        : options.limit
    ]
    print(json.dumps(score(found, SpanReader(options.weights)), indent=2))


if __name__ == "__main__":
    main()
