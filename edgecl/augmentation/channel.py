"""The frequency response between a sound and its recording: microphones, and the band of a telephone."""

import numpy as np

from edgecl.arrays import Doubles, Floating

EQUALISER_POINTS = 6
EQUALISER_DEVIATION_DB = 4.0
LOWEST_POINT_HZ = 100.0
TELEPHONE_LOW_HZ = (150.0, 400.0)
TELEPHONE_HIGH_HZ = (2800.0, 5000.0)
LOW_ORDER, HIGH_ORDER = 4, 8  # of the Butterworth slopes: 24 and 48 dB an octave


def draw_equaliser(rng: np.random.Generator, frequencies_hz: Floating) -> Doubles:
    """Draw a smooth gain at each frequency, normally distributed at six points an equal interval apart."""
    points_hz = np.geomspace(LOWEST_POINT_HZ, frequencies_hz[-1], EQUALISER_POINTS)
    points_db = rng.normal(0.0, EQUALISER_DEVIATION_DB, EQUALISER_POINTS)
    octaves = np.log(np.maximum(frequencies_hz, LOWEST_POINT_HZ))
    gains: Doubles = 10 ** (np.interp(octaves, np.log(points_hz), points_db) / 20)
    return gains


def draw_telephone_band(rng: np.random.Generator, frequencies_hz: Floating) -> Doubles:
    """Draw the gains of a band pass like that of a telephone or a small loudspeaker."""
    low_hz, high_hz = rng.uniform(*TELEPHONE_LOW_HZ), rng.uniform(*TELEPHONE_HIGH_HZ)
    below = (low_hz / np.maximum(frequencies_hz, 1.0)) ** (2 * LOW_ORDER)
    above = (frequencies_hz / high_hz) ** (2 * HIGH_ORDER)
    gains: Doubles = 1 / np.sqrt((1 + below) * (1 + above))
    return gains


def filter_spectrum(window: Floating, gains: Doubles) -> Doubles:
    """Apply gains [samples // 2 + 1] to the spectrum of a window [samples], without a delay."""
    filtered: Doubles = np.fft.irfft(np.fft.rfft(window) * gains, window.size)
    return filtered
