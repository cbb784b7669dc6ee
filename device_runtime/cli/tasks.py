"""`edgecl tasks`, `forget`, `verify`: what has been learnt, and whether it still is what it was."""

from dataclasses import asdict, dataclass, field
from typing import Annotated

import typer

from device_runtime.cli import screen
from device_runtime.cli.interrupts import interrupts
from device_runtime.cli.opening import opened_store
from device_runtime.cli.options import Settings
from edgecl.bundle import Bundle
from edgecl.errors import BundleError, NoStoreError
from edgecl.registry import TaskEntry

TaskName = Annotated[str, typer.Argument(help="A task, as 'edgecl tasks' lists it.", show_default=False)]
MaybeTask = Annotated[str | None, typer.Argument(metavar="[NAME]", help="One task.", show_default="all")]


def tasks(settings: Settings) -> int:
    """List what has been learnt: labels, size, identity, and whether this bundle can use it.

    [bold]Examples[/bold]

      edgecl tasks

      edgecl tasks --json | jq '.tasks[].labels'
    """
    fingerprint = _fingerprint(settings)
    found = _found(settings)
    if settings.as_json:
        documents = [_document(task, fingerprint) for task in found.tasks]
        screen.emit({"home": str(settings.home), "tasks": documents, "warnings": found.warnings})
    elif not found.tasks:
        screen.answer("nothing learnt yet; begin with: edgecl enroll NAME FOLDER")
    else:
        rows = [_row(task, fingerprint) for task in found.tasks]
        columns = ["task", "labels", "size", "learnt", "sha256", "with this bundle"]
        screen.answer(screen.table("", columns, rows, "size"))
    return 0


def forget(settings: Settings, name: TaskName) -> int:
    """Remove one task and its file. The others are not touched.

    [bold]Examples[/bold]

      edgecl forget alarms
    """
    with opened_store(settings) as store:
        sha256 = store.entry(name).sha256
        with interrupts.held(f"task '{name}' is forgotten"):
            store.forget(name)
    if settings.as_json:
        screen.emit({"forgotten": name, "sha256": sha256, "warnings": store.warnings})
    else:
        screen.answer(f"forgot '{name}' ({sha256[:12]})")
    return 0


def verify(settings: Settings, name: MaybeTask = None) -> int:
    """Read every byte of every task again and compare it with its hash. Changes nothing.

    Leaves with 1 if a task is damaged or missing, until it is enrolled again or forgotten.

    [bold]Examples[/bold]

      edgecl verify

      edgecl verify alarms
    """
    with opened_store(settings) as store:
        verdicts = store.verify(name)
    intact = all(verdict.status == "unchanged" for verdict in verdicts)
    if settings.as_json:
        screen.emit({"intact": intact, "tasks": [asdict(v) for v in verdicts], "warnings": store.warnings})
    else:
        rows = [(v.task, v.status, v.sha256[:12], v.detail) for v in verdicts]
        screen.answer(screen.table("", ["task", "status", "sha256", ""], rows))
    return 0 if intact else 1


@dataclass(frozen=True)
class Listed:
    """One task, as far as can be told without reading its blob."""

    entry: TaskEntry
    whole: bool  # its blob is where it should be


@dataclass(frozen=True)
class Found:
    """What a store lists."""

    tasks: list[Listed] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def _found(settings: Settings) -> Found:
    """All tasks; none where there is no store yet."""
    try:
        with opened_store(settings) as store:
            return Found([Listed(e, store.is_whole(e)) for e in store.tasks()], store.warnings)
    except NoStoreError:
        return Found()


def _fingerprint(settings: Settings) -> str | None:
    """Of the bundle in use; None where it cannot be opened, which is no reason not to list tasks."""
    try:
        return Bundle.open(settings.bundle).fingerprint
    except BundleError as error:
        screen.message(f"{error.message}; whether tasks fit it is not known")
        return None


def _document(task: Listed, fingerprint: str | None) -> dict[str, object]:
    usable = None if fingerprint is None else task.whole and task.entry.fingerprint == fingerprint
    return {**asdict(task.entry), "whole": task.whole, "usable": usable}


def _row(task: Listed, fingerprint: str | None) -> tuple[str, ...]:
    entry = task.entry
    labels, size = ", ".join(entry.labels), screen.size(entry.size_bytes)
    return entry.task, labels, size, entry.created, entry.sha256[:12], _use(task, fingerprint)


def _use(task: Listed, fingerprint: str | None) -> str:
    if not task.whole:
        return "its blob is lost: see 'edgecl verify'"
    if fingerprint is None:
        return "?"
    if task.entry.fingerprint == fingerprint:
        return "yes"
    return f"no, made with {task.entry.fingerprint[:8]}: enroll it again with --replace"
