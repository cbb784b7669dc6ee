"""From the end of a window's sound to the line that tells of it.

The event says where its newest window ends in the stream; the microphone wrote down when it gave that frame;
the line was stamped when it came out of the daemon; both by the system's monotonic clock. In between lie the
pipe, the backbone, all tasks, the outbox and stdout. Not counted: a sound has to be heard in two windows,
half a second apart, before it is told.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from device_runtime.recognition.stream import HOP_S
from tools.bench.daemon.process import Event
from tools.bench.daemon.simulated_microphone import FRAME_BYTES, RATE_HZ


@dataclass(frozen=True)
class Stamps:
    """What the microphone wrote down."""

    given_s: dict[int, float]  # frames up to the end of a block → when it was given, monotonic clock
    longest_wait_s: float  # the most sound that lay in the pipe
    lost_frames: int

    @classmethod
    def read(cls, path: Path) -> "Stamps":
        """From its file; a line that is being written is left out."""
        rows = [line.split() for line in path.read_text().splitlines(keepends=True) if line.endswith("\n")]
        waited = max((int(row[2]) for row in rows), default=0)
        lost = int(rows[-1][3]) if rows else 0
        return cls({int(row[0]): float(row[1]) for row in rows}, waited / FRAME_BYTES / RATE_HZ, lost)

    @property
    def frames(self) -> int:
        """How many were given up to now."""
        return max(self.given_s, default=0)


def latencies_ms(told: Iterable[tuple[float, Event]], stamps: Stamps, window_s: float) -> list[float]:
    """One for every event that a window made known at once."""
    return [
        (came_s - stamps.given_s[window_end(event, window_s)]) * 1e3
        for came_s, event in told
        if event["kind"] == "sound" and event["phase"] != "end"
    ]


def window_end(event: Event, window_s: float) -> int:
    """The frame at which the newest window of a sound ends: it is heard half a hop around its middle."""
    start, end = datetime.fromisoformat(event["start"]), datetime.fromisoformat(event["end"])
    end_s = event["offset_s"] + (end - start).total_seconds() + (window_s - HOP_S) / 2
    return round(end_s / HOP_S) * round(HOP_S * RATE_HZ)


def percentiles(values: Sequence[float]) -> tuple[float, float]:
    """The 50th and the 99th; NaN where there are no values."""
    p50, p99 = np.percentile(values, [50, 99]) if values else (np.nan, np.nan)
    return float(p50), float(p99)
