"""The JSON of a request, read without keeping others waiting: in a thread, and with a limit to how many
values it has.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

__all__ = ["VALUES", "TooManyValues", "read"]

VALUES = 5_000  # the largest body that makes sense has a thousand sources, and a history of a thousand turns
_SHORT = 20_000  # bytes of a body that is not worth a thread
_KEYS = 100  # at the top of a body; each that is not known costs pydantic a tenth of a millisecond
# commas and brackets; parsing so many takes a tenth of a second, in which no thread runs but that one
_SIGNS = 1_000_000


class TooManyValues(Exception):
    """A body that would take too long to look at, as a sentence."""


async def read(body: bytes, most: int = VALUES) -> Any:
    """The value of a body. Raises `TooManyValues` for one of more than `most` values, and what `json.loads`
    raises.
    """
    return await asyncio.to_thread(_read, body, most) if len(body) > _SHORT else _read(body, most)


def _read(body: bytes, most: int) -> Any:
    if sum(body.count(sign) for sign in (b",", b"[", b"{")) > _SIGNS:
        raise _too_many(most)
    value = json.loads(body)
    if isinstance(value, dict) and len(value) > _KEYS:
        raise TooManyValues(
            f"the body has {len(value):,} parameters, and there is nothing that takes more than {_KEYS}"
        )
    inside, count = [value], 0
    while inside:
        each = inside.pop()
        if isinstance(each, dict):
            inside += each.values()
        elif isinstance(each, list):
            inside += each
        count += 1
        if count + len(inside) > most:
            raise _too_many(most)
    return value


def _too_many(most: int) -> TooManyValues:
    return TooManyValues(f"the body is of more than {most:,} values. Send less at a time")
