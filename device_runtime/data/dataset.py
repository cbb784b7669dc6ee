"""A task's training data: windows as tokens, and their division into cross-validation folds."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgecl.arrays import Bools, Integers, Tokens

FOLDS = 5
NEVER_HELD_OUT = -1
"""Fold number of windows that are never held out."""


@dataclass(frozen=True)
class Dataset:
    """The windows of a task."""

    tokens: Tokens  # [N, tokens, D]
    labels: Integers  # [N], 0…C−1
    recordings: Integers  # [N], number of the recording that each window belongs to
    augmented: Bools  # [N], True for augmented copies, which are trained on but never measured
    classes: int  # C
    groups: Integers | None = None  # [N], number of the recording group; None: every recording is its own

    @property
    def held_out_groups(self) -> Integers:
        """The number of the unit that each window is held out with, [N]."""
        return self.recordings if self.groups is None else self.groups

    def select(self, windows: Integers | Bools, with_tokens: bool = True) -> "Dataset":
        """Return some of the windows; classes and recordings keep their numbers.

        Args:
            windows: indices, or a mask [N].
            with_tokens: whether to copy their tokens, which are most of a dataset; otherwise there are none.
        """
        tokens = self.tokens[windows] if with_tokens else self.tokens[:0]
        arrays = self.labels[windows], self.recordings[windows], self.augmented[windows]
        return Dataset(tokens, *arrays, self.classes, None if self.groups is None else self.groups[windows])


def assign_folds(dataset: Dataset, seed: int) -> Integers:
    """Assign each window to the fold that holds it out, [N], 0…FOLDS−1.

    All takes of one recording group are in the same fold. Each class is spread as evenly as its groups
    allow. A class of a single group is never held out (NEVER_HELD_OUT).
    """
    rng = np.random.default_rng(seed)
    group_of = dataset.held_out_groups
    fold_of = np.full(int(group_of.max()) + 1, NEVER_HELD_OUT)
    for label in range(dataset.classes):
        own = dataset.labels == label
        groups = rng.permutation(np.unique(group_of[own]))
        if len(groups) > 1:
            sizes = [len(np.unique(dataset.recordings[own & (group_of == group)])) for group in groups]
            fold_of[groups] = _balance(sizes)
    folds: Integers = fold_of[group_of]
    return folds


def _balance(sizes: Sequence[int]) -> Integers:
    """Assign groups [G] of these sizes to folds: the largest first, each to the emptiest fold."""
    filled, fold_of = np.zeros(FOLDS, np.int64), np.empty(len(sizes), np.int64)
    for group in np.argsort(-np.array(sizes), kind="stable"):
        fold_of[group] = filled.argmin()
        filled[fold_of[group]] += sizes[group]
    return fold_of
