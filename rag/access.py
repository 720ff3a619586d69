"""Who may use the page: names and passwords from a file, of which nothing is ever printed or logged."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from pathlib import Path

from rag.errors import ConfigError

__all__ = ["passwords"]


def passwords(path: Path) -> Callable[[str, str], bool]:
    """Whether a name and a password belong together, by a file with a `name:password` on each line.

    Empty lines and lines that begin with # are passed over; a password may hold colons. Raises `ConfigError`, which names the
    line and never what stands in it, for a file that cannot be read, says nothing, or has a line of another form.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except OSError as exc:
        raise ConfigError(f"the file of names and passwords {path} cannot be read: {exc.strerror}") from exc
    except UnicodeDecodeError as exc:
        raise ConfigError(f"the file of names and passwords {path} is not a text file in UTF-8") from exc
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
