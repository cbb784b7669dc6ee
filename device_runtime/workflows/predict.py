"""Recognise the sounds of all tasks in recordings."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from device_runtime.data.task_loader import load_task, load_tasks
from device_runtime.model.runtime import Runtime
from device_runtime.recognition.recognizer import Recognizer, TaskScore, find_best_task
from device_runtime.recognition.stream import TaskDetection, detect_in_blocks, detect_sounds
from device_runtime.system.progress import ignore_warning
from device_runtime.workflows.documents import Document, list_rejected
from device_runtime.workflows.workspace import Workspace
from edgecl.arrays import Waveform
from edgecl.audio.faults import Fault, describe_faults
from edgecl.audio.reader import DEFAULT_LIMITS, Clip, Limits, RejectedFile, read_or_reject, stream_clip
from edgecl.dataset_folder import describe_ignored, scan_paths
from edgecl.errors import AudioError
from edgecl.store.store import Store


@dataclass(frozen=True)
class Prediction:
    """What the tasks recognise in one waveform: scores of a clip, or events of a longer recording."""

    scores: list[TaskScore]
    """One score a task, the largest margin first; empty for a longer recording."""
    events: list[TaskDetection]
    """In order of time; empty for a clip that fits in one window."""

    @property
    def answer(self) -> TaskScore | None:
        """Return the score of the task that a clip belongs to; None: unknown, or a longer recording."""
        return find_best_task(self.scores)

    @property
    def answers(self) -> frozenset[tuple[str, str]]:
        """Return (task, label) of the answer to a clip, or of every event in a longer recording."""
        events = [(event.task, event.detection.label) for event in self.events]
        return frozenset([*events, *([(self.answer.task, self.answer.label)] if self.answer else [])])


@dataclass(frozen=True)
class FilePrediction(Prediction):
    """What the tasks recognise in one file."""

    path: Path
    duration_s: float
    faults: tuple[Fault, ...]
    """Of the recording, though it can be used."""

    def to_document(self) -> Document:
        """Return it as plain values."""
        answer = self.answer
        return {
            "file": str(self.path),
            "duration_s": self.duration_s,
            "answer": {"task": answer.task, "label": answer.label} if answer else None,
            "scores": [asdict(score) for score in self.scores],
            "events": [{"task": event.task, **asdict(event.detection)} for event in self.events],
        }


@dataclass(frozen=True)
class PredictionResult:
    """What the tasks recognise in some files."""

    files: list[FilePrediction]
    rejected: list[RejectedFile]
    warnings: list[str]
    """Of the store."""
    ignored: list[Path]
    """Files in the folders that are no recordings."""

    @property
    def notes(self) -> list[str]:
        """Return a sentence for each kind of fault of the recordings, and on files that are none."""
        return [
            *describe_faults((one.path, one.faults) for one in self.files),
            *describe_ignored(self.ignored),
        ]

    def to_document(self) -> Document:
        """Return everything as plain values: `edgecl predict --json`."""
        return {
            "files": [one.to_document() for one in self.files],
            "refused": list_rejected(self.rejected),
            "notes": self.notes,
            "warnings": self.warnings,
        }


def predict(workspace: Workspace, paths: Sequence[Path], task: str | None = None) -> PredictionResult:
    """Recognise the sounds of all tasks in recordings.

    Args:
        workspace: where the tasks are.
        paths: recordings, or folders of them.
        task: ask this task only.

    Raises:
        UsageError: a path does not exist.
        UnknownTaskError: there is no such task.
        AudioError: none of the recordings can be read.
    """
    found = scan_paths(paths)
    with workspace.open_store() as store:
        task = task and store.resolve_name(task)
        recognizer = load_recognizer(store, workspace.open_runtime(), task, store.warnings.append)
        outcomes = [predict_file(recognizer, path) for path in found.recordings]
    predictions = [one for one in outcomes if isinstance(one, FilePrediction)]
    rejected = [*(one for one in outcomes if isinstance(one, RejectedFile)), *found.rejected]
    if not predictions:
        raise AudioError(rejected[0].reason, rejected[0].hint)
    return PredictionResult(predictions, rejected, store.warnings, found.ignored)


def load_recognizer(
    store: Store,
    runtime: Runtime,
    task: str | None = None,
    warn: Callable[[str], None] = ignore_warning,
) -> Recognizer:
    """Load all tasks of a store that this bundle can use, or one.

    Args:
        store: the store.
        runtime: the bundle.
        task: load this task only.
        warn: receives a sentence for every task that is set aside while it recognises.

    Raises:
        UnknownTaskError: there is no such task.
        StoreError: there is no task at all.
        BlobError: the task is damaged or was made with another bundle, or every task was.
    """
    manifest = runtime.bundle.manifest
    tasks = load_tasks(store, manifest) if task is None else [load_task(store, task, manifest)]
    return Recognizer(runtime, tasks, warn)


def predict_file(
    recognizer: Recognizer, path: Path, limits: Limits = DEFAULT_LIMITS
) -> FilePrediction | RejectedFile:
    """Recognise sounds in one file; one that cannot be read is returned with the reason.

    Args:
        recognizer: the tasks.
        path: the file.
        limits: a recording that is too long for them is processed as a stream.
    """
    clip = read_or_reject(path, limits, recognizer.runtime.rate_hz)
    if isinstance(clip, Clip):
        found = predict_waveform(recognizer, clip.waveform)
        return FilePrediction(found.scores, found.events, path, clip.duration_s, clip.faults)
    return _predict_long(recognizer, path) if clip.too_long else clip


def _predict_long(recognizer: Recognizer, path: Path) -> FilePrediction | RejectedFile:
    """Recognise sounds in a recording that does not fit into memory."""
    try:
        with stream_clip(path, rate_hz=recognizer.runtime.rate_hz) as stream:
            events = detect_in_blocks(recognizer, stream.blocks)
            return FilePrediction([], events, path, stream.duration_s, stream.faults)
    except AudioError as error:
        return RejectedFile(path, error.message, error.hint)


def predict_clip(recognizer: Recognizer, clip: Clip) -> Prediction:
    """Recognise sounds in a clip, or in the whole recording if the clip has excerpts of it.

    Raises:
        AudioError: the recording cannot be read any more.
    """
    if not clip.is_excerpt:
        return predict_waveform(recognizer, clip.waveform)
    with stream_clip(clip.path, rate_hz=recognizer.runtime.rate_hz) as stream:
        return Prediction([], detect_in_blocks(recognizer, stream.blocks))


def predict_waveform(recognizer: Recognizer, waveform: Waveform) -> Prediction:
    """Recognise sounds in a waveform [samples] at the backbone's sample rate."""
    if recognizer.is_single_window(waveform):
        return Prediction(recognizer.score_clip(waveform), [])
    return Prediction([], detect_sounds(recognizer, waveform))
