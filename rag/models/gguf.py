"""What the header of a GGUF file says of its model, read without an engine.

GGUF is the format of llama.cpp's model files, described in ggml's docs/gguf.md: a magic number, key and value
pairs, the place of each tensor, and the tensors. The engine reads a file by mapping it into memory, and a
file that was cut short would end this process. So its length is checked here first.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from rag.errors import ModelError, ModelTrouble

__all__ = ["Header", "read_header"]

_MAGIC = b"GGUF"
_VERSIONS = (2, 3)  # version 1 had shorter counts, and ended in 2023
_NUMBERS = {
    0: "<B",
    1: "<b",
    2: "<H",
    3: "<h",
    4: "<I",
    5: "<i",
    6: "<f",
    7: "<?",
    10: "<Q",
    11: "<q",
    12: "<d",
}  # the types of values, by their numbers
_TEXT, _ARRAY = 8, 9
# Weights are stored in blocks: the weights in one, and its bytes, by the number of the tensor's type.
_BLOCKS = {
    0: (1, 4),  # F32
    1: (1, 2),  # F16
    2: (32, 18),  # Q4_0
    3: (32, 20),  # Q4_1
    6: (32, 22),  # Q5_0
    7: (32, 24),  # Q5_1
    8: (32, 34),  # Q8_0
    10: (256, 84),  # Q2_K
    11: (256, 110),  # Q3_K
    12: (256, 144),  # Q4_K
    13: (256, 176),  # Q5_K
    14: (256, 210),  # Q6_K
    30: (1, 2),  # BF16
}
# A header that claims more than this is damaged. Vocabularies have up to 300,000 words.
_MOST_ITEMS = 10_000_000
_MOST_BYTES = 10_000_000  # of one text; the longest is a chat template


@dataclass(frozen=True, slots=True)
class Header:
    """What is known of a model before it is loaded. `bytes` is the size of the file.

    `context_window` is how many tokens the model was trained to read, `None` where the file does not say.
    `tensor_types` are ggml's numbers for how weights are stored, such as 8 for Q8_0.
    """

    name: str | None
    architecture: str
    context_window: int | None
    chat_template: bool
    weights: int
    tensor_types: frozenset[int]
    bytes: int


def read_header(path: Path) -> Header:
    """The header of a GGUF file. Raises `ModelError` for a file that is missing, no GGUF, or cut short."""
    try:
        with path.open("rb") as file:
            return _read(file, path)
    except OSError as exc:
        missing = isinstance(exc, FileNotFoundError)
        raise ModelError(
            f"the model {path} cannot be read: {exc.strerror}. Check model.path",
            trouble=ModelTrouble.MISSING if missing else ModelTrouble.UNUSABLE,
        ) from exc
    except (struct.error, UnicodeDecodeError, ValueError, OverflowError) as exc:
        raise _damaged(path) from exc


def _read(file: BinaryIO, path: Path) -> Header:
    size = os.fstat(file.fileno()).st_size
    if file.read(4) != _MAGIC:
        raise ModelError(
            f"{path} is no GGUF file. Name one that starts with GGUF as model.path",
            trouble=ModelTrouble.UNUSABLE,
        )
    version = _number(file, "<I")
    if version not in _VERSIONS:
        raise ModelError(
            f"{path} is of GGUF version {version}; readable are 2 and 3. Name a newer file",
            trouble=ModelTrouble.UNUSABLE,
        )
    tensors, pairs = _count(file), _count(file)
    values = {}
    for _ in range(pairs):
        key = _text(file)
        values[key] = _value(file, int(_number(file, "<I")))
    end = weights = 0
    types = set()
    for _ in range(tensors):
        kind, offset, count = _tensor(file)
        in_block, block_bytes = _BLOCKS.get(kind, (1, 0))
        end = max(end, offset + count // in_block * block_bytes)
        weights += count
        types.add(kind)
    alignment = _whole(values.get("general.alignment")) or 32
    start = -(-file.tell() // alignment) * alignment
    if tensors and start + end > size:
        raise _damaged(path)
    architecture = values.get("general.architecture")
    if not isinstance(architecture, str):
        raise _damaged(path)
    name = values.get("general.name")
    return Header(
        name if isinstance(name, str) else None,
        architecture,
        _whole(values.get(f"{architecture}.context_length")),
        "tokenizer.chat_template" in values,
        weights,
        frozenset(types),
        size,
    )


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and value > 0 else None


def _tensor(file: BinaryIO) -> tuple[int, int, int]:
    """A tensor's type, where it starts in bytes after the first, and how many weights it has."""
    _text(file)  # its name
    weights = 1
    for _ in range(_count(file, "<I", most=8)):
        weights *= _count(file, "<Q", most=2**40)
    return int(_number(file, "<I")), int(_number(file, "<Q")), weights


def _number(file: BinaryIO, kind: str) -> Any:
    return struct.unpack(kind, file.read(struct.calcsize(kind)))[0]


def _count(file: BinaryIO, kind: str = "<Q", *, most: int = _MOST_ITEMS) -> int:
    count = int(_number(file, kind))
    if count > most:
        raise ValueError(count)
    return count


def _text(file: BinaryIO) -> str:
    length = _count(file, most=_MOST_BYTES)
    data = file.read(length)
    if len(data) != length:
        raise ValueError(length)
    return data.decode("utf-8")


def _value(file: BinaryIO, kind: int) -> Any:
    """A value of the header; of a list nothing, as none is used here."""
    if kind == _TEXT:
        return _text(file)
    if kind == _ARRAY:
        inner = int(_number(file, "<I"))
        count = _count(file)
        if inner in _NUMBERS:
            file.seek(count * struct.calcsize(_NUMBERS[inner]), os.SEEK_CUR)
        elif inner == _TEXT:
            for _ in range(count):
                file.seek(_count(file, most=_MOST_BYTES), os.SEEK_CUR)
        else:
            raise ValueError(inner)
        return None
    return _number(file, _NUMBERS[kind] if kind in _NUMBERS else _unknown(kind))


def _unknown(kind: int) -> str:
    raise ValueError(f"no value has type {kind}")


def _damaged(path: Path) -> ModelError:
    return ModelError(
        f"the model {path} is damaged or was cut short. Fetch it again (clippings model, where it came with "
        "that)",
        trouble=ModelTrouble.UNUSABLE,
    )
