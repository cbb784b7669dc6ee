"""Damping of a condition that changes again and again: a fault is reported at once, its end with hesitation.

A microphone whose plug is loose, or a command that exits soon after its start, would otherwise send several
events a second to every receiver. After two short recoveries in a row, the next one is reported once it has
lasted twice as long as the longest of them.
"""

from device_runtime.daemon.sources.base import STARTING, Condition

LONGEST_HOLD_S = 30.0
"""A recovery that has lasted this long is not short."""
REPEAT_INTERVAL_S = 60.0
"""Minimum time until a fault that lasts is reported with other details."""
FAULT_INTERVAL_S = 10.0
"""Minimum time until another fault is reported."""


class ConditionDamper:
    """The condition to report, updated with the present one."""

    def __init__(self) -> None:
        self.condition: Condition = STARTING
        self._reported_s = float("-inf")
        self._is_well = False
        self._well_since_s = float("-inf")
        self._relapses = 0
        self._longest_s = 0.0
        """Duration of the longest of the short recoveries; long ago counts less."""

    def update(self, present: Condition, since_s: float, now_s: float) -> Condition:
        """Return the condition to report.

        Args:
            present: the condition as it is now.
            since_s: when it began, of a monotonic clock.
            now_s: the time of that clock.
        """
        was_well, self._is_well = self._is_well, present.state == "listening"
        if self._is_well and not was_well:
            self._well_since_s = since_s
        elif was_well and not self._is_well:
            self._count_relapse(since_s - self._well_since_s)
        if present != self.condition and self._is_due(present, now_s):
            self.condition, self._reported_s = present, now_s
        return self.condition

    def _count_relapse(self, lasted_s: float) -> None:
        if lasted_s >= LONGEST_HOLD_S:
            self._relapses, self._longest_s = 0, 0.0
        else:
            self._relapses += 1
            self._longest_s = max(lasted_s, self._longest_s / 2)

    def _is_due(self, present: Condition, now_s: float) -> bool:
        """Return whether a condition that differs from the reported one is reported now."""
        if self._is_well:
            hold_s = min(2 * self._longest_s, LONGEST_HOLD_S) if self._relapses > 1 else 0.0
            return now_s - self._well_since_s >= hold_s
        if self.condition.state in ("starting", "listening"):
            return True
        same = present.state == self.condition.state
        return now_s - self._reported_s >= (REPEAT_INTERVAL_S if same else FAULT_INTERVAL_S)
