"""ESC-50 (Piczak, 2015): 2000 clips of 5 s, 50 classes, five folds.

`meta/esc50.csv` names each file of `audio/` with its fold, its class (0…49) and the class's name. The classes
form five groups of ten (animals, nature, humans, indoors, outdoors), so consecutive classes make a task.
"""

import csv
from pathlib import Path

from edgecl.errors import DatasetError, UsageError
from tools.bench.continual.sources.task_files import TaskFiles, group_by_label

ADDRESS = "https://github.com/karolpiczak/ESC-50/archive/master.zip"
TABLE = Path("meta/esc50.csv")
CLASSES, FOLDS = 50, 5


def read_tasks(source: Path, count: int, test_fold: int) -> list[TaskFiles]:
    """Read ESC-50 as `count` tasks; `test_fold` is the test set, the other four folds the training set.

    Raises:
        UsageError: 50 classes cannot be split evenly, or there is no such fold.
        DatasetError: the table cannot be read.
    """
    if count < 1 or CLASSES % count:
        hint = "choose 1, 2, 5, 10 or 25"
        raise UsageError(f"the {CLASSES} classes of ESC-50 cannot be split into {count} equal tasks", hint)
    if not 1 <= test_fold <= FOLDS:
        raise UsageError(f"ESC-50 has no fold {test_fold}", f"choose 1 to {FOLDS}")
    rows, size = _read_rows(source / TABLE), CLASSES // count
    return [
        _make_task(source, f"esc50-{number + 1}", rows, range(number * size, (number + 1) * size), test_fold)
        for number in range(count)
    ]


def _read_rows(table: Path) -> list[dict[str, str]]:
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    if not rows or not {"filename", "fold", "target", "category"} <= rows[0].keys():
        raise DatasetError(f"{str(table)!r} is not the table of ESC-50", f"download it again: {ADDRESS}")
    return rows


def _make_task(
    source: Path, name: str, rows: list[dict[str, str]], targets: range, test_fold: int
) -> TaskFiles:
    def select(is_test: bool) -> list[tuple[str, Path]]:
        return [
            (row["category"], source / "audio" / row["filename"])
            for row in rows
            if int(row["target"]) in targets and (int(row["fold"]) == test_fold) is is_test
        ]

    return TaskFiles(name, group_by_label(select(False)), group_by_label(select(True)))
