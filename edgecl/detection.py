"""Scores over time → sounds: when each label of a task begins and ends in a stream of windows.

Neighbouring windows overlap, so a sound shows in several of them. Every label has its own state:

    silent ── heard in `needed` of the last `of` windows ──► sounding ── in none of the last `of` ──► silent

    windows     . . A A . A A . . . B . .        needed 2 of 3
    detection       [──── A ───]                 B: once only, not confirmed

While it sounds, a label is heard with a margin lower by `hysteresis`, so that a sound that fades does not
come and go; once it ended it has to wait for `refractory_s` before it may begin again.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from edgecl.learning.negative_labels import is_negative

Phase = Literal["new", "update", "end"]


@dataclass(frozen=True)
class WindowScore:
    """What one task says about one window."""

    start_s: float
    end_s: float
    label: str
    score: float  # probability of the label, 0…1
    margin: float  # how much more the window is like what was taught than like background
    threshold: float  # the smallest margin that the task accepts
    level_dbfs: float  # RMS without DC

    @property
    def centre_s(self) -> float:
        """The middle of the window."""
        return (self.start_s + self.end_s) / 2


@dataclass(frozen=True)
class Detection:
    """A sound that was confirmed, as far as it has been heard."""

    start_s: float
    end_s: float
    label: str
    score: float  # the best of its windows; so are the margin and the level
    margin: float
    threshold: float
    level_dbfs: float


@dataclass(frozen=True)
class DetectionChange:
    """What a window changes about a sound: it begins, is heard more surely than before, or has ended."""

    phase: Phase
    detection: Detection


@dataclass(frozen=True)
class DetectionRule:
    """What it takes for a label to count."""

    needed: int = 2
    """Windows that agree,"""
    of: int = 3
    """among so many in a row."""
    hysteresis: float = 0.0
    """By how much the margin may fall below its threshold while a sound goes on."""
    refractory_s: float = 0.0
    """How long after its end a sound cannot begin again."""
    thresholds: Mapping[str, float] = field(default_factory=dict)
    """Label → the smallest accepted margin, for labels that are to differ from their task."""


class EventDetector:
    """Takes one window of one task after another, and tells what each changes."""

    def __init__(self, hop_s: float, rule: DetectionRule) -> None:
        self._hop_s = hop_s
        self._rule = rule
        self._seen = 0
        self._labels: dict[str, _Label] = {}  # those heard of lately

    def step(self, window: WindowScore) -> list[DetectionChange]:
        """What this window changes; mostly nothing."""
        self._seen += 1
        if window.label not in self._labels and not is_negative(window.label):
            self._labels[window.label] = _Label(window.label, self._hop_s, self._rule)
        changes = [change for state in self._labels.values() if (change := state.step(window))]
        self._labels = {label: state for label, state in self._labels.items() if not state.is_idle(window)}
        return changes

    def finish(self) -> list[DetectionChange]:
        """The ends of the sounds that went on when the stream ended; ready for the next stream.

        A stream of fewer windows than are needed is judged by those it had.
        """
        needed = min(self._rule.needed, self._seen)
        changes = [change for state in self._labels.values() for change in state.finish(needed)]
        self._seen, self._labels = 0, {}
        return changes


class _Label:
    """The state of one label: `_sound` is what it hears, None while it is silent."""

    def __init__(self, label: str, hop_s: float, rule: DetectionRule) -> None:
        self._label = label
        self._hop_s = hop_s
        self._rule = rule
        self._recent: deque[WindowScore | None] = deque(maxlen=rule.of)  # None: it was not heard
        self._sound: Detection | None = None
        self._free_from_s = 0.0

    def step(self, window: WindowScore) -> DetectionChange | None:
        heard = window if self._hears(window) else None
        self._recent.append(heard)
        if self._sound is None:
            return self._begin(self._rule.needed)
        if heard is not None:
            return self._go_on(self._sound, heard)
        return None if any(self._recent) else self._end(self._sound)

    def finish(self, needed: int) -> list[DetectionChange]:
        begun = None if self._sound else self._begin(needed)
        ended = self._end(self._sound) if self._sound else None
        return [change for change in (begun, ended) if change]

    def is_idle(self, window: WindowScore) -> bool:
        """Whether it may be forgotten after this window: it would be the same if made anew."""
        return self._sound is None and not any(self._recent) and self._starts_s(window) >= self._free_from_s

    def _hears(self, window: WindowScore) -> bool:
        if window.label != self._label or self._starts_s(window) < self._free_from_s:
            return False
        threshold = self._rule.thresholds.get(self._label, window.threshold)
        return window.margin >= threshold - (self._rule.hysteresis if self._sound else 0.0)

    def _begin(self, needed: int) -> DetectionChange | None:
        heard = [window for window in self._recent if window]
        if not heard or len(heard) < needed:
            return None
        self._sound = self._detection(heard[0])
        for window in heard[1:]:
            self._sound = self._joined(self._sound, window)
        return DetectionChange("new", self._sound)

    def _go_on(self, sound: Detection, window: WindowScore) -> DetectionChange | None:
        self._sound = self._joined(sound, window)
        return DetectionChange("update", self._sound) if window.margin > sound.margin else None

    def _end(self, sound: Detection) -> DetectionChange:
        self._sound = None
        self._free_from_s = sound.end_s + self._rule.refractory_s
        return DetectionChange("end", sound)

    def _joined(self, sound: Detection, window: WindowScore) -> Detection:
        """The sound with one more window, and the best figures of both."""
        return replace(
            sound,
            end_s=self._ends_s(window),
            score=max(sound.score, window.score),
            margin=max(sound.margin, window.margin),
            level_dbfs=max(sound.level_dbfs, window.level_dbfs),
        )

    def _detection(self, window: WindowScore) -> Detection:
        """One window as a sound: half a hop to either side of its middle.

        A window recognises what is around its middle, so centres tell the time better than edges.
        """
        threshold = self._rule.thresholds.get(self._label, window.threshold)
        return Detection(
            self._starts_s(window),
            self._ends_s(window),
            self._label,
            window.score,
            window.margin,
            threshold,
            window.level_dbfs,
        )

    def _starts_s(self, window: WindowScore) -> float:
        return round(max(0.0, window.centre_s - self._hop_s / 2), 3)

    def _ends_s(self, window: WindowScore) -> float:
        return round(window.centre_s + self._hop_s / 2, 3)
