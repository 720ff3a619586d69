"""The preferences of the page's users."""

from __future__ import annotations

from rag.errors import ConfigError
from rag.people.database import Database, settings
from rag.people.text import cleaned

__all__ = ["NAMES", "Settings"]

NAMES = ("collection", "wording")
_MAX_CHARACTERS = 200


class Settings:
    """The preferences by owner: the name of an account, or "" where there are no accounts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, owner: str) -> dict[str, str]:
        """The preferences that this owner has set, by name."""
        t = settings.c
        with self._database.reading() as db:
            rows = db.execute(settings.select().where(t.owner == cleaned(owner)).order_by(t.name)).all()
        return {row.name: row.value for row in rows}

    def set(self, owner: str, name: str, value: str) -> None:
        """Store a preference. Raises `ConfigError` for a name that is not in `NAMES`, and for a value of more
        than 200 characters.
        """
        if name not in NAMES:
            raise ConfigError(f"there is no setting {name!r}. The settings are: {', '.join(NAMES)}")
        if len(value) > _MAX_CHARACTERS:
            raise ConfigError(f"the setting {name} must have at most {_MAX_CHARACTERS} characters")
        chosen = {"owner": cleaned(owner), "name": name, "value": cleaned(value)}
        with self._database.writing() as db:
            db.execute(settings.insert().prefix_with("OR REPLACE").values(**chosen))
