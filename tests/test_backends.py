"""The back ends besides OpenAI's protocol: Ollama's own over a real server, and real models of transformers,
made here, small and random: what they write is nonsense, so the articles have to answer, and every stage has
run for real."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
from conftest import WordEncoder, WordReader, write_jsonl

from ingest import sync
from rag import open_assistant
from rag.config import Config, ModelSettings
from rag.errors import ConfigError, ModelError, ModelTrouble
from rag.models.language import configured_model
from rag.types import Answer, Step

pytestmark = [pytest.mark.server, pytest.mark.slow]

HELLO = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}]
STORY = {
    "id": "strike",
    "text": "Iran struck first on Tuesday. Pakistan replied on Thursday.",
    "source": "Dawn",
}
TEMPLATE = "{% for m in messages %}<{{ m['role'] }}> {{ m['content'] }}\n{% endfor %}<assistant> "


@pytest.fixture(autouse=True)
def on_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.setenv(name, "127.0.0.1,localhost")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


@pytest.fixture
def ready(tmp_path: Path, config: Config, encoder: WordEncoder) -> Config:
    sync(write_jsonl(tmp_path / "news.jsonl", STORY), config, encoder=encoder)
    return config


def answered(config: Config, settings: ModelSettings, encoder: WordEncoder) -> Answer:
    with open_assistant(
        config, encoder=encoder, reader=WordReader(), model=configured_model(settings)
    ) as assistant:
        return assistant.ask("Who struck first?")


# Ollama.


class Ollama(BaseHTTPRequestHandler):
    """Speaks `/api/chat`: one JSON object a line. `pieces` are what it says; a number is a status to refuse
    with, `None` waits.
    """

    pieces: ClassVar[list[Any]] = []
    counts: ClassVar[dict[str, int]] = {"prompt_eval_count": 1840, "eval_count": 96}
    requests: ClassVar[list[dict[str, Any]]] = []
    hung_up = threading.Event()

    def do_POST(self) -> None:
        type(self).requests.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        first = self.pieces[0]
        if isinstance(first, int):
            self.send_response(first)
            self.end_headers()
            self.wfile.write(b'{"error": "model not found"}')
            return
        self.send_response(200)
        self.send_header("Content-Type", "application/x-ndjson")
        self.end_headers()
        try:
            for piece in self.pieces:
                if isinstance(piece, dict):  # as it comes
                    self.wfile.write(json.dumps(piece).encode() + b"\n")
                    return
                while piece is None:
                    self._say("word ")
                    time.sleep(0.01)
                self._say(piece)
            self._say("", done=True)
        except OSError:
            self.hung_up.set()

    def _say(self, text: str, done: bool = False) -> None:
        line = {
            "model": "m",
            "created_at": "2024-01-20T00:00:00Z",
            "message": {"role": "assistant", "content": text},
            "done": done,
            **(self.counts if done else {}),
        }
        self.wfile.write(json.dumps(line).encode() + b"\n")
        self.wfile.flush()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def ollama(*pieces: Any) -> Iterator[tuple[type[Ollama], ModelSettings]]:
    speaker = type(
        "Speaking", (Ollama,), {"pieces": list(pieces), "requests": [], "hung_up": threading.Event()}
    )
    with ThreadingHTTPServer(("127.0.0.1", 0), speaker) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        yield (
            speaker,
            ModelSettings(url, "m", timeout=10, context_window=2048, max_tokens=64, provider="ollama"),
        )
        server.shutdown()


def test_ollama_is_asked_as_configured_and_its_sentences_are_checked(
    ready: Config, encoder: WordEncoder
) -> None:
    with ollama("Iran struck ", "first on Tuesday [1]. ", "Snow fell in Quetta [1].") as (speaker, settings):
        answer = answered(ready, settings, encoder)
    assert answer.text == "Iran struck first on Tuesday. [1]"
    assert answer.withheld == ("Snow fell in Quetta.",)
    assert answer.trace.answerer.startswith("generate:m")
    usage = answer.trace.usage
    assert usage is not None
    assert (usage.calls, usage.prompt_tokens, usage.reply_tokens, usage.model) == (1, 1840, 96, "m")
    (request,) = speaker.requests
    assert (request["model"], request["stream"], request["options"]["num_ctx"]) == ("m", True, 2048)
    assert (request["options"]["num_predict"], request["options"]["temperature"]) == (64, 0.0)
    assert [m["role"] for m in request["messages"]] == ["system", "user"]
    assert STORY["text"] in request["messages"][1]["content"]


def test_a_model_that_ollama_does_not_have_is_said_and_the_articles_answer(
    ready: Config, encoder: WordEncoder
) -> None:
    with ollama(404) as (speaker, settings):
        answer = answered(ready, settings, encoder)
    assert answer.sentences[0].text == "Iran struck first on Tuesday."
    assert answer.notice == "The language model is not available. The articles answer by themselves."
    assert len(speaker.requests) == 1


def test_a_reply_of_ollama_given_up_half_way_is_hung_up_on() -> None:
    with ollama("Iran ", None) as (speaker, settings):
        pieces = configured_model(settings).stream(HELLO)  # type: ignore[union-attr]
        assert next(pieces) == "Iran "
        pieces.close()  # type: ignore[attr-defined]
        assert speaker.hung_up.wait(10), "the server is still writing"


def test_what_goes_wrong_in_the_middle_of_a_reply_of_ollama_is_a_reply_that_broke_off() -> None:
    with ollama("Iran ", {"error": "out of memory"}) as (_, settings):
        pieces = configured_model(settings).stream(HELLO)  # type: ignore[union-attr]
        assert next(pieces) == "Iran "
        with pytest.raises(
            ModelError, match=rf"^the reply of {settings.url} broke off \(ResponseError\)$"
        ) as told:
            next(pieces)
    assert told.value.retryable


def test_where_ollama_does_not_run_that_is_said() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(ModelError, match=rf"^no answer from {url}\. Is the server running\?$"):
        list(configured_model(ModelSettings(url, "m", provider="ollama")).stream(HELLO))  # type: ignore[union-attr]


# Hosted ones.


@pytest.mark.parametrize(
    ("provider", "address"), [("openai", "api.openai.com"), ("anthropic", "api.anthropic.com")]
)
def test_a_hosted_model_without_a_key_says_what_to_set_and_calls_nobody(
    provider: str, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CLIPPINGS_MODEL_KEY", raising=False)
    model = configured_model(ModelSettings(name="m", provider=provider))
    with pytest.raises(
        ModelError, match=rf"^https://{address}/v1 wants a key\. Set CLIPPINGS_MODEL_KEY, or name a file"
    ):
        list(model.stream(HELLO))  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        ({"provider": "olama", "name": "m"}, "unknown model.provider 'olama'. Did you mean ollama?"),
        (
            {"provider": "ollama"},
            "model.provider is ollama but model.name is not set. Set it to the model to use",
        ),
        (
            {"provider": "huggingface", "name": "m", "url": "http://x"},
            "model.url is set, but a huggingface model runs in this process. Remove model.url",
        ),
    ],
)
def test_settings_that_contradict_are_refused(facts: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError) as refused:
        ModelSettings(**facts)
    assert str(refused.value) == told


def test_a_back_end_that_is_not_installed_names_the_line_that_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for extra, module in (
        ("ollama", "llama_index.llms.ollama"),
        ("huggingface", "llama_index.llms.huggingface"),
    ):
        monkeypatch.setitem(sys.modules, module, None)  # as Python marks what cannot be imported
        model = configured_model(ModelSettings(name="m", provider=extra))
        with pytest.raises(ModelError) as told:
            list(model.stream(HELLO))  # type: ignore[union-attr]
        assert str(told.value) == (
            f"the back end {extra} is not installed. Add it: .venv/bin/python -m pip install -c "
            f"constraints.txt -e '.[{extra}]'"
        )


# Real models, random and small.


@pytest.fixture(scope="module")
def nonsense(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Llama of two layers with random weights, and a tokenizer of single bytes with a chat template."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("nonsense")
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = Tokenizer(models.BPE({c: i for i, c in enumerate([*alphabet, "<s>", "</s>"])}, []))
    words.pre_tokenizer, words.decoder = (
        pre_tokenizers.ByteLevel(add_prefix_space=False),
        decoders.ByteLevel(),
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=words, bos_token="<s>", eos_token="</s>", pad_token="</s>"
    )
    tokenizer.chat_template = TEMPLATE
    tokenizer.save_pretrained(folder)
    torch.manual_seed(55)
    size = LlamaConfig(
        vocab_size=len(words.get_vocab()), hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2,
        max_position_embeddings=16_384, bos_token_id=256, eos_token_id=None, pad_token_id=257,
        initializer_range=0.5,
    )  # fmt: skip
    model = LlamaForCausalLM(size)
    with torch.no_grad():
        model.lm_head.weight[256:] = 0  # it never ends by itself
        model.lm_head.weight[words.token_to_id("Ġ")] *= (
            2  # and often writes a space, after which a piece is handed on
        )
    model.save_pretrained(folder)
    return folder


def in_process(folder: Path, **facts: Any) -> ModelSettings:
    return ModelSettings(
        name=str(folder), provider="huggingface", **{"max_tokens": 40, "timeout": 60.0, **facts}
    )


def test_a_model_in_this_process_writes_nonsense_and_the_articles_answer(
    nonsense: Path, ready: Config, encoder: WordEncoder
) -> None:
    settings = in_process(nonsense)
    reply: Any = configured_model(settings).stream(HELLO)  # type: ignore[union-attr]
    assert "".join(reply), "it has written something"
    asked = "<system> Be brief.\n<user> Hello\n<assistant> "  # of which each byte is a token
    assert (reply.prompt_tokens, reply.reply_tokens) == (len(asked), 40)
    answer = answered(ready, settings, encoder)
    assert answer.sentences[0].text == "Iran struck first on Tuesday."
    assert (
        answer.notice
        == "Nothing the language model said is in the articles. The articles answer by themselves."
    )


def test_a_reply_in_this_process_that_is_given_up_is_not_written_on(nonsense: Path) -> None:
    before = set(threading.enumerate())

    def writing() -> bool:
        return bool(set(threading.enumerate()) - before)

    model = configured_model(in_process(nonsense, max_tokens=8_000))
    assert model is not None
    pieces = model.stream(HELLO)
    assert next(pieces)
    assert writing()
    pieces.close()  # type: ignore[attr-defined]
    patience = time.monotonic() + 3  # the whole of it would take longer
    while writing() and time.monotonic() < patience:
        time.sleep(0.05)
    assert not writing()
    again = model.stream(HELLO)
    assert next(again), "the model is free again"
    again.close()  # type: ignore[attr-defined]


def test_a_generation_that_fails_is_told_at_once_and_leaves_the_model_free(
    nonsense: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = configured_model(in_process(nonsense))
    assert "".join(model.stream(HELLO))  # type: ignore[union-attr]

    def exhausted(*_: Any, **__: Any) -> None:
        raise RuntimeError("out of memory")

    theirs = model._make._llm._model  # type: ignore[union-attr]
    began = time.monotonic()
    with monkeypatch.context() as patched:
        patched.setattr(theirs, "generate", exhausted)
        with pytest.raises(ModelError, match=r"broke off \(RuntimeError\)"):
            list(model.stream(HELLO))  # type: ignore[union-attr]
        with model._make._turn:  # type: ignore[union-attr]  # its thread has put back what it found
            pass
    assert time.monotonic() - began < 20, "it was waited for"
    assert "".join(model.stream(HELLO))  # type: ignore[union-attr]


def test_a_model_in_this_process_is_loaded_once_and_the_reader_is_told_before(
    nonsense: Path, ready: Config, encoder: WordEncoder, tmp_path: Path
) -> None:
    model = configured_model(in_process(nonsense))
    with open_assistant(ready, encoder=encoder, reader=WordReader(), model=model) as assistant:
        for load in ([Step("load", f"loading {nonsense.name}")], []):
            steps = [e for e in assistant.stream("Who struck first?") if isinstance(e, Step)]
            assert steps[2:-1] == [*load, Step("write", f"{nonsense.name} is writing")]
    missing = configured_model(in_process(tmp_path / "none"))
    with open_assistant(ready, encoder=encoder, reader=WordReader(), model=missing) as assistant:
        answer = assistant.ask("Who struck first?")
        assert answer.notice == "The language model cannot be loaded. The articles answer by themselves."
        state = assistant.model_state
        assert state is not None
        assert (state.trouble, 0 < state.retry_in <= 30) == (ModelTrouble.UNUSABLE, True)


def test_a_model_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(
        ModelError,
        match=r"^the model .*none cannot be loaded: .*Is model\.name a folder, or downloaded already\?$",
    ):
        list(configured_model(in_process(tmp_path / "none")).stream(HELLO))  # type: ignore[union-attr]


@pytest.fixture(scope="module")
def model_server(nonsense: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """`transformers serve`, which speaks OpenAI's protocol."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = Path(sys.executable).with_name("transformers")
    environ = {**os.environ, "HF_HUB_OFFLINE": "1", "no_proxy": "127.0.0.1"}
    log = tmp_path_factory.mktemp("server") / "log"
    server = subprocess.Popen(
        [str(program), "serve", "--host", "127.0.0.1", "--port", str(port), "--device", "cpu", str(nonsense)],
        env=environ,
        stdout=log.open("wb"),
        stderr=subprocess.STDOUT,
    )
    try:
        for _ in range(240):
            if server.poll() is not None:
                raise AssertionError(f"the server did not start: {log.read_text()}")
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=1).close()
                break
            except OSError:
                time.sleep(0.5)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        server.terminate()
        server.wait(timeout=20)


def test_a_real_server_streams_nonsense_and_the_articles_answer(
    model_server: str, nonsense: Path, ready: Config, encoder: WordEncoder
) -> None:
    settings = ModelSettings(model_server, str(nonsense), timeout=60, max_tokens=60)
    pieces = list(configured_model(settings).stream(HELLO))  # type: ignore[union-attr]
    assert len(pieces) > 1, "it came in pieces"
    answer = answered(ready, settings, encoder)
    assert answer.sentences[0].text == "Iran struck first on Tuesday."
    assert "The articles answer by themselves." in str(answer.notice)


def test_a_reply_of_a_real_server_can_be_given_up(model_server: str, nonsense: Path) -> None:
    settings = ModelSettings(model_server, str(nonsense), timeout=60, max_tokens=6_000)
    began = time.monotonic()
    for _ in range(2):
        pieces = configured_model(settings).stream(HELLO)  # type: ignore[union-attr]
        assert next(pieces)
        pieces.close()  # type: ignore[attr-defined]
    assert time.monotonic() - began < 30
