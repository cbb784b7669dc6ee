"""What is learnt from: windows as tokens, divided into folds by takes, batched with soft targets."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from device_runtime.training.recipe import Recipe
from edgecl.arrays import Floats, Integers, Tokens

FOLDS = 5
NEVER_HELD_OUT = -1
"""The fold of what is never held out."""


@dataclass(frozen=True)
class Dataset:
    """The windows of a task."""

    tokens: Tokens  # [N, tokens, D]
    labels: Integers  # [N], 0…C−1
    recordings: Integers  # [N], which recording each window was cut from
    augmented: NDArray[np.bool_]  # [N], whether it is a varied copy: to learn from, never to measure with
    classes: int  # C
    groups: Integers | None = None  # [N], what the recording is a take of; None: each is the only one

    @property
    def held_out_groups(self) -> Integers:
        """Windows of the same number are held out together, [N]."""
        return self.recordings if self.groups is None else self.groups

    def select(self, windows: Integers | NDArray[np.bool_]) -> "Dataset":
        """Some of the windows, by number or by mask [N]; classes and recordings keep their numbers."""
        arrays = self.tokens[windows], self.labels[windows], self.recordings[windows], self.augmented[windows]
        return Dataset(*arrays, self.classes, None if self.groups is None else self.groups[windows])


def assign_folds(examples: Dataset, seed: int) -> Integers:
    """The fold in which each window is held out, [N], 0…FOLDS−1: all takes of one thing in the same.

    Each class is spread as evenly as its takes allow; where all of a class is of one thing, it is in none.
    """
    rng = np.random.default_rng(seed)
    of = examples.held_out_groups
    fold_of = np.full(int(of.max()) + 1, NEVER_HELD_OUT)
    for label in range(examples.classes):
        own = examples.labels == label
        groups = rng.permutation(np.unique(of[own]))
        if len(groups) > 1:
            sizes = [len(np.unique(examples.recordings[own & (of == group)])) for group in groups]
            fold_of[groups] = _dealt(sizes)
    folds: Integers = fold_of[of]
    return folds


def _dealt(sizes: Sequence[int]) -> Integers:
    """The fold [G] of groups of these sizes: the largest first, each to the fold that has fewest so far."""
    filled, fold_of = np.zeros(FOLDS, np.int64), np.empty(len(sizes), np.int64)
    for group in np.argsort(-np.array(sizes), kind="stable"):
        fold_of[group] = filled.argmin()
        filled[fold_of[group]] += sizes[group]
    return fold_of


def batches(
    examples: Dataset, windows: Integers, recipe: Recipe, rng: "np.random.Generator"
) -> Iterator[tuple[Floats, Floats]]:
    """One epoch over these windows in random order: tokens [B, tokens, D], target distributions [B, C].

    Targets are distributions throughout, so that label smoothing and mixup are one path.
    """
    order = rng.permutation(windows)
    for first in range(0, len(order), recipe.batch):
        batch = order[first : first + recipe.batch]
        tokens = examples.tokens[batch].astype(np.float32)
        targets = _smooth(examples.labels[batch], examples.classes, recipe.label_smoothing)
        yield _mixed(tokens, targets, recipe.mixup, rng) if recipe.mixup else (tokens, targets)


def _smooth(labels: Integers, classes: int, smoothing: float) -> Floats:
    """Distributions [B, C]: nearly all on the label, the share `smoothing` spread over all classes."""
    targets = np.full((len(labels), classes), smoothing / classes, np.float32)
    targets[np.arange(len(labels)), labels] += np.float32(1 - smoothing)
    return targets


def _mixed(
    tokens: Floats, targets: Floats, concentration: float, rng: "np.random.Generator"
) -> tuple[Floats, Floats]:
    """Each window mixed with another one of the batch, and its target in the same proportion.

    Mixup: Zhang et al. 2018, equation 1. Deviations: it mixes frozen features, the tokens, and the share is
    drawn for each window instead of once a batch.
    """
    partner = rng.permutation(len(tokens))
    share = rng.beta(concentration, concentration, (len(tokens), 1)).astype(np.float32)
    rest = 1 - share
    return (
        share[:, :, None] * tokens + rest[:, :, None] * tokens[partner],
        share * targets + rest * targets[partner],
    )
