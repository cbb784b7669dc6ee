"""The takes of a sound in a long recording: the parts where it stands out, and the room between them.

What stands out is what `salience` finds. It looks at five minutes at a time, so that the memory is bounded
and the noise floor may change in the course of a day.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from edgecl.arrays import Waveform
from edgecl.audio.levels import loudest_moment_dbfs
from edgecl.salience import find_salience

WINDOW_S = 2.0
"""Length of a window, which the columns of `salience` derive from."""
PART_S = 300.0
OVERLAP_S = 15.0
"""End of a part that is looked at again together with the next one: a take may go on there."""
LONGEST_PAUSE_S = 1.0
"""Silence inside one take: an alarm beeps on and off, a person knocks three times."""
SURROUNDINGS_S = 0.3
"""Added before and after a take."""


@dataclass(frozen=True)
class Take:
    """One occurrence of the sound."""

    start_s: float
    end_s: float
    level_dbfs: float
    """Of its loudest tenth of a second."""


@dataclass
class FoundTakes:
    """What a recording holds."""

    takes: list[Take] = field(default_factory=list)
    """In order of time."""
    rooms: list[tuple[float, float]] = field(default_factory=list)
    """Windows of `WINDOW_S` without any sound, as (start, end) in seconds."""


def find_takes(blocks: Iterable[Waveform], rate_hz: int) -> FoundTakes:
    """Find the takes in a recording; none where nothing stands out, or where the sound fills it.

    Args:
        blocks: The recording, in blocks [samples].
        rate_hz: Its sample rate.
    """
    found = FoundTakes()
    window = round(WINDOW_S * rate_hz)
    for first, part, settled in _split(blocks, round(PART_S * rate_hz), round(OVERLAP_S * rate_hz)):
        salience = find_salience(part, window)
        for start, end in _join(salience.sounds, round(LONGEST_PAUSE_S * rate_hz)):
            start_s, end_s = (first + start) / rate_hz, (first + end) / rate_hz
            begins_in_last = bool(found.takes) and start_s <= found.takes[-1].end_s
            if start < settled and not begins_in_last:
                level = loudest_moment_dbfs(part[start:end], rate_hz)
                first_s, last_s = max(0.0, start_s - SURROUNDINGS_S), end_s + SURROUNDINGS_S
                found.takes.append(Take(first_s, min(last_s, (first + part.size) / rate_hz), level))
        found.rooms += [
            ((first + at) / rate_hz, (first + at + window) / rate_hz)
            for start, end in salience.background
            for at in range(start, min(end, settled) - window + 1, window)
        ]
    return found


def choose_rooms(rooms: list[tuple[float, float]], count: int) -> list[tuple[float, float]]:
    """Return some windows of the room, spread evenly over the recording."""
    chosen = np.linspace(0, len(rooms) - 1, min(len(rooms), count)).round().astype(int)
    return [rooms[number] for number in chosen]


def _split(blocks: Iterable[Waveform], part: int, overlap: int) -> Iterator[tuple[int, Waveform, int]]:
    """Yield (first sample, waveform, number of samples that do not come again) of parts that overlap."""
    pieces, size, first = list[Waveform](), 0, 0
    for block in blocks:
        pieces.append(block)
        size += block.size
        if size >= part:
            waveform = np.concatenate(pieces)
            yield first, waveform, size - overlap
            pieces, first, size = [waveform[-overlap:]], first + size - overlap, overlap
    if pieces:
        yield first, np.concatenate(pieces), size


def _join(sounds: Iterable[tuple[int, int]], longest_pause: int) -> list[tuple[int, int]]:
    """Return the sounds, as [start, end) in samples, with those that belong to one take joined."""
    takes: list[tuple[int, int]] = []
    for start, end in sounds:
        if takes and start - takes[-1][1] <= longest_pause:
            takes[-1] = takes[-1][0], end
        else:
            takes.append((start, end))
    return takes
