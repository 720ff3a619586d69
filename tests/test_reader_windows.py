"""What the reader makes of tokens and of scores, without its network: how much of a question and of a text
stands in a window, where the next one begins, and which spans are formed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from rag.models.reader import SpanReader, _reading, _Window


class Silent:
    """A network to which all tokens are alike. It keeps how many tokens each window has."""

    def __init__(self) -> None:
        self.lengths: list[int] = []

    def run(self, batches: Sequence[Any]) -> list[tuple[np.ndarray, np.ndarray]]:
        for _, _, mask in batches:
            self.lengths += [int(row.sum()) for row in mask]
        return [(np.zeros((*ids.shape, 2)), np.zeros((len(ids), 2))) for ids, _, _ in batches]


class Splitting:
    """A tokenizer to which each word is one token."""

    def encode(self, text: str, *, add_special_tokens: bool) -> Any:
        assert not add_special_tokens
        return SimpleNamespace(
            ids=[7] * len(text.split()), offsets=[m.span() for m in re.finditer(r"\S+", text)]
        )

    def encode_batch(self, texts: Sequence[str], *, add_special_tokens: bool) -> list[Any]:
        return [self.encode(text, add_special_tokens=add_special_tokens) for text in texts]


def windows(question: str, text: str) -> list[int]:
    """How many tokens the windows have, the longest first."""
    reader, network = SpanReader(), Silent()
    reader._graph = network  # type: ignore[assignment]
    reader._tokenizer = Splitting()
    reader.read(question, [text])
    return network.lengths


def test_a_window_has_256_tokens_and_the_next_repeats_96_of_its_text() -> None:
    """A question of one token and three marks leave room for 252."""
    assert windows("storm", "storm " * 252) == [256]
    assert windows("storm", "storm " * 253) == [256, 4 + 96 + 1]


def test_a_question_is_read_up_to_its_48th_token() -> None:
    assert windows("storm " * 48, "storm") == [48 + 1 + 3]
    assert windows("storm " * 49, "storm") == [48 + 1 + 3]


def best(starts: dict[int, float], ends: dict[int, float]) -> tuple[int, int]:
    """The first and the last word of the best span among fifty words, each a token with these scores, or 0."""
    text = " ".join(f"w{n:02}" for n in range(50))
    scores = np.zeros((54, 2))  # a question of one token with its marks before, a mark behind
    for column, given in enumerate((starts, ends)):
        for word, score in given.items():
            scores[3 + word, column] = score
    window = _Window(0, 0, list(range(54)), 3)
    tokens = SimpleNamespace(offsets=[(4 * n, 4 * n + 3) for n in range(50)])
    span = _reading(window, scores, np.zeros(2), tokens, text, 1).spans[0]
    return span.start // 4, span.end // 4


@pytest.mark.parametrize(("end", "span"), [(29, (0, 29)), (30, (0, 0))])
def test_an_answer_has_thirty_tokens_at_most(end: int, span: tuple[int, int]) -> None:
    assert best({0: 9.0}, {end: 5.0, 0: 1.0}) == span


@pytest.mark.parametrize(("likelier", "span"), [(11, (2, 4)), (12, (10, 10))])
def test_the_twelve_likeliest_starts_are_paired_with_ends(likelier: int, span: tuple[int, int]) -> None:
    """The best end, word 4, goes with the start at word 2, where only eleven others are likelier starts."""
    others = dict.fromkeys(range(10, 10 + likelier), 10.0) | {10: 11.0}
    assert best({2: 5.0, **others}, {4: 100.0}) == span


@pytest.mark.parametrize(("likelier", "span"), [(11, (40, 42)), (12, (40, 40))])
def test_the_twelve_likeliest_ends_are_paired_with_starts(likelier: int, span: tuple[int, int]) -> None:
    """The best start, word 40, goes with the end at word 42, where only eleven others are likelier ends."""
    assert best({40: 100.0}, {42: 5.0, **dict.fromkeys(range(10, 10 + likelier), 10.0)}) == span
