"""What the simulated microphone plays, and when."""

from collections.abc import Iterator

from tools.demo.compare import overlap_s
from tools.demo.microphone import generate_scenes
from tools.demo.synthesise import Event, find_task
from tools.demo.waveforms import RATE_HZ

TOLERANCE_S = 1.0
"""Half a window: a window reaches this far to either side of the detection that it gives."""


class GroundTruth:
    """The true events of the simulated microphone, generated as far as they are needed.

    Args:
        pause_s: pause between two sounds; the same as that of the microphone.
    """

    def __init__(self, pause_s: float) -> None:
        self._past: list[Event] = []
        self._coming = _generate_events(pause_s)

    def find(self, detection: Event) -> Event | None:
        """Return the true event within `TOLERANCE_S` of a detection; None: there is none.

        Of several, one with the detection's label is preferred, then the one with the longest overlap.
        """
        while not self._past or self._past[-1].start_s < detection.end_s + TOLERANCE_S:
            self._past.append(next(self._coming))
        near = [event for event in self._past if overlap_s(event, detection) > -TOLERANCE_S]
        return max(
            near,
            key=lambda event: (has_same_label(event, detection), overlap_s(event, detection)),
            default=None,
        )


def has_same_label(event: Event, other: Event) -> bool:
    """Return whether two events have the same task and label."""
    return (event.task, event.label) == (other.task, other.label)


def _generate_events(pause_s: float) -> Iterator[Event]:
    now_s = 0.0
    for label, scene in generate_scenes(None, pause_s):
        start_s, now_s = now_s + pause_s, now_s + scene.size / RATE_HZ
        yield Event(start_s, now_s, find_task(label), label)
