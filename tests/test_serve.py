"""The page as a process that many ask and somebody watches over: its limits, its health and its end, over
real HTTP, with a language model that takes its time."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from conftest import SEEDS
from mcp import ClientSession
from mcp.client.streamable_http import streamablehttp_client
from proxy import proxied
from test_backends import ollama

from ingest import sync
from rag import Config
from rag.people.accounts import add_account

pytestmark = [pytest.mark.server, pytest.mark.slow, pytest.mark.usefixtures("loaded_once")]

ROOT = Path(__file__).parent.parent
QUESTION = "Who struck first?"
BUSY = "the server is busy (1 running, 1 waiting). Ask again in a minute"
STOPPING = "the server is stopping and accepts no new questions. Ask again after its restart"


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    config = Config(home=tmp_path_factory.mktemp("serve") / "home")
    sync(SEEDS, config)
    return config


class Served:
    """The page in a process of its own."""

    def __init__(self, config: Config, options: tuple[str, ...], settings: dict[str, str]) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        environ = {
            **os.environ,
            "CLIPPINGS_HOME": str(config.home),
            "PYTHONUNBUFFERED": "1",
            "no_proxy": "127.0.0.1",
            **settings,
        }
        self.process = subprocess.Popen(
            [sys.executable, "app.py", "serve", "--port", str(port), *options],
            cwd=ROOT, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        self.url = f"http://127.0.0.1:{port}"
        self.printed: list[str] = []
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.printed.append(line)
            if "is running at" in line:
                break
        threading.Thread(target=lambda: self.printed.extend(self.process.stdout or ()), daemon=True).start()

    def health(self, url: str | None = None) -> tuple[int, dict[str, Any]]:
        try:
            with urllib.request.urlopen(f"{url or self.url}/healthz", timeout=20) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as refused:
            return refused.code, json.load(refused)

    def post(self, path: str, body: dict[str, Any]) -> httpx.Response:
        return httpx.post(f"{self.url}{path}", json=body, timeout=100, trust_env=False)

    def refused(self, path: str, body: dict[str, Any]) -> tuple[int, str]:
        answer = self.post(path, body)
        return answer.status_code, answer.json()["error"]["message"]


@contextmanager
def served(config: Config, *options: str, **settings: str) -> Iterator[Served]:
    page = Served(config, options, settings)
    try:
        assert page.process.poll() is None, "".join(page.printed)
        yield page
    finally:
        page.process.kill()
        page.process.wait(20)


@contextmanager
def slow_model() -> Iterator[tuple[type[Any], threading.Event, dict[str, str]]]:
    """A model that says half a sentence, and the other half once it may go on; with the settings that name
    it.
    """
    with ollama("Pakistan was struck ", "first by Iran [1]. ") as (speaker, named):
        goes_on, say = threading.Event(), speaker._say

        def held(self: Any, text: str, done: bool = False) -> None:
            if text.startswith("first"):
                goes_on.wait(100)
            say(self, text, done)

        speaker._say = held  # type: ignore[method-assign]
        yield speaker, goes_on, {
            "CLIPPINGS_MODEL_PROVIDER": "ollama", "CLIPPINGS_MODEL_NAME": "m", "CLIPPINGS_MODEL_URL": str(named.url),
            "CLIPPINGS_MODEL_TIMEOUT": "120",
        }  # fmt: skip
        goes_on.set()


def until(happens: Callable[[], bool]) -> None:
    for _ in range(600):
        if happens():
            return
        time.sleep(0.05)
    raise AssertionError("it has not happened within half a minute")


_ELSEWHERE = ThreadPoolExecutor(8)


def meanwhile(page: Served, path: str) -> Future[httpx.Response]:
    """A question that is put while the test goes on."""
    return _ELSEWHERE.submit(page.post, path, {"question": QUESTION})


def asked(page: Served, speaker: type[Any]) -> Future[httpx.Response]:
    """A question that the model is at work on."""
    before = len(speaker.requests)
    asking = meanwhile(page, "/api/ask")
    until(lambda: len(speaker.requests) > before)
    return asking


# Its health


def test_its_health_needs_no_password_names_nothing_and_is_told_behind_a_proxy(
    config: Config, tmp_path: Path
) -> None:
    add_account(tmp_path / "who", "ann", "open sesame")
    with served(
        config, "--auth-file", str(tmp_path / "who"), "--root-path", "/clippings", "--proxy", "127.0.0.1"
    ) as page:
        status, whole = page.health()
        assert status == 200
        assert {**whole, "seconds": 0, "memory": sorted(whole["memory"])} == {
            "status": "ok", "reason": None, "articles": 5, "passages": 30, "generation": whole["generation"], "model": None,
            "running": 0, "waiting": 0, "answered": 0, "refused": 0, "seconds": 0,
            "memory": ["dense index", "encoder", "lexical indexes", "reader", "resident"],
        }  # fmt: skip
        assert whole["generation"] > 0
        assert whole["memory"]["resident"] > whole["memory"]["encoder"] + whole["memory"]["reader"] > 50
        with proxied(page.url, "/clippings") as url:
            behind, also = page.health(url)
        assert (behind, {**also, "seconds": 0, "memory": 0}) == (200, {**whole, "seconds": 0, "memory": 0})
        request = urllib.request.Request(f"{page.url}/healthz", method="HEAD")
        with urllib.request.urlopen(request, timeout=20) as answer:
            assert (answer.status, answer.read(), answer.headers["cache-control"]) == (200, b"", "no-store")


def test_a_collection_that_cannot_be_read_any_more_is_said_without_saying_where_it_lies(
    tmp_path: Path,
) -> None:
    config = Config(home=tmp_path / "secret place")
    sync(SEEDS, config)
    with served(config) as page:
        assert page.health()[0] == 200
        config.home.rename(tmp_path / "gone")
        status, whole = page.health()
        assert (status, whole["status"], whole["articles"]) == (503, "failing", None)
        assert whole["reason"] == "the collection cannot be read. The server's log says why"
        assert "secret" not in json.dumps(whole)
        page.health()
        (tmp_path / "gone").rename(config.home)
        assert page.health()[0] == 200
        page.process.terminate()
        assert page.process.wait(30) == 0
        until(lambda: "secret place is gone" in "".join(page.printed))
        assert "".join(page.printed).count("the collection cannot be read") == 1, (
            "the log is filled by who watches"
        )


# Its limits


def test_whoever_asks_too_much_of_it_is_told_so_and_its_health_is_told_meanwhile(config: Config) -> None:
    async def by_tool(url: str) -> str:
        async with (
            streamablehttp_client(f"{url}/mcp") as (receive, send, _),
            ClientSession(receive, send) as session,
        ):
            await session.initialize()
            result = await session.call_tool("search", {"query": QUESTION})
            return str(result.content[0].text)  # type: ignore[union-attr]

    limits = {
        "CLIPPINGS_SERVE_MAX_CONCURRENCY": "1",
        "CLIPPINGS_SERVE_QUEUE_SIZE": "1",
        "CLIPPINGS_SERVE_QUEUE_TIMEOUT": "8",
    }
    with slow_model() as (speaker, goes_on, settings), served(config, **limits, **settings) as page:
        first = asked(page, speaker)
        second = meanwhile(page, "/api/search")
        until(lambda: page.health()[1]["waiting"] == 1)
        for path in ("/api/ask", "/api/search"):
            assert page.refused(path, {"question": QUESTION}) == (503, BUSY)
        with ThreadPoolExecutor() as elsewhere:
            assert BUSY in elsewhere.submit(asyncio.run, by_tool(page.url)).result(60)
        began = time.monotonic()
        status, whole = page.health()
        assert time.monotonic() - began < 2
        assert (status, whole["running"], whole["answered"]) == (200, 1, 0)
        assert whole["refused"] >= 3
        late = second.result(60).json()["error"]["message"]
        assert late.startswith("the server is busy: the question waited 8 seconds")
        third = meanwhile(page, "/api/search")
        until(lambda: page.health()[1]["waiting"] == 1)
        goes_on.set()
        assert first.result(60).json()["text"] == "Pakistan was struck first by Iran. [1]"
        assert len(third.result(60).json()["passages"]) == 8
        until(lambda: page.health()[1]["running"] == 0)
        assert page.health()[1]["answered"] == 2


# Its end


@pytest.mark.skipif(sys.platform != "linux", reason="the system does not say what a process holds itself")
def test_the_calls_of_programs_leave_nothing_in_its_memory(config: Config) -> None:
    with served(config) as page:

        def held() -> float:
            """Megabytes."""
            status = Path(f"/proc/{page.process.pid}/status").read_text(encoding="utf-8")
            return int(status.partition("RssAnon:")[2].split()[0]) / 1e3

        def call(times: int) -> None:
            with httpx.Client(base_url=page.url, timeout=30, trust_env=False) as program:
                for _ in range(times):
                    assert "there is no article nowhere" in program.get("/api/articles/nowhere").text

        call(50)
        before = held()
        call(250)
        assert held() - before < 12, "each of 250 calls has left more than 50 kB"


def test_what_is_answered_when_it_is_stopped_is_answered_whole_and_nobody_else_is(config: Config) -> None:
    with slow_model() as (speaker, goes_on, settings), served(config, **settings) as page:
        asking = asked(page, speaker)
        page.process.send_signal(signal.SIGTERM)
        until(lambda: page.health()[1]["status"] == "stopping")
        status, whole = page.health()
        assert (status, whole["reason"], whole["running"]) == (503, STOPPING.split(".")[0], 1)
        assert page.refused("/api/ask", {"question": QUESTION}) == (503, STOPPING)
        assert page.process.poll() is None
        goes_on.set()
        assert asking.result(60).json()["text"] == "Pakistan was struck first by Iran. [1]"
        assert page.process.wait(30) == 0
        assert "Traceback" not in "".join(page.printed)
        assert "Finishing 1 question (press Ctrl-C to stop at once)\n" in page.printed


def test_a_question_that_takes_longer_than_the_grace_is_not_waited_for(config: Config) -> None:
    with (
        slow_model() as (speaker, _, settings),
        served(config, CLIPPINGS_SERVE_SHUTDOWN_TIMEOUT="1", **settings) as page,
    ):
        asked(page, speaker)
        page.process.send_signal(signal.SIGINT)
        assert page.process.wait(30) == 0


def test_a_second_signal_ends_it_at_once(config: Config) -> None:
    with (
        slow_model() as (speaker, _, settings),
        served(config, CLIPPINGS_SERVE_SHUTDOWN_TIMEOUT="600", **settings) as page,
    ):
        asked(page, speaker)
        page.process.send_signal(signal.SIGINT)
        until(lambda: page.health()[1]["status"] == "stopping")
        page.process.send_signal(signal.SIGTERM)
        assert page.process.wait(10) == -signal.SIGTERM
