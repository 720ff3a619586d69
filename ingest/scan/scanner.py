"""Looking through places: what each file and address holds, and whether that has changed.

A file whose size and times are as noted is not opened. Any other is opened once. Text, lines and rows are
parsed there and then, since an article's version is the hash of what it says; of a document the bytes are
hashed, and it is parsed only if it is new or has changed.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from ingest.formats.articles import article
from ingest.formats.clean import escaped, fault_of_id
from ingest.formats.extracted import Extracted
from ingest.formats.kinds import KINDS, is_markdown, kind_of
from ingest.formats.packed import doubled, members, open_zip, outside, read_member, shown
from ingest.formats.records import line_article, row_article, stated_columns
from ingest.formats.texts import text_article
from ingest.scan.files import (
    EMPTY,
    LARGEST,
    numbered_lines,
    numbered_rows,
    opened,
    require_inside,
    unpacked,
    unreadable,
    whole,
)
from ingest.scan.scanned import Scan, ScannedArticle
from ingest.scan.spool import LARGEST_DOCUMENT, Slot, Spool
from ingest.scan.walk import files, is_address
from rag.errors import SourceError
from rag.store.catalog import Snapshot
from rag.types import Article, Failure

if TYPE_CHECKING:
    from ingest.web.pages import PageResult, Web

__all__ = ["document_hash", "scan"]

# What is read out of a document may change when the program does. Raise this then, so that it is read again.
_READERS_VERSION = "1"
# A file written so shortly ago may be written again within the same tick of its clock.
_FRESH_NS = 2_000_000_000


def scan(
    places: Iterable[str | os.PathLike[str]],
    *,
    last_seen: Mapping[str, Snapshot] = {},
    known: Mapping[str, tuple[str, str]] = {},
    columns: Mapping[str, str] = {},
    web: Web | None = None,
    spool: Spool | None = None,
    stop: threading.Event | None = None,
) -> Scan:
    """Look through files, folders, archives and addresses. What cannot be read is a `Failure`, and the rest
    goes on. When `stop` is set, the scan ends with what was found so far.

    `last_seen` is what the last scan noted, `known` the content hash and the origin of each stored article.
    `columns` maps our names to a table's own. `web` fetches addresses. `spool` keeps what was read of each
    article that is not stored so already. Raises `SourceError` for a mapping of columns that is none.
    """
    stop = stop or threading.Event()
    return _Scanner(last_seen, known, stated_columns(columns), web, spool, stop).through(places)


def document_hash(data: bytes) -> str:
    """The content hash of a document; it changes with the bytes, and with the programs that read them."""
    return f"{_READERS_VERSION}:{hashlib.sha256(data).hexdigest()}"


_Item = ScannedArticle | Failure | str  # the last is a warning
_Keep = Callable[[ScannedArticle, Article | bytes], ScannedArticle]


class _Scanner:
    """One scan of some places."""

    def __init__(
        self,
        last_seen: Mapping[str, Snapshot],
        known: Mapping[str, tuple[str, str]],
        columns: Mapping[str, str],
        web: Web | None,
        spool: Spool | None,
        stop: threading.Event,
    ) -> None:
        self._before, self._known, self._columns = last_seen, known, columns
        self._web, self._spool, self._stop = web, spool, stop
        # A page that is noted but not stored so, because it was removed since, has to be fetched to be read.
        self._fetched_before = {
            origin: seen
            for origin, seen in last_seen.items()
            if is_address(origin) and _is_stored(seen.items, known)
        }
        self._found: list[ScannedArticle] = []
        self._failed: list[Failure] = []
        self._warnings: list[str] = []
        self._unsure: set[str] = set()
        self._origins: dict[str, None] = {}
        self._many: set[str] = set()
        self._gone: dict[str, str] = {}
        self._last_seen: dict[str, Snapshot | None] = {}
        self._began = time.time_ns()

    def through(self, places: Iterable[str | os.PathLike[str]]) -> Scan:
        scopes: list[str] = []
        for place in places:
            if self._stop.is_set():
                break
            if is_address(stated := os.fspath(place)):
                self._fetch(stated)
                continue
            try:
                walked = files(place)
            except SourceError as exc:
                self._failed.append(Failure(escaped(stated), str(exc)))
                continue
            scopes.append(walked.scope)
            self._warnings.extend(walked.notes)
            self._failed.extend(Failure(escaped(folder), why) for folder, why in walked.failed)
            self._unsure.update(walked.closed)
            for path, article_id in walked.files:
                if self._stop.is_set():
                    break
                self._file(path, article_id, walked.root)
        return Scan(
            found=tuple(self._found),
            failed=tuple(self._failed),
            origins=frozenset(self._origins),
            unsure=frozenset(self._unsure),
            scopes=tuple(scopes),
            warnings=tuple(self._warnings),
            many=frozenset(self._many),
            gone=self._gone,
            last_seen=self._last_seen,
        )

    def _add(self, items: Iterable[_Item], origin: str) -> list[ScannedArticle] | None:
        """Add what a place holds; the articles, or `None` if some of the place could not be read."""
        added: list[ScannedArticle] = []
        complete = True
        for item in items:
            if isinstance(item, ScannedArticle) and (fault := fault_of_id(item.id)):
                item = Failure(item.name, fault)
            if isinstance(item, str):
                self._warnings.append(item)
            elif isinstance(item, Failure):
                self._failed.append(Failure(escaped(item.item), item.reason))
                self._unsure.add(origin)
                complete = False
            else:
                self._found.append(item)
                self._origins[item.origin] = None  # of an archive's member, its own
                if item.position is not None:
                    self._many.add(item.origin)
                self._warnings.extend(f"{item.name}: {warning}" for warning in item.warnings)
                added.append(item)
        return added if complete else None

    def _keep(self, item: ScannedArticle, read: Article | bytes) -> ScannedArticle:
        """The item, with the slot of what was read of it unless it is stored so already."""
        if self._spool is None or self._known.get(item.id, ("", ""))[0] == item.content_hash:
            return item
        if isinstance(read, bytes) and len(read) > LARGEST_DOCUMENT:
            return item
        slot: Slot | None = self._spool.put(read)
        return replace(item, slot=slot)

    def _file(self, path: Path, article_id: str, root: Path) -> None:
        origin = path.as_posix()
        if origin in self._origins:  # named twice, or a file of a folder also named
            return
        self._origins[origin] = None
        try:
            origin.encode()
        except UnicodeEncodeError:
            reason = "its name, or its folder's, is not UTF-8 and cannot be stored. Rename it"
            self._add([Failure(article_id, reason)], origin)
            return
        if kind_of(path.name) in ("lines", "table", "archive"):
            self._many.add(origin)
        stamp, written = self._stamp(path)
        if stamp and (seen := self._before.get(origin)) and seen.stamp == stamp:
            self._add(_from_notes(seen.items, article_id, origin), origin)
            return
        added = self._add(_items(path, article_id, self._columns, root, self._keep), origin)
        if added is None or stamp is None or written > self._began - _FRESH_NS:
            if origin in self._before:
                self._last_seen[origin] = None
        else:
            self._last_seen[origin] = Snapshot(stamp, _to_notes(added, article_id))

    def _stamp(self, path: Path) -> tuple[str | None, int]:
        """What changes whenever the file is written, or would be read otherwise; and when it was written, in
        nanoseconds."""
        try:
            facts = path.stat()
        except OSError:
            return None, 0
        asked = json.dumps([_READERS_VERSION, sorted(self._columns.items())])
        digest = hashlib.sha256(asked.encode()).hexdigest()[:12]
        stamp = f"{facts.st_size} {facts.st_mtime_ns} {facts.st_ctime_ns} {facts.st_ino} {digest}"
        return stamp, facts.st_mtime_ns

    def _fetch(self, address: str) -> None:
        if self._web is None:
            reason = "web addresses are not fetched here. Name a file or a folder"
            self._failed.append(Failure(address, reason))
            return
        for page in self._web.pages(address, self._fetched_before):
            if self._stop.is_set():
                return
            if page.origin in self._origins:
                continue
            self._origins[page.origin] = None
            if page.gone:
                self._gone[page.origin] = page.gone
            elif page.failed:
                self._add([Failure(page.origin, page.failed)], page.origin)
            elif page.items:
                self._add(_from_notes(page.items, "", page.origin), page.origin)
            else:
                self._add([self._of_page(page)], page.origin)
            if page.article is None:  # what is said of a feed as a whole
                self._warnings.extend(f"{page.origin}: {warning}" for warning in page.warnings)
            if page.last_seen:
                self._last_seen[page.origin] = page.last_seen

    def _of_page(self, page: PageResult) -> ScannedArticle:
        if page.article is None:
            raise AssertionError("a page that is neither failed nor as before has an article")
        made, origin = page.article, page.origin
        item = ScannedArticle(made.id, made.version, origin, origin, warnings=page.warnings)
        return self._keep(item, made)


def _is_stored(notes: str, known: Mapping[str, tuple[str, str]]) -> bool:
    return all(known.get(i.id, ("", ""))[0] == i.content_hash for i in _from_notes(notes, "", ""))


def _to_notes(found: Iterable[ScannedArticle], article_id: str) -> str:
    """What a file holds, to be known again while it is unchanged. An id that the file's place gives is noted
    without it, so that the folder may be renamed."""
    rows = [
        [
            item.id.startswith(article_id),
            item.id.removeprefix(article_id),
            item.content_hash,
            item.name.removeprefix(article_id),
            item.member,
            item.position,
            list(item.warnings),
        ]
        for item in found
    ]
    return json.dumps(rows, ensure_ascii=False)


def _from_notes(notes: str, article_id: str, origin: str) -> Iterator[ScannedArticle]:
    for by_place, rest, content_hash, name, member, position, warnings in json.loads(notes):
        yield ScannedArticle(
            id=article_id + rest if by_place else rest,
            content_hash=content_hash,
            origin=f"{origin}/{member}" if member else origin,
            name=article_id + name,
            archive=origin if member else None,
            member=member,
            position=position,
            warnings=tuple(warnings),
        )


def _items(
    path: Path, article_id: str, columns: Mapping[str, str], root: Path, keep: _Keep
) -> Iterator[_Item]:
    """What a file holds, which is to lie in the folder `root`."""
    if os.path.exists(path) and not os.path.isfile(path):  # reading a pipe would wait for ever
        yield Failure(article_id, "it is neither a file nor a folder. Remove it from there")
        return
    first = ScannedArticle(article_id, "", path.as_posix(), article_id)
    try:
        if kind_of(path.name) == "archive":
            yield from _archive_items(path, first, columns, root, keep)
        else:
            with opened(path, root) as stream:
                yield from _stream_items(stream, path.name, first, columns, keep)
    except OSError as exc:
        yield Failure(article_id, str(unreadable(exc)))
    except SourceError as exc:
        yield Failure(article_id, str(exc))


def _archive_items(
    path: Path, first: ScannedArticle, columns: Mapping[str, str], root: Path, keep: _Keep
) -> Iterator[_Item]:
    unknown = held = 0
    with open_zip(path, inside_only=False) as archive:
        require_inside(cast(BinaryIO, archive.fp), path, root)
        for name, count in doubled(archive).items():
            if kind_of(name):
                yield Failure(
                    f"{first.name}/{name}",
                    f"{count} files in the archive are called {shown(name)}; only the last "
                    "is added. Give each a name of its own",
                )
        for info in members(archive):
            name = info.filename
            kind = kind_of(name)
            if not outside(name) and any(part.startswith((".", "__MACOSX")) for part in name.split("/")):
                continue
            if kind is None:
                unknown += 1
                continue
            held += 1
            inner = replace(
                first,
                id=f"{first.id}/{name}",
                name=f"{first.name}/{name}",
                origin=f"{first.origin}/{name}",
                archive=first.origin,
                member=name,
            )
            try:
                if outside(name):
                    raise SourceError("its name leads out of the archive. Do not trust it")
                if kind == "archive":
                    raise SourceError("it is an archive within an archive. Unpack it, and name the folder")
                data = read_member(archive, info, LARGEST)
                with unpacked(io.BytesIO(data), name, len(data)) as stream:
                    yield from _stream_items(stream, name, inner, columns, keep)
            except SourceError as exc:
                yield Failure(inner.name, str(exc))
    known = ", ".join(KINDS)
    if unknown:
        files_in_it = f"{unknown} file{'' if unknown == 1 else 's'} in it"
        yield f"{first.name}: {files_in_it} skipped. Supported are {known}"
    if not held:
        yield f"{first.name}: the archive contains no file that can be read. Supported are {known}"


def _stream_items(
    stream: BinaryIO, name: str, first: ScannedArticle, columns: Mapping[str, str], keep: _Keep
) -> Iterator[_Item]:
    """The articles of one file: `first`, or one for each of its lines or rows."""
    kind = kind_of(name)
    if kind == "lines":
        yield from _records(numbered_lines(stream), first, lambda r: line_article(r, columns), "line", keep)
    elif kind == "table":
        yield from _records(numbered_rows(stream), first, lambda r: row_article(r, columns), "row", keep)
    else:
        data = whole(stream)
        if kind == "text":
            extracted = text_article(data, markdown=is_markdown(name))
            made = article(first.id, extracted)
            yield keep(replace(first, content_hash=made.version, warnings=extracted.warnings), made)
        else:
            yield keep(replace(first, content_hash=document_hash(data)), data)


def _records(
    records: Iterator[tuple[int, int, Any]],
    first: ScannedArticle,
    parse: Callable[[Any], tuple[str, Extracted]],
    what: str,
    keep: _Keep,
) -> Iterator[_Item]:
    empty = True
    for position, number, record in records:
        empty = False
        name = f"{first.name} {what} {number}"
        try:
            if isinstance(record, SourceError):
                raise record
            article_id, extracted = parse(record)
            made = article(article_id, extracted)
            item = replace(
                first,
                id=article_id,
                content_hash=made.version,
                name=name,
                position=position,
                warnings=extracted.warnings,
            )
            yield keep(item, made)
        except SourceError as exc:
            yield Failure(name, str(exc))
    if empty:
        yield Failure(first.name, EMPTY)
