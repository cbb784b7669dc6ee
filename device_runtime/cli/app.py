"""The application `edgecl` and its commands. A command's module is imported only when it is run."""

from importlib import import_module
from typing import Annotated, Any, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup

from device_runtime.cli.help import read_help
from device_runtime.cli.options import command


class CommandSource(NamedTuple):
    """Where a command is, and its line in the help of the program."""

    target: str
    """Module and function, or application of its own."""
    purpose: str
    """First sentence of its own help."""


COMMANDS = {
    "enroll": CommandSource(
        "enroll.enroll", "Train a task on a folder of recordings, one sub-folder per sound, and store it."
    ),
    "predict": CommandSource(
        "predict.predict", "Recognise sounds in recordings: which task and label each one belongs to."
    ),
    "listen": CommandSource(
        "listen.listen",
        "Detect sounds live, from a microphone, a stream or a recording, until Ctrl-C or its end.",
    ),
    "serve": CommandSource(
        "serve.serve",
        "Run the daemon: detect sounds day and night, keep a history, serve the page and the API.",
    ),
    "correct": CommandSource(
        "correct.correct",
        "Correct a task with one recording: a false alarm (--not) or a missed sound (--is).",
    ),
    "evaluate": CommandSource(
        "evaluate.evaluate",
        "Measure a task on recordings that it was not trained on, one sub-folder per class.",
    ),
    "cut": CommandSource("cut.cut", "Cut a long recording of one sound into clips to enrol."),
    "record": CommandSource(
        "record.record",
        "Record takes of a sound from the board's own microphone, with a countdown and a level meter.",
    ),
    "tasks": CommandSource(
        "tasks.tasks", "List all tasks: labels, recordings, size, age, and whether this bundle can use them."
    ),
    "undo": CommandSource(
        "tasks.undo", "Take back the last change of a task: a correction, enrolment, import or consolidation."
    ),
    "consolidate": CommandSource(
        "consolidate.consolidate",
        "Let similar tasks share adapters, at most K different ones, to save CPU time.",
    ),
    "export-task": CommandSource(
        "transfer.export_task", "Write a task to a file: everything it has learnt, none of the recordings."
    ),
    "import-task": CommandSource(
        "transfer.import_task", "Add a task from a file that was made with the same bundle."
    ),
    "forget": CommandSource(
        "tasks.forget",
        "Remove a task with both its versions, the list of its recordings and what the cache has of them.",
    ),
    "verify": CommandSource(
        "tasks.verify", "Check that tasks are stored intact: every byte is read and compared with its hash."
    ),
    "bundle": CommandSource("bundle.bundle", "Update the model bundle of the home."),
    "doctor": CommandSource(
        "doctor.doctor", "Check the installation, the home folder, the bundle and the training engines."
    ),
    "bench": CommandSource(
        "bench.bench", "Measure this machine: speed by number of threads, decoding, disk, a minute of load."
    ),
    "config": CommandSource("config.config", "Show the configuration of 'edgecl serve'."),
    "service": CommandSource("service.service", "Run 'edgecl serve' as a systemd service."),
}
"""All commands, in the order of the help."""


class _Commands(TyperGroup):
    """The group of all commands: listed by their purposes, imported when they are resolved."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = {name: TyperCommand(name, help=one.purpose) for name, one in COMMANDS.items()}

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        name, found, rest = super().resolve_command(ctx, args)
        return name, load_command(name) if name and found else found, rest


def build_app() -> typer.Typer:
    """Return the application with all commands."""
    app = typer.Typer(cls=_Commands, pretty_exceptions_enable=False, rich_markup_mode="rich")
    app.callback(invoke_without_command=True, help=read_help(start).to_markup())(start)
    return app


def load_command(name: str) -> Any:
    """Import a command, one of `COMMANDS`, and return it as the click command that parses and runs it."""
    app = typer.Typer(pretty_exceptions_enable=False, rich_markup_mode="rich")
    app.callback()(_ignore_context)
    register(app, name)
    return typer.main.get_group(app).commands[name]


def register(app: typer.Typer, name: str) -> None:
    """Import a command, one of `COMMANDS`, and register it with an application."""
    module, function = COMMANDS[name].target.split(".")
    found = getattr(import_module(f"device_runtime.cli.{module}"), function)
    if isinstance(found, typer.Typer):
        app.add_typer(found, name=name)
    else:
        command(app)(found)


def _ignore_context() -> None:
    """Make a group of an application with a single command."""


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
        from device_runtime.system.packages import find_installed_version  # noqa: PLC0415  (importlib.metadata)

        typer.echo(f"edgecl {find_installed_version('edgecl') or 'from source'}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
