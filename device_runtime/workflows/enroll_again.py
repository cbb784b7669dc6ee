"""Enrol every task of a home anew, from the recordings it was trained on.

    training set of a task ─► its recordings, found by path or by content ─► enrolment that replaces it

A blob fits only the backbone it was trained with, so a new bundle needs all tasks anew. A training set names
each recording by path and by SHA-256: a file is used only where its bytes are those that were enrolled.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from device_runtime.data.replay import list_files
from device_runtime.system.progress import Progress, ignore_progress
from device_runtime.training.learner import read_recipe, read_requested_method
from device_runtime.workflows.documents import Document
from device_runtime.workflows.enroll import EnrolmentRequest, EnrolmentResult, enroll
from device_runtime.workflows.workspace import CommitGuard, Workspace
from edgecl.canonical_json import sha256_hex
from edgecl.dataset_folder import LabelledFolder, find_audio_files
from edgecl.errors import EdgeclError, NoTrainingSetError
from edgecl.store import blob
from edgecl.store.store import Store
from edgecl.store.training_set import TrainingClip, TrainingSet


@dataclass(frozen=True)
class UnchangedTask:
    """A task that could not be enrolled anew and stays as it is."""

    task: str
    error: EdgeclError

    def to_document(self) -> Document:
        """Return the reason as plain values."""
        return {"task": self.task, "error": self.error.message, "hint": self.error.hint}


@dataclass(frozen=True)
class AgainResult:
    """What became of each task."""

    enrolled: list[EnrolmentResult] = field(default_factory=list)
    unchanged: list[UnchangedTask] = field(default_factory=list)

    def to_document(self) -> Document:
        """Return everything as plain values: `edgecl enroll --again --json`."""
        return {
            "enrolled": [one.to_document() for one in self.enrolled],
            "unchanged": [one.to_document() for one in self.unchanged],
        }


def enroll_again(
    workspace: Workspace,
    task: str | None = None,
    search: Sequence[Path] = (),
    *,
    progress: Progress = ignore_progress,
    commit_guard: CommitGuard = nullcontext,
    on_result: Callable[[EnrolmentResult | UnchangedTask], None] | None = None,
) -> AgainResult:
    """Enrol tasks anew with the method and recipe they had; a task whose recordings are gone stays as it is.

    Args:
        workspace: where the tasks are stored.
        task: only this task; None for all.
        search: folders to search for recordings that have been moved.
        progress: called after every step.
        commit_guard: see `CommitGuard`.
        on_result: called with the result of each task.

    Raises:
        NoStoreError: there is no store.
        UnknownTaskError: there is no such task.
        EdgeclError: the one task cannot be enrolled anew; of several tasks each is reported in the result.
        UsageError: a folder to search does not exist, or holds no recordings.
    """
    finder = _RecordingFinder(find_audio_files(search) if search else [])
    with workspace.open_store() as store:
        names = [store.find_task(task).task] if task else [entry.task for entry in store.list_tasks()]
    result = AgainResult()
    for name in names:
        one: EnrolmentResult | UnchangedTask
        try:
            with workspace.open_store() as store:
                request = _plan(store, name, finder)
            one = enroll(workspace, request, progress=progress, commit_guard=commit_guard)
            result.enrolled.append(one)
        except EdgeclError as error:
            if task:
                raise
            one = UnchangedTask(name, error)
            result.unchanged.append(one)
        if on_result:
            on_result(one)
    return result


@dataclass(frozen=True)
class _RecordingFinder:
    """Finds the file with the content of an enrolled recording."""

    moved: Sequence[Path]
    """Files among which to look for recordings that are no longer in their place."""

    def find(self, clip: TrainingClip) -> Path | None:
        """Return the file, or None."""
        known = Path(clip.file)
        return known if _hash(known) == clip.clip_sha256 else self._by_content.get(clip.clip_sha256)

    @cached_property
    def _by_content(self) -> dict[str, Path]:
        return {sha256: path for path in self.moved if (sha256 := _hash(path))}


def _hash(file: Path) -> str | None:
    try:
        return sha256_hex(file.read_bytes())
    except (OSError, ValueError):  # a name with a zero byte
        return None


def _plan(store: Store, name: str, finder: _RecordingFinder) -> EnrolmentRequest:
    """Return the enrolment that replaces a task.

    Raises:
        EdgeclError: the task cannot be read, or recordings are missing.
    """
    data = store.read_blob(name)
    old, training_set = blob.from_bytes(data), store.training_sets.read(sha256_hex(data))
    hint = f"enrol it from a folder: edgecl enroll {name} FOLDER --replace"
    if training_set is None:
        raise NoTrainingSetError(f"the training set of task '{name}' is missing", hint)
    found = {clip: finder.find(clip) for clip in _list_recordings(training_set)}
    missing = [clip for clip, path in found.items() if path is None and clip.origin != "corrected"]
    if missing:
        raise NoTrainingSetError(
            f"{len(missing)} of the {len(found)} recordings of task '{name}' were not found: "
            + list_files([clip.file for clip in missing]),
            f"name the folder they are in with --search FOLDER, or {hint}",
        )
    clips: dict[str, list[Path]] = {}
    for clip, path in found.items():
        if path:
            clips.setdefault(clip.label, []).append(path)
    folder = LabelledFolder({label: sorted(paths) for label, paths in sorted(clips.items())})
    return EnrolmentRequest(name, folder, "replace", read_requested_method(old), read_recipe(old))


def _list_recordings(training_set: TrainingSet) -> Iterator[TrainingClip]:
    return (clip for clip in training_set if clip.origin != "background")
