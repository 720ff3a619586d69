"""Which language a text is in, to warn where the encoder does not know it. What is found here is never a fact
of an article.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

__all__ = ["language", "warnings"]

_SAMPLE = 600  # characters; more changes nothing, and takes longer
_LEAST = 150  # letters, below which a table or a list of names passes for anything
_SURE = 0.99
_NAMES = {
    "ar": "Arabic", "bg": "Bulgarian", "cs": "Czech", "da": "Danish", "de": "German", "el": "Greek", "es": "Spanish",
    "fa": "Persian", "fi": "Finnish", "fr": "French", "he": "Hebrew", "hi": "Hindi", "hr": "Croatian", "hu": "Hungarian",
    "id": "Indonesian", "it": "Italian", "ja": "Japanese", "ko": "Korean", "nb": "Norwegian", "nl": "Dutch", "no": "Norwegian",
    "pl": "Polish", "pt": "Portuguese", "ro": "Romanian", "ru": "Russian", "sr": "Serbian", "sv": "Swedish", "tr": "Turkish",
    "uk": "Ukrainian", "ur": "Urdu", "vi": "Vietnamese", "zh": "Chinese",
}  # fmt: skip
_SHOWN = 5  # articles that are named


def language(text: str) -> str | None:
    """The language a text is written in, as a code of two letters; `None` where it is too short to tell, or
    not sure.

    >>> language("Die Untersuchung zum Untergang der Fähre begann am Dienstag in der Hafenstadt. " * 3), language("Ja.")
    ('de', None)
    """
    sample = text[:_SAMPLE]
    if len(re.findall(r"[^\W\d_]", sample)) < _LEAST:
        return None
    code, sureness = _identifier().classify(sample)
    return str(code) if sureness >= _SURE else None


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
    told = []
    for code, names in sorted(found.items()):
        if known is None or code in known:
            continue
        shown = ", ".join(names[:_SHOWN]) + (
            f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        )
        what = "article is" if len(names) == 1 else "articles are"
        spoken = _NAMES.get(code, f"another language ({code})")
        told.append(
            f"{len(names)} {what} in {spoken}, which the encoder does not know, and will seldom be found: "
            f"{shown}"
        )
    return told
