"""Language models, through llama-index: any OpenAI-compatible server, or any LLM object of llama-index.

The servers' and the library's errors become `ModelError` here, also in the middle of a stream.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from rag.config import ModelSettings
from rag.errors import ConfigError, ModelError
from rag.types import LanguageModel

__all__ = ["LlamaIndexModel", "configured_model"]


def configured_model(settings: ModelSettings) -> LanguageModel | None:
    """The model the configuration names, or `None`; nothing is contacted yet.

    Raises `ConfigError` for a key file that cannot be read, or a key that cannot be one.
    """
    if settings.url is None or settings.name is None:
        return None
    key = settings.key()
    if key is not None and not key.isprintable():
        raise ConfigError("the model's key holds characters that no key has. Check CLIPPINGS_MODEL_KEY or model.key_file")
    return LlamaIndexModel(lambda: _openai_like(settings, key), settings.name, settings.url)


def _openai_like(settings: ModelSettings, key: str | None) -> tuple[Any, Callable[[], None]]:
    import httpx
    from llama_index.llms.openai_like import OpenAILike

    # A connection of its own for each reply, closed by us: a reply given up half way would otherwise stay
    # open, and the server go on writing it, until the garbage collector next looks for cycles.
    connection = httpx.Client(timeout=settings.timeout, follow_redirects=True)
    llm = OpenAILike(
        model=settings.name,
        api_base=settings.url,
        api_key=key or "none",  # the client refuses to start without one; a local server ignores it
        is_chat_model=True,
        context_window=settings.window,
        max_tokens=settings.max_tokens,
        temperature=0.0,
        timeout=settings.timeout,
        max_retries=0,  # a fallback that answers now is better than a wait
        http_client=connection,
    )
    return llm, connection.close


class LlamaIndexModel:
    """A llama-index LLM. `make` gives it for one reply, with what closes it after; importing it takes a second."""

    def __init__(self, make: Callable[[], tuple[Any, Callable[[], None]]], name: str, where: str) -> None:
        self._make = make
        self._where = where
        self.name = name

    @classmethod
    def of(cls, llm: Any) -> LlamaIndexModel:
        """Wrap a llama-index LLM object."""
        name = str(llm.metadata.model_name)
        return cls(lambda: (llm, lambda: None), name, name)

    def stream(self, messages: Sequence[Mapping[str, str]]) -> Iterator[str]:
        """The reply, piece by piece. Closing the iterator closes the connection. Raises `ModelError`."""
        close: Callable[[], None] | None = None
        try:
            from llama_index.core.base.llms.types import ChatMessage

            llm, close = self._make()
            conversation = [ChatMessage(role=m["role"], content=m["content"]) for m in messages]
            for piece in llm.stream_chat(conversation):
                if piece.delta:
                    yield piece.delta
        except Exception as exc:
            raise _translated(exc, self._where) from exc
        finally:
            if close is not None:
                close()


def _translated(exc: Exception, where: str) -> ModelError:
    status = getattr(exc, "status_code", None)
    name = type(exc).__name__
    if status in (401, 403):
        return ModelError(f"{where} refused the key. Set CLIPPINGS_MODEL_KEY to a valid one")
    if status == 404:
        return ModelError(f"{where} does not know this model or address. Check model.url and model.name")
    if status == 429:
        return ModelError(f"{where} takes no more requests just now. Wait a little and ask again", retryable=True)
    if isinstance(status, int):
        return ModelError(f"{where} answered with error {status}", retryable=status >= 500)
    if "Timeout" in name:
        return ModelError(f"{where} did not answer in time. Is the server busy, or model.timeout too short?", retryable=True)
    if "Connect" in name:
        return ModelError(f"no answer from {where}. Is the server running?", retryable=True)
    return ModelError(f"the reply of {where} broke off ({name})", retryable=True)
