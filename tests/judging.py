"""Judges for tests of what is made of a judgement. The bundled one has its own tests."""

from __future__ import annotations

from collections.abc import Sequence

from rag.english.normalise import content_stems
from rag.types import Judgement

UNSURE = 0.012  # a likelihood that the check makes "please check" of, where no rule objects


class Judging:
    """Finds everything as likely supported as it was told."""

    name = "judging"

    def __init__(self, supported: float = UNSURE) -> None:
        self.supported = supported

    def judge(self, pairs: Sequence[tuple[str, str]]) -> list[Judgement]:
        rest = (1 - self.supported) / 4
        return [Judgement(self.supported, rest, rest, 2 * rest, self.supported) for _ in pairs]


class WordJudge:
    """Finds a sentence as likely supported as its words stand in the text."""

    name = "words"

    def judge(self, pairs: Sequence[tuple[str, str]]) -> list[Judgement]:
        return [self._one(statement, text) for statement, text in pairs]

    def _one(self, statement: str, text: str) -> Judgement:
        said, held = content_stems(statement), set(content_stems(text))
        share = sum(stem in held for stem in said) / len(said) if said else 0.0
        supported = 0.9 if share == 1 else 1e-5
        rest = (1 - supported) / 4
        return Judgement(supported, rest, rest, 2 * rest, supported)
