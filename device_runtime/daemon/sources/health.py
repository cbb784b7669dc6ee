"""Faults of a live source that its frames reveal: digital silence, clipping, another rate than it claims.

unplugged, muted, wrong input   one constant value: no microphone is that quiet
input gain too high             many samples at full scale
wrong rate                      more or fewer frames than the seconds that passed
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from device_runtime.daemon.sources.base import LISTENING, STARTING, Block, Condition
from edgecl.arrays import Waveform

SILENT_AFTER_S = 5.0
SPAN_S = 2.0
"""How much sound one measurement of clipping and rate covers; a fault counts once two in a row agree."""
FULL_SCALE = 0.999
CLIPPED_SHARE = 0.01
RATE_TOLERANCE = 0.15
"""Sound cards are within 0.1 %. A pipe that is not read for a while looks too slow, then too fast."""

Fault = Literal["", "too fast", "too slow", "clipping"]

SILENT = Condition(
    "silent",
    f"nothing but digital silence for {SILENT_AFTER_S:g} s",
    "is the microphone plugged in, switched on and not muted? 'alsamixer' shows its input",
)
WRONG_RATE_HINT = "set the rate and channels that the source really has; too few: is the machine too busy?"
CLIPPING = Condition("clipping", "many samples are at full scale", "turn the input down: 'alsamixer'")


class SourceHealth:
    """The condition of one source, updated with every block."""

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._value = float("nan")  # of the newest frame
        self._constant = 0  # frames up to the newest that have this value
        self._span: _Span | None = None
        self._fault: Fault = ""  # in the previous span
        self.condition = STARTING

    def update(self, block: Block, now_s: float) -> Condition:
        """Return the condition after this block, which arrived at `now_s` of a monotonic clock."""
        if not block.waveform.size:
            return self.condition
        self._count_constant(block.waveform)
        if self._constant >= SILENT_AFTER_S * self._rate_hz:
            self.condition, self._span = SILENT, None
        elif self._constant < block.waveform.size:  # the value changes
            self._measure(block.waveform, now_s)
        return self.condition

    def _count_constant(self, waveform: Waveform) -> None:
        others = np.flatnonzero(waveform != waveform[-1])
        if others.size:
            self._constant = waveform.size - 1 - int(others[-1])
        else:
            self._constant = waveform.size + (self._constant if waveform[-1] == self._value else 0)
        self._value = float(waveform[-1])

    def _measure(self, waveform: Waveform, now_s: float) -> None:
        if self._span is None:
            self.condition, self._span = LISTENING, _Span(now_s)
            return
        self._span.add(waveform)
        if now_s - self._span.started_s >= SPAN_S:
            self.condition, self._span = self._judge(self._span, now_s), _Span(now_s)

    def _judge(self, span: "_Span", now_s: float) -> Condition:
        measured_hz = span.frames / (now_s - span.started_s)
        previous, self._fault = self._fault, self._find_fault(span, measured_hz)
        if not self._fault or self._fault != previous:
            return LISTENING
        if self._fault == "clipping":
            return CLIPPING
        detail = f"about {measured_hz:.0f} frames a second arrive, not {self._rate_hz}"
        return Condition("wrong rate", detail, WRONG_RATE_HINT)

    def _find_fault(self, span: "_Span", measured_hz: float) -> Fault:
        deviation = measured_hz / self._rate_hz - 1
        if abs(deviation) > RATE_TOLERANCE:
            return "too fast" if deviation > 0 else "too slow"
        return "clipping" if span.clipped > CLIPPED_SHARE * span.frames else ""


@dataclass
class _Span:
    """Counts over the frames since `started_s`."""

    started_s: float
    frames: int = 0
    clipped: int = 0

    def add(self, waveform: Waveform) -> None:
        self.frames += waveform.size
        self.clipped += int(np.count_nonzero(np.abs(waveform) >= FULL_SCALE))
