"""A program's call leaves nothing behind in Gradio, and nobody else loses anything by it; one that fails is told in a sentence.
The page and the HTTP are real."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from typing import Any

import gradio as gr
import httpx
import pytest
from conftest import SEEDS, WordEncoder, WordReader
from starlette.middleware import Middleware

from ingest import sync
from rag import Config, open_assistant
from rag.surfaces.page import build
from rag.surfaces.page.calls import Calls
from rag.surfaces.gate import Gate
from rag.surfaces.library import Library


@pytest.fixture(scope="module")
def page() -> Iterator[tuple[Any, httpx.Client]]:
    def spell(word: str) -> list[str]:
        if not word:
            raise gr.Error("there is no word", print_exception=False)
        return list(word)

    with gr.Blocks(analytics_enabled=False) as blocks:
        gr.api(spell, api_name="spell")
    _, url, _ = blocks.launch(
        server_name="127.0.0.1",
        quiet=True,
        prevent_thread_lock=True,
        ssr_mode=False,
        app_kwargs={"middleware": [Middleware(Calls, blocks)]},
    )
    try:
        with httpx.Client(base_url=url, timeout=30, trust_env=False) as client:
            yield blocks, client
    finally:
        blocks.close(verbose=False)


def call(client: httpx.Client, word: str, **more: str) -> str:
    return str(client.post("/gradio_api/call/spell", json={"data": [word], **more}).json()["event_id"])


def fetched(client: httpx.Client, event: str) -> str:
    return client.get(f"/gradio_api/call/spell/{event}").text


def kept(blocks: Any) -> list[set[str]]:
    queue, holder = blocks._queue, blocks.state_holder
    return [
        set(some)
        for some in (
            holder.session_data,
            holder.time_last_used,
            queue.pending_messages_per_session,
            queue.pending_event_ids_session,
        )
    ]


def test_what_was_fetched_is_forgotten_and_what_was_not_yet_waits(page: tuple[Any, httpx.Client]) -> None:
    blocks, client = page
    before = kept(blocks)
    calls = {word: call(client, word) for word in ("ab", "cd", "")}
    assert kept(blocks)[3] == before[3] | set(calls.values())
    assert json.loads(fetched(client, calls["ab"]).partition("data: ")[2]) == [["a", "b"]]
    assert "there is no word" in fetched(client, calls[""])
    assert kept(blocks)[3] == before[3] | {calls["cd"]}
    assert json.loads(fetched(client, calls["cd"]).partition("data: ")[2]) == [["c", "d"]]
    assert kept(blocks) == before


def test_many_at_once_each_get_their_own(page: tuple[Any, httpx.Client]) -> None:
    blocks, client = page
    before, found = kept(blocks), {}

    def ask(word: str) -> None:
        found[word] = fetched(client, call(client, word))

    threads = [threading.Thread(target=ask, args=(f"w{n}",)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {word: json.loads(told.partition("data: ")[2]) for word, told in found.items()} == {
        f"w{n}": [list(f"w{n}")] for n in range(20)
    }
    assert kept(blocks) == before


def test_a_session_that_somebody_named_stays(page: tuple[Any, httpx.Client]) -> None:
    blocks, client = page
    event = call(client, "ab", session_hash="mine")
    assert json.loads(fetched(client, event).partition("data: ")[2]) == [["a", "b"]]
    assert all("mine" in some for some in kept(blocks))


def test_nobody_ends_a_session_by_taking_its_name_for_a_call(page: tuple[Any, httpx.Client]) -> None:
    blocks, client = page
    fetched(client, call(client, "ab", session_hash="a_tab"))

    async def nothing(*_: Any) -> None: ...

    scope = {"type": "http", "method": "GET", "path": "/gradio_api/call/spell/a_tab"}
    asyncio.run(Calls(nothing, blocks)(scope, nothing, nothing))
    assert all("a_tab" in some for some in kept(blocks))


class BrokenEncoder(WordEncoder):
    def question(self, text: str) -> Any:
        raise RuntimeError("a fault inside, with its whereabouts")


def test_a_fault_of_ours_is_told_in_a_sentence_and_logged_whole(
    config: Config, encoder: WordEncoder, caplog: pytest.LogCaptureFixture
) -> None:
    sync(SEEDS, config, encoder=encoder)

    def nothing(*_: Any, **__: Any) -> Any: ...

    library = Library(
        own=config,
        demo=config,
        open=lambda opened: open_assistant(opened, encoder=BrokenEncoder(), reader=WordReader()),
        exists=lambda _: True,
        make_demo=nothing,
        sync=nothing,
        edit=nothing,
        remove=nothing,
        to_gold=nothing,
    )
    blocks, _ = build(library, Gate(config.serve))
    _, url, _ = blocks.launch(server_name="127.0.0.1", quiet=True, prevent_thread_lock=True, ssr_mode=False)
    try:
        with httpx.Client(base_url=f"{url}gradio_api/call/v2/ask", timeout=30, trust_env=False) as client:
            event = client.post("", json={"question": "Who struck first?"}).json()["event_id"]
            told = json.loads(client.get(f"/{event}").text.partition("data: ")[2])
    finally:
        blocks.close(verbose=False)
        library.close()
    assert told["error"] == (
        "this failed for a reason that was not foreseen; the page's log has it. Ask again, or in other words"
    )
    assert "RuntimeError: a fault inside, with its whereabouts" in caplog.text
