"""A sink queue never blocks the pipeline, and reports what it could not deliver."""

import threading

import pytest

from device_runtime.daemon.sinks import queue
from device_runtime.daemon.sinks.queue import SinkQueue
from tests.deadlines import SOON_S


def test_items_are_delivered_in_order() -> None:
    taken: list[int] = []
    box = SinkQueue(taken.append)
    for number in range(100):
        box.put(number)
    box.close()
    assert taken == list(range(100))
    assert (box.dropped, box.failures) == (0, 0)


def test_items_a_stuck_sink_has_no_room_for_are_dropped_and_counted(monkeypatch) -> None:
    monkeypatch.setattr(queue, "CAPACITY", 10)
    released = threading.Event()
    box = SinkQueue(lambda _: released.wait())
    for number in range(30):
        box.put(number)
    released.set()
    box.close()
    assert 19 <= box.dropped <= 20


def test_the_capacity_is_a_sum_of_sizes_and_dropped_items_are_reported() -> None:
    released, taken, warnings = threading.Event(), [], []

    def take(item: bytes) -> None:
        released.wait()
        taken.append(item)

    box = SinkQueue(take, warn=warnings.append, capacity=1000, size_of=len, item_name="clips")
    assert [box.put(bytes(400)) for _ in range(9)][:3] == [True, True, True]
    assert box.dropped in (5, 6)  # one may be out of the queue already
    assert warnings[:2] == [
        "1 clips lost up to now: they come faster than they can be written or sent",
        "2 clips lost up to now: they come faster than they can be written or sent",
    ]
    assert len(warnings) == 3
    released.set()
    box.close()
    assert len(taken) == 9 - box.dropped


def test_items_left_in_the_queue_of_a_stuck_sink_count_as_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "CLOSE_TIMEOUT_S", 0.1)
    taking, released = threading.Event(), threading.Event()

    def take(number: int) -> None:
        taking.set()
        released.wait()

    box = SinkQueue(take)
    for number in range(4):
        box.put(number)
    assert taking.wait(SOON_S)
    box.close()
    released.set()
    assert box.dropped == 3  # the first is being taken


def test_a_sink_that_fails_gets_the_next_item_and_each_failure_is_reported_once() -> None:
    def fail(number: int) -> None:
        raise OSError(28, f"no room for {number}")

    warnings: list[str] = []
    box = SinkQueue(fail, warn=warnings.append)
    for number in (1, 1, 2):
        box.put(number)
    box.close()
    assert (box.failures, warnings) == (3, ["[Errno 28] no room for 1", "[Errno 28] no room for 2"])
    assert not box.is_closed


def test_a_broken_pipe_closes_the_queue() -> None:
    def fail(number: int) -> None:
        raise BrokenPipeError

    box = SinkQueue(fail)
    box.put(1)
    box.close()
    assert box.is_closed
