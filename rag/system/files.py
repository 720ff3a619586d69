"""Small files that a user names (settings, keys, accounts), read with a size limit and replaced atomically;
private folders; the disk reserve."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path

from rag.errors import ConfigError

__all__ = ["RESERVE", "private_folder", "replace_private", "small_text"]

RESERVE = 500_000_000  # bytes of the disk that must stay free (or 5 % of it, if that is less)


def private_folder(path: Path) -> None:
    """Create a folder that only its owner can open, and its parent folders with default permissions. An
    existing folder is not changed.
    """
    path.mkdir(mode=0o700, parents=True, exist_ok=True)


def replace_private(path: Path, text: str, *, check: Callable[[], None] = lambda: None) -> None:
    """Write a file that only its owner can read, in place of an earlier one: whoever reads it meanwhile finds
    the earlier text or the new one, whole. A symbolic link stays one.

    `check` is called when the new text is on the disk; where it raises, nothing is replaced. Raises
    `OSError`.
    """
    real = Path(os.path.realpath(path))
    handle, aside = tempfile.mkstemp(dir=real.parent, prefix=f".{real.name}.")  # created with mode 600
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        check()
        os.replace(aside, real)
    except BaseException:
        os.unlink(aside)
        raise


def small_text(path: Path, called: str, max_bytes: int) -> str:
    """The text of a file. `called` is its name in messages, such as "the configuration file".

    Raises `ConfigError` for a file that is missing, longer than `max_bytes`, not UTF-8 text, or not a regular
    file: a pipe would block, and a device may have no end.
    """
    try:
        path = path.expanduser()
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
        with open(descriptor, "rb") as file:
            kind = os.fstat(descriptor).st_mode
            if stat.S_ISDIR(kind):
                raise ConfigError(f"{called} {path} is a folder. Name a file in it")
            if not stat.S_ISREG(kind):
                raise ConfigError(f"{called} {path} is a pipe or a device. Name a regular file")
            data = file.read(max_bytes + 1)
    except IsADirectoryError as exc:  # from `open` on Windows
        raise ConfigError(f"{called} {path} is a folder. Name a file in it") from exc
    except OSError as exc:
        raise ConfigError(f"{called} {path} cannot be read: {exc.strerror}") from exc
    except RuntimeError as exc:  # ~nobody
        raise ConfigError(f"{called} {path} cannot be found: {exc}. Write the full path") from exc
    except ValueError as exc:  # a zero byte in its name
        raise ConfigError(f"{called} {str(path)!r} is not a valid file name: {exc}") from exc
    if len(data) > max_bytes:
        raise ConfigError(
            f"{called} {path} is larger than {max_bytes:,} bytes, so it is probably the wrong file. Name the "
            "right one"
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        raise ConfigError(f"{called} {path} is not UTF-8 text. Save it as UTF-8") from exc
    if "\0" in text:
        raise ConfigError(f"{called} {path} is not a text file: it contains a zero byte. Name the right file")
    return text
