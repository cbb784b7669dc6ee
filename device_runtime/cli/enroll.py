"""`edgecl enroll NAME FOLDER`: train a task and store it."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from device_runtime.cli import enroll_output, output
from device_runtime.cli.options import PlotFile, Settings
from device_runtime.cli.progress import show_progress
from device_runtime.cli.recipe import RecipeSettings
from device_runtime.cli.signals import interrupts
from device_runtime.system.memory import release_large_blocks_at_once
from device_runtime.training.recipe import Recipe
from device_runtime.workflows import plot as plots
from device_runtime.workflows.enroll import EnrolmentRequest, Mode
from device_runtime.workflows.enroll import enroll as run
from device_runtime.workflows.enroll_again import enroll_again as run_again
from edgecl.errors import UsageError


class MethodName(StrEnum):
    """Values of --method."""

    auto = "auto"
    prototype = "prototype"
    slda = "slda"
    ridge = "ridge"
    adapter = "adapter"


def enroll(
    settings: Settings,
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="Name of the task, such as 'alarms'.", show_default=False),
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Argument(
            metavar="FOLDER",
            help="Folder with one sub-folder of recordings per sound, or a zip file.",
            show_default=False,
        ),
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Train an existing task again, on this folder only.")
    ] = False,
    add: Annotated[
        bool,
        typer.Option("--add", help="Add the recordings to an existing task; it keeps those it has."),
    ] = False,
    again: Annotated[
        bool,
        typer.Option(
            "--again",
            help="Train every task anew, or task NAME, from the recordings it was trained on. Needed after "
            "an update of the bundle.",
        ),
    ] = False,
    search: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FOLDER",
            help="With --again: folder to search for recordings that have been moved; may be repeated.",
            show_default=False,
        ),
    ] = None,
    method: Annotated[
        MethodName | None,
        typer.Option(
            help="Training method. auto fits slda at once, then trains an adapter and takes it if it does "
            "better on held-out recordings.",
            show_default="auto; with --add the method chosen before",
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Train and report, but store nothing.")] = False,
    trial: Annotated[
        Path | None,
        typer.Option(
            "--predict",
            "--hear",
            metavar="FILE",
            help="With --dry-run: list the sounds that the task detects in this recording (at most 300 s).",
            show_default=False,
        ),
    ] = None,
    plot: PlotFile = None,
    recipe: RecipeSettings = None,
) -> int:
    """Train a task on a folder of recordings, one sub-folder per sound, and store it.

    WAV, FLAC, OGG, Opus, MP3 and AIFF files are read, at any sample rate and number of channels, and M4A,
    AAC, AMR, WMA and 3GP where ffmpeg is installed. Files that cannot be used are skipped with a reason.
    Record at least 2, better 12 of each sound; put sounds that the task must not react to into a sub-folder
    '_negative'.

    The task is ready to use within seconds. Training goes on and replaces this first version unless it
    recognises far fewer held-out recordings. Ctrl-C then keeps the first version.

    Examples:
        edgecl enroll alarms my-sounds/

        # Add a sound, or more recordings of one
        edgecl enroll alarms more-sounds/ --add

        # Train it again, without its old recordings
        edgecl enroll alarms my-sounds/ --replace

        # Train every task anew, after an update of the bundle
        edgecl enroll --again

        # Try it on a recording before storing it
        edgecl enroll alarms my-sounds/ --dry-run --predict evening.flac

        # Train an adapter for 60 epochs
        edgecl enroll alarms my-sounds/ --method adapter --recipe epochs=60
    """
    release_large_blocks_at_once()
    if again:
        others = replace or add or method or dry_run or trial or plot or recipe
        if folder or others:
            raise UsageError(
                "--again takes a task's name and --search, nothing else", "edgecl enroll --again"
            )
        return _enroll_again(settings, name, search or [])
    if search:
        raise UsageError("--search needs --again", "run 'edgecl enroll --again --search FOLDER'")
    if name is None or folder is None:
        raise UsageError(
            "a name and a folder are needed",
            "edgecl enroll NAME FOLDER, or edgecl enroll --again; see edgecl enroll --help",
        )
    request = EnrolmentRequest(
        task=name,
        folder=folder,
        mode=_mode(replace, add),
        method=method,
        recipe=Recipe.parse(recipe) if recipe else None,
        dry_run=dry_run,
        trial_recording=trial,
    )
    if trial and not dry_run:
        raise UsageError("--predict needs --dry-run", "a stored task is used by 'edgecl predict FILE'")
    with show_progress() as bar:
        result = run(
            settings.workspace,
            request,
            progress=bar,
            commit_guard=interrupts.defer,
            on_first_result=None if settings.as_json else enroll_output.announce,
        )
    if settings.as_json:
        output.emit(result.to_document())
    else:
        enroll_output.show(result)
    if plot:
        plots.draw_enrolment(plot, result)
    return 0


def _enroll_again(settings: Settings, name: str | None, search: list[Path]) -> int:
    with show_progress() as bar:
        result = run_again(
            settings.workspace,
            name,
            search,
            progress=bar,
            commit_guard=interrupts.defer,
            on_result=None if settings.as_json else enroll_output.show_repeated,
        )
    if settings.as_json:
        output.emit(result.to_document())
    return 1 if result.unchanged else 0


def _mode(replace: bool, add: bool) -> Mode:
    if replace and add:
        raise UsageError(
            "--replace and --add exclude each other", "--replace drops the old recordings, --add keeps them"
        )
    return "replace" if replace else "add" if add else "new"
