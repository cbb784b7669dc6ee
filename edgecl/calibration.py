"""Scores → rejection: is this sound near anything the task was taught?

A classifier always names one of its classes. What it never heard lies far from all of them, so each task
keeps the mean feature of every class (its prototypes) and the largest distance at which a window still
counts as known, chosen so that nearly all held-out windows of its own classes are accepted.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

ACCEPTED_SHARE = 0.95
"""Share of held-out windows of known classes that the threshold accepts."""

SMALLEST_DISTANCE = 1e-3
"""Below this, what lies between a window and a prototype is rounding."""

DEVIATION_FLOOR = 1e-3
"""No feature is scaled up by more than its inverse: a constant feature says nothing."""


def normalizer_of(features: Floats) -> Floats:
    """Mean and inverse deviation [2, P] of features [N, P], to be frozen with the task."""
    mean = features.mean(axis=0, dtype=np.float64)
    deviation = features.std(axis=0, dtype=np.float64)
    return np.stack([mean, 1 / np.maximum(deviation, DEVIATION_FLOOR)]).astype(np.float32)


def prototypes_of(features: Floats, labels: NDArray[np.int64], classes: int) -> Floats:
    """The mean feature of each class, [C, P], from features [N, P] and labels [N]."""
    means = [features[labels == label].mean(axis=0, dtype=np.float64) for label in range(classes)]
    return np.stack(means).astype(np.float32)


def distances(features: Floats, prototypes: Floats) -> Doubles:
    """How far features [N, P] lie from their nearest prototype [C, P]: root mean square over P, [N]."""
    squares = [np.square(features - prototype).mean(axis=1, dtype=np.float64) for prototype in prototypes]
    return np.sqrt(np.min(squares, axis=0))  # type: ignore[no-any-return]


def threshold_of(held_out: Doubles) -> float:
    """The largest accepted distance, from the distances [N] of held-out windows.

    It lies 1 / √N farther out than they say: the fewer there were, the less is known about the farthest.
    """
    margin = 1 + 1 / np.sqrt(held_out.size)
    return float(np.quantile(held_out, ACCEPTED_SHARE) * margin)


def carried_over(threshold: float, before: Doubles, after: Doubles) -> float:
    """A threshold measured under one set of parameters, as it is to be used under another.

    Each training stretches the features in its own way. How much is told by windows that both sets have
    learnt from: the threshold moves as their median distance does. Where each of them is a prototype itself
    (one window a class) they tell nothing, and the threshold stays.

    Args:
        before: distances [N] of these windows where the threshold was measured.
        after: distances [N] of the same windows where it is to be used.
    """
    known, used = float(np.median(before)), float(np.median(after))
    return threshold * used / known if known > SMALLEST_DISTANCE else threshold
