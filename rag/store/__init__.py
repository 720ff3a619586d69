"""The indexes of a collection, and how their rankings are merged. All derive from the catalog.

They lie in the collection's home, or in a folder in there that the catalog names, the `build`: a rebuild
makes others beside them.
"""

from __future__ import annotations

import errno
import shutil
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from rag.errors import CollectionError

_TOO_LITTLE = 16_000_000  # bytes; what failed for want of room gives back some of it


@dataclass(frozen=True, slots=True)
class Row:
    """What the indexes are told of a passage: its key, the text to find it by, and the facts of its article
    that filters ask for."""

    key: str
    article_id: str
    text: str = ""
    published: date | None = None
    source: str | None = None


def fault(name: str, path: Path, home: Path, exc: BaseException, *, full: bool = False) -> CollectionError:
    """What to say of an index at `path` that cannot be used; of a full disk, if it is `full`, or the error or
    the disk is.
    """
    if full or is_full(home) or "No space left" in str(exc):
        return CollectionError(
            f"the disk that holds {path} is full. The articles stored before are safe; free some space and "
            f"run again"
        )
    return CollectionError(
        f"the {name} index {path} cannot be used: {exc}. Make it again: clippings sync --rebuild --home "
        f"{home}"
    )


def panicked(exc: BaseException) -> bool:
    """Whether a vendor's library in Rust gave up, as on a file that is damaged. What it raises then is no
    `Exception`.
    """
    return type(exc).__name__ == "PanicException"


def missing(name: str, path: Path, home: Path) -> CollectionError:
    """What to say of an index that is not there."""
    return CollectionError(
        f"the {name} index {path} is missing. Make it again: clippings sync --rebuild --home {home}"
    )


def unlockable(folder: Path, exc: Exception) -> CollectionError:
    """What to say where a file cannot be locked: by locks two writers keep out of each other's way, and a
    system gives back those of a process that is killed."""
    number, said = getattr(exc, "errno", None), getattr(exc, "strerror", None) or exc
    if isinstance(exc, NotImplementedError) or number in (
        errno.ENOSYS,
        errno.ENOLCK,
        errno.EOPNOTSUPP,
        errno.ENOTSUP,
    ):
        return CollectionError(
            f"the file system of {folder} knows no locks ({said}), by which two writers keep out of each "
            f"other's way. "
            "Put the collection on another one: name a folder there with --home"
        )
    return CollectionError(f"the folder {folder} cannot be written to: {said}. Name another one with --home")


def is_full(folder: Path) -> bool:
    """Whether an error is the disk's fault, whatever the vendor says: there is next to no room where the
    folder lies.
    """
    try:
        return shutil.disk_usage(folder).free < _TOO_LITTLE
    except OSError:
        return False
