"""Sources that wrap another one: to record from it, to switch it off, and to feed the watchdog.

the source ─► WatchdogSource ─► SwitchableSource ─► Tap ─► the pipeline
"""

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable

import numpy as np

from device_runtime.daemon.sources.base import NO_FRAMES, Block, Condition, Source
from edgecl.arrays import Waveform
from edgecl.errors import SourceError

GRACE_S = 3.0  # beyond the time asked for, in which the frames have to arrive


class SourceWrapper(ABC):
    """Another source, block by block; subclasses define `process`."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.rate_hz = source.rate_hz

    @property
    def name(self) -> str:
        """See `Source`."""
        return self._source.name

    @property
    def condition(self) -> Condition:
        """See `Source`."""
        return self._source.condition

    @property
    def lost_frames(self) -> int:
        """See `Source`."""
        return self._source.lost_frames

    def read(self, timeout_s: float) -> Block | None:
        """See `Source`."""
        block = self._source.read(timeout_s)
        return None if block is None else self.process(block)

    @abstractmethod
    def process(self, block: Block) -> Block:
        """Return the block to pass on."""

    def close(self) -> None:
        """See `Source`."""
        self._source.close()


class WatchdogSource(SourceWrapper):
    """A source that feeds the watchdog with every block that holds sound, and where there is no microphone.

    A loop that runs without sound is no sign of life: the service manager then restarts the daemon. That
    brings no microphone back that is missing, and would interrupt who enrols on the page.
    """

    def __init__(self, source: Source, feed_watchdog: Callable[[], None]) -> None:
        super().__init__(source)
        self._feed_watchdog = feed_watchdog

    def process(self, block: Block) -> Block:
        """Return the block unchanged."""
        if block.waveform.size or self.condition.state == "failed":
            self._feed_watchdog()
        return block


class SwitchableSource(SourceWrapper):
    """A source whose frames are discarded while it is switched off; it is read all the same."""

    def __init__(self, source: Source, is_on: Callable[[], bool]) -> None:
        super().__init__(source)
        self._is_on = is_on

    def process(self, block: Block) -> Block:
        """Return the block, without its frames while the source is switched off."""
        return block if self._is_on() else Block(block.next_frame, NO_FRAMES, block.captured_s)


class Tap(SourceWrapper):
    """A source that is read by one thread and can be recorded by others."""

    def __init__(self, source: Source) -> None:
        super().__init__(source)
        self._recordings: list[_Recording] = []
        self._lock = threading.Lock()

    def process(self, block: Block) -> Block:
        """Return the block unchanged."""
        with self._lock:
            for recording in self._recordings:
                recording.add(block.waveform)
        return block

    def record(self, seconds: float) -> Waveform:
        """Record the next seconds, float32 [samples] at the source rate; block until they are complete.

        Raises:
            SourceError: too few frames arrived, or the source is known to give none.
        """
        condition = self.condition
        if condition.is_mute:
            why = condition.detail or condition.state
            raise SourceError(f"'{self.name}' gives no sound at present: {why}", condition.hint)
        recording = _Recording(round(seconds * self.rate_hz))
        with self._lock:
            self._recordings.append(recording)
        try:
            is_complete = recording.complete.wait(seconds + GRACE_S)
        finally:
            with self._lock:
                self._recordings.remove(recording)
        if not is_complete:
            reason = f"'{self.name}' gave only {recording.frames / self.rate_hz:.1f} s in {seconds:g} s"
            raise SourceError(reason, self.condition.hint or "see how the microphone is: 'edgecl listen'")
        return recording.waveform


class _Recording:
    """Frames as they arrive, up to a number."""

    def __init__(self, wanted_frames: int) -> None:
        self._wanted_frames = wanted_frames
        self._parts: list[Waveform] = []
        self.frames = 0
        self.complete = threading.Event()

    def add(self, waveform: Waveform) -> None:
        if not self.complete.is_set():
            self._parts.append(waveform)
            self.frames += waveform.size
            if self.frames >= self._wanted_frames:
                self.complete.set()

    @property
    def waveform(self) -> Waveform:
        return np.concatenate(self._parts)[: self._wanted_frames]
