"""How the machine and this process are, from /proc and /sys; what is not told there is left out."""

import contextlib
import os
import platform
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

PROC, SYS = Path("/proc"), Path("/sys")
SAMPLED_EVERY_S = 2.0
MODEL = "device-tree/model"  # of a single-board computer


@dataclass(frozen=True)
class MemoryUsage:
    """Bytes."""

    rss: int
    total: int
    available: int


def memory() -> MemoryUsage:
    """Of this process, and of the machine."""
    told = {"VmRSS": 0, "MemTotal": 0, "MemAvailable": 0}
    for name in ("self/status", "meminfo"):
        with contextlib.suppress(OSError):
            for line in (PROC / name).read_text().splitlines():
                key, _, value = line.partition(":")
                if key in told:
                    told[key] = int(value.split()[0]) << 10
    return MemoryUsage(told["VmRSS"], told["MemTotal"], told["MemAvailable"])


def temperature_c() -> float | None:
    """Of the warmest zone; None where none is told."""
    zones = []
    for zone in (SYS / "class" / "thermal").glob("thermal_zone*/temp"):
        with contextlib.suppress(OSError, ValueError):
            zones.append(int(zone.read_text()) / 1000)
    return max(zones, default=None)


def disk(path: Path) -> tuple[int, int]:
    """Free and total bytes where `path` lies."""
    usage = shutil.disk_usage(path)
    return usage.free, usage.total


def name() -> str:
    """What machine it is: the model of a board, and its processor."""
    with contextlib.suppress(OSError):
        model = (PROC / MODEL).read_text(errors="replace").strip("\0\n ")
        return f"{model}, {platform.machine()}"
    return platform.machine()


class ProcessorUsage:
    """How busy this process is, since it was last looked at."""

    def __init__(self) -> None:
        self._before = self._now = self._sample()

    def percent(self) -> float:
        """Of one core, over the last seconds."""
        sample = self._sample()
        if sample[0] - self._now[0] >= SAMPLED_EVERY_S:
            self._before, self._now = self._now, sample
        elapsed_s, spent_s = (now - then for now, then in zip(sample, self._before, strict=True))
        return round(100 * spent_s / elapsed_s, 1) if elapsed_s else 0.0

    @staticmethod
    def _sample() -> tuple[float, float]:
        return time.monotonic(), time.process_time()


def load() -> tuple[float, float, float]:
    """How many processes wanted to run, over the last minute, five and fifteen."""
    return os.getloadavg()
