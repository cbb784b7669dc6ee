"""The learning curve of a task: accuracy with a quarter, half and all of its recordings.

    recordings ─► four quarters, two halves ─► each cross-validated ─► mean accuracy of each size

The folds are those of the full fit, and every recording is scored, whichever part is trained on. Quarters
and halves do not overlap, so their mean is steadier than a single draw.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from device_runtime.system.progress import Progress
from device_runtime.training.methods.closed_form import ClosedForm
from device_runtime.training.methods.features import TrainingData, rank_within
from device_runtime.training.validation import ValidationResult
from edgecl.arrays import Integers
from edgecl.learning.metrics import wilson_interval

PARTS = (4, 2)  # numbers of parts that the recordings are divided into
MIN_CLIPS = 2  # recordings of each class per part: one to score, one to train on


@dataclass(frozen=True)
class CurvePoint:
    """One point of the curve."""

    recordings: int  # number of recordings; one fold at a time is held out
    accuracy: float  # on the held-out recordings
    low: float  # 95 % interval of that accuracy
    high: float


def measure_learning_curve(
    data: TrainingData, method: str, full: ValidationResult, progress: Progress
) -> list[CurvePoint]:
    """Measure the curve from few recordings to all; parts with too few of a class are left out.

    Args:
        data: of the task.
        method: one of CLOSED_FORMS.
        full: validation result of that method with all recordings.
        progress: called after every part, in stage "learning curve".
    """
    numbers, first = np.unique(data.dataset.recordings[data.sample], return_index=True)
    labels = data.dataset.labels[data.sample][first]
    fewest = int(np.bincount(labels).min())
    sizes = [parts for parts in PARTS if fewest >= MIN_CLIPS * parts]
    points, done = list[CurvePoint](), 0
    for parts in sizes:
        results = []
        part_of = _divide(data, parts)
        for part in range(parts):
            progress("learning curve", done, sum(sizes))
            results.append(ClosedForm.fit(method, data, included=part_of == part).validation)
            done += 1
        points.append(_average(len(results[0].recordings) // parts, results))
    if sizes:
        progress("learning curve", done, done)
    return [*points, _average(len(numbers), [full])]


def format_curve(curve: Sequence[CurvePoint]) -> str:
    """Return the curve in the form that a blob's record stores: `12 0.8125 0.71 0.88; 24 …`."""
    return "; ".join(f"{one.recordings} {one.accuracy:.4f} {one.low:.4f} {one.high:.4f}" for one in curve)


def parse_curve(text: object) -> list[CurvePoint]:
    """Parse the curve of a blob's record; it is empty where there is none or it is malformed."""
    try:
        rows = [one.split() for one in text.split(";")] if isinstance(text, str) else []
        curve = [CurvePoint(int(count), *map(float, numbers)) for count, *numbers in rows]
    except (ValueError, TypeError):
        return []
    return curve if np.isfinite([[one.accuracy, one.low, one.high] for one in curve]).all() else []


def extrapolate_accuracy(curve: Sequence[CurvePoint]) -> float | None:
    """Return the accuracy expected with twice as many recordings; None where the curve is a single point.

    Errors fall with a power of the number of examples (Hestness et al. 2017, "Deep Learning Scaling is
    Predictable, Empirically", §3); here the power follows from the first and the last point.
    """
    if len(curve) < 2:
        return None
    few, many = curve[0], curve[-1]
    error = 1 - many.accuracy
    if error == 0 or error >= 1 - few.accuracy:
        return many.accuracy
    power = np.log((1 - few.accuracy) / error) / np.log(many.recordings / few.recordings)
    return float(1 - error / 2**power)


def _average(recordings: int, results: Sequence[ValidationResult]) -> CurvePoint:
    accuracy = float(np.mean([one.accuracy for one in results]))
    return CurvePoint(recordings, accuracy, *wilson_interval(accuracy, len(results[0].recordings)))


def _divide(data: TrainingData, parts: int) -> Integers:
    """Return the part of each window of the sample, [M].

    Recordings of a class are distributed fold by fold, so that no part has all of them in one fold.
    """
    dataset, sample = data.dataset, data.sample
    numbers, first = np.unique(dataset.recordings[sample], return_index=True)
    labels, folds = dataset.labels[sample][first], data.folds[sample][first]
    order = np.argsort(folds, kind="stable")
    part = np.empty_like(order)
    part[order] = rank_within(labels[order]) % parts
    divided: Integers = part[np.searchsorted(numbers, dataset.recordings[sample])]
    return divided
