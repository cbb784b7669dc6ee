"""What rooms sound like when nothing happens in them: made otherwise than the noises in `edgecl.noise`."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edgecl.arrays import Doubles

RATE_HZ = 16000
FADE_S = 0.5  # so that nothing bangs where one kind ends and the next begins


def room_tones(seconds: float, voices: Sequence[NDArray[np.float32]], seed: int = 77) -> NDArray[np.float32]:
    """Thirty kinds of noise and room tone one after the other, each for so long.

    Args:
        voices: clips of speech, for the babble of many of them at once.
    """
    rng = np.random.default_rng(seed)
    samples = round(seconds * RATE_HZ)
    time = np.arange(samples) / RATE_HZ
    colours = [(slope, level) for slope in (0, 1, 2, -1, -2) for level in (-60, -35, -15)]
    hums = [_hum(rng, time, hertz) + _level(_colour(rng, samples, 1), -55) for hertz in (50, 60)]
    kinds = [
        *(_level(_colour(rng, samples, slope), level) for slope, level in colours),
        *(_level(hum, level) for hum, level in zip(hums, (-30, -12), strict=True)),
        _level(_colour(rng, samples, 0), -70),
        np.zeros(samples),
        _level(_colour(rng, samples, 1.5) * (1 + 0.3 * np.sin(44 * time)), -30) + _tone(time, 187, -45),
        _machine(time) + _level(_colour(rng, samples, 1), -38),
        _level(_colour(rng, samples, 2), -40) + _level(_hum(rng, time, 100), -40),
        _level(np.sign(np.sin(609 * time + 0.3 * np.sin(13 * time))), -20)
        + _level(_colour(rng, samples, 0), -30),
        *(_clicks(rng, samples, rate) + _level(_colour(rng, samples, 1), -60) for rate in (1, 6, 30)),
        *(_tone(time, hertz, -20) + _level(_colour(rng, samples, 0), -60) for hertz in (440, 3150)),
        _level(_colour(rng, samples, 2) * np.exp(_slow(rng, samples, 4)), -25),
        _level(_colour(rng, samples, -0.5) * (1 + 0.2 * _slow(rng, samples, 2)), -30),
        _babble(rng, samples, voices),
    ]
    fade = np.minimum(1.0, np.minimum(time, time[::-1]) / FADE_S)
    return np.concatenate([kind * fade for kind in kinds]).astype(np.float32)


def _colour(rng: np.random.Generator, samples: int, slope: float) -> Doubles:
    spectrum = np.fft.rfft(rng.standard_normal(samples))
    frequency = np.fft.rfftfreq(samples, 1 / RATE_HZ)
    return np.fft.irfft(spectrum * np.maximum(frequency, 20.0) ** (-slope / 2) * (frequency > 0), samples)


def _slow(rng: np.random.Generator, samples: int, hertz: float) -> Doubles:
    """A random swell, about ±1."""
    knots = rng.standard_normal(int(samples / RATE_HZ * hertz) + 3)
    return np.interp(np.linspace(0, len(knots) - 1, samples), np.arange(len(knots)), knots)


def _hum(rng: np.random.Generator, time: Doubles, hertz: float) -> Doubles:
    parts = [rng.uniform(0.2, 1) / k * np.sin(2 * np.pi * hertz * k * time + k) for k in range(1, 12)]
    return np.sum(parts, axis=0)


def _machine(time: Doubles) -> Doubles:
    parts = zip((118, 236, 353, 1180, 2350), (1, 0.7, 0.4, 0.3, 0.15), strict=True)
    tone = np.sum([loud * np.sin(2 * np.pi * hertz * time) for hertz, loud in parts], axis=0)
    return _level(tone * (1 + 0.2 * np.sin(19.5 * time)), -22)


def _clicks(rng: np.random.Generator, samples: int, rate: float) -> Doubles:
    strikes = (rng.random(samples) < rate / RATE_HZ) * rng.uniform(-1, 1, samples)
    burst = np.exp(-np.arange(400) / 40) * rng.standard_normal(400)
    return 0.2 * np.convolve(strikes, burst)[:samples]


def _babble(rng: np.random.Generator, samples: int, voices: Sequence[NDArray[np.float32]]) -> Doubles:
    """Sixteen people talking without a pause."""
    spoken = [voice / voice.std() for voice in voices]
    sixteenth = [
        np.concatenate([spoken[n] for n in rng.integers(len(spoken), size=samples)[: samples // 8000 + 2]])
        for _ in range(16)
    ]
    return _level(np.sum([np.resize(people, samples) for people in sixteenth], axis=0), -25)


def _tone(time: Doubles, hertz: float, level: float) -> Doubles:
    return _level(np.sin(2 * np.pi * hertz * time), level)


def _level(waveform: Doubles, level_dbfs: float) -> Doubles:
    return waveform / waveform.std() * 10 ** (level_dbfs / 20)
