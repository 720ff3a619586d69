"""A catalog that nobody has vouched for: what tables it has, and whether its rows are what was written.

SQLite finds a damaged page, not a letter that has become another one. But an article's version is the hash
of its content, a passage's key says where it lies in which version, and what has no such hash stands in an
index once more. A backup that is to be restored comes from anywhere: nothing of its catalog is trusted here,
neither its tables nor what is in them."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ingest.corrections import FACTS as CORRECTED
from ingest.duplicates import current, signature
from rag.store.schema import SCHEMA, SINCE_1, counting_passages, current_build, table_columns, table_indexes
from rag.system.sqlite import reading
from rag.types import FACTS, content_version, corrected_version

__all__ = [
    "LONGEST_ID",
    "faults_of",
    "named",
    "opened",
    "require_plain",
    "require_schema",
    "row_count",
    "sentence",
]

LONGEST_ID = 5_000  # characters; a web page's address is an id
_LONGEST_TEXT = 256_000_000  # bytes of a value in a catalog that is to be restored
_GENERATIONS = 2**53
_MOST_NAMED = 3  # articles that are named in a sentence
_VERSION = re.compile(r"[0-9a-f]{64}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_WORDS = frozenset("create table not null primary key text integer boolean blob".split())
# SQLite's limits by their names, and what is enough for a catalog.
_LIMITS = {
    "LENGTH": _LONGEST_TEXT, "SQL_LENGTH": 100_000, "COLUMN": 100, "EXPR_DEPTH": 100, "COMPOUND_SELECT": 10,
    "FUNCTION_ARG": 20, "ATTACHED": 0, "LIKE_PATTERN_LENGTH": 100, "VARIABLE_NUMBER": 1_000,
    "TRIGGER_DEPTH": 1, "WORKER_THREADS": 0,
}  # fmt: skip


def sentence(faults: Iterable[str]) -> str:
    """The first few faults as one sentence, and how many more there are; empty where there are none."""
    first, more = list[str](), 0
    for fault in faults:
        if len(first) < _MOST_NAMED:
            first.append(fault)
        else:
            more += 1
    return "; ".join(first) + (f"; and {more:,} more" if more else "")


@contextmanager
def opened(path: Path, *, immutable: bool = False) -> Iterator[sqlite3.Connection]:
    """A catalog for reading, of which nothing is run that somebody may have put into it. `immutable` is for a
    file that nobody writes to: nothing is made beside it."""
    if immutable or os.access(path.parent, os.W_OK):
        found = sqlite3.connect(
            f"file:{quote(str(path))}?mode=ro{'&immutable=1' * immutable}", uri=True, timeout=10
        )
    else:
        found = reading(path)
    with closing(found) as db:
        for name, limit in _LIMITS.items():
            db.setlimit(getattr(sqlite3, f"SQLITE_LIMIT_{name}"), limit)
        for pragma in ("trusted_schema = OFF", "cell_size_check = ON", "query_only = ON", "mmap_size = 0"):
            db.execute(f"PRAGMA {pragma}")
        yield db


def require_schema(db: sqlite3.Connection) -> str:
    """The catalog's layout. Raises `ValueError` for tables, columns and indexes that no version of Clippings
    makes, and for a layout that this one does not know. Nothing but SQLite's own list is read before that
    list is known to be harmless."""
    schemas = ("1", "2", SCHEMA)
    known = {name for number in schemas for name in table_columns(number)}
    known_indexes = {name for number in schemas for name in table_indexes(number)}
    tables = dict[str, str]()
    for kind, name, table, sql in db.execute(
        "SELECT type, name, tbl_name, sql FROM sqlite_master"
    ).fetchall():
        if kind == "table" and name in known and isinstance(sql, str):
            tables[name] = sql
        elif not (
            kind == "index"
            and table in known
            and (name in known_indexes or (sql is None and "autoindex" in str(name)))
        ):
            raise ValueError(
                f"its catalog holds the {kind} {str(name)[:60]!r}, which no version of Clippings makes"
            )
    _require_tables(tables, "meta")
    _columns_checked(db, "meta", tables, table_columns())
    layout = str(dict(db.execute("SELECT name, value FROM meta")).get("schema"))
    if layout not in schemas:
        later = layout.isdecimal() and int(layout) > int(SCHEMA)
        by = (
            "a later version of Clippings made it: update this one"
            if later
            else "no version of Clippings made it"
        )
        raise ValueError(f"its catalog has layout {layout[:20]}, this version reads 1 to {SCHEMA} ({by})")
    columns = table_columns(layout)
    if strange := tables.keys() - columns.keys():
        raise ValueError(
            f"its catalog holds the table {min(strange)!r}, which no version of Clippings makes in layout "
            f"{layout}"
        )
    _require_tables(tables, "articles", "passages", "indexes" if layout == SCHEMA else "doomed")
    if layout != "1":
        _require_tables(tables, "corrections", "earlier", "snapshots" if layout == SCHEMA else "looked")
    for table in tables:
        _columns_checked(db, table, tables, columns)
    for table in tables:
        _indexes_checked(db, table, table_indexes(layout))
    return layout


def _require_tables(tables: Mapping[str, str], *names: str) -> None:
    if missing := set(names) - tables.keys():
        raise ValueError(f"its catalog has no table {min(missing)}")


def _columns_checked(
    db: sqlite3.Connection,
    table: str,
    tables: Mapping[str, str],
    known: Mapping[str, Mapping[str, tuple[str, bool, bool]]],
) -> None:
    wanted = known[table]
    # Whatever is not a column, its type or its key could compute, refuse or order otherwise.
    if (
        strange := set(re.findall(r"\w+|[^\w\s(),\"]", tables[table].lower()))
        - _WORDS
        - {name.lower() for name in (table, *wanted)}
    ):
        raise ValueError(
            f"the table {table} of its catalog is made with {min(strange)!r}, which no version of Clippings "
            f"does"
        )
    found = {
        name: (str(kind).upper(), bool(required), bool(key))
        for _, name, kind, required, default, key, hidden in db.execute(f"PRAGMA table_xinfo({table})")
        if default is None and not hidden
    }
    since = SINCE_1 if table == "articles" else ()
    differing = {name for name in {*found, *wanted} if found.get(name) != wanted.get(name)}
    if differing - (set(since) - set(found)):
        raise ValueError(
            f"the table {table} of its catalog has other columns than any version of Clippings makes "
            f"({min(differing)})"
        )


def require_plain(path: Path) -> None:
    """Raise `ValueError` for a database that holds anything but plain tables and indexes, or that SQLite
    finds damaged.
    """
    try:
        with opened(path, immutable=True) as db:
            listed = db.execute("SELECT type, name, sql FROM sqlite_master").fetchall()
            for kind, name, sql in listed:
                if kind not in ("table", "index") or re.search(
                    r"\b(VIRTUAL|GENERATED|AS|CHECK|WHERE)\b", str(sql or ""), re.IGNORECASE
                ):
                    raise ValueError(
                        f"{path.name} holds the {kind} {str(name)[:60]!r}, which no version of Clippings "
                        f"makes"
                    )
            for name in [name for kind, name, _ in listed if kind == "index"]:
                quoted = str(name).replace('"', '""')
                if any(row[1] < 0 for row in db.execute(f'PRAGMA index_xinfo("{quoted}")') if row[5]):
                    raise ValueError(
                        f"{path.name} has the index {str(name)[:60]!r}, which no version of Clippings makes"
                    )
            result = db.execute("PRAGMA integrity_check(1)").fetchone()[0]
            if result != "ok" or db.execute("PRAGMA foreign_key_check").fetchone():
                raise ValueError(f"{path.name} is damaged")
    except sqlite3.Error as exc:
        raise ValueError(f"{path.name} cannot be read: {exc}") from exc


def _indexes_checked(
    db: sqlite3.Connection, table: str, known: Mapping[str, tuple[str, tuple[str, ...]]]
) -> None:
    for _, name, _, origin, partial in db.execute(f"PRAGMA index_list({table})").fetchall():
        if name not in known and origin != "pk":
            raise ValueError(f"its catalog has the index {name!r}, which no version of Clippings makes")
        quoted = name.replace('"', '""')
        rows = [row for row in db.execute(f'PRAGMA index_xinfo("{quoted}")') if row[5]]
        plain = not partial and all(
            cid >= 0 and not down and how == "BINARY" for _, cid, _, down, how, _ in rows
        )
        if not plain or (name in known and known[name] != (table, tuple(row[2] for row in rows))):
            raise ValueError(f"the index {name!r} of its catalog is another one than Clippings makes")


def named(db: sqlite3.Connection, kind: str) -> set[str]:
    return {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = ?", (kind,))}


def row_count(db: sqlite3.Connection, table: str) -> int:
    return (
        int(db.execute(f"SELECT count(*) FROM {table}").fetchone()[0]) if table in named(db, "table") else 0
    )


def faults_of(db: sqlite3.Connection, *, thorough: bool = False) -> Iterator[str]:
    """What is wrong with the rows of a catalog whose schema has been checked, a sentence each. `thorough`
    also makes each signature of near-copies again, at a millisecond an article. Raises `sqlite3.Error` where
    SQLite cannot read it, as where text is not UTF-8."""
    for (result,) in db.execute("PRAGMA integrity_check(10)").fetchall():
        if result != "ok":
            raise sqlite3.DatabaseError(str(result))
    if broken := db.execute("PRAGMA foreign_key_check").fetchone():
        raise sqlite3.DatabaseError(f"a row of {broken[0]} refers to nothing")
    tables = named(db, "table")
    meta = dict(db.execute("SELECT name, value FROM meta"))
    generation = str(meta.get("generation", ""))
    if not (generation.isascii() and generation.isdecimal() and int(generation) <= _GENERATIONS):
        yield f"the catalog's generation is {generation[:40]!r}, which is no number of writes"
    try:
        current_build(db)
    except ValueError as exc:
        yield str(exc)
    corrections: dict[str, dict[str, tuple[Any, Any, Any]]] = {}
    if "corrections" in tables:
        for article_id, name, value, was, of in db.execute(
            "SELECT article_id, name, value, was, of_version FROM corrections"
        ):
            corrections.setdefault(article_id, {})[name] = (value, was, of)
    ids = set[str]()
    wanted = [name for name in table_columns()["articles"] if name in _columns_of(db)]
    for row in db.execute(f"SELECT {', '.join(wanted)} FROM articles"):
        article = dict(zip(wanted, row, strict=True))
        ids.add(article["id"])
        yield from _article_faults(article, corrections.get(article["id"], {}), thorough)
    yield from (
        f"a correction belongs to {_short(i)}, which is not there"
        for i in sorted(corrections.keys() - ids, key=str)
    )
    yield from _passage_faults(db)
    if "earlier" in tables:
        yield from _earlier_faults(db, ids, corrections)
    kinds = {"text": ("text",), "integer": ("integer",), "generation": ("integer", "null")}
    for table, column, kind in (
        ("looked", "items", "text"),
        ("looked", "stamp", "text"),
        ("snapshots", "items", "text"),
        ("snapshots", "stamp", "text"),
        ("doomed", "key", "text"),
        ("ungrouped", "article_id", "text"),
        ("indexes", "name", "text"),
        ("indexes", "generation", "integer"),
        ("passages", "added", "generation"),
        ("passages", "removed", "generation"),
        ("articles", "changed", "generation"),
    ):
        if table in tables and column in _columns_of(db, table):
            of_kind = ", ".join(f"'{name}'" for name in kinds[kind])
            query = f"SELECT 1 FROM {table} WHERE typeof({column}) NOT IN ({of_kind})"
            if db.execute(query).fetchone():
                yield f"the table {table} has in {column} a value that is no {kind}"


def _columns_of(db: sqlite3.Connection, table: str = "articles") -> set[str]:
    return {row[1] for row in db.execute(f"PRAGMA table_info({table})")}


def _short(value: object) -> str:
    return f"the article {_CONTROL.sub('�', str(value))[:100]}"


def _article_faults(
    row: Mapping[str, Any], corrected: Mapping[str, tuple[Any, Any, Any]], thorough: bool
) -> Iterator[str]:
    name = _short(row["id"])
    texts = ("id", "version", "label", "origin", "added", "text")
    optional = (*FACTS, "mark", "provenance", "pages", "copy_of")
    wrong = [n for n in texts if not isinstance(row[n], str)] + [
        n for n in optional if not isinstance(row.get(n), str | None)
    ]
    if wrong or not isinstance(row["words"], int):
        yield f"{name} has no {wrong[0] if wrong else 'words'} that could be one"
        return
    if not row["id"] or len(row["id"]) > LONGEST_ID or _CONTROL.search(row["id"]):
        limit = f"longer than {LONGEST_ID:,} characters"
        yield f"{name} has an id that is empty, {limit}, or holds control characters"
    if not row["text"].strip() or row["words"] != len(row["text"].split()):
        yield f"{name} has another number of words than is noted"
    if not _is_version(row, corrected):
        yield f"{name} is not what was added: its content has another hash"
    if row["published"] is not None and not _is_day(row["published"]):
        yield f"{name} was published on {row['published'][:20]!r}, which is no day"
    if not _is_moment(row["added"]):
        yield f"{name} was added at {row['added'][:40]!r}, which is no time"
    if not _is_provenance(row.get("provenance")) or not _is_pages(row.get("pages"), len(row["text"])):
        yield f"{name} has a note of where it was read that cannot be read"
    signed = row.get("signature")
    if not isinstance(signed, bytes | None) or (
        thorough and signed and current(signed) and signature(row["text"]) != signed
    ):
        yield f"{name} has another signature than its text"


def _is_version(row: Mapping[str, Any], corrected: Mapping[str, tuple[Any, Any, Any]]) -> bool:
    """Whether an article's version is the hash of its content, or of that and of what was corrected."""
    if not corrected:
        return bool(content_version(row["text"], row) == row["version"])
    if any(name not in CORRECTED or row[name] != value for name, (value, _, _) in corrected.items()):
        return False
    read = content_version(row["text"], {**row, **{name: was for name, (_, was, _) in corrected.items()}})
    changed = {name: value for name, (value, was, _) in corrected.items() if value != was}
    if any(of != read for _, _, of in corrected.values()):
        return False
    return bool(row["version"] == (corrected_version(read, changed) if changed else read))


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _is_moment(value: object) -> bool:
    try:
        return datetime.fromisoformat(str(value)).tzinfo is not None
    except ValueError:
        return False


def _is_provenance(stored: str | None) -> bool:
    pairs = _parsed(stored)
    return isinstance(pairs, list) and all(
        isinstance(pair, list) and len(pair) == 2 and all(isinstance(word, str) for word in pair)
        for pair in pairs
    )


def _is_pages(stored: str | None, length: int) -> bool:
    pages = _parsed(stored)
    return (
        isinstance(pages, list)
        and all(type(page) is int and 0 <= page <= length for page in pages)
        and pages == sorted(pages)
    )


def _parsed(stored: str | None) -> Any:
    try:
        return json.loads(stored) if stored else []
    except (ValueError, RecursionError):
        return None


def _passage_faults(db: sqlite3.Connection) -> Iterator[str]:
    query = f"""
        SELECT p.key, p.article_id, p.start, p.end, a.version, length(CAST(a.text AS BLOB)), a.text IS NULL
        FROM passages AS p LEFT JOIN articles AS a ON a.id = p.article_id
        WHERE {counting_passages(db)} ORDER BY p.article_id
    """
    text: tuple[object, int] = (None, 0)
    for key, article_id, start, end, version, size, orphan in db.execute(query):
        if orphan:
            yield f"a passage belongs to {_short(article_id)}, which is not there"
            continue
        numbers = all(type(number) is int for number in (start, end))
        # Bytes are at least as many as characters: mostly they say enough.
        if numbers and 0 <= start < end <= size and end > size // 4:
            if text[0] != article_id:
                (words,) = db.execute("SELECT text FROM articles WHERE id = ?", (article_id,)).fetchone()
                text = article_id, len(words)
            size = text[1]
        if not numbers or not 0 <= start < end <= size:
            yield f"a passage of {_short(article_id)} lies outside its text"
        elif key != f"{article_id}@{str(version)[:16]}:{start}-{end}":
            yield f"a passage of {_short(article_id)} is of another version of it"


def _earlier_faults(
    db: sqlite3.Connection, ids: set[str], corrections: Mapping[str, Mapping[str, tuple[Any, Any, Any]]]
) -> Iterator[str]:
    """Of an earlier version whose facts had been corrected then, only the text can be checked: what was read
    is not kept.
    """
    kept = Counter[str]()
    for article_id, version, until, stored, packed in db.execute(
        "SELECT article_id, version, until, facts, text FROM earlier"
    ):
        name = f"an earlier version of {_short(article_id)}"
        kept[article_id] += 1
        if article_id not in ids:
            yield f"{name} is kept, and the article is not there"
            continue
        facts = _parsed(stored if isinstance(stored, str) else "[]")
        words = _unpacked(packed)
        if words is None or not isinstance(facts, dict) or not set(facts) <= {*FACTS, "provenance", "pages"}:
            yield f"{name} cannot be read"
            continue
        sound = all(isinstance(value, str | None) for value in facts.values()) and _is_moment(until)
        sound = (
            sound and _VERSION.fullmatch(str(version)) is not None and _is_provenance(facts.get("provenance"))
        )
        sound = (
            sound
            and (facts.get("published") is None or _is_day(facts["published"]))
            and _is_pages(facts.get("pages"), len(words))
        )
        if not sound or (content_version(words, facts) != version and article_id not in corrections):
            yield f"{name} is not what was added"


def _unpacked(packed: object) -> str | None:
    """A text that was packed by zlib, which has a checksum in it; `None` where it is damaged, or far too
    long.
    """
    if not isinstance(packed, bytes):
        return None
    try:
        unpacking = zlib.decompressobj()
        words = unpacking.decompress(packed, _LONGEST_TEXT)
        return words.decode() if unpacking.eof and not unpacking.unused_data else None
    except (zlib.error, UnicodeDecodeError):
        return None
