"""A live source that is reopened whenever it ends, fails or hangs, and that reports its condition.

                     ┌────────── sound ──────────┐
    opening ── frames ──► listening ◄──► silent, clipping, wrong rate, …  (from the frames: `health`)
       ▲                     │                 │
       │             ends, fails, or no frame for 3 s
       └──── back-off ◄──── hung, failed ◄─────┘

While it is digitally silent its frames are withheld, which saves all computation; the first frame that
differs ends the silence. The back-off doubles up to one second, so that a sound card that is plugged in again
is in use within five seconds, even where the first attempt hangs. A condition that changes again and again is
damped before it is reported (`damping`).
"""

import time
from collections.abc import Callable
from dataclasses import replace

from device_runtime.daemon.sources.base import NO_FRAMES, STARTING, Block, Condition, Source
from device_runtime.daemon.sources.damping import ConditionDamper
from device_runtime.daemon.sources.health import SILENT, SourceHealth
from edgecl.errors import SourceError

HUNG_AFTER_S = 3.0
FIRST_BACKOFF_S = 0.25
LONGEST_BACKOFF_S = 1.0
FIRST_SILENCE_S = 30.0
LONGEST_SILENCE_S = 600.0
"""How long a silent source is kept open before it is reopened: twice as long every time."""

HUNG = Condition(
    "hung",
    f"no frame for {HUNG_AFTER_S:g} s",
    "it is opened again; if it stays so, unplug the microphone and plug it in again",
)


class SupervisedSource:
    """A source that never ends, made of sources that do."""

    def __init__(
        self,
        name: str,
        rate_hz: int,
        open_source: Callable[[], Source],
        choice: Callable[[], str] = lambda: "",
    ) -> None:
        """Prepare the source.

        Args:
            name: of what is opened where nothing is chosen.
            rate_hz: sample rate.
            open_source: called by `read`, as often as needed.
            choice: what `open_source` opens; when it changes, the source is opened anew.
        """
        self._choice, self._chosen = choice, choice()
        self._configured_name = name
        self.name = self._chosen or name
        self.rate_hz = rate_hz
        self.condition: Condition = STARTING
        """The condition to report."""
        self.lost_frames = 0
        self._open_source = open_source
        self._source: Source | None = None
        self._health = SourceHealth(rate_hz)
        self._present: Condition = STARTING
        self._present_since_s = time.monotonic()
        self._damper = ConditionDamper()
        self._opened_s = self._last_frame_s = time.monotonic()
        self._next_attempt_s = 0.0
        self._backoff_s = FIRST_BACKOFF_S
        self._silence_limit_s = FIRST_SILENCE_S
        self._offset = 0  # number of the first frame of the present source
        self._next_frame = 0

    def read(self, timeout_s: float) -> Block:
        """See `Source`; it never ends, and never raises."""
        self._follow_choice()
        try:
            block = self._try_read(timeout_s)
        except SourceError as error:
            self._give_up(Condition("failed", error.message, error.hint), time.monotonic())
            block = None
        self.condition = self._damper.update(self._present, self._present_since_s, time.monotonic())
        return block or Block(self._next_frame, NO_FRAMES, time.time())

    def close(self) -> None:
        """See `Source`."""
        if self._source:
            self._source.close()
            self._source = None

    def _follow_choice(self) -> None:
        """Close the source, to be opened anew at once, if another one has been chosen."""
        if self._choice() != self._chosen:
            self._chosen = self._choice()
            self.name = self._chosen or self._configured_name
            self.close()
            self._set_present(STARTING, time.monotonic())
            self._next_attempt_s, self._backoff_s = 0.0, FIRST_BACKOFF_S

    def _try_read(self, timeout_s: float) -> Block | None:
        wait_s = self._next_attempt_s - time.monotonic()
        if self._source is None and wait_s > 0:
            time.sleep(min(wait_s, timeout_s))
            return None
        source = self._source or self._open()
        block = source.read(timeout_s)
        if block is None:
            raise SourceError(f"'{self.name}' ended", "it is opened again until it goes on")
        return self._accept(block, time.monotonic())

    def _open(self) -> Source:
        self._source = self._open_source()
        self._health = SourceHealth(self.rate_hz)
        self._opened_s = time.monotonic()
        outage_s = self._opened_s - self._last_frame_s if self._next_frame else 0.0
        self._offset = self._next_frame = self._next_frame + round(outage_s * self.rate_hz)
        return self._source

    def _accept(self, block: Block, now_s: float) -> Block | None:
        """Return the block with its frame number since the first opening; None if there is nothing in it."""
        if not block.waveform.size:
            if now_s - max(self._last_frame_s, self._opened_s) > HUNG_AFTER_S:
                self._give_up(HUNG, self._last_frame_s)
            return None
        self._last_frame_s = now_s
        first = self._offset + block.first_frame
        self.lost_frames += first - self._next_frame
        self._next_frame = first + block.waveform.size
        self._set_condition(self._health.update(block, now_s), now_s)
        return None if self._present is SILENT else replace(block, first_frame=first)

    def _set_condition(self, condition: Condition, now_s: float) -> None:
        if condition is not STARTING:  # until sound arrives, the previous fault persists
            self._set_present(condition, now_s)
        open_s = now_s - self._opened_s
        if condition is SILENT and open_s > self._silence_limit_s:
            self._give_up(SILENT, now_s)
            self._silence_limit_s = min(2 * self._silence_limit_s, LONGEST_SILENCE_S)
        elif not (condition.is_mute or condition is STARTING) and open_s > LONGEST_BACKOFF_S:
            self._backoff_s, self._silence_limit_s = FIRST_BACKOFF_S, FIRST_SILENCE_S

    def _set_present(self, condition: Condition, since_s: float) -> None:
        if condition != self._present:
            self._present, self._present_since_s = condition, since_s

    def _give_up(self, condition: Condition, since_s: float) -> None:
        """Close the source, to open it again after the back-off."""
        self._set_present(condition, since_s)
        self.close()
        self._next_attempt_s = time.monotonic() + self._backoff_s
        self._backoff_s = min(2 * self._backoff_s, LONGEST_BACKOFF_S)
