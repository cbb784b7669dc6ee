"""The conditions under which test recordings are played."""

from dataclasses import dataclass
from typing import Literal

Noise = Literal["recorded", "babble"]


@dataclass(frozen=True)
class Condition:
    """How the test recordings of a stream differ from the clean ones."""

    name: str
    noise: Noise | None = None
    snr_db: float = 0.0
    """Active level of a recording over the RMS of the noise around it."""
    rt60_s: float = 0.0
    """Reverberation time in seconds, direct-to-reverberant ratio 0 dB; 0: no room."""
    gain_db: float = 0.0
    channel: Literal["telephone", "microphone"] | None = None


CLEAN = Condition("clean")
NOISY = tuple(
    Condition(f"{noise} noise {snr} dB" if noise == "recorded" else f"babble {snr} dB", noise, snr)
    for noise in ("recorded", "babble")
    for snr in (20, 10, 5, 0)
)
CONDITIONS = (
    CLEAN,
    *NOISY,
    Condition("RT60 0.4 s", rt60_s=0.4),
    Condition("RT60 0.8 s", rt60_s=0.8),
    Condition("−20 dB", gain_db=-20.0),
    Condition("−40 dB", gain_db=-40.0),
    Condition("telephone band", channel="telephone"),
    Condition("another microphone", channel="microphone"),
)
QUICK = (CLEAN, *(one for one in NOISY if one.snr_db == 10), CONDITIONS[9], CONDITIONS[11])
"""Clean, 10 dB of either noise, a living room, and 20 dB softer."""
