"""Clippings' front door: reads the command line, loads the config, wires one assistant to one surface.

`python app.py` opens the chat page; `python app.py ask "…"` and the other commands are those of `clippings`.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.config import Config, demo
from rag.errors import ClippingsError
from rag.surfaces.cli import Services, run

if TYPE_CHECKING:
    from rag.assistant import Assistant


def _open(config: Config, **engines: Any) -> Assistant:
    from rag.assistant import open_assistant

    return open_assistant(config, **engines)


def _warm(config: Config) -> dict[str, Any]:
    """The encoder and the reader, each being loaded in a thread while the rest is imported: that takes as long."""
    from rag.encode import BUNDLED, SentenceEncoder
    from rag.graph import prepare
    from rag.reader.span import SpanReader

    prepare()  # imports take turns anyhow, and what comes after this one does not
    encoder, reader = SentenceEncoder(config.encoder), SpanReader()

    def use(engine: Callable[..., object], *given: Any) -> None:
        with suppress(ClippingsError):  # the question meets it again, and says it
            engine(*given)

    if config.encoder == BUNDLED:  # another may not be there, and whoever looks for it in vain should look once
        threading.Thread(target=use, args=(encoder.question, "warm"), daemon=True).start()
    threading.Thread(target=use, args=(reader.read, "warm", ["warm"]), daemon=True).start()
    return {"encoder": encoder, "reader": reader}


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
    from rag.answer.models import configured_model
    from rag.catalog import FILE
    from rag.doctor import examine

    yield from examine(config, lambda: configured_model(config.model))
    if deep and (config.home / FILE).is_file():
        from ingest.soundness import examine as examine_deeply

        yield from examine_deeply(config)


def _serve(config: Config, *, host: str, port: int, auth_file: Path | None, read_only: bool, root_path: str | None) -> None:
    import ingest
    from ingest.walk import KINDS
    from rag.access import passwords
    from rag.assistant import collection_exists, make_demo, open_assistant
    from rag.encode import SentenceEncoder
    from rag.reader.span import SpanReader
    from rag.surfaces.library import Library
    from rag.surfaces.page import serve

    auth = passwords(auth_file) if auth_file else None
    encoder, reader = SentenceEncoder(config.encoder), SpanReader()
    library = Library(
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
    try:
        serve(library, host=host, port=port, auth=auth, root_path=root_path)
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
    from ingest.safekeeping import restore

    return restore(*arguments, **options)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status."""
    services = Services(
        _open, _warm, _or_demo, _sync, _preview, _remove, _edit, _examine, _serve, _evaluate, _add_gold, _backup, _restore
    )
    return run(sys.argv[1:] if arguments is None else arguments, services)


if __name__ == "__main__":
    sys.exit(main())
