"""The newest sound of a source, for those who ask afterwards what it was.

Two bytes a sample: two minutes take 4 MB. Times are seconds since the source was opened, as events tell them
(`offset_s`); where sound is missing between two streams, nothing is made up.

    fed        ├── stream, from 0 s ──┤          ├── stream, from 95.5 s ──►
    remembered              └──────── the newest two minutes ──────────────┘
"""

from collections import deque
from dataclasses import dataclass
from threading import Lock

import numpy as np

from edgecl.arrays import Pcm, Waveform

FULL_SCALE = 1 << 15
ROUNDED_S = 0.001  # events tell their times to the millisecond


@dataclass(frozen=True)
class _Stream:
    """Sound without a gap."""

    first: int  # the number of its first sample among all that were fed
    offset_s: float  # when it began


class AudioRingBuffer:
    """Fed by the thread that listens, asked by any."""

    def __init__(self, rate_hz: int, seconds: float) -> None:
        self.rate_hz = rate_hz
        self._ring = np.zeros(round(seconds * rate_hz), np.int16)
        self._fed = 0  # samples, ever
        self._streams = deque([_Stream(0, 0.0)])
        self._lock = Lock()

    def begin(self, offset_s: float) -> None:
        """A new stream begins at this time; what is remembered stays."""
        with self._lock:
            self._streams.append(_Stream(self._fed, offset_s))
            while len(self._streams) > 1 and self._streams[1].first <= self._oldest:
                self._streams.popleft()

    def feed(self, chunk: Waveform) -> None:
        """Remember a chunk [samples] and forget as many."""
        newest = chunk[-self._ring.size :]
        pcm = np.clip(np.rint(newest * FULL_SCALE), -FULL_SCALE, FULL_SCALE - 1).astype(np.int16)
        with self._lock:
            self._fed += chunk.size
            self._ring[np.arange(self._fed - pcm.size, self._fed) % self._ring.size] = pcm

    def cut(self, start_s: float, end_s: float, around_s: float = 0.0) -> Pcm:
        """What is remembered of a sound, int16 [samples], with so much around it as its own stream gives."""
        with self._lock:
            stream, end = self._stream_of(start_s)
            first = self._number(stream, start_s - around_s)
            last = self._number(stream, end_s + around_s)
            return self._between(max(first, stream.first), min(last, end))

    def holds(self, start_s: float, end_s: float) -> bool:
        """Whether all that was heard between two times is remembered."""
        with self._lock:
            stream, end = self._stream_of(start_s)
            first = self._number(stream, start_s + ROUNDED_S)
            return max(self._oldest, stream.first) <= first < end

    def last(self, seconds: float) -> Pcm:
        """The newest sound without a gap, int16 [samples]: so many seconds, or as much as there is."""
        with self._lock:
            first = self._fed - round(seconds * self.rate_hz)
            return self._between(max(first, self._streams[-1].first), self._fed)

    @property
    def _oldest(self) -> int:
        return max(0, self._fed - self._ring.size)

    def _stream_of(self, start_s: float) -> tuple[_Stream, int]:
        """The stream in which a sound begins, and the number of the sample after its last."""
        streams, ends = list(self._streams), [*[one.first for one in self._streams][1:], self._fed]
        pairs = zip(streams, ends, strict=True)
        begun = [pair for pair in pairs if pair[0].offset_s <= start_s + ROUNDED_S]
        return begun[-1] if begun else (streams[0], streams[0].first)

    def _number(self, stream: _Stream, time_s: float) -> int:
        """Of the sample at a time of this stream."""
        return stream.first + round((time_s - stream.offset_s) * self.rate_hz)

    def _between(self, first: int, last: int) -> Pcm:
        first = max(first, self._oldest)
        size, start = self._ring.size, first % self._ring.size
        end = start + max(0, last - first)
        return np.concatenate([self._ring[start : min(end, size)], self._ring[: max(0, end - size)]])
