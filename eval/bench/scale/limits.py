"""What this machine can do at most: multiply, read memory, write and read its disk. Measured anew in each
run, because machines differ and so do hours on one machine."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from eval.bench.scale.figures import spread
from eval.bench.scale.work import Work
from rag.models.encoder import native_bf16

__all__ = ["limits", "read_rate"]

_TIMES = 5
_SIDE = 2_048  # of a square matrix
_BLOCK = 4_194_304  # bytes written or read at once
_SYNCS = 50


def limits(work: Work, name: str) -> dict[str, Any]:
    """`one` and `all` are processes whose numpy has one thread, or as many as it likes; `disk` and `bf16` are
    those.
    """
    if name == "disk":
        return {**_disk(work.folder, work.megabytes), "processor": _processor(), "cores": os.cpu_count()}
    if name == "bf16":
        return {"native": native_bf16(), "gflops": _bf16() if native_bf16() else None}
    threads = 1 if name == "one" else os.cpu_count() or 1
    return {"gflops": _products(), "read_gb_per_second": read_rate(work.megabytes, threads)}


def read_rate(megabytes: int, threads: int = 1) -> float:
    """GB/s at which an array is read, the best of a few times: its greatest number is looked for."""
    array = np.arange(megabytes * 125_000, dtype=np.int64)
    parts = np.array_split(array, threads)
    with ThreadPoolExecutor(threads) as pool:
        return array.nbytes / 1e9 / _best(lambda: list(pool.map(np.max, parts)))


def _products() -> float:
    """GFLOP/s of numpy in float32: 2 n³ operations in a product of n × n matrices."""
    a = np.random.default_rng(1).standard_normal((_SIDE, _SIDE), dtype=np.float32)
    return float(2 * _SIDE**3 / 1e9 / _best(lambda: a @ a))


def _bf16() -> float:
    """GFLOP/s of OpenVINO in bfloat16, all cores."""
    import openvino
    import openvino.opset13 as ops

    weights = np.random.default_rng(1).standard_normal((_SIDE, _SIDE), dtype=np.float32)
    given = ops.parameter([_SIDE, _SIDE], np.float32, "given")
    model = openvino.Model([ops.matmul(given, ops.constant(weights), False, True)], [given], "product")
    request = (
        openvino.Core()
        .compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "bf16"})
        .create_infer_request()
    )
    request.infer({0: weights})
    return float(2 * _SIDE**3 / 1e9 / _best(request.infer))


def _disk(folder: Path, megabytes: int) -> dict[str, Any]:
    """MB/s of writing a file until it is safe and of reading it from the disk, and milliseconds until 4 kB
    are safe.
    """
    path = folder / "disk.tmp"
    block = os.urandom(_BLOCK)
    blocks = max(1, megabytes * 1_000_000 // _BLOCK)
    try:
        began = time.perf_counter()
        with path.open("wb") as file:
            for _ in range(blocks):
                file.write(block)
            file.flush()
            os.fsync(file.fileno())
            written = blocks * _BLOCK / 1e6 / (time.perf_counter() - began)
            if hasattr(os, "posix_fadvise"):
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)  # else memory would be read
        began = time.perf_counter()
        with path.open("rb", buffering=0) as file:
            while file.read(_BLOCK):
                pass
        read = blocks * _BLOCK / 1e6 / (time.perf_counter() - began)
        waits = []
        with path.open("r+b") as file:
            for _ in range(_SYNCS):
                began = time.perf_counter()
                file.write(block[:4_096])
                file.flush()
                os.fsync(file.fileno())
                waits.append((time.perf_counter() - began) * 1000)
    finally:
        path.unlink(missing_ok=True)
    return {
        "write_mb_per_second": written,
        "read_mb_per_second": read,
        "fsync_ms": spread(waits),
    }


def _best(call: Callable[[], Any]) -> float:
    """Seconds of the quickest of a few calls, after one that does not count."""
    call()
    took = []
    for _ in range(_TIMES):
        began = time.perf_counter()
        call()
        took.append(time.perf_counter() - began)
    return min(took)


def _processor() -> str | None:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), None)
