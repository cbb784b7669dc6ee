"""The task `alarms`: doorbell, smoke alarm, kitchen timer, siren.

Each function returns one dry variation, float64 [samples]; `rng` draws pitch and tempo.
"""

import numpy as np

from edgecl.arrays import Doubles
from tools.demo.waveforms import (
    Sound,
    beep,
    fade,
    frequency_sweep,
    mix,
    modal_synthesis,
    noise_band,
    times_s,
)


def doorbell(rng: np.random.Generator) -> Doubles:
    """Synthesise a doorbell: two struck chime bars, the second a major third lower."""
    ding_hz = rng.uniform(590, 790)
    gap_s = rng.uniform(0.42, 0.68)
    ring_s = rng.uniform(0.35, 0.7)
    ding = _chime(ding_hz, ring_s, rng)
    dong = _chime(ding_hz * 2 ** (-4 / 12), 1.2 * ring_s, rng)
    return mix(gap_s + 1.5, [(0.0, ding), (gap_s, dong)])


def _chime(base_hz: float, ring_s: float, rng: np.random.Generator) -> Doubles:
    """Synthesise a chime bar: a slightly beating fundamental, stretched overtones, the hammer's tap."""
    beating = 1 + rng.uniform(0.0008, 0.002)
    partials = [
        (1.0, 1.0, ring_s),
        (beating, 0.5, ring_s),
        (2.0, 0.22, 0.6 * ring_s),
        (2.76, rng.uniform(0.2, 0.4), 0.45 * ring_s),
        (5.40, rng.uniform(0.08, 0.2), 0.16 * ring_s),
        (8.93, 0.06, 0.07 * ring_s),
    ]
    tap = 0.25 * fade(noise_band(0.012, 1500, 6000, rng), 0.0005, 0.01)
    return mix(1.5, [(0.0, modal_synthesis(1.5, base_hz, partials, rng)), (0.0, tap)])


def smoke_alarm(rng: np.random.Generator) -> Doubles:
    """Synthesise the temporal-three pattern: three half-second piezo beeps near 3.1 kHz."""
    frequency_hz = rng.uniform(2950, 3300)
    on_s = 0.5 * rng.uniform(0.9, 1.1)
    levels = (1.0, rng.uniform(0.08, 0.25))
    beeps = [(k * 2 * on_s, beep(on_s, frequency_hz, levels)) for k in range(3)]
    return mix(5 * on_s + 0.1, beeps)


def timer(rng: np.random.Generator) -> Doubles:
    """Synthesise a kitchen timer: groups of four rapid beeps with a short pause between groups."""
    frequency_hz = rng.uniform(1850, 2250)
    step_s = rng.uniform(0.11, 0.14)
    group_s = 4 * step_s + rng.uniform(0.28, 0.42)
    one = beep(0.55 * step_s, frequency_hz, (1.0, 0.05, rng.uniform(0.2, 0.4)))
    starts_s = [group * group_s + k * step_s for group in range(3) for k in range(4)]
    return mix(3 * group_s, [(start_s, one) for start_s in starts_s])


def siren(rng: np.random.Generator) -> Doubles:
    """Synthesise a siren: a harmonic tone that oscillates between a low and a high pitch."""
    duration_s = rng.uniform(2.4, 3.0)
    low_hz, high_hz = rng.uniform(450, 620), rng.uniform(1100, 1450)
    period_s = rng.uniform(1.1, 1.7)
    turn = 2 * np.pi * (times_s(duration_s) / period_s + rng.uniform())
    frequency_hz = low_hz * (high_hz / low_hz) ** (0.5 - 0.5 * np.cos(turn))
    horn = np.zeros_like(turn)
    for harmonic in range(1, 6):
        horn += harmonic**-1.3 * frequency_sweep(harmonic * frequency_hz)
    return fade(horn, 0.08, 0.15)


SOUNDS: dict[str, Sound] = {"doorbell": doorbell, "smoke_alarm": smoke_alarm, "timer": timer, "siren": siren}
