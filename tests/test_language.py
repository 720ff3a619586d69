"""Language models over the wire: a real server on loopback that speaks OpenAI's chat completions, well and
badly.

The client is llama-index's, as configured; only the other end is ours.
"""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from conftest import WordEncoder, WordReader, write_jsonl

from ingest import sync
from rag import open_assistant
from rag.answer.prompts import DECLINE
from rag.config import Config, ModelSettings
from rag.errors import ConfigError, ModelError, ModelTrouble
from rag.models import language as models
from rag.models.language import LlamaIndexModel, configured_model
from rag.types import Abstention, Answer, Sentence, Step, Support, Usage

pytestmark = pytest.mark.server

SECRET = "sk-7f3a-not-to-be-seen"
PATIENCE = 10.0  # seconds for what should take none
HELLO = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}]


class Reply:
    """What a behaviour writes: server-sent events, in HTTP chunks."""

    def __init__(self, handler: BaseHTTPRequestHandler) -> None:
        self._handler = handler

    def begin(self, kind: str = "text/event-stream") -> None:
        self._handler.send_response(200)
        self._handler.send_header("Content-Type", kind)
        self._handler.send_header("Transfer-Encoding", "chunked")
        self._handler.end_headers()

    def raw(self, data: str) -> None:
        chunk = data.encode()
        self._handler.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))

    def say(self, text: str | None, **more: Any) -> None:
        delta = {} if text is None else {"role": "assistant", "content": text}
        choice = {"index": 0, "delta": delta, "finish_reason": None}
        event = {
            "id": "c",
            "object": "chat.completion.chunk",
            "created": 1,
            "model": "m",
            "choices": [choice],
        } | more
        self.raw(f"data: {json.dumps(event)}\n\n")

    def end(self) -> None:
        self.raw("data: [DONE]\n\n")
        self._handler.wfile.write(b"0\r\n\r\n")

    def refuse(self, status: int, message: str) -> None:
        body = json.dumps({"error": {"message": message}}).encode()
        self._handler.send_response(status)
        self._handler.send_header("Content-Length", str(len(body)))
        self._handler.end_headers()
        self._handler.wfile.write(body)

    def cut(self) -> None:
        self._handler.connection.shutdown(socket.SHUT_RDWR)


Behaviour = Callable[[Reply], None]


@dataclass
class Server:
    """`behaviour` answers each request; `requests` are the path, the authorization and the body of each."""

    url: str
    behaviour: Behaviour
    requests: list[tuple[str, str | None, dict[str, Any]]] = field(default_factory=list)
    hung_up: threading.Event = field(default_factory=threading.Event)  # a write found the client gone
    go_on: threading.Event = field(default_factory=threading.Event)  # for behaviours that wait

    def settings(self, **facts: Any) -> ModelSettings:
        return replace(ModelSettings(self.url, "m", timeout=PATIENCE), **facts)


def saying(*pieces: str) -> Behaviour:
    def behave(reply: Reply) -> None:
        reply.begin()
        for piece in pieces:
            reply.say(piece)
        reply.end()

    return behave


def refusing(status: int) -> Behaviour:
    return lambda reply: reply.refuse(status, f"no, {SECRET} is not good here")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    for name in ("no_proxy", "NO_PROXY"):  # loopback is reached directly on every machine
        monkeypatch.setenv(name, "127.0.0.1")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            serving.requests.append((self.path, self.headers["Authorization"], body))
            self.close_connection = True
            try:
                serving.behaviour(Reply(self))
            except OSError:
                serving.hung_up.set()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            pass

    with Quiet(("127.0.0.1", 0), Handler) as listening:
        serving = Server(f"http://127.0.0.1:{listening.server_address[1]}/v1", saying("Hello", " there."))
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield serving
        finally:
            serving.go_on.set()
            listening.shutdown()
            thread.join()


def stream(settings: ModelSettings, messages: Sequence[Mapping[str, str]] = HELLO) -> Iterator[str]:
    model = configured_model(settings)
    assert model is not None
    return model.stream(messages)


def failure(settings: ModelSettings) -> tuple[list[str], ModelError]:
    """What came before the error, and the error."""
    came: list[str] = []
    with pytest.raises(ModelError) as error:
        came.extend(stream(settings))
    assert error.value.__cause__ is not None, "the vendor's error is the cause"
    return came, error.value


# Configured or not.


def test_without_an_address_or_a_name_there_is_no_model() -> None:
    assert configured_model(ModelSettings()) is None
    assert configured_model(ModelSettings(name="m")) is None


def test_nothing_is_contacted_before_a_question(server: Server) -> None:
    model = configured_model(server.settings())
    assert model is not None
    assert (model.name, server.requests) == ("m", [])


def test_a_key_that_cannot_be_one_is_refused_without_being_shown(server: Server, tmp_path: Path) -> None:
    (tmp_path / "key").write_text(f"{SECRET}\nand another line")
    with pytest.raises(ConfigError, match=r"^model\.key_file /.*/key does not hold a valid key\. ") as error:
        configured_model(server.settings(key_file=str(tmp_path / "key")))
    assert SECRET not in str(error.value)


# A reply.


def test_a_reply_comes_piece_by_piece_and_empty_pieces_do_not(server: Server) -> None:
    server.behaviour = saying("Iran ", "", "struck\n", "first. [1]")
    assert list(stream(server.settings())) == ["Iran ", "struck\n", "first. [1]"]


def test_what_is_asked_for_is_what_was_configured(server: Server) -> None:
    assert list(stream(server.settings(name="llama-7", max_tokens=64))) == ["Hello", " there."]
    assert server.requests == [
        (
            "/v1/chat/completions",
            "Bearer none",
            {
                "model": "llama-7",
                "messages": HELLO,
                "stream": True,
                "stream_options": {"include_usage": True},
                "temperature": 0.0,
                "max_tokens": 64,
            },
        )
    ]


def test_the_key_goes_to_the_server_and_nowhere_else(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLIPPINGS_MODEL_KEY", SECRET)
    model = configured_model(server.settings())
    assert model is not None
    assert list(model.stream(HELLO)) == ["Hello", " there."]
    assert server.requests[0][1] == f"Bearer {SECRET}"
    assert SECRET not in f"{model!r}{vars(model)}"


def test_events_without_a_choice_are_passed_over(server: Server) -> None:
    """Some servers send the token counts, or a ping, as an event of its own."""

    def behave(reply: Reply) -> None:
        reply.begin()
        reply.raw(": ping\n\n")
        reply.say("Hello")
        reply.say(None)
        reply.say(None, choices=[], usage={"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2})
        reply.end()

    server.behaviour = behave
    assert list(stream(server.settings())) == ["Hello"]


def test_two_replies_at_once_do_not_disturb_each_other(server: Server) -> None:
    def behave(reply: Reply) -> None:
        reply.begin()
        reply.say("slow ")
        if len(server.requests) == 1:
            server.go_on.wait(PATIENCE)
        reply.say("reply")
        reply.end()

    server.behaviour = behave
    model = configured_model(server.settings())
    assert model is not None
    first = model.stream(HELLO)
    assert next(first) == "slow "
    assert list(model.stream(HELLO)) == ["slow ", "reply"]
    server.go_on.set()
    assert list(first) == ["reply"]


# What a reply cost.


COUNTED = {"prompt_tokens": 1840, "completion_tokens": 96, "total_tokens": 1936}


def counted(settings: ModelSettings) -> tuple[str, int | None, int | None]:
    """A reply, with the tokens that it says it read and wrote."""
    model = configured_model(settings)
    assert model is not None
    reply: Any = model.stream(HELLO)
    return "".join(reply), reply.prompt_tokens, reply.reply_tokens


@pytest.mark.parametrize("provider", ["openai-like", "openai", "anthropic"])
def test_the_server_is_asked_for_the_number_of_tokens_and_what_it_says_is_known(
    server: Server, provider: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLIPPINGS_MODEL_KEY", SECRET)

    def behave(reply: Reply) -> None:
        reply.begin()
        reply.say("Hello")
        if server.requests[-1][2].get("stream_options") == {"include_usage": True}:
            reply.say(None, choices=[], usage=COUNTED)
        reply.end()

    server.behaviour = behave
    assert counted(server.settings(provider=provider)) == ("Hello", 1840, 96)


@pytest.mark.parametrize(
    "usage",
    [None, {}, {"prompt_tokens": "many", "completion_tokens": -1}, {"prompt_tokens": True}, "1840"],
)
def test_what_a_server_does_not_say_of_its_tokens_is_not_known(server: Server, usage: Any) -> None:
    def behave(reply: Reply) -> None:
        reply.begin()
        reply.say("Hello", usage=usage)
        reply.end()

    server.behaviour = behave
    assert counted(server.settings()) == ("Hello", None, None)


@pytest.mark.parametrize("status", [400, 422])
def test_a_server_that_does_not_know_the_field_answers_and_is_not_asked_for_it_again(
    server: Server, status: int
) -> None:
    def behave(reply: Reply) -> None:
        asked_for = "stream_options" in server.requests[-1][2]
        (refusing(status) if asked_for else saying("Hello"))(reply)

    server.behaviour = behave
    model = configured_model(server.settings())
    assert model is not None
    for requests in (2, 3):
        reply: Any = model.stream(HELLO)
        assert ("".join(reply), reply.prompt_tokens, reply.reply_tokens) == ("Hello", None, None)
        assert len(server.requests) == requests


def test_an_answer_says_what_it_cost_also_where_the_articles_answer(
    server: Server, ready: Config, encoder: WordEncoder
) -> None:
    for said, who in (("Iran struck first on Tuesday [1].", "generate"), ("Snow fell [1].", "extract")):

        def behave(reply: Reply, said: str = said) -> None:
            reply.begin()
            reply.say(said)
            reply.say(None, choices=[], usage=COUNTED)
            reply.end()

        server.behaviour = behave
        answer = ask(ready, encoder)
        usage = answer.trace.usage
        assert usage is not None
        assert usage == Usage(1, 1840, 96, usage.seconds, "m")
        assert 0 < usage.seconds < PATIENCE
        assert answer.trace.answerer.startswith(who)


# No reply.


@pytest.mark.parametrize(
    ("status", "message", "trouble"),
    [
        (400, "{url} answered with error 400", ModelTrouble.QUESTION),
        (401, "{url} refused the key. Set CLIPPINGS_MODEL_KEY to a valid one", ModelTrouble.KEY),
        (403, "{url} refused the key. Set CLIPPINGS_MODEL_KEY to a valid one", ModelTrouble.KEY),
        (
            404,
            "{url} does not know this model or address. Check model.url and model.name",
            ModelTrouble.UNKNOWN,
        ),
        (429, "{url} takes no more requests just now. Wait a little and ask again", ModelTrouble.BUSY),
        (500, "{url} answered with error 500", ModelTrouble.BUSY),
        (503, "{url} answered with error 503", ModelTrouble.BUSY),
    ],
)
def test_a_server_that_refuses_has_its_reason_told_and_is_asked_again_only_where_that_may_help(
    server: Server, status: int, message: str, trouble: ModelTrouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models, "_WAITS", (0.01, 0.02))
    server.behaviour = refusing(status)
    came, error = failure(server.settings())
    assert (came, str(error), error.trouble) == ([], message.format(url=server.url), trouble)
    busy = trouble is ModelTrouble.BUSY
    assert error.retryable == busy
    # One that does not know a field of the request is asked once more without it.
    assert len(server.requests) == (3 if busy else 2 if status == 400 else 1)
    assert SECRET not in str(error), "a server's own words are not repeated"


def test_a_busy_server_is_asked_again_after_a_while(server: Server) -> None:
    asked: list[float] = []

    def behave(reply: Reply) -> None:
        asked.append(time.monotonic())
        (refusing(503) if len(asked) == 1 else saying("Hello"))(reply)

    server.behaviour = behave
    assert list(stream(server.settings())) == ["Hello"]
    assert asked[1] - asked[0] >= 0.5


def test_a_reply_that_has_begun_is_never_asked_for_again(server: Server) -> None:
    server.behaviour = broken("cut")
    failure(server.settings())
    assert len(server.requests) == 1


def unused() -> str:
    """An address at which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{taken.getsockname()[1]}/v1"


def test_a_server_that_is_not_there(server: Server) -> None:
    url = unused()
    came, error = failure(server.settings(url=url))
    assert (came, str(error), error.retryable) == ([], f"no answer from {url}. Is the server running?", True)
    assert error.trouble is ModelTrouble.UNREACHABLE


@pytest.mark.parametrize("pieces", [[], ["Iran struck "]], ids=["at first", "half way"])
def test_a_server_that_falls_silent(server: Server, pieces: list[str]) -> None:
    def behave(reply: Reply) -> None:
        if pieces:
            reply.begin()
        for piece in pieces:
            reply.say(piece)
        server.go_on.wait(PATIENCE)

    server.behaviour = behave
    came, error = failure(server.settings(timeout=0.3))
    assert (came, error.retryable, error.trouble) == (pieces, True, ModelTrouble.SILENT)
    assert (
        str(error) == f"{server.url} did not answer in time. Is the server busy, or model.timeout too short?"
    )


def test_a_slow_server_that_keeps_talking_is_waited_for(server: Server) -> None:
    """The time is that without a word, not that of the whole reply."""

    def behave(reply: Reply) -> None:
        reply.begin()
        for _ in range(4):
            threading.Event().wait(0.25)
            reply.say("word ")
        reply.end()

    server.behaviour = behave
    assert list(stream(server.settings(timeout=0.8))) == ["word "] * 4


def broken(how: str) -> Behaviour:
    def behave(reply: Reply) -> None:
        reply.begin()
        reply.say("Iran ")
        reply.say("struck ")
        if how == "cut":
            reply.cut()
        elif how == "error":
            reply.raw('data: {"error": {"message": "out of memory", "code": 500}}\n\n')
        else:
            reply.raw("data: {not json\n\n")

    return behave


@pytest.mark.parametrize("how", ["cut", "error", "not json"])
def test_a_reply_that_breaks_off_is_an_error_after_what_came(server: Server, how: str) -> None:
    server.behaviour = broken(how)
    came, error = failure(server.settings())
    assert (came, error.retryable) == (["Iran ", "struck "], True)
    assert str(error).startswith(f"the reply of {server.url} broke off (")


def test_a_server_that_hangs_up_before_the_first_word_may_have_read_the_question(server: Server) -> None:
    server.behaviour = lambda reply: reply.cut()
    came, error = failure(server.settings())
    assert (came, error.retryable, error.trouble) == ([], True, ModelTrouble.BROKEN)


def test_a_reply_given_up_half_way_is_hung_up_on(server: Server) -> None:
    """At once, and not when the garbage collector next looks: the server would go on writing, at a cost."""
    import gc

    def behave(reply: Reply) -> None:
        reply.begin()
        while not server.go_on.wait(0.005):
            reply.say("word ")

    server.behaviour = behave
    gc.disable()
    try:
        pieces = stream(server.settings())
        assert next(pieces) == "word "
        assert not server.hung_up.is_set()
        pieces.close()  # type: ignore[attr-defined]
        assert server.hung_up.wait(PATIENCE), "the server is still writing"
    finally:
        gc.enable()


def test_a_llama_index_model_that_was_handed_in_has_its_errors_translated() -> None:
    from llama_index.core.llms import CompletionResponse, CustomLLM, LLMMetadata

    class Failing(CustomLLM):  # type: ignore[misc]  # the library is not typed here
        @property
        def metadata(self) -> LLMMetadata:
            return LLMMetadata(model_name="failing")

        def complete(self, prompt: str, formatted: bool = False, **_: Any) -> CompletionResponse:
            raise NotImplementedError

        def stream_complete(
            self, prompt: str, formatted: bool = False, **_: Any
        ) -> Iterator[CompletionResponse]:
            yield CompletionResponse(text="Iran ", delta="Iran ")
            raise RuntimeError("its own")

    model = LlamaIndexModel.of(Failing())
    pieces = model.stream(HELLO)
    assert (model.name, next(pieces)) == ("failing", "Iran ")
    with pytest.raises(ModelError, match=r"^the reply of failing broke off \(RuntimeError\)$"):
        next(pieces)


# The whole trip: a collection, a question, this server.

RECORDS = (
    {
        "id": "strike",
        "text": "Iran struck first on Tuesday. Its missiles hit a village.",
        "title": "The strike",
    },
    {"id": "reply", "text": "Pakistan replied on Thursday. Nine people were killed.", "title": "The reply"},
)
ASKED = "Who struck first?"
BY_ITSELF = ("Iran struck first on Tuesday. [1]", "extract")


@pytest.fixture
def ready(server: Server, tmp_path: Path, config: Config, encoder: WordEncoder) -> Config:
    sync(write_jsonl(tmp_path / "news.jsonl", *RECORDS), config, encoder=encoder)
    return replace(config, model=server.settings())


def ask(config: Config, encoder: WordEncoder) -> Answer:
    with open_assistant(config, encoder=encoder, reader=WordReader()) as assistant:
        return assistant.ask(ASKED)


def numbered(server: Server) -> dict[str, int]:
    """The number under which the model was shown each article."""
    shown = server.requests[-1][2]["messages"][1]["content"]
    places = {record["id"]: shown.index(record["text"]) for record in RECORDS}
    return {id: 1 + sum(other < place for other in places.values()) for id, place in places.items()}


def test_what_the_model_says_and_the_articles_hold_is_the_answer(
    server: Server, ready: Config, encoder: WordEncoder
) -> None:
    server.behaviour = saying(
        "Iran struck first ",
        "on Tuesday [1]. On Thurs",
        "day, Pakistan replied [2",
        "]. They ",
        "made up [1].",
    )
    answer = ask(ready, encoder)
    assert numbered(server) == {"strike": 1, "reply": 2}
    assert answer.text == "Iran struck first on Tuesday. [1] On Thursday, Pakistan replied. [2]"
    assert [(c.number, c.article.id, c.start, c.end, c.quote, c.support) for c in answer.citations] == [
        (1, "strike", 0, 29, "Iran struck first on Tuesday.", Support.QUOTED),
        (2, "reply", 0, 29, "Pakistan replied on Thursday.", Support.SUPPORTED),
    ]
    assert (answer.withheld, answer.notice, answer.trace.answerer) == (
        ("They made up.",),
        None,
        "generate:m, prompt numbers 2, follow-ups 1",
    )


def test_when_nothing_the_model_says_holds_the_articles_answer_and_it_is_said_why(
    server: Server, ready: Config, encoder: WordEncoder
) -> None:
    server.behaviour = saying("India struck first on Sunday [1]. ", "It fired 40 missiles [2].")
    answer = ask(ready, encoder)
    assert (answer.text, answer.trace.answerer) == BY_ITSELF
    assert (
        answer.notice
        == "Nothing the language model said is in the articles. The articles answer by themselves."
    )
    assert answer.withheld == ("India struck first on Sunday.", "It fired 40 missiles.")


@pytest.mark.parametrize("status", [401, 404, 429, 500])
def test_when_the_server_refuses_the_articles_answer_and_it_is_said_why(
    server: Server, ready: Config, encoder: WordEncoder, status: int
) -> None:
    server.behaviour = refusing(status)
    _, error = failure(ready.model)
    answer = ask(ready, encoder)
    assert (answer.text, answer.trace.answerer) == BY_ITSELF
    assert answer.notice == f"The language model {error.trouble.words}. The articles answer by themselves."


def test_when_the_server_is_down_the_articles_answer_and_it_is_said_why(
    server: Server, ready: Config, encoder: WordEncoder
) -> None:
    url = unused()
    answer = ask(replace(ready, model=server.settings(url=url)), encoder)
    assert (answer.text, answer.trace.answerer) == BY_ITSELF
    assert answer.notice == "The language model cannot be reached. The articles answer by themselves."
    assert answer.trace.usage == Usage(1, 0, 0, answer.trace.usage.seconds, "m")  # type: ignore[union-attr]


def test_a_model_that_declines_is_believed(server: Server, ready: Config, encoder: WordEncoder) -> None:
    server.behaviour = saying(*DECLINE)
    answer = ask(ready, encoder)
    assert (answer.abstained, answer.sentences, answer.notice) == (Abstention.WEAK_EVIDENCE, (), None)


def test_what_was_checked_before_the_reply_broke_off_stands(
    server: Server, ready: Config, encoder: WordEncoder
) -> None:
    def behave(reply: Reply) -> None:
        reply.begin()
        reply.say("Iran struck first on Tuesday [1]. Pakistan replied on")
        reply.cut()

    server.behaviour = behave
    answer = ask(ready, encoder)
    assert (answer.text, answer.trace.answerer) == (
        "Iran struck first on Tuesday. [1]",
        "generate:m, prompt numbers 2, follow-ups 1",
    )
    assert answer.notice is not None
    assert answer.notice.endswith("What stands here was checked before that.")


def test_a_sentence_is_released_while_the_server_is_still_writing(
    server: Server, ready: Config, encoder: WordEncoder
) -> None:
    def behave(reply: Reply) -> None:
        reply.begin()
        reply.say("Iran struck first on Tuesday [1]. Pakistan replied")
        if server.go_on.wait(PATIENCE):
            reply.say(" on Thursday [2].")
            reply.end()

    server.behaviour = behave
    with open_assistant(ready, encoder=encoder, reader=WordReader()) as assistant:
        events = assistant.stream(ASKED)
        early = [next(events) for _ in range(4)]
        assert early[2] == Step("write", "m is writing")
        assert [type(e) for e in early] == [Step, Step, Step, Sentence]
        assert isinstance(early[3], Sentence)
        assert early[3].marked() == "Iran struck first on Tuesday. [1]"
        assert not server.go_on.is_set(), "the server has not been let go on"
        server.go_on.set()
        late = list(events)
    assert [type(e) for e in late] == [Sentence, Answer]
    assert isinstance(late[1], Answer)
    assert late[1].sentences == (early[3], late[0])
    assert late[1].text == "Iran struck first on Tuesday. [1] Pakistan replied on Thursday. [2]"


def test_a_reader_who_goes_away_hangs_up_on_the_server(
    server: Server, ready: Config, encoder: WordEncoder
) -> None:
    def behave(reply: Reply) -> None:
        reply.begin()
        reply.say("Iran struck first on Tuesday [1]. ")
        while not server.go_on.wait(0.005):
            reply.say("word ")

    server.behaviour = behave
    with open_assistant(ready, encoder=encoder, reader=WordReader()) as assistant:
        events = assistant.stream(ASKED)
        assert any(isinstance(event, Sentence) for event in events)  # up to the first, and no further
        assert not server.hung_up.is_set()
        events.close()  # type: ignore[attr-defined]
        assert server.hung_up.wait(PATIENCE), "the server is still writing"
