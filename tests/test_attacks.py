"""What attackers try, against a real server, from a real browser and by hand: nothing is fetched for them,
kept for them, read by them or changed by them."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from conftest import SEEDS
from mcp import ClientSession
from mcp.client.streamable_http import streamablehttp_client
from playwright.sync_api import Browser, expect
from test_chat import browser as browser  # these two are fixtures
from test_chat import profile as profile
from test_serve import Served, served

from ingest import sync
from rag import Config, open_assistant
from rag.people.accounts import Accounts, add_account
from rag.people.store import People

pytestmark = [pytest.mark.server, pytest.mark.slow, pytest.mark.usefixtures("loaded_once")]

SECRET = "Karvel"  # a word of the collection that no answer to a stranger may hold


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    base = tmp_path_factory.mktemp("attacks")
    (base / "desk").mkdir()
    (base / "desk" / "dam.txt").write_text(
        "The Karvel dam burst on Sunday and forty houses were lost.\n", encoding="utf-8"
    )
    config = Config(home=base / "home")
    sync([SEEDS, base / "desk"], config)
    return config


@pytest.fixture(scope="module")
def page(config: Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A page without accounts, whose temporary folder is one of its own."""
    temporary = tmp_path_factory.mktemp("temporary")
    limits = {
        "CLIPPINGS_SERVE_UPLOAD_MAX_FILE_BYTES": "1000000",
        "CLIPPINGS_SERVE_UPLOAD_MAX_TOTAL_BYTES": "2000000",
    }
    with served(config, TMPDIR=str(temporary), **limits) as page:
        page.temporary = temporary  # type: ignore[attr-defined]
        yield page


@pytest.fixture(scope="module")
def guarded(config: Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A read-only page with an account."""
    people = tmp_path_factory.mktemp("people") / "people.txt"
    add_account(people, "ann", "open sesame")
    with served(config, "--auth-file", str(people), "--read-only") as page:
        page.accounts = people  # type: ignore[attr-defined]
        yield page


@pytest.fixture(scope="module")
def victim() -> Iterator[Any]:
    """A server beside the page that only this machine should reach; what it was asked for is noted."""
    asked: list[str] = []

    class Noting(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"secret")

        do_POST = do_HEAD = do_GET

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Noting) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        server.asked = asked  # type: ignore[attr-defined]
        server.url = f"http://127.0.0.1:{server.server_port}"  # type: ignore[attr-defined]
        yield server
        server.shutdown()


def client(page: Served, **options: Any) -> httpx.Client:
    return httpx.Client(base_url=page.url, timeout=30, trust_env=False, **options)


def articles(config: Config) -> list[str]:
    with open_assistant(config) as assistant:
        return [item.headline.id for item in assistant.collection.articles()]


# As a proxy


def test_nothing_is_fetched_for_anybody(page: Served, victim: Any) -> None:
    file = {
        "path": f"{victim.url}/a",
        "url": f"{victim.url}/b",
        "orig_name": "a.txt",
        "meta": {"_type": "gradio.FileData"},
    }
    with client(page) as http:
        config = http.get("/config").json()
        answers = [
            http.get(f"/gradio_api/file={victim.url}/c"), http.head(f"/gradio_api/file={victim.url}/c"),
            http.get(f"/file={victim.url}/c"), http.get(f"/gradio_api/proxy={victim.url}/d"), http.get(f"/proxy={victim.url}/d"),
            http.get("/gradio_api/file=/etc/hostname"), http.get("/gradio_api/file=../../../../etc/hostname"),
        ]  # fmt: skip
        for dependency in config["dependencies"]:  # every function that the page has
            body = {
                "fn_index": dependency["id"],
                "session_hash": "attack",
                "data": [file] * max(1, len(dependency["inputs"])),
            }
            answers += [
                http.post("/gradio_api/queue/join", json=body),
                http.post("/gradio_api/run/predict", json=body),
            ]
            answers.append(http.post("/gradio_api/call/predict", json=body))
        for component in config["components"]:
            body = {
                "component_id": component["id"],
                "fn_name": "preprocess",
                "data": [file],
                "session_hash": "attack",
            }
            answers.append(http.post("/gradio_api/component_server", json=body))
        answers += [
            http.post("/api/fetch", json={"url": address})
            for address in (victim.url, "file:///etc/hostname", "ftp://x")
        ]
        job = http.post("/api/jobs", json={"address": victim.url})
        while not http.get(f"/api/jobs/{job.json()['id']}").json()["done"]:
            time.sleep(0.05)
    assert len(answers) > 60
    assert [a.status_code for a in answers if a.status_code not in (400, 404, 422, 200)] == []
    assert [
        a.text
        for a in answers
        if a.status_code == 200 and '"added": []' not in a.text.replace('"added":[]', '"added": []')
    ] == []
    assert victim.asked == []
    assert not [a for a in answers if "secret" in a.text]


# As a disk


def kept(page: Served, config: Config) -> list[str]:
    """The files that lie where an upload could."""
    places = (config.home / "upload", page.temporary)  # type: ignore[attr-defined]
    return [str(f) for place in places if place.exists() for f in place.rglob("*") if f.is_file()]


def test_no_disk_is_filled(page: Served, config: Config) -> None:
    before = kept(page, config)
    large = b"x" * 1_500_000
    with client(page) as http:
        for path in ("/gradio_api/upload", "/upload", "/gradio_api/upload?upload_id=a"):
            assert http.post(path, files={"files": ("a.txt", large)}).status_code == 404
        assert http.post("/api/uploads", files={"files": ("a.txt", large)}).status_code == 413
        assert http.post("/api/articles", files={"files": ("a.txt", large)}).status_code == 413
        # The files' number is over its limit, and so is what so many take on the disk.
        assert http.post(
            "/api/uploads", files=[("files", (f"{n}.txt", b"x")) for n in range(501)]
        ).status_code in (413, 507)
        assert kept(page, config) == before
        statuses, ids = [], []
        for _ in range(10):
            answer = http.post("/api/uploads", files={"files": ("a.txt", b"x" * 900_000)})
            statuses.append(answer.status_code)
            ids += [answer.json()["id"]] if answer.status_code == 201 else []
        assert sorted(set(statuses)) == [201, 507]
        assert sum(Path(f).stat().st_size for f in kept(page, config) if f not in before) <= 2_000_000
        for upload in ids:
            assert http.delete(f"/api/uploads/{upload}").status_code == 204
        assert kept(page, config) == before


def test_headers_and_forms_without_end_are_cut_off(guarded: Served) -> None:
    place = urlsplit(guarded.url)

    def sent(data: bytes) -> bytes:
        """What the server answers to a request that never ends, until it hangs up."""
        answer = b""
        with socket.create_connection((place.hostname or "", place.port or 0), timeout=20) as connection:
            with suppress(OSError):  # it has hung up meanwhile
                connection.sendall(data)
            with suppress(ConnectionResetError):
                while part := connection.recv(65_536):
                    answer += part
                    if b"\r\n\r\n" in answer:
                        break
        return answer

    host = f"Host: {place.netloc}\r\n".encode()
    began = time.monotonic()
    assert sent(b"GET / HTTP/1.1\r\n" + host + b"Cookie: " + b"a=b; " * 400_000)[:12] == b"HTTP/1.1 400"
    assert sent(b"GET / HTTP/1.1\r\n" + host + b"X: 1\r\n" * 30_000)[:12] == b"HTTP/1.1 400"
    form = b"POST /login HTTP/1.1\r\n" + host + b"Transfer-Encoding: chunked\r\nContent-Type: "
    file = b'--a\r\nContent-Disposition: form-data; name="name"; filename="a"\r\n\r\n' + b"x" * 100_000
    assert (
        sent(form + b"multipart/form-data; boundary=a\r\n\r\n" + b"%x\r\n" % len(file) + file)[:12]
        == b"HTTP/1.1 415"
    )
    long = b"x" * 100_000
    plain = form + b"application/x-www-form-urlencoded\r\n\r\n" + b"%x\r\n" % len(long) + long
    assert sent(plain)[:12] == b"HTTP/1.1 413"
    assert time.monotonic() - began < 10
    with client(guarded) as http:
        assert http.get("/healthz").status_code == 200


# From another site


@pytest.mark.browser
def test_a_foreign_page_reads_nothing_and_changes_nothing(
    page: Served, config: Config, browser: Browser
) -> None:
    there = articles(config)
    body = json.dumps({"url": "https://example.org"})
    script = f"""
      const got = [];
      const ask = async (path, options) => {{
        try {{ const r = await fetch('{page.url}' + path, options); got.push([path, r.type, (await r.text()).slice(0, 80)]); }}
        catch (error) {{ got.push([path, 'refused', '']); }}
      }};
      const json = {{ 'Content-Type': 'application/json' }};
      for (const mode of ['cors', 'no-cors']) {{
        for (const credentials of ['include', 'omit']) {{
          await ask('/api/articles', {{ mode, credentials }});
          await ask('/api/articles/desk/dam.txt', {{ mode, credentials }});
          await ask('/config', {{ mode, credentials }});
          await ask('/api/fetch', {{ mode, credentials, method: 'POST', body: {json.dumps(body)}, headers: mode === 'cors' ? json : {{}} }});
          await ask('/mcp', {{ mode, credentials, method: 'POST', body: '{{}}', headers: mode === 'cors' ? json : {{}} }});
          await ask('/api/uploads', {{ mode, credentials, method: 'POST', body: new FormData() }});
        }}
      }}
      await ask('/api/articles/desk/dam.txt', {{ method: 'DELETE' }});
      await ask('/api/articles/desk/dam.txt', {{ method: 'PATCH', body: '{{"title": "x"}}', headers: json }});
      await ask('/gradio_api/queue/join', {{ method: 'POST', body: '{{}}', headers: json }});
      window.got = got;
    """
    html = f"""<!doctype html><title>evil</title><iframe id=framed src="{page.url}/"></iframe>
      <form method=post action="{page.url}/api/articles" enctype="multipart/form-data" target=sent><input name=files value=x></form>
      <iframe name=sent id=sent></iframe><script src="{page.url}/api/articles"></script><img src="{page.url}/api/articles">
      <script type=module>document.forms[0].submit(); {script}</script>"""

    class Evil(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(html.encode())

        def log_message(self, *_: object) -> None:
            pass

    statuses: dict[str, set[int]] = {}
    sent: set[str] = set()
    with ThreadingHTTPServer(("127.0.0.1", 0), Evil) as evil:
        threading.Thread(target=evil.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        tab = browser.new_page()
        tab.on(
            "response",
            lambda r: (
                statuses.setdefault(urlsplit(r.url).path, set()).add(r.status) if page.url in r.url else None
            ),
        )
        tab.on("request", lambda r: sent.add(urlsplit(r.url).path) if page.url in r.url else None)
        # Another name of the same machine: another site to the browser, and nothing that it would hold back
        # by itself.
        tab.goto(f"http://localhost:{evil.server_port}/")
        tab.wait_for_function("window.got && window.got.length === 27", timeout=30_000)
        got = tab.evaluate("window.got")
        assert [
            (path, kind, text) for path, kind, text in got if kind not in ("refused", "opaque") or text
        ] == []
        frame = tab.frame_locator("#framed")
        expect(frame.locator("#question")).to_have_count(0)
        tab.wait_for_timeout(500)
        tab.close()
        evil.shutdown()
    assert {path: codes for path, codes in statuses.items() if codes - {403}} == {}
    assert sent >= {
        "/api/articles",
        "/api/articles/desk/dam.txt",
        "/mcp",
        "/api/fetch",
        "/api/uploads",
        "/config",
    }
    assert articles(config) == there


def test_a_name_that_was_made_to_point_here_reaches_nothing(page: Served, guarded: Served) -> None:
    for served_page in (page, guarded):
        with client(served_page, headers={"Host": "evil.example"}) as http:
            for path in ("/", "/api/articles", "/mcp", "/config", "/healthz", "/login"):
                answer = http.get(path)
                assert (answer.status_code, SECRET in answer.text) == (421, False)


# Without a session

ROUTES = (
    "/", "/config", "/config/", "/theme.css", "/info", "/api", "/api/", "/api/openapi.json", "/openapi.json", "/docs", "/redoc",
    "/api/articles", "/api/articles/desk/dam.txt", "/api/articles?q=Karvel", "/api/search?question=Karvel", "/api/conversations",
    "/api/conversations/x", "/api/conversations/x/export", "/api/settings", "/api/jobs", "/api/jobs/x", "/api/uploads",
    "/api/place?article=desk/dam.txt", "/api/exchanges", "/mcp", "/mcp/", "/metrics", "/monitoring", "/monitoring/summary",
    "/gradio_api/info", "/gradio_api/config", "/gradio_api/queue/data?session_hash=x", "/gradio_api/queue/status", "/gradio_api/user",
    "/gradio_api/token", "/gradio_api/app_id", "/gradio_api/login_check", "/gradio_api/startup-events", "/gradio_api/heartbeat/x",
    "/gradio_api/runs", "/gradio_api/run-history/buckets", "/gradio_api/deep_link", "/gradio_api/mcp/", "/gradio_api/mcp/schema",
    "/gradio_api/file=/etc/hostname", "/gradio_api/file/x", "/gradio_api/proxy=http://127.0.0.1/", "/gradio_api/openapi.json",
    "/gradio_api/upload_progress?upload_id=x", "/gradio_api/custom_component/a/b/c/d", "/gradio_api/stream/a/b/c/playlist.m3u8",
    "/gradio_api/profiling/traces", "/gradio_api/vibe-code", "/static/img/logo.svg", "/assets/index.js", "/svelte/x", "/favicon.ico",
    "/manifest.json", "/pwa_icon", "/robots.txt", "/logout", "/dev/reload", "/..%2f..%2fetc/hostname", "//api/articles",
    "/API/articles", "/api//articles", "/%61pi/articles", "/api/articles/..", "/login/../api/articles", "/healthz/../api/articles",
)  # fmt: skip
POSTS = (
    "/api/ask", "/api/search", "/api/fetch", "/api/articles", "/api/uploads", "/api/jobs", "/api/exchanges", "/mcp", "/api/exchanges/x/answer",
    "/api/conversations/taken-over", "/gradio_api/queue/join", "/gradio_api/run/predict", "/gradio_api/call/predict", "/gradio_api/api/predict",
    "/gradio_api/upload", "/gradio_api/component_server", "/gradio_api/cancel", "/gradio_api/reset", "/gradio_api/login", "/logout",
)  # fmt: skip


def test_more_than_sixty_routes_tell_a_stranger_nothing_of_the_collection(guarded: Served) -> None:
    assert len(ROUTES) + len(POSTS) > 80
    bearers: tuple[dict[str, str], ...] = (
        {},
        {"Authorization": "Bearer clip_guess"},
        {"Cookie": "clippings_session=guess"},
    )
    let_in: list[tuple[str, str, int]] = []
    with client(guarded, follow_redirects=False) as http:
        for headers in bearers:
            for method, paths in (
                ("GET", ROUTES),
                ("POST", POSTS),
                ("DELETE", ROUTES[11:13]),
                ("PATCH", ROUTES[11:13]),
            ):
                for path in paths:
                    body = {"question": "What burst?"} if method == "POST" else None
                    answer = http.request(method, path, json=body, headers=headers)
                    assert SECRET not in answer.text
                    assert "dam.txt" not in answer.text
                    if answer.status_code not in (401, 404, 400):
                        let_in.append((method, path, answer.status_code))
        page = http.get("/", headers={"Accept": "text/html"})
        assert (page.status_code, page.headers["location"], page.text) == (303, "/login", "")
        assert http.get("/healthz").status_code == 200
    assert let_in == []


def test_a_thousand_wrong_passwords_open_nothing_and_hold_nobody_up(guarded: Served) -> None:
    began, statuses = time.monotonic(), []
    with client(guarded) as http:
        for number in range(1_000):
            statuses.append(
                http.post("/login", data={"name": "ann", "password": f"guess {number}"}).status_code
            )
        waits = http.post("/login", data={"name": "ann", "password": "guess"})
        assert http.get("/healthz").status_code == 200
        assert "clippings_session" not in http.cookies
    assert set(statuses) == {401, 429}
    assert statuses.count(401) <= 20, "each of these was hashed and compared"
    assert (waits.status_code, int(waits.headers["retry-after"]) >= 1) == (429, True)
    assert time.monotonic() - began < 60
    log = "".join(guarded.printed)
    assert "ann" in log
    assert "guess 1" not in log


# On a page that is read-only


def test_every_write_on_a_read_only_page_is_refused(guarded: Served, config: Config) -> None:
    there = articles(config)
    with closing(People(config.home)) as people:
        mark = Accounts.read(guarded.accounts).fingerprint("ann")  # type: ignore[attr-defined]
        session = people.sessions.start("ann", mark or "")
        token = people.tokens.add(f"writer {time.time()}", read_only=False)
    ways: tuple[dict[str, Any], ...] = (
        {"cookies": {"clippings_session": session}},
        {"headers": {"Authorization": f"Bearer {token}"}},
    )
    for way in ways:
        with client(guarded, **way) as http:
            assert http.get("/api/articles").json()["total"] == 6
            answers = [
                http.delete("/api/articles/desk/dam.txt"), http.patch("/api/articles/desk/dam.txt", json={"title": "x"}),
                http.post("/api/fetch", json={"url": "https://example.org"}), http.post("/api/jobs", json={"address": "https://example.org"}),
                http.post("/api/jobs", json={"upload": "x"}), http.post("/api/uploads", files={"files": ("a.txt", b"x")}),
                http.post("/api/articles", files={"files": ("a.txt", b"x")}), http.delete("/api/uploads/x"),
                http.post("/api/uploads/x/articles", json={"replace": "keep"}),
            ]  # fmt: skip
            put = http.post("/api/exchanges", json={"question": "What burst on Sunday?"}).json()["exchange"]
            http.post(f"/api/exchanges/{put}/answer")
            assert http.post(f"/api/exchanges/{put}/verdict", json={"verdict": "right"}).status_code == 204
            answers.append(http.post(f"/api/exchanges/{put}/gold", json={}))
        assert [(a.request.url.path, a.status_code) for a in answers if a.status_code != 403] == []
    with client(guarded, cookies={"clippings_session": session}) as http:
        for dependency in http.get("/config").json()["dependencies"]:
            picked = {"collection": "own", "article": "desk/dam.txt", "facts": ["", "", ""]}
            data = [picked, "New title", "New source", "2024-01-01"][: len(dependency["inputs"])]
            http.post(
                "/gradio_api/run/predict",
                json={"fn_index": dependency["id"], "session_hash": "w", "data": data},
            )
            http.post(
                "/gradio_api/queue/join",
                json={"fn_index": dependency["id"], "session_hash": "w", "data": data},
            )
    time.sleep(1)
    assert articles(config) == there
    with open_assistant(config) as assistant:
        assert assistant.article("desk/dam.txt").title is None
    assert not (config.home / "gold.jsonl").exists()


def test_a_token_that_only_reads_changes_nothing(page: Served, config: Config) -> None:
    with closing(People(config.home)) as people:
        reads = people.tokens.add(f"reader {time.time()}", read_only=True)
    there = articles(config)
    with client(page, headers={"Authorization": f"Bearer {reads}"}) as http:
        assert http.post("/api/ask", json={"question": "What burst on Sunday?"}).status_code == 200
        answers = [
            http.delete("/api/articles/desk/dam.txt"), http.patch("/api/articles/desk/dam.txt", json={"title": "x"}),
            http.post("/api/fetch", json={"url": "https://example.org"}), http.post("/api/jobs", json={"address": "https://example.org"}),
            http.post("/api/uploads", files={"files": ("a.txt", b"x")}), http.post("/api/articles", files={"files": ("a.txt", b"x")}),
        ]  # fmt: skip
        assert http.get("/").status_code == 403, "the page asks for a name and a password"
    assert [a.status_code for a in answers] == [403] * len(answers)
    assert articles(config) == there


def test_tools_work_where_there_is_a_password_for_who_has_a_token(guarded: Served, config: Config) -> None:
    with closing(People(config.home)) as people:
        token = people.tokens.add(f"tools {time.time()}", read_only=True)

    async def called(headers: dict[str, str]) -> Any:
        async with (
            streamablehttp_client(f"{guarded.url}/mcp", headers=headers) as (receive, send, _),
            ClientSession(receive, send) as session,
        ):
            await session.initialize()
            return await session.call_tool("search", {"query": "What burst on Sunday?", "k": 1})

    def elsewhere(headers: dict[str, str]) -> Any:  # playwright has a loop of its own in this thread
        with ThreadPoolExecutor() as thread:
            return thread.submit(asyncio.run, called(headers)).result(60)

    (found,) = elsewhere({"Authorization": f"Bearer {token}"}).structuredContent["results"]
    assert found["text"] == "The Karvel dam burst on Sunday and forty houses were lost."
    for headers in ({}, {"Authorization": f"Bearer {token}x"}):
        with pytest.raises(BaseExceptionGroup) as refused:
            elsewhere(headers)
        assert refused.group_contains(httpx.HTTPStatusError, match="401")
