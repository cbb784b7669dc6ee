"""`python -m tools.bench.accuracy TASKS`: test accuracy of every task and engine, by the real command.

All tasks are enrolled in one home from their `train` folders and measured on their `test` folders. At the end
`edgecl verify` must find all of them intact, and the first task must give the same scores again.
"""

import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from device_runtime.model.shipped_bundle import DEFAULT_BUNDLE
from device_runtime.training.engines.factory import list_engines
from edgecl.errors import EdgeclError
from tools.command import Command
from tools.command_line import BundleFolder, Seed, TasksFolder, list_task_folders, run_command


def accuracy(tasks: TasksFolder, bundle: BundleFolder = DEFAULT_BUNDLE, seed: Seed = 0) -> None:
    """Enrol all tasks in one home and print the test accuracy by task and engine.

    The exit code is 1 where a task changed while others were enrolled.
    """
    folders = list_task_folders(tasks)
    results = {engine: _measure(folders, engine, bundle, seed) for engine in list_engines()}
    table = Table("task", *results)
    for name in [*(folder.name for folder in folders), "mean"]:
        table.add_row(name, *(f"{100 * found[name]:.1f} %" for found in results.values()))
    Console().print(table)


def _measure(folders: list[Path], engine: str, bundle: Path, seed: int) -> dict[str, float]:
    """Return the accuracy (0…1) by task, and their mean."""
    with tempfile.TemporaryDirectory() as home:
        command, measured = Command(Path(home), bundle), {}
        for folder in folders:
            options = "--engine", engine, "--seed", str(seed)
            command.document("enroll", folder.name, str(folder / "train"), *options)
            measured[folder.name] = command.document("evaluate", folder.name, str(folder / "test"))
            print(f"{engine}: {folder.name} {100 * measured[folder.name]['accuracy']:.1f} %", file=sys.stderr)
        if not command.document("verify")["intact"]:
            raise EdgeclError("a task changed while others were enrolled")
        first = folders[0]
        again = command.document("evaluate", first.name, str(first / "test"))
        if again["files"] != measured[first.name]["files"]:
            raise EdgeclError(f"the scores of '{first.name}' changed when other tasks were enrolled")
    found = {name: float(result["accuracy"]) for name, result in measured.items()}
    return found | {"mean": sum(found.values()) / len(found)}


if __name__ == "__main__":
    run_command(accuracy, "tools.bench.accuracy")
