"""Language models, through llama-index: an OpenAI-compatible server, OpenAI, Anthropic, Ollama, a model of
transformers in this process, or any LLM object of llama-index. `rag.models.local` has models of a file.

The servers' and the library's errors become `ModelError` here, also in the middle of a stream.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from functools import partial
from queue import Empty, Queue
from typing import Any, Protocol, runtime_checkable

from rag.config import ModelSettings
from rag.errors import ConfigError, ModelError, ModelTrouble
from rag.models.counted import CountedReply, Tokens
from rag.system.address import without_login
from rag.system.connection import client_options
from rag.system.installed import how_to_add
from rag.system.telemetry import disable_telemetry
from rag.types import LanguageModel

__all__ = ["ChatModel", "LlamaIndexModel", "configured_model", "language_model"]

disable_telemetry()

# Where a back end is when `model.url` does not say.
_ADDRESSES = {
    "openai": "https://api.openai.com/v1",
    # Anthropic's own endpoint for OpenAI's protocol. llama-index's class for its other one wants boto, which
    # does not install beside Chroma's dependencies.
    "anthropic": "https://api.anthropic.com/v1",
    "ollama": "http://localhost:11434",
}
_BUSY = (429, 500, 502, 503, 504)  # what a server says that may be well in a moment
_WAITS = (0.5, 1.5)  # seconds before a busy server is asked again
# What httpx raises where a server ends the connection, which may have read the question by then.
_HUNG_UP = ("RemoteProtocolError", "ReadError")
# What a server says that does not know a field of the request.
_UNKNOWN_FIELD = (400, 422)
# Asks an OpenAI-compatible server to end a reply with the number of its tokens.
_WITH_USAGE = {"stream_options": {"include_usage": True}}


@runtime_checkable
class ChatModel(Protocol):
    """What is used of an LLM object of llama-index."""

    @property
    def metadata(self) -> Any: ...

    def stream_chat(self, messages: Sequence[Any]) -> Iterator[Any]: ...


class _ReplyModel(Protocol):
    """What is used of it for one reply."""

    def stream_chat(self, messages: Sequence[Any]) -> Iterator[Any]: ...


_Connected = tuple[_ReplyModel, Callable[[], None]]  # a model for one reply, and what closes it after


def language_model(model: LanguageModel | ChatModel) -> LanguageModel:
    """A model that was handed in; an LLM object of llama-index is wrapped."""
    return LlamaIndexModel.of(model) if isinstance(model, ChatModel) else model


def configured_model(
    settings: ModelSettings, environ: Mapping[str, str] = os.environ
) -> LanguageModel | None:
    """The model the configuration names, or `None`; nothing is contacted or loaded yet. Its key is looked for
    in `environ`.

    Raises `ConfigError` for a key file that cannot be read, or a key that cannot be one.
    """
    if not settings.configured:
        return None
    if settings.provider == "local":
        from rag.models.local import local_model

        return local_model(settings)
    key = settings.key(environ)
    if key is not None and not key.isprintable():
        raise ConfigError(
            "the model's key holds characters that no key has. Check CLIPPINGS_MODEL_KEY or model.key_file"
        )
    name = str(settings.name)
    where = settings.url or _ADDRESSES.get(settings.provider) or name
    if settings.provider == "huggingface":
        return LlamaIndexModel(_InProcess(settings), name, where)
    if settings.provider == "ollama":
        return LlamaIndexModel(lambda: _ollama(settings, where), name, where)
    return LlamaIndexModel(
        lambda: _openai_like(settings, where, key, _WITH_USAGE),  # no `partial`: that shows the key
        name,
        where,
        plain=lambda: _openai_like(settings, where, key, {}),
    )


def _openai_like(settings: ModelSettings, where: str, key: str | None, more: dict[str, Any]) -> _Connected:
    import httpx
    from llama_index.llms.openai_like import OpenAILike

    if key is None and settings.url is None:
        raise ModelError(
            f"{where} wants a key. Set CLIPPINGS_MODEL_KEY, or name a file with model.key_file",
            trouble=ModelTrouble.KEY,
        )
    # A connection of its own for each reply, closed by us: a reply given up half way would otherwise stay
    # open, and the server go on writing it, until the garbage collector next looks for cycles.
    connection = httpx.Client(**client_options(where, settings.timeout))
    llm = OpenAILike(
        model=settings.name,
        api_base=without_login(where),
        api_key=key or "none",  # the client refuses to start without one; a local server ignores it
        is_chat_model=True,
        context_window=settings.context_window,
        max_tokens=settings.max_tokens,
        temperature=0.0,
        timeout=settings.timeout,
        max_retries=0,  # we ask again ourselves, and only where it is safe
        http_client=connection,
        additional_kwargs=dict(more),
    )
    return llm, connection.close


def _ollama(settings: ModelSettings, where: str) -> _Connected:
    try:
        from llama_index.llms.ollama import Ollama
        from ollama import Client
    except ImportError as exc:
        raise _not_installed("ollama") from exc
    client = Client(host=without_login(where), **client_options(where, settings.timeout))
    llm = Ollama(
        model=settings.name,
        base_url=without_login(where),
        temperature=0.0,
        context_window=settings.context_window,
        request_timeout=settings.timeout,
        additional_kwargs={"num_predict": settings.max_tokens},
        client=client,
        thinking=False,  # what a model thinks is not shown, and would only be waited for
    )
    return llm, client._client.close  # its own `close` came later than the versions we take


class _InProcess:
    """A model of transformers, loaded for the first reply and kept; one reply at a time."""

    def __init__(self, settings: ModelSettings) -> None:
        self._settings = settings
        self._turn = threading.Lock()
        self._llm: Any = None

    @property
    def loaded(self) -> bool:
        return self._llm is not None

    def load(self) -> None:
        """Load the model, if it is not loaded yet. Raises `ModelError`."""
        _, close = self()
        close()

    def __call__(self) -> _Connected:
        if not self._turn.acquire(timeout=self._settings.timeout):
            raise ModelError(
                f"{self._settings.name} is busy with other questions. Ask again in a moment",
                retryable=True,
                trouble=ModelTrouble.WAITING,
            )
        try:
            if self._llm is None:
                self._llm = self._loaded()
            reply = _Watched(self._llm, self._settings.timeout, self._turn.release)
        except BaseException:
            self._turn.release()
            raise
        return reply, reply.give_up

    def _loaded(self) -> Any:
        try:
            from llama_index.llms.huggingface import HuggingFaceLLM
        except ImportError as exc:
            raise _not_installed("huggingface") from exc
        name, settings = self._settings.name, self._settings
        try:
            llm = HuggingFaceLLM(
                model_name=name,
                tokenizer_name=name,
                context_window=settings.context_window,
                max_new_tokens=settings.max_tokens,
                generate_kwargs={"do_sample": False},
                model_kwargs={
                    "local_files_only": True
                },  # a question is no moment for a download of gigabytes
                tokenizer_kwargs={"local_files_only": True},
                is_chat_model=True,
            )
        except (OSError, ValueError) as exc:
            first = next(iter(str(exc).splitlines()), type(exc).__name__)
            raise ModelError(
                f"the model {name} cannot be loaded: {first}. Is model.name a folder, or downloaded already?",
                trouble=ModelTrouble.UNUSABLE,
            ) from exc
        if llm.metadata.context_window < settings.max_tokens:
            raise ModelError(
                f"{name} reads {llm.metadata.context_window} tokens, fewer than model.max_tokens asks for",
                trouble=ModelTrouble.UNUSABLE,
            )
        return llm


class _Watched:
    """Hands on what a model in this process writes, and gives up when it is silent for too long.

    `done` is called once the model is free again: generation looks only after each token whether it has been
    given up. `tokens` counts what was read and written.
    """

    def __init__(self, llm: Any, patience: float, done: Callable[[], None]) -> None:
        self._llm, self._patience, self._done = llm, patience, done
        self._given_up = threading.Event()
        self._begun = False
        self.tokens = Tokens()

    def stream_chat(self, messages: Sequence[Any]) -> Iterator[Any]:
        from transformers import StoppingCriteria, StoppingCriteriaList

        given_up, generate, pieces = self._given_up, self._llm._model.generate, Queue[Any]()
        tokens = self.tokens

        class GivenUp(StoppingCriteria):  # type: ignore[misc]
            def __call__(self, input_ids: Any, _scores: Any, **_: object) -> Any:
                import torch

                written = (tokens.reply or 0) + 1  # this is called after each token
                tokens.prompt, tokens.reply = input_ids.shape[1] - written, written
                return torch.full((input_ids.shape[0],), given_up.is_set(), device=input_ids.device)

        def generated(*, streamer: Any, **options: object) -> Any:
            try:
                return generate(streamer=streamer, **options)
            except Exception as exc:  # noqa: BLE001  raised where the pieces are read
                pieces.put(exc)
                streamer.end()  # what reads it would wait without end
                return None

        def write() -> None:
            try:
                self._llm._model.generate = generated
                for piece in self._llm.stream_chat(messages):
                    pieces.put(piece)
                pieces.put(None)
            except Exception as exc:  # noqa: BLE001  likewise
                pieces.put(exc)
            finally:
                self._llm._model.generate = generate
                self._done()

        self._llm._stopping_criteria = StoppingCriteriaList([GivenUp()])
        self._begun = True
        threading.Thread(target=write, daemon=True).start()
        while True:
            try:
                piece = pieces.get(timeout=self._patience)
            except Empty:
                raise TimeoutError from None
            if piece is None:
                return
            if isinstance(piece, Exception):
                raise piece
            yield piece

    def give_up(self) -> None:
        self._given_up.set()
        if not self._begun:
            self._done()


def _not_installed(extra: str) -> ModelError:
    return ModelError(
        f"the back end {extra} is not installed. Add it: {how_to_add(extra)}", trouble=ModelTrouble.MISSING
    )


class LlamaIndexModel:
    """A llama-index LLM. `make` gives it for one reply, with what closes it after; importing it takes a
    second. `plain` gives one that asks for nothing that some servers do not know.
    """

    def __init__(
        self,
        make: Callable[[], _Connected],
        name: str,
        where: str,
        *,
        plain: Callable[[], _Connected] | None = None,
    ) -> None:
        self._make, self._plain = make, plain
        self._where = where
        self.name = name

    @classmethod
    def of(cls, llm: ChatModel) -> LlamaIndexModel:
        """Wrap a llama-index LLM object."""
        name = str(llm.metadata.model_name)
        return cls(lambda: (llm, lambda: None), name, name)

    @property
    def loaded(self) -> bool:
        """Whether nothing is left to load before a reply."""
        return bool(getattr(self._make, "loaded", True))

    def load(self) -> None:
        """Load a model of this process. Raises `ModelError`."""
        if isinstance(self._make, _InProcess):
            self._make.load()

    def stream(self, messages: Sequence[Mapping[str, str]]) -> CountedReply:
        """The reply, piece by piece. Closing the iterator closes the connection. Raises `ModelError`.

        A server that is busy is asked again, twice at most, as long as nothing of a reply has come. One that
        refuses to be asked for the number of tokens is asked without that from then on.
        """
        return CountedReply(partial(self._pieces, messages))

    def _pieces(self, messages: Sequence[Mapping[str, str]], tokens: Tokens) -> Generator[str, None, None]:
        plain = self._plain
        try:
            yield from self._asked_again(messages, tokens, self._make)
        except ModelError as exc:
            if plain is None or getattr(exc.__cause__, "status_code", None) not in _UNKNOWN_FIELD:
                raise
            # A reply that had begun has no status any more, so nothing was shown yet.
            yield from self._asked_again(messages, tokens, plain)
            self._make, self._plain = plain, None

    def _asked_again(
        self, messages: Sequence[Mapping[str, str]], tokens: Tokens, make: Callable[[], _Connected]
    ) -> Iterator[str]:
        for wait in (*_WAITS, None):
            begun = False
            try:
                for piece in self._reply(messages, tokens, make):
                    begun = True
                    yield piece
                return
            except ModelError as exc:
                if begun or wait is None or getattr(exc.__cause__, "status_code", None) not in _BUSY:
                    raise
            time.sleep(wait)

    def _reply(
        self, messages: Sequence[Mapping[str, str]], tokens: Tokens, make: Callable[[], _Connected]
    ) -> Iterator[str]:
        llm, close = None, None
        try:
            from llama_index.core.base.llms.types import ChatMessage

            llm, close = make()
            conversation = [ChatMessage(role=m["role"], content=m["content"]) for m in messages]
            for piece in llm.stream_chat(conversation):
                _note(piece, tokens)
                if piece.delta:
                    yield piece.delta
        except ModelError:
            raise
        except Exception as exc:
            raise _translated(exc, self._where) from exc
        finally:
            if isinstance(llm, _Watched):
                tokens.prompt, tokens.reply = llm.tokens.prompt, llm.tokens.reply
            if close is not None:
                close()


def _note(piece: Any, tokens: Tokens) -> None:
    """Note the numbers of tokens that a piece of llama-index's says, if it does. Servers say them with the
    last piece, or with each one so far."""
    raw = getattr(piece, "raw", None)
    said = getattr(raw, "usage", None) or (raw.get("usage") if isinstance(raw, Mapping) else None)
    tokens.prompt = _number(said, "prompt_tokens", tokens.prompt)
    tokens.reply = _number(said, "completion_tokens", tokens.reply)


def _number(said: Any, name: str, known: int | None) -> int | None:
    number = said.get(name) if isinstance(said, Mapping) else getattr(said, name, None)
    return number if isinstance(number, int) and not isinstance(number, bool) and number >= 0 else known


def _translated(exc: Exception, where: str) -> ModelError:
    status = getattr(exc, "status_code", None)
    name = type(exc).__name__
    if status in (401, 403):
        return ModelError(
            f"{where} refused the key. Set CLIPPINGS_MODEL_KEY to a valid one", trouble=ModelTrouble.KEY
        )
    if status == 404:
        return ModelError(
            f"{where} does not know this model or address. Check model.url and model.name",
            trouble=ModelTrouble.UNKNOWN,
        )
    if isinstance(status, int) and 300 <= status < 400:
        return ModelError(
            f"{where} sends on to another address ({status}), which is not followed. Give that one as "
            f"model.url",
            trouble=ModelTrouble.UNKNOWN,
        )
    if status == 429:
        return ModelError(
            f"{where} takes no more requests just now. Wait a little and ask again",
            retryable=True,
            trouble=ModelTrouble.BUSY,
        )
    if (
        isinstance(status, int) and status >= 100
    ):  # Ollama's says -1 for what goes wrong in the middle of a reply
        return ModelError(
            f"{where} answered with error {status}",
            retryable=status >= 500,
            trouble=ModelTrouble.BUSY if status >= 500 else ModelTrouble.QUESTION,
        )
    if "Timeout" in name:
        return ModelError(
            f"{where} did not answer in time. Is the server busy, or model.timeout too short?",
            retryable=True,
            trouble=ModelTrouble.SILENT,
        )
    if "Connect" in name and type(exc.__cause__).__name__ not in _HUNG_UP:
        return ModelError(
            f"no answer from {where}. Is the server running?",
            retryable=True,
            trouble=ModelTrouble.UNREACHABLE,
        )
    return ModelError(f"the reply of {where} broke off ({name})", retryable=True, trouble=ModelTrouble.BROKEN)
