"""Batches of a training epoch, with label smoothing and mixup."""

from collections.abc import Iterator

import numpy as np

from device_runtime.data.dataset import Dataset
from device_runtime.training.recipe import Recipe
from edgecl.arrays import Floats, Integers


def iterate_batches(
    dataset: Dataset, windows: Integers, recipe: Recipe, rng: np.random.Generator
) -> Iterator[tuple[Floats, Floats]]:
    """Yield the batches of one epoch in random order: tokens [B, tokens, D] and targets [B, C].

    Targets are always distributions, so label smoothing and mixup need no special case.

    Args:
        dataset: the windows of a task.
        windows: indices of the windows to train on.
        recipe: batch size, label smoothing and mixup.
        rng: decides the order and the mixing.
    """
    order = rng.permutation(windows)
    for first in range(0, len(order), recipe.batch):
        batch = order[first : first + recipe.batch]
        tokens = dataset.tokens[batch].astype(np.float32)
        targets = _smooth(dataset.labels[batch], dataset.classes, recipe.label_smoothing)
        yield _mix(tokens, targets, recipe.mixup, rng) if recipe.mixup else (tokens, targets)


def _smooth(labels: Integers, classes: int, smoothing: float) -> Floats:
    """Return target distributions [B, C]: the share `smoothing` is spread over all classes."""
    targets = np.full((len(labels), classes), smoothing / classes, np.float32)
    targets[np.arange(len(labels)), labels] += np.float32(1 - smoothing)
    return targets


def _mix(
    tokens: Floats, targets: Floats, concentration: float, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Mix each window with another one of the batch, and its target in the same proportion.

    Mixup: Zhang et al. 2018, equation 1. Deviations: it mixes frozen features, the tokens, and the share is
    drawn for each window instead of once per batch.
    """
    partner = rng.permutation(len(tokens))
    share = rng.beta(concentration, concentration, (len(tokens), 1)).astype(np.float32)
    rest = 1 - share
    return (
        share[:, :, None] * tokens + rest[:, :, None] * tokens[partner],
        share * targets + rest * targets[partner],
    )
