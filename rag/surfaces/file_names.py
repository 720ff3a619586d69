"""File names of uploads, made safe to store."""

from __future__ import annotations

import re
import unicodedata

__all__ = ["INCOMING", "numbered", "safe_name"]

INCOMING = "incoming"  # the folder inside the collection's `upload` where uploads wait
_MAX_NAME_BYTES = 200  # systems allow 255; numbers and extensions may be added
_MAX_EXTENSION_BYTES = 20  # a longer one counts as part of the name

# Windows opens a device under these names, with any extension.
_DEVICES = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)(\.|$)", re.IGNORECASE)
# Characters that change the writing direction: "exe.txt" could be displayed as "txt.exe".
_BIDI_CONTROLS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def safe_name(stated: str) -> str:
    """A safe file name for what the sender calls it: no folder, no control characters, no dot or space at
    either end, no reserved name, and at most 200 bytes of UTF-8 including the extension.

    >>> safe_name("C:\\\\news\\\\..\\\\may\\x00.txt"), safe_name("../../.bashrc"), safe_name("..")
    ('may.txt', 'bashrc', 'file')
    >>> safe_name("con.txt")
    '_con.txt'
    """
    last = re.split(r"[/\\]", stated)[-1]
    kept = "".join(
        c for c in last if unicodedata.category(c) not in ("Cc", "Cs", "Zl", "Zp") and c not in _BIDI_CONTROLS
    )
    name = _trimmed(unicodedata.normalize("NFC", kept))
    if not name:
        return "file"
    if _DEVICES.match(name) or name.casefold() == INCOMING:
        name = f"_{name}"
    return numbered(name, 1)


def numbered(name: str, number: int) -> str:
    """The name with a number before its extension; number 1 gives the name itself.

    >>> numbered("may.jsonl.gz", 2), numbered("may", 3), numbered("may.txt", 1)
    ('may (2).jsonl.gz', 'may (3)', 'may.txt')
    """
    stem, extension = _split_extension(name)
    suffix = f" ({number}){extension}" if number > 1 else extension
    short = stem.encode()[: _MAX_NAME_BYTES - len(suffix.encode())].decode(errors="ignore")
    return f"{short if short == stem else short.rstrip('. ')}{suffix}"


def _split_extension(name: str) -> tuple[str, str]:
    """A name without its extension, and the extension; `.gz` belongs to the one before it (`.jsonl.gz`)."""
    stem, dot, last = name.rpartition(".")
    if not stem or len(f".{last}".encode()) > _MAX_EXTENSION_BYTES:
        return name, ""
    inner, another, packed = stem.rpartition(".")
    if last.lower() == "gz" and inner and len(f".{packed}.{last}".encode()) <= _MAX_EXTENSION_BYTES:
        return inner, f"{another}{packed}{dot}{last}"
    return stem, f"{dot}{last}"


def _trimmed(name: str) -> str:
    return re.sub(r"^[.\s]+|[.\s]+$", "", name)
