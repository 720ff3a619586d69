"""The lexical index: BM25 over stemmed words, with tantivy.

It takes and returns keys, words and floats; of articles it knows what filters ask for. The
question is analysed here and never parsed, so no character in it is an operator. A collection has two: of its
passages, and of whole articles, each under the key of its first passage.
"""

from __future__ import annotations

import json
import mmap
import os
import struct
import unicodedata
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import date
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any

from rag.store import Record, fault, is_full, missing, panicked
from rag.types import Filters

__all__ = ["PASSAGES", "WHOLE", "LexicalIndex", "LexicalWriter", "verified"]

PASSAGES, WHOLE = "lexical", "whole"  # the folders of the two
_ANALYSER = "clippings_en"
_HEAP = 64_000_000  # bytes; tantivy's least is 15 MB a thread, and one thread keeps the order of documents
_META, _MANAGED = "meta.json", ".managed.json"
_PARTS = frozenset({"fast", "fieldnorm", "idx", "pos", "store", "term"})  # the files of a segment
_END = struct.Struct(
    "<II"
)  # of each file: how long the footer before it is, and a number that says that there is one
_FOOTER = 1337
_LONGEST_FOOTER = 10_000  # bytes
_LONGEST_WORD = 60  # bytes; words of this length and more are addresses and encoded data


class LexicalIndex:
    """An index opened for reading. It answers as of the last `reload`, also where its files have been removed
    since.
    """

    def __init__(self, home: Path, folder: str = PASSAGES, *, build: str = "") -> None:
        self._home, self._path = home, home / build / folder
        with _translated(self._path, home):
            self._index = self._opened()
            self._analyser = _analyser()

    def _opened(self) -> Any:
        import tantivy

        if not (self._path.is_dir() and tantivy.Index.exists(str(self._path))):
            raise missing("lexical", self._path, self._home)
        if os.access(self._path, os.W_OK):
            try:
                return _open(self._path)
            except (ValueError, OSError):
                if not is_full(self._home):
                    raise
        # tantivy writes a file by which it locks the index while it opens it; it maps what it opens. So it
        # may as well open links to the files, in a folder that can be written to.
        with TemporaryDirectory(prefix="clippings-") as links:
            for file in self._path.iterdir():
                if not file.name.endswith(".lock"):
                    (Path(links) / file.name).symlink_to(file.absolute())
            self._linked = True
            return _open(Path(links))

    _linked = False

    def reload(self) -> None:
        """See what has been committed since, also by another process."""
        with _translated(self._path, self._home):
            if self._linked:
                self._index = self._opened()
            else:
                self._index.reload()

    @property
    def megabytes(self) -> float:
        """Of its files, which are mapped into memory."""
        with _translated(self._path, self._home):
            total = 0
            for file in self._path.iterdir():
                with suppress(FileNotFoundError):  # a writer that merges removes some just now
                    total += file.stat().st_size
            return total / 1e6

    def count(self) -> int:
        with _translated(self._path, self._home):
            return int(self._index.searcher().num_docs)

    def keys(self) -> set[str]:
        """Every key in the index, for checks."""
        import tantivy

        with _translated(self._path, self._home):
            searcher = self._index.searcher()
            if not searcher.num_docs:
                return set()
            hits = searcher.search(tantivy.Query.all_query(), searcher.num_docs).hits
            return {searcher.doc(address)["key"][0] for _, address in hits}

    def search(self, question: str, k: int, filters: Filters = Filters()) -> list[tuple[str, float]]:
        """The k best keys with their BM25 scores (k1 1.2, b 0.75), best first, equal scores by key.

        A filter changes which passages count, never their scores.
        """
        import tantivy

        terms = list(dict.fromkeys(self._analyser.analyze(_composed(question))))
        if not terms or k < 1:
            return []
        with _translated(self._path, self._home):
            schema = self._index.schema
            should = [
                (tantivy.Occur.Should, tantivy.Query.term_query(schema, "body", term)) for term in terms
            ]
            query = tantivy.Query.boolean_query(should)
            if filters:
                query = tantivy.Query.boolean_query([(tantivy.Occur.Must, query), *_limits(schema, filters)])
            searcher = self._index.searcher()
            wanted = k + 1
            found = searcher.search(query, wanted).hits
            # Equal scores at the cut are fetched whole, so that they are cut by key and not by tantivy's
            # order.
            while len(found) == wanted and found[-1][0] == found[k - 1][0]:
                wanted *= 2
                found = searcher.search(query, wanted).hits
            hits = [(searcher.doc(address)["key"][0], float(score)) for score, address in found]
        return sorted(hits, key=lambda hit: (-hit[1], hit[0]))[:k]


def verified(home: Path, folder: str = PASSAGES, *, build: str = "") -> tuple[list[str], int]:
    """The files of an index that are not as tantivy wrote them, and how many documents it says it has.

    tantivy ends each file with a footer, which holds the CRC-32 of all before it; but for its two lists,
    whose names and numbers must fit those files. tantivy looks at no checksum when it opens an index, and its
    binding has no way to ask it to. Raises `CollectionError` where there is no index.
    """
    path = home / build / folder
    with _translated(path, home):
        if not (path / _META).is_file():
            raise missing("lexical", path, home)
        damaged = list[str]()
        try:
            files, documents = _listed(path)
        except (ValueError, KeyError, TypeError, AttributeError, struct.error):
            return [_META], 0
        for name in sorted(files):
            try:
                _body(path / name)
            except (OSError, ValueError, KeyError, TypeError, struct.error):
                damaged.append(name)
        if not _manages(path, files):
            damaged.append(_MANAGED)
        return damaged, documents


def _listed(path: Path) -> tuple[set[str], int]:
    """The files that an index's own list names, and how many documents are in them. Raises `ValueError` for a
    list that tantivy did not write, or that does not fit the files."""
    raw = (path / _META).read_text(encoding="utf-8")
    meta = json.loads(raw)
    if meta["schema"] != _stored_schema() or set(meta) - {
        "index_settings",
        "segments",
        "schema",
        "opstamp",
        "payload",
    }:
        raise ValueError("it is of another schema")
    if meta["index_settings"] != {"docstore_compression": "lz4", "docstore_blocksize": 16384}:
        raise ValueError("it has other settings")
    files, documents, newest = set[str](), 0, 0
    for segment in meta["segments"]:
        name = segment["segment_id"].replace("-", "")
        files.update(f"{name}.{part}" for part in _PARTS)
        documents += segment["max_doc"]
        if deletes := segment["deletes"]:
            retired = f"{name}.{deletes['opstamp']}.del"
            files.add(retired)
            documents -= deletes["num_deleted_docs"]
            newest = max(newest, deletes["opstamp"])
            most, alive = _alive(_body(path / retired))
            if (most, most - alive) != (segment["max_doc"], deletes["num_deleted_docs"]):
                raise ValueError("it counts other documents than are there")
    if not meta["opstamp"] >= newest:
        raise ValueError("it is older than what it lists")
    return files, documents


def _body(file: Path) -> memoryview:
    """What tantivy wrote to a file. Raises `ValueError` where its footer says otherwise."""
    with file.open("rb") as stream:  # of a large collection, gigabytes
        data = memoryview(mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ))
    length, mark = _END.unpack(data[-_END.size :])
    if mark != _FOOTER or not 0 < length < _LONGEST_FOOTER or length + _END.size > len(data):
        raise ValueError("it has no footer")
    body, footer = data[: -_END.size - length], bytes(data[-_END.size - length : -_END.size])
    facts = json.loads(footer)
    numbers = facts["version"].values()
    if json.dumps(facts, separators=(",", ":")).encode() != footer or not all(
        type(number) is int for number in numbers
    ):
        raise ValueError("its footer is damaged")
    if set(facts) != {"version", "crc"} or set(facts["version"]) != {
        "major",
        "minor",
        "patch",
        "index_format_version",
    }:
        raise ValueError("its footer is damaged")
    if zlib.crc32(body) != facts["crc"]:
        raise ValueError("it has another checksum")
    return body


def _alive(body: memoryview) -> tuple[int, int]:
    """How many documents a segment has, and how many of them are alive: a number of 32 bits, and then a bit
    for each.
    """
    (most,) = struct.unpack("<I", body[:4])
    return most, int.from_bytes(body[4:], "little").bit_count()


def _manages(path: Path, files: set[str]) -> bool:
    """Whether the list of what tantivy may remove names these files. It may name others, which are gone."""
    try:
        managed = json.loads((path / _MANAGED).read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(managed, list) and files <= set(map(str, managed))


@lru_cache(maxsize=1)
def _stored_schema() -> Any:
    """Our schema as tantivy writes it down."""
    with TemporaryDirectory(prefix="clippings-") as folder:
        _open(Path(folder))
        return json.loads((Path(folder) / _META).read_bytes())["schema"]


class LexicalWriter:
    """The index opened for writing, by the holder of the collection's lock. Nothing is visible before
    `commit`.
    """

    def __init__(self, home: Path, folder: str = PASSAGES, *, build: str = "") -> None:
        self._home, self._path = home, home / build / folder
        with _translated(self._path, home):
            self._path.mkdir(parents=True, exist_ok=True)
            self._index = _open(self._path)
            self._writer = self._index.writer(_HEAP, 1)
            # What a run that was killed has left would stand in the way of files of the same name.
            self._writer.garbage_collect_files()

    def __enter__(self) -> LexicalWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with _translated(self._path, self._home):
            if kind is None:
                self._writer.wait_merging_threads()  # else small segments pile up, run after run
            del self._writer  # gives tantivy's own lock back; what was not committed is forgotten

    def add(self, records: Iterable[Record]) -> None:
        """Add passages; one whose key is there already is replaced."""
        import tantivy

        with _translated(self._path, self._home):
            for record in records:
                self._writer.delete_documents_by_term("key", record.key)
                body = _composed(record.text)
                document = tantivy.Document(key=record.key, article=record.article_id, body=body)
                if record.published:
                    document.add_unsigned("day", record.published.toordinal())
                if record.source is not None:
                    document.add_text("source", record.source)
                self._writer.add_document(document)

    def delete(self, keys: Sequence[str]) -> None:
        """Remove passages; a key that is not there is no error."""
        with _translated(self._path, self._home):
            for key in keys:
                self._writer.delete_documents_by_term("key", key)

    def count(self) -> int:
        """How many passages there are, as of the last commit."""
        with _translated(self._path, self._home):
            self._index.reload()
            return int(self._index.searcher().num_docs)

    def wipe(self) -> None:
        """Forget every passage."""
        with _translated(self._path, self._home):
            self._writer.delete_all_documents()
            self._writer.commit()

    def commit(self) -> None:
        with _translated(self._path, self._home):
            self._writer.commit()


def _limits(schema: Any, filters: Filters) -> list[tuple[Any, Any]]:
    """The filters as clauses that count nothing towards a score."""
    import tantivy

    kept, barred = [], []
    if filters.after or filters.before:
        first, last = (filters.after or date.min).toordinal(), (filters.before or date.max).toordinal()
        kept.append(tantivy.Query.range_query(schema, "day", tantivy.FieldType.Unsigned, first, last))
    if filters.sources:
        kept.append(tantivy.Query.term_set_query(schema, "source", list(filters.sources)))
    if filters.exclude_articles:
        barred.append(tantivy.Query.term_set_query(schema, "article", list(filters.exclude_articles)))
    return [
        *((tantivy.Occur.Must, tantivy.Query.const_score_query(clause, 0.0)) for clause in kept),
        *((tantivy.Occur.MustNot, clause) for clause in barred),
    ]


def _composed(text: str) -> str:
    """A text with each accent in one character with its letter, however it was written: the analyser folds
    "á" to "a", but takes an accent of its own for the end of a word."""
    return unicodedata.normalize("NFC", text)


def _analyser() -> Any:
    import tantivy

    return (
        tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple())
        .filter(tantivy.Filter.remove_long(_LONGEST_WORD))
        .filter(tantivy.Filter.lowercase())
        .filter(tantivy.Filter.ascii_fold())
        .filter(tantivy.Filter.stemmer("english"))
        .build()
    )


def _open(path: Path) -> Any:
    import tantivy

    builder = tantivy.SchemaBuilder()
    builder.add_text_field("key", stored=True, tokenizer_name="raw", index_option="basic")
    builder.add_text_field("article", stored=False, tokenizer_name="raw", index_option="basic")
    builder.add_text_field("source", stored=False, tokenizer_name="raw", index_option="basic")
    builder.add_unsigned_field("day", stored=False, indexed=False, fast=True)
    builder.add_text_field("body", stored=False, tokenizer_name=_ANALYSER, index_option="freq")
    index = tantivy.Index(builder.build(), path=str(path), reuse=True)
    index.register_tokenizer(_ANALYSER, _analyser())
    index.config_reader("manual")
    return index


@contextmanager
def _translated(path: Path, home: Path) -> Iterator[None]:
    """tantivy raises ValueError and OSError for everything."""
    try:
        yield
    except (ValueError, OSError) as exc:
        # A thread of tantivy's that dies for want of room does not say why.
        raise fault("lexical", path, home, exc) from exc
    except BaseException as exc:
        if not panicked(exc):
            raise
        raise fault("lexical", path, home, exc) from exc
