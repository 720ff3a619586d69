"""Load a network that was trained from the bundled encoder: its weights, and the tokens it reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rag.models.encoder import bundled_folder, native_bf16
from rag.models.engine import WORD_EMBEDDINGS, Graph, read_weights

__all__ = ["network", "tokenizer"]


def network(weights: Path, sha256: str | None) -> Graph:
    """The compiled network. The embeddings of words are the encoder's, whose package brings them. Raises
    `ModelError` when the weights are missing or, with `sha256`, not the right ones."""
    from safetensors import safe_open

    found = read_weights(weights, sha256)
    with safe_open(str(bundled_folder() / "model.safetensors"), "np") as encoder:
        found[WORD_EMBEDDINGS] = encoder.get_tensor(WORD_EMBEDDINGS)
    return Graph(found, bf16=native_bf16())


def tokenizer() -> tuple[Any, int, int]:
    """The bundled encoder's tokenizer, which neither cuts nor pads, and the tokens that open and close a
    text."""
    from tokenizers import Tokenizer

    found = Tokenizer.from_file(str(bundled_folder() / "tokenizer.json"))
    found.no_truncation()
    found.no_padding()
    first, last = (int(found.token_to_id(mark) or 0) for mark in ("[CLS]", "[SEP]"))
    return found, first, last
