"""The bundled encoder and the reader as OpenVINO graphs, built from their weights: no torch, a few tenths of a second to load.

Both are the same small network (six layers of BERT; Devlin et al., NAACL 2019) with other heads: the encoder gives the
mean of a text's states, the reader what `rag.reader.network` says. OpenVINO multiplies in bf16 where the processor does
so in hardware, and in fp32 elsewhere; see eval/LOG.md for both beside torch.
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

__all__ = ["Graph", "arrays", "encoder_weights", "read_weights"]

_HEADS = 12
_LAYERS = 6
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


def encoder_weights(path: Path) -> dict[str, Floats]:
    """all-MiniLM-L6-v2's weights, from its own safetensors file, under the names of `rag.reader.network`."""
    import numpy as np
    from safetensors.numpy import load_file

    found = load_file(str(path))
    named = {
        "words.weight": found["embeddings.word_embeddings.weight"],
        "places.weight": found["embeddings.position_embeddings.weight"],
        "kinds.weight": found["embeddings.token_type_embeddings.weight"],
        "first_norm.weight": found["embeddings.LayerNorm.weight"],
        "first_norm.bias": found["embeddings.LayerNorm.bias"],
    }
    for number in range(_LAYERS):
        theirs, ours = f"encoder.layer.{number}", f"layers.{number}"
        for part in ("weight", "bias"):
            # Query, key and value in one product.
            thirds = [found[f"{theirs}.attention.self.{which}.{part}"] for which in ("query", "key", "value")]
            named[f"{ours}.attend.{part}"] = np.concatenate(thirds)
            named[f"{ours}.mix.{part}"] = found[f"{theirs}.attention.output.dense.{part}"]
            named[f"{ours}.mix_norm.{part}"] = found[f"{theirs}.attention.output.LayerNorm.{part}"]
            named[f"{ours}.widen.{part}"] = found[f"{theirs}.intermediate.dense.{part}"]
            named[f"{ours}.narrow.{part}"] = found[f"{theirs}.output.dense.{part}"]
            named[f"{ours}.norm.{part}"] = found[f"{theirs}.output.LayerNorm.{part}"]
    return named


def arrays(rows: Sequence[tuple[Sequence[int], int]], *, to: int) -> tuple[Integers, Integers, Integers]:
    """Tokens, kinds and mask of a batch, each of shape (texts, tokens), from each text's tokens and where its second part
    begins. Lengths are rounded up to a multiple of `to`: every new shape costs memory that is not given back.

    >>> arrays([([7, 8, 9], 2)], to=4)
    (array([[7, 8, 9, 0]]), array([[0, 0, 1, 0]]), array([[1, 1, 1, 0]]))
    """
    import numpy as np

    longest = -(-max(len(ids) for ids, _ in rows) // to) * to
    tokens = np.zeros((len(rows), longest), dtype=np.int64)
    kinds, mask = np.zeros_like(tokens), np.zeros_like(tokens)
    for row, (ids, second) in enumerate(rows):
        tokens[row, : len(ids)] = ids
        kinds[row, second : len(ids)] = 1
        mask[row, : len(ids)] = 1
    return tokens, kinds, mask


class Graph:
    """A compiled network. Safe to share between threads, which take turns at it.

    `weights` are those of `rag.reader.network`, with `words.weight`; with the heads `span`, `pool` and `judge` it is the
    reader, without them the encoder.
    """

    def __init__(self, weights: Mapping[str, Floats], *, bf16: bool) -> None:
        import openvino

        core = openvino.Core()
        self._compiled = core.compile_model(
            _built(weights),
            "CPU",
            {"INFERENCE_PRECISION_HINT": "bf16" if bf16 else "f32", "NUM_STREAMS": _STREAMS},
        )
        # Twice as many requests as streams: a stream need not wait until Python has taken the last result from it, which
        # takes up to 5 ms while other threads are at work.
        self._queue = openvino.AsyncInferQueue(self._compiled, 2 * _STREAMS)
        self._turn = threading.Lock()

    def run(self, batches: Sequence[tuple[Integers, Integers, Integers]]) -> list[tuple[Floats, ...]]:
        """For each batch of (tokens, kinds, mask), all of shape (texts, tokens). The reader: the logits of start and end, shape
        (texts, tokens, 2), and of answerable and relevant, shape (texts, 2). The encoder: the mean states, shape (texts, dims).
        """
        found: list[Any] = [None] * len(batches)
        outputs = range(len(self._compiled.outputs))

        def keep(request: Any, at: int) -> None:
            found[at] = tuple(request.get_output_tensor(i).data.copy() for i in outputs)

        with self._turn:
            self._queue.set_callback(keep)
            for at, batch in enumerate(batches):
                self._queue.start_async(dict(enumerate(batch)), at)
            self._queue.wait_all()
        return found


def _built(weights: Mapping[str, Floats]) -> Any:
    import numpy as np
    import openvino
    import openvino.opset13 as ops

    width = weights["words.weight"].shape[1]

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
    states = ops.add(looked_up(fixed("words.weight"), tokens), looked_up(fixed("kinds.weight"), kinds))
    states = normal(ops.add(states, places), "first_norm")
    # 0 where a token may be looked at, and −10,000 where there is none: shape (texts, 1, 1, tokens).
    there = ops.unsqueeze(ops.convert(mask, "f32"), whole(1, 2))
    barred = ops.multiply(ops.subtract(ops.constant(np.float32(1)), there), ops.constant(np.float32(-1e4)))
    for number in range(_LAYERS):
        name = f"layers.{number}"
        # Written out, and split before the heads are: OpenVINO then makes one kernel of it, transposing on the way (a
        # twentieth of the time less than its own attention node).
        thirds = ops.split(linear(states, f"{name}.attend"), one(2), 3).outputs()
        query, key, value = (
            ops.transpose(ops.reshape(third, whole(0, 0, _HEADS, width // _HEADS), True), whole(0, 2, 1, 3)) for third in thirds
        )
        scores = ops.matmul(ops.multiply(query, ops.constant(np.float32((width // _HEADS) ** -0.5))), key, False, True)
        mixed = ops.matmul(ops.softmax(ops.add(scores, barred), 3), value, False, False)
        mixed = ops.reshape(ops.transpose(mixed, whole(0, 2, 1, 3)), whole(0, 0, width), True)
        states = normal(ops.add(states, linear(mixed, f"{name}.mix")), f"{name}.mix_norm")
        wide = ops.gelu(linear(states, f"{name}.widen"), "erf")
        states = normal(ops.add(states, linear(wide, f"{name}.narrow")), f"{name}.norm")
    if "span.weight" not in weights:
        counted = ops.unsqueeze(ops.convert(mask, "f32"), whole(2))
        total = ops.reduce_sum(ops.multiply(states, counted), whole(1))
        return openvino.Model([ops.divide(total, ops.reduce_sum(counted, whole(1)))], [tokens, kinds, mask], "encoder")
    first = ops.gather(states, one(0), one(1))
    judged = linear(ops.tanh(linear(first, "pool")), "judge")
    return openvino.Model([linear(states, "span"), judged], [tokens, kinds, mask], "reader")
