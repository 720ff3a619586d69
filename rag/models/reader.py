"""The span reader: for each text, the words in it that best answer a question, and whether it answers at all.

Four outputs of one pass over question and text (see `rag.training.train`): where an answer starts and ends,
whether the text answers, and whether it is about what is asked. Scores of spans compare across the texts of
one question.
"""

from __future__ import annotations

import hashlib
import math
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.errors import ModelError
from rag.models.engine import Graph, arrays, grown, resident
from rag.models.network import network, tokenizer
from rag.types import Reading, Span

if TYPE_CHECKING:
    import numpy as np

__all__ = ["WEIGHTS", "WEIGHTS_SHA256", "SpanReader"]

WEIGHTS = Path(__file__).with_name("reader.safetensors")
WEIGHTS_SHA256 = "7fd2b55da417d8fd7fd9041038fe6057b741acaecbcf62a4a876b611fa7f1c2c"

_LONGEST = 256  # tokens of question and text together, as it was trained; a longer text is read in windows
_QUESTION = 48  # tokens of the question that are read
_STRIDE = 96  # tokens that a window shares with the one before
_SPAN = 30  # tokens of an answer at most: 99 % of the training answers are shorter
_STARTS = 12  # likeliest starts and ends that are paired
_BATCH = 2  # texts at a time, of like length; see eval/LOG.md for others
_ROUND = 16  # lengths are rounded up to this; see eval/LOG.md for others


@dataclass(frozen=True, slots=True)
class _Window:
    """Tokens of one text from `low` on, after the question's `ahead` tokens."""

    text: int
    low: int
    ids: list[int]
    ahead: int


class SpanReader:
    """The bundled reader, loaded at its first use and shared by all threads.

    `weights` names another file of the same shape, such as one just trained, which is then not checked
    against a hash.
    """

    name = "reader"

    def __init__(self, weights: Path | None = None) -> None:
        self._weights = weights
        self._lock = threading.Lock()
        self._graph: Graph | None = None
        self.memory: float | None = (
            None  # megabytes that the process grew by as it was loaded; see `rag.models.engine.resident`
        )
        self._tokenizer: Any = None
        self._first = self._last = 0  # the tokens that open and close a text

    @cached_property
    def weights_sha256(self) -> str:
        """The SHA-256 of the weights, which an answer's trace names. Raises `ModelError` where they cannot be
        read.
        """
        if self._weights is None:
            return WEIGHTS_SHA256  # what is loaded is checked against it
        try:
            with self._weights.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as exc:
            raise ModelError(f"the weights {self._weights} cannot be read: {exc.strerror}") from exc

    def read(self, question: str, texts: Sequence[str], *, spans: int = 5) -> list[Reading]:
        """For each text, its best spans (at most so many, none overlapping a better one), and what it is as a
        whole. A text that is handed in twice is read once.

        Raises `ModelError` when the weights are missing or not the right ones.
        """
        graph = self._loaded()
        distinct = list(dict.fromkeys(texts))
        readings = dict(zip(distinct, self._read(graph, question, distinct, spans), strict=True))
        return [readings[text] for text in texts]

    def _read(self, graph: Graph, question: str, texts: Sequence[str], spans: int) -> list[Reading]:
        if not texts:
            return []
        asked = self._tokenizer.encode(question, add_special_tokens=False).ids[:_QUESTION]
        read = self._tokenizer.encode_batch(list(texts), add_special_tokens=False)
        windows = [w for at, tokens in enumerate(read) for w in self._windows(at, asked, tokens.ids)]
        # Of like length together; the longest first, so that neither core is left with a long one at the end.
        order = sorted(range(len(windows)), key=lambda i: -len(windows[i].ids))
        batches = [order[i : i + _BATCH] for i in range(0, len(order), _BATCH)]
        results = graph.run(
            [arrays([(windows[i].ids, windows[i].ahead) for i in batch], to=_ROUND) for batch in batches]
        )
        parts: list[list[Reading]] = [[] for _ in texts]
        for batch, (logits, judged) in zip(batches, results, strict=True):
            for row, i in enumerate(batch):
                window = windows[i]
                found = _reading(
                    window, logits[row], judged[row], read[window.text], texts[window.text], spans
                )
                parts[window.text].append(found)
        return [_joined(found, spans) for found in parts]

    def _windows(self, at: int, asked: list[int], ids: list[int]) -> Iterator[_Window]:
        room = _LONGEST - len(asked) - 3
        low = 0
        while True:
            part = ids[low : low + room]
            yield _Window(at, low, [self._first, *asked, self._last, *part, self._last], len(asked) + 2)
            if low + room >= len(ids):
                return
            low += room - _STRIDE

    def _loaded(self) -> Graph:
        with self._lock:
            if self._graph is None:
                before = resident()
                self._tokenizer, self._first, self._last = tokenizer()
                self._graph = network(self._weights or WEIGHTS, None if self._weights else WEIGHTS_SHA256)
                self.memory = grown(before)
            return self._graph


def _reading(
    window: _Window, logits: np.ndarray, judged: np.ndarray, tokens: Any, text: str, most: int
) -> Reading:
    """What one window says."""
    start, end = logits[window.ahead : len(window.ids) - 1, 0], logits[window.ahead : len(window.ids) - 1, 1]
    null = float(logits[0, 0] + logits[0, 1])
    firsts, lasts = start.argsort()[::-1][:_STARTS].tolist(), end.argsort()[::-1][:_STARTS].tolist()
    pairs = [(float(start[a] + end[b]), a, b) for a in firsts for b in lasts if a <= b < a + _SPAN]
    if len(start):  # the likeliest start and end may lie the wrong way round, all of them
        best = int(start.argmax())
        pairs.append((float(start[best] + end[best]), best, best))
    pairs.sort(key=lambda p: (-p[0], p[1], p[2]))
    offsets = tokens.offsets
    found: list[Span] = []
    for score, a, b in pairs:
        first, last = _whole_words(text, offsets[window.low + a][0], offsets[window.low + b][1])
        if first < last and all(last <= s.start or s.end <= first for s in found):
            found.append(Span(first, last, score))
            if len(found) == most:
                break
    return Reading(tuple(found), null, _probability(float(judged[0])), _probability(float(judged[1])))


def _whole_words(text: str, start: int, end: int) -> tuple[int, int]:
    """The stretch, widened to the borders of the words it begins and ends in: a token may be a part of a
    word.
    """
    while start > 0 and text[start - 1].isalnum() and text[start].isalnum():
        start -= 1
    while end < len(text) and text[end].isalnum() and text[end - 1].isalnum():
        end += 1
    return start, end


def _joined(parts: Sequence[Reading], most: int) -> Reading:
    """The windows of one text as one: the best spans of all; it answers if any of them does."""
    if len(parts) == 1:
        return parts[0]
    best: list[Span] = []
    for span in sorted((s for part in parts for s in part.spans), key=lambda s: (-s.score, s.start, s.end)):
        if all(span.end <= other.start or other.end <= span.start for other in best):
            best.append(span)
    return Reading(
        tuple(best[:most]),
        min(part.null for part in parts),
        max(part.answerable for part in parts),
        max(part.relevant for part in parts),
    )


def _probability(logit: float) -> float:
    return 1 / (1 + math.exp(-max(-50.0, min(50.0, logit))))
