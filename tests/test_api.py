"""REST over a real server: the answers a person gets, one form of every error, and no work for who has gone
away.
"""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from conftest import ScriptedModel, WordEncoder, WordReader, write_jsonl
from fastapi import FastAPI, Request
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from serving import HeldModel, idle, served, until

from ingest import edit, remove, sync
from rag import Config, Filters, Turn, open_assistant
from rag.assistant import Assistant
from rag.config import ServeSettings
from rag.errors import BusyError, CollectionError, ConfigError, ModelError, ModelTrouble, SourceError
from rag.opening import collection_exists
from rag.surfaces.api import examples, results, routes
from rag.surfaces.api.application import api_app
from rag.surfaces.api.errors import add_errors
from rag.surfaces.api.health import Health
from rag.surfaces.gate import Gate, QueueCounts
from rag.surfaces.library import Library
from rag.surfaces.render import answer_json
from rag.types import IngestReport

pytestmark = pytest.mark.server

QUESTION = "Who struck first?"
IRAN = "news/iran strikes.txt"
PAGE = "https://example.org/a?b=1&c"
RECORDS = (
    {
        "id": IRAN, "title": "Iran strikes", "source": "VOA", "published": "2024-01-20",
        "text": "Iran struck first on Tuesday. Pakistan replied on Thursday. Nobody was hurt in Karvel.",
    },
    {"id": PAGE, "url": PAGE, "source": "Dawn", "published": "2024-01-17", "text": "Snow fell in Lunde. Roads were shut."},
    {"id": "größe/ä.txt", "text": "The mill in Ostby closed. Forty people lost their work."},
)  # fmt: skip


@dataclass
class World:
    """A library with a collection of one's own and a demo, over which each test may open a server."""

    library: Library
    encoder: WordEncoder
    model: Any = None

    @property
    def assistant(self) -> Assistant:
        return self.library.assistant("own")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    home = tmp_path_factory.mktemp("api")
    encoder = WordEncoder()
    own, demo = (Config(home=home / name, encoder=encoder.name) for name in ("own", "demo"))
    sync(write_jsonl(home / "own.jsonl", *RECORDS), own, encoder=encoder)
    sync(
        write_jsonl(home / "demo.jsonl", {"id": "one", "text": "The demo tells of Iran."}),
        demo,
        encoder=encoder,
    )
    library = Library(
        own,
        demo,
        open=lambda config: open_assistant(config, encoder=encoder, reader=WordReader()),
        exists=collection_exists,
        make_demo=lambda: None,
        sync=lambda places, config, **options: sync(places, config, encoder=encoder, **options),
        edit=lambda *given, **options: edit(*given, encoder=encoder, **options),
        remove=lambda ids, config: remove(ids, config, encoder=encoder),
        add_to_gold=lambda *_: "",
    )
    yield World(library, encoder)
    library.close()


@contextmanager
def client(app: FastAPI) -> Iterator[httpx.Client]:
    with served(app) as url, httpx.Client(base_url=url, timeout=20, trust_env=False) as opened:
        yield opened


@pytest.fixture(scope="module")
def api(world: World) -> Iterator[httpx.Client]:
    with client(api_app(world.library, Gate(ServeSettings()), timeout=20)) as opened:
        yield opened


@pytest.fixture
def other(world: World) -> Iterator[Library]:
    """A library over the same collections, of which a test may change the parts."""
    library = replace(world.library, _opened={}, _lock=threading.RLock())
    yield library
    library.close()


def events(response: httpx.Response) -> Iterator[tuple[str, Any]]:
    """The events as they come; a comment has the name ''."""
    name = ""
    for line in response.iter_lines():
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield name, json.loads(line.removeprefix("data: "))
        elif line.startswith(":"):
            yield "", line


def streamed(api: httpx.Client, asked: Any) -> Any:
    return api.stream("POST", "/api/ask", json=asked, headers={"Accept": "text/event-stream"})


def untimed(answer: dict[str, Any]) -> dict[str, Any]:
    return {**answer, "trace": {**answer["trace"], "milliseconds": []}}


# What is answered


def test_an_answer_is_the_assistants_whole_and_heeds_every_parameter(world: World, api: httpx.Client) -> None:
    def ask(**asked: Any) -> Any:
        response = api.post("/api/ask", json={"question": QUESTION, **asked})
        assert (response.status_code, response.headers["content-type"]) == (200, "application/json")
        return untimed(response.json())

    def expected(question: str, *given: Any, **options: Any) -> Any:
        return untimed(json.loads(answer_json(world.assistant.ask(question, *given, **options))))

    assert ask()["text"].startswith("Iran struck first")
    assert ask() == expected(QUESTION)
    turns = [Turn("Who struck first?", "Iran.")]
    for history in ([["Who struck first?", "Iran."]], [{"question": "Who struck first?", "answer": "Iran."}]):
        assert ask(question="And who replied?", history=history) == expected("And who replied?", turns)
    limited = ask(
        sources=["VOA"], published_from=" 2024-01-19 ", published_to="2024-02-01", asked_on="2024-01-21"
    )
    assert limited["filters"] == {
        "after": "2024-01-19",
        "before": "2024-02-01",
        "sources": ["VOA"],
        "exclude_articles": [],
    }
    assert limited["abstained"] is None
    assert ask(sources=["Dawn"])["abstained"] == "weak evidence"
    assert ask(published_to="2024-01-18")["abstained"] == "weak evidence"
    assert [p["article"]["id"] for p in ask(collection="demo")["evidence"]["passages"]] == ["one"]
    nothing = dict.fromkeys(
        ("history", "sources", "published_from", "published_to", "asked_on", "collection", "use_model")
    )
    assert ask(**nothing) == expected(QUESTION)


def test_the_documented_answer_is_the_answer(world: World, api: httpx.Client) -> None:
    for question in (
        QUESTION,
        "What is the best recipe?",
        "When did Iran strike, and when did Pakistan reply?",
    ):
        answer = api.post("/api/ask", json={"question": question}).json()
        assert results.Answer.model_validate(answer).model_dump(mode="json") == answer
    found = api.post("/api/search", json={"question": QUESTION}).json()
    assert results.PassageList.model_validate(found).model_dump(mode="json") == found
    page = api.get("/api/articles").json()
    assert results.ArticlePage.model_validate(page).model_dump(mode="json") == page
    article = api.get(f"/api/articles/{quote(IRAN)}").json()
    assert results.Article.model_validate(article).model_dump(mode="json") == article


def test_events_tell_steps_and_sentences_and_last_the_same_answer(world: World, api: httpx.Client) -> None:
    question = "Who struck first, and who replied?"
    with streamed(api, {"question": question}) as response:
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        assert response.headers["cache-control"] == "no-cache"
        said = list(events(response))
    answer = json.loads(answer_json(world.assistant.ask(question)))
    assert [name for name, _ in said] == ["step", "step", *["sentence"] * len(answer["sentences"]), "answer"]
    assert said[0][1] == {"name": "search", "detail": "searching 3 articles"}
    assert untimed(said[-1][1]) == untimed(answer)
    sentences = [value for name, value in said if name == "sentence"]
    for sentence in answer["sentences"]:
        for citation in sentence["citations"]:
            del citation["dates"]
    assert sentences == answer["sentences"]
    assert all(results.SentenceEvent.model_validate(s).model_dump(mode="json") == s for s in sentences)


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("text/event-stream", "text/event-stream"),
        ("text/event-stream, application/json", "text/event-stream"),
        ("application/json, text/event-stream", "application/json"),
        ("*/*", "application/json"),
        ("Text/Event-Stream;q=0.9", "text/event-stream"),
        ("text/html", "application/json"),
    ],
)
def test_the_first_kind_that_is_accepted_is_sent(api: httpx.Client, accept: str, kind: str) -> None:
    response = api.post("/api/ask", json={"question": QUESTION}, headers={"Accept": accept})
    assert response.headers["content-type"].partition(";")[0] == kind


def test_a_search_finds_what_the_assistant_does_by_body_and_by_query_string(
    world: World, api: httpx.Client
) -> None:
    evidence = world.assistant.search(QUESTION, 2, Filters(sources=("VOA", "Dawn")))
    asked = {"question": QUESTION, "k": 2, "sources": ["VOA", "Dawn"]}
    by_body, by_query = api.post("/api/search", json=asked), api.get("/api/search", params=asked)
    assert (
        by_body.json()
        == by_query.json()
        == json.loads(answer_json(world.assistant.ask(QUESTION)))["evidence"]
        | {"passages": by_body.json()["passages"]}
    )
    assert [
        (p["rank"], p["passage"]["id"], p["passage"]["text"], p["article"]["id"])
        for p in by_body.json()["passages"]
    ] == [(s.rank, s.passage.id, s.passage.text, s.article.id) for s in evidence]
    assert {p["article"]["id"] for p in by_body.json()["passages"]} == {IRAN, PAGE}


def test_articles_are_listed_part_by_part_and_sought(api: httpx.Client) -> None:
    def listed(**wanted: Any) -> tuple[list[str], int, int | None]:
        page = api.get("/api/articles", params=wanted).json()
        return [a["id"] for a in page["articles"]], page["total"], page["next_offset"]

    everything = sorted([IRAN, PAGE, "größe/ä.txt"])
    assert listed() == (everything, 3, None)
    assert listed(limit=2) == (everything[:2], 3, 2)
    assert listed(limit=2, offset=2) == (everything[2:], 3, None)
    assert listed(offset=7) == ([], 3, None)
    assert listed(q="IRAN") == ([IRAN], 1, None)
    assert listed(q="GRÖSSE/ä") == (["größe/ä.txt"], 1, None), "letters without regard to case"
    assert listed(source="Dawn") == ([PAGE], 1, None)
    assert listed(source="dawn") == ([], 0, None)
    assert listed(collection="demo") == (["one"], 1, None)
    row = api.get("/api/articles", params={"q": IRAN}).json()["articles"][0]
    assert {**row, "version": "", "added": ""} == {
        "id": IRAN, "version": "", "label": "Iran strikes", "url": None, "title": "Iran strikes", "source": "VOA",
        "author": None, "published": "2024-01-20", "language": None, "group": None, "also": [], "words": 14, "passages": 1,
        "added": "",
    }  # fmt: skip


@pytest.mark.parametrize("id", [record["id"] for record in RECORDS])
def test_an_article_is_read_whatever_its_id_holds(api: httpx.Client, id: str) -> None:
    text = next(record["text"] for record in RECORDS if record["id"] == id)
    for path in (quote(id, safe=""), quote(id)):
        found = api.get(f"/api/articles/{path}").json()
        assert (found["id"], found["text"], found["earlier"]) == (id, text, [])


@pytest.fixture
def changing(tmp_path: Path, world: World) -> Iterator[tuple[Library, httpx.Client]]:
    own = replace(world.library.own, home=tmp_path / "changing")
    sync(
        write_jsonl(tmp_path / "a.jsonl", {"id": "a/b", "text": "Rain fell in Holm."}),
        own,
        encoder=world.encoder,
    )
    library = replace(world.library, own=own, _opened={}, _lock=threading.RLock())
    with client(api_app(library, Gate(ServeSettings()), timeout=20)) as api:
        yield library, api
    library.close()


def test_an_article_is_corrected_and_the_correction_taken_back(
    changing: tuple[Library, httpx.Client],
) -> None:
    library, api = changing

    def facts(response: httpx.Response) -> tuple[Any, ...]:
        assert response.status_code == 200, response.text
        return tuple(response.json()[name] for name in ("title", "source", "published"))

    assert facts(api.patch("/api/articles/a/b", json={"title": "Rain", "published": "2024-01-20"})) == (
        "Rain",
        None,
        "2024-01-20",
    )
    assert facts(api.patch("/api/articles/a%2Fb", json={"source": "VOA", "title": None})) == (
        None,
        "VOA",
        "2024-01-20",
    )
    assert facts(api.get("/api/articles/a/b")) == (None, "VOA", "2024-01-20")
    assert facts(api.patch("/api/articles/a/b", json={"undo": True})) == (None, None, None)
    assert library.assistant("own").article("a/b").published is None


def test_earlier_versions_are_listed_and_read(
    changing: tuple[Library, httpx.Client], tmp_path: Path, world: World
) -> None:
    library, api = changing
    first = api.get("/api/articles/a/b").json()
    sync(
        write_jsonl(tmp_path / "a.jsonl", {"id": "a/b", "text": "Snow fell in Holm."}),
        library.own,
        encoder=world.encoder,
    )
    now = api.get("/api/articles/a/b").json()
    assert (now["text"], [earlier["version"] for earlier in now["earlier"]]) == (
        "Snow fell in Holm.",
        [first["version"]],
    )
    for version, text in (
        (first["version"][:12], "Rain fell in Holm."),
        (now["version"], "Snow fell in Holm."),
    ):
        assert api.get("/api/articles/a/b", params={"version": version}).json()["text"] == text
    response = api.get("/api/articles/a/b", params={"version": "zz"})
    assert (response.status_code, response.json()) == (
        404,
        error(
            "missing",
            "the article a/b has no version zz. Request it without a version to see the versions it has",
        ),
    )


def test_an_article_is_removed_and_is_gone(changing: tuple[Library, httpx.Client]) -> None:
    _, api = changing
    response = api.delete("/api/articles/a/b")
    assert (response.status_code, response.json()) == (200, {"removed": "a/b"})
    assert api.get("/api/articles").json()["total"] == 0
    assert api.delete("/api/articles/a/b").status_code == 404


def test_what_is_fetched_is_reported(other: Library) -> None:
    asked: list[Any] = []

    def take(places: list[str], config: Config, **options: Any) -> IngestReport:
        asked.append((places, config.home.name))
        return IngestReport(added=("https://example.org/a",), failed=(), warnings=("one",), passages=3)

    other.sync = take
    with client(api_app(other, Gate(ServeSettings()), timeout=20)) as api:
        response = api.post("/api/fetch", json={"url": " https://example.org/a "})
    assert asked == [(["https://example.org/a"], "own")]
    assert response.json() == {
        "added": ["https://example.org/a"], "replaced": [], "removed": [], "kept": [], "failed": [], "renamed": [],
        "warnings": ["one"], "passages": 3, "completed": 0, "stopped": False, "left": 0,
    }  # fmt: skip
    assert results.SyncReport.model_validate(response.json()).model_dump(mode="json") == response.json()


# What is refused


def error(kind: str, message: str) -> dict[str, Any]:
    return {"error": {"kind": kind, "message": message}}


def raw(body: bytes, kind: str = "application/json") -> dict[str, Any]:
    return {"content": body, "headers": {"Content-Type": kind} if kind else {}}


def asks(**asked: Any) -> dict[str, Any]:
    return {"json": {"question": QUESTION, **asked}}


JSON_WANTED = ("type", "the body must be JSON, with the header Content-Type: application/json")
UNREADABLE = (
    "request",
    "the body is not valid JSON. It must be UTF-8, and not nested deeper than a few hundred levels",
)
NO_TEXT = "must be valid Unicode, without lone surrogates"
ASK = "sources, published_from, published_to, asked_on, collection, question, history, use_model"
BAD = [
    # What is not JSON.
    ("POST", "/api/ask", {}, 415, *JSON_WANTED),
    ("POST", "/api/ask", raw(b"{}", ""), 415, *JSON_WANTED),
    ("POST", "/api/ask", raw(b'{"question": "Who?"}', "text/plain"), 415, *JSON_WANTED),
    ("POST", "/api/search", raw(b"question=Who", "application/x-www-form-urlencoded"), 415, *JSON_WANTED),
    ("PATCH", "/api/articles/a", raw(b"x", "multipart/form-data"), 415, *JSON_WANTED),
    ("POST", "/api/fetch", raw(b"x", "application/xml"), 415, *JSON_WANTED),
    ("POST", "/api/ask", raw(b"{"), 400, "request", "the body is not valid JSON: Expecting property name enclosed in double quotes at character 1"),
    ("POST", "/api/search", raw(b'{"question": "a"} b'), 400, "request", "the body is not valid JSON: Extra data at character 18"),
    ("POST", "/api/fetch", raw(b"nonsense"), 400, "request", "the body is not valid JSON: Expecting value at character 0"),
    ("PATCH", "/api/articles/a", raw(b'{"title": '), 400, "request", "the body is not valid JSON: Expecting value at character 10"),
    ("POST", "/api/ask", raw(b'{"question": "\xff\xfe"}'), 400, *UNREADABLE),
    ("POST", "/api/ask", raw(b"[" * 100_000), 400, *UNREADABLE),
    ("POST", "/api/search", raw(b'{"k": ' + b"1" * 10_000 + b"}"), 400, *UNREADABLE),
    ("POST", "/api/ask", raw(b" " * 1_000_001), 413, "size", "the body is larger than 1,000,000 bytes. Leave out the oldest turns"),
    ("POST", "/api/ask", raw(b""), 422, "argument", "the body is missing. Add it"),
    ("POST", "/api/ask", raw(b"null"), 422, "argument", "the body must be an object with named values, not null"),
    ("POST", "/api/ask", raw(b"[1]"), 422, "argument", "the body must be an object with named values, not [1]"),
    ("POST", "/api/ask", raw(b'"Who?"'), 422, "argument", 'the body must be an object with named values, not "Who?"'),
    # The question.
    ("POST", "/api/ask", {"json": {}}, 422, "argument", "question is missing. Add it"),
    ("POST", "/api/ask", asks(question=None), 422, "argument", "question is missing. Add it"),
    ("POST", "/api/ask", asks(question=""), 422, "argument", 'question must be text that is not empty, not ""'),
    ("POST", "/api/ask", asks(question="  "), 422, "question", "the question is empty. Ask something about the articles"),
    ("POST", "/api/ask", asks(question="?!"), 422, "question", "the question has no word to search for. Ask it in words"),
    ("POST", "/api/ask", asks(question=5), 422, "argument", "question must be text, not 5"),
    ("POST", "/api/ask", asks(question=["Who?"]), 422, "argument", 'question must be text, not ["Who?"]'),
    ("POST", "/api/ask", asks(question="x" * 2001), 422, "argument", "question must have at most 2,000 characters, not 2,001"),
    ("POST", "/api/ask", asks(question="a\0b"), 422, "argument", 'question must be a text without the character U+0000, not "a\\u0000b"'),
    ("POST", "/api/ask", raw(b'{"question": "\\ud800"}'), 422, "argument", f'question {NO_TEXT}, not "\\ud800"'),
    ("POST", "/api/ask", raw(b'{"question": "Who?", "history": [["a", "\\udfff"]]}'), 422, "argument", f'history[0].answer {NO_TEXT}, not "\\udfff"'),
    # Names that are unknown.
    ("POST", "/api/ask", asks(k=3), 422, "argument", f'there is no parameter "k". The parameters are: {ASK}'),
    ("POST", "/api/ask", raw(b'{"question": "Who?", "\\ud800": 1}'), 422, "argument",
     'the body must be valid Unicode, without lone surrogates, not "\\ud800"'),
    ("POST", "/api/ask?k=3", asks(), 422, "argument", 'there is no parameter "k". Remove it'),
    ("GET", "/api/articles?page=2", {}, 422, "argument", 'there is no parameter "page". The parameters are: collection, q, source, offset, limit'),
    ("GET", f"/api/articles/{IRAN}?text=no", {}, 422, "argument", 'there is no parameter "text". The parameters are: version, collection'),
    ("DELETE", "/api/articles/a?collection=demo", {}, 422, "argument", 'there is no parameter "collection". Remove it'),
    ("POST", "/api/fetch", {"json": {"url": "https://a", "feed": True}}, 422, "argument", 'there is no parameter "feed". The parameters are: url'),
    ("PATCH", "/api/articles/a", {"json": {"text": "b"}}, 422, "argument", 'there is no parameter "text". The parameters are: title, source, published, undo'),
    # Values of another kind.
    ("POST", "/api/ask", asks(history="earlier"), 422, "argument", 'history must be a list, not "earlier"'),
    ("POST", "/api/ask", asks(history=[5]), 422, "argument", "history[0] must be an object with named values, not 5"),
    ("POST", "/api/ask", asks(history=[["only one"]]), 422, "argument", 'history[0] must be a question and its answer, not ["only one"]'),
    ("POST", "/api/ask", asks(history=[["a", "b"], ["c", 5]]), 422, "argument", "history[1].answer must be text, not 5"),
    ("POST", "/api/ask", asks(history=[{"question": "a"}]), 422, "argument", "history[0].answer is missing. Add it"),
    ("POST", "/api/ask", asks(history=[{"question": "a", "answer": "b", "at": 1}]), 422, "argument", 'there is no parameter "history[0].at". Remove it'),
    ("POST", "/api/ask", asks(sources="VOA"), 422, "argument", 'sources must be a list, not "VOA"'),
    ("POST", "/api/ask", asks(sources=["VOA", 7]), 422, "argument", "sources[1] must be text, not 7"),
    ("POST", "/api/ask", asks(sources=["a"] * 1001), 422, "argument", "sources must have at most 1,000 items, not 1,001"),
    ("POST", "/api/ask", asks(use_model="yes"), 422, "argument", 'use_model must be true or false, not "yes"'),
    ("POST", "/api/ask", asks(use_model=1), 422, "argument", "use_model must be true or false, not 1"),
    ("POST", "/api/ask", asks(published_from="yesterday"), 422, "argument", 'published_from must be a date like 2024-01-20, not "yesterday"'),
    ("POST", "/api/ask", asks(published_to=2024), 422, "argument", "published_to must be text, not 2024"),
    ("POST", "/api/search", asks(asked_on="2024-02-30"), 422, "argument", 'asked_on must be a date like 2024-01-20, not "2024-02-30"'),
    ("POST", "/api/ask", asks(published_from="2024-02-02", published_to="2024-02-01"), 422, "question",
     "no article can be published after 2024-02-02 and before 2024-02-01. Correct the dates in the filters"),
    ("POST", "/api/ask", asks(collection="yours"), 422, "argument", "collection must be 'own', 'demo' or empty, not \"yours\""),
    ("POST", "/api/search", asks(k="8"), 422, "argument", 'k must be a whole number, not "8"'),
    ("POST", "/api/search", asks(k=True), 422, "argument", "k must be a whole number, not true"),
    ("POST", "/api/search", asks(k=2.5), 422, "argument", "k must be a whole number, not 2.5"),
    ("POST", "/api/search", asks(k=2.0), 422, "argument", "k must be a whole number, not 2.0"),
    ("POST", "/api/search", asks(k=0), 422, "argument", "k must be at least 1, not 0"),
    ("POST", "/api/search", asks(k=-1), 422, "argument", "k must be at least 1, not -1"),
    ("POST", "/api/search", asks(k=1001), 422, "argument", "k must be at most 1,000, not 1001"),
    ("POST", "/api/search", asks(k=10**30), 422, "argument", f"k must be at most 1,000, not {10**30}"),
    ("POST", "/api/search", asks(k=[3]), 422, "argument", "k must be a whole number, not [3]"),
    ("GET", "/api/search", {}, 422, "argument", "question is missing. Add it"),
    ("GET", "/api/search?question=a&k=many", {}, 422, "argument", 'k must be a whole number, not "many"'),
    ("GET", "/api/search?question=a&k=2.5", {}, 422, "argument", 'k must be a whole number, not "2.5"'),
    ("GET", "/api/search?question=a%00b", {}, 422, "argument", 'question must be a text without the character U+0000, not "a\\u0000b"'),
    ("GET", "/api/search?question=a&published_from=soon", {}, 422, "argument", 'published_from must be a date like 2024-01-20, not "soon"'),
    ("GET", "/api/articles?limit=0", {}, 422, "argument", 'limit must be at least 1, not "0"'),
    ("GET", "/api/articles?limit=5000", {}, 422, "argument", 'limit must be at most 1,000, not "5000"'),
    ("GET", "/api/articles?offset=-1", {}, 422, "argument", 'offset must be at least 0, not "-1"'),
    ("GET", "/api/articles?collection=all", {}, 422, "argument", "collection must be 'own', 'demo' or empty, not \"all\""),
    ("PATCH", "/api/articles/a", {"json": {}}, 422, "argument", "the body must be an object with at least one of `title`, `source`, `published` and `undo`, not {}"),
    ("PATCH", "/api/articles/a", {"json": {"published": "soon"}}, 422, "argument", 'published must be a date like 2024-01-20, not "soon"'),
    ("PATCH", "/api/articles/a", {"json": {"undo": "yes"}}, 422, "argument", 'undo must be true or false, not "yes"'),
    ("POST", "/api/fetch", {"json": {"url": 5}}, 422, "argument", "url must be text, not 5"),
    ("POST", "/api/fetch", {"json": {"url": "example.org"}}, 422, "source", "'example.org' is not a web address. Copy it from your browser; it starts with https://"),
    ("POST", "/api/fetch", {"json": {"url": "file:///etc/passwd"}}, 422, "source", "'file:///etc/passwd' is not a web address. Copy it from your browser; it starts with https://"),
    # What is not there.
    ("GET", "/api/articles/nowhere", {}, 404, "missing", "there is no article nowhere in this collection. `clippings articles` lists those there are"),
    ("GET", "/api/articles/a%00b", {}, 404, "missing", "there is no article a\0b in this collection. `clippings articles` lists those there are"),
    ("GET", "/api/articles/", {}, 404, "address", "the id of the article is missing. Add it after /api/articles/"),
    ("PATCH", "/api/articles/nowhere", {"json": {"title": "a"}}, 404, "missing", "there is no article nowhere. `clippings articles` lists those there are"),
    ("DELETE", "/api/articles/nowhere", {}, 404, "missing", "there is no article nowhere. `clippings articles` lists those there are"),
    ("GET", "/api", {}, 404, "address", "there is no route GET /api. See /api/openapi.json for the routes"),
    ("GET", "/api/nothing", {}, 404, "address", "there is no route GET /api/nothing. See /api/openapi.json for the routes"),
    ("POST", "/nothing", {}, 404, "address", "there is no route POST /nothing. See /api/openapi.json for the routes"),
    ("POST", "/api/ask/", asks(), 404, "address", "there is no route POST /api/ask/. See /api/openapi.json for the routes"),
    ("GET", "/docs", {}, 404, "address", "there is no route GET /docs. See /api/openapi.json for the routes"),
    ("GET", "/api/ask", {}, 405, "method", "/api/ask does not support GET. See /api/openapi.json for the routes"),
    ("PUT", "/api/search", asks(), 405, "method", "/api/search does not support PUT. See /api/openapi.json for the routes"),
    ("DELETE", "/api/articles", {}, 405, "method", "/api/articles does not support DELETE. See /api/openapi.json for the routes"),
    ("POST", "/api/articles/a", {"json": {}}, 405, "method", "/api/articles/a does not support POST. See /api/openapi.json for the routes"),
    ("OPTIONS", "/api/fetch", {}, 405, "method", "/api/fetch does not support OPTIONS. See /api/openapi.json for the routes"),
    ("GET", "/mcp", {}, 405, "method", "/mcp does not support GET. Send messages with POST"),
    ("DELETE", "/mcp", {}, 405, "method", "/mcp does not support DELETE. Send messages with POST"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("method", "path", "request_", "status", "kind", "message"), BAD, ids=lambda value: None
)
def test_a_bad_request_is_refused_with_one_sentence(
    api: httpx.Client, method: str, path: str, request_: dict[str, Any], status: int, kind: str, message: str
) -> None:
    response = api.request(method, path, **request_)
    assert (response.status_code, response.json()) == (status, error(kind, message))
    assert response.headers["content-type"] == "application/json"


def test_what_is_allowed_is_named_with_what_is_not(api: httpx.Client) -> None:
    assert api.put(f"/api/articles/{IRAN}").headers["allow"] == "DELETE, GET, PATCH"
    assert api.get("/api/fetch").headers["allow"] == "POST"


@pytest.mark.parametrize("path", ["/api/ask", "/mcp"])
def test_a_body_without_an_end_is_not_read_to_its_end(world: World, path: str) -> None:
    app, parts, sent = api_app(world.library, Gate(ServeSettings()), timeout=20), 0, []

    async def receive() -> dict[str, Any]:
        nonlocal parts
        parts += 1
        assert parts < 100
        return {"type": "http.request", "body": b" " * 100_000, "more_body": True}

    async def send(message: Any) -> None:
        sent.append(message)

    async def asked() -> None:
        headers = [(b"content-type", b"application/json")]
        scope = {
            "type": "http",
            "method": "POST",
            "path": path,
            "headers": headers,
            "query_string": b"",
            "state": {},
        }
        async with app.router.lifespan_context(app):
            await app(scope, receive, send)

    asyncio.run(asked())
    assert (sent[0]["status"], json.loads(sent[1]["body"])["error"]["kind"], parts) == (413, "size", 11)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
NAMES = st.sampled_from(
    [
        "question",
        "history",
        "sources",
        "published_from",
        "asked_on",
        "collection",
        "k",
        "url",
        "title",
        "undo",
    ]
)
BODIES = (
    st.dictionaries(NAMES, JSON, max_size=4)
    | st.fixed_dictionaries({"question": st.text()}, optional={"k": st.integers()})
    | JSON
)
PATHS = st.sampled_from(["/api/ask", "/api/search", "/api/fetch", "/api/articles", "/api/articles/x", "/mcp"])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    method=st.sampled_from(["GET", "POST", "PATCH", "DELETE"]),
    path=PATHS | st.text(max_size=20).map(lambda text: "/api/" + quote(text, errors="replace")),
    query=st.dictionaries(NAMES, st.text(max_size=10), max_size=2),
    body=BODIES.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=50),
)
def test_no_request_makes_the_server_fail(
    api: httpx.Client, method: str, path: str, query: dict[str, str], body: bytes
) -> None:
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    stated = "&".join(f"{name}={quote(value, errors='replace')}" for name, value in query.items())
    response = api.request(method, f"{path}?{stated}" if stated else path, content=body, headers=headers)
    assert response.status_code < 500, (response.text, body)
    if response.status_code >= 400 and path != "/mcp":
        (told,) = response.json().values()
        assert list(told) == ["kind", "message"]
        assert len(told["message"].split()) > 3


ERRORS: list[tuple[Exception, int, str, str, str | None]] = [
    (BusyError("too many ask at once. Ask again in a minute"), 503, "busy", "too many ask at once. Ask again in a minute", "60"),
    (ModelError("the encoder cannot be loaded. Install it"), 502, "model", "the encoder cannot be loaded. Install it", None),
    (CollectionError("it is gone. Make one", missing=True), 404, "missing", "it is gone. Make one", None),
    (CollectionError("another process writes. Wait", busy=True), 409, "collection", "another process writes. Wait", "10"),
    (CollectionError("the index is damaged. Make it again"), 503, "collection", "the index is damaged. Make it again", None),
    (ConfigError("a setting is wrong. Correct it"), 500, "settings", "a setting is wrong. Correct it", None),
    (SourceError("the page \ud800 cannot be read. Try another"), 422, "source", "the page \\ud800 cannot be read. Try another", None),
    (
        RuntimeError("whereabouts"), 500, "unforeseen",
        "an unexpected error occurred. The server's log has the details. Try again, or rephrase the question", None,
    ),
]  # fmt: skip


@pytest.mark.parametrize(("raised", "status", "kind", "message", "retry"), ERRORS)
@pytest.mark.parametrize("accept", ["application/json", "text/event-stream"])
def test_each_error_has_its_status_and_an_unforeseen_one_is_logged_once(
    other: Library, caplog: pytest.LogCaptureFixture, accept: str, raised: Exception, status: int, kind: str, message: str, retry: str | None
) -> None:  # fmt: skip
    def fails(_: Config) -> Any:
        raise raised

    other.open = fails
    with client(api_app(other, Gate(ServeSettings()), timeout=20)) as api:
        response = api.post("/api/ask", json={"question": QUESTION}, headers={"Accept": accept})
        assert (response.status_code, response.json()) == (status, error(kind, message))
        assert response.headers.get("retry-after") == retry
        assert api.get("/api/articles").json() == error(kind, message)
    logged = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert len(logged) == (2 if kind == "unforeseen" else 0), "one for each request"
    assert caplog.text.count("RuntimeError: whereabouts") == len(logged)


def test_where_the_collections_lie_is_told_to_nobody(
    other: Library, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(config: Config) -> Any:
        raise CollectionError(f"{config.home}/catalog.sqlite is damaged")

    other.open = fails
    said = error("collection", "the collection's folder/catalog.sqlite is damaged")
    with client(api_app(other, Gate(ServeSettings()), timeout=20)) as api:
        for accept in ("application/json", "text/event-stream"):
            assert (
                api.post("/api/ask", json={"question": QUESTION}, headers={"Accept": accept}).json() == said
            )
        assert api.get("/api/articles").json() == said
        call = {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "tools/call",
            "params": {"name": "search", "arguments": {"query": "Who?"}},
        }
        told = api.post("/mcp", json=call, headers={"Accept": "application/json, text/event-stream"})
        assert told.json()["result"]["content"][0]["text"] == said["error"]["message"]


def test_an_error_of_any_other_route_has_the_form_and_is_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    app = FastAPI(docs_url=None, redoc_url=None)
    add_errors(app)

    @app.get("/fails")
    def fails() -> None:
        raise RuntimeError("whereabouts")

    with client(app) as api:
        assert (api.get("/fails").status_code, api.get("/nothing").json()) == (
            500,
            error("address", "there is no route GET /nothing. See /api/openapi.json for the routes"),
        )
    assert caplog.text.count("RuntimeError: whereabouts") == 1


def test_an_error_in_the_middle_of_a_stream_is_its_last_event(
    other: Library, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(WordReader):
        def read(self, question: str, texts: Any, *, spans: int = 5) -> Any:
            raise RuntimeError("whereabouts")

    other.open = lambda config: open_assistant(config, encoder=world.encoder, reader=Broken())
    with (
        client(api_app(other, Gate(ServeSettings()), timeout=20)) as api,
        streamed(api, {"question": QUESTION}) as response,
    ):
        assert response.status_code == 200
        said = list(events(response))
    unforeseen = (
        "an unexpected error occurred. The server's log has the details. Try again, or rephrase the question"
    )
    assert said == [("step", said[0][1]), ("error", error("unforeseen", unforeseen))]
    assert caplog.text.count("RuntimeError: whereabouts") == 1


READ_ONLY = error(
    "read-only",
    "this server is read-only. Add, correct and remove articles with the `clippings` command on its machine",
)
BY_OTHERS = error("read-only", "you have read-only access: you cannot add, correct or remove articles")


@pytest.mark.parametrize("whole", [True, False])
def test_who_may_only_read_changes_nothing(other: Library, whole: bool) -> None:
    other.read_only = whole
    app = api_app(other, Gate(ServeSettings()), timeout=20)

    @app.middleware("http")
    async def token(request: Request, call_next: Callable[..., Any]) -> Any:
        request.state.read_only = not whole
        return await call_next(request)

    with client(app) as api:
        told = [
            api.patch(f"/api/articles/{quote(IRAN)}", json={"title": "x"}),
            api.delete(f"/api/articles/{quote(IRAN)}"),
            api.post("/api/fetch", json={"url": "https://example.org/"}),
        ]
        assert [(r.status_code, r.json()) for r in told] == [(403, READ_ONLY if whole else BY_OTHERS)] * 3
        assert api.get(f"/api/articles/{quote(IRAN)}").json()["title"] == "Iran strikes"


# Who waits, who takes too long and who goes away


# A sentence is checked once the next one is there, and what has been said already is not said again.
SAID = (
    "Iran struck first on Tuesday [1]. Pakistan replied on Thursday [1]. ",
    "Nobody was hurt in Karvel [1]. ",
    "Pakistan replied on Thursday [1]. ",
    "Iran struck first on Tuesday [1].",
)


@contextmanager
def held(
    library: Library, world: World, *, timeout: float = 20, **limits: Any
) -> Iterator[tuple[HeldModel, Gate, str]]:
    """A server whose model waits after its first sentence; the model, the gate and the address."""
    model, gate = HeldModel(*SAID), Gate(ServeSettings(**limits))
    library.open = lambda config: open_assistant(
        config, encoder=world.encoder, reader=WordReader(), model=model
    )
    with served(api_app(library, gate, timeout=timeout)) as url:
        yield model, gate, url
        model.goes_on.set()
        until(lambda: idle(gate.counts))


def connected(url: str, accept: str) -> socket.socket:
    """A connection on which a question has been sent."""
    host, port = url.removeprefix("http://").split(":")
    body = json.dumps({"question": QUESTION}).encode()
    sent = socket.create_connection((host, int(port)), timeout=20)
    head = f"POST /api/ask HTTP/1.1\r\nHost: x\r\nAccept: {accept}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    sent.sendall(head.encode() + body)
    return sent


@pytest.mark.parametrize("accept", ["application/json", "text/event-stream"])
def test_who_goes_away_in_the_middle_is_not_worked_for_and_gives_the_place_back(
    other: Library, world: World, accept: str
) -> None:
    with held(other, world, max_concurrency=1, queue_size=1) as (model, gate, url):
        leaving = connected(url, accept)
        if accept == "text/event-stream":
            said = b""
            while b"event: sentence" not in said:
                said += (part := leaving.recv(65_536))
                assert part, said
        else:
            until(model.began.is_set)
        second = connected(url, accept)
        until(lambda: gate.counts.waiting == 1)
        second.close()
        until(lambda: gate.counts.waiting == 0)
        leaving.close()
        with ThreadPoolExecutor() as elsewhere:
            # One that waits gets the turn as soon as the step that was worked on is over.
            next_one = elsewhere.submit(
                httpx.post, f"{url}/api/search", json={"question": QUESTION}, timeout=20, trust_env=False
            )
            until(lambda: gate.counts.waiting == 1 or next_one.done())  # it may have its turn at once
            model.goes_on.set()
            assert len(next_one.result().json()["passages"]) == 3
        until(lambda: model.closed)
        assert not model.ended, "it was listened to until the end, though nobody was there any more"
        assert gate.counts == QueueCounts(running=0, waiting=0, answered=2, refused=0)


def test_one_too_many_is_told_to_come_back(other: Library, world: World) -> None:
    with held(other, world, max_concurrency=1, queue_size=0) as (_, gate, url):
        first = connected(url, "application/json")
        until(lambda: gate.counts.running == 1)
        busy = error("busy", "the server is busy (1 running, 0 waiting). Ask again in a minute")
        for path, accept in (
            ("ask", "application/json"),
            ("ask", "text/event-stream"),
            ("search", "application/json"),
        ):
            told = httpx.post(
                f"{url}/api/{path}", json={"question": QUESTION}, headers={"Accept": accept}, trust_env=False
            )
            assert (told.status_code, told.json(), told.headers["retry-after"]) == (503, busy, "60")
        assert httpx.get(f"{url}/api/articles/{quote(IRAN)}", trust_env=False).status_code == 200, (
            "reading waits for nobody"
        )
        first.close()


def test_who_waits_is_told_how_many_are_before(other: Library, world: World) -> None:
    with (
        held(other, world, max_concurrency=1, queue_size=1) as (model, gate, url),
        httpx.Client(base_url=url, trust_env=False) as api,
    ):
        first = connected(url, "application/json")
        until(lambda: gate.counts.running == 1)
        with streamed(api, {"question": QUESTION, "use_model": False}) as response:
            told = events(response)
            assert next(told) == ("waiting", {"before": 0})
            model.goes_on.set()
            assert [name for name, _ in told][-1] == "answer"
        first.close()


def test_what_takes_too_long_is_given_up(other: Library, world: World) -> None:
    late = error(
        "timeout",
        "no answer after 0.5 seconds, so the request was stopped. Ask again, or ask a simpler question",
    )
    with (
        held(other, world, timeout=0.5, max_concurrency=1, queue_size=1) as (model, gate, url),
        httpx.Client(base_url=url, trust_env=False, timeout=20) as api,
    ):
        whole = api.post("/api/ask", json={"question": QUESTION})
        assert (whole.status_code, whole.json()) == (504, late)
        assert gate.counts.running == 1, "until the step that is worked on is over"
        waiting = api.post("/api/search", json={"question": QUESTION})
        assert (waiting.status_code, waiting.json(), gate.counts.waiting) == (504, late, 0)
        model.goes_on.set()
        until(lambda: idle(gate.counts))
        assert model.closed
        assert not model.ended
        model.goes_on.clear()
        with streamed(api, {"question": QUESTION}) as response:
            said = list(events(response))
        assert [name for name, _ in said] == ["step", "step", "step", "sentence", "error"]
        assert said[-1][1] == late


def test_a_silent_connection_is_kept_alive(
    other: Library, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routes, "_HEARTBEAT_SECONDS", 0.05)
    with held(other, world) as (model, _, url), httpx.Client(base_url=url, trust_env=False) as api:
        with streamed(api, {"question": QUESTION}) as response:
            said = []
            for name, value in events(response):
                said.append(name)
                if name == "":
                    assert value == ": still at work"
                    model.goes_on.set()
        assert "" in said
        assert [name for name in said if name] == [
            *["step"] * 3,
            *["sentence"] * 3,
            "answer",
        ]


def test_the_state_of_the_model_is_known_from_the_questions_so_far(other: Library, world: World) -> None:
    trouble = ModelTrouble.UNREACHABLE
    model = ScriptedModel(ModelError("no answer from http://10.0.0.7:8000", trouble=trouble))
    other.open = lambda config: open_assistant(
        config, encoder=world.encoder, reader=WordReader(), model=model
    )
    health = Health(other, gate := Gate(ServeSettings()))
    ready = {"name": "scripted", "state": "ready", "text": "Answers are worded by scripted.", "retry_in": 0.0}
    with client(api_app(other, gate, timeout=20)) as api:
        assert api.get("/api/status").json() == {"model": ready}
        assert health.state()[1]["model"] == {"state": "ready", "retry_in": 0.0}
        assert model.heard == [], "nothing is contacted to know it"
        answer = api.post("/api/ask", json={"question": QUESTION}).json()
        known = api.get("/api/status").json()["model"]
        call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "status"}}
        tool = api.post("/mcp", json=call, headers={"Accept": "application/json, text/event-stream"}).json()
    usage = {"calls": 1, "prompt_tokens": 0, "reply_tokens": 0, "model": "scripted"}
    assert {**answer["trace"]["usage"], "seconds": 0} == {**usage, "seconds": 0}
    assert answer["notice"] == "The language model cannot be reached. The articles answer by themselves."
    left = known.pop("retry_in")
    said = "Answers come straight from the articles just now: the language model cannot be reached."
    assert known == {"name": "scripted", "state": "unreachable", "text": said}
    assert 20 < left <= 30
    assert tool["result"]["content"] == [{"type": "text", "text": said}]
    assert {**tool["result"]["structuredContent"]["model"], "retry_in": left} == {**known, "retry_in": left}
    health_says = health.state()[1]["model"]
    assert (health_says["state"], 20 < health_says["retry_in"] <= 30) == ("unreachable", True)
    assert "10.0.0.7" not in f"{answer}{known}{tool}{health.state()}"


def test_without_a_model_there_is_no_state_of_one(api: httpx.Client) -> None:
    assert api.get("/api/status").json() == {"model": None}


def test_adding_stops_when_nobody_waits_for_it(other: Library) -> None:
    began, goes_on, stopped = threading.Event(), threading.Event(), threading.Event()

    def take(
        places: list[str], config: Config, *, progress: Callable[[Any], None], stop: object = None
    ) -> IngestReport:
        progress(0)
        began.set()
        assert goes_on.wait(20)
        try:
            progress(1)
        except Exception:
            stopped.set()
            raise
        return IngestReport()

    other.sync = take
    with client(api_app(other, Gate(ServeSettings()), timeout=0.5)) as api:
        response = api.post("/api/fetch", json={"url": "https://example.org/"})
        assert (response.status_code, response.json()) == (
            504,
            error(
                "timeout",
                "this took longer than 0.5 seconds. The change may still complete: check the article before you try again",
            ),
        )
        assert began.is_set()
        goes_on.set()
        until(stopped.is_set)


def test_reading_that_takes_too_long_is_refused(other: Library) -> None:
    goes_on = threading.Event()

    def opens(_: Config) -> Any:
        goes_on.wait(20)
        raise CollectionError("it is gone")

    other.open = opens
    with client(api_app(other, Gate(ServeSettings()), timeout=0.2)) as api:
        response = api.get("/api/articles")
        goes_on.set()
    late = error("timeout", "this took longer than 0.2 seconds. Ask again in a minute")
    assert (response.status_code, response.json()) == (504, late)


# What is documented


def test_everything_is_documented_with_examples_and_errors(api: httpx.Client) -> None:
    whole = api.get("/api/openapi.json").json()
    operations = {
        (path, method): told for path, methods in whole["paths"].items() for method, told in methods.items()
    }
    assert set(operations) == {
        ("/api/ask", "post"), ("/api/search", "post"), ("/api/search", "get"), ("/api/articles", "get"),
        ("/api/articles/{id}", "get"), ("/api/articles/{id}", "patch"), ("/api/articles/{id}", "delete"), ("/api/fetch", "post"),
        ("/api/status", "get"),
    }  # fmt: skip
    for (path, method), told in operations.items():
        assert told["summary"], path
        assert told["description"], path
        assert all(p.get("description") or p["name"] == "id" for p in told.get("parameters", ())), (
            path,
            method,
        )
        statuses = set(told["responses"])
        assert {"200", "422", "500", "503", "504"} <= statuses, path
        for status, response in told["responses"].items():
            assert response["description"]
            content = response["content"]["application/json"]
            assert content["schema"]["$ref"].startswith("#/components/schemas/")
            assert content["example"]
            if status != "200":
                assert content["schema"]["$ref"] == "#/components/schemas/ErrorBody"
                assert list(content["example"]["error"]) == ["kind", "message"]
        if "requestBody" in told:
            assert told["requestBody"]["content"]["application/json"]["examples"]
    assert "text/event-stream" in operations["/api/ask", "post"]["responses"]["200"]["content"]
    assert "HTTPValidationError" not in whole["components"]["schemas"]


def test_the_examples_are_what_is_said(api: httpx.Client) -> None:
    whole = api.get("/api/openapi.json").json()
    for model, example in (
        (results.Answer, examples.ANSWER), (results.PassageList, examples.PASSAGES), (results.ArticlePage, examples.ARTICLE_PAGE),
        (results.Article, examples.ARTICLE), (results.SyncReport, examples.SYNC_REPORT),
    ):  # fmt: skip
        assert model.model_validate(example).model_dump(mode="json") == example
    for path, method in (("/api/ask", "post"), ("/api/search", "post")):
        for example in whole["paths"][path][method]["requestBody"]["content"]["application/json"][
            "examples"
        ].values():
            assert api.request(method, path, json=example["value"]).status_code == 200
