"""What the surfaces ask the rest of the program to do, as types.

The surfaces import neither `ingest` nor `eval`. `app.py` implements these protocols and passes them in, so a
type checker sees both sides.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from rag.config import Config
from rag.types import Article, Encoder, IngestReport, Plan, Reader

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from rag.assistant import Assistant

__all__ = [
    "AddToGold",
    "BackupSummary",
    "Check",
    "EditArticle",
    "Engines",
    "ModelTest",
    "OnProgress",
    "Place",
    "ServeOptions",
    "Services",
    "SyncArticles",
    "SyncProgress",
    "Words",
]

Place = str | os.PathLike[str]  # a file, a folder or a web address
Words = tuple[str, int, int]  # an article's id, and where words of it start and end, in code points


class SyncProgress(Protocol):
    """The progress of a sync: articles `done` of `total`, `passages` made, `share` of the work from 0 to
    1."""

    @property
    def done(self) -> int: ...
    @property
    def total(self) -> int: ...
    @property
    def passages(self) -> int: ...
    @property
    def share(self) -> float: ...


OnProgress = Callable[[SyncProgress], None]


class BackupSummary(Protocol):
    """What a backup holds, or what was restored from one: counts, the size of the file in bytes, and
    notes."""

    @property
    def file(self) -> Path: ...
    @property
    def bytes(self) -> int: ...
    @property
    def articles(self) -> int: ...
    @property
    def passages(self) -> int: ...
    @property
    def earlier(self) -> int: ...
    @property
    def corrections(self) -> int: ...
    @property
    def verdicts(self) -> int: ...
    @property
    def cases(self) -> int: ...
    @property
    def vectors(self) -> int: ...
    @property
    def notes(self) -> tuple[str, ...]: ...


class Check(Protocol):
    """The result of one check of `clippings doctor`. `detail` says what was seen, and what to do if not
    `well`."""

    @property
    def name(self) -> str: ...
    @property
    def well(self) -> bool: ...
    @property
    def detail(self) -> str: ...


class ModelTest(Protocol):
    """What came of one short request to a language model. `message` says it in words, `seconds` is how long
    the first words took; `None` where none came."""

    @property
    def works(self) -> bool: ...
    @property
    def message(self) -> str: ...
    @property
    def seconds(self) -> float | None: ...


@dataclass(frozen=True, slots=True)
class Engines:
    """An encoder and a reader, for `Services.open`."""

    encoder: Encoder
    reader: Reader


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """The options of `clippings serve`. `host_names`, `proxies` and `origins` are explained in
    `api.access`; `admins` are the accounts that may change the language model."""

    host: str = "127.0.0.1"
    port: int = 7860
    host_names: tuple[str, ...] = ()
    proxies: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    root_path: str = ""
    auth_file: Path | None = None
    read_only: bool = False
    admins: tuple[str, ...] = ()


class SyncArticles(Protocol):
    """Adds the articles of these places to a collection. When `stop` is set, it stops after the current
    batch."""

    def __call__(
        self,
        places: Sequence[Place],
        config: Config,
        *,
        progress: OnProgress,
        stop: threading.Event | None = None,
    ) -> IngestReport: ...


class EditArticle(Protocol):
    """Corrects facts of an article (title, source, published). `undo` drops earlier corrections first."""

    def __call__(
        self, article_id: str, facts: Mapping[str, str], config: Config, *, undo: bool
    ) -> Article: ...


class AddToGold(Protocol):
    """Adds a question with a verdict on its answer to a gold file; returns a message for the user.

    `cited` has the words that each sentence of the answer cited, `words` those that the user selected.
    """

    def __call__(
        self,
        gold: Path,
        question: str,
        cited: Sequence[Sequence[Words]],
        verdict: str,
        words: Sequence[Words],
    ) -> str: ...


class Services(Protocol):
    """What the commands call. Each method raises `ClippingsError` with a message for the user."""

    def open(self, config: Config, engines: Engines | None = None) -> Assistant:
        """Open a collection; without `engines` they are loaded when they are needed."""
        ...

    def preload(self, config: Config, question: str, *, must_exist: bool) -> AbstractContextManager[Engines]:
        """Load the engines in threads while the block runs.

        Raises `QuestionError` for a question that cannot be asked, and with `must_exist` `CollectionError`
        where there is no collection, both before anything is loaded.
        """
        ...

    def config_or_demo(self, config: Config) -> Config:
        """The same configuration, or that of the demo articles where there is no collection yet."""
        ...

    def sync(
        self,
        places: Sequence[Place],
        config: Config,
        *,
        prune: bool,
        rebuild: bool,
        columns: Mapping[str, str],
        progress: OnProgress,
    ) -> IngestReport:
        """Add, replace and, with `prune`, remove articles so that the collection matches these places."""
        ...

    def preview(
        self, places: Sequence[Place], config: Config, *, prune: bool, columns: Mapping[str, str]
    ) -> Plan:
        """What `sync` would do."""
        ...

    def remove(self, article_ids: Sequence[str], config: Config) -> None:
        """Remove articles from a collection; their files stay."""
        ...

    def edit(self, article_id: str, facts: Mapping[str, str], config: Config, *, undo: bool) -> Article:
        """Correct facts of an article; the article as it is now."""
        ...

    def checks(self, config: Config, *, deep: bool) -> Iterable[Check]:
        """The checks of `clippings doctor`, one after the other; `deep` reads all data."""
        ...

    def serve(self, config: Config, options: ServeOptions) -> None:
        """Run the server until it is stopped."""
        ...

    def serve_tools(self, config: Config, *, must_exist: bool) -> None:
        """Run the MCP server on standard input and output until the client closes them."""
        ...

    def fetch_model(self) -> str:
        """Fetch the language model that runs on this machine; what to print."""
        ...

    def evaluate(
        self, gold: Path | None, config: Config | None, split: str, out: Path | None, *, as_json: bool
    ) -> str:
        """Run the gold questions and write a report; what to print."""
        ...

    def add_gold(self, question: str, config: Config, gold: Path, verdict: str, quotes: Sequence[str]) -> str:
        """Ask a question and add it to a gold file with a verdict on its answer; what to print."""
        ...

    def backup(self, file: Path, config: Config, *, vectors: bool, conversations: bool) -> BackupSummary:
        """Write a collection to one file."""
        ...

    def restore(self, file: Path, config: Config, *, progress: OnProgress) -> BackupSummary:
        """Make a collection from a backup."""
        ...
