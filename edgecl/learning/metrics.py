"""How good the answers are. Each measure is a small function with its formula; the counts are fed by others.

A class without clips has no recall, one that nothing was called has no precision: None.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgecl.arrays import Doubles, Integers


@dataclass(frozen=True)
class ClassScore:
    """How one class fared."""

    recall: float | None
    """Of the clips of this class, the part that was recognised: K[c, c] / Σ_j K[c, j]."""
    precision: float | None
    """Of the clips called this class, the part that was it: K[c, c] / Σ_i K[i, c]."""
    support: int
    """Clips of this class: Σ_j K[c, j]."""


def confusion_matrix(truth: npt.ArrayLike, predicted: npt.ArrayLike, classes: int) -> Integers:
    """K, int [C, C]: K[i, j] counts the clips of class i that were called j.

    Args:
        truth: int [N], 0 … classes − 1.
        predicted: int [N], 0 … classes − 1.
    """
    pairs = np.array([truth, predicted], np.int64).reshape(2, -1)
    if pairs.size and not (pairs.min() >= 0 and pairs.max() < classes):
        raise ValueError(f"a label is outside 0 … {classes - 1}")
    return np.bincount(pairs[0] * classes + pairs[1], minlength=classes**2).reshape(classes, classes)


def accuracy(confusion: Integers) -> float:
    """Σ_c K[c, c] / Σ_ij K[i, j]: the part of all clips that was recognised; 0 of none."""
    return _share(int(confusion.trace()), int(confusion.sum())) or 0.0


def wilson_interval(accuracy: float, count: int, z: float = 1.96) -> tuple[float, float]:
    """Between which values the true share lies, 95 times in 100, where `accuracy` was measured on `count`.

    Wilson 1927: (p + z²/2n ± z √(p (1 − p) / n + z²/4n²)) / (1 + z²/n), which stays within 0…1.
    """
    squared = z**2 / count
    middle = (accuracy + squared / 2) / (1 + squared)
    half = z * np.sqrt(accuracy * (1 - accuracy) / count + squared / (4 * count)) / (1 + squared)
    return float(max(0.0, middle - half)), float(min(1.0, middle + half))


def score_classes(confusion: Integers) -> list[ClassScore]:
    """One score a class, in the order of the classes."""
    rows, columns = confusion.sum(axis=1), confusion.sum(axis=0)
    return [
        ClassScore(_share(hits, row), _share(hits, column), int(row))
        for hits, row, column in zip(confusion.diagonal(), rows, columns, strict=True)
    ]


def auroc(known: Doubles, unknown: Doubles) -> float:
    """P(k > u) + P(k = u) / 2 over all pairs of a known [N] and an unknown [M]: 1 apart, 0.5 mixed."""
    below = np.searchsorted(np.sort(unknown), known, "left")
    upto = np.searchsorted(np.sort(unknown), known, "right")
    return float((below + upto).mean() / (2 * len(unknown)))


def false_positive_rate(known: Doubles, unknown: Doubles, true_positive_rate: float = 0.95) -> float:
    """Share of the unknown [M] at or above the score that this share of the known [N] reaches."""
    lowest = np.sort(known)[len(known) - int(np.ceil(true_positive_rate * len(known)))]
    return float((unknown >= lowest).mean())


def _share(part: int, whole: int) -> float | None:
    return float(part / whole) if whole else None
