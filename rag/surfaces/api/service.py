"""What the routes and the tools do, once for both: their arguments are models of `schemas`, their results our
values or plain JSON ones. Questions wait in the gate; all that may block runs in threads, and within a limit
of time."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import AsyncGenerator, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import aclosing
from typing import Any, TypeVar
from urllib.parse import quote

from rag.assistant import Assistant
from rag.collection import Listing
from rag.errors import ClippingsError, CollectionError, ForbiddenError
from rag.surfaces.api.schemas import ArticleList, AskRequest, Correction, SearchRequest
from rag.surfaces.asking import day, filters
from rag.surfaces.gate import Gate, Waiting
from rag.surfaces.library import Library
from rag.surfaces.render import json_value
from rag.types import Answer, Article, Evidence, Sentence, Step, Turn

__all__ = ["Event", "Service", "TimeLimitError", "address"]

Event = Waiting | Step | Sentence | Answer
_T = TypeVar("_T")
_READERS = 8  # articles read and listed at the same time; each takes milliseconds
_PASSAGE = re.compile(r"(.+):(\d{1,12})-(\d{1,12})", re.DOTALL)  # a passage's id


class TimeLimitError(ClippingsError):
    """The work took longer than a request may."""


class _GivenUpError(Exception):
    """Nobody waits any more for what is being added."""


class Service:
    """The collections of a library, asked through a gate. `timeout` is in seconds, for each call."""

    def __init__(self, library: Library, gate: Gate, *, timeout: float) -> None:
        self._library, self._gate, self._timeout = library, gate, timeout
        self._readers = ThreadPoolExecutor(_READERS, "articles")

    async def events(self, asked: AskRequest) -> AsyncGenerator[Event, None]:
        """What happens to a question, each event once and in order: how many are before it, what is being
        done, sentences, and last the answer. Closed early, the work is given up.

        Raises `BusyError`, `TimeLimitError`, and what `Assistant.stream` raises.
        """
        turns = [Turn(turn.question, turn.answer) for turn in asked.history]
        limits = filters(asked.sources, asked.published_from, asked.published_to)
        said: list[Event] = []

        def work() -> Iterator[int]:
            assistant = self._library.chosen(asked.collection)
            made = assistant.stream(
                asked.question, turns, filters=limits, asked_on=day(asked.asked_on), use_model=asked.use_model
            )
            # The gate gives only the latest of what is made meanwhile: how many there are, then, is enough.
            for number, event in enumerate(made, 1):
                said.append(event)
                yield number

        given = 0
        async with aclosing(self._in_time(self._gate.answered(work))) as made:
            async for step in made:
                if isinstance(step, Waiting):
                    yield step
                    continue
                for event in said[given:step]:
                    yield event
                given = step

    async def ask(self, asked: AskRequest) -> Answer:
        """The whole answer. Raises as `events` does."""
        async with aclosing(self.events(asked)) as made:
            async for event in made:
                if isinstance(event, Answer):
                    return event
        raise AssertionError("a stream ends with its answer")

    async def search(self, asked: SearchRequest) -> Evidence:
        """The passages nearest to a question, ranked. Raises as `ask` does."""
        limits = filters(asked.sources, asked.published_from, asked.published_to)

        def work() -> Evidence:
            assistant = self._library.chosen(asked.collection)
            return assistant.search(asked.question, asked.k, limits, asked_on=day(asked.asked_on))

        limit = asyncio.timeout(self._timeout)
        try:
            async with limit:
                return await self._gate.result(work)
        except TimeoutError:
            if limit.expired():
                raise self._late() from None
            raise

    async def article(self, article_id: str, collection: str = "", version: str = "") -> dict[str, Any]:
        """A whole article, as `schemas.Article` has it. Raises `CollectionError` where there is none, or not
        that version.
        """
        return await self._read(lambda: _whole(self._library.chosen(collection), article_id, version))

    async def document(self, wanted: str, collection: str = "") -> dict[str, Any]:
        """The article that an id names, be it an article's or a passage's, as `schemas.Document` has it."""
        return await self._read(lambda: _document(self._library.chosen(collection), wanted))

    async def articles(self, wanted: ArticleList) -> dict[str, Any]:
        """A part of the list of articles, as `schemas.ArticlePage` has it."""

        def read() -> dict[str, Any]:
            rows = [
                row
                for row in self._library.chosen(wanted.collection).collection.articles()
                if _fits(row, wanted)
            ]
            end = wanted.offset + wanted.limit
            return {
                "total": len(rows),
                "offset": wanted.offset,
                "limit": wanted.limit,
                "next_offset": end if end < len(rows) else None,
                "articles": [_row(row) for row in rows[wanted.offset : end]],
            }

        return await self._read(read)

    async def latest(self, most: int) -> tuple[list[Listing], int]:
        """The articles that were published last, those of unknown day after them, and how many there are in
        all.
        """

        def read() -> tuple[list[Listing], int]:
            rows = self._library.chosen(
                ""
            ).collection.articles()  # by id, which decides between those of one day
            rows.sort(key=lambda row: -row.headline.published.toordinal() if row.headline.published else 0)
            return rows[:most], len(rows)

        return await self._read(read)

    async def correct(self, article_id: str, right: Correction) -> dict[str, Any]:
        """Correct an article of the user's own, or take that back; the article as it is now."""
        facts = {name: getattr(right, name) or "" for name in right.model_fields_set - {"undo"}}

        def work() -> dict[str, Any]:
            self._library.correct(article_id, facts, undo=right.undo)
            return _whole(self._library.assistant("own"), article_id, "")

        self._writable()
        return await self._change(work)

    async def remove(self, article_id: str) -> dict[str, Any]:
        """Remove an article of the user's own."""

        def work() -> dict[str, Any]:
            self._library.take_out(article_id)
            return {"removed": article_id}

        self._writable()
        return await self._change(work)

    async def add(self, url: str) -> dict[str, Any]:
        """Add the page or the feed at an address, as `schemas.Report` has it. Given up where nobody waits for
        it any more: what was stored until then stays."""
        given_up = threading.Event()

        def look(_: object) -> None:
            if given_up.is_set():
                raise _GivenUpError

        self._writable()
        try:
            report: dict[str, Any] = await self._change(lambda: json_value(self._library.fetch(url, look)))
            return report
        finally:
            given_up.set()

    def _writable(self) -> None:
        if self._library.read_only:
            raise ForbiddenError(
                "this server is read-only: articles are added, corrected and removed where it runs, by "
                "`clippings`"
            )

    async def _in_time(self, made: AsyncGenerator[_T, None]) -> AsyncGenerator[_T, None]:
        until = asyncio.get_running_loop().time() + self._timeout
        async with aclosing(made):
            while True:
                limit = asyncio.timeout_at(until)
                try:
                    async with limit:
                        step = await anext(made)
                except StopAsyncIteration:
                    return
                except TimeoutError:
                    if limit.expired():
                        raise self._late() from None
                    raise
                yield step

    def _late(self) -> TimeLimitError:
        return TimeLimitError(
            f"there is no answer after {self._timeout:g} seconds, so the work was given up. "
            "Ask again, or for one thing at a time"
        )

    async def _read(self, work: Callable[[], _T]) -> _T:
        return await self._awaited(asyncio.wrap_future(self._readers.submit(work)), "Ask again in a minute")

    async def _change(self, work: Callable[[], _T]) -> _T:
        """What `work` returns, in a thread that the end of the process does not wait for: a collection
        survives that.
        """
        done: Future[_T] = Future()

        def run() -> None:
            done.set_running_or_notify_cancel()  # from here on nobody can cancel it
            try:
                done.set_result(work())
            except BaseException as exc:  # noqa: BLE001  raised where it is awaited
                done.set_exception(exc)

        waiting = asyncio.wrap_future(done)
        threading.Thread(target=run, name="change", daemon=True).start()
        return await self._awaited(waiting, "It may be done yet: look at the article before you try again")

    async def _awaited(self, result: asyncio.Future[_T], advice: str) -> _T:
        limit = asyncio.timeout(self._timeout)
        try:
            async with limit:
                return await result
        except TimeoutError:
            if limit.expired():
                raise TimeLimitError(
                    f"this was not done within {self._timeout:g} seconds. {advice}"
                ) from None
            raise


def address(article_id: str) -> str:
    """An article's address as a resource, for articles that have none on the web.

    >>> address("news/Iran strikes.txt")
    'article://news%2FIran%20strikes.txt'
    """
    return f"article://{quote(article_id, safe='')}"


def _whole(assistant: Assistant, article_id: str, version: str) -> dict[str, Any]:
    article, versions = assistant.article(article_id), assistant.collection.versions(article_id)
    if version and not article.version.startswith(version):
        wanted = next((kept for kept, _ in versions if kept.startswith(version)), "")
        earlier = assistant.collection.earlier(article_id, wanted) if wanted else None
        if earlier is None:
            raise CollectionError(
                f"the article {article_id} has no version {version}. Its entry without a version lists those "
                f"that are kept",
                missing=True,
            )
        article = earlier
    return {
        "id": article.id,
        "version": article.version,
        "label": assistant.collection.headline(article_id).label,
        "title": article.title,
        "source": article.source,
        "author": article.author,
        "published": article.published.isoformat() if article.published else None,
        "url": article.url,
        "language": article.language,
        "provenance": dict(article.provenance),
        "earlier": [{"version": kept, "until": until.isoformat()} for kept, until in versions],
        "text": article.text,
    }


def _document(assistant: Assistant, wanted: str) -> dict[str, Any]:
    article, stretch = _named(assistant, wanted)
    facts: dict[str, str | int | None] = {
        "article": article.id,
        "source": article.source,
        "author": article.author,
        "published": article.published.isoformat() if article.published else None,
        "language": article.language,
        "version": article.version,
        **stretch,
    }
    return {
        "id": wanted,
        "title": assistant.collection.headline(article.id).label,
        "text": article.text,
        "url": article.url or address(article.id),
        "metadata": {name: value for name, value in facts.items() if value is not None},
    }


def _named(assistant: Assistant, wanted: str) -> tuple[Article, dict[str, int]]:
    """The article, and the stretch of it where the id is a passage's. An article whose own id looks like that
    comes first.
    """
    try:
        return assistant.article(wanted), {}
    except CollectionError as exc:
        place = _PASSAGE.fullmatch(wanted)
        if not exc.missing or place is None:
            raise
    article, start, end = assistant.article(place[1]), int(place[2]), int(place[3])
    if not start < end <= len(article.text):
        raise CollectionError(
            f"the article {article.id} has {len(article.text)} characters, and nothing at {start}-{end}. "
            f"Search again",
            missing=True,
        )
    return article, {"start": start, "end": end}


def _fits(row: Listing, wanted: ArticleList) -> bool:
    facts = row.headline
    if wanted.source and wanted.source != facts.source:
        return False
    letters = wanted.q.casefold()
    return not letters or any(
        letters in text.casefold() for text in (facts.label, facts.id, facts.source or "")
    )


def _row(row: Listing) -> dict[str, Any]:
    facts: dict[str, Any] = json_value(row.headline)
    return {**facts, "words": row.words, "passages": row.passages, "added": row.added.isoformat()}
