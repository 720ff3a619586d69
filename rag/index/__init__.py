"""The indexes of a collection, and how their rankings are merged. All derive from the catalog."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from rag.errors import CollectionError

_TOO_LITTLE = 16_000_000  # bytes; what failed for want of room gives back some of it


@dataclass(frozen=True, slots=True)
class Row:
    """What the indexes are told of a passage: its key, the text to find it by, and the facts of its article that filters ask
    for."""

    key: str
    article_id: str
    text: str = ""
    published: date | None = None
    source: str | None = None


def fault(name: str, path: Path, exc: BaseException, *, full: bool = False) -> CollectionError:
    """What to say of an index that cannot be used; of a full disk, if it is `full` or the error or the disk says so."""
    if full or is_full(path.parent) or "No space left" in str(exc):
        return CollectionError(
            f"the disk that holds {path} is full. The articles stored before are safe; free some space and run again"
        )
    return CollectionError(
        f"the {name} index {path} cannot be used: {exc}. Make it again: clippings sync --rebuild --home {path.parent}"
    )


def panicked(exc: BaseException) -> bool:
    """Whether a vendor's library in Rust gave up, as on a file that is damaged. What it raises then is no `Exception`."""
    return type(exc).__name__ == "PanicException"


def is_full(folder: Path) -> bool:
    """Whether an error is the disk's fault, whatever the vendor says: there is next to no room where the folder lies."""
    try:
        return shutil.disk_usage(folder).free < _TOO_LITTLE
    except OSError:
        return False
