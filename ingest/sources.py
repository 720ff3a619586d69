"""Places to articles: files, folders, archives and web addresses.

`scan` finds what there is and says what each would be called, without keeping its text; `Readings` reads them
in full, one after another. So a collection of any size is planned in little memory, a file that is as it was
is not opened at all, and a document is read out only if it is new or has changed.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO, cast
from zipfile import ZipFile

from ingest.articles import article, as_opened
from ingest.clean import escaped, fault_of_id
from ingest.extracted import Extracted
from ingest.formats.packed import doubled, member_named, members, open_zip, outside, read_member, shown
from ingest.formats.worker import unpack
from ingest.parsing import Parsers
from ingest.records import LONGEST, line_article, row_article, rows, stated_columns
from ingest.texts import text_article
from ingest.walk import KINDS, files, is_address, kind_of
from rag.errors import SourceError
from rag.store.catalog import Snapshot as Looked
from rag.types import Article, Failure

if TYPE_CHECKING:
    from ingest.web import Page, Web

__all__ = ["KINDS", "Found", "Readings", "Scan", "scan"]

# What is read out of a document may change when the program does; then it is read again.
_READERS = "1"
_LARGEST = 200_000_000  # bytes of a document; it is held in memory, and read out of there
_MOST_TIMES = 200  # gzip packs prose to a third, and a bomb to a thousandth
_SMALL = 100_000_000  # bytes below which no ratio is a danger
# nanoseconds: a file written so shortly ago may be written again within the same tick of its clock
_FRESH = 2_000_000_000
_EMPTY = "it is empty. Remove it, or put the article's text into it"


@dataclass(frozen=True, slots=True)
class Found:
    """An article as it lies somewhere: its id, the file or address it is in (`origin`), how to call it in a
    message, and a mark that changes when it does: the article's version, or for a document the hash of its
    bytes.

    `archive` is the archive it lies in, `member` its name there; its origin is then that name in the archive,
    as in a folder. `at` is where it begins in a file that holds many, the byte of a line or the number of a
    row. `kept` is the file that holds what was read from an address.
    """

    id: str
    mark: str
    origin: str
    name: str
    archive: str | None = None
    member: str | None = None
    at: int | None = None
    kept: str | None = None
    warnings: tuple[str, ...] = ()

    @property
    def placed(self) -> bool:
        """Whether its id is given by where it lies, so that the same content elsewhere is the same article,
        renamed.
        """
        return self.at is None and not is_address(self.origin)


@dataclass(frozen=True, slots=True)
class Scan:
    """What a number of places hold. `origins` are all files and addresses that were looked at, `unsure` those
    and the folders of which some part could not be read, `many` those that hold several articles, `gone` the
    addresses at which there is nothing any more, with the reason; `scopes` the files and folders asked for.
    `looked` is what to note of each, `None` to forget it."""

    found: tuple[Found, ...]
    failed: tuple[Failure, ...]
    origins: frozenset[str]
    unsure: frozenset[str]
    scopes: tuple[str, ...]
    warnings: tuple[str, ...]
    many: frozenset[str] = frozenset()
    gone: Mapping[str, str] = field(default_factory=dict)
    looked: Mapping[str, Looked | None] = field(default_factory=dict)


def scan(
    places: Iterable[str | os.PathLike[str]],
    *,
    looked: Mapping[str, Looked] = {},
    known: Mapping[str, tuple[str, str]] = {},
    columns: Mapping[str, str] = {},
    web: Web | None = None,
    stop: threading.Event | None = None,
) -> Scan:
    """Look through files, folders, archives and addresses. What cannot be read is a `Failure`; nothing stops
    the rest, unless `stop` is set: then what was found so far is all.

    `looked` is what was noted the last time, `known` the mark and the origin of each stored article;
    `columns` maps our names to a table's own; `web` fetches addresses. Raises `SourceError` for a mapping of
    columns that is none.
    """
    return _Scanning(looked, known, stated_columns(columns), web, stop or threading.Event()).through(places)


_Item = Found | Failure | str  # the last is a warning


class _Scanning:
    """One look through some places."""

    def __init__(
        self,
        before: Mapping[str, Looked],
        known: Mapping[str, tuple[str, str]],
        columns: Mapping[str, str],
        web: Web | None,
        stop: threading.Event,
    ) -> None:
        self.before, self.columns, self.web, self.stop = before, columns, web, stop
        # A page that is noted but not stored so, because it was removed since, has to be fetched to be read.
        self.fetched = {
            origin: looked
            for origin, looked in before.items()
            if is_address(origin) and _is_stored(looked.items, known)
        }
        self.found: list[Found] = []
        self.failed: list[Failure] = []
        self.warnings: list[str] = []
        self.unsure: set[str] = set()
        self.seen: dict[str, None] = {}
        self.many: set[str] = set()
        self.gone: dict[str, str] = {}
        self.looked: dict[str, Looked | None] = {}
        self.began = time.time_ns()

    def through(self, places: Iterable[str | os.PathLike[str]]) -> Scan:
        scopes: list[str] = []
        for place in places:
            if self.stop.is_set():
                break
            if is_address(stated := os.fspath(place)):
                self._fetch(stated)
                continue
            try:
                walked = files(place)
            except SourceError as exc:
                self.failed.append(Failure(escaped(stated), str(exc)))
                continue
            scopes.append(walked.scope)
            self.warnings.extend(walked.notes)
            self.failed.extend(Failure(escaped(folder), why) for folder, why in walked.failed)
            self.unsure.update(walked.closed)
            for path, article_id in walked.files:
                if self.stop.is_set():
                    break
                self._file(path, article_id, walked.root)
        return Scan(
            tuple(self.found), tuple(self.failed), frozenset(self.seen), frozenset(self.unsure), tuple(scopes),
            tuple(self.warnings), frozenset(self.many), self.gone, self.looked,
        )  # fmt: skip

    def _take(self, items: Iterable[_Item], origin: str) -> list[Found] | None:
        """Note what a place holds; `None` if some of it could not be read."""
        whole: list[Found] | None = []
        for item in items:
            if isinstance(item, Found) and (fault := fault_of_id(item.id)):
                item = Failure(item.name, fault)
            if isinstance(item, str):
                self.warnings.append(item)
            elif isinstance(item, Failure):
                self.failed.append(Failure(escaped(item.item), item.reason))
                self.unsure.add(origin)
                whole = None
            else:
                self.found.append(item)
                self.seen[item.origin] = None  # of an archive's member, its own
                if item.at is not None:
                    self.many.add(item.origin)
                self.warnings.extend(f"{item.name}: {w}" for w in item.warnings)
                if whole is not None:
                    whole.append(item)
        return whole

    def _file(self, path: Path, article_id: str, root: Path) -> None:
        origin = path.as_posix()
        if origin in self.seen:  # named twice, or a file of a folder also named
            return
        try:
            origin.encode()
        except UnicodeEncodeError:
            reason = "its name, or its folder's, is not UTF-8 and cannot be stored. Rename it"
            self.seen[origin] = None
            self._take([Failure(article_id, reason)], origin)
            return
        self.seen[origin] = None
        kind = kind_of(path.name)
        if kind in ("lines", "table", "archive"):
            self.many.add(origin)
        stamp, written = self._stamp(path)
        if stamp and (known := self.before.get(origin)) and known.stamp == stamp:
            self._take(_noted(known.items, article_id, origin), origin)
            return
        found = self._take(_items(path, article_id, self.columns, root), origin)
        if found is None or stamp is None or written > self.began - _FRESH:
            if origin in self.before:
                self.looked[origin] = None
        else:
            self.looked[origin] = Looked(stamp, _notes(found, article_id))

    def _stamp(self, path: Path) -> tuple[str | None, int]:
        """What changes whenever a file is written, and whenever it would be read otherwise; and when it was
        written.
        """
        try:
            facts = path.stat()
        except OSError:
            return None, 0
        asked = hashlib.sha256(json.dumps([_READERS, sorted(self.columns.items())]).encode()).hexdigest()[:12]
        return (
            f"{facts.st_size} {facts.st_mtime_ns} {facts.st_ctime_ns} {facts.st_ino} {asked}",
            facts.st_mtime_ns,
        )

    def _fetch(self, address: str) -> None:
        if self.web is None:
            self.failed.append(
                Failure(address, "web addresses are not fetched here. Name a file or a folder")
            )
            return
        for page in self.web.pages(address, self.fetched):
            if self.stop.is_set():
                return
            if page.origin in self.seen:
                continue
            self.seen[page.origin] = None
            if page.gone:
                self.gone[page.origin] = page.gone
            elif page.failed:
                self._take([Failure(page.origin, page.failed)], page.origin)
            else:
                items = _noted(page.items, "", page.origin) if page.items else [_of_page(page)]
                self._take(items, page.origin)
            if page.article is None:  # what is said of a feed as a whole
                self.warnings.extend(f"{page.origin}: {warning}" for warning in page.warnings)
            if page.looked:
                self.looked[page.origin] = page.looked


def _is_stored(notes: str, known: Mapping[str, tuple[str, str]]) -> bool:
    return all(known.get(item.id, ("", ""))[0] == item.mark for item in _noted(notes, "", ""))


def _of_page(page: Page) -> Found:
    if page.article is None:
        raise AssertionError("a page that is neither failed nor as before has an article")
    return Found(
        page.article.id,
        page.article.version,
        page.origin,
        page.origin,
        kept=page.kept,
        warnings=page.warnings,
    )


def _notes(found: Iterable[Found], article_id: str) -> str:
    """What a file holds, to be known again while it is unchanged. An id that the file's place gives is noted
    without it.
    """
    rows = [
        [item.id.startswith(article_id), item.id.removeprefix(article_id), item.mark, item.name.removeprefix(article_id),
         item.member, item.at, list(item.warnings)]
        for item in found
    ]  # fmt: skip
    return json.dumps(rows, ensure_ascii=False)


def _noted(notes: str, article_id: str, origin: str) -> Iterator[Found]:
    for placed, rest, mark, name, member, at, warnings in json.loads(notes):
        stands = f"{origin}/{member}" if member else origin
        archive = origin if member else None
        own = article_id + rest if placed else rest
        yield Found(own, mark, stands, article_id + name, archive, member, at, None, tuple(warnings))


def _items(path: Path, article_id: str, columns: Mapping[str, str], root: Path) -> Iterator[_Item]:
    """What a file holds, which is to lie in the folder `root`."""
    if os.path.exists(path) and not os.path.isfile(path):  # reading a pipe would wait for ever
        yield Failure(article_id, "it is neither a file nor a folder. Remove it from there")
        return
    first = Found(article_id, "", path.as_posix(), article_id)
    try:
        if kind_of(path.name) == "archive":
            yield from _members(path, first, columns, root)
        else:
            with _opened(path, root) as stream:
                yield from _held(stream, path.name, first, columns)
    except OSError as exc:
        yield Failure(article_id, str(_unreadable(exc)))
    except SourceError as exc:
        yield Failure(article_id, str(exc))


def _members(path: Path, first: Found, columns: Mapping[str, str], root: Path) -> Iterator[_Item]:
    passed = held = 0
    with open_zip(path, inside_only=False) as archive:
        _require_inside(cast(BinaryIO, archive.fp), path, root)
        for name, count in doubled(archive).items():
            if kind_of(name):
                yield Failure(
                    f"{first.name}/{name}",
                    f"{count} files in the archive are called {shown(name)}; the last is taken in, and no "
                    f"other. "
                    "Give each a name of its own",
                )
        for info in members(archive):
            name = info.filename
            kind = kind_of(name)
            if not outside(name) and any(part.startswith((".", "__MACOSX")) for part in name.split("/")):
                continue
            if kind is None:
                passed += 1
                continue
            held += 1
            inner = replace(
                first, id=f"{first.id}/{name}", name=f"{first.name}/{name}", origin=f"{first.origin}/{name}",
                archive=first.origin, member=name,
            )  # fmt: skip
            try:
                if outside(name):
                    raise SourceError("its name leads out of the archive. Do not trust it")
                if kind == "archive":
                    raise SourceError("it is an archive within an archive. Unpack it, and name the folder")
                data = read_member(archive, info, _LARGEST)
                with _unpacked(io.BytesIO(data), name, len(data)) as stream:
                    yield from _held(stream, name, inner, columns)
            except SourceError as exc:
                yield Failure(inner.name, str(exc))
    if passed:
        yield f"{first.name}: {passed} file{'' if passed == 1 else 's'} in it passed over; known are {', '.join(KINDS)}"
    if not held:
        yield f"{first.name}: the archive holds no file that can be read; known are {', '.join(KINDS)}"


def _held(stream: BinaryIO, name: str, first: Found, columns: Mapping[str, str]) -> Iterator[_Item]:
    """The articles of one file: `first`, or one for each of its lines or rows."""
    kind = kind_of(name)
    if kind == "lines":
        yield from _records(_lines(stream), first, lambda line: line_article(line, columns), "line")
    elif kind == "table":
        yield from _records(_rows(stream), first, lambda row: row_article(row, columns), "row")
    else:
        data = _whole(stream)
        if kind == "text":
            found = text_article(data, markdown=_is_markdown(name))
            yield replace(first, mark=article(first.id, found).version, warnings=found.warnings)
        else:
            yield replace(first, mark=_hash(data))


def _records(
    records: Iterator[tuple[int, int, Any]],
    first: Found,
    made: Callable[[Any], tuple[str, Extracted]],
    what: str,
) -> Iterator[_Item]:
    empty = True
    for at, number, record in records:
        empty = False
        name = f"{first.name} {what} {number}"
        try:
            if isinstance(record, SourceError):
                raise record
            article_id, found = made(record)
            yield replace(
                first,
                id=article_id,
                mark=article(article_id, found).version,
                name=name,
                at=at,
                warnings=found.warnings,
            )
        except SourceError as exc:
            yield Failure(name, str(exc))
    if empty:
        yield Failure(first.name, _EMPTY)


def _lines(stream: BinaryIO) -> Iterator[tuple[int, int, bytes | SourceError]]:
    """The lines that are not empty, each with the byte it begins at and its number; a file that has none has
    one, empty.
    """
    at = number = 0
    while line := stream.readline(LONGEST + 1):
        number += 1
        if len(line) > LONGEST:
            yield (
                at,
                number,
                SourceError(
                    f"it is longer than {LONGEST:,} bytes, which no article is. The rest was not read"
                ),
            )
            return
        if line.strip():
            yield at, number, line
        at += len(line)


def _rows(stream: BinaryIO) -> Iterator[tuple[int, int, dict[str, str] | SourceError]]:
    number = 0
    try:
        for number, row in rows(stream):
            yield number, number, row
    except SourceError as exc:
        yield number + 1, number + 1, exc


def _whole(stream: BinaryIO) -> bytes:
    data = stream.read(_LARGEST + 1)
    if not data:
        raise SourceError(_EMPTY)
    if len(data) > _LARGEST:
        raise SourceError(
            f"it is larger than {_LARGEST:,} bytes, which no article is. Split it, or put it into a .jsonl "
            f"file"
        )
    return data


def _is_markdown(name: str) -> bool:
    return name.lower().removesuffix(".gz").endswith(".md")


def _hash(data: bytes) -> str:
    return f"{_READERS}:{hashlib.sha256(data).hexdigest()}"


def _require_inside(stream: BinaryIO, path: Path, root: Path) -> None:
    """Raise `SourceError` unless what was opened lies in a folder: a link may have been put in its place just
    now.
    """
    place = os.path.realpath(path)
    try:
        same = Path(place).is_relative_to(root) and os.path.samestat(
            os.fstat(stream.fileno()), os.stat(place)
        )
    except OSError:  # gone again
        same = False
    if not same:
        raise SourceError(
            "it is a link that leads out of the folder. Name what it leads to, if that is meant"
        )


@contextmanager
def _opened(path: Path, root: Path | None = None) -> Iterator[BinaryIO]:
    """A file's bytes. With `root` only of one that lies in there; without it, of one that is known by what is
    in it.
    """
    with path.open("rb") as stream:
        if root is not None:
            _require_inside(stream, path, root)
        with _unpacked(stream, path.name, os.fstat(stream.fileno()).st_size) as unpacked:
            yield unpacked


@contextmanager
def _unpacked(stream: BinaryIO, name: str, size: int) -> Iterator[BinaryIO]:
    """The bytes of a stream, out of gzip where its name says so; `size` is that of the stream."""
    if not name.lower().endswith(".gz"):
        yield stream
        return
    try:
        with gzip.GzipFile(fileobj=stream) as packed:
            yield cast(BinaryIO, io.BufferedReader(_Bounded(packed, max(_SMALL, _MOST_TIMES * size))))
    except (EOFError, zlib.error, gzip.BadGzipFile) as exc:
        raise SourceError("it is not a whole gzip file. Copy or download it again") from exc


class _Bounded(io.RawIOBase):
    """A stream that is given up when it is longer than a file of its packed size can honestly be."""

    def __init__(self, stream: gzip.GzipFile, most: int) -> None:
        self._stream, self._left, self._most = stream, most, most

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        found = self._stream.read(len(buffer))
        self._left -= len(found)
        if self._left < 0:
            most = f"{self._most:,} bytes"
            raise SourceError(
                f"it unpacks to more than {most}, as only a file made to do harm does. Do not trust it"
            )
        buffer[: len(found)] = found
        return len(found)


def _unreadable(exc: OSError) -> SourceError:
    if isinstance(exc, FileNotFoundError):
        return SourceError("it is a link to nothing, or has just been removed. Mend the link or remove it")
    return SourceError(f"it cannot be read: {exc.strerror or exc}. Check the file's permissions")


class Readings:
    """Reads what a scan has found, whole. Lines and rows of a file are read in one pass while they are asked
    for in order.
    """

    def __init__(self, columns: Mapping[str, str] = {}, parsers: Parsers | None = None) -> None:
        self._columns = columns
        self._ours = parsers is None
        self._parsers = parsers or Parsers()
        self._archives = threading.Lock()
        self._archive: tuple[str, ExitStack, ZipFile] | None = None
        self._open: tuple[tuple[str, str | None], ExitStack, Iterator[tuple[int, int, Any]]] | None = None

    def __enter__(self) -> Readings:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._shut()
        self._shut_archive()
        if self._ours:
            self._parsers.close()

    def abandon(self) -> None:
        """Give up what is being read just now; nothing more can be read."""
        self._parsers.abandon()

    @property
    def workers(self) -> int:
        """How many documents can be read at once."""
        return self._parsers.workers

    def read(self, found: Found) -> tuple[Article, tuple[str, ...]]:
        """The article, and what a reader should be warned of. Raises `SourceError` when it cannot be read or
        is no longer what was found."""
        try:
            if found.kept:
                return self._kept(found)
            if found.at is not None:
                return self._record(found)
            return self._document(found)
        except OSError as exc:
            raise _unreadable(exc) from exc

    def _kept(self, found: Found) -> tuple[Article, tuple[str, ...]]:
        kept = unpack(json.loads(Path(cast(str, found.kept)).read_text(encoding="utf-8")))
        return article(found.id, kept), ()  # what there was to warn of was said when it was fetched

    def _document(self, found: Found) -> tuple[Article, tuple[str, ...]]:
        name = found.member or found.origin
        with self._stream(found) as stream:
            data = _whole(stream)
        kind = kind_of(name)
        if kind == "text":
            made = article(found.id, text_article(data, markdown=_is_markdown(name)))
            if made.version != found.mark:
                raise _changed()
            return made, ()
        if _hash(data) != found.mark:
            raise _changed()
        read = self._parsers.extract(cast(str, kind), data)
        if kind != "html":  # a page says what it has to say elsewhere
            read = replace(read, facts=as_opened(read.text, read.facts))
        return article(found.id, read), read.warnings

    def _record(self, found: Found) -> tuple[Article, tuple[str, ...]]:
        lines = kind_of(found.member or found.origin) == "lines"
        for at, _, record in self._records(found, lines):
            if at < cast(int, found.at):
                continue
            if at == found.at and not isinstance(record, SourceError):
                article_id, read = (line_article if lines else row_article)(record, self._columns)
                made = article(article_id, read)
                if (made.id, made.version) == (found.id, found.mark):
                    return made, ()
            self._shut()
            raise _changed()
        self._shut()
        raise _changed()

    def _records(self, found: Found, lines: bool) -> Iterator[tuple[int, int, Any]]:
        """What is left of the records of a file, which is opened anew unless it is at hand and not past the
        place.
        """
        key = found.origin, found.member
        if self._open is None or self._open[0] != key or self._past >= cast(int, found.at):
            self._shut()
            stack = ExitStack()
            stream = stack.enter_context(self._stream(found))
            self._open = key, stack, _lines(stream) if lines else _rows(stream)
        self._past = cast(int, found.at)
        return self._open[2]

    _past = -1

    @contextmanager
    def _stream(self, found: Found) -> Iterator[BinaryIO]:
        if found.archive is None or found.member is None:
            with _opened(Path(found.origin)) as stream:
                yield stream
            return
        with self._archives:  # one is kept open: its directory may be long
            if self._archive is None or self._archive[0] != found.archive:
                self._shut_archive()
                stack = ExitStack()
                self._archive = (
                    found.archive,
                    stack,
                    stack.enter_context(open_zip(Path(found.archive), inside_only=False)),
                )
            archive = self._archive[2]
            data = read_member(archive, member_named(archive, found.member), _LARGEST)
        with _unpacked(io.BytesIO(data), found.member, len(data)) as stream:
            yield stream

    def _shut_archive(self) -> None:
        if self._archive:
            self._archive[1].close()
            self._archive = None

    def _shut(self) -> None:
        if self._open:
            self._open[1].close()
            self._open = None


def _changed() -> SourceError:
    return SourceError("it changed while it was being read. Sync again")
