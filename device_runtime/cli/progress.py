"""Progress on stderr: a bar on a terminal, a line now and then in a log, nothing when it is quick."""

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

LOG_EVERY_S = 10.0
STEP_EVERY_S = 0.1
PROGRESS_VARIABLE = "EDGECL_PROGRESS"
"""Set to `json` by a program that starts a command and shows its progress."""
COLUMNS = (TextColumn("{task.description:<10}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())


def progress() -> AbstractContextManager[Progress]:
    """What suits stderr, or the program that reads it."""
    if os.environ.get(PROGRESS_VARIABLE) == "json":
        return nullcontext(Steps())
    return _bars() if sys.stderr.isatty() else nullcontext(Log())


class Bars(RichProgress):
    """One bar a stage, drawn while the work goes on; it only swings where a stage is one long step."""

    def __call__(self, stage: str, done: int, total: int) -> None:
        """See `Progress`."""
        drawn = {task.description: task.id for task in self.tasks}
        task = drawn[stage] if stage in drawn else self.add_task(stage, total=None)
        if total > 1 or done:
            self.update(task, completed=done, total=total)


class Log:
    """A line every ten seconds, so that a log shows that work goes on."""

    def __init__(self) -> None:
        self._last = monotonic()

    def __call__(self, stage: str, done: int, total: int) -> None:
        """See `Progress`."""
        if monotonic() - self._last >= LOG_EVERY_S:
            self._last = monotonic()
            output.message(f"{stage} {done}/{total}")


class Steps:
    """A line of JSON now and then and at the end of every stage: {"stage": …, "done": …, "total": …}."""

    def __init__(self) -> None:
        self._last = 0.0

    def __call__(self, stage: str, done: int, total: int) -> None:
        """See `Progress`."""
        if done == total or monotonic() - self._last >= STEP_EVERY_S:
            self._last = monotonic()
            print(json.dumps({"stage": stage, "done": done, "total": total}), file=sys.stderr, flush=True)


@contextmanager
def _bars() -> Iterator[Progress]:
    with Bars(*COLUMNS, console=_Terminal(stderr=True)) as bars, output.drawing(bars.console):
        yield bars


class _Terminal(Console):
    """A terminal whose cursor stays visible, so that an interruption has nothing to repair."""

    def show_cursor(self, show: bool = True) -> bool:
        return False
