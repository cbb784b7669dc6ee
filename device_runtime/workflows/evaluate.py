"""Evaluate a task on a test set, and on recordings that hold none of its sounds."""

from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

from device_runtime.data.task_loader import load_task, load_tasks
from device_runtime.recognition.recognizer import Recognizer, TaskScore, find_best_task
from device_runtime.system.progress import Progress, ignore_progress
from device_runtime.workflows.documents import Document, list_rejected
from device_runtime.workflows.open_set import OpenSetReport, measure_rejection
from device_runtime.workflows.workspace import Workspace
from edgecl.arrays import Integers
from edgecl.audio.faults import Fault, describe_faults
from edgecl.audio.reader import RejectedFile, read_or_reject
from edgecl.dataset_folder import describe_ignored, scan_class_folders
from edgecl.errors import BlobError, DatasetError
from edgecl.labels import join_labels
from edgecl.learning.metrics import ClassScore, accuracy, confusion_matrix, score_classes
from edgecl.learning.negative_labels import is_negative
from edgecl.store.blob import TaskBlob


@dataclass(frozen=True)
class ScoredClip:
    """One recording with its true class and the task's score."""

    path: Path
    truth: str
    score: TaskScore
    nearest: str
    """Of all tasks, the one with the largest margin."""
    answer: TaskScore | None
    """Score of the task that the recording belongs to, if all may answer; None: unknown to all."""
    faults: tuple[Fault, ...]
    """Of the recording, though it can be used."""


@dataclass(frozen=True)
class Evaluation:
    """Scores of one task on a test set."""

    task: str
    labels: tuple[str, ...]
    scored: list[ScoredClip]
    rejected: list[RejectedFile]
    unknown: list[str]
    """Classes of the folder that the task does not have; they are left out."""
    notes: list[str]
    """Sentences on what was made of the folder."""

    @property
    def confusion(self) -> Integers:
        """Return recordings by true class (rows) and recognised class (columns), [C, C]."""
        truth = [self.labels.index(one.truth) for one in self.scored]
        recognised = [self.labels.index(one.score.label) for one in self.scored]
        return confusion_matrix(truth, recognised, len(self.labels))

    @property
    def accuracy(self) -> float:
        """Return the share of recordings whose label is right."""
        return accuracy(self.confusion)

    @property
    def task_free_accuracy(self) -> float:
        """Return the share of recordings that are nearest to this task among all and whose label is right."""
        right = [one.nearest == self.task and one.score.label == one.truth for one in self.scored]
        return sum(right) / len(right)

    @property
    def answered(self) -> float | None:
        """Return the share of recordings of its sounds answered with this task and the right label.

        All tasks may answer and each may reject. None where there are no such recordings.
        """
        right = [
            one.answer is not None and (one.answer.task, one.answer.label) == (self.task, one.truth)
            for one in self.scored
            if not is_negative(one.truth)
        ]
        return sum(right) / len(right) if right else None

    @property
    def taken_for(self) -> Counter[str]:
        """Count the recordings that are nearer to another task, by that task."""
        return Counter(one.nearest for one in self.scored if one.nearest != self.task)

    @property
    def known(self) -> list[TaskScore]:
        """Return the scores of recordings of its sounds, negatives left out."""
        return [one.score for one in self.scored if not is_negative(one.truth)]

    @property
    def accepted(self) -> float | None:
        """Return the share of recordings of its sounds that the task accepts; None without any."""
        return sum(score.accepted for score in self.known) / len(self.known) if self.known else None

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
        return [*self.evaluation.notes, *describe_faults([*known, *unknown])]

    def to_document(self) -> Document:
        """Return everything as plain values: `edgecl evaluate --json`."""
        evaluation, open_set = self.evaluation, self.open_set
        rows = zip(evaluation.labels, evaluation.classes, strict=True)
        return {
            "task": evaluation.task,
            "warnings": self.warnings,
            "accuracy": evaluation.accuracy,
            "accepted": evaluation.accepted,
            "task_free": {
                "accuracy": evaluation.task_free_accuracy,
                "answered": evaluation.answered,
                "other_tasks": self.other_tasks,
                "taken_for": evaluation.taken_for,
            },
            "labels": list(evaluation.labels),
            "classes": [{"label": label, **asdict(score)} for label, score in rows],
            "confusion": evaluation.confusion.tolist(),
            "files": [
                {"file": str(one.path), "truth": one.truth, **asdict(one.score)} for one in evaluation.scored
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
    progress: Progress = ignore_progress,
) -> EvaluationResult:
    """Evaluate a task on recordings that it was not trained on.

    Args:
        workspace: where the task is.
        task: name of the task.
        folder: one sub-folder of recordings for each class.
        unknown: recordings that hold none of the task's sounds.
        progress: called after every recording.

    Raises:
        UnknownTaskError: there is no such task.
        UsageError: there is no such folder.
        DatasetError: no recording in it belongs to the task, or none can be read.
        BlobError: the task is damaged or was made with another bundle.
    """
    with workspace.open_store() as store:
        store.find_task(task)
        runtime = workspace.open_runtime()
        manifest = runtime.bundle.manifest
        blob = load_task(store, task, manifest)
        others = [other for other in load_tasks(store, manifest) if other.task != task]
    evaluation = score_folder(Recognizer(runtime, [blob, *others]), blob, folder, progress)
    open_set = None
    if unknown:
        open_set = measure_rejection(Recognizer(runtime, [blob]), evaluation.known, unknown, progress)
    return EvaluationResult(evaluation, [other.task for other in others], open_set, store.warnings)


def score_folder(recognizer: Recognizer, task: TaskBlob, folder: Path, progress: Progress) -> Evaluation:
    """Score one of the recognizer's tasks on every recording of its classes in a folder.

    Raises:
        UsageError: there is no such folder.
        DatasetError: no recording in it belongs to the task, or none can be read.
    """
    found = scan_class_folders(folder, task.labels)
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
        clip = read_or_reject(path, rate_hz=recognizer.runtime.rate_hz)
        if isinstance(clip, RejectedFile):
            evaluation.rejected.append(clip)
        else:
            scores = recognizer.score_clip(clip.waveform)
            own = next((score for score in scores if score.task == task.task), None)
            if own is None:
                hint = "enrol it again with its recordings: edgecl enroll NAME FOLDER --replace"
                raise BlobError(f"the scores of task '{task.task}' are not finite", hint)
            answer = find_best_task(scores)
            evaluation.scored.append(ScoredClip(path, label, own, scores[0].task, answer, clip.faults))
    progress("evaluating", len(files), len(files))
    if not evaluation.scored:
        raise DatasetError(f"no recording in {str(folder)!r} can be used: {evaluation.rejected[0].reason}")
    return evaluation
