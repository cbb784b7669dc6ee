"""`python -m tools.battery`: run the rows; exit code 0 when nothing failed, else 1."""

import argparse
import os
import shutil
import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path

from rich.console import Console
from rich.table import Table

from device_runtime.cli.app import COMMANDS, load_command
from tools.battery.document import DOCUMENT, Measurement, describe_machine, read_commit, update
from tools.battery.rows import ROWS, Row
from tools.battery.subject import Subject, prepare
from tools.battery.tally import NotPossibleHereError, Tally

MEMORY = Path("/dev/shm")  # a disk that costs no time; what a real one may do is modelled
SHOWN_FAILURES = 20


def parse_options() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="tools.battery", description="Break edgecl and look for damage.")
    parser.add_argument("--short", action="store_true", help="try little: the form of the tests")
    parser.add_argument(
        "--only", metavar="ROW", action="append", choices=[row.name for row in ROWS], help="repeatable"
    )
    parser.add_argument("--amount", type=float, help="how often, in place of the row's own number")
    return parser.parse_args()


def main() -> int:
    """Run the rows, print their table, write it into the document after a long run; return the exit code."""
    options, console = parse_options(), Console()
    rows = [row for row in ROWS if (row.name in options.only if options.only else _is_due(row, options))]
    _import_commands()
    folder = Path(
        tempfile.mkdtemp(prefix="edgecl-battery-", dir=MEMORY if os.access(MEMORY, os.W_OK) else None)
    )
    try:
        subject = prepare(folder)
        results = [_run(row, subject, options, console) for row in rows]
    finally:
        shutil.rmtree(folder)
    measured = [result for result in results if result is not None]
    console.print(_make_table(measured))
    if not options.short:
        DOCUMENT.write_text(update(DOCUMENT.read_text(), measured, [row.title for row in ROWS]))
    return 1 if any(one.failed for one in measured) else 0


def _is_due(row: Row, options: argparse.Namespace) -> bool:
    return not options.short or row.short > 0


def _import_commands() -> None:
    """Import what commands import, so that forked children start at once."""
    import_module("onnxruntime")
    for name in COMMANDS:
        load_command(name)


def _run(row: Row, subject: Subject, options: argparse.Namespace, console: Console) -> Measurement | None:
    """Run a row and print its failures; None where this machine cannot."""
    amount = options.amount or (row.short if options.short else row.long)
    start_s = time.monotonic()
    try:
        tally = row.run(subject, amount)
    except NotPossibleHereError as reason:
        console.print(f"{row.name}: not run: {reason}", markup=False)
        return None
    seconds = round(time.monotonic() - start_s)
    _print_findings(row, tally, console)
    return Measurement(
        row.title, tally.tried, len(tally.failures), read_commit(), describe_machine(), seconds
    )


def _print_findings(row: Row, tally: Tally, console: Console) -> None:
    for failure in tally.failures[:SHOWN_FAILURES]:
        console.print(f"{row.name}: {failure}", markup=False, soft_wrap=True)
    for note in tally.notes:
        console.print(f"{row.name}: {note}", markup=False, soft_wrap=True)
    if tally.skipped:
        console.print(
            f"{row.name}: {tally.skipped} faults missed their aim and are not counted", markup=False
        )


def _make_table(measured: list[Measurement]) -> Table:
    table = Table("row", "tried", "failed", "seconds")
    for one in measured:
        table.add_row(one.title, str(one.tried), str(one.failed), str(one.seconds))
    return table


if __name__ == "__main__":
    sys.exit(main())
