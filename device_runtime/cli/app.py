"""The application `edgecl`: all its commands."""

from typing import Annotated

import typer

from device_runtime.cli.carrying import export_task, import_task
from device_runtime.cli.configuration import config
from device_runtime.cli.consolidate import consolidate
from device_runtime.cli.correct import correct
from device_runtime.cli.doctor import doctor
from device_runtime.cli.enroll import enroll
from device_runtime.cli.evaluate import evaluate
from device_runtime.cli.listen import listen
from device_runtime.cli.options import command
from device_runtime.cli.predict import predict
from device_runtime.cli.serve import serve
from device_runtime.cli.service import service
from device_runtime.cli.tasks import forget, tasks, verify
from device_runtime.cli.undo import undo
from device_runtime.doctor import version_of

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="rich")
for function in (
    enroll,
    predict,
    listen,
    serve,
    correct,
    evaluate,
    tasks,
    undo,
    consolidate,
    export_task,
    import_task,
    forget,
    verify,
    doctor,
):
    command(app)(function)
for name, group in (("config", config), ("service", service)):
    app.add_typer(group, name=name)


@app.callback(invoke_without_command=True)
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
