"""The vectors of a collection that an earlier version of Clippings made, so that none is encoded again."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from rag.config import Config
from rag.errors import CollectionError
from rag.store.cache import ExactIndex
from rag.store.catalog import Catalog
from rag.store.vectors import DenseIndex

__all__ = ["StoredVectors"]

_Vectors = np.ndarray[Any, np.dtype[np.float32]]


class StoredVectors:
    """The vectors of the passages that count, by key: those of the cache that are as they were written, and
    where there are none Chroma's."""

    def __init__(self, catalog: Catalog, home: Path, config: Config) -> None:
        self._catalog, self._home = catalog, home
        build = catalog.build()
        self._chroma = DenseIndex(home, config.chroma, identity=catalog.identity(), build=build)
        self._cache: ExactIndex | None = None
        self._sound: set[str] = set()
        with suppress(CollectionError):  # of an earlier version's, which had none, or a damaged one
            cache = ExactIndex(home, build=build)
            self._sound = {key for keys, _ in cache.sound() for key in keys}
            self._cache = cache

    def close(self) -> None:
        self._chroma.close()
        if self._cache is not None:
            self._cache.close()

    def require_all(self) -> None:
        """Raise `CollectionError` unless every passage that counts has its vector."""
        wanted = sorted(self._catalog.keys() - self._sound)
        lacking = len(wanted)
        with suppress(CollectionError):
            lacking -= len(self._chroma.held(wanted)) if wanted else 0
        if lacking:
            raise CollectionError(
                f"the indexes of the collection in {self._home} were made by another version of "
                f"Clippings, and {lacking:,} of its vectors are not there. The articles are "
                f"safe; make the indexes again: clippings sync --rebuild --home {self._home}",
                outdated=True,
            )

    def vectors(self, keys: Sequence[str]) -> tuple[_Vectors, Any]:
        """The vectors in the order of `keys`, shape (keys, dims), and which of the keys have one."""
        if self._cache is not None and self._sound.issuperset(keys):
            return self._cache.vectors(keys)
        vectors, there = self._chroma.stored_vectors(keys)
        rest = [number for number, key in enumerate(keys) if not there[number] and key in self._sound]
        if rest and self._cache is not None:
            more, _ = self._cache.vectors([keys[number] for number in rest])
            if not there.any():
                vectors = np.zeros((len(keys), more.shape[1]), dtype=np.float32)
            vectors[rest], there[rest] = more, True
        return vectors, there
