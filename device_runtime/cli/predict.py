"""`edgecl predict FILE…|FOLDER`: what every task hears."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from device_runtime import selftest
from device_runtime.cli import screen
from device_runtime.cli.opening import opened_store
from device_runtime.cli.options import Settings
from device_runtime.known import load_tasks
from device_runtime.recognize import Heard, Recognizer, TaskScore
from device_runtime.runtime import Runtime
from edgecl.audio import Clip, Refused, read_or_refuse
from edgecl.console import readable
from edgecl.errors import AudioError
from edgecl.folders import audio_files

Recordings = Annotated[
    list[Path],
    typer.Argument(metavar="FILE…|FOLDER", help="Recordings, or folders of them.", show_default=False),
]


@dataclass(frozen=True)
class Answer:
    """What was heard in one file: scores of a clip, or events in a longer recording."""

    path: Path
    duration_s: float
    scores: list[TaskScore]
    events: list[Heard]


def predict(settings: Settings, paths: Recordings) -> int:
    """Say what every learnt task hears in some recordings.

    A clip that fits in one window gets one answer a task, the surest first. In a longer recording each sound
    is found: from when to when, and which label. Leaves with 1 if no file could be read.

    [bold]Examples[/bold]

      edgecl predict knock.wav

      edgecl predict --json evening.flac | jq '.files[].events'
    """
    files = audio_files(paths)
    with opened_store(settings) as store:
        runtime = Runtime.open(settings.bundle, settings.threads)
        selftest.demand(runtime, settings.home)
        recognizer = Recognizer(runtime, load_tasks(store, runtime.bundle.manifest))
    heard = [_hear(path, recognizer) for path in files]
    answers = [one for one in heard if isinstance(one, Answer)]
    refused = [one for one in heard if isinstance(one, Refused)]
    if not answers:
        raise AudioError(refused[0].reason, refused[0].hint)
    if settings.as_json:
        screen.emit({**_document(answers, refused), "warnings": store.warnings})
    else:
        _show(answers, refused)
    return 0


def _hear(path: Path, recognizer: Recognizer) -> Answer | Refused:
    clip = read_or_refuse(path, rate_hz=recognizer.runtime.rate_hz)
    if not isinstance(clip, Clip):
        return clip
    if recognizer.is_one_clip(clip.waveform):
        return Answer(path, clip.duration_s, recognizer.clip(clip.waveform), [])
    return Answer(path, clip.duration_s, [], recognizer.recording(clip.waveform))


def _document(answers: list[Answer], refused: list[Refused]) -> dict[str, Any]:
    files = [
        {
            "file": str(answer.path),
            "duration_s": answer.duration_s,
            "scores": [asdict(score) for score in answer.scores],
            "events": [{"task": heard.task, **asdict(heard.detection)} for heard in answer.events],
        }
        for answer in answers
    ]
    return {"files": files, "refused": screen.refused_values(refused)}


def _show(answers: list[Answer], refused: list[Refused]) -> None:
    if refused:
        screen.message(screen.refusals(refused))
    clips = [(answer.path, score) for answer in answers for score in answer.scores]
    if clips:
        columns = ["file", "task", "label", "score", "accepted"]
        screen.answer(screen.table("", columns, [_clip_row(*pair) for pair in clips], "score"))
    events = [_event_row(answer.path, heard) for answer in answers for heard in answer.events]
    if events:
        columns = ["file", "from", "to", "task", "label", "score"]
        screen.answer(screen.table("", columns, events, "from,to,score"))
    for answer in answers:
        if not answer.scores and not answer.events:
            screen.answer(f"{answer.path}: nothing that was taught")


def _clip_row(path: Path, score: TaskScore) -> tuple[object, ...]:
    style = "bold" if score.accepted else "dim"
    near = score.distance <= score.threshold
    verdict = "yes" if score.accepted else "no, none of its sounds" if near else "no, unlike what was taught"
    label = Text(readable(score.label), style)
    return path, score.task, label, f"{score.score:.3f}", Text(verdict, style)


def _event_row(path: Path, heard: Heard) -> tuple[object, ...]:
    found = heard.detection
    start, end = f"{found.start_s:.2f} s", f"{found.end_s:.2f} s"
    return path, start, end, heard.task, found.label, f"{found.score:.3f}"
