"""An article as it is opened beside an answer: the version that was cited, split at the cited words."""

from __future__ import annotations

from dataclasses import replace

from rag.assistant import Assistant
from rag.errors import ClippingsError, CollectionError
from rag.surfaces.library import Library
from rag.surfaces.markup import article_parts, digest
from rag.surfaces.render import day
from rag.types import Article

__all__ = ["cited_article"]


def cited_article(
    library: Library,
    collection: str,
    article_id: str,
    *,
    version: str = "",
    start: int = 0,
    end: int = 0,
    words: str = "",
) -> dict[str, str]:
    """The parts of an article as plain strings, split at [start, end) in code points; without `end`, the
    whole.

    `version` is the cited version, and `words` the digest of the cited words (`markup.digest`). Where the
    article has changed since, the present version is shown if it has the words at the same place, and an
    earlier version otherwise. Raises `CollectionError` where no stored version has them.
    """
    try:
        assistant = library.chosen(collection)
        start, end = (start, end) if end else (0, 0)
        article, note = _as_cited(assistant, article_id, version, start, end, words)
        if end:
            _ = article.passage(start, end)  # raises ValueError where it lies outside the article
        facts = assistant.collection.headline(article.id)
    except (ClippingsError, ValueError) as exc:
        message = "This article was changed or removed after the answer was given. Ask again."
        raise CollectionError(message, missing=True) from exc
    if note:
        facts = replace(
            facts, label=article.title or facts.label, source=article.source, published=article.published
        )
    return article_parts(article, facts, start, end, note)


def _as_cited(
    assistant: Assistant, article_id: str, version: str, start: int, end: int, words: str
) -> tuple[Article, str]:
    """The article in the version that has the words, and a note if that is an earlier version.

    Raises `ValueError` where no stored version has them.
    """
    article = assistant.article(article_id)
    if not version or version == article.version:
        return article, ""
    if digest(article.text[start:end]) == words:  # only its facts or other parts of it have changed
        return article, ""
    for earlier, until in assistant.collection.versions(article.id):
        found = assistant.collection.earlier(article.id, earlier)
        if found and (earlier == version or digest(found.text[start:end]) == words):
            return (
                found,
                f"This is an earlier version of the article, which was replaced on {day(until.date())}.",
            )
    raise ValueError("no stored version has these words")
