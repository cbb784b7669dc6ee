"""How well a task does on recordings whose classes are known."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from device_runtime.recognition.recognizer import Recognizer, TaskScore, find_best_task
from device_runtime.system.progress import Progress
from edgecl.arrays import Integers
from edgecl.audio.reader import RejectedFile, read_or_reject
from edgecl.dataset_folder import scan_labelled_folder
from edgecl.errors import DatasetError
from edgecl.learning.metrics import ClassScore, accuracy, confusion_matrix, score_classes
from edgecl.learning.negative_labels import is_negative
from edgecl.store.blob import TaskBlob


@dataclass(frozen=True)
class ScoredClip:
    """One recording, what it is and what the task says."""

    path: Path
    truth: str
    score: TaskScore
    nearest: str  # of all tasks, the one whose margin is largest
    answer: TaskScore | None  # of the tasks that accept it the nearest; None: it is unknown to all


@dataclass(frozen=True)
class Evaluation:
    """Everything measured."""

    task: str
    labels: tuple[str, ...]
    scored: list[ScoredClip]
    refused: list[RejectedFile]
    unknown: list[str]
    """Classes of the folder that the task does not have; they were left out."""

    @property
    def confusion(self) -> Integers:
        """Recordings by class (rows) and what they were called (columns), [C, C]."""
        truth = [self.labels.index(one.truth) for one in self.scored]
        called = [self.labels.index(one.score.label) for one in self.scored]
        return confusion_matrix(truth, called, len(self.labels))

    @property
    def accuracy(self) -> float:
        """Share of the recordings that were recognised."""
        return accuracy(self.confusion)

    @property
    def task_free_accuracy(self) -> float:
        """Share of the recordings that are nearest to this task among all, and recognised by it."""
        found = [one.nearest == self.task and one.score.label == one.truth for one in self.scored]
        return sum(found) / len(found)

    @property
    def answered(self) -> float | None:
        """Share of the recordings of its sounds that are answered with this task and their label, where all
        tasks may answer and each may reject; None without any."""
        found = [
            one.answer is not None and (one.answer.task, one.answer.label) == (self.task, one.truth)
            for one in self.scored
            if not is_negative(one.truth)
        ]
        return sum(found) / len(found) if found else None

    @property
    def taken_for(self) -> Counter[str]:
        """How many recordings are nearer to another task, by that task."""
        return Counter(one.nearest for one in self.scored if one.nearest != self.task)

    @property
    def known(self) -> list[TaskScore]:
        """What the task says about the recordings of its sounds."""
        return [one.score for one in self.scored if not is_negative(one.truth)]

    @property
    def accepted(self) -> float | None:
        """Share of the recordings of its sounds that the task did not reject; None without any."""
        return sum(score.accepted for score in self.known) / len(self.known) if self.known else None

    @property
    def classes(self) -> list[ClassScore]:
        """Recall, precision and support of each label."""
        return score_classes(self.confusion)


def evaluate(recognizer: Recognizer, task: TaskBlob, folder: Path, progress: Progress) -> Evaluation:
    """Scores of one of the recognizer's tasks on every recording of its classes in a folder.

    Raises:
        UsageError: there is no such folder.
        DatasetError: nothing in it belongs to the task.
    """
    found = scan_labelled_folder(folder)
    files = [(path, label) for label, paths in found.clips.items() for path in paths if label in task.labels]
    if not files:
        raise _nothing_in_common(task, folder)
    unknown = [label for label in found.clips if label not in task.labels]
    evaluation = Evaluation(task.task, task.labels, [], list(found.rejected), unknown)
    for number, (path, label) in enumerate(files):
        progress("listening", number, len(files))
        clip = read_or_reject(path, rate_hz=recognizer.runtime.rate_hz)
        if isinstance(clip, RejectedFile):
            evaluation.refused.append(clip)
        else:
            scores = recognizer.score_clip(clip.waveform)
            own = next(score for score in scores if score.task == task.task)
            evaluation.scored.append(ScoredClip(path, label, own, scores[0].task, find_best_task(scores)))
    progress("listening", len(files), len(files))
    if not evaluation.scored:
        raise DatasetError(f"no recording in {str(folder)!r} can be used: {evaluation.refused[0].reason}")
    return evaluation


def _nothing_in_common(task: TaskBlob, folder: Path) -> DatasetError:
    return DatasetError(
        f"no class in {str(folder)!r} is a label of task '{task.task}'",
        f"its labels are {', '.join(task.labels)}",
    )
