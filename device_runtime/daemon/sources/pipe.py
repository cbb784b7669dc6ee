"""A source that reads raw PCM from a pipe: stdin, a FIFO, or the output of a child process."""

import os
import select
import time
from pathlib import Path

from device_runtime.daemon.sources.base import LISTENING, NO_FRAMES, Block, Condition
from device_runtime.daemon.sources.health import CHANNEL_CONDITIONS
from device_runtime.daemon.sources.pcm import PcmDecoder, PcmFormat
from edgecl.errors import SourceError

READ_BYTES = 1 << 16


class PipeSource:
    """Frames from a file descriptor; the end of the pipe is the end of the source."""

    def __init__(self, name: str, descriptor: int, pcm_format: PcmFormat) -> None:
        self.name = name
        self.condition: Condition = LISTENING
        self.lost_frames = 0
        self.rate_hz = pcm_format.rate_hz
        self.descriptor = descriptor
        self._decoder = PcmDecoder(pcm_format)
        self._next_frame = 0

    @classmethod
    def open(cls, path: Path, pcm_format: PcmFormat) -> "PipeSource":
        """Open the FIFO or device at `path`, without waiting for a writer.

        Raises:
            SourceError: it cannot be opened.
        """
        try:
            return cls(str(path), os.open(path, os.O_RDONLY | os.O_NONBLOCK), pcm_format)
        except OSError as error:
            reason = f"'{path}' cannot be opened: {error.strerror}"
            raise SourceError(reason, "check that it exists and that you may read it") from None

    def read(self, timeout_s: float) -> Block | None:
        """See `Source`.

        Raises:
            SourceError: the pipe cannot be read any more.
        """
        ready, _, _ = select.select([self.descriptor], [], [], timeout_s)
        return self._read_ready() if ready else self._block(b"")

    def skip(self, frames: int) -> None:
        """Count frames that were lost upstream."""
        self._next_frame += frames
        self.lost_frames += frames

    def close(self) -> None:
        """See `Source`."""
        os.close(self.descriptor)

    def _read_ready(self) -> Block | None:
        try:
            data = os.read(self.descriptor, READ_BYTES)
        except OSError as error:
            raise SourceError(f"'{self.name}' cannot be read: {error.strerror}") from None
        return self._block(data) if data else None

    def _block(self, data: bytes) -> Block:
        waveform = self._decoder.decode(data) if data else NO_FRAMES
        first, self._next_frame = self._next_frame, self._next_frame + waveform.size
        if self._decoder.channel_fault:  # for good: a supervised source judges by itself
            self.condition = CHANNEL_CONDITIONS[self._decoder.channel_fault]
        return Block(first, waveform, time.time(), self._decoder.channel_fault)
