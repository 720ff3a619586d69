"""The door: what every request passes before a route sees it.

In this order: the name that the page was asked for by (`Host`), the page that the request comes from
(`Origin` and what browsers say of themselves in `Sec-Fetch-Site`), the account or token, the route, and the
size and content of a body for Gradio. It is plain ASGI, so that streams pass through it untouched.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import logging
import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urlsplit

from rag.errors import ClippingsError, ConfigError

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["COOKIE", "Door", "Doorway", "Visitor", "Whoever"]

COOKIE = "clippings_session"
_LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")
_LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "::1")
_OPEN = frozenset({"/healthz", "/login"})  # asked for without a session
_LONGEST_HEADERS = 64_000  # bytes of all of a request's; the server's parser has the same limit before
_LONGEST_PATH = 8_000  # bytes; an article's id has at most 1,000 characters, of which each may take 12
_LONGEST_BODY = 2_000_000  # bytes of JSON for Gradio; uploads have limits of their own
_LONGEST_FORM = 50_000  # bytes of a name and a password
_BODY_TIME = 30.0  # seconds in which such a body must have arrived
_DEEPEST = 60  # levels of a body for Gradio; its own calls have fewer than ten

# What the page needs of Gradio 6.31, read off what Chromium asks for. All else that Gradio serves is not
# there: /monitoring, and of /gradio_api upload, file=, proxy=, stream, component_server, call, info,
# deep_link, vibe-…, profiling.
_GRADIO_FILES = re.compile(
    r"/(?:|config|theme\.css|favicon\.ico|manifest\.json|robots\.txt|(?:assets|static|svelte)/.+)"
)
_GRADIO_READS = re.compile(r"/gradio_api/(?:queue/data|startup-events|theme\.css|app_id|heartbeat/\w+)")
_GRADIO_CALLS = re.compile(r"/gradio_api/(?:queue/join|run/predict|cancel|reset)/?")

# Gradio's page needs inline scripts and `new Function`; nothing may be loaded from, sent to, or framed by
# anybody else.
_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; "
    "object-src 'none'; "
    "base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
)
_HEADERS = (
    (b"content-security-policy", _POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)


@dataclass(frozen=True, slots=True)
class Doorway:
    """Where the page is reached.

    `host` is the address it listens on, `names` the names (`news.example.org` or `news.example.org:8443`)
    that people use for it besides that, `origins` other web sites whose scripts may ask (with a token),
    `proxies` the addresses or networks whose `X-Forwarded-…` headers are believed, and `root_path` the path a
    proxy has put the page under.
    """

    host: str = "127.0.0.1"
    names: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    proxies: tuple[str, ...] = ()
    root_path: str = ""

    def __post_init__(self) -> None:
        for name in self.names:
            if not re.fullmatch(r"[A-Za-z0-9.\-_]+(:\d{1,5})?|\[[0-9A-Fa-f:.]+\](:\d{1,5})?", name):
                raise ConfigError(
                    f"--host-name {name!r} is not a name such as news.example.org or news.example.org:8443"
                )
        for origin in self.origins:
            parts = urlsplit(origin)
            if (
                parts.scheme not in ("http", "https")
                or not parts.netloc
                or parts.path
                or parts.query
                or parts.fragment
            ):
                raise ConfigError(
                    f"--origin {origin!r} is not the origin of a web site, such as https://desk.example.org"
                )
        for proxy in self.proxies:
            _network(proxy)
        if self.host not in _LOOPBACK_HOSTS and not self.names:
            raise ConfigError(
                f"the page listens on {self.host}, where others reach it: say by which name, with "
                f"--host-name. "
                "For example --host-name news.example.org, or the address that people type"
            )

    def is_ours(self, netloc: str) -> bool:
        """Whether the page goes by this name, with or without its port."""
        name = netloc.lower()
        bare = _without_port(name)
        ours = {n.lower() for n in self.names}
        if name in ours or bare in ours:
            return True
        if self.host in _LOOPBACK_HOSTS:
            return bare in _LOOPBACK_NAMES
        return bare == (f"[{self.host}]" if ":" in self.host else self.host.lower())

    def trusts(self, address: str) -> bool:
        """Whether what this neighbour forwards is believed."""
        try:
            neighbour = ipaddress.ip_address(address)
        except ValueError:  # a Unix socket has none
            return False
        return any(neighbour in _network(proxy) for proxy in self.proxies)


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who sent a request: the address, and the scheme and name that the page was asked for by."""

    address: str
    scheme: str
    netloc: str


@dataclass(frozen=True, slots=True)
class Whoever:
    """For whom a request is answered: an account, `token:NAME`, or the one local person (an empty name)."""

    owner: str
    read_only: bool = False


@dataclass(slots=True)
class Door:
    """Stands before the application, as ASGI has it.

    `guarded` says whether there are accounts; `account_of` turns a session's secret into an account,
    `token_of` a token's into its name and whether it only reads. `requests` are being answered, and `latest`
    is when the last of them ended.
    """

    app: ASGIApp
    doorway: Doorway
    guarded: bool = False
    account_of: Callable[[str], str | None] = lambda _: None
    token_of: Callable[[str], tuple[str, bool] | None] = lambda _: None
    traffic: Traffic = field(default_factory=lambda: Traffic())
    _failing: bool = False  # whether it is in the log already that nobody can be let in

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":  # the page has no web sockets
            await send({"type": "websocket.close", "code": 1008})
            return
        path = self._path(scope)
        if _is_endless(scope["method"], path):
            await self._let_in(scope, receive, send, path)
            return
        with self.traffic:
            await self._let_in(scope, receive, send, path)

    def _path(self, scope: Scope) -> str:
        path: str = scope["path"]
        prefix = self.doorway.root_path.rstrip("/")
        return path.removeprefix(prefix) if prefix and path.startswith(prefix + "/") else path

    async def _let_in(self, scope: Scope, receive: Receive, send: Send, path: str) -> None:
        method = scope["method"]
        allowed_origin: str | None = None
        try:
            _check_size(scope)
            visitor = self._visitor(scope)
            allowed_origin = self._check_origin(scope, visitor)
            if method == "OPTIONS":
                await _preflight(send, allowed_origin)
                return
            who = await self._who(scope, path, foreign=allowed_origin is not None)
            if path not in _OPEN:
                self._admit(who, scope, path)
            scope.setdefault("state", {}).update(
                visitor=visitor, owner=who.owner if who else "", read_only=bool(who and who.read_only),
                session=_cookie(_headers(scope).get("cookie", [])),
            )  # fmt: skip
            self._failing = False
            receive = await self._checked(scope, receive, path)
        except _Refused as refused:
            await refused.tell(send, allowed_origin, head=method == "HEAD")
            return
        except (
            ClippingsError
        ):  # an accounts file that is broken, a file of sessions that is damaged: nobody gets in
            if not self._failing:
                logging.getLogger("clippings").exception("nobody can be let in")
            self._failing = True
            said = "who may come in cannot be looked up just now. Whoever runs this page finds why in its log"
            await _Refused(503, "unavailable", said).tell(send, allowed_origin, head=method == "HEAD")
            return
        if path != scope["path"]:  # the routes behind the door know nothing of where a proxy has put the page
            scope = {**scope, "path": path, "raw_path": path.encode()}
        await self.app(scope, receive, _guarded_send(send, allowed_origin))

    def _visitor(self, scope: Scope) -> Visitor:
        """Who it is; what a proxy says of that is believed if the proxy was named, and removed if not."""
        headers = _headers(scope)
        client = (scope.get("client") or ("", 0))[0]
        scheme, named = scope.get("scheme", "http"), headers.get("host", [])
        if self.doorway.trusts(client):
            if forwarded := headers.get("x-forwarded-for"):
                client = self._client_of(forwarded[-1], client)
            scheme = (headers.get("x-forwarded-proto") or [scheme])[-1].strip().lower()
            named = headers.get("x-forwarded-host") or named
            if scheme not in ("http", "https"):
                raise _Refused(400, "request", "X-Forwarded-Proto must be http or https")
        else:
            scope["headers"] = [(k, v) for k, v in scope["headers"] if not _is_forwarded(k)]
        if len(named) != 1 or not re.fullmatch(
            r"[A-Za-z0-9.\-_]+(:\d{1,5})?|\[[0-9A-Fa-f:.]+\](:\d{1,5})?", named[0].strip()
        ):
            raise _Refused(
                400, "request", "the request names no host, or more than one, or one that is no name"
            )
        netloc = named[0].strip().lower()
        if not self.doorway.is_ours(netloc):
            raise _Refused(
                421, "wrong_host",
                f"this page does not go by the name {netloc}. Whoever runs it can say which names it has, "
                f"with --host-name",
            )  # fmt: skip
        return Visitor(client, scheme, netloc)

    def _client_of(self, forwarded: str, client: str) -> str:
        """The last address that no proxy of ours put there: what stands before it anybody may have written."""
        for address in reversed([part.strip() for part in forwarded.split(",")]):
            client = address
            if not self.doorway.trusts(address):
                break
        return client[:80]

    def _check_origin(self, scope: Scope, visitor: Visitor) -> str | None:
        """Refuse what another site's page has sent; the origin, where it is one that may ask."""
        headers = _headers(scope)
        site = headers.get("sec-fetch-site", ["none"])[-1]
        if origins := headers.get("origin"):
            origin = origins[-1].lower()
            if len(origins) == 1 and origin in (o.lower() for o in self.doorway.origins):
                return origins[-1]
            parts = _split(origin) if origin.startswith(("http://", "https://")) else None
            ours = parts is not None and (
                (parts.scheme, _with_port(parts.scheme, parts.netloc))
                == (visitor.scheme, _with_port(visitor.scheme, visitor.netloc))
                or parts.netloc in (name.lower() for name in self.doorway.names)
            )
            if len(origins) != 1 or not ours:
                raise _foreign()
            return None
        # A link on another site may open the page; nothing else of another site may ask for anything.
        opens_page = scope["method"] in ("GET", "HEAD") and headers.get("sec-fetch-dest") == ["document"]
        if site in ("cross-site", "same-site") and not opens_page:
            raise _foreign()
        return None

    async def _who(self, scope: Scope, path: str, *, foreign: bool) -> Whoever | None:
        """For whom a request is. A `foreign` site's script has to bring a token: the reader's session is not
        its own.
        """
        headers = _headers(scope)
        if stated := headers.get("authorization"):
            kind, _, secret = stated[-1].partition(" ")
            found = (
                await asyncio.to_thread(self.token_of, secret.strip()) if kind.lower() == "bearer" else None
            )
            if len(stated) != 1 or found is None:
                raise _unknown(
                    "this token is not known, or was revoked. `clippings token add NAME` makes one"
                )
            if not _is_own(path):
                raise _Refused(
                    403, "forbidden", "a token is for /api and /mcp; the page asks for a name and a password"
                )
            return Whoever(f"token:{found[0]}", found[1])
        if foreign:
            raise _unknown("a page of another site needs a token: Authorization: Bearer …")
        if not self.guarded:
            return Whoever("")
        cookie = _cookie(headers.get("cookie", []))
        account = await asyncio.to_thread(self.account_of, cookie) if cookie else None
        return None if account is None else Whoever(account)

    def _admit(self, who: Whoever | None, scope: Scope, path: str) -> None:
        if who is not None:
            return
        wants_page = "text/html" in ",".join(_headers(scope).get("accept", []))
        if scope["method"] == "GET" and path == "/" and wants_page:
            raise _Refused(303, "", "", location=f"{self.doorway.root_path.rstrip('/')}/login")
        raise _unknown("log in first, or send a token: Authorization: Bearer …")

    async def _checked(self, scope: Scope, receive: Receive, path: str) -> Receive:
        """Close what nobody needs of Gradio, and look at what it is given."""
        method = scope["method"]
        if path == "/login" and method == "POST":
            # FastAPI would keep a file in the form on the disk, of any size, before anybody looks.
            if not _is_plain_form(scope):
                raise _Refused(415, "type", "log in by the form of this page")
            return _again(await _whole(scope, receive, _LONGEST_FORM), receive)
        if (
            (path in _OPEN and method in ("GET", "HEAD"))
            or (path == "/logout" and method == "POST")
            or _is_own(path)
        ):
            return receive
        reads = method in ("GET", "HEAD") and (_GRADIO_FILES.fullmatch(path) or _GRADIO_READS.fullmatch(path))
        if reads and ".." not in path.split("/"):
            return receive
        if method == "POST" and _GRADIO_CALLS.fullmatch(path):
            body = await _whole(scope, receive, _LONGEST_BODY)
            _look_at(body)
            return _again(body, receive)
        raise _Refused(
            404, "address", "there is nothing at this address. What there is, /api/openapi.json lists"
        )


class Traffic:
    """The requests that are being answered, and when the last of them ended (by `time.monotonic`)."""

    def __init__(self) -> None:
        self.requests = 0
        self.latest = time.monotonic()

    def __enter__(self) -> None:
        self.requests += 1

    def __exit__(self, *_: object) -> None:
        self.requests -= 1
        self.latest = time.monotonic()


class _Refused(Exception):
    """What the door answers itself."""

    def __init__(
        self, status: int, kind: str, message: str, *, location: str = "", challenge: bool = False
    ) -> None:
        super().__init__(message)
        self.status, self.kind, self.message, self.location, self.challenge = (
            status,
            kind,
            message,
            location,
            challenge,
        )

    async def tell(self, send: Send, allowed: str | None = None, *, head: bool) -> None:
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
        headers += [(b"cache-control", b"no-store"), *_sharing(allowed)]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if head else body})


def _unknown(message: str) -> _Refused:
    return _Refused(401, "login", message, challenge=True)


def _foreign() -> _Refused:
    return _Refused(
        403, "foreign_origin",
        "this request comes from a page of another site. Whoever runs this page can let that site ask, with "
        "--origin",
    )  # fmt: skip


async def _preflight(send: Send, allowed: str | None) -> None:
    """What a browser asks before it lets another site's script ask."""
    headers = [*_HEADERS, (b"content-length", b"0"), *_sharing(allowed)]
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


def _sharing(allowed: str | None) -> list[tuple[bytes, bytes]]:
    # Without credentials: another site's script brings a token, and never the reader's session.
    return [(b"access-control-allow-origin", allowed.encode()), (b"vary", b"Origin")] if allowed else []


def _guarded_send(send: Send, allowed: str | None) -> Send:
    """Sets the headers that protect the page on every response, and removes those by which Gradio shares it."""
    ours = {name for name, _ in _HEADERS}

    async def guarded(message: Message) -> None:
        if message["type"] == "http.response.start":
            kept = [
                (name, value)
                for name, value in message.get("headers", ())
                if name.lower() not in ours and not name.lower().startswith(b"access-control-")
            ]
            message = {**message, "headers": [*kept, *_HEADERS, *_sharing(allowed)]}
        await send(message)

    return guarded


async def _whole(scope: Scope, receive: Receive, longest: int) -> bytes:
    """The body, which must be short and come in time."""
    stated = _headers(scope).get("content-length", ["0"])[-1]
    too_long = _Refused(413, "size", f"the request is longer than {longest:,} bytes")
    if not stated.isdecimal() or int(stated[:20]) > longest:
        raise too_long
    parts, size = [], 0
    try:
        async with asyncio.timeout(_BODY_TIME):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise _Refused(400, "request", "the request broke off")
                parts.append(message.get("body", b""))
                size += len(parts[-1])
                if size > longest:
                    raise too_long
                if not message.get("more_body"):
                    return b"".join(parts)
    except TimeoutError:
        raise _Refused(408, "timeout", f"the request had not arrived after {_BODY_TIME:g} seconds") from None


def _again(body: bytes, receive: Receive) -> Receive:
    """Gives a body that was read to whoever reads it next."""
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


def _look_at(body: bytes) -> None:
    """Refuse what Gradio would fetch from an address, or read from a path, before it sees it: the page sends
    no files.
    """
    try:
        stated = json.loads(body.decode("utf-8")) if body else None
        levels: list[Any] = [stated]
        for _ in range(_DEEPEST):
            if any(_names_file(value) for value in levels if isinstance(value, dict)):
                raise _Refused(
                    400, "request", "files come in by /api/uploads, and pages of the web by /api/fetch"
                )
            if any(_is_broken(text) for value in levels for text in _texts(value)):
                raise _Refused(400, "request", "the text holds half a character (a lone surrogate)")
            levels = [inner for value in levels for inner in _inside(value)]
            if not levels:
                return
    except (ValueError, RecursionError):
        raise _Refused(400, "request", "the body is not JSON") from None
    raise _Refused(400, "request", f"the body is nested more than {_DEEPEST} levels deep")


def _names_file(value: dict[str, Any]) -> bool:
    """Whether Gradio 6.31 takes this for a file (`gradio.data_classes.FileData`) or may be made to."""
    return "_type" in value or "path" in value or "url" in value


def _is_broken(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # a lone surrogate, which JSON can write and nothing can store
        return True
    return False


def _texts(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from value


def _inside(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _headers(scope: Scope) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in scope["headers"]:
        found.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
    return found


def _is_forwarded(name: bytes) -> bool:
    return name.lower() == b"forwarded" or name.lower().startswith(b"x-forwarded-")


def _cookie(stated: list[str]) -> str | None:
    """The session's secret. Looked for by its name alone: Python's reader of cookies takes seconds over what
    anybody sends.
    """
    for part in ";".join(stated).split(";"):
        name, _, value = part.strip().partition("=")
        if name == COOKIE:
            return value.strip('"')
    return None


def _check_size(scope: Scope) -> None:
    if sum(len(name) + len(value) + 4 for name, value in scope["headers"]) > _LONGEST_HEADERS:
        raise _Refused(431, "size", f"the request's headers are longer than {_LONGEST_HEADERS:,} bytes")
    if len(scope["path"]) + len(scope.get("query_string", b"")) > _LONGEST_PATH:
        raise _Refused(414, "size", f"the address is longer than {_LONGEST_PATH:,} bytes")
    if any(len(part) > 255 for part in scope["path"].split("/")) and not scope["path"].startswith("/api/"):
        raise _Refused(404, "address", "there is nothing at this address")  # no file has so long a name


def _split(origin: str) -> SplitResult | None:
    try:
        return urlsplit(origin)
    except ValueError:  # http://[
        return None


def _is_own(path: str) -> bool:
    """Whether a route of ours, which takes a token, and no page of Gradio's."""
    return path.startswith("/api/") or path in ("/mcp", "/mcp/")


def _is_plain_form(scope: Scope) -> bool:
    kinds = _headers(scope).get("content-type", [""])
    return (
        len(kinds) == 1 and kinds[0].partition(";")[0].strip().lower() == "application/x-www-form-urlencoded"
    )


def _without_port(netloc: str) -> str:
    return netloc if netloc.endswith("]") else re.sub(r":\d+$", "", netloc)


def _with_port(scheme: str, netloc: str) -> str:
    return netloc if netloc != _without_port(netloc) else f"{netloc}:{443 if scheme == 'https' else 80}"


def _network(stated: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    try:
        return ipaddress.ip_network(stated, strict=False)
    except ValueError:
        raise ConfigError(
            f"--proxy {stated!r} is not an address or a network, such as 10.0.0.5 or 10.0.0.0/24"
        ) from None


def _is_endless(method: str, path: str) -> bool:
    """Whether it is a stream that lasts as long as a browser or a tool is connected."""
    return method == "GET" and path.startswith("/gradio_api/heartbeat/")
