"""Login sessions: a secret in a browser's cookie stands for an account."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta

from rag.errors import CollectionError
from rag.people import secrets
from rag.people.database import ColumnElement, Database, sessions
from rag.people.text import cleaned

__all__ = ["MAX_AGE", "MAX_IDLE", "Sessions"]

MAX_AGE = timedelta(days=30)  # since the login
MAX_IDLE = timedelta(days=7)  # since the last use
_USE_INTERVAL = timedelta(hours=1)  # how often a use is stored: most requests should write nothing


class Sessions:
    """The sessions of all accounts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def start(self, account: str, fingerprint: str) -> str:
        """Start a session; its secret, of which only the hash is stored. Deletes sessions that have ended.

        `fingerprint` is the account's at the login (`Accounts.fingerprint`). The session ends when it
        changes.
        """
        secret, now = secrets.new(), self._database.now()
        new = {
            "digest": secrets.digest_of(secret) + secrets.digest_of(fingerprint),
            "account": cleaned(account),
            "started": now,
            "used": now,
        }
        with self._database.writing() as db:
            t = sessions.c
            db.execute(sessions.delete().where((t.started <= now - MAX_AGE) | (t.used <= now - MAX_IDLE)))
            db.execute(sessions.insert().values(**new))
        return secret

    def account_of(self, secret: str, fingerprint_of: Callable[[str], str | None]) -> str | None:
        """The account of a session; `None` for an unknown secret or a session that has ended.

        A session ends 30 days after the login, after 7 days without use, and when the account's fingerprint
        changes: the account was removed, or has a new password.
        """
        now, this = self._database.now(), _has_secret(secret)
        with self._database.reading() as db:
            row = db.execute(sessions.select().where(this)).one_or_none()
        if row is None or now - row.started >= MAX_AGE or now - row.used >= MAX_IDLE:
            return None
        fingerprint = fingerprint_of(row.account)
        if fingerprint is None or not row.digest.endswith(secrets.digest_of(fingerprint)):
            return None
        if now - row.used >= _USE_INTERVAL:
            try:
                with self._database.writing() as db:
                    db.execute(sessions.update().where(this).values(used=now))
            except CollectionError as exc:  # a full disk must not log anybody out
                logging.getLogger("clippings").warning("the use of a session could not be stored: %s", exc)
        return str(row.account)

    def end(self, secret: str) -> None:
        """End a session. An unknown one has ended already."""
        self._end(_has_secret(secret))

    def end_all(self, account: str) -> None:
        """End every session of an account."""
        self._end(sessions.c.account == cleaned(account))

    def _end(self, which: ColumnElement[bool]) -> None:
        these = sessions.select().where(which)
        with self._database.reading() as db:
            if db.execute(these).first() is None:
                return  # without writing, so that this works in a read-only folder
        with self._database.writing() as db:
            db.execute(sessions.delete().where(which))


def _has_secret(secret: str) -> ColumnElement[bool]:
    """The condition for the session with a secret. A session's digest is that of its secret, followed by that
    of the account's fingerprint; both have the same length.
    """
    digest = secrets.digest_of(secret)
    return sessions.c.digest.between(digest, digest + b"\xff" * (len(digest) + 1))
