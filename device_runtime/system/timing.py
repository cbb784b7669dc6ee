"""Time measurement by stage."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import TypeVar

T = TypeVar("T")


class Stopwatch:
    """Seconds spent in each of some named stages.

    `with watch("decode"): …` adds to `seconds["decode"]`.
    """

    def __init__(self, *stages: str) -> None:
        self.seconds = dict.fromkeys(stages, 0.0)

    def each(self, stage: str, items: Iterable[T]) -> Iterator[T]:
        """Yield items and add the time until each one is there to a stage."""
        iterator = iter(items)
        while True:
            with self(stage):
                item = next(iterator, None)
            if item is None:
                return
            yield item

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        """Add the duration of the `with` block to a stage."""
        start = perf_counter()
        try:
            yield
        finally:
            self.seconds[stage] += perf_counter() - start
