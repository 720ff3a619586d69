"""The judge: whether a text supports a statement, in part, contradicts it, or does not say.

One pass over statement and text; see `rag.training.judge` and docs/judge.md. It sees words, not the world: it
is asked only where no rule about words is certain.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from rag.models.engine import Graph, arrays, grown, resident
from rag.models.network import network, tokenizer
from rag.types import Judgement

__all__ = ["WEIGHTS", "WEIGHTS_SHA256", "TextJudge", "bundled_judge"]

WEIGHTS = Path(__file__).with_name("judge.safetensors")
WEIGHTS_SHA256 = "1b7112c51258e06c2f964e5ba645908dd345cf41e4129148ab3677200d81bcb9"

_LONGEST = 240  # tokens of statement and text together, as it was trained
_STATEMENT = 72  # tokens of the statement that are read
_BATCH = 2  # texts at a time, as the reader's
_ROUND = 16  # lengths are rounded up to this, as the reader's


class TextJudge:
    """The bundled judge, loaded at its first use and shared by all threads.

    `weights` names another file of the same shape, such as one just trained, which is then not checked
    against a hash.
    """

    name = "judge"

    def __init__(self, weights: Path | None = None) -> None:
        self._weights = weights
        self._lock = threading.Lock()
        self._graph: Graph | None = None
        self.memory: float | None = None  # megabytes; see `rag.models.engine.resident`
        self._tokenizer: Any = None
        self._first = self._last = 0

    def judge(self, pairs: Sequence[tuple[str, str]]) -> list[Judgement]:
        """For each statement and text, what the text says of the statement. A text is read to about 165
        words; a longer one is handed in as several. What is handed in twice is read once.

        Raises `ModelError` when the weights are missing or not the right ones.
        """
        if not pairs:
            return []
        graph = self._loaded()
        distinct = list(dict.fromkeys(pairs))
        rows = self._rows(distinct)
        order = sorted(range(len(rows)), key=lambda i: -len(rows[i][0]))
        batches = [order[i : i + _BATCH] for i in range(0, len(order), _BATCH)]
        results = graph.run([arrays([rows[i] for i in batch], to=_ROUND) for batch in batches])
        judged = {
            distinct[i]: _judgement(logits[row])
            for batch, (logits,) in zip(batches, results, strict=True)
            for row, i in enumerate(batch)
        }
        return [judged[pair] for pair in pairs]

    def _rows(self, pairs: Sequence[tuple[str, str]]) -> list[tuple[list[int], int]]:
        """The tokens of each pair, and where the text begins in them."""
        texts = list(dict.fromkeys(text for pair in pairs for text in pair))
        read = dict(zip(texts, self._tokenizer.encode_batch(texts, add_special_tokens=False), strict=True))
        rows = []
        for statement, text in pairs:
            said = read[statement].ids[:_STATEMENT]
            held = read[text].ids[: _LONGEST - len(said) - 3]
            rows.append(([self._first, *said, self._last, *held, self._last], len(said) + 2))
        return rows

    def _loaded(self) -> Graph:
        with self._lock:
            if self._graph is None:
                before = resident()
                self._tokenizer, self._first, self._last = tokenizer()
                self._graph = network(self._weights or WEIGHTS, None if self._weights else WEIGHTS_SHA256)
                self.memory = grown(before)
            return self._graph


@cache
def bundled_judge() -> TextJudge:
    """The judge of this process."""
    return TextJudge()


def _judgement(logits: Any) -> Judgement:
    import numpy as np

    heads = logits.reshape(2, -1)
    shares = np.exp(heads - heads.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    supported, partly, contradicted, absent = map(float, shares[0])
    return Judgement(supported, partly, contradicted, absent, unchanged=float(shares[1, 0]))
