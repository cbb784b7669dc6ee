"""Prepares the next items in other threads while the present one is used."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def look_ahead(function: Callable[[T], R], items: Iterable[T], workers: int = 1) -> Iterator[R]:
    """Yield `function(item)` for each item, in order, computed in other threads.

    At most one item more than there are workers is prepared or being prepared at once: more only take memory.
    An exception of the function ends the iteration where its result is due, one of the items at once.

    Args:
        function: what to compute of an item.
        items: taken in this thread as workers become free.
        workers: number of threads.
    """
    with ThreadPoolExecutor(max_workers=workers) as threads:
        pending = deque[Future[R]]()
        try:
            for item in items:
                pending.append(threads.submit(function, item))
                if len(pending) > workers:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            threads.shutdown(cancel_futures=True)  # where the caller ends early
