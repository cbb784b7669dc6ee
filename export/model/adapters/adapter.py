"""The base class of all kinds of adapter."""

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor, nn

from ..ast import AstConfig, Place


class Adapter(nn.Module, ABC):
    """A small trainable network beside or behind the frozen layers; its output, initially zero, is added."""

    places: ClassVar[tuple[Place, ...]]  # in an adapted block: one adapter at each place

    def __init__(self, config: AstConfig, rank: int) -> None:
        super().__init__()
        self.config, self.rank = config, rank

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """Return the change to add to the tokens; both are [B, S + F·T, D]."""


def make_zero_linear(inputs: int, outputs: int) -> nn.Linear:
    """Return a linear layer initialised to zero, so that a new task starts as the frozen network."""
    layer = nn.Linear(inputs, outputs)
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer
