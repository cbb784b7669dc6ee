"""Augmentation at enrolment: copies of a recording as windows, each varied at random.

    every copy:         at a random position in the window
    every second copy:  at a random level, with white noise added

Few recordings contain a sound only at few positions and levels; copies train a task to ignore both.
"""

import numpy as np

from edgecl.arrays import Waveform, Windows
from edgecl.windows import pad_window, split_into_windows

AUGMENTATION_VERSION = 2
"""Increased whenever the same recording gives other copies."""

GAIN_RANGE_DB = (-12.0, 6.0)
NOISE_RANGE_DB = (-35.0, -10.0)  # relative to the sound
MAX_CUT_SHARE = 0.25  # of a short sound may lie outside its window, as at the edges of a stream's windows
SEED = 8_000


def make_copies_key(clip_sha256: str) -> str:
    """Return the key of the tokens of a clip's copies in the token cache."""
    return f"{clip_sha256}:varied:{AUGMENTATION_VERSION}"


def augment(waveform: Waveform, window_samples: int, copies: int) -> Windows:
    """Make varied copies of the N windows of a clip.

    The same clip gives the same copies on every machine, and fewer copies are the first of more.

    Args:
        waveform: The clip, [samples].
        window_samples: The length of a window.
        copies: The number of copies of each window.

    Returns:
        [copies · N, window_samples], copy after copy.
    """
    rng = np.random.RandomState(SEED)  # numpy never changes RandomState's numbers
    is_short = waveform.size < window_samples
    sounds = [waveform] if is_short else list(split_into_windows(waveform, window_samples))
    varied = [
        (_place_in_noise if copy % 2 else _place)(sound, window_samples, rng)
        for copy in range(copies)
        for sound in sounds
    ]
    return np.stack(varied).astype(np.float32)


def _place_in_noise(sound: Waveform, window_samples: int, rng: "np.random.RandomState") -> Waveform:
    """Place a sound in a window at a random level and add white noise."""
    placed = _place(sound * 10 ** (rng.uniform(*GAIN_RANGE_DB) / 20), window_samples, rng)
    amplitude = np.sqrt(3 * np.square(placed).mean()) * 10 ** (rng.uniform(*NOISE_RANGE_DB) / 20)
    noisy: Waveform = np.clip(placed + rng.uniform(-amplitude, amplitude, window_samples), -1, 1)
    return noisy


def _place(sound: Waveform, window_samples: int, rng: "np.random.RandomState") -> Waveform:
    """Place a sound at a random position in a window [window_samples] and cut off what lies outside."""
    max_cut = int(MAX_CUT_SHARE * sound.size)
    start = rng.randint(-max_cut, window_samples - sound.size + max_cut + 1)
    head, tail = max(0, -start), max(0, start + sound.size - window_samples)
    return pad_window(sound[head : sound.size - tail], window_samples, max(0, start))
