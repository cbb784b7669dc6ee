"""Progress of a training run: a bar with losses on a terminal, an occasional line in a log."""

import sys
from time import monotonic
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

LOG_EVERY_S = 30.0
COLUMNS = (BarColumn(20), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))


class ProgressDisplay:
    """Steps and losses on stderr; prints nothing if `shown` is false."""

    def __init__(self, steps: int, done: int, shown: bool) -> None:
        self._steps, self._shown, self._first = steps, shown, done
        self._bar = Progress(
            *COLUMNS, console=Console(stderr=True), disable=not (shown and sys.stderr.isatty())
        )
        self._task = self._bar.add_task("", total=steps, completed=done)
        self._started, self._last = monotonic(), float("-inf")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    @property
    def is_due(self) -> bool:
        """Return whether something has to be shown again: soon after the start, and every half minute."""
        return monotonic() - self._last >= LOG_EVERY_S

    def show(self, step: int, losses: dict[str, float]) -> None:
        """Show the number of steps taken and the losses of the last one."""
        text = "  ".join(f"{name} {value:.3f}" for name, value in losses.items())
        self._bar.update(self._task, completed=step, description=text)
        if not self.is_due:
            return
        self._last = monotonic()
        if self._shown and self._bar.disable:
            left_s = (self._last - self._started) / (step - self._first) * (self._steps - step)
            print_status(f"step {step}/{self._steps}  {text}  {left_s / 60:.0f} min left")


def print_status(line: str) -> None:
    """Print a line to stderr."""
    print(line, file=sys.stderr, flush=True)
