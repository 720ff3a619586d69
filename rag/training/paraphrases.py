"""Ways to say the same as a sentence, or a part of it that holds without the rest, in other words.

Each takes the sentence, the whole text that it stands in and the source of random choices, and returns the
changed sentence, or `None` where the way does not apply or might change the meaning.
"""

from __future__ import annotations

from random import Random

__all__ = ["verbatim"]


def verbatim(sentence: str, _text: str, _rng: Random) -> str | None:
    return sentence
