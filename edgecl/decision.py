"""Scores over time → detections: what one task heard in a recording, from when to when.

Neighbouring windows overlap, so a sound shows in several of them. It counts once it was recognised in
`needed` of the last `of` windows; it lasts as long as that goes on.

    windows     . . A A . A A . . . B . .        needed 2 of 3
    detection       [─── A ───]                  B: once only, not confirmed
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class WindowScore:
    """What one task says about one window."""

    start_s: float
    end_s: float
    label: str
    score: float  # probability of the label, 0…1
    accepted: bool  # near enough to what the task was taught

    @property
    def centre_s(self) -> float:
        """The middle of the window."""
        return (self.start_s + self.end_s) / 2


@dataclass(frozen=True)
class Detection:
    """A sound that was confirmed."""

    start_s: float
    end_s: float
    label: str
    score: float  # the best of its windows


@dataclass(frozen=True)
class Confirmation:
    """How often a label must be recognised before it counts."""

    needed: int = 2
    """Windows that agree,"""
    of: int = 3
    """among so many in a row."""


@dataclass
class Decider:
    """Takes one window after another; gives a detection once it has ended."""

    hop_s: float
    rule: Confirmation
    _recent: deque[WindowScore] = field(default_factory=deque)
    _current: list[WindowScore] = field(default_factory=list)

    def step(self, window: WindowScore) -> Detection | None:
        """The detection that this window brings to its end, if any."""
        self._recent.append(window)
        while len(self._recent) > self.rule.of:
            self._recent.popleft()
        confirmed = self._confirmed(window)
        if self._current and confirmed and confirmed[0].label == self._current[0].label:
            self._current += [w for w in confirmed if w.start_s > self._current[-1].start_s]
            return None
        if self._current and not confirmed and self._still_open():
            return None
        ended, self._current = self._finished(), confirmed
        return ended

    def finish(self) -> Detection | None:
        """The detection that was still going on when the recording ended; ready for the next recording."""
        ended = self._finished()
        self._recent.clear()
        self._current = []
        return ended

    def _confirmed(self, newest: WindowScore) -> list[WindowScore]:
        """The recent windows that agree with the newest one, where there are enough of them."""
        agreeing = [w for w in self._recent if w.accepted and w.label == newest.label]
        return agreeing if newest.accepted and len(agreeing) >= self.rule.needed else []

    def _still_open(self) -> bool:
        """Whether the current label is among the recent windows: a short gap ends nothing."""
        return any(w.accepted and w.label == self._current[0].label for w in self._recent)

    def _finished(self) -> Detection | None:
        """The current sound, from half a hop before its first window's centre to half a hop after its last's.

        A window recognises what is around its middle, so centres tell the time better than edges.
        """
        if not self._current:
            return None
        first, last = self._current[0], self._current[-1]
        return Detection(
            round(max(0.0, first.centre_s - self.hop_s / 2), 3),
            round(last.centre_s + self.hop_s / 2, 3),
            first.label,
            max(w.score for w in self._current),
        )


def detections(windows: Iterable[WindowScore], hop_s: float, rule: Confirmation) -> list[Detection]:
    """All detections in a whole recording, in order of their end."""
    decider = Decider(hop_s, rule)
    found = [decider.step(window) for window in windows] + [decider.finish()]
    return [detection for detection in found if detection]
