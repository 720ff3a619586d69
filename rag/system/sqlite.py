"""What is the same for every database of SQLite's: reading one where nothing can be written beside it, in a
folder that may only be read or on a full disk; and what kind of fault an error of SQLite's is."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Literal

from rag.errors import CollectionError

__all__ = ["Fault", "fault", "reading"]

Fault = Literal["full", "busy", "damaged", "read-only", "unopened", "other"]
_SAID: tuple[tuple[Fault, tuple[str, ...]], ...] = (
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
    """The kind of an error, SQLAlchemy's or SQLite's own, and SQLite's words for it: it has no other way to
    say it to both.

    >>> fault(sqlite3.OperationalError("database is locked"))
    ('busy', 'database is locked')
    """
    cause = str(getattr(error, "orig", None) or error)
    return next((kind for kind, said in _SAID if any(words in cause for words in said)), "other"), cause


def reading(path: Path) -> sqlite3.Connection:
    """A connection that reads a database as it is now. What was written last may lie in a log beside it,
    which is read with the help of a third file: SQLite can use that where it is, but not make or lengthen it.

    It is for one look: where somebody else writes, a later one needs a connection of its own. Raises
    `CollectionError` where there is a log and the third file is missing and cannot be made.
    """
    log, shared = path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")
    logged = log.is_file() and log.stat().st_size > 0
    if logged and not shared.is_file():
        try:
            shared.touch()  # a disk that is full has room for an empty file
        except OSError as exc:
            raise CollectionError(
                f"the collection in {path.parent} cannot be written to, and who wrote to it last was "
                f"stopped: {log.name} holds "
                "what is still to be put in its place. Ask it once where it can be written to, or copy it "
                "and name the copy "
                "with --home"
            ) from exc
    # Without a log nobody is writing, and the file is all there is.
    how = "mode=ro&readonly_shm=1" if logged else "immutable=1"
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?{how}", uri=True, timeout=10.0, check_same_thread=False
    )
