"""A sink: one line of JSON an event."""

import os
from collections.abc import Mapping
from typing import TextIO

from edgecl.console import discard_output
from edgecl.errors import EdgeclError
from edgecl.events import Event, to_line


def is_journal(stream: TextIO, environment: Mapping[str, str] = os.environ) -> bool:
    """Whether systemd keeps what is written here: it names the device and inode of the stream it gave."""
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return environment.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"


class JsonLines:
    """Writes to a stream, line by line, each at once."""

    def __init__(self, stream: TextIO, is_only: bool = True) -> None:
        """`is_only`: nobody else is told, so a reader who is gone is the end."""
        self._stream = stream
        self._is_only = is_only

    def take(self, event: Event) -> None:
        """Write one event.

        Raises:
            BrokenPipeError: nobody reads, and nobody else is told.
            EdgeclError: nobody reads any more; what follows is written nowhere.
        """
        try:
            print(to_line(event), file=self._stream, flush=True)
        except BrokenPipeError:
            if self._is_only:
                raise
            discard_output(self._stream)
            raise EdgeclError("nobody reads stdout any more; the others are still told") from None
