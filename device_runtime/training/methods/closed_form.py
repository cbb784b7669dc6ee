"""Fits the closed-form methods: heads on the frozen features, compared by cross-validation.

Each fold of the recordings is scored by a fit to the other folds. This is cheap, because folds are parts of
one matrix of inner products, and it measures every recording instead of the few of a single split.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from device_runtime.data.dataset import FOLDS, NEVER_HELD_OUT
from device_runtime.model.adapter import softmax
from device_runtime.system.progress import Progress, ignore_progress
from device_runtime.training.methods.features import TrainingData
from device_runtime.training.methods.kernel import Solver
from device_runtime.training.methods.prototype import solve_prototype
from device_runtime.training.methods.ridge import PENALTIES, solve_ridge
from device_runtime.training.methods.slda import SHRINKAGES, solve_slda
from device_runtime.training.validation import MIN_PROBABILITY, ValidationResult
from edgecl.arrays import Bools, Doubles, Floats, Integers

CLOSED_FORMS: dict[str, tuple[Solver, ...]] = {
    "prototype": (solve_prototype,),
    "slda": tuple(partial(solve_slda, shrinkage=shrinkage) for shrinkage in SHRINKAGES),
    "ridge": tuple(partial(solve_ridge, penalty=penalty) for penalty in PENALTIES),
}
"""The variants of each method; held-out recordings choose one."""
SCALES = np.logspace(-3, 2, 51)


@dataclass(frozen=True)
class ClosedForm:
    """A closed-form method, fitted to a task."""

    name: str
    validation: ValidationResult
    data: TrainingData
    solver: Solver  # the variant with the least validation loss
    scale: float  # calibration factor of its logits

    @classmethod
    def fit(
        cls,
        name: str,
        data: TrainingData,
        progress: Progress = ignore_progress,
        included: Bools | None = None,
    ) -> "ClosedForm":
        """Fit a method by cross-validation, in the variant with the least validation loss.

        Args:
            name: of the method.
            data: of the task.
            progress: see `cross_validate`.
            included: mask of the windows of the sample [M] to fit to; None: all.
        """
        solvers = CLOSED_FORMS[name]
        results = cross_validate(solvers, data, progress, included)
        fitted = [
            cls(name, validation, data, solver, scale)
            for solver, (validation, scale) in zip(solvers, results, strict=True)
        ]
        return min(fitted, key=lambda one: one.validation.loss)

    def fit_all(self) -> Floats:
        """Fit to all windows of the sample; return the initial adapter and the fitted head, [n]."""
        head = self.solver(self.data.kernel).scale(self.scale).to_head(self.data.features)
        return np.concatenate([self.data.initial_parameters[: -head.size], head.ravel()])


def cross_validate(
    solvers: Sequence[Solver],
    data: TrainingData,
    progress: Progress = ignore_progress,
    included: Bools | None = None,
) -> list[tuple[ValidationResult, float]]:
    """Score each fold's recordings by fits to the other folds.

    Args:
        solvers: variants of a method; each fits a head.
        data: of the task.
        progress: called after every fit, in stage "fitting".
        included: mask of the windows of the sample [M] to fit to; None: all.

    Returns:
        For each variant the scores, and the factor that calibrates its logits.
    """
    dataset, sample, kernel = data.dataset, data.sample, data.kernel
    folds, is_measured = data.folds[sample], ~dataset.augmented[sample]
    logits, fits = np.zeros((len(solvers), len(sample), kernel.classes)), FOLDS * len(solvers)
    for fold in range(FOLDS):
        held_out, training = (folds == fold) & is_measured, folds != fold
        if included is not None:
            training &= included
        products, part = kernel.products[np.ix_(held_out, training)], kernel.select(training)
        for number, solver in enumerate(solvers):
            progress("fitting", fold * len(solvers) + number, fits)
            if held_out.any():
                logits[number, held_out] = solver(part).compute_logits(products)
    progress("fitting", fits, fits)
    scored = (folds != NEVER_HELD_OUT) & is_measured
    labels, recordings = dataset.labels[sample][scored], dataset.recordings[sample][scored]
    return [_score(one[scored], labels, recordings) for one in logits]


def _score(logits: Doubles, labels: Integers, recordings: Integers) -> tuple[ValidationResult, float]:
    """Calibrate the logits [M, C] of held-out windows and score their recordings."""
    scale = _calibrate_scale(logits, labels)
    return ValidationResult.from_windows(softmax(scale * logits), labels, recordings), scale


def _calibrate_scale(logits: Doubles, labels: Integers) -> float:
    """Return the factor of logits [M, C] with the least cross-entropy.

    Temperature scaling: Guo et al. 2017, "On Calibration of Modern Neural Networks", §4.2, equation 9.
    Deviation: the share 1 / (M + 2) of each target is spread over all classes, after Platt 1999, §2.2;
    otherwise a method without mistakes would get an infinite factor.
    """
    count, classes = logits.shape
    spread = 1 / (count + 2)
    targets = (1 - spread) * np.eye(classes)[labels] + spread / classes

    def loss(scale: float) -> float:
        scores = np.maximum(softmax(scale * logits), MIN_PROBABILITY)
        return -float((targets * np.log(scores)).sum())

    return min(map(float, SCALES), key=loss)
