"""The socket that the page listens on, or a sentence why there is none."""

from __future__ import annotations

import errno
import os
import socket

from rag.errors import ClippingsError, ConfigError

__all__ = ["listen"]

_WAITING = 2_048  # connections that the system keeps until they are accepted


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens on a port of an address, which may be a name; port 0 takes one that is free.

    Raises `ConfigError` for what is no host and no port, a host that is not known and an address that is not
    this machine's, and `ClippingsError` for a port that is taken or that this user may not open.
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
    # Of a name that means both, as localhost does, the older protocol: a browser tries both, a program
    # perhaps not.
    family, kind, protocol, _, address = min(found, key=lambda one: one[0] != socket.AF_INET)
    opened = socket.socket(family, kind, protocol)
    try:
        if os.name == "posix":  # else a page that was just stopped keeps its port for a minute
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind(address)
        opened.listen(_WAITING)
    except OSError as exc:
        opened.close()
        raise _refused(exc, host, port) from exc
    opened.set_inheritable(False)
    return opened


def _refused(exc: OSError, host: str, port: int) -> ClippingsError:
    if exc.errno == errno.EADDRINUSE:
        return ClippingsError(
            f"port {port} of {host} is taken by another program. Choose another with --port"
        )
    if exc.errno in (errno.EACCES, errno.EPERM):
        return ClippingsError(f"you may not open port {port} of {host}. Choose one from 1024 up with --port")
    if exc.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
        return ConfigError(
            f"{host} is no address of this machine. Name one that is with --host, such as 127.0.0.1"
        )
    return ClippingsError(
        f"nobody can listen on port {port} of {host}: {exc.strerror}. Choose others with --host and --port"
    )
