"""The targets that a teacher provides for a batch of windows."""

from collections.abc import Callable
from dataclasses import dataclass, field

from torch import Tensor


@dataclass(frozen=True, eq=False)
class TeacherOutput:
    """The targets of one batch.

    A grid has one row or as many rows F' as the student. A cell is compared with the student's tokens at the
    same place; if there is one row, with all tokens of the column. The T' columns are spaced evenly over the
    student's.
    """

    embedding: Tensor
    """[B, E]"""
    grids: dict[str, Tensor]
    """Maps over time by name, [B, F', T', C]."""
    logits: Tensor | None = None
    """[B, classes], if the teacher is a classifier."""
    maps: list[Tensor] = field(default_factory=list)
    """Outputs [B, C, F, T] of every layer that the student's stem also has; empty if its layers differ."""
    column_weights: Tensor | None = None
    """[B, T], the weights of the student's columns in its pooling by attention, from the waveform."""


Teacher = Callable[[Tensor], TeacherOutput]
"""A log-mel image [B, 1, M, frames] → its targets; a frozen `nn.Module`."""
