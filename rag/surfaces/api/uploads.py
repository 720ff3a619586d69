"""Uploads over HTTP: files are received, checked, and added or discarded."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import get_args

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from rag.errors import UploadError
from rag.surfaces.library import Library
from rag.surfaces.upload_folder import Conflict
from rag.surfaces.upload_form import Upload
from rag.surfaces.uploads import Uploads
from rag.types import IngestReport

__all__ = ["upload_router"]

_CHOICES: tuple[Conflict, ...] = get_args(Conflict)
_MAX_CHOICE_BYTES = 10_000
_REPLACE = {"type": "string", "enum": list(_CHOICES), "default": "ask"}
# These only describe the bodies. FastAPI would read a body that it knows completely before it calls the
# route.
_CHOICE_BODY = {
    "requestBody": {
        "content": {"application/json": {"schema": {"type": "object", "properties": {"replace": _REPLACE}}}},
    }
}
_FORM_BODY = {
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
    """The routes for uploads to the user's own collection. `owner_of` gives the owner of a request; only the
    owner sees an upload.

    They raise `UploadError`, whose `status` is the response's, and what `Library.add` raises.
    """
    router = APIRouter(prefix="/api", tags=["articles"])

    def writer(request: Request) -> str:
        """The owner of a request that may upload."""
        if library.read_only or getattr(request.state, "read_only", False):
            raise UploadError("you have read-only access: you cannot upload articles", status=403)
        return owner_of(request)

    def add_upload(owner: str, upload_id: str, replace: Conflict) -> dict[str, object]:
        with uploads.claim(owner, upload_id) as upload:
            return _report_json(library.add(upload, lambda _: None, replace=replace))

    def add_received(owner: str, upload: Upload, replace: str | None) -> dict[str, object]:
        with discarded_on_error(owner, upload):
            return add_upload(owner, upload.id, _conflict(replace or upload.fields.get("replace")))

    def name_conflicts(owner: str, upload: Upload) -> list[str]:
        with discarded_on_error(owner, upload):
            return list(library.name_conflicts(upload))

    @contextmanager
    def discarded_on_error(owner: str, upload: Upload) -> Iterator[None]:
        """Discard the upload if the block raises: its sender does not have its id yet."""
        try:
            yield
        except BaseException:
            uploads.discard(owner, upload.id)
            raise

    @router.post("/uploads", status_code=201, openapi_extra=_FORM_BODY)
    async def receive(request: Request) -> dict[str, object]:
        """Upload files. They wait for an hour to be added. `taken` lists names that are in use by files with
        other content.
        """
        owner = writer(request)
        upload = await uploads.receive(request, owner)
        taken = await run_in_threadpool(name_conflicts, owner, upload)
        return {
            "id": upload.id,
            "files": [{"name": file.name, "bytes": file.bytes} for file in upload.files],
            "taken": taken,
        }

    @router.delete("/uploads/{upload_id}", status_code=204)
    async def discard(request: Request, upload_id: str) -> Response:
        """Discard files that were uploaded and not added."""
        await run_in_threadpool(uploads.discard, writer(request), upload_id)
        return Response(status_code=204)

    @router.post("/uploads/{upload_id}/articles", openapi_extra=_CHOICE_BODY)
    async def add_pending(request: Request, upload_id: str) -> dict[str, object]:
        """Add files that were uploaded. `replace` says what to do with files whose name is in use: return 409
        with the names ("ask"), make a new version of the article ("replace"), or add a separate article
        ("keep").
        """
        owner = writer(request)
        return await run_in_threadpool(add_upload, owner, upload_id, await _requested_conflict(request))

    @router.post("/articles", openapi_extra=_FORM_BODY)
    async def add(request: Request, replace: str | None = None) -> dict[str, object]:
        """Upload and add files in one request. `replace` may be in the form or in the query string."""
        owner = writer(request)
        _conflict(replace)  # refuse a wrong value before the body is read
        upload = await uploads.receive(request, owner)
        return await run_in_threadpool(add_received, owner, upload, replace)

    return router


async def _requested_conflict(request: Request) -> Conflict:
    """The value of `replace` in the request's JSON; "ask" if there is none."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_CHOICE_BYTES:
            raise UploadError(
                f"the body is larger than {_MAX_CHOICE_BYTES:,} bytes. It should only have `replace`",
                status=413,
            )
    try:
        stated = json.loads(body or b"{}")
        if not isinstance(stated, dict) or not isinstance(stated.get("replace", ""), str):
            raise ValueError
    except ValueError as exc:
        raise UploadError('the body must be JSON, such as {"replace": "keep"}', status=400) from exc
    return _conflict(stated.get("replace"))


def _conflict(stated: str | None) -> Conflict:
    for choice in _CHOICES:
        if (stated or "ask") == choice:
            return choice
    raise UploadError(f"replace must be one of {', '.join(_CHOICES)}, not {str(stated)[:40]!r}", status=400)


def _report_json(report: IngestReport) -> dict[str, object]:
    return {
        "added": list(report.added),
        "replaced": list(report.replaced),
        "kept": list(report.kept),
        "failed": [{"item": failure.item, "reason": failure.reason} for failure in report.failed],
        "warnings": list(report.warnings),
        "passages": report.passages,
    }
