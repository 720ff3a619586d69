"""Whether the page can answer, for whoever watches over it: `/healthz`, which asks for no password and tells nothing that is
in the articles, nor where they lie."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from typing import TYPE_CHECKING, Any

from rag.surfaces.gate import Gate
from rag.surfaces.library import Library

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["Door", "Health"]


class Health:
    """What the page says of itself. `requests` are being answered, and `latest` is when the last of them ended."""

    def __init__(self, library: Library, gate: Gate) -> None:
        self._library, self._gate = library, gate
        self._began = time.monotonic()
        self._failing = False
        self.requests = 0
        self.latest = self._began  # by time.monotonic

    def state(self) -> tuple[int, dict[str, Any]]:
        """An HTTP status, 200 or 503, and the facts: of the collection that a newcomer sees, of the questions since the page
        was opened, and megabytes of memory by part."""
        facts: dict[str, Any] = dict.fromkeys(("articles", "passages", "generation")) | {"memory": {}}
        reason = None
        try:
            assistant = self._library.shown()
            facts["articles"], facts["passages"], facts["generation"] = assistant.holds()
            facts["memory"] = assistant.memory()
            self._failing = False
        except Exception:
            reason = "the collection cannot be read; the page's log says why"
            if not self._failing:  # which is asked every few seconds
                logging.getLogger("clippings").exception("the collection cannot be read")
            self._failing = True
        status = "failing" if reason else "ok"
        if self._gate.stopping:
            status, reason = "stopping", "the page is being stopped and takes no new questions"
        questions = self._gate.counts
        whole = {
            "status": status,
            "reason": reason,
            **facts,
            "running": questions.running,
            "waiting": questions.waiting,
            "answered": questions.answered,
            "refused": questions.refused,
            "seconds": round(time.monotonic() - self._began, 1),
        }
        return 503 if reason else 200, whole


class Door:
    """Stands before the page, as ASGI has it: answers `/healthz` itself, and counts the other requests."""

    def __init__(self, app: ASGIApp, health: Health) -> None:
        self._app, self._health = app, health

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or _endless(scope):
            await self._app(scope, receive, send)
            return
        if scope["path"].removeprefix(scope.get("root_path", "")) == "/healthz" and scope["method"] in ("GET", "HEAD"):
            await self._tell(scope, send)
            return
        self._health.requests += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._health.requests -= 1
            self._health.latest = time.monotonic()

    async def _tell(self, scope: Scope, send: Send) -> None:
        # In a thread: a collection on a slow disk must not hold up the answers of others.
        status, whole = await asyncio.to_thread(self._health.state)
        body = json.dumps(whole).encode() + b"\n"
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"cache-control", b"no-store"),
        ]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})


def _endless(scope: Scope) -> bool:
    """Whether it is one of Gradio's streams that last as long as a browser or a tool is connected."""
    return scope["method"] == "GET" and ("/heartbeat/" in scope["path"] or "/mcp" in scope["path"])
