"""A language model of a GGUF file: the real SmolLM2, which `make test` fetches first, and files that are none.

The model is small and weak. What is tested is the road, and that nothing of what it makes up is cited.
"""

from __future__ import annotations

import shutil
import struct
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import WordEncoder, WordReader, write_jsonl

import rag.models.local as local
from ingest import sync
from rag import open_assistant
from rag.config import Config, ModelSettings
from rag.errors import ConfigError, ModelError, ModelTrouble
from rag.llamaindex import ClippingsQueryEngine
from rag.models.fetch import SMOLLM2, sha256_of
from rag.models.gguf import read_header
from rag.models.language import configured_model
from rag.models.requantise import exact
from rag.system.stopping import stoppable
from rag.types import Answer, LanguageModel, ModelState, Step

pytestmark = pytest.mark.slow

FETCHED = (
    local.bundled_file()
)  # where it is for whoever runs the tests; each test has a data folder of its own
COLOURS = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Name three colours."}]
LONG = [{"role": "user", "content": "Tell a long story of a river. " * 100}]
STORY = {
    "id": "strike",
    "text": "Iran struck first on Tuesday. Pakistan replied on Thursday.",
    "source": "Dawn",
}


@pytest.fixture(scope="module")
def file() -> Path:
    if not FETCHED.is_file():
        pytest.fail(f"{FETCHED} is missing. Fetch it: make model")
    return FETCHED


@pytest.fixture(autouse=True)
def _prepared_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "_prepared", lambda: FETCHED.parent / "prepared")


def model_of(file: Path, **settings: Any) -> LanguageModel:
    model = configured_model(
        ModelSettings(provider="local", path=str(file), **{"max_tokens": 40, **settings})
    )
    assert model is not None
    return model


def resting(within: float = 5.0) -> bool:
    """Whether no thread writes a reply, soon."""
    until = time.monotonic() + within
    while time.monotonic() < until:
        if not any(thread.name == "language model" for thread in threading.enumerate()):
            return True
        time.sleep(0.02)
    return False


def test_it_answers_in_pieces_and_as_its_weights_are(file: Path) -> None:
    # Weights that were read inexactly answer "A: A\nB\nC".
    reply: Any = model_of(file).stream(COLOURS)
    pieces = list(reply)
    assert len(pieces) > 3
    assert (reply.prompt_tokens, reply.reply_tokens) == (21, 14)  # as the engine's own metrics count them
    assert "".join(pieces) == "The three primary colours are: red, blue, and yellow."
    assert "".join(model_of(file).stream(COLOURS)) == "".join(pieces)


def test_a_reply_that_is_closed_is_not_written_on(file: Path) -> None:
    pieces: Any = model_of(file, max_tokens=2_000).stream(LONG)
    assert next(iter(pieces))
    pieces.close()
    assert resting()
    assert pieces.prompt_tokens == 831
    assert 0 < pieces.reply_tokens < 10


def test_a_question_that_is_stopped_stops_its_reply_before_the_next_sentence(file: Path) -> None:
    asked = threading.Event()
    with stoppable(asked.is_set):
        pieces = iter(model_of(file, max_tokens=2_000).stream(LONG))
        next(pieces)
        asked.set()
        with pytest.raises(ModelError, match=r"^the question was stopped$"):
            list(pieces)
    assert resting()


def test_a_question_that_is_stopped_while_the_passages_are_read_is_given_up(file: Path) -> None:
    with stoppable(lambda: True), pytest.raises(ModelError, match=r"^the question was stopped$"):
        list(model_of(file).stream(LONG))
    assert resting()


def test_the_file_that_is_run_is_not_changed(file: Path) -> None:
    prepared = exact(file, read_header(file), local._prepared())
    before = sha256_of(prepared)
    assert "".join(model_of(file).stream(COLOURS))
    assert sha256_of(prepared) == before
    assert read_header(prepared).tensor_types == {0, 8}, "nothing is left that the engine reads inexactly"


def test_two_who_ask_at_once_both_get_their_reply(file: Path) -> None:
    said: dict[str, str] = {}

    def ask(question: str) -> None:
        said[question] = "".join(model_of(file).stream([COLOURS[0], {"role": "user", "content": question}]))

    questions = ["Name three colours.", "Hello"]
    threads = [threading.Thread(target=ask, args=(question,)) for question in questions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert said["Name three colours."] == "The three primary colours are: red, blue, and yellow."
    assert said["Hello"].startswith("Hello")


def test_who_waits_too_long_for_a_turn_is_told_so(file: Path) -> None:
    first = model_of(file, max_tokens=2_000).stream(LONG)
    assert next(iter(first))
    with pytest.raises(ModelError, match=r"is busy with other questions\. Ask again in a moment$") as told:
        list(model_of(file, timeout=0.2).stream(COLOURS))
    assert (told.value.retryable, told.value.trouble) == (True, ModelTrouble.WAITING)
    first.close()  # type: ignore[attr-defined]
    assert "".join(model_of(file).stream(COLOURS)), "it is free again"


def test_a_question_longer_than_the_window_is_refused(file: Path) -> None:
    with pytest.raises(ModelError, match=r"longer than the 1,024 tokens that SmolLM2.* reads\.") as told:
        list(model_of(file, context_window=1024).stream([{"role": "user", "content": "word " * 2000}]))
    assert told.value.trouble is ModelTrouble.QUESTION


def test_the_window_is_the_smaller_of_the_file_s_and_the_settings(file: Path, tmp_path: Path) -> None:
    def window(**facts: Any) -> int:
        return local.context_window(ModelSettings(provider="local", **facts))

    assert window(path=str(file), context_window=100_000) == 8192
    assert window(path=str(file), context_window=2048) == 2048
    assert window(path=str(tmp_path / "none.gguf"), context_window=2048) == 2048, "it is told of when asked"


# The whole trip.


@pytest.fixture
def ready(tmp_path: Path, config: Config, encoder: WordEncoder, file: Path) -> Config:
    from dataclasses import replace

    sync(write_jsonl(tmp_path / "news.jsonl", STORY), config, encoder=encoder)
    local.bundled_file().parent.mkdir(parents=True)
    local.bundled_file().symlink_to(file)
    return replace(config, model=ModelSettings(provider="local", max_tokens=24))


def test_questions_through_the_whole_trip_cite_what_stands_in_the_articles(
    ready: Config, encoder: WordEncoder
) -> None:
    with open_assistant(ready, encoder=encoder, reader=WordReader()) as assistant:
        *events, answer = assistant.stream("Who struck first?")
        assert isinstance(answer, Answer)
        assert assistant.answerer.startswith("generate:SmolLM2-135M-Instruct")
        # In the same test, as loading the model takes seconds.
        *told, gathered = assistant.stream("Summarise how Pakistan replied")
        assert isinstance(gathered, Answer)
    name = "SmolLM2-135M-Instruct"
    assert [e for e in events if isinstance(e, Step)][2:4] == [
        Step("load", f"loading {name}"), Step("write", f"{name} is writing"),
    ]  # fmt: skip
    usage = answer.trace.usage
    assert usage is not None
    assert (usage.calls, usage.reply_tokens, usage.model) == (1, 24, name)  # as many as it may write
    assert 200 < (usage.prompt_tokens or 0) < 600
    steps = [event.detail for event in told if isinstance(event, Step) and event.name in {"note", "write"}]
    assert steps[:2] == [f"{name} is reading", "reading passage 1 of 1: 0 notes so far"]
    assert steps[-1].startswith("writing the answer from ")
    assert gathered.trace.answerer == "generate:SmolLM2-135M-Instruct, notes 1, follow-ups 1"
    assert answer.sentences
    assert gathered.sentences
    for cited in (*answer.citations, *gathered.citations):
        assert STORY["text"][cited.start : cited.end] == cited.quote
    assert answer.trace.answerer.startswith(
        "generate:SmolLM2"
    ) or "The articles answer by themselves." in str(answer.notice)


def test_llama_index_s_query_engine_answers_with_it(ready: Config, encoder: WordEncoder) -> None:
    with open_assistant(ready, encoder=encoder, reader=WordReader()) as assistant:
        response = ClippingsQueryEngine(assistant).query("Who struck first?")
    assert "Iran" in str(response)
    assert {node.node.metadata["article_id"] for node in response.source_nodes} == {"strike"}
    assert all(node.node.get_content() in STORY["text"] for node in response.source_nodes)


def test_a_model_that_was_not_fetched_leaves_the_answer_to_the_articles(
    tmp_path: Path, config: Config, encoder: WordEncoder
) -> None:
    from dataclasses import replace

    sync(write_jsonl(tmp_path / "news.jsonl", STORY), config, encoder=encoder)
    settings = replace(config, model=ModelSettings(provider="local"))
    with open_assistant(settings, encoder=encoder, reader=WordReader()) as assistant:
        answer = assistant.ask("Who struck first?")
        # It is looked for again at the next question, and may be there by then.
        assert assistant.model_state == ModelState("SmolLM2-135M-Instruct", ModelTrouble.MISSING)
    assert answer.sentences[0].text == "Iran struck first on Tuesday."
    assert answer.notice == ("The language model is not installed. The articles answer by themselves.")


# Files that are no model.


def told(file: Path) -> str:
    with pytest.raises(ModelError) as raised:
        list(model_of(file).stream(COLOURS))
    return str(raised.value)


def text(value: str) -> bytes:
    return struct.pack("<Q", len(value)) + value.encode()


def header_of(**pairs: str) -> bytes:
    return b"".join(
        [b"GGUF", struct.pack("<IQQ", 3, 0, len(pairs))]
        + [text(key.replace("__", ".")) + struct.pack("<I", 8) + text(value) for key, value in pairs.items()]
    )


def test_files_that_are_no_model_say_what_to_do(tmp_path: Path) -> None:
    named = tmp_path / "m.gguf"
    assert told(named) == f"the model {named} cannot be read: No such file or directory. Check model.path"
    named.write_bytes(b"PK a zip")
    assert told(named) == f"{named} is no GGUF file. Name one that starts with GGUF as model.path"
    named.write_bytes(b"GGUF" + struct.pack("<I", 1))
    assert told(named) == f"{named} is of GGUF version 1; readable are 2 and 3. Name a newer file"
    damaged = (
        f"the model {named} is damaged or was cut short. Fetch it again (clippings model, where it came with "
        "that)"
    )
    for data in (
        b"GGUF\x03",
        b"GGUF" + struct.pack("<IQQ", 3, 2**60, 1),
        b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + text("key") + struct.pack("<I", 99),
        header_of(general__name="nobody says what it is built like"),
    ):
        named.write_bytes(data)
        assert told(named) == damaged
    named.write_bytes(header_of(general__architecture="llama"))
    assert told(named) == (
        "m has no chat template, so it answers no questions. Take an “instruct” or “chat” model"
    )
    named.write_bytes(header_of(general__architecture="mamba", tokenizer__chat_template="{{ messages }}"))
    assert "this one says that it is 'mamba'. Others run with model.provider ollama" in told(named)


def test_a_model_that_was_cut_short_never_reaches_the_engine(file: Path, tmp_path: Path) -> None:
    # The engine maps the file into memory, and reading behind its end would end the process.
    cut = tmp_path / "cut.gguf"
    cut.write_bytes(file.read_bytes()[:50_000_000])
    assert "is damaged or was cut short" in told(cut)


def test_the_fetched_model_with_one_byte_changed_is_refused(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = local.bundled_file()
    copy.parent.mkdir(parents=True)
    shutil.copy(file, copy)
    with copy.open("r+b") as data:
        data.seek(90_000_000)
        data.write(b"\x00\x01\x02")
    model = configured_model(ModelSettings(provider="local"))
    with pytest.raises(ModelError) as raised:
        list(model.stream(COLOURS))  # type: ignore[union-attr]
    assert str(raised.value) == (
        f"SmolLM2-135M-Instruct in {copy} is damaged or another file. Fetch it again: .venv/bin/clippings model"
    )


def test_too_little_memory_is_said_before_it_is_taken(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "available_memory", lambda: 300_000_000)
    monkeypatch.setattr(local, "_engines", {})
    assert told(file) == (
        "SmolLM2-135M-Instruct.Q4_1 takes about 0.4 GB of memory, and 0.3 GB are free. Take a smaller model, or "
        "end other programs"
    )


def test_without_the_engine_the_line_is_named_that_installs_it(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "_installed", lambda: False)
    monkeypatch.setattr(local, "_engines", {})
    assert told(file) == (
        "the engine for local models is not installed. Add it: .venv/bin/python -m pip install -c "
        "constraints.txt -e '.[local]'"
    )


def test_the_header_says_what_the_model_is(file: Path) -> None:
    header = read_header(file)
    assert (header.architecture, header.context_window, header.chat_template) == ("llama", 8192, True)
    assert (header.weights, header.tensor_types) == (134_515_008, {0, 3, 8})
    assert header.bytes == SMOLLM2.bytes


@pytest.mark.parametrize(
    ("facts", "refusal"),
    [
        (
            {"provider": "local", "url": "http://x"},
            "model.url is set, but a local model runs in this process. Remove model.url",
        ),
        (
            {"provider": "local", "name": "m"},
            "model.name is set, but a local model is a file. Name the file as model.path, or remove model.name "
            "to use the one that `clippings model` fetches",
        ),
        ({"provider": "local", "path": "m.bin"}, "model.path must be the path of a .gguf file, not 'm.bin'"),
        (
            {"provider": "ollama", "name": "m", "path": "m.gguf"},
            "model.path is set, but model.provider is ollama. Set model.provider to local, or remove model.path",
        ),
    ],
)
def test_settings_that_contradict_are_refused(facts: dict[str, Any], refusal: str) -> None:
    with pytest.raises(ConfigError) as refused:
        ModelSettings(**facts)
    assert str(refused.value) == refusal


@pytest.fixture(autouse=True)
def _at_rest() -> Iterator[None]:
    yield
    assert resting(), "a test left a reply that is being written"
