"""The reader's network in torch, for training: all-MiniLM-L6-v2's encoder with three heads.

The same arithmetic stands in `rag.models.engine`, which answers questions without torch; a test holds the two
together.
"""

from __future__ import annotations

import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional

from rag.models.encoder import bundled_folder
from rag.models.engine import encoder_weights

__all__ = ["HEADS", "LAYERS", "WIDTH", "Network", "save"]

WIDTH, LAYERS, HEADS = 384, 6, 12
_EPSILON = 1e-12


class _Layer(nn.Module):  # type: ignore[misc]  # torch is not typed here
    def __init__(self) -> None:
        super().__init__()
        self.attend = nn.Linear(WIDTH, 3 * WIDTH)  # query, key and value in one product
        self.mix = nn.Linear(WIDTH, WIDTH)
        self.mix_norm = nn.LayerNorm(WIDTH, eps=_EPSILON)
        self.widen = nn.Linear(WIDTH, 4 * WIDTH)
        self.narrow = nn.Linear(4 * WIDTH, WIDTH)
        self.norm = nn.LayerNorm(WIDTH, eps=_EPSILON)

    def forward(self, states: torch.Tensor, barred: torch.Tensor) -> torch.Tensor:
        texts, tokens, _ = states.shape
        query, key, value = (
            self.attend(states).view(texts, tokens, 3, HEADS, WIDTH // HEADS).permute(2, 0, 3, 1, 4)
        )
        # Plain products: torch's fused attention takes half of a training step on a processor, mostly
        # backwards.
        weights = torch.matmul(query * (WIDTH // HEADS) ** -0.5, key.transpose(-1, -2)) + barred
        mixed = torch.matmul(torch.softmax(weights, dim=-1, dtype=weights.dtype), value)
        states = self.mix_norm(states + self.mix(mixed.transpose(1, 2).reshape(texts, tokens, WIDTH)))
        return self.norm(states + self.narrow(functional.gelu(self.widen(states))))


class Network(nn.Module):  # type: ignore[misc]
    """The encoder's own weights to begin with. The embeddings of words stay as they are: they are half of all
    weights, come with the encoder's package, and need not be kept twice."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(30_522, WIDTH)
        self.places = nn.Embedding(512, WIDTH)
        self.kinds = nn.Embedding(2, WIDTH)
        self.first_norm = nn.LayerNorm(WIDTH, eps=_EPSILON)
        self.layers = nn.ModuleList(_Layer() for _ in range(LAYERS))
        self.span = nn.Linear(WIDTH, 2)
        self.pool = nn.Linear(WIDTH, WIDTH)
        self.judge = nn.Linear(WIDTH, 2)
        weights = encoder_weights(bundled_folder() / "model.safetensors")
        self.load_state_dict({name: torch.from_numpy(value) for name, value in weights.items()}, strict=False)
        self.words.weight.requires_grad_(False)

    def forward(
        self, tokens: torch.Tensor, kinds: torch.Tensor, mask: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits of start and end, shape (texts, tokens, 2), and of answerable and relevant, shape (texts,
        2).
        """
        places = torch.arange(tokens.shape[1])
        states = self.first_norm(self.words(tokens) + self.places(places) + self.kinds(kinds))
        # Dropout at both ends only: in every layer it costs a quarter of the time.
        states = functional.dropout(states, 0.1, self.training)
        barred = torch.zeros(mask.shape, dtype=states.dtype).masked_fill(mask == 0, -1e4)[:, None, None, :]
        if torch.is_autocast_enabled("cpu"):
            barred = barred.to(torch.get_autocast_dtype("cpu"))
        for layer in self.layers:
            states = layer(states, barred)
        states = functional.dropout(states, 0.1, self.training)
        return self.span(states), self.judge(torch.tanh(self.pool(states[:, 0])))


def save(network: Network, path: str) -> None:
    """The weights, less the embeddings of words, as one safetensors file in half precision."""
    save_file(
        {n: v.detach().half().contiguous() for n, v in network.state_dict().items() if n != "words.weight"},
        path,
    )
