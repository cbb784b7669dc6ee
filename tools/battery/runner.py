"""Runs rows: one after another on one prepared home, or side by side, each with a home of its own."""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path

from device_runtime.cli.app import COMMANDS, load_command
from tools.battery.document import Measurement, describe_machine, read_commit
from tools.battery.rows import ROWS, Row
from tools.battery.subject import Subject, prepare
from tools.battery.tally import NotPossibleHereError, Tally

MEMORY = Path("/dev/shm")  # a disk that costs no time; what a real one may do is modelled
SHOWN_FAILURES = 20


@dataclass(frozen=True)
class RowResult:
    """What a row measured, and what it has to say."""

    measurement: Measurement | None  # None where this machine cannot run it, or it broke off
    lines: list[str] = field(default_factory=list)
    broke_off: bool = False


@dataclass(frozen=True)
class Amounts:
    """How often each row tries."""

    short: bool
    fixed: float | None = None
    """In place of the row's own number."""

    def choose(self, row: Row) -> float:
        """Return how often a row tries."""
        return self.fixed or (row.short if self.short else row.long)


def run_side_by_side(names: Sequence[str], amounts: Amounts, jobs: int) -> Iterator[RowResult]:
    """Run each row in a process of its own, some at a time, and yield the results as they come.

    Rows that measure seconds come last, one after another. A row that breaks off stops no other.
    """
    rows = sorted((row for row in ROWS if row.name in names), key=lambda row: row.minutes, reverse=True)
    yield from _run_in_pool([row.name for row in rows if not row.is_timed], amounts, jobs)
    yield from _run_in_pool([row.name for row in rows if row.is_timed], amounts, jobs=1)


def _run_in_pool(names: Sequence[str], amounts: Amounts, jobs: int) -> Iterator[RowResult]:
    with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
        futures = {pool.submit(run_rows, [name], amounts): name for name in names}
        try:
            for done in as_completed(futures):
                if error := done.exception():
                    yield RowResult(None, [f"{futures[done]}: broke off: {error!r}"], broke_off=True)
                else:
                    yield from done.result()
        finally:
            pool.shutdown(cancel_futures=True)  # after Ctrl-C no further row begins


def run_rows(names: Sequence[str], amounts: Amounts) -> list[RowResult]:
    """Prepare a home and run rows on it, one after another."""
    _import_commands()
    folder = Path(
        tempfile.mkdtemp(prefix="edgecl-battery-", dir=MEMORY if os.access(MEMORY, os.W_OK) else None)
    )
    try:
        subject = prepare(folder)
        return [_run(row, subject, amounts.choose(row)) for row in ROWS if row.name in names]
    finally:
        shutil.rmtree(folder)


def _import_commands() -> None:
    """Import what commands import, so that forked children start at once."""
    import_module("onnxruntime")
    for name in COMMANDS:
        load_command(name)


def _run(row: Row, subject: Subject, amount: float) -> RowResult:
    """Run a row."""
    start_s = time.monotonic()
    try:
        tally = row.run(subject, amount)
    except NotPossibleHereError as reason:
        return RowResult(None, [f"{row.name}: not run: {reason}"])
    seconds = round(time.monotonic() - start_s)
    measurement = Measurement(
        row.title, tally.tried, len(tally.failures), read_commit(), describe_machine(), seconds
    )
    return RowResult(measurement, list(_describe(row, tally)))


def _describe(row: Row, tally: Tally) -> Iterator[str]:
    yield from (f"{row.name}: {failure}" for failure in tally.failures[:SHOWN_FAILURES])
    yield from (f"{row.name}: {note}" for note in tally.notes)
    if tally.skipped:
        yield f"{row.name}: {tally.skipped} faults missed their aim and are not counted"
