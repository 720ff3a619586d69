"""What people asked, what they were answered, and what they said of it, kept by the server.

A conversation is a tree of exchanges. Each follows another, or none; what is shown is the path from the first
to the head. Editing a question, or asking it again, puts a new exchange after the same one as before: the
earlier exchange and all that followed it stay as another version, and can be shown again. Two tabs that go on
from the same exchange make two versions likewise. Nothing that was put is overwritten, or dropped to make
room.

Every method takes the owner: an account's name, or "" where there are no accounts. What belongs to somebody
else is treated as if it did not exist.
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
from rag.system.files import RESERVE

__all__ = [
    "ANSWERED",
    "ASKED",
    "FAILED",
    "STOPPED",
    "VERDICTS",
    "Conversation",
    "Conversations",
    "Exchange",
    "Listed",
    "Room",
    "title_of",
]

ASKED, ANSWERED, STOPPED, FAILED = "asked", "answered", "stopped", "failed"
VERDICTS = ("right", "wrong", "missing")
_TITLE = 60  # characters
_LONGEST = 25_000  # characters of a question; those that can be answered are far shorter
_ROW = 500  # bytes that an exchange takes beside its texts
_AT_ONCE = 100  # exchanges that `verdicts` reads at a time


@dataclass(frozen=True, slots=True)
class Room:
    """How much is kept, in bytes: of one owner, and until no more than `reserve` of the disk is free, or a
    twentieth of it where that is less."""

    owner: int = 1_000_000_000  # some fifty thousand answers
    reserve: int = RESERVE


@dataclass(frozen=True, slots=True)
class Exchange:
    """A question as it was typed, the collection it was put to, and what came of it.

    `after` is the id of the exchange it follows, `None` for a first one. `limits` are JSON values of the
    surface that put it: what the evidence was limited to. `state` is "asked" until it ends: then "answered",
    with the answer's `record`; or "stopped"; or "failed", and `why` is the sentence that says so. `verdict`
    is "right", "wrong" or "missing". `versions` are the ids of all exchanges that follow the same one, itself
    included, the oldest first. `imported` is true for what a browser had kept: its record was not made here.
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
class Listed:
    """A conversation without what was said in it. `updated` is when something was last asked or answered."""

    id: str
    title: str
    collection: str
    created: datetime
    updated: datetime
    deleted: datetime | None


@dataclass(frozen=True, slots=True)
class Conversation(Listed):
    """A conversation as it is shown: `exchanges` are the path from the first to the head."""

    exchanges: tuple[Exchange, ...]


def title_of(question: str) -> str:
    """What a conversation is called until it is renamed: its first question, cut at a word.

    >>> title_of("Who struck first?")
    'Who struck first?'
    """
    flat = " ".join(question.split())
    return flat if len(flat) <= _TITLE else f"{flat[:_TITLE].rsplit(' ', 1)[0]} …"


class Conversations:
    """The conversations of all owners.

    Every method that names a conversation or an exchange raises `CollectionError` where this owner has none
    such: also for one that is another owner's, or is deleted.
    """

    def __init__(self, database: Database, room: Room = Room()) -> None:
        self._database, self._room = database, room
        self._kept: dict[str, int] = {}  # bytes by owner, once they were counted; touched by who is writing

    # Asking

    def put(
        self,
        owner: str,
        question: str,
        collection: str,
        *,
        conversation: str | None,
        after: str | None,
        limits: Mapping[str, Any] | None = None,
    ) -> Exchange:
        """Keep a question before it is answered, and make it the head; without `conversation`, in a new one.

        `after` is the exchange it follows; `None` makes it a first one, beside the other first ones of the
        conversation. `limits` are kept as they are. Raises `QuestionError` for a question that is empty or
        longer than 25,000 characters, and `CollectionError` where there is no room for more.
        """
        if not question.strip():
            raise QuestionError("the question is empty. Type one")
        if len(question) > _LONGEST:
            raise QuestionError(f"the question is longer than {_LONGEST:,} characters. Ask it in fewer words")
        kept = plain(limits or {})
        with self._database.writing() as db:
            now = self._database.now()
            self._take_room(db, owner, _ROW + _bytes(question) + _bytes(json.dumps(kept, ensure_ascii=False)))
            if conversation is None:
                if after is not None:
                    raise _unknown()
                conversation = _begin(db, secrets.token_hex(8), owner, title_of(question), collection, now)
            else:
                _conversation(db, owner, conversation)
                if after is not None and _exchange(db, owner, after).conversation != conversation:
                    raise _unknown()
            new = _add(db, conversation, after, question, collection, now, state=ASKED, limits=kept)
            _shown_last(db, conversation, new, now)
            return _read(db, _exchange(db, owner, new))

    def answer(self, owner: str, exchange_id: str, record: Mapping[str, Any]) -> Exchange:
        """Keep an answer. One that has been answered keeps the answer it has; one that was stopped or failed
        gets this one.

        Also in a conversation that was deleted meanwhile: it may be taken back. It is never refused for want
        of room: the question had some, and gets one answer. Raises `ValueError` for a record that is not of
        JSON's values.
        """
        kept = plain(record)
        return self._end(owner, exchange_id, (ASKED, STOPPED, FAILED), state=ANSWERED, record=kept, why=None)

    def fail(self, owner: str, exchange_id: str, why: str) -> Exchange:
        """Keep the sentence that says why there is no answer, unless it has ended already. Otherwise as
        `answer`.
        """
        return self._end(owner, exchange_id, (ASKED,), state=FAILED, why=cleaned(why))

    def stop(self, owner: str, exchange_id: str) -> Exchange:
        """Note that the asker stopped it, unless it has ended already. Otherwise as `answer`."""
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
                if owner in self._kept:
                    self._kept[owner] += _bytes(json.dumps(what.get("record"), ensure_ascii=False))
            return _read(db, _exchange(db, owner, row.id, deleted_too=True))

    def interrupted(self, why: str) -> int:
        """Mark as failed every owner's exchanges that nobody is answering any more; how many there were.

        For the start of the one server of a collection. An answer that comes all the same is kept.
        """
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

    # Looking

    def exchange(self, owner: str, exchange_id: str) -> Exchange:
        """One exchange, whether it is shown or an earlier version."""
        with self._database.reading() as db:
            return _read(db, _exchange(db, owner, exchange_id))

    def before(self, owner: str, exchange_id: str) -> tuple[Exchange, ...]:
        """What an exchange follows, whether it is shown or not, the first one first."""
        with self._database.reading() as db:
            row = _exchange(db, owner, exchange_id)
            return _path(db, _tree(db, row.conversation), row.after)

    def shown(self, owner: str, conversation_id: str) -> Conversation:
        """A conversation with the exchanges from its first to its head."""
        with self._database.reading() as db:
            return _shown(db, _conversation(db, owner, conversation_id))

    def all(self, owner: str, *, deleted: bool = False) -> tuple[Listed, ...]:
        """The owner's conversations, or those that are deleted but not yet purged; the newest by `updated`
        first.
        """
        t = conversations.c
        wanted = (t.owner == cleaned(owner)) & (t.deleted.is_not(None) if deleted else t.deleted.is_(None))
        newest_first = conversations.select().where(wanted).order_by(t.updated.desc(), t.number.desc())
        with self._database.reading() as db:
            return tuple(Listed(**_facts(row)) for row in db.execute(newest_first))

    def show_version(self, owner: str, exchange_id: str) -> Conversation:
        """Show this exchange instead of the other versions, with what followed it last."""
        with self._database.writing() as db:
            row = _exchange(db, owner, exchange_id)
            follows = _tree(db, row.conversation)
            below = {row.id}
            newest = row.id
            for id, after in follows.items():  # in the order in which they were put: what follows comes later
                if after in below:
                    below.add(id)
                    newest = id  # a leaf, in the end: whatever followed it would have been put later still
            db.execute(
                conversations.update().where(conversations.c.id == row.conversation).values(head=newest)
            )
            return _shown(db, _conversation(db, owner, row.conversation))

    # Keeping order

    def rename(self, owner: str, conversation_id: str, title: str) -> None:
        """Give a conversation another title, cut as `title_of` does. Raises `QuestionError` for an empty one."""
        new = title_of(cleaned(title))
        if not new:
            raise QuestionError("the title is empty. Type one")
        self._change(owner, conversation_id, title=new)

    def delete(self, owner: str, conversation_id: str) -> None:
        """Put a conversation aside. It can be taken back until it is purged."""
        self._change(owner, conversation_id, deleted=self._database.now())

    def undelete(self, owner: str, conversation_id: str) -> None:
        """Take a conversation back; one that is not deleted stays as it is."""
        self._change(owner, conversation_id, deleted_too=True, deleted=None)

    def _change(self, owner: str, conversation_id: str, *, deleted_too: bool = False, **what: Any) -> None:
        with self._database.writing() as db:
            row = _conversation(db, owner, conversation_id, deleted_too=deleted_too)
            db.execute(conversations.update().where(conversations.c.id == row.id).values(**what))

    def purge(self, before: datetime) -> int:
        """Remove for good, of every owner, what was deleted before this moment; how many conversations that
        were.
        """
        gone = conversations.c.deleted < before
        with self._database.reading() as db:
            if db.execute(conversations.select().where(gone)).first() is None:
                return 0
        with self._database.writing() as db:
            self._kept.clear()  # to be counted again
            return db.execute(conversations.delete().where(gone)).rowcount

    def _take_room(self, db: Connection, owner: str, size: int) -> None:
        """Count what an owner is about to keep. Raises `CollectionError` where there is no room for it."""
        if owner not in self._kept:
            self._kept[owner] = _kept_of(db, owner)
        if self._kept[owner] + size > self._room.owner:
            raise CollectionError(
                f"what you have asked fills {self._room.owner // 1_000_000:,} MB, the most that is kept for "
                f"one reader. Delete "
                "conversations: those that are deleted make room when they are gone for good, a month later"
            )
        usage = shutil.disk_usage(self._database.path.parent)
        if usage.free - size < (reserve := min(self._room.reserve, usage.total // 20)):
            raise CollectionError(
                f"the disk is nearly full: {reserve // 1_000_000:,} MB of it must stay free. Free some space"
            )
        self._kept[owner] += size

    # Judging

    def judge(self, owner: str, exchange_id: str, verdict: str) -> Exchange:
        """Keep what the owner says of an answer, in place of what they said before.

        Raises `QuestionError` for another verdict than `VERDICTS`, for what has no answer, and for an answer
        that was not given here.
        """
        if verdict not in VERDICTS:
            raise QuestionError(f"a verdict is one of {', '.join(VERDICTS)}")
        with self._database.writing() as db:
            row = _exchange(db, owner, exchange_id)
            if row.imported:
                raise QuestionError(
                    "this answer was not given here, so it cannot be judged. Ask again, and judge that answer"
                )
            if row.state != ANSWERED:
                raise QuestionError("there is no answer to judge yet")
            now = self._database.now()
            db.execute(exchanges.update().where(exchanges.c.id == row.id).values(verdict=verdict, judged=now))
            return _read(db, _exchange(db, owner, row.id))

    def verdicts(self) -> Iterator[Exchange]:
        """Every exchange of every owner that was judged here and is not deleted, in the order of asking: for
        evaluation.
        """
        t, last = exchanges.c, 0
        kept = (
            conversations.select()
            .where(conversations.c.deleted.is_(None))
            .with_only_columns(conversations.c.id)
        )
        judged = t.verdict.is_not(None) & t.imported.is_(False) & t.conversation.in_(kept)
        while True:
            with (
                self._database.reading() as db
            ):  # not for as long as the caller takes: the log could not be cleared up
                some = db.execute(
                    exchanges.select().where(judged & (t.number > last)).order_by(t.number).limit(_AT_ONCE)
                ).all()
                found = [_read(db, row) for row in some]
            yield from found
            if len(some) < _AT_ONCE:
                return
            last = some[-1].number

    # What browsers kept

    def take_over(self, owner: str, shelf: object) -> int:
        """Keep the conversations that a browser kept before the server did; how many of them are new.

        One that was taken over before is passed over, also after it was deleted. What is not as a browser
        kept it is left out, and the log says how much that was. Raises `QuestionError` for more than 1,000
        conversations or 10 MB, and `CollectionError` where there is no room for more: those before are kept,
        and passed over the next time.
        """
        held, malformed = imported.conversations(shelf)
        taken = 0
        for conversation in reversed(held):  # the newest is the first on the shelf
            taken += self._take_over(owner, conversation)
        imported.report(malformed)
        return taken

    def _take_over(self, owner: str, held: imported.Held) -> bool:
        id = imported.id_of(owner, held.id)
        with self._database.writing() as db:
            if db.execute(conversations.select().where(conversations.c.id == id)).first():
                return False
            self._take_room(db, owner, sum(_size(e) for e in held.exchanges))
            now, last = self._database.now(), None
            collection = held.exchanges[0].collection
            _begin(
                db, id, owner, title_of(held.title) or title_of(held.exchanges[0].question), collection, now
            )
            for e in held.exchanges:
                last = _add(
                    db, id, last, e.question, e.collection, now,
                    state=ANSWERED, record=e.record, verdict=e.verdict, imported=True, ended=now,
                )  # fmt: skip
                _shown_last(db, id, last, now)
        return True


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def _size(held: imported.HeldExchange) -> int:
    return _ROW + _bytes(held.question) + _bytes(json.dumps(held.record, ensure_ascii=False))


def _kept_of(db: Connection, owner: str) -> int:
    """The bytes that an owner's exchanges take, those of deleted conversations too."""
    found = db.exec_driver_sql(
        "SELECT total(? + length(CAST(e.question AS BLOB)) + length(CAST(e.limits AS BLOB)) "
        "+ coalesce(length(CAST(e.record AS BLOB)), 0)) "
        "FROM exchanges e JOIN conversations c ON e.conversation = c.id WHERE c.owner = ?",
        (_ROW, cleaned(owner)),
    )
    return int(found.scalar_one())


def _begin(db: Connection, id: str, owner: str, title: str, collection: str, now: datetime) -> str:
    """A new conversation, in which nothing is asked yet; its id."""
    facts = {
        "title": cleaned(title),
        "collection": cleaned(collection),
        "created": now,
        "updated": now,
        "head": "",
    }
    db.execute(conversations.insert().values(id=id, owner=cleaned(owner), **facts))
    return id


def _add(
    db: Connection,
    conversation: str,
    after: str | None,
    question: str,
    collection: str,
    now: datetime,
    **what: Any,
) -> str:
    """A new exchange; its id."""
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


def _shown_last(db: Connection, conversation: str, head: str, now: datetime) -> None:
    db.execute(
        conversations.update().where(conversations.c.id == conversation).values(head=head, updated=now)
    )


def _unknown() -> CollectionError:
    return CollectionError(
        "there is no such conversation. It may have been deleted; begin a new one", missing=True
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
    """What each exchange of a conversation follows, in the order in which they were put."""
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
    """The exchanges from the first to `last`."""
    beside: dict[str | None, list[str]] = {}
    for id, after in follows.items():
        beside.setdefault(after, []).append(id)
    path: list[str] = []
    while last is not None:
        path.append(last)
        last = follows[last]
    path.reverse()
    rows: dict[str, Any] = {}
    for start in range(0, len(path), _AT_ONCE):  # SQLite takes a limited number of values in one statement
        some = exchanges.select().where(exchanges.c.id.in_(path[start : start + _AT_ONCE]))
        rows.update({found.id: found for found in db.execute(some)})
    return tuple(_made(rows[id], beside[follows[id]]) for id in path)


def _facts(row: Any) -> dict[str, Any]:
    return {field.name: getattr(row, field.name) for field in fields(Listed)}


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
    return Exchange(
        row.id, row.conversation, row.after, row.question, row.collection, row.limits, row.state, row.record, row.why,
        row.verdict, row.imported, row.asked, row.ended, row.judged, tuple(versions),
    )  # fmt: skip
