"""What a teacher says of a batch of windows, whatever network it is."""

from collections.abc import Callable
from dataclasses import dataclass, field

from torch import Tensor


@dataclass(frozen=True, eq=False)
class Heard:
    """The targets of one batch.

    A grid's F' rows are one, or as many as the student has: a cell is compared with the student's tokens at
    the same place, a column with all of its column's. T' columns lie evenly over the student's.
    """

    embedding: Tensor
    """[B, E]"""
    grids: dict[str, Tensor]
    """[B, F', T', C] by name: maps over time, kept apart in frequency or not."""
    logits: Tensor | None = None
    """[B, classes], of a teacher that names sounds."""
    maps: list[Tensor] = field(default_factory=list)
    """[B, C, F, T] behind every layer that the student's stem has too; none if it has other layers."""


Teacher = Callable[[Tensor], Heard]
"""A log-mel image [B, 1, M, frames] → what is heard in it; a frozen `nn.Module`."""
