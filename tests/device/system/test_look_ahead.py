"""Preparing the next items in another thread."""

import threading

from device_runtime.system.look_ahead import DEPTH, look_ahead


def test_results_come_in_order_from_another_thread_and_few_items_ahead() -> None:
    started = list[int]()
    threads = set[int]()

    def prepare(item: int) -> int:
        started.append(item)
        threads.add(threading.get_ident())
        return 10 * item

    furthest = []
    for number, result in enumerate(look_ahead(prepare, range(20))):
        assert result == 10 * number
        furthest.append(len(started) - number)
    assert started == list(range(20))
    assert threads.isdisjoint({threading.get_ident()})
    assert max(furthest) <= DEPTH + 1


def test_nothing_is_prepared_after_the_last_item_that_is_used() -> None:
    started, threads = list[int](), threading.active_count()
    results = look_ahead(started.append, range(20))
    next(results)
    results.close()  # type: ignore[attr-defined]
    assert len(started) <= DEPTH
    assert threading.active_count() == threads
