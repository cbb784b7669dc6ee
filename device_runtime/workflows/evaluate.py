"""Evaluate a task on a test set, and on recordings that hold none of its sounds."""

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from device_runtime.data.task_loader import load_task, load_tasks
from device_runtime.recognition.recognizer import Recognizer, TaskScore
from device_runtime.system.progress import Progress, ignore_progress
from device_runtime.workflows.documents import Document, list_rejected
from device_runtime.workflows.open_set import OpenSetReport, measure_rejection
from device_runtime.workflows.predict import predict_clip
from device_runtime.workflows.rooms import MAX_RECORDINGS, RoomScore, RoomTrial
from device_runtime.workflows.workspace import Workspace
from edgecl.arrays import Integers
from edgecl.audio.faults import Fault, describe_faults
from edgecl.audio.reader import LONG_LIMITS, Clip, RejectedFile, read_or_reject
from edgecl.dataset_folder import LabelledFolder, describe_ignored
from edgecl.dataset_layouts import open_dataset
from edgecl.errors import BlobError, DatasetError
from edgecl.labels import join_labels
from edgecl.learning.metrics import ClassScore, accuracy, confusion_matrix, score_classes
from edgecl.learning.negative_labels import is_negative
from edgecl.learning.reliability import ScoreRange, measure_reliability
from edgecl.store.blob import TaskBlob


@dataclass(frozen=True)
class ScoredClip:
    """One recording with its true class and the task's score."""

    path: Path
    truth: str
    score: TaskScore
    nearest: str
    """Of all tasks, the one with the largest margin."""
    is_clip: bool
    """Whether it fits in one window."""
    detected: frozenset[tuple[str, str]]
    """(task, label) of what `predict` answers: of the best task, or of all events."""
    is_enrolled: bool
    """Whether the task was trained on this recording."""
    faults: tuple[Fault, ...]
    """Of the recording, though it can be used."""

    @property
    def labels(self) -> frozenset[str]:
        """Return the labels that the task answers with if it is asked alone; none: unknown to it."""
        if self.is_clip:
            return frozenset({self.score.label} if self.score.accepted else ())
        return frozenset(label for task, label in self.detected if task == self.score.task)


@dataclass(frozen=True)
class ClassOutcome:
    """What became of the recordings of one class; counts of recordings."""

    detected: int
    """Answered with their label."""
    missed: int
    """Not answered: unknown to the task."""
    wrong_label: int
    """Answered with other labels only."""
    false_alarms: int
    """Recordings of other classes, negatives included, that were answered with this label."""


@dataclass(frozen=True)
class Evaluation:
    """Scores of one task on a test set.

    Recordings that the task was trained on are not measured, unless there are no others.
    """

    task: str
    labels: tuple[str, ...]
    scored: list[ScoredClip]
    rejected: list[RejectedFile]
    unknown: list[str]
    """Classes of the folder that the task does not have; they are left out."""
    notes: list[str]
    """Sentences on what was made of the folder."""
    rooms: list[RoomScore] = field(default_factory=list)
    """What is still detected in other rooms; empty where that was not asked for."""

    @property
    def enrolled(self) -> list[ScoredClip]:
        """Return the recordings that the task was trained on."""
        return [one for one in self.scored if one.is_enrolled]

    @property
    def is_held_out(self) -> bool:
        """Return whether what is measured was not trained on."""
        return len(self.enrolled) < len(self.scored)

    @property
    def measured(self) -> list[ScoredClip]:
        """Return the recordings that are measured: those not trained on, or all if there are no others."""
        return [one for one in self.scored if not one.is_enrolled] or self.scored

    @property
    def outcomes(self) -> list[ClassOutcome]:
        """Return what became of the recordings of each label, as `predict --task` would answer them."""
        return [self._count_outcomes(label) for label in self.labels]

    def _count_outcomes(self, label: str) -> ClassOutcome:
        own = [one.labels for one in self.measured if one.truth == label]
        others = [one.labels for one in self.measured if one.truth != label]
        detected, missed = sum(label in labels for labels in own), sum(not labels for labels in own)
        return ClassOutcome(
            detected, missed, len(own) - detected - missed, sum(label in labels for labels in others)
        )

    @property
    def confusion(self) -> Integers:
        """Return recordings by true (rows) and most probable class (columns), nothing rejected, [C, C]."""
        truth = [self.labels.index(one.truth) for one in self.measured]
        recognised = [self.labels.index(one.score.label) for one in self.measured]
        return confusion_matrix(truth, recognised, len(self.labels))

    @property
    def accuracy(self) -> float:
        """Return the share of recordings whose label is right."""
        return accuracy(self.confusion)

    @property
    def task_free_accuracy(self) -> float:
        """Return the share of recordings that are nearest to this task among all and whose label is right."""
        right = [one.nearest == self.task and one.score.label == one.truth for one in self.measured]
        return sum(right) / len(right)

    @property
    def answered(self) -> float | None:
        """Return the share of recordings of its sounds answered with this task and the right label.

        All tasks may answer and each may reject. None where there are no such recordings.
        """
        sounds = [one for one in self.measured if not is_negative(one.truth)]
        right = [(self.task, one.truth) in one.detected for one in sounds]
        return sum(right) / len(right) if right else None

    @property
    def taken_for(self) -> Counter[str]:
        """Count the recordings that are nearer to another task, by that task."""
        return Counter(one.nearest for one in self.measured if one.nearest != self.task)

    @property
    def known(self) -> list[TaskScore]:
        """Return the scores of recordings of its sounds, negatives left out."""
        return [one.score for one in self.measured if not is_negative(one.truth)]

    @property
    def accepted(self) -> float | None:
        """Return the share of recordings of its sounds that the task accepts; None without any."""
        return sum(score.accepted for score in self.known) / len(self.known) if self.known else None

    @property
    def detected(self) -> float | None:
        """Return the share of recordings of its sounds that are answered with their label; None without."""
        right = [one.truth in one.labels for one in self.measured if not is_negative(one.truth)]
        return sum(right) / len(right) if right else None

    @property
    def reliability(self) -> list[ScoreRange]:
        """Return how often the most probable label is right, by its score; nothing rejected."""
        scores = np.array([one.score.score for one in self.measured])
        is_right = np.array([one.score.label == one.truth for one in self.measured])
        return measure_reliability(scores, is_right)

    @property
    def classes(self) -> list[ClassScore]:
        """Return replay, precision and support of each label."""
        return score_classes(self.confusion)


@dataclass(frozen=True)
class EvaluationResult:
    """What was measured of a task."""

    evaluation: Evaluation
    other_tasks: list[str]
    """The other tasks that could have answered."""
    open_set: OpenSetReport | None
    """On recordings without any of its sounds, where they were given."""
    warnings: list[str]
    """Of the store."""

    @property
    def notes(self) -> list[str]:
        """Return sentences on the folder, and one for each kind of fault of the recordings."""
        known = [(one.path, one.faults) for one in self.evaluation.scored]
        unknown = [(one.path, one.faults) for one in self.open_set.unknown] if self.open_set else []
        return [*self.evaluation.notes, *describe_faults([*known, *unknown]), *self._describe_enrolled()]

    def _describe_enrolled(self) -> Iterator[str]:
        """Yield a sentence on the recordings that the task was trained on."""
        evaluation, count = self.evaluation, len(self.evaluation.enrolled)
        if count and evaluation.is_held_out:
            yield (
                f"{count} of the {len(evaluation.scored)} recordings were enrolled and are not counted: "
                f"'{evaluation.task}' learnt from them"
            )
        elif count:
            yield (
                f"all {count} recordings were enrolled: '{evaluation.task}' learnt from them, so they do not "
                "show how it does on new ones; measure it on recordings that were not enrolled"
            )
        alarms = [one for one in self.open_set.unknown if one.is_enrolled] if self.open_set else []
        if alarms:
            yield f"{len(alarms)} of the recordings without its sounds were enrolled as well"

    def to_document(self) -> Document:
        """Return everything as plain values: `edgecl evaluate --json`."""
        evaluation, open_set = self.evaluation, self.open_set
        rows = zip(evaluation.labels, evaluation.classes, evaluation.outcomes, strict=True)
        return {
            "task": evaluation.task,
            "warnings": self.warnings,
            "recordings": len(evaluation.measured),
            "enrolled": len(evaluation.enrolled),
            "held_out": evaluation.is_held_out,
            "accuracy": evaluation.accuracy,
            "detected": evaluation.detected,
            "accepted": evaluation.accepted,
            "task_free": {
                "accuracy": evaluation.task_free_accuracy,
                "answered": evaluation.answered,
                "other_tasks": self.other_tasks,
                "taken_for": evaluation.taken_for,
            },
            "labels": list(evaluation.labels),
            "classes": [
                {"label": label, **asdict(score), **asdict(outcome)} for label, score, outcome in rows
            ],
            "confusion": evaluation.confusion.tolist(),
            "reliability": [asdict(one) for one in evaluation.reliability],
            "rooms": [one.to_document() for one in evaluation.rooms],
            "files": [
                {
                    "file": str(one.path),
                    "truth": one.truth,
                    **asdict(one.score),
                    "detected": sorted(one.labels),
                    "enrolled": one.is_enrolled,
                }
                for one in evaluation.scored
            ],
            "unknown_classes": evaluation.unknown,
            "notes": self.notes,
            "unknown": open_set.to_document() if open_set else None,
            "refused": list_rejected([*evaluation.rejected, *(open_set.rejected_files if open_set else [])]),
        }


def evaluate(
    workspace: Workspace,
    task: str,
    folder: Path,
    unknown: Path | None = None,
    *,
    rooms: bool = True,
    progress: Progress = ignore_progress,
) -> EvaluationResult:
    """Evaluate a task on recordings that it was not trained on.

    Args:
        workspace: where the task is.
        task: name of the task.
        folder: one sub-folder of recordings for each class.
        unknown: recordings that hold none of the task's sounds.
        rooms: also play recordings in three rooms, see `edgecl.augmentation.listening_room`.
        progress: called after every recording.

    Raises:
        UnknownTaskError: there is no such task.
        UsageError: there is no such folder.
        DatasetError: no recording in it belongs to the task, or none can be read.
        BlobError: the task is damaged or was made with another bundle.
    """
    with workspace.open_store() as store:
        task = store.resolve_name(task)
        entry = store.find_task(task)
        runtime = workspace.open_runtime()
        manifest = runtime.bundle.manifest
        blob = load_task(store, task, manifest)
        others = [other for other in load_tasks(store, manifest) if other.task != task]
        training_set = store.training_sets.read(entry.sha256) or ()
    enrolled = {clip.clip_sha256 for clip in training_set}
    trial = RoomTrial(Recognizer(runtime, [blob])) if rooms else None
    recognizer = Recognizer(runtime, [blob, *others])
    evaluation = score_folder(recognizer, blob, folder, enrolled, progress, trial)
    open_set = None
    if unknown:
        recognizer = Recognizer(runtime, [blob])
        open_set = measure_rejection(recognizer, evaluation.known, unknown, enrolled, progress)
    return EvaluationResult(evaluation, [other.task for other in others], open_set, store.warnings)


def score_folder(
    recognizer: Recognizer,
    task: TaskBlob,
    folder: Path,
    enrolled: Collection[str],
    progress: Progress,
    trial: RoomTrial | None = None,
) -> Evaluation:
    """Score one of the recognizer's tasks on every recording of its classes in a folder.

    Args:
        recognizer: holds the task, and others that may answer.
        task: the task.
        folder: one sub-folder of recordings for each class.
        enrolled: hashes of the recordings that the task was trained on.
        progress: called after every recording.
        trial: where recordings that were not enrolled are played in other rooms; None: nowhere.

    Raises:
        UsageError: there is no such folder.
        DatasetError: no recording in it belongs to the task, or none can be read.
    """
    with open_dataset(folder, task.labels, "test") as found:
        evaluation = _score_all(recognizer, task, folder, found, enrolled, progress)
        if trial:
            _play(trial, evaluation, recognizer.runtime.rate_hz, progress)
            evaluation.rooms.extend(trial.scores)
    return evaluation


def _play(trial: RoomTrial, evaluation: Evaluation, rate_hz: int, progress: Progress) -> None:
    """Play an even choice of the recordings that were not enrolled in other rooms."""
    held_out = [one for one in evaluation.scored if not one.is_enrolled]
    chosen = held_out[:: -(-len(held_out) // MAX_RECORDINGS) or 1]
    for number, one in enumerate(chosen):
        progress("rooms", number, len(chosen))
        clip = read_or_reject(one.path, LONG_LIMITS, rate_hz)
        if isinstance(clip, Clip):  # it may have gone since it was scored
            trial.play(clip, one.truth)
    progress("rooms", len(chosen), len(chosen))


def _score_all(
    recognizer: Recognizer,
    task: TaskBlob,
    folder: Path,
    found: LabelledFolder,
    enrolled: Collection[str],
    progress: Progress,
) -> Evaluation:
    """Score a task on recordings with labels."""
    files = [(path, label) for label, paths in found.clips.items() for path in paths if label in task.labels]
    if not files:
        raise DatasetError(
            f"no class in {str(folder)!r} is a label of task '{task.task}'",
            f"its labels are {join_labels(task.labels)}",
        )
    unknown = [label for label in found.clips if label not in task.labels]
    notes = [*found.notes, *describe_ignored(found.ignored)]
    evaluation = Evaluation(task.task, task.labels, [], list(found.rejected), unknown, notes)
    for number, (path, label) in enumerate(files):
        progress("evaluating", number, len(files))
        clip = read_or_reject(path, LONG_LIMITS, recognizer.runtime.rate_hz)
        if isinstance(clip, RejectedFile):
            evaluation.rejected.append(clip)
        else:
            evaluation.scored.append(_score(recognizer, task.task, clip, label, clip.sha256 in enrolled))
    progress("evaluating", len(files), len(files))
    if not evaluation.scored:
        raise DatasetError(f"no recording in {str(folder)!r} can be used: {evaluation.rejected[0].reason}")
    return evaluation


def _score(recognizer: Recognizer, task: str, clip: Clip, truth: str, is_enrolled: bool) -> ScoredClip:
    """Score a recording by its averaged windows, and detect in it what `predict` would.

    Raises:
        BlobError: the task's scores are not finite.
    """
    prediction = predict_clip(recognizer, clip)
    scores = prediction.scores or recognizer.score_clip(clip.waveform)
    own = next((score for score in scores if score.task == task), None)
    if own is None:
        hint = "enrol it again with its recordings: edgecl enroll NAME FOLDER --replace"
        raise BlobError(f"the scores of task '{task}' are not finite", hint)
    return ScoredClip(
        path=clip.path,
        truth=truth,
        score=own,
        nearest=scores[0].task,
        is_clip=bool(prediction.scores),
        detected=prediction.answers,
        is_enrolled=is_enrolled,
        faults=clip.faults,
    )
