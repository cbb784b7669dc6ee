"""Records takes from a source, one after another, while a meter shows its level."""

import time
from collections.abc import Callable

import numpy as np

from device_runtime.daemon.sources.base import NO_FRAMES, Block, Source
from edgecl.arrays import Waveform
from edgecl.audio.levels import level_dbfs
from edgecl.errors import SourceError

READ_S = 0.1
NO_SOUND_AFTER_S = 6.0
"""Time without a frame after which a source counts as mute: it may be opened again several times before."""

Meter = Callable[[float], None]
"""Receives the level of every block, in dBFS."""


class TakeRecorder:
    """A source that is read by one thread, all the time while it is open."""

    def __init__(self, source: Source, show_level: Meter, is_stopped: Callable[[], bool]) -> None:
        """Prepare to record.

        Args:
            source: the source; it stays open.
            show_level: called for every block.
            is_stopped: whether to give up what is being recorded.
        """
        self.rate_hz = source.rate_hz
        self._source = source
        self._show_level = show_level
        self._is_stopped = is_stopped
        self._last_frame_s = time.monotonic()
        self._rest = NO_FRAMES  # of the newest block, behind the end of a take

    def wait(self, seconds: float) -> None:
        """Discard what the source gives for a while, so that the take begins with what comes then."""
        self._rest = NO_FRAMES
        until_s = time.monotonic() + seconds
        while time.monotonic() < until_s and self._read() is not None:
            pass

    def record(self, seconds: float) -> Waveform | None:
        """Record a take [samples] at the rate of the source; None if it was stopped before its end.

        Without a wait it begins where the take before ended.

        Raises:
            SourceError: the source gives no sound, or ended.
        """
        wanted, pieces = round(seconds * self.rate_hz), [self._rest]
        while sum(piece.size for piece in pieces) < wanted:
            block = self._read()
            if block is None:
                return None
            pieces.append(block.waveform)
        take, self._rest = np.split(np.concatenate(pieces), [wanted])
        return take

    def _read(self) -> Block | None:
        """Return the next block; None if it was stopped."""
        if self._is_stopped():
            return None
        block, now_s = self._source.read(READ_S), time.monotonic()
        if block is None:
            raise SourceError(f"'{self._source.name}' ended", "name a source that goes on: a microphone")
        if block.waveform.size:
            self._last_frame_s = now_s
            self._show_level(level_dbfs(block.waveform))
        elif now_s - self._last_frame_s > NO_SOUND_AFTER_S:
            condition = self._source.condition
            why = condition.detail or "nothing arrives"
            raise SourceError(f"'{self._source.name}' gives no sound: {why}", condition.hint)
        return block
