"""Confidence interval of the mean of a few values."""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t


def mean_and_interval(values: NDArray[np.float64]) -> tuple[float, float]:
    """Return the mean of n values and half its 95 % interval, t(0.975, n − 1) · s / √n; 0 for n = 1."""
    count = len(values)
    if count < 2:
        return float(values.mean()), 0.0
    half = t.ppf(0.975, count - 1) * values.std(ddof=1) / np.sqrt(count)
    return float(values.mean()), float(half)
