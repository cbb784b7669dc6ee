"""Synthesis of waveforms: decaying partials, frequency sweeps, beeps, band-limited noise, mixing.

Every function returns a float64 waveform [samples] at `RATE_HZ`, at no particular level.
"""

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from edgecl.arrays import Doubles

RATE_HZ = 16_000

Sound = Callable[[np.random.Generator], Doubles]
"""Synthesises a variation of one sound, float64 [samples], from a random generator."""


def count_samples(duration_s: float) -> int:
    """Return the number of samples of a duration."""
    return round(duration_s * RATE_HZ)


def times_s(duration_s: float) -> Doubles:
    """Return the time of every sample in seconds, from 0."""
    return np.arange(count_samples(duration_s)) / RATE_HZ


def frequency_sweep(frequency_hz: Doubles) -> Doubles:
    """Synthesise a sine of the given frequency [samples] with continuous phase."""
    phase: Doubles = 2 * np.pi * np.cumsum(frequency_hz) / RATE_HZ
    return np.sin(phase)


def modal_synthesis(
    duration_s: float,
    base_hz: float,
    partials: Sequence[tuple[float, float, float]],
    rng: np.random.Generator,
) -> Doubles:
    """Synthesise a struck body as a sum of decaying partials with random phases.

    Args:
        duration_s: length of the waveform.
        base_hz: base frequency.
        partials: (ratio to the base frequency, level, decay time in seconds) of each partial; those above the
            Nyquist frequency are left out.
        rng: draws the phases.
    """
    time = times_s(duration_s)
    sound = np.zeros_like(time)
    for ratio, level, decay_s in partials:
        frequency_hz = base_hz * ratio
        if frequency_hz < RATE_HZ / 2:
            phase = rng.uniform(0, 2 * np.pi)
            sound += level * np.exp(-time / decay_s) * np.sin(2 * np.pi * frequency_hz * time + phase)
    return fade(sound, 0.001, 0.01)


def fade(waveform: Doubles, attack_s: float, release_s: float) -> Doubles:
    """Apply raised-cosine edges, so that the waveform starts and ends without a click."""
    shaped = waveform.copy()
    for edge, length in (
        (slice(None), count_samples(attack_s)),
        (slice(None, None, -1), count_samples(release_s)),
    ):
        ramp = 0.5 - 0.5 * np.cos(np.pi * (np.arange(length) + 0.5) / length)
        shaped[edge][:length] *= ramp[: shaped.size]
    return shaped


def beep(duration_s: float, frequency_hz: float, levels: Sequence[float]) -> Doubles:
    """Synthesise an electronic beep: harmonics 1, 2, 3 … at `levels`, short edges."""
    time = times_s(duration_s)
    tone = np.zeros_like(time)
    for harmonic, level in enumerate(levels, start=1):
        if harmonic * frequency_hz < RATE_HZ / 2:
            tone += level * np.sin(2 * np.pi * harmonic * frequency_hz * time)
    return fade(tone, 0.003, 0.004)


def noise_band(
    duration_s: float,
    low_hz: float,
    high_hz: float,
    rng: np.random.Generator,
    tilt_db_per_octave: float = 0.0,
) -> Doubles:
    """Synthesise band-limited noise of unit RMS with gentle slopes; `tilt_db_per_octave` colours it."""
    length = count_samples(duration_s)
    frequency_hz = np.maximum(np.fft.rfftfreq(length, 1 / RATE_HZ), 1.0)
    shoulders = 1 / np.sqrt((1 + (low_hz / frequency_hz) ** 6) * (1 + (frequency_hz / high_hz) ** 6))
    tilt = 10 ** (tilt_db_per_octave * np.log2(frequency_hz / 1000) / 20)
    spectrum = np.fft.rfft(rng.standard_normal(length)) * shoulders * tilt
    noise: Doubles = np.fft.irfft(spectrum, length)
    noise /= np.sqrt(np.mean(noise**2))
    return noise


def mix(duration_s: float, parts: Iterable[tuple[float, Doubles]]) -> Doubles:
    """Sum (start in seconds, waveform) parts; what exceeds `duration_s` is cut."""
    canvas = np.zeros(count_samples(duration_s))
    for start_s, part in parts:
        start = count_samples(start_s)
        piece = part[: max(canvas.size - start, 0)]
        canvas[start : start + piece.size] += piece
    return canvas
