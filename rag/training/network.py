"""The reader's and the judge's network in torch, for training: all-MiniLM-L6-v2's encoder, for the reader
with a head for spans and one for two judgements, for the judge with one for twice four.

Layers are named as in BERT (Devlin et al., NAACL 2019), so that the encoder's own weights load by name; only
query, key and value are one matrix. The same arithmetic stands in `rag.models.engine`, which answers
questions without torch; a test holds the two together.
"""

from __future__ import annotations

import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional

from rag.models.encoder import bundled_folder
from rag.models.engine import ROW_SCALES, WORD_EMBEDDINGS, encoder_weights

__all__ = ["HEADS", "HIDDEN_SIZE", "LAYERS", "Network", "save"]

HIDDEN_SIZE, LAYERS, HEADS = 384, 6, 12
_VOCABULARY, _POSITIONS, _TOKEN_TYPES = 30_522, 512, 2
_EPSILON = 1e-12


class _Embeddings(nn.Module):  # type: ignore[misc]  # torch is not typed here
    def __init__(self) -> None:
        super().__init__()
        self.word_embeddings = nn.Embedding(_VOCABULARY, HIDDEN_SIZE)
        self.position_embeddings = nn.Embedding(_POSITIONS, HIDDEN_SIZE)
        self.token_type_embeddings = nn.Embedding(_TOKEN_TYPES, HIDDEN_SIZE)
        self.LayerNorm = nn.LayerNorm(HIDDEN_SIZE, eps=_EPSILON)

    def forward(self, input_ids: torch.Tensor, token_type_ids: torch.Tensor) -> torch.Tensor:
        positions = self.position_embeddings(torch.arange(input_ids.shape[1]))
        words, token_types = self.word_embeddings(input_ids), self.token_type_embeddings(token_type_ids)
        return self.LayerNorm(words + positions + token_types)


class _Output(nn.Module):  # type: ignore[misc]
    """A projection back to the hidden size, added to what it was made from."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.dense = nn.Linear(size, HIDDEN_SIZE)
        self.LayerNorm = nn.LayerNorm(HIDDEN_SIZE, eps=_EPSILON)

    def forward(self, states: torch.Tensor, before: torch.Tensor) -> torch.Tensor:
        return self.LayerNorm(before + self.dense(states))


class _SelfAttention(nn.Module):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__()
        self.query_key_value = nn.Linear(HIDDEN_SIZE, 3 * HIDDEN_SIZE)

    def forward(self, states: torch.Tensor, added_mask: torch.Tensor) -> torch.Tensor:
        texts, tokens, _ = states.shape
        thirds = self.query_key_value(states).view(texts, tokens, 3, HEADS, HIDDEN_SIZE // HEADS)
        query, key, value = thirds.permute(2, 0, 3, 1, 4)
        # Plain products: torch's fused attention takes half of a training step on a processor, mostly
        # backwards.
        scores = torch.matmul(query * (HIDDEN_SIZE // HEADS) ** -0.5, key.transpose(-1, -2)) + added_mask
        context = torch.matmul(torch.softmax(scores, dim=-1, dtype=scores.dtype), value)
        return context.transpose(1, 2).reshape(texts, tokens, HIDDEN_SIZE)


class _Attention(nn.Module):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__()
        self.self = _SelfAttention()
        self.output = _Output(HIDDEN_SIZE)

    def forward(self, states: torch.Tensor, added_mask: torch.Tensor) -> torch.Tensor:
        return self.output(self.self(states, added_mask), states)


class _Intermediate(nn.Module):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__()
        self.dense = nn.Linear(HIDDEN_SIZE, 4 * HIDDEN_SIZE)

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        return functional.gelu(self.dense(states))


class _Layer(nn.Module):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__()
        self.attention = _Attention()
        self.intermediate = _Intermediate()
        self.output = _Output(4 * HIDDEN_SIZE)

    def forward(self, states: torch.Tensor, added_mask: torch.Tensor) -> torch.Tensor:
        states = self.attention(states, added_mask)
        return self.output(self.intermediate(states), states)


class _Encoder(nn.Module):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.ModuleList(_Layer() for _ in range(LAYERS))

    def forward(self, states: torch.Tensor, added_mask: torch.Tensor) -> torch.Tensor:
        for layer in self.layer:
            states = layer(states, added_mask)
        return states


class _Pooler(nn.Module):  # type: ignore[misc]
    """The first token's state, which speaks for the whole text."""

    def __init__(self) -> None:
        super().__init__()
        self.dense = nn.Linear(HIDDEN_SIZE, HIDDEN_SIZE)

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        return torch.tanh(self.dense(states[:, 0]))


class Network(nn.Module):  # type: ignore[misc]
    """The encoder's own weights to begin with. The embeddings of words stay as they are: they are half of all
    weights, come with the encoder's package, and need not be kept twice."""

    def __init__(self, *, spans: bool = True, judgements: int = 2) -> None:
        super().__init__()
        self.embeddings = _Embeddings()
        self.encoder = _Encoder()
        self.qa_outputs = nn.Linear(HIDDEN_SIZE, 2) if spans else None
        self.pooler = _Pooler()
        self.classifier = nn.Linear(HIDDEN_SIZE, judgements)
        weights = encoder_weights(bundled_folder() / "model.safetensors")
        self.load_state_dict({name: torch.from_numpy(value) for name, value in weights.items()}, strict=False)
        self.embeddings.word_embeddings.weight.requires_grad_(False)

    def forward(
        self, input_ids: torch.Tensor, token_type_ids: torch.Tensor, attention_mask: torch.Tensor
    ) -> tuple[torch.Tensor | None, torch.Tensor]:
        """Logits of start and end, shape (texts, tokens, 2), or `None` without that head, and of the
        judgements, shape (texts, judgements): for the reader answerable and relevant.
        """
        states = self.embeddings(input_ids, token_type_ids)
        # Dropout at both ends only: in every layer it costs a quarter of the time.
        states = functional.dropout(states, 0.1, self.training)
        added_mask = torch.zeros(attention_mask.shape, dtype=states.dtype)
        added_mask = added_mask.masked_fill(attention_mask == 0, -1e4)[:, None, None, :]
        if torch.is_autocast_enabled("cpu"):
            added_mask = added_mask.to(torch.get_autocast_dtype("cpu"))
        states = functional.dropout(self.encoder(states, added_mask), 0.1, self.training)
        spans = None if self.qa_outputs is None else self.qa_outputs(states)
        return spans, self.classifier(self.pooler(states))


def save(network: Network, path: str, *, eight_bits: bool = False) -> None:
    """The weights, less the embeddings of words, as one safetensors file in half precision.

    With `eight_bits` the matrices are stored as whole numbers from −127 to 127 with a scale for each row,
    which halves the file. They are multiplied out again when they are read.
    """
    stored: dict[str, torch.Tensor] = {}
    for name, value in network.state_dict().items():
        if name == WORD_EMBEDDINGS:
            continue
        value = value.detach()
        if eight_bits and value.ndim == 2:
            scales = value.abs().amax(dim=1).clamp(min=1e-12) / 127
            stored[f"{name}{ROW_SCALES}"] = scales.half()
            value = (value / scales.half().float()[:, None]).round().clamp(-127, 127).to(torch.int8)
        else:
            value = value.half()
        stored[name] = value.contiguous()
    save_file(stored, path)
