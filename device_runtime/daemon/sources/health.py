"""What the frames of a live source tell about it: digital silence, clipping, another rate than it claims.

unplugged, muted, wrong input   nothing but one value: no microphone is that quiet
input gain too high             many samples at full scale
wrong rate                      more or fewer frames than the seconds that passed
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from device_runtime.daemon.sources.base import LISTENING, STARTING, Block, Condition
from edgecl.arrays import Waveform

SILENT_AFTER_S = 5.0
LOOKED_AT_S = 2.0
"""How much sound a judgement on clipping or rate is based on; it counts once it was passed twice in a row."""
FULL_SCALE = 0.999
CLIPPED_SHARE = 0.01
RATE_TOLERANCE = 0.15
"""Sound cards are within 0.1 %. A pipe that nobody reads for a while looks too slow, then too fast."""

Finding = Literal["", "too fast", "too slow", "clipping"]

SILENT = Condition(
    "silent",
    f"nothing but digital silence for {SILENT_AFTER_S:g} s",
    "is the microphone plugged in, switched on and not muted? 'alsamixer' shows its input",
)
WRONG_RATE_HINT = "set the rate and channels that the source really has; too few: is the machine too busy?"
CLIPPING = Condition("clipping", "many samples are at full scale", "turn the input down: 'alsamixer'")


class SourceHealth:
    """The condition of one source, from block to block."""

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._value = float("nan")  # of the newest frame
        self._same = 0  # frames up to the newest that have this value
        self._look: _Look | None = None
        self._found: Finding = ""  # by the last look
        self.condition = STARTING

    def judge(self, block: Block, now_s: float) -> Condition:
        """The condition after this block, which came at `now_s` of a steady clock."""
        if not block.waveform.size:
            return self.condition
        self._count_same(block.waveform)
        if self._same >= SILENT_AFTER_S * self._rate_hz:
            self.condition, self._look = SILENT, None
        elif self._same < block.waveform.size:  # something moves
            self._listen(block.waveform, now_s)
        return self.condition

    def _count_same(self, waveform: Waveform) -> None:
        others = np.flatnonzero(waveform != waveform[-1])
        if others.size:
            self._same = waveform.size - 1 - int(others[-1])
        else:
            self._same = waveform.size + (self._same if waveform[-1] == self._value else 0)
        self._value = float(waveform[-1])

    def _listen(self, waveform: Waveform, now_s: float) -> None:
        if self._look is None:
            self.condition, self._look = LISTENING, _Look(now_s)
            return
        self._look.add(waveform)
        if now_s - self._look.began_s >= LOOKED_AT_S:
            self.condition, self._look = self._verdict(self._look, now_s), _Look(now_s)

    def _verdict(self, look: "_Look", now_s: float) -> Condition:
        found_hz = look.frames / (now_s - look.began_s)
        before, self._found = self._found, self._finding(look, found_hz)
        if not self._found or self._found != before:
            return LISTENING
        if self._found == "clipping":
            return CLIPPING
        detail = f"about {found_hz:.0f} frames come in a second, not {self._rate_hz}"
        return Condition("wrong rate", detail, WRONG_RATE_HINT)

    def _finding(self, look: "_Look", found_hz: float) -> Finding:
        beyond = found_hz / self._rate_hz - 1
        if abs(beyond) > RATE_TOLERANCE:
            return "too fast" if beyond > 0 else "too slow"
        return "clipping" if look.clipped > CLIPPED_SHARE * look.frames else ""


@dataclass
class _Look:
    """What came since `began_s`."""

    began_s: float
    frames: int = 0
    clipped: int = 0

    def add(self, waveform: Waveform) -> None:
        self.frames += waveform.size
        self.clipped += int(np.count_nonzero(np.abs(waveform) >= FULL_SCALE))
