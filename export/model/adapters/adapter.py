"""What every kind of adapter has in common: what it returns is added, at first nothing, at its own places."""

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor, nn

from export.model.ast import AstConfig, Place


class Adapter(nn.Module, ABC):
    """A small network of a task's own beside or behind the frozen ones."""

    places: ClassVar[tuple[Place, ...]]  # in an adapted block; one stands at each

    def __init__(self, config: AstConfig, rank: int) -> None:
        super().__init__()
        self.config, self.rank = config, rank

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """[B, S + F·T, D] → the change to add, of the same shape."""


def silent(inputs: int, outputs: int) -> nn.Linear:
    """A projection that starts at zero, so that a new task begins as the frozen network."""
    layer = nn.Linear(inputs, outputs)
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer
