"""Resampling of a stream.

The output depends on the samples alone, not on how they were split into blocks: a file and a microphone that
deliver the same samples give the same output, to the bit.
"""

import numpy as np
import soxr

from edgecl.arrays import Waveform


class Resampler:
    """A resampled stream: blocks in, blocks out with a short delay."""

    def __init__(self, from_hz: int, to_hz: int) -> None:
        same = from_hz == to_hz
        self._stream = None if same else soxr.ResampleStream(from_hz, to_hz, 1, dtype="float32")

    def feed(self, block: Waveform) -> Waveform:
        """Resample a block [samples] and return what is ready, [samples]; often nothing for a short block."""
        return block if self._stream is None else self._stream.resample_chunk(block)

    def finish(self) -> Waveform:
        """Return the samples that were still buffered, [samples]."""
        rest = np.zeros(0, np.float32)
        return rest if self._stream is None else self._stream.resample_chunk(rest, last=True)
