"""`edgecl bench`: measure this machine and keep the number of threads that is best here."""

import platform
import struct
from typing import Annotated

import typer

from device_runtime.cli import output
from device_runtime.cli.options import Settings
from device_runtime.cli.progress import show_progress
from device_runtime.system import host_info
from device_runtime.system.packages import find_installed_version
from device_runtime.workflows.bench import BenchReport, LoadResult, measure

COLUMNS = ("threads", "window", "window in a batch", "training step")
SLOWER = 1.2  # under load: what is more is no noise


def bench(
    settings: Settings,
    load: Annotated[
        int,
        typer.Option(
            metavar="SECONDS", help="Time under load, to see heat slow it down; 0: none.", min=0, max=3600
        ),
    ] = 60,
    share: Annotated[
        bool,
        typer.Option(
            "--share",
            help="Print a report in Markdown to send in: the board and its figures, no names or paths.",
        ),
    ] = False,
) -> int:
    """Measure this machine: speed by number of threads, decoding, disk, a minute of load.

    The best numbers of threads are written to HOME/board.json, and all commands use them unless --threads is
    given: for 'serve' and 'listen' the fewest that are fast enough, for all others the fewest of those that
    enrol fastest. End other programs first.

    Examples:
        edgecl bench
        edgecl bench --load 0 --json
        edgecl bench --share > board.md
    """
    with show_progress() as progress:
        report = measure(settings.workspace, load, progress)
    if settings.as_json:
        output.emit(report.to_document())
        return 0
    title = f"{report.machine}, {report.cores} cores; bundle {report.bundle}, {report.variant}"
    if share:
        output.print_answer(*_format_markdown(title, report))
    else:
        output.print_answer(output.build_table(title, COLUMNS, _list_rows(report)), *_describe(report))
    return 0


def _list_rows(report: BenchReport) -> list[tuple[str, ...]]:
    """Return a row of COLUMNS for each number of threads."""
    return [
        (str(speed.threads), *map(_format_ms, (speed.window_ms, speed.batched_window_ms, speed.step_ms)))
        for speed in report.speeds
    ]


def _format_markdown(title: str, report: BenchReport) -> list[str]:
    """Return the report as lines of Markdown, with what else decides how fast a board is."""
    versions = [f"{name} {find_installed_version(name)}" for name in ("edgecl", "onnxruntime", "numpy")]
    system = [platform.system(), platform.release(), f"{8 * struct.calcsize('P')} bits"]
    memory = f"{host_info.read_memory().total / 1e9:.1f} GB of memory"
    table = [COLUMNS, ["---"] * len(COLUMNS), *_list_rows(report)]
    return [
        f"### {title}",
        "",
        f"{' '.join(system)}, {memory}; Python {platform.python_version()}, {', '.join(versions)}",
        "",
        *(f"| {' | '.join(row)} |" for row in table),
        "",
        *(f"- {line}" for line in _describe(report)),
    ]


def _describe(report: BenchReport) -> list[str]:
    lines = [
        f"decoding 5 s of FLAC: {_format_ms(report.decode_ms)}",
        f"64 KiB safe on the disk: {_format_ms(report.sync_ms)}",
    ]
    if report.load:
        lines.append(_describe_load(report.load))
    threads = report.threads
    return [*lines, f"threads from now on: {threads.live} while listening, {threads.work} for all other work"]


def _describe_load(load: LoadResult) -> str:
    slower = load.last_ms > SLOWER * load.first_ms
    first, last = _format_ms(load.first_ms), _format_ms(load.last_ms)
    text = f"{load.duration_s:.0f} s under load: a window in {first}, at the end in {last}"
    if load.last_c is not None:
        text += f", {load.last_c:.0f} °C"
    return text + (": it slows down, so cool it better" if slower else "")


def _format_ms(milliseconds: float) -> str:
    return f"{milliseconds:.1f} ms"
