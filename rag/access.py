"""Who may use the page: names and passwords from a file, of which nothing is ever printed or logged."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from pathlib import Path

from rag.errors import ConfigError
from rag.files import small_text

__all__ = ["passwords"]

_LONGEST = 10_000_000  # bytes: a hundred thousand people


def passwords(path: Path) -> Callable[[str, str], bool]:
    """Whether a name and a password belong together, by a file with a `name:password` on each line.

    Empty lines and lines that begin with # are passed over; a password may hold colons. Raises `ConfigError`, which names the
    line and never what stands in it, for a file that cannot be read, says nothing, or has a line of another form.
    """
    lines = small_text(path, "the file of names and passwords", _LONGEST).splitlines()
    known: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, colon, password = line.partition(":")
        if not (name and colon and password):
            raise ConfigError(f"line {number} of {path} is not a name, a colon and a password")
        known[name] = password
    if not known:
        raise ConfigError(f"{path} names nobody, so nobody could ask. Write a line into it: a name, a colon, a password")

    def belong(name: str, password: str) -> bool:
        # Compared in a time that tells nothing, also for a name that is not known.
        stated = known.get(name)
        same = hmac.compare_digest((stated or "").encode(), password.encode())
        return stated is not None and same

    return belong
