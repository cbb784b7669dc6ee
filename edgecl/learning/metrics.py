"""Quality measures of classification and of open-set rejection.

A class without clips has no recall (None), and one that was never predicted has no precision.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgecl.arrays import Doubles, Integers


@dataclass(frozen=True)
class ClassScore:
    """The scores of one class c."""

    recall: float | None
    """The share of its clips that were recognised: K[c, c] / Σ_j K[c, j]."""
    precision: float | None
    """The share of its predictions that are correct: K[c, c] / Σ_i K[i, c]."""
    support: int
    """The number of its clips: Σ_j K[c, j]."""


def confusion_matrix(truth: npt.ArrayLike, predicted: npt.ArrayLike, classes: int) -> Integers:
    """Count the clips of class i that were predicted as class j: K[i, j], [C, C].

    Args:
        truth: int [N], 0 … classes − 1.
        predicted: int [N], 0 … classes − 1.
        classes: C.
    """
    pairs = np.array([truth, predicted], np.int64).reshape(2, -1)
    if pairs.size and not (pairs.min() >= 0 and pairs.max() < classes):
        raise ValueError(f"a label is outside 0 … {classes - 1}")
    return np.bincount(pairs[0] * classes + pairs[1], minlength=classes**2).reshape(classes, classes)


def accuracy(confusion: Integers) -> float:
    """Return the share of correct predictions, Σ_c K[c, c] / Σ_ij K[i, j]; 0 for no clips."""
    return _share(int(confusion.trace()), int(confusion.sum())) or 0.0


def wilson_interval(accuracy: float, count: int, z: float = 1.96) -> tuple[float, float]:
    """Return the 95 % confidence interval of an accuracy that was measured on `count` clips.

    Wilson 1927: (p + z²/2n ± z √(p (1 − p) / n + z²/4n²)) / (1 + z²/n), which stays within 0…1.
    """
    squared = z**2 / count
    middle = (accuracy + squared / 2) / (1 + squared)
    half = z * np.sqrt(accuracy * (1 - accuracy) / count + squared / (4 * count)) / (1 + squared)
    return float(max(0.0, middle - half)), float(min(1.0, middle + half))


def score_classes(confusion: Integers) -> list[ClassScore]:
    """Compute the scores of each class from a confusion matrix [C, C]."""
    rows, columns = confusion.sum(axis=1), confusion.sum(axis=0)
    return [
        ClassScore(_share(hits, row), _share(hits, column), int(row))
        for hits, row, column in zip(confusion.diagonal(), rows, columns, strict=True)
    ]


def auroc(known: Doubles, unknown: Doubles) -> float:
    """Return the area under the ROC curve: P(k > u) + P(k = u) / 2 over all pairs of known and unknown.

    Args:
        known: Scores, [N].
        unknown: Scores, [M].
    """
    below = np.searchsorted(np.sort(unknown), known, "left")
    upto = np.searchsorted(np.sort(unknown), known, "right")
    return float((below + upto).mean() / (2 * len(unknown)))


def false_positive_rate(known: Doubles, unknown: Doubles, true_positive_rate: float = 0.95) -> float:
    """Return the share of the unknown [M] that is accepted if `true_positive_rate` of the known [N] is."""
    threshold = np.sort(known)[len(known) - int(np.ceil(true_positive_rate * len(known)))]
    return float((unknown >= threshold).mean())


def _share(part: int, whole: int) -> float | None:
    return float(part / whole) if whole else None
