"""`edgecl correct CLIP --not TASK/LABEL | --is TASK/LABEL`: correct a false alarm or a missed sound."""

import re
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from device_runtime.cli import output
from device_runtime.cli.options import Settings
from device_runtime.cli.progress import show_progress
from device_runtime.cli.signals import interrupts
from device_runtime.daemon.sinks.history_reader import HISTORY_NAME, HistoryReader, unknown_sound
from device_runtime.recognition.recognizer import TaskScore
from device_runtime.workflows.correct import CorrectionResult, parse_target
from device_runtime.workflows.correct import correct as run
from edgecl.errors import AudioError, UsageError
from edgecl.store.training_set import count_recordings

EVENT_ID = re.compile(r"[0-9a-f]{16}")
IsLabel = Annotated[
    str | None,
    typer.Option("--is", metavar="TASK/LABEL", help="It is this sound, and was missed.", show_default=False),
]
NotLabel = Annotated[
    str | None,
    typer.Option(
        "--not", metavar="TASK/LABEL", help="It is not this sound: a false alarm.", show_default=False
    ),
]


def correct(
    settings: Settings,
    clip: Annotated[
        Path,
        typer.Argument(
            metavar="CLIP|EVENT_ID",
            help="The recording, or the id of an event in the history of 'edgecl serve' (16 hex digits).",
            show_default=False,
        ),
    ],
    is_label: IsLabel = None,
    not_label: NotLabel = None,
) -> int:
    """Correct a task with one recording: a false alarm (--not) or a missed sound (--is).

    With --not the task learns to reject this sound and sounds like it. With --is the recording becomes one
    more example of the label. The task is trained again from the feature cache, so the folder it was enrolled
    from is not needed. No other task changes.

    Examples:
        # A false alarm
        edgecl correct squeak.wav --not alarms/smoke_alarm

        # A missed sound
        edgecl correct far-away.wav --is alarms/doorbell

        # An event in the history of 'edgecl serve' whose clip was kept
        edgecl correct 3f2a90c4d1e85b67 --not alarms/smoke_alarm

        # Take the correction back
        edgecl undo alarms
    """
    text = _chosen_option(is_label, not_label)
    target = parse_target(settings.workspace, text, is_label is not None)
    path = _find_recording(settings.workspace.home, clip)
    with show_progress() as bar:
        result = run(settings.workspace, target, path, progress=bar, commit_guard=interrupts.defer)
    if settings.as_json:
        output.emit(result.to_document())
    else:
        _show(result)
    return 0


def _chosen_option(is_label: str | None, not_label: str | None) -> str:
    """Return the value of the one option that is given."""
    if is_label and not_label:
        raise UsageError("--is and --not exclude each other", "run two commands")
    if not is_label and not not_label:
        raise UsageError(
            "say what the recording is, or what it is not",
            "edgecl correct CLIP --not alarms/doorbell, or --is alarms/doorbell",
        )
    return is_label or not_label or ""


def _find_recording(home: Path, named: Path) -> Path:
    """Return the recording that is meant: a file, or the clip of an event.

    Raises:
        EdgeclError: there is no such file or event, or no clip of it.
    """
    if named.exists() or named.is_symlink():
        return named
    if not EVENT_ID.fullmatch(str(named)):
        hint = "name a recording, or the id of an event in the history: 16 hex digits"
        raise UsageError(f"there is no {str(named)!r}", hint)
    history = HistoryReader.open(home / HISTORY_NAME)
    if history is None:
        raise unknown_sound(str(named))
    with closing(history):
        event = history.sound(str(named))
    if event.clip is None or not Path(event.clip).exists():
        raise AudioError(
            f"no clip of the event '{named}' was kept ({event.task}/{event.label}, {event.start})",
            "to keep clips: keep = true under [clips] in the configuration of 'edgecl serve'",
        )
    return Path(event.clip)


def _show(result: CorrectionResult) -> None:
    correction = result.correction
    task, recordings = correction.blob.task, count_recordings(correction.training_set)
    rows = [("before", *_score_row(correction.before)), ("now", *_score_row(correction.after))]
    columns = ["", "recognised as", "score", "margin", "threshold", "accepted"]
    output.print_answer(output.build_table("", columns, rows, "score,margin,threshold"))
    for line in (*result.doubts, *correction.notes):
        output.print_answer(f"  {line}")
    output.print_answer(
        f"Corrected '{task}' with {recordings} recordings in {result.seconds:.1f} s",
        f"Accuracy on held-out recordings: {output.format_percent(correction.accuracy)} "
        f"({output.format_percent(correction.accuracy_before)} before)",
        f"Stored as {result.sha256[:12]}; {output.describe_others(result.others_unchanged)}",
        f"To take it back: edgecl undo {task}",
    )


def _score_row(score: TaskScore) -> tuple[str, ...]:
    figures = f"{score.score:.3f}", f"{score.margin:+.2f}", f"{score.threshold:+.2f}"
    return score.label, *figures, "yes" if score.accepted else "no"
