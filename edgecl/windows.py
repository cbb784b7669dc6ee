"""Splitting a waveform into windows of the fixed length that the backbone takes.

Windows depend on the samples alone: the same waveform gives the same windows, to the bit, on every machine.
Each has no DC component, which a cheap microphone adds and the edges of a padded clip would turn into clicks.
A waveform shorter than a window is padded on both sides with faint white noise, always the same, because no
microphone delivers digital silence.

A change that gives other windows increases `edgecl.store.token_files.WINDOWS_VERSION`.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np

from edgecl.arrays import Waveform, Windows
from edgecl.salience import find_salience

PADDING_DBFS = -70.0  # RMS
PADDING_SEED = 20_000
MAX_BACKGROUND_WINDOWS = 4
"""More of one room add little."""
BACKGROUND_FROM_WINDOWS = 3
"""Length of a recording, in windows, from which its background is used."""

DC_SCALE = 1 << 24


def split_into_windows(waveform: Waveform, window_samples: int) -> Windows:
    """Split a clip [samples] into windows [N, window_samples], N ≥ 1, in order.

    A clip longer than a window is covered by as few windows as possible, evenly spaced and therefore
    overlapping. Where sounds fill only a part of it, windows cover these and not the rest (see `salience`).
    """
    return split_recording(waveform, window_samples)[0]


def split_recording(waveform: Waveform, window_samples: int) -> tuple[Windows, Windows]:
    """Split a clip [samples] into the windows of its sound and of its background.

    Returns:
        The windows [N, window_samples] of `split_into_windows`, N ≥ 1, and those of a long clip that hold
        nothing but its room, [M, window_samples], M ≥ 0.
    """
    if waveform.size < window_samples:
        return pad_window(waveform, window_samples)[None], np.zeros((0, window_samples), np.float32)
    salience = find_salience(waveform, window_samples)
    starts = _cover_sounds(salience.sounds or [(0, waveform.size)], waveform.size, window_samples)
    rest = salience.background if has_background(waveform.size, window_samples) else []
    return (
        _cut_windows(waveform, starts, window_samples),
        _cut_windows(waveform, _choose_background(rest, window_samples), window_samples),
    )


def has_background(samples: int, window_samples: int) -> bool:
    """Return whether a clip is so long that what it holds beside its sound is used."""
    return samples >= BACKGROUND_FROM_WINDOWS * window_samples


def _cover_sounds(sounds: Sequence[tuple[int, int]], samples: int, window_samples: int) -> list[int]:
    """Return where the windows that cover sounds begin; neighbours that fit into one window share it.

    Args:
        sounds: The sounds, as [start, end) in samples.
        samples: Length of the clip.
        window_samples: Length of a window.
    """
    groups: list[tuple[int, int]] = []
    for start, end in sounds:
        if groups and end - groups[-1][0] <= window_samples:
            groups[-1] = groups[-1][0], end
        else:
            groups.append((start, end))
    starts = list[int]()
    for start, end in groups:
        spare = max(0, window_samples - (end - start))  # of a window that is longer than the sound
        first = min(max(0, start - spare // 2), samples - window_samples)
        count = -(-(end - start) // window_samples)
        starts += np.linspace(first, max(first, end - window_samples), count).round().astype(int).tolist()
    return starts


def _choose_background(parts: Sequence[tuple[int, int]], window_samples: int) -> list[int]:
    """Return where the windows of parts [start, end) of a clip begin that represent its room."""
    starts = [
        start for first, end in parts for start in range(first, end - window_samples + 1, window_samples)
    ]
    chosen = np.linspace(0, len(starts) - 1, min(len(starts), MAX_BACKGROUND_WINDOWS)).round().astype(int)
    return [starts[number] for number in chosen]


def _cut_windows(waveform: Waveform, starts: Sequence[int], window_samples: int) -> Windows:
    windows = [subtract_dc(waveform[start : start + window_samples]) for start in starts]
    return np.array(windows, np.float32).reshape(-1, window_samples)


class WindowStream:
    """The windows of a stream, `hop_samples` apart, whatever the sizes of the chunks it arrives in."""

    def __init__(self, window_samples: int, hop_samples: int) -> None:
        if not 0 < hop_samples <= window_samples:
            raise ValueError(f"a hop of {hop_samples} samples skips samples or never ends")
        self._window_samples = window_samples
        self._hop_samples = hop_samples
        self._buffer = np.zeros(window_samples + hop_samples, np.float32)  # the newest samples
        self.reset()

    def reset(self) -> None:
        """Start a new stream."""
        self._filled = 0  # samples in the buffer
        self._received = 0  # samples since the start of the stream
        self._next_end = self._window_samples  # end of the next window

    def feed(self, chunk: Waveform) -> Iterator[tuple[int, Waveform]]:
        """Yield (start_samples, window [window_samples]) for each window that a chunk [samples] completes."""
        while chunk.size:
            part, chunk = np.split(chunk, [self._next_end - self._received])
            self._append(part)
            if self._received == self._next_end:
                self._next_end += self._hop_samples
                yield self._newest_window()

    def finish(self) -> Iterator[tuple[int, Waveform]]:
        """Yield the last window, which ends with the stream, and reset.

        It may start less than a hop after the one before. A stream shorter than a window gives one padded
        window that starts at 0, an empty stream gives none.
        """
        if 0 < self._received < self._window_samples:
            yield 0, pad_window(self._buffer[: self._filled], self._window_samples)
        elif self._window_samples <= self._received > self._next_end - self._hop_samples:
            yield self._newest_window()
        self.reset()

    def _append(self, part: Waveform) -> None:
        if self._filled + part.size > self._buffer.size:
            self._buffer[: self._window_samples] = self._newest_samples()
            self._filled = self._window_samples
        self._buffer[self._filled : self._filled + part.size] = part
        self._filled += part.size
        self._received += part.size

    def _newest_window(self) -> tuple[int, Waveform]:
        return self._received - self._window_samples, subtract_dc(self._newest_samples())

    def _newest_samples(self) -> Waveform:
        return self._buffer[self._filled - self._window_samples : self._filled].copy()


def pad_window(waveform: Waveform, window_samples: int, left: int | None = None) -> Waveform:
    """Pad a waveform with faint noise to [window_samples], centred or after `left` samples of noise."""
    window = _generate_faint_noise(window_samples).copy()
    first = (window_samples - waveform.size) // 2 if left is None else left
    window[first : first + waveform.size] = subtract_dc(waveform)
    return window


def subtract_dc(waveform: Waveform) -> Waveform:
    """Return a waveform [samples] without its DC component.

    The mean is summed in integers, because the sum of floats depends on their order, and that on the machine.
    """
    total = np.rint(waveform.astype(np.float64) * DC_SCALE).astype(np.int64).sum()
    return waveform - np.float32(total / (DC_SCALE * max(1, waveform.size)))


@lru_cache(maxsize=2)
def _generate_faint_noise(samples: int) -> Waveform:
    """Generate white noise [samples], the same on every machine.

    Uniform noise needs no logarithm, and numpy never changes the numbers of `RandomState`.
    """
    half_width = np.sqrt(3.0) * 10 ** (PADDING_DBFS / 20)  # uniform noise in ±a has an RMS of a / √3
    noise = np.random.RandomState(PADDING_SEED).uniform(-half_width, half_width, samples)
    return noise.astype(np.float32)
