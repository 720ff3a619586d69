"""Everything that a server stores about its users, in one object."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from rag.people.conversations import Conversations, Quota
from rag.people.database import Database, now
from rag.people.sessions import Sessions
from rag.people.settings import Settings
from rag.people.tokens import Tokens

__all__ = ["People"]


class People:
    """The users' data of one collection. Safe from any thread."""

    def __init__(self, home: Path, *, now: Callable[[], datetime] = now, quota: Quota = Quota()) -> None:
        """Opens nothing until the first use. `now` gives the time, as an aware datetime."""
        self._database = Database(home, now)
        self.sessions = Sessions(self._database)
        self.tokens = Tokens(self._database)
        self.conversations = Conversations(self._database, quota)
        self.settings = Settings(self._database)

    def close(self) -> None:
        self._database.close()
