"""Levels of a waveform, as a whole and by frequency band, in dBFS: 0 is a full-scale square wave."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from edgecl.arrays import Floats, Waveform

MIN_LEVEL_DBFS = -120.0
"""The level of digital silence; 24 bits reach no lower than −139 dBFS."""

MOMENT_S = 0.1
"""How long a sound has to be loud to count as loud."""

BAND_COUNT = 48
MIN_BAND_HZ = 40.0
MIN_BAND_DBFS = -100.0


def level_dbfs(waveform: Waveform) -> float:
    """Return the RMS level of a waveform [samples] without its DC component."""
    return _to_dbfs(float(waveform.var(dtype=np.float64)) if waveform.size else 0.0)


def loudest_moment_dbfs(waveform: Waveform, rate_hz: int) -> float:
    """Return the level of the loudest tenth of a second of a waveform [samples]."""
    half = max(1, round(MOMENT_S * rate_hz / 2))
    if waveform.size < 2 * half:
        return level_dbfs(waveform)
    halves = waveform[: waveform.size // half * half].reshape(-1, half).astype(np.float64)
    mean, square = halves.mean(axis=1), np.square(halves).mean(axis=1)
    variance = (square[1:] + square[:-1]) / 2 - np.square((mean[1:] + mean[:-1]) / 2)
    return _to_dbfs(float(variance.max()))


def band_levels_dbfs(columns: Floats, rate_hz: int) -> NDArray[np.float64]:
    """Return the level of each frequency band, lowest band first, [N, BAND_COUNT].

    Bands are equally wide on the mel scale, from 40 Hz to half the sample rate. A full-scale sine has
    −3 dBFS; nothing is below −100 dBFS.

    Args:
        columns: Pieces of a waveform, [N, samples].
        rate_hz: Their sample rate.
    """
    size = columns.shape[1]
    window = np.hanning(size)
    power = np.square(np.abs(np.fft.rfft((columns - columns.mean(axis=1, keepdims=True)) * window)))
    sums: NDArray[np.float64] = np.add.reduceat(power, _band_edges(size, rate_hz), axis=1)[:, :BAND_COUNT]
    mean_square = 2 * sums / (size * np.square(window).sum())
    levels: NDArray[np.float64] = 10 * np.log10(np.maximum(mean_square, 10 ** (MIN_BAND_DBFS / 10)))
    return levels


def quantize_levels(levels_dbfs: NDArray[np.float64]) -> bytes:
    """Encode band levels as one byte each, row by row: 0 is −100 dBFS, 255 is 0 dBFS."""
    shares = np.clip(1 - levels_dbfs / MIN_BAND_DBFS, 0, 1)
    return np.rint(255 * shares).astype(np.uint8).tobytes()


def _to_dbfs(variance: float) -> float:
    return max(MIN_LEVEL_DBFS, round(10 * float(np.log10(max(variance, 1e-18))), 1))


@cache
def _band_edges(size: int, rate_hz: int) -> NDArray[np.int64]:
    """Return the first FFT bin of each band and the end of the last, [BAND_COUNT + 1]; no band is empty."""
    mel = np.linspace(_hz_to_mel(MIN_BAND_HZ), _hz_to_mel(rate_hz / 2), BAND_COUNT + 1)
    bins = np.rint(700 * (10 ** (mel / 2595) - 1) * size / rate_hz).astype(np.int64)
    steps = np.maximum(np.diff(bins), 1)
    edges: NDArray[np.int64] = np.concatenate([bins[:1], bins[0] + np.cumsum(steps)])
    return edges


def _hz_to_mel(frequency_hz: float) -> float:
    return 2595 * float(np.log10(1 + frequency_hz / 700))
