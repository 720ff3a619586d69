"""Whether the page can answer, for whoever watches over it: `/healthz`, which asks for no password and tells
nothing that is in the articles, nor where they lie."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from rag.surfaces.gate import Gate
from rag.surfaces.library import Library

__all__ = ["Health", "health_router"]


class Health:
    """What the page says of itself."""

    def __init__(self, library: Library, gate: Gate) -> None:
        self._library, self._gate = library, gate
        self._began = time.monotonic()
        self._failing = False

    def state(self) -> tuple[int, dict[str, Any]]:
        """An HTTP status, 200 or 503, and the facts: of the collection that a newcomer sees, of the questions
        since the page was opened, and megabytes of memory by part."""
        facts: dict[str, Any] = dict.fromkeys(("articles", "passages", "generation")) | {"memory": {}}
        reason = None
        try:
            assistant = self._library.shown()
            facts["articles"], facts["passages"], facts["generation"] = assistant.collection.holds()
            facts["memory"] = assistant.collection.memory()
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


def health_router(health: Health) -> APIRouter:
    """`/healthz`."""
    router = APIRouter()

    @router.api_route("/healthz", methods=["GET", "HEAD"], include_in_schema=False)
    async def healthz() -> JSONResponse:
        # In a thread: a collection on a slow disk must not hold up the answers of others.
        status, whole = await asyncio.to_thread(health.state)
        return JSONResponse(whole, status, {"Cache-Control": "no-store"})

    return router
