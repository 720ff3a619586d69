"""What other programs can ask of the page: the same answers over REST, and as tools of an MCP server.

Gradio makes both from these functions: their names, types and docstrings are what a program, or a model, chooses by.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from typing import Any

from rag.assistant import Assistant
from rag.errors import QuestionError
from rag.surfaces.record import passage_record
from rag.surfaces.render import answer_json
from rag.types import Filters, Turn

__all__ = ["Program", "filters", "programs"]

Program = Callable[..., dict[str, Any]]


def filters(sources: list[str] | None, published_from: str | None, published_to: str | None) -> Filters:
    """What a form or a program says. Raises `QuestionError` for a day that is none, or a time without days."""
    first, last = day(published_from), day(published_to)
    try:
        return Filters(first, last, tuple(sources or ()))
    except ValueError as exc:
        raise QuestionError(f"{exc}. Correct the days that limit the evidence") from exc


def day(stated: str | None) -> date | None:
    """A day as a form has it; `None` where nothing is stated. Raises `QuestionError` for what is no day."""
    try:
        return date.fromisoformat(stated.strip()) if stated and stated.strip() else None
    except ValueError:
        raise QuestionError(f"{stated!r} is not a day. Days are written as 2024-01-20; correct it, or leave it empty") from None


def programs(assistant: Callable[[str], Assistant]) -> tuple[Program, Program, Program]:
    """`ask`, `search` and `article`, over the collections that `assistant` opens by name."""

    def ask(
        question: str,
        history: list[list[str]] | None = None,
        sources: list[str] | None = None,
        published_from: str = "",
        published_to: str = "",
        asked_on: str = "",
        collection: str = "",
    ) -> dict[str, Any]:
        """Answer a question from a collection of articles. Every sentence of the answer comes with citations: the exact
        words of an article and where they stand in it. Says so when the articles do not answer, and lists what they
        disagree on.

        Args:
            question: the question, in English, at most 2,000 characters; "and in May?" is understood where history is given
            history: earlier turns, oldest first, each a pair of question and answer text; leave it out for a new talk
            sources: names of sources to keep to, exactly as an article's facts have them; leave it out for all
            published_from: only articles published on this day or later, as 2024-01-20; empty for any
            published_to: only articles published on this day or earlier, as 2024-01-20; empty for any
            asked_on: the day that "this week" is counted from, as 2024-01-20; empty where it does not matter
            collection: "own" for the user's articles, "demo" for the demo articles; empty for the own where there are any

        Returns:
            the answer: text with [n] markers, sentences, citations, evidence, conflicts, abstained (why there is none)
        """
        turns = [Turn(*_pair(turn)) for turn in history or []]
        limits = filters(sources, published_from, published_to)
        answer = assistant(collection).ask(question, turns, filters=limits, asked_on=day(asked_on))
        found: dict[str, Any] = json.loads(answer_json(answer))
        return found

    def search(
        question: str,
        k: int = 8,
        sources: list[str] | None = None,
        published_from: str = "",
        published_to: str = "",
        asked_on: str = "",
        collection: str = "",
    ) -> dict[str, Any]:
        """Find the passages of the articles that are nearest to a question, best first, without answering it.

        Args:
            question: what to look for, in English
            k: how many passages, 1 or more
            sources: names of sources to keep to, exactly as an article's facts have them; leave it out for all
            published_from: only articles published on this day or later, as 2024-01-20; empty for any
            published_to: only articles published on this day or earlier, as 2024-01-20; empty for any
            asked_on: the day of asking, as 2024-01-20: articles from around it come first; empty where it does not matter
            collection: "own" for the user's articles, "demo" for the demo articles; empty for the own where there are any

        Returns:
            passages: each with its rank, its article's facts, start and end in the article's text, and its text
        """
        limits = filters(sources, published_from, published_to)
        found = assistant(collection).search(question, int(k), limits, asked_on=day(asked_on))
        return {"passages": [{"rank": source.rank, **passage_record(source)} for source in found]}

    def article(article_id: str, collection: str = "") -> dict[str, Any]:
        """Read one whole article, to see a citation in its place.

        Args:
            article_id: the id, as a citation or a passage has it
            collection: "own" for the user's articles, "demo" for the demo articles; empty for the own where there are any

        Returns:
            the article: id, version, title, source, author, published, url, language, text
        """
        found = assistant(collection).article(article_id)
        return {
            "id": found.id,
            "version": found.version,
            "title": found.title,
            "source": found.source,
            "author": found.author,
            "published": found.published.isoformat() if found.published else None,
            "url": found.url,
            "language": found.language,
            "text": found.text,
        }

    return ask, search, article


def _pair(turn: list[str]) -> tuple[str, str]:
    if len(turn) != 2 or not all(isinstance(part, str) for part in turn):
        raise QuestionError("each turn of the history must be a pair of texts: the question and the answer")
    return turn[0], turn[1]
