"""The application that has REST and MCP, and nothing else: what the server adds the page and the door to."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import APIRouter, FastAPI

from rag.surfaces.api import mcp
from rag.surfaces.api.errors import add_errors
from rag.surfaces.api.routes import router
from rag.surfaces.gate import Gate
from rag.surfaces.library import Library

__all__ = ["api_app"]

_ABOUT = (
    "Ask a collection of articles. Every sentence of an answer has citations: the exact words of an article, "
    "and where they "
    'stand in it, in code points. Every error has the form `{"error": {"kind", "message"}}`.'
)


def api_app(library: Library, gate: Gate, *, timeout: float, also: Sequence[APIRouter] = ()) -> FastAPI:
    """REST under `/api`, described at `/api/openapi.json`, and MCP at `/mcp`. Nothing of it is loaded from
    elsewhere.
    """
    app = FastAPI(
        title="Clippings",
        version="1",
        description=_ABOUT,
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    add_errors(app, library.folders)
    for routes in also:  # before the last route under /api, which takes all that no other does
        app.include_router(routes)
    app.include_router(router(library, gate, timeout=timeout))
    mcp.mount(app, mcp.tools(library, gate, timeout=timeout, hide=library.folders))
    return app
