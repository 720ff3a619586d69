"""All that is kept about people, behind one name."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from rag.people.conversations import Conversations, Room
from rag.people.database import Database, now
from rag.people.sessions import Sessions
from rag.people.settings import Settings
from rag.people.tokens import Tokens

__all__ = ["People"]


class People:
    """All that is kept about people, for one collection's home. Safe from any thread."""

    def __init__(self, home: Path, *, now: Callable[[], datetime] = now, room: Room = Room()) -> None:
        """Opens and makes nothing: that happens at the first use. `now` gives the time, as an aware datetime."""
        self._database = Database(home, now)
        self.sessions = Sessions(self._database)
        self.tokens = Tokens(self._database)
        self.conversations = Conversations(self._database, room)
        self.settings = Settings(self._database)

    def close(self) -> None:
        self._database.close()
