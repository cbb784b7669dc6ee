"""How good the answers are. Each measure is a small function with its formula; the counts are fed by others.

A fraction with nothing below the line (a class without clips, or never predicted) counts as 0.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class ClassScore:
    """How one class fared."""

    recall: float
    """Of the clips of this class, the part that was recognised: K[c, c] / Σ_j K[c, j]."""
    precision: float
    """Of the clips called this class, the part that was it: K[c, c] / Σ_i K[i, c]."""
    support: int
    """Clips of this class: Σ_j K[c, j]."""


def confusion(truth: npt.ArrayLike, predicted: npt.ArrayLike, classes: int) -> Counts:
    """K, int [C, C]: K[i, j] counts the clips of class i that were called j.

    Args:
        truth: int [N], 0 … classes − 1.
        predicted: int [N], 0 … classes − 1.
    """
    pairs = np.array([truth, predicted], np.int64).reshape(2, -1)
    if pairs.size and not (pairs.min() >= 0 and pairs.max() < classes):
        raise ValueError(f"a label is outside 0 … {classes - 1}")
    return np.bincount(pairs[0] * classes + pairs[1], minlength=classes**2).reshape(classes, classes)


def accuracy(confusion: Counts) -> float:
    """Σ_c K[c, c] / Σ_ij K[i, j]: the part of all clips that was recognised."""
    return _fraction(int(confusion.trace()), int(confusion.sum()))


def per_class(confusion: Counts) -> list[ClassScore]:
    """One score a class, in the order of the classes."""
    rows, columns = confusion.sum(axis=1), confusion.sum(axis=0)
    return [
        ClassScore(_fraction(hits, row), _fraction(hits, column), int(row))
        for hits, row, column in zip(confusion.diagonal(), rows, columns, strict=True)
    ]


def _fraction(part: int, whole: int) -> float:
    return float(part / whole) if whole else 0.0
