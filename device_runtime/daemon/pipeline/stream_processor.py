"""Blocks of a source → what is heard in them, whatever the source's rate and wherever frames are missing.

frames   ──────────┐   ┌───────────┐             ┌───────────
                   └─0─┘           └─ − − − − − ─┘
                 a short gap       a long one: all sounds end,
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
    """What became known at once."""

    stream_s: float
    """When the stream began that its times count from, in seconds of the wall clock (Unix time);"""
    offset_s: float
    """the same since the source was opened."""
    heard: list[TaskDetection]
    moment: WindowResult | None
    """The window it comes from; None where the stream or a task ends."""


class StreamProcessor:
    """Hears one source."""

    def __init__(
        self,
        listening: StreamRecognizer,
        rate_hz: int,
        loud: LoudTrigger | None = None,
        recent: AudioRingBuffer | None = None,
    ) -> None:
        """`recent` remembers what is heard."""
        self._listening = listening
        self._recent = recent
        self._rate_hz = rate_hz
        self._loud = loud
        self._resampler = Resampler(rate_hz, listening.rate_hz)
        self._first_frame = self._next_frame = 0  # of the stream
        self._stream_s = 0.0

    @property
    def heard_s(self) -> float:
        """How much of the present stream was heard."""
        return (self._next_frame - self._first_frame) / self._rate_hz

    def take(self, block: Block) -> Iterator[StreamUpdate]:
        """What this block completes."""
        if not block.waveform.size:
            return
        missing = block.first_frame - self._next_frame
        if missing > LONGEST_FILLED_S * self._rate_hz:
            yield from self.finish()
            self._first_frame = block.first_frame
            if self._recent:
                self._recent.begin(self._first_frame / self._rate_hz)
        elif missing > 0:
            yield from self._hear(np.zeros(missing, np.float32))
        self._next_frame = block.next_frame
        self._stream_s = block.captured_s - self.heard_s
        yield from self._hear(block.waveform)

    def teach(self, recognizer: Recognizer) -> StreamUpdate:
        """Hear with other tasks from now on; what ends with those that are gone."""
        return self._report(self._listening.set_recognizer(recognizer), None)

    def finish(self) -> Iterator[StreamUpdate]:
        """What the end of the stream completes; ready for the next one."""
        if self.heard_s:
            yield from self._feed(self._resampler.finish())
            heard = self._listening.finish() + (self._loud.finish() if self._loud else [])
            yield self._report(heard, None)
        self._resampler = Resampler(self._rate_hz, self._listening.rate_hz)
        self._first_frame = self._next_frame

    def _hear(self, waveform: Waveform) -> Iterator[StreamUpdate]:
        yield from self._feed(self._resampler.feed(waveform))

    def _feed(self, chunk: Waveform) -> Iterator[StreamUpdate]:
        """Of a chunk [samples] at the rate that the tasks hear."""
        if self._recent:
            self._recent.feed(chunk)
        for moment in self._listening.feed(chunk):
            loud = self._loud.step(moment) if self._loud else []
            yield self._report(moment.detections + loud, moment)

    def _report(self, heard: list[TaskDetection], moment: WindowResult | None) -> StreamUpdate:
        return StreamUpdate(self._stream_s, self._first_frame / self._rate_hz, heard, moment)
