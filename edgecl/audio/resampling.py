"""From one sample rate to another while the samples arrive.

The output depends on the samples alone, not on how they were cut into blocks: what a file gives is what a
microphone gives, to the bit.
"""

import numpy as np
import soxr

from edgecl.arrays import Waveform


class Resampler:
    """One stream: blocks in, blocks out, a little later."""

    def __init__(self, from_hz: int, to_hz: int) -> None:
        same = from_hz == to_hz
        self._stream = None if same else soxr.ResampleStream(from_hz, to_hz, 1, dtype="float32")

    def feed(self, block: Waveform) -> Waveform:
        """What this block [samples] makes ready, float32 [samples]; often none for a short one."""
        return block if self._stream is None else self._stream.resample_chunk(block)

    def finish(self) -> Waveform:
        """The samples that were still held back for what might follow."""
        rest = np.zeros(0, np.float32)
        return rest if self._stream is None else self._stream.resample_chunk(rest, last=True)
