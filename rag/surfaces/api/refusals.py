"""What a caller is told when something goes wrong, whichever way it came: a status, a kind for programs, and
a sentence.
"""

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

__all__ = ["UNFORESEEN", "Refusal", "argument_sentence", "json_bytes", "refusal"]

UNFORESEEN = (
    "this failed for a reason that was not foreseen; the server's log has it. Try again, or in other words"
)
_SHOWN = 80  # characters of what came


@dataclass(frozen=True, slots=True)
class Refusal:
    """An HTTP status, a kind from a fixed few, a sentence, and headers."""

    status: int
    kind: str
    message: str
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def body(self) -> dict[str, Any]:
        return {"error": {"kind": self.kind, "message": self.message}}


def json_bytes(value: Any) -> bytes:
    """A value as JSON in UTF-8. Half a surrogate pair, of which UTF-8 has none, is written as JSON's escape.

    >>> json_bytes({"name": "é\\ud800"})
    b'{"name": "\\xc3\\xa9\\\\ud800"}'
    """
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "backslashreplace")


def refusal(error: Exception, hide: Sequence[str] = ()) -> Refusal:
    """What to say of an error. One that was not foreseen is logged here, once, and its sentence tells nothing
    of it. `hide` are folders of this machine, for which a neutral word stands: who asks need not know where
    they are."""
    if not isinstance(error, ClippingsError):
        logging.getLogger("clippings").error("a request failed", exc_info=error)
        return Refusal(500, "unforeseen", UNFORESEEN)
    said = str(error)
    for folder in sorted(hide, key=len, reverse=True):  # one may lie in another
        said = said.replace(folder, "the collection's folder")
    said = said.encode("utf-8", "backslashreplace").decode()
    match error:
        case QuestionError():
            return Refusal(422, "question", said)
        case SourceError():
            return Refusal(422, "source", said)
        case UploadError():
            return Refusal(error.status, "upload", said, {"Retry-After": "60"} if error.status == 503 else {})
        case TooManyAttempts():
            return Refusal(429, "busy", said, {"Retry-After": str(int(error.retry_after) + 1)})
        case BusyError():
            return Refusal(503, "busy", said, {"Retry-After": "60"})
        case TimeLimitError():
            return Refusal(504, "timeout", said)
        case ForbiddenError():
            return Refusal(403, "read-only", said)
        case ModelError():
            return Refusal(502, "model", said)
        case CollectionError(missing=True):
            return Refusal(404, "missing", said)
        case CollectionError(busy=True):
            return Refusal(409, "collection", said, {"Retry-After": "10"})
        case CollectionError():
            return Refusal(503, "collection", said)
        case ConfigError():
            return Refusal(500, "settings", said)
    return Refusal(500, "clippings", said)


_WANTED = {
    "string_type": "a text",
    "string_unicode": "in Unicode, which has no half of a surrogate pair",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing_size": "a whole number of a few digits",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "list_type": "a list",
    "model_type": "an object with named values",
    "model_attributes_type": "an object with named values",
    "dict_type": "an object with named values",
}


def argument_sentence(errors: Sequence[Mapping[str, Any]], known: Sequence[str] = ()) -> str:
    """The first of pydantic's errors as a sentence: which parameter, what it must be, and what came. `known`
    are the names of the parameters there are.

    >>> argument_sentence([{"type": "int_type", "loc": ("k",), "input": "8", "msg": ""}])
    'k must be a whole number, and is "8"'
    """
    first = errors[0]
    kind, name, context = first["type"], _name(first["loc"]), first.get("ctx") or {}
    if kind == "missing":
        return f"{name or 'the body'} is missing. State it"
    if kind == "extra_forbidden":
        there = f"Those there are: {', '.join(known)}" if known else "Leave it out"
        return f"there is no parameter {_shown(name)}. {there}"
    if kind == "wanted":
        wanted = first["msg"]
    elif kind == "string_too_short":
        wanted = "a text that is not empty"
    elif kind == "string_too_long":
        wanted = f"a text of at most {context['max_length']:,} characters"
        return f"{name} must be {wanted}, and has {len(first['input']):,}"
    elif kind == "too_long":
        return f"{name} must be a list of at most {context['max_length']:,}, and has {context['actual_length']:,}"
    elif kind == "greater_than_equal":
        wanted = f"at least {context['ge']:,}"
    elif kind == "less_than_equal":
        wanted = f"at most {context['le']:,}"
    elif kind == "literal_error":
        wanted = context["expected"].replace("''", "empty")
    else:
        wanted = _WANTED.get(kind) or f"another value ({first['msg']})"
    return f"{name or 'the body'} must be {wanted}, and is {_shown(first['input'])}"


def _name(place: Sequence[str | int]) -> str:
    """A parameter's name, as in `history[0].question`."""
    named = ""
    for part in place:
        named += f"[{part}]" if isinstance(part, int) else f"{'.' if named else ''}{part}"
    return named.encode("utf-8", "backslashreplace").decode()[:_SHOWN]


def _shown(value: Any) -> str:
    try:
        return json_bytes(value).decode()[:_SHOWN]
    except (TypeError, ValueError, RecursionError):
        return f"a {type(value).__name__}"
