"""All surfaces give one answer to one question: Python, the terminal, JSON, the stream, the page's HTML, REST
and MCP.
"""

from __future__ import annotations

import asyncio
import html
import json
import re
import socket
from contextlib import closing
from dataclasses import replace
from typing import Any

import httpx
import pytest
from conftest import SEEDS

import app
from ingest import sync
from rag import Config, ask, open_assistant
from rag.assistant import Assistant
from rag.config import ModelSettings
from rag.errors import ModelTrouble
from rag.people.store import People
from rag.surfaces import render
from rag.surfaces.api.application import api_app
from rag.surfaces.conversation import QuestionOptions, stream_answer
from rag.surfaces.gate import Gate
from rag.surfaces.library import Library
from rag.surfaces.markup import answer_html
from rag.types import Sentence

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("loaded_once")]

QUESTION = "Who struck first, and whom did they target?"


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    config = Config(home=tmp_path_factory.mktemp("seeds") / "home")
    sync(SEEDS, config)
    return config


def on_page(assistant: Assistant, question: str) -> str:
    """The answer as HTML, once it is whole."""
    with closing(People(assistant.config.home)) as people:
        exchange = people.conversations.add_question("", question, "own", conversation=None, after=None)
    *_, last = stream_answer(lambda _: assistant, exchange, [], QuestionOptions())
    assert last.record
    return answer_html(last.record, question)


def test_all_surfaces_agree(config: Config, capsys: pytest.CaptureFixture[str]) -> None:
    answer = ask(QUESTION, config)
    assert "Iran" in answer.text
    assert answer.citations
    with open_assistant(config) as assistant:
        for c in answer.citations:
            assert assistant.article(c.article.id).text[c.start : c.end] == c.quote
        streamed = tuple(e for e in assistant.stream(QUESTION) if isinstance(e, Sentence))
        shown = on_page(assistant, QUESTION)
    assert streamed == answer.sentences

    assert app.main(["ask", QUESTION, "--home", str(config.home)]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert printed.startswith(" ".join(answer.text.split()))

    assert app.main(["ask", QUESTION, "--json", "--home", str(config.home)]) == 0
    whole = json.loads(capsys.readouterr().out)
    assert whole["text"] == answer.text
    assert [(c["start"], c["end"], c["quote"]) for c in whole["citations"]] == [
        (c.start, c.end, c.quote) for c in answer.citations
    ]

    body = shown.split('<p class="answer">')[1].split("</p>")[0]
    read = " ".join(html.unescape(re.sub(r"<[^>]+>", "", body)).split())
    assert read == " ".join(answer.text.replace("] [", "][").split())

    def words(found: dict[str, Any]) -> list[tuple[Any, ...]]:
        return [(c["article"]["id"], c["start"], c["end"], c["quote"]) for c in found["citations"]]

    by_rest, by_tool = asked_over_http(config)
    assert (by_rest["text"], by_tool["text"]) == (answer.text, answer.text)
    assert (
        words(by_rest)
        == words(by_tool)
        == [(c.article.id, c.start, c.end, c.quote) for c in answer.citations]
    )


def asked_over_http(config: Config) -> tuple[dict[str, Any], dict[str, Any]]:
    """The answer by REST and by MCP."""

    def nothing(*_: Any, **__: Any) -> Any: ...

    library = Library(
        config, config, open=open_assistant, exists=lambda _: True, make_demo=nothing, sync=nothing, edit=nothing,
        remove=nothing, add_to_gold=nothing,
    )  # fmt: skip
    app = api_app(library, Gate(config.serve), timeout=60)
    call = {"name": "ask", "arguments": {"question": QUESTION}}

    async def asked() -> tuple[dict[str, Any], dict[str, Any]]:
        transport = httpx.ASGITransport(app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://x") as client,
        ):
            by_rest = await client.post("/api/ask", json={"question": QUESTION}, timeout=60)
            by_tool = await client.post(
                "/mcp", json={"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call},
                headers={"Accept": "application/json, text/event-stream"}, timeout=60,
            )  # fmt: skip
        return by_rest.json(), by_tool.json()["result"]["structuredContent"]

    try:
        return asyncio.run(asked())
    finally:
        library.close()


def test_all_surfaces_name_the_same_days(config: Config, capsys: pytest.CaptureFixture[str]) -> None:
    question = "When did Iran stage airstrikes in Iraq and Syria?"
    answer = ask(question, config)
    days = [
        f"{c.quote[m.start - c.start : m.end - c.start]} = {m.shown}"
        for c in answer.citations
        for m in render.dates(c, answer.evidence)
    ]
    assert "Monday = 15 January 2024" in days
    with open_assistant(config) as assistant:
        page = on_page(assistant, question)
    assert app.main(["ask", question, "--home", str(config.home)]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert app.main(["ask", question, "--json", "--home", str(config.home)]) == 0
    whole = json.loads(capsys.readouterr().out)
    assert [day for day in days if day not in page or day not in printed] == []
    assert [(d["words"], d["first"]) for c in whole["citations"] for d in c["dates"]] == [
        (c.quote[m.start - c.start : m.end - c.start], m.first.isoformat())
        for c in answer.citations
        for m in render.dates(c, answer.evidence)
    ]


def test_what_one_collection_of_a_server_finds_out_of_the_model_the_other_knows(config: Config) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    configured = replace(config, model=ModelSettings(nobody, "m"))
    library = app._library(configured, read_only=True)
    with library.open(configured) as one, library.open(configured) as other:
        assert one.ask("Who struck first?").notice == (
            "The language model cannot be reached. The articles answer by themselves."
        )
        state = other.model_state
    assert state is not None
    assert state.trouble is ModelTrouble.UNREACHABLE


def test_the_articles_are_silent_about_biryani(config: Config) -> None:
    answer = ask("What is the best recipe for biryani?", config)
    assert (answer.abstained is not None, answer.sentences, answer.text) == (
        True,
        (),
        "The articles do not answer this.",
    )


def test_the_seeds_are_what_was_published() -> None:
    texts = {path.name: path.read_bytes() for path in SEEDS.iterdir()}
    assert len(texts) == 5
    assert sum(text.startswith(b" date 2024-01-") for text in texts.values()) == 2
