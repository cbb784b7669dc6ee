"""What a room does to a window: reverberation, a microphone, noise, distance.

The student processes the window as a room changes it, the teacher the clean one: the student learns to be
indifferent to the room. Noise runs through the whole window, as in a stream.
"""

import numpy as np

from edgecl.audio.reader import SAMPLE_RATE_HZ as RATE_HZ
from edgecl.augmentation.channel import draw_equaliser, draw_telephone_band
from edgecl.augmentation.room import DIRECT_TO_REVERBERANT_DB, draw_room_response

from .augment import amplitude, make_coloured_noise, scale_peak
from .clips import Clips

ROOM_SHARE, EQUALISER_SHARE, TELEPHONE_SHARE, NOISE_SHARE = 0.5, 0.5, 0.25, 0.8
SNR_DB = (0.0, 30.0)  # to the power of the window's loudest tenth
LEVEL_DBFS = (-40.0, 0.0)  # of the peak
MAX_TALKERS = 8
COLUMN_SAMPLES = RATE_HZ // 10
LEAST_POWER = 1e-9  # of a window; below it is silence, and noise is added at −90 dBFS and above


class RoomSampler:
    """Draws what a room makes of a window; the result depends on the window and the generator only."""

    def __init__(self, clips: Clips, backgrounds: Clips, responses: Clips, window_samples: int) -> None:
        """Keep the sounds that rooms are made from.

        Args:
            clips: sounds that interfere.
            backgrounds: recorded noise.
            responses: measured impulse responses of rooms.
            window_samples: length of a window.
        """
        self._clips, self._backgrounds, self._responses = clips, backgrounds, responses
        self._window = window_samples
        self._spectrum_hz = np.fft.rfftfreq(2 * window_samples, 1 / RATE_HZ)
        self._by_source = [np.flatnonzero(clips.sources == source) for source in np.unique(clips.sources)]

    def change(self, window: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return a window, float32 [window_samples], as a room changes it."""
        changed = self._filter(window, rng)
        if rng.random() < NOISE_SHARE:
            noise = self.draw_noise(rng)
            changed = changed + noise * _noise_gain(changed, noise, rng.uniform(*SNR_DB))
        return scale_peak(changed, rng.uniform(*LEVEL_DBFS))

    def draw_noise(self, rng: np.random.Generator, least_talkers: int = 1) -> np.ndarray:
        """Draw noise, [window_samples]: coloured, recorded, or some sounds of one source at once."""
        kind = rng.integers(3)
        if kind == 0:
            return make_coloured_noise(self._window, rng)
        return self._draw_background(rng) if kind == 1 else self._draw_babble(rng, least_talkers)

    def _filter(self, window: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Apply a room, a microphone's frequency response and a telephone band, each at random."""
        spectrum = np.fft.rfft(window, 2 * self._window)  # the tail does not wrap around
        if rng.random() < ROOM_SHARE:
            spectrum = spectrum * np.fft.rfft(self._draw_response(rng), 2 * self._window)
        if rng.random() < EQUALISER_SHARE:
            spectrum = spectrum * draw_equaliser(rng, self._spectrum_hz)
        if rng.random() < TELEPHONE_SHARE:
            spectrum = spectrum * draw_telephone_band(rng, self._spectrum_hz)
        return np.fft.irfft(spectrum, 2 * self._window)[: self._window]

    def _draw_response(self, rng: np.random.Generator) -> np.ndarray:
        """Return the response of a synthetic room, or of a measured one at a random level of its tail."""
        if rng.random() < 0.5:
            return draw_room_response(rng, RATE_HZ)
        response = self._responses.load_waveform(rng.integers(len(self._responses)))[: self._window]
        tail = response[int(np.abs(response).argmax()) + 1 :]
        energy = np.sqrt(np.square(tail).sum()) + 1e-9
        tail = tail * (amplitude(-rng.uniform(*DIRECT_TO_REVERBERANT_DB)) / energy)
        return np.concatenate([[1.0], tail])

    def _draw_background(self, rng: np.random.Generator) -> np.ndarray:
        """Return a random piece of recorded noise."""
        return self._cut(self._backgrounds.load_waveform(rng.integers(len(self._backgrounds))), rng)

    def _draw_babble(self, rng: np.random.Generator, least_talkers: int) -> np.ndarray:
        """Return the sum of up to eight sounds of one source, such as talkers of one language."""
        candidates = self._by_source[rng.integers(len(self._by_source))]
        chosen = rng.choice(candidates, rng.integers(least_talkers, MAX_TALKERS + 1))
        talkers = [self._cut(self._clips.load_waveform(index), rng) for index in chosen]
        return np.sum(
            [talker / np.sqrt(np.square(talker).mean() + LEAST_POWER) for talker in talkers], axis=0
        )

    def _cut(self, waveform: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return a random piece [window_samples] of a waveform, which is repeated if it is shorter."""
        repeated = np.tile(waveform, 1 + self._window // len(waveform))
        start = rng.integers(0, len(repeated) - self._window + 1)
        return repeated[start : start + self._window]


def _noise_gain(window: np.ndarray, noise: np.ndarray, snr_db: float) -> float:
    """Return the factor that brings noise to a level below the loud part of a window."""
    loud, power = _loud_power(window), float(np.square(noise).mean())
    return float(np.sqrt(max(loud, LEAST_POWER) / max(power, LEAST_POWER)) * amplitude(-snr_db))


def _loud_power(window: np.ndarray) -> float:
    """Return the power of the loudest tenth of a window, in columns of 100 ms."""
    columns = np.square(window[: len(window) // COLUMN_SAMPLES * COLUMN_SAMPLES]).reshape(-1, COLUMN_SAMPLES)
    powers = np.sort(columns.mean(1))
    return float(powers[-max(1, len(powers) // 10) :].mean())
