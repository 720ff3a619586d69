"""The entry point: reads the command line, loads the configuration, connects an assistant to a surface.

`python app.py` opens the chat page. `python app.py ask "…"` and the other commands are those of `clippings`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from rag.config import Config, ModelSettings, demo
from rag.surfaces.cli import run
from rag.surfaces.loading import Loading
from rag.surfaces.process import run_to_exit
from rag.surfaces.services import (
    BackupSummary,
    Check,
    Engines,
    ModelTest,
    OnProgress,
    Place,
    ServeOptions,
    Services,
    Words,
)
from rag.types import Answerer, Article, IngestReport, LanguageModel, Plan
from rag.validation import askable, require_collection

if TYPE_CHECKING:
    import threading

    from rag.assistant import Assistant
    from rag.surfaces.library import Library
    from rag.surfaces.model_choice import ModelChoice


class LocalServices:
    """`Services` on this machine. Heavy packages are imported by the method that needs them."""

    def open(self, config: Config, engines: Engines | None = None) -> Assistant:
        from rag.opening import open_assistant

        encoder, reader = (engines.encoder, engines.reader) if engines else (None, None)
        assistant = open_assistant(config, encoder=encoder, reader=reader)
        choice = _model_choice(config)
        return choice.applied(assistant) if choice.saved else assistant

    @contextmanager
    def preload(self, config: Config, question: str, *, must_exist: bool) -> Iterator[Engines]:
        askable(question)
        if must_exist:
            require_collection(config.home)
        from rag.models.encoder import BUNDLED, SentenceEncoder
        from rag.models.engine import prepare
        from rag.models.judge import bundled_judge
        from rag.models.reader import SpanReader

        prepare()  # first: imports run one at a time anyway, and the threads would wait for this one
        encoder, reader = SentenceEncoder(config.encoder), SpanReader()
        steps: list[Callable[[], object]] = [
            lambda: reader.read("warm", ["warm"]),
            lambda: bundled_judge().judge([("warm", "warm")]),
        ]
        if config.encoder == BUNDLED:  # another one may be missing, and should be looked for only once
            steps.insert(0, lambda: encoder.question("warm"))
        with Loading(*steps):
            yield Engines(encoder, reader)

    def config_or_demo(self, config: Config) -> Config:
        from rag.opening import config_or_demo

        return config_or_demo(config)

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
        from ingest import sync

        return sync(places, config, prune=prune, rebuild=rebuild, columns=columns, progress=progress)

    def preview(
        self, places: Sequence[Place], config: Config, *, prune: bool, columns: Mapping[str, str]
    ) -> Plan:
        from ingest import preview

        return preview(places, config, prune=prune, columns=columns)

    def remove(self, article_ids: Sequence[str], config: Config) -> None:
        from ingest import remove

        remove(article_ids, config)

    def edit(self, article_id: str, facts: Mapping[str, str], config: Config, *, undo: bool) -> Article:
        from ingest import edit

        return edit(article_id, facts, config, undo=undo)

    def checks(self, config: Config, *, deep: bool) -> Iterable[Check]:
        from rag.doctor import examine
        from rag.store.catalog import FILE

        yield from examine(*_model_to_check(config))
        if deep and (config.home / FILE).is_file():
            from ingest.soundness import examine as examine_deeply

            yield from examine_deeply(config)

    def serve(self, config: Config, options: ServeOptions) -> None:
        from rag.people.accounts import Accounts
        from rag.surfaces.api.access import AccessRules
        from rag.surfaces.api.server import serve

        rules = AccessRules(
            options.host, options.host_names, options.origins, options.proxies, options.root_path
        )
        accounts = Accounts.read(options.auth_file) if options.auth_file else None
        library = _library(config, read_only=options.read_only)
        try:
            serve(library, port=options.port, rules=rules, accounts=accounts, admins=options.admins)
        finally:
            library.close()

    def serve_tools(self, config: Config, *, must_exist: bool) -> None:
        from rag.surfaces.api.stdio import serve_stdio
        from rag.surfaces.gate import Gate

        if must_exist:
            require_collection(config.home)
        library = _library(config, read_only=True)
        try:
            serve_stdio(library, Gate(config.serve))
        finally:
            library.close()

    def fetch_model(self) -> str:
        from rag.models.local import fetch_bundled

        return fetch_bundled()

    def evaluate(
        self, gold: Path | None, config: Config | None, split: str, out: Path | None, *, as_json: bool
    ) -> str:
        from eval.command import run as evaluate

        return evaluate(gold, config, split, out, as_json=as_json)

    def add_gold(self, question: str, config: Config, gold: Path, verdict: str, quotes: Sequence[str]) -> str:
        from eval.command import add

        return add(question, config, gold, verdict, list(quotes))

    def backup(self, file: Path, config: Config, *, vectors: bool, conversations: bool) -> BackupSummary:
        from ingest import backup

        return backup(file, config, vectors=vectors, conversations=conversations)

    def restore(self, file: Path, config: Config, *, progress: OnProgress) -> BackupSummary:
        from ingest import restore

        return restore(file, config, progress=progress)


def _library(config: Config, *, read_only: bool) -> Library:
    """The user's collection and the demo collection. One encoder, one reader and one language model serve
    both."""
    import ingest
    from ingest.formats.kinds import KINDS
    from rag.models.encoder import SentenceEncoder
    from rag.models.reader import SpanReader
    from rag.opening import collection_exists, make_demo, open_assistant, supervised_model
    from rag.surfaces.library import Library

    encoder, reader = SentenceEncoder(config.encoder), SpanReader()
    # Made once: when one collection finds that the model cannot be reached, the other does not wait for it.
    model = cache(lambda: supervised_model(config.model))

    def sync(
        places: Sequence[Place],
        config: Config,
        *,
        progress: OnProgress,
        stop: threading.Event | None = None,
    ) -> IngestReport:
        return ingest.sync(places, config, encoder=encoder, progress=progress, stop=stop)

    def edit(article_id: str, facts: Mapping[str, str], config: Config, *, undo: bool) -> Article:
        return ingest.edit(article_id, facts, config, encoder=encoder, undo=undo)

    def add_to_gold(
        gold: Path, question: str, cited: Sequence[Sequence[Words]], verdict: str, words: Sequence[Words]
    ) -> str:
        from eval.command import keep_case

        return keep_case(gold, question, cited, verdict, words)

    return Library(
        config,
        demo(config),
        open=lambda chosen: open_assistant(chosen, model=model(), encoder=encoder, reader=reader),
        exists=collection_exists,
        make_demo=lambda: make_demo(config),
        sync=sync,
        edit=edit,
        remove=lambda ids, chosen: ingest.remove(ids, chosen, encoder=encoder),
        add_to_gold=add_to_gold,
        kinds=KINDS,
        read_only=read_only,
        model_choice=_model_choice(config),
    )


def _model_choice(config: Config) -> ModelChoice:
    """The language model that is saved in the collection's home, if any, with what it takes to use it."""
    from rag.surfaces.model_choice import ModelChoice

    def answerer_of(settings: ModelSettings, key: str | None) -> Answerer | None:
        from rag.opening import model_answerer

        return model_answerer(settings, environ=_environ(key))

    def test(settings: ModelSettings, key: str | None) -> ModelTest:
        from rag.models.probe import probe

        return probe(settings, key)

    return ModelChoice(config, answerer_of, test)


def _model_to_check(config: Config) -> tuple[Config, Callable[[], LanguageModel | None], str]:
    """The configuration with the model in force, how to get that model, and where its settings come from."""
    from rag.errors import ConfigError
    from rag.models.language import configured_model
    from rag.people.saved_model import FILE, in_force, read_model

    def configured() -> LanguageModel | None:
        return configured_model(config.model)

    if config.model.configured:
        return config, configured, "it is set in the configuration"
    try:
        saved = read_model(config.home)
    except ConfigError as exc:
        damaged = exc

        def unusable() -> LanguageModel | None:
            raise damaged

        return config, unusable, ""
    if saved is None:
        return config, configured, ""
    settings, key = in_force(config.model, saved), saved.key
    source = f"it was saved on the page, in {config.home / FILE}"
    return replace(config, model=settings), lambda: configured_model(settings, _environ(key)), source


def _environ(key: str | None) -> dict[str, str]:
    """Where the key of a saved model is looked for. Never in the environment of the process: that key is for
    the model that the configuration names."""
    return {"CLIPPINGS_MODEL_KEY": key} if key else {}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status. Without `arguments` it runs those of this process, which then
    ends."""
    services: Services = LocalServices()
    if arguments is not None:
        return run(arguments, services)
    return run_to_exit(lambda: run(sys.argv[1:], services))


if __name__ == "__main__":
    sys.exit(main())
