"""`edgecl tasks`, `verify`, `undo`, `forget`: list tasks, check them, go back a version, remove them."""

import sys
from typing import Annotated

import typer
from rich.table import Table

from device_runtime.cli import output
from device_runtime.cli.options import Settings
from device_runtime.cli.signals import interrupts
from device_runtime.workflows import tasks as workflows
from device_runtime.workflows.tasks import TaskListing
from edgecl.console import escape_unprintable
from edgecl.labels import join_labels
from edgecl.store.registry import TaskEntry

TaskName = Annotated[
    str,
    typer.Argument(metavar="NAME", help="Name of a task, as 'edgecl tasks' lists it.", show_default=False),
]
OptionalTask = Annotated[
    str | None, typer.Argument(metavar="NAME", help="One task.", show_default="all tasks")
]

Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


def tasks(settings: Settings) -> int:
    """List all tasks: labels, recordings, size, age, and whether this bundle can use them.

    Examples:
        edgecl tasks
        edgecl tasks --json | jq '.tasks[].labels'
    """
    found = workflows.list_tasks(settings.workspace)
    home = settings.workspace.home
    if settings.as_json:
        output.emit(found.to_document())
    elif not found.tasks:
        where = "" if home.exists() else f": there is no folder '{home}'"
        output.print_answer(f"No tasks yet{where}. Begin with: edgecl enroll NAME FOLDER")
    else:
        output.print_answer(_task_table(found.tasks))
    return 0


def verify(settings: Settings, name: OptionalTask = None) -> int:
    """Check that tasks are stored intact: every byte is read and compared with its hash.

    Nothing is changed. Exit code 1 if a task is damaged or missing, until it is enrolled again or forgotten.

    Examples:
        edgecl verify
        edgecl verify alarms
    """
    result = workflows.verify_tasks(settings.workspace, name)
    if settings.as_json:
        output.emit(result.to_document())
    else:
        rows = [(check.task, check.status, check.sha256[:12], check.detail) for check in result.checks]
        output.print_answer(output.build_table("", ["task", "status", "sha256", ""], rows))
    return 0 if result.is_intact else 1


def undo(settings: Settings, name: TaskName) -> int:
    """Take back the last change of a task: a correction, enrolment, import or consolidation.

    Two versions of every task are kept, so undoing twice restores the change.

    Examples:
        edgecl undo alarms
    """
    result = workflows.undo(settings.workspace, name, commit_guard=interrupts.defer)
    if settings.as_json:
        output.emit(result.to_document())
    else:
        entry = result.entry
        created, labels = output.format_time(entry.created), join_labels(entry.labels)
        output.print_answer(
            f"'{name}' is back at its version of {created}: {labels}",
            f"Stored as {entry.sha256[:12]}. Run 'edgecl undo {name}' again to restore the change.",
        )
    return 0


def forget(settings: Settings, name: TaskName, yes: Yes = False) -> int:
    """Remove a task with both its versions, the list of its recordings and what the cache has of them.

    No other task changes; the history of 'edgecl serve' stays. This cannot be undone, so it asks first on a
    terminal: to keep a copy, run 'edgecl export-task' first.

    Examples:
        edgecl forget alarms
        edgecl forget alarms --yes
    """
    result = workflows.forget(
        settings.workspace,
        name,
        commit_guard=interrupts.defer,
        confirm=lambda entry: yes or _is_confirmed(entry),
    )
    if settings.as_json:
        output.emit(result.to_document())
    else:
        output.print_answer(f"Forgot '{name}' ({result.sha256[:12]})")
    return 0


def _is_confirmed(entry: TaskEntry) -> bool:
    """Ask on a terminal; a script is not asked."""
    if not sys.stdin.isatty():
        return True
    question = f"Forget '{entry.task}' ({join_labels(entry.labels)})? This cannot be undone. [y/N] "
    print(escape_unprintable(question), end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _task_table(tasks: list[TaskListing]) -> Table:
    """Return all columns; in a narrow terminal without the hash, and with the bundle only if one differs."""
    rows = [_task_row(task) for task in tasks]
    columns = [
        "task",
        "labels",
        "recordings",
        "size",
        "enrolled",
        "undo",
        "sha256",
        "usable",
    ]
    if output.is_narrow():
        some_unusable = any(row[-1] != "yes" for row in rows)
        rows = [(*row[:6], row[7]) if some_unusable else row[:6] for row in rows]
        columns = [*columns[:6], *(["usable"] if some_unusable else [])]
    return output.build_table("", columns, rows, "recordings,size")


def _task_row(task: TaskListing) -> tuple[str, ...]:
    entry = task.entry
    labels, size = join_labels(entry.labels), output.format_size(entry.size_bytes)
    created, undo = output.format_time(entry.created), "yes" if entry.previous_sha256 else "–"
    return entry.task, labels, _recordings(task), size, created, undo, entry.sha256[:12], _usability(task)


def _recordings(task: TaskListing) -> str:
    if task.recordings is None:
        return "?"
    is_complete = task.cached in (None, task.recordings)
    return f"{task.recordings}" if is_complete else f"{task.recordings}, {task.cached} in the cache"


def _usability(task: TaskListing) -> str:
    if not task.is_whole:
        return "its blob is lost: see 'edgecl verify'"
    if task.fits_bundle is None:
        return "?"
    if task.fits_bundle:
        return "yes"
    return f"no, made with bundle {task.entry.fingerprint[:8]}: edgecl enroll --again"
