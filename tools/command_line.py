"""The command lines of tools: shared options, and their run from arguments to an exit code."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from device_runtime.cli import arguments
from edgecl import console
from edgecl.errors import UsageError
from tools.command import CommandError

TasksFolder = Annotated[
    Path, typer.Argument(exists=True, file_okay=False, help="Folder of tasks, each with train/ and test/.")
]
BundleFolder = Annotated[
    Path, typer.Option("--bundle", help="Bundle folder.", show_default="the shipped one")
]
Seed = Annotated[int, typer.Option("--seed", help="Random seed.")]


def run_command(command: Callable[..., None], module: str) -> NoReturn:
    """Run a function as the only command of a module, and exit.

    Args:
        command: its parameters are typer's arguments and options, its docstring is the help text.
        module: as in `python -m MODULE`.
    """
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(command)
    sys.exit(console.run(lambda: _run(app, module)))


def _run(app: typer.Typer, module: str) -> int:
    try:
        return arguments.run_app(app, sys.argv[1:], f"python -m {module}")
    except CommandError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def list_task_folders(tasks: Path) -> list[Path]:
    """List the folders of labelled tasks in a folder, sorted by name.

    Raises:
        UsageError: there is none.
    """
    folders = sorted(folder for folder in tasks.absolute().iterdir() if (folder / "train").is_dir())
    if not folders:
        raise UsageError(f"no folder in '{tasks}' has a train folder", "unpack the tasks' tars there")
    return folders
