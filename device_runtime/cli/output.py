"""Output of the commands: answers on stdout, messages and progress on stderr."""

import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.console import Console, JustifyMethod
from rich.table import Table
from rich.text import Text

from device_runtime.cli.signals import interrupts
from edgecl.console import discard_output, escape_unprintable, format_json

if TYPE_CHECKING:
    from edgecl.audio.reader import RejectedFile

PIPE_WIDTH = 160  # no terminal says how wide it is: leave room for paths
LOG_WIDTH = 10_000  # a sentence in a log is one line
NARROW = 110  # columns; below it a table leaves out what --json shows

_live: list[Console] = []  # consoles on which bars are drawn now: messages have to go above them


def emit(document: dict[str, Any]) -> None:
    """Print one JSON document on stdout, complete even if a signal arrives."""
    text = format_json(document)
    interrupts.ignore()
    print(text)


def print_answer(*parts: Table | Text | str) -> None:
    """Print tables and sentences on stdout."""
    _print(_console(sys.stdout), parts)


def print_message(*parts: Table | Text | str) -> None:
    """Print tables and sentences on stderr; where it is closed they are dropped."""
    try:
        _print(_live[-1] if _live else _console(sys.stderr), parts)
    except OSError:
        discard_output(sys.stderr)


@contextmanager
def print_above(console: Console) -> Iterator[None]:
    """Print messages above the bars that are drawn on this console."""
    _live.append(console)
    try:
        yield
    finally:
        _live.remove(console)


def is_narrow() -> bool:
    """Return whether answers have little room."""
    return _console(sys.stdout).width < NARROW


def build_table(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], right: str = ""
) -> Table:
    """Return a table; `right` names the right-aligned columns, separated by commas."""
    heading = Text(escape_unprintable(title)) if title else None
    made = Table(title=heading, title_justify="left", title_style="bold", box=SIMPLE_HEAD)
    for column in columns:
        justify: JustifyMethod = "right" if column in right.split(",") else "left"
        made.add_column(Text(escape_unprintable(column)), justify=justify, overflow="fold")
    for row in rows:
        made.add_row(*map(_to_text, row))
    return made


def _to_text(cell: object) -> Text:
    return cell if isinstance(cell, Text) else Text(escape_unprintable(str(cell)))


def build_rejected_table(rejected: "Sequence[RejectedFile]") -> Table:
    """Return a table of the files that were skipped, and why."""
    rows = [(one.reason, one.hint) for one in rejected]
    return build_table(f"{len(rejected)} skipped", ["reason", "what to do"], rows)


def format_percent(share: float | None) -> str:
    """Return a share in per cent; a dash where there is none."""
    return "–" if share is None else f"{100 * share:.1f} %"


def describe_others(others: Mapping[str, bool]) -> str:
    """Return a sentence on the other tasks: name → whether it is byte for byte what it was."""
    changed = [task for task, is_unchanged in others.items() if not is_unchanged]
    if changed:
        return f"changed as well: {', '.join(changed)}, see 'edgecl verify'"
    if len(others) < 2:
        return "the other task is unchanged, byte for byte" if others else "there is no other task"
    return f"the other {len(others)} tasks are unchanged, byte for byte"


def format_size(size_bytes: int) -> str:
    """Return a size in KiB or MiB."""
    return f"{size_bytes / 1024:.0f} KiB" if size_bytes < 1 << 20 else f"{size_bytes / (1 << 20):.1f} MiB"


def format_time(time: str) -> str:
    """Return a time (RFC 3339) to the minute."""
    return time[:16].replace("T", " ")


class _Console(Console):
    """A console that leaves a closed pipe to `edgecl.console`."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def _console(stream: Any) -> Console:
    width = None if stream.isatty() else _width_of_pipe(stream)
    return _Console(file=stream, width=width, markup=False, highlight=False, emoji=False, soft_wrap=False)


def _width_of_pipe(stream: Any) -> int:
    """Return the width of answers, from COLUMNS; messages are not wrapped, since logs are read by line."""
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
    """Print to a pipe or a file: a sentence is one line, without trailing blanks."""
    with console.capture() as captured:
        console.print(part, soft_wrap=isinstance(part, Text))
    for line in captured.get().splitlines():
        console.print(Text(line.rstrip()), soft_wrap=True)
