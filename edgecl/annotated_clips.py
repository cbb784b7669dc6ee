"""Clips cut from annotated recordings of any length, in one pass and bounded memory."""

from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import soundfile

from edgecl.annotations import Region
from edgecl.arrays import Waveform
from edgecl.audio.reader import SAMPLE_RATE_HZ, RejectedFile, stream_clip
from edgecl.errors import AudioError

MIN_REGION_S = 1.0
"""A shorter region, or a point in time, is widened to both sides."""
MAX_STEM_CHARACTERS = 50  # of a file name, which may not have more than 255 bytes
MAX_REGION_S = 60.0
"""Of a longer region the first part is taken."""


def cut_clips(
    recording: Path, regions: Sequence[Region], folder: Path
) -> tuple[list[tuple[Path, str]], list[RejectedFile]]:
    """Write the regions of a recording as files.

    Args:
        recording: The recording.
        regions: In order of time.
        folder: Where to write them; it must not have files of this recording's name.

    Returns:
        The files with the labels of the regions, and the recording if it cannot be used.
    """
    clips: list[tuple[Path, str]] = []
    try:
        with stream_clip(recording) as stream:
            for region, waveform in _cut(stream.blocks, regions):
                path = (
                    folder
                    / f"{recording.stem[:MAX_STEM_CHARACTERS]} at {region.start_s:.2f} s, {len(clips)}.wav"
                )
                soundfile.write(
                    path, waveform, SAMPLE_RATE_HZ, subtype="PCM_24"
                )  # a float file has its time in it
                clips.append((path, region.label))
    except AudioError as error:
        return clips, [RejectedFile(recording, error.message, error.hint)]
    return clips, []


def _cut(blocks: Iterator[Waveform], regions: Sequence[Region]) -> Iterator[tuple[Region, Waveform]]:
    """Yield the waveform of each region that the recording reaches."""
    waiting = deque(sorted(((region, *_to_samples(region)) for region in regions), key=lambda one: one[1]))
    active: list[tuple[Region, int, int, list[Waveform]]] = []
    position = 0
    for block in blocks:
        end = position + len(block)
        while waiting and waiting[0][1] < end:
            active.append((*waiting.popleft(), []))
        for region, first, last, pieces in active:
            pieces.append(block[max(first - position, 0) : last - position])
            if last <= end:
                yield region, np.concatenate(pieces)
        active = [one for one in active if one[2] > end]
        position = end
    yield from ((region, np.concatenate(pieces)) for region, _, _, pieces in active)


def _to_samples(region: Region) -> tuple[int, int]:
    """Return where a region starts and ends."""
    widened_s = max(0.0, MIN_REGION_S - (region.end_s - region.start_s)) / 2
    first = max(0, round((region.start_s - widened_s) * SAMPLE_RATE_HZ))
    last = round(min(region.end_s + widened_s, region.start_s + MAX_REGION_S) * SAMPLE_RATE_HZ)
    return first, last
