"""The windows of a task as every method meets them: divided into folds, their features standardised."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from device_runtime.data.dataset import Dataset, assign_folds
from device_runtime.model.adapter import AdapterForward
from device_runtime.training.methods.kernel import KernelMatrix
from edgecl.arrays import Floats, Integers
from edgecl.learning.calibration import fit_normalizer

MAX_WINDOWS = 1500
"""That closed forms look at: their products then take 18 MB."""


@dataclass(frozen=True)
class TrainingData:
    """What there is to learn from, and where learning starts."""

    dataset: Dataset
    folds: Integers  # [N]
    initial_parameters: Floats  # [n], the untouched adapter, then a head of zeros
    embeddings: Floats  # [N, P], features before any adapter
    normalizer: Floats  # [2, P]

    @classmethod
    def from_dataset(
        cls, examples: Dataset, forward: AdapterForward, start: Floats, seed: int
    ) -> "TrainingData":
        """Examples, once the forward graph has seen them."""
        embeddings = forward.compute_embeddings(examples.tokens)
        folds = assign_folds(examples, seed)
        return cls(examples, folds, start, embeddings, fit_normalizer(embeddings))

    @cached_property
    def sample(self) -> Integers:
        """Indices of the windows that closed forms look at, [M].

        Where there are too many, classes give up windows until they have equally many: varied copies first,
        then the later windows of each recording, then whole recordings.
        """
        examples = self.dataset
        order = np.lexsort((rank_within(examples.recordings), examples.augmented))
        rank = np.empty_like(order)
        rank[order] = rank_within(examples.labels[order])
        kept: Integers = np.sort(np.argsort(rank, kind="stable")[:MAX_WINDOWS])
        return kept

    @cached_property
    def features(self) -> Floats:
        """Standardised features of the sample, [M, P]."""
        mean, inverse_deviation = self.normalizer
        standardised: Floats = (self.embeddings[self.sample] - mean) * inverse_deviation
        return standardised

    @cached_property
    def kernel(self) -> KernelMatrix:
        """Inner products of the sample."""
        return KernelMatrix.from_features(
            self.features, self.dataset.labels[self.sample], self.dataset.classes
        )


def rank_within(groups: Integers) -> Integers:
    """How many of the same group stand before each, [N]."""
    order = np.argsort(groups, kind="stable")
    first = np.searchsorted(groups[order], groups[order])
    rank = np.empty_like(order)
    rank[order] = np.arange(len(groups)) - first
    return rank
