"""Whether a collection is what was written: its catalog row by row, and the files of its indexes by their
checksums."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from ingest.judging import faults_of, named, opened, require_schema, row_count, sentence
from rag.config import Config
from rag.errors import CollectionError
from rag.store.bm25 import PASSAGES, WHOLE, verified
from rag.store.catalog import FILE, Catalog
from rag.store.schema import current_build
from rag.store.vectors import FOLDER as CHROMA
from rag.store.vectors import DenseIndex

__all__ = ["Part", "examine"]


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a collection that was looked through: whether it is well, and what was seen or is to be
    done.
    """

    name: str
    well: bool
    detail: str


def examine(config: Config) -> Iterator[Part]:
    """Look through every byte of the collection that matters, part by part; a fault stops none. A large one
    takes minutes.
    """
    home = config.home
    rebuild = f"clippings sync --rebuild --home {home}"
    keys, first = _counts(config)
    yield _examined("catalog's rows", lambda: _catalog(home))
    yield _examined("vectors", lambda: _vectors(config, keys))
    yield _examined("passages' words", lambda: _lexical(home, PASSAGES, keys, rebuild))
    yield _examined("articles' words", lambda: _lexical(home, WHOLE, first, rebuild))
    yield _examined("Chroma's vectors", lambda: _chroma(config))


def _build(home: Path) -> str:
    """Where the indexes lie that answer. Raises `CollectionError` where the catalog cannot say."""
    try:
        with opened(home / FILE) as db:
            return current_build(db)
    except (sqlite3.Error, ValueError) as exc:
        raise CollectionError(
            f"the catalog cannot say which indexes answer ({exc}). Put a backup in its place: clippings "
            f"restore FILE --home NEW"
        ) from exc


def _examined(name: str, look: Callable[[], tuple[bool, str]]) -> Part:
    try:
        return Part(name, *look())
    except CollectionError as exc:
        return Part(name, False, str(exc))


def _counts(config: Config) -> tuple[int | None, int | None]:
    """How many passages and articles the indexes should hold; `None` where the catalog cannot say."""
    try:
        with closing(Catalog(config.home, config)) as catalog:
            return catalog.count_passages(), len(catalog.first_passages())
    except CollectionError:
        return None, None


def _catalog(home: Path) -> tuple[bool, str]:
    try:
        with opened(home / FILE) as db:
            layout = require_schema(db)
            faults = sentence(faults_of(db, thorough=True))
            articles, earlier = (row_count(db, name) for name in ("articles", "earlier"))
            noted = "articles_noted" in named(db, "index")
    except (sqlite3.Error, ValueError) as exc:
        return (
            False,
            f"{home / FILE} is damaged ({exc}). Put a backup in its place: clippings restore FILE --home NEW",
        )
    if faults:
        return False, (
            f"{faults}. Remove such articles (clippings remove ID) and add them again (clippings sync), or "
            f"restore a backup: "
            "clippings restore FILE --home NEW"
        )
    more = "" if noted else "; when and where each was read is checked from the next sync on"
    return (
        True,
        f"{articles:,} articles and {earlier:,} earlier versions are as they were added (layout "
        f"{layout}){more}",
    )


def _vectors(config: Config, wanted: int | None) -> tuple[bool, str]:
    made_again = f"The next sync makes it again from Chroma: clippings sync FOLDER --home {config.home}"
    with closing(DenseIndex(config.home, build=_build(config.home))) as index:
        damaged, without = index.verified()
        if index.count() < (wanted or 0):
            return False, f"the cache of vectors has {index.count():,} of {wanted:,}. {made_again}"
        if damaged:
            return (
                False,
                f"{damaged:,} of {index.count():,} in the cache are not as they were written. {made_again}",
            )
        more = (
            f"; {without:,} have no checksum yet, which the next sync makes, and agree with themselves"
            if without
            else ""
        )
        return True, f"{index.count():,} are as they were written{more}"


def _lexical(home: Path, folder: str, wanted: int | None, rebuild: str) -> tuple[bool, str]:
    build = _build(home)
    path = home / build / folder
    damaged, documents = verified(home, folder, build=build)
    if damaged:
        return False, f"{path / damaged[0]} is not as it was written. Make the index again: {rebuild}"
    if wanted is not None and documents != wanted:
        return (
            False,
            f"{path} says that it holds {documents:,}, and the catalog has {wanted:,}. Make it again: "
            f"{rebuild}",
        )
    return True, f"every file of {folder} has its checksum"


def _chroma(config: Config) -> tuple[bool, str]:
    server = config.chroma.url
    build = _build(config.home)
    mend = f"clippings sync --rebuild --home {config.home}" if server else (
        f"remove the folder {config.home / build / CHROMA}, "
        "and the next `clippings sync` fills it from the vectors, encoding nothing"
    )  # fmt: skip
    with closing(Catalog(config.home, config)) as catalog:
        identity = catalog.identity()
    with closing(DenseIndex(config.home, config.chroma, identity=identity, build=build)) as index:
        try:
            differing = index.differing()
        except CollectionError as exc:
            said = str(exc).partition(" Make it again:")[0]
            return False, f"{said} To repair it: {mend}"
        if differing:
            return (
                False,
                f"{differing:,} are not the mapped ones, or only one of the two has them. "
                f"To repair it: {mend}",
            )
        return True, f"the same {index.count():,} as are mapped; the links of its graph are not looked at"
