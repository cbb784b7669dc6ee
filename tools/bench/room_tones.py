"""Synthetic noise and room tone to measure false alarms with, other kinds than those of `edgecl.noise`."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edgecl.arrays import Doubles

RATE_HZ = 16000
FADE_S = 0.5  # so that the change from one kind to the next makes no click


def make_room_tones(
    seconds: float, voices: Sequence[NDArray[np.float32]], seed: int = 77
) -> NDArray[np.float32]:
    """Synthesise thirty kinds of noise and room tone, one after the other.

    Args:
        seconds: duration of each kind.
        voices: clips of speech [samples] that the babble is mixed of.
        seed: the same seed gives the same sound.

    Returns:
        A waveform [samples] at `RATE_HZ`.
    """
    rng = np.random.default_rng(seed)
    samples = round(seconds * RATE_HZ)
    time = np.arange(samples) / RATE_HZ
    colours = [(slope, level) for slope in (0, 1, 2, -1, -2) for level in (-60, -35, -15)]
    hums = [_hum(rng, time, hertz) + _set_level(_coloured_noise(rng, samples, 1), -55) for hertz in (50, 60)]
    kinds = [
        *(_set_level(_coloured_noise(rng, samples, slope), level) for slope, level in colours),
        *(_set_level(hum, level) for hum, level in zip(hums, (-30, -12), strict=True)),
        _set_level(_coloured_noise(rng, samples, 0), -70),
        np.zeros(samples),
        _set_level(_coloured_noise(rng, samples, 1.5) * (1 + 0.3 * np.sin(44 * time)), -30)
        + _tone(time, 187, -45),
        _machine(time) + _set_level(_coloured_noise(rng, samples, 1), -38),
        _set_level(_coloured_noise(rng, samples, 2), -40) + _set_level(_hum(rng, time, 100), -40),
        _set_level(np.sign(np.sin(609 * time + 0.3 * np.sin(13 * time))), -20)
        + _set_level(_coloured_noise(rng, samples, 0), -30),
        *(
            _clicks(rng, samples, rate) + _set_level(_coloured_noise(rng, samples, 1), -60)
            for rate in (1, 6, 30)
        ),
        *(
            _tone(time, hertz, -20) + _set_level(_coloured_noise(rng, samples, 0), -60)
            for hertz in (440, 3150)
        ),
        _set_level(_coloured_noise(rng, samples, 2) * np.exp(_modulation(rng, samples, 4)), -25),
        _set_level(_coloured_noise(rng, samples, -0.5) * (1 + 0.2 * _modulation(rng, samples, 2)), -30),
        _babble(rng, samples, voices),
    ]
    fade = np.minimum(1.0, np.minimum(time, time[::-1]) / FADE_S)
    return np.concatenate([kind * fade for kind in kinds]).astype(np.float32)


def _coloured_noise(rng: np.random.Generator, samples: int, slope: float) -> Doubles:
    spectrum = np.fft.rfft(rng.standard_normal(samples))
    frequency = np.fft.rfftfreq(samples, 1 / RATE_HZ)
    return np.fft.irfft(spectrum * np.maximum(frequency, 20.0) ** (-slope / 2) * (frequency > 0), samples)


def _modulation(rng: np.random.Generator, samples: int, hertz: float) -> Doubles:
    """Synthesise a slow random modulation of about ±1."""
    knots = rng.standard_normal(int(samples / RATE_HZ * hertz) + 3)
    return np.interp(np.linspace(0, len(knots) - 1, samples), np.arange(len(knots)), knots)


def _hum(rng: np.random.Generator, time: Doubles, hertz: float) -> Doubles:
    parts = [rng.uniform(0.2, 1) / k * np.sin(2 * np.pi * hertz * k * time + k) for k in range(1, 12)]
    return np.sum(parts, axis=0)


def _machine(time: Doubles) -> Doubles:
    parts = zip((118, 236, 353, 1180, 2350), (1, 0.7, 0.4, 0.3, 0.15), strict=True)
    tone = np.sum([level * np.sin(2 * np.pi * hertz * time) for hertz, level in parts], axis=0)
    return _set_level(tone * (1 + 0.2 * np.sin(19.5 * time)), -22)


def _clicks(rng: np.random.Generator, samples: int, rate: float) -> Doubles:
    strikes = (rng.random(samples) < rate / RATE_HZ) * rng.uniform(-1, 1, samples)
    burst = np.exp(-np.arange(400) / 40) * rng.standard_normal(400)
    return 0.2 * np.convolve(strikes, burst)[:samples]


def _babble(rng: np.random.Generator, samples: int, voices: Sequence[NDArray[np.float32]]) -> Doubles:
    """Mix sixteen voices that speak without a pause."""
    normalised = [voice / voice.std() for voice in voices]
    speakers = [
        np.concatenate(
            [normalised[n] for n in rng.integers(len(normalised), size=samples)[: samples // 8000 + 2]]
        )
        for _ in range(16)
    ]
    return _set_level(np.sum([np.resize(speaker, samples) for speaker in speakers], axis=0), -25)


def _tone(time: Doubles, hertz: float, level: float) -> Doubles:
    return _set_level(np.sin(2 * np.pi * hertz * time), level)


def _set_level(waveform: Doubles, level_dbfs: float) -> Doubles:
    return waveform / waveform.std() * 10 ** (level_dbfs / 20)
