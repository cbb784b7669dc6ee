"""The results as tables, for the terminal and for Markdown."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rich.box import SIMPLE_HEAD
from rich.table import Table as RichTable

from tools.bench import markdown
from tools.bench.continual import metrics
from tools.bench.continual.interval import mean_and_interval
from tools.bench.continual.method_summary import MethodSummary
from tools.bench.continual.results import Results
from tools.bench.continual.sequence import Outcome

NOT_MEASURED = "–"


@dataclass(frozen=True)
class Table:
    """A title and rows of cells; the first column holds names, the others figures."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]

    def to_markdown(self) -> str:
        """Format the table as Markdown, under a heading."""
        lines = [self.columns, ["---", *["---:"] * (len(self.columns) - 1)], *self.rows]
        return "\n".join([f"## {self.title}", "", *map(markdown.format_row, lines)])

    def to_rich(self) -> RichTable:
        """Format the table for a terminal."""
        table = RichTable(title=self.title, title_justify="left", title_style="bold", box=SIMPLE_HEAD)
        for number, column in enumerate(self.columns):
            table.add_column(column, justify="right" if number else "left")
        for row in self.rows:
            table.add_row(*row)
        return table


def make_tables(results: Results) -> list[Table]:
    """Return all tables in reading order."""
    few_shot = [_few_shot(results)] if results.curves else []
    return [_tasks(results), _sequence(results), _by_task(results), *few_shot]


def _tasks(results: Results) -> Table:
    columns = ("task", "classes", "training recordings", "test recordings")
    rows = [
        (task.name, str(len(task.labels)), str(len(task.train)), str(len(task.test)))
        for task in results.tasks
    ]
    return Table("Tasks, in this order", columns, rows)


def _sequence(results: Results) -> Table:
    columns = (
        *("method", "accuracy", "backward transfer", "forgetting", "forward transfer", "scores unchanged"),
        *("class-incremental accuracy", "class-incremental forgetting", "CPU s", "peak MB", "kB per task"),
    )
    seeds = max((len(method.outcomes) for method in results.methods), default=0)
    title = "After the last task"
    if seeds > 1:
        title += f": mean of {seeds} seeds ± 95 % interval"
    return Table(title, columns, [_row(method) for method in results.methods])


def _row(method: MethodSummary) -> list[str]:
    return [
        method.name,
        _with_interval(method.collect(lambda outcome: metrics.average_accuracy(outcome.R))),
        format_points(method.average(lambda outcome: metrics.backward_transfer(outcome.R))),
        format_points(method.average(lambda outcome: metrics.forgetting(outcome.R))),
        format_points(method.average(lambda outcome: metrics.forward_transfer(outcome.R, outcome.alone))),
        "yes" if method.unchanged else "no",
        _with_interval(method.collect(_class_incremental_accuracy)),
        format_points(method.average(_class_incremental_forgetting)),
        _number(method.average(lambda outcome: outcome.seconds), 1, 1),
        _number(method.average(lambda outcome: outcome.peak_bytes), 1e6, 0),
        _number(method.average(lambda outcome: outcome.bytes_per_task), 1e3, 0),
    ]


def _class_incremental_accuracy(outcome: Outcome) -> float | None:
    matrix = outcome.class_incremental
    return None if matrix is None else metrics.average_accuracy(matrix)


def _class_incremental_forgetting(outcome: Outcome) -> float | None:
    matrix = outcome.class_incremental
    return None if matrix is None else metrics.forgetting(matrix)


def _by_task(results: Results) -> Table:
    names = [task.name for task in results.tasks]
    rows = [
        [method.name, *(format_percent(value) for value in method.matrix[-1])] for method in results.methods
    ]
    return Table("Accuracy by task after the last task", ("method", *names), rows)


def _few_shot(results: Results) -> Table:
    curves = results.average_curves()
    shots = next(iter(curves.values()))[0]
    rows = [[name, *(_with_interval(draws) for draws in found)] for name, (_, found) in curves.items()]
    columns = ("clips per class", *(str(n) for n in shots))
    return Table("Few shots: mean of the tasks ± 95 % interval over the draws", columns, rows)


def _with_interval(shares: NDArray[np.float64] | None) -> str:
    """Format the mean of shares in percent, with its interval where there are several."""
    if shares is None or np.isnan(shares).any():
        return NOT_MEASURED
    mean, half = mean_and_interval(shares)
    return f"{format_percent(mean)} ± {100 * half:.1f}" if len(shares) > 1 else format_percent(mean)


def _number(value: float | None, unit: float, digits: int) -> str:
    return NOT_MEASURED if value is None else f"{value / unit:.{digits}f}"


def format_percent(share: float) -> str:
    """Format a share as a percentage."""
    return f"{100 * share:.1f}"


def format_points(difference: float | None) -> str:
    """Format a difference of shares in percentage points, signed; an exact zero is 0.0."""
    if difference is None:
        return NOT_MEASURED
    return f"{100 * difference:+.1f}" if difference else "0.0"
