"""Events on their way to a sink, which may be slow, stuck or gone: who listens never waits for it."""

import queue
import sqlite3
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from edgecl.errors import EdgeclError

Item = TypeVar("Item")

CAPACITY = 1000
LAST_WORDS_S = 5.0  # what a sink may take for what is left when all is over


class Outbox(Generic[Item]):
    """A queue, and the thread that empties it into a sink."""

    def __init__(self, name: str, sink: Callable[[Item], None], waits: bool = False) -> None:
        """`waits`: for room instead of dropping; for sources that wait themselves, such as files."""
        self.name = name
        self.dropped = 0
        """Items there was no room for."""
        self.failures = 0
        self.failure = ""
        """What the sink said last when it could not take one."""
        self.is_closed = False
        """Whether nobody takes anything any more: the other end of a pipe is closed."""
        self._sink = sink
        self._waits = waits
        self._queue: queue.Queue[Item | None] = queue.Queue(CAPACITY)  # None: that was all
        self._thread = threading.Thread(target=self._empty, name=name, daemon=True)
        self._thread.start()

    def put(self, item: Item) -> None:
        """Hand over an item."""
        try:
            self._queue.put(item, block=self._waits)
        except queue.Full:
            self.dropped += 1

    def close(self) -> None:
        """Wait a while for what is left to be taken."""
        try:
            self._queue.put(None, timeout=LAST_WORDS_S)
            self._thread.join(LAST_WORDS_S)
        except queue.Full:
            self.dropped += self._queue.qsize()

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
            self.failures, self.failure = self.failures + 1, str(error)
