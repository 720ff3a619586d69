"""Where questions go: to the server that a setting names, and nowhere else. The servers are real ones on this
machine.
"""

from __future__ import annotations

import base64
import json
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from rag.config import ChromaSettings, Config, ModelSettings
from rag.doctor import examine
from rag.errors import CollectionError, ModelError
from rag.models.language import configured_model
from rag.store.vectors import check_server
from rag.system.connection import client_options

pytestmark = [pytest.mark.server, pytest.mark.slow]

SECRET = "s3cr3t/of ana"
LOGIN = "ana:s3cr3t%2Fof%20ana@"
BASIC = f"Basic {base64.b64encode(f'ana:{SECRET}'.encode()).decode()}"
WORDS = "Who struck first?"
HELLO = [{"role": "user", "content": WORDS}]


class Server:
    """Notes what it is asked, as (method, path, headers, body), and answers with `answer`: a status, headers
    and a body.
    """

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, dict[str, str], str]] = []
        self.answer: Callable[[str], tuple[int, dict[str, str], str]] = lambda _: (404, {}, "")
        server = self

        class Handler(BaseHTTPRequestHandler):
            def _handle(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
                server.asked.append(
                    (self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body)
                )
                status, headers, said = server.answer(self.path)
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(said.encode()))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(said.encode())

            do_GET = do_POST = do_CONNECT = _handle

            def log_message(self, *_: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self._http.server_port}"
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()


@contextmanager
def opened() -> Iterator[Server]:
    server = Server()
    try:
        yield server
    finally:
        server.close()


@pytest.fixture
def server() -> Iterator[Server]:
    with opened() as server:
        yield server


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A proxy that the environment names for everything."""
    with opened() as proxy:
        for name in ("no_proxy", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
        for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://{proxy.host}")
        yield proxy


def saying_openai(_: str) -> tuple[int, dict[str, str], str]:
    choice = {"index": 0, "delta": {"content": "Iran did."}, "finish_reason": None}
    event = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
    return 200, {"Content-Type": "text/event-stream"}, f"data: {json.dumps(event)}\n\ndata: [DONE]\n\n"


def saying_ollama(_: str) -> tuple[int, dict[str, str], str]:
    said = {
        "model": "m",
        "created_at": "2024-01-20T00:00:00Z",
        "message": {"role": "assistant", "content": "Iran did."},
        "done": True,
    }
    return 200, {"Content-Type": "application/x-ndjson"}, f"{json.dumps(said)}\n"


SAYING: dict[str, Any] = {"openai-like": saying_openai, "ollama": saying_ollama}
providers = pytest.mark.parametrize("provider", SAYING)


def settings(server: Server, provider: str, login: str = "") -> ModelSettings:
    return ModelSettings(f"http://{login}{server.host}/v1", "m", timeout=10, provider=provider)


def reply(chosen: ModelSettings) -> str:
    model = configured_model(chosen)
    assert model is not None
    return "".join(model.stream(HELLO))


def chroma(server: Server, login: str = "") -> ChromaSettings:
    return ChromaSettings(f"http://{login}{server.host}", timeout=5)


def beating(path: str) -> tuple[int, dict[str, str], str]:
    """Chroma as far as its heartbeat; everything else it refuses."""
    return (
        (200, {}, '{"nanosecond heartbeat": 1}')
        if path.endswith("/heartbeat")
        else (403, {}, '{"error": "Forbidden"}')
    )


@providers
def test_the_client_says_nothing_of_this_machine(server: Server, provider: str) -> None:
    server.answer = SAYING[provider]
    assert reply(settings(server, provider)) == "Iran did."
    ((_, _, headers, body),) = server.asked
    assert (headers["user-agent"], [name for name in headers if "stainless" in name]) == ("Clippings", [])
    assert WORDS in body


@providers
def test_a_password_in_the_address_is_used_and_not_told(
    server: Server, provider: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr("rag.models.language._WAITS", ())  # a busy server is asked once
    server.answer = SAYING[provider]
    chosen = settings(server, provider, LOGIN)
    assert reply(chosen) == "Iran did."
    assert server.asked[0][2]["authorization"] == BASIC
    for status in (401, 404, 429, 500, 302):
        server.answer = lambda _, status=status: (status, {"Location": f"http://{server.host}/"}, "no")
        model = configured_model(replace(chosen, timeout=5))
        with pytest.raises(ModelError) as refused:
            list(model.stream(HELLO))  # type: ignore[union-attr]
        assert f"http://…@{server.host}/v1" in str(refused.value)
        assert "s3cr3t" not in str(refused.value)
    assert "s3cr3t" not in caplog.text


@providers
def test_no_redirect_carries_a_question_elsewhere(server: Server, provider: str) -> None:
    with opened() as other:
        other.answer = SAYING[provider]
        server.answer = lambda path: (307, {"Location": f"http://{other.host}{path}"}, "")
        with pytest.raises(ModelError, match=r"sends on to another address \(307\), which is not followed"):
            reply(settings(server, provider))
        assert (len(server.asked), other.asked) == (1, [])


@providers
def test_no_proxy_of_the_environment_reads_a_question(server: Server, provider: str, proxy: Server) -> None:
    server.answer = SAYING[provider]
    assert reply(settings(server, provider)) == "Iran did."
    assert (len(server.asked), proxy.asked) == (1, [])


def test_a_proxy_for_https_is_used_and_learns_the_host_alone(proxy: Server) -> None:
    with pytest.raises(ModelError):
        reply(ModelSettings("https://models.example/v1", "m", timeout=5))
    assert {(method, path) for method, path, _, _ in proxy.asked} == {("CONNECT", "models.example:443")}
    assert WORDS not in str(proxy.asked)


@pytest.mark.parametrize(
    ("address", "exempt", "used"),
    [("https://models.example/v1", "", True), ("https://models.example/v1", "models.example", False), ("http://models.example/v1", "", False),
     ("https://localhost:8000/v1", "", False), ("https://127.0.0.1/v1", "", False), ("https://[::1]:8000", "", False)],
)  # fmt: skip
def test_which_addresses_a_proxy_is_used_for(
    address: str, exempt: str, used: bool, proxy: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("no_proxy", exempt)
    assert client_options(address, 5)["proxy"] == (f"http://{proxy.host}" if used else None)
    monkeypatch.delenv("https_proxy")  # the other spellings stay
    monkeypatch.setenv("HTTPS_PROXY", proxy.host)
    monkeypatch.delenv("all_proxy")
    assert client_options(address, 5)["proxy"] == (f"http://{proxy.host}" if used else None)


def test_chroma_is_asked_directly_with_the_password_that_its_address_holds(
    server: Server, proxy: Server
) -> None:
    server.answer = beating
    with pytest.raises(CollectionError) as refused:
        check_server(chroma(server, LOGIN))
    assert str(refused.value).startswith(f"the Chroma server at http://…@{server.host} cannot be used: ")
    assert "s3cr3t" not in f"{refused.value} {refused.value.__cause__}"
    # The heartbeat is ours, what follows is Chroma's own client.
    assert len(server.asked) > 1
    assert {headers.get("authorization") for _, _, headers, _ in server.asked} == {BASIC}
    assert proxy.asked == []


def test_chroma_leads_nobody_elsewhere(server: Server) -> None:
    with opened() as other:
        other.answer = beating
        server.answer = lambda path: (307, {"Location": f"http://{other.host}{path}"}, "")
        with pytest.raises(CollectionError, match="cannot be used"):
            check_server(chroma(server))
        assert other.asked == []


def test_other_clients_of_chroma_in_this_process_are_made_as_ever(server: Server, proxy: Server) -> None:
    import chromadb

    server.answer = beating
    with pytest.raises(CollectionError):
        check_server(chroma(server))
    before = len(server.asked)
    host, port = server.host.split(":")
    with pytest.raises(Exception):  # noqa: B017  the proxy's answer, which Chroma does not know what to make of
        chromadb.HttpClient(host, int(port))
    assert (len(server.asked), len(proxy.asked)) == (before, 1)


def test_the_doctor_shows_no_password(
    server: Server, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    from conftest import WordEncoder

    monkeypatch.setattr("rag.doctor.SentenceEncoder", lambda _: WordEncoder())
    server.answer = lambda path: beating(path) if "heartbeat" in path else (401, {}, "no")
    chosen = replace(config, chroma=chroma(server, LOGIN), model=settings(server, "openai-like", LOGIN))
    found = {finding.name: finding for finding in examine(chosen, lambda: configured_model(chosen.model))}
    assert not found["Chroma server"].well
    assert not found["language model"].well
    assert (
        found["language model"].detail
        == f"http://…@{server.host}/v1 refused the key. Set CLIPPINGS_MODEL_KEY to a valid one"
    )
    assert [finding for finding in found.values() if "s3cr3t" in finding.detail] == []


def test_the_doctor_names_a_chroma_server_that_answers_without_its_password(
    server: Server, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rag.doctor import _chroma

    monkeypatch.setattr("rag.doctor.check_server", lambda _: "1.5.9")
    well, said = _chroma(replace(config, chroma=chroma(server, LOGIN)))
    assert well
    assert said.startswith(f"http://…@{server.host} answers, version 1.5.9; ")
