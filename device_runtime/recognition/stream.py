"""A stream of sound → what every task hears in it, as it goes on: chunk in, changes out, no clock and no I/O.

    chunk ─► windows, half a second apart ─► backbone, once a window ─► every task ─► its decider ─► changes

A recording is a stream fed at once, so what `predict` finds in a file is what a microphone gives, however
its sound was cut into chunks. Windows go through the backbone one by one: a batch could round differently.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from device_runtime.recognition.recognizer import Recognizer, TaskScore
from edgecl.arrays import Floats
from edgecl.audio.levels import level_dbfs
from edgecl.detection import Detection, DetectionChange, DetectionRule, EventDetector, Phase, WindowScore
from edgecl.windows import WindowStream

HOP_S = 0.5


@dataclass(frozen=True)
class TaskDetection:
    """A sound that a task detects, and whether it begins, goes on or has ended."""

    task: str
    phase: Phase
    detection: Detection


@dataclass(frozen=True)
class WindowResult:
    """One window, as all tasks heard it; times count from the beginning of the stream."""

    start_s: float
    end_s: float
    level_dbfs: float  # of what is new in it: its last hop
    scores: list[TaskScore]  # of every task, the largest margin first
    detections: list[TaskDetection]  # what it changes
    last_hop: Floats = field(repr=False, compare=False)  # its last hop [samples]


def default_rule(task: str) -> DetectionRule:
    """When a sound of any task counts."""
    return DetectionRule()


class StreamRecognizer:
    """One stream, heard by all tasks of a recognizer."""

    def __init__(
        self, recognizer: Recognizer, rule_of: Callable[[str], DetectionRule] = default_rule
    ) -> None:
        """`rule_of`: from a task's name to when its sounds count."""
        runtime = recognizer.runtime
        self.rate_hz = runtime.rate_hz
        self._rule_of = rule_of
        self._hop_samples = round(HOP_S * runtime.rate_hz)
        self._windows = WindowStream(runtime.window_samples, self._hop_samples)
        self._deciders: dict[str, EventDetector] = {}
        self.set_recognizer(recognizer)

    def set_recognizer(self, recognizer: Recognizer) -> list[TaskDetection]:
        """Hear with these tasks from the next window on; the ends of the sounds of those that are gone.

        A task that stays, if only by name, stays in the midst of what it hears.
        """
        self._recognizer = recognizer
        old, names = self._deciders, [task.task for task in recognizer.tasks]
        self._deciders = {name: old.pop(name) if name in old else self._decider(name) for name in names}
        return _told({task: decider.finish() for task, decider in old.items()})

    def feed(self, chunk: Floats) -> Iterator[WindowResult]:
        """Every window that a chunk [samples] completes."""
        for start, window in self._windows.feed(chunk):
            yield self._hear(start, window)

    def finish(self) -> list[TaskDetection]:
        """What the end of the stream changes: every sound ends; ready for the next stream."""
        last = [
            heard
            for start, window in self._windows.finish()
            for heard in self._hear(start, window).detections
        ]
        return last + _told({task: decider.finish() for task, decider in self._deciders.items()})

    def _decider(self, task: str) -> EventDetector:
        return EventDetector(HOP_S, self._rule_of(task))

    def _hear(self, start: int, window: Floats) -> WindowResult:
        scores = self._recognizer.score_windows(window[None])
        times_s = start / self.rate_hz, (start + window.size) / self.rate_hz
        level = level_dbfs(window)
        heard = {
            one.task: self._deciders[one.task].step(
                WindowScore(*times_s, one.label, one.score, one.margin, one.threshold, level)
            )
            for one in scores
        }
        newest = window[-self._hop_samples :]
        return WindowResult(*times_s, level_dbfs(newest), scores, _told(heard), newest)


def detect_sounds(recognizer: Recognizer, waveform: Floats) -> list[TaskDetection]:
    """Everything all tasks detect in a whole recording [samples], in order of time."""
    listening = StreamRecognizer(recognizer)
    heard = [one for moment in listening.feed(waveform) for one in moment.detections] + listening.finish()
    ended = [one for one in heard if one.phase == "end"]
    return sorted(ended, key=lambda one: (one.detection.start_s, one.task))


def _told(changes: Mapping[str, list[DetectionChange]]) -> list[TaskDetection]:
    return [TaskDetection(task, one.phase, one.detection) for task, ones in changes.items() for one in ones]
