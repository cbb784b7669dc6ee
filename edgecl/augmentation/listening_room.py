"""Three rooms in which a recording is played, to measure how a task does beyond its own recordings.

Reverberation and noise are those of augmented copies (`room`, `noise_bank`), at fixed strengths.
"""

import zlib
from dataclasses import dataclass

import numpy as np

from edgecl.arrays import Doubles, Waveform
from edgecl.augmentation.noise_bank import NoiseBank
from edgecl.augmentation.room import make_room_response, reverberate
from edgecl.noise import generate_noise


@dataclass(frozen=True)
class ListeningRoom:
    """How far a microphone is from the sound, in which room, beside which noise."""

    name: str
    rt60_s: float
    """Reverberation time: until an echo has decayed by 60 dB."""
    direct_to_reverberant_db: float
    snr_db: float
    """RMS level of the sound over that of the noise, which fills the whole recording."""

    def record(self, waveform: Waveform, rate_hz: int, bank: NoiseBank | None, samples: int) -> Waveform:
        """Return what a microphone in the room would record; the same recording gives the same result.

        Args:
            waveform: The sound, [N].
            rate_hz: Its sample rate.
            bank: Noise to draw from; None: synthetic noise.
            samples: The least length of the result; a shorter sound lies in the middle.

        Returns:
            [max(N, samples)], −1…1.
        """
        rng = np.random.default_rng([zlib.crc32(waveform.tobytes()), *self.name.encode()])
        sound = np.zeros(max(waveform.size, samples))
        begin = (sound.size - waveform.size) // 2
        sound[begin : begin + waveform.size] = waveform
        response = make_room_response(rng, self.rt60_s, self.direct_to_reverberant_db, rate_hz)
        noise: Doubles = bank.draw(rng, sound.size) if bank else generate_noise(rng, sound.size, rate_hz)
        level = float(waveform.std(dtype=np.float64)) * 10 ** (-self.snr_db / 20)
        mixed = reverberate(sound, response) + noise * level
        return np.clip(mixed, -1.0, 1.0).astype(np.float32)


LISTENING_ROOMS = (
    ListeningRoom("quiet room", rt60_s=0.3, direct_to_reverberant_db=6.0, snr_db=30.0),
    ListeningRoom("living room", rt60_s=0.5, direct_to_reverberant_db=3.0, snr_db=20.0),
    ListeningRoom("noisy room", rt60_s=0.5, direct_to_reverberant_db=3.0, snr_db=10.0),
)
