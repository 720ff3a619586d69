"""Tokens that programs use instead of a password. Each has a name and can be revoked."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from rag.errors import CollectionError, ConfigError
from rag.people import secrets
from rag.people.database import Database, tokens
from rag.people.text import escaped

__all__ = ["Token", "Tokens"]

_PREFIX = "clip_"  # so that people, and scanners for leaked secrets, recognise it
_MAX_NAME_CHARACTERS = 64
_USE_INTERVAL = timedelta(minutes=1)  # how often a use is stored


@dataclass(frozen=True, slots=True)
class Token:
    """A token without its secret. A `read_only` token cannot change articles. `last_used` is exact to a
    minute, and `None` for a token that was never used.
    """

    name: str
    read_only: bool
    created: datetime
    last_used: datetime | None


class Tokens:
    """The tokens of one collection."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, name: str, read_only: bool) -> str:
        """Create a token; its secret, which is not stored and cannot be shown again.

        Raises `ConfigError` for a name that does not have 1 to 64 printable characters, and `CollectionError`
        for one that is in use.
        """
        if not (0 < len(name) <= _MAX_NAME_CHARACTERS and name.isprintable() and name == name.strip()):
            raise ConfigError(
                f"{escaped(name, _MAX_NAME_CHARACTERS)!r} is not a valid token name. Use 1 to "
                f"{_MAX_NAME_CHARACTERS} printable characters, without a space at either end"
            )
        secret = secrets.new(_PREFIX)
        new = {
            "name": name,
            "digest": secrets.digest_of(secret),
            "read_only": read_only,
            "created": self._database.now(),
        }
        with self._database.writing() as db:
            if db.execute(tokens.select().where(tokens.c.name == name)).first():
                raise CollectionError(
                    f"there already is a token {name}. Choose another name, or revoke that one first"
                )
            db.execute(tokens.insert().values(**new))
        return secret

    def find(self, secret: str) -> Token | None:
        """The token with this secret; `None` if it does not exist or was revoked."""
        if not secret.startswith(_PREFIX):
            return None
        this = tokens.c.digest == secrets.digest_of(secret)
        with self._database.reading() as db:
            row = db.execute(tokens.select().where(this)).one_or_none()
        if row is None:
            return None
        now = self._database.now()
        if row.last_used is None or now - row.last_used >= _USE_INTERVAL:
            try:
                with self._database.writing() as db:
                    db.execute(tokens.update().where(this).values(last_used=now))
            except CollectionError as exc:  # a full disk must not lock programs out
                logging.getLogger("clippings").warning("the use of a token could not be stored: %s", exc)
        return _token(row)

    def all(self) -> tuple[Token, ...]:
        """All tokens, by name."""
        with self._database.reading() as db:
            return tuple(_token(row) for row in db.execute(tokens.select().order_by(tokens.c.name)))

    def revoke(self, name: str) -> None:
        """Revoke a token immediately. Raises `CollectionError` where there is no such token."""
        if all(token.name != name for token in self.all()):
            raise CollectionError(
                f"there is no token {escaped(name, _MAX_NAME_CHARACTERS)}. `clippings token list` lists the "
                "tokens"
            )
        with self._database.writing() as db:
            db.execute(tokens.delete().where(tokens.c.name == name))


def _token(row: Any) -> Token:
    return Token(row.name, row.read_only, row.created, row.last_used)
