"""Who may use the page: the right pair and no other, and no password in a message."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag.access import passwords
from rag.errors import ConfigError


def test_a_name_goes_with_its_own_password_only(tmp_path: Path) -> None:
    (tmp_path / "who").write_text("\ufeffann:pass:word\n\n# the desk\nbob:sésame\n", encoding="utf-8")
    belong = passwords(tmp_path / "who")
    pairs = [("ann", "pass:word"), ("bob", "sésame"), ("ann", "sésame"), ("ann", ""), ("eve", ""), ("", ""), ("# the desk", "")]
    assert [belong(*pair) for pair in pairs] == [True, True, False, False, False, False, False]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "names nobody, so nobody could ask"),
        (b"ann:x\nhunter2\n", "line 2 of .* is not a name, a colon and a password"),
        (b"ann:\n", "line 1 of .* is not a name, a colon and a password"),
        (b"ann:\xff\n", "is not a text file in UTF-8"),
        (None, "cannot be read: No such file or directory"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_and_nothing_of_it_told(tmp_path: Path, content: bytes | None, said: str) -> None:
    path = tmp_path / "who"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=said) as refused:
        passwords(path)
    assert "hunter2" not in str(refused.value)
