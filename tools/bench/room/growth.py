"""`python -m tools.bench.room.growth TASKS`: what ten corrections in a room change there.

Every second test recording of a task is played in a room with noise; ten of those that are missed or answered
with a wrong label are corrected, cut from the stream as a user's clip of an event is. The others measure.
"""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from device_runtime.api.device import Device
from device_runtime.cli.progress import show_progress
from device_runtime.model.shipped_bundle import DEFAULT_BUNDLE
from device_runtime.system.progress import Progress
from device_runtime.workflows.workspace import Workspace
from edgecl.arrays import Waveform
from edgecl.audio.reader import SAMPLE_RATE_HZ
from tools.bench.machine import describe_machine
from tools.bench.room import figures, material
from tools.bench.room.conditions import CLEAN, Condition
from tools.bench.room.enrolment import enrol
from tools.bench.room.figures import Alarms, Outcome, Share
from tools.bench.room.material import BACKGROUNDS, ROOMS, VOICES, Half, Task
from tools.bench.room.scoring import ScoredStream, Setup, StreamScorer
from tools.bench.room.streams import BackgroundPlan, Event, EventPlan, Sounds
from tools.command_line import BundleFolder, Seed, TasksFolder, run_command

ROOM = Condition("a room with noise", "recorded", snr_db=10.0, rt60_s=0.4)
MARGIN_S = 0.5
"""Of a corrected clip on both sides of its event, as far as the next event is away."""
BACKGROUND_S = 900.0


@dataclass(frozen=True)
class State:
    """What a task does in streams of recordings that it is not corrected with."""

    in_room: Outcome
    clean: Outcome
    background: Alarms


@dataclass(frozen=True)
class Growth:
    """A task before and after its corrections."""

    corrections: int
    before: State
    after: State
    seconds: float
    """Of one correction, in the mean."""


def growth(
    tasks: TasksFolder,
    clips: Annotated[int, typer.Option(min=2, help="Training recordings of each label.")] = 10,
    corrections: Annotated[int, typer.Option(min=1, help="Corrections of each task.")] = 10,
    bundle: BundleFolder = DEFAULT_BUNDLE,
    seed: Seed = 0,
) -> None:
    """Correct a task in a room with noise and measure detection there, clean, and false alarms.

    The room: recorded noise 10 dB below the sound, reverberation time 0.4 s, of recordings
    that nothing was trained with. Half of the test recordings are corrected, the other
    half measures.
    """
    data = material.require_data()
    table = Table("task", "corrections", "in the room, %", "clean, %", "false alarms an hour", "s each")
    with tempfile.TemporaryDirectory() as name, show_progress() as progress:
        work = Path(name)
        for folder in (BACKGROUNDS, ROOMS):
            material.unpack(data / "pretrain_more" / f"{folder}.tar", work)
        folders = material.prepare_tasks(tasks, work / "tasks")
        measured = [material.read_task(folder, max_train=clips) for folder in folders]
        for task in measured:
            workspace = Workspace(work / f"home-{task.name}", bundle.absolute(), seed=seed)
            trial = Trial(task, workspace, _find_sounds(work, measured, task), seed)
            table.add_row(task.name, *_format_growth(trial.run(corrections, progress)))
    console = Console(width=120)
    console.print(describe_machine())
    console.print(table)


@dataclass(frozen=True)
class Trial:
    """One task in a home of its own."""

    task: Task
    workspace: Workspace
    sounds: Sounds
    seed: int

    def run(self, corrections: int, progress: Progress) -> Growth:
        """Enrol the task, correct it and measure it before and after."""
        with Device(self.workspace) as device:
            enrol(device, [self.task], progress)
            before = self._measure()
            clips = list(self._find_failures())[:corrections]
            started = perf_counter()
            for number, (label, clip) in enumerate(clips):
                progress(f"correcting {self.task.name}", number, len(clips))
                device.correct(clip, right=f"{self.task.name}/{label}", sample_rate=SAMPLE_RATE_HZ)
            seconds = (perf_counter() - started) / max(1, len(clips))
        return Growth(len(clips), before, self._measure(), seconds)

    def _measure(self) -> State:
        scorer = self._open_scorer()
        background = scorer.score(BackgroundPlan(0, BACKGROUND_S, self.sounds, self.seed))
        return State(
            self._count(scorer.score(self._plan(ROOM, 1))),
            self._count(scorer.score(self._plan(CLEAN, 1))),
            figures.count_alarms([background], self.task.name, figures.detect_by_default),
        )

    def _count(self, stream: ScoredStream) -> Outcome:
        return figures.sum_outcomes([stream], self.task.name, figures.detect_by_default)

    def _find_failures(self) -> Iterator[tuple[str, Waveform]]:
        """Yield label and clip of every event of the first half that the task misses or mistakes."""
        plan = self._plan(ROOM, 0)
        waveform, scored = plan.synthesise().waveform, self._open_scorer().score(plan)
        for event in scored.events:
            outcome = figures.count_outcome([event], scored.detections[self.task.name])
            if not outcome.right:
                yield event.label, _cut(waveform, event)

    def _plan(self, condition: Condition, half: int) -> EventPlan:
        recordings = tuple(_list_half(self.task.test, half))
        return EventPlan(self.task.name, condition, recordings, self.sounds, self.seed)

    def _open_scorer(self) -> StreamScorer:
        return StreamScorer(Setup(self.workspace, {}, None))


def _list_half(recordings: Half, half: int) -> Iterator[tuple[str, Path]]:
    """Yield every second recording of each label: the even ones, or the odd ones."""
    for label, paths in recordings.items():
        yield from ((label, path) for path in paths[half::2])


def _find_sounds(work: Path, tasks: list[Task], task: Task) -> Sounds:
    voices = [other for other in tasks if other.name in VOICES and other.name != task.name]
    paths = tuple(path for other in voices for paths in other.test.values() for path in paths)
    return Sounds(work / BACKGROUNDS, work / ROOMS, paths)


def _cut(waveform: Waveform, event: Event) -> Waveform:
    """Return the clip of an event, [samples]."""
    start = max(0, round((event.start_s - MARGIN_S) * SAMPLE_RATE_HZ))
    return waveform[start : round((event.end_s + MARGIN_S) * SAMPLE_RATE_HZ)]


def _format_growth(one: Growth) -> tuple[str, ...]:
    states = one.before, one.after
    return (
        str(one.corrections),
        " → ".join(_format_share(state.in_room.detected) for state in states),
        " → ".join(_format_share(state.clean.detected) for state in states),
        " → ".join(f"{state.background.per_hour:.0f}" for state in states),
        f"{one.seconds:.1f}",
    )


def _format_share(share: Share) -> str:
    low, high = share.interval
    return f"{100 * share.value:.0f} ({100 * low:.0f}–{100 * high:.0f})"


if __name__ == "__main__":
    run_command(growth, "tools.bench.room.growth")
