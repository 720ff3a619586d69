"""One JSON form for every error of every route: `{"error": {"kind": "question", "message": "what happened,
what to do"}}`.
"""

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
    400: ("request", "this request cannot be read. Check how it is made"),
    401: ("login", "log in first, or send a token"),
    403: ("forbidden", "this is not allowed to you"),
    404: ("address", "there is nothing at {method} {path}. /api/openapi.json lists what there is"),
    405: ("method", "{path} cannot be asked with {method}. /api/openapi.json lists what there is"),
    413: ("size", "this request is too large. Send less at a time"),
    415: ("type", "the body must be JSON, with the header Content-Type: application/json"),
    429: ("busy", "too many requests. Try again in a minute"),
}


def error_response(status: int, kind: str, message: str, headers: dict[str, str] | None = None) -> Response:
    """A response, which is an ASGI application too, in the form of every error."""
    return _response(Refusal(status, kind, message, headers or {}))


def add_errors(app: FastAPI, hide: Sequence[str] = ()) -> None:
    """Make every error of an application one of this form. Call it once; what is added to the application as
    middleware later stands before it, and answers for itself. `hide` is as `refusal` has it."""
    app.state.hide = tuple(hide)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _by_status)
    app.add_exception_handler(ClippingsError, _ours)
    app.add_middleware(_Unforeseen)


class _Unforeseen:
    """Stands before the routes, as ASGI has it. Starlette's own last resort would raise the error again, to
    be logged twice.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = False

        async def noted(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, noted)
        except Exception as exc:
            if begun:  # the rest of the response is missing, and the server hangs up
                logging.getLogger("clippings").exception("a response broke off")
                return
            await _response(refusal(exc, scope["app"].state.hide))(scope, receive, send)


def _response(told: Refusal) -> Response:
    return Response(json_bytes(told.body), told.status, dict(told.headers), "application/json")


def _ours(request: Request, error: Exception) -> Response:
    return _response(refusal(error, request.app.state.hide))


def _by_status(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    status, detail = error.status_code, error.detail
    kind, said = _KINDS.get(status, ("http", f"{_phrase(status)}. /api/openapi.json lists what there is"))
    # Starlette and FastAPI put their own short phrases; what we raise ourselves is a sentence already.
    if detail and detail not in (_phrase(status), "There was an error parsing the body"):
        said = str(detail)
    said = said.replace("{method}", request.method).replace("{path}", request.url.path[:80])
    if status == 400 and detail == "There was an error parsing the body":
        said = "the body is no JSON that can be read: it must be in UTF-8, and not nested deeper than a few hundred levels"
    return _response(Refusal(status, kind, said, error.headers or {}))


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return f"status {status}"


def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    errors: Any = error.errors()
    if errors[0]["type"] == "json_invalid":
        place = errors[0]["loc"][-1]
        why = f"the body is no JSON: {errors[0].get('ctx', {}).get('error', 'it cannot be read')} at character {place}"
        return _response(Refusal(400, "request", why))
    # FastAPI puts before each name whether it is one of the body's or the query's.
    named = [{**each, "loc": each["loc"][1:]} for each in errors]
    return _response(Refusal(422, "argument", argument_sentence(named, _known(request, errors[0]["loc"]))))


def _known(request: Request, place: tuple[Any, ...]) -> list[str]:
    """The names of the parameters that the route takes where one that it does not know was found."""
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
