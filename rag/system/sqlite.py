"""Helpers for all SQLite databases: read one in a read-only folder or on a full disk, and classify
SQLite's errors."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Literal

from rag.errors import CollectionError

__all__ = ["Fault", "fault", "reading"]

Fault = Literal["full", "busy", "damaged", "read-only", "unopened", "other"]
_MESSAGES: tuple[tuple[Fault, tuple[str, ...]], ...] = (
    ("full", ("disk is full", "disk I/O error")),
    ("busy", ("locked",)),
    (
        "damaged",
        ("not a database", "malformed", "no such table", "no such column", "not decode", "file is encrypted"),
    ),
    ("read-only", ("readonly",)),
    ("unopened", ("unable to open",)),
)


def fault(error: Exception) -> tuple[Fault, str]:
    """The kind of an error of SQLAlchemy or sqlite3, and SQLite's message. Only the message tells the kinds
    apart.

    >>> fault(sqlite3.OperationalError("database is locked"))
    ('busy', 'database is locked')
    """
    cause = str(getattr(error, "orig", None) or error)
    return next(
        (kind for kind, messages in _MESSAGES if any(text in cause for text in messages)), "other"
    ), cause


def reading(path: Path) -> sqlite3.Connection:
    """A read-only connection to a database whose folder may be read-only. The latest changes may be in a log
    (-wal), which SQLite reads with the help of a third file (-shm). It can use an existing -shm file, but not
    create it.

    Use it for one reading: if another process writes, the next one needs a new connection. Raises
    `CollectionError` where there is a log, but no -shm file and none can be created.
    """
    log, shared = path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")
    logged = log.is_file() and log.stat().st_size > 0
    if logged and not shared.is_file():
        try:
            shared.touch()  # works on a full disk: the file is empty
        except OSError as exc:
            raise CollectionError(
                f"the collection in {path.parent} is read-only, and its last writer was interrupted: "
                f"{log.name} has changes that must be applied first. Use the collection once with write "
                "access, or copy it and name the copy with --home"
            ) from exc
    # Without a log, nobody is writing and the file is complete.
    how = "mode=ro&readonly_shm=1" if logged else "immutable=1"
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?{how}", uri=True, timeout=10.0, check_same_thread=False
    )
