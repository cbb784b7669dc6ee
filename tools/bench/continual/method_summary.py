"""One method's row: what it did with each seed, and the means."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from edgecl.arrays import Doubles
from tools.bench.continual.metrics import Matrix
from tools.bench.continual.sequence import Outcome


@dataclass(frozen=True)
class Row:
    """The outcomes of one method, one a seed."""

    outcomes: Sequence[Outcome]

    @property
    def name(self) -> str:
        """Of the method."""
        return self.outcomes[0].name

    @property
    def isolating(self) -> bool:
        """Whether its tasks share nothing."""
        return self.outcomes[0].isolating

    @property
    def unchanged(self) -> bool:
        """Whether no score ever changed, with any seed."""
        return all(outcome.unchanged for outcome in self.outcomes)

    @property
    def matrix(self) -> Matrix:
        """The mean matrix [T, T], the task known."""
        return np.mean([outcome.R for outcome in self.outcomes], axis=0)

    @property
    def unnamed(self) -> Matrix | None:
        """The mean matrix where all labels compete; None where the method cannot tell."""
        found = [outcome.unnamed for outcome in self.outcomes if outcome.unnamed is not None]
        return np.mean(found, axis=0) if found else None

    def values(self, figure: Callable[[Outcome], float | None]) -> Doubles | None:
        """A figure of each outcome, [seeds]; None where there is none."""
        found = [value for value in map(figure, self.outcomes) if value is not None]
        return np.array(found) if found else None

    def mean(self, figure: Callable[[Outcome], float | None]) -> float | None:
        """The mean of a figure over the seeds."""
        found = self.values(figure)
        return None if found is None else float(found.mean())
