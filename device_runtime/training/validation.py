"""Validation: the scores of held-out recordings, by which training methods are compared."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from edgecl.arrays import Bools, Doubles, Integers

MIN_PROBABILITY = 1e-9
"""Smaller probabilities count as this one in a loss."""


@dataclass(frozen=True)
class ValidationResult:
    """Scores of held-out recordings, by parameters that were not trained on them."""

    recordings: Integers  # [R], numbers of the recordings, ascending
    labels: Integers  # [R]
    scores: Doubles  # [R, C], mean of the windows' probabilities

    @classmethod
    def from_windows(
        cls, probabilities: Doubles, labels: Integers, recordings: Integers
    ) -> "ValidationResult":
        """Average the probabilities of each recording's windows.

        Args:
            probabilities: of each window, [N, C].
            labels: [N].
            recordings: number of the recording that each window belongs to, [N].
        """
        numbers, first, group = np.unique(recordings, return_index=True, return_inverse=True)
        scores = np.zeros((len(numbers), probabilities.shape[1]))
        np.add.at(scores, group, probabilities)
        return cls(numbers, labels[first], scores / np.bincount(group)[:, None])

    def select(self, recordings: Integers) -> "ValidationResult":
        """Return the result for some recordings, given by number; others are ignored."""
        kept = np.isin(self.recordings, recordings)
        return ValidationResult(self.recordings[kept], self.labels[kept], self.scores[kept])

    def exclude(self, recordings: Iterable[int]) -> "ValidationResult":
        """Return the result without some recordings, given by number."""
        return self.select(np.setdiff1d(self.recordings, list(recordings)))

    @property
    def predicted(self) -> Integers:
        """The most probable class of each recording, [R]."""
        predicted: Integers = self.scores.argmax(axis=1)
        return predicted

    @property
    def is_correct(self) -> Bools:
        """True for recordings whose class was recognised, [R]."""
        correct: Bools = self.predicted == self.labels
        return correct

    @property
    def accuracy(self) -> float:
        """Share of the recordings whose class was recognised, 0…1."""
        return float(self.is_correct.mean())

    @property
    def loss(self) -> float:
        """Mean cross-entropy of the recordings; 0 is certain and correct."""
        own = self.scores[np.arange(len(self.labels)), self.labels]
        return float(-np.log(np.maximum(own, MIN_PROBABILITY)).mean())

    @property
    def margin_of_error(self) -> float:
        """Two standard errors of the accuracy: 2 √(p (1 − p) / R) with p = (hits + 1) / (R + 2)."""
        count = len(self.labels)
        share = (self.accuracy * count + 1) / (count + 2)
        return float(2 * np.sqrt(share * (1 - share) / count))
