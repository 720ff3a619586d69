"""The bundled encoder and the reader as OpenVINO graphs, built from their weights: no torch, a few tenths of
a second to load.

Both are the same small network (six layers of BERT; Devlin et al., NAACL 2019) with other heads: the encoder
gives the mean of a text's states, the reader what `rag.training.network` says. OpenVINO multiplies in bf16
where the processor does so in hardware, and in fp32 elsewhere; see eval/LOG.md for both beside torch.
"""

from __future__ import annotations

import hashlib
import re
import threading
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from rag.errors import ModelError
from rag.system.telemetry import disable_telemetry

if TYPE_CHECKING:
    import numpy as np

    Floats = np.ndarray[Any, np.dtype[np.float32]]
    Integers = np.ndarray[Any, np.dtype[np.int64]]

__all__ = [
    "ROW_SCALES",
    "WORD_EMBEDDINGS",
    "Graph",
    "Pool",
    "arrays",
    "encoder_weights",
    "grown",
    "prepare",
    "read_weights",
    "resident",
]

disable_telemetry()

_T = TypeVar("_T")

WORD_EMBEDDINGS = "embeddings.word_embeddings.weight"  # half of all weights; the reader has the encoder's
ROW_SCALES = ".scales"  # ends the name of the scales of a tensor that is stored in whole numbers
_HEADS = 12
_LAYERS = 6
_EPSILON = 1e-12
_STREAMS = 2  # texts are read side by side, one core each: faster than two cores on one text


def prepare() -> None:
    """Import what graphs are made with, a fifth of a second's worth."""
    import openvino  # noqa: F401


def read_weights(path: Path, sha256: str | None) -> dict[str, Floats]:
    """The weights of a safetensors file in fp32. Raises `ModelError` when it is missing, damaged, or another
    file.

    `sha256` is what the file has to hash to; `None` takes any, for weights that were just trained.
    """
    try:
        data = path.read_bytes()
    except OSError as exc:
        raise ModelError(
            f"the weights {path} cannot be read: {exc.strerror}. Install Clippings again"
        ) from exc
    found = hashlib.sha256(data).hexdigest()
    if sha256 is not None and found != sha256:
        raise ModelError(
            f"the weights {path} have SHA-256 {found[:12]}…, expected {sha256[:12]}…. "
            "They are damaged or another version's: install Clippings again"
        )
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        stored = load(data)
    except SafetensorError as exc:
        raise ModelError(
            f"the weights {path} are not a safetensors file: {exc}. Train or install them again"
        ) from exc
    return {
        _renamed(name): _whole(value, stored.get(f"{name}{ROW_SCALES}"))
        for name, value in stored.items()
        if not name.endswith(ROW_SCALES)
    }


def _whole(value: Any, scales: Any | None) -> Floats:
    """A tensor in fp32; one that is stored in whole numbers is multiplied by the scales of its rows."""
    found: Floats = value.astype("float32")
    return found if scales is None else found * scales.astype("float32")[:, None]


# What reader.safetensors calls its tensors: it was written before the layers had BERT's names, and 22 MB are
# not kept twice for that. In the names of layers, `N` is the layer's number.
_EARLIER_NAMES = {
    "places": "embeddings.position_embeddings",
    "kinds": "embeddings.token_type_embeddings",
    "first_norm": "embeddings.LayerNorm",
    "layers.N.attend": "encoder.layer.N.attention.self.query_key_value",
    "layers.N.mix": "encoder.layer.N.attention.output.dense",
    "layers.N.mix_norm": "encoder.layer.N.attention.output.LayerNorm",
    "layers.N.widen": "encoder.layer.N.intermediate.dense",
    "layers.N.narrow": "encoder.layer.N.output.dense",
    "layers.N.norm": "encoder.layer.N.output.LayerNorm",
    "pool": "pooler.dense",
    "span": "qa_outputs",
    "judge": "classifier",
}


def _renamed(name: str) -> str:
    """A tensor's name as `rag.training.network` has it; such a name stays as it is.

    >>> _renamed("layers.5.widen.bias"), _renamed("qa_outputs.weight")
    ('encoder.layer.5.intermediate.dense.bias', 'qa_outputs.weight')
    """
    layer, _, part = name.rpartition(".")
    number = re.search(r"(?<=^layers\.)\d+", layer)
    known = _EARLIER_NAMES.get(re.sub(r"(?<=^layers\.)\d+", "N", layer))
    if known is None:
        return name
    return f"{known.replace('.N.', f'.{number.group()}.') if number else known}.{part}"


def encoder_weights(path: Path) -> dict[str, Floats]:
    """all-MiniLM-L6-v2's weights, from its own safetensors file, with query, key and value of a layer in one
    matrix: one product instead of three.
    """
    import numpy as np
    from safetensors.numpy import load_file

    # The file has a pooler besides, which was not trained with the encoder and is not used by it.
    found = {
        name: value
        for name, value in load_file(str(path)).items()
        if name.endswith((".weight", ".bias")) and not name.startswith("pooler.")
    }
    for number in range(_LAYERS):
        attention = f"encoder.layer.{number}.attention.self"
        for part in ("weight", "bias"):
            thirds = [found.pop(f"{attention}.{which}.{part}") for which in ("query", "key", "value")]
            found[f"{attention}.query_key_value.{part}"] = np.concatenate(thirds)
    return found


def arrays(rows: Sequence[tuple[Sequence[int], int]], *, to: int) -> tuple[Integers, Integers, Integers]:
    """The input_ids, token_type_ids and attention_mask of a batch, each of shape (texts, tokens), from each
    text's tokens and where its second segment begins.

    Lengths are rounded up to a multiple of `to`: every new shape costs memory that is not given back.

    >>> arrays([([7, 8, 9], 2)], to=4)
    (array([[7, 8, 9, 0]]), array([[0, 0, 1, 0]]), array([[1, 1, 1, 0]]))
    """
    import numpy as np

    longest = -(-max(len(ids) for ids, _ in rows) // to) * to
    input_ids = np.zeros((len(rows), longest), dtype=np.int64)
    token_type_ids, attention_mask = np.zeros_like(input_ids), np.zeros_like(input_ids)
    for row, (ids, second) in enumerate(rows):
        input_ids[row, : len(ids)] = ids
        token_type_ids[row, second : len(ids)] = 1
        attention_mask[row, : len(ids)] = 1
    return input_ids, token_type_ids, attention_mask


def resident() -> float | None:
    """The megabytes of memory that this process holds; `None` where the system does not say."""
    try:
        stated = Path("/proc/self/status").read_text(encoding="utf-8")
    except OSError:
        return None
    found = [int(line.split()[1]) for line in stated.splitlines() if line.startswith("VmRSS:")]
    return round(found[0] * 1024 / 1e6, 1) if found else None


def grown(before: float | None) -> float | None:
    """The megabytes by which this process has grown since it held `before`, 0 where it has shrunk; `None` as
    `resident`.
    """
    now = resident()
    return None if now is None or before is None else round(max(0.0, now - before), 1)


class Pool(Generic[_T]):
    """A few things that many threads use, each one thing for a while. Whoever has waited longest is served
    first.

    >>> pool = Pool(["a"])
    >>> pool.acquire(wait=False), pool.acquire(wait=False)
    ('a', None)
    """

    def __init__(self, things: Iterable[_T]) -> None:
        self._lock = threading.Lock()
        self._free = deque(things)  # empty while anybody waits
        self._waiting: deque[tuple[threading.Event, list[_T]]] = deque()

    def acquire(self, *, wait: bool) -> _T | None:
        """One of them. Where none is free: with `wait` the next that is given back to who waits, without it
        `None`.
        """
        with self._lock:
            if self._free:
                return self._free.popleft()
            if not wait:
                return None
            turn: tuple[threading.Event, list[_T]] = threading.Event(), []
            self._waiting.append(turn)
        turn[0].wait()
        return turn[1][0]

    def release(self, thing: _T) -> None:
        """Give one back."""
        with self._lock:
            if not self._waiting:
                self._free.append(thing)
                return
            here, given = self._waiting.popleft()
        given.append(thing)
        here.set()


class Graph:
    """A compiled network. Safe to share between threads, whose batches are read side by side.

    `weights` have the names of `rag.training.network`, the word embeddings among them. With the heads
    `qa_outputs` (the start and the end of an answer), `pooler` and `classifier` (answerable, relevant) it is
    the reader, without the first of them the judge, and without any the encoder.
    """

    def __init__(self, weights: Mapping[str, Floats], *, bf16: bool) -> None:
        import openvino

        core = openvino.Core()
        self._compiled = core.compile_model(
            _built(weights),
            "CPU",
            {"INFERENCE_PRECISION_HINT": "bf16" if bf16 else "f32", "NUM_STREAMS": _STREAMS},
        )
        # Twice as many requests as streams: a stream need not wait until Python has taken the last result
        # from it, which takes up to 5 ms while other threads are at work. Not OpenVINO's own queue of them,
        # which two threads must not fill at once, and which hands one caller's failure to all that come
        # after. Questions of several threads are not put into one batch either: that serves fewer of them a
        # second than requests side by side do.
        self._requests = Pool([self._compiled.create_infer_request() for _ in range(2 * _STREAMS)])

    def run(self, batches: Sequence[tuple[Integers, Integers, Integers]]) -> list[tuple[Floats, ...]]:
        """What comes out for each batch of (input_ids, token_type_ids, attention_mask), all of shape (texts,
        tokens).

        The reader: the logits of start and end, shape (texts, tokens, 2), and of answerable and relevant,
        shape (texts, 2). The judge: the logits of its judgements, shape (texts, 4). The encoder: the mean
        states, shape (texts, dims).

        Threads that call at the same time take turns batch by batch, so that one with few need not wait for
        one with many. Raises `ModelError` for a batch that cannot be computed, such as one longer than the
        network reads; the batches of other threads go on.
        """
        found: list[tuple[Floats, ...]] = []
        outputs = range(len(self._compiled.outputs))
        started: deque[Any] = deque()
        try:
            for batch in batches:
                # Nobody waits for a request while holding some: two who did would wait for each other.
                while (request := self._requests.acquire(wait=not started)) is None:
                    found.append(_taken(started[0], outputs))
                    self._requests.release(started.popleft())
                started.append(request)
                request.start_async(dict(enumerate(batch)))
            while started:
                found.append(_taken(started[0], outputs))
                self._requests.release(started.popleft())
        except RuntimeError as exc:
            raise ModelError(f"a text could not be read by the network: {exc}") from exc
        finally:
            for request in started:
                _finished(request)
                self._requests.release(request)
        return found


def _taken(request: Any, outputs: Iterable[int]) -> tuple[Floats, ...]:
    """The results of a request, once it is done."""
    request.wait()
    return tuple(request.get_output_tensor(i).data.copy() for i in outputs)


def _finished(request: Any) -> None:
    """Wait for a request of which nobody wants the result: another must not be started on it before."""
    with suppress(RuntimeError):
        request.wait()


def _built(weights: Mapping[str, Floats]) -> Any:
    """The network as an OpenVINO model; `rag.training.network` has the same arithmetic in torch."""
    import numpy as np
    import openvino
    import openvino.opset13 as ops

    hidden_size = weights[WORD_EMBEDDINGS].shape[1]
    head_size = hidden_size // _HEADS

    def parameter(name: str) -> Any:
        return ops.constant(weights[name], shared_memory=True)  # a copy would be a tenth of loading

    def linear(states: Any, name: str) -> Any:
        return ops.add(
            ops.matmul(states, parameter(f"{name}.weight"), False, True), parameter(f"{name}.bias")
        )

    def layer_norm(states: Any, name: str) -> Any:
        normalised = ops.mvn(states, integers(-1), True, _EPSILON, "inside_sqrt")
        return ops.add(ops.multiply(normalised, parameter(f"{name}.weight")), parameter(f"{name}.bias"))

    def integers(*numbers: int) -> Any:
        return ops.constant(np.array(numbers, np.int64))

    def integer(number: int) -> Any:
        return ops.constant(np.int64(number))

    def embedding(name: str, ids: Any) -> Any:
        return ops.gather(parameter(f"embeddings.{name}.weight"), ids, integers(0))

    inputs = [
        ops.parameter([-1, -1], np.int64, name) for name in ("input_ids", "token_type_ids", "attention_mask")
    ]
    input_ids, token_type_ids, attention_mask = inputs
    length = ops.gather(ops.shape_of(input_ids), integers(1), integers(0))
    positions = ops.slice(
        parameter("embeddings.position_embeddings.weight"), integers(0), length, integers(1), integers(0)
    )
    states = ops.add(
        embedding("word_embeddings", input_ids), embedding("token_type_embeddings", token_type_ids)
    )
    states = layer_norm(ops.add(states, positions), "embeddings.LayerNorm")
    # 0 where a token may be looked at, and −10,000 where there is none: shape (texts, 1, 1, tokens).
    present = ops.unsqueeze(ops.convert(attention_mask, "f32"), integers(1, 2))
    added_mask = ops.multiply(
        ops.subtract(ops.constant(np.float32(1)), present), ops.constant(np.float32(-1e4))
    )
    for number in range(_LAYERS):
        layer = f"encoder.layer.{number}"
        # Written out, and split before the heads are: OpenVINO then makes one kernel of it, transposing on
        # the way (a twentieth of the time less than its own attention node).
        thirds = ops.split(linear(states, f"{layer}.attention.self.query_key_value"), integer(2), 3).outputs()
        query, key, value = (
            ops.transpose(ops.reshape(third, integers(0, 0, _HEADS, head_size), True), integers(0, 2, 1, 3))
            for third in thirds
        )
        scores = ops.matmul(ops.multiply(query, ops.constant(np.float32(head_size**-0.5))), key, False, True)
        context = ops.matmul(ops.softmax(ops.add(scores, added_mask), 3), value, False, False)
        context = ops.reshape(ops.transpose(context, integers(0, 2, 1, 3)), integers(0, 0, hidden_size), True)
        states = layer_norm(
            ops.add(states, linear(context, f"{layer}.attention.output.dense")),
            f"{layer}.attention.output.LayerNorm",
        )
        intermediate = ops.gelu(linear(states, f"{layer}.intermediate.dense"), "erf")
        states = layer_norm(
            ops.add(states, linear(intermediate, f"{layer}.output.dense")), f"{layer}.output.LayerNorm"
        )
    if "classifier.weight" not in weights:
        counted = ops.unsqueeze(ops.convert(attention_mask, "f32"), integers(2))
        total = ops.reduce_sum(ops.multiply(states, counted), integers(1))
        return openvino.Model([ops.divide(total, ops.reduce_sum(counted, integers(1)))], inputs, "encoder")
    pooled = ops.tanh(linear(ops.gather(states, integer(0), integer(1)), "pooler.dense"))
    judged = linear(pooled, "classifier")
    if "qa_outputs.weight" not in weights:
        return openvino.Model([judged], inputs, "judge")
    return openvino.Model([linear(states, "qa_outputs"), judged], inputs, "reader")
