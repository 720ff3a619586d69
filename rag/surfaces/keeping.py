"""Where conversations and sessions are kept: in the collection's folder; and where nothing can be written
there, as on a read-only or a full disk, in a temporary folder that goes with the server, so that the articles
can be asked all the same."""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rag.errors import CollectionError
from rag.people.conversations import Conversations, Exchange, Listed, Room
from rag.people.store import People

__all__ = ["Keeping"]

# As the disk is full already that this is for, it asks for no reserve, and is small.
_PASSING = Room(owner=100_000_000, reserve=0)
NOT_KEPT = "This conversation is not kept, and is gone when the server stops: "


class Keeping:
    """The conversations and sessions of a server. Safe to share between threads."""

    def __init__(self, people: People) -> None:
        self.people = people
        self._lock = threading.Lock()
        self._folder: Path | None = None
        self._passing: People | None = None  # what is not kept
        self._ids: set[str] = set()  # of its conversations and exchanges

    def conversations(self, id: str | None = None) -> Conversations:
        """Where the conversation or the exchange of an id lies."""
        if self._passing is not None and id in self._ids:
            return self._passing.conversations
        return self.people.conversations

    def put(
        self, owner: str, question: str, collection: str, *,
        conversation: str | None, after: str | None, limits: Mapping[str, Any] | None = None,
    ) -> tuple[Exchange, str]:  # fmt: skip
        """Keep a question, as `Conversations.put` does, and what to say where it cannot be kept: a
        conversation that is kept cannot be gone on with then, and another one is begun."""
        try:
            kept = self.conversations(conversation or after).put(
                owner, question, collection, conversation=conversation, after=after, limits=limits
            )
            if self._passing is not None and kept.conversation in self._ids:
                self._ids.add(kept.id)
            return kept, ""
        except CollectionError as exc:
            if exc.missing:
                raise
            passing = self._temporary().conversations
            put = passing.put(owner, question, collection, conversation=None, after=None, limits=limits)
            self._ids |= {put.id, put.conversation}
            return put, f"{NOT_KEPT}{exc}"

    def all(self, owner: str) -> list[Listed]:
        """The owner's conversations, newest first."""
        passing = self._passing.conversations.all(owner) if self._passing is not None else ()
        return [*passing, *self.people.conversations.all(owner)]

    def start_session(self, account: str, mark: str) -> str:
        """A new session's secret, as `Sessions.start` makes it."""
        try:
            return self.people.sessions.start(account, mark)
        except CollectionError:
            return self._temporary().sessions.start(account, mark)

    def account_of(self, secret: str, mark_of: Callable[[str], str | None]) -> str | None:
        """The account that a session stands for, as `Sessions.account_of` says."""
        passing = self._passing.sessions.account_of(secret, mark_of) if self._passing is not None else None
        return passing or self.people.sessions.account_of(secret, mark_of)

    def end_session(self, secret: str) -> None:
        if self._passing is not None:
            self._passing.sessions.end(secret)
        self.people.sessions.end(secret)

    def _temporary(self) -> People:
        with self._lock:
            if self._passing is None:
                self._folder = Path(tempfile.mkdtemp(prefix="clippings-"))
                self._passing = People(self._folder, room=_PASSING)
            return self._passing

    def close(self) -> None:
        with self._lock:
            if self._passing is not None:
                self._passing.close()
            if self._folder is not None:
                shutil.rmtree(self._folder, ignore_errors=True)
        self.people.close()
