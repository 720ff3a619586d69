"""Text and JSON that SQLite and UTF-8 can store."""

from __future__ import annotations

import math
import re
from typing import Any

__all__ = ["cleaned", "escaped", "plain"]

# A lone surrogate is not valid in UTF-8. SQLite stores NUL, but some of its functions end the text there.
_UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")
_MAX_DEPTH = 40  # levels of nesting; our records have six


def cleaned(text: str) -> str:
    """The text with U+FFFD in place of characters that cannot be stored: NUL and lone surrogates.

    >>> cleaned("Who\\x00?")
    'Who\ufffd?'
    """
    return _UNSTORABLE.sub("\ufffd", text)


def plain(value: Any, depth: int = 0) -> Any:
    """A JSON value with its texts and keys cleaned. Raises `ValueError` for other values and for deep
    nesting.

    >>> plain({"a": ("b", 1.5, None)})
    {'a': ['b', 1.5, None]}
    """
    if isinstance(value, str):
        return cleaned(value)
    if value is None or (
        isinstance(value, bool | int) and abs(value) < 2**63
    ):  # larger ones may not be readable
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    if depth < _MAX_DEPTH and isinstance(value, list | tuple):
        return [plain(item, depth + 1) for item in value]
    if depth < _MAX_DEPTH and isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {cleaned(key): plain(item, depth + 1) for key, item in value.items()}
    raise ValueError(f"a {type(value).__name__} cannot be stored as JSON")


def escaped(text: str, longest: int) -> str:
    """The text for a log line or message, shortened, with unprintable characters escaped.

    >>> escaped("ann\\n\\x1b[31m", 80)
    'ann\\\\n\\\\x1b[31m'
    """
    shown = (
        c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text[:longest]
    )
    return "".join(shown)[:longest]
