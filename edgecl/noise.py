"""What a microphone hears when there is nothing to hear: noises made by arithmetic, the same every time.

Seven kinds take turns, each drawn anew at a level from silence to loud: coloured noise, mains hum, tones,
noise that swells and falls in a band, clicks, many voices at once, a machine.
"""

from collections.abc import Callable
from itertools import pairwise

import numpy as np

from edgecl.arrays import Doubles, Floating, Floats

QUIETEST_DBFS, LOUDEST_DBFS = -100.0, -8.0  # from below the last bit of a 16-bit microphone
STEEPEST_RISE, STEEPEST_FALL = -2.5, 2.5  # with frequency, from beyond violet to beyond brown
HIGHEST_HZ = 7500.0
MAINS_HZ = (50.0, 60.0)


def generate_noises(count: int, samples: int, rate_hz: int, seed: int) -> Floats:
    """Windows [count, samples] of noise."""
    rng = np.random.default_rng(seed)
    windows = [KINDS[number % len(KINDS)](rng, samples, rate_hz) for number in range(count)]
    return np.stack([_at(window, rng.uniform(QUIETEST_DBFS, LOUDEST_DBFS)) for window in windows])


def generate_coloured_noise(
    rng: np.random.Generator, samples: int, rate_hz: int, slope: float | None = None
) -> Doubles:
    """Noise whose power falls with frequency to the `slope`: 0 white, 1 pink, 2 brown; drawn if None."""
    chosen = rng.uniform(STEEPEST_RISE, STEEPEST_FALL) if slope is None else slope
    frequency = np.maximum(np.fft.rfftfreq(samples, 1 / rate_hz), 20.0)
    spectrum = rng.standard_normal((2, len(frequency))).T @ [1, 1j] * frequency ** (-chosen / 2)
    spectrum[0] = 0
    return _unit(np.fft.irfft(spectrum, samples))


def _hum(rng: np.random.Generator, samples: int, rate_hz: int) -> Doubles:
    """What leaks from the mains: harmonics of 50 or 60 Hz, falling, over noise."""
    orders = np.arange(1.0, 13.0)
    hum = _tones(rng, rng.choice(MAINS_HZ) * orders, orders ** -rng.uniform(0.5, 2.0), samples, rate_hz)
    return hum + _faint(rng, 0.0, -40.0) * generate_coloured_noise(rng, samples, rate_hz)


def _tone(rng: np.random.Generator, samples: int, rate_hz: int) -> Doubles:
    """A steady tone of any pitch with its harmonics, over noise."""
    pitch_hz = np.exp(rng.uniform(np.log(40.0), np.log(4000.0)))
    orders = np.arange(1.0, min(12, int(HIGHEST_HZ / pitch_hz)) + 1)
    tone = _tones(rng, pitch_hz * orders, 1.0 / orders, samples, rate_hz)
    return tone + _faint(rng, 0.0, -40.0) * generate_coloured_noise(rng, samples, rate_hz)


def _swelling(rng: np.random.Generator, samples: int, rate_hz: int) -> Doubles:
    """Noise in a band, its loudness rising and falling at a steady rate."""
    low_hz = np.exp(rng.uniform(np.log(50.0), np.log(2500.0)))
    noise = _band(
        generate_coloured_noise(rng, samples, rate_hz), low_hz, low_hz * rng.uniform(2.0, 20.0), rate_hz
    )
    return noise * _tremolo(rng, rng.uniform(0.5, 12.0), samples, rate_hz)


def _clicks(rng: np.random.Generator, samples: int, rate_hz: int) -> Doubles:
    """Short bursts at random moments, one to a hundred a second, over noise."""
    struck = rng.random(samples) < 10 ** rng.uniform(0.0, 2.0) / rate_hz
    struck[rng.integers(samples)] = True
    strikes = struck * rng.uniform(0.2, 1.0, samples) * rng.choice([-1, 1], samples)
    decay_samples = rng.uniform(5.0, 100.0)
    burst = np.exp(-np.arange(600) / decay_samples) * rng.standard_normal(600)
    clicks = _unit(np.convolve(strikes, burst)[:samples])
    return clicks + _faint(rng, -10.0, -40.0) * generate_coloured_noise(rng, samples, rate_hz)


def _babble(rng: np.random.Generator, samples: int, rate_hz: int) -> Doubles:
    """Noise in four bands of speech, each coming and going as syllables do."""
    edges_hz = (150.0, 500.0, 1500.0, 3000.0, 6000.0)
    bands = [
        _band(generate_coloured_noise(rng, samples, rate_hz, 1.0), low, high, rate_hz)
        * np.abs(_band(rng.standard_normal(samples), 0.5, 8.0, rate_hz))
        for low, high in pairwise(edges_hz)
    ]
    return np.sum(bands, axis=0)  # type: ignore[no-any-return]


def _machine(rng: np.random.Generator, samples: int, rate_hz: int) -> Doubles:
    """Some harmonics of a low rotation, swelling with it, over noise."""
    rotation_hz = rng.uniform(20.0, 300.0)
    tone = _tones(rng, rotation_hz * rng.integers(1, 25, 6), np.ones(6), samples, rate_hz)
    swelling = tone * _tremolo(rng, rng.uniform(1.0, 10.0), samples, rate_hz)
    return _unit(swelling) + _faint(rng, 5.0, -20.0) * generate_coloured_noise(rng, samples, rate_hz)


KINDS: tuple[Callable[[np.random.Generator, int, int], Doubles], ...] = (
    generate_coloured_noise,
    _hum,
    _tone,
    _swelling,
    _clicks,
    _babble,
    _machine,
)


def _tones(
    rng: np.random.Generator, frequencies_hz: Floating, most: Floating, samples: int, rate_hz: int
) -> Doubles:
    """Sine waves of random phase, each at most so loud."""
    time_s = np.arange(samples) / rate_hz
    loudness, phase = most * rng.uniform(0.1, 1.0, len(most)), rng.uniform(0, 2 * np.pi, len(most))
    return _unit(loudness @ np.sin(2 * np.pi * np.outer(frequencies_hz, time_s) + phase[:, None]))


def _tremolo(rng: np.random.Generator, swings_hz: float, samples: int, rate_hz: int) -> Doubles:
    swing: Doubles = np.sin(2 * np.pi * swings_hz * np.arange(samples) / rate_hz)
    return 1 + rng.uniform(0.0, 1.0) * swing


def _band(waveform: Doubles, low_hz: float, high_hz: float, rate_hz: int) -> Doubles:
    """The part of it between two frequencies."""
    spectrum, frequency = np.fft.rfft(waveform), np.fft.rfftfreq(len(waveform), 1 / rate_hz)
    return _unit(np.fft.irfft(spectrum * ((frequency >= low_hz) & (frequency <= high_hz)), len(waveform)))


def _faint(rng: np.random.Generator, most_db: float, least_db: float) -> float:
    """A factor drawn between two levels."""
    return float(10 ** (rng.uniform(least_db, most_db) / 20))


def _at(waveform: Doubles, level_dbfs: float) -> Floats:
    """The same at a level, cut off where a microphone would."""
    return np.clip(_unit(waveform) * 10 ** (level_dbfs / 20), -1.0, 1.0).astype(np.float32)


def _unit(waveform: Doubles) -> Doubles:
    """The same with a root mean square of 1."""
    scaled: Doubles = waveform / np.sqrt(np.square(waveform).mean())
    return scaled
