"""`edgecl evaluate NAME FOLDER`: how well a task does."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from device_runtime.cli import output
from device_runtime.cli.homes import opened_store
from device_runtime.cli.options import Settings
from device_runtime.cli.plot import PlotFile
from device_runtime.cli.progress import progress
from device_runtime.cli.tasks import TaskName
from device_runtime.data.task_loader import load_task, load_tasks
from device_runtime.model import selftest
from device_runtime.model.runtime import Runtime
from device_runtime.recognition.recognizer import Recognizer
from device_runtime.workflows.evaluate import Evaluation
from device_runtime.workflows.evaluate import evaluate as measure
from device_runtime.workflows.plot import draw
from device_runtime.workflows.unknown import OpenSetReport, meet


def evaluate(
    settings: Settings,
    name: TaskName,
    folder: Annotated[Path, typer.Argument(help="One sub-folder of recordings a class.", show_default=False)],
    unknown: Annotated[
        Path | None,
        typer.Option(help="Recordings that hold none of the task's sounds.", show_default=False),
    ] = None,
    plot: PlotFile = None,
) -> int:
    """Measure a task on recordings it has not learnt from, one sub-folder for each class.

    Shows the accuracy, each class, and what was taken for what. A recording's score is the mean over its
    windows. With --unknown it also shows how well the task rejects what it was never taught; long recordings
    there are listened to from end to end, and every detection in them is a false alarm.

    [bold]Examples[/bold]

      edgecl evaluate alarms my-other-sounds/

      edgecl evaluate alarms my-other-sounds/ --unknown living-room/
    """
    with opened_store(settings) as store:
        store.find_task(name)
        runtime = Runtime.open(settings.bundle, settings.threads)
        selftest.run_once(runtime, settings.home)
        task = load_task(store, name, runtime.bundle.manifest)
        others = [other for other in load_tasks(store, runtime.bundle.manifest) if other.task != name]
    with progress() as bar:
        evaluation = measure(Recognizer(runtime, [task, *others]), task, folder, bar)
        met = meet(Recognizer(runtime, [task]), evaluation.known, unknown, bar) if unknown else None
    if settings.as_json:
        document = _document(evaluation, [other.task for other in others], met)
        output.emit({"task": name, "warnings": store.warnings, **document})
    else:
        _show(evaluation, len(others))
        if met:
            _show_strangers(met)
    if plot:
        _draw(evaluation, plot)
    return 0


def _draw(evaluation: Evaluation, file: Path) -> None:
    share, count = output.percent(evaluation.accuracy), len(evaluation.scored)
    title = f"{evaluation.task}: {share} of {count} recordings recognised"
    draw(file, title, evaluation.labels, evaluation.confusion)


def _document(evaluation: Evaluation, others: list[str], met: OpenSetReport | None) -> dict[str, Any]:
    rows = zip(evaluation.labels, evaluation.classes, strict=True)
    return {
        "accuracy": evaluation.accuracy,
        "accepted": evaluation.accepted,
        "task_free": {
            "accuracy": evaluation.task_free_accuracy,
            "answered": evaluation.answered,
            "other_tasks": others,
            "taken_for": evaluation.taken_for,
        },
        "labels": list(evaluation.labels),
        "classes": [{"label": label, **asdict(score)} for label, score in rows],
        "confusion": evaluation.confusion.tolist(),
        "files": [
            {"file": str(one.path), "truth": one.truth, **asdict(one.score)} for one in evaluation.scored
        ],
        "unknown_classes": evaluation.unknown,
        "unknown": _strangers(met) if met else None,
        "refused": output.refused_values([*evaluation.refused, *(met.refused if met else [])]),
    }


def _strangers(met: OpenSetReport) -> dict[str, Any]:
    return {
        "recordings": len(met.strangers),
        "auroc": met.auroc,
        "fpr_at_95_tpr": met.fpr_at_95_tpr,
        "rejected": met.rejected,
        "hours": met.hours,
        "false_alarms": met.false_alarms,
        "false_alarms_per_hour": met.false_alarms_per_hour,
        "files": [
            {
                "file": str(one.path),
                "accepted": one.score.accepted,
                "margin": one.score.margin,
                "alarms": [asdict(heard.detection) for heard in one.alarms or ()],
            }
            for one in met.strangers
        ],
    }


def _show(evaluation: Evaluation, others: int) -> None:
    name = evaluation.task
    if evaluation.refused:
        output.message(output.refusals(evaluation.refused))
    if evaluation.unknown:
        output.message(f"left out, since '{name}' does not have them: {', '.join(evaluation.unknown)}")
    rows = [
        (label, score.support, output.percent(score.recall), output.percent(score.precision), mistakes)
        for label, score, mistakes in zip(
            evaluation.labels, evaluation.classes, _mistakes(evaluation), strict=True
        )
    ]
    columns = ["class", "recordings", "recognised", "precision", "taken for"]
    output.answer(
        output.table("", columns, rows, "recordings,recognised,precision"),
        f"'{name}' recognises {output.percent(evaluation.accuracy)} of {len(evaluation.scored)} recordings "
        f"and accepts {output.percent(evaluation.accepted)} as known",
    )
    if others:
        lost = ", ".join(f"{count} to '{task}'" for task, count in evaluation.taken_for.most_common())
        output.answer(
            f"among {others + 1} tasks, none named, {output.percent(evaluation.task_free_accuracy)} "
            f"are nearest to it and get their label; where each may reject, "
            f"{output.percent(evaluation.answered)} of its sounds are answered with it and their label; "
            f"nearest to another task: {lost or 'none'}"
        )


def _show_strangers(met: OpenSetReport) -> None:
    if met.refused:
        output.message(output.refusals(met.refused))
    listened = f"{60 * met.hours:.1f} min listened to from end to end"
    rate = met.false_alarms_per_hour
    rows = [
        ("rejected as unknown", output.percent(met.rejected)),
        ("accepted where 95 % of the known are (FPR at 95 % TPR)", output.percent(met.fpr_at_95_tpr)),
        ("known before unknown (AUROC)", "–" if met.auroc is None else f"{met.auroc:.3f}"),
        *([(f"false alarms in {listened}", f"{met.false_alarms}")] if met.hours else []),
        *([("false alarms an hour", f"{rate:.1f}")] if rate is not None else []),
    ]
    title = f"{len(met.strangers)} recordings of something else"
    output.answer(output.table(title, ["", "measured"], rows, "measured"))


def _mistakes(evaluation: Evaluation) -> list[str]:
    """What each class was taken for, most often first: 'knock 3, glass 1'."""
    labels, counts = evaluation.labels, evaluation.confusion
    return [
        ", ".join(
            f"{labels[other]} {counts[own, other]}"
            for other in (-counts[own]).argsort(kind="stable")
            if other != own and counts[own, other]
        )
        for own in range(len(labels))
    ]
