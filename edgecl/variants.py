"""One recording → what a microphone would hear if the same sound came again, as windows.

    somewhere else in the window ─► louder or softer ─► over noise

A correction is a single recording among hundreds that taught the task. Alone it moves little, and what it
moves is that one window: the same sound half a second later would be taken for the wrong thing again.
"""

import numpy as np

from edgecl.windows import Windows, clip_windows, padded

VARIANTS_VERSION = 1
"""Raised whenever the same recording gives other variants."""

COPIES = 8
"""Of each window of the recording."""

GAIN_DB = (-12.0, 6.0)
NOISE_DB = (-35.0, -10.0)  # against the sound
HANGING_OUT = 0.25  # of a short sound may lie outside its window, as where a stream is cut
SEED = 8_000


def variants(waveform: Windows, window_samples: int) -> Windows:
    """The windows of a clip [samples] as they are, then copies of each, float32 [(1 + COPIES) · N, samples].

    The same clip gives the same windows on every machine.
    """
    rng = np.random.RandomState(SEED)  # numpy promises never to change its numbers
    windows = clip_windows(waveform, window_samples)
    sounds = [waveform] if waveform.size < window_samples else list(windows)
    copies = [_varied(sound, window_samples, rng) for sound in sounds for _ in range(COPIES)]
    return np.concatenate([windows, np.stack(copies)])


def _varied(sound: Windows, window_samples: int, rng: np.random.RandomState) -> Windows:
    placed = _placed(sound * 10 ** (rng.uniform(*GAIN_DB) / 20), window_samples, rng)
    level = np.sqrt(3 * np.square(placed).mean()) * 10 ** (rng.uniform(*NOISE_DB) / 20)
    noisy = placed + rng.uniform(-level, level, window_samples)
    return np.clip(noisy, -1, 1).astype(np.float32)


def _placed(sound: Windows, window_samples: int, rng: np.random.RandomState) -> Windows:
    """The sound [≤ samples] anywhere in a window, [samples]; what hangs out is cut off."""
    out = int(HANGING_OUT * sound.size)
    start = rng.randint(-out, window_samples - sound.size + out + 1)
    head, tail = max(0, -start), max(0, start + sound.size - window_samples)
    kept = sound[head : sound.size - tail]
    return padded(kept, window_samples, max(0, start))
