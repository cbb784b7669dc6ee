"""Band levels of a waveform."""

import numpy as np
import pytest

from edgecl.audio.levels import (
    BAND_COUNT,
    MIN_LEVEL_DBFS,
    band_levels_dbfs,
    level_dbfs,
    loudest_moment_dbfs,
    quantize_levels,
)

RATE_HZ = 16_000
SAMPLES = 800  # 50 ms


def make_sine(frequency_hz: float, amplitude: float = 1.0) -> np.ndarray:
    """Make a sine as one column [1, samples]."""
    time_s = np.arange(SAMPLES) / RATE_HZ
    return (amplitude * np.sin(2 * np.pi * frequency_hz * time_s)).astype(np.float32)[None]


@pytest.mark.parametrize("frequency_hz", [100, 440, 1000, 5000, 7900])
def test_a_sine_is_in_its_band_with_its_level(frequency_hz: int) -> None:
    (bands,) = band_levels_dbfs(make_sine(frequency_hz), RATE_HZ)
    total = 10 * np.log10((10 ** (bands / 10)).sum())
    assert total == pytest.approx(-3.01, abs=0.05)
    (quieter,) = band_levels_dbfs(make_sine(frequency_hz, 0.1), RATE_HZ)
    assert bands.max() - quieter[bands.argmax()] == pytest.approx(20, abs=0.1)


def test_higher_frequencies_are_in_higher_bands() -> None:
    columns = np.concatenate([make_sine(frequency_hz) for frequency_hz in (60, 200, 600, 2000, 4000, 7000)])
    loudest = band_levels_dbfs(columns, RATE_HZ).argmax(axis=1)
    assert (np.diff(loudest) > 0).all()
    assert loudest[0] <= 1
    assert loudest[-1] >= BAND_COUNT - 5


def test_silence_and_a_constant_have_the_minimum_level() -> None:
    for value in (0.0, 0.5):
        levels = band_levels_dbfs(np.full((2, SAMPLES), value, np.float32), RATE_HZ)
        assert levels.shape == (2, BAND_COUNT)
        assert (levels == -100).all()


def test_a_byte_encodes_minus_100_dbfs_to_full_scale() -> None:
    levels = np.array([[-100.0, -50.0, 0.0], [-120.0, -99.9, 6.0]])
    assert list(quantize_levels(levels)) == [0, 128, 255, 0, 0, 255]


@pytest.mark.parametrize("offset", [0.0, 0.2])
@pytest.mark.parametrize("place", [0, 1600, 15_000, 30_400])
def test_the_loudest_moment_is_found_wherever_it_is(place: int, offset: float) -> None:
    waveform = np.random.RandomState(0).normal(offset, 0.001, 2 * RATE_HZ).astype(np.float32)
    waveform[place : place + 1600] += np.random.RandomState(1).normal(0, 0.1, 1600)
    assert loudest_moment_dbfs(waveform, RATE_HZ) == pytest.approx(-20, abs=1.5)


def test_the_loudest_moment_of_a_short_waveform_is_its_level() -> None:
    for samples in (1, 100, 1599):
        waveform = np.linspace(-1, 1, samples).astype(np.float32)
        assert loudest_moment_dbfs(waveform, RATE_HZ) == level_dbfs(waveform)
    assert loudest_moment_dbfs(np.zeros(0, np.float32), RATE_HZ) == MIN_LEVEL_DBFS
