"""What held-out recordings were taken for: the one measure by which ways of learning are compared."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgecl.arrays import Doubles, Integers

MIN_PROBABILITY = 1e-9  # a probability below counts as this one


@dataclass(frozen=True)
class ValidationResult:
    """What was said about recordings by parameters that never saw them, recording by recording."""

    recordings: Integers  # [R], ascending
    labels: Integers  # [R]
    scores: Doubles  # [R, C], mean of the windows' probabilities

    @classmethod
    def from_windows(
        cls, probabilities: Doubles, labels: Integers, recordings: Integers
    ) -> "ValidationResult":
        """From the probabilities [N, C] of windows [N]."""
        numbers, first, group = np.unique(recordings, return_index=True, return_inverse=True)
        scores = np.zeros((len(numbers), probabilities.shape[1]))
        np.add.at(scores, group, probabilities)
        return cls(numbers, labels[first], scores / np.bincount(group)[:, None])

    def select(self, recordings: Integers) -> "ValidationResult":
        """The same of those recordings that are among these."""
        kept = np.isin(self.recordings, recordings)
        return ValidationResult(self.recordings[kept], self.labels[kept], self.scores[kept])

    def exclude(self, recordings: Iterable[int]) -> "ValidationResult":
        """The same of all but these recordings."""
        return self.select(np.setdiff1d(self.recordings, list(recordings)))

    @property
    def predicted(self) -> Integers:
        """The most likely class of each recording, [R]."""
        called: Integers = self.scores.argmax(axis=1)
        return called

    @property
    def is_correct(self) -> NDArray[np.bool_]:
        """Whether each recording was recognised, [R]."""
        right: NDArray[np.bool_] = self.predicted == self.labels
        return right

    @property
    def accuracy(self) -> float:
        """Share of the recordings that were recognised, 0…1."""
        return float(self.is_correct.mean())

    @property
    def loss(self) -> float:
        """Mean −log of the probability that each recording's own class was given: 0 is sure and right."""
        own = self.scores[np.arange(len(self.labels)), self.labels]
        return float(-np.log(np.maximum(own, MIN_PROBABILITY)).mean())

    @property
    def margin_of_error(self) -> float:
        """How far the accuracy may be off by chance: 2 √(p (1 − p) / R), p = (hits + 1) / (R + 2)."""
        count = len(self.labels)
        share = (self.accuracy * count + 1) / (count + 2)
        return float(2 * np.sqrt(share * (1 - share) / count))
