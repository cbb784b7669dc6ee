"""`edgecl record LABEL`: record takes of a sound from the board's microphone."""

import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from math import ceil
from pathlib import Path
from typing import Annotated

import soundfile
import typer
from rich.console import Console
from rich.live import Live
from rich.text import Text

from device_runtime.cli import output
from device_runtime.cli.meter import draw_level
from device_runtime.cli.options import Settings
from device_runtime.cli.signals import interrupts
from device_runtime.cli.source_options import Channels, CommandLine, EncodingName, Rate, open_named_source
from device_runtime.daemon.sources.base import Source
from device_runtime.daemon.sources.pcm import Encoding, PcmFormat
from device_runtime.daemon.sources.take_recorder import TakeRecorder
from edgecl.arrays import Waveform
from edgecl.audio.faults import SENTENCES, SOFT_DBFS
from edgecl.audio.levels import loudest_moment_dbfs
from edgecl.class_folders import check_class_name
from edgecl.console import escape_unprintable
from edgecl.learning.negative_labels import is_negative

HEALTHY = ("listening", "starting")
Label = Annotated[
    str, typer.Argument(metavar="LABEL", help="The sound, or '_negative' for the room.", show_default=False)
]
Out = Annotated[Path, typer.Option(metavar="FOLDER", help="Folder of classes; takes go into FOLDER/LABEL.")]
Takes = Annotated[int, typer.Option(metavar="N", help="Number of takes.", min=1, max=1000)]
Seconds = Annotated[float, typer.Option(metavar="S", help="Length of a take.", min=0.5, max=300)]
Countdown = Annotated[
    float, typer.Option(metavar="S", help="Time before each take, counted down.", min=0, max=60)
]
SourceName = Annotated[
    str | None,
    typer.Option(
        "--source", metavar="SOURCE", help="A microphone, a FIFO, or - for stdin.", show_default="default"
    ),
]


def record(
    settings: Settings,
    label: Label,
    out: Out = Path("takes"),
    takes: Takes = 12,
    seconds: Seconds = 2.0,
    countdown: Countdown = 3.0,
    source: SourceName = None,
    command: CommandLine = None,
    rate: Rate = 16_000,
    channels: Channels = 1,
    encoding: EncodingName = Encoding.s16le,
) -> int:
    """Record takes of a sound from the board's own microphone, with a countdown and a level meter.

    Make the sound once in each take, from another place and at another level each time. Ctrl-C ends it; the
    takes that are complete stay. A running daemon may have the microphone for itself: stop it first, or
    record on its page.

    Examples:
        edgecl record knock
        edgecl record _negative --takes 1 --seconds 60
        edgecl enroll door takes/

        # From another microphone: 'arecord -L' lists them
        edgecl record knock --source plughw:CARD=Device
    """
    check_class_name(label)
    opened = open_named_source(source, command, PcmFormat(rate, channels, encoding))
    folder = out / label
    files: list[tuple[Path, float]] = []
    with interrupts.poll() as stopped, closing(opened), _open_display() as display:
        recorder = TakeRecorder(opened, display.show_level, stopped)
        for number in range(1, takes + 1):
            _count_down(recorder, display, f"take {number} of {takes}", countdown)
            display.show(f"take {number} of {takes}: now")
            waveform = recorder.record(seconds)
            if waveform is None:
                break
            path = _write(folder, label, waveform, recorder.rate_hz)
            files.append((path, loudest_moment_dbfs(waveform, recorder.rate_hz)))
            output.print_message(_describe(path, files[-1][1], opened))
    if settings.as_json:
        output.emit(
            {"label": label, "takes": [{"file": str(path), "level_dbfs": level} for path, level in files]}
        )
    else:
        output.print_answer(_summarise(label, out, len(files)))
    return 0


def _count_down(recorder: TakeRecorder, display: "_Display", take: str, countdown_s: float) -> None:
    for left in range(ceil(countdown_s), 0, -1):
        display.show(f"{take}: in {left} …")
        recorder.wait(min(1.0, countdown_s))


def _write(folder: Path, label: str, waveform: Waveform, rate_hz: int) -> Path:
    """Write a take under the first number that is free."""
    folder.mkdir(parents=True, exist_ok=True)
    number = 1
    while (path := folder / f"{label} {number:02d}.wav").exists():
        number += 1
    soundfile.write(path, waveform, rate_hz, subtype="PCM_16")
    return path


def _describe(path: Path, level: float, source: Source) -> str:
    """Describe a take and what is wrong with it."""
    parts = [f"{path}: {level:.0f} dBFS"]
    if source.condition.state not in HEALTHY:
        parts += [source.condition.detail, source.condition.hint]
    elif level < SOFT_DBFS:
        parts.append(SENTENCES["too soft"])
    return "; ".join(part for part in parts if part)


def _summarise(label: str, out: Path, count: int) -> str:
    others = "the sounds beside it" if is_negative(label) else f"what is no {label}, such as the room"
    name = "LABEL" if is_negative(label) else "_negative"
    return (
        f"{count} {'take' if count == 1 else 'takes'} of '{label}' in '{out / label}'. Next: record {others} "
        f"(edgecl record {name}), then edgecl enroll NAME {out}"
    )


class _Display:
    """A line of text and the level on a terminal; nothing elsewhere."""

    def __init__(self, live: Live | None = None) -> None:
        self._live = live
        self._text = ""

    def show(self, text: str) -> None:
        self._text = text

    def show_level(self, level: float) -> None:
        if self._live:
            line = Text.assemble(draw_level(level), f"  {escape_unprintable(self._text)}")
            self._live.update(line, refresh=True)


@contextmanager
def _open_display() -> Iterator[_Display]:
    if not sys.stderr.isatty():
        yield _Display()
        return
    console = Console(stderr=True, markup=False, highlight=False, emoji=False)
    with Live(console=console, auto_refresh=False, transient=True) as live, output.print_above(console):
        yield _Display(live)
