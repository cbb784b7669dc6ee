"""Latency of events: from the end of a window's sound to the line on the daemon's stdout.

The event says where its newest window ends in the stream, the microphone logs when it wrote that frame, and
the line is stamped on arrival, all by the system's monotonic clock. In between lie the pipe, the backbone,
all tasks, the sink queue and stdout. Not included: a sound must be detected in two windows, half a second
apart, before it is reported.
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
class PlaybackLog:
    """The log of the simulated microphone."""

    written_s: dict[int, float]  # frames up to the end of a block → when it was written, monotonic clock
    longest_wait_s: float  # the most sound that waited in the pipe
    lost_frames: int

    @classmethod
    def read(cls, path: Path) -> "PlaybackLog":
        """Read the log file; an incomplete last line is ignored."""
        rows = [line.split() for line in path.read_text().splitlines(keepends=True) if line.endswith("\n")]
        waiting_bytes = max((int(row[2]) for row in rows), default=0)
        lost = int(rows[-1][3]) if rows else 0
        return cls({int(row[0]): float(row[1]) for row in rows}, waiting_bytes / FRAME_BYTES / RATE_HZ, lost)

    @property
    def frames(self) -> int:
        """The number of frames played so far, lost ones included."""
        return max(self.written_s, default=0)


def latencies_ms(events: Iterable[tuple[float, Event]], log: PlaybackLog, window_s: float) -> list[float]:
    """Return the latency of every start and update of a sound.

    Args:
        events: time of arrival in seconds, event.
        log: the log of the microphone.
        window_s: length of a window.
    """
    return [
        (arrived_s - log.written_s[window_end_frame(event, window_s)]) * 1e3
        for arrived_s, event in events
        if event["kind"] == "sound" and event["phase"] != "end"
    ]


def window_end_frame(event: Event, window_s: float) -> int:
    """Return the last frame of the newest window; an event covers half a hop around its middle."""
    start, end = datetime.fromisoformat(event["start"]), datetime.fromisoformat(event["end"])
    end_s = event["offset_s"] + (end - start).total_seconds() + (window_s - HOP_S) / 2
    return round(end_s / HOP_S) * round(HOP_S * RATE_HZ)


def percentiles(values: Sequence[float]) -> tuple[float, float]:
    """Return the 50th and the 99th percentile; NaN where there are no values."""
    p50, p99 = np.percentile(values, [50, 99]) if values else (np.nan, np.nan)
    return float(p50), float(p99)
