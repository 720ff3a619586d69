"""Whether an answer is the expected one: exact match, token F1 and containment, as SQuAD 1.1 counts them.

Training and evaluation use these, so that a number means the same everywhere.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Sequence

__all__ = ["contained", "exact_match", "squad_normalise", "token_f1"]

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation + "‘’“”–—…")


def squad_normalise(text: str) -> str:
    """Lower-cased, without punctuation, articles and extra spaces: SQuAD 1.1's evaluation script
    (Rajpurkar et al., EMNLP 2016), with typographic punctuation removed as well.

    >>> squad_normalise("The “Houthis”!")
    'houthis'
    """
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def exact_match(prediction: str, golds: Sequence[str]) -> bool:
    """Whether the prediction equals one of the golds after `squad_normalise`.

    >>> exact_match("the Houthis.", ["Houthis"])
    True
    """
    return squad_normalise(prediction) in {squad_normalise(gold) for gold in golds}


def token_f1(prediction: str, golds: Sequence[str]) -> float:
    """The best harmonic mean of token precision and recall against any gold, 0 to 1 (SQuAD 1.1); 0 without
    golds.

    >>> token_f1("Iran struck", ["Iran"])
    0.6666666666666666
    """
    return max(
        (_f1(squad_normalise(prediction).split(), squad_normalise(gold).split()) for gold in golds),
        default=0.0,
    )


def _f1(said: list[str], gold: list[str]) -> float:
    if not said or not gold:
        return float(said == gold)
    shared = sum((Counter(said) & Counter(gold)).values())
    return 2 * shared / (len(said) + len(gold)) if shared else 0.0


def contained(prediction: str, golds: Sequence[str]) -> bool:
    """Whether some gold's normalised words stand in the prediction's, in one piece.

    >>> contained("It killed at least nine people.", ["nine people"])
    True
    """
    said = f" {squad_normalise(prediction)} "
    return any(f" {normal} " in said for gold in golds if (normal := squad_normalise(gold)))
