"""The language model of a server: the one that the configuration names, or else the one saved on the page."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from rag.assistant import Assistant
from rag.config import Config, ModelSettings
from rag.errors import ConfigError, ForbiddenError
from rag.people.saved_model import SavedModel, in_force, read_model, remove_model, save_model
from rag.surfaces.services import ModelTest
from rag.types import Answerer

__all__ = ["ModelChoice", "model_name"]


@dataclass(frozen=True, slots=True)
class _Choice:
    """What is saved, or the `fault` that makes it unusable."""

    saved: SavedModel | None = None
    fault: str | None = None


class ModelChoice:
    """The saved model of a collection's home, read once. `Library.choose_model` changes it.

    `answerer_of` makes what words the answers from settings and a key; `test` asks a model one short thing. A
    saved model that cannot be used is a `fault`: the articles then answer by themselves.
    """

    def __init__(
        self,
        config: Config,
        answerer_of: Callable[[ModelSettings, str | None], Answerer | None],
        test: Callable[[ModelSettings, str | None], ModelTest],
    ) -> None:
        self._config = config
        self._answerer_of, self._test = answerer_of, test
        self._made: tuple[SavedModel, Answerer | None] | None = None
        try:
            self._choice = _Choice(read_model(config.home))
        except ConfigError as exc:
            self._choice = _Choice(fault=str(exc))
            if not self.fixed:
                logging.getLogger("clippings").warning("%s. The articles answer by themselves", exc)

    @property
    def fixed(self) -> bool:
        """Whether the configuration names a model, so that none can be chosen."""
        return self._config.model.configured

    @property
    def fault(self) -> str | None:
        """Why the saved model cannot be used, if so."""
        return self._choice.fault

    @property
    def saved(self) -> SavedModel | None:
        """The saved model, whether or not it counts."""
        return self._choice.saved

    @property
    def settings(self) -> ModelSettings:
        """The settings in force."""
        return in_force(self._config.model, self._choice.saved)

    def applied(self, assistant: Assistant) -> Assistant:
        """The assistant with the model in force. The configuration's own it has already."""
        if self.fixed:
            return assistant
        saved = self._choice.saved
        settings = in_force(self._config.model, saved)
        answerer = self._answerer(saved) if saved else None
        return assistant.answered_by(answerer, replace(assistant.config, model=settings))

    def save(self, chosen: SavedModel | None) -> None:
        """Save a model, or remove the saved one; see `Library.choose_model`."""
        if self.fixed:
            raise ForbiddenError(
                "the language model is set by the server's configuration, so it cannot be changed here. "
                "Change it in clippings.toml or the CLIPPINGS_MODEL_… variables, and restart the server"
            )
        if chosen is None:
            remove_model(self._config.home)
        else:
            self._answerer(chosen)  # raises for one that cannot be used
            save_model(self._config.home, chosen)
        self._choice = _Choice(chosen)

    def _answerer(self, saved: SavedModel) -> Answerer | None:
        """What words the answers with a model: one for both collections, so that when one finds that the
        model cannot be reached, the other does not wait for it."""
        if self._made is None or self._made[0] is not saved:
            made = self._answerer_of(in_force(self._config.model, saved), saved.key)
            self._made = (saved, made)
        return self._made[1]

    def key_for(self, settings: ModelSettings, stated: str | None) -> str | None:
        """The key for new settings: the stated one ("" for none), or the stored one if it was for the same
        provider and address. Anywhere else the stored key would reach somebody it was not meant for.
        """
        if stated is not None:
            return stated.strip() or None
        saved = self._choice.saved
        if saved is None:
            return None
        same = (saved.settings.provider, saved.settings.url) == (settings.provider, settings.url)
        return saved.key if same else None

    def test(self, chosen: SavedModel) -> ModelTest:
        """Ask a model one short thing, without saving it."""
        return self._test(in_force(self._config.model, chosen), chosen.key)


def model_name(settings: ModelSettings) -> str:
    """What a reader knows a model by.

    >>> model_name(ModelSettings(provider="local", path="/models/qwen.gguf"))
    'qwen'
    >>> model_name(ModelSettings(provider="local"))
    'SmolLM2'
    """
    if settings.provider == "local":
        return Path(settings.path).stem if settings.path else "SmolLM2"
    return settings.name or ""
