"""The reader's network as an OpenVINO graph, built from its weights: no torch, a few tenths of a second to load.

The same arithmetic as `rag.reader.network`, which trains it. OpenVINO reads in bf16 where the processor multiplies it
in hardware, and in fp32 elsewhere; see eval/LOG.md for both beside torch.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.errors import ModelError

if TYPE_CHECKING:
    import numpy as np

    Floats = np.ndarray[Any, np.dtype[np.float32]]
    Integers = np.ndarray[Any, np.dtype[np.int64]]

__all__ = ["Graph", "read_weights"]

_HEADS = 12
_EPSILON = 1e-12
_STREAMS = 2  # texts are read side by side, one core each: faster than two cores on one text


def read_weights(path: Path, sha256: str | None) -> dict[str, Floats]:
    """The weights of a safetensors file in fp32. Raises `ModelError` when it is missing, damaged, or another file.

    `sha256` is what the file has to hash to; `None` takes any, for weights that were just trained.
    """
    try:
        data = path.read_bytes()
    except OSError as exc:
        raise ModelError(f"the reader's weights {path} cannot be read: {exc.strerror}. Install Clippings again") from exc
    found = hashlib.sha256(data).hexdigest()
    if sha256 is not None and found != sha256:
        raise ModelError(
            f"the reader's weights {path} have SHA-256 {found[:12]}…, expected {sha256[:12]}…. "
            "They are damaged or another version's: install Clippings again"
        )
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        return {name: value.astype("float32") for name, value in load(data).items()}
    except SafetensorError as exc:
        raise ModelError(f"the reader's weights {path} are not a safetensors file: {exc}. Train or install them again") from exc


class Graph:
    """A compiled network. Safe to share between threads, which take turns at it."""

    def __init__(self, weights: Mapping[str, Floats], words: Floats, *, bf16: bool) -> None:
        import openvino

        core = openvino.Core()
        self._compiled = core.compile_model(
            _built(weights, words),
            "CPU",
            {"INFERENCE_PRECISION_HINT": "bf16" if bf16 else "f32", "NUM_STREAMS": _STREAMS},
        )
        self._queue = openvino.AsyncInferQueue(self._compiled, _STREAMS)
        self._turn = threading.Lock()

    def read(self, batches: Sequence[tuple[Integers, Integers, Integers]]) -> list[tuple[Floats, Floats]]:
        """For each batch of (tokens, kinds, mask), all of shape (texts, tokens): the logits of start and end, shape
        (texts, tokens, 2), and of answerable and relevant, shape (texts, 2)."""
        found: list[Any] = [None] * len(batches)

        def keep(request: Any, at: int) -> None:
            found[at] = tuple(request.get_output_tensor(i).data.copy() for i in (0, 1))

        with self._turn:
            self._queue.set_callback(keep)
            for at, batch in enumerate(batches):
                self._queue.start_async(dict(enumerate(batch)), at)
            self._queue.wait_all()
        return found


def _built(weights: Mapping[str, Floats], words: Floats) -> Any:
    import numpy as np
    import openvino
    import openvino.opset13 as ops

    width = words.shape[1]

    def fixed(name: str) -> Any:
        return ops.constant(weights[name])

    def linear(states: Any, name: str) -> Any:
        return ops.add(ops.matmul(states, fixed(f"{name}.weight"), False, True), fixed(f"{name}.bias"))

    def normal(states: Any, name: str) -> Any:
        centred = ops.mvn(states, whole(-1), True, _EPSILON, "inside_sqrt")
        return ops.add(ops.multiply(centred, fixed(f"{name}.weight")), fixed(f"{name}.bias"))

    def whole(*numbers: int) -> Any:
        return ops.constant(np.array(numbers, np.int64))

    def one(number: int) -> Any:
        return ops.constant(np.int64(number))

    def looked_up(table: Any, rows: Any) -> Any:
        return ops.gather(table, rows, whole(0))

    tokens, kinds, mask = (ops.parameter([-1, -1], np.int64, name) for name in ("tokens", "kinds", "mask"))
    length = ops.gather(ops.shape_of(tokens), whole(1), whole(0))
    places = ops.slice(fixed("places.weight"), whole(0), length, whole(1), whole(0))
    states = ops.add(looked_up(ops.constant(words), tokens), looked_up(fixed("kinds.weight"), kinds))
    states = normal(ops.add(states, places), "first_norm")
    # 0 where a token may be looked at, and −10,000 where there is none: shape (texts, 1, 1, tokens).
    there = ops.unsqueeze(ops.convert(mask, "f32"), whole(1, 2))
    barred = ops.multiply(ops.subtract(ops.constant(np.float32(1)), there), ops.constant(np.float32(-1e4)))
    layers = 1 + max(int(name.split(".")[1]) for name in weights if name.startswith("layers."))
    for number in range(layers):
        name = f"layers.{number}"
        heads = ops.reshape(linear(states, f"{name}.attend"), whole(0, 0, 3, _HEADS, width // _HEADS), True)
        thirds = ops.split(ops.transpose(heads, whole(2, 0, 3, 1, 4)), one(0), 3).outputs()
        query, key, value = (ops.squeeze(third, whole(0)) for third in thirds)
        mixed = ops.scaled_dot_product_attention(query, key, value, barred)
        mixed = ops.reshape(ops.transpose(mixed, whole(0, 2, 1, 3)), whole(0, 0, width), True)
        states = normal(ops.add(states, linear(mixed, f"{name}.mix")), f"{name}.mix_norm")
        wide = ops.gelu(linear(states, f"{name}.widen"), "erf")
        states = normal(ops.add(states, linear(wide, f"{name}.narrow")), f"{name}.norm")
    first = ops.gather(states, one(0), one(1))
    judged = linear(ops.tanh(linear(first, "pool")), "judge")
    return openvino.Model([linear(states, "span"), judged], [tokens, kinds, mask], "reader")
