"""The methods that need no gradient steps through the adapter: heads on the frozen features, cross-validated.

Each fold of the recordings is asked of what the others taught. That is cheap, because folds are parts of one
matrix of products; and it makes every recording a measured one, where a single split would have a handful.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from device_runtime.data.dataset import FOLDS, NEVER_HELD_OUT
from device_runtime.model.adapter import softmax
from device_runtime.training.methods import logistic, prototype, ridge, slda
from device_runtime.training.methods.features import TrainingData
from device_runtime.training.methods.kernel import Solver
from device_runtime.training.validation import MIN_PROBABILITY, ValidationResult
from edgecl.arrays import Doubles, Floats, Integers

CLOSED_FORMS: dict[str, tuple[Solver, ...]] = {
    "prototype": (prototype.solve,),
    "slda": slda.VERSIONS,
    "ridge": (ridge.solve,),
    "logistic": (logistic.solve,),
}
"""Of each the versions among which held-out recordings choose."""
SCALES = np.logspace(-3, 2, 51)


@dataclass(frozen=True)
class ClosedForm:
    """One of them, tried on a task."""

    name: str
    validation: ValidationResult
    data: TrainingData
    solver: Solver  # the version that was surest and right
    scale: float  # of the logits, as the held-out windows found it best

    @classmethod
    def fit(cls, name: str, material: TrainingData, taught: NDArray[np.bool_] | None = None) -> "ClosedForm":
        """The method of this name, in the version of the least held-out loss.

        Args:
            taught: which windows of the sample [M] may teach; all, where it is not said.
        """
        versions = []
        for solve in CLOSED_FORMS[name]:
            held_out, scale = cross_validate(solve, material, taught)
            versions.append(cls(name, held_out, material, solve, scale))
        return min(versions, key=lambda version: version.validation.loss)

    def fit_all(self) -> Floats:
        """The untouched adapter, then the head that all windows of the sample teach, [n]."""
        material = self.data
        head = self.solver(material.kernel).scale(self.scale).to_head(material.features)
        return np.concatenate([material.initial_parameters[: -head.size], head.ravel()])


def cross_validate(
    solve: Solver, material: TrainingData, taught: NDArray[np.bool_] | None = None
) -> tuple[ValidationResult, float]:
    """What each fold's recordings are taken for by what the others taught, and the scale of their logits.

    Args:
        taught: which windows of the sample [M] may teach; all, where it is not said.
    """
    examples, sample, gram = material.dataset, material.sample, material.kernel
    folds, measured = material.folds[sample], ~examples.augmented[sample]
    logits = np.zeros((len(sample), gram.classes))
    for fold in range(FOLDS):
        asked, teaching = (folds == fold) & measured, folds != fold
        if taught is not None:
            teaching &= taught
        if asked.any():
            logits[asked] = solve(gram.select(teaching)).compute_logits(
                gram.products[np.ix_(asked, teaching)]
            )
    asked = (folds != NEVER_HELD_OUT) & measured
    labels, recordings = examples.labels[sample][asked], examples.recordings[sample][asked]
    scale = _best_scale(logits[asked], labels)
    return ValidationResult.from_windows(softmax(scale * logits[asked]), labels, recordings), scale


def _best_scale(logits: Doubles, labels: Integers) -> float:
    """By what to multiply logits [M, C] so that they are as sure as they are right.

    Temperature scaling: Guo et al. 2017, "On Calibration of Modern Neural Networks", §4.2, equation 9.
    Deviation: the share 1 / (M + 2) of each target is spread over all classes, after Platt 1999, §2.2; else
    a method that is always right would be made infinitely sure.
    """
    count, classes = logits.shape
    spread = 1 / (count + 2)
    targets = (1 - spread) * np.eye(classes)[labels] + spread / classes

    def loss(scale: float) -> float:
        scores = np.maximum(softmax(scale * logits), MIN_PROBABILITY)
        return -float((targets * np.log(scores)).sum())

    return min(map(float, SCALES), key=loss)
