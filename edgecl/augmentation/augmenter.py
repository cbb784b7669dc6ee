"""Makes the augmented copies of a clip: which effects a copy gets, and how strong each one is."""

import zlib
from dataclasses import dataclass

import numpy as np

from edgecl.arrays import Doubles, Floating, Waveform, Windows
from edgecl.augmentation.channel import draw_equaliser, draw_telephone_band, filter_spectrum
from edgecl.augmentation.noise_bank import NoiseBank
from edgecl.augmentation.placement import place_at_random
from edgecl.augmentation.room import draw_room_response, reverberate
from edgecl.noise import generate_noise
from edgecl.windows import split_into_windows

ROOM_SHARE = 0.5
NOISE_SHARE = 0.8
EQUALISER_SHARE = 0.5
TELEPHONE_SHARE = 0.25
"""Shares of the copies that get an effect."""

SYNTHETIC_SHARE = 1 / 3
"""Share of the noises that are synthetic; the others come from the bank, where there is one."""

SNR_RANGE_DB = (0.0, 30.0)
GAIN_RANGE_DB = (-12.0, 6.0)


@dataclass(frozen=True)
class Augmenter:
    """Makes copies of clips for the windows of one backbone."""

    window_samples: int
    rate_hz: int
    bank: NoiseBank | None = None  # None: all noise is synthetic

    def augment(self, waveform: Waveform, copies: int) -> Windows:
        """Make varied copies of the N windows of a clip.

        The same clip gives the same copies, and fewer copies are the first of more.

        Args:
            waveform: The clip, [samples].
            copies: The number of copies of each window.

        Returns:
            [copies · N, window_samples], copy after copy.
        """
        is_short = waveform.size < self.window_samples
        sounds = [waveform] if is_short else list(split_into_windows(waveform, self.window_samples))
        clip = zlib.crc32(waveform.tobytes())
        varied = [
            self._vary(sound, np.random.default_rng([clip, copy, number]))
            for copy in range(copies)
            for number, sound in enumerate(sounds)
        ]
        return np.stack(varied)

    def _vary(self, sound: Waveform, rng: np.random.Generator) -> Waveform:
        """Vary the sound of one window, [window_samples]."""
        window: Floating = place_at_random(sound, self.window_samples, rng)
        level = _measure_rms(sound)
        if rng.random() < ROOM_SHARE:
            window = reverberate(window, draw_room_response(rng, self.rate_hz))
        if rng.random() < NOISE_SHARE:
            window = window + self._draw_noise(rng, level)
        window = self._pass_channel(window, rng) * 10 ** (rng.uniform(*GAIN_RANGE_DB) / 20)
        return np.clip(window, -1.0, 1.0).astype(np.float32)

    def _draw_noise(self, rng: np.random.Generator, sound_rms: float) -> Doubles:
        """Draw background noise for a whole window, below the level of the sound."""
        if self.bank is None or rng.random() < SYNTHETIC_SHARE:
            noise = generate_noise(rng, self.window_samples, self.rate_hz)
        else:
            noise = self.bank.draw(rng, self.window_samples)
        return noise * (sound_rms * 10 ** (-rng.uniform(*SNR_RANGE_DB) / 20))

    def _pass_channel(self, window: Floating, rng: np.random.Generator) -> Floating:
        """Filter a window like another microphone, a telephone, or both."""
        frequencies_hz = np.fft.rfftfreq(self.window_samples, 1 / self.rate_hz)
        gains = []
        if rng.random() < EQUALISER_SHARE:
            gains.append(draw_equaliser(rng, frequencies_hz))
        if rng.random() < TELEPHONE_SHARE:
            gains.append(draw_telephone_band(rng, frequencies_hz))
        return filter_spectrum(window, np.prod(gains, axis=0)) if gains else window


def _measure_rms(waveform: Waveform) -> float:
    """Return the RMS level of a sound without its DC."""
    return float(waveform.std(dtype=np.float64))
