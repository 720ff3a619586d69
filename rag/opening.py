"""Opening a collection for questions, and the demo collection that a newcomer asks."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

from rag.answer.generate import Generative
from rag.answer.supervised import SupervisedModel
from rag.assistant import Assistant
from rag.collection import Collection
from rag.config import Config, ModelSettings, demo, load
from rag.errors import CollectionError, ConfigError
from rag.models.encoder import SentenceEncoder
from rag.models.judge import bundled_judge
from rag.models.language import ChatModel, configured_model, language_model
from rag.models.local import context_window
from rag.models.reader import SpanReader
from rag.retrieval.search import Retriever
from rag.types import Answer, Answerer, Encoder, Filters, Judge, LanguageModel, Reader, Turn
from rag.validation import askable, configuration, has_collection, interrupted

__all__ = [
    "ask", "collection_exists", "config_or_demo", "make_demo", "model_answerer", "open_assistant",
    "supervised_model",
]  # fmt: skip

_SEEDS_STAMP = "seeds"  # in the demo collection's home: the demo articles' files when they were added


def open_assistant(
    config: Config | None = None,
    *,
    model: LanguageModel | ChatModel | None = None,
    encoder: Encoder | None = None,
    reader: Reader | None = None,
    answerer: Answerer | None = None,
    judge: Judge | None = None,
) -> Assistant:
    """Open the collection in `config.home` (by default as `load()` finds it).

    `model` is a `LanguageModel`, or any LLM object of llama-index; without one the configured model is used,
    if any. An `answerer` words the answers in place of a language model: its sentences are checked like
    anyone's, and where none of them holds the articles answer by themselves. `judge` judges sentences that
    are in other words than the articles', and short answers; those of a reader of one's own only where it is
    handed in, because the bundled one has learned what the bundled reader gets wrong.

    Raises `CollectionError` when there is no collection, or it was made with other settings, and
    `ConfigError` for what is no `Config` and for a model beside an answerer.
    """
    config = configuration(config, load)
    if answerer is not None and model is not None:
        raise ConfigError("an answerer takes the place of a language model. Hand in one of the two")
    if answerer is None:
        answerer = model_answerer(config.model, model)
    encoder, reader = encoder or SentenceEncoder(config.encoder), reader or SpanReader()
    if judge is None and isinstance(reader, SpanReader):
        judge = bundled_judge()
    return Assistant(Collection(config, encoder, reader), encoder, reader, answerer, judge)


def supervised_model(settings: ModelSettings) -> SupervisedModel | None:
    """The configured model for several assistants, which share what each finds out of it; `None` where none
    is configured. Nothing is contacted or loaded yet. Raises `ConfigError` as `open_assistant` does.
    """
    model = configured_model(settings)
    return SupervisedModel(model) if model is not None else None


def model_answerer(
    settings: ModelSettings,
    model: LanguageModel | ChatModel | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Answerer | None:
    """What words answers with a language model: with `model`, or else with the one that the settings name,
    whose key is looked for in `environ`; `None` where there is neither.
    """
    chosen = language_model(model) if model is not None else configured_model(settings, environ)
    if chosen is None:
        return None
    return Generative(
        chosen,
        window=context_window(settings),
        max_tokens=settings.max_tokens,
        prompt=settings.prompt,
    )


def ask(
    question: str,
    config: Config | None = None,
    *,
    history: Sequence[Turn] = (),
    filters: Filters = Filters(),
    asked_on: date | None = None,
    use_model: bool = True,
) -> Answer:
    """One question, one answer; see `Assistant.ask`.

    With no `config` and no collection yet, the five demo articles answer, from a home of their own.
    """
    question = askable(question)
    with open_assistant(configuration(config, lambda: config_or_demo(load()))) as assistant:
        return assistant.ask(question, history, filters=filters, asked_on=asked_on, use_model=use_model)


def config_or_demo(config: Config) -> Config:
    """The configuration if its collection exists; otherwise that of the demo collection, which is made at the
    first call.

    Raises `CollectionError` while the collection is being restored: the demo articles' answers might pass for
    its own."""
    if unfinished := interrupted(config.home):
        raise CollectionError(unfinished)
    return config if collection_exists(config) else make_demo(config)


def collection_exists(config: Config) -> bool:
    """Whether there is a collection in `config.home`, with articles or without."""
    return has_collection(config.home)


def make_demo(config: Config) -> Config:
    """Make the demo collection that lies beside `config.home`, or bring it up to date; its configuration."""
    config = demo(config)
    seeds, noted = _seeds(), config.home / _SEEDS_STAMP
    stamp = "".join(
        f"{f.name} {f.stat().st_size} {f.stat().st_mtime_ns}\n" for f in sorted(seeds.glob("*.txt"))
    )
    if not (noted.is_file() and noted.read_text(encoding="utf-8") == stamp and _is_current(config)):
        from ingest import sync  # the one place where reading needs writing; it takes a moment to import

        sync(seeds, config, renew=True)
        noted.write_text(stamp, encoding="utf-8")
    return config


def _is_current(config: Config) -> bool:
    """Whether a collection can be opened as it is."""
    try:
        Retriever(config.home, config, SentenceEncoder(config.encoder)).close()
    except CollectionError:
        return False
    return True


def _seeds() -> Path:
    """The folder of the demo articles."""
    spec = importlib.util.find_spec("seeds")
    if spec is None or not spec.submodule_search_locations:
        raise CollectionError("the demo articles are not installed. Add your own: clippings sync FOLDER")
    return Path(next(iter(spec.submodule_search_locations)))
