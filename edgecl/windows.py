"""From a waveform to windows of one fixed length: what the backbone is fed.

Windows depend on the samples alone: same waveform, same windows, to the bit, on every machine. What
is shorter than a window is laid in the middle of faint white noise, always the same, because digital silence
is something no microphone ever sends.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from edgecl.arrays import Windows

PADDING_DBFS = -70.0  # RMS
PADDING_SEED = 20_000
QUIETEST_DB = -30.0  # against the loudest window of the clip

WINDOWS_VERSION = 1
"""Raised whenever the same file gives other windows: by decoding, resampling, padding or placing them."""


def split_into_windows(waveform: npt.NDArray[np.float32], window_samples: int) -> Windows:
    """The windows of one clip, float32 [N, window_samples], N ≥ 1, first to last.

    A longer clip is covered by as few windows as it takes, evenly spread and therefore overlapping. Windows
    more than 30 dB below the loudest hold the pauses between sounds; they are left out.
    """
    if waveform.size < window_samples:
        return pad_window(waveform, window_samples)[None]
    count = -(-waveform.size // window_samples)
    starts = np.linspace(0, waveform.size - window_samples, count).round().astype(int)
    windows = np.stack([waveform[start : start + window_samples] for start in starts])
    return windows[_is_loud(windows)]


class WindowStream:
    """Chunks of any size in, windows out, `hop_samples` apart: the same ones however the sound was cut."""

    def __init__(self, window_samples: int, hop_samples: int) -> None:
        if not 0 < hop_samples <= window_samples:
            raise ValueError(f"a hop of {hop_samples} samples loses sound or never ends")
        self._window_samples = window_samples
        self._hop_samples = hop_samples
        self._buffer = np.zeros(window_samples + hop_samples, np.float32)  # the newest samples, in order
        self.reset()

    def reset(self) -> None:
        """Begin a new stream."""
        self._filled = 0  # of the buffer
        self._heard = 0  # samples since the stream began
        self._next = self._window_samples  # where the next window ends

    def feed(self, chunk: Windows) -> Iterator[tuple[int, Windows]]:
        """(start_samples, float32 [window_samples]) of every window that this chunk [samples] completes."""
        while chunk.size:
            part, chunk = np.split(chunk, [self._next - self._heard])
            self._append(part)
            if self._heard == self._next:
                self._next += self._hop_samples
                yield self._newest()

    def finish(self) -> Iterator[tuple[int, Windows]]:
        """The last window, which ends with the stream; ready for the next one.

        It may start less than a hop after the one before. A stream shorter than a window is one pad_window
        window that starts at 0, one without a sample is none.
        """
        if 0 < self._heard < self._window_samples:
            yield 0, pad_window(self._buffer[: self._filled], self._window_samples)
        elif self._window_samples <= self._heard > self._next - self._hop_samples:
            yield self._newest()
        self.reset()

    def _append(self, part: Windows) -> None:
        if self._filled + part.size > self._buffer.size:
            self._buffer[: self._window_samples] = self._newest()[1]
            self._filled = self._window_samples
        self._buffer[self._filled : self._filled + part.size] = part
        self._filled += part.size
        self._heard += part.size

    def _newest(self) -> tuple[int, Windows]:
        window = self._buffer[self._filled - self._window_samples : self._filled].copy()
        return self._heard - self._window_samples, window


def pad_window(waveform: npt.NDArray[np.float32], window_samples: int, left: int | None = None) -> Windows:
    """`waveform` in faint noise, float32 [window_samples]: in the middle, or after `left` samples."""
    window = _faint_noise(window_samples)
    first = (window_samples - waveform.size) // 2 if left is None else left
    window[first : first + waveform.size] = waveform
    return window


def _faint_noise(samples: int) -> Windows:
    """White noise, float32 [samples], the same on every machine.

    Uniform, since that takes no logarithm; `RandomState`, since numpy promises never to change its numbers.
    """
    half_width = np.sqrt(3.0) * 10 ** (PADDING_DBFS / 20)  # uniform noise in ±a has an RMS of a / √3
    noise = np.random.RandomState(PADDING_SEED).uniform(-half_width, half_width, samples)
    return noise.astype(np.float32)


def _is_loud(windows: Windows) -> npt.NDArray[np.bool_]:
    """[N]: whether a window is at most 30 dB below the loudest, by RMS without DC."""
    level = windows.std(axis=1, dtype=np.float64)
    loud: npt.NDArray[np.bool_] = level >= level.max() * 10 ** (QUIETEST_DB / 20)
    return loud
