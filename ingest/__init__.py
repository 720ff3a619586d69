"""Everything that writes a collection: `sync` takes articles in, `preview` says what it would do, `remove`
takes them out, `edit` corrects what is said of one; `backup` keeps the whole in a file, and `restore` makes
it again from there."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ingest.collection import edit, preview, remove, sync
    from ingest.restoring import restore
    from ingest.safekeeping import backup

__all__ = ["backup", "edit", "preview", "remove", "restore", "sync"]


def __getattr__(name: str) -> object:
    # What these need (SQLAlchemy, Chroma, llama-index) takes seconds to import: not before it is used.
    if name in __all__:
        import importlib

        home = {"backup": "safekeeping", "restore": "restoring"}.get(name, "collection")
        return getattr(importlib.import_module(f"ingest.{home}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
