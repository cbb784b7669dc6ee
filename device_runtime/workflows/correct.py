"""Correct a task: fit it again with one recording that it got wrong, and store it."""

from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

from device_runtime.data.replay import load_with_training_set
from device_runtime.data.task_loader import load_others
from device_runtime.system.progress import Progress, ignore_progress
from device_runtime.training.learner import (
    AUTO,
    REQUESTED,
    UNCHANGED,
    Learner,
    read_method,
    read_recipe,
    read_requested_method,
)
from device_runtime.workflows.corrector import Correction, CorrectionTarget, Corrector
from device_runtime.workflows.documents import Document
from device_runtime.workflows.tasks import compare_tasks
from device_runtime.workflows.workspace import CommitGuard, Workspace, require_writable
from edgecl.audio.reader import read_clip
from edgecl.errors import UsageError
from edgecl.learning.negative_labels import is_negative
from edgecl.store import blob
from edgecl.store.registry import TaskEntry
from edgecl.store.store import Store
from edgecl.store.training_set import count_recordings
from edgecl.task_names import check_task_name


@dataclass(frozen=True)
class CorrectionResult:
    """A task that was corrected and stored."""

    correction: Correction
    target: CorrectionTarget
    sha256: str
    """Hash of the task's new blob."""
    others_unchanged: dict[str, bool]
    """Other task → whether its blob is byte for byte what it was."""
    seconds: float
    """Seconds that the whole correction took."""
    warnings: list[str]
    """Of the store."""

    @property
    def doubts(self) -> list[str]:
        """Return what speaks against keeping the correction."""
        correction, target, before = self.correction, self.target, self.correction.before
        doubts = []
        if not (target.holds or (before.accepted and before.label == target.label)):
            doubts.append(
                f"the recording alone was not recognised as '{target.label}' before; it was added anyway"
            )
        after, label = correction.after, correction.clip.label
        if (after.accepted and after.label) != (not is_negative(label) and label):
            doubts.append("the recording is still not recognised correctly; add more recordings of it")
        accuracy_before = correction.accuracy_before
        if accuracy_before is not None and correction.accuracy < accuracy_before - correction.margin_of_error:
            doubts.append("accuracy on held-out recordings is lower than before: consider 'edgecl undo'")
        if correction.forgotten:
            count = len(correction.forgotten)
            doubts.append(f"{count} recordings of the training set are no longer in the cache")
        return doubts

    def to_document(self) -> Document:
        """Return everything as plain values: `edgecl correct --json`."""
        correction = self.correction
        return {
            "task": correction.blob.task,
            "sha256": self.sha256,
            "taught": correction.clip.model_dump(),
            "before": asdict(correction.before),
            "after": asdict(correction.after),
            "held_out_accuracy": {"before": correction.accuracy_before, "after": correction.accuracy},
            "recordings": count_recordings(correction.training_set),
            "no_longer_remembered": [clip.file for clip in correction.forgotten],
            "others_unchanged": self.others_unchanged,
            "seconds": self.seconds,
            "notes": correction.notes,
            "warnings": [*self.doubts, *self.warnings],
        }


def parse_target(workspace: Workspace, text: str, holds: bool) -> CorrectionTarget:
    """Parse TASK/LABEL.

    Args:
        workspace: whose tasks are suggested where half of it is missing.
        text: TASK/LABEL.
        holds: whether the recording is that sound.

    Raises:
        UsageError: it has another form.
    """
    task, _, label = text.partition("/")
    if task and label:
        return CorrectionTarget(check_task_name(task), label, holds)
    with workspace.open_store() as store:
        candidates = [entry.task for entry in store.list_tasks() if text in entry.labels]
    example = f"{candidates[0]}/{text}" if len(candidates) == 1 else "alarms/doorbell"
    raise UsageError(
        f"'{text}' does not name a task and one of its labels", f"write it TASK/LABEL: {example}"
    )


def correct(
    workspace: Workspace,
    target: CorrectionTarget,
    path: Path,
    *,
    progress: Progress = ignore_progress,
    commit_guard: CommitGuard = nullcontext,
) -> CorrectionResult:
    """Fit a task again with one recording and its true label, and store it.

    Args:
        workspace: where the task is.
        target: what the recording is, or is not.
        path: the recording.
        progress: called after every step.
        commit_guard: see `CommitGuard`.

    Raises:
        UnknownTaskError: there is no such task.
        UsageError: the task does not have the label.
        AudioError: the recording cannot be used.
        DatasetError: the recording was the only one of another label.
        ForgottenError: too little of the training set is in the cache.
        TaskChangedError: another process changed or removed the task.
    """
    started = perf_counter()
    with workspace.open_store() as store:
        require_writable(store)
        entry = store.find_task(store.resolve_name(target.task))
        target, base = _resolve(target, entry), entry.sha256
        before = {entry.task: entry.sha256 for entry in store.list_tasks() if entry.task != target.task}
        with store.expect_version(target.task, base):
            correction = _fit(workspace, store, target, path, progress)
        with commit_guard(f"task '{target.task}' is corrected"):
            sha256 = store.commit(
                target.task,
                blob.to_bytes(correction.blob),
                True,
                correction.training_set,
                base,
            )
        others_unchanged = compare_tasks(store, before)
    seconds = perf_counter() - started
    return CorrectionResult(correction, target, sha256, others_unchanged, seconds, store.warnings)


def _resolve(target: CorrectionTarget, entry: TaskEntry) -> CorrectionTarget:
    """Return the target with the names of task and label as they are stored, which may differ by case."""
    label = target.label
    if label not in entry.labels:
        label = next((one for one in entry.labels if one.casefold() == label.casefold()), label)
    return replace(target, task=entry.task, label=label)


def _fit(
    workspace: Workspace, store: Store, target: CorrectionTarget, path: Path, progress: Progress
) -> Correction:
    runtime = workspace.open_runtime()
    manifest = runtime.bundle.manifest
    task, training_set = load_with_training_set(store, target.task, manifest)
    engine = workspace.open_engine(runtime.bundle)
    cache = workspace.open_cache(store, manifest)
    created = store.choose_creation_time(target.task, datetime.now(UTC))
    recipe = read_recipe(task)
    others = load_others(store, target.task, manifest) if recipe.warm_start else []
    reason = UNCHANGED if read_requested_method(task) == AUTO else REQUESTED
    learner = Learner(runtime, engine, recipe, workspace.seed, progress, read_method(task), others, reason)
    clip = read_clip(path, rate_hz=runtime.rate_hz)
    return Corrector(learner, cache).correct(task, training_set, target, clip, created)
