"""A response's body, unpacked, and never more of it than may be held.

httpx would unpack by itself. But it takes a gzip file that breaks off for a whole one, drops what follows the
first of several, and unpacks a piece whole before anybody can count: 64 KiB become 64 MB.
"""

from __future__ import annotations

import zlib

import httpx

from rag.errors import SourceError

__all__ = ["CODINGS", "read_body"]

CODINGS = "gzip, deflate"  # what zlib unpacks piece by piece; brotli cannot be told when to stop
_GZIP = frozenset({"gzip", "x-gzip"})
_PLAIN = frozenset({"", "identity"})


def read_body(response: httpx.Response, most: int, *, cut: bool) -> bytes:
    """The body of at most `most` bytes, as sent and again as unpacked. More is dropped where `cut` is true,
    and otherwise a `SourceError`. Never more than that is held, with one piece of at most 64 KiB."""
    large = SourceError(f"it is larger than {most / 1e6:g} MB. Save the article's text as a file instead")
    stated = response.headers.get("content-length", "")
    if not cut and stated.isdigit() and int(stated) > most:
        raise large
    coding = response.headers.get("content-encoding", "").strip().lower()
    if coding not in _PLAIN | _GZIP | {"deflate"}:
        raise SourceError(
            f"its server compresses it in a way that was not requested ({coding[:40]!r}). Try later"
        )
    unpacker = None if coding in _PLAIN else _Unpacker(deflate=coding == "deflate")
    kept: list[bytes] = []
    room = most
    sent = 0
    for part in response.iter_raw():
        sent += len(part)
        try:
            piece = part if unpacker is None else unpacker.feed(part, room + 1)
        except zlib.error as exc:
            raise SourceError("it arrived damaged: it cannot be decompressed. Try later") from exc
        if len(piece) > room or sent > most:
            if not cut:
                raise large
            return b"".join([*kept, piece[:room]])
        room -= len(piece)
        kept.append(piece)
    if unpacker is not None and sent and not unpacker.ended:
        raise SourceError("it arrived incomplete: its compressed data ends too early. Try later")
    return b"".join(kept)


class _Unpacker:
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
