"""A sink: one line of JSON an event."""

from typing import TextIO

from edgecl.events import Event, to_line


class Lines:
    """Writes to a stream, line by line, each at once."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def take(self, event: Event) -> None:
        """Write one event."""
        print(to_line(event), file=self._stream, flush=True)
