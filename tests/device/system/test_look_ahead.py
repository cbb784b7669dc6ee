"""Preparing the next items in other threads."""

import threading

import pytest

from device_runtime.system.look_ahead import look_ahead
from tests.deadlines import SOON_S


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_results_come_in_order_from_other_threads_and_few_items_ahead(workers: int) -> None:
    started = list[int]()
    threads = set[int]()

    def prepare(item: int) -> int:
        started.append(item)
        threads.add(threading.get_ident())
        sum(range(50_000 if item % 2 else 0))  # so that they finish in another order
        return 10 * item

    furthest = []
    for number, result in enumerate(look_ahead(prepare, range(20), workers)):
        assert result == 10 * number
        furthest.append(len(started) - number)
    assert sorted(started) == list(range(20))
    assert threads.isdisjoint({threading.get_ident()})
    assert len(threads) <= workers
    assert max(furthest) <= workers + 1


def test_nothing_is_prepared_after_the_last_item_that_is_used() -> None:
    started, threads = list[int](), set(threading.enumerate())
    results = look_ahead(started.append, range(20))
    next(results)
    results.close()  # type: ignore[attr-defined]
    assert len(started) <= 2
    assert set(threading.enumerate()) <= threads


def test_as_many_items_as_there_are_workers_are_prepared_at_once() -> None:
    together = threading.Barrier(3, timeout=SOON_S)
    assert len(list(look_ahead(lambda item: together.wait(), range(6), workers=3))) == 6
