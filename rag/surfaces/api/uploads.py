"""Uploading articles over HTTP: files are received, looked at, and taken in or given up."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, get_args

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from rag.errors import UploadError
from rag.surfaces.library import Library
from rag.surfaces.upload_folder import Conflict
from rag.surfaces.uploads import Upload, Uploads
from rag.types import IngestReport

__all__ = ["upload_router"]

_CHOICES: tuple[Conflict, ...] = get_args(Conflict)
_LONGEST = 10_000  # bytes of what says only that
_REPLACE = {"type": "string", "enum": list(_CHOICES), "default": "ask"}
# FastAPI reads the whole of a body that it knows about before it calls anybody, so that these only describe
# it.
_CHOOSING = {
    "requestBody": {
        "content": {"application/json": {"schema": {"type": "object", "properties": {"replace": _REPLACE}}}},
    }
}
_FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["files"],
                    "properties": {
                        "files": {"type": "array", "items": {"type": "string", "format": "binary"}},
                        "replace": _REPLACE,
                    },
                }
            }
        },
    }
}


def upload_router(library: Library, uploads: Uploads, *, owner_of: Callable[[Request], str]) -> APIRouter:
    """The routes of uploads to the reader's own collection. `owner_of` says whose a request is: nobody else
    sees its uploads.

    They raise `UploadError`, whose `status` is the answer's, and what `Library.add` raises.
    """
    router = APIRouter(prefix="/api", tags=["articles"])

    def owner(request: Request) -> str:
        if library.read_only or getattr(request.state, "read_only", False):
            raise UploadError("this page is read-only to you: nothing can be uploaded here", status=403)
        return owner_of(request)

    def take_in(whose: str, upload_id: str, replace: Conflict) -> dict[str, Any]:
        with uploads.taking(whose, upload_id) as upload:
            return _told(library.add(upload, lambda _: None, replace=replace))

    def take_in_now(whose: str, upload: Upload, replace: str | None) -> dict[str, Any]:
        with unless_it_fails(whose, upload):
            return take_in(whose, upload.id, _choice(replace or upload.fields.get("replace")))

    def names_taken(whose: str, upload: Upload) -> list[str]:
        with unless_it_fails(whose, upload):
            return list(library.taken(upload))

    @contextmanager
    def unless_it_fails(whose: str, upload: Upload) -> Iterator[None]:
        """Where this raises, nothing waits: who sent it does not know it by its id."""
        try:
            yield
        except BaseException:
            uploads.discard(whose, upload.id)
            raise

    @router.post("/uploads", status_code=201, openapi_extra=_FORM)
    async def receive(request: Request) -> dict[str, Any]:
        """Upload files. They wait for an hour to be taken in; `taken` are the names that articles with other
        content have.
        """
        whose = owner(request)
        upload = await uploads.receive(request, whose)
        taken = await run_in_threadpool(names_taken, whose, upload)
        return {
            "id": upload.id,
            "files": [{"name": file.name, "bytes": file.bytes} for file in upload.files],
            "taken": taken,
        }

    @router.delete("/uploads/{upload_id}", status_code=204)
    async def discard(request: Request, upload_id: str) -> Response:
        """Remove files that were uploaded and not taken in."""
        await run_in_threadpool(uploads.discard, owner(request), upload_id)
        return Response(status_code=204)

    @router.post("/uploads/{upload_id}/articles", openapi_extra=_CHOOSING)
    async def take(request: Request, upload_id: str) -> dict[str, Any]:
        """Take in files that were uploaded. `replace` says what becomes of names that are taken: 409 names
        them ("ask"), a new version of the article ("replace"), or an article beside it ("keep")."""
        whose = owner(request)
        return await run_in_threadpool(take_in, whose, upload_id, await _stated_choice(request))

    @router.post("/articles", openapi_extra=_FORM)
    async def add(request: Request, replace: str | None = None) -> dict[str, Any]:
        """Upload files and take them in, in one request. `replace` may stand in the form or in the address."""
        whose = owner(request)
        _choice(replace)  # refused before a byte is read
        upload = await uploads.receive(request, whose)
        return await run_in_threadpool(take_in_now, whose, upload, replace)

    return router


async def _stated_choice(request: Request) -> Conflict:
    """What the JSON of a request says under `replace`; "ask" where it says nothing."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LONGEST:
            raise UploadError(
                f"the request is longer than {_LONGEST:,} bytes, and should only say what to replace",
                status=413,
            )
    try:
        stated = json.loads(body or b"{}")
        if not isinstance(stated, dict) or not isinstance(stated.get("replace", ""), str):
            raise ValueError
    except ValueError as exc:
        raise UploadError('the request must be JSON, such as {"replace": "keep"}', status=400) from exc
    return _choice(stated.get("replace"))


def _choice(stated: str | None) -> Conflict:
    for choice in _CHOICES:
        if (stated or "ask") == choice:
            return choice
    raise UploadError(f"replace must be one of {', '.join(_CHOICES)}, not {str(stated)[:40]!r}", status=400)


def _told(report: IngestReport) -> dict[str, Any]:
    return {
        "added": list(report.added),
        "replaced": list(report.replaced),
        "kept": list(report.kept),
        "failed": [{"item": failure.item, "reason": failure.reason} for failure in report.failed],
        "warnings": list(report.warnings),
        "passages": report.passages,
    }
