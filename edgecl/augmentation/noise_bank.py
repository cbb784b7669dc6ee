"""The noise bank that travels with a bundle: minutes of background noise and talkers, one after another."""

from dataclasses import dataclass

import numpy as np
import soundfile

from edgecl.arrays import Doubles, Waveform
from edgecl.audio.memory_file import open_memory_file
from edgecl.audio.resampling import Resampler

FILE_NAME = "noise_bank.opus"
MIN_RMS = 1e-4
"""Quieter pieces are pauses: another place is drawn, at most a few times."""
MAX_DRAWS = 8


@dataclass(frozen=True)
class NoiseBank:
    """Background noise to be mixed into augmented copies."""

    waveform: Waveform  # [samples], longer than a window

    @classmethod
    def from_bytes(cls, data: bytes, rate_hz: int) -> "NoiseBank":
        """Decode the file of a bundle and resample it.

        Raises:
            soundfile.SoundFileError: It is no audio file.
        """
        with open_memory_file(data) as file:
            waveform, stored_hz = soundfile.read(file.fileno(), dtype="float32", closefd=False)
        resampler = Resampler(stored_hz, rate_hz)
        return cls(np.concatenate([resampler.feed(waveform), resampler.finish()]))

    def draw(self, rng: np.random.Generator, samples: int) -> Doubles:
        """Draw noise of RMS 1 from a random place, [samples]; a bank shorter than that is repeated."""
        for _ in range(MAX_DRAWS):
            start = int(rng.integers(max(1, self.waveform.size - samples + 1)))
            noise = np.resize(self.waveform[start : start + samples], samples).astype(np.float64)
            rms = float(np.sqrt(np.square(noise).mean()))
            if rms > MIN_RMS:
                return noise / rms
        return rng.standard_normal(samples)
