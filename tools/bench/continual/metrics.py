"""Figures of an accuracy matrix.

R[i, j] is the accuracy on task j after learning task i (0…T−1), NaN for j > i. With a single task there is
nothing to forget or to transfer: those figures are None.
"""

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]  # [T, T]


def average_accuracy(R: Matrix) -> float:
    """Compute ACC = 1/T Σ_j R[T−1, j] (Lopez-Paz & Ranzato, 2017, eq. 2)."""
    return float(R[-1].mean())


def accuracy_so_far(R: Matrix) -> NDArray[np.float64]:
    """Compute A[i] = 1/(i+1) Σ_{j≤i} R[i, j], the mean over all tasks so far, after each of them, [T]."""
    return np.nanmean(R, axis=1)


def backward_transfer(R: Matrix) -> float | None:
    """Compute BWT = 1/(T−1) Σ_{j<T−1} R[T−1, j] − R[j, j] (Lopez-Paz & Ranzato, 2017, eq. 3)."""
    if len(R) < 2:
        return None
    return float((R[-1] - R.diagonal())[:-1].mean())


def forgetting(R: Matrix) -> float | None:
    """Compute F = 1/(T−1) Σ_{j<T−1} max_{i<T−1} R[i, j] − R[T−1, j] (Chaudhry et al., 2018)."""
    if len(R) < 2:
        return None
    best = np.nanmax(R[:-1, :-1], axis=0)
    return float((best - R[-1, :-1]).mean())


def forward_transfer(R: Matrix, alone: NDArray[np.float64]) -> float | None:
    """Compute FWT = 1/(T−1) Σ_{j>0} R[j, j] − alone[j].

    `alone` [T] is the accuracy of a fresh learner on task j alone. Deviation: Lopez-Paz & Ranzato (2017, eq.
    4) compare R[j−1, j] with an untrained network. Where the labels of a task are unknown before it is
    learnt, that is chance on both sides; what earlier tasks contribute to learning task j is not.
    """
    if len(R) < 2:
        return None
    return float((R.diagonal() - alone)[1:].mean())
