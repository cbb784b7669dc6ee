"""Interleaved timing: on a noisy machine only what ran side by side can be compared."""

import time
from collections.abc import Callable

import numpy as np


def interleaved(
    contestants: dict[str, Callable[[], object]], rounds: int, warmup: int = 3
) -> dict[str, float]:
    """Median milliseconds of each callable, run in turn: A B C A B C …"""
    times: dict[str, list[float]] = {name: [] for name in contestants}
    for number in range(warmup + rounds):
        for name, run in contestants.items():
            started = time.perf_counter()
            run()
            if number >= warmup:
                times[name].append((time.perf_counter() - started) * 1e3)
    return {name: float(np.median(values)) for name, values in times.items()}
