"""The language model that was chosen on the page, in a file of the collection's home.

`model.json` has the model's key, so only its owner can read it, and no backup takes it along. It counts only
where the configuration names no model: see `in_force`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from rag.config import ModelSettings, models_folder
from rag.errors import CollectionError, ConfigError
from rag.system.address import login
from rag.system.files import private_folder, replace_private, small_text

__all__ = [
    "FILE", "SavedModel", "fixed", "in_force", "model_files", "read_model", "remove_model", "save_model",
]  # fmt: skip

FILE = "model.json"
_MAX_BYTES = 40_000
_MAX_KEY_CHARACTERS = 10_000  # tokens of some servers have thousands
# Those that may be chosen on the page. A model of `huggingface` is any folder of
# the machine, which is not for a page to name.
_PROVIDERS = ("local", "ollama", "openai", "anthropic", "openai-like")
# What the configuration may set for whatever model is chosen.
_BESIDES = ("timeout", "context_window", "max_tokens", "prompt", "passages")
_DEFAULTS = ModelSettings()


@dataclass(frozen=True, slots=True)
class SavedModel:
    """The settings of a language model, and its key. Raises `ConfigError` for what cannot be saved.

    >>> "sk-1" in repr(SavedModel(ModelSettings(name="m", provider="ollama"), key="sk-1"))
    False
    """

    settings: ModelSettings
    key: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        chosen = self.settings
        if chosen.provider not in _PROVIDERS:
            raise ConfigError(
                f"a model of {chosen.provider} cannot be chosen on the page. Set it in clippings.toml"
            )
        if chosen.provider == "openai-like" and not chosen.url:
            raise ConfigError(
                "the address of the server is missing. Enter it, such as http://localhost:8000/v1"
            )
        if chosen.key_file is not None:
            raise ConfigError("a key file cannot be named on the page. Enter the key itself")
        if chosen.url and login(chosen.url) is not None:
            raise ConfigError(
                "the address has a user name or a password, which would be shown with it. Leave them out: a "
                "key has its own field, and an address with a password can be set in clippings.toml"
            )
        if chosen.path is not None:
            _require_model_file(chosen.path)
        if self.key is not None and not _is_key(self.key):
            raise ConfigError(
                "this is not a valid key. A key is one line of printable ASCII characters, and nothing else"
            )


def model_files() -> list[str]:
    """The names of the model files that may be chosen: those in the folder where `clippings model` puts one.

    A page must not name files elsewhere: what it says of them would tell what there is on the machine.
    """
    folder = models_folder()
    try:
        return sorted(file.name for file in folder.iterdir() if file.suffix.lower() == ".gguf")
    except OSError:  # there is no such folder until a model is fetched or put there
        return []


def _require_model_file(path: str) -> None:
    if Path(path).parent != models_folder():
        raise ConfigError(f"a model file is chosen by its name alone, from the folder {models_folder()}")
    if Path(path).name not in model_files():
        raise ConfigError(
            f"there is no model file {Path(path).name!r} in {models_folder()}. Put it there, and choose it "
            "again"
        )


def in_force(configured: ModelSettings, saved: SavedModel | None) -> ModelSettings:
    """The settings that count: the configuration's where it names a model, and otherwise those that were
    saved. What the configuration sets besides a model stays as it is.

    >>> saved = SavedModel(ModelSettings(name="m", provider="ollama", timeout=5.0))
    >>> in_force(ModelSettings(), saved) == saved.settings
    True
    >>> in_force(ModelSettings(timeout=90.0), saved).timeout
    90.0
    >>> in_force(ModelSettings(name="gpt", provider="openai"), saved).name
    'gpt'
    """
    if saved is None or configured.configured:
        return configured
    return replace(saved.settings, **fixed(configured))


def fixed(configured: ModelSettings) -> dict[str, Any]:
    """What the configuration sets besides a model: the settings that are not at their defaults.

    >>> fixed(ModelSettings(timeout=90.0))
    {'timeout': 90.0}
    """
    stated = {name: getattr(configured, name) for name in _BESIDES}
    return {name: value for name, value in stated.items() if value != getattr(_DEFAULTS, name)}


def read_model(home: Path) -> SavedModel | None:
    """The model that is saved in a collection's home, or `None`. Raises `ConfigError` for a damaged file."""
    file = home / FILE
    if not file.exists():
        return None
    text = small_text(file, "the file of the saved language model", _MAX_BYTES)
    try:
        return _from_json(json.loads(text))
    except (ValueError, TypeError, KeyError, RecursionError, ConfigError) as exc:
        # Messages of Python itself could show a part of the key.
        why = f": {exc}" if isinstance(exc, ConfigError) else ""
        raise ConfigError(
            f"the saved language model in {file} cannot be used{why}. Save it again on the page, or remove "
            "the file"
        ) from None


def save_model(home: Path, saved: SavedModel) -> None:
    """Save a model in a collection's home, in place of an earlier one. Raises `CollectionError` where that
    cannot be written; then nothing has changed.
    """
    text = json.dumps(_to_json(saved), indent=1) + "\n"
    try:
        private_folder(home)
        replace_private(home / FILE, text)
    except OSError as exc:
        raise CollectionError(
            f"the language model cannot be saved in {home}: {exc.strerror}. Nothing was changed"
        ) from exc


def remove_model(home: Path) -> None:
    """Remove the saved model, if there is one. Raises `CollectionError` where that cannot be done."""
    try:
        (home / FILE).unlink(missing_ok=True)
    except OSError as exc:
        raise CollectionError(
            f"the saved language model cannot be removed from {home}: {exc.strerror}. Nothing was changed"
        ) from exc


def _to_json(saved: SavedModel) -> dict[str, Any]:
    chosen = saved.settings
    return {
        "provider": chosen.provider,
        "url": chosen.url,
        "name": chosen.name,
        "file": Path(chosen.path).name if chosen.path else None,
        "timeout": chosen.timeout,
        "context_window": chosen.context_window,
        "key": saved.key,
    }


def _from_json(stated: object) -> SavedModel:
    if not isinstance(stated, Mapping):
        raise TypeError
    facts = dict(stated)
    key, file = facts.pop("key"), facts.pop("file")
    if not isinstance(key, str | None) or not isinstance(file, str | None):
        raise TypeError
    return SavedModel(ModelSettings(path=str(models_folder() / file) if file else None, **facts), key)


def _is_key(key: str) -> bool:
    return 0 < len(key) <= _MAX_KEY_CHARACTERS and key.isascii() and key.isprintable()
