"""The interface of an audio source: it is polled for blocks and counts their frames."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from edgecl.arrays import Waveform
from edgecl.audio.channels import ChannelFault
from edgecl.events import State

MUTE_STATES: tuple[State, ...] = ("silent", "hung", "failed")
NO_FRAMES: Waveform = np.zeros(0, np.float32)


@dataclass(frozen=True)
class Block:
    """Some consecutive frames of a source; none if nothing arrived in time."""

    first_frame: int
    """Frames since the source was opened, including lost ones: a jump is the number of missing frames."""
    waveform: Waveform
    """float32 [frames], mono, −1…1, at the rate of the source."""
    captured_s: float
    """When its last frame was captured, in seconds of the wall clock (Unix time)."""
    channel_fault: ChannelFault | None = None
    """Fault of the channels; a single channel is used in place of their mean."""

    @property
    def next_frame(self) -> int:
        """The number of the frame that follows."""
        return self.first_frame + self.waveform.size


@dataclass(frozen=True)
class Condition:
    """The state of a source, a sentence about it, and what to do about it."""

    state: State
    detail: str = ""
    hint: str = ""

    @property
    def is_mute(self) -> bool:
        """Return whether the source is known to give no sound at present."""
        return self.state in MUTE_STATES


STARTING = Condition("starting")
LISTENING = Condition("listening")


class Source(Protocol):
    """An audio source, read by one thread."""

    rate_hz: int

    @property
    def name(self) -> str:
        """The name of the source."""
        ...

    @property
    def condition(self) -> Condition:
        """The present condition."""
        ...

    @property
    def lost_frames(self) -> int:
        """Number of frames that never arrived."""
        ...

    def read(self, timeout_s: float) -> Block | None:
        """Return the next block, an empty one after the timeout, or None at the end of the source.

        Raises:
            SourceError: the source broke off.
        """
        ...

    def close(self) -> None:
        """Release what the source holds."""
        ...
