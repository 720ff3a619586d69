"""Conversations: questions, answers and verdicts, stored by the server.

A conversation is a tree of exchanges. Each exchange follows another one, or is a first one. Shown is the path
from the first exchange to the head. Editing a question or asking it again adds an exchange after the same
predecessor: the earlier one, and all that followed it, stay as another version and can be shown again. Two
tabs that continue from the same exchange also make two versions. Nothing is ever overwritten, or deleted to
make space.

Every method takes the owner: the name of an account, or "" where there are no accounts. To an owner, other
owners' conversations do not exist.

The file is long because one class holds all statements about conversations: every one of them must check the
owner.
"""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from rag.errors import CollectionError, QuestionError
from rag.people import imported
from rag.people.database import Connection, Database, conversations, exchanges
from rag.people.text import cleaned, plain
from rag.people.upgrade import upgraded
from rag.system.files import RESERVE

__all__ = [
    "ANSWERED",
    "ASKED",
    "FAILED",
    "STOPPED",
    "VERDICTS",
    "Conversation",
    "ConversationSummary",
    "Conversations",
    "Exchange",
    "Quota",
    "title_of",
]

ASKED, ANSWERED, STOPPED, FAILED = "asked", "answered", "stopped", "failed"
VERDICTS = ("right", "wrong", "missing")
_MAX_TITLE_CHARACTERS = 60
_MAX_QUESTION_CHARACTERS = 25_000  # the assistant accepts far shorter ones
_ROW_BYTES = 500  # of an exchange besides its texts
_BATCH_SIZE = 100  # exchanges per SQL statement


@dataclass(frozen=True, slots=True)
class Quota:
    """Limits in bytes: the data of one owner, and the free disk space that must remain (or 5 % of the disk,
    if that is less).
    """

    owner_bytes: int = 1_000_000_000  # about fifty thousand answers
    reserve_bytes: int = RESERVE


@dataclass(frozen=True, slots=True)
class Exchange:
    """A question as it was typed, its collection, and its answer.

    `after` is the id of the exchange it follows, `None` for a first one. `limits` has the filters and options
    of the question, as JSON values. `state` is "asked" until it ends. Then it is "answered", with the
    answer's `record`; "stopped"; or "failed", with the error message in `why`. `verdict` is "right", "wrong"
    or "missing". `versions` are the ids of all exchanges with the same predecessor, including this one,
    oldest first. `imported` exchanges come from a browser, and their record was not made by this server.
    """

    id: str
    conversation: str
    after: str | None
    question: str
    collection: str
    limits: dict[str, Any]
    state: str
    record: dict[str, Any] | None
    why: str | None
    verdict: str | None
    imported: bool
    asked: datetime
    ended: datetime | None
    judged: datetime | None
    versions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ConversationSummary:
    """A conversation without its exchanges. `updated` is the time of the last question or answer."""

    id: str
    title: str
    collection: str
    created: datetime
    updated: datetime
    deleted: datetime | None


@dataclass(frozen=True, slots=True)
class Conversation(ConversationSummary):
    """A conversation with the `exchanges` that are shown, from the first to the head."""

    exchanges: tuple[Exchange, ...]


def title_of(question: str) -> str:
    """The initial title of a conversation: its first question, cut at a word.

    >>> title_of("Who struck first?")
    'Who struck first?'
    """
    flat = " ".join(question.split())
    return (
        flat if len(flat) <= _MAX_TITLE_CHARACTERS else f"{flat[:_MAX_TITLE_CHARACTERS].rsplit(' ', 1)[0]} …"
    )


class Conversations:
    """The conversations of all owners.

    Methods raise `CollectionError` for a conversation or exchange that does not exist, is deleted, or belongs
    to another owner.
    """

    def __init__(self, database: Database, quota: Quota = Quota()) -> None:
        self._database, self._quota = database, quota
        self._used: dict[str, int] = {}  # bytes by owner, once counted; changed only while writing

    # Asking

    def add_question(
        self,
        owner: str,
        question: str,
        collection: str,
        *,
        conversation: str | None,
        after: str | None,
        limits: Mapping[str, object] | None = None,
    ) -> Exchange:
        """Store a question before it is answered, and make it the head. Without `conversation` it starts a
        new one.

        `after` is the exchange it follows; `None` makes it a first exchange, or another version of it. Raises
        `QuestionError` for a question that is empty or longer than 25,000 characters, and `CollectionError`
        where the quota is exceeded.
        """
        if not question.strip():
            raise QuestionError("the question is empty. Enter one")
        if len(question) > _MAX_QUESTION_CHARACTERS:
            raise QuestionError(
                f"the question is longer than {_MAX_QUESTION_CHARACTERS:,} characters. Shorten it"
            )
        kept = plain(limits or {})
        with self._database.writing() as db:
            now = self._database.now()
            self._use_quota(
                db, owner, _ROW_BYTES + _bytes(question) + _bytes(json.dumps(kept, ensure_ascii=False))
            )
            if conversation is None:
                if after is not None:
                    raise _unknown()
                conversation = _insert_conversation(
                    db, secrets.token_hex(8), owner, title_of(question), collection, now
                )
            else:
                _conversation(db, owner, conversation)
                if after is not None and _exchange(db, owner, after).conversation != conversation:
                    raise _unknown()
            new = _insert_exchange(
                db, conversation, after, question, collection, now, state=ASKED, limits=kept
            )
            _set_head(db, conversation, new, now)
            return _read(db, _exchange(db, owner, new))

    def answer(self, owner: str, exchange_id: str, record: Mapping[str, Any]) -> Exchange:
        """Store an answer, unless there is one already. A stopped or failed exchange can still be answered.

        This works in a deleted conversation too, since it may be restored, and beyond the quota, since the
        question was accepted. Raises `ValueError` for a record that is not JSON.
        """
        kept = plain(record)
        return self._end(owner, exchange_id, (ASKED, STOPPED, FAILED), state=ANSWERED, record=kept, why=None)

    def fail(self, owner: str, exchange_id: str, why: str) -> Exchange:
        """Store the reason why there is no answer, unless the exchange has ended already."""
        return self._end(owner, exchange_id, (ASKED,), state=FAILED, why=cleaned(why))

    def stop(self, owner: str, exchange_id: str) -> Exchange:
        """Mark as stopped by the user, unless the exchange has ended already."""
        return self._end(owner, exchange_id, (ASKED,), state=STOPPED)

    def _end(self, owner: str, exchange_id: str, states: tuple[str, ...], **what: Any) -> Exchange:
        with self._database.writing() as db:
            row = _exchange(db, owner, exchange_id, deleted_too=True)
            if row.state in states:
                now = self._database.now()
                db.execute(exchanges.update().where(exchanges.c.id == row.id).values(**what, ended=now))
                db.execute(
                    conversations.update().where(conversations.c.id == row.conversation).values(updated=now)
                )
                if owner in self._used:
                    self._used[owner] += _bytes(json.dumps(what.get("record"), ensure_ascii=False))
            return _read(db, _exchange(db, owner, row.id, deleted_too=True))

    def interrupted(self, why: str) -> int:
        """Mark all unanswered exchanges as failed, of every owner; returns their number. For the start of
        a server."""
        pending = exchanges.c.state == ASKED
        with self._database.reading() as db:
            if db.execute(exchanges.select().where(pending)).first() is None:
                return 0
        with self._database.writing() as db:
            now = self._database.now()
            done = db.execute(
                exchanges.update().where(pending).values(state=FAILED, why=cleaned(why), ended=now)
            )
            return done.rowcount

    # Reading

    def exchange(self, owner: str, exchange_id: str) -> Exchange:
        """One exchange, of the shown version or another."""
        with self._database.reading() as db:
            return _read(db, _exchange(db, owner, exchange_id))

    def before(self, owner: str, exchange_id: str) -> tuple[Exchange, ...]:
        """The exchanges before this one, oldest first."""
        with self._database.reading() as db:
            row = _exchange(db, owner, exchange_id)
            return _path(db, _tree(db, row.conversation), row.after)

    def shown(self, owner: str, conversation_id: str) -> Conversation:
        """A conversation with its exchanges from the first to the head."""
        with self._database.reading() as db:
            return _shown(db, _conversation(db, owner, conversation_id))

    def all(self, owner: str, *, deleted: bool = False) -> tuple[ConversationSummary, ...]:
        """The owner's conversations, newest first by `updated`; with `deleted`, those that can be
        restored."""
        t = conversations.c
        wanted = (t.owner == cleaned(owner)) & (t.deleted.is_not(None) if deleted else t.deleted.is_(None))
        newest_first = conversations.select().where(wanted).order_by(t.updated.desc(), t.number.desc())
        with self._database.reading() as db:
            return tuple(ConversationSummary(**_facts(row)) for row in db.execute(newest_first))

    def show_version(self, owner: str, exchange_id: str) -> Conversation:
        """Show this exchange instead of its other versions, with what followed it most recently."""
        with self._database.writing() as db:
            row = _exchange(db, owner, exchange_id)
            follows = _tree(db, row.conversation)
            below = {row.id}
            newest = row.id
            for id, after in follows.items():  # in the order of creation: what follows comes later
                if after in below:
                    below.add(id)
                    newest = id  # at the end a leaf, since whatever follows it is newer
            db.execute(
                conversations.update().where(conversations.c.id == row.conversation).values(head=newest)
            )
            return _shown(db, _conversation(db, owner, row.conversation))

    # Changing

    def rename(self, owner: str, conversation_id: str, title: str) -> None:
        """Rename a conversation; `title_of` cuts the title. Raises `QuestionError` for an empty title."""
        new = title_of(cleaned(title))
        if not new:
            raise QuestionError("the title is empty. Enter one")
        self._change(owner, conversation_id, title=new)

    def delete(self, owner: str, conversation_id: str) -> None:
        """Delete a conversation. It can be restored until it is purged."""
        self._change(owner, conversation_id, deleted=self._database.now())

    def restore(self, owner: str, conversation_id: str) -> None:
        """Restore a deleted conversation; any other one stays as it is."""
        self._change(owner, conversation_id, deleted_too=True, deleted=None)

    def _change(self, owner: str, conversation_id: str, *, deleted_too: bool = False, **what: Any) -> None:
        with self._database.writing() as db:
            row = _conversation(db, owner, conversation_id, deleted_too=deleted_too)
            db.execute(conversations.update().where(conversations.c.id == row.id).values(**what))

    def purge(self, before: datetime) -> int:
        """Delete permanently, of every owner, the conversations that were deleted before; returns their
        number."""
        gone = conversations.c.deleted < before
        with self._database.reading() as db:
            if db.execute(conversations.select().where(gone)).first() is None:
                return 0
        with self._database.writing() as db:
            self._used.clear()  # count again
            return db.execute(conversations.delete().where(gone)).rowcount

    def _use_quota(self, db: Connection, owner: str, size: int) -> None:
        """Count bytes that an owner is about to store. Raises `CollectionError` where the quota is
        exceeded."""
        if owner not in self._used:
            self._used[owner] = _used_by(db, owner)
        if self._used[owner] + size > self._quota.owner_bytes:
            raise CollectionError(
                f"your conversations have reached the limit of {self._quota.owner_bytes // 1_000_000:,} MB. "
                "Delete some; the space is free when they are deleted permanently, after a month"
            )
        usage = shutil.disk_usage(self._database.path.parent)
        if usage.free - size < (reserve := min(self._quota.reserve_bytes, usage.total // 20)):
            raise CollectionError(
                f"the disk is nearly full: {reserve // 1_000_000:,} MB must stay free. Free some space"
            )
        self._used[owner] += size

    # Verdicts

    def judge(self, owner: str, exchange_id: str, verdict: str) -> Exchange:
        """Store the owner's verdict on an answer, in place of an earlier one.

        Raises `QuestionError` for a verdict that is not in `VERDICTS`, for an exchange without an answer, and
        for an imported one.
        """
        if verdict not in VERDICTS:
            raise QuestionError(f"the verdict must be one of {', '.join(VERDICTS)}")
        with self._database.writing() as db:
            row = _exchange(db, owner, exchange_id)
            if row.imported:
                raise QuestionError(
                    "this answer was imported, so it cannot be rated. Ask again, and rate the new answer"
                )
            if row.state != ANSWERED:
                raise QuestionError("there is no answer to rate yet. Wait for it")
            now = self._database.now()
            db.execute(exchanges.update().where(exchanges.c.id == row.id).values(verdict=verdict, judged=now))
            return _read(db, _exchange(db, owner, row.id))

    def verdicts(self) -> Iterator[Exchange]:
        """All rated exchanges of all owners that are not deleted or imported, in the order of asking."""
        t, last = exchanges.c, 0
        kept = (
            conversations.select()
            .where(conversations.c.deleted.is_(None))
            .with_only_columns(conversations.c.id)
        )
        judged = t.verdict.is_not(None) & t.imported.is_(False) & t.conversation.in_(kept)
        while True:
            with self._database.reading() as db:  # not while the caller works: SQLite's log would grow
                some = db.execute(
                    exchanges.select().where(judged & (t.number > last)).order_by(t.number).limit(_BATCH_SIZE)
                ).all()
                found = [_read(db, row) for row in some]
            yield from found
            if len(some) < _BATCH_SIZE:
                return
            last = some[-1].number

    # Importing from the browser

    def import_from_browser(self, owner: str, stored: object) -> int:
        """Import conversations that an earlier version stored in the browser; returns how many are new.

        A conversation is imported only once, even if it was deleted since. Malformed entries are skipped and
        their number is logged. Raises `QuestionError` for more than 1,000 conversations or 10 MB, and
        `CollectionError` where the quota is exceeded; those before it stay.
        """
        found, malformed = imported.conversations(stored)
        new = 0
        for conversation in reversed(found):  # the newest comes first
            new += self._import(owner, conversation)
        imported.log_malformed(malformed)
        return new

    def _import(self, owner: str, held: imported.BrowserConversation) -> bool:
        id = imported.id_of(owner, held.id)
        with self._database.writing() as db:
            if db.execute(conversations.select().where(conversations.c.id == id)).first():
                return False
            self._use_quota(db, owner, sum(_size(e) for e in held.exchanges))
            now, last = self._database.now(), None
            collection = held.exchanges[0].collection
            _insert_conversation(
                db, id, owner, title_of(held.title) or title_of(held.exchanges[0].question), collection, now
            )
            for e in held.exchanges:
                last = _insert_exchange(
                    db, id, last, e.question, e.collection, now,
                    state=ANSWERED, record=e.record, verdict=e.verdict, imported=True, ended=now,
                )  # fmt: skip
                _set_head(db, id, last, now)
        return True


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def _size(held: imported.BrowserExchange) -> int:
    return _ROW_BYTES + _bytes(held.question) + _bytes(json.dumps(held.record, ensure_ascii=False))


def _used_by(db: Connection, owner: str) -> int:
    """The bytes of an owner's exchanges, including deleted conversations."""
    found = db.exec_driver_sql(
        "SELECT total(? + length(CAST(e.question AS BLOB)) + length(CAST(e.limits AS BLOB)) + "
        "coalesce(length(CAST(e.record AS BLOB)), 0)) FROM exchanges e JOIN conversations c ON "
        "e.conversation = c.id WHERE c.owner = ?",
        (_ROW_BYTES, cleaned(owner)),
    )
    return int(found.scalar_one())


def _insert_conversation(
    db: Connection, id: str, owner: str, title: str, collection: str, now: datetime
) -> str:
    """Add an empty conversation; its id."""
    facts = {
        "title": cleaned(title),
        "collection": cleaned(collection),
        "created": now,
        "updated": now,
        "head": "",
    }
    db.execute(conversations.insert().values(id=id, owner=cleaned(owner), **facts))
    return id


def _insert_exchange(
    db: Connection,
    conversation: str,
    after: str | None,
    question: str,
    collection: str,
    now: datetime,
    **what: Any,
) -> str:
    """Add an exchange; its id."""
    id = secrets.token_hex(8)
    put = {
        "question": cleaned(question),
        "collection": cleaned(collection),
        "asked": now,
        "imported": False,
        "limits": {},
        **what,
    }
    db.execute(exchanges.insert().values(id=id, conversation=conversation, after=after, **put))
    return id


def _set_head(db: Connection, conversation: str, head: str, now: datetime) -> None:
    db.execute(
        conversations.update().where(conversations.c.id == conversation).values(head=head, updated=now)
    )


def _unknown() -> CollectionError:
    return CollectionError(
        "this conversation does not exist. It may have been deleted; start a new one", missing=True
    )


def _conversation(db: Connection, owner: str, id: str, *, deleted_too: bool = False) -> Any:
    t = conversations.c
    row = db.execute(
        conversations.select().where((t.id == cleaned(id)) & (t.owner == cleaned(owner)))
    ).one_or_none()
    if row is None or (row.deleted and not deleted_too):
        raise _unknown()
    return row


def _exchange(db: Connection, owner: str, id: str, *, deleted_too: bool = False) -> Any:
    row = db.execute(exchanges.select().where(exchanges.c.id == cleaned(id))).one_or_none()
    if row is None:
        raise _unknown()
    _conversation(db, owner, row.conversation, deleted_too=deleted_too)
    return row


def _tree(db: Connection, conversation: str) -> dict[str, str | None]:
    """The predecessor of each exchange of a conversation, in the order of creation."""
    t = exchanges.c
    these = (
        exchanges.select()
        .where(t.conversation == conversation)
        .order_by(t.number)
        .with_only_columns(t.id, t.after)
    )
    return {row.id: row.after for row in db.execute(these)}


def _shown(db: Connection, row: Any) -> Conversation:
    return Conversation(**_facts(row), exchanges=_path(db, _tree(db, row.id), row.head))


def _path(db: Connection, follows: Mapping[str, str | None], last: str | None) -> tuple[Exchange, ...]:
    """The exchanges from the first one to `last`."""
    beside: dict[str | None, list[str]] = {}
    for id, after in follows.items():
        beside.setdefault(after, []).append(id)
    path: list[str] = []
    while last is not None:
        path.append(last)
        last = follows[last]
    path.reverse()
    rows: dict[str, Any] = {}
    for start in range(0, len(path), _BATCH_SIZE):  # SQLite takes a limited number of values in one statement
        some = exchanges.select().where(exchanges.c.id.in_(path[start : start + _BATCH_SIZE]))
        rows.update({found.id: found for found in db.execute(some)})
    return tuple(_made(rows[id], beside[follows[id]]) for id in path)


def _facts(row: Any) -> dict[str, Any]:
    return {field.name: getattr(row, field.name) for field in fields(ConversationSummary)}


def _read(db: Connection, row: Any) -> Exchange:
    t = exchanges.c
    same = t.after == row.after if row.after else t.after.is_(None)
    beside = (
        exchanges.select()
        .where((t.conversation == row.conversation) & same)
        .order_by(t.number)
        .with_only_columns(t.id)
    )
    return _made(row, db.execute(beside).scalars())


def _made(row: Any, versions: Iterable[str]) -> Exchange:
    record = upgraded(row.record) if row.record else None
    return Exchange(
        row.id, row.conversation, row.after, row.question, row.collection, row.limits, row.state, record,
        row.why, row.verdict, row.imported, row.asked, row.ended, row.judged, tuple(versions),
    )  # fmt: skip
