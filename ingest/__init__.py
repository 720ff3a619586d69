"""Everything that writes a collection: `sync` takes articles in, `preview` says what it would do, `remove` takes them out,
`edit` corrects what is said of one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ingest.collection import edit, preview, remove, sync

__all__ = ["edit", "preview", "remove", "sync"]


def __getattr__(name: str) -> object:
    # What these need (SQLAlchemy, Chroma, llama-index) takes seconds to import: not before it is used.
    if name in __all__:
        import importlib

        return getattr(importlib.import_module("ingest.collection"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
