"""Interleaved timing: on a noisy machine only what ran side by side can be compared."""

import resource
import time
from collections.abc import Callable, Mapping

import numpy as np


def interleaved(
    contestants: Mapping[str, Callable[[], object]],
    rounds: int,
    warmup: int = 3,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, float]:
    """Median milliseconds of each callable, run in turn: A B C A B C …

    Args:
        clock: in seconds; `time.process_time` where other processes take part of the machine.
    """
    times: dict[str, list[float]] = {name: [] for name in contestants}
    for number in range(warmup + rounds):
        for name, run in contestants.items():
            started = clock()
            run()
            if number >= warmup:
                times[name].append((clock() - started) * 1e3)
    return {name: float(np.median(values)) for name, values in times.items()}


def children_s() -> float:
    """CPU seconds that ended child processes took."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
