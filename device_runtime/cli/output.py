"""What the commands print: answers on stdout, messages and progress on stderr."""

import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console, JustifyMethod
from rich.table import Table
from rich.text import Text

from device_runtime.cli.signals import interrupts
from edgecl.audio.reader import RejectedFile
from edgecl.console import discard_output, escape_unprintable, format_json

PIPE_WIDTH = 160  # no terminal says how wide it is: leave room for paths
LOG_WIDTH = 10_000  # a sentence in a log is one line
NARROW = 110  # columns; below it a table leaves out what can be asked for by --json

_live: list[Console] = []  # on which bars are drawn now: what is told meanwhile has to go above them


def emit(document: dict[str, Any]) -> None:
    """One JSON document on stdout, whole even if a signal comes meanwhile."""
    text = format_json(document)
    interrupts.ignore()
    print(text)


def answer(*parts: Table | Text | str) -> None:
    """Tables and sentences on stdout."""
    _print(_console(sys.stdout), parts)


def message(*parts: Table | Text | str) -> None:
    """Tables and sentences on stderr, beside the answer; the work goes on where nobody takes them."""
    try:
        _print(_live[-1] if _live else _console(sys.stderr), parts)
    except OSError:
        discard_output(sys.stderr)


@contextmanager
def drawing(console: Console) -> Iterator[None]:
    """Bars are drawn on this console: messages are printed by it, above them, until they are done."""
    _live.append(console)
    try:
        yield
    finally:
        _live.remove(console)


def is_narrow() -> bool:
    """Whether answers have little room."""
    return _console(sys.stdout).width < NARROW


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], right: str = "") -> Table:
    """A table; `right` names the columns whose figures are right-aligned, separated by commas."""
    heading = Text(escape_unprintable(title)) if title else None
    made = Table(title=heading, title_justify="left", title_style="bold", box=SIMPLE_HEAD)
    for column in columns:
        justify: JustifyMethod = "right" if column in right.split(",") else "left"
        made.add_column(Text(escape_unprintable(column)), justify=justify, overflow="fold")
    for row in rows:
        made.add_row(
            *(cell if isinstance(cell, Text) else Text(escape_unprintable(str(cell))) for cell in row)
        )
    return made


def refusals(refused: Sequence[RejectedFile]) -> Table:
    """Why files were skipped."""
    return table(f"{len(refused)} skipped", ["why", "what to do"], [(r.reason, r.hint) for r in refused])


def refused_values(refused: Sequence[RejectedFile]) -> list[dict[str, str]]:
    """The same, for JSON."""
    return [{"file": str(r.path), "reason": r.reason, "hint": r.hint} for r in refused]


def percent(share: float | None) -> str:
    """A share as the eye likes it; a dash where there is none."""
    return "–" if share is None else f"{100 * share:.1f} %"


def untouched(others: Mapping[str, bool]) -> str:
    """What became of the tasks that were not meant: name → whether it is byte for byte what it was."""
    changed = [task for task, unchanged in others.items() if not unchanged]
    if changed:
        return f"not as they were: {', '.join(changed)}, see 'edgecl verify'"
    if len(others) < 2:
        return "the other task is unchanged, byte for byte" if others else "there is no other task"
    return f"the other {len(others)} tasks are unchanged, byte for byte"


def size(size_bytes: int) -> str:
    """Bytes in KiB or MiB."""
    return f"{size_bytes / 1024:.0f} KiB" if size_bytes < 1 << 20 else f"{size_bytes / (1 << 20):.1f} MiB"


def moment(time: str) -> str:
    """A time (RFC 3339) to the minute, as the eye likes it."""
    return time[:16].replace("T", " ")


class _Console(Console):
    """A console that leaves it to `edgecl.console` to say what a closed pipe means."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def _console(stream: Any) -> Console:
    width = None if stream.isatty() else _width_of_pipe(stream)
    return _Console(file=stream, width=width, markup=False, highlight=False, emoji=False, soft_wrap=False)


def _width_of_pipe(stream: Any) -> int:
    """What COLUMNS says of answers; a message is never wrapped, for a log is read line by line."""
    if stream is sys.stderr:
        return LOG_WIDTH
    asked = os.environ.get("COLUMNS", "")
    return int(asked) if asked.isascii() and asked.isdecimal() and int(asked) else PIPE_WIDTH


def _print(console: Console, parts: Iterable[Table | Text | str]) -> None:
    for part in parts:
        shown = part if isinstance(part, Table | Text) else Text(escape_unprintable(part))
        if console.is_terminal:
            console.print(shown)
        else:
            _print_plain(console, shown)


def _print_plain(console: Console, part: Table | Text) -> None:
    """For a pipe or a file: sentences on one line, and no blanks at the end of any."""
    with console.capture() as captured:
        console.print(part, soft_wrap=isinstance(part, Text))
    for line in captured.get().splitlines():
        console.print(Text(line.rstrip()), soft_wrap=True)
