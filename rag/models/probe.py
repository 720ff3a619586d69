"""One short request to a language model, to see whether it answers; and what came of it, in words."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from rag.config import ModelSettings
from rag.errors import ModelError
from rag.models.language import configured_model
from rag.system.address import shown
from rag.system.stopping import stoppable
from rag.types import LanguageModel

__all__ = ["PROMPT", "Probe", "probe", "probe_model"]

PROMPT = (
    {"role": "user", "content": "Reply with the word yes."},
)  # no word of an article leaves the machine
_ENOUGH = 80  # characters of the reply
_WAIT = 20.0  # seconds without data from a server
_WAIT_LOCAL = 60.0  # seconds for a model on this machine, which may have to be loaded


@dataclass(frozen=True, slots=True)
class Probe:
    """Whether a model `works`, and a `message` that says what came, or what is wrong and what to do.
    `seconds` is how long it took until the first words, `None` where none came."""

    works: bool
    message: str
    seconds: float | None = None


def probe(settings: ModelSettings, key: str | None) -> Probe:
    """Ask the model of these settings one short thing. Nothing is raised for a model that does not answer.

    Raises `ConfigError` for a key that cannot be one.
    """
    wait = _WAIT_LOCAL if settings.provider == "local" else min(settings.timeout, _WAIT)
    settings = replace(settings, timeout=wait)
    model = configured_model(settings, {"CLIPPINGS_MODEL_KEY": key} if key else {})
    if model is None:
        return Probe(False, "No model is chosen.")
    return probe_model(model, settings, wait, has_key=key is not None)


def probe_model(model: LanguageModel, settings: ModelSettings, wait: float, *, has_key: bool) -> Probe:
    """Ask a model one short thing, and read the beginning of its reply for `wait` seconds at most."""
    began = time.monotonic()
    first: float | None = None
    reply = ""
    pieces = model.stream(list(PROMPT))
    try:
        with stoppable(lambda: time.monotonic() - began > wait):
            for piece in pieces:
                if first is None:
                    first = time.monotonic() - began
                reply += piece
                if len(reply) > _ENOUGH or time.monotonic() - began > wait:
                    break
    except ModelError as exc:
        slow = time.monotonic() - began > wait
        return Probe(False, _slow(settings, wait) if slow else _in_words(exc, settings, wait, has_key))
    finally:
        if close := getattr(pieces, "close", None):
            close()
    said = " ".join(reply.split())
    if first is None or not said:
        return Probe(
            False,
            f"{model.name} sent an empty reply. Check that it is loaded, that it is a model for chats, and "
            "that the provider is right.",
        )
    cut = said if len(said) <= _ENOUGH else f"{said[:_ENOUGH]}…"
    return Probe(True, f"{model.name} answers: “{cut}”. Its first words came after {first:.1f} s.", first)


def _in_words(error: ModelError, settings: ModelSettings, wait: float, has_key: bool) -> str:
    """What is wrong, for a person with a form of these settings before them; see `rag.models.language`."""
    if settings.provider == "local":
        return _sentence(str(error))
    where = _where(settings)
    status, kind = getattr(error.__cause__, "status_code", None), type(error.__cause__).__name__
    if status in (401, 403) or (error.__cause__ is None and not has_key):
        return (
            f"{where} refuses the key. Enter another one." if has_key else f"{where} wants a key. Enter one."
        )
    if status == 404:
        return (
            f"{where} answers, but does not know the model {settings.name}, or the address has another path. "
            "Check the name and the address."
        )
    if isinstance(status, int) and 300 <= status < 400:
        return f"{where} sends on to another address, which is not followed. Enter that one."
    if status == 429:
        return (
            f"{where} takes no more requests just now. Try again in a while, or check what your key allows."
        )
    if isinstance(status, int) and status >= 100:
        return (
            f"{where} answers with error {status}. Check the name of the model, or look at the server's log."
        )
    if "Timeout" in kind:
        return _slow(settings, wait)
    if "Connect" in kind:
        return f"No server answers at {where}. Check the address, and whether the server is running."
    if isinstance(error.__cause__, ImportError):
        return _sentence(str(error))
    return (
        f"{where} answers, but not as a language model's server does. Check the address: it often ends in "
        "/v1."
    )


def _slow(settings: ModelSettings, wait: float) -> str:
    if settings.provider == "local":
        return f"The model did not answer within {wait:.0f} s. It may be too large for this machine."
    return (
        f"{_where(settings)} did not answer within {wait:.0f} s. It may be loading the model: try again in a "
        "minute. If that does not help, check the address."
    )


def _where(settings: ModelSettings) -> str:
    names = {"openai": "OpenAI", "anthropic": "Anthropic", "ollama": "http://localhost:11434"}
    return shown(settings.url) if settings.url else names[settings.provider]


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith('.') else '.'}"
