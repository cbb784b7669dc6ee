"""The task `kitchen`: kettle whistle, knock, glass, pouring water.

Each function returns one dry variation, float64 [samples]; `rng` draws pitch and tempo.
"""

import numpy as np

from edgecl.arrays import Doubles
from tools.demo.waveforms import (
    RATE_HZ,
    Sound,
    count_samples,
    fade,
    frequency_sweep,
    mix,
    modal_synthesis,
    noise_band,
    times_s,
)


def kettle_whistle(rng: np.random.Generator) -> Doubles:
    """Synthesise boiling water under a whistle that rises in pitch and level, with a rougher second tone."""
    duration_s = rng.uniform(2.2, 2.8)
    time = times_s(duration_s)
    rise = 1 / (1 + np.exp(-(time / duration_s - rng.uniform(0.25, 0.4)) * 9))
    top_hz = rng.uniform(2300, 3000)
    flutter = 1 + 0.004 * np.sin(2 * np.pi * rng.uniform(5, 9) * time)
    whistle_hz = top_hz * (0.62 + 0.38 * rise) * flutter
    breath = 1 + 0.15 * noise_band(duration_s, 4, 40, rng)
    whistle = (
        frequency_sweep(whistle_hz)
        + 0.35 * frequency_sweep(1.19 * whistle_hz)
        + 0.12 * frequency_sweep(2 * whistle_hz)
    ) * breath
    steam = 0.22 * noise_band(duration_s, 1500, 6500, rng) * (0.2 + rise)
    boil = 0.18 * noise_band(duration_s, 120, 700, rng, tilt_db_per_octave=-3)
    return fade((0.06 + 0.94 * rise**1.5) * whistle + steam + boil, 0.05, 0.12)


def knock(rng: np.random.Generator) -> Doubles:
    """Synthesise three slightly uneven raps on wood: low, strongly damped modes and the knuckle's tap."""
    base_hz = rng.uniform(105, 190)
    gap_s = rng.uniform(0.17, 0.3)
    starts_s = np.cumsum([0.0, *(gap_s * rng.uniform(0.9, 1.1, size=2))])
    raps = [(start_s, rng.uniform(0.7, 1.0) * _rap(base_hz, rng)) for start_s in starts_s]
    return mix(float(starts_s[-1]) + 0.45, raps)


def _rap(base_hz: float, rng: np.random.Generator) -> Doubles:
    """Synthesise one rap on a wooden panel."""
    wood = [
        (1.0, 1.0, rng.uniform(0.035, 0.06)),
        (2.1, 0.7, 0.03),
        (3.7, 0.45, 0.018),
        (6.3, 0.25, 0.01),
    ]
    knuckle = 0.5 * fade(noise_band(0.02, 200, 2200, rng), 0.0005, 0.018)
    return mix(0.4, [(0.0, modal_synthesis(0.4, base_hz, wood, rng)), (0.0, knuckle)])


def glass(rng: np.random.Generator) -> Doubles:
    """Synthesise a clink: high inharmonic partials of a rim, often followed by a softer second touch."""
    base_hz = rng.uniform(1500, 2300)
    first = _rim(base_hz, rng)
    second = rng.uniform(0.3, 0.6) * _rim(base_hz * rng.uniform(1.04, 1.2), rng)
    touches = [(0.0, first), (rng.uniform(0.05, 0.16), second)]
    return mix(1.3, touches if rng.uniform() < 0.7 else touches[:1])


def _rim(base_hz: float, rng: np.random.Generator) -> Doubles:
    """Synthesise one touch of a glass; a ring's modes lie near 2² : 3² : 4²."""
    ring_s = rng.uniform(0.12, 0.32)
    modes = [
        (1.0, rng.uniform(0.5, 0.9), ring_s),
        (1.004, 0.4, ring_s),
        (1.83, 1.0, 0.8 * ring_s),
        (2.41, rng.uniform(0.4, 0.8), 0.6 * ring_s),
        (3.28, rng.uniform(0.3, 0.6), 0.4 * ring_s),
        (4.35, 0.3, 0.25 * ring_s),
    ]
    click = 0.8 * fade(noise_band(0.006, 3000, 7500, rng), 0.0003, 0.005)
    return mix(1.1, [(0.0, modal_synthesis(1.1, base_hz, modes, rng)), (0.0, click)])


def water_pour(rng: np.random.Generator) -> Doubles:
    """Synthesise water poured into a vessel: splashing noise, and bubbles of rising pitch as it fills."""
    duration_s = rng.uniform(2.2, 2.8)
    time = times_s(duration_s)
    splash = noise_band(duration_s, 350, 5000, rng, tilt_db_per_octave=-4)
    gurgle = 1 + 0.3 * noise_band(duration_s, 2, 14, rng)
    column_hz = rng.uniform(300, 480) * (1 + 0.9 * time / duration_s)
    column = frequency_sweep(column_hz * (1 + 0.02 * noise_band(duration_s, 3, 25, rng)))
    count = int(rng.uniform(55, 95) * duration_s)
    bubbles = mix(duration_s, (_bubble(duration_s, rng) for _ in range(count)))
    return fade(0.16 * splash * gurgle + 0.1 * column * gurgle + bubbles, 0.12, 0.2)


def _bubble(duration_s: float, rng: np.random.Generator) -> tuple[float, Doubles]:
    """Draw the start in seconds of a bubble and synthesise it: a short, rising sine."""
    start_s = rng.uniform(0, duration_s)
    frequency_hz = np.exp(rng.uniform(np.log(450), np.log(2400))) * (0.8 + 0.5 * start_s / duration_s)
    decay_s = 9 / frequency_hz
    age = np.arange(count_samples(5 * decay_s)) / RATE_HZ
    chirp = frequency_sweep(frequency_hz * (1 + 1.2 * age / (5 * decay_s)))
    return start_s, rng.uniform(0.08, 0.5) * fade(np.exp(-age / decay_s) * chirp, 0.001, 0.002)


SOUNDS: dict[str, Sound] = {
    "kettle_whistle": kettle_whistle,
    "knock": knock,
    "glass": glass,
    "water_pour": water_pour,
}
