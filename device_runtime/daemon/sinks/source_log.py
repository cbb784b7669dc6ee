"""The sink that logs a sentence for every change of the source's condition."""

from collections.abc import Callable

from edgecl.events import Event, SourceEvent


class SourceLog:
    """Log messages on the condition of the source."""

    def __init__(self, log: Callable[[str], None]) -> None:
        self._log = log

    def write(self, event: Event) -> None:
        """Log the event if it is one of a source."""
        if isinstance(event, SourceEvent):
            self._log(describe_source(event))


def describe_source(event: SourceEvent) -> str:
    """Return a sentence on the condition of a source, with the hint."""
    parts = [f"{event.source}: {event.state}", event.detail, event.hint]
    return "; ".join(part for part in parts if part)
