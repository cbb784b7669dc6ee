"""The queue of a sink, which may be slow, stuck or gone: the pipeline never waits for it."""

import queue
import sqlite3
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Generic, TypeVar

from device_runtime.daemon.system.supervisor import ThreadSupervisor
from edgecl.errors import EdgeclError
from edgecl.events import Event

Item = TypeVar("Item")
Sink = Callable[[Event], None]
"""A function that takes one event; it may block, and raise OSError, EdgeclError or sqlite3.Error."""

CAPACITY = 1000
CLOSE_TIMEOUT_S = 5.0  # in which a sink may take the remaining items when it is closed


class SinkQueue(Generic[Item]):
    """A queue and the thread that empties it into a sink."""

    def __init__(
        self,
        sink: Callable[[Item], None],
        blocks: bool = False,
        warn: Callable[[str], None] = lambda sentence: None,
        capacity: int | None = None,
        size_of: Callable[[Item], int] = lambda item: 1,
        item_name: str = "events",
        name: str = "sink",
        supervisor: ThreadSupervisor | None = None,
    ) -> None:
        """Start the thread.

        Args:
            sink: takes one item.
            blocks: whether `put` waits for room instead of dropping; for sources that can wait (files).
            warn: receives a sentence for every new failure of the sink, and when items are dropped.
            capacity: largest sum of the sizes in the queue; not given: a thousand items.
            size_of: returns the size of an item.
            item_name: what the items are, in the plural, for warnings.
            name: the name of the sink in reports of unexpected failures.
            supervisor: receives these reports; not given: `warn` receives them.
        """
        self.dropped = 0
        """Number of items there was no room for."""
        self.failures = 0
        """Number of items the sink failed to take."""
        self.is_closed = False
        """Whether the sink takes no more items: the other end of its pipe is closed."""
        self._sink = sink
        self._blocks = blocks
        self._warn = warn
        self._item_name = item_name
        self._failure = ""
        self._queue: _SizedQueue[Item] = _SizedQueue(CAPACITY if capacity is None else capacity, size_of)
        self._name = name
        self._supervisor = supervisor or ThreadSupervisor(warn)
        self._thread = self._supervisor.start(name, self._run)

    def put(self, item: Item) -> bool:
        """Enqueue an item; return whether there was room for it."""
        try:
            self._queue.put(item, block=self._blocks)
        except queue.Full:
            self._drop()
            return False
        return True

    def close(self) -> None:
        """Wait a while for the sink to take the remaining items."""
        self._thread.stop()
        is_empty = False
        with suppress(queue.Full):
            self._queue.put(None, timeout=CLOSE_TIMEOUT_S)
            is_empty = self._thread.join(CLOSE_TIMEOUT_S)
        if not is_empty:
            self.dropped += self._queue.items

    @property
    def lost(self) -> int:
        """Number of items that the sink did not take, for whatever reason."""
        return self.dropped + self.failures

    def _drop(self) -> None:
        self.dropped += 1
        if self.dropped.bit_count() == 1:  # warn at 1, 2, 4, 8, …
            reason = "they come faster than they can be written or sent"
            self._warn(f"{self.dropped} {self._item_name} lost up to now: {reason}")

    def _run(self) -> None:
        while (item := self._queue.get()) is not None:
            self._deliver(item)

    def _deliver(self, item: Item) -> None:
        if self.is_closed:
            return
        try:
            self._sink(item)
        except BrokenPipeError:
            self.is_closed = True
        except (OSError, EdgeclError, sqlite3.Error) as error:
            self.failures += 1
            if str(error) != self._failure:
                self._failure = str(error)
                self._warn(self._failure)
        except Exception as error:  # a bug must cost this item only
            self.failures += 1
            self._supervisor.report(self._name, error)


class _SizedQueue(queue.Queue[Item | None]):
    """A queue whose capacity is a sum of sizes; None, the end marker, has size 1."""

    def __init__(self, capacity: int, size_of: Callable[[Item], int]) -> None:
        self._size_of = size_of
        super().__init__(capacity)

    @property
    def items(self) -> int:
        """Number of items in the queue, without the end marker."""
        with self.mutex:
            return sum(item is not None for item in self.queue)

    def _init(self, maxsize: int) -> None:
        self.queue: deque[Item | None] = deque()
        self._size = 0

    def _qsize(self) -> int:
        return self._size

    def _put(self, item: Item | None) -> None:
        self.queue.append(item)
        self._size += self._measure(item)

    def _get(self) -> Item | None:
        item = self.queue.popleft()
        self._size -= self._measure(item)
        return item

    def _measure(self, item: Item | None) -> int:
        return 1 if item is None else max(1, self._size_of(item))
