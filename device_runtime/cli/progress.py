"""Progress on stderr: bars on a terminal, a line every ten seconds in a log."""

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from time import monotonic

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as RichProgress

from device_runtime.cli import output
from device_runtime.system.progress import Progress

LOG_INTERVAL_S = 10.0
COLUMNS = (TextColumn("{task.description:<19}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())


def show_progress() -> AbstractContextManager[Progress]:
    """Return the progress display that suits stderr."""
    return _draw_bars() if sys.stderr.isatty() else nullcontext(Log())


class Bars(RichProgress):
    """One bar per stage; it pulses where a stage is a single step."""

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Update the bar of a stage, see `Progress`."""
        drawn = {task.description: task.id for task in self.tasks}
        task = drawn[stage] if stage in drawn else self.add_task(stage, total=None)
        if total > 1 or done:
            self.update(task, completed=done, total=total)


class Log:
    """A line every ten seconds, so that a log shows that work goes on."""

    def __init__(self) -> None:
        """Start counting the ten seconds."""
        self._last = monotonic()

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Print a line where it is time, see `Progress`."""
        if monotonic() - self._last >= LOG_INTERVAL_S:
            self._last = monotonic()
            output.print_message(f"{stage} {done}/{total}")


@contextmanager
def _draw_bars() -> Iterator[Progress]:
    with Bars(*COLUMNS, console=_Terminal(stderr=True)) as bars, output.print_above(bars.console):
        yield bars


class _Terminal(Console):
    """A terminal whose cursor stays visible, so that an interruption has nothing to repair."""

    def show_cursor(self, show: bool = True) -> bool:
        return False
