"""People's conversations over HTTP, as the page uses them: kept by the server, each seen by its owner alone.

A question is kept before it is answered (`POST /api/exchanges`), and answered by another request, whose
events are the answer as it grows. Who closes that one stops the answer, and the question stays.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import Response, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from rag.errors import BusyError, ClippingsError, CollectionError, ForbiddenError
from rag.people.conversations import Conversation
from rag.surfaces.api.routes import StrictRoute
from rag.surfaces.conversation import (
    Growth,
    Limits,
    exchange_html,
    exported,
    growing,
    growth_html,
    reply_html,
    turns_of,
)  # fmt: skip
from rag.surfaces.gate import Gate, Waiting
from rag.surfaces.keeping import Keeping
from rag.surfaces.library import Library
from rag.surfaces.places import opened_at

__all__ = ["conversation_router"]


def _like(**example: Any) -> ConfigDict:
    return ConfigDict(extra="forbid", strict=True, json_schema_extra={"examples": [example]})


_EVENTS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}  # a proxy passes on each as it comes


class Put(BaseModel):
    """A question, where it belongs, and what it is limited to."""

    model_config = _like(
        question="Who struck first?", conversation="9f2c0a1b3d4e5f60", after="00c1d2e3f4a5b6c7"
    )

    question: Annotated[str, Field(min_length=1, max_length=25_000)]
    collection: Annotated[str, Field(description="own or demo", max_length=40)] = ""
    conversation: Annotated[str | None, Field(description="null begins a new one")] = None
    after: Annotated[str | None, Field(description="the exchange it follows; null where it is the first")] = (
        None
    )
    sources: Annotated[list[Annotated[str, Field(max_length=500)]], Field(max_length=1_000)] = []
    published_from: Annotated[str, Field(max_length=40)] = ""
    published_to: Annotated[str, Field(max_length=40)] = ""
    use_model: bool = True


class Title(BaseModel):
    model_config = _like(title="The strikes")
    title: Annotated[str, Field(min_length=1, max_length=400)]


class Verdict(BaseModel):
    model_config = _like(verdict="right")
    verdict: Literal["right", "wrong", "missing"]


class Words(BaseModel):
    """The words selected in the open article, as [start, end) in code points."""

    model_config = _like(collection="own", article="news/storm.txt", start=120, end=164)

    collection: str
    article: str
    start: int
    end: int


class Gold(BaseModel):
    model_config = _like(words=None)
    words: Words | None = None


class Shelf(BaseModel):
    """What a browser kept of conversations before the server did."""

    model_config = _like(shelf={"current": "", "conversations": []})

    shelf: dict[str, Any]


class Setting(BaseModel):
    model_config = _like(value="demo")
    value: Annotated[str, Field(max_length=200)]


class _Large(StrictRoute):
    largest = 12_000_000  # bytes: what a browser may have kept for a page is about ten million
    most_values = 500_000  # an answer's record has a value for each thirty bytes or more


def conversation_router(library: Library, gate: Gate, keeping: Keeping, *, timeout: float) -> APIRouter:
    """The routes. `timeout` is the seconds that an answer may take."""
    router = APIRouter(prefix="/api", tags=["conversations"], route_class=StrictRoute)
    large = APIRouter(tags=["conversations"], route_class=_Large)
    kept = keeping.conversations
    running: set[str] = set()  # exchanges that are being answered; touched on the event loop only

    def owner(request: Request) -> str:
        return str(request.state.owner)

    async def view(request: Request, conversation_id: str) -> dict[str, Any]:
        """A conversation as it is shown, made in a thread: of a long one that takes a while."""
        return await asyncio.to_thread(
            lambda: shown(kept(conversation_id).shown(owner(request), conversation_id))
        )

    def shown(conversation: Conversation) -> dict[str, Any]:
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
    async def list_them(request: Request) -> dict[str, Any]:
        found = await asyncio.to_thread(keeping.all, owner(request))
        return {
            "conversations": [
                {"id": c.id, "title": c.title, "collection": c.collection, "updated": c.updated.isoformat()}
                for c in found
            ]
        }

    @router.get("/conversations/{conversation_id}", summary="A conversation, as HTML by exchange")
    async def read(request: Request, conversation_id: str) -> dict[str, Any]:
        return await view(request, conversation_id)

    @router.patch("/conversations/{conversation_id}", summary="Rename a conversation")
    async def rename(request: Request, conversation_id: str, body: Title) -> dict[str, Any]:
        await asyncio.to_thread(kept(conversation_id).rename, owner(request), conversation_id, body.title)
        return await view(request, conversation_id)

    @router.delete(
        "/conversations/{conversation_id}",
        status_code=204,
        summary="Delete a conversation; it can be restored",
    )
    async def delete(request: Request, conversation_id: str) -> None:
        await asyncio.to_thread(kept(conversation_id).delete, owner(request), conversation_id)

    @router.post("/conversations/{conversation_id}/restore", summary="Take a deletion back")
    async def restore(request: Request, conversation_id: str) -> dict[str, Any]:
        await asyncio.to_thread(kept(conversation_id).undelete, owner(request), conversation_id)
        return await view(request, conversation_id)

    @router.get(
        "/conversations/{conversation_id}/export", summary="A conversation as a file, with its footnotes"
    )
    async def export(
        request: Request, conversation_id: str, form: Literal["markdown", "json"] = "markdown"
    ) -> Response:
        store = kept(conversation_id)
        name, kind, text = await asyncio.to_thread(
            lambda: exported(store.shown(owner(request), conversation_id), form)
        )
        return Response(
            text, media_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'}
        )

    @large.post("/conversations/taken-over", summary="Keep what a browser kept before the server did")
    async def take_over(request: Request, body: Shelf) -> dict[str, int]:
        return {"kept": await asyncio.to_thread(kept().take_over, owner(request), body.shelf)}

    @router.post("/exchanges", status_code=201, summary="Put a question; it is kept before it is answered")
    async def put(request: Request, body: Put) -> dict[str, Any]:
        limits = {
            "sources": body.sources,
            "after": body.published_from,
            "before": body.published_to,
            "use_model": body.use_model,
        }
        collection = body.collection or library.first
        exchange, notice = await asyncio.to_thread(
            keeping.put,
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
        "/exchanges/{exchange_id}/again", status_code=201, summary="Ask again; the earlier version is kept"
    )
    async def again(request: Request, exchange_id: str) -> dict[str, Any]:
        e = await asyncio.to_thread(kept(exchange_id).exchange, owner(request), exchange_id)
        new, notice = await asyncio.to_thread(
            keeping.put,
            owner(request),
            e.question,
            e.collection,
            conversation=e.conversation,
            after=e.after,
            limits=e.limits,
        )
        return {"exchange": new.id, "conversation": await view(request, new.conversation), "notice": notice}

    @router.post(
        "/exchanges/{exchange_id}/answer", summary="Answer a question; events with HTML as the answer grows"
    )
    async def answer(request: Request, exchange_id: str) -> Response:
        who, store = owner(request), kept(exchange_id)
        exchange = await asyncio.to_thread(store.exchange, who, exchange_id)
        if exchange_id in running:
            raise BusyError("this question is being answered already")
        turns = turns_of(await asyncio.to_thread(store.before, who, exchange_id), exchange.collection)
        limits = Limits(
            tuple(exchange.limits.get("sources", ())), exchange.limits.get("after", ""), exchange.limits.get("before", ""),
            bool(exchange.limits.get("use_model", True)),
        )  # fmt: skip

        def work() -> Iterator[Growth]:
            for growth in growing(library.chosen, exchange, turns, limits):
                # Kept by whoever made it: the browser may be gone by now.
                if growth.record is not None:
                    store.answer(who, exchange_id, growth.record)
                elif growth.why:
                    store.fail(who, exchange_id, growth.why)
                yield growth

        async def events() -> AsyncIterator[str]:
            if exchange.state != "asked":  # it has ended: asked again it would be another exchange
                yield _event("done", {"html": reply_html(exchange), "state": exchange.state})
                return
            if exchange_id in running:  # another request was quicker, since this one was looked at
                yield _event("done", {"html": reply_html(exchange, running=True), "state": "running"})
                return
            running.add(
                exchange_id
            )  # here and not before: a generator that never begins would never take it back
            try:
                try:
                    async for html in _growing(gate, work, timeout):
                        yield _event("grown", {"html": html})
                except ClippingsError as exc:
                    await asyncio.to_thread(store.fail, who, exchange_id, str(exc))
                now = await asyncio.to_thread(store.exchange, who, exchange_id)
                running.discard(exchange_id)
                yield _event("done", {"html": reply_html(now), "state": now.state})
            finally:
                if exchange_id in running:  # the browser has gone, or the answer could not be kept
                    running.discard(exchange_id)
                    _stopped(store, who, exchange_id)

        return StreamingResponse(events(), media_type="text/event-stream", headers=_EVENTS)

    @router.post("/exchanges/{exchange_id}/stop", summary="Give up a question that waits to be answered")
    async def stop(request: Request, exchange_id: str) -> dict[str, str]:
        await asyncio.to_thread(kept(exchange_id).stop, owner(request), exchange_id)
        now = await asyncio.to_thread(kept(exchange_id).exchange, owner(request), exchange_id)
        return {"html": reply_html(now), "state": now.state}

    @router.post(
        "/exchanges/{exchange_id}/show", summary="Show this version of a question, with all that followed it"
    )
    async def show(request: Request, exchange_id: str) -> dict[str, Any]:
        await asyncio.to_thread(kept(exchange_id).show_version, owner(request), exchange_id)
        exchange = await asyncio.to_thread(kept(exchange_id).exchange, owner(request), exchange_id)
        return await view(request, exchange.conversation)

    @router.post(
        "/exchanges/{exchange_id}/verdict", status_code=204, summary="Say whether an answer is right"
    )
    async def judge(request: Request, exchange_id: str, body: Verdict) -> None:
        await asyncio.to_thread(kept(exchange_id).judge, owner(request), exchange_id, body.verdict)

    @router.post(
        "/exchanges/{exchange_id}/gold", summary="Make an answer that you have judged a gold question"
    )
    async def gold(request: Request, exchange_id: str, body: Gold) -> dict[str, str]:
        _writable(request)
        exchange = await asyncio.to_thread(kept(exchange_id).exchange, owner(request), exchange_id)
        if not exchange.record or not exchange.verdict:
            raise CollectionError(
                "there is no answer here that you have judged. Say first whether it is right"
            )
        if body.words and body.words.collection != exchange.collection:
            raise CollectionError("the words selected are not of the articles that were asked")
        words = [(body.words.article, body.words.start, body.words.end)] if body.words else []
        told = await asyncio.to_thread(
            library.gold, exchange.collection, exchange.verdict, exchange.record, words
        )
        return {"message": told}

    @router.get("/settings", summary="What you have chosen on the page")
    async def settings(request: Request) -> dict[str, str]:
        return await asyncio.to_thread(keeping.people.settings.get, owner(request))

    @router.put("/settings/{name}", status_code=204, summary="Keep a choice")
    async def keep_setting(request: Request, name: Literal["collection", "wording"], body: Setting) -> None:
        await asyncio.to_thread(keeping.people.settings.set, owner(request), name, body.value)

    @router.get("/place", summary="An article, cut at the words that a citation rests on")
    async def place(
        article: str, collection: str = "", version: str = "", start: int = 0, end: int = 0, words: str = ""
    ) -> dict[str, str]:
        return await asyncio.to_thread(
            opened_at, library, collection, article, version=version, start=start, end=end, words=words
        )

    router.include_router(large)
    return router


async def _growing(gate: Gate, work: Any, timeout: float) -> AsyncIterator[str]:
    """The HTML of an answer while it waits for its turn and grows."""
    try:
        async with asyncio.timeout(timeout), aclosing(gate.answered(work)) as made:
            async for step in made:
                yield growth_html(Growth(step=_waits(step)) if isinstance(step, Waiting) else step)
    except TimeoutError:
        raise BusyError(
            f"the answer was not there after {timeout:g} seconds. Ask again, or for one thing at a time"
        ) from None


def _stopped(store: Any, owner: str, exchange_id: str) -> None:
    """Note that a question was not answered; one that was stays so."""
    try:
        store.stop(owner, exchange_id)
    except ClippingsError:  # nobody is left to be told; the question itself is kept
        logging.getLogger("clippings").exception("that a question was stopped could not be noted")


def _waits(waiting: Waiting) -> str:
    others = (
        f"{waiting.before} question{'' if waiting.before == 1 else 's'} before it"
        if waiting.before
        else "it is the next"
    )
    return f"waiting for its turn: {others}"


def _writable(request: Request) -> None:
    if getattr(request.state, "read_only", False):
        raise ForbiddenError("this token only reads. `clippings token add` makes one that may change things")


def _event(name: str, data: dict[str, Any]) -> str:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n"
