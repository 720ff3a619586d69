"""REST: each route translates a request for `Service`, and what that returns into a response."""

from __future__ import annotations

import asyncio
import email.message
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from fastapi import APIRouter, Body, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import StreamingResponse
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import Match

from rag.errors import ForbiddenError
from rag.surfaces.api import schemas
from rag.surfaces.api.bodies import VALUES, TooManyValues, read
from rag.surfaces.api.refusals import json_bytes, refusal
from rag.surfaces.api.service import Event, Service
from rag.surfaces.gate import Gate, Waiting
from rag.surfaces.library import Library
from rag.surfaces.render import answer_json, json_value
from rag.types import Answer, Sentence, Step

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope, Send

__all__ = ["StrictRoute", "router"]

_LARGEST = 1_000_000  # bytes of a body; the largest that makes sense is a question with a long history
_HEARTBEAT = 15.0  # seconds of silence after which proxies begin to hang up
_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
_T = TypeVar("_T")


class StrictRoute(APIRoute):
    """A route that reads no more than it must: a body of JSON, not too large and not of too many values, and
    no parameter that it does not know. A long body is read in a thread, so that others are answered
    meanwhile."""

    largest, most_values = _LARGEST, VALUES

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        takes_body = self.body_field is not None
        takes_query = bool(self.dependant.query_params)

        async def checked(request: Request) -> Response:
            if takes_body:
                _expect_json(request, self.largest)
                try:
                    body = await Request(request.scope, _bounded(request.receive, self.largest)).body()
                except ClientDisconnect:
                    raise HTTPException(400, "the request broke off") from None  # nobody reads this
                request = _Read(request, body, await _parsed(body, self.most_values))
            if request.query_params and not takes_query:
                name = next(iter(request.query_params))
                raise RequestValidationError(
                    [{"type": "extra_forbidden", "loc": ("query", name), "msg": "", "input": None}]
                )
            return await handle(request)

        return checked


def _expect_json(request: Request, largest: int) -> None:
    stated = email.message.Message()
    stated["content-type"] = request.headers.get("content-type", "")
    kind = stated.get_content_subtype()
    if stated.get_content_maintype() != "application" or not (kind == "json" or kind.endswith("+json")):
        raise HTTPException(415)
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length[:20]) > largest:
        raise _too_large(largest)


def _bounded(receive: Receive, largest: int) -> Receive:
    left = largest

    async def counted() -> Message:
        nonlocal left
        message = await receive()
        left -= len(message.get("body", b""))
        if left < 0:
            raise _too_large(largest)
        return message

    return counted


class _Read(Request):
    """A request whose body has been read: `parsed`, or what was raised when it was."""

    def __init__(self, request: Request, body: bytes, parsed: Any) -> None:
        super().__init__(request.scope, request.receive)
        self._text, self._parsed = body, parsed

    async def body(self) -> bytes:
        return self._text

    async def json(self) -> Any:
        if isinstance(self._parsed, Exception):
            raise self._parsed
        return self._parsed


async def _parsed(body: bytes, most: int) -> Any:
    """The value of a body, or the error that it is no JSON, for FastAPI to raise."""
    try:
        return await read(body, most)
    except TooManyValues as exc:
        raise HTTPException(413, str(exc)) from exc
    except (ValueError, RecursionError) as exc:
        return exc


def _too_large(largest: int) -> HTTPException:
    return HTTPException(
        413, f"the body is larger than {largest:,} bytes. Send less at a time: leave out the oldest turns"
    )


class _Events(StreamingResponse):
    """Server-sent events. However the connection ends, what makes them is closed, and the work given up."""

    def __init__(self, made: AsyncGenerator[bytes, None]) -> None:
        super().__init__(
            made,
            media_type="text/event-stream",
            headers={"Cache-Control": "no-cache", "X-Accel-Buffering": "no"},
        )
        self._made = made

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with aclosing(self._made):
            await super().__call__(scope, receive, send)


def router(library: Library, gate: Gate, *, timeout: float) -> APIRouter:
    """The routes under `/api`. A request is answered within `timeout` seconds or refused; where
    `request.state.read_only` is true, or the library is read-only, nothing is changed."""
    routes = APIRouter(prefix="/api", route_class=StrictRoute)
    service = Service(library, gate, timeout=timeout)

    @routes.post(
        "/ask",
        summary="Ask the articles",
        response_class=Response,
        responses={
            200: {
                "model": schemas.Answer,
                "description": "The answer; as server-sent events where the request's `Accept` names `text/event-stream`: "
                "`waiting`, `step`, `sentence`, and last `answer` or `error`.",
                "content": {
                    "application/json": {"example": _ANSWER},
                    "text/event-stream": {"schema": {"type": "string"}, "example": _EVENTS},
                },
            },
            **_errors(400, 404, 409, 413, 415, 422, 502, 503, 504),
        },
    )
    async def ask(
        request: Request, asked: Annotated[schemas.AskRequest, _example({"question": "Who struck first?"})]
    ) -> Response:
        """Every sentence of the answer has citations: the exact words of an article, and where they stand in
        it. Where the articles do not answer, `abstained` says why."""
        if _wants_events(request):
            return await _streamed(service.events(asked), library.folders)
        return Response(
            _utf8(answer_json(await _while_here(request, service.ask(asked)))), media_type="application/json"
        )

    search_responses: dict[int | str, dict[str, Any]] = {
        200: _result(schemas.Passages, "The passages, best first.", _PASSAGES),
        **_errors(400, 404, 409, 413, 415, 422, 502, 503, 504),
    }

    @routes.post("/search", summary="Find passages", response_class=Response, responses=search_responses)
    async def search(
        request: Request,
        asked: Annotated[schemas.SearchRequest, _example({"question": "Who struck first?", "k": 3})],
    ) -> Response:
        """The passages of the articles that are nearest to a question, best first, without an answer."""
        return _json(json_value(await _while_here(request, service.search(asked))))

    @routes.get(
        "/search",
        summary="Find passages by a query string",
        response_class=Response,
        responses=search_responses,
    )
    async def search_by_query(request: Request, asked: Annotated[schemas.SearchQuery, Query()]) -> Response:
        """The same as `POST /api/search`. `sources` may be repeated."""
        return _json(json_value(await _while_here(request, service.search(asked))))

    @routes.get(
        "/articles",
        summary="List articles",
        response_class=Response,
        responses={
            200: _result(schemas.ArticlePage, "A part of the list.", _PAGE),
            **_errors(404, 409, 422, 503, 504),
        },
    )
    async def articles(wanted: Annotated[schemas.ArticleList, Query()]) -> Response:
        """The articles in the order of their ids, with their facts and counts, part by part: `next_offset` is
        the `offset` of the next part."""
        return _json(await service.articles(wanted))

    @routes.get(
        "/articles/{id:path}",
        summary="Read an article",
        response_class=Response,
        responses={
            200: _result(schemas.Article, "The whole article.", _ARTICLE),
            **_errors(404, 409, 422, 503, 504),
        },
    )
    async def article(id: str, wanted: Annotated[schemas.ArticleQuery, Query()]) -> Response:
        """A whole article, to see a citation in its place. Slashes of its id may stand as they are."""
        return _json(await service.article(_named(id), wanted.collection, wanted.version))

    @routes.patch(
        "/articles/{id:path}",
        summary="Correct an article",
        response_class=Response,
        responses={
            200: _result(schemas.Article, "The article as it is now.", _ARTICLE),
            **_errors(400, 403, 404, 409, 413, 415, 422, 503, 504),
        },
    )
    async def correct(
        request: Request, id: str, right: Annotated[schemas.Correction, _example({"published": "2024-01-20"})]
    ) -> Response:
        """Correct title, source or day of an article of one's own. It stays so when the article is read
        again; `undo` takes earlier corrections back."""
        _writable(request)
        return _json(await service.correct(_named(id), right))

    @routes.delete(
        "/articles/{id:path}",
        summary="Remove an article",
        response_class=Response,
        responses={
            200: _result(schemas.Removed, "It is removed.", {"removed": "seeds/iran.txt"}),
            **_errors(403, 404, 409, 422, 503, 504),
        },
    )
    async def remove(request: Request, id: str) -> Response:
        """Remove an article of one's own, with the file that it was uploaded in."""
        _writable(request)
        return _json(await service.remove(_named(id)))

    @routes.post(
        "/fetch",
        summary="Add a page or a feed",
        response_class=Response,
        responses={
            200: _result(schemas.Report, "What was added, and what could not be, with the reasons.", _REPORT),
            **_errors(400, 403, 409, 413, 415, 422, 503, 504),
        },
    )
    async def fetch(
        request: Request,
        wanted: Annotated[schemas.FetchRequest, _example({"url": "https://example.org/news/storm"})],
    ) -> Response:
        """Read the page or the feed at an address, and add its articles to one's own."""
        _writable(request)
        return _json(await _while_here(request, service.add(wanted.url)))

    known = tuple(routes.routes)

    @routes.api_route("", methods=_METHODS, include_in_schema=False)
    @routes.api_route("/{rest:path}", methods=_METHODS, include_in_schema=False)
    async def unknown(request: Request) -> Response:
        """What no route before this one takes, in the form of every error."""
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
        raise ForbiddenError(
            "your access is for reading: articles are added, corrected and removed by others"
        )


def _named(article_id: str) -> str:
    if not article_id:
        raise HTTPException(404, "no article is named. Put its id after /api/articles/")
    return article_id


def _wants_events(request: Request) -> bool:
    """Whether the request would rather have events than JSON: the one that `Accept` names first."""
    named = [part.partition(";")[0].strip().lower() for part in request.headers.get("accept", "").split(",")]
    first = next((kind for kind in named if kind in ("text/event-stream", "application/json", "*/*")), "")
    return first == "text/event-stream"


async def _while_here(request: Request, work: Coroutine[Any, Any, _T]) -> _T:
    """What the work comes to; it is cancelled when the client goes away."""

    async def left() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    working, leaving = asyncio.ensure_future(work), asyncio.ensure_future(left())
    try:
        await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        raise HTTPException(499, "the client has gone away")  # nobody reads this
    finally:
        leaving.cancel()
        working.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


async def _streamed(events: AsyncGenerator[Event, None], hide: Sequence[str]) -> Response:
    """The events as a response, once the first has come: an error before it is one like everywhere else."""
    made = _sent(events)
    try:
        first = await anext(made)
    except BaseException:
        await made.aclose()
        raise

    async def all_of_them() -> AsyncGenerator[bytes, None]:
        async with aclosing(made):
            yield first
            try:
                async for sent in made:
                    yield sent
            except Exception as exc:  # noqa: BLE001  told, and logged where it was not foreseen
                yield _event("error", refusal(exc, hide).body)

    return _Events(all_of_them())


async def _sent(events: AsyncGenerator[Event, None]) -> AsyncGenerator[bytes, None]:
    """Each event as it is sent, and a comment when there has been none for a while."""
    async with aclosing(events):
        coming: asyncio.Task[Event] | None = None
        try:
            while True:
                coming = coming or asyncio.ensure_future(_next(events))
                if not (await asyncio.wait((coming,), timeout=_HEARTBEAT))[0]:
                    yield b": still at work\n\n"
                    continue
                event, coming = coming.result(), None
                yield _told(event)
                if isinstance(event, Answer):
                    return
        finally:
            if coming:
                coming.cancel()
                await asyncio.gather(
                    coming, return_exceptions=True
                )  # nobody is there to be told how it ended


async def _next(events: AsyncGenerator[Event, None]) -> Event:
    return await anext(events)


def _told(event: Event) -> bytes:
    match event:
        case Answer():
            return _event("answer", json_value(event, event.evidence))
        case Sentence():
            said = json_value(event)
            for citation in said["citations"]:
                del citation["dates"]  # which need the evidence, and that comes with the answer
            return _event("sentence", said)
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


# What OpenAPI shows beside the models.


def _example(value: dict[str, Any]) -> Any:
    return Body(openapi_examples={"one": {"value": value}})


def _result(model: type[Any], description: str, example: dict[str, Any]) -> dict[str, Any]:
    return {"model": model, "description": description, "content": {"application/json": {"example": example}}}


_WHY = {
    400: ("The body is no JSON.", "request", "the body is no JSON: Expecting value at character 0"),
    403: ("The server, or your token, is for reading only.", "read-only", "this server is read-only: articles are added …"),
    404: ("There is no such article or collection.", "missing", "there is no article news/storm.txt in this collection …"),
    409: ("Others are writing to the collection. Try again after `Retry-After`.", "collection", "another process is writing …"),
    413: ("The body is too large.", "size", "the body is larger than 1,000,000 bytes. Send less at a time …"),
    415: ("The body is not JSON.", "type", "the body must be JSON, with the header Content-Type: application/json"),
    422: ("A parameter is wrong, missing or unknown.", "argument", 'k must be a whole number, and is "8"'),
    502: ("A model cannot be used.", "model", "the encoder cannot be loaded …"),
    503: ("Too many ask (try again after `Retry-After`), or the collection cannot be read.", "busy", "too many ask at once …"),
    504: ("It took too long.", "timeout", "there is no answer after 60 seconds, so the work was given up …"),
}  # fmt: skip


def _errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    def documented(said: Sequence[str]) -> dict[str, Any]:
        description, kind, message = said
        example = {"error": {"kind": kind, "message": message}}
        return {
            "model": schemas.ErrorBody,
            "description": description,
            "content": {"application/json": {"example": example}},
        }

    unforeseen = (
        "Something that was not foreseen; the log has it.",
        "unforeseen",
        "this failed for a reason …",
    )
    return {**{status: documented(_WHY[status]) for status in statuses}, 500: documented(unforeseen)}


_FACTS: dict[str, Any] = {
    "id": "seeds/iran.txt", "version": "0f3c…", "label": "Iran strikes three countries", "url": None,
    "title": "Iran strikes three countries", "source": "VOA", "author": None, "published": "2024-01-20", "language": "en",
    "group": None, "also": [],
}  # fmt: skip
_CITATION: dict[str, Any] = {
    "number": 1, "article": _FACTS, "start": 0, "end": 18, "quote": "Iran struck first.", "support": "verbatim",
    "page": None, "dates": [],
}  # fmt: skip
_SENTENCE: dict[str, Any] = {
    "text": "Iran struck first.",
    "citations": [_CITATION],
    "short": "Iran",
    "lead": "",
}
_ANSWER: dict[str, Any] = {
    "question": "Who struck first?", "text": "Iran struck first. [1]", "sentences": [_SENTENCE], "citations": [_CITATION],
    "evidence": {"passages": []}, "filters": {"after": None, "before": None, "sources": [], "exclude_articles": []},
    "conflicts": [], "abstained": None, "withheld": [], "notice": None,
    "trace": {"config": "d1c7…", "generation": 2, "answerer": "extract", "milliseconds": [["retrieve", 12.5]],
              "confidence": 0.9, "version": "0.2.0", "reader": "7fd2…", "typed": "Who struck first?", "asked_on": None},
    "unanswered": [],
}  # fmt: skip
_SPAN = {
    "id": "seeds/iran.txt:0-18",
    "article_id": "seeds/iran.txt",
    "start": 0,
    "end": 18,
    "text": "Iran struck first.",
}
_SCORES = {"dense": 0.7, "lexical": 9.1, "whole": 4.2, "fused": 0.27, "dated": 0.27, "reader": 0.98}
_PASSAGES = {"passages": [{"passage": _SPAN, "article": _FACTS, "rank": 1, "scores": _SCORES}]}
_ROW = {**_FACTS, "words": 309, "passages": 3, "added": "2026-11-30T07:28:14+00:00"}
_PAGE = {"total": 5, "offset": 0, "limit": 1, "next_offset": 1, "articles": [_ROW]}
_ARTICLE: dict[str, Any] = {
    **{name: value for name, value in _FACTS.items() if name not in ("group", "also")},
    "provenance": {"published": "date line"}, "earlier": [], "text": "Iran struck first. Pakistan replied.",
}  # fmt: skip
_REPORT: dict[str, Any] = {
    "added": ["https://example.org/news/storm"], "replaced": [], "removed": [], "kept": [], "failed": [], "renamed": [],
    "warnings": [], "passages": 3, "completed": 0, "stopped": False, "left": 0,
}  # fmt: skip
_EVENTS = (
    'event: step\ndata: {"name": "search", "detail": "searching 5 articles"}\n\n'
    'event: sentence\ndata: {"text": "Iran struck first.", "citations": [ … ], "short": "Iran", "lead": ""}\n\n'
    'event: answer\ndata: {"question": "Who struck first?", … }\n\n'
)
