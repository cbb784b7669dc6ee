"""`edgecl tasks`, `forget`, `verify`: what has been learnt, and whether it still is what it was."""

from dataclasses import asdict, dataclass, field
from typing import Annotated

import typer
from rich.table import Table

from device_runtime.cli import output
from device_runtime.cli.homes import opened_cache, opened_store
from device_runtime.cli.options import Settings
from device_runtime.cli.signals import interrupts
from device_runtime.data.token_cache import TokenCache
from edgecl.bundle.bundle import Bundle
from edgecl.bundle.manifest import Manifest
from edgecl.errors import BundleError, NoStoreError
from edgecl.store.registry import TaskEntry
from edgecl.store.store import Store

TaskName = Annotated[str, typer.Argument(help="A task, as 'edgecl tasks' lists it.", show_default=False)]
MaybeTask = Annotated[str | None, typer.Argument(metavar="[NAME]", help="One task.", show_default="all")]


def tasks(settings: Settings) -> int:
    """List what has been learnt: labels, size, identity, and whether this bundle can use it.

    The recordings a task was learnt from teach it again at 'edgecl correct', as far as they are remembered.

    [bold]Examples[/bold]

      edgecl tasks

      edgecl tasks --json | jq '.tasks[].labels'
    """
    manifest = _manifest(settings)
    found = _found(settings, manifest)
    fingerprint = manifest.fingerprint if manifest else None
    if settings.as_json:
        documents = [_document(task, fingerprint) for task in found.tasks]
        output.emit({"home": str(settings.home), "tasks": documents, "warnings": found.warnings})
    elif not found.tasks:
        where = "" if settings.home.exists() else f": there is no folder '{settings.home}'"
        output.answer(f"nothing learnt yet{where}; begin with: edgecl enroll NAME FOLDER")
    else:
        output.answer(_table(found.tasks, fingerprint))
    return 0


def forget(settings: Settings, name: TaskName) -> int:
    """Remove one task and its files. The others are not touched.

    The version before it goes as well, and the list of what it was learnt from: there is no way back, except
    from a file that 'edgecl export-task' wrote before.

    [bold]Examples[/bold]

      edgecl forget alarms
    """
    with opened_store(settings) as store:
        sha256 = store.find_task(name).sha256
        with interrupts.held(f"task '{name}' is forgotten"):
            store.forget(name)
    if settings.as_json:
        output.emit({"forgotten": name, "sha256": sha256, "warnings": store.warnings})
    else:
        output.answer(
            f"forgot '{name}' ({sha256[:12]}), the version before it, and what it was learnt from",
            "for the next one: 'edgecl export-task' first keeps a task in a file",
        )
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
        output.emit({"intact": intact, "tasks": [asdict(v) for v in verdicts], "warnings": store.warnings})
    else:
        rows = [(v.task, v.status, v.sha256[:12], v.detail) for v in verdicts]
        output.answer(output.table("", ["task", "status", "sha256", ""], rows))
    return 0 if intact else 1


@dataclass(frozen=True)
class TaskListing:
    """One task, as far as can be told without reading its blob."""

    entry: TaskEntry
    whole: bool  # its blob is where it should be
    recordings: int | None  # it was learnt from; None where that is not known
    remembered: int | None  # of them, in the token cache of this bundle


@dataclass(frozen=True)
class TaskList:
    """What a store lists."""

    tasks: list[TaskListing] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def _found(settings: Settings, manifest: Manifest | None) -> TaskList:
    """All tasks; none where there is no store yet."""
    try:
        with opened_store(settings) as store:
            cache = opened_cache(settings, store, manifest) if manifest else None
            return TaskList([_listed(entry, store, cache) for entry in store.list_tasks()], store.warnings)
    except NoStoreError:
        return TaskList()


def _listed(entry: TaskEntry, store: Store, cache: TokenCache | None) -> TaskListing:
    lessons = store.training_sets.read(entry.sha256)
    if lessons is None:
        return TaskListing(entry, store.has_blob(entry), None, None)
    remembered = sum(cache.has(taught.clip_sha256) for taught in lessons) if cache else None
    return TaskListing(entry, store.has_blob(entry), len(lessons), remembered)


def _manifest(settings: Settings) -> Manifest | None:
    """Of the bundle in use; None where it cannot be opened, which is no reason not to list tasks."""
    try:
        return Bundle.open(settings.bundle).manifest
    except BundleError as error:
        output.message(f"{error.message}; whether tasks fit it is not known")
        return None


def _document(task: TaskListing, fingerprint: str | None) -> dict[str, object]:
    usable = None if fingerprint is None else task.whole and task.entry.fingerprint == fingerprint
    return {
        **asdict(task.entry),
        "whole": task.whole,
        "usable": usable,
        "recordings": task.recordings,
        "remembered": task.remembered,
    }


def _table(found: list[TaskListing], fingerprint: str | None) -> Table:
    """All of it; in a narrow terminal without the hash, and of the bundle only what is amiss."""
    rows = [_row(task, fingerprint) for task in found]
    columns = ["task", "labels", "recordings", "size", "learnt", "undo", "sha256", "with this bundle"]
    if output.is_narrow():
        amiss = any(row[-1] != "yes" for row in rows)
        rows = [(*row[:6], row[7]) if amiss else row[:6] for row in rows]
        columns = [*columns[:6], *(["usable"] if amiss else [])]
    return output.table("", columns, rows, "recordings,size")


def _row(task: TaskListing, fingerprint: str | None) -> tuple[str, ...]:
    entry = task.entry
    labels, size = ", ".join(entry.labels), output.size(entry.size_bytes)
    learnt, undo = output.moment(entry.created), "yes" if entry.previous_sha256 else "–"
    identity = learnt, undo, entry.sha256[:12]
    return entry.task, labels, _recordings(task), size, *identity, _use(task, fingerprint)


def _recordings(task: TaskListing) -> str:
    if task.recordings is None:
        return "?"
    whole = task.remembered in (None, task.recordings)
    return f"{task.recordings}" if whole else f"{task.recordings}, {task.remembered} remembered"


def _use(task: TaskListing, fingerprint: str | None) -> str:
    if not task.whole:
        return "its blob is lost: see 'edgecl verify'"
    if fingerprint is None:
        return "?"
    if task.entry.fingerprint == fingerprint:
        return "yes"
    return f"no, made with {task.entry.fingerprint[:8]}: enroll it again with --replace"
