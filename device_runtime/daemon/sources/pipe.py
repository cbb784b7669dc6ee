"""A source that is a pipe of raw PCM: stdin, a FIFO, or the output of a child process."""

import os
import select
import time
from pathlib import Path

from device_runtime.daemon.sources.base import LISTENING, NOTHING, Block
from device_runtime.daemon.sources.pcm import PcmFormat, Unpacker
from edgecl.errors import SourceError

READ_BYTES = 1 << 16


class PipeSource:
    """Frames from a file descriptor; the end of the pipe is the end of the source."""

    def __init__(self, name: str, descriptor: int, form: PcmFormat) -> None:
        self.name = name
        self.condition = LISTENING
        self.lost_frames = 0
        self.rate_hz = form.rate_hz
        self.descriptor = descriptor
        self._unpacker = Unpacker(form)
        self._next_frame = 0

    @classmethod
    def open(cls, path: Path, form: PcmFormat) -> "PipeSource":
        """The FIFO or device at `path`; opening a FIFO does not wait for who writes into it.

        Raises:
            SourceError: it cannot be opened.
        """
        try:
            return cls(str(path), os.open(path, os.O_RDONLY | os.O_NONBLOCK), form)
        except OSError as error:
            reason = f"'{path}' cannot be opened: {error.strerror}"
            raise SourceError(reason, "check that it exists and that you may read it") from None

    def read(self, within_s: float) -> Block | None:
        """See `Source`.

        Raises:
            SourceError: it cannot be read any more.
        """
        ready, _, _ = select.select([self.descriptor], [], [], within_s)
        return self._take() if ready else self._block(b"")

    def skip(self, frames: int) -> None:
        """Count frames that were lost before they came here."""
        self._next_frame += frames
        self.lost_frames += frames

    def close(self) -> None:
        """See `Source`."""
        os.close(self.descriptor)

    def _take(self) -> Block | None:
        try:
            data = os.read(self.descriptor, READ_BYTES)
        except OSError as error:
            raise SourceError(f"'{self.name}' cannot be read: {error.strerror}") from None
        return self._block(data) if data else None

    def _block(self, data: bytes) -> Block:
        waveform = self._unpacker.feed(data) if data else NOTHING
        first, self._next_frame = self._next_frame, self._next_frame + waveform.size
        return Block(first, waveform, time.time())
