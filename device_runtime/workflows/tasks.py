"""List, verify, undo and forget tasks."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict, dataclass

from device_runtime.workflows.documents import Document
from device_runtime.workflows.workspace import CommitGuard, Workspace
from edgecl.bundle.manifest import Manifest
from edgecl.errors import BundleError, DeclinedError, NoStoreError, SignatureError
from edgecl.store.integrity import IntegrityCheck
from edgecl.store.registry import TaskEntry
from edgecl.store.store import Store
from edgecl.store.token_files import FOLDER_NAME, list_paths


@dataclass(frozen=True)
class TaskListing:
    """One task of the store, as far as it is known without reading its blob."""

    entry: TaskEntry
    is_whole: bool
    """Whether its blob is where it should be."""
    recordings: int | None
    """Size of its training set; None where that is not known."""
    cached: int | None
    """Recordings of the training set in the token cache of this bundle."""
    fits_bundle: bool | None
    """Whether it was made with this bundle; None where the bundle cannot be opened."""

    @property
    def is_usable(self) -> bool | None:
        """Return whether this bundle can use the task; None where that is not known."""
        return None if self.fits_bundle is None else self.is_whole and self.fits_bundle

    def to_document(self) -> Document:
        """Return it as plain values."""
        return {
            **asdict(self.entry),
            "whole": self.is_whole,
            "usable": self.is_usable,
            "recordings": self.recordings,
            "remembered": self.cached,
        }


@dataclass(frozen=True)
class TaskList:
    """All tasks of a store."""

    home: str
    tasks: list[TaskListing]
    warnings: list[str]
    """Of the store."""

    def to_document(self) -> Document:
        """Return everything as plain values: `edgecl tasks --json`."""
        tasks = [task.to_document() for task in self.tasks]
        return {"home": self.home, "tasks": tasks, "warnings": self.warnings}


@dataclass(frozen=True)
class VerificationResult:
    """Integrity of some tasks."""

    checks: list[IntegrityCheck]
    warnings: list[str]
    """Of the store."""

    @property
    def is_intact(self) -> bool:
        """Return whether every task is what was stored."""
        return all(check.status == "unchanged" for check in self.checks)

    def to_document(self) -> Document:
        """Return everything as plain values: `edgecl verify --json`."""
        tasks = [asdict(check) for check in self.checks]
        return {"intact": self.is_intact, "tasks": tasks, "warnings": self.warnings}


@dataclass(frozen=True)
class UndoResult:
    """A task whose previous version is in use again."""

    entry: TaskEntry
    warnings: list[str]
    """Of the store."""

    def to_document(self) -> Document:
        """Return everything as plain values: `edgecl undo --json`."""
        return {**asdict(self.entry), "warnings": self.warnings}


@dataclass(frozen=True)
class ForgetResult:
    """A task that was removed."""

    task: str
    sha256: str
    """Hash of the blob that it had."""
    warnings: list[str]
    """Of the store."""

    def to_document(self) -> Document:
        """Return everything as plain values: `edgecl forget --json`."""
        return {"forgotten": self.task, "sha256": self.sha256, "warnings": self.warnings}


def list_tasks(workspace: Workspace) -> TaskList:
    """List all tasks; none where there is no store yet.

    A bundle that cannot be opened is reported as a warning, and the tasks are listed all the same.
    """
    manifest = _open_manifest(workspace)
    home = str(workspace.home)
    try:
        with workspace.open_store() as store:
            tasks = [_listing(entry, store, manifest) for entry in store.list_tasks()]
            return TaskList(home, tasks, store.warnings)
    except NoStoreError:
        return TaskList(home, [], [])


def verify_tasks(workspace: Workspace, task: str | None = None) -> VerificationResult:
    """Read every byte of one task or all of them and compare it with its hash; nothing is changed.

    Raises:
        UnknownTaskError: there is no such task.
    """
    with workspace.open_store() as store:
        return VerificationResult(store.verify(task and store.resolve_name(task)), store.warnings)


def undo(workspace: Workspace, task: str, *, commit_guard: CommitGuard = nullcontext) -> UndoResult:
    """Go back to the version of a task before its last change; a second time restores that change.

    Raises:
        UnknownTaskError: there is no such task.
        NoEarlierError: it has no earlier version.
    """
    with workspace.open_store() as store:
        task = store.resolve_name(task)
        with commit_guard(f"the last change of task '{task}' is undone"):
            entry = store.undo(task)
        return UndoResult(entry, store.warnings)


def forget(
    workspace: Workspace,
    task: str,
    *,
    commit_guard: CommitGuard = nullcontext,
    confirm: Callable[[TaskEntry], bool] = lambda entry: True,
) -> ForgetResult:
    """Remove a task with all its versions; there is no way back.

    Args:
        workspace: where the task is.
        task: its name.
        commit_guard: see `CommitGuard`.
        confirm: called before the change; returns whether to go on.

    Raises:
        UnknownTaskError: there is no such task.
        DeclinedError: it was not confirmed.
    """
    with workspace.open_store() as store:
        task = store.resolve_name(task)
        entry = store.find_task(task)
        if not confirm(entry):
            raise DeclinedError(f"task '{task}' was not forgotten; nothing was changed")
        sha256 = entry.sha256
        with commit_guard(f"task '{task}' is forgotten"):
            store.forget(task)
        return ForgetResult(task, sha256, store.warnings)


def compare_tasks(store: Store, before: dict[str, str]) -> dict[str, bool]:
    """Return for each task whether its blob still has this hash, read from the disk.

    Args:
        store: the store.
        before: task → SHA-256 of its blob.
    """
    now = {check.task: check.sha256 for check in store.verify() if check.status == "unchanged"}
    return {task: now.get(task) == sha256 for task, sha256 in before.items()}


def _open_manifest(workspace: Workspace) -> Manifest | None:
    try:
        return workspace.read_manifest()
    except (BundleError, SignatureError) as error:
        workspace.warn(f"{error.message}; whether tasks fit this bundle is not known")
        return None


def _listing(entry: TaskEntry, store: Store, manifest: Manifest | None) -> TaskListing:
    fits = None if manifest is None else entry.fingerprint == manifest.fingerprint
    training_set = store.training_sets.read(entry.sha256)
    if training_set is None:
        return TaskListing(entry, store.has_blob(entry), None, None, fits)
    recordings = [clip for clip in training_set if clip.origin != "background"]
    cached = sum(_is_cached(store, clip.clip_sha256, manifest) for clip in recordings) if manifest else None
    return TaskListing(entry, store.has_blob(entry), len(recordings), cached, fits)


def _is_cached(store: Store, key: str, manifest: Manifest) -> bool:
    """Return whether the token cache of this bundle has a file for a recording, intact or not."""
    folder, window_samples = store.home / FOLDER_NAME, manifest.geometry.window_samples
    return any(path.exists() for path in list_paths(folder, key, manifest.fingerprint, window_samples))
