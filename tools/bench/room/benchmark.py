"""Plans the streams, runs them, and counts the figures of the product and of the yardstick."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from device_runtime.api.device import Device
from device_runtime.model.augmentation import load_augmenter
from device_runtime.system.progress import Progress
from device_runtime.workflows.workspace import Workspace
from edgecl.bundle.bundle import Bundle
from edgecl.detection import DetectionRule
from tools.bench.room import enrolment, figures, material, yardstick
from tools.bench.room.conditions import CONDITIONS, QUICK, Condition
from tools.bench.room.enrolment import HALF
from tools.bench.room.figures import Alarms, Detect, Outcome
from tools.bench.room.material import (
    BACKGROUNDS,
    ROOMS,
    TUNING_BACKGROUNDS,
    TUNING_ROOMS,
    VOICES,
    Task,
)
from tools.bench.room.scoring import ScoredStream, Setup, score_all
from tools.bench.room.streams import BackgroundPlan, EventPlan, ForeignPlan, Plan, Sounds

PRODUCT, YARDSTICK = "edgecl", "mn04 + LR"
MAX_ALARMS_PER_HOUR = 0.1
OFFSET_BOUNDS, PROBABILITY_BOUNDS = (-1.0, 2.0), (0.0, 1.001)


@dataclass(frozen=True)
class Size:
    """How much is measured; clips are per label, None: all."""

    conditions: tuple[Condition, ...] = CONDITIONS
    train_clips: int | None = None
    test_clips: int | None = None
    background_h: float = 6.0
    """A task is not measured with the babble of its own voices."""
    babble: float = 0.3
    """Share of the background with babble over the ambience."""
    foreign_clips: int | None = None
    """Of each label and half of a task."""


FULL = Size()
QUICK_SIZE = Size(QUICK, 10, 3, background_h=0.24, foreign_clips=2)
BACKGROUND_STREAM_S = 900.0


@dataclass(frozen=True)
class OperatingPoint:
    """A task with the smallest threshold that gives at most a number of false alarms."""

    threshold: float
    """The product: offset from its own; the yardstick: probability."""
    alarms: Alarms
    outcomes: dict[str, Outcome]  # by condition


@dataclass(frozen=True)
class SystemFigures:
    """Everything that was counted for the product or the yardstick."""

    outcomes: dict[str, dict[str, Outcome]]  # condition → task
    background: dict[str, Alarms]  # by task: ambience and babble of a home
    foreign: dict[str, Alarms]  # by task: recordings of the other tasks
    near: dict[str, Alarms]  # by task, enrolled with half of its labels: recordings of the others
    strict: dict[str, OperatingPoint]  # by task


RULES = {
    "1 of 1": DetectionRule(1, 1),
    "2 of 2": DetectionRule(2, 2),
    "2 of 3": DetectionRule(2, 3),
    "2 of 3, hysteresis 0.1": DetectionRule(2, 3, 0.1),
    "2 of 3, hysteresis 0.3": DetectionRule(2, 3, 0.3),
    "3 of 3": DetectionRule(3, 3),
    "3 of 4": DetectionRule(3, 4),
}
"""Rules to compare when tuning."""


@dataclass(frozen=True)
class Results:
    """One run."""

    command: str
    machine: str
    seed: int
    tasks: list[str]
    conditions: list[str]
    events: dict[str, int]  # by task
    offline: dict[str, float]  # accuracy by task
    systems: dict[str, SystemFigures]
    rules: dict[str, dict[str, OperatingPoint]]
    """Rule → task, with as many alarms as the default rule has; empty unless tuning."""


@dataclass(frozen=True)
class Benchmark:
    """The room benchmark over some tasks."""

    folders: Sequence[Path]
    work: Path
    """An empty folder for the home, the unpacked sounds and mn04's graph."""
    size: Size
    seed: int
    processes: int
    bundle: Path
    mn04: Path | None
    """Weights of the yardstick; None: it is left out."""
    progress: Progress
    tuning: bool = False
    """Use training recordings, backgrounds and rooms alone, and compare rules of events."""

    def run(self, command: str, machine: str) -> Results:
        """Enrol, score all streams and count.

        Raises:
            UsageError: EDGECL_DATA is not set or lacks the backgrounds.
        """
        data = material.require_data()
        for name in self._sound_folders:
            material.unpack(data / "pretrain_more" / f"{name}.tar", self.work)
        read = material.read_tuning_task if self.tuning else material.read_task
        tasks = [read(folder, self.size.train_clips, self.size.test_clips) for folder in self.folders]
        enrolled = [*tasks, *(enrolment.select_half(task) for task in tasks)]
        workspace = Workspace(self.work / "home", self.bundle, seed=self.seed)
        with Device(workspace) as device:
            enrolment.enrol(device, enrolled, self.progress)
            offline = {task.name: enrolment.measure_offline_accuracy(device, task) for task in tasks}
        setup = self._fit_yardstick(workspace, enrolled)
        conditions = self._select_conditions(tasks)
        streams = score_all(setup, self._plan(tasks, conditions), self.processes, self.progress)
        names = [task.name for task in tasks]
        counter = _Counter(streams, names, [one.name for one in conditions])
        return Results(
            command=command,
            machine=machine,
            seed=self.seed,
            tasks=names,
            conditions=counter.conditions,
            events={task.name: sum(map(len, task.test.values())) for task in tasks},
            offline=offline,
            systems=counter.count_all(with_yardstick=self.mn04 is not None),
            rules=counter.compare_rules() if self.tuning else {},
        )

    @property
    def _sound_folders(self) -> tuple[str, str]:
        """Names of the folders of backgrounds and rooms."""
        return (TUNING_BACKGROUNDS, TUNING_ROOMS) if self.tuning else (BACKGROUNDS, ROOMS)

    def _fit_yardstick(self, workspace: Workspace, enrolled: list[Task]) -> Setup:
        if self.mn04 is None:
            return Setup(workspace, {}, None)
        graph = self.work / "mn04.onnx"
        yardstick.export_mn04(self.mn04, graph)
        augmenter = load_augmenter(Bundle.open(self.bundle))
        fitted = yardstick.fit_all(yardstick.open_mn04(graph), enrolled, augmenter, self.progress)
        return Setup(workspace, fitted, graph)

    def _select_conditions(self, tasks: list[Task]) -> list[Condition]:
        """Return the conditions; those with babble need voices that belong to another task."""
        has_voices = all(_select_voices(tasks, task) for task in tasks)
        return [one for one in self.size.conditions if one.noise != "babble" or has_voices]

    def _plan(self, tasks: list[Task], conditions: list[Condition]) -> list[Plan]:
        return [
            *self._plan_background(tasks),
            *(plan for task in tasks for plan in self._plan_foreign(task)),
            *(self._plan_events(task, tasks, one) for one in conditions for task in tasks),
        ]

    def _plan_events(self, task: Task, tasks: list[Task], condition: Condition) -> EventPlan:
        recordings = tuple((label, path) for label, paths in task.test.items() for path in paths)
        sounds = self._sounds(_select_voices(tasks, task))
        return EventPlan(task.name, condition, recordings, sounds, self.seed)

    def _plan_foreign(self, task: Task) -> list[ForeignPlan]:
        """Plan two streams: the labels of the half task, and the others."""
        chosen = enrolment.select_half(task).train
        limit = self.size.foreign_clips
        parts: dict[bool, list[tuple[str, Path]]] = {True: [], False: []}
        for half in (task.train, task.test):
            for label, paths in half.items():
                parts[label in chosen] += [(label, path) for path in paths[:limit]]
        return [ForeignPlan(task.name, tuple(part), not known, self.seed) for known, part in parts.items()]

    def _plan_background(self, tasks: list[Task]) -> list[BackgroundPlan]:
        voices = [task for task in tasks if task.name in VOICES]
        babble_h = self.size.background_h * self.size.babble if voices else 0.0
        babble = [plan for task in voices for plan in self._split_background(babble_h / len(voices), [task])]
        return self._split_background(self.size.background_h - babble_h, []) + babble

    def _split_background(self, hours: float, voices: list[Task]) -> list[BackgroundPlan]:
        count = math.ceil(hours * 3600 / BACKGROUND_STREAM_S)
        name = voices[0].name if voices else ""
        sounds = self._sounds(voices)
        return [
            BackgroundPlan(number, hours * 3600 / count, sounds, self.seed, name) for number in range(count)
        ]

    def _sounds(self, voices: list[Task]) -> Sounds:
        paths = [path for task in voices for half in task.test.values() for path in half]
        backgrounds, rooms = (self.work / name for name in self._sound_folders)
        return Sounds(backgrounds, rooms, tuple(paths))


def _select_voices(tasks: list[Task], task: Task) -> list[Task]:
    """Return the tasks whose recordings may babble while a task's recordings are played."""
    return [other for other in tasks if other.name in VOICES and other.name != task.name]


@dataclass(frozen=True)
class _Counter:
    """Counts figures in scored streams."""

    streams: list[ScoredStream]
    tasks: list[str]
    conditions: list[str]

    def count_all(self, with_yardstick: bool) -> dict[str, SystemFigures]:
        product = self._count(figures.detect_by_default, figures.detect_with_offset, OFFSET_BOUNDS)
        if not with_yardstick:
            return {PRODUCT: product}
        enrolled = [*self.tasks, *(task + HALF for task in self.tasks)]
        thresholds = {
            task: figures.find_threshold(
                self._background(task), task, _detect_at, PROBABILITY_BOUNDS, self._alarms(task)
            )
            for task in enrolled
        }
        by_thresholds = figures.detect_by_yardstick(thresholds)
        return {PRODUCT: product, YARDSTICK: self._count(by_thresholds, _detect_at, PROBABILITY_BOUNDS)}

    def compare_rules(self) -> dict[str, dict[str, OperatingPoint]]:
        """Return every rule at the threshold that gives as many alarms as the default rule, by task."""
        return {
            name: {
                task: self._match_alarms(task, partial(figures.detect_with_offset, rule=rule))
                for task in self.tasks
            }
            for name, rule in RULES.items()
        }

    def _match_alarms(self, task: str, make_detect: Callable[[float], Detect]) -> OperatingPoint:
        others = self._background(task) + self._foreign(task)
        most = figures.count_lasting(others, task, figures.detect_with_offset(0.0))
        return self._find_point(task, others, make_detect, OFFSET_BOUNDS, most)

    def _alarms(self, task: str) -> int:
        return figures.count_alarms(self._background(task), task, figures.detect_by_default).count

    def _count(
        self, detect: Detect, make_detect: Callable[[float], Detect], bounds: tuple[float, float]
    ) -> SystemFigures:
        return SystemFigures(
            outcomes={
                condition: {task: self._outcome(task, condition, detect) for task in self.tasks}
                for condition in self.conditions
            },
            background=self._count_alarms(self._background, detect),
            foreign=self._count_alarms(self._foreign, detect),
            near={task: figures.count_alarms(self._near(task), task + HALF, detect) for task in self.tasks},
            strict={task: self._find_strict(task, make_detect, bounds) for task in self.tasks},
        )

    def _count_alarms(self, select: Callable[[str], list[ScoredStream]], detect: Detect) -> dict[str, Alarms]:
        return {task: figures.count_alarms(select(task), task, detect) for task in self.tasks}

    def _find_strict(
        self, task: str, make_detect: Callable[[float], Detect], bounds: tuple[float, float]
    ) -> OperatingPoint:
        background = self._background(task)
        most = int(MAX_ALARMS_PER_HOUR * sum(stream.seconds for stream in background) / 3600)
        return self._find_point(task, background, make_detect, bounds, most)

    def _find_point(
        self,
        task: str,
        others: list[ScoredStream],
        make_detect: Callable[[float], Detect],
        bounds: tuple[float, float],
        most: int,
    ) -> OperatingPoint:
        threshold = figures.find_threshold(others, task, make_detect, bounds, most)
        detect = make_detect(threshold)
        outcomes = {condition: self._outcome(task, condition, detect) for condition in self.conditions}
        return OperatingPoint(threshold, figures.count_alarms(others, task, detect), outcomes)

    def _outcome(self, task: str, condition: str, detect: Detect) -> Outcome:
        return figures.sum_outcomes(self._played(task, condition), task, detect)

    def _played(self, task: str, condition: str) -> list[ScoredStream]:
        return [
            stream
            for stream in self.streams
            if isinstance(stream.plan, EventPlan)
            and (stream.plan.task, stream.plan.condition.name) == (task, condition)
        ]

    def _background(self, task: str) -> list[ScoredStream]:
        return [
            stream
            for stream in self.streams
            if isinstance(stream.plan, BackgroundPlan) and stream.plan.voices_of != task.removesuffix(HALF)
        ]

    def _foreign(self, task: str) -> list[ScoredStream]:
        return [
            stream
            for stream in self.streams
            if isinstance(stream.plan, ForeignPlan) and stream.plan.task != task
        ]

    def _near(self, task: str) -> list[ScoredStream]:
        return [
            stream
            for stream in self.streams
            if isinstance(stream.plan, ForeignPlan) and stream.plan.task == task and stream.plan.is_near
        ]


def _detect_at(threshold: float) -> Detect:
    """Return the yardstick's detection at one threshold for all tasks."""
    return lambda stream, task: stream.yardstick[task].detect(threshold)
