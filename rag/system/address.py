"""Web addresses without the user name and password that they may contain, for messages and storage.

    http://name:password@host/path
           └── login ──┘

A password may be in a setting (`model.url`, `chroma.url`), in an address that a user types, and in links of
pages. It is used to connect (`rag.system.connection`), and never printed, logged or stored.
"""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

__all__ = ["hidden", "login", "shown", "without_login"]

# Up to the last @ before the path; or up to the last @ at all, for a password with an unescaped slash. A
# number after the colon is a port: http://host:8000/@name has no password.
_LOGIN = re.compile(r"(?<=//)(?:[^\s/?#]*@|[^\s/?#@:]*:(?!\d*[/?#])\S*@)")


def hidden(text: str) -> str:
    """A text with the login of every web address replaced by `…`.

    >>> hidden("no answer from http://ana:s3cret@host:8000/v1. Is it on?")
    'no answer from http://…@host:8000/v1. Is it on?'
    >>> hidden("https://example.org/@ana and http://host:8000/@ana")
    'https://example.org/@ana and http://host:8000/@ana'
    """
    return _LOGIN.sub("…@", text) if "@" in text else text


def shown(address: str) -> str:
    """An address without its login, for a message; works for malformed addresses too.

    >>> shown("http://ana:s3cret@host/v1"), shown("http:/ana:s3cret@host"), shown("ana:s3cret@host")
    ('http://…@host/v1', '…@host', '…@host')
    """
    if address.startswith(("http://", "https://")):
        return hidden(address)
    return f"…@{address.rpartition('@')[2]}" if "@" in address else address


def login(address: str) -> tuple[str, str] | None:
    """The user name and password in an address, or `None`. Raises `ValueError` for an invalid address.

    >>> login("http://ana:s%2Fcret@host/v1"), login("http://ana@host"), login("http://host/@ana")
    (('ana', 's/cret'), ('ana', ''), None)
    """
    before, found, _ = urlsplit(address).netloc.rpartition("@")
    if not found:
        return None
    name, _, password = before.partition(":")
    return unquote(name), unquote(password)


def without_login(address: str) -> str:
    """An address without its login. Raises `ValueError` for an invalid address.

    >>> without_login("https://ana:s3cret@example.org:8000/a?b#c"), without_login("https://example.org/@ana")
    ('https://example.org:8000/a?b#c', 'https://example.org/@ana')
    """
    netloc = urlsplit(address).netloc
    return address.replace(netloc, netloc.rpartition("@")[2], 1) if "@" in netloc else address
