"""The access middleware: every request passes it before a route sees it.

It checks, in this order: the host name of the request (`Host`), the page it comes from (`Origin` and
`Sec-Fetch-Site`), the account or token, the route, and the size and content of bodies for Gradio. It is plain
ASGI, so streams pass through unchanged.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rag.errors import ClippingsError
from rag.surfaces.api import gradio_guard
from rag.surfaces.api.access import AccessRules, Caller, Client, is_host, origin_parts, with_port

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["COOKIE", "AccessMiddleware", "Traffic"]

COOKIE = "clippings_session"
_PUBLIC_PATHS = frozenset({"/healthz", "/login"})  # these need no session
_MAX_HEADER_BYTES = 64_000  # of all headers together; the HTTP parser has the same limit
_MAX_PATH_BYTES = 8_000  # an article's id has at most 1,000 characters, each up to 12 bytes when encoded
_MAX_FORM_BYTES = 50_000  # of the login form
_BODY_TIMEOUT_SECONDS = 30.0  # for a body that is read here

# Gradio's page needs inline scripts and `new Function`. Nothing may be loaded from, sent to, or framed by
# another site.
_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; "
    "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
)
_HEADERS = (
    (b"content-security-policy", _POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)


@dataclass(slots=True)
class AccessMiddleware:
    """ASGI middleware around the whole application.

    With `login_required` every request needs an account or a token. `account_of` gives the account of a
    session's secret, `token_of` the name of a token and whether it is read-only.
    """

    app: ASGIApp
    rules: AccessRules
    login_required: bool = False
    account_of: Callable[[str], str | None] = lambda _: None
    token_of: Callable[[str], tuple[str, bool] | None] = lambda _: None
    traffic: Traffic = field(default_factory=lambda: Traffic())
    _failing: bool = False  # whether the log already says that accounts cannot be checked

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":  # there are no web sockets
            await send({"type": "websocket.close", "code": 1008})
            return
        path = self._path(scope)
        if _is_endless(scope["method"], path):
            await self._handle(scope, receive, send, path)
            return
        with self.traffic:
            await self._handle(scope, receive, send, path)

    def _path(self, scope: Scope) -> str:
        path: str = scope["path"]
        prefix = self.rules.root_path.rstrip("/")
        return path.removeprefix(prefix) if prefix and path.startswith(prefix + "/") else path

    async def _handle(self, scope: Scope, receive: Receive, send: Send, path: str) -> None:
        method = scope["method"]
        allowed_origin: str | None = None
        try:
            _check_size(scope)
            client = self._client(scope)
            allowed_origin = self._check_origin(scope, client)
            if method == "OPTIONS":
                await _preflight(send, allowed_origin)
                return
            caller = await self._caller(scope, path, cross_origin=allowed_origin is not None)
            if path not in _PUBLIC_PATHS:
                self._require_caller(caller, scope, path)
            scope.setdefault("state", {}).update(
                client=client,
                owner=caller.owner if caller else "",
                read_only=bool(caller and caller.read_only),
                session=_cookie(_headers(scope).get("cookie", [])),
            )
            self._failing = False
            receive = await self._check_route(scope, receive, path)
        except _Refused as refused:
            await refused.respond(send, allowed_origin, head=method == "HEAD")
            return
        except ClippingsError:  # the accounts file or the sessions cannot be read, so access is denied
            if not self._failing:
                logging.getLogger("clippings").exception("accounts and sessions cannot be checked")
            self._failing = True
            message = (
                "access cannot be checked right now. Ask the administrator of this server to look at its log"
            )
            await _Refused(503, "unavailable", message).respond(send, allowed_origin, head=method == "HEAD")
            return
        if path != scope["path"]:  # the routes do not know the root path
            scope = {**scope, "path": path, "raw_path": path.encode()}
        lasting = method in ("GET", "HEAD") and gradio_guard.never_changes(path)
        await self.app(scope, receive, _with_our_headers(send, allowed_origin, lasting=lasting))

    def _client(self, scope: Scope) -> Client:
        """The client of a request. Forwarded headers are used from a trusted proxy, and removed from
        others."""
        headers = _headers(scope)
        address = (scope.get("client") or ("", 0))[0]
        scheme, named = scope.get("scheme", "http"), headers.get("host", [])
        passed_on = any(_is_forwarded(name) for name, _ in scope["headers"])
        if self.rules.trusts_proxy(address):
            if forwarded := headers.get("x-forwarded-for"):
                address = self._forwarded_address(forwarded[-1], address)
            scheme = (headers.get("x-forwarded-proto") or [scheme])[-1].strip().lower()
            named = headers.get("x-forwarded-host") or named
            if scheme not in ("http", "https"):
                raise _Refused(400, "request", "X-Forwarded-Proto must be http or https")
        else:
            scope["headers"] = [(k, v) for k, v in scope["headers"] if not _is_forwarded(k)]
        if len(named) != 1 or not is_host(named[0].strip()):
            raise _Refused(400, "request", "the request must have exactly one valid Host header")
        netloc = named[0].strip().lower()
        if not self.rules.accepts_host(netloc):
            raise _Refused(
                421,
                "wrong_host",
                f"this server does not answer to the host name {netloc}. Its administrator can allow the "
                "name with --host-name",
            )
        return Client(address, scheme, netloc, passed_on)

    def _forwarded_address(self, forwarded: str, peer: str) -> str:
        """The last address in `X-Forwarded-For` that is not a trusted proxy's. Earlier ones may be forged."""
        client = peer
        for address in reversed([part.strip() for part in forwarded.split(",")]):
            client = address
            if not self.rules.trusts_proxy(address):
                break
        return client[:80]

    def _check_origin(self, scope: Scope, client: Client) -> str | None:
        """Refuse requests from pages of other sites. Returns the origin if it is one that is allowed."""
        headers = _headers(scope)
        site = headers.get("sec-fetch-site", ["none"])[-1]
        if origins := headers.get("origin"):
            origin = origins[-1].lower()
            if len(origins) == 1 and origin in (o.lower() for o in self.rules.origins):
                return origins[-1]
            parts = origin_parts(origin) if origin.startswith(("http://", "https://")) else None
            same = parts is not None and (
                (parts.scheme, with_port(parts.scheme, parts.netloc))
                == (client.scheme, with_port(client.scheme, client.netloc))
                or parts.netloc in (name.lower() for name in self.rules.host_names)
            )
            if len(origins) != 1 or not same:
                raise _cross_origin()
            return None
        # A link on another site may open the page. All other cross-site requests are refused.
        opens_page = scope["method"] in ("GET", "HEAD") and headers.get("sec-fetch-dest") == ["document"]
        if site in ("cross-site", "same-site") and not opens_page:
            raise _cross_origin()
        return None

    async def _caller(self, scope: Scope, path: str, *, cross_origin: bool) -> Caller | None:
        """The caller of a request. A `cross_origin` request needs a token: it must not use the user's
        session."""
        headers = _headers(scope)
        if stated := headers.get("authorization"):
            kind, _, secret = stated[-1].partition(" ")
            found = (
                await asyncio.to_thread(self.token_of, secret.strip()) if kind.lower() == "bearer" else None
            )
            if len(stated) != 1 or found is None:
                raise _unauthorized(
                    "this token is unknown or was revoked. Create one with `clippings token add NAME`"
                )
            if not _takes_token(path):
                raise _Refused(
                    403,
                    "forbidden",
                    "tokens are for /api and /mcp. Log in to the page with a name and password",
                )
            return Caller(f"token:{found[0]}", found[1])
        if cross_origin:
            raise _unauthorized("a page of another site needs a token: Authorization: Bearer …")
        if not self.login_required:
            return Caller("")
        cookie = _cookie(headers.get("cookie", []))
        account = await asyncio.to_thread(self.account_of, cookie) if cookie else None
        return None if account is None else Caller(account)

    def _require_caller(self, caller: Caller | None, scope: Scope, path: str) -> None:
        if caller is not None:
            return
        wants_page = "text/html" in ",".join(_headers(scope).get("accept", []))
        if scope["method"] == "GET" and path == "/" and wants_page:
            raise _Refused(303, "", "", location=f"{self.rules.root_path.rstrip('/')}/login")
        raise _unauthorized("log in first, or send a token: Authorization: Bearer …")

    async def _check_route(self, scope: Scope, receive: Receive, path: str) -> Receive:
        """Block Gradio's routes that the page does not need, and check the bodies of the others."""
        method = scope["method"]
        if path == "/login" and method == "POST":
            # FastAPI would write a file in the form to disk, of any size, before the route runs.
            if not _is_plain_form(scope):
                raise _Refused(415, "type", "log in with the form of this page")
            return _replay(await _read_body(scope, receive, _MAX_FORM_BYTES), receive)
        if (
            (path in _PUBLIC_PATHS and method in ("GET", "HEAD"))
            or (path == "/logout" and method == "POST")
            or _takes_token(path)
        ):
            return receive
        if method in ("GET", "HEAD") and gradio_guard.is_read(path):
            return receive
        if method == "POST" and gradio_guard.is_call(path):
            body = await _read_body(scope, receive, gradio_guard.MAX_BODY_BYTES)
            try:
                gradio_guard.check_call(body)
            except gradio_guard.InvalidCall as exc:
                raise _Refused(400, "request", str(exc)) from None
            return _replay(body, receive)
        raise _Refused(
            404, "address", "there is nothing at this address. See /api/openapi.json for the routes"
        )


class Traffic:
    """The number of open requests, and when the last one ended (by `time.monotonic`)."""

    def __init__(self) -> None:
        self.requests = 0
        self.latest = time.monotonic()

    def __enter__(self) -> None:
        self.requests += 1

    def __exit__(self, *_: object) -> None:
        self.requests -= 1
        self.latest = time.monotonic()


class _Refused(Exception):
    """A response of the middleware itself."""

    def __init__(
        self, status: int, kind: str, message: str, *, location: str = "", challenge: bool = False
    ) -> None:
        super().__init__(message)
        self.status, self.kind, self.message = status, kind, message
        self.location, self.challenge = location, challenge

    async def respond(self, send: Send, allowed: str | None = None, *, head: bool) -> None:
        body = (
            json.dumps({"error": {"kind": self.kind, "message": self.message}}).encode() if self.kind else b""
        )
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            *_HEADERS,
        ]
        headers += [(b"location", self.location.encode())] if self.location else []
        headers += [(b"www-authenticate", b'Bearer realm="clippings"')] if self.challenge else []
        headers += [(b"cache-control", b"no-store"), *_cors_headers(allowed)]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if head else body})


def _unauthorized(message: str) -> _Refused:
    return _Refused(401, "login", message, challenge=True)


def _cross_origin() -> _Refused:
    return _Refused(
        403,
        "foreign_origin",
        "this request comes from a page of another site. The administrator can allow that site with --origin",
    )


async def _preflight(send: Send, allowed: str | None) -> None:
    """Answer a browser's CORS preflight request."""
    headers = [*_HEADERS, (b"content-length", b"0"), *_cors_headers(allowed)]
    if allowed:
        headers += [
            (b"access-control-allow-methods", b"GET, POST, PATCH, DELETE"),
            (
                b"access-control-allow-headers",
                b"authorization, content-type, mcp-protocol-version, mcp-session-id",
            ),
            (b"access-control-max-age", b"600"),
        ]
    await send({"type": "http.response.start", "status": 204, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


def _cors_headers(allowed: str | None) -> list[tuple[bytes, bytes]]:
    # Without credentials: a script of another site uses a token, and never the user's session.
    return [(b"access-control-allow-origin", allowed.encode()), (b"vary", b"Origin")] if allowed else []


def _with_our_headers(send: Send, allowed: str | None, *, lasting: bool) -> Send:
    """Adds the security headers to every response, and removes Gradio's CORS headers.

    A browser may keep what is `lasting`. Otherwise it asks for eighty files each time the page is opened or
    reloaded.
    """
    ours = {name for name, _ in _HEADERS}

    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            kept = [
                (name, value)
                for name, value in message.get("headers", ())
                if name.lower() not in ours and not name.lower().startswith(b"access-control-")
            ]
            if lasting and message["status"] == 200:
                # By the browser alone: a proxy between would give it to who is not logged in.
                kept.append((b"cache-control", b"private, max-age=31536000, immutable"))
            message = {**message, "headers": [*kept, *_HEADERS, *_cors_headers(allowed)]}
        await send(message)

    return send_with_headers


async def _read_body(scope: Scope, receive: Receive, max_bytes: int) -> bytes:
    """The whole body. Refuses one that is too long or too slow."""
    stated = _headers(scope).get("content-length", ["0"])[-1]
    too_long = _Refused(413, "size", f"the body is larger than {max_bytes:,} bytes. Send less at a time")
    if not stated.isdecimal() or int(stated[:20]) > max_bytes:
        raise too_long
    parts, size = [], 0
    try:
        async with asyncio.timeout(_BODY_TIMEOUT_SECONDS):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise _Refused(400, "request", "the request was interrupted")
                parts.append(message.get("body", b""))
                size += len(parts[-1])
                if size > max_bytes:
                    raise too_long
                if not message.get("more_body"):
                    return b"".join(parts)
    except TimeoutError:
        raise _Refused(
            408,
            "timeout",
            f"the body was not complete after {_BODY_TIMEOUT_SECONDS:g} seconds. Send it again",
        ) from None


def _replay(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives a body again that was already read."""
    sent = False

    async def replayed() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replayed


def _headers(scope: Scope) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in scope["headers"]:
        found.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
    return found


def _is_forwarded(name: bytes) -> bool:
    return name.lower() == b"forwarded" or name.lower().startswith(b"x-forwarded-")


def _cookie(stated: list[str]) -> str | None:
    """The session's secret. Parsed by hand: Python's cookie parser takes seconds for hostile input."""
    for part in ";".join(stated).split(";"):
        name, _, value = part.strip().partition("=")
        if name == COOKIE:
            return value.strip('"')
    return None


def _check_size(scope: Scope) -> None:
    if sum(len(name) + len(value) + 4 for name, value in scope["headers"]) > _MAX_HEADER_BYTES:
        raise _Refused(431, "size", f"the request headers are larger than {_MAX_HEADER_BYTES:,} bytes")
    if len(scope["path"]) + len(scope.get("query_string", b"")) > _MAX_PATH_BYTES:
        raise _Refused(414, "size", f"the address is longer than {_MAX_PATH_BYTES:,} bytes")
    if any(len(part) > 255 for part in scope["path"].split("/")) and not scope["path"].startswith("/api/"):
        raise _Refused(404, "address", "there is nothing at this address")  # no file name is that long


def _takes_token(path: str) -> bool:
    """Whether it is a route of ours, which accepts tokens, and not one of Gradio's."""
    return path.startswith("/api/") or path in ("/mcp", "/mcp/")


def _is_plain_form(scope: Scope) -> bool:
    kinds = _headers(scope).get("content-type", [""])
    return (
        len(kinds) == 1 and kinds[0].partition(";")[0].strip().lower() == "application/x-www-form-urlencoded"
    )


def _is_endless(method: str, path: str) -> bool:
    """Whether it is a stream that stays open as long as the browser is connected."""
    return method == "GET" and path.startswith("/gradio_api/heartbeat/")
