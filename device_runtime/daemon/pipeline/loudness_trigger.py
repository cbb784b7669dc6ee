"""A sound of any kind that is loud: a trigger that needs no teaching."""

from device_runtime.recognition.stream import HOP_S, TaskDetection, WindowResult
from edgecl.detection import DetectionRule, EventDetector, WindowScore

TASK = "_loud"  # no task can be called so: see `edgecl.task_names`
LABEL = "loud"
RULE = DetectionRule(needed=1, of=3)


class LoudTrigger:
    """Tells when half a second is at least as loud as `level_dbfs`, RMS, and when that is over."""

    def __init__(self, level_dbfs: float) -> None:
        self._threshold = level_dbfs
        self._decider = EventDetector(HOP_S, RULE)

    def step(self, moment: WindowResult) -> list[TaskDetection]:
        """What a moment changes; the margin and threshold of what is heard are levels."""
        start_s, level = moment.end_s - HOP_S, moment.level_dbfs
        window = WindowScore(start_s, moment.end_s, LABEL, 1.0, level, self._threshold, level)
        return [TaskDetection(TASK, change.phase, change.detection) for change in self._decider.step(window)]

    def finish(self) -> list[TaskDetection]:
        """What the end of the stream changes."""
        return [TaskDetection(TASK, change.phase, change.detection) for change in self._decider.finish()]
