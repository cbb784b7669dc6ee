"""Synthetic noise: reproducible, within its levels, and of the stated colour."""

import numpy as np
import pytest

from edgecl.noise import KINDS, MAX_DBFS, MIN_DBFS, generate_coloured_noise, generate_noises

RATE_HZ = 16000
SAMPLES = 32000


def test_the_same_seed_gives_the_same_noises_and_another_seed_others() -> None:
    first, second, other = (generate_noises(6, SAMPLES, RATE_HZ, seed) for seed in (1, 1, 2))
    assert first.tobytes() == second.tobytes()
    assert not np.isclose(first, other).all(axis=1).any()


def test_every_kind_is_a_waveform_within_the_range_of_levels() -> None:
    noises = generate_noises(10 * len(KINDS), SAMPLES, RATE_HZ, seed=3)
    level_dbfs = 20 * np.log10(noises.std(axis=1))
    assert noises.dtype == np.float32
    assert np.abs(noises).max() <= 1
    assert MIN_DBFS - 0.1 <= level_dbfs.min() < -60
    assert -20 < level_dbfs.max() <= MAX_DBFS + 0.1


@pytest.mark.parametrize(("slope", "fall_db"), [(0.0, 0.0), (1.0, 3.0), (2.0, 6.0)])
def test_the_power_of_coloured_noise_falls_with_its_slope(slope: float, fall_db: float) -> None:
    power = np.square(
        np.abs(np.fft.rfft(generate_coloured_noise(np.random.default_rng(0), 16 * SAMPLES, RATE_HZ, slope)))
    )
    frequency = np.fft.rfftfreq(16 * SAMPLES, 1 / RATE_HZ)
    octaves = [power[(frequency >= low) & (frequency < low * 1.25)].mean() for low in (500.0, 1000.0, 2000.0)]
    assert np.diff(10 * np.log10(octaves)) == pytest.approx([-fall_db] * 2, abs=0.5)
