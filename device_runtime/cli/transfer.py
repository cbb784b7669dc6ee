"""`edgecl export-task`, `import-task`: carry a task to another device that has the same bundle."""

from pathlib import Path
from typing import Annotated

import typer

from device_runtime.cli import output
from device_runtime.cli.homes import demand_writable, opened_store
from device_runtime.cli.options import Settings
from device_runtime.cli.signals import interrupts
from device_runtime.cli.tasks import TaskName
from edgecl.bundle.bundle import Bundle
from edgecl.bundle.manifest import Manifest
from edgecl.canonical_json import sha256_hex
from edgecl.errors import BlobError, TaskExistsError, UsageError
from edgecl.store import atomic, blob
from edgecl.store.blob import MAX_BLOB_BYTES
from edgecl.store.store import Store

MAX_READ_BYTES = MAX_BLOB_BYTES + 1


def export_task(
    settings: Settings,
    name: TaskName,
    file: Annotated[Path, typer.Argument(help="The file to be written.", show_default=False)],
    replace: Annotated[bool, typer.Option("--replace", help="Also where there is a file already.")] = False,
) -> int:
    """Write a task into a file: all that was learnt, none of the sound it was learnt from.

    [bold]Examples[/bold]

      edgecl export-task alarms alarms.safetensors
    """
    _demand_place(file, replace)
    with opened_store(settings) as store:
        data = store.read_blob(name)
    atomic.write(file, data)
    sha256 = sha256_hex(data)
    if settings.as_json:
        document = {"task": name, "file": str(file), "size_bytes": len(data), "sha256": sha256}
        output.emit({**document, "warnings": store.warnings})
    else:
        output.answer(f"wrote '{name}' ({sha256[:12]}, {output.size(len(data))}) to {file}")
    return 0


def import_task(
    settings: Settings,
    file: Annotated[Path, typer.Argument(help="What export-task wrote.", show_default=False)],
    replace: Annotated[bool, typer.Option("--replace", help="Also where a task has its name.")] = False,
) -> int:
    """Add a task from a file. It has to be made with the same bundle, and is checked like every other.

    It can be heard with at once, but not be corrected or added to: that takes the sound it was learnt from.

    [bold]Examples[/bold]

      edgecl import-task alarms.safetensors

      edgecl import-task alarms.safetensors --replace      undo brings the old one back
    """
    data = _read(file)
    task = _task_in(data, file, Bundle.open(settings.bundle).manifest)
    with opened_store(settings, create=True) as store:
        demand_writable(store)
        _demand_free(store, task, replace)
        with interrupts.held(f"task '{task}' is stored"):
            sha256 = store.commit(task, data, replace)
    if settings.as_json:
        output.emit({"task": task, "sha256": sha256, "size_bytes": len(data), "warnings": store.warnings})
    else:
        output.answer(f"'{task}' can be used; stored as {sha256[:12]}, {output.size(len(data))}")
    return 0


def _demand_place(file: Path, replace: bool) -> None:
    """Refuse to write over a file unasked, or into a folder that is not there."""
    if file.is_dir():
        raise UsageError(f"'{file}' is a folder", f"name a file in it: {file / 'task.safetensors'}")
    if file.exists() and not replace:
        raise UsageError(f"'{file}' exists already", "add --replace to write over it, or name another file")
    if not file.parent.is_dir():
        raise UsageError(f"there is no folder '{file.parent}'", f"make it first: mkdir -p '{file.parent}'")


def _demand_free(store: Store, task: str, replace: bool) -> None:
    """Refuse to put the file's task in the place of another unasked."""
    if not replace and any(entry.task == task for entry in store.list_tasks()):
        raise TaskExistsError(
            f"there is a task '{task}' already; nothing was changed",
            "add --replace to take the file's instead; 'edgecl undo' brings the old one back",
        )


def _task_in(data: bytes, file: Path, manifest: Manifest) -> str:
    """The name of the task that these bytes of the file are."""
    try:
        return blob.from_bytes(data, manifest=manifest).task
    except BlobError as error:
        raise type(error)(f"'{file}': {error.message}", error.hint) from None


def _read(file: Path) -> bytes:
    if not file.exists():
        raise UsageError(f"there is no file '{file}'", "name a file that 'edgecl export-task' wrote")
    with file.open("rb") as opened:
        data = opened.read(MAX_READ_BYTES)
    if len(data) == MAX_READ_BYTES:
        raise BlobError(f"'{file}' is too large to be a task", "name a file that export-task wrote")
    return data
