"""A sound of any kind that is loud: a trigger that needs no teaching."""

from device_runtime.listen import HOP_S, Heard, Moment
from edgecl.decision import Decider, Rule, WindowScore

TASK = "_loud"  # no task can be called so: see `edgecl.names`
LABEL = "loud"
RULE = Rule(needed=1, of=3)


class LoudTrigger:
    """Tells when half a second is at least as loud as `level_dbfs`, RMS, and when that is over."""

    def __init__(self, level_dbfs: float) -> None:
        self._threshold = level_dbfs
        self._decider = Decider(HOP_S, RULE)

    def step(self, moment: Moment) -> list[Heard]:
        """What a moment changes; the margin and threshold of what is heard are levels."""
        start_s, level = moment.end_s - HOP_S, moment.level_dbfs
        window = WindowScore(start_s, moment.end_s, LABEL, 1.0, level, self._threshold, level)
        return [Heard(TASK, change.phase, change.detection) for change in self._decider.step(window)]

    def finish(self) -> list[Heard]:
        """What the end of the stream changes."""
        return [Heard(TASK, change.phase, change.detection) for change in self._decider.finish()]
