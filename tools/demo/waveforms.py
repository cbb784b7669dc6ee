"""What sounds are made of: decaying partials, tones that glide, beeps, bands of noise, and a canvas.

Every function returns float64 waveforms [samples] at `RATE_HZ`, not yet at any particular level.
"""

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from edgecl.arrays import Doubles

RATE_HZ = 16_000

Sound = Callable[[np.random.Generator], Doubles]
"""One kind of sound: a variation of it for every state of the generator."""


def count_samples(duration_s: float) -> int:
    """How many samples `duration_s` lasts."""
    return round(duration_s * RATE_HZ)


def times_s(duration_s: float) -> Doubles:
    """The time of every sample, from 0."""
    return np.arange(count_samples(duration_s)) / RATE_HZ


def frequency_sweep(frequency_hz: Doubles) -> Doubles:
    """A sine whose frequency follows `frequency_hz` [samples] without a jump in phase."""
    phase: Doubles = 2 * np.pi * np.cumsum(frequency_hz) / RATE_HZ
    return np.sin(phase)


def modal_synthesis(
    duration_s: float,
    base_hz: float,
    partials: Sequence[tuple[float, float, float]],
    rng: np.random.Generator,
) -> Doubles:
    """A struck body: partials of (ratio to the base, level, decay in seconds), each with its own phase.

    What would lie above the Nyquist frequency is left out, as a microphone's filter would.
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
    """`waveform` with raised-cosine edges, so that it begins and ends without a click."""
    shaped = waveform.copy()
    for edge, length in (
        (slice(None), count_samples(attack_s)),
        (slice(None, None, -1), count_samples(release_s)),
    ):
        ramp = 0.5 - 0.5 * np.cos(np.pi * (np.arange(length) + 0.5) / length)
        shaped[edge][:length] *= ramp[: shaped.size]
    return shaped


def beep(duration_s: float, frequency_hz: float, levels: Sequence[float]) -> Doubles:
    """An electronic beep: harmonics 1, 2, 3 … at `levels`, hard but click-free edges."""
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
    """Noise between two frequencies with soft shoulders, of unit RMS; `tilt_db_per_octave` colours it."""
    length = count_samples(duration_s)
    frequency_hz = np.maximum(np.fft.rfftfreq(length, 1 / RATE_HZ), 1.0)
    shoulders = 1 / np.sqrt((1 + (low_hz / frequency_hz) ** 6) * (1 + (frequency_hz / high_hz) ** 6))
    tilt = 10 ** (tilt_db_per_octave * np.log2(frequency_hz / 1000) / 20)
    spectrum = np.fft.rfft(rng.standard_normal(length)) * shoulders * tilt
    noise: Doubles = np.fft.irfft(spectrum, length)
    noise /= np.sqrt(np.mean(noise**2))
    return noise


def mix(duration_s: float, parts: Iterable[tuple[float, Doubles]]) -> Doubles:
    """The sum of parts, each from its start in seconds; what would run over the end is cut."""
    canvas = np.zeros(count_samples(duration_s))
    for start_s, part in parts:
        start = count_samples(start_s)
        piece = part[: max(canvas.size - start, 0)]
        canvas[start : start + piece.size] += piece
    return canvas
