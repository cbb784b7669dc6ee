"""What the results say, as tables: one content for the screen and for Markdown."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rich.box import SIMPLE_HEAD
from rich.table import Table as RichTable

from tools.bench import markdown
from tools.bench.continual import metrics
from tools.bench.continual.interval import mean_and_interval
from tools.bench.continual.method_summary import Row
from tools.bench.continual.results import Results
from tools.bench.continual.sequence import Outcome

NOTHING = "–"


@dataclass(frozen=True)
class Table:
    """A title, and rows of cells; the first column is a name, the others are figures."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]

    def markdown(self) -> str:
        """As Markdown, under a heading."""
        lines = [self.columns, ["---", *["---:"] * (len(self.columns) - 1)], *self.rows]
        return "\n".join([f"## {self.title}", "", *map(markdown.format_row, lines)])

    def rich(self) -> RichTable:
        """For a terminal."""
        table = RichTable(title=self.title, title_justify="left", title_style="bold", box=SIMPLE_HEAD)
        for number, column in enumerate(self.columns):
            table.add_column(column, justify="right" if number else "left")
        for row in self.rows:
            table.add_row(*row)
        return table


def all_tables(results: Results) -> list[Table]:
    """In the order in which they are read."""
    few = [_few_shot(results)] if results.curves else []
    return [_tasks(results), _sequence(results), _by_task(results), *few]


def _tasks(results: Results) -> Table:
    rows = [
        (task.name, str(len(task.labels)), str(len(task.train)), str(len(task.test)))
        for task in results.tasks
    ]
    return Table("Tasks, in this order", ("task", "classes", "to learn", "to measure"), rows)


def _sequence(results: Results) -> Table:
    columns = (
        *("method", "accuracy", "backward", "forgetting", "forward", "scores unchanged"),
        *("unnamed: accuracy", "unnamed: forgetting", "CPU s", "peak MB", "kB a task"),
    )
    seeds = max((len(row.outcomes) for row in results.rows), default=0)
    title = (
        f"After the last task: mean of {seeds} seeds ± 95 % interval" if seeds > 1 else "After the last task"
    )
    return Table(title, columns, [_row(row) for row in results.rows])


def _row(row: Row) -> list[str]:
    return [
        row.name,
        _with_interval(row.values(lambda outcome: metrics.average_accuracy(outcome.R))),
        points(row.mean(lambda outcome: metrics.backward_transfer(outcome.R))),
        points(row.mean(lambda outcome: metrics.forgetting(outcome.R))),
        points(row.mean(lambda outcome: metrics.forward_transfer(outcome.R, outcome.alone))),
        "yes" if row.unchanged else "no",
        _with_interval(row.values(_accuracy_unnamed)),
        points(row.mean(_forgetting_unnamed)),
        _plain(row.mean(lambda outcome: outcome.seconds), 1, 1),
        _plain(row.mean(lambda outcome: outcome.peak_bytes), 1e6, 0),
        _plain(row.mean(lambda outcome: outcome.bytes_a_task), 1e3, 0),
    ]


def _accuracy_unnamed(outcome: Outcome) -> float | None:
    return None if outcome.unnamed is None else metrics.average_accuracy(outcome.unnamed)


def _forgetting_unnamed(outcome: Outcome) -> float | None:
    return None if outcome.unnamed is None else metrics.forgetting(outcome.unnamed)


def _by_task(results: Results) -> Table:
    names = [task.name for task in results.tasks]
    rows = [[row.name, *(percent(value) for value in row.matrix[-1])] for row in results.rows]
    return Table("Accuracy on each task after the last", ("method", *names), rows)


def _few_shot(results: Results) -> Table:
    curves = results.mean_curves()
    shots = next(iter(curves.values()))[0]
    rows = [[name, *(_with_interval(draws) for draws in found)] for name, (_, found) in curves.items()]
    columns = ("clips a class", *(str(n) for n in shots))
    return Table("Few shots: mean of the tasks ± 95 % interval over the draws", columns, rows)


def _with_interval(shares: NDArray[np.float64] | None) -> str:
    """Percent; the interval only of several."""
    if shares is None or np.isnan(shares).any():
        return NOTHING
    mean, half = mean_and_interval(shares)
    return f"{percent(mean)} ± {100 * half:.1f}" if len(shares) > 1 else percent(mean)


def _plain(value: float | None, unit: float, digits: int) -> str:
    return NOTHING if value is None else f"{value / unit:.{digits}f}"


def percent(share: float) -> str:
    """A share as a percentage."""
    return f"{100 * share:.1f}"


def points(difference: float | None) -> str:
    """A difference of shares in percentage points, signed; exactly none is 0.0."""
    if difference is None:
        return NOTHING
    return f"{100 * difference:+.1f}" if difference else "0.0"
