"""The reader of an evaluation, which reads the same passages for the same question once."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from rag.models.reader import SpanReader
from rag.types import Reading

__all__ = ["RememberingReader"]

_KEPT = 1_000  # questions; the readings of one take some 20 kB


class RememberingReader(SpanReader):
    """The bundled reader with a memory of its latest readings.

    A case is answered, and then its passages are looked up for the metrics of retrieval. That is the same
    reading twice, and reading is two thirds of an evaluation. The first is the answer's, so the times of an
    answer are not changed by it. Not for benchmarks that ask the same question again to time it.
    """

    def __init__(self) -> None:
        super().__init__()
        self._remembered = lru_cache(_KEPT)(self._read_tuple)

    def read(self, question: str, texts: Sequence[str], *, spans: int = 5) -> list[Reading]:
        """As `SpanReader.read`."""
        return list(self._remembered(question, tuple(texts), spans))

    def _read_tuple(self, question: str, texts: tuple[str, ...], spans: int) -> tuple[Reading, ...]:
        return tuple(super().read(question, texts, spans=spans))
