"""An outbox never lets the ear wait, and says what it could not deliver."""

import threading

from device_runtime.daemon import outbox
from device_runtime.daemon.outbox import Outbox


def test_what_is_put_in_is_taken_in_order() -> None:
    taken: list[int] = []
    box = Outbox(taken.append)
    for number in range(100):
        box.put(number)
    box.close()
    assert taken == list(range(100))
    assert (box.dropped, box.failures) == (0, 0)


def test_a_stuck_sink_costs_events_and_they_are_counted(monkeypatch) -> None:
    monkeypatch.setattr(outbox, "CAPACITY", 10)
    let_go = threading.Event()
    box = Outbox(lambda _: let_go.wait())
    for number in range(30):
        box.put(number)
    let_go.set()
    box.close()
    assert 19 <= box.dropped <= 20


def test_a_sink_that_fails_is_asked_again_and_its_words_are_passed_on_once() -> None:
    def fail(number: int) -> None:
        raise OSError(28, f"no room for {number}")

    complaints: list[str] = []
    box = Outbox(fail, complain=complaints.append)
    for number in (1, 1, 2):
        box.put(number)
    box.close()
    assert (box.failures, complaints) == (3, ["[Errno 28] no room for 1", "[Errno 28] no room for 2"])
    assert not box.is_closed


def test_a_closed_pipe_is_the_end() -> None:
    def fail(number: int) -> None:
        raise BrokenPipeError

    box = Outbox(fail)
    box.put(1)
    box.close()
    assert box.is_closed
