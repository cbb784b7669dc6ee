"""What the trainer learns from: windows as tokens, split by recording, batched with soft targets."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from device_runtime.backbone import Floats, Tokens
from device_runtime.recipe import Recipe

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Examples:
    """The windows of a task."""

    tokens: Tokens  # [N, tokens, D]
    labels: Integers  # [N], 0…C−1
    recordings: Integers  # [N], which recording each window was cut from
    classes: int  # C


def split_by_recording(examples: Examples, share: float, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Which windows are held out, [N]: of every class `share` of its recordings, one at least, never all."""
    chosen: list[int] = []
    for label in range(examples.classes):
        recordings = np.unique(examples.recordings[examples.labels == label])
        count = min(max(1, round(share * len(recordings))), len(recordings) - 1)
        chosen.extend(rng.permutation(recordings)[:count])
    return np.isin(examples.recordings, chosen)


def batches(
    examples: Examples, windows: Integers, recipe: Recipe, rng: np.random.Generator
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
    tokens: Floats, targets: Floats, concentration: float, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Each window mixed with another one of the batch, and its target in the same proportion."""
    partner = rng.permutation(len(tokens))
    share = rng.beta(concentration, concentration, (len(tokens), 1)).astype(np.float32)
    rest = 1 - share
    return (
        share[:, :, None] * tokens + rest[:, :, None] * tokens[partner],
        share * targets + rest * targets[partner],
    )
