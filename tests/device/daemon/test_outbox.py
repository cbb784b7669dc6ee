"""An outbox never lets the ear wait, and says what it could not deliver."""

import threading

import pytest

from device_runtime.daemon.sinks import queue
from device_runtime.daemon.sinks.queue import SinkQueue


def test_what_is_put_in_is_taken_in_order() -> None:
    taken: list[int] = []
    box = SinkQueue(taken.append)
    for number in range(100):
        box.put(number)
    box.close()
    assert taken == list(range(100))
    assert (box.dropped, box.failures) == (0, 0)


def test_a_stuck_sink_costs_events_and_they_are_counted(monkeypatch) -> None:
    monkeypatch.setattr(queue, "CAPACITY", 10)
    let_go = threading.Event()
    box = SinkQueue(lambda _: let_go.wait())
    for number in range(30):
        box.put(number)
    let_go.set()
    box.close()
    assert 19 <= box.dropped <= 20


def test_what_waits_is_bounded_by_its_size_and_what_is_lost_is_told() -> None:
    let_go, taken, complaints = threading.Event(), [], []

    def take(item: bytes) -> None:
        let_go.wait()
        taken.append(item)

    box = SinkQueue(take, complain=complaints.append, room=1000, size_of=len, called="clips")
    assert [box.put(bytes(400)) for _ in range(9)][:3] == [True, True, True]
    assert box.dropped in (5, 6)  # one may be out of the queue already
    assert complaints[:2] == [
        "1 clips lost up to now: they come faster than they can be written or sent",
        "2 clips lost up to now: they come faster than they can be written or sent",
    ]
    assert len(complaints) == 3
    let_go.set()
    box.close()
    assert len(taken) == 9 - box.dropped


def test_what_a_stuck_sink_never_took_counts_as_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "LAST_WORDS_S", 0.1)
    let_go = threading.Event()
    box = SinkQueue(lambda _: let_go.wait())
    for number in range(4):
        box.put(number)
    box.close()
    let_go.set()
    assert box.dropped == 3  # the first is being taken


def test_a_sink_that_fails_is_asked_again_and_its_words_are_passed_on_once() -> None:
    def fail(number: int) -> None:
        raise OSError(28, f"no room for {number}")

    complaints: list[str] = []
    box = SinkQueue(fail, complain=complaints.append)
    for number in (1, 1, 2):
        box.put(number)
    box.close()
    assert (box.failures, complaints) == (3, ["[Errno 28] no room for 1", "[Errno 28] no room for 2"])
    assert not box.is_closed


def test_a_closed_pipe_is_the_end() -> None:
    def fail(number: int) -> None:
        raise BrokenPipeError

    box = SinkQueue(fail)
    box.put(1)
    box.close()
    assert box.is_closed
