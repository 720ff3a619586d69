"""Every setting, its default and its reason; one loader; one fingerprint.

A `Config` is a plain value. `load` reads, later ones winning: the defaults, the file `clippings.toml` (in the
working folder, or named by CLIPPINGS_CONFIG), and variables named CLIPPINGS_<SETTING> or
CLIPPINGS_<SECTION>_<SETTING>. A key is never a setting: it comes from CLIPPINGS_MODEL_KEY or from the file
that `model.key_file` names, when it is used; that of a Chroma server likewise.
"""

from __future__ import annotations

import hashlib
import json
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
    "PROVIDERS",
    "ChromaSettings",
    "Config",
    "FetchSettings",
    "ModelSettings",
    "PassageSettings",
    "RetrievalSettings",
    "ServeSettings",
    "load",
]

# What answers for the vectors: the mapped cache where it is whole and Chroma where it is not, always Chroma,
# or always the cache, made again where it is not whole.
DENSE = ("auto", "chroma", "exact")
PROVIDERS = ("openai-like", "openai", "anthropic", "ollama", "huggingface")
# Where a collection lies, how it is filled and how many ask it do not change what it answers.
_UNSEEN = frozenset({"home", "fetch", "chroma", "serve"})


_LONGEST_FILE = 1_000_000  # bytes of the configuration file
_LONGEST_KEY = 10_000  # bytes of a key file: tokens of some servers have thousands
_NO_SETTINGS = frozenset({"CLIPPINGS_CONFIG", "CLIPPINGS_MODEL_KEY", "CLIPPINGS_CHROMA_KEY"})


@lru_cache
def _kinds(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _of_kind(settings: Any, section: str) -> None:
    """Raise `ConfigError` for a value of another kind than its setting has, as a program may hand one in."""
    own: Any = type(settings)
    for name, kind in _kinds(own).items():
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


def _at_least(name: str, value: int, least: int) -> None:
    if value < least:
        raise ConfigError(f"{name} must be at least {least}, not {value}")


def _check_address(name: str, url: str | None) -> None:
    if not url:
        return
    if not url.startswith(("http://", "https://")):
        raise ConfigError(f"{name} must begin with http:// or https://, not {shown(url)!r}")
    try:
        parts = urlsplit(without_login(url))
        fits = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        fits = False
    if not fits:
        more = ". In a name or a password, write / as %2F, @ as %40 and # as %23" if "@" in url else ""
        raise ConfigError(f"{name} is not a web address: {shown(url)!r}. Check its spelling{more}")


@dataclass(frozen=True, slots=True)
class PassageSettings:
    """How articles are cut. A collection keeps the values it was made with."""

    words: int = 150  # about 195 tokens of news, so that title and passage fit the encoder's 256
    overlap: int = 1  # sentences repeated at the start of the next passage, so that a pronoun keeps its name
    title: bool = True  # the title is encoded and indexed before each passage; never part of its text

    def __post_init__(self) -> None:
        _of_kind(self, "passages.")
        _at_least("passages.words", self.words, 20)
        _at_least("passages.overlap", self.overlap, 0)


@dataclass(frozen=True, slots=True)
class RetrievalSettings:
    """How many passages each stage hands to the next."""

    candidates: int = 50  # from each of the indexes
    keep: int = 8  # become the evidence
    fuse_k: int = 10  # 60 in the paper; 10 finds more of the right articles in news, see eval/LOG.md
    # of the merged are read by the reader, and put in order by what it finds; 16 find no more, see
    # eval/LOG.md
    read: int = 14
    dense: str = "auto"  # what is asked for the nearest vectors: one of DENSE

    def __post_init__(self) -> None:
        _of_kind(self, "retrieval.")
        if self.dense not in DENSE:
            near = get_close_matches(self.dense, DENSE, 1)
            meant = f"; did you mean {near[0]}?" if near else f"; known are {', '.join(DENSE)}"
            raise ConfigError(f"unknown retrieval.dense {self.dense!r}{meant}")
        _at_least("retrieval.candidates", self.candidates, 1)
        _at_least("retrieval.read", self.read, 1)
        _at_least("retrieval.keep", self.keep, 1)
        _at_least("retrieval.fuse_k", self.fuse_k, 1)
        if self.keep > self.candidates:
            raise ConfigError(
                f"retrieval.keep ({self.keep}) must not exceed retrieval.candidates ({self.candidates}): "
                "evidence can only be kept from what was found"
            )


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """A language model. Until one is named the articles answer by themselves."""

    # The base, such as http://localhost:8000/v1; the others but huggingface have one of their own. It may
    # hold a password.
    url: str | None = field(default=None, repr=False)
    name: str | None = None  # as the server calls it; for huggingface a folder, or a name in its cache
    key_file: str | None = None
    timeout: float = 30.0  # seconds without a word from the server
    window: int = 8192  # tokens the model can read; the evidence is cut to it by rank
    max_tokens: int = 700  # of reply
    provider: str = (
        "openai-like"  # one of PROVIDERS; this one is any server that speaks OpenAI's protocol, at `url`
    )

    def __post_init__(self) -> None:
        _of_kind(self, "model.")
        if self.provider not in PROVIDERS:
            near = get_close_matches(self.provider, PROVIDERS, 1)
            meant = f"; did you mean {near[0]}?" if near else f"; known are {', '.join(PROVIDERS)}"
            raise ConfigError(f"unknown model.provider {self.provider!r}{meant}")
        if self.provider != "openai-like" and not self.name:
            raise ConfigError(
                f"model.provider is {self.provider} but model.name is not set: say which model it shall use"
            )
        if self.provider == "huggingface" and self.url:
            raise ConfigError(
                "model.url is set, but a model of huggingface runs in this process. Remove one of the two"
            )
        _check_address("model.url", self.url)
        if self.url and not self.name:
            raise ConfigError(
                f"model.url is set ({shown(self.url)}) but model.name is not: say which model the server "
                f"shall use"
            )
        if not self.timeout > 0:  # which "nan" is not either
            raise ConfigError(f"model.timeout must be more than 0 seconds, not {self.timeout}")
        _at_least("model.window", self.window, 1024)
        _at_least("model.max_tokens", self.max_tokens, 16)

    @property
    def configured(self) -> bool:
        """Whether these name a model."""
        return bool(self.name and (self.url or self.provider != "openai-like"))

    def key(self, environ: Mapping[str, str] = os.environ) -> str | None:
        """The secret, read when it is needed and kept nowhere; `None` where none is set."""
        return _secret("model.key_file", "CLIPPINGS_MODEL_KEY", self.key_file, environ)


@dataclass(frozen=True, slots=True)
class ChromaSettings:
    """Where Chroma keeps the vectors: in the collection's folder, unless a server is named."""

    # Of `chroma run`, such as http://localhost:8000, or https://api.trychroma.com; it may hold a password.
    url: str | None = field(default=None, repr=False)
    tenant: str = "default_tenant"
    database: str = "default_database"
    collection: str | None = None  # its name on the server; by default one of this collection's own
    key_file: str | None = None  # or CLIPPINGS_CHROMA_KEY
    timeout: float = 30.0  # seconds without a word from the server
    # Passages' texts and articles' facts are kept beside the vectors, so that other programs can use them.
    texts: bool = True

    def __post_init__(self) -> None:
        _of_kind(self, "chroma.")
        _check_address("chroma.url", self.url)
        if not self.timeout > 0:
            raise ConfigError(f"chroma.timeout must be more than 0 seconds, not {self.timeout}")

    def key(self, environ: Mapping[str, str] = os.environ) -> str | None:
        """The secret, read when it is needed and kept nowhere; `None` where none is set."""
        return _secret("chroma.key_file", "CLIPPINGS_CHROMA_KEY", self.key_file, environ)


def _secret(name: str, variable: str, file: str | None, environ: Mapping[str, str]) -> str | None:
    """A key from a variable, else from a file. Raises `ConfigError`, which never quotes it, for what is no
    key.
    """
    if key := environ.get(variable):
        where = variable
    elif file is None:
        return None
    else:
        where = f"{name} {file}"
        key = small_text(Path(file), name, _LONGEST_KEY).strip()
    if not (key and key.isascii() and key.isprintable()):
        raise ConfigError(
            f"{where} does not hold a key: one line of letters, digits and signs. Put the key there alone"
        )
    return key


@dataclass(frozen=True, slots=True)
class FetchSettings:
    """How web pages and feeds are fetched."""

    # also from this machine and private networks; on a page that others use, they could look around there
    private: bool = False
    pause: float = 1.0  # seconds between two requests to one host, where its robots.txt does not ask for more

    def __post_init__(self) -> None:
        _of_kind(self, "fetch.")
        if not 0 <= self.pause < 3600:
            raise ConfigError(f"fetch.pause must be from 0 to 3600 seconds, not {self.pause}")


@dataclass(frozen=True, slots=True)
class ServeSettings:
    """How many may ask the page at the same time, people, programs and tools together; and how much may be
    uploaded to it.
    """

    at_once: int = 4  # questions worked on at the same time; two cores read for two at a time
    waiting: int = 64  # that may wait for their turn; who comes after these is told to come back
    patience: float = 60.0  # seconds that one waits for its turn before it is told the same
    grace: float = 30.0  # seconds that those which are worked on have to finish when the page is stopped
    upload_bytes: int = (
        200_000_000  # of one uploaded file; a document is read in memory, and refused above this size anyway
    )
    upload_files: int = 500  # in one upload
    upload_disk: int = 2_000_000_000  # bytes of all uploads that wait to be taken in, everybody's together
    timeout: float = 120.0  # seconds that one request may take, from its turn on, before it is given up

    def __post_init__(self) -> None:
        _of_kind(self, "serve.")
        _at_least("serve.at_once", self.at_once, 1)
        _at_least("serve.waiting", self.waiting, 0)
        if not 0 < self.patience <= 3600:
            raise ConfigError(
                f"serve.patience must be more than 0 and at most 3600 seconds, not {self.patience}"
            )
        if not 0 < self.timeout <= 3600:
            raise ConfigError(
                f"serve.timeout must be more than 0 and at most 3600 seconds, not {self.timeout}"
            )
        if not 0 <= self.grace <= 3600:
            raise ConfigError(f"serve.grace must be from 0 to 3600 seconds, not {self.grace}")
        _at_least("serve.upload_bytes", self.upload_bytes, 1)
        _at_least("serve.upload_files", self.upload_files, 1)
        if self.upload_disk < self.upload_bytes:
            raise ConfigError(
                f"serve.upload_disk ({self.upload_disk}) must not be less than serve.upload_bytes "
                f"({self.upload_bytes}): "
                "else a file of that size could not be uploaded"
            )


@dataclass(frozen=True, slots=True)
class Config:
    """Where a collection lives and how it is read.

    >>> Config(home="some/folder").retrieval.keep
    8
    """

    home: Path = field(default_factory=lambda: default_home())
    encoder: str = (
        "all-MiniLM-L6-v2"  # this one is bundled; any other name or folder goes to sentence-transformers
    )
    passages: PassageSettings = PassageSettings()
    retrieval: RetrievalSettings = RetrievalSettings()
    model: ModelSettings = ModelSettings()
    fetch: FetchSettings = FetchSettings()
    serve: ServeSettings = ServeSettings()
    chroma: ChromaSettings = ChromaSettings()

    def __post_init__(self) -> None:
        _of_kind(self, "")
        if not isinstance(self.home, str | os.PathLike) or not str(os.fspath(self.home)).strip():
            raise ConfigError(f"home must be the path of a folder, not {self.home!r}")
        if "\0" in (home := str(os.fspath(self.home))) or not _is_utf8(home):
            raise ConfigError(f"home must be a path in UTF-8 and without a zero byte, not {home!r}")
        try:
            object.__setattr__(self, "home", Path(self.home).expanduser())
        except RuntimeError as exc:  # ~nobody
            raise ConfigError(f"home {home} cannot be found: {exc}. Write the whole path") from exc

    def fingerprint(self) -> str:
        """Twelve hex digits that are equal exactly when two configurations answer alike.

        >>> Config(home="a").fingerprint() == Config(home="b").fingerprint()
        True
        """
        settings = {name: value for name, value in asdict(self).items() if name not in _UNSEEN}
        return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:12]


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # Python keeps bytes that are not UTF-8 as surrogates
        return False
    return True


def default_home(environ: Mapping[str, str] = os.environ) -> Path:
    """Where a user's collection lives when nothing else is said: XDG_DATA_HOME/clippings, or
    ~/.local/share/clippings.
    """
    base = environ.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(base).expanduser() / "clippings" / "collection"


def demo(config: Config) -> Config:
    """The same settings over the demo collection, which lies beside the user's own and never in it, nor on a
    server.
    """
    return replace(config, home=config.home.with_name(f"{config.home.name}-demo"), chroma=ChromaSettings())


def load(environ: Mapping[str, str] = os.environ, **overrides: Any) -> Config:
    """The configuration of this process. `overrides` (such as `home=`) win over everything.

    Raises `ConfigError` for a file that is missing or unreadable, and for a setting that is unknown,
    of the wrong kind, or contradicts another.
    """
    named = environ.get("CLIPPINGS_CONFIG")
    path = Path(named or "clippings.toml")
    values: dict[str, Any] = {}
    if named or path.is_file():
        text = small_text(path, "the configuration file", _LONGEST_FILE)
        try:
            values = tomllib.loads(text)
        except (ValueError, RecursionError) as exc:  # TOMLDecodeError, and a number of thousands of digits
            raise ConfigError(f"the configuration file {path} is not valid TOML: {exc}") from exc
    _add_variables(values, environ)
    values.update({name: value for name, value in overrides.items() if value is not None})
    config: Config = _build(Config, values, "")
    return config


def _add_variables(values: dict[str, Any], environ: Mapping[str, str]) -> None:
    for name in sorted(environ):
        if not name.startswith("CLIPPINGS_") or name in _NO_SETTINGS:
            continue
        setting = name.removeprefix("CLIPPINGS_").lower()
        section, _, rest = setting.partition("_")
        if rest and is_dataclass(_kinds(Config).get(section)):
            inner = values.setdefault(section, {})
            if not isinstance(inner, dict):
                raise ConfigError(f"{section} must be a section of settings, not {inner!r}")
            inner[rest] = environ[name]
        else:
            values[setting] = environ[name]


def _build(kind: Any, values: Mapping[str, Any], prefix: str) -> Any:
    kinds = _kinds(kind)
    names = [f.name for f in fields(kind)]
    settings = {}
    for name, value in values.items():
        if name not in names:
            near = get_close_matches(name, names, 1)
            meant = f"; did you mean {prefix}{near[0]}?" if near else f"; known are {', '.join(names)}"
            raise ConfigError(f"unknown setting {prefix}{name}{meant}")
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
