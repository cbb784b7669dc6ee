"""`edgecl predict FILE…|FOLDER`: what every task hears."""

import shlex
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from device_runtime.cli import output
from device_runtime.cli.homes import opened_store
from device_runtime.cli.options import Settings
from device_runtime.data.task_loader import load_task, load_tasks
from device_runtime.model import selftest
from device_runtime.model.runtime import Runtime
from device_runtime.recognition.recognizer import Recognizer, TaskScore, find_best_task
from device_runtime.recognition.stream import TaskDetection, detect_sounds
from edgecl.audio.reader import Clip, RejectedFile, read_or_reject
from edgecl.console import escape_unprintable
from edgecl.dataset_folder import find_audio_files
from edgecl.errors import AudioError

Recordings = Annotated[
    list[Path],
    typer.Argument(metavar="FILE…|FOLDER", help="Recordings, or folders of them.", show_default=False),
]


@dataclass(frozen=True)
class Answer:
    """What was heard in one file: scores of a clip, or events in a longer recording."""

    path: Path
    duration_s: float
    scores: list[TaskScore]  # of every task, the largest margin first; none for a longer recording
    events: list[TaskDetection]

    @property
    def belongs(self) -> TaskScore | None:
        """The task that a clip belongs to; None where it is unknown, and for a longer recording."""
        return find_best_task(self.scores)


def predict(
    settings: Settings,
    paths: Recordings,
    task: Annotated[str | None, typer.Option(help="Ask this task only.", show_default="all of them")] = None,
) -> int:
    """Say what is heard in some recordings: which task, and which of its labels.

    A clip that fits in one window gets one answer: the task it is most like, unless it is unlike everything
    that was taught; then it is unknown. In a longer recording each sound is found: from when to when, and
    which label. Leaves with 1 if no file could be read. For recordings of more than five minutes there is
    'edgecl listen FILE --fast'.

    The margin says how much a clip is like the sound, more than it is like anything else; it is accepted
    where the margin is as large as the task needs.

    [bold]Examples[/bold]

      edgecl predict knock.wav

      edgecl predict --task alarms knock.wav

      edgecl predict --json two-minutes.flac | jq '.files[].events'
    """
    files = find_audio_files(paths)
    with opened_store(settings) as store:
        runtime = Runtime.open(settings.bundle, settings.threads)
        selftest.run_once(runtime, settings.home)
        manifest = runtime.bundle.manifest
        tasks = load_tasks(store, manifest) if task is None else [load_task(store, task, manifest)]
    recognizer = Recognizer(runtime, tasks)
    heard = [_hear(path, recognizer) for path in files]
    answers = [one for one in heard if isinstance(one, Answer)]
    refused = [one for one in heard if isinstance(one, RejectedFile)]
    if not answers:
        raise AudioError(refused[0].reason, refused[0].hint)
    if settings.as_json:
        output.emit({**_document(answers, refused), "warnings": store.warnings})
    else:
        _show(answers, refused)
    return 0


def _hear(path: Path, recognizer: Recognizer) -> Answer | RejectedFile:
    clip = read_or_reject(path, rate_hz=recognizer.runtime.rate_hz)
    if not isinstance(clip, Clip):
        return (
            replace(clip, hint=f"hear it by: edgecl listen {shlex.quote(str(path))} --fast")
            if clip.too_long
            else clip
        )
    if recognizer.is_single_window(clip.waveform):
        return Answer(path, clip.duration_s, recognizer.score_clip(clip.waveform), [])
    return Answer(path, clip.duration_s, [], detect_sounds(recognizer, clip.waveform))


def _document(answers: list[Answer], refused: list[RejectedFile]) -> dict[str, Any]:
    files = [
        {
            "file": str(answer.path),
            "duration_s": answer.duration_s,
            "answer": {"task": found.task, "label": found.label} if (found := answer.belongs) else None,
            "scores": [asdict(score) for score in answer.scores],
            "events": [{"task": heard.task, **asdict(heard.detection)} for heard in answer.events],
        }
        for answer in answers
    ]
    return {"files": files, "refused": output.refused_values(refused)}


def _show(answers: list[Answer], refused: list[RejectedFile]) -> None:
    if refused:
        output.message(output.refusals(refused))
    clips = [_clip_row(answer) for answer in answers if answer.scores]
    if clips:
        columns = ["file", "task", "label", "score", "margin", "needs"]
        output.answer(output.table("", columns, clips, "score,margin,needs"))
    events = [_event_row(answer.path, heard) for answer in answers for heard in answer.events]
    if events:
        columns = ["file", "from", "to", "task", "label", "score"]
        output.answer(output.table("", columns, events, "from,to,score"))
    for answer in answers:
        if not answer.scores and not answer.events:
            output.answer(f"{answer.path}: nothing that was taught")


def _clip_row(answer: Answer) -> tuple[object, ...]:
    found, nearest = answer.belongs, answer.scores[0]
    if found is None:
        unknown = Text("unknown", "dim"), "", f"{nearest.margin:+.2f}", f"{nearest.threshold:+.2f}"
        return answer.path, Text(escape_unprintable(f"(nearest: {nearest.task})"), "dim"), *unknown
    label = Text(escape_unprintable(found.label), "bold")
    figures = f"{found.score:.3f}", f"{found.margin:+.2f}", f"{found.threshold:+.2f}"
    return answer.path, found.task, label, *figures


def _event_row(path: Path, heard: TaskDetection) -> tuple[object, ...]:
    found = heard.detection
    start, end = f"{found.start_s:.2f} s", f"{found.end_s:.2f} s"
    return path, start, end, heard.task, found.label, f"{found.score:.3f}"
