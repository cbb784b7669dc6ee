"""`python -m tools.bench.room TASKS`: the command line of the room benchmark."""

import shlex
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from device_runtime.cli.progress import show_progress
from device_runtime.model.shipped_bundle import DEFAULT_BUNDLE
from device_runtime.system.board_profile import default_threads
from tools.bench.machine import describe_machine
from tools.bench.room import material
from tools.bench.room.benchmark import FULL, QUICK_SIZE, Benchmark
from tools.command_line import BundleFolder, Seed, TasksFolder, run_command

NAME = "tools.bench.room"


def room(
    tasks: TasksFolder,
    out: Annotated[Path, typer.Option(help="Output folder.")] = Path("build/room"),
    quick: Annotated[
        bool,
        typer.Option("--quick", help="Few recordings and five conditions; --clips and --hours do not count."),
    ] = False,
    tune: Annotated[
        bool,
        typer.Option(
            "--tune",
            help="Compare rules of events on training recordings, backgrounds and rooms alone.",
        ),
    ] = False,
    clips: Annotated[
        int | None,
        typer.Option(min=1, help="Test recordings of each label, evenly spaced by name.", show_default="all"),
    ] = None,
    hours: Annotated[float, typer.Option(min=0.05, help="Hours of background.")] = FULL.background_h,
    mn04: Annotated[
        Path | None,
        typer.Option(
            help="Weights of mn04 (.pt); without the file the yardstick is left out.",
            show_default=f"EDGECL_DATA/../{material.MN04}",
        ),
    ] = None,
    bundle: BundleFolder = DEFAULT_BUNDLE,
    processes: Annotated[
        int | None,
        typer.Option(min=1, help="Streams at the same time.", show_default="one per core, up to 4"),
    ] = None,
    seed: Seed = 0,
) -> None:
    """Measure detection and false alarms in streams that sound like rooms.

    Every task is enrolled at default settings. Its test recordings are laid into streams,
    which run through the pipeline of `edgecl listen`: clean, in noise, in rooms, softer,
    by telephone and by another microphone. TASKS may hold folders or tar files.

    Backgrounds and rooms come from EDGECL_DATA. Writes report.md, results.json and
    room.png to OUT.
    """
    # matplotlib is imported here and not above: the worker processes import this module, too
    from tools.bench.room.report import format_markdown, write_report  # noqa: PLC0415

    weights = mn04 or material.require_data().parent / material.MN04
    size = QUICK_SIZE if quick else replace(FULL, test_clips=clips, foreign_clips=clips, background_h=hours)
    with tempfile.TemporaryDirectory() as name, show_progress() as progress:
        work = Path(name)
        folders = material.prepare_tasks(tasks, work / "tasks")
        benchmark = Benchmark(
            folders,
            work,
            size,
            seed,
            processes or default_threads(),
            bundle.absolute(),
            weights if weights.is_file() else None,
            progress,
            tune,
        )
        command = f"python -m {NAME} {shlex.join(sys.argv[1:])}"
        results = benchmark.run(command, describe_machine())
    print(format_markdown(results))
    print(f"written: {', '.join(map(str, write_report(results, out)))}")


if __name__ == "__main__":
    run_command(room, NAME)
