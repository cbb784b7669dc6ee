"""Pairs of windows: a sound in silence, and the same sound over noise."""

from dataclasses import dataclass

import numpy as np

from edgecl.arrays import Floats
from edgecl.audio.reader import SAMPLE_RATE_HZ
from edgecl.noise import generate_coloured_noise
from export.distill.augment import WindowSampler, amplitude, mix
from export.distill.clips import Clips

MAX_TALKERS = 8
SHIFTED = 0.3  # share of the sounds that begin before the window or end after it
FAINT = 0.2  # share of the windows with a microphone's noise only
SNR_DB, FAINT_SNR_DB = (0.0, 30.0), (30.0, 60.0)
LEVEL_DBFS = (-60.0, 0.0)


@dataclass(frozen=True)
class NoisyWindows:
    """Draws pairs of windows; the result depends on the random generator only.

    A third each of the noises is synthetic, recorded, or babble of one to eight talkers.
    """

    sounds: WindowSampler
    noises: Clips
    speech: Clips

    def draw(self, rng: np.random.Generator) -> tuple[Floats, Floats]:
        """Draw a clean and a noisy window, float32 [samples] each; only the noisy one has a level."""
        clean = self.sounds.draw_clean(rng)
        if rng.random() < SHIFTED:
            clean = _shift(clean, int(rng.integers(-len(clean) // 2, len(clean) // 2)))
        if rng.random() < FAINT:
            noisy = mix(
                clean, generate_coloured_noise(rng, len(clean), SAMPLE_RATE_HZ), rng.uniform(*FAINT_SNR_DB)
            )
        else:
            noisy = mix(clean, self._draw_noise(rng, len(clean)), rng.uniform(*SNR_DB))
        gain = amplitude(rng.uniform(*LEVEL_DBFS)) / (np.abs(noisy).max() + 1e-9)
        return clean.astype(np.float32), (noisy * gain).astype(np.float32)

    def _draw_noise(self, rng: np.random.Generator, samples: int) -> np.ndarray:
        kind = rng.integers(3)
        if kind == 0:
            return generate_coloured_noise(rng, samples, SAMPLE_RATE_HZ)
        if kind == 1:
            return _draw_loop(self.noises, rng, samples)
        talkers = [_draw_loop(self.speech, rng, samples) for _ in range(rng.integers(1, MAX_TALKERS + 1))]
        return np.sum([talker / (talker.std() + 1e-6) for talker in talkers], axis=0)


def _shift(window: np.ndarray, samples: int) -> np.ndarray:
    """Move a window [samples] in time, to the right if `samples` is positive, with silence behind it."""
    moved = np.zeros_like(window)
    if samples >= 0:
        moved[samples:] = window[: len(window) - samples]
    else:
        moved[:samples] = window[-samples:]
    return moved


def _draw_loop(clips: Clips, rng: np.random.Generator, samples: int) -> np.ndarray:
    """Return [samples] of a random clip, repeated where it is shorter, from a random place."""
    clip = clips.load_waveform(int(rng.integers(len(clips))))
    start = int(rng.integers(len(clip)))
    return np.take(clip, np.arange(start, start + samples), mode="wrap")
