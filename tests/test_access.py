"""What passes the door and what does not, asked of the door itself with an application behind it that notes
what it was given.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx
import pytest

from rag.errors import ConfigError
from rag.surfaces.api import gradio_guard
from rag.surfaces.api.access import AccessRules
from rag.surfaces.api.middleware import COOKIE, AccessMiddleware

LOCAL = "127.0.0.1"
FILE = {"path": "/tmp/a", "url": "http://10.0.0.1/", "meta": {"_type": "gradio.FileData"}}


class Behind:
    """Notes each request that it is given, and answers it as Gradio would: shared with everybody."""

    def __init__(self) -> None:
        self.given: list[tuple[str, str, bytes]] = []
        self.states: list[dict[str, Any]] = []
        self.headers: list[dict[bytes, bytes]] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        self.given.append((scope["method"], scope["path"], body))
        self.states.append(scope["state"])
        self.headers.append(dict(scope["headers"]))
        headers = [(b"access-control-allow-origin", b"*"), (b"content-type", b"text/plain")]
        status = 404 if "gone" in scope["path"] else 200
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"ok"})


def knock(
    method: str = "GET",
    path: str = "/api/articles",
    headers: Mapping[str, str] | None = None,
    rules: AccessRules = AccessRules(),
    host: str = "127.0.0.1:7860",
    client: str = LOCAL,
    body: Any = None,
    **options: Any,
) -> tuple[httpx.Response, Behind]:
    behind = Behind()

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(AccessMiddleware(behind, rules, **options), client=(client, 5))
        async with httpx.AsyncClient(transport=transport) as http:
            return await http.request(
                method, f"http://x{path}", headers={"Host": host, **(headers or {})}, content=body
            )

    return asyncio.run(ask()), behind


def said(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["kind"]


# Under which name


@pytest.mark.parametrize("host", ["127.0.0.1:7860", "localhost:7860", "LOCALHOST", "[::1]:7860"])
def test_on_loopback_the_page_goes_by_the_names_of_this_machine(host: str) -> None:
    answer, behind = knock(host=host)
    assert (answer.status_code, behind.given) == (200, [("GET", "/api/articles", b"")])


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1.evil.example",
        "localhost.evil.example:7860",
        "10.0.0.1",
        "0.0.0.0",
        "[::2]",
        "127.0.0.2",
    ],
)
def test_a_name_that_was_made_to_point_here_reaches_nothing(host: str) -> None:
    for path in ("/", "/api/articles", "/mcp", "/healthz", "/login"):
        answer, behind = knock(path=path, host=host)
        assert (said(answer), behind.given) == ((421, "wrong_host"), [])


@pytest.mark.parametrize("host", ["", "a b", "user@127.0.0.1", "127.0.0.1:x", "127.0.0.1/..", "a,127.0.0.1"])
def test_a_host_that_is_no_name_is_refused(host: str) -> None:
    answer, behind = knock(host=host)
    assert (said(answer), behind.given) == ((400, "request"), [])


def test_elsewhere_the_page_goes_by_the_names_that_were_given() -> None:
    doorway = AccessRules("0.0.0.0", ("news.example.org", "desk.example.org:8443"))
    for host, status in (
        ("news.example.org", 200), ("NEWS.example.org:7860", 200), ("desk.example.org:8443", 200), ("desk.example.org", 421),
        ("127.0.0.1", 421), ("localhost:7860", 421), ("192.168.1.5", 421),
    ):  # fmt: skip
        assert knock(host=host, rules=doorway)[0].status_code == status, host
    assert (
        knock(host="192.168.1.5:7860", rules=AccessRules("192.168.1.5", ("news.example.org",)))[0].status_code
        == 200
    )


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"host": "0.0.0.0"}, "people type with --host-name"),
        ({"host_names": ("http://a",)}, "is not a host name such as news.example.org"),
        ({"host_names": ("",)}, "is not a host name such as news.example.org"),
        ({"origins": ("news.example.org",)}, "is not the origin of a web site"),
        ({"origins": ("https://a/path",)}, "is not the origin of a web site"),
        ({"origins": ("*",)}, "is not the origin of a web site"),
        ({"proxies": ("proxy",)}, "is not an address or a network"),
    ],
)
def test_a_doorway_that_would_let_in_anybody_is_refused(facts: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        AccessRules(**facts)


# From which page


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "null",
        "http://127.0.0.1",
        "http://127.0.0.1:3000",
        "https://127.0.0.1:7860",
        "file://",
        "http://",
    ],
)
def test_a_page_of_another_site_may_not_ask(origin: str) -> None:
    for method, path in (
        ("POST", "/api/ask"), ("GET", "/api/articles"), ("DELETE", "/api/articles/a"), ("POST", "/mcp"), ("GET", "/mcp"),
        ("POST", "/gradio_api/queue/join"), ("GET", "/"), ("POST", "/login"), ("POST", "/api/uploads"), ("OPTIONS", "/api/ask"),
    ):  # fmt: skip
        answer, behind = knock(method, path, {"Origin": origin})
        assert (said(answer), behind.given) == ((403, "foreign_origin"), []), (method, path)
        assert not [name for name in answer.headers if name.startswith("access-control")]


def test_the_pages_own_requests_pass_and_are_shared_with_nobody() -> None:
    for origin, host in (("http://127.0.0.1:7860", "127.0.0.1:7860"), ("http://localhost", "localhost:80")):
        answer, behind = knock(
            "POST", "/api/ask", {"Origin": origin, "Sec-Fetch-Site": "same-origin"}, host=host
        )
        assert (answer.status_code, len(behind.given)) == (200, 1)
        assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_without_an_origin_a_browser_still_says_that_another_site_asks(site: str) -> None:
    answer, behind = knock("GET", "/api/articles", {"Sec-Fetch-Site": site, "Sec-Fetch-Dest": "script"})
    assert (said(answer), behind.given) == ((403, "foreign_origin"), [])
    answer, behind = knock("GET", "/", {"Sec-Fetch-Site": site, "Sec-Fetch-Dest": "iframe"})
    assert (said(answer), behind.given) == ((403, "foreign_origin"), [])


def test_a_link_on_another_site_opens_the_page() -> None:
    answer, behind = knock("GET", "/", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "document"})
    assert (answer.status_code, len(behind.given)) == (200, 1)


def test_a_site_that_was_named_may_ask_with_a_token_and_no_other_may() -> None:
    doorway = AccessRules(origins=("https://desk.example.org",))
    asking = {"Origin": "https://desk.example.org", "Authorization": "Bearer clip_w"}
    answer, behind = knock("POST", "/api/ask", asking, doorway, token_of=token)
    assert (answer.status_code, len(behind.given)) == (200, 1)
    assert answer.headers["access-control-allow-origin"] == "https://desk.example.org"
    assert "access-control-allow-credentials" not in answer.headers
    answer, behind = knock("OPTIONS", "/api/ask", {"Origin": "https://desk.example.org"}, doorway)
    assert (answer.status_code, behind.given) == (204, [])
    assert answer.headers["access-control-allow-methods"] == "GET, POST, PATCH, DELETE"
    assert (
        said(knock("POST", "/api/ask", {"Origin": "https://desk.example.org.evil.example"}, doorway)[0])[0]
        == 403
    )


def test_every_answer_forbids_framing_guessing_of_types_and_resources_from_elsewhere() -> None:
    for answer, _ in (knock(path="/"), knock(path="/nowhere"), knock(host="evil.example")):
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert "default-src 'self'" in answer.headers["content-security-policy"]
        assert "connect-src 'self'" in answer.headers["content-security-policy"]
        assert (answer.headers["x-content-type-options"], answer.headers["x-frame-options"]) == (
            "nosniff",
            "DENY",
        )
        assert "access-control-allow-origin" not in answer.headers


# Through a proxy


def test_what_is_forwarded_is_believed_from_a_named_proxy_alone() -> None:
    told = {
        "X-Forwarded-For": "6.6.6.6, 203.0.113.9, 10.0.0.7",
        "X-Forwarded-Host": "news.example.org",
        "X-Forwarded-Proto": "https",
    }
    doorway = AccessRules("10.0.0.1", ("news.example.org",), proxies=("10.0.0.0/24",))
    answer, behind = knock(
        headers={**told, "Origin": "https://news.example.org"},
        rules=doorway,
        host="10.0.0.1:7860",
        client="10.0.0.2",
    )
    assert answer.status_code == 200
    visitor = behind.states[0]["client"]
    # 10.0.0.7 is a proxy of ours; what stands before 203.0.113.9 anybody may have written.
    assert (visitor.address, visitor.scheme, visitor.netloc) == ("203.0.113.9", "https", "news.example.org")
    answer, behind = knock(headers=told, rules=doorway, host="10.0.0.1:7860", client="192.0.2.4")
    visitor = behind.states[0]["client"]
    assert (visitor.address, visitor.scheme, visitor.netloc) == ("192.0.2.4", "http", "10.0.0.1:7860")
    assert not [name for name in behind.headers[0] if name.startswith(b"x-forwarded")], (
        "Gradio would believe them"
    )


def test_a_path_that_a_proxy_has_added_is_taken_off() -> None:
    doorway = AccessRules(root_path="/clippings")
    for path, status in (
        ("/clippings/api/articles", 200),
        ("/api/articles", 200),
        ("/clippings/monitoring", 404),
        ("/clippings/", 200),
    ):
        assert knock(path=path, rules=doorway)[0].status_code == status, path


# Who


def known(secret: str) -> str | None:
    return {"s3cret": "ann"}.get(secret)


def token(secret: str) -> tuple[str, bool] | None:
    return {"clip_r": ("reader", True), "clip_w": ("writer", False)}.get(secret)


GUARDED: dict[str, Any] = {"login_required": True, "account_of": known, "token_of": token}


def test_with_accounts_nothing_is_given_without_a_session_but_health_and_the_log_in() -> None:
    for path in (
        "/api/articles",
        "/mcp",
        "/config",
        "/assets/a.js",
        "/gradio_api/queue/data",
        "/nowhere",
        "/logout",
    ):
        answer, behind = knock(path=path, **GUARDED)
        assert (said(answer), behind.given) == ((401, "login"), []), path
        assert answer.headers["www-authenticate"] == 'Bearer realm="clippings"'
    for path in ("/healthz", "/login"):
        assert knock(path=path, **GUARDED)[0].status_code == 200
    answer, behind = knock(path="/", headers={"Accept": "text/html"}, **GUARDED)
    assert (answer.status_code, answer.headers["location"], behind.given) == (303, "/login", [])


def test_a_session_says_for_whom_a_request_is() -> None:
    answer, behind = knock(headers={"Cookie": f"other=1; {COOKIE}=s3cret"}, **GUARDED)
    assert (answer.status_code, behind.states[0]["owner"], behind.states[0]["read_only"]) == (
        200,
        "ann",
        False,
    )
    assert said(knock(headers={"Cookie": f"{COOKIE}=guess"}, **GUARDED)[0]) == (401, "login")


@pytest.mark.parametrize(
    ("secret", "owner", "reads"), [("clip_r", "token:reader", True), ("clip_w", "token:writer", False)]
)
def test_a_token_says_so_too_and_whether_it_only_reads(secret: str, owner: str, reads: bool) -> None:
    for path in ("/api/articles", "/mcp"):
        answer, behind = knock(path=path, headers={"Authorization": f"Bearer {secret}"}, **GUARDED)
        assert (answer.status_code, behind.states[0]["owner"], behind.states[0]["read_only"]) == (
            200,
            owner,
            reads,
        )
    answer, behind = knock(
        path="/gradio_api/queue/data", headers={"Authorization": f"Bearer {secret}"}, **GUARDED
    )
    assert (said(answer), behind.given) == ((403, "forbidden"), [])


@pytest.mark.parametrize("stated", ["Bearer guess", "Bearer", "Basic YW5uOng=", "clip_r", "Bearer clip_r,"])
def test_a_token_that_is_not_known_is_refused_also_where_nobody_needs_one(stated: str) -> None:
    for door in (GUARDED, {"token_of": token}):
        answer, behind = knock(headers={"Authorization": stated}, **door)
        assert (said(answer), behind.given) == ((401, "login"), [])


def test_without_accounts_the_one_local_person_asks() -> None:
    _, behind = knock()
    assert (behind.states[0]["owner"], behind.states[0]["read_only"]) == ("", False)


# What is left of Gradio


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/monitoring"), ("GET", "/monitoring/summary"), ("GET", "/monitoring/x"), ("GET", "/gradio_api/info"),
        ("GET", "/gradio_api/file=/etc/passwd"), ("GET", "/gradio_api/file=http://10.0.0.1/"), ("GET", "/gradio_api/file/x"),
        ("HEAD", "/gradio_api/file=http://10.0.0.1/"), ("GET", "/gradio_api/proxy=http://10.0.0.1/"), ("POST", "/gradio_api/upload"),
        ("GET", "/gradio_api/stream/a/b/c/playlist.m3u8"), ("POST", "/gradio_api/call/ask"), ("POST", "/gradio_api/run/ask"),
        ("POST", "/gradio_api/component_server"), ("POST", "/gradio_api/api/predict"), ("POST", "/gradio_api/vibe-edit"),
        ("GET", "/gradio_api/runs"), ("GET", "/gradio_api/deep_link"), ("GET", "/gradio_api/mcp/"), ("POST", "/gradio_api/process_recording"),
        ("GET", "/gradio_api/custom_component/a/b/c/d"), ("GET", "/dev/reload"), ("GET", "/docs"), ("GET", "/openapi.json"),
        ("GET", "/assets/../../x"), ("GET", "/static/a/../../../etc/passwd"), ("POST", "/"), ("PUT", "/config"),
        ("GET", "/gradio_api/openapi.json"), ("GET", "/gradio_api/upload_progress"), ("POST", "/run-history/connect"),
        ("GET", "/gradio_api/profiling/traces"), ("GET", "/gradio_api/token"), ("GET", "/pwa_icon"), ("POST", "/gradio_api/login"),
    ],
)  # fmt: skip
def test_what_the_page_does_not_need_of_gradio_is_not_there(method: str, path: str) -> None:
    behind = Behind()

    async def ask() -> tuple[int, bytes]:
        # By hand: a client would tidy up the path before it sends it.
        sent: list[Any] = []
        scope = {
            "type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": b"", "scheme": "http",
            "headers": [(b"host", b"127.0.0.1:7860")], "client": (LOCAL, 5),
        }  # fmt: skip

        async def receive() -> Any:
            return {"type": "http.request", "body": b"{}"}

        async def send(message: Any) -> None:
            sent.append(message)

        await AccessMiddleware(behind, AccessRules())(scope, receive, send)
        return sent[0]["status"], sent[1]["body"]

    status, body = asyncio.run(ask())
    assert (status, behind.given) == (404, [])
    assert method == "HEAD" or json.loads(body)["error"]["kind"] == "address"


@pytest.mark.parametrize(
    "body",
    [
        {"data": [FILE]}, {"data": [[{"a": [FILE]}]]}, {"data": [{"path": "/etc/passwd"}]}, {"data": [{"url": "http://10.0.0.1/"}]},
        {"data": [{"meta": {"_type": "gradio.FileData"}}]}, {"event_data": FILE}, {"data": [{"x": "\ud800"}]}, {"data": [{"\udfff": 1}]},
    ],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/gradio_api/queue/join", "/gradio_api/run/predict"])
def test_nothing_that_gradio_would_fetch_reaches_it(path: str, body: dict[str, Any]) -> None:
    for written in (
        json.dumps(body),
        json.dumps(body).replace("path", "p\\u0061th").replace("gradio", "gr\\u0061dio"),
    ):
        answer, behind = knock("POST", path, body=written)
        assert (said(answer), behind.given) == ((400, "request"), [])


@pytest.mark.parametrize(
    "body", [b"{", b"\xff", b'{"data": ' + b"[" * 100 + b"]" * 100 + b"}", b"[" * 100_000, b"1" * 5_000]
)
def test_what_is_no_json_or_nested_without_end_does_not_reach_gradio(body: bytes) -> None:
    answer, behind = knock("POST", "/gradio_api/queue/join", body=body)
    assert (said(answer), behind.given) == ((400, "request"), [])


def test_what_the_page_sends_reaches_gradio_as_it_was_sent() -> None:
    body = json.dumps(
        {"data": ["Who struck first? 🌊", None, ["Dawn"]], "fn_index": 3, "session_hash": "abc"}
    ).encode()
    answer, behind = knock("POST", "/gradio_api/queue/join", body=body)
    assert (answer.status_code, behind.given) == (200, [("POST", "/gradio_api/queue/join", body)])


def test_a_body_without_end_is_cut_off() -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b" " * 100_000

    for body in (b" " * 2_000_001, endless()):
        answer, behind = knock("POST", "/gradio_api/queue/join", body=body)
        assert (said(answer), behind.given) == ((413, "size"), [])


def test_a_body_that_does_not_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag.surfaces.api.middleware._BODY_TIMEOUT_SECONDS", 0.05)

    async def slow() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(2)
        yield b"}"

    answer, behind = knock("POST", "/gradio_api/queue/join", body=slow())
    assert (said(answer), behind.given) == ((408, "timeout"), [])


def test_a_browser_keeps_the_files_that_never_change_and_no_other() -> None:
    for path, kept in (
        ("/assets/Index-DTuG5Jnm.js", "private, max-age=31536000, immutable"), ("/assets/gone-DTuG5Jnm.js", None),
        ("/assets/logo.svg", None), ("/assets/img/logo-DTuG5Jnm.jpg", None), ("/theme.css", None), ("/", None),
        ("/api/articles/assets/a-DTuG5Jnm.js", None),
    ):  # fmt: skip
        assert knock(path=path)[0].headers.get("cache-control") == kept, path
    spec = find_spec("gradio")
    assert spec is not None
    assert spec.origin is not None
    installed = Path(spec.origin).parent / "templates" / "frontend" / "assets"
    scripts = [file.name for file in installed.iterdir() if file.suffix in (".js", ".css")]
    assert len(scripts) > 100
    assert [name for name in scripts if not gradio_guard.never_changes(f"/assets/{name}")] == []


def test_what_is_relied_on_of_gradio_was_read_in_the_version_that_is_installed() -> None:
    design = (Path(__file__).parent.parent / "docs" / "design.md").read_text(encoding="utf-8")
    assert f"was read in version {version('gradio')}," in design, (
        "read again what the table beside this says, and mend both"
    )


def test_a_web_socket_is_closed() -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    behind = Behind()
    asyncio.run(
        AccessMiddleware(behind, AccessRules())(
            {"type": "websocket", "path": "/", "headers": []}, receive, send
        )
    )
    assert (sent, behind.given) == ([{"type": "websocket.close", "code": 1008}], [])


# What a review found


@pytest.mark.parametrize("origin", ["http://[", "http://[zz]", "https://[::1"])
def test_an_origin_that_is_no_address_is_another_sites(origin: str) -> None:
    answer, behind = knock("POST", "/api/ask", {"Origin": origin})
    assert (said(answer), behind.given) == ((403, "foreign_origin"), [])


def test_a_site_that_was_named_cannot_use_the_readers_session() -> None:
    """A neighbour of the same site, as desk.example.org is of news.example.org: browsers send it the reader's
    cookie.
    """
    doorway = AccessRules(origins=("https://desk.example.org",))
    origin = {"Origin": "https://desk.example.org"}
    for door in (GUARDED, {"token_of": token}):
        for method, path in (
            ("POST", "/api/articles"),
            ("POST", "/logout"),
            ("GET", "/"),
            ("GET", "/config"),
            ("POST", "/mcp"),
        ):
            answer, behind = knock(method, path, {**origin, "Cookie": f"{COOKIE}=s3cret"}, doorway, **door)
            assert (said(answer), behind.given) == ((401, "login"), []), (method, path)
            assert answer.headers["access-control-allow-origin"] == "https://desk.example.org", (
                "its script may read why"
            )
        answer, behind = knock(
            "POST", "/api/ask", {**origin, "Authorization": "Bearer clip_r"}, doorway, **door
        )
        assert (answer.status_code, behind.states[0]["owner"]) == (200, "token:reader")


@pytest.mark.parametrize("value", ["a0=b; " * 12_000, f"{COOKIE}={'x' * 70_000}"])
def test_headers_without_end_are_not_looked_through(value: str) -> None:
    answer, behind = knock(headers={"Cookie": value}, **GUARDED)
    assert (said(answer), behind.given) == ((431, "size"), [])


def test_many_cookies_cost_nothing() -> None:
    began = time.monotonic()
    for _ in range(50):
        answer, _ = knock(
            headers={"Cookie": "; ".join(f"a{n}=b" for n in range(4_000)) + f"; {COOKIE}=s3cret"}, **GUARDED
        )
        assert answer.status_code == 200
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("path", "status"),
    [("/" + "a" * 9_000, 414), ("/static/" + "a" * 300, 404), ("/api/articles/" + "a" * 1_000, 200)],
)
def test_an_address_without_end_is_refused(path: str, status: int) -> None:
    assert knock(path=path)[0].status_code == status


def test_a_form_of_any_size_is_not_kept_for_who_logs_in() -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"x" * 10_000

    plain = {"Content-Type": "application/x-www-form-urlencoded"}
    answer, behind = knock("POST", "/login", plain, body=endless(), **GUARDED)
    assert (said(answer), behind.given) == ((413, "size"), [])
    for kind in ("multipart/form-data; boundary=a", "application/json", ""):
        answer, behind = knock("POST", "/login", {"Content-Type": kind}, body=b"name=a", **GUARDED)
        assert (said(answer), behind.given) == ((415, "type"), [])
    answer, behind = knock("POST", "/login", plain, body=b"name=ann&password=x", **GUARDED)
    assert behind.given == [("POST", "/login", b"name=ann&password=x")]


def test_a_door_that_cannot_look_somebody_up_lets_nobody_in_and_says_so_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken(_: str) -> Any:
        raise ConfigError("line 1 of /secret/people.txt is broken")

    behind = Behind()
    door = AccessMiddleware(behind, AccessRules(), login_required=True, account_of=broken, token_of=broken)

    async def ask(headers: dict[str, str]) -> httpx.Response:
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(door), base_url="http://127.0.0.1"
        ) as http:
            return await http.get("/api/articles", headers=headers)

    for headers in ({"Cookie": f"{COOKIE}=a"}, {"Authorization": "Bearer a"}, {"Cookie": f"{COOKIE}=a"}):
        answer = asyncio.run(ask(headers))
        assert (said(answer), "secret" in answer.text, behind.given) == ((503, "unavailable"), False, [])
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert caplog.text.count("accounts and sessions cannot be checked") == 1


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/logout"),
        ("GET", "/mcpx"),
        ("GET", "/mcp/x"),
        ("POST", "/mcp//"),
        ("PUT", "/login"),
        ("POST", "/healthz"),
    ],
)
def test_no_name_of_ours_leads_to_what_is_behind_it(method: str, path: str) -> None:
    answer, behind = knock(method, path, headers={"Cookie": f"{COOKIE}=s3cret"}, **GUARDED)
    assert (answer.status_code, behind.given) == (404, [])


def test_behind_the_door_a_path_is_what_it_was_taken_for() -> None:
    _, behind = knock(path="/news/api/articles", rules=AccessRules(root_path="/news"))
    assert behind.given == [("GET", "/api/articles", b"")]
