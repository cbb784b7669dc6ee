"""Finds recordings that may carry the wrong label."""

from dataclasses import dataclass

import numpy as np

from device_runtime.training.validation import ValidationResult

MIN_SCORE = 0.8
"""Smallest probability of another class at which a recording is suspect."""


@dataclass(frozen=True)
class SuspectLabel:
    """A recording that may carry the wrong label."""

    recording: int
    label: int
    looks_like: int  # the class that it more probably belongs to
    score: float  # probability of that class


def find_suspect_labels(validation: ValidationResult) -> list[SuspectLabel]:
    """Find recordings that score for another class as high as that class's own recordings do on average.

    Confident learning: Northcutt, Jiang & Chuang 2021, "Confident Learning: Estimating Uncertainty in
    Dataset Labels", §3.1: the off-diagonal entries of the confident joint (equations 1 and 2). Deviation:
    the probability is at least MIN_SCORE.

    Returns:
        The suspects, the most probable ones first.
    """
    scores, labels, predicted = validation.scores, validation.labels, validation.predicted
    rows = np.arange(len(labels))
    counts = np.bincount(labels, minlength=scores.shape[1])
    totals = np.bincount(labels, scores[rows, labels], minlength=scores.shape[1])
    typical = np.where(counts > 0, totals / np.maximum(counts, 1), 1.0)  # mean probability of a class's own
    score = scores[rows, predicted]
    suspect = np.flatnonzero((predicted != labels) & (score >= np.maximum(typical[predicted], MIN_SCORE)))
    return [
        SuspectLabel(int(validation.recordings[i]), int(labels[i]), int(predicted[i]), float(score[i]))
        for i in suspect[np.argsort(-score[suspect], kind="stable")]
    ]
