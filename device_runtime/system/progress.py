"""How long work says how far it is, without knowing who listens."""

from typing import Protocol


class Progress(Protocol):
    """Told after every step; draws a bar, prints a line now and then, or does nothing."""

    def __call__(self, stage: str, done: int, total: int) -> None:
        """`done` of `total` steps of `stage` are behind us."""


def ignore_progress(stage: str, done: int, total: int) -> None:
    """Nobody listens."""
