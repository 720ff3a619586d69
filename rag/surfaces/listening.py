"""The server's listening socket, or an error that says why there is none."""

from __future__ import annotations

import errno
import os
import socket

from rag.errors import ClippingsError, ConfigError

__all__ = ["listen"]

_BACKLOG = 2_048  # connections that the system holds until they are accepted


def listen(host: str, port: int) -> socket.socket:
    """A listening socket on a host name or address and a port; port 0 takes a free one.

    Raises `ConfigError` for an invalid or unknown host, an invalid port, or an address of another machine,
    and `ClippingsError` for a port that is in use or that this user may not open.
    """
    if not isinstance(port, int) or isinstance(port, bool) or not 0 <= port <= 65_535:
        raise ConfigError(
            f"the port must be a whole number from 1 to 65535, not {port!r}. Choose one with --port"
        )
    if not isinstance(host, str) or not host.strip():
        raise ConfigError("the host is empty. Name an address of this machine with --host, such as 127.0.0.1")
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (socket.gaierror, UnicodeError) as exc:  # a label of a name may have 63 characters
        raise ConfigError(
            f"the host {host!r} is not known. Name an address of this machine with --host, such as 127.0.0.1"
        ) from exc
    # localhost may mean IPv4 and IPv6. Prefer IPv4: browsers try both, other programs may not.
    family, kind, protocol, _, address = min(found, key=lambda one: one[0] != socket.AF_INET)
    opened = socket.socket(family, kind, protocol)
    try:
        if os.name == "posix":  # otherwise a server that was just stopped keeps its port for a minute
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind(address)
        opened.listen(_BACKLOG)
    except OSError as exc:
        opened.close()
        raise _refused(exc, host, port) from exc
    opened.set_inheritable(False)
    return opened


def _refused(exc: OSError, host: str, port: int) -> ClippingsError:
    if exc.errno == errno.EADDRINUSE:
        return ClippingsError(
            f"port {port} on {host} is in use by another program. Choose another with --port"
        )
    if exc.errno in (errno.EACCES, errno.EPERM):
        return ClippingsError(
            f"you are not allowed to open port {port} on {host}. Choose one from 1024 up with --port"
        )
    if exc.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
        return ConfigError(
            f"{host} is not an address of this machine. Choose one with --host, such as 127.0.0.1"
        )
    return ClippingsError(
        f"cannot listen on port {port} of {host}: {exc.strerror}. Choose others with --host and --port"
    )
