"""`python -m tools.battery`: run the rows; exit code 0 when nothing failed, else 1.

The long form runs as many rows at a time as there are cores, and writes each into the document as it ends.
"""

import argparse
import os
import sys

from rich.console import Console
from rich.table import Table

from tools.battery.document import DOCUMENT, Measurement, update
from tools.battery.rows import ROWS
from tools.battery.runner import Amounts, run_rows, run_side_by_side


def parse_options() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="tools.battery", description="Break edgecl and look for damage.")
    parser.add_argument(
        "--short", action="store_true", help="try little, one row after another: the form of the tests"
    )
    parser.add_argument(
        "--only", metavar="ROW", action="append", choices=[row.name for row in ROWS], help="repeatable"
    )
    parser.add_argument("--amount", type=float, help="how often, in place of the row's own number")
    parser.add_argument(
        "--jobs",
        type=int,
        choices=range(1, 65),
        metavar="N",
        default=os.cpu_count(),
        help="rows at a time, without --short (default: one for each core)",
    )
    return parser.parse_args()


def main() -> int:
    """Run the rows, print their table, write the document after each long one; return the exit code."""
    options, console, measured = parse_options(), Console(), list[Measurement]()
    broke_off = False
    due = [row.name for row in ROWS if not options.short or row.short > 0]
    names, amounts = options.only or due, Amounts(options.short, options.amount)
    results = run_rows(names, amounts) if options.short else run_side_by_side(names, amounts, options.jobs)
    for result in results:
        for line in result.lines:
            console.print(line, markup=False, soft_wrap=True)
        broke_off |= result.broke_off
        if result.measurement is None:
            continue
        measured.append(result.measurement)
        if not options.short:
            console.print(f"done in {measured[-1].seconds} s: {measured[-1].title}", markup=False)
            titles = [row.title for row in ROWS]
            DOCUMENT.write_text(update(DOCUMENT.read_text(), [measured[-1]], titles))
    console.print(_make_table(measured))
    return 1 if broke_off or any(one.failed for one in measured) else 0


def _make_table(measured: list[Measurement]) -> Table:
    table = Table("row", "tried", "failed", "seconds")
    for one in measured:
        table.add_row(one.title, str(one.tried), str(one.failed), str(one.seconds))
    return table


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("interrupted: the rows that had ended are in the document")
