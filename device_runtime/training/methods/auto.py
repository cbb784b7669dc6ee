"""Chooses the method of a task by its held-out recordings, and says why.

The closed form is SLDA. An adapter is trained where SLDA makes mistakes in the validation fold, and taken
where it recognises more recordings by more than chance (McNemar 1947: of the recordings that only one of
both recognises, gained − lost is compared with its standard deviation √(gained + lost); a fold is too small
for two deviations).
"""

from math import sqrt

import numpy as np

from device_runtime.system.progress import Progress
from device_runtime.training.methods.adapter import VALIDATION_FOLD, Trainer
from device_runtime.training.methods.base import Method
from device_runtime.training.methods.closed_form import ClosedForm
from device_runtime.training.methods.features import TrainingData
from device_runtime.training.validation import ValidationResult

CLOSED_FORM = "slda"
MIN_MISTAKES = 2
"""Mistakes in the validation fold from which an adapter can prove better."""


def fit_closed_form(data: TrainingData, progress: Progress) -> tuple[ClosedForm, str]:
    """Fit the closed form, within seconds; return it with its accuracy in one sentence."""
    fitted = ClosedForm.fit(CLOSED_FORM, data, progress)
    return fitted, f"{fitted.name} recognised {_count_correct(fitted.validation)} held-out recordings"


def fit_best(data: TrainingData, trainer: Trainer) -> tuple[Method, str]:
    """Fit the method with the better validation result; return it with the reason in one sentence."""
    closed_form, reason = fit_closed_form(data, trainer.progress)
    fold = np.unique(data.dataset.recordings[data.folds == VALIDATION_FOLD])
    measured = closed_form.validation.select(fold)
    mistakes = int((~measured.is_correct).sum())
    if mistakes < MIN_MISTAKES:
        return closed_form, f"{reason}: too few mistakes for an adapter to prove better"
    adapter = trainer.fit(data)
    comparison = f"{_count_correct(adapter.validation)}, {closed_form.name} {_count_correct(measured)}"
    if is_significantly_better(adapter.validation, measured):
        return adapter, f"an adapter recognised {comparison} held-out recordings"
    return closed_form, f"{reason}; an adapter was not better ({comparison} of the same recordings)"


def is_significantly_better(challenger: ValidationResult, holder: ValidationResult) -> bool:
    """Return whether the challenger recognises more of the common recordings, by over one deviation."""
    common = np.intersect1d(challenger.recordings, holder.recordings)
    ours, theirs = challenger.select(common).is_correct, holder.select(common).is_correct
    gained, lost = int((ours & ~theirs).sum()), int((theirs & ~ours).sum())
    return gained - lost > sqrt(gained + lost)


def _count_correct(validation: ValidationResult) -> str:
    return f"{int(validation.is_correct.sum())} of {len(validation.labels)}"
