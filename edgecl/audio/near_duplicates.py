"""Detection of copies of a recording, whatever their gain and codec.

A count sketch (Charikar, Chen & Farach-Colton 2002, "Finding Frequent Items in Data Streams", §3.2) of the
waveform: samples are added into a few bins, blocks of them with random signs, which nearly preserves inner
products. The product of two sketches of length 1 is therefore the sample-by-sample correlation of the two
waveforms. Only copies correlate: two takes of one sound differ in phase.

Deviations: a sample's bin is its position modulo the number of bins, so that one sign serves a whole block;
and four neighbouring samples are averaged first, because above 2 kHz a codec does not preserve the waveform.
A copy that starts at another sample is not detected.
"""

import numpy as np
from numpy.typing import NDArray

from edgecl.arrays import Waveform

Sketch = NDArray[np.float16]

BINS = 1000
AVERAGED_SAMPLES = 4
MIN_CORRELATION = 0.98
"""Correlation from which two recordings count as copies."""
SEED = 8_001


def compute_sketch(waveform: Waveform) -> Sketch:
    """Compute the sketch of a waveform [samples]: float16 [BINS] of length 1, or zeros for silence."""
    whole = waveform[: waveform.size // AVERAGED_SAMPLES * AVERAGED_SAMPLES]
    averaged = whole.reshape(-1, AVERAGED_SAMPLES).mean(axis=1)
    blocks = -(-averaged.size // BINS)
    padded = np.zeros(blocks * BINS)
    padded[: averaged.size] = averaged - averaged.mean()
    signs = np.random.RandomState(SEED).choice([-1, 1], blocks)  # numpy never changes RandomState's numbers
    bins = signs @ padded.reshape(blocks, BINS)
    sketch: Sketch = (bins / max(float(np.linalg.norm(bins)), 1e-9)).astype(np.float16)
    return sketch


def find_copies(sketches: list[Sketch]) -> list[tuple[int, int]]:
    """Return (original, copy) for each recording that is a copy of an earlier one, by index in the list."""
    stacked = np.array(sketches, np.float32).reshape(-1, BINS)
    found = []
    for later in range(1, len(stacked)):
        matches = np.flatnonzero(stacked[:later] @ stacked[later] >= MIN_CORRELATION)
        found += [(int(matches[0]), later)] if matches.size else []
    return found
