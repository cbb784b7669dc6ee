"""A live source that is opened again whenever it ends, fails or hangs, and whose condition is told.

                     ┌────────── sound ──────────┐
    opening ── frames ──► listening ◄──► silent, clipping, wrong rate     (the frames tell: `health`)
       ▲                     │                 │
       │             ends, fails, or nothing for 3 s
       └──── back-off ◄──── hung, failed ◄─────┘

While it is silent its frames are withheld, so that nobody computes on them; the first that differ come
through at once. The pauses between attempts double up to a second and no further: a sound card that is
plugged in again is heard within five, even where an attempt hangs first.
"""

import time
from collections.abc import Callable
from dataclasses import replace

from device_runtime.daemon.sources.base import LISTENING, NOTHING, STARTING, Block, Condition, Source
from device_runtime.daemon.sources.health import SILENT, SourceHealth
from edgecl.errors import SourceError

HUNG_AFTER_S = 3.0
FIRST_PAUSE_S = 0.25
LONGEST_PAUSE_S = 1.0
FIRST_PATIENCE_S = 30.0
LONGEST_PATIENCE_S = 600.0
"""How long a silent source is kept open: twice as long every time."""

HUNG = Condition(
    "hung",
    f"not a frame came for {HUNG_AFTER_S:g} s",
    "it is opened again; if it stays so, unplug the microphone and plug it in again",
)


class SupervisedSource:
    """A source that never ends, made of sources that do."""

    def __init__(self, name: str, rate_hz: int, opening: Callable[[], Source]) -> None:
        """`opening` opens it; called by `read`, again and again where need be."""
        self.name = name
        self.rate_hz = rate_hz
        self.condition: Condition = STARTING
        self.lost_frames = 0
        self._opening = opening
        self._source: Source | None = None
        self._health = SourceHealth(rate_hz)
        self._opened_s = self._heard_s = time.monotonic()  # when it was, and when a frame last came
        self._try_at_s = 0.0
        self._pause_s = FIRST_PAUSE_S
        self._patience_s = FIRST_PATIENCE_S
        self._base = 0  # number of the first frame of the present source
        self._next_frame = 0

    def read(self, within_s: float) -> Block:
        """See `Source`; it never ends, and never raises."""
        try:
            block = self._attempt(within_s)
        except SourceError as error:
            self._give_up(Condition("failed", error.message, error.hint))
            block = None
        return block or Block(self._next_frame, NOTHING, time.time())

    def close(self) -> None:
        """See `Source`."""
        if self._source:
            self._source.close()
            self._source = None

    def _attempt(self, within_s: float) -> Block | None:
        wait_s = self._try_at_s - time.monotonic()
        if self._source is None and wait_s > 0:
            time.sleep(min(wait_s, within_s))
            return None
        source = self._source or self._open()
        block = source.read(within_s)
        if block is None:
            raise SourceError(f"'{self.name}' ended", "it is opened again until it goes on")
        return self._taken(block, time.monotonic())

    def _open(self) -> Source:
        self._source = self._opening()
        self._health = SourceHealth(self.rate_hz)
        self._opened_s = time.monotonic()
        outage_s = self._opened_s - self._heard_s if self._next_frame else 0.0
        self._base = self._next_frame = self._next_frame + round(outage_s * self.rate_hz)
        return self._source

    def _taken(self, block: Block, now_s: float) -> Block | None:
        """The block with a number among all frames; None where there is nothing to hear in it."""
        if not block.waveform.size:
            if now_s - max(self._heard_s, self._opened_s) > HUNG_AFTER_S:
                self._give_up(HUNG)
            return None
        self._heard_s = now_s
        first = self._base + block.first_frame
        self.lost_frames += first - self._next_frame
        self._next_frame = first + block.waveform.size
        self._judge(self._health.judge(block, now_s), now_s)
        return None if self.condition is SILENT else replace(block, first_frame=first)

    def _judge(self, condition: Condition, now_s: float) -> None:
        if condition is not STARTING:  # until something is heard, what was wrong before still is
            self.condition = condition
        lived_s = now_s - self._opened_s
        if condition is SILENT and lived_s > self._patience_s:
            self._give_up(SILENT)
            self._patience_s = min(2 * self._patience_s, LONGEST_PATIENCE_S)
        elif condition is LISTENING and lived_s > LONGEST_PAUSE_S:
            self._pause_s, self._patience_s = FIRST_PAUSE_S, FIRST_PATIENCE_S

    def _give_up(self, condition: Condition) -> None:
        self.condition = condition
        self.close()
        self._try_at_s = time.monotonic() + self._pause_s
        self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)
