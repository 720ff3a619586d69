"""Clippings' front door: reads the command line, loads the config, wires one assistant to one surface.

`python app.py` opens the chat page; `python app.py ask "…"` and the other commands are those of `clippings`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.config import Config, demo
from rag.surfaces.cli import Services, run
from rag.surfaces.loading import Loading
from rag.surfaces.process import ended
from rag.validation import askable, require_collection

if TYPE_CHECKING:
    from rag.assistant import Assistant
    from rag.surfaces.library import Library


def _open(config: Config, **engines: Any) -> Assistant:
    from rag.assistant import open_assistant

    return open_assistant(config, **engines)


@contextmanager
def _warm(config: Config, question: str, *, named: bool) -> Iterator[dict[str, Any]]:
    """The encoder and the reader, each being loaded in a thread while the rest is imported: that takes as
    long.

    What can be refused at once is refused first: a question, and a home that was `named` and holds no
    collection.
    """
    askable(question)
    if named:
        require_collection(config.home)
    from rag.models.encoder import BUNDLED, SentenceEncoder
    from rag.models.engine import prepare
    from rag.models.reader import SpanReader

    prepare()  # imports take turns anyhow, and what comes after this one does not
    encoder, reader = SentenceEncoder(config.encoder), SpanReader()
    steps = [lambda: reader.read("warm", ["warm"])]
    if (
        config.encoder == BUNDLED
    ):  # another may not be there, and whoever looks for it in vain should look once
        steps.insert(0, lambda: encoder.question("warm"))
    with Loading(*steps):
        yield {"encoder": encoder, "reader": reader}


def _or_demo(config: Config) -> Config:
    from rag.assistant import config_or_demo

    return config_or_demo(config)


def _sync(*places: Any, **options: Any) -> Any:
    from ingest import sync

    return sync(*places, **options)


def _preview(*places: Any, **options: Any) -> Any:
    from ingest import preview

    return preview(*places, **options)


def _remove(*ids: Any) -> None:
    from ingest import remove

    remove(*ids)


def _edit(*arguments: Any, **options: Any) -> Any:
    from ingest import edit

    return edit(*arguments, **options)


def _examine(config: Config, *, deep: bool) -> Iterable[Any]:
    from rag.doctor import examine
    from rag.models.language import configured_model
    from rag.store.catalog import FILE

    yield from examine(config, lambda: configured_model(config.model))
    if deep and (config.home / FILE).is_file():
        from ingest.soundness import examine as examine_deeply

        yield from examine_deeply(config)


def _library(config: Config, *, read_only: bool) -> Library:
    import ingest
    from ingest.walk import KINDS
    from rag.assistant import collection_exists, make_demo, open_assistant
    from rag.models.encoder import SentenceEncoder
    from rag.models.reader import SpanReader
    from rag.surfaces.library import Library

    encoder, reader = SentenceEncoder(config.encoder), SpanReader()
    return Library(
        config,
        demo(config),
        open=lambda chosen: open_assistant(chosen, encoder=encoder, reader=reader),
        exists=collection_exists,
        make_demo=lambda: make_demo(config),
        sync=lambda *places, **options: ingest.sync(*places, encoder=encoder, **options),
        edit=lambda *given, **options: ingest.edit(*given, encoder=encoder, **options),
        remove=lambda ids, chosen: ingest.remove(ids, chosen, encoder=encoder),
        to_gold=_keep_case,
        kinds=KINDS,
        read_only=read_only,
    )


def _serve(config: Config, *, port: int, auth_file: Path | None, read_only: bool, **doorway: Any) -> None:
    from rag.people.accounts import Accounts
    from rag.surfaces.api.door import Doorway
    from rag.surfaces.api.server import serve

    way, accounts = Doorway(**doorway), Accounts.read(auth_file) if auth_file else None
    library = _library(config, read_only=read_only)
    try:
        serve(library, port=port, doorway=way, accounts=accounts)
    finally:
        library.close()


def _tools(config: Config, *, named: bool) -> None:
    from rag.surfaces.api.mcp import serve_stdio
    from rag.surfaces.gate import Gate

    if named:
        require_collection(config.home)
    library = _library(config, read_only=True)
    try:
        serve_stdio(library, Gate(config.serve))
    finally:
        library.close()


def _evaluate(*arguments: Any, **options: Any) -> str:
    from eval.command import run as evaluate

    return evaluate(*arguments, **options)


def _add_gold(*arguments: Any) -> str:
    from eval.command import add

    return add(*arguments)


def _keep_case(*arguments: Any) -> str:
    from eval.command import keep_case

    return keep_case(*arguments)


def _backup(*arguments: Any, **options: Any) -> Any:
    from ingest.safekeeping import backup

    return backup(*arguments, **options)


def _restore(*arguments: Any, **options: Any) -> Any:
    from ingest.restoring import restore

    return restore(*arguments, **options)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status. Without `arguments` it is that of this process, which ends with it."""
    services = Services(
        _open, _warm, _or_demo, _sync, _preview, _remove, _edit, _examine, _serve, _evaluate, _add_gold, _backup, _restore,
        _tools,
    )  # fmt: skip
    if arguments is not None:
        return run(arguments, services)
    return ended(lambda: run(sys.argv[1:], services))


if __name__ == "__main__":
    sys.exit(main())
