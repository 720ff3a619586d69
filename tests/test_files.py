"""Small files that a user names: what is no such file is refused with a sentence, in bounded time and memory."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rag.config import ChromaSettings, ModelSettings, load
from rag.errors import ConfigError
from rag.people.accounts import Accounts
from rag.system.files import small_text


@pytest.fixture
def unfit(tmp_path: Path) -> dict[str, Path]:
    """What somebody may name by mistake, or to do harm."""
    made = {name: tmp_path / name for name in ("folder", "pipe", "missing", "huge", "zero byte", "latin")}
    made["folder"].mkdir()
    os.mkfifo(made["pipe"])
    with made["huge"].open("wb") as file:
        file.truncate(1_000_000_000)  # a hole: it takes no room
    made["zero byte"].write_bytes(b"encoder = 'a\0b'")
    made["latin"].write_bytes("é".encode("latin-1"))
    return made | {"device": Path("/dev/zero")}


SAYS = {
    "folder": "is a folder. Name a file in it",
    "pipe": "is a pipe or a device. Name a regular file",
    "device": "is a pipe or a device. Name a regular file",
    "missing": "cannot be read: No such file or directory",
    "huge": "bytes, so it is probably the wrong file. Name the right one",
    "zero byte": "is not a text file: it contains a zero byte. Name the right file",
    "latin": "is not UTF-8 text. Save it as UTF-8",
}


@pytest.mark.parametrize("kind", SAYS)
def test_every_file_that_is_named_is_read_with_the_same_care(unfit: dict[str, Path], kind: str) -> None:
    path = unfit[kind]
    for called, read in (
        ("the configuration file", lambda: load({"CLIPPINGS_CONFIG": str(path)})),
        ("model.key_file", lambda: ModelSettings(key_file=str(path)).key({})),
        ("chroma.key_file", lambda: ChromaSettings(key_file=str(path)).key({})),
        ("the accounts file", lambda: Accounts.read(path)),
    ):
        with pytest.raises(ConfigError) as error:
            read()
        assert str(error.value).startswith(f"{called} {path} ")
        assert str(error.value).endswith(SAYS[kind])


def test_a_text_up_to_the_limit_is_read_whole_without_its_mark(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"\xef\xbb\xbf" + b"x" * 97)
    assert small_text(tmp_path / "a", "a", 100) == "x" * 97
    with pytest.raises(ConfigError, match="larger than 99 bytes"):
        small_text(tmp_path / "a", "a", 99)


@pytest.mark.parametrize("name", ["a\0b", "~nobody-is-called-so/a"])
def test_a_name_that_is_none_is_said_to_be_so(name: str) -> None:
    with pytest.raises(ConfigError, match=r"is not a valid file name|cannot be found"):
        small_text(Path(name), "the file", 100)
