"""The application `edgecl`: all its commands.

Each is imported when it is asked for: `serve` loads in a fifth less time than all of them, `tasks` in a
third less.
"""

from importlib import import_module
from typing import Annotated

import typer

from device_runtime.cli.options import command
from device_runtime.workflows.doctor import version_of

COMMANDS = {
    "enroll": "enroll.enroll",
    "predict": "predict.predict",
    "listen": "listen.listen",
    "serve": "serve.serve",
    "correct": "correct.correct",
    "evaluate": "evaluate.evaluate",
    "tasks": "tasks.tasks",
    "undo": "undo.undo",
    "consolidate": "consolidate.consolidate",
    "export-task": "transfer.export_task",
    "import-task": "transfer.import_task",
    "forget": "tasks.forget",
    "verify": "tasks.verify",
    "doctor": "doctor.doctor",
    "config": "configuration.config",
    "service": "service.service",
}
"""Name → module and function, or application of its own, in the order of the help."""


def application(asked: str = "") -> typer.Typer:
    """The application with the command that is asked for, or with all of them where it is none of these."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="rich")
    app.callback(invoke_without_command=True)(start)
    for name in [asked] if asked in COMMANDS else COMMANDS:
        module, function = COMMANDS[name].split(".")
        found = getattr(import_module(f"device_runtime.cli.{module}"), function)
        if isinstance(found, typer.Typer):
            app.add_typer(found, name=name)
        else:
            command(app)(found)
    return app


def start(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Show the version and leave.")] = False,
) -> None:
    """Learn new sounds on this machine, from folders of recordings, without ever touching the old ones.

    [bold]First steps[/bold]

      edgecl enroll alarms my-sounds/      one sub-folder of recordings for each sound

      edgecl predict recording.wav         what is heard in it, and when

      edgecl listen                        the same, of the microphone, while it sounds

      edgecl correct ring.wav --is alarms/doorbell     tell it what it missed

      edgecl tasks                         what has been learnt

    Every command explains itself: [bold]edgecl enroll --help[/bold]
    """
    if version:
        typer.echo(f"edgecl {version_of('edgecl') or 'from source'}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
