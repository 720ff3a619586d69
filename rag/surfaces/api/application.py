"""The FastAPI application with REST and MCP. `server` adds the page and the access middleware."""

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
    "Ask questions about a collection of articles. Every sentence of an answer has citations: the exact "
    "words of an "
    'article and their place in it, in code points. Errors have the form `{"error": {"kind", "message"}}`.'
)


def api_app(library: Library, gate: Gate, *, timeout: float, routers: Sequence[APIRouter] = ()) -> FastAPI:
    """REST under `/api`, described at `/api/openapi.json`, and MCP at `/mcp`. `routers` are included as
    well."""
    app = FastAPI(
        title="Clippings",
        version="1",
        description=_ABOUT,
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    add_errors(app, library.folders)
    for extra in routers:  # before the catch-all route under /api
        app.include_router(extra)
    app.include_router(router(library, gate, timeout=timeout))
    mcp.mount(app, mcp.mcp_server(library, gate, timeout=timeout, hide=library.folders))
    return app
