"""GGUF files as the engine reads them exactly.

Some ways to quantise store a minimum for each block of weights. OpenVINO GenAI rounds it to a whole number
of steps, and SmolLM2 in Q4_1, read so, no longer knew three colours. Such tensors are written again as Q8_0,
which holds 4-bit weights to within half a percent, and the engine reads that as it is. It is done once for
each file.
"""

from __future__ import annotations

import glob
import os
import shutil
import tempfile
from pathlib import Path

from rag.errors import ModelError
from rag.models.gguf import Header

__all__ = ["exact"]

# F32, F16, Q4_0, Q8_0, Q6_K: numbers, or steps around zero
_EXACT = frozenset({0, 1, 2, 8, 14})
_Q8_BYTES = 34 / 32  # of a weight


def exact(file: Path, header: Header, folder: Path) -> Path:
    """The file itself where the engine reads it exactly, else its copy in `folder`, made at the first call.

    A copy is known by the name, size and time of its original. Raises `ModelError` where it cannot be stored.
    """
    if header.tensor_types <= _EXACT:
        return file
    state = file.stat()
    made = folder / f"{file.stem}-{state.st_size:x}-{state.st_mtime_ns:x}-Q8_0.gguf"
    if made.is_file():
        return made
    try:
        folder.mkdir(parents=True, exist_ok=True)
        needed = int(header.weights * _Q8_BYTES * 2)  # the copy, and what is collected before it is written
        free = shutil.disk_usage(folder).free
        if free < needed:
            raise ModelError(
                f"{file.name} has to be written again for the engine, which takes {needed / 1e6:.0f} MB, and "
                f"{folder} has {free / 1e6:.0f} MB free. Free some space"
            )
        with tempfile.TemporaryDirectory(prefix=".writing-", dir=folder) as partial:
            copy = Path(partial) / "copy.gguf"
            _write(file, copy)
            os.replace(copy, made)
        for earlier in folder.glob(f"{glob.escape(file.stem)}-*-Q8_0.gguf"):
            if earlier != made:  # of the file as it was before
                earlier.unlink()
    except OSError as exc:
        raise ModelError(f"{file.name} cannot be written again in {folder}: {exc.strerror or exc}") from exc
    return made


def _write(source: Path, target: Path) -> None:
    from gguf import GGMLQuantizationType, GGUFReader, GGUFValueType, GGUFWriter, quants

    read = GGUFReader(source)
    writer = GGUFWriter(target, read.fields["general.architecture"].contents())
    for field in read.fields.values():
        if not field.name.startswith("GGUF.") and field.name != "general.architecture":
            inner = field.types[-1] if field.types[0] == GGUFValueType.ARRAY else None
            writer.add_key_value(field.name, field.contents(), field.types[0], inner)
    for tensor in read.tensors:
        data, kind = tensor.data, tensor.tensor_type
        if kind not in _EXACT:
            data = quants.quantize(quants.dequantize(data, kind), GGMLQuantizationType.Q8_0)
            kind = GGMLQuantizationType.Q8_0
        writer.add_tensor(tensor.name, data, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
