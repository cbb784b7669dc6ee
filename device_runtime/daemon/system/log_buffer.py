"""The log of the daemon: printed to stderr, and buffered for the API."""

import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from edgecl.console import escape_unprintable
from edgecl.events import Time, format_time

CAPACITY = 500  # lines


@dataclass(frozen=True)
class LogLine:
    """One message, and when it was logged."""

    time: Time
    text: str


class LogBuffer(logging.Handler):
    """Prints and buffers messages; also a handler for the log records of libraries."""

    def __init__(self, print_message: Callable[[str], None]) -> None:
        """Create an empty buffer; `print_message` prints a message to stderr."""
        super().__init__(logging.WARNING)
        self._print = print_message
        self._lines: deque[LogLine] = deque(maxlen=CAPACITY)
        self._listeners: list[Callable[[LogLine], None]] = []

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
        """See `logging.Handler`."""
        self.write(self.format(record))

    def newest(self, count: int) -> list[LogLine]:
        """Return the newest lines, the newest last."""
        return list(self._lines)[-count:]
