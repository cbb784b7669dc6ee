"""What an enrolment showed: how well each class is known, what it is taken for, what to record or check."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from device_runtime.training.label_noise import SuspectLabel, find_suspect_labels
from device_runtime.training.learning_curve import CurvePoint, extrapolate_accuracy
from device_runtime.training.validation import ValidationResult
from device_runtime.workflows.enroll import Enrolment
from edgecl.arrays import Integers
from edgecl.audio.near_duplicates import find_copies
from edgecl.learning.metrics import confusion_matrix, score_classes

MOST = 5  # pairs, and classes of which more is asked for
FEW = 5
"""Recordings of a class, below which it can hardly be measured;"""
GOOD_START = 12
"""it should then have as many."""
WORTH_IT = 0.01
"""Accuracy that twice as many recordings must promise before anybody is asked for more."""
KNOWN_WELL = 0.95
"""Share of a class from which nothing is asked for;"""
MORE_THAN_CHANCE = 2
"""and so many of its recordings must have been missed, for a single one proves nothing."""
MOST_MORE = 40
"""Recordings that anybody is asked for."""


@dataclass(frozen=True)
class ClassReport:
    """One class of the task."""

    label: str
    clips: int
    windows: int
    held_out: int  # recordings it was measured on
    accuracy: float | None  # share of them that were recognised


@dataclass(frozen=True)
class Confusion:
    """A pair of classes that is hard to tell apart."""

    label: str
    taken_for: str
    clips: int  # held-out recordings of `label` that were


@dataclass(frozen=True)
class SuspectRecording:
    """A recording that may be in the wrong class."""

    file: str
    label: str
    looks_like: str
    score: float  # probability of what it looks like


@dataclass(frozen=True)
class NearDuplicate:
    """A recording that is the same sound as another."""

    file: str
    label: str
    original: str
    original_label: str


@dataclass(frozen=True)
class EnrolmentReport:
    """All of it."""

    classes: list[ClassReport]
    accuracy: float  # on all held-out recordings
    confusable: list[Confusion]
    confusion: Integers  # held-out recordings by class (rows) and what they were taken for (columns), [C, C]
    curve: list[CurvePoint]  # accuracy when a quarter, half, all of the recordings teach
    expected: float | None  # accuracy of twice as many
    suspects: list[SuspectRecording]
    duplicates: list[NearDuplicate]  # among the recordings that were heard now
    advice: list[str]


def report(enrolment: Enrolment) -> EnrolmentReport:
    """The report on an enrolment, as its held-out recordings showed it.

    What may only be mislabelled is no reason to record more.
    """
    held_out, labels = enrolment.lesson.validation, enrolment.blob.labels
    doubted = find_suspect_labels(enrolment.first.validation)
    trusted = held_out.exclude(one.recording for one in doubted)
    counts = _counts(held_out, labels)
    return EnrolmentReport(
        classes=_classes(enrolment, counts),
        accuracy=held_out.accuracy,
        confusable=_confusable(labels, counts),
        confusion=counts,
        curve=enrolment.curve,
        expected=extrapolate_accuracy(enrolment.curve),
        suspects=list(_doubtful(enrolment, doubted)),
        duplicates=list(_copies(enrolment)),
        advice=list(advise(_classes(enrolment, _counts(trusted, labels)), enrolment.curve)),
    )


def _counts(held_out: ValidationResult, labels: Sequence[str]) -> Integers:
    return confusion_matrix(held_out.labels, held_out.predicted, len(labels))


def _classes(enrolment: Enrolment, counts: Integers) -> list[ClassReport]:
    clips, windows = Counter[str](), Counter[str]()
    for taught in enrolment.lessons:
        clips[taught.label] += 1
        windows[taught.label] += taught.windows
    return [
        ClassReport(label, clips[label], windows[label], score.support, score.recall)
        for label, score in zip(enrolment.blob.labels, score_classes(counts), strict=True)
    ]


def _confusable(labels: Sequence[str], counts: Integers) -> list[Confusion]:
    pairs = [Confusion(labels[i], labels[j], int(counts[i, j])) for i, j in np.argwhere(counts) if i != j]
    return sorted(pairs, key=lambda pair: -pair.clips)[:MOST]


def _doubtful(enrolment: Enrolment, doubted: Sequence[SuspectLabel]) -> Iterator[SuspectRecording]:
    lessons, labels = enrolment.lessons, enrolment.blob.labels
    for one in doubted:
        file = lessons[one.recording].file
        yield SuspectRecording(file, labels[one.label], labels[one.looks_like], one.score)


def _copies(enrolment: Enrolment) -> Iterator[NearDuplicate]:
    heard = enrolment.intake.recordings
    for original, copy in find_copies([recording.sketch for recording in heard]):
        one, other = heard[original], heard[copy]
        yield NearDuplicate(str(other.path), other.label, str(one.path), one.label)


def advise(classes: Sequence[ClassReport], curve: Sequence[CurvePoint]) -> Iterator[str]:
    """What to record: of classes too few to be measured; of those often missed, if more promises anything."""
    for known in classes:
        if known.clips < FEW:
            missing = GOOD_START - known.clips
            yield f"record {missing} more of '{known.label}': {known.clips} can hardly be measured"
    promised = extrapolate_accuracy(curve)
    missed = sorted((known for known in classes if _is_missed(known)), key=lambda known: known.accuracy or 0)
    if promised is None or not missed:
        return
    if promised - curve[-1].accuracy >= WORTH_IT:
        for known in missed[:MOST]:
            yield f"record {min(known.clips, MOST_MORE)} more of '{known.label}'"
    else:
        names = ", ".join(f"'{known.label}'" for known in missed[:MOST])
        yield f"more of the same will change little for {names}: record elsewhere, and other sources of it"


def _is_missed(known: ClassReport) -> bool:
    """Whether a class, measured well enough, is missed too often."""
    share = known.accuracy or 0.0
    wrong = round(known.held_out * (1 - share))
    return known.clips >= FEW and share < KNOWN_WELL and wrong >= MORE_THAN_CHANCE
