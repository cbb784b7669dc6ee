"""Recognises a stream of audio: chunks in, detections out, without a clock and without I/O.

    chunk ─► windows, every half second ─► backbone, once per window ─► every task ─► its event detector ─►
    changes

A recording is a stream that is fed at once, so `predict` finds in a file what a microphone would find,
however the stream is cut into chunks. Windows go through the backbone one by one, because a batch could
round differently.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from device_runtime.recognition.recognizer import Recognizer, TaskScore
from edgecl.arrays import Waveform
from edgecl.audio.levels import level_dbfs
from edgecl.detection import Detection, DetectionChange, DetectionRule, EventDetector, Phase, WindowScore
from edgecl.windows import WindowStream

HOP_S = 0.5


@dataclass(frozen=True)
class TaskDetection:
    """A detection of one task, and whether it starts, continues or has ended."""

    task: str
    phase: Phase
    detection: Detection


@dataclass(frozen=True)
class WindowResult:
    """The scores of one window and what they change; times count from the start of the stream."""

    start_s: float
    end_s: float
    level_dbfs: float  # of its last hop, the part that is new
    scores: list[TaskScore]  # of every task, the largest margin first
    detections: list[TaskDetection]  # that start, continue or end with this window
    last_hop: Waveform = field(repr=False, compare=False)  # [samples]


def default_rule(task: str) -> DetectionRule:
    """Return the default detection rule for any task."""
    return DetectionRule()


class StreamRecognizer:
    """One stream, scored by all tasks of a recognizer."""

    def __init__(
        self, recognizer: Recognizer, rule_of: Callable[[str], DetectionRule] = default_rule
    ) -> None:
        """Start a stream.

        Args:
            recognizer: the tasks to detect.
            rule_of: returns the detection rule of a task, given its name.
        """
        runtime = recognizer.runtime
        self.rate_hz = runtime.rate_hz
        self._rule_of = rule_of
        self._hop_samples = round(HOP_S * runtime.rate_hz)
        self._windows = WindowStream(runtime.window_samples, self._hop_samples)
        self._detectors: dict[str, EventDetector] = {}
        self.set_recognizer(recognizer)

    def set_recognizer(self, recognizer: Recognizer) -> list[TaskDetection]:
        """Use other tasks from the next window on.

        A task of the same name as before continues its detections.

        Returns:
            The detections that end because their task is gone.
        """
        self._recognizer = recognizer
        old, names = self._detectors, [task.task for task in recognizer.tasks]
        self._detectors = {
            name: old.pop(name) if name in old else EventDetector(HOP_S, self._rule_of(name))
            for name in names
        }
        return _flatten({task: detector.finish() for task, detector in old.items()})

    def feed(self, chunk: Waveform) -> Iterator[WindowResult]:
        """Yield the result of every window that a chunk [samples] completes."""
        for start, window in self._windows.feed(chunk):
            yield self._process(start, window)

    def finish(self) -> list[TaskDetection]:
        """End the stream and return the detections that end with it; the next chunk starts a new stream."""
        last = [
            detection
            for start, window in self._windows.finish()
            for detection in self._process(start, window).detections
        ]
        return last + _flatten({task: detector.finish() for task, detector in self._detectors.items()})

    def _process(self, start: int, window: Waveform) -> WindowResult:
        scores = self._recognizer.score_windows(window[None])
        times_s = start / self.rate_hz, (start + window.size) / self.rate_hz
        level = level_dbfs(window)
        changes = {
            one.task: self._detectors[one.task].step(
                WindowScore(*times_s, one.label, one.score, one.margin, one.threshold, level)
            )
            for one in scores
        }
        for task in self._recognizer.set_aside & self._detectors.keys():
            changes[task] = self._detectors.pop(task).finish()
        last_hop = window[-self._hop_samples :]
        return WindowResult(*times_s, level_dbfs(last_hop), scores, _flatten(changes), last_hop)


def detect_sounds(recognizer: Recognizer, waveform: Waveform) -> list[TaskDetection]:
    """Return everything that all tasks detect in a whole recording [samples], in order of time."""
    return detect_in_blocks(recognizer, [waveform])


def detect_in_blocks(recognizer: Recognizer, blocks: Iterable[Waveform]) -> list[TaskDetection]:
    """Return everything that all tasks detect in a recording that arrives in blocks [samples]."""
    stream = StreamRecognizer(recognizer)
    results = (result for block in blocks for result in stream.feed(block))
    detections = [one for result in results for one in result.detections] + stream.finish()
    ended = [one for one in detections if one.phase == "end"]
    return sorted(ended, key=lambda one: (one.detection.start_s, one.task))


def _flatten(changes: Mapping[str, list[DetectionChange]]) -> list[TaskDetection]:
    return [TaskDetection(task, one.phase, one.detection) for task, ones in changes.items() for one in ones]
