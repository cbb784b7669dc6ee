"""The outcomes of one method with all seeds, and their means."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from edgecl.arrays import Doubles
from tools.bench.continual.metrics import Matrix
from tools.bench.continual.sequence import Outcome


@dataclass(frozen=True)
class MethodSummary:
    """The outcomes of one method, one per seed."""

    outcomes: Sequence[Outcome]

    @property
    def name(self) -> str:
        """The name of the method."""
        return self.outcomes[0].name

    @property
    def isolated(self) -> bool:
        """True where its tasks share nothing."""
        return self.outcomes[0].isolated

    @property
    def unchanged(self) -> bool:
        """True where no score changed with any seed."""
        return all(outcome.unchanged for outcome in self.outcomes)

    @property
    def matrix(self) -> Matrix:
        """The mean matrix [T, T], task-incremental."""
        return np.mean([outcome.R for outcome in self.outcomes], axis=0)

    @property
    def class_incremental(self) -> Matrix | None:
        """The mean matrix [T, T], class-incremental; None where the method cannot compare tasks."""
        found = [one.class_incremental for one in self.outcomes if one.class_incremental is not None]
        return np.mean(found, axis=0) if found else None

    def collect(self, figure: Callable[[Outcome], float | None]) -> Doubles | None:
        """Return a figure of each outcome, [seeds]; None where there is none."""
        found = [value for value in map(figure, self.outcomes) if value is not None]
        return np.array(found) if found else None

    def average(self, figure: Callable[[Outcome], float | None]) -> float | None:
        """Return the mean of a figure over the seeds; None where there is none."""
        found = self.collect(figure)
        return None if found is None else float(found.mean())
