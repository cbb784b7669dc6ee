"""The sink that writes one line of JSON an event to a stream."""

import os
from collections.abc import Mapping
from typing import TextIO

from edgecl.console import discard_output
from edgecl.errors import EdgeclError
from edgecl.events import Event, to_line


def is_journal(stream: TextIO, environment: Mapping[str, str] = os.environ) -> bool:
    """Return whether a stream goes to the journal of systemd: JOURNAL_STREAM is its device and inode."""
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return environment.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"


class JsonLines:
    """JSON lines on a stream, flushed one by one."""

    def __init__(self, stream: TextIO, is_only_sink: bool = True) -> None:
        """Write to `stream`; if it is the only sink, the end of its reader is the end of the pipeline."""
        self._stream = stream
        self._is_only_sink = is_only_sink

    def write(self, event: Event) -> None:
        """Write one event.

        Raises:
            BrokenPipeError: the reader is gone, and there is no other sink.
            EdgeclError: the reader is gone; later events are discarded.
        """
        try:
            print(to_line(event), file=self._stream, flush=True)
        except BrokenPipeError:
            if self._is_only_sink:
                raise
            discard_output(self._stream)
            raise EdgeclError("stdout was closed by its reader; the other sinks go on") from None
