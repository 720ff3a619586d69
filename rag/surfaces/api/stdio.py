"""The MCP server on standard input and output, for a program that starts `clippings mcp`."""

from __future__ import annotations

import asyncio
import logging
import os
import queue
import signal
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import anyio
import mcp.types as types
from mcp.server.lowlevel import Server
from mcp.shared.message import SessionMessage

from rag.surfaces.api.mcp import PARSE_ERROR, mcp_server
from rag.surfaces.api.refusals import json_bytes
from rag.surfaces.gate import Gate
from rag.surfaces.library import Library

if TYPE_CHECKING:
    from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

__all__ = ["serve_stdio"]

TIMEOUT_SECONDS = 120.0  # for one call
_FLUSH_SECONDS = 5.0  # for the client to read the last messages


def serve_stdio(library: Library, gate: Gate, *, timeout: float = TIMEOUT_SECONDS) -> None:
    """Serve the tools until the client closes standard input, or until SIGTERM. Running calls then have
    `serve.shutdown_timeout` seconds to finish.

    Standard output belongs to the protocol, so everything else that is printed goes to standard error.
    """
    out = os.dup(1)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    threading.Thread(target=_warm, args=(library,), name="warm", daemon=True).start()
    server = mcp_server(library, gate, timeout=timeout)
    asyncio.run(_StdioTransport(out).serve(server, library.own.serve.shutdown_timeout))


def _warm(library: Library) -> None:
    try:
        library.assistant(library.first).warm()
    except Exception:  # the first call raises it again
        logging.getLogger("clippings").warning("the collection cannot be opened yet", exc_info=True)


class _StdioTransport:
    """Messages as lines. Reading and writing have their own threads, so that neither can block the
    process."""

    def __init__(self, out: int) -> None:
        self._out = out
        self._unanswered: set[str | int] = set()
        self._answered = asyncio.Event()  # set when one of them was answered
        self._stop = asyncio.Event()
        self._lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()

    async def serve(self, server: Server[Any, Any], shutdown_timeout: float) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            # Not on Windows, and not outside the main thread.
            with suppress(NotImplementedError, RuntimeError, ValueError):
                loop.add_signal_handler(number, self._stop.set)
        incoming: asyncio.Queue[bytes | None] = asyncio.Queue()
        threading.Thread(target=self._read, args=(loop, incoming), name="input", daemon=True).start()
        writing = threading.Thread(target=self._write, args=(loop,), name="output", daemon=True)
        writing.start()
        to_server, from_client = anyio.create_memory_object_stream[SessionMessage | Exception](0)
        to_client, from_server = anyio.create_memory_object_stream[SessionMessage](0)
        serving = asyncio.ensure_future(
            server.run(from_client, to_client, server.create_initialization_options())
        )
        helpers = [
            asyncio.ensure_future(work)
            for work in (
                self._receive(incoming, to_server, shutdown_timeout),
                self._send(from_server),
                self._stop.wait(),
            )
        ]
        try:
            await asyncio.wait((serving, helpers[-1]), return_when=asyncio.FIRST_COMPLETED)
            if serving.done():
                serving.result()
        finally:
            for task in (serving, *helpers):
                task.cancel()
            await asyncio.gather(serving, *helpers, return_exceptions=True)
            self._lines.put(None)
            writing.join(_FLUSH_SECONDS)

    async def _receive(
        self,
        incoming: asyncio.Queue[bytes | None],
        to_server: MemoryObjectSendStream[SessionMessage | Exception],
        shutdown_timeout: float,
    ) -> None:
        async with to_server:
            while (line := await incoming.get()) is not None:
                if (message := self._message(line)) is not None:
                    await to_server.send(SessionMessage(message))
            with suppress(TimeoutError):
                async with asyncio.timeout(shutdown_timeout):
                    while self._unanswered:
                        self._answered.clear()
                        await self._answered.wait()

    def _message(self, line: bytes) -> types.JSONRPCMessage | None:
        """The message in a line. For an invalid one, the client gets an error."""
        if not line.strip():
            return None
        try:
            message = types.JSONRPCMessage.model_validate_json(line)
        except ValueError:
            self._lines.put(json_bytes(PARSE_ERROR) + b"\n")
            return None
        if isinstance(message.root, types.JSONRPCRequest):
            self._unanswered.add(message.root.id)
        return message

    async def _send(self, from_server: MemoryObjectReceiveStream[SessionMessage]) -> None:
        async for sent in from_server:
            message = sent.message.root
            self._lines.put(
                json_bytes(message.model_dump(mode="json", by_alias=True, exclude_none=True)) + b"\n"
            )
            if isinstance(message, types.JSONRPCResponse | types.JSONRPCError):
                self._unanswered.discard(message.id)
                self._answered.set()

    def _read(self, loop: asyncio.AbstractEventLoop, incoming: asyncio.Queue[bytes | None]) -> None:
        with suppress(RuntimeError):  # the loop is closed
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
        except OSError:  # the client has gone
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(self._stop.set)
