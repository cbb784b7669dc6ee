"""`edgecl export-task`, `import-task`: copy a task to another device that has the same bundle."""

from pathlib import Path
from typing import Annotated

import typer

from device_runtime.cli import output
from device_runtime.cli.options import Settings
from device_runtime.cli.signals import interrupts
from device_runtime.cli.tasks import TaskName
from device_runtime.workflows import transfer


def export_task(
    settings: Settings,
    name: TaskName,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="File to write.", show_default=False)],
    replace: Annotated[bool, typer.Option("--replace", help="Overwrite an existing file.")] = False,
) -> int:
    """Write a task to a file: everything it has learnt, none of the recordings.

    Examples:
        edgecl export-task alarms alarms.safetensors
    """
    result = transfer.export_task(settings.workspace, name, file, overwrite=replace)
    if settings.as_json:
        output.emit(result.to_document())
    else:
        output.print_answer(
            f"Wrote '{name}' ({result.sha256[:12]}, {output.format_size(result.size_bytes)}) to {file}"
        )
    return 0


def import_task(
    settings: Settings,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="File that 'edgecl export-task' wrote.", show_default=False)
    ],
    replace: Annotated[bool, typer.Option("--replace", help="Replace a task of the same name.")] = False,
) -> int:
    """Add a task from a file that was made with the same bundle.

    The task works at once, but cannot be corrected or added to: its recordings stay on the other device.

    Examples:
        edgecl import-task alarms.safetensors

        # Replace a task of the same name; 'edgecl undo' restores it
        edgecl import-task alarms.safetensors --replace
    """
    result = transfer.import_task(settings.workspace, file, replace=replace, commit_guard=interrupts.defer)
    if settings.as_json:
        output.emit(result.to_document())
    else:
        size = output.format_size(result.size_bytes)
        output.print_answer(f"'{result.task}' is ready to use. Stored as {result.sha256[:12]} ({size}).")
    return 0
