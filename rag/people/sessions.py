"""Who is logged in: a secret in a browser's cookie, and the account it stands for."""

from __future__ import annotations

import logging
from datetime import timedelta

from rag.errors import CollectionError
from rag.people import secrets
from rag.people.database import Database, sessions
from rag.people.text import cleaned

__all__ = ["LONGEST", "UNUSED", "Sessions"]

LONGEST = timedelta(days=30)  # from the log-in
UNUSED = timedelta(days=7)  # from the last use
_NOTED = timedelta(hours=1)  # a use is written down this often: most requests should write nothing


class Sessions:
    """The sessions of all accounts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def start(self, account: str) -> str:
        """A new session's secret, which is not kept: the browser has to show it again. Forgets sessions that have ended."""
        secret, now = secrets.new(), self._database.now()
        new = {"digest": secrets.digest_of(secret), "account": cleaned(account), "started": now, "used": now}
        with self._database.writing() as db:
            t = sessions.c
            db.execute(sessions.delete().where((t.started <= now - LONGEST) | (t.used <= now - UNUSED)))
            db.execute(sessions.insert().values(**new))
        return secret

    def account_of(self, secret: str) -> str | None:
        """The account that a secret stands for; `None` for a secret that is unknown, or whose session has ended.

        A session ends 30 days after the log-in, and after 7 days without use. Whether the account still exists is for the
        caller to look up.
        """
        digest, now = secrets.digest_of(secret), self._database.now()
        this = sessions.c.digest == digest
        with self._database.reading() as db:
            row = db.execute(sessions.select().where(this)).one_or_none()
        if row is None or now - row.started >= LONGEST or now - row.used >= UNUSED:
            return None
        if now - row.used >= _NOTED:
            try:
                with self._database.writing() as db:
                    db.execute(sessions.update().where(this).values(used=now))
            except CollectionError as exc:  # nobody is logged out because a disk is full
                logging.getLogger("clippings").warning("that a session was used could not be noted: %s", exc)
        return str(row.account)

    def end(self, secret: str) -> None:
        """End a session; one that is unknown has ended already."""
        self._end(digest=secrets.digest_of(secret))

    def end_all(self, account: str) -> None:
        """End every session of an account."""
        self._end(account=cleaned(account))

    def _end(self, **which: bytes | str) -> None:
        these = sessions.select().filter_by(**which)
        with self._database.reading() as db:
            if db.execute(these).first() is None:
                return  # so that a folder in which nothing can be written is no obstacle
        with self._database.writing() as db:
            db.execute(sessions.delete().filter_by(**which))
