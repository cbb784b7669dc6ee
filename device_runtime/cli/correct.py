"""`edgecl correct CLIP --not TASK/LABEL | --is TASK/LABEL`: tell a task what a recording is."""

import re
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Annotated, Any

import typer

from device_runtime.cli import output
from device_runtime.cli.homes import demand_writable, opened_cache, opened_store
from device_runtime.cli.options import Settings
from device_runtime.cli.progress import progress
from device_runtime.cli.signals import interrupts
from device_runtime.daemon.sinks.history_reader import HISTORY_NAME, HistoryReader, not_heard
from device_runtime.data.replay import load_with_training_set
from device_runtime.data.task_loader import load_others
from device_runtime.model import selftest
from device_runtime.model.runtime import Runtime
from device_runtime.recognition.recognizer import TaskScore
from device_runtime.training.engines.factory import open_engine
from device_runtime.training.learner import (
    AUTO,
    REQUESTED,
    UNCHANGED,
    Learner,
    read_method,
    read_recipe,
    read_requested_method,
)
from device_runtime.workflows.correct import CorrectionResult, CorrectionTarget, Corrector
from edgecl.errors import AudioError, UsageError
from edgecl.learning.negative_labels import is_negative
from edgecl.store import blob
from edgecl.store.registry import TaskEntry
from edgecl.store.store import Store
from edgecl.task_names import check_task_name

IDENTITY = re.compile(r"[0-9a-f]{16}")
Sound = Annotated[
    str | None, typer.Option("--is", metavar="TASK/LABEL", help="It is this sound.", show_default=False)
]
NoSound = Annotated[
    str | None, typer.Option("--not", metavar="TASK/LABEL", help="It is not this sound.", show_default=False)
]


def correct(
    settings: Settings,
    clip: Annotated[
        Path,
        typer.Argument(
            metavar="CLIP|EVENT_ID",
            help="The recording, or the id of a sound in the history (16 hex digits).",
            show_default=False,
        ),
    ],
    is_label: Sound = None,
    not_label: NoSound = None,
) -> int:
    """Tell a task what a recording is, and teach it again from memory. No other task is touched.

    After --not the task takes that sound, and what is like it, for none of its own. After --is it is one more
    example of the label. What the task learnt from is remembered in the cache; its folder is not needed.

    [bold]Examples[/bold]

      edgecl correct squeak.wav --not alarms/smoke_alarm      a false alarm

      edgecl correct 3f2a90c4d1e85b67 --not alarms/smoke_alarm      a sound that 'edgecl serve' kept a clip of

      edgecl correct far-away.wav --is alarms/doorbell        a sound that was missed

      edgecl undo alarms                                      if it did more harm than good
    """
    started = perf_counter()
    said = _said(is_label, not_label)
    clip = _recording(settings.home, clip)
    with opened_store(settings) as store:
        demand_writable(store)
        entries = store.list_tasks()
        claim = _claim(said, is_label is not None, entries)
        before = {entry.task: entry.sha256 for entry in entries}
        correction = _corrected(settings, store, claim, clip)
        sha256 = _keep(store, correction, before.pop(claim.task))
        now = {verdict.task: verdict.sha256 for verdict in store.verify() if verdict.status == "unchanged"}
    others = {task: now.get(task) == sha256 for task, sha256 in before.items()}
    outcome = Outcome(sha256, others, perf_counter() - started)
    if settings.as_json:
        doubts = _doubts(correction, claim)
        output.emit({**_document(correction, outcome), "warnings": [*doubts, *store.warnings]})
    else:
        _show(correction, claim, outcome)
    return 0


@dataclass(frozen=True)
class Outcome:
    """What the store now holds."""

    sha256: str
    others: dict[str, bool]  # task → whether it is byte for byte what it was
    seconds: float  # the whole command took


def _said(is_label: str | None, not_label: str | None) -> str:
    """What one of the two options says."""
    if is_label and not_label:
        raise UsageError("only one of --is and --not can be taken at a time", "say it in two commands")
    if not is_label and not not_label:
        raise UsageError(
            "say what the recording is, or what it is not",
            "edgecl correct CLIP --not alarms/doorbell, or --is alarms/doorbell",
        )
    return is_label or not_label or ""


def _claim(said: str, holds: bool, entries: Sequence[TaskEntry]) -> CorrectionTarget:
    """What is said of the recording by TASK/LABEL; where half of that is missing, a guess helps out."""
    task, _, label = said.partition("/")
    if task and label:
        return CorrectionTarget(check_task_name(task), label, holds)
    having = [entry.task for entry in entries if said in entry.labels]
    example = f"{having[0]}/{said}" if len(having) == 1 else "alarms/doorbell"
    raise UsageError(
        f"'{said}' does not name a task and one of its labels", f"write it TASK/LABEL: {example}"
    )


def _recording(home: Path, named: Path) -> Path:
    """The recording that is named: a file, or the clip of a sound.

    Raises:
        EdgeclError: there is no such file or sound, or no clip of it.
    """
    if named.exists() or named.is_symlink():
        return named
    if not IDENTITY.fullmatch(str(named)):
        hint = "name a recording, or the id of a sound in the history: 16 hex digits"
        raise UsageError(f"there is no {str(named)!r}", hint)
    past = HistoryReader.open(home / HISTORY_NAME)
    if past is None:
        raise not_heard(str(named))
    with closing(past):
        event = past.sound(str(named))
    if event.clip is None or not Path(event.clip).exists():
        reason = f"no clip of the sound '{named}' was kept ({event.task}/{event.label}, {event.start})"
        raise AudioError(
            reason, "to keep clips: keep = true under [clips] in the configuration of 'edgecl serve'"
        )
    return Path(event.clip)


def _corrected(settings: Settings, store: Store, claim: CorrectionTarget, clip: Path) -> CorrectionResult:
    runtime = Runtime.open(settings.bundle, settings.threads)
    selftest.run_once(runtime, settings.home)
    task, lessons = load_with_training_set(store, claim.task, runtime.bundle.manifest)
    engine = open_engine(settings.engine, runtime.bundle, settings.threads)
    cache = opened_cache(settings, store, runtime.bundle.manifest)
    created = store.choose_creation_time(claim.task, datetime.now(UTC))
    recipe = read_recipe(task)
    stored = load_others(store, claim.task, runtime.bundle.manifest) if recipe.warm_start else []
    why = UNCHANGED if read_requested_method(task) == AUTO else REQUESTED
    with progress() as bar:
        learner = Learner(runtime, engine, recipe, settings.seed, bar, read_method(task), stored, why)
        return Corrector(learner, cache).correct(task, lessons, claim, clip, created)


def _keep(store: Store, correction: CorrectionResult, made_from: str) -> str:
    """The hash under which the task now is in the store."""
    task, data = correction.blob.task, blob.to_bytes(correction.blob)
    with interrupts.held(f"task '{task}' is corrected"):
        return store.commit(task, data, True, correction.lessons, made_from)


def _document(correction: CorrectionResult, outcome: Outcome) -> dict[str, Any]:
    return {
        "task": correction.blob.task,
        "sha256": outcome.sha256,
        "taught": correction.taught.model_dump(),
        "before": asdict(correction.before),
        "after": asdict(correction.after),
        "held_out_accuracy": {"before": correction.held_out_before, "after": correction.held_out},
        "recordings": len(correction.lessons),
        "no_longer_remembered": [taught.file for taught in correction.forgotten],
        "others_unchanged": outcome.others,
        "seconds": outcome.seconds,
        "notes": correction.notes,
    }


def _show(correction: CorrectionResult, claim: CorrectionTarget, outcome: Outcome) -> None:
    task, lessons = correction.blob.task, len(correction.lessons)
    scores = {"before": correction.before, "now": correction.after}
    columns = ["", "called", "score", "margin", "needs", "accepted"]
    rows = [(when, *_row(score)) for when, score in scores.items()]
    output.answer(output.table("", columns, rows, "score,margin,needs"))
    for line in (*_doubts(correction, claim), *correction.notes):
        output.answer(f"  {line}")
    output.answer(
        f"taught '{task}' again from {lessons} recordings in {outcome.seconds:.1f} s",
        f"of the recordings kept aside {output.percent(correction.held_out)} were recognised, "
        f"{output.percent(correction.held_out_before)} before",
        f"stored as {outcome.sha256[:12]}; {output.untouched(outcome.others)}",
        f"to take it back: edgecl undo {task}",
    )


def _row(score: TaskScore) -> tuple[str, ...]:
    figures = f"{score.score:.3f}", f"{score.margin:+.2f}", f"{score.threshold:+.2f}"
    return score.label, *figures, "yes" if score.accepted else "no"


def _doubts(correction: CorrectionResult, claim: CorrectionTarget) -> list[str]:
    """What may speak against keeping the correction."""
    doubts, heard = [], correction.before
    if not (claim.holds or (heard.accepted and heard.label == claim.label)):
        doubts.append(
            f"on its own the recording was not taken for '{claim.label}' before; taught all the same"
        )
    after, taught, before = correction.after, correction.taught, correction.held_out_before
    if (after.accepted and after.label) != (not is_negative(taught.label) and taught.label):
        doubts.append("the recording is still not taken for what it is; correct with more recordings of it")
    if before is not None and correction.held_out < before - correction.chance:
        doubts.append("fewer of the recordings kept aside are recognised now: consider 'edgecl undo'")
    if correction.forgotten:
        doubts.append(f"{len(correction.forgotten)} recordings it was learnt from are no longer remembered")
    return doubts
