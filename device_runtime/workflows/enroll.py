"""Enrol a task: train it on a folder of recordings and store it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from time import perf_counter
from typing import Any, Literal

from device_runtime.data.ingest import open_recordings
from device_runtime.data.replay import load_with_training_set
from device_runtime.data.task_loader import load_others
from device_runtime.model.runtime import Runtime
from device_runtime.recognition.recognizer import Recognizer
from device_runtime.recognition.stream import TaskDetection, detect_sounds
from device_runtime.system.progress import Progress, ignore_progress
from device_runtime.training.learner import AUTO, Learner, check_recipe, read_recipe, read_requested_method
from device_runtime.training.recipe import Recipe
from device_runtime.workflows.documents import Document, list_rejected
from device_runtime.workflows.enroller import Enroller, Enrolment
from device_runtime.workflows.report import EnrolmentReport, build_report
from device_runtime.workflows.workspace import CommitGuard, Workspace, require_writable
from edgecl.audio.reader import Clip, read_clip
from edgecl.bundle.manifest import Manifest
from edgecl.canonical_json import sha256_hex
from edgecl.dataset_folder import LabelledFolder
from edgecl.dataset_layouts import open_dataset
from edgecl.errors import TaskExistsError
from edgecl.labels import join_labels
from edgecl.store import blob
from edgecl.store.enrolment_lock import lock_task_name
from edgecl.store.store import Store
from edgecl.store.training_set import TrainingSet, count_recordings
from edgecl.task_names import check_task_name

Mode = Literal["new", "replace", "add"]
"""What an enrolment does with a task of the same name: refuse it, train it anew, or add to it."""


@dataclass(frozen=True)
class EnrolmentRequest:
    """What to enrol, and how."""

    task: str
    folder: Path | LabelledFolder
    """One sub-folder of recordings for each class, or what was found in one."""
    mode: Mode = "new"
    method: str | None = None
    """Training method; None: auto, or for mode "add" the method chosen before."""
    recipe: Recipe | None = None
    """Training recipe; None: the defaults, or for mode "add" the recipe used before."""
    dry_run: bool = False
    """Train and report, but store nothing."""
    trial_recording: Path | None = None
    """With `dry_run`: a recording in which the task then detects its sounds."""


@dataclass(frozen=True)
class TrialDetections:
    """What a task that was not stored detects in a recording."""

    detections: list[TaskDetection]
    duration_s: float
    """Length of the recording; 0 where there is none."""

    def to_document(self) -> Document:
        """Return the detections as plain values."""
        return {"heard": [_detection_document(one) for one in self.detections], "heard_s": self.duration_s}


@dataclass(frozen=True)
class EnrolmentResult:
    """A task that was enrolled, and how well it does."""

    enrolment: Enrolment
    sha256: str
    """Hash of the task's blob."""
    size_bytes: int
    usable_s: float
    """Seconds until the first version was stored."""
    seconds: float
    """Seconds that the whole enrolment took."""
    warnings: list[str]
    """Of the store."""
    trial: TrialDetections | None = None
    """Where it was a dry run: nothing was stored."""

    @property
    def task(self) -> str:
        """Return the name of the task."""
        return self.enrolment.blob.task

    def __str__(self) -> str:
        """Return one line: labels, recordings, accuracy on held-out recordings, hash."""
        labels, recordings = (
            join_labels(self.enrolment.blob.labels),
            count_recordings(self.enrolment.training_set),
        )
        measured = f"{100 * self.report.accuracy:.0f} % right on held-out recordings"
        return f"{self.task}: {labels}; {recordings} recordings; {measured}; {self.sha256[:12]}"

    @property
    def is_stored(self) -> bool:
        """Return whether the task is in the store; after a dry run it is not."""
        return self.trial is None

    @cached_property
    def report(self) -> EnrolmentReport:
        """Return accuracy, confusions and advice, measured on held-out recordings."""
        return build_report(self.enrolment)

    def to_document(self) -> Document:
        """Return everything as plain values: `edgecl enroll --json`."""
        record, measured, ingest = self.enrolment.blob.record, self.report, self.enrolment.ingest
        return {
            "task": self.task,
            "labels": list(record.labels),
            "stored": self.is_stored,
            "sha256": self.sha256,
            "size_bytes": self.size_bytes,
            "training": record.training,
            "threshold": record.threshold,
            "held_out_accuracy": measured.accuracy,
            "classes": [asdict(row) for row in measured.classes],
            "confusable": [asdict(pair) for pair in measured.confusable],
            "confusion": measured.confusion.tolist(),
            "learning_curve": [asdict(point) for point in measured.curve],
            "expected_of_twice_as_many": measured.expected,
            "rooms": [one.to_document() for one in self.enrolment.rooms],
            "suspects": [asdict(one) for one in measured.suspects],
            "duplicates": [asdict(one) for one in measured.duplicates],
            "advice": measured.advice,
            "seconds": {**self.enrolment.seconds, "usable": self.usable_s, "total": self.seconds},
            "recordings_from_cache": self.enrolment.from_cache,
            "repeated": [str(path) for path in ingest.repeated],
            "refused": list_rejected(ingest.rejected),
            "ignored": [str(path) for path in ingest.ignored],
            "notes": self.enrolment.notes,
            **(self.trial.to_document() if self.trial else {}),
            "warnings": self.warnings,
        }


def enroll(
    workspace: Workspace,
    request: EnrolmentRequest,
    *,
    progress: Progress = ignore_progress,
    commit_guard: CommitGuard = nullcontext,
    on_first_result: Callable[[EnrolmentResult], None] | None = None,
) -> EnrolmentResult:
    """Train a task on a folder of recordings and store it.

    The task is stored twice: as soon as all recordings went through the backbone, in closed form, and again
    after training with augmented copies, unless that recognises far fewer held-out recordings.

    Args:
        workspace: where to store it.
        request: what to enrol, and how.
        progress: called after every step.
        commit_guard: see `CommitGuard`.
        on_first_result: called once the first version is stored and training goes on.

    Raises:
        UsageError: the name is not allowed, or there is no such folder.
        TaskExistsError: there is a task of this name, and the mode is "new".
        UnknownTaskError: there is no task of this name, and the mode is "add".
        DatasetError: the folder cannot become a task.
        NothingNewError: the mode is "add", and the task was trained on all these recordings before.
        ForgottenError: the mode is "add", and too little of the training set is in the cache.
        EngineError: the engine is not available, or cannot hold that many classes.
        StoreBusyError: another process enrols a task of this name.
    """
    started = perf_counter()
    name = check_task_name(request.task)
    if request.recipe:
        check_recipe(request.recipe, request.method or AUTO)
    adds = request.mode == "add"
    with ExitStack() as opened:
        if not adds:
            found = opened.enter_context(_open(request.folder))  # before a store is created
        store = opened.enter_context(workspace.open_store(create=not adds))
        name = store.resolve_name(name)
        request = replace(request, task=name)
        base = None
        if adds:
            entry = store.find_task(name)
            base, found = entry.sha256, opened.enter_context(_open(request.folder, entry.labels))
        _require_free_name(store, request)
        if not request.dry_run:
            opened.enter_context(lock_task_name(store.home, name))
        runtime = workspace.open_runtime()
        clip = _read_trial_recording(request, runtime)
        versions = _fit(workspace, runtime, store, request, found, progress, base)
        first = next(versions)
        if request.mode == "replace":
            store.warnings += _lost_corrections(store, first)
        data = blob.to_bytes(first.blob)
        sha256 = sha256_hex(data)
        if not request.dry_run:
            with commit_guard(f"task '{name}' is stored as it was trained first"):
                store.commit(name, data, request.mode != "new", first.training_set, base)
        usable_s = perf_counter() - started
        result = EnrolmentResult(first, sha256, len(data), usable_s, usable_s, store.warnings)
        if on_first_result and not request.dry_run:
            on_first_result(result)
        for refined in versions:
            data = blob.to_bytes(refined.blob)
            if not request.dry_run:
                with commit_guard(f"task '{name}' is stored"):
                    store.commit(name, data, True, refined.training_set, result.sha256, discard_base=True)
            result = replace(result, enrolment=refined, sha256=sha256_hex(data), size_bytes=len(data))
    trial = _detect(runtime, result.enrolment.blob, clip) if request.dry_run else None
    return replace(result, seconds=perf_counter() - started, trial=trial)


@contextmanager
def _open(folder: Path | LabelledFolder, known: Sequence[str] | None = None) -> Iterator[LabelledFolder]:
    """Yield the recordings of each class; `known` are the labels of the task that they are added to."""
    if isinstance(folder, LabelledFolder):
        yield folder
        return
    with open_recordings(folder) if known is None else open_dataset(folder, known) as found:
        yield found


def _require_free_name(store: Store, request: EnrolmentRequest) -> None:
    """Refuse early what the store would refuse at the end."""
    require_writable(store)
    if request.mode == "new" and any(entry.task == request.task for entry in store.list_tasks()):
        raise TaskExistsError(
            f"task '{request.task}' is already enrolled; nothing was changed",
            "add --replace to train it anew, --add to add recordings to it, or choose another name",
        )


def _fit(
    workspace: Workspace,
    runtime: Runtime,
    store: Store,
    request: EnrolmentRequest,
    found: LabelledFolder,
    progress: Progress,
    base: str | None,
) -> Iterator[Enrolment]:
    """Yield the first version of the task and, where it is better, the refined one."""
    name, manifest = request.task, runtime.bundle.manifest
    old, known = _load_old(store, name, base, manifest) if base else (None, ())
    method = request.method or (read_requested_method(old) if old else AUTO)
    if request.recipe:
        check_recipe(request.recipe, method)
    recipe = request.recipe or (read_recipe(old) if old else Recipe())
    others = load_others(store, name, manifest) if recipe.warm_start else []
    engine = workspace.open_engine(runtime.bundle)
    cache = workspace.open_cache(store, manifest)
    created = store.choose_creation_time(name, datetime.now(UTC))
    learner = Learner(runtime, engine, recipe, workspace.seed, progress, method, others)
    return Enroller(learner, cache).fit(name, found, created, known)


def _load_old(store: Store, task: str, version: str, manifest: Manifest) -> tuple[blob.TaskBlob, TrainingSet]:
    """Load the version of a task that recordings are added to, and its training set."""
    with store.expect_version(task, version):
        return load_with_training_set(store, task, manifest)


def _lost_corrections(store: Store, enrolment: Enrolment) -> list[str]:
    """Warn of corrections that go with the replaced version, since their recordings are not in the folder."""
    task = enrolment.blob.task
    old = next((entry for entry in store.list_tasks() if entry.task == task), None)
    training_set = store.training_sets.read(old.sha256) or () if old else ()
    kept = {clip.clip_sha256 for clip in enrolment.training_set}
    lost = [clip for clip in training_set if clip.origin == "corrected" and clip.clip_sha256 not in kept]
    if not lost:
        return []
    hint = f"'edgecl undo {task}' restores the old version"
    return [f"its corrections ({len(lost)}) are not in the folder and no longer count; {hint}"]


def _read_trial_recording(request: EnrolmentRequest, runtime: Runtime) -> Clip | None:
    """Return the recording of a dry run, before anything is trained.

    Raises:
        AudioError: it cannot be used.
    """
    if not (request.dry_run and request.trial_recording):
        return None
    return read_clip(request.trial_recording, rate_hz=runtime.rate_hz)


def _detect(runtime: Runtime, task: blob.TaskBlob, clip: Clip | None) -> TrialDetections:
    """Return what the task alone detects in a recording; nothing where there is none."""
    if clip is None:
        return TrialDetections([], 0.0)
    return TrialDetections(detect_sounds(Recognizer(runtime, [task]), clip.waveform), clip.duration_s)


def _detection_document(one: TaskDetection) -> dict[str, Any]:
    found = one.detection
    return {
        "task": one.task,
        "label": found.label,
        "start_s": found.start_s,
        "end_s": found.end_s,
        "score": found.score,
        "margin": found.margin,
    }
