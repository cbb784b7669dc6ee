"""The detection of any loud sound, which needs no enrolment."""

from device_runtime.recognition.stream import HOP_S, TaskDetection, WindowResult
from edgecl.detection import DetectionRule, EventDetector, WindowScore

TASK = "_loud"  # not a valid task name: see `edgecl.task_names`
LABEL = "loud"
RULE = DetectionRule(needed=1, of=3)


class LoudTrigger:
    """Detects when half a second has at least an RMS level of `level_dbfs`, and when that ends."""

    def __init__(self, level_dbfs: float) -> None:
        self._threshold = level_dbfs
        self._detector = EventDetector(HOP_S, RULE)

    def step(self, window: WindowResult) -> list[TaskDetection]:
        """Return the changes of a window; margin and threshold of these detections are levels in dBFS."""
        start_s, level = window.end_s - HOP_S, window.level_dbfs
        score = WindowScore(start_s, window.end_s, LABEL, 1.0, level, self._threshold, level)
        return [TaskDetection(TASK, change.phase, change.detection) for change in self._detector.step(score)]

    def finish(self) -> list[TaskDetection]:
        """Return the changes at the end of the stream."""
        return [TaskDetection(TASK, change.phase, change.detection) for change in self._detector.finish()]
