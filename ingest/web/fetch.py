"""Web addresses to bytes, without being led where the reader did not ask to go.

An `httpx.Client` asks, follows redirects and keeps a page's cookies from one redirect to the next, through
`DoorTransport`. Each page has a client of its own, so nothing is remembered from one page to another.
`trust_env` is off: there are no passwords out of ~/.netrc, and no proxies out of the environment, which would
resolve the names themselves, past the door.
"""

from __future__ import annotations

import http
import socket
import ssl
import threading
from collections.abc import Container, Iterable
from dataclasses import dataclass
from types import TracebackType

import httpcore
import httpx
from protego import Protego

from ingest.web.address import checked_address, media_type, shown, site_of
from ingest.web.body import CODINGS, read_body
from ingest.web.door import Deadline, DoorTransport, Refused
from ingest.web.turns import HostTurns, retry_after
from rag.errors import SourceError

__all__ = ["AGENT", "Fetched", "Fetcher", "Gone", "Limits"]

AGENT = "Clippings (reads the articles that its user lists)"

_WHOLE = frozenset(
    {200, 203}
)  # not 202: walls against programs answer so, with a page that is not the article
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_BUSY = frozenset({429, 503})
_CLOSED = frozenset({401, 402, 403, 407, 451})
_ACCEPT = (
    "text/html, application/xhtml+xml, application/atom+xml, application/rss+xml, application/xml;q=0.9, "
    "*/*;q=0.5"
)
# Rules held for robots.txt: each program that it names has a copy of each rule of its group.
_MOST_ROBOTS_RULES = 1_000_000


class Gone(SourceError):
    """The server says that there is no such page (404) or no longer (410)."""


class _Unreached(SourceError):
    """No conversation came about: the name, the address, the connection or the certificate failed."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of anything a server may send, and how long it may take. Raises `ValueError` for what cannot
    be kept.
    """

    # bytes of a page, as sent and again as unpacked; long reads with inlined pictures stay under 10 MB
    body: int = 20_000_000
    robots: int = 512_000  # bytes of robots.txt that are read, the rest being cut off: RFC 9309, 2.5
    # RFC 9309, 2.3.1.2 asks for five; http to https, to www, to a new path and a consent page make four
    redirects: int = 5
    # for one page with its redirects, or one robots.txt: a byte every second is never silent
    seconds: float = 60.0
    silence: float = 20.0  # seconds to connect, or without a byte
    pause: float = 1.0  # seconds between two requests to one host
    longest_pause: float = 30.0  # seconds; where robots.txt asks for more, a sync would not end
    patience: float = 10.0  # seconds that a busy server may ask to be waited for, once

    def __post_init__(self) -> None:
        if min(self.body, self.robots, self.seconds, self.silence) <= 0:
            raise ValueError(
                "the limits body, robots, seconds and silence must be above 0: nothing could be fetched"
            )
        if min(self.redirects, self.pause, self.longest_pause, self.patience) < 0:
            raise ValueError("the limits redirects, pause, longest_pause and patience must not be negative")


@dataclass(frozen=True, slots=True)
class Fetched:
    """A page as its server sent it, unpacked. `url` is the address after redirects, without a fragment;
    `kind` the media type in lower case without parameters, "" where none is said; `charset`, `etag` and
    `modified` (Last-Modified) as sent.
    """

    url: str
    body: bytes
    kind: str
    charset: str | None = None
    etag: str | None = None
    modified: str | None = None


class Fetcher:
    """Fetches pages for one sync: each site's robots.txt is read once and kept to, and no host is asked twice
    at a time.

    `private` lets in addresses of this machine and of private networks, for an intranet. `agent` is the
    User-Agent; its first word is the name that robots.txt is searched for. May be used from several threads.
    """

    def __init__(self, *, private: bool = False, limits: Limits = Limits(), agent: str = AGENT) -> None:
        self._private = private
        self._limits = limits
        self._agent = agent
        self._lock = threading.Lock()
        self._hosts: dict[str, HostTurns] = {}
        self._sites: dict[str, _Site] = {}
        self._tls: ssl.SSLContext | None = None

    def __enter__(self) -> Fetcher:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        # What the sites allow may have changed by the next sync. No connection is held, and turns with hosts
        # go on.
        with self._lock:
            self._sites.clear()

    def get(self, url: str, *, etag: str | None = None, modified: str | None = None) -> Fetched | None:
        """The page at an http or https address, or `None` where it is what `etag` or `modified`, kept from an
        earlier `Fetched`, stand for. Raises `Gone` for 404 and 410, and `SourceError` for everything else
        that keeps it away."""
        headers = [("Accept", _ACCEPT)]
        if etag:
            headers.append(("If-None-Match", etag))
        if modified:
            headers.append(("If-Modified-Since", modified))
        wanted = _WHOLE | {304} if etag or modified else _WHOLE
        answer = self._walk(checked_address(url), headers, wanted, Deadline(self._limits.seconds))
        if answer.status == 304:
            return None
        if not answer.body:
            raise SourceError("its server sent an empty page. Try later, or remove the address")
        kind, charset = media_type(answer.header("content-type") or "")
        return Fetched(
            str(answer.address),
            answer.body,
            kind,
            charset,
            answer.header("etag"),
            answer.header("last-modified"),
        )

    def _walk(
        self,
        address: httpx.URL,
        headers: Iterable[tuple[str, str]],
        wanted: Container[int],
        deadline: Deadline,
        robots: bool = False,
    ) -> _Answer:
        """Ask, and follow where it leads, to an answer of a wanted status; `robots` says that robots.txt
        itself is asked for.

        The way from https down to http is followed: a reader may give an http address as well, and the
        address kept is the last, so that it shows."""
        with self._client(deadline) as client:
            request = self._request(client, address, headers)
            for hop in range(self._limits.redirects + 1):
                try:
                    if not robots:
                        self._permit(request.url, deadline)
                    answer = self._ask(client, request, deadline, robots=robots)
                    if answer.redirect is None:
                        if answer.status in wanted:
                            return answer
                        raise _refusal(answer.status)
                except SourceError as exc:
                    if not hop:
                        raise
                    raise type(exc)(f"it redirects to {shown(request.url)}: {exc}") from exc
                request = answer.redirect
        raise SourceError(
            f"it redirects more than {self._limits.redirects} times. Give the address of the page itself"
        )

    def _client(self, deadline: Deadline) -> httpx.Client:
        transport = DoorTransport(private=self._private, deadline=deadline, certificates=self._certificates)
        return httpx.Client(transport=transport, trust_env=False, timeout=self._limits.silence)

    def _request(
        self, client: httpx.Client, address: httpx.URL, headers: Iterable[tuple[str, str]]
    ) -> httpx.Request:
        sent = [("User-Agent", self._agent), ("Accept-Encoding", CODINGS), ("Connection", "close"), *headers]
        try:
            # As bytes, because what a server has said may hold letters beyond ASCII.
            raw = [(name.encode("ascii"), value.encode("latin-1")) for name, value in sent]
        except UnicodeError as exc:
            raise SourceError(
                "it cannot be requested: its ETag or the agent's name contains a character "
                "that HTTP does not allow"
            ) from exc
        return client.build_request("GET", address, headers=raw)

    def _permit(self, address: httpx.URL, deadline: Deadline) -> None:
        """Raise `SourceError` unless the site's robots.txt lets the page be read."""
        with self._lock:
            site = self._sites.setdefault(site_of(address), _Site())
        name = self._agent.partition("/")[0].partition(" ")[0]
        with deadline.stopped(), site.lock:
            if site.rules is None and site.trouble is None:
                try:
                    site.rules = self._rules(address)
                except SourceError as exc:  # kept: a hundred pages of a dead server are not a hundred waits
                    site.trouble = exc
            if site.trouble is not None:
                raise site.trouble.with_traceback(None)
            if site.rules is None or not site.rules.can_fetch(str(address), name):
                raise SourceError(
                    "its site's robots.txt does not let programs read it. Save the page as a file instead"
                )
            asked = min(site.rules.crawl_delay(name) or 0.0, self._limits.longest_pause)
        host = self._host(address)
        host.pause = max(host.pause, asked)

    def _rules(self, address: httpx.URL) -> Protego:
        """RFC 9309, 2.3.1: no robots.txt (4xx) allows everything, one that cannot be had allows nothing."""
        place = address.copy_with(raw_path=b"/robots.txt")
        # A time of its own: what it says of this site must not hang on how long the page took that led here.
        deadline = Deadline(self._limits.seconds)
        try:
            answer = self._walk(place, (), _WHOLE | set(range(400, 500)), deadline, robots=True)
        except _Unreached:  # the page could not be had either, and this says why
            raise
        except SourceError as exc:
            raise SourceError(
                f"its site's robots.txt, which says what programs may read, cannot be fetched: {exc}"
            ) from exc
        text = answer.body.decode("utf-8-sig", "replace") if answer.status in _WHOLE else ""
        lines = text.splitlines()
        named = sum(line.lstrip()[:4].lower() == "user" for line in lines)
        if named * (len(lines) - named) > _MOST_ROBOTS_RULES:
            raise SourceError(
                f"its site's robots.txt names {named} programs in {len(lines)} lines, too many to be read"
            )
        return Protego.parse(text)

    def _host(self, address: httpx.URL) -> HostTurns:
        with self._lock:
            return self._hosts.setdefault(address.raw_host.decode("ascii"), HostTurns(self._limits.pause))

    def _ask(
        self, client: httpx.Client, request: httpx.Request, deadline: Deadline, *, robots: bool
    ) -> _Answer:
        """One request in the host's turn, and once more if a busy server names a short time."""
        host = self._host(request.url)
        for again in (True, False):
            with host.turn(deadline):
                answer = self._exchange(client, request, deadline, robots=robots)
                if answer.status not in _BUSY:
                    return answer
                asked = retry_after(answer.header("retry-after") or "")
                soon = asked is not None and asked <= self._limits.patience
                if asked is not None and soon:
                    host.wait(asked)
                elif asked is not None:
                    host.shut(asked, str(_refusal(answer.status)))
            if not (again and soon):
                break
        raise _refusal(answer.status)

    def _exchange(
        self, client: httpx.Client, request: httpx.Request, deadline: Deadline, *, robots: bool
    ) -> _Answer:
        """One connection, one request."""
        try:
            response = client.send(request, stream=True, follow_redirects=False)
            try:
                if response.status_code not in _WHOLE:
                    return _Answer(response, _redirect(response), b"")
                most = self._limits.robots if robots else self._limits.body
                return _Answer(response, None, read_body(response, most, cut=robots))
            finally:
                response.close()
        except Refused as exc:
            raise _Unreached(str(exc)) from exc
        except (httpx.RemoteProtocolError, httpx.InvalidURL, UnicodeError) as exc:
            # The transport raises httpcore's errors: these are of the address that a redirect gives.
            raise SourceError(f"it redirects to what cannot be followed: {exc.__context__ or exc}") from exc
        except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError) as exc:
            raise _failure(exc, deadline, self._limits) from exc

    def _certificates(self) -> ssl.SSLContext:
        """The certificates of authorities that browsers trust, or those of SSL_CERT_FILE; some 50 ms to read,
        once."""
        with self._lock:
            if self._tls is None:
                try:
                    self._tls = httpx.create_ssl_context()
                except OSError as exc:  # ssl.SSLError is one
                    raise _Unreached(
                        f"the certificates that SSL_CERT_FILE or SSL_CERT_DIR names cannot be read ({exc}). "
                        "Correct or unset it"
                    ) from exc
            return self._tls


@dataclass(frozen=True, slots=True)
class _Answer:
    """A response, the request that a redirect leads to, and the unpacked body, `b""` unless it is whole."""

    response: httpx.Response
    redirect: httpx.Request | None
    body: bytes

    @property
    def status(self) -> int:
        return self.response.status_code

    @property
    def address(self) -> httpx.URL:
        return self.response.url

    def header(self, name: str) -> str | None:
        """The first of that name, as Latin-1: so it can be sent back as it came."""
        raw = name.encode("ascii")
        values = (value for key, value in self.response.headers.raw if key.lower() == raw)
        found = next(values, None)
        return None if found is None else found.decode("latin-1")


class _Site:
    """What a site's robots.txt says, or what kept it away. Guarded by its lock."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.rules: Protego | None = None
        self.trouble: SourceError | None = None


def _redirect(response: httpx.Response) -> httpx.Request | None:
    """The request that a redirect leads to; `None` for another answer."""
    if response.status_code not in _REDIRECTS:
        return None
    request = response.next_request
    if request is None:
        raise SourceError("its server redirects without saying where to. Try later")
    try:
        request.url = checked_address(str(request.url))
    except SourceError as exc:
        raise SourceError(f"it redirects to what cannot be followed: {exc}") from exc
    return request


def _refusal(status: int) -> SourceError:
    """What a status other than success means for a reader."""
    try:
        message = f"its server says {status} ({http.HTTPStatus(status).phrase.lower()})"
    except ValueError:
        message = f"its server says {status}"
    if status in (404, 410):
        return Gone(f"{message}. Check the address")
    if status in _BUSY:
        return SourceError(f"{message}: it asks for fewer requests. Try later")
    if status in _CLOSED:
        return SourceError(f"{message}: it does not let programs read this. Save the page as a file instead")
    return SourceError(f"{message}. {'Try later' if status >= 500 else 'Check the address'}")


def _failure(exc: Exception, deadline: Deadline, limits: Limits) -> SourceError:
    """A failure of the connection as a sentence."""
    if isinstance(exc, httpcore.TimeoutException):
        if deadline.left() <= 0:
            return _Unreached(f"its server took longer than {limits.seconds:g} s. Try later")
        return _Unreached(f"its server was silent for {limits.silence:g} s. Try later")
    if isinstance(exc, httpcore.ConnectError):
        cause = exc.args[0] if exc.args else exc
        if isinstance(cause, ssl.SSLCertVerificationError):
            return _Unreached(
                f"its server's certificate cannot be trusted ({cause.verify_message}). Check the address"
            )
        if isinstance(cause, ssl.SSLError):
            return _Unreached(
                f"its server makes no secure connection ({cause.reason}). Check whether it is http, not https"
            )
        if isinstance(cause, (socket.gaierror, ValueError)):
            return _Unreached(
                "there is no host of this name. Check the address, and the connection to the Internet"
            )
        reason = getattr(cause, "strerror", None) or str(cause)
        return _Unreached(f"its server cannot be reached ({reason.lower()}). Check the address, or try later")
    if isinstance(exc, httpcore.NetworkError):
        return SourceError("the connection broke off. Try later")
    if isinstance(exc, httpcore.LocalProtocolError):
        return SourceError(f"it cannot be requested ({exc})")
    return SourceError(
        f"its server closed the connection or does not speak HTTP ({exc}). Check the address, or try later"
    )
