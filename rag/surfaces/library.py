"""The collections that a page shows: the reader's own and the demo articles, which are never mixed.

Each is opened when it is first asked for; one encoder and one reader serve both. What is uploaded is kept in
a folder beside the collection, so that it can be taken in again, and is gone when its article is removed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rag.assistant import Assistant
from rag.config import Config
from rag.errors import CollectionError, ForbiddenError, QuestionError, SourceError
from rag.surfaces.record import Record
from rag.surfaces.upload_folder import Conflict, UploadFolder
from rag.surfaces.uploads import Upload
from rag.types import Article, IngestReport

__all__ = ["DEMO", "OWN", "Library"]

OWN, DEMO = "own", "demo"


@dataclass(slots=True)
class Library:
    """`open` opens a collection that exists, `exists` says whether one does, `make_demo` sees to the demo
    articles', `sync` takes files into one, `edit` corrects an article's facts and `remove` takes articles
    out, `to_gold` keeps a gold case. `kinds` are the endings of the files that `sync` reads. `read_only`
    refuses these four."""

    own: Config
    demo: Config
    open: Callable[[Config], Assistant]
    exists: Callable[[Config], bool]
    make_demo: Callable[[], object]
    sync: Callable[..., IngestReport]
    edit: Callable[..., Article]
    remove: Callable[[Sequence[str], Config], None]
    to_gold: Callable[..., str]
    kinds: Sequence[str] = ()
    read_only: bool = False
    _opened: dict[str, Assistant] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def folders(self) -> tuple[str, str]:
        """Where the collections lie."""
        return str(self.own.home), str(self.demo.home)

    @property
    def first(self) -> str:
        """Which collection a newcomer sees: their own, if there is one."""
        return OWN if self.exists(self.own) else DEMO

    def assistant(self, name: str) -> Assistant:
        """The assistant of a collection. Raises `CollectionError` for one's own while it has no articles."""
        if (
            opened := self._opened.get(name)
        ) is not None:  # without the lock: the other collection may be in the making
            return opened
        with self._lock:
            if name not in self._opened:
                if name == DEMO:
                    self.make_demo()
                elif name != OWN:
                    raise CollectionError(
                        f"there is no collection {name!r}. Known are {OWN} and {DEMO}", missing=True
                    )
                elif not self.exists(self.own):
                    raise CollectionError(
                        "there are no articles of your own yet. Add some under “Articles”, or ask the demo "
                        "articles",
                        missing=True,
                    )
                self._opened[name] = self.open(self._config(name))
            return self._opened[name]

    def chosen(self, name: str) -> Assistant:
        """The assistant of a collection; where none is named, of the one a newcomer sees."""
        return self.assistant(name or self.first)

    def shown(self) -> Assistant:
        """The assistant of the collection that a newcomer sees, which this neither makes nor replaces by the
        other one: what was open and is gone is a `CollectionError`."""
        name = OWN if OWN in self._opened else self.first
        if name == DEMO and DEMO not in self._opened:
            raise CollectionError("no collection is open")
        if not self.exists(self._config(name)):
            raise CollectionError(
                f"the collection in {self._config(name).home} is gone. Put a backup in its place"
            )
        return self.assistant(name)

    def _config(self, name: str) -> Config:
        return self.demo if name == DEMO else self.own

    def close(self) -> None:
        with self._lock:
            for assistant in self._opened.values():
                assistant.close()
            self._opened.clear()

    def add(
        self,
        upload: Upload,
        progress: Callable[[Any], None],
        *,
        replace: Conflict = "ask",
        stop: threading.Event | None = None,
    ) -> IngestReport:
        """Take uploaded files into the reader's own collection; what cannot be read is in the report, and its
        file is gone.

        A file of a known name and other content takes the other's place (`replace="replace"`), or gets a name
        of its own ("keep"); with "ask" nothing is taken in. Where this raises, the files are where they were.
        Raises `NameTaken` for such names, `SourceError` when a file cannot be kept, and `CollectionError` as
        `sync` does.
        """
        self._writable()
        folder = self._uploaded
        with folder.alone(), folder.holding(upload, replace) as (files, settle):
            report = self.sync(files, self.own, progress=progress, **({"stop": stop} if stop else {}))
            settle(report)
            return folder.told(report)

    def taken(self, upload: Upload) -> tuple[str, ...]:
        """The names of an upload's files which articles with other content have already: what "ask" would ask
        about.
        """
        return self._uploaded.taken(upload)

    def recover(self) -> None:
        """Undo what a process that was killed while it took files in has left half done; the next that adds
        does so too.
        """
        if self.own.home.is_dir() and not self.read_only:
            with self._uploaded.alone():
                pass

    @property
    def _uploaded(self) -> UploadFolder:
        return UploadFolder(
            self.own.home,
            lambda file: self.assistant(OWN).collection.read_from(file) if self.exists(self.own) else (),
        )

    def fetch(
        self, address: str, progress: Callable[[Any], None], *, stop: threading.Event | None = None
    ) -> IngestReport:
        """Take the page or the feed at a web address into the reader's own collection.

        Raises `SourceError` for what is no address, and `CollectionError` as `sync` does.
        """
        self._writable()
        stated = address.strip()
        if not stated.lower().startswith(("http://", "https://")):
            raise SourceError(
                f"{stated[:80]!r} is no web address. Copy it from your browser; it begins with https://"
            )
        return self.sync([stated], self.own, progress=progress, **({"stop": stop} if stop else {}))

    def take_out(self, article_id: str) -> None:
        """Remove an article from the reader's own collection, and the file it was uploaded in with the last
        of its articles.

        Raises `CollectionError` when there is no such article, or while others are being added.
        """
        self._writable()
        origin = next(
            (a.origin for a in self.assistant(OWN).collection.articles() if a.headline.id == article_id), None
        )
        folder = self._uploaded
        with folder.alone():
            self.remove([article_id], self.own)
            if origin and (file := folder.file_of(origin)):
                folder.let_go(file)

    def correct(self, article_id: str, facts: Mapping[str, str], *, undo: bool = False) -> Article:
        """Correct an article's title, source and date in the reader's own collection, or take that back; as
        `ingest.edit`.
        """
        self._writable()
        return self.edit(article_id, facts, self.own, undo=undo)

    def gold(self, name: str, verdict: str, found: Record, words: Sequence[tuple[str, int, int]]) -> str:
        """Make a judged answer a gold case of the collection; what to say about it.

        Raises `QuestionError` for an answer to a limited question, as a gold case knows no filters, and for
        words that do not stand in their article; otherwise as `eval.command.keep_case` does.
        """
        self._writable()
        if found["filters"]:
            raise QuestionError(
                "a gold case is asked of all articles: ask again without limits, and judge that answer"
            )
        for article_id, start, end in words:
            try:
                self.assistant(name).article(article_id).passage(start, end)
            except ValueError as exc:
                raise QuestionError(
                    "the words selected do not stand in the article any more. Open it again"
                ) from exc
        places = {c["number"]: (c["article"]["id"], c["start"], c["end"]) for c in found["citations"]}
        cited = [[places[number] for number in sentence["citations"]] for sentence in found["sentences"]]
        with self._lock:  # the file is read for the id, and then added to
            return self.to_gold(
                self._config(name).home / "gold.jsonl", found["question"], cited, verdict, words
            )

    def _writable(self) -> None:
        if self.read_only:
            raise ForbiddenError(
                "this page is read-only: articles are added, corrected and removed where it runs, by "
                "`clippings`"
            )
