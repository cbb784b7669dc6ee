"""Prepares the next items in another thread while the present one is used."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

DEPTH = 2
"""Number of items that are prepared or being prepared at once: more only take memory."""


def look_ahead(function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
    """Yield `function(item)` for each item, in order, computed in another thread.

    The function must not raise: an exception ends the iteration where its result is due.
    """
    with ThreadPoolExecutor(max_workers=1) as thread:
        pending = deque[Future[R]]()
        for item in items:
            pending.append(thread.submit(function, item))
            if len(pending) == DEPTH:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
