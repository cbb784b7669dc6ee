"""Which method to take for a task, and why: asked of recordings that were held out, told in one sentence.

SLDA stands for all closed forms. To choose among it, ridge and logistic regression by their held-out loss was
no better with 4 recordings of each class, and half a point to a point worse with 8, 16 and all (six tasks,
three draws); the mean of their logits was no better either. Nor were features behind a square root or scaled
to one length, or copies at other speeds, through equalisers and in other rooms.

Between it and the adapter, which answers for one fold only, hits decide, recording by recording: the adapter
must gain more of them than chance usually moves (McNemar 1947: the recordings on which only one is right are
compared, gained − lost against their standard deviation √(gained + lost); a fold is too small for two).
"""

from math import sqrt

import numpy as np

from device_runtime.training.methods import Method
from device_runtime.training.methods.adapter import VALIDATION_FOLD, Trainer
from device_runtime.training.methods.closed_form import ClosedForm
from device_runtime.training.methods.features import TrainingData
from device_runtime.training.validation import ValidationResult

CLOSED_FORM = "slda"
"""The closed form that is taken."""

WORTH_A_TRIAL = 2
"""So many mistakes in the first fold, and an adapter may prove better; of fewer it can prove nothing."""


def fit_closed_form(material: TrainingData) -> tuple[ClosedForm, str]:
    """What can be had in seconds, and how good it is."""
    closed = ClosedForm.fit(CLOSED_FORM, material)
    return closed, f"in closed form it recognised {_share(closed.validation)} recordings kept aside"


def fit_best(material: TrainingData, trainer: Trainer) -> tuple[Method, str]:
    """The method that the held-out recordings speak for, and why."""
    closed, why = fit_closed_form(material)
    asked = closed.validation.select(
        np.unique(material.dataset.recordings[material.folds == VALIDATION_FOLD])
    )
    wrong = int((~asked.is_correct).sum())
    if wrong < WORTH_A_TRIAL:
        return closed, f"{why}; an adapter had {wrong} of {_count(asked)} mistakes to mend and was not tried"
    adapter = trainer.fit(material)
    verdict = f"an adapter recognised {_share(adapter.validation)}, {closed.name} {_share(asked)}"
    return (
        (adapter, verdict)
        if is_significantly_better(adapter.validation, asked)
        else (closed, f"{why}; {verdict}")
    )


def is_significantly_better(challenger: ValidationResult, holder: ValidationResult) -> bool:
    """Whether the challenger is right more often on the recordings both were asked, by over one deviation."""
    both = np.intersect1d(challenger.recordings, holder.recordings)
    ours, theirs = challenger.select(both).is_correct, holder.select(both).is_correct
    gained, lost = int((ours & ~theirs).sum()), int((theirs & ~ours).sum())
    return gained - lost > sqrt(gained + lost)


def _share(held_out: ValidationResult) -> str:
    return f"{int(held_out.is_correct.sum())} of {_count(held_out)}"


def _count(held_out: ValidationResult) -> int:
    return len(held_out.labels)
