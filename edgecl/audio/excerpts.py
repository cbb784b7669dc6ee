"""Excerpts of a recording that is too long to be in memory: evenly spaced, joined by short crossfades."""

from collections.abc import Iterable, Iterator

import numpy as np

from edgecl.arrays import Waveform

EXCERPT_S = 4.0
CROSSFADE_S = 0.01
"""A join without a crossfade would be a click."""


def join_excerpts(
    blocks: Iterable[Waveform], frames: int, rate_hz: int, total_s: float
) -> Iterator[Waveform]:
    """Yield excerpts of a long recording as one waveform, piece by piece.

    Args:
        blocks: The recording, in blocks [frames].
        frames: Its length; more than `total_s`.
        rate_hz: Its sample rate.
        total_s: How much of it is taken, in seconds.
    """
    fade = int(CROSSFADE_S * rate_hz)
    rising = np.linspace(0, 1, fade, dtype=np.float32)
    tail = np.zeros(0, np.float32)
    excerpt_s = min(EXCERPT_S, total_s)
    for excerpt in cut_excerpts(blocks, frames, int(excerpt_s * rate_hz), int(total_s / excerpt_s)):
        if tail.size:
            excerpt[:fade] = rising * excerpt[:fade] + (1 - rising) * tail
        yield excerpt[:-fade]
        tail = excerpt[-fade:]
    yield tail


def cut_excerpts(
    blocks: Iterable[Waveform], frames: int, excerpt_frames: int, count: int
) -> Iterator[Waveform]:
    """Yield excerpts [excerpt_frames] of a recording, spread evenly from its start to its end.

    Args:
        blocks: The recording, in blocks [frames].
        frames: Its length, at least that of all excerpts together.
        excerpt_frames: Length of an excerpt.
        count: Number of excerpts.
    """
    starts = iter(np.linspace(0, frames - excerpt_frames, count).round().astype(int))
    start, position = next(starts), 0
    pieces: list[Waveform] = []
    for block in blocks:
        while start < position + len(block):
            first = max(start - position, 0)
            piece = block[first : start + excerpt_frames - position]
            pieces.append(piece)
            if position + first + len(piece) < start + excerpt_frames:
                break
            yield np.concatenate(pieces)
            pieces = []
            start = next(starts, frames)
        position += len(block)
