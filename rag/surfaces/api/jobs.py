"""Adding articles over HTTP as the page does it: a job is started, asked how far it is, and may be stopped."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from rag.errors import ForbiddenError, QuestionError
from rag.surfaces.api.routes import StrictRoute
from rag.surfaces.jobs import Jobs
from rag.surfaces.library import Library
from rag.surfaces.uploads import Uploads
from rag.types import IngestReport

__all__ = ["job_router"]


class NewJob(BaseModel):
    """What to add: an upload (by the id that `POST /api/uploads` gave), or the page or feed at an address."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={"examples": [{"address": "https://example.org/news/storm"}]},
    )
    upload: str | None = None
    address: Annotated[str | None, Field(max_length=4_000)] = None
    replace: Annotated[
        Literal["ask", "replace", "keep"], Field(description="what to do with a name that is taken")
    ] = "ask"


def job_router(library: Library, jobs: Jobs, uploads: Uploads) -> APIRouter:
    """The routes. A job's articles go to the reader's own collection; nobody else sees the job."""
    router = APIRouter(prefix="/api/jobs", tags=["articles"], route_class=StrictRoute)

    @router.post("", status_code=202, summary="Begin to add articles")
    async def start(request: Request, body: NewJob) -> dict[str, Any]:
        if library.read_only or getattr(request.state, "read_only", False):
            raise ForbiddenError(
                "this page is read-only to you: articles are added, corrected and removed by others"
            )
        owner = str(request.state.owner)
        if (body.upload is None) == (body.address is None):
            raise QuestionError("name either an upload or an address")
        if body.address is not None:
            address = body.address

            def fetch(progress: Callable[[Any], None], stop: threading.Event) -> IngestReport:
                return library.fetch(address, progress, stop=stop)

            return jobs.start(owner, "fetching…", fetch).facts()
        upload_id, replace = str(body.upload), body.replace
        await asyncio.to_thread(uploads.paths, owner, upload_id)  # which must be there

        def add(progress: Callable[[Any], None], stop: threading.Event) -> IngestReport:
            with uploads.taking(owner, upload_id) as upload:
                return library.add(upload, progress, replace=replace, stop=stop)

        return jobs.start(owner, "reading what was uploaded…", add).facts()

    @router.get("", summary="What is being added, and was")
    async def all_of_them(request: Request) -> dict[str, Any]:
        return {"jobs": [job.facts() for job in jobs.of(str(request.state.owner))]}

    @router.get("/{job_id}", summary="How far it is")
    async def one(request: Request, job_id: str) -> dict[str, Any]:
        return jobs.get(str(request.state.owner), job_id).facts()

    @router.post("/{job_id}/stop", summary="Stop after what is being written; what is finished stays")
    async def stop(request: Request, job_id: str) -> dict[str, Any]:
        job = jobs.get(str(request.state.owner), job_id)
        job.stopping.set()
        return job.facts()

    return router
