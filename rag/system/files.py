"""Small files that a user names, read with a limit: settings, keys, names and passwords; how much of a disk
stays free; and folders of one's own."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from rag.errors import ConfigError

__all__ = ["RESERVE", "private_folder", "small_text"]

RESERVE = (
    500_000_000  # bytes of the disk that stay free for everything else, or its twentieth if that is less
)


def private_folder(path: Path) -> None:
    """Make a folder that only its owner may enter, and the folders above it as the system makes any. One that
    is there stays as it is."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)


def small_text(path: Path, called: str, most: int) -> str:
    """The text of a file of at most `most` bytes. `called` names it in a message, as in "the configuration
    file".

    Raises `ConfigError` for what is missing, longer, no ordinary file (a folder; a pipe, which would be
    waited for without end; a device, which has none) and no text in UTF-8.
    """
    try:
        path = path.expanduser()
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
        with open(descriptor, "rb") as file:
            kind = os.fstat(descriptor).st_mode
            if stat.S_ISDIR(kind):
                raise ConfigError(f"{called} {path} is a folder. Name the file in it")
            if not stat.S_ISREG(kind):
                raise ConfigError(f"{called} {path} is a pipe or a device. Name an ordinary file")
            data = file.read(most + 1)
    except IsADirectoryError as exc:  # as `open` says on Windows
        raise ConfigError(f"{called} {path} is a folder. Name the file in it") from exc
    except OSError as exc:
        raise ConfigError(f"{called} {path} cannot be read: {exc.strerror}") from exc
    except RuntimeError as exc:  # ~nobody
        raise ConfigError(f"{called} {path} cannot be found: {exc}. Write the whole path") from exc
    except ValueError as exc:  # a zero byte in its name
        raise ConfigError(f"{called} {str(path)!r} is not the name of a file: {exc}") from exc
    if len(data) > most:
        raise ConfigError(
            f"{called} {path} is longer than {most:,} bytes, so it is something else. Name the right file"
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        raise ConfigError(f"{called} {path} is not a text file in UTF-8. Save it as one") from exc
    if "\0" in text:
        raise ConfigError(f"{called} {path} is not a text file: it holds a zero byte. Name the right file")
    return text
