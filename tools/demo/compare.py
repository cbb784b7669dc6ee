"""What was heard, held against what truly sounded."""

from collections.abc import Sequence
from dataclasses import dataclass

from tools.demo.synthesise import Event


@dataclass(frozen=True)
class Line:
    """One true event, what its own task heard meanwhile, and what the other tasks wrongly heard."""

    truth: Event
    heard: Event | None
    others: tuple[Event, ...]

    @property
    def right(self) -> bool:
        """Whether the sound was called by its name."""
        return self.heard is not None and self.heard.label == self.truth.label


def overlap_s(one: Event, other: Event) -> float:
    """For how long two events sound together; at most 0 where they do not."""
    return min(one.end_s, other.end_s) - max(one.start_s, other.start_s)


def compare(truth: Sequence[Event], heard: Sequence[Event]) -> list[Line]:
    """One line for every true event: its own task's longest overlap, and every other task's overlaps."""
    return [_line(event, [found for found in heard if overlap_s(event, found) > 0]) for event in truth]


def _line(event: Event, together: Sequence[Event]) -> Line:
    own = [found for found in together if found.task == event.task]
    best = max(own, key=lambda found: overlap_s(event, found), default=None)
    return Line(event, best, tuple(found for found in together if found.task != event.task))


def in_silence(truth: Sequence[Event], heard: Sequence[Event]) -> list[Event]:
    """What was heard while nothing sounded."""
    return [found for found in heard if all(overlap_s(event, found) <= 0 for event in truth)]
