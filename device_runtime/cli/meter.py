"""Display of `listen` on stderr: a level meter on a terminal, a line per change elsewhere."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from device_runtime.cli import output
from device_runtime.daemon.pipeline.stream_processor import StreamUpdate
from device_runtime.daemon.sinks.source_log import SourceLog, describe_source
from device_runtime.recognition.recognizer import TaskScore
from device_runtime.recognition.stream import WindowResult
from edgecl.console import escape_unprintable
from edgecl.events import Event, SourceEvent

QUIETEST_DBFS = -80
BAR_CELLS = 24
MAX_TASKS = 8
HEALTHY = ("listening", "starting")


class Display(Protocol):
    """Display of a running pipeline."""

    def update(self, update: StreamUpdate) -> None:
        """Show a window that was processed."""

    def write(self, event: Event) -> None:
        """Show an event; it may come from another thread."""


@contextmanager
def open_display(source: str) -> Iterator[Display]:
    """Yield the display that suits stderr."""
    if not sys.stderr.isatty():
        yield Log(output.print_message)
        return
    console = Console(stderr=True, markup=False, highlight=False, emoji=False)
    with Live(
        console=console, auto_refresh=False, transient=True, redirect_stdout=sys.stdout.isatty()
    ) as live:
        yield Meter(source, live)


class Log(SourceLog):
    """A line for every change of the state of the source."""

    def update(self, update: StreamUpdate) -> None:
        """Do nothing: a log has no meter."""


class Meter:
    """A level meter, and how close each task is to its threshold."""

    def __init__(self, source: str, live: Live) -> None:
        """Draw the meter of a source in a live display."""
        self._live = live
        self._state = Text(f"{escape_unprintable(source)}: starting", "dim")
        self._window: WindowResult | None = None

    def update(self, update: StreamUpdate) -> None:
        """Update the display, see `Display`."""
        self._window = update.window or self._window
        self._draw()

    def write(self, event: Event) -> None:
        """Update the display, see `Display`."""
        if isinstance(event, SourceEvent):
            style = "green" if event.state in HEALTHY else "bold yellow"
            self._state = Text(escape_unprintable(describe_source(event)), style)
            self._draw()

    def _draw(self) -> None:
        parts: list[Text | Table] = [self._state]
        if self._window:
            parts += [draw_level(self._window.level_dbfs), _tasks(self._window.scores)]
        self._live.update(Group(*parts), refresh=True)


def draw_level(level_dbfs: float) -> Text:
    """Draw a bar for a level, with its value."""
    share = min(max(1 - level_dbfs / QUIETEST_DBFS, 0.0), 1.0)
    return Text.assemble(_bar(share, "cyan"), f" {level_dbfs:5.0f} dBFS")


def _tasks(scores: list[TaskScore]) -> Table:
    """Return the tasks with the largest margins; a full bar is the threshold."""
    grid = Table.grid(padding=(0, 1))
    for score in scores[:MAX_TASKS]:
        share = min(max((score.margin + 1) / (score.threshold + 1), 0.0), 1.0)
        style = "bold green" if score.accepted else "dim"
        names = [Text(escape_unprintable(name), style) for name in (score.task, score.label)]
        grid.add_row(_bar(share, style), f"{score.margin:+.2f}", *names)
    return grid


def _bar(share: float, style: str) -> Text:
    full = round(share * BAR_CELLS)
    return Text.assemble(("█" * full, style), ("░" * (BAR_CELLS - full), "dim"))
