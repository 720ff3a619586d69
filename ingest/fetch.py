"""Web addresses to bytes, without being led where the reader did not ask to go.

Every connection passes one door, redirects and robots.txt too: the name is resolved there, each of its
addresses is judged, and the connection goes to the very address that was judged. So a name that answers
differently a moment later (DNS rebinding) changes nothing, and neither does an odd spelling of 127.0.0.1.

httpcore is used without httpx's client, whose extras are what is not wanted here: cookies, passwords out
of ~/.netrc, and proxies out of the environment (a proxy would resolve the names itself, past the door).
"""

from __future__ import annotations

import http
import ipaddress
import re
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Container, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any

import httpcore
import httpx
from protego import Protego

from rag.errors import SourceError

__all__ = ["AGENT", "Fetched", "Fetcher", "Gone", "Limits", "is_public"]

AGENT = "Clippings (reads the articles that its user lists)"

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_WHOLE = frozenset(
    {200, 203}
)  # 202 is what walls against programs answer, with a page that is not the article
_BUSY = frozenset({429, 503})
_CLOSED = frozenset({401, 402, 403, 407, 451})
_ACCEPT = "text/html, application/xhtml+xml, application/atom+xml, application/rss+xml, application/xml;q=0.9, */*;q=0.5"
_HOST = re.compile(r"[a-z0-9_][a-z0-9_.-]*")
_ROBOTS_WORK = (
    1_000_000  # rules held for robots.txt: each program it names has a copy of each rule of its group
)

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_UNICAST = ipaddress.IPv6Network("2000::/3")  # all that is given out for the public Internet so far
# What IANA's registries of special-purpose addresses keep from the public Internet, in full: Python's own
# list grows with its versions. https://www.iana.org/assignments/iana-ipv4-special-registry and
# iana-ipv6-special-registry, of 2025-10.
_SPECIAL = tuple(
    ipaddress.ip_network(network)
    for network in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
        "224.0.0.0/4",  # multicast, which Python calls global
        "240.0.0.0/4",
        "168.63.129.16/32",  # not in the registry: the control service of Azure's machines
        "2001::/23",  # Teredo, ORCHID, benchmarks; also a few services of networks, which hold no articles
        "2001:db8::/32", "3fff::/20",
    )
)  # fmt: skip


class Gone(SourceError):
    """The server says that there is no such page (404) or no longer (410)."""


class _Unreached(SourceError):
    """No conversation came about: the name, the address, the connection or the certificate stood in the way."""


class _Refused(Exception):
    """The door stays shut. Not a `SourceError`, because httpcore's pool drops the cause of what passes
    through it.
    """


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
    seconds: float = (
        60.0  # for one page with its redirects, or one robots.txt: a byte every second is never silent
    )
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
        self._hosts: dict[str, _Host] = {}
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
        headers = {"Accept": _ACCEPT}
        if etag:
            headers["If-None-Match"] = etag
        if modified:
            headers["If-Modified-Since"] = modified
        wanted = _WHOLE | {304} if etag or modified else _WHOLE
        address, answer = self._walk(_address(url), headers, wanted, _Deadline(self._limits.seconds))
        if answer.status == 304:
            return None
        if not answer.body:
            raise SourceError("its server sent an empty page. Try later, or remove the address")
        kind, charset = _media_type(answer.headers.get("content-type", ""))
        return Fetched(
            str(address),
            answer.body,
            kind,
            charset,
            answer.headers.get("etag"),
            answer.headers.get("last-modified"),
        )

    def _walk(
        self,
        address: httpx.URL,
        headers: Mapping[str, str],
        wanted: Container[int],
        deadline: _Deadline,
        robots: bool = False,
    ) -> tuple[httpx.URL, _Answer]:
        """Ask, and follow where it leads, to an answer of a wanted status; `robots` says that robots.txt
        itself is asked for.

        The way from https down to http is followed: a reader may give an http address as well, and the
        address kept is the last, so that it shows."""
        for hop in range(self._limits.redirects + 1):
            try:
                if not robots:
                    self._permit(address, deadline)
                answer = self._ask(address, headers, deadline, robots=robots)
                if answer.status in _REDIRECTS:
                    leads_to = _target(address, answer.headers.get("location"))
                elif answer.status in wanted:
                    return address, answer
                else:
                    raise _trouble(answer.status)
            except SourceError as exc:
                if not hop:
                    raise
                raise type(exc)(f"it redirects to {_shown(address)}: {exc}") from exc
            address = leads_to
        raise SourceError(
            f"it redirects more than {self._limits.redirects} times. Give the address of the page itself"
        )

    def _permit(self, address: httpx.URL, deadline: _Deadline) -> None:
        """Raise `SourceError` unless the site's robots.txt lets the page be read."""
        with self._lock:
            site = self._sites.setdefault(f"{address.scheme}://{_netloc(address)}", _Site())
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
        deadline = _Deadline(self._limits.seconds)
        try:
            _, answer = self._walk(place, {}, _WHOLE | set(range(400, 500)), deadline, robots=True)
        except _Unreached:  # the page could not be had either, and this says why
            raise
        except SourceError as exc:
            raise SourceError(
                f"its site's robots.txt, which says what programs may read, cannot be had: {exc}"
            ) from exc
        text = answer.body.decode("utf-8-sig", "replace") if answer.status in _WHOLE else ""
        lines = text.splitlines()
        named = sum(line.lstrip()[:4].lower() == "user" for line in lines)
        if named * (len(lines) - named) > _ROBOTS_WORK:
            raise SourceError(
                f"its site's robots.txt names {named} programs in {len(lines)} lines, too many to be read"
            )
        return Protego.parse(text)

    def _host(self, address: httpx.URL) -> _Host:
        with self._lock:
            return self._hosts.setdefault(address.raw_host.decode("ascii"), _Host(self._limits.pause))

    def _ask(
        self, address: httpx.URL, headers: Mapping[str, str], deadline: _Deadline, *, robots: bool
    ) -> _Answer:
        """One request in the host's turn, and once more if a busy server names a short time."""
        host = self._host(address)
        for again in (True, False):
            with host.turn(deadline):
                answer = self._exchange(address, headers, deadline, robots=robots)
                if answer.status not in _BUSY:
                    return answer
                asked = _retry_after(answer.headers.get("retry-after", ""))
                soon = asked is not None and asked <= self._limits.patience
                if asked is not None and soon:
                    host.wait(asked)
                elif asked is not None:
                    host.shut(asked, str(_trouble(answer.status)))
            if not (again and soon):
                break
        raise _trouble(answer.status)

    def _exchange(
        self, address: httpx.URL, headers: Mapping[str, str], deadline: _Deadline, *, robots: bool
    ) -> _Answer:
        """One connection, one request. Connections are not kept: a second between requests is longer than
        most servers hold them, and one that died meanwhile would look like a server that broke off."""
        sent = {
            "Host": _netloc(address),
            "User-Agent": self._agent,
            # what zlib unpacks piece by piece; brotli cannot be told when to stop
            "Accept-Encoding": "gzip, deflate",
            "Connection": "close",
            **headers,
        }
        target = httpcore.URL(
            scheme=address.raw_scheme, host=address.raw_host, port=address.port, target=address.raw_path
        )
        silence = self._limits.silence
        tls = self._trust() if address.scheme == "https" else None
        pool = httpcore.ConnectionPool(ssl_context=tls, network_backend=_Door(self._private, deadline))
        try:
            raw = [(name.encode("ascii"), value.encode("latin-1")) for name, value in sent.items()]
            timeout = {"connect": silence, "read": silence, "write": silence}
            with pool, pool.stream("GET", target, headers=raw, extensions={"timeout": timeout}) as response:
                found: dict[str, str] = {}
                for name, value in response.headers:
                    found.setdefault(name.decode("latin-1").lower(), value.decode("latin-1"))
                if response.status not in _WHOLE:
                    return _Answer(response.status, found, b"")
                most = self._limits.robots if robots else self._limits.body
                return _Answer(response.status, found, _body(response.iter_stream(), found, most, cut=robots))
        except _Refused as exc:
            raise _Unreached(str(exc)) from exc
        except UnicodeError as exc:
            raise SourceError(
                "it cannot be asked for: its ETag or the agent's name holds a letter that HTTP cannot say"
            ) from exc
        except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError) as exc:
            raise _failure(exc, deadline, self._limits) from exc

    def _trust(self) -> ssl.SSLContext:
        """The certificates of authorities that browsers trust, or those of SSL_CERT_FILE; some 50 ms to read,
        once.
        """
        with self._lock:
            if self._tls is None:
                try:
                    self._tls = httpx.create_ssl_context()
                except OSError as exc:  # ssl.SSLError is one
                    raise _Unreached(
                        f"the certificates that SSL_CERT_FILE or SSL_CERT_DIR names cannot be read ({exc}). "
                        f"Correct or unset it"
                    ) from exc
            return self._tls


@dataclass(frozen=True, slots=True)
class _Answer:
    """A status, the headers by lower-case name (the first of each), and the unpacked body, `b""` unless it is
    whole.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes


class _Site:
    """What a site's robots.txt says, or what kept it away. Guarded by its lock."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.rules: Protego | None = None
        self.trouble: SourceError | None = None


class _Deadline:
    """When a page must have come. Time spent waiting for a turn does not count: the server did not ask for
    it.
    """

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds, below 0 once it has passed."""
        return self._end - time.monotonic()

    def within(self, timeout: float | None) -> float:
        """The seconds that one operation may take. Raises `httpcore.ReadTimeout` if none are left."""
        left = self.left()
        if left <= 0:
            raise httpcore.ReadTimeout("past the deadline")
        return left if timeout is None else min(timeout, left)

    @contextmanager
    def stopped(self) -> Iterator[None]:
        began = time.monotonic()
        try:
            yield
        finally:
            self._end += time.monotonic() - began


class _Host:
    """One request to a host at a time, and `pause` seconds from the end of one to the start of the next."""

    def __init__(self, pause: float) -> None:
        self.pause = pause
        self._lock = threading.Lock()
        self._ready = 0.0
        self._shut: tuple[float, str] | None = None

    @contextmanager
    def turn(self, deadline: _Deadline) -> Iterator[None]:
        # Nothing else is locked while a turn is held, so that two pages that redirect to each other's hosts
        # cannot wait for each other for ever.
        with deadline.stopped():
            self._lock.acquire()
        try:
            if self._shut is not None and time.monotonic() < self._shut[0]:
                raise SourceError(self._shut[1])
            with deadline.stopped():
                time.sleep(max(0.0, self._ready - time.monotonic()))
            try:
                yield
            finally:
                self._ready = max(self._ready, time.monotonic() + self.pause)
        finally:
            self._lock.release()

    def wait(self, seconds: float) -> None:
        """Give the next turn not before so many seconds from now. To be called within a turn."""
        self._ready = time.monotonic() + seconds

    def shut(self, seconds: float, why: str) -> None:
        """Give no turn for so many seconds but a `SourceError` that says why. To be called within a turn."""
        self._shut = (time.monotonic() + seconds, why)


class _Door(httpcore.NetworkBackend):
    """Where connections are made: only to addresses that were judged, and only until the deadline. Sockets of
    the file system are refused by what this is made from."""

    def __init__(self, private: bool, deadline: _Deadline) -> None:
        self._private = private
        self._deadline = deadline
        self._system = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        try:
            # The system's resolver keeps time by itself, some ten seconds a name server; the deadline is
            # looked at after it.
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (
            OSError,
            ValueError,
            OverflowError,
        ) as exc:  # UnicodeError, for labels that are too long, is a ValueError
            raise httpcore.ConnectError(exc) from exc
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        if not self._private:
            for address in addresses:
                # One bad address refuses the name. To pick the good ones would let the order of answers
                # decide, and a name that leads both outside and inside is either an attack or a mistake.
                if not is_public(address):
                    raise _Refused(
                        f"{host} is at {address}, which is not on the public Internet but in this machine or "
                        f"a private "
                        "network. Addresses there are read only with fetch.allow_private = true in the settings"
                    )
        failure: httpcore.ConnectError | httpcore.ConnectTimeout | None = None
        for address in addresses:
            seconds = self._deadline.within(timeout)
            try:
                # A numeric address: it is not resolved a second time.
                stream = self._system.connect_tcp(address, port, seconds, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as exc:
                failure = exc
            else:
                return _Stream(stream, self._deadline)
        raise failure or httpcore.ConnectError(OSError("the name has no address"))


class _Stream(httpcore.NetworkStream):
    """A connection whose every wait ends with the deadline: httpcore's own timeout begins anew with each
    byte.
    """

    def __init__(self, stream: httpcore.NetworkStream, deadline: _Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._deadline.within(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._deadline.within(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        seconds = self._deadline.within(timeout)
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, seconds), self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def is_public(address: str) -> bool:
    """Whether a numeric address is on the public Internet, an IPv4 address inside an IPv6 one being what
    counts.

    >>> [is_public(a) for a in ("93.184.216.34", "2606:2800:220:1::1", "64:ff9b::5db8:d822", "2002:5db8:d822::1")]
    [True, True, True, True]
    >>> [is_public(a) for a in ("127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:7f00:1::", "100.64.0.1", "ff0e::1")]
    [False, False, False, False, False, False]
    """
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address):
        # Not so 64:ff9b:1::/48, whose networks put the inner address where they like, and Teredo: neither is
        # public at all.
        inner = ip.ipv4_mapped or ip.sixtofour
        if ip in _NAT64:  # how a network without IPv4 reaches the rest
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFF_FFFF)
        if inner is not None:
            return is_public(str(inner))
        if ip not in _UNICAST:
            return False
    # Python's own list may know more, in versions to come.
    return ip.is_global and not any(ip in network for network in _SPECIAL if network.version == ip.version)


def _address(url: str) -> httpx.URL:
    """The address, encoded and without its fragment. Raises `SourceError` for what is none or must not be
    asked for.
    """
    try:
        address = httpx.URL(url.strip())
        host, port = address.raw_host.decode("ascii"), address.port
        bracketed = ":" in host and bool(ipaddress.IPv6Address(host))
    except (httpx.InvalidURL, ValueError) as exc:
        # What could not be read may be a part of a password.
        raise SourceError(
            f"it is not a web address{'' if '@' in url else f' ({exc})'}. Check the spelling"
        ) from exc
    if address.scheme not in ("http", "https"):
        raise SourceError("only addresses that begin with http:// or https:// can be read")
    if address.userinfo:
        raise SourceError(
            "its address holds a user name or password, which would be kept with the article. Take it out"
        )
    if not bracketed and not _HOST.fullmatch(host):
        raise SourceError(f"{host!r} cannot be the name of a host. Check the spelling of the address")
    if port is not None and not 0 < port < 65536:
        raise SourceError(f"there is no port {port}. Check the spelling of the address")
    return address.copy_with(fragment=None)


def _target(address: httpx.URL, location: str | None) -> httpx.URL:
    """Where a redirect leads, relative to where it was met."""
    if location is None:
        raise SourceError("its server redirects without saying where to. Try later")
    try:
        stated = location.encode("latin-1").decode(
            "utf-8"
        )  # headers are latin-1 by the letter, and UTF-8 in practice
    except UnicodeError:
        stated = location
    try:
        return _address(str(address.join(stated.strip())))
    except (httpx.InvalidURL, ValueError, SourceError) as exc:
        raise SourceError(f"it redirects to what cannot be followed: {exc}") from exc


def _netloc(address: httpx.URL) -> str:
    return address.netloc.decode("ascii")


def _shown(address: httpx.URL) -> str:
    """The address for a message: what follows the path may be a secret, and long."""
    return str(address.copy_with(query=None))


def _media_type(header: str) -> tuple[str, str | None]:
    """The media type and the charset of a Content-Type.

    >>> _media_type('Text/HTML; charset="ISO-8859-1"')
    ('text/html', 'ISO-8859-1')
    >>> _media_type("")
    ('', None)
    """
    kind, *parameters = header.split(";")
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            return kind.strip().lower(), value.strip().strip("\"'") or None
    return kind.strip().lower(), None


def _retry_after(header: str) -> float | None:
    """Seconds that a server asks to be left alone, or `None` where it does not say.

    >>> _retry_after("7"), _retry_after("soon"), _retry_after("Fri, 31 Dec 1999 23:59:59 -0000")
    (7.0, None, 0.0)
    """
    stated = header.strip()
    if stated.isascii() and stated.isdigit():
        return float(stated)
    try:
        when = parsedate_to_datetime(stated[:100])
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return max(0.0, (when - datetime.now(UTC)).total_seconds())


def _body(parts: Iterable[bytes], headers: Mapping[str, str], most: int, *, cut: bool) -> bytes:
    """The body unpacked, of at most `most` bytes, and of at most as many before unpacking; `cut` drops the
    rest, and otherwise more is a `SourceError`. Never more than that is held, with one part of at most 64
    KiB."""
    large = SourceError(
        f"it is larger than {most / 1_000_000:g} MB. Save the article's text as a file instead"
    )
    stated = headers.get("content-length", "")
    if not cut and stated.isdigit() and int(stated) > most:
        raise large
    coding = headers.get("content-encoding", "").strip().lower()
    if coding not in ("", "identity", "gzip", "x-gzip", "deflate"):
        raise SourceError(f"its server packs it in a way that was not asked for ({coding[:40]!r}). Try later")
    unpack = None if coding in ("", "identity") else _Unpack(deflate=coding == "deflate")
    kept: list[bytes] = []
    room = most
    packed = 0
    for part in parts:
        packed += len(part)
        try:
            piece = part if unpack is None else unpack.feed(part, room + 1)
        except zlib.error as exc:
            raise SourceError("it came damaged: it cannot be unpacked. Try later") from exc
        if len(piece) > room or packed > most:
            if not cut:
                raise large
            return b"".join([*kept, piece[:room]])
        room -= len(piece)
        kept.append(piece)
    if unpack is not None and packed and not unpack.ended:
        raise SourceError("it came incomplete: its packed text breaks off. Try later")
    return b"".join(kept)


class _Unpack:
    """gzip or deflate, a piece at a time."""

    def __init__(self, *, deflate: bool) -> None:
        self._deflate = deflate
        self._zlib: zlib._Decompress | None = None
        self._start = b""

    @property
    def ended(self) -> bool:
        return self._zlib is not None and self._zlib.eof

    def feed(self, part: bytes, most: int) -> bytes:
        """What the part unpacks to, of at most `most` bytes: having given as many, it must not be fed again.

        Raises `zlib.error` for what is damaged."""
        part = self._start + part
        if self._zlib is None:
            if len(part) < 2:
                self._start = part
                return b""
            self._start = b""
            self._zlib = zlib.decompressobj(self._bits(part))
        out = self._zlib.decompress(part, most)
        while (
            not self._deflate and self._zlib.eof and self._zlib.unused_data[:1] == b"\x1f" and len(out) < most
        ):
            rest = self._zlib.unused_data  # gzip files may follow one another; what else follows is padding
            self._zlib = zlib.decompressobj(31)
            out += self._zlib.decompress(rest, most - len(out))
        return out

    def _bits(self, part: bytes) -> int:
        if not self._deflate:
            return 31
        # "deflate" means zlib's format, and some servers send the bare stream: zlib's first two bytes tell
        # (RFC 1950, 2.2).
        return 15 if part[0] & 0x0F == 8 and int.from_bytes(part[:2], "big") % 31 == 0 else -15


def _trouble(status: int) -> SourceError:
    """What a status other than success means for a reader."""
    try:
        said = f"its server says {status} ({http.HTTPStatus(status).phrase.lower()})"
    except ValueError:
        said = f"its server says {status}"
    if status in (404, 410):
        return Gone(f"{said}. Check the address")
    if status in _BUSY:
        return SourceError(f"{said}: it asks for fewer requests. Try later")
    if status in _CLOSED:
        return SourceError(f"{said}: it does not let programs read this. Save the page as a file instead")
    return SourceError(f"{said}. {'Try later' if status >= 500 else 'Check the address'}")


def _failure(exc: Exception, deadline: _Deadline, limits: Limits) -> SourceError:
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
        return SourceError(f"it cannot be asked for ({exc})")
    return SourceError(
        f"its server broke off or does not speak HTTP ({exc}). Check the address, or try later"
    )
