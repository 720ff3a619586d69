"""The collections of a server: the user's own and the demo articles, which are never mixed.

Each is opened when it is first needed. Uploaded files are kept in a folder of the collection, so that they
can be synced again. A file is removed with its last article.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from rag.assistant import Assistant
from rag.config import Config, ModelSettings
from rag.errors import CollectionError, ForbiddenError, QuestionError, SourceError
from rag.people.saved_model import SavedModel
from rag.surfaces.model_choice import ModelChoice
from rag.surfaces.record import Record
from rag.surfaces.services import AddToGold, EditArticle, OnProgress, SyncArticles, Words
from rag.surfaces.upload_folder import Conflict, UploadFolder
from rag.surfaces.upload_form import Upload
from rag.types import Article, IngestReport, ModelState

__all__ = ["DEMO", "OWN", "Library"]

OWN, DEMO = "own", "demo"


@dataclass(slots=True)
class Library:
    """`open` opens a collection, `exists` says whether there is one, and `make_demo` makes the demo
    collection.

    `sync`, `edit`, `remove` and `add_to_gold` change a collection; with `read_only` they are refused. `kinds`
    are the file name extensions that `sync` reads. `model_choice` is the language model that was chosen on
    the page; without it none can be chosen there.
    """

    own: Config
    demo: Config
    open: Callable[[Config], Assistant]
    exists: Callable[[Config], bool]
    make_demo: Callable[[], object]
    sync: SyncArticles
    edit: EditArticle
    remove: Callable[[Sequence[str], Config], None]
    add_to_gold: AddToGold
    kinds: Sequence[str] = ()
    read_only: bool = False
    model_choice: ModelChoice | None = None
    _opened: dict[str, Assistant] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def folders(self) -> tuple[str, str]:
        """The folders of the two collections."""
        return str(self.own.home), str(self.demo.home)

    @property
    def first(self) -> str:
        """The collection that is shown first: the user's own, if there is one."""
        return OWN if self.exists(self.own) else DEMO

    def assistant(self, name: str) -> Assistant:
        """The assistant of a collection. Raises `CollectionError` where the user has no collection yet."""
        if (opened := self._opened.get(name)) is not None:  # no lock: the demo collection may be being made
            return opened
        with self._lock:
            if name not in self._opened:
                if name == DEMO:
                    self.make_demo()
                elif name != OWN:
                    raise CollectionError(
                        f"there is no collection {name!r}. Choose {OWN} or {DEMO}", missing=True
                    )
                elif not self.exists(self.own):
                    raise CollectionError(
                        "you have no articles yet. Add some under “Articles”, or use the demo articles",
                        missing=True,
                    )
                opened = self.open(self._config(name))
                if self.model_choice and self.model_choice.saved:
                    opened = self.model_choice.applied(opened)
                self._opened[name] = opened
            return self._opened[name]

    def chosen(self, name: str) -> Assistant:
        """The assistant of a collection; an empty name means `first`."""
        return self.assistant(name or self.first)

    def shown(self) -> Assistant:
        """The assistant of the collection that is shown first. Never makes one, and never switches to the
        demo articles: raises `CollectionError` where an open collection was deleted.
        """
        name = OWN if OWN in self._opened else self.first
        if name == DEMO and DEMO not in self._opened:
            raise CollectionError("no collection is open")
        if not self.exists(self._config(name)):
            raise CollectionError(
                f"the collection in {self._config(name).home} is gone. Restore it from a backup"
            )
        return self.assistant(name)

    def model_state(self) -> ModelState | None:
        """What the questions so far found of the language model, if there is one; the collections share it.
        Raises `CollectionError` as `shown` does where none was opened yet."""
        opened = next(iter(self._opened.values()), None) or self.assistant(self.first)
        return opened.model_state

    def _config(self, name: str) -> Config:
        return self.demo if name == DEMO else self.own

    @property
    def model(self) -> ModelSettings:
        """The settings of the language model: the configuration's, or else those saved on the page."""
        return self.model_choice.settings if self.model_choice else self.own.model

    def choose_model(self, chosen: SavedModel | None) -> None:
        """Save the language model for both collections, or remove the saved one. It words the answers to the
        questions from now on; those that are being answered end as they began.

        Raises `CollectionError` where it cannot be saved, `ForbiddenError` where the configuration names a
        model or the library is read-only, and `ConfigError` for a model that cannot be used.
        """
        if self.model_choice is None or self.read_only:
            raise ForbiddenError("the language model cannot be set here. Set it in clippings.toml")
        with self._lock:
            self.model_choice.save(chosen)
            self._opened.update(
                {name: self.model_choice.applied(opened) for name, opened in self._opened.items()}
            )

    def close(self) -> None:
        with self._lock:
            for assistant in self._opened.values():
                assistant.close()
            self._opened.clear()

    def add(
        self,
        upload: Upload,
        progress: OnProgress,
        *,
        replace: Conflict = "ask",
        stop: threading.Event | None = None,
    ) -> IngestReport:
        """Add uploaded files to the user's own collection. Files that cannot be read are in the report and
        are deleted.

        `replace` says what to do with a file whose name belongs to a file with other content: replace that
        file ("replace"), get a new name ("keep"), or add nothing and raise `NameTaken` ("ask"). Where this
        raises, the files are where they were. Raises `SourceError` when a file cannot be stored, and
        `CollectionError` as `sync` does.
        """
        self._writable()
        folder = self._uploaded
        with folder.locked(), folder.placing(upload, replace) as (files, confirm):
            report = self.sync(files, self.own, progress=progress, stop=stop)
            confirm(report)
            return folder.with_short_paths(report)

    def name_conflicts(self, upload: Upload) -> tuple[str, ...]:
        """The names of uploaded files that belong to files with other content already."""
        return self._uploaded.name_conflicts(upload)

    def recover(self) -> None:
        """Undo what a killed process left half done while it added files. `add` does so too."""
        if self.own.home.is_dir() and not self.read_only:
            with self._uploaded.locked():
                pass

    @property
    def _uploaded(self) -> UploadFolder:
        return UploadFolder(
            self.own.home,
            lambda file: self.assistant(OWN).collection.read_from(file) if self.exists(self.own) else (),
        )

    def fetch(
        self, address: str, progress: OnProgress, *, stop: threading.Event | None = None
    ) -> IngestReport:
        """Add the page or feed at a web address to the user's own collection.

        Raises `SourceError` where it is no web address, and `CollectionError` as `sync` does.
        """
        self._writable()
        stated = address.strip()
        if not stated.lower().startswith(("http://", "https://")):
            raise SourceError(
                f"{stated[:80]!r} is not a web address. Copy it from your browser; it starts with https://"
            )
        return self.sync([stated], self.own, progress=progress, stop=stop)

    def delete(self, article_id: str) -> None:
        """Remove an article from the user's own collection. Its uploaded file goes with its last article.

        Raises `CollectionError` when there is no such article, or while articles are being added.
        """
        self._writable()
        origin = next(
            (a.origin for a in self.assistant(OWN).collection.articles() if a.headline.id == article_id), None
        )
        folder = self._uploaded
        with folder.locked():
            self.remove([article_id], self.own)
            if origin and (file := folder.file_of(origin)):
                folder.remove_unused(file)

    def correct(self, article_id: str, facts: Mapping[str, str], *, undo: bool = False) -> Article:
        """Correct an article's title, source and date in the user's own collection, or undo that; see
        `ingest.edit`.
        """
        self._writable()
        return self.edit(article_id, facts, self.own, undo=undo)

    def gold(self, name: str, verdict: str, answer: Record, words: Sequence[Words]) -> str:
        """Add a question with its answer and verdict to the collection's gold questions; a message for the
        user.

        Raises `QuestionError` for an answer with filters, which a gold question cannot have, and for words
        that are not in their article; otherwise as `eval.command.keep_case` does.
        """
        self._writable()
        if answer["filters"]:
            raise QuestionError(
                "a gold question cannot have filters. Ask again without filters, and rate that answer"
            )
        for article_id, start, end in words:
            try:
                self.assistant(name).article(article_id).passage(start, end)
            except ValueError as exc:
                raise QuestionError("the selected words are no longer in the article. Open it again") from exc
        places = {c["number"]: (c["article"]["id"], c["start"], c["end"]) for c in answer["citations"]}
        cited = [[places[number] for number in sentence["citations"]] for sentence in answer["sentences"]]
        with self._lock:  # the file is read, and then appended to
            file = self._config(name).home / "gold.jsonl"
            return self.add_to_gold(file, answer["question"], cited, verdict, words)

    def _writable(self) -> None:
        if self.read_only:
            raise ForbiddenError(
                "this server is read-only. Add, correct and remove articles with the `clippings` command on "
                "its machine"
            )
