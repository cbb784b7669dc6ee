"""Placement of a sound in a window."""

import numpy as np

from edgecl.arrays import Waveform
from edgecl.windows import pad_window

MAX_CUT_SHARE = 0.25  # of a short sound may lie outside its window, as at the edges of a stream's windows


def place_at_random(sound: Waveform, window_samples: int, rng: np.random.Generator) -> Waveform:
    """Place a sound at a random position in a window [window_samples] and cut off what lies outside."""
    max_cut = int(MAX_CUT_SHARE * sound.size)
    start = int(rng.integers(-max_cut, window_samples - sound.size + max_cut + 1))
    head, tail = max(0, -start), max(0, start + sound.size - window_samples)
    return pad_window(sound[head : sound.size - tail], window_samples, max(0, start))
