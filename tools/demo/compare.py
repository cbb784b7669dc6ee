"""Detections matched with the ground truth by their overlap in time."""

from collections.abc import Sequence
from dataclasses import dataclass

from tools.demo.synthesise import Event


@dataclass(frozen=True)
class Match:
    """One true event, the best detection of its own task, and the false alarms of the other tasks."""

    truth: Event
    detection: Event | None
    false_alarms: tuple[Event, ...]

    @property
    def is_correct(self) -> bool:
        """Return whether the sound was detected with its true label."""
        return self.detection is not None and self.detection.label == self.truth.label


def overlap_s(one: Event, other: Event) -> float:
    """Return the overlap of two events in seconds; 0 or negative where they do not overlap."""
    return min(one.end_s, other.end_s) - max(one.start_s, other.start_s)


def match_events(truth: Sequence[Event], detections: Sequence[Event]) -> list[Match]:
    """Match every true event with its own task's longest overlap and with all overlaps of other tasks."""
    return [_match(event, [found for found in detections if overlap_s(event, found) > 0]) for event in truth]


def _match(event: Event, overlapping: Sequence[Event]) -> Match:
    own = [found for found in overlapping if found.task == event.task]
    best = max(own, key=lambda found: overlap_s(event, found), default=None)
    return Match(event, best, tuple(found for found in overlapping if found.task != event.task))


def find_false_alarms_in_silence(truth: Sequence[Event], detections: Sequence[Event]) -> list[Event]:
    """Return the detections that overlap no true event."""
    return [found for found in detections if all(overlap_s(event, found) <= 0 for event in truth)]
