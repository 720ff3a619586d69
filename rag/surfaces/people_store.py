"""Where a server stores conversations and sessions: in the collection's folder, or in a temporary folder
where that cannot be written, as on a read-only or full disk. The temporary folder is deleted when the server
stops.
"""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from rag.errors import CollectionError
from rag.people.conversations import Conversations, ConversationSummary, Exchange, Quota
from rag.people.store import People

__all__ = ["NOT_SAVED", "PeopleStore"]

# Small, and without a reserve, since the disk may be full already.
_TEMPORARY_QUOTA = Quota(owner_bytes=100_000_000, reserve_bytes=0)
NOT_SAVED = "This conversation cannot be saved and is lost when the server stops: "


class PeopleStore:
    """The conversations and sessions of a server. Safe to share between threads."""

    def __init__(self, people: People) -> None:
        self.people = people
        self._lock = threading.Lock()
        self._folder: Path | None = None
        self._temporary: People | None = None
        self._temporary_ids: set[str] = set()  # of its conversations and exchanges

    def conversations(self, id: str | None = None) -> Conversations:
        """The store that has the conversation or exchange with this id."""
        if self._temporary is not None and id in self._temporary_ids:
            return self._temporary.conversations
        return self.people.conversations

    def add_question(
        self,
        owner: str,
        question: str,
        collection: str,
        *,
        conversation: str | None,
        after: str | None,
        limits: Mapping[str, object] | None = None,
    ) -> tuple[Exchange, str]:
        """Store a question as `Conversations.add_question` does. Where that fails, a new temporary
        conversation starts with it, and the second value is a notice for the user.
        """
        try:
            added = self.conversations(conversation or after).add_question(
                owner, question, collection, conversation=conversation, after=after, limits=limits
            )
            if self._temporary is not None and added.conversation in self._temporary_ids:
                self._temporary_ids.add(added.id)
            return added, ""
        except CollectionError as exc:
            if exc.missing:
                raise
            added = self._temporary_people().conversations.add_question(
                owner, question, collection, conversation=None, after=None, limits=limits
            )
            self._temporary_ids |= {added.id, added.conversation}
            return added, f"{NOT_SAVED}{exc}"

    def all(self, owner: str) -> list[ConversationSummary]:
        """The owner's conversations, newest first."""
        temporary = self._temporary.conversations.all(owner) if self._temporary is not None else ()
        return [*temporary, *self.people.conversations.all(owner)]

    def start_session(self, account: str, fingerprint: str) -> str:
        """A new session's secret; see `Sessions.start`."""
        try:
            return self.people.sessions.start(account, fingerprint)
        except CollectionError:
            return self._temporary_people().sessions.start(account, fingerprint)

    def account_of(self, secret: str, fingerprint_of: Callable[[str], str | None]) -> str | None:
        """The account of a session; see `Sessions.account_of`."""
        temporary = self._temporary
        account = temporary.sessions.account_of(secret, fingerprint_of) if temporary is not None else None
        return account or self.people.sessions.account_of(secret, fingerprint_of)

    def end_session(self, secret: str) -> None:
        if self._temporary is not None:
            self._temporary.sessions.end(secret)
        self.people.sessions.end(secret)

    def _temporary_people(self) -> People:
        with self._lock:
            if self._temporary is None:
                self._folder = Path(tempfile.mkdtemp(prefix="clippings-"))
                self._temporary = People(self._folder, quota=_TEMPORARY_QUOTA)
            return self._temporary

    def close(self) -> None:
        with self._lock:
            if self._temporary is not None:
                self._temporary.close()
            if self._folder is not None:
                shutil.rmtree(self._folder, ignore_errors=True)
        self.people.close()
