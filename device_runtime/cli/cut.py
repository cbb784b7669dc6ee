"""`edgecl cut RECORDING`: find the takes of a sound in a long recording and save them as clips."""

from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from device_runtime.cli import output
from device_runtime.cli.options import PlotFile, Settings
from device_runtime.workflows import plot as plots
from device_runtime.workflows.cut import CutRequest, CutResult
from device_runtime.workflows.cut import cut as run
from edgecl.errors import UsageError
from edgecl.learning.negative_labels import is_negative

Recording = Annotated[
    Path, typer.Argument(metavar="RECORDING", help="A recording of any length.", show_default=False)
]
Label = Annotated[str, typer.Option(help="The sound in the recording.", show_default=False)]
Out = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER", help="Folder of classes to which the clips are added.", show_default="takes"
    ),
]
Drop = Annotated[
    str | None,
    typer.Option(
        metavar="N,N", help="Leave out the takes with these numbers.", show_default="all takes are kept"
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="List the takes, but write nothing.")]


def cut(
    settings: Settings,
    recording: Recording,
    label: Label,
    out: Out = None,
    drop: Drop = None,
    dry_run: DryRun = False,
    plot: PlotFile = None,
) -> int:
    """Cut a long recording of one sound into clips to enrol.

    Record the sound again and again, with pauses of two seconds or more. Everything that stands out from the
    room is a take; takes become clips in FOLDER/LABEL, and as many pieces of the room between them clips in
    FOLDER/_negative. Look at them first with --dry-run and --plot, and leave out by --drop what is something
    else.

    Examples:
        edgecl cut knocks.wav --label knock --dry-run --plot knocks.png
        edgecl cut knocks.wav --label knock --drop 3,11
        edgecl enroll door takes/
    """
    folder = None if dry_run else out or Path("takes")
    result = run(CutRequest(recording, label, folder, _parse_numbers(drop)))
    if settings.as_json:
        output.emit(result.to_document())
    else:
        _show(result, folder)
    if plot:
        plots.draw_takes(plot, result)
    return 0


def _parse_numbers(text: str | None) -> set[int]:
    try:
        return {int(number) for number in text.split(",")} if text else set()
    except ValueError:
        raise UsageError(f"--drop {text!r} is no list of numbers", "write them like 3,11") from None


def _show(result: CutResult, folder: Path | None) -> None:
    output.print_message(*result.notes)
    rows = [
        (
            Text(str(number)),
            f"{take.start_s:.2f} s",
            f"{take.end_s - take.start_s:.2f} s",
            f"{take.level_dbfs:.0f} dBFS",
            "dropped" if number in result.dropped else "",
        )
        for number, take in enumerate(result.takes, 1)
    ]
    columns = ["take", "start", "length", "level", ""]
    output.print_answer(output.build_table("", columns, rows, "take,start,length,level"))
    kept = len(result.takes) - len(result.dropped)
    found = f"{kept} takes of '{result.label}' in {result.duration_s:.0f} s"
    if folder is None:
        output.print_answer(f"{found}. Nothing was written. Run it again without --dry-run to write clips.")
        return
    rooms = sum(len(paths) for label, paths in result.clips.items() if is_negative(label))
    output.print_answer(
        f"{found}, and {rooms} clips of the room, are in '{folder}'. Next: edgecl enroll NAME {folder}"
    )
