"""REST: each route turns a request into a call of `Service`, and the result into a response."""

from __future__ import annotations

import asyncio
import email.message
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from fastapi import APIRouter, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import StreamingResponse
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import Match

from rag.errors import ForbiddenError
from rag.surfaces.api import results, schemas
from rag.surfaces.api.bodies import MAX_VALUES, TooManyValues, parse
from rag.surfaces.api.examples import (
    ANSWER,
    ARTICLE,
    ARTICLE_PAGE,
    EVENTS,
    PASSAGES,
    STATUS,
    SYNC_REPORT,
    body_example,
    error_responses,
    response,
)
from rag.surfaces.api.refusals import json_bytes, refusal
from rag.surfaces.api.service import Event, Service
from rag.surfaces.gate import Gate, Waiting
from rag.surfaces.library import Library
from rag.surfaces.render import answer_json, json_value
from rag.types import Answer, Sentence, Step

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope, Send

__all__ = ["StrictRoute", "router"]

_MAX_BODY_BYTES = 1_000_000  # the largest useful body is a question with a long history
_HEARTBEAT_SECONDS = 15.0  # some proxies close a connection that is silent for longer
_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
_T = TypeVar("_T")


class StrictRoute(APIRoute):
    """A route that accepts only JSON bodies of limited size, and no unknown parameters. Long bodies are
    parsed in a thread, so that other requests are not delayed.
    """

    max_body_bytes, max_values = _MAX_BODY_BYTES, MAX_VALUES

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        takes_body = self.body_field is not None
        takes_query = bool(self.dependant.query_params)

        async def checked(request: Request) -> Response:
            if takes_body:
                _expect_json(request, self.max_body_bytes)
                try:
                    body = await Request(request.scope, _limited(request.receive, self.max_body_bytes)).body()
                except ClientDisconnect:
                    raise HTTPException(400, "the request was interrupted") from None  # the client has gone
                request = _ParsedRequest(request, body, await _parsed(body, self.max_values))
            if request.query_params and not takes_query:
                name = next(iter(request.query_params))
                raise RequestValidationError(
                    [{"type": "extra_forbidden", "loc": ("query", name), "msg": "", "input": None}]
                )
            return await handle(request)

        return checked


def _expect_json(request: Request, max_bytes: int) -> None:
    stated = email.message.Message()
    stated["content-type"] = request.headers.get("content-type", "")
    kind = stated.get_content_subtype()
    if stated.get_content_maintype() != "application" or not (kind == "json" or kind.endswith("+json")):
        raise HTTPException(415)
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length[:20]) > max_bytes:
        raise _too_large(max_bytes)


def _limited(receive: Receive, max_bytes: int) -> Receive:
    left = max_bytes

    async def counted() -> Message:
        nonlocal left
        message = await receive()
        left -= len(message.get("body", b""))
        if left < 0:
            raise _too_large(max_bytes)
        return message

    return counted


class _ParsedRequest(Request):
    """A request whose body was read already: `parsed` is its value, or the error of the parser."""

    def __init__(self, request: Request, body: bytes, parsed: Any) -> None:
        super().__init__(request.scope, request.receive)
        self._text, self._parsed = body, parsed

    async def body(self) -> bytes:
        return self._text

    async def json(self) -> Any:
        if isinstance(self._parsed, Exception):
            raise self._parsed
        return self._parsed


async def _parsed(body: bytes, max_values: int) -> Any:
    """The value of a body, or the parser's error, which FastAPI raises later."""
    try:
        return await parse(body, max_values)
    except TooManyValues as exc:
        raise HTTPException(413, str(exc)) from exc
    except (ValueError, RecursionError) as exc:
        return exc


def _too_large(max_bytes: int) -> HTTPException:
    return HTTPException(413, f"the body is larger than {max_bytes:,} bytes. Leave out the oldest turns")


class _Events(StreamingResponse):
    """Server-sent events. When the connection ends, the generator is closed, which stops the work."""

    def __init__(self, events: AsyncGenerator[bytes, None]) -> None:
        super().__init__(
            events,
            media_type="text/event-stream",
            headers={"Cache-Control": "no-cache", "X-Accel-Buffering": "no"},
        )
        self._events = events

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with aclosing(self._events):
            await super().__call__(scope, receive, send)


def router(library: Library, gate: Gate, *, timeout: float) -> APIRouter:
    """The routes under `/api`. A request takes at most `timeout` seconds. Changes are refused where the
    library or `request.state.read_only` is read-only.
    """
    routes = APIRouter(prefix="/api", route_class=StrictRoute)
    service = Service(library, gate, timeout=timeout)

    @routes.post(
        "/ask",
        summary="Ask a question",
        response_class=Response,
        responses={
            200: {
                "model": results.Answer,
                "description": "The answer. With `Accept: text/event-stream` it comes as server-sent events: "
                "`waiting`, `step`, `sentence`, and last `answer` or `error`.",
                "content": {
                    "application/json": {"example": ANSWER},
                    "text/event-stream": {"schema": {"type": "string"}, "example": EVENTS},
                },
            },
            **error_responses(400, 404, 409, 413, 415, 422, 502, 503, 504),
        },
    )
    async def ask(
        request: Request,
        asked: Annotated[schemas.AskRequest, body_example({"question": "Who struck first?"})],
    ) -> Response:
        """Every sentence of the answer has citations: the exact words of an article and their place in it. If
        the articles do not answer the question, `abstained` says why.
        """
        if _wants_events(request):
            return await _streamed(service.events(asked), library.folders)
        return Response(
            _utf8(answer_json(await _while_connected(request, service.ask(asked)))),
            media_type="application/json",
        )

    search_responses: dict[int | str, dict[str, Any]] = {
        200: response(results.PassageList, "The passages, best first.", PASSAGES),
        **error_responses(400, 404, 409, 413, 415, 422, 502, 503, 504),
    }

    @routes.post("/search", summary="Search passages", response_class=Response, responses=search_responses)
    async def search(
        request: Request,
        asked: Annotated[schemas.SearchRequest, body_example({"question": "Who struck first?", "k": 3})],
    ) -> Response:
        """The passages most relevant to a question, best first, without an answer."""
        return _json(json_value(await _while_connected(request, service.search(asked))))

    @routes.get(
        "/search",
        summary="Search passages with a query string",
        response_class=Response,
        responses=search_responses,
    )
    async def search_by_query(request: Request, asked: Annotated[schemas.SearchQuery, Query()]) -> Response:
        """The same as `POST /api/search`. `sources` may be repeated."""
        return _json(json_value(await _while_connected(request, service.search(asked))))

    @routes.get(
        "/status",
        summary="Get the state of the language model",
        response_class=Response,
        responses={
            200: response(results.Status, "The state.", STATUS),
            **error_responses(404, 422, 503, 504),
        },
    )
    async def status() -> Response:
        """Whether a language model words the answers just now. It is known from the questions so far: nothing
        is contacted.
        """
        return _json(await service.status())

    @routes.get(
        "/articles",
        summary="List articles",
        response_class=Response,
        responses={
            200: response(results.ArticlePage, "A page of the list.", ARTICLE_PAGE),
            **error_responses(404, 409, 422, 503, 504),
        },
    )
    async def articles(wanted: Annotated[schemas.ArticleList, Query()]) -> Response:
        """The articles in the order of their ids, with facts and counts. `next_offset` is the `offset` of the
        next page.
        """
        return _json(await service.articles(wanted))

    @routes.get(
        "/articles/{id:path}",
        summary="Get an article",
        response_class=Response,
        responses={
            200: response(results.Article, "The whole article.", ARTICLE),
            **error_responses(404, 409, 422, 503, 504),
        },
    )
    async def article(id: str, wanted: Annotated[schemas.ArticleQuery, Query()]) -> Response:
        """A whole article, to show a citation in context. Slashes in the id need no escaping."""
        return _json(await service.article(_required_id(id), wanted.collection, wanted.version))

    @routes.patch(
        "/articles/{id:path}",
        summary="Correct an article",
        response_class=Response,
        responses={
            200: response(results.Article, "The article as it is now.", ARTICLE),
            **error_responses(400, 403, 404, 409, 413, 415, 422, 503, 504),
        },
    )
    async def correct(
        request: Request,
        id: str,
        correction: Annotated[schemas.Correction, body_example({"published": "2024-01-20"})],
    ) -> Response:
        """Correct the title, source or date of one of your articles. Later syncs keep the correction; `undo`
        removes it.
        """
        _writable(request)
        return _json(await service.correct(_required_id(id), correction))

    @routes.delete(
        "/articles/{id:path}",
        summary="Remove an article",
        response_class=Response,
        responses={
            200: response(results.RemovedArticle, "The article was removed.", {"removed": "seeds/iran.txt"}),
            **error_responses(403, 404, 409, 422, 503, 504),
        },
    )
    async def remove(request: Request, id: str) -> Response:
        """Remove one of your articles, and its uploaded file with the last article in it."""
        _writable(request)
        return _json(await service.remove(_required_id(id)))

    @routes.post(
        "/fetch",
        summary="Add a web page or feed",
        response_class=Response,
        responses={
            200: response(results.SyncReport, "What was added, and what failed and why.", SYNC_REPORT),
            **error_responses(400, 403, 409, 413, 415, 422, 503, 504),
        },
    )
    async def fetch(
        request: Request,
        wanted: Annotated[schemas.FetchRequest, body_example({"url": "https://example.org/news/storm"})],
    ) -> Response:
        """Fetch the page or feed at an address, and add its articles to your own."""
        _writable(request)
        return _json(await _while_connected(request, service.add(wanted.url)))

    known = tuple(routes.routes)

    @routes.api_route("", methods=_METHODS, include_in_schema=False)
    @routes.api_route("/{rest:path}", methods=_METHODS, include_in_schema=False)
    async def unknown(request: Request) -> Response:
        """The catch-all route, so that unknown addresses get an error in the common form."""
        allowed = sorted(
            method
            for route in known
            if route.matches(request.scope)[0] is Match.PARTIAL
            for method in getattr(route, "methods", None) or ()
        )
        raise HTTPException(405, headers={"Allow": ", ".join(allowed)}) if allowed else HTTPException(404)

    return routes


def _writable(request: Request) -> None:
    if getattr(request.state, "read_only", False):
        raise ForbiddenError("you have read-only access: you cannot add, correct or remove articles")


def _required_id(article_id: str) -> str:
    if not article_id:
        raise HTTPException(404, "the id of the article is missing. Add it after /api/articles/")
    return article_id


def _wants_events(request: Request) -> bool:
    """Whether the client prefers events to JSON, which is the one that `Accept` names first."""
    named = [part.partition(";")[0].strip().lower() for part in request.headers.get("accept", "").split(",")]
    first = next((kind for kind in named if kind in ("text/event-stream", "application/json", "*/*")), "")
    return first == "text/event-stream"


async def _while_connected(request: Request, work: Coroutine[Any, Any, _T]) -> _T:
    """The result of the work, which is cancelled when the client disconnects."""

    async def disconnected() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    working, leaving = asyncio.ensure_future(work), asyncio.ensure_future(disconnected())
    try:
        await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        raise HTTPException(499, "the client has disconnected")  # never sent
    finally:
        leaving.cancel()
        working.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


async def _streamed(events: AsyncGenerator[Event, None], hide: Sequence[str]) -> Response:
    """The events as a response. Waits for the first event, so that an early error has its own HTTP status."""
    stream = _encoded(events)
    try:
        first = await anext(stream)
    except BaseException:
        await stream.aclose()
        raise

    async def from_first() -> AsyncGenerator[bytes, None]:
        async with aclosing(stream):
            yield first
            try:
                async for event in stream:
                    yield event
            except Exception as exc:  # noqa: BLE001  sent to the client, and logged if it is unexpected
                yield _event("error", refusal(exc, hide).body)

    return _Events(from_first())


async def _encoded(events: AsyncGenerator[Event, None]) -> AsyncGenerator[bytes, None]:
    """Each event as bytes, and a comment as a heartbeat when there was none for a while."""
    async with aclosing(events):
        pending: asyncio.Task[Event] | None = None
        try:
            while True:
                pending = pending or asyncio.ensure_future(_next(events))
                if not (await asyncio.wait((pending,), timeout=_HEARTBEAT_SECONDS))[0]:
                    yield b": still at work\n\n"
                    continue
                event, pending = pending.result(), None
                yield _encode(event)
                if isinstance(event, Answer):
                    return
        finally:
            if pending:
                pending.cancel()
                await asyncio.gather(pending, return_exceptions=True)  # the client has gone


async def _next(events: AsyncGenerator[Event, None]) -> Event:
    return await anext(events)


def _encode(event: Event) -> bytes:
    match event:
        case Answer():
            return _event("answer", json_value(event, event.evidence))
        case Sentence():
            sentence = json_value(event)
            for citation in sentence["citations"]:
                del citation["dates"]  # they need the evidence, which comes with the answer
            return _event("sentence", sentence)
        case Step():
            return _event("step", json_value(event))
        case Waiting():
            return _event("waiting", {"before": event.before})


def _event(name: str, value: Any) -> bytes:
    return f"event: {name}\ndata: ".encode() + json_bytes(value) + b"\n\n"


def _json(value: Any) -> Response:
    return Response(json_bytes(value), media_type="application/json")


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "backslashreplace")
