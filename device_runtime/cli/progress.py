"""Progress on stderr: a bar on a terminal, a line now and then in a log, nothing when it is quick."""

import sys
from contextlib import AbstractContextManager, nullcontext
from time import monotonic

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as RichProgress

from device_runtime.cli import screen
from device_runtime.progress import Progress

LOG_EVERY_S = 10.0
COLUMNS = (TextColumn("{task.description:<10}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())


def progress() -> AbstractContextManager[Progress]:
    """What suits stderr."""
    return Bars(*COLUMNS, console=_Terminal(stderr=True)) if sys.stderr.isatty() else nullcontext(Log())


class Bars(RichProgress):
    """One bar a stage, drawn while the work goes on."""

    def __call__(self, stage: str, done: int, total: int) -> None:
        """See `Progress`."""
        drawn = {task.description: task.id for task in self.tasks}
        task = drawn[stage] if stage in drawn else self.add_task(stage)
        self.update(task, completed=done, total=total)


class Log:
    """A line every ten seconds, so that a log shows that work goes on."""

    def __init__(self) -> None:
        self._last = monotonic()

    def __call__(self, stage: str, done: int, total: int) -> None:
        """See `Progress`."""
        if monotonic() - self._last >= LOG_EVERY_S:
            self._last = monotonic()
            screen.message(f"{stage} {done}/{total}")


class _Terminal(Console):
    """A terminal whose cursor stays visible, so that an interruption has nothing to repair."""

    def show_cursor(self, show: bool = True) -> bool:
        return False
