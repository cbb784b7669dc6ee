"""The learning curve of a task: how many recordings are recognised when a quarter, half, all of them teach.

    recordings ─► four quarters, two halves ─► each cross-validated ─► mean accuracy of each size

The folds are those of the lesson, and every recording is asked, whichever part teaches. Quarters and halves
do not overlap, so their mean is steadier than a single draw.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from device_runtime.training.methods.closed_form import ClosedForm
from device_runtime.training.methods.features import TrainingData, rank_within
from device_runtime.training.validation import ValidationResult
from edgecl.arrays import Integers
from edgecl.learning.metrics import wilson_interval

PARTS = (4, 2)  # into which the recordings are divided
LEAST = 2  # recordings of each class in a part: while one is asked, the other teaches


@dataclass(frozen=True)
class CurvePoint:
    """One point of the curve."""

    recordings: int  # that there are to learn from, one fold of them at a time kept aside
    accuracy: float  # on the recordings kept aside
    low: float  # 95 % interval of that accuracy
    high: float


def measure_learning_curve(
    material: TrainingData, method: str, all_of_them: ValidationResult
) -> list[CurvePoint]:
    """Its points, from few recordings to all; parts that would hold too few of a class are left out.

    Args:
        method: of CLOSED_FORMS.
        all_of_them: what that method makes of each recording when all others teach.
    """
    numbers, first = np.unique(material.dataset.recordings[material.sample], return_index=True)
    labels = material.dataset.labels[material.sample][first]
    fewest = int(np.bincount(labels).min())
    points = [_point(material, method, parts) for parts in PARTS if fewest >= LEAST * parts]
    return [*points, _measured(len(numbers), [all_of_them])]


def format_curve(curve: Sequence[CurvePoint]) -> str:
    """The curve as a blob's record keeps it: `12 0.8125 0.71 0.88; 24 …`."""
    return "; ".join(f"{one.recordings} {one.accuracy:.4f} {one.low:.4f} {one.high:.4f}" for one in curve)


def parse_curve(words: object) -> list[CurvePoint]:
    """The curve that a blob's record keeps; no points where it keeps none."""
    try:
        rows = [one.split() for one in words.split(";")] if isinstance(words, str) else []
        curve = [CurvePoint(int(count), *map(float, figures)) for count, *figures in rows]
    except (ValueError, TypeError):
        return []
    return curve if np.isfinite([[one.accuracy, one.low, one.high] for one in curve]).all() else []


def extrapolate_accuracy(curve: Sequence[CurvePoint]) -> float | None:
    """The accuracy to be expected of twice as many recordings; None where the curve is a single point.

    Errors fall with a power of the number of examples (Hestness et al. 2017, "Deep Learning Scaling is
    Predictable, Empirically", §3), here the one of the line from the first point to the last.
    """
    if len(curve) < 2:
        return None
    few, many = curve[0], curve[-1]
    error = 1 - many.accuracy
    if error == 0 or error >= 1 - few.accuracy:
        return many.accuracy
    power = np.log((1 - few.accuracy) / error) / np.log(many.recordings / few.recordings)
    return float(1 - error / 2**power)


def _point(material: TrainingData, method: str, parts: int) -> CurvePoint:
    part = _divided(material, parts)
    measured = [ClosedForm.fit(method, material, part == one).validation for one in range(parts)]
    return _measured(len(measured[0].recordings) // parts, measured)


def _measured(recordings: int, measured: Sequence[ValidationResult]) -> CurvePoint:
    accuracy = float(np.mean([one.accuracy for one in measured]))
    return CurvePoint(recordings, accuracy, *wilson_interval(accuracy, len(measured[0].recordings)))


def _divided(material: TrainingData, parts: int) -> Integers:
    """The part of each window of the sample, [M]: recordings of a class are dealt out fold by fold, so that
    none of the parts has all of them in one fold."""
    examples, sample = material.dataset, material.sample
    numbers, first = np.unique(examples.recordings[sample], return_index=True)
    labels, folds = examples.labels[sample][first], material.folds[sample][first]
    order = np.argsort(folds, kind="stable")
    part = np.empty_like(order)
    part[order] = rank_within(labels[order]) % parts
    divided: Integers = part[np.searchsorted(numbers, examples.recordings[sample])]
    return divided
