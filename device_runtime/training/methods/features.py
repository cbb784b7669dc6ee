"""Training data as every method uses it: a dataset, its folds, and its standardised features."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from device_runtime.data.dataset import Dataset, assign_folds
from device_runtime.model.adapter import AdapterForward
from device_runtime.training.methods.kernel import KernelMatrix
from edgecl.arrays import Bools, Floats, Integers
from edgecl.learning.calibration import fit_normalizer

MAX_WINDOWS = 1500
"""Number of windows that closed forms use at most; their inner products then take 18 MB."""


@dataclass(frozen=True)
class TrainingData:
    """A dataset prepared for training."""

    dataset: Dataset
    folds: Integers  # [N]
    initial_parameters: Floats  # [n], the initial adapter, then a head of zeros
    embeddings: Floats  # [N, P], features before any adapter
    normalizer: Floats  # [2, P]

    @classmethod
    def from_dataset(
        cls, dataset: Dataset, forward: AdapterForward, initial_parameters: Floats, seed: int
    ) -> "TrainingData":
        """Compute the embeddings of a dataset and assign its folds.

        Args:
            dataset: the windows of a task.
            forward: the adapter's forward graph.
            initial_parameters: that training starts from, [n].
            seed: of the folds.
        """
        embeddings = forward.compute_embeddings(dataset.tokens)
        folds = assign_folds(dataset, seed)
        return cls(dataset, folds, initial_parameters, embeddings, fit_normalizer(embeddings))

    def select_for_closed_form(self, windows: Bools, seed: int) -> "TrainingData":
        """Return some of the windows as data of their own, without tokens, which closed forms do not read.

        Args:
            windows: a mask [N].
            seed: of the folds.
        """
        dataset, embeddings = self.dataset.select(windows, with_tokens=False), self.embeddings[windows]
        folds, normalizer = assign_folds(dataset, seed), fit_normalizer(embeddings)
        return TrainingData(dataset, folds, self.initial_parameters, embeddings, normalizer)

    @cached_property
    def sample(self) -> Integers:
        """Indices of the windows that closed forms use, [M].

        Where there are too many, classes give up windows until they have equally many: augmented copies
        first, then the later windows of each recording, then whole recordings.
        """
        dataset = self.dataset
        order = np.lexsort((rank_within(dataset.recordings), dataset.augmented))
        rank = np.empty_like(order)
        rank[order] = rank_within(dataset.labels[order])
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
    """Return the number of earlier elements of the same group for each element, [N]."""
    order = np.argsort(groups, kind="stable")
    first = np.searchsorted(groups[order], groups[order])
    rank = np.empty_like(order)
    rank[order] = np.arange(len(groups)) - first
    return rank
