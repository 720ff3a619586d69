"""One JSON form for all errors: `{"error": {"kind": "question", "message": "what happened, what to do"}}`."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from rag.errors import ClippingsError
from rag.surfaces.api.refusals import Refusal, argument_sentence, json_bytes, refusal

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["add_errors", "error_response"]

_KINDS = {
    400: ("request", "this request is malformed. Check its format"),
    401: ("login", "log in first, or send a token"),
    403: ("forbidden", "you are not allowed to do this"),
    404: ("address", "there is no route {method} {path}. See /api/openapi.json for the routes"),
    405: ("method", "{path} does not support {method}. See /api/openapi.json for the routes"),
    413: ("size", "this request is too large. Send less at a time"),
    415: ("type", "the body must be JSON, with the header Content-Type: application/json"),
    429: ("busy", "too many requests. Try again in a minute"),
}


def error_response(status: int, kind: str, message: str, headers: dict[str, str] | None = None) -> Response:
    """An error response in the common form. It is an ASGI application too."""
    return _response(Refusal(status, kind, message, headers or {}))


def add_errors(app: FastAPI, hide: Sequence[str] = ()) -> None:
    """Give all errors of an application the common form. Call it once. Middleware that is added later runs
    before it and handles its own errors. `hide` is passed to `refusal`.
    """
    app.state.hide = tuple(hide)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _by_status)
    app.add_exception_handler(ClippingsError, _clippings_error)
    app.add_middleware(_UnexpectedErrors)


class _UnexpectedErrors:
    """ASGI middleware for unexpected errors. Starlette's own would raise the error again, to be logged
    twice."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def send_noting(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, send_noting)
        except Exception as exc:
            if started:  # the response is incomplete, and the server closes the connection
                logging.getLogger("clippings").exception("a response was interrupted")
                return
            await _response(refusal(exc, scope["app"].state.hide))(scope, receive, send)


def _response(error: Refusal) -> Response:
    return Response(json_bytes(error.body), error.status, dict(error.headers), "application/json")


def _clippings_error(request: Request, error: Exception) -> Response:
    return _response(refusal(error, request.app.state.hide))


def _by_status(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    status, detail = error.status_code, error.detail
    kind, message = _KINDS.get(status, ("http", f"{_phrase(status)}. See /api/openapi.json for the routes"))
    # Starlette and FastAPI use short phrases of their own. Our own details are whole sentences.
    if detail and detail not in (_phrase(status), "There was an error parsing the body"):
        message = str(detail)
    message = message.replace("{method}", request.method).replace("{path}", request.url.path[:80])
    if status == 400 and detail == "There was an error parsing the body":
        message = (
            "the body is not valid JSON. It must be UTF-8, and not nested deeper than a few hundred levels"
        )
    return _response(Refusal(status, kind, message, error.headers or {}))


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return f"status {status}"


def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    errors: Any = error.errors()
    if errors[0]["type"] == "json_invalid":
        position = errors[0]["loc"][-1]
        reason = errors[0].get("ctx", {}).get("error", "it cannot be parsed")
        message = f"the body is not valid JSON: {reason} at character {position}"
        return _response(Refusal(400, "request", message))
    # FastAPI puts "body" or "query" before each name.
    named = [{**each, "loc": each["loc"][1:]} for each in errors]
    return _response(Refusal(422, "argument", argument_sentence(named, _known(request, errors[0]["loc"]))))


def _known(request: Request, place: tuple[Any, ...]) -> list[str]:
    """The parameters of the route, for the error about an unknown one."""
    route = request.scope.get("route")
    dependant = getattr(route, "dependant", None)
    fields = (
        []
        if dependant is None
        else dependant.body_params
        if place[:1] == ("body",)
        else dependant.query_params
    )
    names: list[str] = []
    for each in fields if len(place) == 2 else ():
        model = each.field_info.annotation
        names += list(getattr(model, "model_fields", {}) or [each.alias])
    return names
