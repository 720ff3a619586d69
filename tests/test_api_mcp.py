"""The tools by the official client, over HTTP and over standard input and output: described, typed, and the
same answers.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import mcp.types as types
import pytest
from conftest import WordReader
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mcp import ClientSession, McpError, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamablehttp_client
from serving import HeldModel, idle, served, until
from test_api import IRAN, JSON, PAGE, QUESTION, RECORDS, SAID, World, other, untimed, world  # noqa: F401  fixtures

from rag import open_assistant
from rag.config import ServeSettings
from rag.surfaces.api.application import api_app
from rag.surfaces.gate import Gate, QueueCounts
from rag.surfaces.library import Library
from rag.surfaces.render import answer_json, answer_text

pytestmark = [pytest.mark.server, pytest.mark.slow]

ROOT = Path(__file__).parent.parent
LENGTH = len(str(RECORDS[0]["text"]))
BOTH = {"Accept": "application/json, text/event-stream"}


@pytest.fixture(scope="module")
def url(world: World) -> Iterator[str]:
    with served(api_app(world.library, Gate(ServeSettings()), timeout=20)) as opened:
        yield opened


def by_http(url: str, use: Callable[[ClientSession], Awaitable[Any]]) -> Any:
    """What comes of using the tools as the official client does."""

    async def used() -> Any:
        async with (
            streamablehttp_client(f"{url}/mcp") as (receive, send, _),
            ClientSession(receive, send) as session,
        ):
            await session.initialize()
            return await use(session)

    return asyncio.run(asyncio.wait_for(used(), 60))


def called(url: str, tool: str, **arguments: Any) -> types.CallToolResult:
    async def call(session: ClientSession) -> types.CallToolResult:
        await session.list_tools()  # the client then checks each result against its schema
        return await session.call_tool(tool, arguments)

    return by_http(url, call)  # type: ignore[no-any-return]


def text(result: types.CallToolResult) -> str:
    (content,) = result.content
    assert isinstance(content, types.TextContent)
    return content.text


def test_the_tools_are_described_and_only_read(url: str) -> None:
    listed = by_http(url, lambda session: session.list_tools()).tools
    assert [tool.name for tool in listed] == ["ask", "search", "article", "fetch", "status"]
    for tool in listed:
        assert tool.title
        assert len(tool.description) > 40
        assert tool.annotations.readOnlyHint is True
        assert tool.inputSchema["additionalProperties"] is False
        assert tool.outputSchema["type"] == "object"
        assert all(named.get("description") for named in tool.inputSchema["properties"].values())
    required = {tool.name: tool.inputSchema.get("required") for tool in listed}
    assert required == {
        "ask": ["question"], "search": ["query"], "article": ["id"], "fetch": ["id"], "status": None,
    }  # fmt: skip


def test_ask_gives_the_answer_of_every_other_surface(world: World, url: str) -> None:
    expected = world.assistant.ask(QUESTION)
    found = called(url, "ask", question=QUESTION)
    assert not found.isError
    assert untimed(found.structuredContent or {}) == untimed(json.loads(answer_json(expected)))
    assert text(found) == answer_text(expected, width=10_000, asked=QUESTION)
    by_rest = httpx.post(f"{url}/api/ask", json={"question": QUESTION}, trust_env=False).json()
    assert untimed(by_rest) == untimed(found.structuredContent or {})
    follow = called(
        url,
        "ask",
        question="And who replied?",
        history=[["Who struck first?", "Iran."]],
        published_from="2024-01-18",
    )
    assert follow.structuredContent is not None
    assert follow.structuredContent["filters"]["after"] == "2024-01-18"
    assert "replied" in follow.structuredContent["question"]


def test_search_and_fetch_have_the_form_that_deep_research_asks_for(world: World, url: str) -> None:
    found = called(url, "search", query=QUESTION)
    assert json.loads(text(found)) == found.structuredContent
    results = (found.structuredContent or {})["results"]
    evidence = world.assistant.search(QUESTION)
    assert [(r["id"], r["text"], r["start"], r["end"]) for r in results] == [
        (s.passage.id, s.passage.text, s.passage.start, s.passage.end) for s in evidence
    ]
    iran = next(r for r in results if r["article"] == IRAN)
    assert (iran["title"], iran["url"]) == ("Iran strikes", "article://news%2Firan%20strikes.txt")
    assert next(r["url"] for r in results if r["article"] == PAGE) == PAGE, (
        "an article of the web keeps its address"
    )
    for named in (iran["id"], IRAN):
        fetched = called(url, "fetch", id=named)
        assert json.loads(text(fetched)) == fetched.structuredContent
        whole = fetched.structuredContent or {}
        assert list(whole) == ["id", "title", "text", "url", "metadata"]
        assert (whole["id"], whole["title"], whole["text"], whole["url"]) == (
            named,
            "Iran strikes",
            RECORDS[0]["text"],
            iran["url"],
        )
        facts = {
            "article": IRAN,
            "source": "VOA",
            "published": "2024-01-20",
            "version": whole["metadata"]["version"],
        }
        assert whole["metadata"] == facts | (
            {"start": iran["start"], "end": iran["end"]} if named != IRAN else {}
        )
    assert len((called(url, "search", query=QUESTION, k=1).structuredContent or {})["results"]) == 1
    nobody = called(url, "search", query=QUESTION, sources=["Nobody"])
    assert (nobody.isError, text(nobody)) == (True, "there is no source 'Nobody'. The sources are: Dawn, VOA")


def test_article_gives_what_rest_gives(url: str) -> None:
    for record in RECORDS:
        found = called(url, "article", id=record["id"])
        by_rest = httpx.get(
            f"{url}/api/articles/{httpx.QueryParams({'q': record['id']})['q'].replace('?', '%3F')}",
            trust_env=False,
        )
        assert json.loads(text(found)) == found.structuredContent == by_rest.json()
        assert by_rest.json()["text"] == record["text"]


@pytest.mark.parametrize(
    ("tool", "arguments", "said"),
    [
        ("ask", {}, "question is missing. Add it"),
        ("ask", {"question": " "}, "the question is empty. Ask something about the articles"),
        ("ask", {"question": 5}, "question must be text, not 5"),
        ("ask", {"question": "Who?", "sources": '["VOA"]'}, 'sources must be a list, not "[\\"VOA\\"]"'),
        ("ask", {"question": "Who?", "asked_on": "soon"}, 'asked_on must be a date like 2024-01-20, not "soon"'),
        ("search", {"query": "a", "k": "8"}, 'k must be a whole number, not "8"'),
        ("search", {"query": "a", "k": True}, "k must be a whole number, not true"),
        ("search", {"question": "a"}, "query is missing. Add it"),
        ("search", {"query": "a", "limit": 3}, 'there is no parameter "limit". The parameters are: sources, published_from, published_to, asked_on, collection, query, k'),
        ("fetch", {"id": "nowhere"}, "there is no article nowhere in this collection. `clippings articles` lists those there are"),
        ("fetch", {"id": "nowhere:0-5"}, "there is no article nowhere in this collection. `clippings articles` lists those there are"),
        ("fetch", {"id": f"{IRAN}:5-9000"}, f"the article {IRAN} has {LENGTH} characters, so 5-9000 is outside it. Search again"),
        ("fetch", {"id": f"{IRAN}:5-5"}, f"the article {IRAN} has {LENGTH} characters, so 5-5 is outside it. Search again"),
        ("article", {"id": IRAN, "version": "zz"}, f"the article {IRAN} has no version zz. Request it without a version to see the versions it has"),
        ("article", {"id": ""}, 'id must be text that is not empty, not ""'),
        ("answer", {"question": "Who?"}, "there is no tool 'answer'. The tools are: ask, search, article, fetch, status"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_told_to_the_model_in_a_sentence(
    url: str, tool: str, arguments: dict[str, Any], said: str
) -> None:
    result = called(url, tool, **arguments)
    assert (result.isError, text(result), result.structuredContent) == (True, said, None)


def test_articles_are_resources_and_the_list_has_an_end(url: str, other: Library) -> None:
    async def read(session: ClientSession) -> tuple[Any, ...]:
        listed, templates = await session.list_resources(), await session.list_resource_templates()
        texts = [
            (await session.read_resource(resource.uri)).contents[0].text for resource in listed.resources
        ]  # type: ignore[union-attr]
        with pytest.raises(McpError, match="there is no article nowhere in this collection") as missing:
            await session.read_resource(types.AnyUrl("article://nowhere"))
        with pytest.raises(McpError, match="there is no resource file:///etc/passwd"):
            await session.read_resource(types.AnyUrl("file:///etc/passwd"))
        return listed, templates, texts, missing.value.error.code

    listed, templates, texts, code = by_http(url, read)
    newest = sorted(RECORDS, key=lambda record: str(record.get("published", "")), reverse=True)
    assert [resource.name for resource in listed.resources] == [record["id"] for record in newest]
    assert texts == [record["text"] for record in newest]
    assert listed.meta == {"total": 3, "listed": 3, "order": "latest first"}
    assert [template.uriTemplate for template in templates.resourceTemplates] == ["article://{id}"]
    assert code == -32002

    class Many:
        @property
        def collection(self) -> Many:
            return self

        def articles(self) -> list[Any]:
            row = next(r for r in other.assistant("own").collection.articles() if r.headline.id == IRAN)
            return [replace(row, headline=replace(row.headline, id=f"{n:03}")) for n in range(250)]

        def close(self) -> None: ...

    many = replace(other, open=lambda _: Many(), _opened={}, _lock=threading.RLock())  # type: ignore[arg-type,return-value]
    with served(api_app(many, Gate(ServeSettings()), timeout=20)) as there:
        some = by_http(there, lambda session: session.list_resources())
    assert ([r.name for r in some.resources], some.meta["total"]) == ([f"{n:03}" for n in range(100)], 250)


def posted(url: str, body: bytes, **headers: str) -> httpx.Response:
    return httpx.post(
        f"{url}/mcp",
        content=body,
        headers=BOTH | {"Content-Type": "application/json"} | headers,
        trust_env=False,
    )


def request(method: str, **params: Any) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": 7, "method": method, "params": params}).encode()


def test_each_request_stands_by_itself_from_any_host(url: str) -> None:
    asked = request("tools/call", name="search", arguments={"query": QUESTION, "k": 1})
    for headers in (
        {},
        {"Host": "clippings.example.org"},
        {"Origin": "https://elsewhere.example"},
        {"mcp-session-id": "made up"},
    ):
        response = posted(url, asked, **headers)
        assert (response.status_code, response.headers["content-type"]) == (200, "application/json"), headers
        assert len(response.json()["result"]["structuredContent"]["results"]) == 1
        assert "mcp-session-id" not in response.headers
    assert (
        httpx.post(
            f"{url}/mcp/", content=asked, headers=BOTH | {"Content-Type": "application/json"}, trust_env=False
        ).status_code
        == 200
    )


@pytest.mark.parametrize(
    "body", [b"", b"nonsense", b'{"a": "\xff"}', b"[" * 100_000, b'{"id": ' + b"1" * 10_000 + b"}"]
)
def test_what_is_no_json_is_an_error_of_the_protocol(url: str, body: bytes) -> None:
    response = posted(url, body)
    said = "the message is not valid JSON. Send one JSON-RPC message in UTF-8"
    assert (response.status_code, response.json()) == (
        400,
        {"jsonrpc": "2.0", "id": None, "error": {"code": -32700, "message": said}},
    )


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    message=JSON
    | st.fixed_dictionaries(
        {
            "jsonrpc": st.just("2.0"),
            "id": JSON,
            "method": st.sampled_from(["tools/call", "resources/read", "tools/list", "ping"]),
        },
        optional={
            "params": JSON
            | st.fixed_dictionaries(
                {"name": st.sampled_from(["ask", "search", "article", "fetch", "status"])},
                optional={
                    "arguments": st.dictionaries(
                        st.sampled_from(["question", "query", "id", "k", "sources"]), JSON, max_size=3
                    )
                },
            )
        },
    )
)
def test_no_message_makes_the_server_fail(url: str, message: Any) -> None:
    response = posted(url, json.dumps(message).encode())
    assert response.status_code < 500, (response.text, message)
    assert "unexpected error" not in response.text


def test_a_call_whose_client_goes_away_is_given_up(other: Library, world: World) -> None:
    model, gate = HeldModel(*SAID), Gate(ServeSettings(max_concurrency=1, queue_size=0))
    other.open = lambda config: open_assistant(
        config, encoder=world.encoder, reader=WordReader(), model=model
    )
    with served(api_app(other, gate, timeout=20)) as url:
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(
                f"{url}/mcp", content=request("tools/call", name="ask", arguments={"question": QUESTION}),
                headers=BOTH | {"Content-Type": "application/json"}, timeout=httpx.Timeout(20, read=0.7), trust_env=False,
            )  # fmt: skip
        assert gate.counts.running == 1, "until the step that is worked on is over"
        busy = called(url, "search", query=QUESTION)
        assert (busy.isError, text(busy)) == (
            True,
            "the server is busy (1 running, 0 waiting). Ask again in a minute",
        )
        model.goes_on.set()
        until(lambda: idle(gate.counts))
        assert model.closed
        assert not model.ended
        assert gate.counts == QueueCounts(running=0, waiting=0, answered=1, refused=1)


def test_a_call_that_takes_too_long_or_fails_is_told(
    other: Library, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    model = HeldModel(*SAID)
    other.open = lambda config: open_assistant(
        config, encoder=world.encoder, reader=WordReader(), model=model
    )
    with served(api_app(other, Gate(ServeSettings()), timeout=0.4)) as url:
        late = called(url, "ask", question=QUESTION)
        model.goes_on.set()
    assert (late.isError, text(late)) == (
        True,
        "no answer after 0.4 seconds, so the request was stopped. Ask again, or ask a simpler question",
    )

    def fails(_: Any) -> Any:
        raise RuntimeError("whereabouts")

    broken = replace(other, open=fails, _opened={}, _lock=threading.RLock())
    with served(api_app(broken, Gate(ServeSettings()), timeout=20)) as url:
        told = called(url, "ask", question=QUESTION)

        async def listed(session: ClientSession) -> None:
            with pytest.raises(McpError, match="an unexpected error occurred"):
                await session.list_resources()

        by_http(url, listed)
    assert (told.isError, text(told)) == (
        True, "an unexpected error occurred. The server's log has the details. Try again, or rephrase the question",
    )  # fmt: skip
    assert caplog.text.count("RuntimeError: whereabouts") == 2, "one for each request"


# Over standard input and output


@pytest.fixture(scope="module")
def environ(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Where there is no collection yet; the demo articles' is made once, by the first process."""
    data = tmp_path_factory.mktemp("stdio")
    return {**os.environ, "XDG_DATA_HOME": str(data), "PYTHONPATH": str(ROOT)}


def started(environ: dict[str, str], *options: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, str(ROOT / "app.py"), "mcp", *options],
        env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


HELLO = json.dumps(
    {
        "jsonrpc": "2.0", "id": 0, "method": "initialize",
        "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}},
    }
).encode() + b'\n{"jsonrpc": "2.0", "method": "notifications/initialized"}\n'  # fmt: skip


def test_the_official_client_starts_it_and_gets_the_answer_of_the_demo_articles(
    environ: dict[str, str],
) -> None:
    async def used() -> tuple[Any, ...]:
        command = StdioServerParameters(
            command=sys.executable, args=[str(ROOT / "app.py"), "mcp"], env=environ
        )
        async with stdio_client(command) as (receive, send), ClientSession(receive, send) as session:
            await session.initialize()
            tools = await session.list_tools()
            return (
                tools,
                await session.call_tool("ask", {"question": QUESTION}),
                await session.call_tool("search", {"query": "a", "k": "1"}),
            )

    tools, answer, refused = asyncio.run(asyncio.wait_for(used(), 120))
    assert [tool.name for tool in tools.tools] == ["ask", "search", "article", "fetch", "status"]
    assert "Iran" in answer.structuredContent["text"]
    assert answer.structuredContent["citations"]
    assert (refused.isError, text(refused)) == (True, 'k must be a whole number, not "1"')


def test_at_the_end_of_its_input_it_answers_what_was_asked_and_ends(environ: dict[str, str]) -> None:
    process = started({**environ, "PYTHONSTARTUP": ""})
    asked = request("tools/call", name="search", arguments={"query": QUESTION, "k": 1}) + b"\n"
    out, err = process.communicate(
        HELLO + b"nonsense\n\n" + asked + request("ping").replace(b"7", b'"last"'), timeout=60
    )
    assert process.returncode == 0, err
    told = {message["id"]: message for message in map(json.loads, out.splitlines())}
    assert sorted(map(str, told)) == ["0", "7", "None", "last"]
    assert told[None]["error"]["code"] == -32700
    assert len(told[7]["result"]["structuredContent"]["results"]) == 1
    assert b"Traceback" not in err


def test_what_is_printed_beside_goes_to_standard_error(environ: dict[str, str]) -> None:
    program = (
        "import os, sys; sys.path.insert(0, sys.argv[1])\n"
        "import rag.surfaces.api.stdio as ours\n"
        "inner = ours._warm\n"
        "def warm(library):\n"
        "    print('from Python'); os.write(1, b'from a library of C\\n'); inner(library)\n"
        "ours._warm = warm\n"
        "import app; sys.exit(app.main(['mcp']))\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", program, str(ROOT)], input=HELLO, env=environ, capture_output=True, timeout=60
    )
    assert run.returncode == 0, run.stderr
    assert [json.loads(line)["id"] for line in run.stdout.splitlines()] == [0]
    assert b"from Python" in run.stderr
    assert b"from a library of C" in run.stderr


def test_it_ends_when_it_is_told_to(environ: dict[str, str]) -> None:
    process = started(environ)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(HELLO)
    process.stdin.flush()
    assert json.loads(process.stdout.readline())["id"] == 0
    process.terminate()
    assert process.wait(20) == 0
    assert process.stdout.read() == b""


def test_a_collection_that_is_not_there_is_said(environ: dict[str, str], tmp_path: Path) -> None:
    process = started(environ, "--home", str(tmp_path / "none"))
    out, err = process.communicate(HELLO, timeout=60)
    assert (process.returncode, out) == (1, b"")
    assert err.decode() == (
        f"clippings: there is no collection in {tmp_path / 'none'}. Create one: clippings sync FOLDER --home "
        f"{tmp_path / 'none'}\n"
    )
