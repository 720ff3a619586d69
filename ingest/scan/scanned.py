"""What a scan finds: each article with its place, and what is to be noted of the places."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ingest.scan.spool import Slot
from ingest.scan.walk import is_address
from rag.store.catalog import Snapshot
from rag.types import Failure

__all__ = ["Scan", "ScannedArticle"]


@dataclass(frozen=True, slots=True)
class ScannedArticle:
    """An article and where it lies. It holds no text.

    `content_hash` changes when the article does. It is the article's version, or for a document the hash of
    its bytes. `origin` is the file or address; of an archive's member it is the archive's path with the
    member's name. `name` is what a message calls the article. `archive` is the archive's path, and `member`
    the name in it. `position` is where the article begins in a file of many: the byte of a line, or the
    number of a row. `slot` is where the scan's spool holds what was read, `None` if the file is to be opened
    for it.
    """

    id: str
    content_hash: str
    origin: str
    name: str
    archive: str | None = None
    member: str | None = None
    position: int | None = None
    warnings: tuple[str, ...] = ()
    slot: Slot | None = field(default=None, compare=False)

    @property
    def named_by_place(self) -> bool:
        """Whether its id comes from where it lies. The same content in another place is then the same
        article, renamed."""
        return self.position is None and not is_address(self.origin)


@dataclass(frozen=True, slots=True)
class Scan:
    """What a number of places hold.

    `origins` are all files and addresses that were looked at. `unsure` are those, and the folders, of which
    some part could not be read. `scopes` are the files and folders asked for. `many` are the files of
    several articles. `gone` are the addresses at which there is nothing any more, each with the reason.
    `last_seen` is what to note of each place for the next scan; `None` forgets the place.
    """

    found: tuple[ScannedArticle, ...]
    failed: tuple[Failure, ...]
    origins: frozenset[str]
    unsure: frozenset[str]
    scopes: tuple[str, ...]
    warnings: tuple[str, ...]
    many: frozenset[str] = frozenset()
    gone: Mapping[str, str] = field(default_factory=dict)
    last_seen: Mapping[str, Snapshot | None] = field(default_factory=dict)
