"""The sink that writes one line of JSON an event to a stream."""

from typing import TextIO

from edgecl.console import discard_output
from edgecl.errors import EdgeclError
from edgecl.events import Event, to_line


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
