"""The network that the gradient baselines share: one adapter for all tasks, and a head that grows."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from edgecl.errors import UsageError
from edgecl.manifest import Manifest
from export.model.adapters import ADAPTERS
from export.model.ast import pool


@dataclass(frozen=True)
class Grid:
    """What adapters and pooling ask of a backbone's shape, read from a manifest."""

    rows: int
    special_tokens: int
    width: int
    pooling: Literal["mean", "mean+deviation"]

    @classmethod
    def of(cls, manifest: Manifest) -> "Grid":
        """The grid of the tokens that this bundle's backbone leaves behind."""
        shape = manifest.geometry
        rowwise = manifest.head_features // shape.width - 1  # parts of the embedding beside the special one
        pooling = "mean" if rowwise == shape.frequency_rows else "mean+deviation"
        return cls(shape.frequency_rows, shape.special_tokens, shape.width, pooling)


class GrowingHead(nn.Module):
    """A linear layer that gets as many outputs more as each task has labels."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.features = features
        self.parts = nn.ParameterList()  # [C, P + 1] for each task

    def grow(self, labels: int) -> None:
        """Add outputs, which start at zero as the product's do."""
        self.parts.append(nn.Parameter(torch.zeros(labels, self.features + 1)))

    def forward(self, features: Tensor) -> Tensor:
        """Logits [B, K] of features [B, P]."""
        with_bias = nn.functional.pad(features, (0, 1), value=1.0)
        return nn.functional.linear(with_bias, torch.cat(list(self.parts)))


class AdapterNetwork(nn.Module):
    """Tokens → x + adapter(x) → pool → normalise → head: the product's forward graph, shared by all tasks.

    Raises:
        UsageError: the bundle's adapter does not stand behind the last block.
    """

    def __init__(self, manifest: Manifest) -> None:
        super().__init__()
        if manifest.adapter.placement != "post":
            placement = manifest.adapter.placement
            raise UsageError(
                f"the first bundle has its adapter at '{placement}'", "name a 'post' bundle first"
            )
        self.grid = Grid.of(manifest)
        self.adapter = ADAPTERS[manifest.adapter.kind](self.grid, manifest.adapter.rank)
        self.head = GrowingHead(manifest.head_features)
        self.register_buffer("normalizer", torch.empty(0))

    def grow(self, labels: int, tokens: Tensor) -> None:
        """Make room for a task; the first one's tokens [N, tokens, D] decide how features are normalised."""
        self.head.grow(labels)
        if not self.normalizer.numel():
            features = torch.cat([self.embed(part) for part in tokens.split(64)])
            self.normalizer = torch.stack([features.mean(0), 1 / features.std(0).clamp(min=1e-3)])

    def embed(self, tokens: Tensor) -> Tensor:
        """The pooled features [B, P] of tokens [B, tokens, D] in fp16 or fp32, not normalised."""
        tokens = tokens.float()
        return pool(tokens + self.adapter(tokens), self.grid)

    def features(self, tokens: Tensor) -> Tensor:
        """What the head sees of tokens, [B, P]."""
        return (self.embed(tokens) - self.normalizer[0]) * self.normalizer[1]

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits [B, K] over all classes so far."""
        return self.head(self.features(tokens))
