"""The numbers a task is frozen with: how features are scaled, and which margin still counts as known."""

import numpy as np

from edgecl.arrays import Doubles, Floats, Integers

DEVIATION_FLOOR = 1e-3
"""No feature is scaled up by more than its inverse: a constant feature says nothing."""


def fit_normalizer(features: Floats) -> Floats:
    """Mean and inverse deviation [2, P] of features [N, P], to be frozen with the task."""
    mean = features.mean(axis=0, dtype=np.float64)
    deviation = features.std(axis=0, dtype=np.float64)
    return np.stack([mean, 1 / np.maximum(deviation, DEVIATION_FLOOR)]).astype(np.float32)


def average_per_recording(values: Doubles, recordings: Integers) -> Doubles:
    """The mean of the values [N] of each recording's windows, in the order of their numbers [N]."""
    numbers, group = np.unique(recordings, return_inverse=True)
    means: Doubles = np.bincount(group, values) / np.bincount(group, minlength=len(numbers))
    return means


def equal_error_threshold(known: Doubles, unknown: Doubles) -> float:
    """The margin at which as large a share of the known [N] is rejected as of the unknown [M] accepted.

    What reaches it is accepted. Where known and unknown lie apart it is the middle of the gap.
    """
    candidates = np.unique(np.concatenate([known, unknown]))
    rejected = np.searchsorted(np.sort(known), candidates) / len(known)
    accepted = 1 - np.searchsorted(np.sort(unknown), candidates) / len(unknown)
    worse = np.maximum(rejected, accepted)
    best = np.flatnonzero(worse == worse.min())
    return float(candidates[max(best[0] - 1, 0)] + candidates[best[-1]]) / 2
