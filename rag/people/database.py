"""The database `people.sqlite` in the collection's home, and its tables.

It is separate from the catalog for three reasons. A sync locks the catalog while it writes, and questions
should not wait for that. A backup of the articles must not contain conversations. And restoring a collection
replaces the catalog, while conversations stay.

It uses SQLite through SQLAlchemy Core. The file is created by the first write, readable only by its owner.
Reading without a file finds empty tables and creates nothing.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import exc as sa_exc

from rag.errors import CollectionError
from rag.system.files import private_folder
from rag.system.sqlite import fault, reading

__all__ = [
    "FILE",
    "LAYOUT",
    "ColumnElement",
    "Connection",
    "Database",
    "conversations",
    "exchanges",
    "now",
    "sessions",
    "settings",
    "tokens",
]

FILE = "people.sqlite"
LAYOUT = 1  # stored as SQLite's user_version; 0 is an empty file
Connection = sa.Connection
ColumnElement = sa.ColumnElement
_UNUSABLE = (
    "conversations cannot be stored in {path} ({cause}). Check the permissions of the file and its folder"
)


class _UtcTime(sa.types.TypeDecorator[datetime]):
    """A time, stored as text in UTC, which sorts by time."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> str | None:  # noqa: ARG002
        return value.astimezone(UTC).isoformat(timespec="microseconds") if value else None

    def process_result_value(self, value: str | None, dialect: sa.Dialect) -> datetime | None:  # noqa: ARG002
        return datetime.fromisoformat(value) if value else None


_metadata = sa.MetaData()
sessions = sa.Table(
    "sessions",
    _metadata,
    sa.Column("digest", sa.LargeBinary, primary_key=True),
    sa.Column("account", sa.Text, nullable=False, index=True),
    sa.Column("started", _UtcTime, nullable=False),
    sa.Column("used", _UtcTime, nullable=False),
)
tokens = sa.Table(
    "tokens",
    _metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("digest", sa.LargeBinary, nullable=False, unique=True),
    sa.Column("read_only", sa.Boolean, nullable=False),
    sa.Column("created", _UtcTime, nullable=False),
    sa.Column("last_used", _UtcTime),
)
settings = sa.Table(
    "settings",
    _metadata,
    sa.Column("owner", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)
conversations = sa.Table(
    "conversations",
    _metadata,
    sa.Column("number", sa.Integer, primary_key=True),  # the order of creation
    sa.Column("id", sa.Text, nullable=False, unique=True),
    sa.Column("owner", sa.Text, nullable=False, index=True),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("collection", sa.Text, nullable=False),
    sa.Column("created", _UtcTime, nullable=False),
    sa.Column("updated", _UtcTime, nullable=False),
    sa.Column("deleted", _UtcTime),
    # The id of an exchange. Not a foreign key, since the two tables would refer to each other.
    sa.Column("head", sa.Text, nullable=False),
)
exchanges = sa.Table(
    "exchanges",
    _metadata,
    sa.Column("number", sa.Integer, primary_key=True),  # the order of creation
    sa.Column("id", sa.Text, nullable=False, unique=True),
    sa.Column(
        "conversation",
        sa.Text,
        sa.ForeignKey("conversations.id", ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
    sa.Column("after", sa.Text, sa.ForeignKey("exchanges.id", ondelete="CASCADE"), index=True),
    sa.Column("question", sa.Text, nullable=False),
    sa.Column("collection", sa.Text, nullable=False),
    sa.Column("limits", sa.JSON, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("record", sa.JSON(none_as_null=True)),
    sa.Column("why", sa.Text),
    sa.Column("verdict", sa.Text),
    sa.Column("imported", sa.Boolean, nullable=False),
    sa.Column("asked", _UtcTime, nullable=False),
    sa.Column("ended", _UtcTime),
    sa.Column("judged", _UtcTime),
)


def now() -> datetime:
    return datetime.now(UTC)


class Database:
    """The database file. Safe from any thread; other processes may use it at the same time."""

    def __init__(self, home: Path, now: Callable[[], datetime] = now) -> None:
        """Opens nothing yet, so it never fails. `now` gives the time, as an aware datetime."""
        self.path = home / FILE
        self.now = now
        self._write_lock = threading.Lock()  # SQLite's own lock is not fair: one of many writers may starve
        self._open_lock = threading.Lock()
        self._file_id: tuple[int, int] | None = (
            None  # device and inode of the file that the pool is connected to
        )
        serialise = partial(json.dumps, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        # Tracebacks, and so logs, must not contain what people ask.
        how: dict[str, Any] = {"json_serializer": serialise, "hide_parameters": True}
        self._engine = sa.create_engine("sqlite://", creator=self._connect, poolclass=sa.QueuePool, **how)
        # Where the folder is read-only, each connection checks again how the file can be read.
        connect = partial(_connect_read_only, self.path)
        self._read_only = sa.create_engine("sqlite://", creator=connect, poolclass=sa.pool.NullPool, **how)
        self._empty = sa.create_engine("sqlite://", poolclass=sa.pool.NullPool)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection with a consistent snapshot of the tables, which are empty if there is no file.

        Raises `CollectionError` for a file that cannot be read, is damaged, or is from a later version.
        """
        with _translated(self.path):
            if self._exists():
                with self._readers().connect() as db:
                    db.exec_driver_sql("BEGIN")
                    if self._layout(db):
                        yield db
                        return
            with self._empty.connect() as db:
                _metadata.create_all(db)
                yield db

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction: committed at the end of the block, rolled back by an exception.

        Creates the file if needed. Raises `CollectionError` as `reading` does, for a file or folder that
        cannot be written, and for a full disk.
        """
        with _translated(self.path), self._write_lock:
            if not self._exists():
                self._create()
            with self._engine.connect() as db:
                db.exec_driver_sql("BEGIN IMMEDIATE")
                if not self._layout(db):
                    _metadata.create_all(db)
                    db.exec_driver_sql(f"PRAGMA user_version={LAYOUT}")
                yield db
                db.commit()

    def close(self) -> None:
        for engine in (self._engine, self._read_only, self._empty):
            engine.dispose()

    def _connect(self) -> sqlite3.Connection:
        return _prepared(sqlite3.connect(self.path, check_same_thread=False))

    def _readers(self) -> sa.Engine:
        return self._engine if os.access(self.path.parent, os.W_OK) else self._read_only

    def _create(self) -> None:
        private_folder(self.path.parent)
        os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))  # SQLite's other files get the same mode
        self._exists()

    def _exists(self) -> bool:
        """Whether there is a file. If it was replaced, connections to the old one are closed: writes would
        be lost."""
        try:
            found = self.path.stat()
        except FileNotFoundError:
            return False
        with self._open_lock:
            if (file := (found.st_dev, found.st_ino)) != self._file_id:
                self._engine.dispose()
                self._file = file
        return True

    def _layout(self, db: Connection) -> int:
        """The layout version of the open file; 0 for an empty one."""
        layout: int = db.exec_driver_sql("PRAGMA user_version").scalar_one()
        if layout > LAYOUT:
            raise CollectionError(
                f"{self.path} was written by a later version of Clippings (layout {layout}, this version "
                f"reads {LAYOUT}). Use that version, or another folder with --home"
            )
        if layout == 0 and db.exec_driver_sql("SELECT name FROM sqlite_master").first():
            raise CollectionError(
                f"{self.path} is not a Clippings database. Move it elsewhere and start again"
            )
        return layout


def _connect_read_only(path: Path) -> sqlite3.Connection:
    return _prepared(reading(path), changes=False)


def _prepared(connection: sqlite3.Connection, *, changes: bool = True) -> sqlite3.Connection:
    connection.isolation_level = None  # this module starts transactions itself
    connection.execute("PRAGMA busy_timeout=10000")  # milliseconds: another process may be writing
    if changes:
        connection.execute("PRAGMA journal_mode=WAL")  # readers do not wait for writers
        connection.execute("PRAGMA synchronous=FULL")  # commits survive a power failure
    connection.execute("PRAGMA foreign_keys=ON")
    return connection


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except sa_exc.SQLAlchemyError as exc:
        kind, cause = fault(exc)
        messages = {
            "full": f"the disk with {path.parent} is full. Nothing stored is lost. Free some space and retry",
            "busy": f"{path} is being written by another process. Try again in a moment",
            "damaged": f"{path} is damaged ({cause}). Restore a copy of it, or move it elsewhere",
            "read-only": _UNUSABLE.format(path=path, cause=cause),
            "unopened": _UNUSABLE.format(path=path, cause=cause),
            "other": f"{path}: {cause}",
        }
        raise CollectionError(messages[kind], busy=kind == "busy") from exc
    except OSError as exc:
        raise CollectionError(_UNUSABLE.format(path=path, cause=exc.strerror or exc)) from exc
