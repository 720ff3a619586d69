"""The JSON of a request body, parsed without delaying other requests: in a thread, with limits on its
values."""

from __future__ import annotations

import asyncio
import json
from typing import Any

__all__ = ["MAX_VALUES", "TooManyValues", "parse"]

MAX_VALUES = 5_000  # the largest useful body has a thousand sources and a history of a thousand turns
_THREAD_BYTES = 20_000  # shorter bodies are parsed without a thread
_MAX_KEYS = 100  # at the top level; pydantic needs a tenth of a millisecond for each unknown one
_MAX_DELIMITERS = 1_000_000  # commas and brackets; parsing that many holds the GIL for a tenth of a second


class TooManyValues(Exception):
    """The body has too many values. The message is for the client."""


async def parse(body: bytes, max_values: int = MAX_VALUES) -> Any:
    """The JSON value of a body. Raises `TooManyValues`, and what `json.loads` raises."""
    if len(body) > _THREAD_BYTES:
        return await asyncio.to_thread(_parse, body, max_values)
    return _parse(body, max_values)


def _parse(body: bytes, max_values: int) -> Any:
    if sum(body.count(sign) for sign in (b",", b"[", b"{")) > _MAX_DELIMITERS:
        raise _too_many(max_values)
    value = json.loads(body)
    if isinstance(value, dict) and len(value) > _MAX_KEYS:
        raise TooManyValues(
            f"the body has {len(value):,} parameters; the limit is {_MAX_KEYS}. Send only those of the route"
        )
    remaining, count = [value], 0
    while remaining:
        each = remaining.pop()
        if isinstance(each, dict):
            remaining += each.values()
        elif isinstance(each, list):
            remaining += each
        count += 1
        if count + len(remaining) > max_values:
            raise _too_many(max_values)
    return value


def _too_many(max_values: int) -> TooManyValues:
    return TooManyValues(f"the body has more than {max_values:,} values. Send less at a time")
