"""Text that SQLite and UTF-8 can hold."""

from __future__ import annotations

import math
import re
from typing import Any

__all__ = ["cleaned", "escaped", "plain"]

# A lone surrogate has no UTF-8. SQLite stores a NUL, but takes it for the text's end in places.
_UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")
_DEEPEST = 40  # levels of an answer's record; ours has six


def cleaned(text: str) -> str:
    """The text with U+FFFD in place of each character that cannot be kept: NUL, and surrogates that stand
    alone.

    >>> cleaned("Who\\x00?")
    'Who\ufffd?'
    """
    return _UNSTORABLE.sub("\ufffd", text)


def plain(value: Any, deep: int = 0) -> Any:
    """A value of JSON with its texts and keys cleaned. Raises `ValueError` for what JSON has not, or nests
    too deeply.

    >>> plain({"a": ("b", 1.5, None)})
    {'a': ['b', 1.5, None]}
    """
    if isinstance(value, str):
        return cleaned(value)
    if value is None or (
        isinstance(value, bool | int) and abs(value) < 2**63
    ):  # more digits than these may not be read again
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    if deep < _DEEPEST and isinstance(value, list | tuple):
        return [plain(item, deep + 1) for item in value]
    if deep < _DEEPEST and isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {cleaned(key): plain(item, deep + 1) for key, item in value.items()}
    raise ValueError(f"a {type(value).__name__} cannot be kept as JSON")


def escaped(text: str, longest: int) -> str:
    """The text for a line of a log or a message, cut, with what is not printable escaped.

    >>> escaped("ann\\n\\x1b[31m", 80)
    'ann\\\\n\\\\x1b[31m'
    """
    shown = (
        c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text[:longest]
    )
    return "".join(shown)[:longest]
