"""Progress on stderr: a bar on a terminal, a line now and then in a log, nothing when it is quick."""

import sys
from time import monotonic
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as RichProgress

LOG_EVERY_S = 10.0


class Bar:
    """One bar a stage, drawn while the work goes on."""

    def __init__(self) -> None:
        self._bars = RichProgress(
            TextColumn("{task.description:<10}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
        )
        self._tasks: dict[str, int] = {}

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def __call__(self, stage: str, done: int, total: int) -> None:
        if stage not in self._tasks:
            self._tasks[stage] = self._bars.add_task(stage, total=total)
        self._bars.update(self._tasks[stage], completed=done, total=total)  # type: ignore[arg-type]


class Log:
    """A line every ten seconds, so that a log shows that work goes on."""

    def __init__(self) -> None:
        self._last = monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def __call__(self, stage: str, done: int, total: int) -> None:
        if monotonic() - self._last >= LOG_EVERY_S:
            self._last = monotonic()
            print(f"{stage} {done}/{total}", file=sys.stderr, flush=True)


def progress() -> Bar | Log:
    """What suits stderr."""
    return Bar() if sys.stderr.isatty() else Log()
