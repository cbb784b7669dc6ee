"""What the made-up microphone plays, and when: to be held against what is heard."""

from collections.abc import Iterator

from tools.demo.compare import overlap_s
from tools.demo.microphone import generate_scenes
from tools.demo.synthesise import Event, find_task
from tools.demo.waveforms import RATE_HZ

TOLERANCE_S = 1.0
"""Half a window: as far as it hears to either side of the time at which it hears something."""


class Truth:
    """The sounds of a microphone with this pause between them, made again as far as they are asked for."""

    def __init__(self, pause_s: float) -> None:
        self._played: list[Event] = []
        self._coming = _played(pause_s)

    def of(self, heard: Event) -> Event | None:
        """What truly sounds when something is heard, give or take `TOLERANCE_S`; None: nothing.

        Of several the one that it was taken for, else the one that sounds longest meanwhile.
        """
        while not self._played or self._played[-1].start_s < heard.end_s + TOLERANCE_S:
            self._played.append(next(self._coming))
        near = [played for played in self._played if overlap_s(played, heard) > -TOLERANCE_S]
        return max(
            near, key=lambda played: (_is_called(played, heard), overlap_s(played, heard)), default=None
        )


def _is_called(played: Event, heard: Event) -> bool:
    """Whether what is heard has the name of what is played."""
    return (played.task, played.label) == (heard.task, heard.label)


def _played(pause_s: float) -> Iterator[Event]:
    now_s = 0.0
    for label, scene in generate_scenes(None, pause_s):
        start_s, now_s = now_s + pause_s, now_s + scene.size / RATE_HZ
        yield Event(start_s, now_s, find_task(label), label)
