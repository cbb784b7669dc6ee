"""A part of the daemon that fails is reported and started again, and the others go on."""

import threading
from collections.abc import Iterator
from itertools import count

import pytest

from device_runtime.daemon.sinks.queue import SinkQueue
from device_runtime.daemon.system import supervisor
from device_runtime.daemon.system.supervisor import SupervisedThread, ThreadSupervisor
from tests.deadlines import SOON_S

FAILURES = (RecursionError("too deep"), MemoryError(), KeyError("shared"), SystemExit(1))


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Restart threads at once."""
    monkeypatch.setattr(supervisor, "FIRST_BACKOFF_S", 0.01)
    monkeypatch.setattr(supervisor, "LONGEST_BACKOFF_S", 0.02)


@pytest.fixture
def log() -> list[str]:
    return []


@pytest.fixture
def threads(log: list[str]) -> ThreadSupervisor:
    return ThreadSupervisor(log.append)


class Part:
    """A part of the daemon that fails at its first runs, once each with every error."""

    def __init__(self, threads: ThreadSupervisor, errors: tuple[BaseException, ...]) -> None:
        self._errors: Iterator[BaseException] = iter(errors)
        self.works = threading.Event()
        self._ended, self._started = threading.Event(), threading.Event()
        self._thread = threads.start("folder import", self._run)
        self._started.set()

    def close(self) -> SupervisedThread:
        self._thread.stop()
        self._ended.set()
        assert self._thread.join(SOON_S)
        return self._thread

    def _run(self) -> None:
        self._started.wait()
        error = next(self._errors, None)
        if error:
            raise error
        self.works.set()
        self._ended.wait()


@pytest.mark.parametrize("error", FAILURES, ids=repr)
def test_a_thread_that_dies_is_restarted_and_its_death_is_an_event_and_a_count(
    threads: ThreadSupervisor, log: list[str], error: BaseException
) -> None:
    part = Part(threads, (error,))
    assert part.works.wait(SOON_S)
    (fault,) = threads.take_faults()
    assert (fault.part, fault.count) == ("folder import", 1)
    assert type(error).__name__ in fault.detail
    assert threads.failures == {"folder import": 1}
    assert threads.down == []
    assert "Traceback" in log[0]
    assert "folder import" in log[0]
    part.close()
    assert threads.take_faults() == []


def test_a_thread_that_returns_by_mistake_is_restarted_too(threads: ThreadSupervisor) -> None:
    runs, works, ended = count(), threading.Event(), threading.Event()

    def run() -> None:
        if next(runs):
            works.set()
            ended.wait()

    thread = threads.start("MQTT", run)
    assert works.wait(SOON_S)
    assert "it ended" in threads.take_faults()[0].detail
    thread.stop()
    ended.set()
    assert thread.join(SOON_S)


def test_a_thread_that_dies_again_and_again_is_down_between_and_reported_less_and_less(
    log: list[str],
) -> None:
    down: list[list[str]] = []

    def write(text: str) -> None:
        log.append(text)
        down.append(threads.down)

    threads = ThreadSupervisor(write)
    part = Part(threads, tuple(ValueError(number) for number in range(12)))
    assert part.works.wait(SOON_S)
    assert [fault.count for fault in threads.take_faults()] == [1, 2, 4, 8]
    assert threads.failures == {"folder import": 12}
    assert len(log) == 4
    assert down == [["folder import"]] * 4
    assert threads.down == []
    part.close()


@pytest.mark.parametrize("error", [RecursionError("too deep"), KeyError("task"), MemoryError()], ids=repr)
def test_an_item_with_which_a_sink_fails_unexpectedly_costs_this_item_only(
    threads: ThreadSupervisor, error: Exception
) -> None:
    taken: list[int] = []

    def take(number: int) -> None:
        if number == 1:
            raise error
        taken.append(number)

    queue = SinkQueue(take, name="webhook", supervisor=threads)
    for number in range(4):
        queue.put(number)
    queue.close()
    assert taken == [0, 2, 3]
    assert (queue.lost, threads.failures) == (1, {"webhook": 1})
    assert threads.take_faults()[0].part == "webhook"
