"""What a task may go by to tell its own sounds from strangers.

Keys (`edgecl.learning.open_set`) are the product's. The others look at nothing but what the task was taught:

    energy      −E(z) = log Σ_c exp f_c(z) of the head's logits f. Liu et al. 2020, "Energy-based
                Out-of-distribution Detection", equation 4 with T = 1
    distance    max_c −(z − μ_c)ᵀ Λ (z − μ_c), to the nearest class mean by one precision for all classes.
                Lee et al. 2018, "A Simple Unified Framework for Detecting Out-of-Distribution Samples and
                Adversarial Attacks", equation 2

Deviation of the latter: the precision is SLDA's, since there are fewer windows than features, with the least
of its shrinkages. The others are a little worse, and cosines to the means far worse.
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
"""Embeddings [N, P] → how much each window is like the task's own, [N]."""

SHRINKAGE = min(SHRINKAGES)


@dataclass(frozen=True)
class Judge:
    """A score, and where it counts as the task's own."""

    score: Score
    threshold: float = nan  # the smallest accepted one; nan: none was calibrated


def by_keys(rejection: Rejection) -> Judge:
    """The largest margin, as the product has it."""
    return Judge(
        lambda embeddings: compute_margins(embeddings, rejection.keys).max(axis=1), rejection.threshold
    )


def without_background(learnt: ClosedForm) -> dict[str, Judge]:
    """Energy, distance and their sum, of a task in closed form."""
    views = _energy(learnt), _nearness(learnt.data)
    return {
        "energy": Judge(views[0]),
        "distance": Judge(views[1]),
        "energy + distance": Judge(_summed(views, learnt.data)),
    }


def _energy(learnt: ClosedForm) -> Score:
    """The negative energy of its head."""
    material = learnt.data
    head = learnt.fit_all()[-material.dataset.classes * (material.embeddings.shape[1] + 1) :]

    def score(embeddings: Floats) -> Doubles:
        logits = compute_logits(embeddings, head, material.normalizer).astype(np.float64)
        return np.asarray(np.logaddexp.reduce(logits, axis=1))

    return score


def _nearness(material: TrainingData) -> Score:
    """Minus the squared distance to the nearest mean of standardised embeddings."""
    features, gram = material.features.astype(np.float64), material.kernel
    means = gram.class_averaging.T @ features  # [C, P]
    residuals = features - means[gram.labels]
    covariance = residuals.T @ residuals / len(residuals)
    shrunk = add_ridge((1 - SHRINKAGE) * covariance, SHRINKAGE * covariance.trace() / gram.width)
    whitener = np.linalg.inv(np.linalg.cholesky(shrunk)).T  # [P, P], times its transpose Λ
    centres = means @ whitener
    mean, inverse_deviation = material.normalizer

    def score(embeddings: Floats) -> Doubles:
        white = (embeddings - mean) * inverse_deviation @ whitener
        return -np.min([np.square(white - centre).sum(axis=1) for centre in centres], axis=0)

    return score


def _summed(scores: Sequence[Score], material: TrainingData) -> Score:
    """The sum of scores, each in deviations of what the recordings learnt from have."""

    def standardised(score: Score) -> Score:
        taught = average_per_recording(score(material.embeddings), material.dataset.recordings)
        return lambda embeddings: (score(embeddings) - taught.mean()) / taught.std()

    parts = [standardised(score) for score in scores]
    return lambda embeddings: np.sum([part(embeddings) for part in parts], axis=0)
