"""What the made-up microphone plays, and when: to be held against what is heard."""

from collections.abc import Iterator

from tools.demo.ingredients import RATE_HZ, Waveform
from tools.demo.microphone import scenes
from tools.demo.synthesise import Event, task_of

Played = tuple[Event, Waveform]
"""A sound, and all that was to be heard from the pause before it."""


class Truth:
    """The sounds of a microphone with this pause between them, made again as far as they are asked for."""

    def __init__(self, pause_s: float) -> None:
        self._played: list[Played] = []
        self._coming = _played(pause_s)

    def at(self, start_s: float, end_s: float) -> Played | None:
        """What truly sounds longest between these times; None: nothing."""
        while not self._played or self._played[-1][0].end_s < end_s:
            self._played.append(next(self._coming))
        longest = max(self._played, key=lambda played: _together_s(played[0], start_s, end_s))
        return longest if _together_s(longest[0], start_s, end_s) > 0 else None


def _played(pause_s: float) -> Iterator[Played]:
    now_s = 0.0
    for label, scene in scenes(None, pause_s):
        start_s, now_s = now_s + pause_s, now_s + scene.size / RATE_HZ
        yield Event(start_s, now_s, task_of(label), label), scene


def _together_s(event: Event, start_s: float, end_s: float) -> float:
    return min(event.end_s, end_s) - max(event.start_s, start_s)
