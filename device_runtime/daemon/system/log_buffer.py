"""What the daemon says on stderr, remembered for a while, for those who cannot see it there."""

import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from edgecl.console import escape_unprintable
from edgecl.events import Time, format_time

REMEMBERED = 500  # sentences


@dataclass(frozen=True)
class LogLine:
    """One sentence, and when it was said."""

    time: Time
    text: str


class LogBuffer(logging.Handler):
    """Says what it is told, and remembers it; also a handler for what libraries log."""

    def __init__(self, say: Callable[[str], None]) -> None:
        """`say` puts a sentence on stderr."""
        super().__init__(logging.WARNING)
        self._say = say
        self._said: deque[LogLine] = deque(maxlen=REMEMBERED)
        self.told: Callable[[LogLine], None] = lambda said: None
        """Hears of every sentence; from any thread."""

    def message(self, sentence: str) -> None:
        """Say a sentence."""
        text = "\n".join(
            map(escape_unprintable, sentence.splitlines())
        )  # a file name may hold what is no text
        said = LogLine(format_time(time.time()), text)
        self._said.append(said)
        self._say(sentence)
        self.told(said)

    def emit(self, record: logging.LogRecord) -> None:
        """See `logging.Handler`."""
        self.message(self.format(record))

    def newest(self, count: int) -> list[LogLine]:
        """The newest sentences, the newest last."""
        return list(self._said)[-count:]
