"""`python -m tools.bench.accuracy TASKS`: test accuracy of every task and engine, by the real command.

Each task is enrolled from its `train` folder and measured on its `test` folder; after the last enrolment
`edgecl verify` must find all of them unchanged and the first task must give identical scores again.
"""

import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from device_runtime.training.engines.factory import list_engines
from tools.command import Command


def main(
    tasks: Annotated[Path, typer.Argument(exists=True, help="Folder of tasks, each with train/ and test/.")],
    bundle: Annotated[Path | None, typer.Option(help="Default: the shipped one.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of the enrolments.")] = 0,
) -> None:
    """Print the accuracy of every task by engine; leave with 1 where a task changed."""
    tasks = tasks.absolute()
    names = sorted(folder.name for folder in tasks.iterdir() if (folder / "train").is_dir())
    results = {engine: _journey(tasks, names, engine, bundle, seed) for engine in list_engines()}
    table = Table("task", *results)
    for name in [*names, "mean"]:
        table.add_row(name, *(f"{100 * found[name]:.1f} %" for found in results.values()))
    Console().print(table)


def _journey(tasks: Path, names: list[str], engine: str, bundle: Path | None, seed: int) -> dict[str, float]:
    """Accuracy by task, and their mean."""
    with tempfile.TemporaryDirectory() as home:
        command, measured = Command(Path(home), bundle), {}
        for name in names:
            train, test = str(tasks / name / "train"), str(tasks / name / "test")
            command.document("enroll", name, train, "--engine", engine, "--seed", str(seed))
            measured[name] = command.document("evaluate", name, test)
            print(f"{engine}: {name} {100 * measured[name]['accuracy']:.1f} %", file=sys.stderr)
        if not command.document("verify")["intact"]:
            raise SystemExit("a task changed while another was enrolled")
        first = names[0]
        if (
            command.document("evaluate", first, str(tasks / first / "test"))["files"]
            != measured[first]["files"]
        ):
            raise SystemExit(f"'{first}' gives other scores after the other tasks were enrolled")
    found = {name: float(result["accuracy"]) for name, result in measured.items()}
    return found | {"mean": sum(found.values()) / len(found)}


if __name__ == "__main__":
    typer.run(main)
