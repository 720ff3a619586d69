"""What other programs can ask of the page: the same answers over REST, and as tools of an MCP server.

Gradio makes both from these functions: their names, types and docstrings are what a program, or a model, chooses by.
"""

from __future__ import annotations

import functools
import inspect
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

    return _typed(ask), _typed(search), _typed(article)


def _typed(program: Program) -> Program:
    """The function, which refuses arguments of another kind than it takes: Gradio passes on whatever JSON it is given. What is
    null is left out."""
    signature = inspect.signature(program)

    @functools.wraps(program)
    def called(*given: Any, **named: Any) -> dict[str, Any]:
        stated = {name: value for name, value in signature.bind(*given, **named).arguments.items() if value is not None}
        for name, parameter in signature.parameters.items():
            if name not in stated and parameter.default is parameter.empty:
                raise QuestionError(f"{name} is missing. It must be a text")
        for name, value in stated.items():
            fits, wanted = _KINDS.get(name, _TEXT)
            if not fits(value):
                raise QuestionError(f"{name} must be {wanted}, and is {json.dumps(value, ensure_ascii=False)[:80]}")
        return program(**stated)

    return called


def _is_whole(value: Any) -> bool:
    try:
        return not isinstance(value, bool) and int(value) == float(value)
    except (TypeError, ValueError, OverflowError):
        return False


_TEXT: tuple[Callable[[Any], bool], str] = (lambda value: isinstance(value, str), "a text")
_KINDS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "k": (_is_whole, "a whole number"),
    "history": (
        lambda value: isinstance(value, list) and all(isinstance(turn, list) for turn in value),
        "a list of pairs: each a question and its answer",
    ),
    "sources": (
        lambda value: isinstance(value, list) and all(isinstance(name, str) for name in value),
        "a list of names",
    ),
}


def _pair(turn: list[str]) -> tuple[str, str]:
    if len(turn) != 2 or not all(isinstance(part, str) for part in turn):
        raise QuestionError("each turn of the history must be a pair of texts: the question and the answer")
    return turn[0], turn[1]
