"""What programs show instead of a password: tokens with a name, each of which can be revoked."""

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

_PREFIX = "clip_"  # by which scanners for leaked secrets, and people, know what it is
_LONGEST = 64  # characters of a name
_NOTED = timedelta(minutes=1)  # a use is written down this often


@dataclass(frozen=True, slots=True)
class Token:
    """A token without its secret. With `read_only` it may ask and read but not change articles. `last_used`
    is exact to a minute, and `None` for one that was never used."""

    name: str
    read_only: bool
    created: datetime
    last_used: datetime | None


class Tokens:
    """The tokens of one collection's home."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, name: str, read_only: bool) -> str:
        """A new token's secret. It is not kept, so it can be shown only now.

        Raises `ConfigError` for a name that is not 1 to 64 printable characters, and `CollectionError` for
        one that is taken.
        """
        if not (0 < len(name) <= _LONGEST and name.isprintable() and name == name.strip()):
            raise ConfigError(
                f"{escaped(name, _LONGEST)!r} cannot be a token's name: "
                f"that has 1 to {_LONGEST} printable characters, and no space at either end"
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
                    f"there is a token named {name} already. Choose another name, or revoke that one first"
                )
            db.execute(tokens.insert().values(**new))
        return secret

    def find(self, secret: str) -> Token | None:
        """The token that has this secret; `None` where there is none, or it was revoked."""
        if not secret.startswith(_PREFIX):
            return None
        this = tokens.c.digest == secrets.digest_of(secret)
        with self._database.reading() as db:
            row = db.execute(tokens.select().where(this)).one_or_none()
        if row is None:
            return None
        now = self._database.now()
        if row.last_used is None or now - row.last_used >= _NOTED:
            try:
                with self._database.writing() as db:
                    db.execute(tokens.update().where(this).values(last_used=now))
            except CollectionError as exc:  # no program is shut out because a disk is full
                logging.getLogger("clippings").warning("that a token was used could not be noted: %s", exc)
        return _token(row)

    def all(self) -> tuple[Token, ...]:
        """Every token, by name."""
        with self._database.reading() as db:
            return tuple(_token(row) for row in db.execute(tokens.select().order_by(tokens.c.name)))

    def revoke(self, name: str) -> None:
        """Make a token worthless at once. Raises `CollectionError` where there is none of this name."""
        if all(token.name != name for token in self.all()):
            raise CollectionError(
                f"there is no token named {escaped(name, _LONGEST)}; `clippings token list` lists them"
            )
        with self._database.writing() as db:
            db.execute(tokens.delete().where(tokens.c.name == name))


def _token(row: Any) -> Token:
    return Token(row.name, row.read_only, row.created, row.last_used)
