"""What an enrolment showed: how well each class is known, what it is confused with, what to record."""

from collections import Counter
from dataclasses import dataclass

from device_runtime.enroll import Enrolment
from edgecl.metrics import confusion, per_class

ENOUGH_CLIPS = 10
MOST_PAIRS = 5


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
class Report:
    """All of it."""

    classes: list[ClassReport]
    accuracy: float  # on all held-out recordings
    confusable: list[Confusion]
    advice: list[str]


def report(enrolment: Enrolment) -> Report:
    """The report on an enrolment, as its held-out recordings showed it."""
    held_out, labels = enrolment.lesson.held_out, enrolment.blob.labels
    counts = confusion(held_out.labels, held_out.predicted, len(labels))
    clips, windows = Counter[str](), Counter[str]()
    for taught in enrolment.lessons:
        clips[taught.label] += 1
        windows[taught.label] += taught.windows
    classes = [
        ClassReport(label, clips[label], windows[label], score.support, score.recall)
        for label, score in zip(labels, per_class(counts), strict=True)
    ]
    pairs = [
        Confusion(labels[i], labels[j], int(counts[i, j]))
        for i in range(len(labels))
        for j in range(len(labels))
        if i != j and counts[i, j]
    ]
    pairs.sort(key=lambda pair: -pair.clips)
    return Report(classes, held_out.accuracy, pairs[:MOST_PAIRS], _advice(classes))


def _advice(classes: list[ClassReport]) -> list[str]:
    return [
        f"record {ENOUGH_CLIPS - known.clips} more of '{known.label}'"
        for known in classes
        if known.clips < ENOUGH_CLIPS
    ]
