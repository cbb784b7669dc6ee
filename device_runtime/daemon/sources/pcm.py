"""Raw PCM: bytes without a header → mono frames, as `edgecl.audio.reader` reads them from a file."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from edgecl.arrays import Waveform


class Encoding(StrEnum):
    """How one sample is written, little endian."""

    s16le = "s16le"
    s32le = "s32le"
    f32le = "f32le"


KINDS = {Encoding.s16le: "<i2", Encoding.s32le: "<i4", Encoding.f32le: "<f4"}


@dataclass(frozen=True)
class PcmFormat:
    """What the bytes of a stream mean; channels take turns."""

    rate_hz: int = 16_000
    channels: int = 1
    encoding: Encoding = Encoding.s16le

    @property
    def frame_bytes(self) -> int:
        """One sample of every channel."""
        return self.channels * np.dtype(KINDS[self.encoding]).itemsize


class Unpacker:
    """Bytes as they come, in pieces of any length → frames."""

    def __init__(self, form: PcmFormat) -> None:
        self._form = form
        self._rest = b""  # of a frame that has not come in whole

    def feed(self, data: bytes) -> Waveform:
        """The frames that these bytes complete, float32 [frames], the mean of the channels.

        Floating-point samples that are no number, or are beyond full scale, are brought back to −1…1.
        """
        data = self._rest + data
        whole = len(data) - len(data) % self._form.frame_bytes
        self._rest = data[whole:]
        samples = np.frombuffer(data[:whole], KINDS[self._form.encoding])
        mono: Waveform = self._scaled(samples).reshape(-1, self._form.channels).mean(axis=1)
        return mono

    def _scaled(self, samples: np.ndarray) -> Waveform:
        if samples.dtype.kind == "f":
            kept: Waveform = np.clip(np.nan_to_num(samples), -1.0, 1.0).astype(np.float32)
            return kept
        full_scale = np.float32(2 ** (8 * samples.itemsize - 1))
        scaled: Waveform = samples.astype(np.float32) / full_scale
        return scaled
