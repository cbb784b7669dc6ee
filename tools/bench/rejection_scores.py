"""Scores for open-set rejection: how well a sound matches what a task was trained on.

Keys (`edgecl.learning.open_set`) are the product's score and use background recordings. The others use
nothing but the task's own training data:

    energy      −E(z) = log Σ_c exp f_c(z) of the head's logits f. Liu et al. 2020, "Energy-based
                Out-of-distribution Detection", equation 4 with T = 1
    distance    max_c −(z − μ_c)ᵀ Λ (z − μ_c), to the nearest class mean with one precision for all classes.
                Lee et al. 2018, "A Simple Unified Framework for Detecting Out-of-Distribution Samples and
                Adversarial Attacks", equation 2

Deviation of the latter: the precision is SLDA's with its smallest shrinkage, since there are fewer windows
than features. Larger shrinkages are slightly worse, cosines to the means far worse.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import nan

import numpy as np

from device_runtime.model.adapter import compute_logits
from device_runtime.training.methods.closed_form import ClosedForm
from device_runtime.training.methods.features import TrainingData
from device_runtime.training.methods.kernel import add_ridge
from device_runtime.training.methods.slda import SHRINKAGES
from device_runtime.training.rejection import Rejection
from edgecl.arrays import Doubles, Floats
from edgecl.learning.calibration import average_per_recording
from edgecl.learning.open_set import compute_margins

Score = Callable[[Floats], Doubles]
"""Embeddings [N, P] → score [N] of each window; larger means more like the training data."""

SHRINKAGE = min(SHRINKAGES)


@dataclass(frozen=True)
class RejectionScore:
    """A score with its threshold."""

    compute: Score
    threshold: float = nan  # smallest accepted score; nan: not calibrated


def make_key_score(rejection: Rejection) -> RejectionScore:
    """Return the product's score: the largest margin of the keys."""
    return RejectionScore(
        lambda embeddings: compute_margins(embeddings, rejection.keys).max(axis=1), rejection.threshold
    )


def make_scores_without_background(fitted: ClosedForm) -> dict[str, RejectionScore]:
    """Return energy, distance and their sum for a closed-form task."""
    scores = _make_energy(fitted), _make_distance(fitted.data)
    return {
        "energy": RejectionScore(scores[0]),
        "distance": RejectionScore(scores[1]),
        "energy + distance": RejectionScore(_make_sum(scores, fitted.data)),
    }


def _make_energy(fitted: ClosedForm) -> Score:
    """Return the negative energy of the head's logits."""
    data = fitted.data
    head = fitted.fit_all()[-data.dataset.classes * (data.embeddings.shape[1] + 1) :]

    def score(embeddings: Floats) -> Doubles:
        logits = compute_logits(embeddings, head, data.normalizer).astype(np.float64)
        return np.asarray(np.logaddexp.reduce(logits, axis=1))

    return score


def _make_distance(data: TrainingData) -> Score:
    """Return minus the squared distance of standardised embeddings to the nearest class mean."""
    features, kernel = data.features.astype(np.float64), data.kernel
    means = kernel.class_averaging.T @ features  # [C, P]
    residuals = features - means[kernel.labels]
    covariance = residuals.T @ residuals / len(residuals)
    shrunk = add_ridge((1 - SHRINKAGE) * covariance, SHRINKAGE * covariance.trace() / kernel.width)
    whitener = np.linalg.inv(np.linalg.cholesky(shrunk)).T  # [P, P], times its transpose Λ
    centres = means @ whitener
    mean, inverse_deviation = data.normalizer

    def score(embeddings: Floats) -> Doubles:
        white = (embeddings - mean) * inverse_deviation @ whitener
        return -np.min([np.square(white - centre).sum(axis=1) for centre in centres], axis=0)

    return score


def _make_sum(scores: Sequence[Score], data: TrainingData) -> Score:
    """Return the sum of scores, each standardised over the training recordings."""

    def standardise(score: Score) -> Score:
        own = average_per_recording(score(data.embeddings), data.dataset.recordings)
        return lambda embeddings: (score(embeddings) - own.mean()) / own.std()

    parts = [standardise(score) for score in scores]
    return lambda embeddings: np.sum([part(embeddings) for part in parts], axis=0)
