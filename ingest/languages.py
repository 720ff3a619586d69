"""Which language a text is in, to warn where the encoder does not know it. What is found here is never a fact
of an article.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

__all__ = ["language", "warnings"]

_SAMPLE_CHARACTERS = 600  # more changes nothing, and takes longer
_FEWEST_LETTERS = 150  # with less a table or a list of names passes for anything
_MIN_PROBABILITY = 0.99
_NAMES = {
    "ar": "Arabic",
    "bg": "Bulgarian",
    "cs": "Czech",
    "da": "Danish",
    "de": "German",
    "el": "Greek",
    "es": "Spanish",
    "fa": "Persian",
    "fi": "Finnish",
    "fr": "French",
    "he": "Hebrew",
    "hi": "Hindi",
    "hr": "Croatian",
    "hu": "Hungarian",
    "id": "Indonesian",
    "it": "Italian",
    "ja": "Japanese",
    "ko": "Korean",
    "nb": "Norwegian",
    "nl": "Dutch",
    "no": "Norwegian",
    "pl": "Polish",
    "pt": "Portuguese",
    "ro": "Romanian",
    "ru": "Russian",
    "sr": "Serbian",
    "sv": "Swedish",
    "tr": "Turkish",
    "uk": "Ukrainian",
    "ur": "Urdu",
    "vi": "Vietnamese",
    "zh": "Chinese",
}
_MOST_NAMED = 5  # articles


def language(text: str) -> str | None:
    """The language a text is written in, as a code of two letters; `None` where it is too short to tell, or
    not sure.

    >>> sentence = "Die Untersuchung zum Untergang der Fähre begann am Dienstag in der Hafenstadt. "
    >>> language(sentence * 3), language("Ja.")
    ('de', None)
    """
    sample = text[:_SAMPLE_CHARACTERS]
    if len(re.findall(r"[^\W\d_]", sample)) < _FEWEST_LETTERS:
        return None
    code, probability = _identifier().classify(sample)
    return str(code) if probability >= _MIN_PROBABILITY else None


@cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


def warnings(found: Mapping[str, Sequence[str]], known: frozenset[str] | None) -> list[str]:
    """What to say of articles by their language, if the encoder knows the languages `known` only; `None`:
    nobody can tell.

    >>> warnings({"de": ["a.html"], "en": ["b.html"]}, frozenset({"en"}))
    ['1 article is in German, which the encoder does not know, and will seldom be found: a.html']
    """
    messages = []
    for code, names in sorted(found.items()):
        if known is None or code in known:
            continue
        more = len(names) - _MOST_NAMED
        shown = ", ".join(names[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
        what = "article is" if len(names) == 1 else "articles are"
        name = _NAMES.get(code, f"another language ({code})")
        messages.append(
            f"{len(names)} {what} in {name}, which the encoder does not know, and will seldom be found: "
            f"{shown}"
        )
    return messages
