"""The report on an enrolment: accuracy of each class, confusions, doubtful recordings, and what to record."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from device_runtime.training.label_noise import SuspectLabel, find_suspect_labels
from device_runtime.training.learning_curve import CurvePoint, extrapolate_accuracy
from device_runtime.training.validation import ValidationResult
from device_runtime.workflows.enroller import Enrolment
from edgecl.arrays import Integers
from edgecl.audio.class_differences import describe_class_differences
from edgecl.audio.near_duplicates import find_copies
from edgecl.learning.metrics import confusion_matrix, score_classes

MAX_LISTED = 5
"""Confused pairs, and classes for which more recordings are advised."""
MIN_CLIPS = 5
"""Recordings of a class below which its accuracy means little."""
GOOD_CLIPS = 12
"""Recordings that are advised for such a class."""
MIN_GAIN = 0.01
"""Accuracy that twice as many recordings must promise before more are advised."""
GOOD_RECALL = 0.95
"""Recall of a class from which nothing more is advised for it."""
MIN_MISSED = 2
"""Missed recordings of a class before anything is advised: a single one proves nothing."""
MAX_MORE = 40
"""Recordings that are advised at most."""


@dataclass(frozen=True)
class ClassReport:
    """One class of the task."""

    label: str
    clips: int
    windows: int
    held_out: int  # held-out recordings
    accuracy: float | None  # share of them that were recognised


@dataclass(frozen=True)
class Confusion:
    """A pair of classes that are confused."""

    label: str
    taken_for: str
    clips: int  # held-out recordings of `label` that were recognised as `taken_for`


@dataclass(frozen=True)
class SuspectRecording:
    """A recording that may be in the wrong class."""

    file: str
    label: str
    looks_like: str
    score: float  # probability of `looks_like`


@dataclass(frozen=True)
class NearDuplicate:
    """A recording that is the same sound as another."""

    file: str
    label: str
    original: str
    original_label: str


@dataclass(frozen=True)
class EnrolmentReport:
    """What the held-out recordings of an enrolment show."""

    classes: list[ClassReport]
    accuracy: float  # on all held-out recordings
    confusable: list[Confusion]
    confusion: Integers  # held-out recordings by true class (rows) and recognised class (columns), [C, C]
    curve: list[CurvePoint]  # accuracy with a quarter, half, all of the recordings
    expected: float | None  # accuracy expected with twice as many
    suspects: list[SuspectRecording]
    duplicates: list[NearDuplicate]  # among the recordings of this enrolment
    advice: list[str]


def build_report(enrolment: Enrolment) -> EnrolmentReport:
    """Report on an enrolment, as its held-out recordings show it.

    Recordings that may be mislabelled do not count towards the advice to record more.
    """
    held_out, labels = enrolment.fitted.validation, enrolment.blob.labels
    suspected = find_suspect_labels(enrolment.first.validation)
    trusted = held_out.exclude(one.recording for one in suspected)
    counts = _count(held_out, labels)
    return EnrolmentReport(
        classes=_classes(enrolment, counts),
        accuracy=held_out.accuracy,
        confusable=_confusable(labels, counts),
        confusion=counts,
        curve=enrolment.curve,
        expected=extrapolate_accuracy(enrolment.curve),
        suspects=list(_suspect_recordings(enrolment, suspected)),
        duplicates=list(_near_duplicates(enrolment)),
        advice=[
            *describe_class_differences((one.label, one.acoustics) for one in enrolment.ingest.recordings),
            *advise(_advisable(enrolment, _classes(enrolment, _count(trusted, labels))), enrolment.curve),
        ],
    )


def advise(classes: Sequence[ClassReport], curve: Sequence[CurvePoint]) -> Iterator[str]:
    """Yield what to record: more of classes with few recordings, and of those that are often missed."""
    for one in classes:
        if one.clips < MIN_CLIPS:
            missing = GOOD_CLIPS - one.clips
            yield f"record {missing} more of '{one.label}': {one.clips} are too few to measure it"
    promised = extrapolate_accuracy(curve)
    missed = sorted((one for one in classes if _is_missed(one)), key=lambda one: one.accuracy or 0)
    if promised is None or not missed:
        return
    if promised - curve[-1].accuracy >= MIN_GAIN:
        for one in missed[:MAX_LISTED]:
            yield f"record {min(one.clips, MAX_MORE)} more of '{one.label}'"
    else:
        names = ", ".join(f"'{one.label}'" for one in missed[:MAX_LISTED])
        yield f"more of the same will change little for {names}: record other sources, in other places"


def _is_missed(one: ClassReport) -> bool:
    """Return whether a class with enough recordings is missed too often."""
    replay = one.accuracy or 0.0
    missed = round(one.held_out * (1 - replay))
    return one.clips >= MIN_CLIPS and replay < GOOD_RECALL and missed >= MIN_MISSED


def _count(held_out: ValidationResult, labels: Sequence[str]) -> Integers:
    return confusion_matrix(held_out.labels, held_out.predicted, len(labels))


def _classes(enrolment: Enrolment, counts: Integers) -> list[ClassReport]:
    clips, windows = Counter[str](), Counter[str]()
    for clip in enrolment.training_set:
        clips[clip.label] += 1
        windows[clip.label] += clip.windows
    return [
        ClassReport(label, clips[label], windows[label], score.support, score.recall)
        for label, score in zip(enrolment.blob.labels, score_classes(counts), strict=True)
    ]


def _advisable(enrolment: Enrolment, classes: Sequence[ClassReport]) -> list[ClassReport]:
    """Return the classes that have recordings of their own, not only backgrounds of others."""
    recorded = {clip.label for clip in enrolment.training_set if clip.origin != "background"}
    return [one for one in classes if one.label in recorded]


def _confusable(labels: Sequence[str], counts: Integers) -> list[Confusion]:
    pairs = [Confusion(labels[i], labels[j], int(counts[i, j])) for i, j in np.argwhere(counts) if i != j]
    return sorted(pairs, key=lambda pair: -pair.clips)[:MAX_LISTED]


def _suspect_recordings(
    enrolment: Enrolment, suspected: Sequence[SuspectLabel]
) -> Iterator[SuspectRecording]:
    clips, labels = enrolment.training_set, enrolment.blob.labels
    for one in suspected:
        clip = clips[one.recording]
        if clip.origin != "background":
            yield SuspectRecording(clip.file, labels[one.label], labels[one.looks_like], one.score)


def _near_duplicates(enrolment: Enrolment) -> Iterator[NearDuplicate]:
    recordings = enrolment.ingest.recordings
    for original, copy in find_copies([recording.sketch for recording in recordings]):
        one, other = recordings[original], recordings[copy]
        yield NearDuplicate(str(other.path), other.label, str(one.path), one.label)
