"""Conversations over HTTP: kept before they are answered, seen by their owners alone, changed without losing
anything.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from answers import answered, earlier_record

from rag.people.accounts import Accounts, add_account, remove_account
from rag.surfaces.api.server import Server
from rag.surfaces.library import Library
from rag.surfaces.record import record

pytestmark = pytest.mark.slow

GONE = "this conversation does not exist. It may have been deleted; start a new one"


class Page:
    """A browser with a session of its own, at a server in this process."""

    def __init__(self, server: Server, application: Any, **cookies: str) -> None:
        self.server, self.application, self.cookies = server, application, cookies

    def ask(self, method: str, path: str, **what: Any) -> httpx.Response:
        async def asked() -> httpx.Response:
            transport = httpx.ASGITransport(self.application)
            async with httpx.AsyncClient(
                transport=transport, base_url="http://127.0.0.1", cookies=self.cookies
            ) as http:
                return await http.request(method, path, **what)

        return asyncio.run(asked())

    def json(self, method: str, path: str, status: int = 200, **what: Any) -> Any:
        answer = self.ask(method, path, **what)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    def put(
        self, question: str, conversation: str | None = None, after: str | None = None, **limits: Any
    ) -> dict[str, Any]:
        body = {"question": question, "conversation": conversation, "after": after, **limits}
        found: dict[str, Any] = self.json("POST", "/api/exchanges", 201, json=body)
        return found

    def answer(self, exchange: str) -> list[dict[str, Any]]:
        answer = self.ask("POST", f"/api/exchanges/{exchange}/answer")
        assert answer.status_code == 200, answer.text
        events = [
            dict(line.split(": ", 1) for line in event.split("\n"))
            for event in answer.text.strip().split("\n\n")
        ]
        return [{"event": event["event"], **json.loads(event["data"])} for event in events]

    def refused(self, method: str, path: str, **what: Any) -> tuple[int, str]:
        answer = self.ask(method, path, **what)
        return answer.status_code, answer.json()["error"]["message"]


@pytest.fixture
def page(library: Library) -> Iterator[Page]:
    server = Server(library)
    yield Page(server, server.application())
    server.close()


@pytest.fixture
def two(library: Library) -> Iterator[tuple[Page, Page]]:
    """Ann and Bob at one server, each with an account."""
    people = library.own.home.parent / "people.txt"
    for name in ("ann", "bob"):
        add_account(people, name, f"{name}'s password")
    accounts = Accounts.read(people)
    server = Server(library, accounts=accounts)
    application = server.application()
    ann, bob = (
        Page(
            server,
            application,
            clippings_session=server.people.start_session(name, accounts.fingerprint(name) or ""),
        )
        for name in ("ann", "bob")
    )
    yield ann, bob
    server.close()


def questions(conversation: dict[str, Any]) -> list[tuple[str, str]]:
    return [(e["question"], e["state"]) for e in conversation["exchanges"]]


def test_a_question_is_kept_before_it_is_answered_and_answered_once(page: Page) -> None:
    put = page.put("What does the demo tell of?")
    assert questions(put["conversation"]) == [("What does the demo tell of?", "asked")]
    assert "Not answered" in put["conversation"]["exchanges"][0]["html"]
    *grown, done = page.answer(put["exchange"])
    assert {event["event"] for event in grown} == {"grown"}
    assert (done["event"], done["state"]) == ("done", "answered")
    assert "The demo tells of Iran." in done["html"]
    kept = page.json("GET", f"/api/conversations/{put['conversation']['id']}")
    assert questions(kept) == [("What does the demo tell of?", "answered")]
    assert done["html"] in kept["exchanges"][0]["html"]
    assert page.answer(put["exchange"]) == [done]
    assert page.server.gate.counts.answered == 1, "what is kept is not made again"


def test_a_question_that_cannot_be_answered_says_why_and_stays(page: Page) -> None:
    put = page.put("Who?", published_from="yesterday")
    (done,) = [e for e in page.answer(put["exchange"]) if e["event"] == "done"]
    assert done["state"] == "failed"
    assert "&#x27;yesterday&#x27; is not a date like 2024-01-20" in done["html"]
    put = page.put("Who?", collection="own")
    (done,) = [e for e in page.answer(put["exchange"]) if e["event"] == "done"]
    assert "you have no articles yet" in done["html"]
    assert (
        page.json("GET", f"/api/conversations/{put['conversation']['id']}")["exchanges"][0]["state"]
        == "failed"
    )


def test_a_question_that_is_stopped_while_it_waits_stays_unanswered(page: Page) -> None:
    put = page.put("Who?")
    stopped = page.json("POST", f"/api/exchanges/{put['exchange']}/stop")
    assert (stopped["state"], "Not answered" in stopped["html"]) == ("stopped", True)
    assert page.answer(put["exchange"]) == [{"event": "done", **stopped}]


def test_who_asks_too_much_is_told_so_on_the_question(page: Page) -> None:
    put = page.put("Who?")
    page.server.gate.stop()
    (done,) = page.answer(put["exchange"])
    assert done["state"] == "failed"
    assert "the server is stopping and accepts no new questions" in done["html"]


def test_an_answer_that_takes_too_long_is_given_up_and_the_question_stays(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    goes_on = threading.Event()

    def slow(_: Any, *__: Any, **___: Any) -> Iterator[Any]:
        goes_on.wait(20)
        yield from ()

    monkeypatch.setattr("rag.assistant.Assistant.stream", slow)
    monkeypatch.setenv("CLIPPINGS_SERVE_REQUEST_TIMEOUT", "0.2")
    from dataclasses import replace

    library.own = replace(library.own, serve=replace(library.own.serve, request_timeout=0.2))
    server = Server(library)
    page = Page(server, server.application())
    put = page.put("Who?")
    *_, done = page.answer(put["exchange"])
    goes_on.set()
    assert (done["state"], "no answer after 0.2 seconds" in done["html"]) == ("failed", True)
    server.close()


def test_asking_again_keeps_the_earlier_version_with_all_that_followed_it(page: Page) -> None:
    first = page.put("What does the demo tell of?")
    page.answer(first["exchange"])
    conversation = first["conversation"]["id"]
    second = page.put("And why?", conversation, first["exchange"])
    again = page.json("POST", f"/api/exchanges/{first['exchange']}/again", 201)
    assert questions(again["conversation"]) == [("What does the demo tell of?", "asked")]
    assert "2 of 2" in again["conversation"]["exchanges"][0]["html"]
    back = page.json("POST", f"/api/exchanges/{first['exchange']}/show")
    assert [e["id"] for e in back["exchanges"]] == [first["exchange"], second["exchange"]]
    assert questions(back) == [("What does the demo tell of?", "answered"), ("And why?", "asked")]


def test_a_follow_up_knows_what_it_follows_and_not_what_was_put_aside(page: Page) -> None:
    first = page.put("What does the demo tell of?")
    page.answer(first["exchange"])
    conversation = first["conversation"]["id"]
    edited = page.put("Who struck?", conversation, None)
    assert questions(edited["conversation"]) == [("Who struck?", "asked")]
    assert [e.id for e in page.server.people.people.conversations.before("", edited["exchange"])] == []


def test_conversations_are_listed_renamed_saved_deleted_and_taken_back(page: Page) -> None:
    first, second = page.put("Who struck first?"), page.put("Who swam?")
    page.server.people.people.conversations.answer("", first["exchange"], record(answered()))
    one, two = first["conversation"]["id"], second["conversation"]["id"]
    page.json("PATCH", f"/api/conversations/{two}", json={"title": "Swimming"})
    listed = page.json("GET", "/api/conversations")["conversations"]
    assert {(c["id"], c["title"]) for c in listed} == {(two, "Swimming"), (one, "Who struck first?")}
    saved = page.ask("GET", f"/api/conversations/{one}/export?form=markdown")
    assert saved.headers["content-disposition"] == 'attachment; filename="conversation.md"'
    assert saved.text.startswith("# Who struck first?\n\n**Who struck first?**\n\nIran struck first.[^1]")
    page.json("DELETE", f"/api/conversations/{one}", 204)
    assert [c["id"] for c in page.json("GET", "/api/conversations")["conversations"]] == [two]
    assert page.refused("GET", f"/api/conversations/{one}") == (404, GONE)
    assert questions(page.json("POST", f"/api/conversations/{one}/restore")) == [
        ("Who struck first?", "answered")
    ]


def test_nobody_sees_changes_or_judges_what_another_has_asked(two: tuple[Page, Page]) -> None:
    ann, bob = two
    put = ann.put("Who struck first?")
    ann.server.people.people.conversations.answer("ann", put["exchange"], record(answered()))
    conversation, exchange = put["conversation"]["id"], put["exchange"]
    assert [c["id"] for c in ann.json("GET", "/api/conversations")["conversations"]] == [conversation]
    assert bob.json("GET", "/api/conversations") == {"conversations": []}
    for method, path, body in (
        ("GET", f"/api/conversations/{conversation}", None), ("PATCH", f"/api/conversations/{conversation}", {"title": "x"}),
        ("DELETE", f"/api/conversations/{conversation}", None), ("POST", f"/api/conversations/{conversation}/restore", None),
        ("GET", f"/api/conversations/{conversation}/export", None), ("POST", f"/api/exchanges/{exchange}/answer", None),
        ("POST", f"/api/exchanges/{exchange}/again", None), ("POST", f"/api/exchanges/{exchange}/stop", None),
        ("POST", f"/api/exchanges/{exchange}/show", None), ("POST", f"/api/exchanges/{exchange}/gold", {}),
        ("POST", f"/api/exchanges/{exchange}/verdict", {"verdict": "wrong"}),
        ("POST", "/api/exchanges", {"question": "Hm?", "conversation": conversation, "after": exchange}),
        ("POST", "/api/exchanges", {"question": "Hm?", "conversation": conversation}),
    ):  # fmt: skip
        assert bob.refused(method, path, **({"json": body} if body is not None else {})) == (404, GONE), (
            method,
            path,
        )
    assert questions(ann.json("GET", f"/api/conversations/{conversation}")) == [
        ("Who struck first?", "answered")
    ]
    stranger = Page(ann.server, ann.application)
    assert stranger.refused("GET", f"/api/conversations/{conversation}")[0] == 401


def test_who_has_logged_out_or_lost_the_account_is_a_stranger(two: tuple[Page, Page]) -> None:
    ann, bob = two
    left = ann.ask("POST", "/logout")
    assert (left.status_code, left.headers["location"]) == (303, "/login")
    assert ann.refused("GET", "/api/conversations")[0] == 401
    accounts = bob.server.library.own.home.parent / "people.txt"
    accounts.write_text(
        "".join(line for line in accounts.read_text().splitlines(True) if not line.startswith("bob:"))
    )
    assert bob.refused("GET", "/api/conversations")[0] == 401


def test_who_logged_in_by_an_earlier_password_is_a_stranger(two: tuple[Page, Page]) -> None:
    ann, bob = two
    accounts = bob.server.library.own.home.parent / "people.txt"
    for page, name in ((ann, "ann"), (bob, "bob")):
        left = page.ask("POST", "/login", data={"name": name, "password": f"{name}'s password"})
        assert left.status_code == 303
        page.cookies = {"clippings_session": left.cookies["clippings_session"]}
        assert page.ask("GET", "/api/conversations").status_code == 200
    remove_account(accounts, "ann")
    add_account(accounts, "ann", "another password")
    assert (
        ann.refused("GET", "/api/conversations")[0],
        bob.ask("GET", "/api/conversations").status_code,
    ) == (401, 200)


def test_a_hundred_forged_verdicts_are_not_kept(page: Page) -> None:
    put = page.put("Who struck first?")
    for number in range(100):
        exchange = put["exchange"] if number % 2 else f"{number:016x}"
        status, said = page.refused("POST", f"/api/exchanges/{exchange}/verdict", json={"verdict": "right"})
        assert status in (404, 422), said
    shelf = {"current": "", "conversations": [{"id": "x", "title": "t", "exchanges": [
        {"key": "1", "asked": "Who?", "collection": "own", "found": earlier_record(answered()), "verdict": "right"}]}]}  # fmt: skip
    assert page.json("POST", "/api/conversations/taken-over", json={"shelf": shelf}) == {"kept": 1}
    (taken,) = [c for c in page.json("GET", "/api/conversations")["conversations"] if c["title"] == "t"]
    (old,) = page.json("GET", f"/api/conversations/{taken['id']}")["exchanges"]
    status, said = page.refused("POST", f"/api/exchanges/{old['id']}/verdict", json={"verdict": "right"})
    assert (status, said) == (
        422,
        "this answer was imported, so it cannot be rated. Ask again, and rate the new answer",
    )
    assert list(page.server.people.people.conversations.verdicts()) == []
    page.server.people.people.conversations.answer("", put["exchange"], record(answered()))
    page.json("POST", f"/api/exchanges/{put['exchange']}/verdict", 204, json={"verdict": "wrong"})
    assert [(e.question, e.verdict) for e in page.server.people.people.conversations.verdicts()] == [
        ("Who struck first?", "wrong")
    ]


HEADERS = {"Content-Type": "application/json"}
VALUES = "the body has more than 500,000 values. Send less at a time"


@pytest.mark.parametrize(
    ("path", "body", "status", "said"),
    [
        ("/api/conversations/taken-over", lambda: json.dumps({f"{n:014x}": 1 for n in range(450_000)}), 413,
         "the body has 450,000 parameters; the limit is 100. Send only those of the route"),
        ("/api/conversations/taken-over", lambda: f'{{"shelf":{{"x":[{",".join(["[]"] * 3_900_000)}]}}}}', 413, VALUES),
        ("/api/conversations/taken-over", lambda: f'{{"shelf":{{"x":[{",".join(["{}"] * 490_000)}]}}}}', 422,
         "this is not a list of conversations from the browser"),
        ("/api/search", lambda: json.dumps({f"{n:x}": 1 for n in range(70_000)}), 413,
         "the body has 70,000 parameters; the limit is 100. Send only those of the route"),
        ("/api/ask", lambda: json.dumps({"history": [{f"{n:x}": 1 for n in range(70_000)}]}), 413,
         "the body has more than 5,000 values. Send less at a time"),
        ("/api/exchanges", lambda: json.dumps({"question": {f"{n:x}": 1 for n in range(70_000)}}), 413,
         "the body has more than 5,000 values. Send less at a time"),
    ],
    ids=["names", "lists", "objects", "search", "history", "question"],
)  # fmt: skip
def test_others_are_answered_while_a_hostile_body_is_read(
    page: Page, path: str, body: Any, status: int, said: str
) -> None:
    content = body().encode()
    silent: list[float] = []

    async def both() -> httpx.Response:
        async def tick() -> None:
            before = time.monotonic()
            while True:
                await asyncio.sleep(0.01)
                silent.append((now := time.monotonic()) - before)
                before = now

        ticking = asyncio.ensure_future(tick())
        transport = httpx.ASGITransport(page.application)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
            answer = await http.post(path, content=content, headers=HEADERS)
            await asyncio.sleep(0.05)  # the last silence is noted too
        ticking.cancel()
        return answer

    answer = asyncio.run(both())
    assert (answer.status_code, answer.json()["error"]["message"]) == (status, said)
    assert max(silent) < 0.6


def test_choices_are_kept_for_each_person(two: tuple[Page, Page]) -> None:
    ann, bob = two
    ann.json("PUT", "/api/settings/collection", 204, json={"value": "demo"})
    assert (ann.json("GET", "/api/settings"), bob.json("GET", "/api/settings")) == (
        {"collection": "demo"},
        {},
    )
    assert ann.refused("PUT", "/api/settings/other", json={"value": "x"})[0] == 422


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "said"),
    [
        ("POST", "/api/exchanges", {}, 422, "question is missing. Add it"),
        ("POST", "/api/exchanges", {"question": ""}, 422, "question must be text that is not empty"),
        ("POST", "/api/exchanges", {"question": 5}, 422, "question must be text, not 5"),
        ("POST", "/api/exchanges", {"question": "x" * 25_001}, 422, "question must have at most 25,000 characters, not 25,001"),
        ("POST", "/api/exchanges", {"question": "Who?", "sources": ["s" * 501]}, 422, "sources[0] must have at most 500 characters, not"),
        ("POST", "/api/exchanges", {"question": "Who?", "x": 1}, 422, "there is no parameter"),
        ("POST", "/api/exchanges", {"question": "\ud800"}, 422, "question must be valid Unicode, without lone surrogates"),
        ("POST", "/api/exchanges", {"question": "Who?", "conversation": "nowhere"}, 404, GONE),
        ("POST", "/api/exchanges", {"question": "Who?", "after": "nowhere"}, 404, GONE),
        ("POST", "/api/exchanges/nowhere/answer", None, 404, GONE),
        ("POST", "/api/exchanges/nowhere/verdict", {"verdict": "splendid"}, 422, "verdict must be 'right', 'wrong' or 'missing'"),
        ("PATCH", "/api/conversations/nowhere", {"title": ""}, 422, "title must be text that is not empty"),
        ("GET", "/api/conversations/nowhere/export?form=pdf", None, 422, "form must be 'markdown' or 'json'"),
        ("POST", "/api/conversations/taken-over", {"shelf": []}, 422, "shelf must be an object"),
        ("GET", "/api/place?article=nowhere", None, 404, "This article was changed or removed"),
        ("GET", "/api/place", None, 422, "article is missing"),
        ("POST", "/api/jobs", {}, 422, "give either an upload or an address"),
        ("POST", "/api/jobs", {"upload": "nowhere"}, 404, "this upload no longer exists"),
        ("GET", "/api/jobs/nowhere", None, 404, "there is no such job"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_in_a_sentence(
    page: Page, method: str, path: str, body: Any, status: int, said: str
) -> None:
    content = (
        {} if body is None else {"content": json.dumps(body), "headers": {"Content-Type": "application/json"}}
    )
    found, message = page.refused(method, path, **content)
    assert (found, message[: len(said)]) == (status, said)


def test_a_job_is_its_owners_goes_on_by_itself_and_leaves_a_report(two: tuple[Page, Page]) -> None:
    ann, bob = two
    sent = {"files": ("dam.txt", b"The Karvel dam burst on Sunday.")}
    upload = ann.json("POST", "/api/uploads", 201, files=sent)
    assert upload["taken"] == []
    assert bob.refused("POST", "/api/jobs", json={"upload": upload["id"]})[0] == 404
    job = ann.json("POST", "/api/jobs", 202, json={"upload": upload["id"]})
    assert bob.refused("GET", f"/api/jobs/{job['id']}")[0] == 404
    assert bob.refused("POST", f"/api/jobs/{job['id']}/stop")[0] == 404
    done = until_done(ann, job["id"])
    assert "1 added, 0 replaced, 0 removed, 0 unchanged, 0 failed" in done["report"]
    assert [j["id"] for j in ann.json("GET", "/api/jobs")["jobs"]] == [job["id"]]
    assert bob.json("GET", "/api/jobs") == {"jobs": []}
    again = ann.json(
        "POST", "/api/uploads", 201, files={"files": ("dam.txt", b"The Karvel dam burst on Monday.")}
    )
    assert again["taken"] == ["dam.txt"]
    job = ann.json("POST", "/api/jobs", 202, json={"upload": again["id"]})
    assert until_done(ann, job["id"])["error"].startswith("the file dam.txt exists with other content")
    job = ann.json("POST", "/api/jobs", 202, json={"upload": again["id"], "replace": "keep"})
    assert "1 added" in until_done(ann, job["id"])["report"]
    ann.server.library.read_only = True
    assert ann.refused("POST", "/api/jobs", json={"address": "https://example.org"})[0] == 403


def until_done(page: Page, job: str) -> dict[str, Any]:
    for _ in range(600):
        facts: dict[str, Any] = page.json("GET", f"/api/jobs/{job}")
        if facts["done"]:
            return facts
        threading.Event().wait(0.05)
    raise AssertionError("the job has not ended within half a minute")


def test_a_question_is_answered_once_however_many_ask_for_its_answer(page: Page) -> None:
    put = page.put("What does the demo tell of?")

    async def asked() -> list[httpx.Response]:
        transport = httpx.ASGITransport(page.application)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
            return await asyncio.gather(
                *(http.post(f"/api/exchanges/{put['exchange']}/answer") for _ in range(5))
            )

    answers = asyncio.run(asked())
    assert {a.status_code for a in answers} <= {200, 503}
    whole = [a for a in answers if a.status_code == 200 and "The demo tells of Iran." in a.text]
    assert len(whole) >= 1
    assert page.server.gate.counts.answered == 1
    assert (
        page.json("GET", f"/api/conversations/{put['conversation']['id']}")["exchanges"][0]["state"]
        == "answered"
    )
