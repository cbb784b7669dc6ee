"""Progress on stderr: bars on a terminal, a line every ten seconds in a log."""

import json
import os
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
STEP_INTERVAL_S = 0.1
PROGRESS_VARIABLE = "EDGECL_PROGRESS"
"""Environment variable; a program that runs a command and shows its progress sets it to `json`."""
COLUMNS = (TextColumn("{task.description:<10}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())


def show_progress() -> AbstractContextManager[Progress]:
    """Return the progress display that suits stderr, or the program that reads it."""
    if os.environ.get(PROGRESS_VARIABLE) == "json":
        return nullcontext(Steps())
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


class Steps:
    """A line of JSON now and then and at the end of every stage: {"stage": …, "done": …, "total": …}."""

    def __init__(self) -> None:
        """Print the first step at once."""
        self._last = 0.0

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Print the step, see `Progress`."""
        if done == total or monotonic() - self._last >= STEP_INTERVAL_S:
            self._last = monotonic()
            print(json.dumps({"stage": stage, "done": done, "total": total}), file=sys.stderr, flush=True)


@contextmanager
def _draw_bars() -> Iterator[Progress]:
    with Bars(*COLUMNS, console=_Terminal(stderr=True)) as bars, output.print_above(bars.console):
        yield bars


class _Terminal(Console):
    """A terminal whose cursor stays visible, so that an interruption has nothing to repair."""

    def show_cursor(self, show: bool = True) -> bool:
        return False
