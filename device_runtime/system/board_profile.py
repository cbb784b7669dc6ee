"""The number of threads that `edgecl bench` found best on this machine, kept in the home."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from device_runtime.system.host_info import read_machine

FILE_NAME = "board.json"
FORMAT = 1
LIVE_THREADS = 1  # without a measurement: one core processes sound many times faster than real time


@dataclass(frozen=True)
class ThreadCounts:
    """Numbers of threads: while listening, and for all other work."""

    live: int
    work: int


def load_thread_counts(home: Path) -> ThreadCounts | None:
    """Return what was measured on this machine; None if nothing was, or on another machine."""
    try:
        document: Any = json.loads((home / FILE_NAME).read_bytes())
        described = (document["format"], document["machine"], document["cores"])
        counts = ThreadCounts(document["threads"]["live"], document["threads"]["work"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    cores = os.cpu_count() or 1
    fits = described == (FORMAT, read_machine(), cores)
    return (
        counts if fits and all(count in range(1, cores + 1) for count in (counts.live, counts.work)) else None
    )


def choose_live_threads(home: Path) -> int:
    """Return the number of threads for sound as it arrives."""
    counts = load_thread_counts(home)
    return counts.live if counts else LIVE_THREADS


def choose_work_threads(home: Path) -> int | None:
    """Return the number of threads for all other work; None if it was not measured."""
    counts = load_thread_counts(home)
    return counts.work if counts else None
