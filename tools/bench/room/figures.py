"""Counts: events detected, wrong and missed, and false alarms per hour, with their intervals."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from scipy.stats import chi2

from edgecl.detection import Detection, DetectionRule
from edgecl.learning.metrics import wilson_interval
from tools.bench.room.scoring import ScoredStream
from tools.bench.room.streams import Event
from tools.bench.room.track import DEFAULT_RULE

TOLERANCE_S = 0.5
"""A detection belongs to an event if it overlaps it, extended by this on both sides."""
BISECTIONS = 14
LONG_ALARM_S = 5.0


@dataclass(frozen=True)
class Share:
    """A share of some events."""

    hits: int
    count: int

    @property
    def value(self) -> float:
        """Return the share, 0…1."""
        return self.hits / self.count if self.count else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """Return its 95 % interval (Wilson)."""
        return wilson_interval(self.value, self.count)


@dataclass(frozen=True)
class Outcome:
    """The events of a task under one condition."""

    right: int
    wrong: int
    missed: int
    also_wrong: int
    """Of the right ones: those with a detection of another label as well."""

    def __add__(self, other: "Outcome") -> "Outcome":
        return Outcome(
            self.right + other.right,
            self.wrong + other.wrong,
            self.missed + other.missed,
            self.also_wrong + other.also_wrong,
        )

    @property
    def count(self) -> int:
        """Return the number of events."""
        return self.right + self.wrong + self.missed

    @property
    def detected(self) -> Share:
        """Return the share that was detected with the right label."""
        return Share(self.right, self.count)


@dataclass(frozen=True)
class Alarms:
    """False alarms in some hours."""

    count: int
    hours: float

    @property
    def per_hour(self) -> float:
        """Return their rate."""
        return self.count / self.hours if self.hours else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """Return the 95 % interval of the rate: exact Poisson limits (Garwood 1936)."""
        if not self.hours:
            return 0.0, float("inf")
        low = chi2.ppf(0.025, 2 * self.count) / 2 if self.count else 0.0
        return float(low / self.hours), float(chi2.ppf(0.975, 2 * self.count + 2) / 2 / self.hours)


Detect = Callable[[ScoredStream, str], list[Detection]]
"""Stream and task → what is detected in it."""


def detect_by_default(stream: ScoredStream, task: str) -> list[Detection]:
    """Return what the daemon detected."""
    return stream.detections[task]


def detect_with_offset(offset: float, rule: DetectionRule = DEFAULT_RULE) -> Detect:
    """Return the detection with shifted thresholds."""
    return lambda stream, task: stream.tracks[task].detect(offset, rule)


def detect_by_yardstick(thresholds: dict[str, float]) -> Detect:
    """Return the detection by the yardstick, with its threshold for each task."""
    return lambda stream, task: stream.yardstick[task].detect(thresholds[task])


def count_outcome(events: Sequence[Event], detections: Sequence[Detection]) -> Outcome:
    """Compare events with detections: an event's answer is the overlapping detection of largest margin."""
    right = wrong = missed = also_wrong = 0
    for event in events:
        found = [one for one in detections if _overlaps(event, one)]
        best = max(found, key=lambda one: one.margin, default=None)
        if best is None:
            missed += 1
        elif best.label == event.label:
            right += 1
            also_wrong += any(one.label != event.label for one in found)
        else:
            wrong += 1
    return Outcome(right, wrong, missed, also_wrong)


def _overlaps(event: Event, detection: Detection) -> bool:
    return detection.start_s <= event.end_s + TOLERANCE_S and detection.end_s >= event.start_s - TOLERANCE_S


def sum_outcomes(streams: Iterable[ScoredStream], task: str, detect: Detect) -> Outcome:
    """Count the outcome of a task's events in some streams."""
    found = (count_outcome(stream.events, detect(stream, task)) for stream in streams)
    return sum(found, Outcome(0, 0, 0, 0))


def count_alarms(streams: Iterable[ScoredStream], task: str, detect: Detect) -> Alarms:
    """Count detections in streams that hold none of a task's sounds."""
    counted = [(len(detect(stream, task)), stream.seconds / 3600) for stream in streams]
    return Alarms(sum(count for count, _ in counted), sum(hours for _, hours in counted))


def find_threshold(
    streams: Sequence[ScoredStream],
    task: str,
    make_detect: Callable[[float], Detect],
    bounds: tuple[float, float],
    max_alarms: float,
) -> float:
    """Find the smallest threshold with at most this number of false alarms, by bisection.

    Args:
        streams: without the task's sounds.
        task: its name.
        make_detect: threshold → detection.
        bounds: of the threshold.
        max_alarms: the number of alarms in all streams together.
    """
    low, high = bounds
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        if count_lasting(streams, task, make_detect(middle)) <= max_alarms:
            high = middle
        else:
            low = middle
    return high


def count_lasting(streams: Sequence[ScoredStream], task: str, detect: Detect) -> int:
    """Count alarms, a long one more than once: otherwise thresholds so low that all merge had few alarms."""
    found = [one for stream in streams for one in detect(stream, task)]
    return sum(max(1, round((one.end_s - one.start_s) / LONG_ALARM_S)) for one in found)
