"""The checks of `clippings doctor`: settings, models, collection, disk; and how to fix what is wrong."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from platform import python_version

from rag.config import Config
from rag.errors import ClippingsError
from rag.models.encoder import BUNDLED, SentenceEncoder, native_bf16
from rag.models.judge import TextJudge
from rag.models.probe import PROMPT
from rag.models.reader import SpanReader
from rag.store.bm25 import WHOLE, LexicalIndex
from rag.store.catalog import FILE, Catalog
from rag.store.schema import LAYOUT
from rag.store.vectors import DenseIndex, check_server
from rag.system.address import shown
from rag.system.installed import checkout, version
from rag.types import LanguageModel
from rag.validation import interrupted

__all__ = ["Finding", "examine"]

_LITTLE_DISK = 500_000_000  # bytes


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check. `detail` says what was found, and what to do if it is not `well`."""

    name: str
    well: bool
    detail: str


def examine(
    config: Config, model: Callable[[], LanguageModel | None], model_source: str = ""
) -> Iterator[Finding]:
    """Check the configuration, the encoder, the collection and the model, one after the other. A fault stops
    none of them. `model_source` says where the model's settings come from.
    """
    yield Finding("version", True, _version())
    yield Finding("configuration", True, f"fingerprint {config.fingerprint()}, collection in {config.home}")
    yield _examined("encoder", lambda: _encoder(config))
    yield _examined("reader", _reader)
    yield _examined("judge", _judge)
    if config.chroma.url:
        yield _examined("Chroma server", lambda: _chroma(config))
    if (config.home / FILE).is_file():
        yield _examined("collection", lambda: _collection(config))
        yield _examined("indexes", lambda: _indexes(config))
    elif unfinished := interrupted(config.home):
        yield Finding("collection", False, unfinished)
    else:
        yield Finding(
            "collection", True, "none yet; the demo articles are used. Create one: clippings sync FOLDER"
        )
    yield _examined("disk", lambda: _disk(config))
    found = _examined("language model", lambda: _model(model))
    yield replace(found, detail=f"{found.detail}; {model_source}") if model_source else found


def _version() -> str:
    here = checkout()
    return f"Clippings {version()}, Python {python_version()}, " + (
        f"from the checkout in {here}" if here else "installed as a package"
    )


def _examined(name: str, look: Callable[[], tuple[bool, str]]) -> Finding:
    try:
        return Finding(name, *look())
    except ClippingsError as exc:
        return Finding(name, False, str(exc))


def _encoder(config: Config) -> tuple[bool, str]:
    began = time.perf_counter()
    encoder = SentenceEncoder(config.encoder)
    dims = encoder.dims
    kind = "bf16" if native_bf16() else "fp32"
    bundled = ", bundled, weights as published" if config.encoder == BUNDLED else ""
    return (
        True,
        f"{config.encoder}, {dims} dimensions, {kind}{bundled}; loaded in {time.perf_counter() - began:.1f} "
        f"s",
    )


def _reader() -> tuple[bool, str]:
    began = time.perf_counter()
    SpanReader().read("Who?", ["Nobody."])
    kind = "bf16" if native_bf16() else "fp32"
    return True, f"bundled, weights as trained, {kind}; loaded in {time.perf_counter() - began:.1f} s"


def _judge() -> tuple[bool, str]:
    began = time.perf_counter()
    TextJudge().judge([("Nobody came.", "Nobody came to the meeting.")])
    kind = "bf16" if native_bf16() else "fp32"
    return True, f"bundled, weights as trained, {kind}; loaded in {time.perf_counter() - began:.1f} s"


def _collection(config: Config) -> tuple[bool, str]:
    catalog = Catalog(config.home, config)
    try:
        articles, passages = catalog.count()
        unfinished = catalog.count_hidden() + catalog.count_unindexed() + len(catalog.without_passages())
        if unfinished:
            return (
                False,
                f"a sync was interrupted ({unfinished} passages left). Run `clippings sync` again on any "
                "folder",
            )
        if catalog.layout() != LAYOUT:
            return (
                False,
                "an earlier version of Clippings made its indexes. They answer, and the next `clippings "
                "sync` makes them this version's, encoding nothing",
            )
        return True, f"{articles:,} articles, {passages:,} passages, generation {catalog.generation()}"
    finally:
        catalog.close()


def _indexes(config: Config) -> tuple[bool, str]:
    catalog = Catalog(config.home, config)
    try:
        wanted, build = catalog.keys(), catalog.build()
        first = {ref.key for ref in catalog.first_passages().values()}
        dense = DenseIndex(config.home, config.chroma, identity=catalog.identity(), build=build)
        dense.follow(catalog)
    finally:
        catalog.close()
    try:
        held = {
            "Chroma": (dense.keys(), wanted),
            "lexical": (LexicalIndex(config.home, build=build).keys(), wanted),
            "whole": (LexicalIndex(config.home, WHOLE, build=build).keys(), first),
        }
        cached = dense.cache_is_whole() and dense.cache.keys() == wanted
    finally:
        dense.close()
    for name, (keys, right) in held.items():
        if keys != right:
            what = "articles" if name == "whole" else "passages"
            return False, (
                f"the {name} index lacks {len(right - keys)} {what} and has {len(keys - right)} too many. "
                f"Rebuild it: clippings sync --rebuild --home {config.home}"
            )
    if not cached:
        return False, (
            "the cache of vectors is not whole: questions are answered from Chroma, more slowly. The next "
            f"sync makes it again: clippings sync FOLDER --home {config.home}"
        )
    return (
        True,
        f"dense and lexical have the catalog's {len(wanted):,} passages, whole its {len(first):,} articles",
    )


def _chroma(config: Config) -> tuple[bool, str]:
    began = time.perf_counter()
    version = check_server(config.chroma)
    return (
        True,
        f"{shown(str(config.chroma.url))} answers, version {version}; "
        f"{1000 * (time.perf_counter() - began):.0f} ms",
    )


def _disk(config: Config) -> tuple[bool, str]:
    folder = config.home
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    return free >= _LITTLE_DISK, f"{free / 1e9:.1f} GB free" + (
        "" if free >= _LITTLE_DISK else ". Free some space before the next sync"
    )


def _model(model: Callable[[], LanguageModel | None]) -> tuple[bool, str]:
    chosen = model()
    if chosen is None:
        return (
            True,
            "none configured; answers quote the articles. To add one, set CLIPPINGS_MODEL_URL and "
            "CLIPPINGS_MODEL_NAME",
        )
    began = time.perf_counter()
    pieces = chosen.stream(list(PROMPT))
    first = next(iter(pieces), None)
    if close := getattr(pieces, "close", None):
        close()
    seconds = time.perf_counter() - began
    if first is None:
        return (
            False,
            f"{chosen.name} sent an empty reply after {seconds:.1f} s. Check that the model is loaded",
        )
    return True, f"{chosen.name} answers; first words after {seconds:.1f} s"
