"""What a collection keeps on the disk: the catalog, and the indexes that follow it.

The indexes lie in the collection's home, or in a folder in there that the catalog names, the `build`: a
rebuild makes others beside them."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from rag.errors import CollectionError
from rag.types import Article

LOCK = "write.lock"  # the file, in the home, that a writer holds for the length of a write
_MIN_FREE_BYTES = 16_000_000  # what failed for want of room gives back some of it


@dataclass(frozen=True, slots=True)
class Record:
    """What the indexes are given of a passage: its key, the text to find it by, and the facts of its article
    that filters ask for.

    `document` is the passage's own text, without the title, and `metadata` are its article's facts: Chroma
    keeps both, so that other programs can use the collection.
    """

    key: str
    article_id: str
    text: str = ""
    published: date | None = None
    source: str | None = None
    document: str = ""
    metadata: Mapping[str, str | int] = field(default_factory=dict)

    @classmethod
    def of(cls, article: Article, key: str, start: int, end: int, text: str) -> Record:
        """The record of one stretch of an article, `text` being what it is to be found by.

        >>> snow = Article("a", "9f", "Snow fell. It melted.", title="Snow", published=date(2024, 1, 20))
        >>> Record.of(snow, "a@9f:0-10", 0, 10, "Snow. Snow fell.").metadata["published"]
        '2024-01-20'
        """
        published = article.published
        facts: dict[str, str | int | None] = {
            "article_id": article.id, "version": article.version, "start": start, "end": end,
            "title": article.title, "source": article.source, "author": article.author, "url": article.url,
            "published": published.isoformat() if published else None, "language": article.language,
            "day": published.toordinal() if published else 0,
            "document_id": article.id,  # by which llama-index finds the passages of an article
        }  # fmt: skip
        known = {name: value for name, value in facts.items() if value is not None}
        document = article.text[start:end]
        return cls(key, article.id, text, published, article.source, document, known)


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
        f"the {name} index {path} is missing. It is made again by the next sync: clippings sync FOLDER "
        f"--home {home}"
    )


def unlockable(folder: Path, exc: Exception) -> CollectionError:
    """What to say where a file cannot be locked: by locks two writers keep out of each other's way, and a
    system gives back those of a process that is killed."""
    number, reason = getattr(exc, "errno", None), getattr(exc, "strerror", None) or exc
    if isinstance(exc, NotImplementedError) or number in (
        errno.ENOSYS,
        errno.ENOLCK,
        errno.EOPNOTSUPP,
        errno.ENOTSUP,
    ):
        return CollectionError(
            f"the file system of {folder} knows no locks ({reason}), by which two writers keep out of each "
            f"other's way. "
            "Put the collection on another one: name a folder there with --home"
        )
    return CollectionError(
        f"the folder {folder} cannot be written to: {reason}. Name another one with --home"
    )


def is_full(folder: Path) -> bool:
    """Whether an error is the disk's fault, whatever the vendor says: there is next to no room where the
    folder lies.
    """
    try:
        return shutil.disk_usage(folder).free < _MIN_FREE_BYTES
    except OSError:
        return False
