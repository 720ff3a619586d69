"""An article's passages: about 150 words, on sentence borders, each with the sentence before it.

llama-index's `SentenceSplitter` does the packing, with our sentences and our measure of length. Its
chunks are stripped copies, so each is located in the article again; the overlap is added here, since
the splitter counts it in words and would cut sentences short or repeat several.
"""

from __future__ import annotations

import itertools
import re
from bisect import bisect_left
from functools import lru_cache
from typing import TYPE_CHECKING

from rag.config import PassageSettings
from rag.english.sentences import sentences

if TYPE_CHECKING:
    from llama_index.core.node_parser import SentenceSplitter

__all__ = ["passage_spans"]

# A unit is a word, a dozen letters of a longer one, or one character of a script written without spaces.
_UNIT = re.compile(r"[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff]|\S{1,12}")
_SENTENCE = 20  # units of news, typically: the room kept for each sentence of overlap
_LONGEST_OVERLAP = 60  # units; a list or a table without full stops is not repeated


def passage_spans(text: str, settings: PassageSettings) -> tuple[tuple[int, int], ...]:
    """Where the passages of a text lie, as [start, end) in code points; at least one for a text that has any
    word.
    """
    spans: list[tuple[int, int]] = []
    at = 0
    for chunk in _splitter(settings).split_text(text) if text else ():
        start = at
        while text[start].isspace():
            start += 1
        if not text.startswith(chunk, start):
            raise ValueError(
                f"the splitter's chunk does not stand at {start}"
            )  # would be a change of the library
        at = start + len(chunk)
        spans.append((start, at))
    return tuple(_with_overlap(text, spans, settings.overlap))


def _with_overlap(text: str, spans: list[tuple[int, int]], overlap: int) -> list[tuple[int, int]]:
    if not overlap or len(spans) < 2:
        return spans
    starts = [start for start, _ in sentences(text)]
    widened = spans[:1]
    for (earlier, _), (start, end) in itertools.pairwise(spans):
        before = max(bisect_left(starts, start) - overlap, 0)
        if (
            earlier <= starts[before] < start
            and len(_units(text[starts[before] : start])) <= _LONGEST_OVERLAP * overlap
        ):
            start = starts[before]
        widened.append((start, end))
    return widened


def _units(text: str) -> list[str]:
    return _UNIT.findall(text)


def _sentence_pieces(text: str) -> list[str]:
    """The sentences with the white space after them: joined, they are the text again."""
    borders = [0, *[start for start, _ in sentences(text)][1:], len(text)]
    return [text[a:b] for a, b in itertools.pairwise(borders)]


@lru_cache(maxsize=8)
def _splitter(settings: PassageSettings) -> SentenceSplitter:
    from llama_index.core.node_parser import SentenceSplitter

    room = max(settings.words - _SENTENCE * settings.overlap, settings.words // 2)
    return SentenceSplitter(
        chunk_size=room, chunk_overlap=0, tokenizer=_units, chunking_tokenizer_fn=_sentence_pieces
    )
