"""What the routes and the MCP tools have in common. Arguments are models of `schemas`; results are our own
values or plain JSON values. Questions wait in the gate. Blocking work runs in threads and has a time limit.
"""

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
from rag.surfaces.gate import Gate, Waiting
from rag.surfaces.library import Library
from rag.surfaces.model_words import state_json
from rag.surfaces.parsing import parse_date, parse_filters
from rag.surfaces.render import json_value
from rag.types import Answer, Article, Evidence, Sentence, Step, Turn

__all__ = ["Event", "Service", "TimeLimitError", "address"]

Event = Waiting | Step | Sentence | Answer
_T = TypeVar("_T")
_READ_THREADS = 8  # for reading and listing articles, which takes milliseconds
_PASSAGE = re.compile(r"(.+):(\d{1,12})-(\d{1,12})", re.DOTALL)  # a passage's id


class TimeLimitError(ClippingsError):
    """A request took longer than its time limit."""


class _ClientGoneError(Exception):
    """The client no longer waits for the articles to be added."""


class Service:
    """The operations on a library. `timeout` is in seconds, for each call."""

    def __init__(self, library: Library, gate: Gate, *, timeout: float) -> None:
        self._library, self._gate, self._timeout = library, gate, timeout
        self._readers = ThreadPoolExecutor(_READ_THREADS, "articles")

    async def events(self, asked: AskRequest) -> AsyncGenerator[Event, None]:
        """The events of a question in order: its position in the queue, steps, sentences, and last the
        answer. If this is closed early, the work stops.

        Raises `BusyError`, `TimeLimitError`, and what `Assistant.stream` raises.
        """
        turns = [Turn(turn.question, turn.answer) for turn in asked.history]
        filters = parse_filters(asked.sources, asked.published_from, asked.published_to)
        events: list[Event] = []

        def work() -> Iterator[int]:
            assistant = self._library.chosen(asked.collection)
            stream = assistant.stream(
                asked.question,
                turns,
                filters=filters,
                asked_on=parse_date(asked.asked_on),
                use_model=asked.use_model,
            )
            # The gate passes on only the latest item, so each item is the number of events so far.
            for number, event in enumerate(stream, 1):
                events.append(event)
                yield number

        sent = 0
        async with aclosing(self._in_time(self._gate.answered(work))) as steps:
            async for step in steps:
                if isinstance(step, Waiting):
                    yield step
                    continue
                for event in events[sent:step]:
                    yield event
                sent = step

    async def ask(self, asked: AskRequest) -> Answer:
        """The whole answer. Raises as `events` does."""
        async with aclosing(self.events(asked)) as events:
            async for event in events:
                if isinstance(event, Answer):
                    return event
        raise AssertionError("a stream ends with its answer")

    async def search(self, asked: SearchRequest) -> Evidence:
        """The passages most relevant to a question, ranked. Raises as `ask` does."""
        filters = parse_filters(asked.sources, asked.published_from, asked.published_to)

        def work() -> Evidence:
            assistant = self._library.chosen(asked.collection)
            return assistant.search(asked.question, asked.k, filters, asked_on=parse_date(asked.asked_on))

        limit = asyncio.timeout(self._timeout)
        try:
            async with limit:
                return await self._gate.result(work)
        except TimeoutError:
            if limit.expired():
                raise self._timed_out() from None
            raise

    async def status(self) -> dict[str, Any]:
        """The state of the server, as `results.Status`. Nothing is contacted to know it."""

        def read() -> dict[str, Any]:
            state = self._library.model_state()
            return {"model": state_json(state) if state else None}

        return await self._read(read)

    async def article(self, article_id: str, collection: str = "", version: str = "") -> dict[str, Any]:
        """A whole article, as `results.Article`. Raises `CollectionError` where the article or version is
        missing."""
        return await self._read(lambda: _article_json(self._library.chosen(collection), article_id, version))

    async def document(self, wanted: str, collection: str = "") -> dict[str, Any]:
        """The article with the id of an article or a passage, as `results.Document`."""
        return await self._read(lambda: _document_json(self._library.chosen(collection), wanted))

    async def articles(self, wanted: ArticleList) -> dict[str, Any]:
        """A page of the list of articles, as `results.ArticlePage`."""

        def read() -> dict[str, Any]:
            collection = self._library.chosen(wanted.collection).collection
            listed = [a for a in collection.articles() if _matches(a, wanted)]
            end = wanted.offset + wanted.limit
            return {
                "total": len(listed),
                "offset": wanted.offset,
                "limit": wanted.limit,
                "next_offset": end if end < len(listed) else None,
                "articles": [_listing_json(item) for item in listed[wanted.offset : end]],
            }

        return await self._read(read)

    async def latest(self, count: int) -> tuple[list[Listing], int]:
        """The `count` latest articles, undated ones last; and the number of all articles."""

        def read() -> tuple[list[Listing], int]:
            listed = self._library.chosen("").collection.articles()  # sorted by id, which breaks ties
            listed.sort(key=lambda a: -a.headline.published.toordinal() if a.headline.published else 0)
            return listed[:count], len(listed)

        return await self._read(read)

    async def correct(self, article_id: str, correction: Correction) -> dict[str, Any]:
        """Correct an article of the user's own, or undo that; the article as it is now."""
        facts = {name: getattr(correction, name) or "" for name in correction.model_fields_set - {"undo"}}

        def work() -> dict[str, Any]:
            self._library.correct(article_id, facts, undo=correction.undo)
            return _article_json(self._library.assistant("own"), article_id, "")

        self._writable()
        return await self._change(work)

    async def remove(self, article_id: str) -> dict[str, Any]:
        """Remove an article of the user's own."""

        def work() -> dict[str, Any]:
            self._library.delete(article_id)
            return {"removed": article_id}

        self._writable()
        return await self._change(work)

    async def add(self, url: str) -> dict[str, Any]:
        """Add the page or feed at an address, as `results.SyncReport`. If the caller goes away, it stops;
        what was stored until then stays.
        """
        gone = threading.Event()

        def check(_: object) -> None:
            if gone.is_set():
                raise _ClientGoneError

        self._writable()
        try:
            report: dict[str, Any] = await self._change(lambda: json_value(self._library.fetch(url, check)))
            return report
        finally:
            gone.set()

    def _writable(self) -> None:
        if self._library.read_only:
            raise ForbiddenError(
                "this server is read-only. Add, correct and remove articles with the `clippings` command on "
                "its machine"
            )

    async def _in_time(self, steps: AsyncGenerator[_T, None]) -> AsyncGenerator[_T, None]:
        until = asyncio.get_running_loop().time() + self._timeout
        async with aclosing(steps):
            while True:
                limit = asyncio.timeout_at(until)
                try:
                    async with limit:
                        step = await anext(steps)
                except StopAsyncIteration:
                    return
                except TimeoutError:
                    if limit.expired():
                        raise self._timed_out() from None
                    raise
                yield step

    def _timed_out(self) -> TimeLimitError:
        return TimeLimitError(
            f"no answer after {self._timeout:g} seconds, so the request was stopped. Ask again, or ask a "
            "simpler question"
        )

    async def _read(self, work: Callable[[], _T]) -> _T:
        return await self._awaited(asyncio.wrap_future(self._readers.submit(work)), "Ask again in a minute")

    async def _change(self, work: Callable[[], _T]) -> _T:
        """What `work` returns, run in a daemon thread: the process may end in the middle, which a collection
        survives.
        """
        done: Future[_T] = Future()

        def run() -> None:
            done.set_running_or_notify_cancel()  # from here on it cannot be cancelled
            try:
                done.set_result(work())
            except BaseException as exc:  # noqa: BLE001  raised where it is awaited
                done.set_exception(exc)

        waiting = asyncio.wrap_future(done)
        threading.Thread(target=run, name="change", daemon=True).start()
        return await self._awaited(
            waiting, "The change may still complete: check the article before you try again"
        )

    async def _awaited(self, result: asyncio.Future[_T], advice: str) -> _T:
        limit = asyncio.timeout(self._timeout)
        try:
            async with limit:
                return await result
        except TimeoutError:
            if limit.expired():
                raise TimeLimitError(f"this took longer than {self._timeout:g} seconds. {advice}") from None
            raise


def address(article_id: str) -> str:
    """The MCP resource URI of an article; also used for articles without a web address.

    >>> address("news/Iran strikes.txt")
    'article://news%2FIran%20strikes.txt'
    """
    return f"article://{quote(article_id, safe='')}"


def _article_json(assistant: Assistant, article_id: str, version: str) -> dict[str, Any]:
    article, versions = assistant.article(article_id), assistant.collection.versions(article_id)
    if version and not article.version.startswith(version):
        wanted = next((kept for kept, _ in versions if kept.startswith(version)), "")
        earlier = assistant.collection.earlier(article_id, wanted) if wanted else None
        if earlier is None:
            raise CollectionError(
                f"the article {article_id} has no version {version}. Request it without a version to see the "
                f"versions it has",
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


def _document_json(assistant: Assistant, wanted: str) -> dict[str, Any]:
    article, place = _find(assistant, wanted)
    facts: dict[str, str | int | None] = {
        "article": article.id,
        "source": article.source,
        "author": article.author,
        "published": article.published.isoformat() if article.published else None,
        "language": article.language,
        "version": article.version,
        **place,
    }
    return {
        "id": wanted,
        "title": assistant.collection.headline(article.id).label,
        "text": article.text,
        "url": article.url or address(article.id),
        "metadata": {name: value for name, value in facts.items() if value is not None},
    }


def _find(assistant: Assistant, wanted: str) -> tuple[Article, dict[str, int]]:
    """The article with this id; or for a passage's id its article, with `start` and `end`. An article whose
    own id looks like a passage's wins.
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
            f"the article {article.id} has {len(article.text)} characters, so {start}-{end} is outside it. "
            f"Search again",
            missing=True,
        )
    return article, {"start": start, "end": end}


def _matches(listing: Listing, wanted: ArticleList) -> bool:
    facts = listing.headline
    if wanted.source and wanted.source != facts.source:
        return False
    letters = wanted.q.casefold()
    return not letters or any(
        letters in text.casefold() for text in (facts.label, facts.id, facts.source or "")
    )


def _listing_json(listing: Listing) -> dict[str, Any]:
    facts: dict[str, Any] = json_value(listing.headline)
    counts = {"words": listing.words, "passages": listing.passages}
    return {**facts, **counts, "added": listing.added.isoformat()}
