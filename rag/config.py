"""Every setting, its default and its reason; one loader; one fingerprint.

A `Config` is a plain value. `load` reads these sources; a later one wins over an earlier one: the defaults,
the file `clippings.toml` (in the working folder, or named by CLIPPINGS_CONFIG), and environment variables
named CLIPPINGS_<SETTING> or CLIPPINGS_<SECTION>_<SETTING>. An API key is never a setting. It is read when it
is needed, from CLIPPINGS_MODEL_KEY or the file that `model.key_file` names. The key of a Chroma server works
the same way. `rag.people.saved_model` has the model that was set on the page.

Settings that were renamed are listed in `RENAMED`. Their old names still work and log a warning.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Any, cast, get_type_hints
from urllib.parse import urlsplit

from rag.errors import ConfigError
from rag.system.address import shown, without_login
from rag.system.files import small_text

__all__ = [
    "PROMPTS",
    "PROVIDERS",
    "RENAMED",
    "ChromaSettings",
    "Config",
    "FetchSettings",
    "ModelSettings",
    "PassageSettings",
    "RetrievalSettings",
    "ServeSettings",
    "load",
    "models_folder",
]

# What answers for the vectors: the mapped cache where it is whole and Chroma where it is not, always Chroma,
# or always the cache, made again where it is not whole.
DENSE = ("auto", "chroma", "exact")
PROVIDERS = ("openai-like", "openai", "anthropic", "ollama", "huggingface", "local")
# How a model is asked to say what a sentence rests on; see rag/answer/prompts.py.
PROMPTS = ("numbers", "quotes", "quotes-first")
# Old name → new name. The old names still work in the file, in variables and in `load`, until release 0.3.
RENAMED = {
    "retrieval.keep": "retrieval.top_k",
    "retrieval.read": "retrieval.rerank_top_n",
    "retrieval.fuse_k": "retrieval.rrf_k",
    "model.window": "model.context_window",
    "fetch.private": "fetch.allow_private",
    "fetch.pause": "fetch.delay",
    "serve.at_once": "serve.max_concurrency",
    "serve.waiting": "serve.queue_size",
    "serve.patience": "serve.queue_timeout",
    "serve.timeout": "serve.request_timeout",
    "serve.grace": "serve.shutdown_timeout",
    "serve.upload_bytes": "serve.upload_max_file_bytes",
    "serve.upload_files": "serve.upload_max_files",
    "serve.upload_disk": "serve.upload_max_total_bytes",
}
# These sections do not change an answer: where the collection is, how it is filled, how many people ask it.
_NOT_IN_FINGERPRINT = frozenset({"home", "fetch", "chroma", "serve"})
_MAX_FILE_BYTES = 1_000_000
_MAX_KEY_BYTES = 10_000  # tokens of some servers have thousands
_OTHER_VARIABLES = frozenset({"CLIPPINGS_CONFIG", "CLIPPINGS_MODEL_KEY", "CLIPPINGS_CHROMA_KEY"})
_warned: set[str] = set()  # what this process has warned about


@lru_cache
def _field_types(section: type) -> dict[str, Any]:
    return get_type_hints(section)


def _check_types(settings: Any, section: str) -> None:
    """Raise `ConfigError` for a value of the wrong type, as a program may pass one."""
    own: Any = type(settings)
    for name, kind in _field_types(own).items():
        value, called = getattr(settings, name), f"{section}{name}"
        if kind is Path:
            continue
        if is_dataclass(kind):
            fits, wanted = isinstance(value, cast(type, kind)), f"a rag.config.{cast(type, kind).__name__}"
        elif kind is bool:
            fits, wanted = isinstance(value, bool), "true or false"
        elif kind in (int, float):
            fits = isinstance(value, int if kind is int else int | float) and not isinstance(value, bool)
            wanted = f"a {'whole ' if kind is int else ''}number"
        else:
            fits, wanted = isinstance(value, str) or (value is None and kind == str | None), "text"
        if not fits:
            raise ConfigError(f"{called} must be {wanted}, not {value!r}")


def _check_minimum(name: str, value: int, minimum: int) -> None:
    if value < minimum:
        raise ConfigError(f"{name} must be at least {minimum}, not {value}")


def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        near = get_close_matches(value, choices, 1)
        hint = f"Did you mean {near[0]}?" if near else f"Choose one of: {', '.join(choices)}"
        raise ConfigError(f"unknown {name} {value!r}. {hint}")


def _check_address(name: str, url: str | None) -> None:
    if not url:
        return
    if not url.startswith(("http://", "https://")):
        raise ConfigError(f"{name} must start with http:// or https://, not {shown(url)!r}")
    try:
        parts = urlsplit(without_login(url))
        fits = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        fits = False
    if not fits:
        hint = ". In a user name or password, write / as %2F, @ as %40 and # as %23" if "@" in url else ""
        raise ConfigError(f"{name} is not a valid URL: {shown(url)!r}. Check the spelling{hint}")


@dataclass(frozen=True, slots=True)
class PassageSettings:
    """How articles are split into passages. A collection keeps the values it was made with."""

    words: int = 150  # per passage: about 195 tokens of news, so that title and passage fit the encoder's 256
    overlap: int = 1  # sentences repeated at the start of the next passage, so that a pronoun keeps its name
    title: bool = True  # encode and index the title with each passage; it is never part of the passage's text

    def __post_init__(self) -> None:
        _check_types(self, "passages.")
        _check_minimum("passages.words", self.words, 20)
        _check_minimum("passages.overlap", self.overlap, 0)


@dataclass(frozen=True, slots=True)
class RetrievalSettings:
    """How many passages each stage hands to the next."""

    candidates: int = 50  # passages taken from each index
    top_k: int = 8  # passages that become the evidence
    rrf_k: int = 10  # reciprocal rank fusion: 60 in the paper; 10 finds more of the right articles in news
    rerank_top_n: int = 14  # fused passages that the reader re-ranks; 16 find no more, see eval/LOG.md
    dense: str = "auto"  # what is asked for the nearest vectors: one of DENSE
    # Passages that a language model reads, a few at a time, for a summary, a timeline, a comparison or a list
    gather_top_k: int = 24

    def __post_init__(self) -> None:
        _check_types(self, "retrieval.")
        if self.dense not in DENSE:
            near = get_close_matches(self.dense, DENSE, 1)
            meant = f"; did you mean {near[0]}?" if near else f"; known are {', '.join(DENSE)}"
            raise ConfigError(f"unknown retrieval.dense {self.dense!r}{meant}")
        _check_minimum("retrieval.candidates", self.candidates, 1)
        _check_minimum("retrieval.rerank_top_n", self.rerank_top_n, 1)
        _check_minimum("retrieval.top_k", self.top_k, 1)
        _check_minimum("retrieval.rrf_k", self.rrf_k, 1)
        _check_minimum("retrieval.gather_top_k", self.gather_top_k, 1)
        if self.top_k > self.candidates:
            raise ConfigError(
                f"retrieval.top_k ({self.top_k}) must not exceed retrieval.candidates ({self.candidates}): "
                "the evidence is chosen from the candidates"
            )


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """The language model. Without one, answers are sentences of the articles themselves."""

    # The base URL, such as http://localhost:8000/v1. Required for openai-like; the other providers have a
    # default, and huggingface has none. It may hold a password.
    url: str | None = field(default=None, repr=False)
    name: str | None = None  # as the server calls it; for huggingface a folder, or a name in its cache
    key_file: str | None = None
    timeout: float = 30.0  # seconds without data from the server
    context_window: int = 8192  # tokens; the evidence is cut to fit, lowest rank first
    max_tokens: int = 700  # of the reply
    provider: str = "openai-like"  # one of PROVIDERS; this one is any OpenAI-compatible server, at `url`
    # For provider local: a GGUF file, relative to the working folder. Default: what `clippings model` fetched
    path: str | None = None
    prompt: str = "numbers"  # one of PROMPTS; what each was measured to do is in eval/LOG.md
    passages: int = 8  # that the model is given at most, and that become the evidence where it answers
    # Replies of the model for one question. A summary, a timeline, a comparison or a list takes one for every
    # few passages and one for the answer; with 1, it is answered in one reply as other questions are
    max_calls: int = 6

    def __post_init__(self) -> None:
        _check_types(self, "model.")
        _check_choice("model.provider", self.provider, PROVIDERS)
        _check_choice("model.prompt", self.prompt, PROMPTS)
        if self.provider == "local":
            self._check_local()
        elif self.path:
            raise ConfigError(
                f"model.path is set, but model.provider is {self.provider}. Set model.provider to local, or "
                "remove model.path"
            )
        if self.provider not in ("openai-like", "local") and not self.name:
            raise ConfigError(
                f"model.provider is {self.provider} but model.name is not set. Set it to the model to use"
            )
        if self.provider == "huggingface" and self.url:
            raise ConfigError(
                "model.url is set, but a huggingface model runs in this process. Remove model.url"
            )
        _check_address("model.url", self.url)
        if self.url and not self.name:
            raise ConfigError(
                f"model.url is set ({shown(self.url)}) but model.name is not. Set it to a model of that "
                "server"
            )
        if not self.timeout > 0:  # which "nan" is not either
            raise ConfigError(f"model.timeout must be more than 0 seconds, not {self.timeout}")
        _check_minimum("model.context_window", self.context_window, 1024)
        _check_minimum("model.max_tokens", self.max_tokens, 16)
        _check_minimum("model.passages", self.passages, 1)
        _check_minimum("model.max_calls", self.max_calls, 1)

    def _check_local(self) -> None:
        if self.url:
            raise ConfigError("model.url is set, but a local model runs in this process. Remove model.url")
        if self.name:
            raise ConfigError(
                "model.name is set, but a local model is a file. Name the file as model.path, or remove "
                "model.name to use the one that `clippings model` fetches"
            )
        if self.path is not None and not self.path.lower().endswith(".gguf"):
            raise ConfigError(f"model.path must be the path of a .gguf file, not {self.path!r}")

    @property
    def configured(self) -> bool:
        """Whether a model is set."""
        return self.provider == "local" or bool(self.name and (self.url or self.provider != "openai-like"))

    def key(self, environ: Mapping[str, str] = os.environ) -> str | None:
        """The API key, read when it is needed and never stored; `None` if there is none."""
        return _secret("model.key_file", "CLIPPINGS_MODEL_KEY", self.key_file, environ)


@dataclass(frozen=True, slots=True)
class ChromaSettings:
    """Where Chroma stores the vectors: in the collection's folder, unless `url` names a server."""

    # A `chroma run` server such as http://localhost:8000, or https://api.trychroma.com. It may hold a
    # password.
    url: str | None = field(default=None, repr=False)
    tenant: str = "default_tenant"
    database: str = "default_database"
    collection: str | None = None  # its name on the server; by default a name unique to this collection
    key_file: str | None = None  # or CLIPPINGS_CHROMA_KEY
    timeout: float = 30.0  # seconds without data from the server
    # Passages' texts and articles' facts are kept beside the vectors, so that other programs can use them.
    texts: bool = True

    def __post_init__(self) -> None:
        _check_types(self, "chroma.")
        _check_address("chroma.url", self.url)
        if not self.timeout > 0:
            raise ConfigError(f"chroma.timeout must be more than 0 seconds, not {self.timeout}")

    def key(self, environ: Mapping[str, str] = os.environ) -> str | None:
        """The API key, read when it is needed and never stored; `None` if there is none."""
        return _secret("chroma.key_file", "CLIPPINGS_CHROMA_KEY", self.key_file, environ)


def _secret(name: str, variable: str, file: str | None, environ: Mapping[str, str]) -> str | None:
    """A key from the variable, else from the file. Raises `ConfigError` for a malformed key, without quoting
    it."""
    if key := environ.get(variable):
        where = variable
    elif file is None:
        return None
    else:
        where = f"{name} {file}"
        key = small_text(Path(file), name, _MAX_KEY_BYTES).strip()
    if not (key and key.isascii() and key.isprintable()):
        raise ConfigError(
            f"{where} does not hold a valid key. A key is one line of printable ASCII characters, and "
            "nothing else"
        )
    return key


@dataclass(frozen=True, slots=True)
class FetchSettings:
    """How web pages and feeds are fetched."""

    # Also fetch from this machine and private networks. On a shared server, users could then explore them.
    allow_private: bool = False
    delay: float = 1.0  # seconds between two requests to one host, unless its robots.txt asks for more

    def __post_init__(self) -> None:
        _check_types(self, "fetch.")
        if not 0 <= self.delay < 3600:
            raise ConfigError(f"fetch.delay must be from 0 to 3600 seconds, not {self.delay}")


@dataclass(frozen=True, slots=True)
class ServeSettings:
    """Limits of the server: questions, requests and uploads."""

    max_concurrency: int = 4  # questions answered at the same time; two cores run two at full speed
    queue_size: int = 64  # questions that may wait; later ones are refused
    queue_timeout: float = 60.0  # seconds that a question may wait before it is refused
    shutdown_timeout: float = 30.0  # seconds that running questions have to finish when the server stops
    # Of one uploaded file. A document is read into memory, and refused above this size in any case.
    upload_max_file_bytes: int = 200_000_000
    upload_max_files: int = 500  # in one upload
    upload_max_total_bytes: int = 2_000_000_000  # of all uploads that wait to be added, of all users
    request_timeout: float = 120.0  # seconds that a request may take, including its time in the queue

    def __post_init__(self) -> None:
        _check_types(self, "serve.")
        _check_minimum("serve.max_concurrency", self.max_concurrency, 1)
        _check_minimum("serve.queue_size", self.queue_size, 0)
        for name, seconds in (
            ("queue_timeout", self.queue_timeout),
            ("request_timeout", self.request_timeout),
        ):
            if not 0 < seconds <= 3600:
                raise ConfigError(f"serve.{name} must be more than 0 and at most 3600 seconds, not {seconds}")
        if not 0 <= self.shutdown_timeout <= 3600:
            raise ConfigError(
                f"serve.shutdown_timeout must be from 0 to 3600 seconds, not {self.shutdown_timeout}"
            )
        _check_minimum("serve.upload_max_file_bytes", self.upload_max_file_bytes, 1)
        _check_minimum("serve.upload_max_files", self.upload_max_files, 1)
        if self.upload_max_total_bytes < self.upload_max_file_bytes:
            raise ConfigError(
                f"serve.upload_max_total_bytes ({self.upload_max_total_bytes}) must not be less than "
                f"serve.upload_max_file_bytes ({self.upload_max_file_bytes}): a file of that size could not "
                "be uploaded"
            )


@dataclass(frozen=True, slots=True)
class Config:
    """Every setting of one collection.

    >>> Config(home="some/folder").retrieval.top_k
    8
    """

    home: Path = field(default_factory=lambda: default_home())
    encoder: str = "all-MiniLM-L6-v2"  # bundled; any other name or folder goes to sentence-transformers
    passages: PassageSettings = PassageSettings()
    retrieval: RetrievalSettings = RetrievalSettings()
    model: ModelSettings = ModelSettings()
    fetch: FetchSettings = FetchSettings()
    serve: ServeSettings = ServeSettings()
    chroma: ChromaSettings = ChromaSettings()

    def __post_init__(self) -> None:
        _check_types(self, "")
        if not isinstance(self.home, str | os.PathLike) or not str(os.fspath(self.home)).strip():
            raise ConfigError(f"home must be the path of a folder, not {self.home!r}")
        if "\0" in (home := str(os.fspath(self.home))) or not _is_utf8(home):
            raise ConfigError(f"home must be a path in UTF-8 without a zero byte, not {home!r}")
        try:
            object.__setattr__(self, "home", Path(self.home).expanduser())
        except RuntimeError as exc:  # ~nobody
            raise ConfigError(f"home {home} cannot be found: {exc}. Write the full path") from exc

    def fingerprint(self) -> str:
        """Twelve hex digits that are equal exactly when two configurations answer alike.

        >>> Config(home="a").fingerprint() == Config(home="b").fingerprint()
        True
        """
        settings = {name: value for name, value in asdict(self).items() if name not in _NOT_IN_FINGERPRINT}
        return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:12]


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # Python keeps bytes that are not UTF-8 as surrogates
        return False
    return True


def default_home(environ: Mapping[str, str] = os.environ) -> Path:
    """The default `home`: XDG_DATA_HOME/clippings/collection, or ~/.local/share/clippings/collection."""
    base = environ.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(base).expanduser() / "clippings" / "collection"


def models_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Where `clippings model` puts a language model: the folder `models` beside the default `home`.

    >>> models_folder({"XDG_DATA_HOME": "/data"}).as_posix()
    '/data/clippings/models'
    """
    return default_home(environ).with_name("models")


def demo(config: Config) -> Config:
    """The same settings for the demo collection, a folder beside the user's own and never on a server."""
    return replace(config, home=config.home.with_name(f"{config.home.name}-demo"), chroma=ChromaSettings())


def load(environ: Mapping[str, str] = os.environ, **overrides: Any) -> Config:
    """The configuration of this process. `overrides` (such as `home=`) win over everything.

    Raises `ConfigError` for a file that is missing or unreadable, and for a setting that is unknown,
    of the wrong type, or contradicts another.
    """
    named = environ.get("CLIPPINGS_CONFIG")
    path = Path(named or "clippings.toml")
    values: dict[str, Any] = {}
    if named or path.is_file():
        text = small_text(path, "the configuration file", _MAX_FILE_BYTES)
        try:
            values = tomllib.loads(text)
        except (ValueError, RecursionError) as exc:  # TOMLDecodeError, and a number of thousands of digits
            raise ConfigError(f"the configuration file {path} is not valid TOML: {exc}") from exc
    values = _with_new_names(values, str(path))
    _add_variables(values, environ)
    given = {name: value for name, value in overrides.items() if value is not None}
    values.update(_with_new_names(given, "load()"))
    config: Config = _build(Config, values, "")
    return config


def _with_new_names(values: Mapping[str, Any], where: str) -> dict[str, Any]:
    """The same settings with `RENAMED` applied to each section. Warns once for each old name.

    Raises `ConfigError` where a section has a setting by its old name and by its new one.
    """
    renamed = dict(values)
    for old, new in RENAMED.items():
        section, _, name = old.partition(".")
        settings = renamed.get(section)
        if isinstance(settings, Mapping) and name in settings:
            new_name = new.partition(".")[2]
            if new_name in settings:
                raise ConfigError(f"{old} is the old name of {new}, and {where} sets both. Remove {old}")
            renamed[section] = {new_name if key == name else key: value for key, value in settings.items()}
            _warn(f"{old} ({where})", new)
    return renamed


def _warn(old: str, new: str) -> None:
    if old not in _warned:
        _warned.add(old)
        logging.getLogger("clippings").warning(
            "%s is now called %s. The old name stops working in release 0.3", old, new
        )


def _add_variables(values: dict[str, Any], environ: Mapping[str, str]) -> None:
    for name in sorted(environ):
        if not name.startswith("CLIPPINGS_") or name in _OTHER_VARIABLES:
            continue
        setting = name.removeprefix("CLIPPINGS_").lower()
        section, _, rest = setting.partition("_")
        if rest and is_dataclass(_field_types(Config).get(section)):
            if new := RENAMED.get(f"{section}.{rest}"):
                rest = new.partition(".")[2]
                variable = f"CLIPPINGS_{new.replace('.', '_').upper()}"
                if variable in environ:
                    raise ConfigError(
                        f"{name} is the old name of {variable}, and both are set. Remove {name}"
                    )
                _warn(name, variable)
            settings = values.setdefault(section, {})
            if not isinstance(settings, dict):
                raise ConfigError(f"{section} must be a section of settings, not {settings!r}")
            settings[rest] = environ[name]
        else:
            values[setting] = environ[name]


def _build(kind: Any, values: Mapping[str, Any], prefix: str) -> Any:
    kinds = _field_types(kind)
    names = [f.name for f in fields(kind)]
    settings = {}
    for name, value in values.items():
        if name not in names:
            near = get_close_matches(name, names, 1)
            hint = f"Did you mean {prefix}{near[0]}?" if near else f"The settings are: {', '.join(names)}"
            raise ConfigError(f"unknown setting {prefix}{name}. {hint}")
        settings[name] = _value(kinds[name], value, prefix + name)
    return kind(**settings)


def _value(kind: Any, value: Any, name: str) -> Any:
    if is_dataclass(kind):
        if not isinstance(value, Mapping):
            raise ConfigError(f"{name} must be a section of settings, not {value!r}")
        return _build(kind, value, f"{name}.")
    if kind is Path:
        if not isinstance(value, str | os.PathLike) or not str(os.fspath(value)).strip():
            raise ConfigError(f"{name} must be the path of a folder, not {value!r}")
        return Path(value)
    if kind is bool:
        if isinstance(value, bool):
            return value
        if str(value).lower() in {"true", "1", "yes", "on", "false", "0", "no", "off"}:
            return str(value).lower() in {"true", "1", "yes", "on"}
        raise ConfigError(f"{name} must be true or false, not {value!r}")
    if kind in (int, float):
        try:
            if isinstance(value, bool) or (kind is int and isinstance(value, float)):
                raise ValueError
            return kind(value)
        except (TypeError, ValueError) as exc:
            raise ConfigError(
                f"{name} must be a {'whole ' if kind is int else ''}number, not {value!r}"
            ) from exc
    if not isinstance(value, str):
        raise ConfigError(f"{name} must be text, not {value!r}")
    return value or None if kind == str | None else value
