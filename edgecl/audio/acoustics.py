"""Properties of a recording that come from the recorder and the room rather than from the sound.

The bandwidth is where a cliff lies in the spectrum: above it even the loudest column is quieter than the
floor beneath it. A tone has no such cliff, because noise goes on above it. The noise floor is measured in the
bands whose level hardly changes over the columns, unless it is the sound itself that goes on.
"""

import math
from dataclasses import dataclass

import numpy as np

from edgecl.arrays import Doubles, Waveform
from edgecl.audio.levels import loudest_moment_dbfs

COLUMN_S = 0.02
BAND_HZ = 250.0
FLOOR_QUANTILE = 0.1
"""Share of the columns that are the noise floor of a band."""
CUT_OFF_DB = 10.0
"""How far everything above a recorder's highest frequency lies below the floor beneath it."""
BANDS_BENEATH = 4
STEADY_DB = 6.0
"""Largest difference between the median and the floor of a band that holds steady noise."""
PAUSE_DB = 15.0
"""How far the floor has to lie below the level: otherwise the sound goes on, and its floor is not known."""
FAINTEST_FLOOR_DBFS = -75.0
"""Floors below are all the same."""


@dataclass(frozen=True)
class Acoustics:
    """How a recording was made."""

    bandwidth_hz: float
    """Highest frequency of the recorder, at most half the sample rate of the backbone."""
    level_dbfs: float
    """RMS level of its loudest tenth of a second."""
    floor_dbfs: float | None
    """Level of the noise within the bandwidth; None where the sound leaves nothing of it."""


def measure_acoustics(waveform: Waveform, rate_hz: int, source_rate_hz: int) -> Acoustics:
    """Measure a recording.

    Args:
        waveform: The recording, [samples].
        rate_hz: Its sample rate.
        source_rate_hz: The sample rate of the file.
    """
    size = round(COLUMN_S * rate_hz)
    padded = np.pad(waveform, (0, max(0, size - waveform.size)))
    bands = _measure_bands(padded[: padded.size // size * size].reshape(-1, size), rate_hz)
    used = _count_used_bands(bands, math.ceil(min(rate_hz, source_rate_hz) / 2 / BAND_HZ))
    level_dbfs = loudest_moment_dbfs(waveform, rate_hz)
    floor_dbfs = _find_floor(bands[:, :used])
    has_pause = floor_dbfs is not None and floor_dbfs <= level_dbfs - PAUSE_DB
    return Acoustics(used * BAND_HZ, level_dbfs, floor_dbfs if has_pause else None)


def _measure_bands(columns: Waveform, rate_hz: int) -> Doubles:
    """Return the power of each column in bands of 250 Hz, [columns, bands]."""
    size = columns.shape[1]
    window = np.hanning(size)
    power = 2 * np.square(np.abs(np.fft.rfft(columns * window))) / (size * np.square(window).sum())
    width = round(BAND_HZ * size / rate_hz)
    count = power.shape[1] // width
    bands: Doubles = power[:, : count * width].reshape(len(columns), count, width).sum(axis=2)
    return bands


def _count_used_bands(bands: Doubles, most: int) -> int:
    """Return the number of bands below the cliff, `most` where there is none.

    Args:
        bands: Power, [columns, bands].
        most: The number of bands that the sample rate allows.
    """
    most = min(most, bands.shape[1])
    floor = np.quantile(bands, FLOOR_QUANTILE, axis=0)
    loudest_above = np.maximum.accumulate(bands.max(axis=0)[::-1])[::-1]
    for band in range(BANDS_BENEATH, most):
        beneath = floor[band - BANDS_BENEATH : band].min()
        if loudest_above[band] < beneath * 10 ** (-CUT_OFF_DB / 10):
            return band
    return most


def _find_floor(bands: Doubles) -> float | None:
    """Return the level of steady noise over all bands [columns, bands], from those that hold nothing else."""
    floor = np.quantile(bands, FLOOR_QUANTILE, axis=0) + 1e-20
    is_steady = np.median(bands, axis=0) <= floor * 10 ** (STEADY_DB / 10)
    if not is_steady.any():
        return None
    power = bands.shape[1] * float(np.median(floor[is_steady]))
    return max(FAINTEST_FLOOR_DBFS, round(10 * math.log10(power), 1))
