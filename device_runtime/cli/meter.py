"""What `listen` shows on stderr: a meter on a terminal, a line for every change elsewhere."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from device_runtime.cli import output
from device_runtime.daemon.pipeline.stream_processor import StreamUpdate
from device_runtime.recognition.recognizer import TaskScore
from device_runtime.recognition.stream import WindowResult
from edgecl.console import escape_unprintable
from edgecl.events import Event, SourceEvent

QUIETEST_DBFS = -80
BAR_CELLS = 24
MOST_TASKS = 8
HEALTHY = ("listening", "starting")


class Display(Protocol):
    """Shows how it goes."""

    def watch(self, report: StreamUpdate) -> None:
        """A window was heard."""

    def take(self, event: Event) -> None:
        """Something was told; it may come from another thread."""


@contextmanager
def display(source: str) -> Iterator[Display]:
    """What suits stderr."""
    if not sys.stderr.isatty():
        yield Log()
        return
    console = Console(stderr=True, markup=False, highlight=False, emoji=False)
    with Live(
        console=console, auto_refresh=False, transient=True, redirect_stdout=sys.stdout.isatty()
    ) as live:
        yield Meter(source, live)


class Log:
    """A line for every change of the source's condition."""

    def __init__(self, say: Callable[[str], None] = output.message) -> None:
        self._say = say

    def watch(self, report: StreamUpdate) -> None:
        """See `Display`; a log does not move."""

    def take(self, event: Event) -> None:
        """See `Display`."""
        if isinstance(event, SourceEvent):
            self._say(_sentence(event))


class Meter:
    """How loud it is, and how near each task is to recognising something."""

    def __init__(self, source: str, live: Live) -> None:
        self._live = live
        self._condition = Text(f"{escape_unprintable(source)}: starting", "dim")
        self._moment: WindowResult | None = None

    def watch(self, report: StreamUpdate) -> None:
        """See `Display`."""
        self._moment = report.moment or self._moment
        self._draw()

    def take(self, event: Event) -> None:
        """See `Display`."""
        if isinstance(event, SourceEvent):
            style = "green" if event.state in HEALTHY else "bold yellow"
            self._condition = Text(escape_unprintable(_sentence(event)), style)
            self._draw()

    def _draw(self) -> None:
        parts: list[Text | Table] = [self._condition]
        if self._moment:
            parts += [_level(self._moment.level_dbfs), _tasks(self._moment.scores)]
        self._live.update(Group(*parts), refresh=True)


def _sentence(event: SourceEvent) -> str:
    said = [f"{event.source}: {event.state}", event.detail, event.hint]
    return "; ".join(part for part in said if part)


def _level(level_dbfs: float) -> Text:
    share = min(max(1 - level_dbfs / QUIETEST_DBFS, 0.0), 1.0)
    return Text.assemble(_bar(share, "cyan"), f" {level_dbfs:5.0f} dBFS")


def _tasks(scores: list[TaskScore]) -> Table:
    """The tasks that come nearest; a full bar is the threshold."""
    grid = Table.grid(padding=(0, 1))
    for score in scores[:MOST_TASKS]:
        share = min(max((score.margin + 1) / (score.threshold + 1), 0.0), 1.0)
        style = "bold green" if score.accepted else "dim"
        label = Text(escape_unprintable(score.label), style)
        grid.add_row(
            _bar(share, style), f"{score.margin:+.2f}", Text(escape_unprintable(score.task), style), label
        )
    return grid


def _bar(share: float, style: str) -> Text:
    full = round(share * BAR_CELLS)
    return Text.assemble(("█" * full, style), ("░" * (BAR_CELLS - full), "dim"))
