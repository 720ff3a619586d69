"""Secrets that a program or a browser shows again: made here, and kept only as what they hash to."""

from __future__ import annotations

import hashlib
import secrets

__all__ = ["digest_of", "new"]


def new(prefix: str = "") -> str:
    """A secret of 256 bits, as text that stands in a header or a cookie as it is."""
    return prefix + secrets.token_urlsafe(32)


def digest_of(secret: str) -> bytes:
    """What is kept of a secret: its SHA-256. Nobody can guess 256 bits, so it needs neither salt nor
    slowness.
    """
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
