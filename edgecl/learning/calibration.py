"""Constants that are computed once per task: the feature normalizer and the acceptance threshold."""

import numpy as np

from edgecl.arrays import Doubles, Floats, Integers

MIN_DEVIATION = 1e-3
"""No feature is scaled up by more than its inverse, so a constant feature stays harmless."""


def fit_normalizer(features: Floats) -> Floats:
    """Compute mean and inverse standard deviation [2, P] of features [N, P]."""
    mean = features.mean(axis=0, dtype=np.float64)
    deviation = features.std(axis=0, dtype=np.float64)
    return np.stack([mean, 1 / np.maximum(deviation, MIN_DEVIATION)]).astype(np.float32)


def average_per_recording(values: Doubles, recordings: Integers) -> Doubles:
    """Average the values of the windows of each recording.

    Args:
        values: One value per window, [N].
        recordings: The number of each window's recording, [N].

    Returns:
        One mean per recording, in the order of their numbers, [R].
    """
    numbers, group = np.unique(recordings, return_inverse=True)
    means: Doubles = np.bincount(group, values) / np.bincount(group, minlength=len(numbers))
    return means


def equal_error_threshold(known: Doubles, unknown: Doubles) -> float:
    """Return the margin at which false rejection and false acceptance rate are equal.

    A margin equal to the threshold is accepted. If known and unknown are separable, the threshold is in the
    middle of the gap.

    Args:
        known: Margins that should be accepted, [N].
        unknown: Margins that should be rejected, [M].
    """
    candidates = np.unique(np.concatenate([known, unknown]))
    false_rejection = np.searchsorted(np.sort(known), candidates) / len(known)
    false_acceptance = 1 - np.searchsorted(np.sort(unknown), candidates) / len(unknown)
    worse = np.maximum(false_rejection, false_acceptance)
    best = np.flatnonzero(worse == worse.min())
    return float(candidates[max(best[0] - 1, 0)] + candidates[best[-1]]) / 2
