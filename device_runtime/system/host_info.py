"""Figures about the machine and this process, from /proc and /sys; missing files are skipped."""

import contextlib
import os
import platform
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

PROC, SYS = Path("/proc"), Path("/sys")
SAMPLE_INTERVAL_S = 2.0
MODEL = "device-tree/model"  # of a single-board computer


@dataclass(frozen=True)
class MemoryUsage:
    """Bytes of memory."""

    rss: int
    """Of this process."""
    total: int
    available: int


def read_memory() -> MemoryUsage:
    """Return the memory of this process and of the machine; 0 for what is unknown."""
    found = {"VmRSS": 0, "MemTotal": 0, "MemAvailable": 0}
    for name in ("self/status", "meminfo"):
        with contextlib.suppress(OSError):
            for line in (PROC / name).read_text().splitlines():
                key, _, value = line.partition(":")
                if key in found:
                    found[key] = int(value.split()[0]) << 10
    return MemoryUsage(found["VmRSS"], found["MemTotal"], found["MemAvailable"])


def read_temperature_c() -> float | None:
    """Return the temperature of the warmest zone; None if there is no sensor."""
    zones = []
    for zone in (SYS / "class" / "thermal").glob("thermal_zone*/temp"):
        with contextlib.suppress(OSError, ValueError):
            zones.append(int(zone.read_text()) / 1000)
    return max(zones, default=None)


def read_disk(path: Path) -> tuple[int, int]:
    """Return the free and total bytes of the file system that holds `path`."""
    usage = shutil.disk_usage(path)
    return usage.free, usage.total


def read_machine() -> str:
    """Return the name of the machine: the model of a board, and its processor."""
    with contextlib.suppress(OSError):
        model = (PROC / MODEL).read_text(errors="replace").strip("\0\n ")
        return f"{model}, {platform.machine()}"
    return platform.machine()


class ProcessorUsage:
    """The processor time of this process between two samples."""

    def __init__(self) -> None:
        self._before = self._now = self._sample()

    def percent(self) -> float:
        """Return the share of one core over the last seconds, in percent."""
        sample = self._sample()
        if sample[0] - self._now[0] >= SAMPLE_INTERVAL_S:
            self._before, self._now = self._now, sample
        elapsed_s, spent_s = (now - then for now, then in zip(sample, self._before, strict=True))
        return round(100 * spent_s / elapsed_s, 1) if elapsed_s else 0.0

    @staticmethod
    def _sample() -> tuple[float, float]:
        return time.monotonic(), time.process_time()


def read_load() -> tuple[float, float, float]:
    """Return the load averages over one, five and fifteen minutes."""
    return os.getloadavg()
