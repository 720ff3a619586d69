"""Secrets of sessions and tokens. Only their hashes are stored."""

from __future__ import annotations

import hashlib
import secrets

__all__ = ["digest_of", "new"]


def new(prefix: str = "") -> str:
    """A random secret of 256 bits, as text that is valid in a header or cookie."""
    return prefix + secrets.token_urlsafe(32)


def digest_of(secret: str) -> bytes:
    """The SHA-256 of a secret. 256 random bits cannot be guessed, so it needs no salt and no slow hash."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
