"""`edgecl evaluate NAME FOLDER`: how well a task does."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from device_runtime import selftest
from device_runtime.cli import screen
from device_runtime.cli.opening import opened_store
from device_runtime.cli.options import Settings
from device_runtime.cli.progress import progress
from device_runtime.cli.tasks import TaskName
from device_runtime.evaluate import Evaluation
from device_runtime.evaluate import evaluate as measure
from device_runtime.known import load_task
from device_runtime.recognize import Recognizer
from device_runtime.runtime import Runtime


def evaluate(
    settings: Settings,
    name: TaskName,
    folder: Annotated[Path, typer.Argument(help="One sub-folder of recordings a class.", show_default=False)],
) -> int:
    """Measure a task on recordings it has not learnt from, one sub-folder for each class.

    Shows the accuracy, each class, and what was taken for what. A recording's score is the mean over its
    windows.

    [bold]Examples[/bold]

      edgecl evaluate alarms my-other-sounds/
    """
    with opened_store(settings) as store:
        store.entry(name)
        runtime = Runtime.open(settings.bundle, settings.threads)
        selftest.demand(runtime, settings.home)
        task = load_task(store, name, runtime.bundle.manifest)
    with progress() as bar:
        evaluation = measure(Recognizer(runtime, [task]), folder, bar)
    if settings.as_json:
        screen.emit({"task": name, "warnings": store.warnings, **_document(evaluation)})
    else:
        _show(name, evaluation)
    return 0


def _document(evaluation: Evaluation) -> dict[str, Any]:
    rows = zip(evaluation.labels, evaluation.classes, strict=True)
    return {
        "accuracy": evaluation.accuracy,
        "accepted": evaluation.accepted,
        "labels": list(evaluation.labels),
        "classes": [{"label": label, **asdict(score)} for label, score in rows],
        "confusion": evaluation.confusion.tolist(),
        "files": [
            {"file": str(one.path), "truth": one.truth, **asdict(one.score)} for one in evaluation.scored
        ],
        "unknown_classes": evaluation.unknown,
        "refused": screen.refused_values(evaluation.refused),
    }


def _show(name: str, evaluation: Evaluation) -> None:
    if evaluation.refused:
        screen.message(screen.refusals(evaluation.refused))
    if evaluation.unknown:
        screen.message(f"left out, since '{name}' does not have them: {', '.join(evaluation.unknown)}")
    rows = [
        (label, score.support, screen.percent(score.recall), screen.percent(score.precision), mistakes)
        for label, score, mistakes in zip(
            evaluation.labels, evaluation.classes, _mistakes(evaluation), strict=True
        )
    ]
    columns = ["class", "recordings", "recognised", "precision", "taken for"]
    screen.answer(
        screen.table("", columns, rows, "recordings,recognised,precision"),
        f"'{name}' recognises {screen.percent(evaluation.accuracy)} of {len(evaluation.scored)} recordings "
        f"and accepts {screen.percent(evaluation.accepted)} as known",
    )


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
