"""The language model over HTTP, as the page sets it. Only for those whom `AdminRights` allows.

The key goes in and never comes out: results only say whether one is stored.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from rag.config import ModelSettings, models_folder
from rag.errors import BusyError, ConfigError, ForbiddenError
from rag.people.saved_model import SavedModel, fixed, model_files
from rag.people.text import escaped
from rag.surfaces.api.access import AdminRights
from rag.surfaces.api.errors import error_response
from rag.surfaces.api.examples import error_responses
from rag.surfaces.api.routes import StrictRoute
from rag.surfaces.api.schemas import Text
from rag.surfaces.library import Library
from rag.surfaces.model_choice import model_name
from rag.system.address import shown

__all__ = ["model_router"]

# What the page and the API call a provider, and what `model.provider` calls it.
_PROVIDERS = {
    "smollm2": "local", "file": "local", "ollama": "ollama", "openai": "openai", "anthropic": "anthropic",
    "openai-like": "openai-like",
}  # fmt: skip
_Provider = Literal["none", "smollm2", "file", "ollama", "openai", "anthropic", "openai-like"]
_WITH_KEY = ("openai", "anthropic", "openai-like", "ollama")
# In messages, settings have the names that the page gives them.
_WORDS = {
    "model.url": "the address",
    "model.name": "the name of the model",
    "model.provider": "the provider",
    "model.path": "the model file",
    "model.timeout": "the time limit",
    "model.context_window": "the window",
}
_DEFAULTS = ModelSettings()
_Short = Annotated[Text, Field(max_length=500)]


class ModelBody(BaseModel):
    """A language model. Give what its provider needs; the rest is absent or null."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={"examples": [{"provider": "ollama", "name": "llama3.1"}]},
    )

    provider: Annotated[
        _Provider,
        Field(
            description="`none` (the articles answer by themselves), `smollm2` or `file` (on this machine), "
            "`ollama`, `openai`, `anthropic`, or `openai-like` (any server with OpenAI's protocol, at `url`)"
        ),
    ]
    url: Annotated[Text | None, Field(max_length=2_000, description="the base URL of the server")] = None
    name: Annotated[_Short | None, Field(description="the model, as the server calls it")] = None
    file: Annotated[_Short | None, Field(description="for `file`: one of `files`")] = None
    key: Annotated[
        Text | None,
        Field(
            description="the API key; an empty text removes it. null keeps the stored one, if provider and "
            "address are the same"
        ),
    ] = None
    timeout: Annotated[
        float | None, Field(ge=1, le=3_600, description="seconds without data from the server; default 30")
    ] = None
    context_window: Annotated[
        int | None, Field(ge=1_024, le=10_000_000, description="tokens that the model reads; default 8192")
    ] = None


class ModelState(BaseModel):
    """The language model in force, and where its settings come from. The key itself is never shown."""

    source: Literal["none", "page", "configuration"]
    provider: str = Field(description="as in the request; another one only from the configuration")
    url: str | None
    name: str | None
    file: str | None
    has_key: bool = Field(description="whether a key is stored; false for the configuration's, which is not")
    timeout: float
    context_window: int
    fixed: list[str] = Field(description="settings that the configuration fixes; `model`: all of them")
    fault: str | None = Field(description="why the stored settings cannot be used, if so")
    files: list[str] = Field(description="the model files that may be chosen")
    folder: str = Field(description="where they are")


class ModelTestResult(BaseModel):
    """What came of one short request to the model, for people; `seconds` until its first words."""

    works: bool
    message: str
    seconds: float | None


def model_router(library: Library, rights: AdminRights) -> APIRouter:
    """The routes under `/api/model`; none where the library lets no model be chosen."""
    router = APIRouter(prefix="/api/model", tags=["language model"], route_class=StrictRoute)
    choice = library.model_choice
    if choice is None:
        return router
    testing = threading.Lock()  # one test at a time: each makes the server connect to an address

    def check(request: Request) -> None:
        if why := rights.objection(str(request.state.owner), forwarded=request.state.client.forwarded):
            raise ForbiddenError(why)

    def state() -> ModelState:
        settings, saved = choice.settings, choice.saved
        return ModelState(
            source="configuration" if choice.fixed else "page" if saved else "none",
            provider=_provider(settings),
            url=shown(settings.url) if settings.url else None,
            name=settings.name,
            file=Path(settings.path).name if settings.path else None,
            has_key=bool(saved and saved.key) and not choice.fixed,
            timeout=settings.timeout,
            context_window=settings.context_window,
            fixed=["model"] if choice.fixed else sorted(fixed(library.own.model)),
            fault=None if choice.fixed else choice.fault,
            files=model_files(),
            folder=str(models_folder()),
        )

    def note(request: Request) -> None:
        who, now = escaped(str(request.state.owner), 80) or "the local user", choice.settings
        what = model_name(now) if now.configured else "none"
        logging.getLogger("clippings").info("%s set the language model: %s", who, escaped(what, 80))

    def chosen(body: ModelBody) -> SavedModel:
        settings = _settings(body)
        return SavedModel(
            settings, choice.key_for(settings, body.key) if body.provider in _WITH_KEY else None
        )

    answers: dict[int | str, dict[str, Any]] = error_responses(400, 403, 413, 415, 422, 503)

    @router.get("", summary="Get the language model and its settings", responses=error_responses(403))
    async def read(request: Request) -> ModelState:
        """The settings of the language model, without its key."""
        check(request)
        return await asyncio.to_thread(state)

    @router.put("", summary="Set the language model", response_model=ModelState, responses=answers)
    async def save(request: Request, body: ModelBody) -> ModelState | Response:
        """Store the settings in the collection's folder, and use them for the questions from now on. They
        count only where the server's configuration names no model. Nothing is contacted.
        """
        check(request)
        try:
            model = None if body.provider == "none" else await asyncio.to_thread(chosen, body)
            await asyncio.to_thread(library.choose_model, model)
        except ConfigError as exc:
            return _invalid(exc)
        note(request)
        return await asyncio.to_thread(state)

    @router.delete(
        "", summary="Remove the language model that was set here", responses=error_responses(403, 503)
    )
    async def remove(request: Request) -> ModelState:
        """Remove the stored settings and the key."""
        check(request)
        await asyncio.to_thread(library.choose_model, None)
        note(request)
        return await asyncio.to_thread(state)

    @router.post("/test", summary="Test a language model", response_model=ModelTestResult, responses=answers)
    async def test(request: Request, body: ModelBody) -> ModelTestResult | Response:
        """Ask the model of these settings, which are not stored, for one word. It is sent no text of an
        article, and no question.
        """
        check(request)
        if choice.fixed:
            raise ForbiddenError(
                "the model is set by the server's configuration. Test it with `clippings doctor`"
            )
        if body.provider == "none":
            return ModelTestResult(works=True, message="The articles answer by themselves.", seconds=None)
        if not testing.acquire(blocking=False):
            raise BusyError("another test is running. Try again when it is over")

        def work() -> ModelTestResult:
            try:
                came = choice.test(chosen(body))
                return ModelTestResult(works=came.works, message=came.message, seconds=came.seconds)
            finally:
                testing.release()

        try:
            return await asyncio.to_thread(work)
        except ConfigError as exc:
            return _invalid(exc)

    return router


def _invalid(error: ConfigError) -> Response:
    message = str(error)
    for setting, words in _WORDS.items():
        message = message.replace(setting, words)
    return error_response(422, "argument", message)


def _settings(body: ModelBody) -> ModelSettings:
    """The settings of a request. Raises `ConfigError` for what the provider needs and does not get."""
    remote = body.provider not in ("smollm2", "file")
    name, url = (body.name or "").strip() or None, (body.url or "").strip() or None
    if body.provider == "file" and not body.file:
        raise ConfigError(f"no model file is chosen. Put a .gguf file into {models_folder()}, and choose it")
    if remote and name is None:
        raise ConfigError("the name of the model is missing. Enter it as the server calls it")
    return ModelSettings(
        provider=_PROVIDERS[body.provider],
        url=url if remote else None,
        name=name if remote else None,
        path=str(models_folder() / str(body.file)) if body.provider == "file" else None,
        timeout=_DEFAULTS.timeout if body.timeout is None else body.timeout,
        context_window=_DEFAULTS.context_window if body.context_window is None else body.context_window,
    )


def _provider(settings: ModelSettings) -> str:
    if not settings.configured:
        return "none"
    if settings.provider == "local":
        return "file" if settings.path else "smollm2"
    return settings.provider
