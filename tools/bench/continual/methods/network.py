"""The networks of the gradient baselines: frozen tokens, trainable layers, and a head that grows."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from edgecl.bundle.manifest import AdapterSpec
from edgecl.learning.calibration import MIN_DEVIATION
from export.model.adapters import ADAPTERS
from export.model.ast import Ast

BATCH_WINDOWS = 64


class Network(nn.Module, ABC):
    """Tokens → embedding → normalised features → logits of all classes so far.

    Args:
        width: P, of the embedding.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width
        self.heads = nn.ParameterList()  # [C, P + 1] for each task
        self.register_buffer("normalizer", torch.empty(0))

    @abstractmethod
    def embed(self, tokens: Tensor) -> Tensor:
        """Return the pooled embedding [B, P] of tokens [B, tokens, D] in fp16 or fp32."""

    def add_classes(self, labels: int, tokens: Tensor) -> None:
        """Add a head of zeros for a task; the first task's tokens set the normalisation of features."""
        self.heads.append(nn.Parameter(torch.zeros(labels, self.width + 1)))
        if not self.normalizer.numel():
            embeddings = torch.cat([self.embed(part) for part in tokens.split(BATCH_WINDOWS)])
            deviation = embeddings.std(0).clamp(min=MIN_DEVIATION)
            self.normalizer = torch.stack([embeddings.mean(0), 1 / deviation])

    def compute_features(self, tokens: Tensor) -> Tensor:
        """Return the normalised embedding [B, P] of tokens, the input of the heads."""
        return (self.embed(tokens) - self.normalizer[0]) * self.normalizer[1]

    def forward(self, tokens: Tensor) -> Tensor:
        """Return logits [B, K] over all classes so far."""
        with_bias = nn.functional.pad(self.compute_features(tokens), (0, 1), value=1.0)
        return nn.functional.linear(with_bias, torch.cat(list(self.heads)))


class AdapterNetwork(Network):
    """The product's network with one adapter for all tasks: x + adapter(x), pooled."""

    def __init__(self, backbone: Ast, adapter: AdapterSpec) -> None:
        super().__init__(backbone.config.pooled_width)
        self.pool = backbone.pool
        self.adapter = ADAPTERS[adapter.kind](backbone.config, adapter.rank)

    def embed(self, tokens: Tensor) -> Tensor:
        """See `Network`."""
        tokens = tokens.float()
        return self.pool(tokens + self.adapter(tokens))
