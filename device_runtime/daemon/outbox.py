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

    def __init__(
        self,
        sink: Callable[[Item], None],
        waits: bool = False,
        complain: Callable[[str], None] = lambda sentence: None,
    ) -> None:
        """Start the thread.

        Args:
            sink: takes one item.
            waits: for room instead of dropping; for sources that wait themselves, such as files.
            complain: is told whenever the sink fails in a way it did not before.
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
        self._failure = ""
        self._queue: queue.Queue[Item | None] = queue.Queue(CAPACITY)  # None: that was all
        self._thread = threading.Thread(target=self._empty, daemon=True)
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
            self.failures += 1
            if str(error) != self._failure:
                self._failure = str(error)
                self._complain(self._failure)
