"""Lines and rows to articles: `.jsonl`, one object a line, and `.csv`, one row an article under a row of
names.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

from ingest.formats.articles import FACTS, address
from ingest.formats.clean import decode, without_surrogates
from ingest.formats.dates import read_date
from ingest.formats.extracted import Extracted, Fact
from rag.errors import SourceError

__all__ = ["COLUMNS", "LONGEST", "line_article", "row_article", "rows", "stated_columns"]

COLUMNS = ("id", "text", *FACTS)
LONGEST = 64_000_000  # bytes of a line, and of a csv file's row: a book is one; more is not an article
_SAMPLE = 100_000  # bytes from which a csv file's encoding and its delimiter are told
_SHOWN = 60  # characters of a name in a message; a damaged file may have a name of thousands
_MOST = 1_000  # columns of a csv file; no export of articles has as many
# What other programs call these, where a file does not use our names and no mapping is given.
_ALSO = {
    "text": "content body article article_text full_text fulltext articlebody",
    "title": "headline",
    "published": "date published_at publishedat publication_date pub_date pubdate publish_date "
    "date_published datepublished",
    "source": "outlet publisher publication source_name newspaper",
    "url": "link article_url permalink",
    "author": "authors byline",
    "language": "lang",
}
_NAMES = {also: name for name, words in _ALSO.items() for also in words.split()}


def stated_columns(mapping: Mapping[str, str]) -> dict[str, str]:
    """A mapping from our names to a file's, checked. Raises `SourceError` for a name that is none of ours.

    >>> stated_columns({"text": "Inhalt"})
    {'text': 'Inhalt'}
    """
    if not isinstance(mapping, Mapping):
        raise SourceError(f"columns are named, as in {{'text': 'Body'}}, not as {mapping!r}")
    for name, theirs in mapping.items():
        if name not in COLUMNS:
            raise SourceError(f"there is no column {name!r}; the columns are {', '.join(COLUMNS)}")
        if not isinstance(theirs, str) or not theirs.strip():
            raise SourceError(f"the column for {name!r} has no name. Say which it is, as in {name}=NAME")
    return dict(mapping)


def line_article(line: bytes, columns: Mapping[str, str] = {}) -> tuple[str, Extracted]:
    """One line of a `.jsonl` file: the article's id, and what it says under our names, or under those mapped
    to them.
    """
    try:
        record = json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError as exc:
        raise SourceError(f"it is not UTF-8 (byte {exc.start} of the line). Save the file as UTF-8") from exc
    except json.JSONDecodeError as exc:
        reason = exc.msg.removesuffix(" at")  # "Invalid control character at"
        raise SourceError(
            f"it is not valid JSON: {reason} at character {exc.pos + 1}. Correct the line, or export it again"
        ) from exc
    except ValueError as exc:  # a number of thousands of digits
        raise SourceError(
            "it is not an article: a number in it is too long. Write it as text, in quotation marks"
        ) from exc
    except RecursionError as exc:
        raise SourceError(
            "it is not an article: JSON nested too deeply. Keep an article's fields side by side"
        ) from exc
    if not isinstance(record, dict):
        raise SourceError('it is not an object like {"url": …, "text": …}. Write each article as one')
    return _article(record, columns, "key")


def row_article(row: Mapping[str, str], columns: Mapping[str, str] = {}) -> tuple[str, Extracted]:
    """One row of a `.csv` file, likewise."""
    return _article(row, columns, "column")


def rows(stream: BinaryIO) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows of a csv file, each with its number from 1 below the names.

    The delimiter is told from the row of names: a comma, a semicolon, a tab or a bar. Raises `SourceError`
    for what is no table, at the row where that is found.
    """
    sample = stream.read(_SAMPLE)
    if not sample:
        raise SourceError("it is empty. Remove it, or put the article's text into it")
    cut = sample
    if len(sample) == _SAMPLE:  # not within a character: a line end is none, unless characters are wide
        wide = b"\0" in sample[:100]
        cut = sample[: len(sample) // 4 * 4] if wide else sample[: sample.rfind(b"\n") + 1] or sample
    _, encoding = decode(cut)
    text = io.TextIOWrapper(io.BufferedReader(_Joined(sample, stream)), encoding=encoding, newline="")
    csv.field_size_limit(LONGEST)
    number = 0
    try:
        names = next(csv.reader([(first := text.readline(1_000_000))], delimiter=_delimiter(first)), [])
        if len(names) > _MOST:
            raise SourceError(
                f"it has {len(names):,} columns; a table of articles may have at most {_MOST:,}. Keep only "
                "those needed"
            )
        names = [name.strip().lstrip("\ufeff") for name in names]
        doubled = {name for name in names if name and names.count(name) > 1}
        if doubled:
            raise SourceError(
                f"two of its columns are called {sorted(doubled)[0][:_SHOWN]!r}. Give each a name of its own"
            )
        for number, row in enumerate(csv.reader(text, delimiter=_delimiter(first), strict=True), 1):
            if len(row) > max(_MOST, len(names)):
                raise SourceError(
                    f"its row {number} has {len(row):,} cells under {len(names)} names. Export it again"
                )
            if any(cell.strip() for cell in row):
                yield number, dict(zip(names, row, strict=False))
    except csv.Error as exc:
        reason = str(exc).replace("\t", "tab")  # it names the delimiter
        raise SourceError(f"its table is damaged below row {number}: {reason}. Export it again") from exc
    except UnicodeDecodeError as exc:
        raise SourceError(
            f"it looks like {encoding} but is damaged below row {number}. Save it as UTF-8"
        ) from exc


class _Joined(io.RawIOBase):
    """Some bytes that have been read, and then the rest of the stream."""

    def __init__(self, head: bytes, rest: BinaryIO) -> None:
        self._head, self._rest = io.BytesIO(head), rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        found = self._head.read(len(buffer)) or self._rest.read(len(buffer))
        buffer[: len(found)] = found
        return len(found)


def _delimiter(first: str) -> str:
    return max(",;\t|", key=lambda mark: (first.count(mark), -",;\t|".index(mark)))


def _article(record: Mapping[str, Any], columns: Mapping[str, str], kind: str) -> tuple[str, Extracted]:
    names = {name: _called(record, name, columns) for name in COLUMNS}
    stated = {
        name: _fact(record, theirs, names["author"]) for name, theirs in names.items() if name != "text"
    }
    if stated["id"] is None and stated["url"] is None:
        what = 'it has neither "id" nor "url"; an article needs one of them'
        raise SourceError(
            f"{what}. Give it one"
            if kind == "key"
            else f"{what}. If a column has another name, say so with --column url=NAME"
        )
    text = record.get(names["text"])
    if not isinstance(text, str) or not text.strip():
        more = "" if kind == "key" else ", or say which column it is with --column text=NAME"
        raise SourceError(
            f'it has no "{_short(names["text"])}". Put the article\'s text under that name{more}'
        )
    facts: dict[str, Fact] = {}
    warnings: list[str] = []
    for name in FACTS:
        if (value := stated[name]) is None:
            continue
        if name != "published":
            facts[name] = Fact(value, f"{kind} {names[name]}")
        elif day := read_date(value):
            facts[name] = Fact(day, f"{kind} {names[name]}")
        else:
            warnings.append(f"its date {value[:40]!r} is not YYYY-MM-DD and is treated as unknown")
    own = stated["id"] or address(stated["url"] or "")
    return own, Extracted(without_surrogates(text), facts, (), tuple(warnings))


def _called(record: Mapping[str, Any], name: str, columns: Mapping[str, str]) -> str:
    """What the record calls one of our names."""
    if name in columns:
        return columns[name]
    if record.get(name) not in (None, ""):
        return name
    for theirs in record:
        if (
            _NAMES.get(re.sub(r"[\s-]+", "_", str(theirs).strip().lower())) == name
            or str(theirs).strip().lower() == name
        ):
            return str(theirs)
    return name


def _fact(record: Mapping[str, Any], name: str, author: str) -> str | None:
    value = record.get(name)
    if value is None or value == "":
        return None
    if name == "id" and isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if name == author and isinstance(value, list) and all(isinstance(part, str) for part in value):
        value = ", ".join(value)
    if not isinstance(value, str):
        raise SourceError(
            f'its "{_short(name)}" is {type(value).__name__}, not text. Write it as text, in quotation marks'
        )
    return without_surrogates(value).strip() or None


def _short(name: str) -> str:
    """A name as the file has it, fit for a message: on one line, and not for ever."""
    return " ".join(name.split())[:_SHOWN]
