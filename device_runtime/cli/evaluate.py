"""`edgecl evaluate NAME FOLDER`: measure a task on a test set."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from device_runtime.cli import output
from device_runtime.cli.options import PlotFile, Settings
from device_runtime.cli.progress import show_progress
from device_runtime.cli.tasks import TaskName
from device_runtime.workflows import plot as plots
from device_runtime.workflows.evaluate import Evaluation, EvaluationResult
from device_runtime.workflows.evaluate import evaluate as run
from device_runtime.workflows.open_set import OpenSetReport


def evaluate(
    settings: Settings,
    name: TaskName,
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="FOLDER", help="Folder with one sub-folder of recordings per class.", show_default=False
        ),
    ],
    unknown: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Also measure false alarms on recordings that hold none of the task's sounds.",
            show_default=False,
        ),
    ] = None,
    plot: PlotFile = None,
) -> int:
    """Measure a task on recordings that it was not trained on, one sub-folder per class.

    Prints the accuracy, recall and precision of each class, and which classes are confused. If there are
    other tasks, it also prints how often the right task answers when all of them may.

    With --unknown it prints how well the task rejects other sounds. Every event detected in a recording
    longer than 2 s counts as a false alarm there.

    Examples:
        edgecl evaluate alarms test-sounds/
        edgecl evaluate alarms test-sounds/ --unknown living-room/ --plot alarms.png
    """
    with show_progress() as bar:
        result = run(settings.workspace, name, folder, unknown, progress=bar)
    if settings.as_json:
        output.emit(result.to_document())
    else:
        _show(result)
        if result.open_set:
            _show_open_set(result.open_set)
    if plot:
        plots.draw_evaluation(plot, result.evaluation)
    return 0


def _show(result: EvaluationResult) -> None:
    evaluation = result.evaluation
    if evaluation.rejected:
        output.print_message(output.build_rejected_table(evaluation.rejected))
    output.print_message(*result.notes)
    if evaluation.unknown:
        output.print_message(f"Left out, not labels of '{evaluation.task}': {', '.join(evaluation.unknown)}")
    rows = [
        (
            label,
            score.support,
            output.format_percent(score.recall),
            output.format_percent(score.precision),
            mistakes,
        )
        for label, score, mistakes in zip(
            evaluation.labels, evaluation.classes, _mistakes(evaluation), strict=True
        )
    ]
    columns = ["class", "recordings", "recall", "precision", "recognised as"]
    output.print_answer(
        output.build_table("", columns, rows, "recordings,replay,precision"),
        f"Accuracy: {output.format_percent(evaluation.accuracy)} of {len(evaluation.scored)} recordings",
        f"Accepted as known: {output.format_percent(evaluation.accepted)}",
    )
    if result.other_tasks:
        output.print_answer(*_among_all_tasks(result))


def _among_all_tasks(result: EvaluationResult) -> Iterator[str]:
    """Yield how the recordings fare if every task may answer."""
    evaluation = result.evaluation
    nearest = ", ".join(f"{count} to '{task}'" for task, count in evaluation.taken_for.most_common())
    yield f"Among all {len(result.other_tasks) + 1} tasks:"
    yield f"  Right task and label: {output.format_percent(evaluation.answered)} (each task may reject)"
    yield f"  Right task and label, nothing rejected: {output.format_percent(evaluation.task_free_accuracy)}"
    yield f"  Nearer to another task: {nearest or 'none'}"


def _show_open_set(report: OpenSetReport) -> None:
    if report.rejected_files:
        output.print_message(output.build_rejected_table(report.rejected_files))
    rate = report.false_alarms_per_hour
    rows = [
        ("rejected", output.format_percent(report.rejected)),
        (
            "accepted if 95 % of known sounds are (FPR at 95 % TPR)",
            output.format_percent(report.fpr_at_95_tpr),
        ),
        ("separation from known sounds (AUROC)", "–" if report.auroc is None else f"{report.auroc:.3f}"),
        *(
            [(f"false alarms in {60 * report.hours:.1f} min", f"{report.false_alarms}")]
            if report.hours
            else []
        ),
        *([("false alarms per hour", f"{rate:.1f}")] if rate is not None else []),
    ]
    title = f"{len(report.unknown)} recordings without its sounds"
    output.print_answer(output.build_table(title, ["", "measured"], rows, "measured"))


def _mistakes(evaluation: Evaluation) -> list[str]:
    """Return what each class was recognised as, most often first: 'knock 3, glass 1'."""
    labels, counts = evaluation.labels, evaluation.confusion
    return [
        ", ".join(
            f"{labels[other]} {counts[own, other]}"
            for other in (-counts[own]).argsort(kind="stable")
            if other != own and counts[own, other]
        )
        for own in range(len(labels))
    ]
