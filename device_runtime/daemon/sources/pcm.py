"""Raw PCM: bytes without a header → mono frames, mixed as `edgecl.audio.channels` says."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from edgecl.arrays import Floats, Waveform
from edgecl.audio.channels import ChannelFault, ChannelMixer


class Encoding(StrEnum):
    """The encoding of one sample, little endian."""

    s16le = "s16le"
    s32le = "s32le"
    f32le = "f32le"


DTYPES = {Encoding.s16le: "<i2", Encoding.s32le: "<i4", Encoding.f32le: "<f4"}


@dataclass(frozen=True)
class PcmFormat:
    """The format of a stream of raw PCM; channels are interleaved."""

    rate_hz: int = 16_000
    channels: int = 1
    encoding: Encoding = Encoding.s16le

    @property
    def frame_bytes(self) -> int:
        """Size of one sample of every channel."""
        return self.channels * np.dtype(DTYPES[self.encoding]).itemsize


class PcmDecoder:
    """Decodes bytes that arrive in pieces of any length."""

    def __init__(self, pcm_format: PcmFormat) -> None:
        self._format = pcm_format
        self._mixer = ChannelMixer(pcm_format.channels, pcm_format.rate_hz)
        self._rest = b""  # of a frame that has not arrived completely

    @property
    def channel_fault(self) -> ChannelFault | None:
        """The fault of the channels, as the past shows it."""
        return self._mixer.fault

    def decode(self, data: bytes) -> Waveform:
        """Return the frames that these bytes complete, float32 [frames], mixed to one channel.

        Floating-point samples that are not finite or are beyond full scale are clipped to −1…1.
        """
        data = self._rest + data
        whole = len(data) - len(data) % self._format.frame_bytes
        self._rest = data[whole:]
        samples = np.frombuffer(data[:whole], DTYPES[self._format.encoding])
        return self._mixer.feed(self._scale(samples).reshape(-1, self._format.channels))

    def _scale(self, samples: np.ndarray) -> Floats:
        if samples.dtype.kind == "f":
            clipped: Floats = np.clip(np.nan_to_num(samples), -1.0, 1.0).astype(np.float32)
            return clipped
        full_scale = np.float32(2 ** (8 * samples.itemsize - 1))
        scaled: Floats = samples.astype(np.float32) / full_scale
        return scaled
