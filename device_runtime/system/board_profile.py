"""Numbers of threads: those that `edgecl bench` measured best here, kept in the home, and the default."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from device_runtime.system.host_info import read_machine

FILE_NAME = "board.json"
FORMAT = 2  # in format 1 the threads of all other work shared each operator
MAX_THREADS = 4
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


def default_threads() -> int:
    """Return the number of cores this process may use, at most 4, beyond which a train step gains nothing."""
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS
        cores = os.cpu_count() or 1
    return min(cores, MAX_THREADS)
