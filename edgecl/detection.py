"""Detection: from scores over time to sounds with a start and an end.

Neighbouring windows overlap, so a sound matches in several of them. Each label of a task has its own state:

    silent ── matches in `needed` of the last `of` windows ──► active ── in none of the last `of` ──► silent

    windows     . . A A . A A . . . B . .        needed 2 of 3
    detection       [──── A ───]                 B: one match only, not confirmed

While a label is active, its threshold is lower by `hysteresis`, so that a fading sound does not start and end
repeatedly. After its end it cannot start again for `refractory_s`.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from edgecl.learning.negative_labels import is_negative

Phase = Literal["new", "update", "end"]


@dataclass(frozen=True)
class WindowScore:
    """The answer of one task for one window."""

    start_s: float
    end_s: float
    label: str
    score: float  # probability of the label, 0…1
    margin: float  # similarity to the task's recordings minus similarity to background
    threshold: float  # the smallest margin that the task accepts
    level_dbfs: float  # RMS without DC

    @property
    def centre_s(self) -> float:
        """The middle of the window."""
        return (self.start_s + self.end_s) / 2


@dataclass(frozen=True)
class Detection:
    """A confirmed sound, up to the present window."""

    start_s: float
    end_s: float
    label: str
    score: float  # the maximum over its windows; so are margin and level
    margin: float
    threshold: float
    level_dbfs: float


@dataclass(frozen=True)
class DetectionChange:
    """The change that a window makes to a detection: it starts, its margin rises, or it ends."""

    phase: Phase
    detection: Detection


@dataclass(frozen=True)
class DetectionRule:
    """The rule by which matching windows become a detection."""

    needed: int = 2
    """Number of matching windows that confirm a sound,"""
    of: int = 3
    """among this number of consecutive windows."""
    hysteresis: float = 0.0
    """How far the margin may fall below the threshold while the sound is active."""
    refractory_s: float = 0.0
    """Minimum time from the end of a sound to the next start of the same label."""
    thresholds: Mapping[str, float] = field(default_factory=dict)
    """Label → smallest accepted margin, for labels that differ from their task."""


class EventDetector:
    """The detector of one task: windows in, changes of detections out."""

    def __init__(self, hop_s: float, rule: DetectionRule) -> None:
        self._hop_s = hop_s
        self._rule = rule
        self._windows = 0
        self._labels: dict[str, _LabelState] = {}  # active or recently matched

    def step(self, window: WindowScore) -> list[DetectionChange]:
        """Process the next window and return the changes, mostly none."""
        self._windows += 1
        if window.label not in self._labels and not is_negative(window.label):
            self._labels[window.label] = _LabelState(window.label, self._hop_s, self._rule)
        changes = [change for state in self._labels.values() if (change := state.step(window))]
        self._labels = {label: state for label, state in self._labels.items() if not state.is_idle(window)}
        return changes

    def finish(self) -> list[DetectionChange]:
        """End the active sounds at the end of the stream, and reset.

        In a stream with fewer windows than `needed`, all of its windows have to match.
        """
        needed = min(self._rule.needed, self._windows)
        changes = [change for state in self._labels.values() for change in state.finish(needed)]
        self._windows, self._labels = 0, {}
        return changes


class _LabelState:
    """The state of one label; `_active` is its detection, None while it is silent."""

    def __init__(self, label: str, hop_s: float, rule: DetectionRule) -> None:
        self._label = label
        self._hop_s = hop_s
        self._rule = rule
        self._recent: deque[WindowScore | None] = deque(maxlen=rule.of)  # None: no match
        self._active: Detection | None = None
        self._blocked_until_s = 0.0

    def step(self, window: WindowScore) -> DetectionChange | None:
        match = window if self._matches(window) else None
        self._recent.append(match)
        if self._active is None:
            return self._start(self._rule.needed)
        if match is not None:
            return self._update(self._active, match)
        return None if any(self._recent) else self._end(self._active)

    def finish(self, needed: int) -> list[DetectionChange]:
        started = None if self._active else self._start(needed)
        ended = self._end(self._active) if self._active else None
        return [change for change in (started, ended) if change]

    def is_idle(self, window: WindowScore) -> bool:
        """Return whether the state after this window equals a new one, so that it may be dropped."""
        is_silent = self._active is None and not any(self._recent)
        return is_silent and self._start_s(window) >= self._blocked_until_s

    def _matches(self, window: WindowScore) -> bool:
        if window.label != self._label or self._start_s(window) < self._blocked_until_s:
            return False
        threshold = self._rule.thresholds.get(self._label, window.threshold)
        return window.margin >= threshold - (self._rule.hysteresis if self._active else 0.0)

    def _start(self, needed: int) -> DetectionChange | None:
        matches = [window for window in self._recent if window]
        if not matches or len(matches) < needed:
            return None
        self._active = self._make_detection(matches[0])
        for window in matches[1:]:
            self._active = self._extend(self._active, window)
        return DetectionChange("new", self._active)

    def _update(self, active: Detection, window: WindowScore) -> DetectionChange | None:
        self._active = self._extend(active, window)
        return DetectionChange("update", self._active) if window.margin > active.margin else None

    def _end(self, active: Detection) -> DetectionChange:
        self._active = None
        self._blocked_until_s = active.end_s + self._rule.refractory_s
        return DetectionChange("end", active)

    def _extend(self, detection: Detection, window: WindowScore) -> Detection:
        """Extend a detection by a window and take the maxima of their figures."""
        return replace(
            detection,
            end_s=self._end_s(window),
            score=max(detection.score, window.score),
            margin=max(detection.margin, window.margin),
            level_dbfs=max(detection.level_dbfs, window.level_dbfs),
        )

    def _make_detection(self, window: WindowScore) -> Detection:
        """Make a detection of one window: half a hop to either side of its centre.

        The sound near its centre decides how a window is recognised, so centres locate it better than edges.
        """
        threshold = self._rule.thresholds.get(self._label, window.threshold)
        return Detection(
            self._start_s(window),
            self._end_s(window),
            self._label,
            window.score,
            window.margin,
            threshold,
            window.level_dbfs,
        )

    def _start_s(self, window: WindowScore) -> float:
        return round(max(0.0, window.centre_s - self._hop_s / 2), 3)

    def _end_s(self, window: WindowScore) -> float:
        return round(window.centre_s + self._hop_s / 2, 3)
