"""One recording → what a microphone would hear if the same sound came again, as windows.

    every copy:         somewhere else in the window
    every second copy:  louder or softer, and over noise

A few recordings show a sound in a few places and rooms only. Copies of them, heard by the backbone like
recordings of their own, show what does not matter; and a correction, a single recording among hundreds,
would without them move that one window and not the same sound half a second later.
"""

import numpy as np

from edgecl.arrays import Windows
from edgecl.windows import pad_window, split_into_windows

AUGMENTATION_VERSION = 2
"""Raised whenever the same recording gives other variants."""

GAIN_DB = (-12.0, 6.0)
NOISE_DB = (-35.0, -10.0)  # against the sound
HANGING_OUT = 0.25  # of a short sound may lie outside its window, as where a stream is cut
SEED = 8_000


def make_copies_key(clip_sha256: str) -> str:
    """What the tokens of a clip's copies are kept under."""
    return f"{clip_sha256}:varied:{AUGMENTATION_VERSION}"


def augment(waveform: Windows, window_samples: int, copies: int) -> Windows:
    """Varied copies of the N windows of a clip [samples], float32 [copies · N, samples], copy after copy.

    The same clip gives the same copies on every machine, and the first of many are those of few.
    """
    rng = np.random.RandomState(SEED)  # numpy promises never to change its numbers
    short = waveform.size < window_samples
    sounds = [waveform] if short else list(split_into_windows(waveform, window_samples))
    varied = [
        (_noisy if copy % 2 else _placed)(sound, window_samples, rng)
        for copy in range(copies)
        for sound in sounds
    ]
    return np.stack(varied).astype(np.float32)


def _noisy(sound: Windows, window_samples: int, rng: "np.random.RandomState") -> Windows:
    """The sound in a window, louder or softer, over noise."""
    placed = _placed(sound * 10 ** (rng.uniform(*GAIN_DB) / 20), window_samples, rng)
    level = np.sqrt(3 * np.square(placed).mean()) * 10 ** (rng.uniform(*NOISE_DB) / 20)
    noisy: Windows = np.clip(placed + rng.uniform(-level, level, window_samples), -1, 1)
    return noisy


def _placed(sound: Windows, window_samples: int, rng: "np.random.RandomState") -> Windows:
    """The sound [≤ samples] anywhere in a window, [samples]; what hangs out is cut off."""
    out = int(HANGING_OUT * sound.size)
    start = rng.randint(-out, window_samples - sound.size + out + 1)
    head, tail = max(0, -start), max(0, start + sound.size - window_samples)
    kept = sound[head : sound.size - tail]
    return pad_window(kept, window_samples, max(0, start))
