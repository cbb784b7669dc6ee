"""The log of the daemon: printed to stderr, and buffered for the API."""

import logging
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass

from edgecl.console import escape_unprintable
from edgecl.events import Time, format_time

CAPACITY = 500  # lines
REPEAT_INTERVAL_S = 60.0
"""Minimum time between two equal messages of a library: a client can cause one with every request."""
KNOWN_MESSAGES = 200


@dataclass(frozen=True)
class LogLine:
    """One message, and when it was logged."""

    time: Time
    text: str


@dataclass
class _Repeats:
    """How often a message was not logged, and from when on it is again."""

    due_s: float
    count: int = 0


class LogBuffer(logging.Handler):
    """Prints and buffers messages; also a handler for the log records of libraries."""

    def __init__(
        self, print_message: Callable[[str], None], monotonic_s: Callable[[], float] = time.monotonic
    ) -> None:
        """Create an empty buffer; `print_message` prints a message to stderr."""
        super().__init__(logging.WARNING)
        self._print = print_message
        self._lines: deque[LogLine] = deque(maxlen=CAPACITY)
        self._listeners: list[Callable[[LogLine], None]] = []
        self._repeats: OrderedDict[str, _Repeats] = OrderedDict()  # by message
        self._monotonic_s = monotonic_s

    def subscribe(self, listener: Callable[[LogLine], None]) -> None:
        """Have `listener` called with every later line, from the thread that logs it."""
        self._listeners.append(listener)

    def write(self, message: str) -> None:
        """Log a message."""
        text = "\n".join(map(escape_unprintable, message.splitlines()))  # a file name may hold invalid text
        line = LogLine(format_time(time.time()), text)
        self._lines.append(line)
        self._print(message)
        for listener in self._listeners:
            listener(line)

    def emit(self, record: logging.LogRecord) -> None:
        """Log the message of a library, unless it has logged the same one within the last minute."""
        message, now_s = self.format(record), self._monotonic_s()
        repeats = self._repeats.setdefault(message, _Repeats(now_s))
        repeats.count += 1
        if now_s < repeats.due_s:
            return
        self.write(message if repeats.count == 1 else f"{message} ({repeats.count} times)")
        self._repeats[message] = _Repeats(now_s + REPEAT_INTERVAL_S)
        self._repeats.move_to_end(message)
        if len(self._repeats) > KNOWN_MESSAGES:
            self._repeats.popitem(last=False)

    def newest(self, count: int) -> list[LogLine]:
        """Return the newest lines, the newest last."""
        return list(self._lines)[-count:]
