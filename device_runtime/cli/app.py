"""The application `edgecl` and its commands. A command's module is imported only when it is run."""

from collections.abc import Iterable
from importlib import import_module
from typing import Annotated

import typer

from device_runtime.cli.help import read_help
from device_runtime.cli.options import command
from device_runtime.system.packages import find_installed_version

COMMANDS = {
    "enroll": "enroll.enroll",
    "predict": "predict.predict",
    "listen": "listen.listen",
    "serve": "serve.serve",
    "correct": "correct.correct",
    "evaluate": "evaluate.evaluate",
    "cut": "cut.cut",
    "record": "record.record",
    "tasks": "tasks.tasks",
    "undo": "tasks.undo",
    "consolidate": "consolidate.consolidate",
    "export-task": "transfer.export_task",
    "import-task": "transfer.import_task",
    "forget": "tasks.forget",
    "verify": "tasks.verify",
    "doctor": "doctor.doctor",
    "bench": "bench.bench",
    "config": "config.config",
    "service": "service.service",
}
"""Name → module and function, or application of its own, in the order of the help."""


def build_app(name: str = "") -> typer.Typer:
    """Return the application with one command, or with all of them if there is none of this name."""
    app = typer.Typer(pretty_exceptions_enable=False, rich_markup_mode="rich")
    app.callback(invoke_without_command=True, help=read_help(start).to_markup())(start)
    for one in _select(name):
        module, function = COMMANDS[one].split(".")
        found = getattr(import_module(f"device_runtime.cli.{module}"), function)
        if isinstance(found, typer.Typer):
            app.add_typer(found, name=one)
        else:
            command(app)(found)
    return app


def _select(name: str) -> Iterable[str]:
    if name == "--version":
        return ()
    return (name,) if name in COMMANDS else COMMANDS


def start(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    """Train a small Linux board to recognise new sounds, without changing what it knows.

    First steps:
        # Train a task: one sub-folder of recordings per sound
        edgecl enroll alarms my-sounds/

        # Recognise sounds in a recording
        edgecl predict recording.wav

        # Detect sounds live, from the microphone
        edgecl listen

        # Correct a missed sound
        edgecl correct ring.wav --is alarms/doorbell

        # List the tasks
        edgecl tasks

        # Every command has its own help
        edgecl enroll --help
    """
    if version:
        typer.echo(f"edgecl {find_installed_version('edgecl') or 'from source'}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
