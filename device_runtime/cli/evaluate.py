"""`edgecl evaluate NAME FOLDER`: measure a task on a test set."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from device_runtime.cli import output
from device_runtime.cli.options import PlotFile, Settings
from device_runtime.cli.progress import show_progress
from device_runtime.cli.tasks import TaskName
from device_runtime.workflows import plot as plots
from device_runtime.workflows.evaluate import ClassOutcome, Evaluation, EvaluationResult
from device_runtime.workflows.evaluate import evaluate as run
from device_runtime.workflows.open_set import OpenSetReport
from edgecl.learning.negative_labels import is_negative


def evaluate(
    settings: Settings,
    name: TaskName,
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="FOLDER",
            help="Folder with one sub-folder of recordings per class, or a zip file.",
            show_default=False,
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
    rooms: Annotated[
        bool,
        typer.Option(
            help="Also play up to 60 recordings in a quiet, an ordinary and a noisy room: with reverberation "
            "and noise."
        ),
    ] = True,
    plot: PlotFile = None,
) -> int:
    """Measure a task on recordings that it was not trained on, one sub-folder per class.

    Prints how many recordings of each class are detected, missed or answered with a wrong label, and how many
    others are answered with it, as 'edgecl predict' would answer them. Recordings that were enrolled are not
    counted. If there are other tasks, it also prints how often the right task answers when all of them may.
    Clean recordings say little about a living room, so some are also played in three rooms.

    With --unknown it prints how well the task rejects other sounds. Every event detected in a recording
    longer than 2 s counts as a false alarm there.

    Examples:
        edgecl evaluate alarms test-sounds/
        edgecl evaluate alarms test-sounds/ --unknown living-room/ --plot alarms.png
    """
    with show_progress() as bar:
        result = run(settings.workspace, name, folder, unknown, rooms=rooms, progress=bar)
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
        _class_row(label, support.support, outcome, mistakes)
        for label, support, outcome, mistakes in zip(
            evaluation.labels, evaluation.classes, evaluation.outcomes, _mistakes(evaluation), strict=True
        )
    ]
    counts = ["recordings", "detected", "missed (unknown)", "wrong label", "false alarms"]
    output.print_answer(output.build_table("", ["class", *counts, "answered as"], rows, ",".join(counts)))
    output.print_answer(*_headline(evaluation))
    if evaluation.rooms:
        output.print_answer(_build_room_table(evaluation))
    if result.other_tasks:
        output.print_answer(*_among_all_tasks(result))


def _class_row(label: str, recordings: int, outcome: ClassOutcome, mistakes: str) -> tuple[object, ...]:
    """Return the row of a class; a negative is never detected, so none of its recordings can be missed."""
    counts = outcome.detected, outcome.missed, outcome.wrong_label, outcome.false_alarms
    return label, recordings, *(["–"] * len(counts) if is_negative(label) else counts), mistakes


def _headline(evaluation: Evaluation) -> Iterator[str]:
    """Yield what a user of the task would find, if the recordings can show it."""
    if not evaluation.is_held_out:
        yield "No accuracy: the task was trained on all of these recordings"
        return
    outcomes = dict(zip(evaluation.labels, evaluation.outcomes, strict=True))
    missed = sum(one.missed for label, one in outcomes.items() if not is_negative(label))
    wrong = sum(one.wrong_label for label, one in outcomes.items() if not is_negative(label))
    if evaluation.known:
        detected = f"{output.format_percent(evaluation.detected)} of {len(evaluation.known)} recordings"
        yield f"Detected: {detected} ({missed} missed, {wrong} with a wrong label)"
    negatives = [one for one in evaluation.measured if is_negative(one.truth)]
    if negatives:
        alarms = sum(bool(one.labels) for one in negatives)
        yield f"False alarms: {alarms} of {len(negatives)} negative recordings"
    yield f"Most probable label right, nothing rejected: {output.format_percent(evaluation.accuracy)}"
    ranges = "; ".join(
        f"{one.low:g} to {one.high:g}: {output.format_percent(one.right)} of {one.count}"
        for one in reversed(evaluation.reliability)
    )
    yield f"Right by score: {ranges}"


def _build_room_table(evaluation: Evaluation) -> Table:
    rows = [
        (
            score.room.name,
            f"{score.room.rt60_s:.1f} s",
            f"{score.room.snr_db:.0f} dB",
            f"{output.format_percent(score.detected / score.recordings)} of {score.recordings}",
        )
        for score in evaluation.rooms
    ]
    columns = ["played in a", "RT60", "SNR", "detected"]
    return output.build_table("", columns, rows, "RT60,SNR,detected")


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
    """Return what each class was answered as instead, most often first: 'knock 3, glass 1'."""
    wrong = {label: Counter[str]() for label in evaluation.labels}
    for one in evaluation.measured:
        wrong[one.truth].update(sorted(one.labels - {one.truth}))
    return [", ".join(f"{label} {count}" for label, count in wrong[own].most_common()) for own in wrong]
