"""The outcome of a row: how often something was tried, and a sentence for each failure."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

T = TypeVar("T")


class NotPossibleHereError(Exception):
    """A row needs something that this machine lacks; the message names it."""


@dataclass
class Tally:
    """The count of a row."""

    tried: int = 0
    failures: list[str] = field(default_factory=list)
    skipped: int = 0
    """Attempts that did not hit what they aimed at; they are not counted as tried."""
    notes: list[str] = field(default_factory=list)
    """Sentences to print: figures that are no failure."""

    def add(self, attempt: str, damage: str | None) -> None:
        """Count one attempt.

        Args:
            attempt: what was done, for the message.
            damage: a sentence about the failure; None if all is well.
        """
        self.tried += 1
        if damage is not None:
            self.failures.append(f"{attempt}: {damage}")


def spread(attempts: Sequence[T], share: float) -> Sequence[T]:
    """Return a share of all attempts, spread evenly; at least one of them."""
    count = max(1, round(share * len(attempts)))
    return [attempts[(2 * number + 1) * len(attempts) // (2 * count)] for number in range(count)]
