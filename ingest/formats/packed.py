"""Zip files with bounds: an e-book and a Word document are zip files, and a small one can unpack to more than
the memory.
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile, ZipInfo

from rag.errors import SourceError

__all__ = ["MEGABYTE", "doubled", "member_named", "members", "open_zip", "outside", "read_member", "shown"]

MEGABYTE = 1_000_000
MOST_BYTES = (
    1_000 * MEGABYTE
)  # what all members together may say they unpack to: a long book with its pictures is 0.3 GB
MOST_MEMBERS = 20_000
MOST_TIMES = 200  # prose packs to a third, repetitive XML to a fiftieth; a bomb to a thousandth
_SMALL = 10 * MEGABYTE  # below this no ratio is a danger
_PIECE = 1 << 16
_NAME = 100  # characters of a name in a message
# What zipfile raises for bytes that are no zip file, one that is cut or changed, and one with a password
# (RuntimeError).
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    OSError,
    ValueError,
    RuntimeError,
    LookupError,
    OverflowError,
)


@contextmanager
def open_zip(data: bytes | Path, *, inside_only: bool = True) -> Iterator[ZipFile]:
    """The zip file, if its directory promises nothing that cannot be read safely; its members through
    `read_member`.

    Raises `SourceError` for what is no zip file, for one that unpacks to more than `MOST_BYTES` or to more
    than `MOST_TIMES` its own size, and, unless `inside_only` is false, for one with a member that would be
    written outside of the folder it is unpacked in.
    """
    try:
        opened = ZipFile(BytesIO(data) if isinstance(data, bytes) else data)
    except (PermissionError, FileNotFoundError):
        raise  # of the file, not of what is in it
    except _DAMAGE as exc:
        raise SourceError("it is not a whole zip file. Copy or download it again") from exc
    with opened:
        _check(opened.infolist(), inside_only)
        yield opened


def members(opened: ZipFile) -> list[ZipInfo]:
    """The files, without folders, by name. Of two with the same name the last counts, as it does for every
    program.
    """
    named = {info.filename: info for info in opened.infolist() if not info.is_dir()}
    return [named[name] for name in sorted(named)]


def doubled(opened: ZipFile) -> dict[str, int]:
    """The names that several files of the archive have, and how many have each."""
    counted = Counter(info.filename for info in opened.infolist() if not info.is_dir())
    return {name: count for name, count in sorted(counted.items()) if count > 1}


def member_named(opened: ZipFile, name: str) -> ZipInfo:
    """The file with that name; a `SourceError` where there is none."""
    try:
        return opened.getinfo(name)
    except KeyError as exc:
        raise SourceError(f"it contains no file named {shown(name)} any more. Sync again") from exc


def read_member(opened: ZipFile, info: ZipInfo, limit: int) -> bytes:
    """One member's bytes, at most `limit` of them. What the directory says of its size is not believed: that
    is counted.
    """
    if info.flag_bits & 1:
        raise SourceError(
            f"{shown(info.filename)} in it has a password. Unpack it, and give the files without one"
        )
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        # bzip2 and LZMA unpack a few bytes to gigabytes before anyone can count.
        raise SourceError(
            f"{shown(info.filename)} in it is packed in an unusual way. Pack it again as an ordinary zip file"
        )
    pieces, size = [], 0
    try:
        with opened.open(info) as member:
            while piece := member.read(_PIECE):
                size += len(piece)
                if size > limit:
                    raise SourceError(
                        f"{shown(info.filename)} in it unpacks to more than {limit:,} bytes, more than an "
                        "article needs. Remove it"
                    )
                pieces.append(piece)
    except _DAMAGE as exc:
        raise SourceError(
            f"{shown(info.filename)} in it is damaged. Copy or download the file again"
        ) from exc
    return b"".join(pieces)


def _check(infos: list[ZipInfo], inside_only: bool) -> None:
    if len(infos) > MOST_MEMBERS:
        raise SourceError(f"it contains {len(infos):,} files, more than {MOST_MEMBERS:,}. Split it up")
    for info in infos:
        if inside_only and outside(info.filename):
            raise SourceError(
                f"it contains a file named {shown(info.filename)}, whose place is outside the archive. "
                "Do not trust it"
            )
    unpacked, packed = sum(info.file_size for info in infos), sum(info.compress_size for info in infos)
    if unpacked > MOST_BYTES:
        raise SourceError(f"it unpacks to {unpacked:,} bytes, more than {MOST_BYTES:,}. Split it up")
    if unpacked > _SMALL and unpacked > MOST_TIMES * packed:
        raise SourceError(
            f"it unpacks to {unpacked:,} bytes from {packed:,}, which suggests a file made to do harm. "
            "Do not trust it"
        )


def shown(name: str) -> str:
    """A member's name, fit for a message: it may have 65,000 characters, line ends among them."""
    return repr(name if len(name) <= _NAME else f"{name[: _NAME // 2]}…{name[-_NAME // 2 :]}")


def outside(name: str) -> bool:
    """Whether a member's name, taken as a path on any system, leaves the folder.

    >>> [outside(name) for name in ("a/b.txt", "a..b/c", "../a", "a/../../b", "/etc/a", r"..\\\\a", "C:/a")]
    [False, False, True, True, True, True, True]
    """
    parts = name.replace("\\", "/").split("/")
    return (
        ".." in parts or (len(parts) > 1 and not parts[0]) or (len(parts[0]) == 2 and parts[0].endswith(":"))
    )
