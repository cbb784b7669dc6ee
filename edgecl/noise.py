"""Synthetic background noise, reproducible from a seed.

Seven kinds take turns, each at a random level from silence to loud: coloured noise, mains hum, a tone,
amplitude-modulated noise in a band, clicks, babble, machine noise.
"""

from collections.abc import Callable
from itertools import pairwise

import numpy as np

from edgecl.arrays import Doubles, Floating, Floats, Windows

MIN_DBFS, MAX_DBFS = -100.0, -8.0  # from below the last bit of a 16-bit microphone
MIN_SLOPE, MAX_SLOPE = -2.5, 2.5  # from beyond violet to beyond brown noise
MAX_TONE_HZ = 7500.0
MAINS_HZ = (50.0, 60.0)


def generate_noises(count: int, samples: int, rate_hz: int, seed: int) -> Windows:
    """Generate windows of noise, [count, samples]."""
    rng = np.random.default_rng(seed)
    windows = [KINDS[number % len(KINDS)](rng, samples, rate_hz) for number in range(count)]
    return np.stack([_scale_to_level(window, rng.uniform(MIN_DBFS, MAX_DBFS)) for window in windows])


def generate_noise(rng: np.random.Generator, samples: int, rate_hz: int) -> Doubles:
    """Generate noise of a random kind, of RMS 1, [samples]."""
    return _normalize_rms(KINDS[rng.integers(len(KINDS))](rng, samples, rate_hz))


def generate_coloured_noise(
    rng: np.random.Generator, samples: int, rate_hz: int, slope: float | None = None
) -> Doubles:
    """Generate noise of RMS 1 whose power is proportional to 1 / frequency^slope, [samples].

    Args:
        rng: The random generator.
        samples: The length.
        rate_hz: The sample rate.
        slope: 0 white, 1 pink, 2 brown; drawn at random if None.
    """
    exponent = rng.uniform(MIN_SLOPE, MAX_SLOPE) if slope is None else slope
    frequency = np.maximum(np.fft.rfftfreq(samples, 1 / rate_hz), 20.0)
    spectrum = rng.standard_normal((2, len(frequency))).T @ [1, 1j] * frequency ** (-exponent / 2)
    spectrum[0] = 0
    return _normalize_rms(np.fft.irfft(spectrum, samples))


def _generate_hum(rng: np.random.Generator, samples: int, rate_hz: int) -> Doubles:
    """Generate mains hum: falling harmonics of 50 or 60 Hz, plus noise."""
    orders = np.arange(1.0, 13.0)
    hum = _sum_sines(rng, rng.choice(MAINS_HZ) * orders, orders ** -rng.uniform(0.5, 2.0), samples, rate_hz)
    return hum + _draw_gain(rng, 0.0, -40.0) * generate_coloured_noise(rng, samples, rate_hz)


def _generate_tone(rng: np.random.Generator, samples: int, rate_hz: int) -> Doubles:
    """Generate a steady tone of random pitch with its harmonics, plus noise."""
    pitch_hz = np.exp(rng.uniform(np.log(40.0), np.log(4000.0)))
    orders = np.arange(1.0, min(12, int(MAX_TONE_HZ / pitch_hz)) + 1)
    tone = _sum_sines(rng, pitch_hz * orders, 1.0 / orders, samples, rate_hz)
    return tone + _draw_gain(rng, 0.0, -40.0) * generate_coloured_noise(rng, samples, rate_hz)


def _generate_modulated_noise(rng: np.random.Generator, samples: int, rate_hz: int) -> Doubles:
    """Generate noise in a band with a steady amplitude modulation."""
    low_hz = np.exp(rng.uniform(np.log(50.0), np.log(2500.0)))
    noise = _bandpass(
        generate_coloured_noise(rng, samples, rate_hz), low_hz, low_hz * rng.uniform(2.0, 20.0), rate_hz
    )
    return noise * _draw_tremolo(rng, rng.uniform(0.5, 12.0), samples, rate_hz)


def _generate_clicks(rng: np.random.Generator, samples: int, rate_hz: int) -> Doubles:
    """Generate short bursts at random times, one to a hundred a second, plus noise."""
    is_click = rng.random(samples) < 10 ** rng.uniform(0.0, 2.0) / rate_hz
    is_click[rng.integers(samples)] = True
    impulses = is_click * rng.uniform(0.2, 1.0, samples) * rng.choice([-1, 1], samples)
    decay_samples = rng.uniform(5.0, 100.0)
    burst = np.exp(-np.arange(600) / decay_samples) * rng.standard_normal(600)
    clicks = _normalize_rms(np.convolve(impulses, burst)[:samples])
    return clicks + _draw_gain(rng, -10.0, -40.0) * generate_coloured_noise(rng, samples, rate_hz)


def _generate_babble(rng: np.random.Generator, samples: int, rate_hz: int) -> Doubles:
    """Generate noise in four bands of speech, each modulated at the rate of syllables."""
    edges_hz = (150.0, 500.0, 1500.0, 3000.0, 6000.0)
    bands = [
        _bandpass(generate_coloured_noise(rng, samples, rate_hz, 1.0), low, high, rate_hz)
        * np.abs(_bandpass(rng.standard_normal(samples), 0.5, 8.0, rate_hz))
        for low, high in pairwise(edges_hz)
    ]
    return np.sum(bands, axis=0)  # type: ignore[no-any-return]


def _generate_machine(rng: np.random.Generator, samples: int, rate_hz: int) -> Doubles:
    """Generate harmonics of a low rotation frequency, amplitude-modulated, plus noise."""
    rotation_hz = rng.uniform(20.0, 300.0)
    tone = _sum_sines(rng, rotation_hz * rng.integers(1, 25, 6), np.ones(6), samples, rate_hz)
    modulated = _normalize_rms(tone * _draw_tremolo(rng, rng.uniform(1.0, 10.0), samples, rate_hz))
    return modulated + _draw_gain(rng, 5.0, -20.0) * generate_coloured_noise(rng, samples, rate_hz)


KINDS: tuple[Callable[[np.random.Generator, int, int], Doubles], ...] = (
    generate_coloured_noise,
    _generate_hum,
    _generate_tone,
    _generate_modulated_noise,
    _generate_clicks,
    _generate_babble,
    _generate_machine,
)


def _sum_sines(
    rng: np.random.Generator, frequencies_hz: Floating, max_amplitudes: Floating, samples: int, rate_hz: int
) -> Doubles:
    """Sum sines of random phase and of 0.1 to 1 times their maximum amplitude, [samples], RMS 1."""
    time_s = np.arange(samples) / rate_hz
    amplitudes = max_amplitudes * rng.uniform(0.1, 1.0, len(max_amplitudes))
    phases = rng.uniform(0, 1, len(max_amplitudes))
    turns = np.outer(frequencies_hz, time_s) + phases[:, None]
    turns -= np.floor(turns)  # small enough for the sine of float32, which is several times faster
    waves = np.sin(turns.astype(np.float32) * np.float32(2 * np.pi))
    return _normalize_rms(np.asarray(amplitudes @ waves, np.float64))


def _draw_tremolo(rng: np.random.Generator, frequency_hz: float, samples: int, rate_hz: int) -> Doubles:
    """Draw an amplitude modulation of random depth, [samples]."""
    wave: Doubles = np.sin(2 * np.pi * frequency_hz * np.arange(samples) / rate_hz)
    return 1 + rng.uniform(0.0, 1.0) * wave


def _bandpass(waveform: Doubles, low_hz: float, high_hz: float, rate_hz: int) -> Doubles:
    """Keep the frequencies between two limits, [samples], RMS 1."""
    spectrum, frequency = np.fft.rfft(waveform), np.fft.rfftfreq(len(waveform), 1 / rate_hz)
    is_inside = (frequency >= low_hz) & (frequency <= high_hz)
    return _normalize_rms(np.fft.irfft(spectrum * is_inside, len(waveform)))


def _draw_gain(rng: np.random.Generator, max_db: float, min_db: float) -> float:
    """Draw a factor between two levels."""
    return float(10 ** (rng.uniform(min_db, max_db) / 20))


def _scale_to_level(waveform: Doubles, level_dbfs: float) -> Floats:
    """Scale a waveform to an RMS level and clip it to −1…1."""
    return np.clip(_normalize_rms(waveform) * 10 ** (level_dbfs / 20), -1.0, 1.0).astype(np.float32)


def _normalize_rms(waveform: Doubles) -> Doubles:
    """Scale a waveform to an RMS of 1."""
    scaled: Doubles = waveform / np.sqrt(np.square(waveform).mean())
    return scaled
