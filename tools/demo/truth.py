"""What the made-up microphone plays, and when: to be held against what is heard."""

from collections.abc import Iterator

from tools.demo.compare import overlap_s
from tools.demo.ingredients import RATE_HZ
from tools.demo.microphone import scenes
from tools.demo.synthesise import Event, task_of


class Truth:
    """The sounds of a microphone with this pause between them, made again as far as they are asked for."""

    def __init__(self, pause_s: float) -> None:
        self._played: list[Event] = []
        self._coming = _played(pause_s)

    def of(self, heard: Event) -> Event | None:
        """What truly sounds longest while something is heard; None: nothing."""
        while not self._played or self._played[-1].end_s < heard.end_s:
            self._played.append(next(self._coming))
        longest = max(self._played, key=lambda played: overlap_s(played, heard))
        return longest if overlap_s(longest, heard) > 0 else None


def _played(pause_s: float) -> Iterator[Event]:
    now_s = 0.0
    for label, scene in scenes(None, pause_s):
        start_s, now_s = now_s + pause_s, now_s + scene.size / RATE_HZ
        yield Event(start_s, now_s, task_of(label), label)
