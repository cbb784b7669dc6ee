"""`edgecl tasks`, `forget`, `verify`: what has been learnt, and whether it still is what it was."""

from dataclasses import asdict
from typing import Annotated

import typer

from device_runtime.cli import screen
from device_runtime.cli.interrupts import interrupts
from device_runtime.cli.options import Settings
from edgecl.bundle import Bundle
from edgecl.errors import BundleError
from edgecl.registry import TaskEntry
from edgecl.store import Store

TaskName = Annotated[str, typer.Argument(help="A task, as 'edgecl tasks' lists it.", show_default=False)]
MaybeTask = Annotated[str | None, typer.Argument(metavar="[NAME]", help="One task.", show_default="all")]


def tasks(settings: Settings) -> int:
    """List what has been learnt: labels, size, identity, and whether this bundle can use it.

    [bold]Examples[/bold]

      edgecl tasks

      edgecl tasks --json | jq '.tasks[].labels'
    """
    fingerprint = _fingerprint(settings)
    entries = _entries(settings)
    if settings.as_json:
        screen.emit({"home": str(settings.home), "tasks": [_document(e, fingerprint) for e in entries]})
    elif not entries:
        screen.answer("nothing learnt yet; begin with: edgecl enroll NAME FOLDER")
    else:
        rows = [_row(entry, fingerprint) for entry in entries]
        columns = ["task", "labels", "size", "learnt", "sha256", "with this bundle"]
        screen.answer(screen.table("", columns, rows, "size"))
    return 0


def forget(settings: Settings, name: TaskName) -> int:
    """Remove one task and its file. The others are not touched.

    [bold]Examples[/bold]

      edgecl forget alarms
    """
    with Store.open(settings.home, create=False) as store:
        sha256 = store.entry(name).sha256
        with interrupts.held(f"task '{name}' is forgotten"):
            store.forget(name)
    if settings.as_json:
        screen.emit({"forgotten": name, "sha256": sha256})
    else:
        screen.answer(f"forgot '{name}' ({sha256[:12]})")
    return 0


def verify(settings: Settings, name: MaybeTask = None) -> int:
    """Read every byte of every task again and compare it with its hash. Changes nothing.

    Leaves with 1 if a task is damaged or missing.

    [bold]Examples[/bold]

      edgecl verify

      edgecl verify alarms
    """
    with Store.open(settings.home, create=False) as store:
        verdicts = store.verify(name)
        warnings = store.warnings
    intact = all(verdict.status == "unchanged" for verdict in verdicts)
    if settings.as_json:
        screen.emit({"intact": intact, "tasks": [asdict(v) for v in verdicts], "warnings": warnings})
    else:
        rows = [(v.task, v.status, v.sha256[:12], v.detail) for v in verdicts]
        screen.answer(screen.table("", ["task", "status", "sha256", ""], rows))
        screen.message(*warnings)
    return 0 if intact else 1


def _entries(settings: Settings) -> list[TaskEntry]:
    """All tasks; none where there is no store yet."""
    if not settings.home.exists():
        return []
    with Store.open(settings.home, create=False) as store:
        return store.tasks()


def _fingerprint(settings: Settings) -> str | None:
    """Of the bundle in use; None where it cannot be opened, which is no reason not to list tasks."""
    try:
        return Bundle.open(settings.bundle).fingerprint
    except BundleError as error:
        screen.message(f"{error.message}; whether tasks fit it is not known")
        return None


def _document(entry: TaskEntry, fingerprint: str | None) -> dict[str, object]:
    usable = None if fingerprint is None else entry.fingerprint == fingerprint
    return {**asdict(entry), "usable": usable}


def _row(entry: TaskEntry, fingerprint: str | None) -> tuple[str, ...]:
    labels, size = ", ".join(entry.labels), screen.size(entry.size_bytes)
    return entry.task, labels, size, entry.created, entry.sha256[:12], _use(entry, fingerprint)


def _use(entry: TaskEntry, fingerprint: str | None) -> str:
    if fingerprint is None:
        return "?"
    if entry.fingerprint == fingerprint:
        return "yes"
    return f"no, made with {entry.fingerprint[:8]}: enroll it again with --replace"
