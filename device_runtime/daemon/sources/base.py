"""What a source of sound is: asked again and again, it gives blocks of frames and counts them."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from edgecl.arrays import Waveform
from edgecl.events import State

MUTE: tuple[State, ...] = ("silent", "hung", "failed")
NOTHING: Waveform = np.zeros(0, np.float32)


@dataclass(frozen=True)
class Block:
    """What a source gives at once: some sound, or none yet."""

    first_frame: int
    """Frames since the source was opened, lost ones included: a jump says how many are missing."""
    waveform: Waveform
    """float32 [frames], mono, −1…1, at the rate of the source."""
    captured_s: float
    """When its last frame was heard, in seconds of the wall clock (Unix time)."""

    @property
    def next_frame(self) -> int:
        """The number of the frame that follows."""
        return self.first_frame + self.waveform.size


@dataclass(frozen=True)
class Condition:
    """How a source is, in a word and a sentence, and what to do about it."""

    state: State
    detail: str = ""
    hint: str = ""

    @property
    def is_mute(self) -> bool:
        """Whether it is known to give no sound at present."""
        return self.state in MUTE


STARTING = Condition("starting")
LISTENING = Condition("listening")


class Source(Protocol):
    """A source of sound; it is read by one thread."""

    name: str
    """What events call it."""
    rate_hz: int

    @property
    def condition(self) -> Condition:
        """How it is."""
        ...

    @property
    def lost_frames(self) -> int:
        """How many never arrived."""
        ...

    def read(self, within_s: float) -> Block | None:
        """The next block, of no frames if none came within that time; None at the end.

        Raises:
            SourceError: it broke off.
        """
        ...

    def close(self) -> None:
        """Let go of what it holds."""
        ...
