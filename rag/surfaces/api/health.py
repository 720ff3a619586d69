"""The health check `/healthz`. It needs no login, and reveals neither articles nor paths."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from rag.surfaces.gate import Gate
from rag.surfaces.library import Library
from rag.surfaces.model_words import state_json

__all__ = ["Health", "health_router"]


class Health:
    """The health of a server."""

    def __init__(self, library: Library, gate: Gate) -> None:
        self._library, self._gate = library, gate
        self._started = time.monotonic()
        self._failing = False

    def state(self) -> tuple[int, dict[str, Any]]:
        """An HTTP status, 200 or 503, and the state: the collection that is shown first, the questions since
        the start, the memory in megabytes by part, and the state of the language model.
        """
        unknown = ("articles", "passages", "generation", "model")
        facts: dict[str, Any] = dict.fromkeys(unknown) | {"memory": {}}
        reason = None
        try:
            assistant = self._library.shown()
            facts["articles"], facts["passages"], facts["generation"] = assistant.collection.holds()
            facts["memory"] = assistant.collection.memory()
            if model := assistant.model_state:
                facts["model"] = {name: state_json(model)[name] for name in ("state", "retry_in")}
            self._failing = False
        except Exception:
            reason = "the collection cannot be read. The server's log says why"
            if not self._failing:  # log it once: health checks come every few seconds
                logging.getLogger("clippings").exception("the collection cannot be read")
            self._failing = True
        status = "failing" if reason else "ok"
        if self._gate.stopping:
            status, reason = "stopping", "the server is stopping and accepts no new questions"
        questions = self._gate.counts
        whole = {
            "status": status,
            "reason": reason,
            **facts,
            "running": questions.running,
            "waiting": questions.waiting,
            "answered": questions.answered,
            "refused": questions.refused,
            "seconds": round(time.monotonic() - self._started, 1),
        }
        return 503 if reason else 200, whole


def health_router(health: Health) -> APIRouter:
    """`/healthz`."""
    router = APIRouter()

    @router.api_route("/healthz", methods=["GET", "HEAD"], include_in_schema=False)
    async def healthz() -> JSONResponse:
        # In a thread, so that a slow disk does not delay other requests.
        status, whole = await asyncio.to_thread(health.state)
        return JSONResponse(whole, status, {"Cache-Control": "no-store"})

    return router
