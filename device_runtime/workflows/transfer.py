"""Export a task to a file, and import it on another device that has the same bundle."""

from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from device_runtime.recognition.plausibility import check_plausibility
from device_runtime.workflows.documents import Document
from device_runtime.workflows.workspace import CommitGuard, Workspace, require_writable
from edgecl.bundle.bundle import Bundle
from edgecl.canonical_json import sha256_hex
from edgecl.errors import BlobError, TaskExistsError, UsageError
from edgecl.signatures import SUFFIX, read_trusted_keys, require_signature
from edgecl.store import atomic, blob
from edgecl.store.blob import TaskBlob
from edgecl.store.blob_record import MAX_BLOB_BYTES
from edgecl.store.store import Store


@dataclass(frozen=True)
class ExportResult:
    """A task that was written to a file."""

    task: str
    file: Path
    size_bytes: int
    sha256: str
    warnings: list[str]
    """Of the store and of the disk of the file."""

    def to_document(self) -> Document:
        """Return everything as plain values: `edgecl export-task --json`."""
        return {
            "task": self.task,
            "file": str(self.file),
            "size_bytes": self.size_bytes,
            "sha256": self.sha256,
            "warnings": self.warnings,
        }


@dataclass(frozen=True)
class ImportResult:
    """A task that was added from a file."""

    task: str
    sha256: str
    size_bytes: int
    warnings: list[str]
    """Of the store."""

    def to_document(self) -> Document:
        """Return everything as plain values: `edgecl import-task --json`."""
        return {
            "task": self.task,
            "sha256": self.sha256,
            "size_bytes": self.size_bytes,
            "warnings": self.warnings,
        }


def export_task(workspace: Workspace, task: str, file: Path, *, overwrite: bool = False) -> ExportResult:
    """Write a task to a file: all that was learnt, none of the recordings.

    Raises:
        UsageError: the file exists and is not to be overwritten, or its folder does not exist.
        UnknownTaskError: there is no such task.
        BlobError: the task is damaged.
    """
    _check_target(file, overwrite)
    with workspace.open_store() as store:
        task = store.resolve_name(task)
        data = store.read_blob(task)
        try:
            atomic.write(file, data)
        except atomic.UnconfirmedWriteError as error:
            store.warnings.append(atomic.describe_unconfirmed(f"'{file}' is written", error.strerror))
    return ExportResult(task, file, len(data), sha256_hex(data), store.warnings)


def import_task(
    workspace: Workspace, file: Path, *, replace: bool = False, commit_guard: CommitGuard = nullcontext
) -> ImportResult:
    """Add the task that `export_task` wrote to a file.

    Where the home trusts certain keys, one of them must have signed it in the file FILE.sig.

    Raises:
        UsageError: there is no such file.
        SignatureError: no trusted key signed it; nothing was parsed.
        BlobError: it is not a task, is damaged, or was made with another bundle.
        TaskExistsError: there is a task of this name, and it is not to be replaced.
    """
    try:
        data = _read(file)
        require_signature(data, Path(f"{file}{SUFFIX}"), read_trusted_keys(workspace.home))
        return import_blob(workspace, data, replace=replace, commit_guard=commit_guard)
    except BlobError as error:
        raise type(error)(f"'{file}': {error.message}", error.hint) from None


def import_blob(
    workspace: Workspace, data: bytes, *, replace: bool = False, commit_guard: CommitGuard = nullcontext
) -> ImportResult:
    """Add the task that these bytes are.

    Raises:
        BlobError: they are not a task that works here, see `read_foreign_task`.
        TaskExistsError: there is a task of this name, and it is not to be replaced.
    """
    task = read_foreign_task(data, workspace.open_runtime().bundle).task
    with workspace.open_store(create=True) as store:
        require_writable(store)
        _require_free_name(store, task, replace)
        with commit_guard(f"task '{task}' is stored"):
            sha256 = store.commit(task, data, replace)
        return ImportResult(task, sha256, len(data), store.warnings)


def read_foreign_task(data: bytes, bundle: Bundle) -> TaskBlob:
    """Parse and check a task that another device made.

    Raises:
        BlobError: it is not a task, is damaged, was made with another bundle, or computes nonsense.
    """
    task = blob.from_bytes(data, manifest=bundle.manifest)
    check_plausibility(task, bundle)
    return task


def _check_target(file: Path, overwrite: bool) -> None:
    """Refuse to overwrite a file unasked, or to write into a folder that does not exist."""
    if file.is_dir():
        raise UsageError(f"'{file}' is a folder", f"name a file in it: {file / 'task.safetensors'}")
    if file.exists() and not overwrite:
        raise UsageError(f"'{file}' exists already", "add --replace to overwrite it, or name another file")
    if not file.parent.is_dir():
        raise UsageError(f"there is no folder '{file.parent}'", f"make it first: mkdir -p '{file.parent}'")


def _require_free_name(store: Store, task: str, replace: bool) -> None:
    """Refuse to replace a task unasked, or to store one whose name differs from another only by case."""
    stored = store.resolve_name(task)
    if stored != task:
        raise TaskExistsError(
            f"'{task}' differs only by case from the task '{stored}'; nothing was changed",
            f"export '{stored}' and forget it, then import this one",
        )
    if not replace and any(entry.task == task for entry in store.list_tasks()):
        raise TaskExistsError(
            f"there is a task '{task}' already; nothing was changed",
            "add --replace to replace it with the file's; 'edgecl undo' restores the old one",
        )


def _read(file: Path) -> bytes:
    if not file.exists():
        raise UsageError(f"there is no file '{file}'", "name a file that 'edgecl export-task' wrote")
    with file.open("rb") as opened:
        data = opened.read(MAX_BLOB_BYTES + 1)
    if len(data) > MAX_BLOB_BYTES:
        raise BlobError("it is too large to be a task", "name a file that 'edgecl export-task' wrote")
    return data
