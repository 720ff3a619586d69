"""Reading what a scan has found, whole: out of the scan's spool, or from its file where it was not opened."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, cast
from zipfile import ZipFile

from ingest.formats.articles import article, as_opened
from ingest.formats.kinds import is_markdown, kind_of
from ingest.formats.packed import member_named, open_zip, read_member
from ingest.formats.parsing import Parsers
from ingest.formats.records import line_article, row_article
from ingest.formats.texts import text_article
from ingest.scan.files import (
    LARGEST,
    changed,
    numbered_lines,
    numbered_rows,
    opened,
    unpacked,
    unreadable,
    whole,
)
from ingest.scan.scanned import ScannedArticle
from ingest.scan.scanner import document_hash
from ingest.scan.spool import Spool
from rag.errors import SourceError
from rag.types import Article

__all__ = ["ArticleReader"]

_Records = Iterator[tuple[int, int, Any]]


class ArticleReader:
    """Reads articles that a scan has found, documents in processes of their own.

    A file that the scan did not open, because it is as it was noted, is opened here. So is a document of more
    than `LARGEST_DOCUMENT` bytes: it is then compared with the hash that the scan took. Lines and rows of a
    file are read in one pass while they are asked for in order.
    """

    def __init__(
        self,
        columns: Mapping[str, str] = {},
        parsers: Parsers | None = None,
        spool: Spool | None = None,
    ) -> None:
        self._columns = columns
        self._owns_parsers = parsers is None
        self._parsers = parsers or Parsers()
        self._spool = spool
        self._archive_lock = threading.Lock()
        self._archive: tuple[str, ExitStack, ZipFile] | None = None
        self._records: tuple[tuple[str, str | None], ExitStack, _Records] | None = None
        self._last_position = -1

    def __enter__(self) -> ArticleReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close_records()
        self._close_archive()
        if self._owns_parsers:
            self._parsers.close()

    def abandon(self) -> None:
        """Give up what is being read just now; nothing more can be read."""
        self._parsers.abandon()

    @property
    def workers(self) -> int:
        """How many documents can be read at once."""
        return self._parsers.workers

    def read(self, item: ScannedArticle) -> tuple[Article, tuple[str, ...]]:
        """The article, and what a reader should be warned of beside what the scan said. Raises `SourceError`
        when it cannot be read, or is no longer what was found."""
        try:
            spooled = self._spool.get(item.slot) if self._spool and item.slot else None
            if isinstance(spooled, Article):
                return spooled, ()
            if item.position is not None:
                return self._record(item), ()
            kind = cast(str, kind_of(item.member or item.origin))
            if kind == "text":
                return self._text(item), ()
            return self._document(item, kind, spooled)
        except OSError as exc:
            raise unreadable(exc) from exc

    def _text(self, item: ScannedArticle) -> Article:
        with self._stream(item) as stream:
            data = whole(stream)
        made = article(item.id, text_article(data, markdown=is_markdown(item.member or item.origin)))
        if made.version != item.content_hash:
            raise changed()
        return made

    def _document(
        self, item: ScannedArticle, kind: str, data: bytes | None
    ) -> tuple[Article, tuple[str, ...]]:
        if data is None:
            with self._stream(item) as stream:
                data = whole(stream)
            if document_hash(data) != item.content_hash:
                raise changed()
        extracted = self._parsers.extract(kind, data)
        if kind != "html":  # a page says what it has to say elsewhere
            extracted = replace(extracted, facts=as_opened(extracted.text, extracted.facts))
        return article(item.id, extracted), extracted.warnings

    def _record(self, item: ScannedArticle) -> Article:
        lines = kind_of(item.member or item.origin) == "lines"
        for position, _, record in self._remaining(item, lines):
            if position < cast(int, item.position):
                continue
            if position == item.position and not isinstance(record, SourceError):
                article_id, extracted = (line_article if lines else row_article)(record, self._columns)
                made = article(article_id, extracted)
                if (made.id, made.version) == (item.id, item.content_hash):
                    return made
            break
        self._close_records()
        raise changed()

    def _remaining(self, item: ScannedArticle, lines: bool) -> _Records:
        """The records of a file from the item's on, or from one before it. The file is opened unless it is at
        hand and stands before the item's place."""
        key, position = (item.origin, item.member), cast(int, item.position)
        if self._records is None or self._records[0] != key or self._last_position >= position:
            self._close_records()
            stack = ExitStack()
            stream = stack.enter_context(self._stream(item))
            if not lines:
                records: _Records = numbered_rows(stream)
            elif item.member is None and not item.origin.lower().endswith(".gz"):
                stream.seek(position)
                records = numbered_lines(stream, position)
            else:
                records = numbered_lines(stream)
            self._records = key, stack, records
        self._last_position = position
        return self._records[2]

    @contextmanager
    def _stream(self, item: ScannedArticle) -> Iterator[BinaryIO]:
        if item.archive is None or item.member is None:
            with opened(Path(item.origin)) as stream:
                yield stream
            return
        with self._archive_lock:  # one is kept open: its directory may be long
            if self._archive is None or self._archive[0] != item.archive:
                self._close_archive()
                stack = ExitStack()
                archive = stack.enter_context(open_zip(Path(item.archive), inside_only=False))
                self._archive = item.archive, stack, archive
            archive = self._archive[2]
            data = read_member(archive, member_named(archive, item.member), LARGEST)
        with unpacked(io.BytesIO(data), item.member, len(data)) as stream:
            yield stream

    def _close_archive(self) -> None:
        if self._archive:
            self._archive[1].close()
            self._archive = None

    def _close_records(self) -> None:
        if self._records:
            self._records[1].close()
            self._records = None
