"""What to call an article."""

from __future__ import annotations

from rag.english.sentences import sentences

__all__ = ["label"]


def label(title: str | None, text: str, longest: int = 80) -> str:
    """What to call an article: its title, or the start of its first sentence, cut at a word.

    >>> label(None, "Iran struck first. Then Pakistan.")
    'Iran struck first.'
    """
    if title and title.strip():
        return " ".join(title.split())
    spans = sentences(text[:2_000])
    first = " ".join(text[spans[0][0] : spans[0][1]].split()) if spans else " ".join(text[:longest].split())
    first = first.lstrip("-–—•*# ") or first  # a list's mark is not part of what it says
    if len(first) <= longest:
        return first
    return first[:longest].rsplit(" ", 1)[0].rstrip(" ,;:-–—") + "…"
