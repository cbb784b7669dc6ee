"""A ring buffer of the newest sound of a source, from which clips are cut.

16-bit samples: two minutes take 4 MB. Times are seconds since the source was opened, like `offset_s` of
events; a gap between two streams takes no room.

    appended   ├── stream, from 0 s ──┤          ├── stream, from 95.5 s ──►
    buffered              └──────── the newest two minutes ────────────────┘
"""

from collections import deque
from dataclasses import dataclass
from threading import Lock

import numpy as np

from edgecl.arrays import Pcm, Waveform

API_BUFFER_S = 120.0
"""Length of the ring buffer from which the API serves sound."""
FULL_SCALE = 1 << 15
TIME_RESOLUTION_S = 0.001  # of the times in events


@dataclass(frozen=True)
class _Stream:
    """Sound without a gap."""

    first: int  # the number of its first sample among all that were appended
    offset_s: float  # when it began


class AudioRingBuffer:
    """Appended to by the thread of the pipeline, read by any."""

    def __init__(self, rate_hz: int, seconds: float) -> None:
        self.rate_hz = rate_hz
        self._ring = np.zeros(round(seconds * rate_hz), np.int16)
        self._appended = 0  # samples, in total
        self._streams = deque([_Stream(0, 0.0)])
        self._lock = Lock()

    def start_stream(self, offset_s: float) -> None:
        """Begin a new stream at this time, after a gap; what is buffered stays."""
        with self._lock:
            self._streams.append(_Stream(self._appended, offset_s))
            while len(self._streams) > 1 and self._streams[1].first <= self._oldest:
                self._streams.popleft()

    def append(self, chunk: Waveform) -> None:
        """Append a chunk [samples], which overwrites the oldest samples."""
        newest = chunk[-self._ring.size :]
        pcm = np.clip(np.rint(newest * FULL_SCALE), -FULL_SCALE, FULL_SCALE - 1).astype(np.int16)
        with self._lock:
            self._appended += chunk.size
            self._ring[np.arange(self._appended - pcm.size, self._appended) % self._ring.size] = pcm

    def cut(self, start_s: float, end_s: float, padding_s: float = 0.0) -> Pcm:
        """Return what is buffered of a sound, int16 [samples], with padding from its own stream only."""
        with self._lock:
            stream, end = self._stream_at(start_s)
            first = self._sample_number(stream, start_s - padding_s)
            last = self._sample_number(stream, end_s + padding_s)
            return self._slice(max(first, stream.first), min(last, end))

    def has(self, start_s: float, end_s: float) -> bool:
        """Return whether all sound between two times is buffered."""
        with self._lock:
            stream, end = self._stream_at(start_s)
            first = self._sample_number(stream, start_s + TIME_RESOLUTION_S)
            return max(self._oldest, stream.first) <= first < end

    def newest(self, seconds: float) -> Pcm:
        """Return the newest sound without a gap, int16 [samples], `seconds` long at most."""
        with self._lock:
            first = self._appended - round(seconds * self.rate_hz)
            return self._slice(max(first, self._streams[-1].first), self._appended)

    @property
    def _oldest(self) -> int:
        return max(0, self._appended - self._ring.size)

    def _stream_at(self, start_s: float) -> tuple[_Stream, int]:
        """Return the stream in which a sound begins, and the number of the sample after its last."""
        streams = list(self._streams)
        ends = [*[stream.first for stream in streams][1:], self._appended]
        pairs = zip(streams, ends, strict=True)
        candidates = [pair for pair in pairs if pair[0].offset_s <= start_s + TIME_RESOLUTION_S]
        return candidates[-1] if candidates else (streams[0], streams[0].first)

    def _sample_number(self, stream: _Stream, time_s: float) -> int:
        """Return the number of the sample at a time of this stream."""
        return stream.first + round((time_s - stream.offset_s) * self.rate_hz)

    def _slice(self, first: int, last: int) -> Pcm:
        first = max(first, self._oldest)
        size, start = self._ring.size, first % self._ring.size
        end = start + max(0, last - first)
        return np.concatenate([self._ring[start : min(end, size)], self._ring[: max(0, end - size)]])
