"""Who is logged in: a secret in a browser's cookie, and the account it stands for."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

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

    def start(self, account: str, mark: str) -> str:
        """A new session's secret, which is not kept: the browser has to show it again. Forgets sessions that
        have ended.

        `mark` is the account's at the log-in (`Accounts.mark`): the session ends when the account has
        another.
        """
        secret, now = secrets.new(), self._database.now()
        new = {
            "digest": secrets.digest_of(secret) + secrets.digest_of(mark),
            "account": cleaned(account),
            "started": now,
            "used": now,
        }
        with self._database.writing() as db:
            t = sessions.c
            db.execute(sessions.delete().where((t.started <= now - LONGEST) | (t.used <= now - UNUSED)))
            db.execute(sessions.insert().values(**new))
        return secret

    def account_of(self, secret: str, mark_of: Callable[[str], str | None]) -> str | None:
        """The account that a secret stands for; `None` for a secret that is unknown, or whose session has
        ended.

        A session ends 30 days after the log-in, after 7 days without use, and when `mark_of` its account is
        not what it was at the log-in: the account is gone, or its password was changed.
        """
        now, this = self._database.now(), _of(secret)
        with self._database.reading() as db:
            row = db.execute(sessions.select().where(this)).one_or_none()
        if row is None or now - row.started >= LONGEST or now - row.used >= UNUSED:
            return None
        mark = mark_of(row.account)
        if mark is None or not row.digest.endswith(secrets.digest_of(mark)):
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
        self._end(_of(secret))

    def end_all(self, account: str) -> None:
        """End every session of an account."""
        self._end(sessions.c.account == cleaned(account))

    def _end(self, which: Any) -> None:
        these = sessions.select().where(which)
        with self._database.reading() as db:
            if db.execute(these).first() is None:
                return  # so that a folder in which nothing can be written is no obstacle
        with self._database.writing() as db:
            db.execute(sessions.delete().where(which))


def _of(secret: str) -> Any:
    """The condition that a row is the session of a secret. What is kept of one is the secret's digest, and
    after it that of the account's mark; digests are of one length."""
    digest = secrets.digest_of(secret)
    return sessions.c.digest.between(digest, digest + b"\xff" * (len(digest) + 1))
