"""What the page needs of Gradio's own routes. Everything else that Gradio serves is blocked, and the bodies
of its calls are checked before Gradio reads them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

__all__ = ["MAX_BODY_BYTES", "InvalidCall", "check_call", "is_call", "is_read", "never_changes"]

MAX_BODY_BYTES = 2_000_000  # of JSON for Gradio; uploads have limits of their own
_MAX_DEPTH = 60  # levels of nesting in a body; the page's own calls have fewer than ten

# The routes that Chromium requests for the page of Gradio 6.31. Not served: /monitoring, and of /gradio_api
# upload, file=, proxy=, stream, component_server, call, info, deep_link, vibe-…, profiling.
_GRADIO_FILES = re.compile(
    r"/(?:|config|theme\.css|favicon\.ico|manifest\.json|robots\.txt|(?:assets|static|svelte)/.+)"
)
_DIGEST_IN_NAME = re.compile(r"/assets/[^/]+-[\w-]{8}\d*\.\w+")  # as Vite, the bundler, names them
_GRADIO_READS = re.compile(r"/gradio_api/(?:queue/data|startup-events|theme\.css|app_id|heartbeat/\w+)")
_GRADIO_CALLS = re.compile(r"/gradio_api/(?:queue/join|run/predict|cancel|reset)/?")


class InvalidCall(Exception):
    """A body that Gradio must not see. The message is for the caller."""


def is_read(path: str) -> bool:
    """Whether the page needs to GET this path."""
    return bool(_GRADIO_FILES.fullmatch(path) or _GRADIO_READS.fullmatch(path)) and ".." not in path.split(
        "/"
    )


def never_changes(path: str) -> bool:
    """Whether it is a file whose name ends in a digest of its content, so that a browser need not ask for it
    again.

    >>> never_changes("/assets/Index-DTuG5Jnm.js"), never_changes("/theme.css")
    (True, False)
    """
    return bool(_DIGEST_IN_NAME.fullmatch(path))


def is_call(path: str) -> bool:
    """Whether the page needs to POST to this path."""
    return bool(_GRADIO_CALLS.fullmatch(path))


def check_call(body: bytes) -> None:
    """Raise `InvalidCall` for a body that is not JSON, or that Gradio would take for a file to fetch or open.
    The page sends no files to Gradio.
    """
    try:
        stated = json.loads(body.decode("utf-8")) if body else None
        levels: list[Any] = [stated]
        for _ in range(_MAX_DEPTH):
            if any(_names_file(value) for value in levels if isinstance(value, dict)):
                raise InvalidCall("send files to /api/uploads, and addresses of web pages to /api/fetch")
            if any(_is_broken(text) for value in levels for text in _texts(value)):
                raise InvalidCall("the text contains half a character (a lone surrogate)")
            levels = [inner for value in levels for inner in _inside(value)]
            if not levels:
                return
    except (ValueError, RecursionError):
        raise InvalidCall("the body is not valid JSON") from None
    raise InvalidCall(f"the body is nested more than {_MAX_DEPTH} levels deep")


def _names_file(value: dict[str, Any]) -> bool:
    """Whether Gradio 6.31 may take this for a file (`gradio.data_classes.FileData`)."""
    return "_type" in value or "path" in value or "url" in value


def _is_broken(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # a lone surrogate: valid in JSON, but not in UTF-8
        return True
    return False


def _texts(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from value


def _inside(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()
