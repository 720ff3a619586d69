"""The bundled encoder and the reader as OpenVINO graphs, built from their weights: no torch, a few tenths of
a second to load.

Both are the same small network (six layers of BERT; Devlin et al., NAACL 2019) with other heads: the encoder
gives the mean of a text's states, the reader what `rag.training.network` says. OpenVINO multiplies in bf16
where the processor does so in hardware, and in fp32 elsewhere; see eval/LOG.md for both beside torch.
"""

from __future__ import annotations

import hashlib
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

__all__ = ["Graph", "Shared", "arrays", "encoder_weights", "grown", "prepare", "read_weights", "resident"]

disable_telemetry()

_T = TypeVar("_T")

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
            f"the reader's weights {path} cannot be read: {exc.strerror}. Install Clippings again"
        ) from exc
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
        raise ModelError(
            f"the reader's weights {path} are not a safetensors file: {exc}. Train or install them again"
        ) from exc


def encoder_weights(path: Path) -> dict[str, Floats]:
    """all-MiniLM-L6-v2's weights, from its own safetensors file, under the names of `rag.training.network`."""
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
    """Tokens, kinds and mask of a batch, each of shape (texts, tokens), from each text's tokens and where its
    second part begins. Lengths are rounded up to a multiple of `to`: every new shape costs memory that is not
    given back.

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


def resident() -> float | None:
    """The megabytes of memory that this process holds; `None` where the system does not tell (any but Linux)."""
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


class Shared(Generic[_T]):
    """A few things that many threads use, each one thing for a while. Whoever has waited longest is served
    first.

    >>> shared = Shared(["a"])
    >>> shared.take(wait=False), shared.take(wait=False)
    ('a', None)
    """

    def __init__(self, things: Iterable[_T]) -> None:
        self._lock = threading.Lock()
        self._free = deque(things)  # empty while anybody waits
        self._waiting: deque[tuple[threading.Event, list[_T]]] = deque()

    def take(self, *, wait: bool) -> _T | None:
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

    def give(self, thing: _T) -> None:
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

    `weights` are those of `rag.training.network`, with `words.weight`; with the heads `span`, `pool` and
    `judge` it is the reader, without them the encoder.
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
        self._requests = Shared([self._compiled.create_infer_request() for _ in range(2 * _STREAMS)])

    def run(self, batches: Sequence[tuple[Integers, Integers, Integers]]) -> list[tuple[Floats, ...]]:
        """For each batch of (tokens, kinds, mask), all of shape (texts, tokens). The reader: the logits of
        start and end, shape (texts, tokens, 2), and of answerable and relevant, shape (texts, 2). The
        encoder: the mean states, shape (texts, dims).

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
                while (request := self._requests.take(wait=not started)) is None:
                    found.append(_taken(started[0], outputs))
                    self._requests.give(started.popleft())
                started.append(request)
                request.start_async(dict(enumerate(batch)))
            while started:
                found.append(_taken(started[0], outputs))
                self._requests.give(started.popleft())
        except RuntimeError as exc:
            raise ModelError(f"a text could not be read by the network: {exc}") from exc
        finally:
            for request in started:
                _finished(request)
                self._requests.give(request)
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
    import numpy as np
    import openvino
    import openvino.opset13 as ops

    width = weights["words.weight"].shape[1]

    def fixed(name: str) -> Any:
        return ops.constant(
            weights[name], shared_memory=True
        )  # it keeps the array; a copy is a tenth of loading

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
        # Written out, and split before the heads are: OpenVINO then makes one kernel of it, transposing on
        # the way (a twentieth of the time less than its own attention node).
        thirds = ops.split(linear(states, f"{name}.attend"), one(2), 3).outputs()
        query, key, value = (
            ops.transpose(ops.reshape(third, whole(0, 0, _HEADS, width // _HEADS), True), whole(0, 2, 1, 3))
            for third in thirds
        )
        scores = ops.matmul(
            ops.multiply(query, ops.constant(np.float32((width // _HEADS) ** -0.5))), key, False, True
        )
        mixed = ops.matmul(ops.softmax(ops.add(scores, barred), 3), value, False, False)
        mixed = ops.reshape(ops.transpose(mixed, whole(0, 2, 1, 3)), whole(0, 0, width), True)
        states = normal(ops.add(states, linear(mixed, f"{name}.mix")), f"{name}.mix_norm")
        wide = ops.gelu(linear(states, f"{name}.widen"), "erf")
        states = normal(ops.add(states, linear(wide, f"{name}.narrow")), f"{name}.norm")
    if "span.weight" not in weights:
        counted = ops.unsqueeze(ops.convert(mask, "f32"), whole(2))
        total = ops.reduce_sum(ops.multiply(states, counted), whole(1))
        return openvino.Model(
            [ops.divide(total, ops.reduce_sum(counted, whole(1)))], [tokens, kinds, mask], "encoder"
        )
    first = ops.gather(states, one(0), one(1))
    judged = linear(ops.tanh(linear(first, "pool")), "judge")
    return openvino.Model([linear(states, "span"), judged], [tokens, kinds, mask], "reader")
