"""One training window drawn from the clips: placed, mixed, coloured, reverberated, made quiet or loud.

Teacher and student hear the same augmented waveform, so an augmentation can be as rough as a real
microphone: the target stays true ("function matching").
"""

import numpy as np

from edgecl.audio.reader import SAMPLE_RATE_HZ as RATE_HZ
from export.distill.clips import Clips


class WindowSampler:
    """Draws windows; what it draws depends on the generator alone."""

    def __init__(self, clips: Clips, window_samples: int) -> None:
        self.clips = clips
        self.window = window_samples
        self.cumulative = np.cumsum(clips.weights())
        self.log_hz = np.log(np.maximum(np.fft.rfftfreq(window_samples, 1 / RATE_HZ), 20.0))

    def draw(self, rng: np.random.Generator) -> np.ndarray:
        """One augmented waveform float32 [window_samples] in −1…1."""
        window = self._placed(rng)
        if rng.random() < 0.4:
            for _ in range(rng.integers(1, 3)):
                window = mixed(window, self._placed(rng), rng.uniform(-6.0, 20.0))
        window = self._filtered(window, rng)
        if rng.random() < 0.25:
            window = mixed(window, coloured_noise(self.window, rng), rng.uniform(0.0, 40.0))
        if rng.random() < 0.5:
            window = window + level(rng.uniform(-80.0, -60.0)) * rng.standard_normal(self.window)
        peak = np.abs(window).max() + 1e-9
        gain = level(rng.uniform(-30.0, 0.0)) / peak if rng.random() < 0.7 else min(1.0, 1.0 / peak)
        return (window * gain).astype(np.float32)

    def _clip(self, rng: np.random.Generator) -> np.ndarray:
        index = int(np.searchsorted(self.cumulative, rng.random() * self.cumulative[-1]))
        clip = self.clips.waveform(min(index, len(self.clips) - 1))
        return at_speed(clip, _octaves(rng), 2 * self.window, rng)

    def _placed(self, rng: np.random.Generator) -> np.ndarray:
        clip = self._clip(rng)
        if len(clip) >= self.window:
            start = rng.integers(0, len(clip) - self.window + 1)
            return clip[start : start + self.window]
        kind = rng.random()
        if kind < 0.25:
            gap = np.zeros(rng.integers(0, self.window // 4), np.float32)
            clip = np.concatenate([clip, gap, self._clip(rng)])
        elif kind < 0.35:
            clip = np.tile(clip, 1 + self.window // max(len(clip), 1))
        if len(clip) >= self.window:
            return clip[: self.window]
        window = np.zeros(self.window, np.float32)
        start = rng.integers(0, self.window - len(clip) + 1)
        window[start : start + len(clip)] = clip
        return window

    def _filtered(self, window: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        equalised, room = rng.random() < 0.5, rng.random() < 0.2
        if not (equalised or room):
            return window
        spectrum = np.fft.rfft(window)
        if equalised:
            spectrum = spectrum * self._equaliser(rng)
        if room:
            spectrum = spectrum * np.fft.rfft(room_response(self.window, rng))
        return np.fft.irfft(spectrum, self.window)

    def _equaliser(self, rng: np.random.Generator) -> np.ndarray:
        knots = np.linspace(np.log(20.0), np.log(RATE_HZ / 2), 8)
        decibels = np.interp(self.log_hz, knots, rng.normal(0.0, 5.0, 8))
        if rng.random() < 0.3:  # telephone and cheap microphones
            cut = np.log(rng.uniform(1500.0, 7000.0))
            decibels -= 24.0 / np.log(2.0) * np.maximum(self.log_hz - cut, 0.0)
        if rng.random() < 0.3:
            cut = np.log(rng.uniform(50.0, 400.0))
            decibels -= 12.0 / np.log(2.0) * np.maximum(cut - self.log_hz, 0.0)
        return level(decibels)


def level(decibels: "float | np.ndarray") -> np.ndarray:
    """Amplitude of a level in dB."""
    return np.power(10.0, np.asarray(decibels) / 20.0)


def _octaves(rng: np.random.Generator) -> float:
    kind = rng.random()
    if kind < 0.60:
        return rng.uniform(-0.5, 0.5)
    return rng.uniform(-1.0, 1.0) if kind < 0.75 else 0.0


def at_speed(clip: np.ndarray, octaves: float, most: int, rng: np.random.Generator) -> np.ndarray:
    """At most `most` samples of a clip played 2^octaves times faster (pitch and tempo together)."""
    speed = 2.0**octaves
    needed = int(most * speed)
    if len(clip) > needed:
        start = rng.integers(0, len(clip) - needed + 1)
        clip = clip[start : start + needed]
    if octaves == 0.0:
        return clip
    times = np.arange(max(1, int(len(clip) / speed))) * speed
    return np.interp(times, np.arange(len(clip)), clip).astype(np.float32)


def mixed(window: np.ndarray, other: np.ndarray, ratio_db: float) -> np.ndarray:
    """`window` plus `other`, whose power lies `ratio_db` below it."""
    power, other_power = np.mean(window**2) + 1e-10, np.mean(other**2) + 1e-10
    return window + other * (np.sqrt(power / other_power) * level(-ratio_db))


def coloured_noise(samples: int, rng: np.random.Generator) -> np.ndarray:
    """Noise [samples] with a spectrum between white and brown."""
    spectrum = np.fft.rfft(rng.standard_normal(samples))
    tilt = np.arange(1, len(spectrum) + 1) ** (-0.5 * rng.uniform(0.0, 2.0))
    return np.fft.irfft(spectrum * tilt, samples)


def room_response(samples: int, rng: np.random.Generator) -> np.ndarray:
    """Impulse response [samples]: the direct sound, then exponentially decaying noise."""
    decay_s = rng.uniform(0.1, 0.8)
    time_s = np.arange(samples) / RATE_HZ
    tail = rng.standard_normal(samples) * np.exp(-6.9 * time_s / decay_s)
    tail *= rng.uniform(0.2, 1.0) / (np.sqrt(np.sum(tail**2)) + 1e-9)
    tail[0] = 1.0
    return tail
