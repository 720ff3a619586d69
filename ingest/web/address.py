"""Web addresses: what may be asked for, and how it is shown."""

from __future__ import annotations

import ipaddress
import re

import httpx

from rag.errors import SourceError

__all__ = ["checked_address", "media_type", "shown", "site_of"]

_HOST = re.compile(r"[a-z0-9_][a-z0-9_.-]*")


def checked_address(url: str) -> httpx.URL:
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
            "its address contains a user name or password, which would be stored with the article. Remove it"
        )
    try:
        _ = address.host  # as letters: httpx asks for it, and not every xn-- name has any
    except UnicodeError as exc:
        raise SourceError(
            "there is no host of this name. Check the address, and the connection to the Internet"
        ) from exc
    if not bracketed and not _HOST.fullmatch(host):
        raise SourceError(f"{host!r} cannot be the name of a host. Check the spelling of the address")
    if port is not None and not 0 < port < 65536:
        raise SourceError(f"there is no port {port}. Check the spelling of the address")
    return address.copy_with(fragment=None)


def site_of(address: httpx.URL) -> str:
    """The scheme, the host and the port: what one robots.txt holds for.

    >>> site_of(httpx.URL("https://paper.example:8080/a?b"))
    'https://paper.example:8080'
    """
    return f"{address.scheme}://{address.netloc.decode('ascii')}"


def shown(address: httpx.URL) -> str:
    """The address for a message: what follows the path may be a secret, and long."""
    return str(address.copy_with(query=None))


def media_type(header: str) -> tuple[str, str | None]:
    """The media type and the charset of a Content-Type.

    >>> media_type('Text/HTML; charset="ISO-8859-1"')
    ('text/html', 'ISO-8859-1')
    >>> media_type("")
    ('', None)
    """
    kind, *parameters = header.split(";")
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            return kind.strip().lower(), value.strip().strip("\"'") or None
    return kind.strip().lower(), None
