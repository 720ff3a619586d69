"""An article as it is opened beside an answer: cut at the words that were cited, in the version in which they
stood.
"""

from __future__ import annotations

from dataclasses import replace

from rag.assistant import Assistant
from rag.errors import ClippingsError, CollectionError
from rag.surfaces.library import Library
from rag.surfaces.markup import article_parts, digest
from rag.surfaces.render import day
from rag.types import Article

__all__ = ["opened_at"]


def opened_at(
    library: Library,
    collection: str,
    article_id: str,
    *,
    version: str = "",
    start: int = 0,
    end: int = 0,
    words: str = "",
) -> dict[str, str]:
    """The parts of an article as plain strings, cut at [start, end) in code points; with no `end` the whole
    of it.

    `version` is the one that was cited and `words` the digest of what was (`markup.digest`): an article that
    has changed since is opened as it is where the words stand where they stood, and otherwise as it was.
    Raises `CollectionError` where no version that is kept has them.
    """
    try:
        assistant = library.chosen(collection)
        start, end = (start, end) if end else (0, 0)
        article, note = _as_cited(assistant, article_id, version, start, end, words)
        if end:
            _ = article.passage(start, end)  # which must be there
        facts = assistant.collection.headline(article.id)
    except (ClippingsError, ValueError) as exc:
        said = "This article has been changed or removed since the answer was given. Ask again."
        raise CollectionError(said, missing=True) from exc
    if note:
        facts = replace(
            facts, label=article.title or facts.label, source=article.source, published=article.published
        )
    return article_parts(article, facts, start, end, note)


def _as_cited(
    assistant: Assistant, article_id: str, version: str, start: int, end: int, words: str
) -> tuple[Article, str]:
    """The article in the version in which the words stood, and what to say if that is not the present one.

    Raises `ValueError` where no version that is kept has them.
    """
    article = assistant.article(article_id)
    if not version or version == article.version:
        return article, ""
    if digest(article.text[start:end]) == words:  # its facts were corrected, or it changed elsewhere
        return article, ""
    for earlier, until in assistant.collection.versions(article.id):
        found = assistant.collection.earlier(article.id, earlier)
        if found and (earlier == version or digest(found.text[start:end]) == words):
            return (
                found,
                f"This is the article as it was until {day(until.date())}. It has been changed since.",
            )
    raise ValueError("the words stand nowhere any more")
