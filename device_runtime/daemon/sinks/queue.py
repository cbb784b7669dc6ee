"""Events on their way to a sink, which may be slow, stuck or gone: who listens never waits for it."""

import queue
import sqlite3
import threading
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

from edgecl.errors import EdgeclError

Item = TypeVar("Item")

CAPACITY = 1000
LAST_WORDS_S = 5.0  # what a sink may take for what is left when all is over


class SinkQueue(Generic[Item]):
    """A queue, and the thread that empties it into a sink."""

    def __init__(
        self,
        sink: Callable[[Item], None],
        waits: bool = False,
        complain: Callable[[str], None] = lambda sentence: None,
        room: int | None = None,
        size_of: Callable[[Item], int] = lambda item: 1,
        called: str = "events",
    ) -> None:
        """Start the thread.

        Args:
            sink: takes one item.
            waits: for room instead of dropping; for sources that wait themselves, such as files.
            complain: is told whenever the sink fails in a way it did not before, and when room runs out.
            room: how much may wait, all sizes together; not given: a thousand items.
            size_of: what an item takes of it.
            called: what items are, for complaints.
        """
        self.dropped = 0
        """Items there was no room for."""
        self.failures = 0
        """Items the sink could not take."""
        self.is_closed = False
        """Whether nobody takes anything any more: the other end of a pipe is closed."""
        self._sink = sink
        self._waits = waits
        self._complain = complain
        self._called = called
        self._failure = ""
        self._queue: _Sized[Item] = _Sized(CAPACITY if room is None else room, size_of)
        self._thread = threading.Thread(target=self._empty, daemon=True)
        self._thread.start()

    def put(self, item: Item) -> bool:
        """Hand over an item; whether there was room for it."""
        try:
            self._queue.put(item, block=self._waits)
        except queue.Full:
            self._lose()
            return False
        return True

    def close(self) -> None:
        """Wait a while for what is left to be taken."""
        try:
            self._queue.put(None, timeout=LAST_WORDS_S)
            self._thread.join(LAST_WORDS_S)
        except queue.Full:
            pass
        if self._thread.is_alive():
            self.dropped += self._queue.items

    def _lose(self) -> None:
        self.dropped += 1
        if self.dropped.bit_count() == 1:  # told at 1, 2, 4, 8, …
            reason = "they come faster than they can be written or sent"
            self._complain(f"{self.dropped} {self._called} lost up to now: {reason}")

    def _empty(self) -> None:
        while (item := self._queue.get()) is not None:
            self._hand_over(item)

    def _hand_over(self, item: Item) -> None:
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
                self._complain(self._failure)


class _Sized(queue.Queue[Item | None]):
    """A queue that is full by the size of what is in it; None, the last word, takes a place like any item."""

    def __init__(self, room: int, size_of: Callable[[Item], int]) -> None:
        self._size_of = size_of
        super().__init__(room)

    @property
    def items(self) -> int:
        """How many wait, the last word left out."""
        with self.mutex:
            return sum(item is not None for item in self.queue)

    def _init(self, maxsize: int) -> None:
        self.queue: deque[Item | None] = deque()
        self._size = 0

    def _qsize(self) -> int:
        return self._size

    def _put(self, item: Item | None) -> None:
        self.queue.append(item)
        self._size += self._sized(item)

    def _get(self) -> Item | None:
        item = self.queue.popleft()
        self._size -= self._sized(item)
        return item

    def _sized(self, item: Item | None) -> int:
        return 1 if item is None else max(1, self._size_of(item))
