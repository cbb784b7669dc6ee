"""`python -m tools.accuracy TASKS`: every labelled task through the real command, in one home, per engine.

Each task is enrolled from its `train` folder and measured on its `test` folder; after the last enrolment
`edgecl verify` must find all of them unchanged and the first task must give identical scores again.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

ENGINES = ("portable", "ort-training")


def main(
    tasks: Annotated[Path, typer.Argument(exists=True, help="Folder of tasks, each with train/ and test/.")],
    engine: Annotated[list[str], typer.Option(help="Engines to try.")] = list(ENGINES),  # noqa: B006
    bundle: Annotated[Path | None, typer.Option(help="Default: the shipped one.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of the enrolments.")] = 0,
) -> None:
    """Print the accuracy of every task by engine; leave with 1 where a task changed."""
    names = sorted(folder.name for folder in tasks.iterdir() if (folder / "train").is_dir())
    results = {}
    for each in engine:
        options = ["--engine", each, "--seed", str(seed)]
        results[each] = _journey(tasks, names, options + (["--bundle", str(bundle)] if bundle else []))
    table = Table("task", *engine)
    for name in [*names, "mean"]:
        table.add_row(name, *(f"{100 * results[each][name]:.1f} %" for each in engine))
    Console().print(table)


def _journey(tasks: Path, names: list[str], options: list[str]) -> dict[str, float]:
    """Accuracy by task, and their mean."""
    with tempfile.TemporaryDirectory() as home:
        options = ["--home", home, *options, "--json"]

        def evaluate(name: str) -> dict[str, Any]:
            return _edgecl("evaluate", name, str(tasks / name / "test"), *options)

        measured = {}
        for name in names:
            _edgecl("enroll", name, str(tasks / name / "train"), *options)
            measured[name] = evaluate(name)
        if not _edgecl("verify", *options)["intact"]:
            raise SystemExit("a task changed while another was enrolled")
        if evaluate(names[0])["files"] != measured[names[0]]["files"]:
            raise SystemExit(f"'{names[0]}' gives other scores after the other tasks were enrolled")
    found = {name: float(result["accuracy"]) for name, result in measured.items()}
    return found | {"mean": sum(found.values()) / len(found)}


def _edgecl(*arguments: str) -> dict[str, Any]:
    """The JSON answer of one command."""
    command = [sys.executable, "-m", "device_runtime", *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    if done.returncode:
        raise SystemExit(f"edgecl {' '.join(arguments)} left with {done.returncode}: {done.stdout.decode()}")
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


if __name__ == "__main__":
    typer.run(main)
