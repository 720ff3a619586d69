"""The tools and resources for models, by the Model Context Protocol: over HTTP at `/mcp`, and over standard
input and output.

`search` and `fetch` have the form that ChatGPT's connectors and deep research look for; `ask` and `article`
are what people and programs get. The SDK's lower layer is used: its upper one passes over arguments that it
does not know, puts words of its own before a tool's errors, and keeps a list of resources that does not
change.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import queue
import signal
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import anyio
import mcp.types as types
from mcp.server.lowlevel import Server
from mcp.server.lowlevel.helper_types import ReadResourceContents
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.shared.exceptions import McpError
from mcp.shared.message import SessionMessage
from pydantic import AnyUrl, BaseModel, ValidationError
from starlette.routing import Route

from rag.surfaces.api import schemas
from rag.surfaces.api.bodies import TooManyValues, read
from rag.surfaces.api.refusals import argument_sentence, json_bytes, refusal
from rag.surfaces.api.service import Service, address
from rag.surfaces.gate import Gate
from rag.surfaces.library import Library
from rag.surfaces.render import answer_text, json_value

if TYPE_CHECKING:
    from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
    from starlette.applications import Starlette
    from starlette.types import Message, Receive, Scope, Send

__all__ = ["mount", "serve_stdio", "tools"]

TIMEOUT = 120.0  # seconds that a call over standard input and output may take
_LARGEST = 1_000_000  # bytes of a message
_LINGER = 5.0  # seconds that the last messages have to be taken from us
_LISTED = 100  # resources; a collection may hold a hundred thousand articles
_ABOUT = (
    "A collection of news articles. `ask` answers a question in the articles' own words, with citations "
    "whose words have been "
    "checked, and says so where the articles do not answer. `search` finds passages without answering; "
    "`fetch` and `article` "
    "give whole articles. Places (`start`, `end`) count code points of an article's text."
)
# An answer shows all of its evidence, and reading changes nothing.
_READING = types.ToolAnnotations(
    readOnlyHint=True, destructiveHint=False, idempotentHint=True, openWorldHint=False
)


@dataclass(frozen=True, slots=True)
class _Tool:
    """A tool: what it takes and gives, and what it does. `told` makes the text beside the structured result."""

    title: str
    description: str
    takes: type[BaseModel]
    gives: type[BaseModel]
    call: Callable[[Any], Awaitable[tuple[dict[str, Any], str]]]


def tools(library: Library, gate: Gate, *, timeout: float, hide: Sequence[str] = ()) -> Server[Any, Any]:
    """The server of the tools `ask`, `search`, `article` and `fetch`, and of the articles as resources. A
    call is answered within `timeout` seconds or refused; questions wait in the gate."""
    service = Service(library, gate, timeout=timeout)

    async def ask(asked: schemas.AskRequest) -> tuple[dict[str, Any], str]:
        answer = await service.ask(asked)
        return json_value(answer, answer.evidence), answer_text(answer, width=10_000, asked=asked.question)

    async def search(wanted: schemas.SearchTool) -> tuple[dict[str, Any], str]:
        given = wanted.model_dump()
        found = await service.search(schemas.SearchRequest(question=given.pop("query"), **given))
        results = [
            {
                "id": source.passage.id,
                "title": source.article.label,
                "url": source.article.url or address(source.article.id),
                "text": source.passage.text,
                "start": source.passage.start,
                "end": source.passage.end,
                "article": source.article.id,
                "source": source.article.source,
                "published": source.article.published.isoformat() if source.article.published else None,
            }
            for source in found
        ]
        return _as_json({"results": results})

    async def article(wanted: schemas.ArticleTool) -> tuple[dict[str, Any], str]:
        return _as_json(await service.article(wanted.id, wanted.collection, wanted.version))

    async def fetch(wanted: schemas.FetchTool) -> tuple[dict[str, Any], str]:
        return _as_json(await service.document(wanted.id, wanted.collection))

    known = {
        "ask": _Tool(
            "Ask the articles",
            "Answer a question from a collection of news articles. Every sentence of the answer has "
            "citations: the exact "
            "words of an article, and where they stand in it. Says so when the articles do not answer, and "
            "lists what they "
            "disagree on.",
            schemas.AskRequest,
            schemas.Answer,
            ask,
        ),
        "search": _Tool(
            "Search the articles",
            "Find the passages of the articles that are nearest to a query, best first, without an answer. "
            "Use `fetch` with a "
            "result's id to read the whole article.",
            schemas.SearchTool,
            schemas.Found,
            search,
        ),
        "article": _Tool(
            "Read an article",
            "Read one whole article with all its facts, where each was read, and its earlier versions, to "
            "see a citation "
            "in its place.",
            schemas.ArticleTool,
            schemas.Article,
            article,
        ),
        "fetch": _Tool(
            "Fetch a search result",
            "Read the whole article that a search result is from, by the result's id, or by an article's.",
            schemas.FetchTool,
            schemas.Document,
            fetch,
        ),
    }
    server: Server[Any, Any] = Server("clippings", version="1", instructions=_ABOUT)

    async def list_tools() -> list[types.Tool]:
        return [
            types.Tool(
                name=name,
                title=tool.title,
                description=tool.description,
                inputSchema=tool.takes.model_json_schema(),
                outputSchema=tool.gives.model_json_schema(mode="serialization"),
                annotations=_READING,
            )
            for name, tool in known.items()
        ]

    async def call_tool(name: str, arguments: dict[str, Any]) -> types.CallToolResult:
        tool = known.get(name)
        if tool is None:
            return _failed(f"there is no tool {name[:80]!r}. There are: {', '.join(known)}")
        try:
            structured, text = await tool.call(tool.takes.model_validate(arguments))
        except ValidationError as exc:
            return _failed(argument_sentence(exc.errors(include_url=False), list(tool.takes.model_fields)))
        except Exception as exc:  # noqa: BLE001  told, and logged where it was not foreseen
            return _failed(refusal(exc, hide).message)
        return types.CallToolResult(
            content=[types.TextContent(type="text", text=text)], structuredContent=structured
        )

    async def list_resources(_: types.ListResourcesRequest) -> types.ListResourcesResult:
        with _protocol_errors(hide):
            rows, total = await service.latest(_LISTED)
        return types.ListResourcesResult(
            resources=[
                types.Resource(
                    uri=AnyUrl(address(row.headline.id)),
                    name=row.headline.id,
                    title=row.headline.label,
                    description=", ".join(
                        part
                        for part in (
                            row.headline.source,
                            row.headline.published and row.headline.published.isoformat(),
                        )
                        if part
                    )
                    or None,
                    mimeType="text/plain",
                )
                for row in rows
            ],
            _meta={"total": total, "listed": len(rows), "order": "latest first"},
        )

    async def list_templates() -> list[types.ResourceTemplate]:
        return [
            types.ResourceTemplate(
                uriTemplate="article://{id}",
                name="article",
                title="An article by its id",
                description="The text of an article. Slashes and other such characters of its id are percent-encoded.",
                mimeType="text/plain",
            )
        ]

    async def read_resource(uri: AnyUrl) -> list[ReadResourceContents]:
        scheme, _, named = str(uri).partition("://")
        with _protocol_errors(hide):
            if scheme != "article":
                raise McpError(
                    types.ErrorData(code=_NOT_FOUND, message=f"there is no resource {str(uri)[:80]}")
                )
            found = await service.article(unquote(named))
        return [ReadResourceContents(content=found["text"], mime_type="text/plain")]

    # The SDK's decorators have no types.
    server.list_tools()(list_tools)  # type: ignore[no-untyped-call]
    server.call_tool(validate_input=False)(call_tool)
    server.list_resources()(list_resources)  # type: ignore[no-untyped-call]
    server.list_resource_templates()(list_templates)  # type: ignore[no-untyped-call]
    server.read_resource()(read_resource)  # type: ignore[no-untyped-call]
    return server


_NOT_FOUND = -32002  # the protocol's code for a resource that is not there


class _protocol_errors:
    """Makes what is raised inside an error of the protocol, with our sentence."""

    def __init__(self, hide: Sequence[str]) -> None:
        self._hide = hide

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, Exception) and not isinstance(error, McpError):
            told = refusal(error, self._hide)
            code = _NOT_FOUND if told.status == 404 else types.INTERNAL_ERROR
            raise McpError(types.ErrorData(code=code, message=told.message)) from error


def _failed(sentence: str) -> types.CallToolResult:
    said = sentence.encode("utf-8", "backslashreplace").decode()
    return types.CallToolResult(content=[types.TextContent(type="text", text=said)], isError=True)


def _as_json(value: dict[str, Any]) -> tuple[dict[str, Any], str]:
    return value, json_bytes(value).decode()


# Over HTTP


def mount(app: Starlette, mcp: Server[Any, Any]) -> None:
    """Serve the tools at `/mcp` of an application, for as long as its lifespan is run.

    Each request stands by itself: there are no sessions, so nothing is kept between requests, and any process
    may answer any of them. Who may come, from which Host and Origin, is for what stands before the
    application to say.
    """
    endpoint = _Endpoint(mcp)
    inner = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(application: Any) -> AsyncIterator[Any]:
        async with endpoint.running(), inner(application) as state:
            yield state

    app.router.lifespan_context = lifespan
    app.router.routes += [Route(path, endpoint, include_in_schema=False) for path in ("/mcp", "/mcp/")]


class _Endpoint:
    """The tools as an ASGI application, which gives a call up when its client goes away."""

    def __init__(self, mcp: Server[Any, Any]) -> None:
        self._mcp = mcp
        self._manager: StreamableHTTPSessionManager | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        # Without security settings it lets every Host and Origin in, which the door has looked at.
        manager = StreamableHTTPSessionManager(
            self._mcp, json_response=True, stateless=True, max_request_body_size=_LARGEST
        )
        async with manager.run():
            self._manager = manager
            try:
                yield
            finally:
                self._manager = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        from rag.surfaces.api.errors import error_response  # which standard input and output does without

        async def refuse(status: int, kind: str, message: str, **headers: str) -> None:
            await error_response(status, kind, message, headers)(scope, receive, send)

        if scope["method"] != "POST":
            # There are no sessions to be listened to or ended.
            await refuse(
                405,
                "method",
                f"/mcp cannot be asked with {scope['method']}. Send messages with POST",
                Allow="POST",
            )
            return
        if self._manager is None:
            await refuse(
                503,
                "busy",
                "the server is being started or stopped. Try again in a minute",
                **{"Retry-After": "10"},
            )
            return
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message.get("body", b"")
            if len(body) > _LARGEST:
                await refuse(413, "size", f"the body is larger than {_LARGEST:,} bytes. Send less at a time")
                return
            if not message.get("more_body", False):
                break
        try:
            json.dumps(
                await read(bytes(body)), ensure_ascii=False
            ).encode()  # half a character has no UTF-8 to be answered in
        except TooManyValues as exc:
            await refuse(413, "size", str(exc))
            return
        except (ValueError, RecursionError):  # some of which the SDK would not expect
            await _parse_error(scope, receive, send)
            return
        await self._answered(bytes(body), scope, receive, send)

    async def _answered(self, body: bytes, scope: Scope, receive: Receive, send: Send) -> None:
        assert self._manager is not None
        gone, messages = asyncio.Event(), [body]

        async def replayed() -> Message:
            if messages:
                return {"type": "http.request", "body": messages.pop(), "more_body": False}
            await gone.wait()
            return {"type": "http.disconnect"}

        async def left() -> None:
            while (await receive())["type"] != "http.disconnect":
                pass

        working = asyncio.ensure_future(self._manager.handle_request(scope, replayed, send))
        leaving = asyncio.ensure_future(left())
        try:
            await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                working.result()
        finally:
            gone.set()
            working.cancel()
            leaving.cancel()
            await asyncio.gather(working, leaving, return_exceptions=True)


async def _parse_error(scope: Scope, receive: Receive, send: Send) -> None:
    from starlette.responses import Response

    await Response(json_bytes(_PARSE_ERROR), 400, media_type="application/json")(scope, receive, send)


_PARSE_ERROR = {
    "jsonrpc": "2.0",
    "id": None,
    "error": {
        "code": types.PARSE_ERROR,
        "message": "this is no JSON that can be read. Send one message of JSON-RPC in UTF-8",
    },
}


# Over standard input and output


def serve_stdio(library: Library, gate: Gate, *, timeout: float = TIMEOUT) -> None:
    """Serve the tools to the program that started this process, until it closes our standard input, or
    SIGTERM comes. Calls that are worked on when it closes it are finished, within the gate's grace.

    Standard output belongs to the protocol: whatever else is printed in this process goes to standard error.
    """
    out = os.dup(1)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    threading.Thread(target=_warm, args=(library,), name="warm", daemon=True).start()
    asyncio.run(_Stdio(out).serve(tools(library, gate, timeout=timeout), library.own.serve.shutdown_timeout))


def _warm(library: Library) -> None:
    try:
        library.assistant(library.first).warm()
    except Exception:  # the first call meets it again, and says it
        logging.getLogger("clippings").warning("the collection cannot be opened yet", exc_info=True)


class _Stdio:
    """Messages as lines. Both ends are threads of their own: a read or a write that never ends must not hold
    up the process.
    """

    def __init__(self, out: int) -> None:
        self._out = out
        self._unanswered: set[str | int] = set()
        self._answered = asyncio.Event()  # one of them has been, since it was cleared
        self._stop = asyncio.Event()
        self._lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()

    async def serve(self, mcp: Server[Any, Any], grace: float) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            with suppress(
                NotImplementedError, RuntimeError, ValueError
            ):  # on Windows, or in another thread than the main one
                loop.add_signal_handler(number, self._stop.set)
        incoming: asyncio.Queue[bytes | None] = asyncio.Queue()
        threading.Thread(target=self._read, args=(loop, incoming), name="input", daemon=True).start()
        writing = threading.Thread(target=self._write, args=(loop,), name="output", daemon=True)
        writing.start()
        to_server, from_client = anyio.create_memory_object_stream[SessionMessage | Exception](0)
        to_client, from_server = anyio.create_memory_object_stream[SessionMessage](0)
        serving = asyncio.ensure_future(mcp.run(from_client, to_client, mcp.create_initialization_options()))
        beside = [
            asyncio.ensure_future(work)
            for work in (
                self._receive(incoming, to_server, grace),
                self._send(from_server),
                self._stop.wait(),
            )
        ]
        try:
            await asyncio.wait((serving, beside[-1]), return_when=asyncio.FIRST_COMPLETED)
            if serving.done():
                serving.result()
        finally:
            for task in (serving, *beside):
                task.cancel()
            await asyncio.gather(serving, *beside, return_exceptions=True)
            self._lines.put(None)
            writing.join(_LINGER)

    async def _receive(
        self,
        incoming: asyncio.Queue[bytes | None],
        to_server: MemoryObjectSendStream[SessionMessage | Exception],
        grace: float,
    ) -> None:
        async with to_server:
            while (line := await incoming.get()) is not None:
                if (message := self._message(line)) is not None:
                    await to_server.send(SessionMessage(message))
            with suppress(TimeoutError):
                async with asyncio.timeout(grace):
                    while self._unanswered:
                        self._answered.clear()
                        await self._answered.wait()

    def _message(self, line: bytes) -> types.JSONRPCMessage | None:
        """The message in a line; where there is none, the sender is told."""
        if not line.strip():
            return None
        try:
            message = types.JSONRPCMessage.model_validate_json(line)
        except ValueError:
            self._lines.put(json_bytes(_PARSE_ERROR) + b"\n")
            return None
        if isinstance(message.root, types.JSONRPCRequest):
            self._unanswered.add(message.root.id)
        return message

    async def _send(self, from_server: MemoryObjectReceiveStream[SessionMessage]) -> None:
        async for told in from_server:
            message = told.message.root
            self._lines.put(
                json_bytes(message.model_dump(mode="json", by_alias=True, exclude_none=True)) + b"\n"
            )
            if isinstance(message, types.JSONRPCResponse | types.JSONRPCError):
                self._unanswered.discard(message.id)
                self._answered.set()

    def _read(self, loop: asyncio.AbstractEventLoop, incoming: asyncio.Queue[bytes | None]) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody listens any more
            rest = b""
            while part := os.read(0, 65_536):
                *lines, rest = (rest + part).split(b"\n")
                for line in lines:
                    loop.call_soon_threadsafe(incoming.put_nowait, line)
            for last in (rest, None):
                loop.call_soon_threadsafe(incoming.put_nowait, last)

    def _write(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            while (line := self._lines.get()) is not None:
                while line:
                    line = line[os.write(self._out, line) :]
        except OSError:  # who started us has gone
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(self._stop.set)
