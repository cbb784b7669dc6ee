"""Interleaved timing: on a noisy machine only measurements taken by turns can be compared."""

import resource
import time
from collections.abc import Callable, Mapping

import numpy as np


def time_interleaved(
    candidates: Mapping[str, Callable[[], object]],
    rounds: int,
    warmup: int = 3,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, float]:
    """Time callables by turns: A B C A B C ….

    Args:
        candidates: the callables by name.
        rounds: number of timed calls of each.
        warmup: number of calls of each before, which are not timed.
        clock: returns seconds; `time.process_time` where other processes use the machine.

    Returns:
        The median of each in milliseconds.
    """
    times: dict[str, list[float]] = {name: [] for name in candidates}
    for number in range(warmup + rounds):
        for name, run in candidates.items():
            started = clock()
            run()
            if number >= warmup:
                times[name].append((clock() - started) * 1e3)
    return {name: float(np.median(values)) for name, values in times.items()}


def children_cpu_s() -> float:
    """Return the CPU seconds of all child processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
