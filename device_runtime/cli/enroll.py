"""`edgecl enroll NAME FOLDER`: learn a task."""

from collections.abc import Iterator
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from time import perf_counter
from typing import Annotated

import typer

from device_runtime.cli import enroll_report, output
from device_runtime.cli.enroll_report import Outcome
from device_runtime.cli.homes import demand_writable, opened_cache, opened_store
from device_runtime.cli.options import Settings
from device_runtime.cli.plot import PlotFile
from device_runtime.cli.progress import progress
from device_runtime.cli.recipe import RecipeWords, wanted
from device_runtime.cli.signals import interrupts
from device_runtime.cli.trial import rehearse, to_be_heard
from device_runtime.data.ingest import find_recordings
from device_runtime.data.replay import load_with_training_set
from device_runtime.data.task_loader import load_others
from device_runtime.model import selftest
from device_runtime.model.runtime import Runtime
from device_runtime.training.engines.factory import open_engine
from device_runtime.training.learner import AUTO, Learner, read_recipe, read_requested_method
from device_runtime.training.recipe import Recipe
from device_runtime.workflows.enroll import Enroller, Enrolment
from edgecl.canonical_json import sha256_hex
from edgecl.dataset_folder import LabelledFolder, scan_labelled_folder
from edgecl.errors import TaskExistsError, UsageError
from edgecl.store import blob
from edgecl.store.store import Store
from edgecl.task_names import check_task_name


class MethodName(StrEnum):
    """What --method accepts."""

    auto = "auto"
    prototype = "prototype"
    slda = "slda"
    ridge = "ridge"
    logistic = "logistic"
    adapter = "adapter"


def enroll(
    settings: Settings,
    name: Annotated[str, typer.Argument(help="What to call the task.", show_default=False)],
    folder: Annotated[Path, typer.Argument(help="One sub-folder of recordings a class.", show_default=False)],
    replace: Annotated[bool, typer.Option("--replace", help="Learn an existing task anew.")] = False,
    add: Annotated[
        bool, typer.Option("--add", help="Add recordings or sounds to an existing task; the old ones stay.")
    ] = False,
    method: Annotated[
        MethodName | None,
        typer.Option(
            help="How to learn. auto: slda at once, then an adapter where it proves better.",
            show_default="auto; with --add as before",
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Learn and tell, but store nothing.")] = False,
    hear: Annotated[
        Path | None,
        typer.Option(
            metavar="RECORDING", help="With --dry-run: say what it would hear in it, 300 s at most."
        ),
    ] = None,
    plot: PlotFile = None,
    recipe: RecipeWords = None,
) -> int:
    """Learn a task from a folder of recordings, one sub-folder for each sound.

    WAV, FLAC, OGG, Opus, MP3 and AIFF are read, at any rate and number of channels. Files that cannot be
    used are skipped with a reason. A dozen recordings of each sound are a good start, two the least.

    As soon as all are heard the task can be used. Closer learning goes on, and replaces it if it does better.

    [bold]Examples[/bold]

      edgecl enroll alarms my-sounds/

      edgecl enroll alarms my-sounds/ --replace --engine portable --seed 7

      edgecl enroll alarms more-sounds/ --add      a new sound, or more of an old one; undo takes it back

      edgecl enroll alarms my-sounds/ --dry-run --hear two-minutes.flac      before anything is stored

      edgecl enroll alarms my-sounds/ --method adapter --recipe epochs=60 --recipe soup=3
    """
    started = perf_counter()
    name = check_task_name(name)
    if replace and add:
        raise UsageError("--replace and --add exclude each other", "--replace forgets the old recordings")
    if hear and not dry_run:
        raise UsageError("--hear goes with --dry-run", "what is stored is heard by 'edgecl predict'")
    wanted(recipe, method or AUTO)  # misuse is told before there is a home
    found = scan_labelled_folder(folder) if add else find_recordings(folder)
    with opened_store(settings, create=not add) as store:
        old = store.find_task(name).sha256 if add else None
        _demand_room(store, name, replace or add)
        runtime = Runtime.open(settings.bundle, settings.threads)
        selftest.run_once(runtime, settings.home)
        asked = to_be_heard(hear, runtime.rate_hz)
        versions = _versions(settings, runtime, store, name, found, add, method, recipe)
        first = next(versions)
        store.warnings += _given_up(store, first) if replace else []
        enrolment = first
        sha256 = _hash_of(first) if dry_run else _keep(store, first, replace or add, old)
        usable_s = perf_counter() - started
        if not settings.as_json and not dry_run:
            enroll_report.announce(first, usable_s)
        for enrolment in versions:
            sha256 = _hash_of(enrolment) if dry_run else _improve(store, enrolment, sha256)
    rehearsal = rehearse(runtime, enrolment.blob, asked) if dry_run else None
    size_bytes = len(blob.to_bytes(enrolment.blob))
    outcome = Outcome(name, sha256, size_bytes, usable_s, perf_counter() - started, rehearsal)
    if settings.as_json:
        output.emit({**enroll_report.document(enrolment, outcome), "warnings": store.warnings})
    else:
        enroll_report.show(enrolment, outcome)
    if plot:
        enroll_report.draw(enrolment, plot)
    return 0


def _demand_room(store: Store, name: str, replace: bool) -> None:
    """Refuse early what the store would refuse at the end."""
    demand_writable(store)
    if not replace and any(entry.task == name for entry in store.list_tasks()):
        raise TaskExistsError(
            f"task '{name}' is already enrolled; nothing was changed",
            "add --replace to learn it anew, --add to teach it more, or choose another name",
        )


def _versions(
    settings: Settings,
    runtime: Runtime,
    store: Store,
    name: str,
    found: LabelledFolder,
    add: bool,
    method: str | None,
    words: list[str] | None,
) -> Iterator[Enrolment]:
    """The task as it can be had at once, then as it is better; by the method and recipe it had, if none is
    named."""
    old, known = load_with_training_set(store, name, runtime.bundle.manifest) if add else (None, ())
    method = method or (read_requested_method(old) if old else AUTO)
    recipe = wanted(words, method) or (read_recipe(old) if old else Recipe())
    stored = load_others(store, name, runtime.bundle.manifest) if recipe.warm_start else []
    engine = open_engine(settings.engine, runtime.bundle, settings.threads)
    cache = opened_cache(settings, store, runtime.bundle.manifest)
    created = store.choose_creation_time(name, datetime.now(UTC))
    with progress() as bar:
        learner = Learner(runtime, engine, recipe, settings.seed, bar, method, stored)
        yield from Enroller(learner, cache).learn(name, found, created, known)


def _hash_of(enrolment: Enrolment) -> str:
    """The hash that the task would have in the store."""
    return sha256_hex(blob.to_bytes(enrolment.blob))


def _keep(store: Store, enrolment: Enrolment, replace: bool, old: str | None) -> str:
    """The hash of the task, now in the store; `old` is that of the blob it was added to."""
    task, data = enrolment.blob.task, blob.to_bytes(enrolment.blob)
    with interrupts.held(f"task '{task}' is stored as it was learnt first"):
        return store.commit(task, data, replace, enrolment.lessons, old)


def _given_up(store: Store, enrolment: Enrolment) -> list[str]:
    """What goes with the old version, though it was in no folder: its corrections."""
    old = next((entry for entry in store.list_tasks() if entry.task == enrolment.blob.task), None)
    lessons = store.training_sets.read(old.sha256) or () if old else ()
    kept = {taught.clip_sha256 for taught in enrolment.lessons}
    lost = [t for t in lessons if t.origin == "corrected" and t.clip_sha256 not in kept]
    way_back = f"'edgecl undo {enrolment.blob.task}' brings the old version back"
    return [f"its corrections ({len(lost)}) are in no folder and no longer count; {way_back}"] if lost else []


def _improve(store: Store, enrolment: Enrolment, first: str) -> str:
    """The hash of the task, now in the store in place of its first version."""
    task, data = enrolment.blob.task, blob.to_bytes(enrolment.blob)
    with interrupts.held(f"task '{task}' is stored"):
        return store.commit(task, data, True, enrolment.lessons, base_sha256=first, discard_base=True)
