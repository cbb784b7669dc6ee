"""`edgecl bench`: measure this machine and keep the number of threads that is best here."""

from typing import Annotated

import typer

from device_runtime.cli import output
from device_runtime.cli.options import Settings
from device_runtime.cli.progress import show_progress
from device_runtime.workflows.bench import BenchReport, LoadResult, measure

SLOWER = 1.2  # under load: what is more is no noise


def bench(
    settings: Settings,
    load: Annotated[
        int,
        typer.Option(
            metavar="SECONDS", help="Time under load, to see heat slow it down; 0: none.", min=0, max=3600
        ),
    ] = 60,
) -> int:
    """Measure this machine: speed by number of threads, decoding, disk, a minute of load.

    The best numbers of threads are written to HOME/board.json, and all commands use them unless --threads is
    given: for 'serve' and 'listen' the fewest that are fast enough, for all others the fewest of the fastest.
    End other programs first.

    Examples:
        edgecl bench
        edgecl bench --load 0 --json
    """
    with show_progress() as progress:
        report = measure(settings.workspace, load, progress)
    if settings.as_json:
        output.emit(report.to_document())
        return 0
    columns = ["threads", "window", "window in a batch", "training step"]
    rows = [
        (str(speed.threads), *map(_format_ms, (speed.window_ms, speed.batched_window_ms, speed.step_ms)))
        for speed in report.speeds
    ]
    title = f"{report.machine}, {report.cores} cores; bundle {report.bundle}, {report.variant}"
    output.print_answer(output.build_table(title, columns, rows), *_describe(report))
    return 0


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
