"""`edgecl predict FILE…|FOLDER`: recognise sounds in recordings."""

from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from device_runtime.cli import output
from device_runtime.cli.options import Settings
from device_runtime.recognition.stream import TaskDetection
from device_runtime.workflows.predict import FilePrediction, PredictionResult
from device_runtime.workflows.predict import predict as run
from edgecl.console import escape_unprintable

Recordings = Annotated[
    list[Path],
    typer.Argument(metavar="FILE|FOLDER", help="Recordings, or folders of them.", show_default=False),
]


def predict(
    settings: Settings,
    paths: Recordings,
    task: Annotated[str | None, typer.Option(help="Ask this task only.", show_default="all tasks")] = None,
) -> int:
    """Recognise sounds in recordings: which task and label each one belongs to.

    A clip of up to 2 s gets one answer: the task and label it belongs to, or "unknown". In a longer recording
    every sound is listed with its start and end.

    The margin says how much more the clip is like the sound than like anything else, from about -1 to 1. A
    sound counts if its margin reaches the threshold of the task. Exit code 1 if no file could be read.

    Examples:
        edgecl predict knock.wav
        edgecl predict --task alarms knock.wav
        edgecl predict --json two-minutes.flac | jq '.files[].events'
    """
    result = run(settings.workspace, paths, task)
    if settings.as_json:
        output.emit(result.to_document())
    else:
        _show(result)
    return 0


def _show(result: PredictionResult) -> None:
    if result.rejected:
        output.print_message(output.build_rejected_table(result.rejected))
    output.print_message(*result.notes)
    clips = [_clip_row(one) for one in result.files if one.scores]
    if clips:
        columns = ["file", "task", "label", "score", "margin", "threshold"]
        output.print_answer(output.build_table("", columns, clips, "score,margin,threshold"))
    events = [_event_row(one.path, event) for one in result.files for event in one.events]
    if events:
        columns = ["file", "start", "end", "task", "label", "score"]
        output.print_answer(output.build_table("", columns, events, "start,end,score"))
    for one in result.files:
        if not one.scores and not one.events:
            output.print_answer(f"{one.path}: no sound detected")


def _clip_row(one: FilePrediction) -> tuple[object, ...]:
    answer, nearest = one.answer, one.scores[0]
    if answer is None:
        unknown = Text("unknown", "dim"), "", f"{nearest.margin:+.2f}", f"{nearest.threshold:+.2f}"
        return one.path, Text(escape_unprintable(f"(nearest: {nearest.task})"), "dim"), *unknown
    label = Text(escape_unprintable(answer.label), "bold")
    figures = f"{answer.score:.3f}", f"{answer.margin:+.2f}", f"{answer.threshold:+.2f}"
    return one.path, answer.task, label, *figures


def _event_row(path: Path, event: TaskDetection) -> tuple[object, ...]:
    found = event.detection
    start, end = f"{found.start_s:.2f} s", f"{found.end_s:.2f} s"
    return path, start, end, event.task, found.label, f"{found.score:.3f}"
