"""The MCP (Model Context Protocol) server: its tools and resources, and its HTTP endpoint `/mcp`.

`search` and `fetch` have the form that ChatGPT's connectors and deep research expect. This uses the SDK's
low-level server, since the high-level one ignores unknown arguments, prefixes a tool's errors with words of
its own, and has a fixed list of resources.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import mcp.types as types
from mcp.server.lowlevel import Server
from mcp.server.lowlevel.helper_types import ReadResourceContents
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.shared.exceptions import McpError
from pydantic import AnyUrl, BaseModel, ValidationError
from starlette.routing import Route

from rag.surfaces.api import results, schemas
from rag.surfaces.api.bodies import TooManyValues, parse
from rag.surfaces.api.refusals import argument_sentence, json_bytes, refusal
from rag.surfaces.api.service import Service, address
from rag.surfaces.gate import Gate
from rag.surfaces.library import Library
from rag.surfaces.render import answer_text, json_value

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.types import Message, Receive, Scope, Send

__all__ = ["PARSE_ERROR", "mcp_server", "mount"]

_MAX_MESSAGE_BYTES = 1_000_000
_MAX_LISTED = 100  # resources; a collection may have a hundred thousand articles
_ABOUT = (
    "A collection of news articles. `ask` answers a question in the articles' own words, with checked "
    "citations, and says so if the articles do not answer it. `search` finds passages without answering. "
    "`fetch` and `article` return whole articles. Offsets (`start`, `end`) count code points of an article's "
    "text."
)
# All tools only read, and only from this collection.
_READ_ONLY = types.ToolAnnotations(
    readOnlyHint=True, destructiveHint=False, idempotentHint=True, openWorldHint=False
)


@dataclass(frozen=True, slots=True)
class _Tool:
    """A tool. `call` returns its structured result, and the same as text."""

    title: str
    description: str
    arguments: type[BaseModel]
    result: type[BaseModel]
    call: Callable[[Any], Awaitable[tuple[dict[str, Any], str]]]


def mcp_server(library: Library, gate: Gate, *, timeout: float, hide: Sequence[str] = ()) -> Server[Any, Any]:
    """The MCP server with the tools `ask`, `search`, `article`, `fetch` and `status`, and the articles as
    resources. A call takes at most `timeout` seconds. `hide` is passed to `refusal`.
    """
    service = Service(library, gate, timeout=timeout)

    async def ask(asked: schemas.AskRequest) -> tuple[dict[str, Any], str]:
        answer = await service.ask(asked)
        return json_value(answer, answer.evidence), answer_text(answer, width=10_000, asked=asked.question)

    async def search(wanted: schemas.SearchTool) -> tuple[dict[str, Any], str]:
        given = wanted.model_dump()
        found = await service.search(schemas.SearchRequest(question=given.pop("query"), **given))
        found_passages = [
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
        return _as_json({"results": found_passages})

    async def article(wanted: schemas.ArticleTool) -> tuple[dict[str, Any], str]:
        return _as_json(await service.article(wanted.id, wanted.collection, wanted.version))

    async def fetch(wanted: schemas.FetchTool) -> tuple[dict[str, Any], str]:
        return _as_json(await service.document(wanted.id, wanted.collection))

    async def status(_: schemas.StatusTool) -> tuple[dict[str, Any], str]:
        found = await service.status()
        return found, found["model"]["text"] if found["model"] else "Answers are the articles' own words."

    all_tools = {
        "ask": _Tool(
            "Ask a question",
            "Answer a question from a collection of news articles. Every sentence of the answer has "
            "citations: the exact words of an article and their place in it. Says so when the articles do "
            "not answer the question, and lists what they disagree on.",
            schemas.AskRequest,
            results.Answer,
            ask,
        ),
        "search": _Tool(
            "Search the articles",
            "Find the passages most relevant to a query, best first, without an answer. Use `fetch` with a "
            "result's id to read the whole article.",
            schemas.SearchTool,
            results.SearchResults,
            search,
        ),
        "article": _Tool(
            "Read an article",
            "Read one whole article with its facts, where each was read, and its earlier versions; for "
            "example to see a citation in context.",
            schemas.ArticleTool,
            results.Article,
            article,
        ),
        "fetch": _Tool(
            "Fetch a search result",
            "Read the whole article of a search result, by the id of the result or of the article.",
            schemas.FetchTool,
            results.Document,
            fetch,
        ),
        "status": _Tool(
            "Get the state of the language model",
            "Whether a language model words the answers of `ask` just now, or why not and when it is tried "
            "again. Nothing is contacted to know it.",
            schemas.StatusTool,
            results.Status,
            status,
        ),
    }
    server: Server[Any, Any] = Server("clippings", version="1", instructions=_ABOUT)

    async def list_tools() -> list[types.Tool]:
        return [
            types.Tool(
                name=name,
                title=tool.title,
                description=tool.description,
                inputSchema=tool.arguments.model_json_schema(),
                outputSchema=tool.result.model_json_schema(mode="serialization"),
                annotations=_READ_ONLY,
            )
            for name, tool in all_tools.items()
        ]

    async def call_tool(name: str, arguments: dict[str, Any]) -> types.CallToolResult:
        tool = all_tools.get(name)
        if tool is None:
            return _failed(f"there is no tool {name[:80]!r}. The tools are: {', '.join(all_tools)}")
        try:
            structured, text = await tool.call(tool.arguments.model_validate(arguments))
        except ValidationError as exc:
            return _failed(
                argument_sentence(exc.errors(include_url=False), list(tool.arguments.model_fields))
            )
        except Exception as exc:  # noqa: BLE001  returned to the client, and logged if it is unexpected
            return _failed(refusal(exc, hide).message)
        return types.CallToolResult(
            content=[types.TextContent(type="text", text=text)], structuredContent=structured
        )

    async def list_resources(_: types.ListResourcesRequest) -> types.ListResourcesResult:
        with _protocol_errors(hide):
            listed, total = await service.latest(_MAX_LISTED)
        return types.ListResourcesResult(
            resources=[
                types.Resource(
                    uri=AnyUrl(address(article.headline.id)),
                    name=article.headline.id,
                    title=article.headline.label,
                    description=", ".join(
                        part
                        for part in (
                            article.headline.source,
                            article.headline.published and article.headline.published.isoformat(),
                        )
                        if part
                    )
                    or None,
                    mimeType="text/plain",
                )
                for article in listed
            ],
            _meta={"total": total, "listed": len(listed), "order": "latest first"},
        )

    async def list_templates() -> list[types.ResourceTemplate]:
        return [
            types.ResourceTemplate(
                uriTemplate="article://{id}",
                name="article",
                title="An article by its id",
                description="The text of an article. Special characters of its id, such as slashes, are "
                "percent-encoded.",
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


_NOT_FOUND = -32002  # the protocol's code for a missing resource


@contextmanager
def _protocol_errors(hide: Sequence[str]) -> Iterator[None]:
    """Turns an exception into an error of the protocol with our message."""
    try:
        yield
    except McpError:
        raise
    except Exception as error:
        refused = refusal(error, hide)
        code = _NOT_FOUND if refused.status == 404 else types.INTERNAL_ERROR
        raise McpError(types.ErrorData(code=code, message=refused.message)) from error


def _failed(message: str) -> types.CallToolResult:
    text = message.encode("utf-8", "backslashreplace").decode()
    return types.CallToolResult(content=[types.TextContent(type="text", text=text)], isError=True)


def _as_json(value: dict[str, Any]) -> tuple[dict[str, Any], str]:
    return value, json_bytes(value).decode()


# Over HTTP


def mount(app: Starlette, mcp: Server[Any, Any]) -> None:
    """Serve the tools at `/mcp` of an application, during its lifespan.

    There are no sessions: requests are independent, and any process may answer them. The access middleware
    checks Host, Origin and login.
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
    """The endpoint as an ASGI application. A call is cancelled when its client disconnects."""

    def __init__(self, mcp: Server[Any, Any]) -> None:
        self._mcp = mcp
        self._manager: StreamableHTTPSessionManager | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        # Without security settings it accepts every Host and Origin; the access middleware has checked them.
        manager = StreamableHTTPSessionManager(
            self._mcp, json_response=True, stateless=True, max_request_body_size=_MAX_MESSAGE_BYTES
        )
        async with manager.run():
            self._manager = manager
            try:
                yield
            finally:
                self._manager = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        from rag.surfaces.api.errors import error_response  # FastAPI, which `clippings mcp` does not need

        async def refuse(status: int, kind: str, message: str, **headers: str) -> None:
            await error_response(status, kind, message, headers)(scope, receive, send)

        if scope["method"] != "POST":
            # There are no sessions to listen to or to end.
            await refuse(
                405,
                "method",
                f"/mcp does not support {scope['method']}. Send messages with POST",
                Allow="POST",
            )
            return
        if self._manager is None:
            await refuse(
                503,
                "busy",
                "the server is starting or stopping. Try again in a minute",
                **{"Retry-After": "10"},
            )
            return
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message.get("body", b"")
            if len(body) > _MAX_MESSAGE_BYTES:
                await refuse(
                    413, "size", f"the body is larger than {_MAX_MESSAGE_BYTES:,} bytes. Send less at a time"
                )
                return
            if not message.get("more_body", False):
                break
        try:
            json.dumps(await parse(bytes(body)), ensure_ascii=False).encode()  # fails for lone surrogates
        except TooManyValues as exc:
            await refuse(413, "size", str(exc))
            return
        except (ValueError, RecursionError):  # the SDK does not handle all of these
            await _parse_error(scope, receive, send)
            return
        await self._handle(bytes(body), scope, receive, send)

    async def _handle(self, body: bytes, scope: Scope, receive: Receive, send: Send) -> None:
        assert self._manager is not None
        disconnected, messages = asyncio.Event(), [body]

        async def replayed() -> Message:
            if messages:
                return {"type": "http.request", "body": messages.pop(), "more_body": False}
            await disconnected.wait()
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
            disconnected.set()
            working.cancel()
            leaving.cancel()
            await asyncio.gather(working, leaving, return_exceptions=True)


async def _parse_error(scope: Scope, receive: Receive, send: Send) -> None:
    from starlette.responses import Response

    await Response(json_bytes(PARSE_ERROR), 400, media_type="application/json")(scope, receive, send)


PARSE_ERROR = {
    "jsonrpc": "2.0",
    "id": None,
    "error": {
        "code": types.PARSE_ERROR,
        "message": "the message is not valid JSON. Send one JSON-RPC message in UTF-8",
    },
}
