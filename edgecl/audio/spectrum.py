"""Which frequencies are in a piece of sound: what a spectrogram draws."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from edgecl.arrays import Floats

BANDS = 48
LOWEST_HZ = 40.0
QUIETEST_DBFS = -100.0


def band_levels_dbfs(columns: Floats, rate_hz: int) -> NDArray[np.float64]:
    """The level of every band [N, 48] of pieces of sound [N, samples], lowest band first, in dBFS.

    Bands lie evenly on the mel scale, from 40 Hz to half the rate. 0 is a full-scale
    square wave, so a sine of full scale has −3; nothing is below −100.
    """
    size = columns.shape[1]
    window = np.hanning(size)
    power = np.square(np.abs(np.fft.rfft((columns - columns.mean(axis=1, keepdims=True)) * window)))
    mean_square: NDArray[np.float64] = 2 * np.add.reduceat(power, _edges(size, rate_hz), axis=1)[:, :BANDS]
    mean_square /= size * np.square(window).sum()
    levels: NDArray[np.float64] = 10 * np.log10(np.maximum(mean_square, 10 ** (QUIETEST_DBFS / 10)))
    return levels


def quantize_levels(levels_dbfs: NDArray[np.float64]) -> bytes:
    """One byte a band, row by row: 0 is −100 dBFS, 255 is 0 dBFS."""
    shares = np.clip(1 - levels_dbfs / QUIETEST_DBFS, 0, 1)
    return np.rint(255 * shares).astype(np.uint8).tobytes()


@cache
def _edges(size: int, rate_hz: int) -> NDArray[np.int64]:
    """The first bin of every band and of what lies above the last, [49]; no band is without a bin."""
    mel = np.linspace(_mel(LOWEST_HZ), _mel(rate_hz / 2), BANDS + 1)
    bins = np.rint(700 * (10 ** (mel / 2595) - 1) * size / rate_hz).astype(np.int64)
    steps = np.maximum(np.diff(bins), 1)
    edges: NDArray[np.int64] = np.concatenate([bins[:1], bins[0] + np.cumsum(steps)])
    return edges


def _mel(frequency_hz: float) -> float:
    return 2595 * float(np.log10(1 + frequency_hz / 700))
