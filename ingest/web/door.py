"""The one door that every connection to the web passes, redirects and robots.txt too.

A host's name is resolved here, each of its addresses is judged, and the connection goes to the very address
that was judged. So a name that answers differently a moment later (DNS rebinding) changes nothing, and
neither does an odd spelling of 127.0.0.1. Every wait ends with a deadline.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import httpcore
import httpx

__all__ = ["Deadline", "DoorTransport", "Refused", "is_public"]

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_UNICAST = ipaddress.IPv6Network("2000::/3")  # all that is given out for the public Internet so far
# What IANA's registries of special-purpose addresses keep from the public Internet, in full: Python's own
# list grows with its versions. https://www.iana.org/assignments/iana-ipv4-special-registry and
# iana-ipv6-special-registry, of 2025-10.
_SPECIAL = tuple(
    ipaddress.ip_network(network)
    for network in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
        "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15",
        "198.51.100.0/24", "203.0.113.0/24",
        "224.0.0.0/4",  # multicast, which Python calls global
        "240.0.0.0/4",
        "168.63.129.16/32",  # not in the registry: the control service of Azure's machines
        "2001::/23",  # Teredo, ORCHID, benchmarks; also a few services of networks, which hold no articles
        "2001:db8::/32", "3fff::/20",
    )
)  # fmt: skip


class Refused(Exception):
    """The door stays shut. Not a `SourceError`, because httpcore's pool drops the cause of what passes
    through it."""


class Deadline:
    """When a page must have come. Time spent waiting for a turn does not count: the server did not ask for
    it."""

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
        """A time that does not count."""
        began = time.monotonic()
        try:
            yield
        finally:
            self._end += time.monotonic() - began


class DoorTransport(httpx.BaseTransport):
    """How an `httpx.Client` connects: through the door, one connection for each request, never by a proxy.

    httpx's own transport cannot be given a network backend. Connections are not kept: a second between
    requests is longer than most servers hold them, and one that died meanwhile would look like a server that
    broke off. Errors are httpcore's, which say more of their cause than httpx's do. `certificates` gives
    those of the authorities that are trusted, when the first https address is asked for.
    """

    def __init__(
        self, *, private: bool, deadline: Deadline, certificates: Callable[[], ssl.SSLContext]
    ) -> None:
        self._door = _Door(private, deadline)
        self._certificates = certificates

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        address = request.url
        tls = self._certificates() if address.scheme == "https" else None
        pool = httpcore.ConnectionPool(ssl_context=tls, network_backend=self._door)
        try:
            target = httpcore.URL(
                scheme=address.raw_scheme, host=address.raw_host, port=address.port, target=address.raw_path
            )
            response = pool.handle_request(
                httpcore.Request("GET", target, headers=request.headers.raw, extensions=request.extensions)
            )
        except BaseException:
            pool.close()
            raise
        return httpx.Response(response.status, headers=response.headers, stream=_Body(response, pool))


class _Body(httpx.SyncByteStream):
    """A response's body as it comes; closed, it closes its connection."""

    def __init__(self, response: httpcore.Response, pool: httpcore.ConnectionPool) -> None:
        self._response, self._pool = response, pool

    def __iter__(self) -> Iterator[bytes]:
        return self._response.iter_stream()

    def close(self) -> None:
        self._response.close()
        self._pool.close()


class _Door(httpcore.NetworkBackend):
    """Where connections are made: only to addresses that were judged, and only until the deadline. Sockets of
    the file system are refused by what this is made from."""

    def __init__(self, private: bool, deadline: Deadline) -> None:
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
        except (OSError, ValueError, OverflowError) as exc:  # UnicodeError, for a label too long, is one
            raise httpcore.ConnectError(exc) from exc
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        if not self._private:
            for address in addresses:
                # One bad address refuses the name. To pick the good ones would let the order of answers
                # decide, and a name that leads both outside and inside is either an attack or a mistake.
                if not is_public(address):
                    raise Refused(
                        f"{host} is at {address}, which is not on the public Internet but in this machine or "
                        "a private network. Addresses there are read only with fetch.allow_private = true in "
                        "the settings"
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
    byte."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: Deadline) -> None:
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

    >>> [is_public(a) for a in ("93.184.216.34", "2606:2800:220:1::1", "64:ff9b::5db8:d822")]
    [True, True, True]
    >>> [is_public(a) for a in ("127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:7f00:1::", "ff0e::1")]
    [False, False, False, False, False]
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
