"""A source that others may listen in on: what the daemon hears can be recorded meanwhile."""

import threading

import numpy as np

from device_runtime.daemon.sources.base import Block, Source
from device_runtime.daemon.sources.wrappers import SourceWrapper
from edgecl.arrays import Waveform
from edgecl.errors import SourceError

GRACE_S = 3.0  # beyond the time asked for, in which the sound has to have come


class Tap(SourceWrapper):
    """A source, read by one thread, whose frames any other may record."""

    def __init__(self, source: Source) -> None:
        super().__init__(source)
        self._recordings: list[_Recording] = []
        self._lock = threading.Lock()

    def passed(self, block: Block) -> Block:
        """The block as it is."""
        with self._lock:
            for recording in self._recordings:
                recording.add(block.waveform)
        return block

    def record(self, seconds: float) -> Waveform:
        """The sound of the next seconds, float32 [samples] at the rate of the source; waits for it.

        Raises:
            SourceError: too little came, or the source is known to give nothing.
        """
        condition = self.condition
        if condition.is_mute:
            why = condition.detail or condition.state
            raise SourceError(f"'{self.name}' gives no sound at present: {why}", condition.hint)
        recording = _Recording(round(seconds * self.rate_hz))
        with self._lock:
            self._recordings.append(recording)
        try:
            complete = recording.complete.wait(seconds + GRACE_S)
        finally:
            with self._lock:
                self._recordings.remove(recording)
        if not complete:
            reason = f"'{self.name}' gave only {recording.frames / self.rate_hz:.1f} s in {seconds:g} s"
            raise SourceError(reason, self.condition.hint or "see how the microphone is: 'edgecl listen'")
        return recording.waveform


class _Recording:
    """Frames as they come, until there are enough."""

    def __init__(self, wanted: int) -> None:
        self._wanted = wanted
        self._parts: list[Waveform] = []
        self.frames = 0
        self.complete = threading.Event()

    def add(self, waveform: Waveform) -> None:
        if not self.complete.is_set():
            self._parts.append(waveform)
            self.frames += waveform.size
            if self.frames >= self._wanted:
                self.complete.set()

    @property
    def waveform(self) -> Waveform:
        return np.concatenate(self._parts)[: self._wanted]
