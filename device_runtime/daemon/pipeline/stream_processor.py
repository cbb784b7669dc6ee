"""Blocks of a source → detections, at any rate of the source and across missing frames.

frames   ──────────┐   ┌───────────┐             ┌───────────
                   └─0─┘           └─ − − − − − ─┘
                 a short gap       a long gap: all sounds end,
                 is filled         and a new stream begins
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from device_runtime.daemon.pipeline.loudness_trigger import LoudTrigger
from device_runtime.daemon.pipeline.ring_buffer import AudioRingBuffer
from device_runtime.daemon.sources.base import Block
from device_runtime.recognition.recognizer import Recognizer
from device_runtime.recognition.stream import StreamRecognizer, TaskDetection, WindowResult
from edgecl.arrays import Waveform
from edgecl.audio.resampling import Resampler

LONGEST_FILLED_S = 0.5


@dataclass(frozen=True)
class StreamUpdate:
    """What a window, the end of the stream or a change of the tasks brings."""

    stream_s: float
    """Start of the stream, which all times of the detections refer to, in wall-clock seconds (Unix time)."""
    offset_s: float
    """The same in seconds since the source was opened."""
    detections: list[TaskDetection]
    """Sounds that begin, continue or end."""
    window: WindowResult | None
    """The window; None at the end of the stream or of a task."""


class StreamProcessor:
    """Detects sounds in the blocks of one source."""

    def __init__(
        self,
        recognizer: StreamRecognizer,
        rate_hz: int,
        trigger: LoudTrigger | None = None,
        ring_buffer: AudioRingBuffer | None = None,
    ) -> None:
        """Prepare for a source.

        Args:
            recognizer: detects the sounds of all tasks.
            rate_hz: sample rate of the source.
            trigger: detects loud sounds as well, if given.
            ring_buffer: receives all processed sound, if given.
        """
        self._recognizer = recognizer
        self._ring_buffer = ring_buffer
        self._rate_hz = rate_hz
        self._trigger = trigger
        self._resampler = Resampler(rate_hz, recognizer.rate_hz)
        self._first_frame = self._next_frame = 0  # of the stream
        self._stream_s = 0.0
        self._offset = np.float32(0)  # DC component of the newest block

    def process(self, block: Block) -> Iterator[StreamUpdate]:
        """Yield an update for every window that this block completes."""
        if not block.waveform.size:
            return
        missing = block.first_frame - self._next_frame
        if missing > LONGEST_FILLED_S * self._rate_hz:
            yield from self.finish()
            self._first_frame = block.first_frame
            if self._ring_buffer:
                self._ring_buffer.start_stream(self._first_frame / self._rate_hz)
        elif missing > 0:
            yield from self._resample(np.full(missing, self._offset, np.float32))
        self._next_frame = block.next_frame
        self._offset = block.waveform.mean()
        self._stream_s = block.captured_s - self._processed_s
        yield from self._resample(block.waveform)

    def set_recognizer(self, recognizer: Recognizer) -> StreamUpdate:
        """Replace the tasks; return the ends of the sounds of those that are gone."""
        return self._update(self._recognizer.set_recognizer(recognizer), None)

    def finish(self) -> Iterator[StreamUpdate]:
        """Yield the updates at the end of the stream; afterwards a new stream may begin."""
        if self._processed_s:
            yield from self._process(self._resampler.finish())
            detections = self._recognizer.finish() + (self._trigger.finish() if self._trigger else [])
            yield self._update(detections, None)
        self._resampler = Resampler(self._rate_hz, self._recognizer.rate_hz)
        self._first_frame = self._next_frame

    @property
    def _processed_s(self) -> float:
        """Seconds of the present stream."""
        return (self._next_frame - self._first_frame) / self._rate_hz

    def _resample(self, waveform: Waveform) -> Iterator[StreamUpdate]:
        yield from self._process(self._resampler.feed(waveform))

    def _process(self, chunk: Waveform) -> Iterator[StreamUpdate]:
        """Process a chunk [samples] at the rate of the backbone."""
        if self._ring_buffer:
            self._ring_buffer.append(chunk)
        for window in self._recognizer.feed(chunk):
            loud = self._trigger.step(window) if self._trigger else []
            yield self._update(window.detections + loud, window)

    def _update(self, detections: list[TaskDetection], window: WindowResult | None) -> StreamUpdate:
        return StreamUpdate(self._stream_s, self._first_frame / self._rate_hz, detections, window)
