"""Faults of a live source that its frames reveal, such as digital silence, clipping, another rate.

unplugged, muted, wrong input   one constant value: no microphone is that quiet
input gain too high             many samples at full scale
wrong rate                      more or fewer frames than the seconds that passed
wrong plug or cable             channels that cancel each other, or one that is dead
cheap microphone or sound card  a DC offset, which takes room from the sound
input gain too low              nothing loud since it was opened, however long that is
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from device_runtime.daemon.sources.base import LISTENING, NO_FRAMES, STARTING, Block, Condition
from edgecl.arrays import Waveform
from edgecl.audio.channels import ChannelFault
from edgecl.audio.levels import MIN_LEVEL_DBFS, level_dbfs

SILENT_AFTER_S = 5.0
SILENT_WITHOUT_FRAMES_S = 10.0
"""Time after which one value is silence even if few frames have arrived."""
SPAN_S = 2.0
"""How much sound one measurement covers; the condition changes once two in a row agree."""
FULL_SCALE = 0.999
CLIPPED_SHARE = 0.01
RATE_TOLERANCE = 0.15
"""Sound cards are within 0.1 %. A pipe that is not read for a while looks too slow, then too fast."""

OFFSET, OFFSET_AT_EXIT = 0.03, 0.02
"""DC component from which it is reported, and below which no longer."""
SOFT_DBFS, SOFT_DBFS_AT_EXIT = -65.0, -60.0
"""Level that the loudest moment has to reach, and to reach once it was reported as too soft."""
SOFT_AFTER_S = 20.0
LEVEL_S = 0.1
"""Length of a moment."""
FORGOTTEN_DB_PER_S = 0.1 / 60
"""How fast the loudest moment is forgotten: a quiet night does not make a microphone too soft."""

Fault = Literal["", "too fast", "too slow", "clipping", "dc offset", "too soft"] | ChannelFault

SILENT = Condition(
    "silent",
    f"nothing but digital silence for {SILENT_AFTER_S:g} s",
    "is the microphone plugged in, switched on and not muted? 'alsamixer' shows its input",
)
WRONG_RATE_HINT = "set the rate and channels that the source really has; too few: is the machine too busy?"
CLIPPING = Condition("clipping", "many samples are at full scale", "turn the input down: 'alsamixer'")
DC_OFFSET = Condition(
    "dc offset",
    "the sound is not centred on zero; that is corrected, but takes room from loud sounds",
    "switch on the high-pass or DC filter of the sound card: 'alsamixer'; otherwise nothing needs to be done",
)
TOO_SOFT = Condition(
    "too soft",
    f"nothing louder than {SOFT_DBFS:g} dBFS for {SOFT_AFTER_S:g} s",
    "make a sound beside the microphone; if this stays, turn the input up: 'alsamixer'",
)
CHANNEL_CONDITIONS: dict[ChannelFault, Condition] = {
    "opposite phase": Condition(
        "opposite phase",
        "the channels cancel each other, so one of them is used",
        "check the plug and the cable: a balanced microphone needs an adapter for a stereo input",
    ),
    "one channel dead": Condition(
        "one channel dead",
        "one channel gives no sound, so another one is used",
        "check the plug of the microphone; nothing is lost while the other channel works",
    ),
}


class SourceHealth:
    """The condition of one source, updated with every block."""

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._value = float("nan")  # of the newest frame
        self._constant = 0  # frames up to the newest that have this value
        self._constant_since_s = 0.0
        self._span: _Span | None = None
        self._fault: Fault = ""  # the one that the condition reports
        self._latest: Fault = ""  # in the previous span
        self._loudest_dbfs = MIN_LEVEL_DBFS  # of all moments, slowly forgotten
        self._unmeasured = NO_FRAMES  # the beginning of a moment
        self._measured_s = 0.0
        self.condition = STARTING

    def update(self, block: Block, now_s: float) -> Condition:
        """Return the condition after this block, which arrived at `now_s` of a monotonic clock."""
        if not block.waveform.size:
            return self.condition
        self._count_constant(block.waveform, now_s)
        constant_s = now_s - self._constant_since_s
        if self._constant >= SILENT_AFTER_S * self._rate_hz or constant_s >= SILENT_WITHOUT_FRAMES_S:
            self.condition, self._span = SILENT, None
        elif self._constant < block.waveform.size:  # the value changes
            self._measure(block, now_s)
        return self.condition

    def _count_constant(self, waveform: Waveform, now_s: float) -> None:
        others = np.flatnonzero(waveform != waveform[-1])
        if others.size or waveform[-1] != self._value:
            self._constant_since_s, self._constant = now_s, 0
        self._constant += waveform.size - 1 - int(others[-1]) if others.size else waveform.size
        self._value = float(waveform[-1])

    def _measure(self, block: Block, now_s: float) -> None:
        if self._span is None:
            self.condition, self._span = LISTENING, _Span(now_s)
            self._fault = self._latest = ""
            return
        self._span.add(block)
        self._measure_level(block.waveform)
        if now_s - self._span.started_s >= SPAN_S:
            self.condition, self._span = self._judge(self._span, now_s), _Span(now_s)

    def _judge(self, span: "_Span", now_s: float) -> Condition:
        measured_hz = span.frames / (now_s - span.started_s)
        previous, self._latest = self._latest, self._find_fault(span, measured_hz)
        if self._latest == self._fault or self._latest != previous:
            return self.condition
        self._fault = self._latest
        return self._describe(self._fault, measured_hz)

    def _measure_level(self, waveform: Waveform) -> None:
        size = round(LEVEL_S * self._rate_hz)
        unmeasured = np.concatenate([self._unmeasured, waveform])
        moments = np.split(unmeasured, range(size, unmeasured.size + 1, size))
        self._unmeasured = moments.pop()
        for moment in moments:
            remembered = self._loudest_dbfs - FORGOTTEN_DB_PER_S * LEVEL_S
            self._loudest_dbfs = max(remembered, level_dbfs(moment))
            self._measured_s += LEVEL_S

    def _describe(self, fault: Fault, measured_hz: float) -> Condition:
        if fault == "":
            return LISTENING
        if fault == "clipping":
            return CLIPPING
        if fault in ("opposite phase", "one channel dead"):
            return CHANNEL_CONDITIONS[fault]
        if fault in ("dc offset", "too soft"):
            return DC_OFFSET if fault == "dc offset" else TOO_SOFT
        detail = f"about {measured_hz:.0f} frames a second arrive, not {self._rate_hz}"
        return Condition("wrong rate", detail, WRONG_RATE_HINT)

    def _find_fault(self, span: "_Span", measured_hz: float) -> Fault:
        deviation = measured_hz / self._rate_hz - 1
        if abs(deviation) > RATE_TOLERANCE:
            return "too fast" if deviation > 0 else "too slow"
        if span.clipped > CLIPPED_SHARE * span.frames:
            return "clipping"
        if span.channel_fault:
            return span.channel_fault
        if abs(span.sum) >= span.frames * (OFFSET_AT_EXIT if self._fault == "dc offset" else OFFSET):
            return "dc offset"
        needed_dbfs = SOFT_DBFS_AT_EXIT if self._fault == "too soft" else SOFT_DBFS
        is_soft = self._measured_s >= SOFT_AFTER_S and self._loudest_dbfs < needed_dbfs
        return "too soft" if is_soft else ""


@dataclass
class _Span:
    """Counts over the frames since `started_s`."""

    started_s: float
    frames: int = 0
    clipped: int = 0
    sum: float = 0.0
    channel_fault: ChannelFault | None = None
    """At its end."""

    def add(self, block: Block) -> None:
        self.frames += block.waveform.size
        self.clipped += int(np.count_nonzero(np.abs(block.waveform) >= FULL_SCALE))
        self.sum += float(block.waveform.sum(dtype=np.float64))
        self.channel_fault = block.channel_fault
