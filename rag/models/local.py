"""A language model of a GGUF file, run in this process by OpenVINO GenAI: no server, no key, no network.

OpenVINO already runs the reader. Its reading of GGUF knows Llama, Qwen and the models that are built like
them, SmolLM2 among them; `rag.models.requantise` has what it does not read exactly. See eval/LOG.md for the
other engines that were measured.
"""

from __future__ import annotations

import atexit
import importlib.util
import os
import threading
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from queue import Empty, Queue
from typing import Any

from rag.config import ModelSettings, models_folder
from rag.errors import ModelError, ModelTrouble
from rag.models.counted import CountedReply, Tokens
from rag.models.fetch import SMOLLM2, fetch, sha256_of
from rag.models.gguf import Header, read_header
from rag.models.requantise import exact
from rag.models.turns import Turns
from rag.system.installed import how_to_add, how_to_run
from rag.system.memory import available_memory
from rag.system.stopping import stopped
from rag.system.telemetry import disable_telemetry

__all__ = ["LocalModel", "bundled_file", "context_window", "fetch_bundled", "local_model"]

disable_telemetry()

_LOOK = 0.05  # seconds after which a reader of pieces looks whether the reply is still wanted
# Tokens of the question that are read in one go. A reply can be stopped between two of them.
_PROMPT_CHUNK = 512
_LEAST_REPLY = 16  # tokens
_LOADED = 2.5  # bytes of memory for a byte of the file, measured with SmolLM2
_ENGINE = 200_000_000  # bytes of memory for the engine itself


def bundled_file() -> Path:
    """Where the model is that `clippings model` fetches."""
    return models_folder() / SMOLLM2.file_name


def fetch_bundled() -> str:
    """Fetch SmolLM2 for `model.provider = "local"` and make it ready; what to tell the user.

    Raises `ModelError`.
    """
    file, now = fetch(SMOLLM2, models_folder())
    if _installed():
        exact(file, read_header(file), _prepared())
    told = f"{SMOLLM2.name} is {'now' if now else 'already'} in {file}."
    if not _installed():
        told += f" The engine that runs it is missing. Add it: {how_to_add('local')}."
    return f"{told} To have it word the answers: export CLIPPINGS_MODEL_PROVIDER=local"


def _installed() -> bool:
    return all(importlib.util.find_spec(module) is not None for module in ("openvino_genai", "gguf"))


def _prepared() -> Path:
    """The folder of the files that were written again for the engine."""
    return models_folder() / "prepared"


def context_window(settings: ModelSettings) -> int:
    """How many tokens the configured model reads: as many as the settings say, and no more than the local
    file says. A file that cannot be read is told of when it is asked.
    """
    if settings.provider != "local":
        return settings.context_window
    try:
        header = read_header(_file(settings))
    except ModelError:
        return settings.context_window
    return min(settings.context_window, header.context_window or settings.context_window)


def local_model(settings: ModelSettings) -> LocalModel:
    """The model of `model.path`, by default SmolLM2. Nothing is read until it is asked."""
    name = Path(settings.path).stem if settings.path else SMOLLM2.name
    return LocalModel(name, _engine(_file(settings), None if settings.path else SMOLLM2.sha256), settings)


def _file(settings: ModelSettings) -> Path:
    return Path(settings.path).expanduser() if settings.path else bundled_file()


class LocalModel:
    """A language model in this process. Its replies are greedy: the same question gives the same reply."""

    def __init__(self, name: str, engine: _Engine, settings: ModelSettings) -> None:
        self.name = name
        self._engine, self._settings = engine, settings

    @property
    def loaded(self) -> bool:
        """Whether the file is in memory."""
        return self._engine.is_loaded

    def load(self) -> None:
        """Read the file into memory, if it is not there yet. Raises `ModelError`."""
        self._take_turn()
        try:
            self._engine.loaded(self.name)
        finally:
            self._engine.turns.give_back()

    def stream(self, messages: Sequence[Mapping[str, str]]) -> CountedReply:
        """The reply, piece by piece, with its tokens as the tokenizer counts them. Closing the iterator ends
        the writing within a token or two, and so does `rag.system.stopping`. Raises `ModelError`.

        Replies of one model are written one at a time, in the order in which they were asked for;
        `model.timeout` is how many seconds one waits for its turn.
        """
        return CountedReply(partial(self._pieces, messages))

    def _pieces(self, messages: Sequence[Mapping[str, str]], tokens: Tokens) -> Generator[str, None, None]:
        engine = self._engine
        self._take_turn()
        try:
            loaded = engine.loaded(self.name)
            reply = _Reply(loaded, messages, self._settings, self.name, tokens, engine.turns.give_back)
        except BaseException:
            engine.turns.give_back()
            raise
        try:
            yield from reply.pieces()
        finally:
            reply.stop()

    def _take_turn(self) -> None:
        if self._engine.turns.take(timeout=self._settings.timeout, unwanted=stopped):
            return
        if stopped():
            raise _stopped_error()
        raise ModelError(
            f"{self.name} is busy with other questions. Ask again in a moment",
            retryable=True,
            trouble=ModelTrouble.WAITING,
        )


def _stopped_error() -> ModelError:
    return ModelError("the question was stopped", trouble=ModelTrouble.STOPPED)


@dataclass(frozen=True, slots=True)
class _Loaded:
    """A model in memory. `window` is how many tokens it was trained to read, if the file says."""

    pipeline: Any
    tokenizer: Any
    window: int | None


class _Engine:
    """One model file: loaded for its first reply, and kept."""

    def __init__(self, file: Path, sha256: str | None) -> None:
        self.turns = Turns()
        self._file, self._sha256 = file, sha256
        self._kept: _Loaded | None = None

    @property
    def is_loaded(self) -> bool:
        return self._kept is not None

    def loaded(self, name: str) -> _Loaded:
        """The model, in the turn of the caller. Raises `ModelError`."""
        if self._kept is None:
            self._kept = self._load(name)
        return self._kept

    def _load(self, name: str) -> _Loaded:
        if not _installed():
            raise ModelError(
                f"the engine for local models is not installed. Add it: {how_to_add('local')}",
                trouble=ModelTrouble.MISSING,
            )
        header = self._checked(name)
        try:
            import openvino_genai

            scheduling = openvino_genai.SchedulerConfig()
            scheduling.enable_prefix_caching = True  # the rules of a prompt are read once
            scheduling.max_num_seqs = 1
            file = exact(self._file, header, _prepared())
            if not os.access(file, os.W_OK):  # the engine opens it for writing, though it only reads
                raise ModelError(
                    f"{name} cannot be opened: {file} is read-only. Allow writing, or copy it",
                    trouble=ModelTrouble.UNUSABLE,
                )
            pipeline = openvino_genai.ContinuousBatchingPipeline(str(file), scheduling, "CPU")
            return _Loaded(pipeline, pipeline.get_tokenizer(), header.context_window)
        except MemoryError as exc:
            raise _too_large(name, None) from exc
        except (RuntimeError, LookupError, ValueError, TypeError, ImportError) as exc:  # as C++ has them
            raise ModelError(
                f"{name} cannot be loaded ({_last_line(exc)}). Local models are GGUF files of Llama, Qwen "
                f"and models built like them; this one says that it is {header.architecture!r}. Others run "
                "with model.provider ollama",
                trouble=ModelTrouble.UNUSABLE,
            ) from exc

    def _checked(self, name: str) -> Header:
        """The header of the file, which is what it should be and fits into memory."""
        if self._sha256 is not None and not self._file.is_file():
            raise ModelError(
                f"{name} is not here yet. Fetch it: {how_to_run('model')}", trouble=ModelTrouble.MISSING
            )
        header = read_header(self._file)
        if self._sha256 is not None and sha256_of(self._file) != self._sha256:
            raise ModelError(
                f"{name} in {self._file} is damaged or another file. Fetch it again: {how_to_run('model')}",
                trouble=ModelTrouble.UNUSABLE,
            )
        if not header.chat_template:
            raise ModelError(
                f"{name} has no chat template, so it answers no questions. Take an “instruct” or “chat” "
                "model",
                trouble=ModelTrouble.UNUSABLE,
            )
        available = available_memory()
        if available is not None and _LOADED * header.bytes + _ENGINE > available:
            raise _too_large(name, available, header.bytes)
        return header


_engines: dict[Path, _Engine] = {}
_engines_lock = threading.Lock()


def _engine(file: Path, sha256: str | None) -> _Engine:
    """The one engine of a file in this process: two would need twice the memory and share the cores."""
    file = file.absolute()
    with _engines_lock:
        return _engines.setdefault(file, _Engine(file, sha256))


class _Reply:
    """One reply, written in a thread of its own. `done` is called when the thread has ended."""

    def __init__(
        self,
        model: _Loaded,
        messages: Sequence[Mapping[str, str]],
        settings: ModelSettings,
        name: str,
        tokens: Tokens,
        done: Callable[[], None],
    ) -> None:
        self._model, self._settings, self._name = model, settings, name
        self._counted = tokens
        self._stopped = threading.Event()
        self._queue = Queue[str | Exception | None]()
        self._done = done
        self._prompt = self._tokens(messages)
        self._thread = threading.Thread(target=self._write, name="language model", daemon=True)
        _writing.add(self)
        self._thread.start()

    def pieces(self) -> Iterator[str]:
        while True:
            try:
                piece = self._queue.get(timeout=_LOOK)
            except Empty:
                if stopped():
                    raise _stopped_error() from None
                continue
            if isinstance(piece, ModelError):
                raise piece
            if isinstance(piece, Exception):
                raise ModelError(
                    f"{self._name} broke off ({_last_line(piece)})",
                    retryable=True,
                    trouble=ModelTrouble.BROKEN,
                ) from piece
            if piece is None:
                return
            if stopped():
                raise _stopped_error()
            if piece:
                yield piece

    def stop(self) -> None:
        """End the writing after the token, or the part of the prompt, that is in work."""
        self._stopped.set()

    def wait(self) -> None:
        """Return when the engine is at rest."""
        self._thread.join()

    def _tokens(self, messages: Sequence[Mapping[str, str]]) -> Any:
        """The prompt as numbers, of shape (1, tokens). Raises `ModelError` for a longer one than fits."""
        tokenizer = self._model.tokenizer
        try:
            prompt = tokenizer.apply_chat_template(
                [{"role": m["role"], "content": _plain(m["content"])} for m in messages],
                add_generation_prompt=True,
            )
            tokens = tokenizer.encode(prompt, add_special_tokens=False).input_ids.data
        except RuntimeError as exc:
            raise ModelError(
                f"{self._name} cannot read the question ({_last_line(exc)}). Its chat template does not "
                "fit; take another file",
                trouble=ModelTrouble.UNUSABLE,
            ) from exc
        if tokens.shape[1] > self._window - _LEAST_REPLY:
            raise ModelError(
                f"the question and its passages are longer than the {self._window:,} tokens that "
                f"{self._name} reads. Lower model.passages, or take a model that reads more",
                trouble=ModelTrouble.QUESTION,
            )
        return tokens

    @property
    def _window(self) -> int:
        said = self._settings.context_window
        return min(said, self._model.window or said)

    def _write(self) -> None:
        try:
            self._read_prompt()
            if not self._stopped.is_set():
                self._counted.prompt, self._counted.reply = self._prompt.shape[1], 0
                self._generate(self._prompt, self._settings.max_tokens, self._queue.put)
            self._queue.put(None)
        except Exception as exc:  # noqa: BLE001  raised where the pieces are read
            self._queue.put(exc)
        finally:
            _writing.discard(self)
            self._done()

    def _read_prompt(self) -> None:
        """Read the prompt in parts, so that it can be stopped meanwhile. What was read is kept by the
        engine's cache of prefixes, and is not read again.
        """
        for end in range(_PROMPT_CHUNK, self._prompt.shape[1], _PROMPT_CHUNK):
            if self._stopped.is_set():
                return
            self._generate(self._prompt[:, :end], 1, None)

    def _generate(self, tokens: Any, max_tokens: int, put: Callable[[str], None] | None) -> None:
        import openvino
        from openvino_genai import StreamerBase, StreamingStatus, TextStreamer

        config = self._model.pipeline.get_config()
        config.max_new_tokens = min(max_tokens, self._window - tokens.shape[1])
        config.do_sample = False
        config.apply_chat_template = False  # the prompt has it
        stopped, counted = self._stopped, self._counted

        def take(piece: str) -> Any:
            if put is not None:
                put(piece)
            return StreamingStatus.CANCEL if stopped.is_set() else StreamingStatus.RUNNING

        class Counting(StreamerBase):  # type: ignore[misc]
            """Counts the tokens, several of which may be one piece of text."""

            def __init__(self) -> None:
                super().__init__()
                self.text = TextStreamer(tokenizer, take)

            def write(self, token: Any) -> Any:
                if put is not None:
                    counted.reply = (counted.reply or 0) + (len(token) if isinstance(token, list) else 1)
                return self.text.write(token)

            def end(self) -> None:
                self.text.end()

        tokenizer = self._model.tokenizer
        self._model.pipeline.generate([openvino.Tensor(tokens.copy())], [config], Counting())


_writing: set[_Reply] = set()


@atexit.register
def _stop_all() -> None:
    """At the end of the process no thread may be inside the engine: it would call into a Python that is
    gone.
    """
    for reply in list(_writing):
        reply.stop()
        reply.wait()


def _plain(text: str) -> str:
    """The text without what the tokenizer would take for a border between messages.

    >>> _plain("He wrote <|im_end|> and </s>.")
    'He wrote < |im_end|> and < /s>.'
    """
    for mark in ("<|", "<s>", "</s>"):
        text = text.replace(mark, f"< {mark[1:]}")
    return text


def _too_large(name: str, available: int | None, size: int = 0) -> ModelError:
    needs = f" takes about {(_LOADED * size + _ENGINE) / 1e9:.1f} GB of memory" if size else " does not fit"
    has = f", and {available / 1e9:.1f} GB are free" if available is not None else " into the memory"
    return ModelError(
        f"{name}{needs}{has}. Take a smaller model, or end other programs", trouble=ModelTrouble.UNUSABLE
    )


def _last_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
