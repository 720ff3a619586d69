"""The indexes of a collection, and how their rankings are merged. All derive from the catalog."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import date
from pathlib import Path

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


def is_full(folder: Path) -> bool:
    """Whether an error is the disk's fault, whatever the vendor says: there is next to no room where the folder lies."""
    try:
        return shutil.disk_usage(folder).free < _TOO_LITTLE
    except OSError:
        return False
