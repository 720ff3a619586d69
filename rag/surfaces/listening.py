"""Where the page listens."""

from __future__ import annotations

import socket

from rag.errors import ClippingsError

__all__ = ["listen"]


def listen(host: str, port: int) -> socket.socket:
    """A socket that is bound there. Raises `ClippingsError` where that cannot be."""
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as exc:
        raise ClippingsError(f"port {port} of {host} is taken, or not open to you. Choose another with --port") from exc
