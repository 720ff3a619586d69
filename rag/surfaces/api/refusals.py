"""The error that a client gets, over REST or MCP: an HTTP status, a code for programs, and a message."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rag.errors import (
    BusyError,
    ClippingsError,
    CollectionError,
    ConfigError,
    ForbiddenError,
    ModelError,
    QuestionError,
    SourceError,
    TooManyAttempts,
    UploadError,
)
from rag.surfaces.api.service import TimeLimitError

__all__ = ["UNEXPECTED", "Refusal", "argument_sentence", "json_bytes", "refusal"]

UNEXPECTED = (
    "an unexpected error occurred. The server's log has the details. Try again, or rephrase the question"
)
_MAX_SHOWN_CHARACTERS = 80  # of a value in a message
_SECRETS = ("key",)  # parameters whose values are in no message


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error response: HTTP status, error code, message and headers."""

    status: int
    kind: str
    message: str
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def body(self) -> dict[str, Any]:
        return {"error": {"kind": self.kind, "message": self.message}}


def json_bytes(value: Any) -> bytes:
    """A value as JSON in UTF-8. Lone surrogates, which UTF-8 does not have, are written as JSON escapes.

    >>> json_bytes({"name": "é\\ud800"})
    b'{"name": "\\xc3\\xa9\\\\ud800"}'
    """
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "backslashreplace")


def refusal(error: Exception, hide: Sequence[str] = ()) -> Refusal:
    """The response for an error. An unexpected error is logged here, once, and its message says nothing about
    it. `hide` are folders of this machine that clients need not know; messages call them "the collection's
    folder".
    """
    if not isinstance(error, ClippingsError):
        logging.getLogger("clippings").error("a request failed", exc_info=error)
        return Refusal(500, "unforeseen", UNEXPECTED)
    message = str(error)
    for folder in sorted(hide, key=len, reverse=True):  # one may contain the other
        message = message.replace(folder, "the collection's folder")
    message = message.encode("utf-8", "backslashreplace").decode()
    match error:
        case QuestionError():
            return Refusal(422, "question", message)
        case SourceError():
            return Refusal(422, "source", message)
        case UploadError():
            return Refusal(
                error.status, "upload", message, {"Retry-After": "60"} if error.status == 503 else {}
            )
        case TooManyAttempts():
            return Refusal(429, "busy", message, {"Retry-After": str(int(error.retry_after) + 1)})
        case BusyError():
            return Refusal(503, "busy", message, {"Retry-After": "60"})
        case TimeLimitError():
            return Refusal(504, "timeout", message)
        case ForbiddenError():
            return Refusal(403, "read-only", message)
        case ModelError():
            return Refusal(502, "model", message)
        case CollectionError(missing=True):
            return Refusal(404, "missing", message)
        case CollectionError(busy=True):
            return Refusal(409, "collection", message, {"Retry-After": "10"})
        case CollectionError():
            return Refusal(503, "collection", message)
        case ConfigError():
            return Refusal(500, "settings", message)
    return Refusal(500, "clippings", message)


_EXPECTED = {
    "string_type": "text",
    "string_unicode": "valid Unicode, without lone surrogates",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing_size": "a whole number with fewer digits",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "list_type": "a list",
    "model_type": "an object with named values",
    "model_attributes_type": "an object with named values",
    "dict_type": "an object with named values",
}


def argument_sentence(errors: Sequence[Mapping[str, Any]], known: Sequence[str] = ()) -> str:
    """The first of pydantic's errors as a message: the parameter, the expected value and the actual one.
    `known` are the names of all parameters.

    >>> argument_sentence([{"type": "int_type", "loc": ("k",), "input": "8", "msg": ""}])
    'k must be a whole number, not "8"'
    """
    first = errors[0]
    kind, name, context = first["type"], _name(first["loc"]), first.get("ctx") or {}
    if kind == "missing":
        return f"{name or 'the body'} is missing. Add it"
    if kind == "extra_forbidden":
        advice = f"The parameters are: {', '.join(known)}" if known else "Remove it"
        return f"there is no parameter {_shown(name)}. {advice}"
    if kind == "wanted":
        wanted = first["msg"]
    elif kind == "string_too_short":
        wanted = "text that is not empty"
    elif kind == "string_too_long":
        return f"{name} must have at most {context['max_length']:,} characters, not {len(first['input']):,}"
    elif kind == "too_long":
        limit, length = context["max_length"], context["actual_length"]
        return f"{name} must have at most {limit:,} items, not {length:,}"
    elif kind == "greater_than_equal":
        wanted = f"at least {context['ge']:,}"
    elif kind == "less_than_equal":
        wanted = f"at most {context['le']:,}"
    elif kind == "literal_error":
        wanted = context["expected"].replace("''", "empty")
    else:
        wanted = _EXPECTED.get(kind) or f"another value ({first['msg']})"
    if name in _SECRETS:
        return f"{name} must be {wanted}"
    return f"{name or 'the body'} must be {wanted}, not {_shown(first['input'])}"


def _name(place: Sequence[str | int]) -> str:
    """A parameter's name, as in `history[0].question`."""
    named = ""
    for part in place:
        named += f"[{part}]" if isinstance(part, int) else f"{'.' if named else ''}{part}"
    return named.encode("utf-8", "backslashreplace").decode()[:_MAX_SHOWN_CHARACTERS]


def _shown(value: Any) -> str:
    try:
        return json_bytes(value).decode()[:_MAX_SHOWN_CHARACTERS]
    except (TypeError, ValueError, RecursionError):
        return f"a {type(value).__name__}"
