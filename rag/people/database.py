"""Where people's things are kept: `people.sqlite` in the collection's home, and the tables in it.

A file apart from the catalog, for three reasons. The transaction of a sync holds the catalog for as long as
it writes, and nobody's question should wait for that. A backup of the articles must not carry what people
asked. And the catalog is replaced when a collection is restored, while accounts and conversations stay.

SQLite, through SQLAlchemy Core. The file is made at the first write, readable by its owner only. Reading
where there is no file finds nothing and makes nothing.
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
LAYOUT = 1  # kept as SQLite's user_version; 0 is a file in which nothing has been made yet
Connection = sa.Connection
_UNUSABLE = (
    "what people ask cannot be kept in {path} ({cause}). Check the permissions of the file and of its folder"
)


class _Moment(sa.types.TypeDecorator[datetime]):
    """A moment, kept as text in UTC: such texts sort as the moments do."""

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
    sa.Column("started", _Moment, nullable=False),
    sa.Column("used", _Moment, nullable=False),
)
tokens = sa.Table(
    "tokens",
    _metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("digest", sa.LargeBinary, nullable=False, unique=True),
    sa.Column("read_only", sa.Boolean, nullable=False),
    sa.Column("created", _Moment, nullable=False),
    sa.Column("last_used", _Moment),
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
    sa.Column("number", sa.Integer, primary_key=True),  # in the order in which they were begun
    sa.Column("id", sa.Text, nullable=False, unique=True),
    sa.Column("owner", sa.Text, nullable=False, index=True),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("collection", sa.Text, nullable=False),
    sa.Column("created", _Moment, nullable=False),
    sa.Column("updated", _Moment, nullable=False),
    sa.Column("deleted", _Moment),
    # The id of an exchange. Not a foreign key: the two tables would each need the other to be there first.
    sa.Column("head", sa.Text, nullable=False),
)
exchanges = sa.Table(
    "exchanges",
    _metadata,
    sa.Column("number", sa.Integer, primary_key=True),  # in the order in which they were put
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
    sa.Column("asked", _Moment, nullable=False),
    sa.Column("ended", _Moment),
    sa.Column("judged", _Moment),
)


def now() -> datetime:
    return datetime.now(UTC)


class Database:
    """The file, from any number of threads. Other processes may use it at the same time."""

    def __init__(self, home: Path, now: Callable[[], datetime] = now) -> None:
        """Nothing is opened yet, so this never fails. `now` gives the time, as an aware datetime."""
        self.path = home / FILE
        self.now = now
        self._writer = (
            threading.Lock()
        )  # SQLite's own waiting is not fair: with many writers, one may wait too long
        self._opening = threading.Lock()
        self._file: tuple[int, int] | None = (
            None  # the device and the number of the file that the pool is connected to
        )
        serialise = partial(json.dumps, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        # What people ask does not stand in a traceback, and so in no log.
        how: dict[str, Any] = {"json_serializer": serialise, "hide_parameters": True}
        self._engine = sa.create_engine("sqlite://", creator=self._connect, poolclass=sa.QueuePool, **how)
        # Where nothing can be written beside the file, each connection looks anew at how it can be read.
        shut = partial(_shut, self.path)
        self._shut = sa.create_engine("sqlite://", creator=shut, poolclass=sa.pool.NullPool, **how)
        self._nothing = sa.create_engine("sqlite://", poolclass=sa.pool.NullPool)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection that sees one state of the tables; empty tables where there is no file.

        Raises `CollectionError` for a file that cannot be read, is damaged, or is of a later version of
        Clippings.
        """
        with _translated(self.path):
            if self._there():
                with self._readers().connect() as db:
                    db.exec_driver_sql("BEGIN")
                    if self._layout(db):
                        yield db
                        return
            with self._nothing.connect() as db:
                _metadata.create_all(db)
                yield db

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A connection whose changes are all kept at the end, or none of them where an exception is raised.

        Makes the file where there is none. Raises `CollectionError` as `reading` does, for a file or folder
        that cannot be written to, and for a full disk.
        """
        with _translated(self.path), self._writer:
            if not self._there():
                self._make()
            with self._engine.connect() as db:
                db.exec_driver_sql("BEGIN IMMEDIATE")
                if not self._layout(db):
                    _metadata.create_all(db)
                    db.exec_driver_sql(f"PRAGMA user_version={LAYOUT}")
                yield db
                db.commit()

    def close(self) -> None:
        for engine in (self._engine, self._shut, self._nothing):
            engine.dispose()

    def _connect(self) -> sqlite3.Connection:
        return _prepared(sqlite3.connect(self.path, check_same_thread=False))

    def _readers(self) -> sa.Engine:
        return self._engine if os.access(self.path.parent, os.W_OK) else self._shut

    def _make(self) -> None:
        private_folder(self.path.parent)
        os.close(
            os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600)
        )  # what SQLite lays beside it gets the same mode
        self._there()

    def _there(self) -> bool:
        """Whether there is a file. Where it is another one than before, its connections are left: what is
        written through them would be lost."""
        try:
            found = self.path.stat()
        except FileNotFoundError:
            return False
        with self._opening:
            if (file := (found.st_dev, found.st_ino)) != self._file:
                self._engine.dispose()
                self._file = file
        return True

    def _layout(self, db: Connection) -> int:
        """The layout of the file that is open; 0 where nothing has been made in it."""
        layout: int = db.exec_driver_sql("PRAGMA user_version").scalar_one()
        if layout > LAYOUT:
            raise CollectionError(
                f"{self.path} was written by a later version of Clippings (layout {layout}; this one reads "
                f"{LAYOUT}). "
                "Use that version, or name another folder with --home"
            )
        if layout == 0 and db.exec_driver_sql("SELECT name FROM sqlite_master").first():
            raise CollectionError(
                f"{self.path} is not a file of Clippings. Move it elsewhere, and start again"
            )
        return layout


def _shut(path: Path) -> sqlite3.Connection:
    return _prepared(reading(path), changes=False)


def _prepared(connection: sqlite3.Connection, *, changes: bool = True) -> sqlite3.Connection:
    connection.isolation_level = None  # transactions begin where this module says so
    connection.execute("PRAGMA busy_timeout=10000")  # milliseconds: another process may be writing
    if changes:
        connection.execute("PRAGMA journal_mode=WAL")  # readers go on while somebody writes
        connection.execute("PRAGMA synchronous=FULL")  # a commit that was reported survives a power cut
    connection.execute("PRAGMA foreign_keys=ON")
    return connection


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except sa_exc.SQLAlchemyError as exc:
        kind, cause = fault(exc)
        said = {
            "full": f"the disk that holds {path.parent} is full. What was kept before is safe; free some space and try again",
            "busy": f"{path} is being written by another process. Try again in a moment",
            "damaged": f"{path} is damaged ({cause}). Put a copy of it in its place, or move it elsewhere and start again",
            "read-only": _UNUSABLE.format(path=path, cause=cause),
            "unopened": _UNUSABLE.format(path=path, cause=cause),
            "other": f"{path}: {cause}",
        }
        raise CollectionError(said[kind], busy=kind == "busy") from exc
    except OSError as exc:
        raise CollectionError(_UNUSABLE.format(path=path, cause=exc.strerror or exc)) from exc
