"""A language model as the answers use it: what it costs is counted, and while it cannot be used it is left
alone."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePath

from rag.answer.availability import Availability
from rag.errors import ModelError, ModelTrouble
from rag.types import LanguageModel, ModelState, Step, Usage

__all__ = ["ModelCalls", "SupervisedModel"]

# What was refused, or not reached, has read nothing and written nothing.
_NOTHING_READ = (
    ModelTrouble.UNREACHABLE,
    ModelTrouble.KEY,
    ModelTrouble.UNKNOWN,
    ModelTrouble.MISSING,
    ModelTrouble.UNUSABLE,
    ModelTrouble.QUESTION,
    ModelTrouble.WAITING,
)


class SupervisedModel:
    """A language model for many questions at the same time; what one question finds out, the others know.

    `clock` gives seconds that never run backwards.
    """

    def __init__(self, model: LanguageModel, clock: Callable[[], float] = time.monotonic) -> None:
        self.name = _shown(model.name)
        self._model, self._clock = model, clock
        self._availability = Availability(clock)

    @classmethod
    def of(cls, model: LanguageModel) -> SupervisedModel:
        """The model, supervised once."""
        return model if isinstance(model, cls) else cls(model)

    @property
    def state(self) -> ModelState:
        """What the questions so far have found."""
        return self._availability.state(self.name)

    def for_question(self) -> ModelCalls:
        """The model for one question."""
        return ModelCalls(self.name, self._model, self._availability, self._clock)

    def stream(self, messages: Sequence[Mapping[str, str]]) -> Iterator[str]:
        """One reply; see `ModelCalls.stream`."""
        return self.for_question().stream(messages)


@dataclass(slots=True)
class _Call:
    """One reply. `words`: some of it has come."""

    words: bool = False
    prompt_tokens: int | None = None
    reply_tokens: int | None = None
    seconds: float = 0.0


class ModelCalls:
    """What one question asks of a language model; itself a `LanguageModel`."""

    def __init__(
        self, name: str, model: LanguageModel, availability: Availability, clock: Callable[[], float]
    ) -> None:
        self.name = name
        self._model, self._availability, self._clock = model, availability, clock
        self._calls: list[_Call] = []

    @property
    def usage(self) -> Usage | None:
        """What the replies so far have cost; `None` where none was asked for."""
        if not self._calls:
            return None
        return Usage(
            len(self._calls),
            _total([call.prompt_tokens for call in self._calls]),
            _total([call.reply_tokens for call in self._calls]),
            round(sum(call.seconds for call in self._calls), 3),
            self.name,
        )

    @property
    def reply_tokens(self) -> int | None:
        """How many tokens the last reply had; `None` where that is not known, or no reply has ended yet."""
        return self._calls[-1].reply_tokens if self._calls else None

    def steps(self, name: str = "write", doing: str = "is writing") -> Iterator[Step]:
        """What a reader is told before a reply is asked for. A model that is not loaded yet is loaded between
        two of them.

        Raises `ModelError` where the model should not be asked now, or cannot be loaded.
        """
        self._availability.check()
        if not getattr(self._model, "loaded", True):
            yield Step("load", f"loading {self.name}")
            with self._attempt(_Call()):
                load: Callable[[], None] = getattr(self._model, "load")  # noqa: B009  not of the protocol
                load()
        yield Step(name, f"{self.name} {doing}")

    def stream(self, messages: Sequence[Mapping[str, str]]) -> Iterator[str]:
        """The reply, piece by piece. Raises `ModelError`, and `LeftAlone` where the model is not asked."""
        call = _Call()
        with self._attempt(call):
            self._calls.append(call)
            pieces = self._model.stream(messages)
            try:
                words = iter(pieces)
                while (piece := self._next(words, call)) is not None:
                    if not call.words:
                        call.words = True
                        self._availability.reached()
                    yield piece
            finally:
                # A generator that is not run to its end still holds its connection.
                if close := getattr(pieces, "close", None):
                    close()
                call.prompt_tokens = getattr(pieces, "prompt_tokens", None)
                call.reply_tokens = getattr(pieces, "reply_tokens", None)

    def _next(self, pieces: Iterator[str], call: _Call) -> str | None:
        began = self._clock()
        try:
            return next(pieces, None)
        finally:
            call.seconds += self._clock() - began

    @contextmanager
    def _attempt(self, call: _Call) -> Iterator[None]:
        """Tell the availability how a reply, or the loading before it, has ended."""
        attempt = self._availability.begin()
        try:
            yield
        except ModelError as exc:
            if exc.trouble is not ModelTrouble.STOPPED:
                logging.getLogger("clippings").warning("the language model %s: %s", self.name, exc)
            if not call.words:
                self._availability.failed(attempt, exc.trouble)
                if exc.trouble in _NOTHING_READ:
                    call.prompt_tokens = call.reply_tokens = 0
            raise
        else:
            self._availability.reached()  # an empty reply is one too
        finally:
            self._availability.given_up(attempt)


def _shown(name: str) -> str:
    """The name of a model for a reader: of one in a folder, not where on the server that is.

    >>> _shown("/srv/models/llama"), _shown("HuggingFaceTB/SmolLM2")
    ('llama', 'HuggingFaceTB/SmolLM2')
    """
    return PurePath(name).name if name.startswith(("/", ".", "~")) else name


def _total(counts: Sequence[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if len(known) == len(counts) else None
