"""Jobs over HTTP, as the page uses them to add articles: start a job, get its progress, stop it."""

from __future__ import annotations

import asyncio
import threading
from typing import Annotated, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from rag.errors import ForbiddenError, QuestionError
from rag.surfaces.api.routes import StrictRoute
from rag.surfaces.jobs import Jobs
from rag.surfaces.library import Library
from rag.surfaces.services import OnProgress
from rag.surfaces.uploads import Uploads
from rag.types import IngestReport

__all__ = ["job_router"]


class NewJob(BaseModel):
    """What to add: an upload, by the id from `POST /api/uploads`, or the page or feed at an address."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={"examples": [{"address": "https://example.org/news/storm"}]},
    )
    upload: str | None = None
    address: Annotated[str | None, Field(max_length=4_000)] = None
    replace: Annotated[
        Literal["ask", "replace", "keep"], Field(description="what to do with a file whose name is in use")
    ] = "ask"


def job_router(library: Library, jobs: Jobs, uploads: Uploads) -> APIRouter:
    """The routes. Articles are added to the user's own collection. Only its owner sees a job."""
    router = APIRouter(prefix="/api/jobs", tags=["articles"], route_class=StrictRoute)

    @router.post("", status_code=202, summary="Start to add articles")
    async def start(request: Request, body: NewJob) -> dict[str, str | float | bool]:
        if library.read_only or getattr(request.state, "read_only", False):
            raise ForbiddenError("you have read-only access: you cannot add, correct or remove articles")
        owner = str(request.state.owner)
        if (body.upload is None) == (body.address is None):
            raise QuestionError("give either an upload or an address")
        if body.address is not None:
            address = body.address

            def fetch(progress: OnProgress, stop: threading.Event) -> IngestReport:
                return library.fetch(address, progress, stop=stop)

            return jobs.start(owner, "fetching…", fetch).facts()
        upload_id, replace = str(body.upload), body.replace
        await asyncio.to_thread(uploads.paths, owner, upload_id)  # raises where it does not exist

        def add(progress: OnProgress, stop: threading.Event) -> IngestReport:
            with uploads.claim(owner, upload_id) as upload:
                return library.add(upload, progress, replace=replace, stop=stop)

        return jobs.start(owner, "reading the uploaded files…", add).facts()

    @router.get("", summary="List your jobs")
    async def list_jobs(request: Request) -> dict[str, list[dict[str, str | float | bool]]]:
        return {"jobs": [job.facts() for job in jobs.of(str(request.state.owner))]}

    @router.get("/{job_id}", summary="Get the progress of a job")
    async def one(request: Request, job_id: str) -> dict[str, str | float | bool]:
        return jobs.get(str(request.state.owner), job_id).facts()

    @router.post("/{job_id}/stop", summary="Stop a job after its current batch; finished articles stay")
    async def stop(request: Request, job_id: str) -> dict[str, str | float | bool]:
        job = jobs.get(str(request.state.owner), job_id)
        job.stopping.set()
        return job.facts()

    return router
