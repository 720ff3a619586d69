"""Conversations over HTTP, as the page uses them. The server stores them; only their owner sees them.

A question is stored before it is answered (`POST /api/exchanges`). A second request answers it and streams
the answer as events. Closing that request stops the answer; the question stays.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import Response, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from rag.errors import BusyError, ClippingsError, CollectionError, ForbiddenError
from rag.people.conversations import Conversation, Conversations
from rag.surfaces.api.routes import StrictRoute
from rag.surfaces.cited_article import cited_article
from rag.surfaces.conversation import (
    PartialAnswer,
    QuestionOptions,
    exchange_html,
    exported,
    partial_html,
    reply_html,
    stream_answer,
    turns_of,
)
from rag.surfaces.gate import Gate, Waiting
from rag.surfaces.library import Library
from rag.surfaces.people_store import PeopleStore

__all__ = ["conversation_router"]


def _strict(**example: JsonValue) -> ConfigDict:
    """Strict models with an example for OpenAPI."""
    return ConfigDict(extra="forbid", strict=True, json_schema_extra={"examples": [example]})


_EVENT_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}  # so that proxies do not buffer


class NewQuestion(BaseModel):
    """A question, its place in a conversation, and its filters."""

    model_config = _strict(
        question="Who struck first?", conversation="9f2c0a1b3d4e5f60", after="00c1d2e3f4a5b6c7"
    )

    question: Annotated[str, Field(min_length=1, max_length=25_000)]
    collection: Annotated[str, Field(description="own or demo", max_length=40)] = ""
    conversation: Annotated[str | None, Field(description="null starts a new one")] = None
    after: Annotated[str | None, Field(description="the exchange it follows; null for the first")] = None
    sources: Annotated[list[Annotated[str, Field(max_length=500)]], Field(max_length=1_000)] = []
    published_from: Annotated[str, Field(max_length=40)] = ""
    published_to: Annotated[str, Field(max_length=40)] = ""
    use_model: bool = True


class NewTitle(BaseModel):
    model_config = _strict(title="The strikes")
    title: Annotated[str, Field(min_length=1, max_length=400)]


class NewVerdict(BaseModel):
    model_config = _strict(verdict="right")
    verdict: Literal["right", "wrong", "missing"]


class SelectedWords(BaseModel):
    """Words that are selected in the open article, at [start, end) in code points."""

    model_config = _strict(collection="own", article="news/storm.txt", start=120, end=164)

    collection: str
    article: str
    start: int
    end: int


class GoldRequest(BaseModel):
    model_config = _strict(words=None)
    words: SelectedWords | None = None


class BrowserConversations(BaseModel):
    """Conversations that an earlier version stored in the browser."""

    model_config = _strict(shelf={"current": "", "conversations": []})

    shelf: dict[str, Any]


class Preference(BaseModel):
    model_config = _strict(value="demo")
    value: Annotated[str, Field(max_length=200)]


class _LargeRoute(StrictRoute):
    max_body_bytes = 12_000_000  # browsers store about ten million bytes for a page
    max_values = 500_000  # an answer's record has at most one value per thirty bytes


def conversation_router(library: Library, gate: Gate, people: PeopleStore, *, timeout: float) -> APIRouter:
    """The routes. An answer takes at most `timeout` seconds."""
    router = APIRouter(prefix="/api", tags=["conversations"], route_class=StrictRoute)
    large = APIRouter(tags=["conversations"], route_class=_LargeRoute)
    store_of = people.conversations
    running: set[str] = set()  # exchanges that are being answered; used on the event loop only

    def owner(request: Request) -> str:
        return str(request.state.owner)

    async def view(request: Request, conversation_id: str) -> dict[str, Any]:
        """A conversation as JSON. Made in a thread, since a long one takes a while."""
        return await asyncio.to_thread(
            lambda: as_json(store_of(conversation_id).shown(owner(request), conversation_id))
        )

    def as_json(conversation: Conversation) -> dict[str, Any]:
        return {
            "id": conversation.id,
            "title": conversation.title,
            "collection": conversation.collection,
            "exchanges": [
                {
                    "id": e.id,
                    "question": e.question,
                    "after": e.after,
                    "versions": len(e.versions),
                    "state": "running" if e.id in running else e.state,
                    "html": exchange_html(e, running=e.id in running),
                }
                for e in conversation.exchanges
            ],
        }

    @router.get("/conversations", summary="List your conversations")
    async def list_conversations(request: Request) -> dict[str, Any]:
        found = await asyncio.to_thread(people.all, owner(request))
        return {
            "conversations": [
                {"id": c.id, "title": c.title, "collection": c.collection, "updated": c.updated.isoformat()}
                for c in found
            ]
        }

    @router.get("/conversations/{conversation_id}", summary="Get a conversation, each exchange as HTML")
    async def read(request: Request, conversation_id: str) -> dict[str, Any]:
        return await view(request, conversation_id)

    @router.patch("/conversations/{conversation_id}", summary="Rename a conversation")
    async def rename(request: Request, conversation_id: str, body: NewTitle) -> dict[str, Any]:
        await asyncio.to_thread(store_of(conversation_id).rename, owner(request), conversation_id, body.title)
        return await view(request, conversation_id)

    @router.delete(
        "/conversations/{conversation_id}",
        status_code=204,
        summary="Delete a conversation; it can be restored",
    )
    async def delete(request: Request, conversation_id: str) -> None:
        await asyncio.to_thread(store_of(conversation_id).delete, owner(request), conversation_id)

    @router.post("/conversations/{conversation_id}/restore", summary="Restore a deleted conversation")
    async def restore(request: Request, conversation_id: str) -> dict[str, Any]:
        await asyncio.to_thread(store_of(conversation_id).restore, owner(request), conversation_id)
        return await view(request, conversation_id)

    @router.get("/conversations/{conversation_id}/export", summary="Export a conversation as a file")
    async def export(
        request: Request, conversation_id: str, form: Literal["markdown", "json"] = "markdown"
    ) -> Response:
        store = store_of(conversation_id)
        name, media_type, text = await asyncio.to_thread(
            lambda: exported(store.shown(owner(request), conversation_id), form)
        )
        return Response(
            text, media_type=media_type, headers={"Content-Disposition": f'attachment; filename="{name}"'}
        )

    @large.post("/conversations/taken-over", summary="Import conversations from the browser")
    async def import_conversations(request: Request, body: BrowserConversations) -> dict[str, int]:
        return {"kept": await asyncio.to_thread(store_of().import_from_browser, owner(request), body.shelf)}

    @router.post("/exchanges", status_code=201, summary="Store a question; answer it with a second request")
    async def add_question(request: Request, body: NewQuestion) -> dict[str, Any]:
        limits = {
            "sources": body.sources,
            "after": body.published_from,
            "before": body.published_to,
            "use_model": body.use_model,
        }
        collection = body.collection or library.first
        exchange, notice = await asyncio.to_thread(
            people.add_question,
            owner(request),
            body.question,
            collection,
            conversation=body.conversation,
            after=body.after,
            limits=limits,
        )
        return {
            "exchange": exchange.id,
            "conversation": await view(request, exchange.conversation),
            "notice": notice,
        }

    @router.post(
        "/exchanges/{exchange_id}/again", status_code=201, summary="Ask again; the earlier version stays"
    )
    async def again(request: Request, exchange_id: str) -> dict[str, Any]:
        earlier = await asyncio.to_thread(store_of(exchange_id).exchange, owner(request), exchange_id)
        new, notice = await asyncio.to_thread(
            people.add_question,
            owner(request),
            earlier.question,
            earlier.collection,
            conversation=earlier.conversation,
            after=earlier.after,
            limits=earlier.limits,
        )
        return {"exchange": new.id, "conversation": await view(request, new.conversation), "notice": notice}

    @router.post(
        "/exchanges/{exchange_id}/answer", summary="Answer a question; the answer comes as events with HTML"
    )
    async def answer(request: Request, exchange_id: str) -> Response:
        who, store = owner(request), store_of(exchange_id)
        exchange = await asyncio.to_thread(store.exchange, who, exchange_id)
        if exchange_id in running:
            raise BusyError("this question is being answered already. Wait for that answer")
        turns = turns_of(await asyncio.to_thread(store.before, who, exchange_id), exchange.collection)
        options = QuestionOptions(
            tuple(exchange.limits.get("sources", ())),
            exchange.limits.get("after", ""),
            exchange.limits.get("before", ""),
            bool(exchange.limits.get("use_model", True)),
        )

        def work() -> Iterator[PartialAnswer]:
            for partial in stream_answer(library.chosen, exchange, turns, options):
                # Stored here, since the browser may have gone by now.
                if partial.record is not None:
                    store.answer(who, exchange_id, partial.record)
                elif partial.error:
                    store.fail(who, exchange_id, partial.error)
                yield partial

        async def events() -> AsyncIterator[str]:
            if exchange.state != "asked":  # it was answered already; asking again makes a new exchange
                yield _event("done", {"html": reply_html(exchange), "state": exchange.state})
                return
            if exchange_id in running:  # another request started in the meantime
                yield _event("done", {"html": reply_html(exchange, running=True), "state": "running"})
                return
            running.add(exchange_id)  # not earlier: a generator that never starts would not remove it
            try:
                try:
                    async for html in _html_stream(gate, work, timeout):
                        yield _event("grown", {"html": html})
                except ClippingsError as exc:
                    await asyncio.to_thread(store.fail, who, exchange_id, str(exc))
                now = await asyncio.to_thread(store.exchange, who, exchange_id)
                running.discard(exchange_id)
                yield _event("done", {"html": reply_html(now), "state": now.state})
            finally:
                if exchange_id in running:  # the browser has gone, or the answer could not be stored
                    running.discard(exchange_id)
                    _mark_stopped(store, who, exchange_id)

        return StreamingResponse(events(), media_type="text/event-stream", headers=_EVENT_HEADERS)

    @router.post("/exchanges/{exchange_id}/stop", summary="Stop a question that is not answered yet")
    async def stop(request: Request, exchange_id: str) -> dict[str, str]:
        await asyncio.to_thread(store_of(exchange_id).stop, owner(request), exchange_id)
        now = await asyncio.to_thread(store_of(exchange_id).exchange, owner(request), exchange_id)
        return {"html": reply_html(now), "state": now.state}

    @router.post(
        "/exchanges/{exchange_id}/show", summary="Show this version of a question and what followed it"
    )
    async def show(request: Request, exchange_id: str) -> dict[str, Any]:
        await asyncio.to_thread(store_of(exchange_id).show_version, owner(request), exchange_id)
        exchange = await asyncio.to_thread(store_of(exchange_id).exchange, owner(request), exchange_id)
        return await view(request, exchange.conversation)

    @router.post("/exchanges/{exchange_id}/verdict", status_code=204, summary="Rate an answer")
    async def judge(request: Request, exchange_id: str, body: NewVerdict) -> None:
        await asyncio.to_thread(store_of(exchange_id).judge, owner(request), exchange_id, body.verdict)

    @router.post("/exchanges/{exchange_id}/gold", summary="Add a rated answer to the gold questions")
    async def gold(request: Request, exchange_id: str, body: GoldRequest) -> dict[str, str]:
        _writable(request)
        exchange = await asyncio.to_thread(store_of(exchange_id).exchange, owner(request), exchange_id)
        if not exchange.record or not exchange.verdict:
            raise CollectionError("you have not rated this answer. Rate it first")
        if body.words and body.words.collection != exchange.collection:
            raise CollectionError(
                "the selected words are from another collection. Select them in the answer's articles"
            )
        words = [(body.words.article, body.words.start, body.words.end)] if body.words else []
        message = await asyncio.to_thread(
            library.gold, exchange.collection, exchange.verdict, exchange.record, words
        )
        return {"message": message}

    @router.get("/settings", summary="Get your preferences")
    async def settings(request: Request) -> dict[str, str]:
        return await asyncio.to_thread(people.people.settings.get, owner(request))

    @router.put("/settings/{name}", status_code=204, summary="Save a preference")
    async def save_setting(
        request: Request, name: Literal["collection", "wording"], body: Preference
    ) -> None:
        await asyncio.to_thread(people.people.settings.set, owner(request), name, body.value)

    @router.get("/place", summary="Get an article, split at the words of a citation")
    async def place(
        article: str, collection: str = "", version: str = "", start: int = 0, end: int = 0, words: str = ""
    ) -> dict[str, str]:
        return await asyncio.to_thread(
            cited_article, library, collection, article, version=version, start=start, end=end, words=words
        )

    router.include_router(large)
    return router


async def _html_stream(
    gate: Gate, work: Callable[[], Iterator[PartialAnswer]], timeout: float
) -> AsyncIterator[str]:
    """The HTML of a question while it waits, and of its answer while it is written."""
    try:
        async with asyncio.timeout(timeout), aclosing(gate.answered(work)) as steps:
            async for step in steps:
                yield partial_html(
                    PartialAnswer(step=_queue_position(step)) if isinstance(step, Waiting) else step
                )
    except TimeoutError:
        raise BusyError(
            f"no answer after {timeout:g} seconds, so the request was stopped. Ask again, or ask a simpler "
            "question"
        ) from None


def _mark_stopped(store: Conversations, owner: str, exchange_id: str) -> None:
    """Mark a question as stopped, unless it was answered."""
    try:
        store.stop(owner, exchange_id)
    except ClippingsError:  # the client has gone; the question itself is stored
        logging.getLogger("clippings").exception("a stopped question could not be marked")


def _queue_position(waiting: Waiting) -> str:
    if not waiting.before:
        return "waiting: next in the queue"
    return f"waiting: {waiting.before} question{'' if waiting.before == 1 else 's'} before this one"


def _writable(request: Request) -> None:
    if getattr(request.state, "read_only", False):
        raise ForbiddenError("this token is read-only. Create another one with `clippings token add`")


def _event(name: str, data: dict[str, Any]) -> str:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n"
