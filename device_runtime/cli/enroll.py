"""`edgecl enroll NAME FOLDER`: learn a task."""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Annotated, Any

import typer

from device_runtime import selftest
from device_runtime.cli import screen
from device_runtime.cli.interrupts import interrupts
from device_runtime.cli.opening import demand_writable, opened_cache, opened_store
from device_runtime.cli.options import Settings
from device_runtime.cli.progress import progress
from device_runtime.engines import open_engine
from device_runtime.enroll import Enroller, Enrolment
from device_runtime.intake import find_recordings
from device_runtime.learner import Learner
from device_runtime.recall import load_taught
from device_runtime.recipe import Recipe
from device_runtime.report import Report, report
from device_runtime.runtime import Runtime
from edgecl import blob
from edgecl.errors import TaskExistsError, UsageError
from edgecl.folders import LabelledFolder, labelled_folder
from edgecl.names import check_task_name
from edgecl.registry import TaskEntry
from edgecl.store import Store


def enroll(
    settings: Settings,
    name: Annotated[str, typer.Argument(help="What to call the task.", show_default=False)],
    folder: Annotated[Path, typer.Argument(help="One sub-folder of recordings a class.", show_default=False)],
    replace: Annotated[bool, typer.Option("--replace", help="Learn an existing task anew.")] = False,
    add: Annotated[
        bool, typer.Option("--add", help="Add recordings or sounds to an existing task; the old ones stay.")
    ] = False,
) -> int:
    """Learn a task from a folder of recordings, one sub-folder for each sound.

    WAV, FLAC, OGG, Opus, MP3 and AIFF are read, at any rate and number of channels. Files that cannot be
    used are skipped with a reason. A dozen recordings of each sound are a good start, two the least.

    [bold]Examples[/bold]

      edgecl enroll alarms my-sounds/

      edgecl enroll alarms my-sounds/ --replace --engine portable --seed 7

      edgecl enroll alarms more-sounds/ --add      a new sound, or more of an old one; undo takes it back
    """
    started = perf_counter()
    name = check_task_name(name)
    if replace and add:
        raise UsageError("--replace and --add exclude each other", "--replace forgets the old recordings")
    found = labelled_folder(folder) if add else find_recordings(folder)
    with opened_store(settings, create=not add) as store:
        old = store.entry(name) if add else None
        _demand_room(store, name, replace or add)
        enrolment = _learn(settings, store, name, found, add)
        sha256, size_bytes = _keep(store, enrolment, replace, old)
    outcome = Outcome(name, sha256, size_bytes, perf_counter() - started)
    if settings.as_json:
        screen.emit({**_document(enrolment, report(enrolment), outcome), "warnings": store.warnings})
    else:
        _show(enrolment, report(enrolment), outcome)
    return 0


@dataclass(frozen=True)
class Outcome:
    """What the store now holds."""

    task: str
    sha256: str
    size_bytes: int
    seconds: float  # the whole command took


def _demand_room(store: Store, name: str, replace: bool) -> None:
    """Refuse early what the store would refuse at the end."""
    demand_writable(store)
    if not replace and any(entry.task == name for entry in store.tasks()):
        raise TaskExistsError(
            f"task '{name}' is already enrolled; nothing was changed",
            "add --replace to learn it anew, --add to teach it more, or choose another name",
        )


def _learn(settings: Settings, store: Store, name: str, found: LabelledFolder, add: bool) -> Enrolment:
    runtime = Runtime.open(settings.bundle, settings.threads)
    selftest.demand(runtime, settings.home)
    known = load_taught(store, name, runtime.bundle.manifest)[1] if add else ()
    engine = open_engine(settings.engine, runtime.bundle, settings.threads)
    cache = opened_cache(settings, store, runtime.bundle.manifest)
    created = store.time_of_next(name, datetime.now(UTC))
    with progress() as bar:
        learner = Learner(runtime, engine, Recipe(), settings.seed, bar)
        return Enroller(learner, cache).learn(name, found, created, known)


def _keep(store: Store, enrolment: Enrolment, replace: bool, old: TaskEntry | None) -> tuple[str, int]:
    """Hash and size in bytes of the task, now in the store; `old` is what it was added to."""
    data = blob.to_bytes(enrolment.blob)
    task = enrolment.blob.task
    with interrupts.held(f"task '{task}' is stored"):
        made_from = old.sha256 if old else None
        sha256 = store.commit(task, data, replace or old is not None, enrolment.lessons, made_from)
    return sha256, len(data)


def _document(enrolment: Enrolment, told: Report, outcome: Outcome) -> dict[str, Any]:
    record = enrolment.blob.record
    return {
        "task": outcome.task,
        "labels": list(record.labels),
        "sha256": outcome.sha256,
        "size_bytes": outcome.size_bytes,
        "training": record.training,
        "threshold": record.threshold,
        "held_out_accuracy": told.accuracy,
        "classes": [asdict(row) for row in told.classes],
        "confusable": [asdict(pair) for pair in told.confusable],
        "advice": told.advice,
        "seconds": {**enrolment.seconds, "total": outcome.seconds},
        "recordings_from_cache": enrolment.from_cache,
        "repeated": [str(path) for path in enrolment.intake.repeated],
        "refused": screen.refused_values(enrolment.intake.refused),
        "ignored": [str(path) for path in enrolment.intake.ignored],
        "notes": enrolment.notes,
    }


def _show(enrolment: Enrolment, told: Report, outcome: Outcome) -> None:
    if enrolment.intake.refused:
        screen.message(screen.refusals(enrolment.intake.refused))
    rows = [
        (row.label, row.clips, row.windows, f"{screen.percent(row.accuracy)} of {row.held_out}")
        for row in told.classes
    ]
    columns = ["class", "recordings", "windows", "recognised"]
    screen.answer(screen.table("", columns, rows, "recordings,windows,recognised"))
    for pair in told.confusable:
        screen.answer(f"  {pair.label} was taken for {pair.taken_for}: {_recordings(pair.clips)}")
    for line in (*told.advice, *enrolment.notes):
        screen.answer(f"  {line}")
    spent = ", ".join(f"{stage} {seconds:.1f} s" for stage, seconds in enrolment.seconds.items())
    screen.answer(
        f"learnt '{outcome.task}' in {outcome.seconds:.1f} s ({spent})",
        f"of the recordings kept aside {screen.percent(told.accuracy)} were recognised",
        f"stored as {outcome.sha256[:12]}, {screen.size(outcome.size_bytes)}; try it: edgecl predict FILE",
    )


def _recordings(count: int) -> str:
    return f"{count} recording{'' if count == 1 else 's'}"
