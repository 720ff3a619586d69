"""Fit the confidence on which Clippings decides whether to answer, on development questions only.

    python -m eval.bench.calibrate [--data DIR] [--home DIR] [--answered SHARE]

The questions: the development halves of eval/gold, and with `--data` (a folder as `eval.bench.news` reads it)
the quiz questions of `--questions`, by default 2022's, of which some article holds the answer, each with its
twin: the same question with every article excluded that holds it. Logistic regression (Newton's method, ridge
.01) over the features of `rag.answer.abstain` gives bias and weights; the threshold is the confidence at
which the stated share of the answerable questions is answered; `rag.answer.abstain` takes that of the demo
articles' questions. Prints both as JSON, with the AUROC and the share of the unanswerable that the threshold
declines.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from eval.bench.news import collection, normalised_texts
from eval.cases import GOLD, load
from eval.metrics.abstention import auroc, declined_at_answered
from eval.run import collection_for
from rag import Config, Evidence, Filters
from rag.answer.abstain import features
from rag.answer.study import study
from rag.config import default_home
from rag.english.matching import squad_normalise
from rag.models.encoder import SentenceEncoder
from rag.models.reader import SpanReader
from rag.question.followup import standalone
from rag.question.parts import parts_of
from rag.retrieval.search import Retriever
from rag.types import Encoder, Reader

__all__ = ["fit", "main"]

_RIDGE = 0.01
Seen = tuple[tuple[float, ...], bool]  # the features, and whether the question can be answered


class _Watching:
    """Retrieves and studies like the assistant, and notes the features of the part that speaks most for an
    answer.
    """

    def __init__(self, config: Config, encoder: Encoder, reader: Reader) -> None:
        self._retriever, self._reader = Retriever(config.home, config, encoder, reader), reader
        self._noted: list[tuple[float, ...]] = []

    def _note(
        self,
        question: str,
        evidence: Evidence,
        answerable: Sequence[float],
        supported: float | None = None,  # noqa: ARG002  the judge's sign is weighed apart
    ) -> float:
        self._noted.append(features(question, evidence, answerable))
        return 0.0

    def features(
        self, question: str, asked_on: date | None = None, filters: Filters = Filters()
    ) -> tuple[float, ...]:
        self._noted.clear()
        retrieved = self._retriever.retrieve(question, asked_on=asked_on, filters=filters)
        study(parts_of(question), retrieved, self._reader, self._note)
        return max(self._noted)


def fit(rows: Sequence[Seen]) -> tuple[float, list[float]]:
    """The bias and the weights that tell the answerable from the others; features are standardised for the
    ridge only.
    """
    x = np.array([row for row, _ in rows], dtype=float)
    y = np.array([can for _, can in rows], dtype=float)
    mean, spread = x.mean(axis=0), x.std(axis=0) + 1e-9
    z = np.c_[np.ones(len(x)), (x - mean) / spread]
    ridge = _RIDGE * len(x) * np.diag([0.0, *np.ones(x.shape[1])])
    w = np.zeros(z.shape[1])
    for _ in range(50):
        p = 1 / (1 + np.exp(-z @ w))
        w -= np.linalg.solve(
            (z * (p * (1 - p))[:, None]).T @ z + ridge + 1e-9 * np.eye(len(w)), z.T @ (p - y) + ridge @ w
        )
    weights = w[1:] / spread
    return float(w[0] - weights @ mean), weights.tolist()


def _gold(name: str, home: Path, encoder: Encoder, reader: Reader) -> Iterator[Seen]:
    path = GOLD / f"{name}.jsonl"
    watching = _Watching(collection_for(path, home.with_name(f"eval-{name}")), encoder, reader)
    for case in load(path):
        if case.split == "dev":
            yield watching.features(standalone(case.question, case.history), case.asked_on), not case.declined


def _news(data: Path, names: Sequence[str], home: Path, encoder: Encoder, reader: Reader) -> Iterator[Seen]:
    config = collection(data, home)
    watching = _Watching(config, encoder, reader)
    texts = normalised_texts(config)
    for line in (line for name in names for line in (data / name).read_text(encoding="utf-8").splitlines()):
        question = json.loads(line)
        if not question["articles_with_answer"]:
            continue
        asked_on = date.fromisoformat(question["date"])
        normal = [f" {squad_normalise(gold)} " for gold in question["answers"]]
        barred = tuple(article for article, text in texts.items() if any(gold in text for gold in normal))
        yield watching.features(question["question"], asked_on), True
        yield watching.features(question["question"], asked_on, Filters(exclude_articles=barred)), False


def main(arguments: Sequence[str] | None = None) -> None:
    """Collect the features, fit, and print."""
    parser = argparse.ArgumentParser(
        prog="python -m eval.bench.calibrate", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--data", type=Path, help="the folder of articles and questions")
    parser.add_argument(
        "--questions", nargs="*", default=["questions_2022.jsonl"], help="question files to develop on"
    )
    parser.add_argument(
        "--home",
        type=Path,
        default=default_home().with_name("bench-news"),
        help="where the news collection is",
    )
    parser.add_argument(
        "--answered", type=float, default=0.85, help="share of the answerable to be answered (default .85)"
    )
    options = parser.parse_args(arguments)
    encoder, reader = SentenceEncoder(Config().encoder), SpanReader()
    sets: dict[str, list[Seen]] = {
        name: list(_gold(name, options.home, encoder, reader)) for name in ("seeds", "public")
    }
    if options.data:
        print("gold done; the news …", file=sys.stderr, flush=True)
        sets["news"] = list(_news(options.data, options.questions, options.home, encoder, reader))
    rows = [row for some in sets.values() for row in some]
    bias, weights = fit(rows)
    print(
        json.dumps(
            {"bias": bias, "weights": weights, **_judged(sets, bias, weights, options.answered)}, indent=2
        )
    )


def _judged(
    sets: dict[str, list[Seen]], bias: float, weights: Sequence[float], answered: float
) -> dict[str, Any]:
    def sure(row: tuple[float, ...]) -> float:
        return float(1 / (1 + np.exp(-(bias + np.dot(weights, row)))))

    found: dict[str, Any] = {}
    for name, rows in {**sets, "all": [row for some in sets.values() for row in some]}.items():
        can = sorted((sure(row) for row, answerable in rows if answerable), reverse=True)
        cannot = [sure(row) for row, answerable in rows if not answerable]
        found[name] = {
            "answerable": len(can),
            "unanswerable": len(cannot),
            "auroc": auroc(can, cannot),
            "threshold": can[max(0, int(answered * len(can) + 0.999999) - 1)],
            "declined_at_threshold": declined_at_answered(can, cannot, answered),
        }
    return found


if __name__ == "__main__":
    main()
