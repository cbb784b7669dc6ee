"""Augmentation of training windows: placement, speed, mixing, equalisation, rooms, noise and level.

Teacher and student process the same augmented waveform ("function matching"), so the target stays valid even
under strong augmentation.
"""

import numpy as np

from edgecl.audio.reader import SAMPLE_RATE_HZ as RATE_HZ

from .clips import Clips

SLIGHT_OCTAVES = 0.2  # of a clip that stays what it is


class WindowSampler:
    """Draws augmented windows; the result depends on the random generator only."""

    def __init__(self, clips: Clips, window_samples: int) -> None:
        self.clips = clips
        self.window = window_samples
        self.cumulative = np.cumsum(clips.probabilities())
        self.log_hz = np.log(np.maximum(np.fft.rfftfreq(window_samples, 1 / RATE_HZ), 20.0))

    def draw(self, rng: np.random.Generator) -> np.ndarray:
        """Draw one augmented waveform, float32 [window_samples] in −1…1."""
        window = self._draw_placed_clip(rng)
        if rng.random() < 0.4:
            for _ in range(rng.integers(1, 3)):
                window = mix(window, self._draw_placed_clip(rng), rng.uniform(-6.0, 20.0))
        window = self._filter(window, rng)
        if rng.random() < 0.25:
            window = mix(window, make_coloured_noise(self.window, rng), rng.uniform(0.0, 40.0))
        if rng.random() < 0.5:
            window = window + amplitude(rng.uniform(-80.0, -60.0)) * rng.standard_normal(self.window)
        peak = np.abs(window).max() + 1e-9
        gain = amplitude(rng.uniform(-30.0, 0.0)) / peak if rng.random() < 0.7 else min(1.0, 1.0 / peak)
        return (window * gain).astype(np.float32)

    def draw_clean(self, rng: np.random.Generator) -> np.ndarray:
        """Draw one sound [window_samples] at a random place in silence, equalised or in a room."""
        return self._filter(self._draw_placed_clip(rng), rng)

    def draw_alone(
        self, clip: np.ndarray, rng: np.random.Generator, max_octaves: float = SLIGHT_OCTAVES
    ) -> np.ndarray:
        """Return a clip [samples] alone at a random place and level, as float32 [window_samples] in −1…1.

        It is played up to `max_octaves` faster or slower, and equalised or in a room.
        """
        octaves = rng.uniform(-max_octaves, max_octaves)
        clip = change_speed(clip.astype(np.float32), octaves, 2 * self.window, rng)
        start = rng.integers(0, max(0, len(clip) - self.window) + 1)
        window = self._filter(self._place(clip[start : start + self.window], rng), rng)
        return scale_peak(window, rng.uniform(-30.0, 0.0))

    def _draw_clip(self, rng: np.random.Generator) -> np.ndarray:
        index = int(np.searchsorted(self.cumulative, rng.random() * self.cumulative[-1]))
        clip = self.clips.load_waveform(min(index, len(self.clips) - 1))
        return change_speed(clip, _draw_octaves(rng), 2 * self.window, rng)

    def _draw_placed_clip(self, rng: np.random.Generator) -> np.ndarray:
        """Return a window [window_samples] with a clip at a random place."""
        clip = self._draw_clip(rng)
        if len(clip) >= self.window:
            start = rng.integers(0, len(clip) - self.window + 1)
            return clip[start : start + self.window]
        kind = rng.random()
        if kind < 0.25:
            gap = np.zeros(rng.integers(0, self.window // 4), np.float32)
            clip = np.concatenate([clip, gap, self._draw_clip(rng)])
        elif kind < 0.35:
            clip = np.tile(clip, 1 + self.window // max(len(clip), 1))
        return self._place(clip[: self.window], rng)

    def _place(self, clip: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return a window with a clip that is no longer than it at a random place."""
        window = np.zeros(self.window, np.float32)
        start = rng.integers(0, self.window - len(clip) + 1)
        window[start : start + len(clip)] = clip
        return window

    def _filter(self, window: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Apply a random equaliser, a random room, both or neither."""
        equaliser, room = rng.random() < 0.5, rng.random() < 0.2
        if not (equaliser or room):
            return window
        spectrum = np.fft.rfft(window)
        if equaliser:
            spectrum = spectrum * self._draw_equaliser(rng)
        if room:
            spectrum = spectrum * np.fft.rfft(make_room_response(self.window, rng))
        return np.fft.irfft(spectrum, self.window)

    def _draw_equaliser(self, rng: np.random.Generator) -> np.ndarray:
        """Return the gain of each frequency."""
        knots = np.linspace(np.log(20.0), np.log(RATE_HZ / 2), 8)
        decibels = np.interp(self.log_hz, knots, rng.normal(0.0, 5.0, 8))
        if rng.random() < 0.3:  # telephones and cheap microphones
            cut = np.log(rng.uniform(1500.0, 7000.0))
            decibels -= 24.0 / np.log(2.0) * np.maximum(self.log_hz - cut, 0.0)
        if rng.random() < 0.3:
            cut = np.log(rng.uniform(50.0, 400.0))
            decibels -= 12.0 / np.log(2.0) * np.maximum(cut - self.log_hz, 0.0)
        return amplitude(decibels)


def amplitude(decibels: "float | np.ndarray") -> np.ndarray:
    """Return the amplitude of a level in dB."""
    return np.power(10.0, np.asarray(decibels) / 20.0)


def scale_peak(window: np.ndarray, level_dbfs: float) -> np.ndarray:
    """Return a window, float32 [samples], with its peak at a level."""
    peak = np.abs(window).max() + 1e-9
    return (window * (amplitude(level_dbfs) / peak)).astype(np.float32)


def _draw_octaves(rng: np.random.Generator) -> float:
    kind = rng.random()
    if kind < 0.60:
        return rng.uniform(-0.5, 0.5)
    return rng.uniform(-1.0, 1.0) if kind < 0.75 else 0.0


def change_speed(clip: np.ndarray, octaves: float, max_samples: int, rng: np.random.Generator) -> np.ndarray:
    """Play a clip 2^octaves times faster (pitch and tempo); return at most `max_samples` samples."""
    speed = 2.0**octaves
    needed = int(max_samples * speed)
    if len(clip) > needed:
        start = rng.integers(0, len(clip) - needed + 1)
        clip = clip[start : start + needed]
    if octaves == 0.0:
        return clip
    times = np.arange(max(1, int(len(clip) / speed))) * speed
    return np.interp(times, np.arange(len(clip)), clip).astype(np.float32)


def mix(window: np.ndarray, other: np.ndarray, ratio_db: float) -> np.ndarray:
    """Add `other` to `window`, with a power `ratio_db` below the window's."""
    power, other_power = np.mean(window**2) + 1e-10, np.mean(other**2) + 1e-10
    return window + other * (np.sqrt(power / other_power) * amplitude(-ratio_db))


def make_coloured_noise(samples: int, rng: np.random.Generator) -> np.ndarray:
    """Make noise [samples] with a spectrum between white and brown."""
    spectrum = np.fft.rfft(rng.standard_normal(samples))
    tilt = np.arange(1, len(spectrum) + 1) ** (-0.5 * rng.uniform(0.0, 2.0))
    return np.fft.irfft(spectrum * tilt, samples)


def make_room_response(samples: int, rng: np.random.Generator) -> np.ndarray:
    """Make an impulse response [samples]: the direct sound, then exponentially decaying noise."""
    decay_s = rng.uniform(0.1, 0.8)
    time_s = np.arange(samples) / RATE_HZ
    tail = rng.standard_normal(samples) * np.exp(-6.9 * time_s / decay_s)
    tail *= rng.uniform(0.2, 1.0) / (np.sqrt(np.sum(tail**2)) + 1e-9)
    tail[0] = 1.0
    return tail
