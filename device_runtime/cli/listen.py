"""`edgecl listen [SOURCE]`: detect sounds live."""

import sys
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated

import typer

from device_runtime.cli import output
from device_runtime.cli.meter import open_display
from device_runtime.cli.options import Settings
from device_runtime.cli.signals import interrupts
from device_runtime.cli.source_options import Channels, CommandLine, EncodingName, Rate, open_named_source
from device_runtime.daemon.builder import open_listener
from device_runtime.daemon.sinks.jsonl import JsonLines
from device_runtime.daemon.sources.file import FileSource
from device_runtime.daemon.sources.pcm import Encoding, PcmFormat
from device_runtime.recognition.recognizer import Recognizer
from device_runtime.system.board_profile import choose_live_threads
from device_runtime.workflows.predict import load_recognizer
from edgecl.console import escape_unprintable
from edgecl.events import Event, SoundEvent

SourceName = Annotated[
    str | None,
    typer.Argument(
        metavar="SOURCE",
        help="A microphone, a recording, a FIFO, or - for stdin.",
        show_default="the microphone 'default'",
    ),
]
TaskName = Annotated[str | None, typer.Option(help="Ask this task only.", show_default="all tasks")]
Fast = Annotated[
    bool, typer.Option("--fast", help="Process a recording as fast as possible, not in real time.")
]
Loud = Annotated[
    float | None,
    typer.Option(
        metavar="DBFS", help="Also report any sound at least this loud.", min=-120, max=0, show_default="off"
    ),
]


def listen(
    settings: Settings,
    source: SourceName = None,
    task: TaskName = None,
    fast: Fast = False,
    loud: Loud = None,
    command: CommandLine = None,
    rate: Rate = 16_000,
    channels: Channels = 1,
    encoding: EncodingName = Encoding.s16le,
) -> int:
    """Detect sounds live, from a microphone, a stream or a recording, until Ctrl-C or its end.

    Each sound is reported when it starts and when it has ended; with --json as JSON lines. A microphone that
    is unplugged, silent or stuck is reported and opened again until it works. 'arecord -L' lists microphones;
    name one as plughw:CARD=…, since card numbers change.

    Examples:
        edgecl listen
        edgecl listen plughw:CARD=Device --loud -30
        edgecl listen evening.flac --fast
        edgecl listen --json | jq --unbuffered 'select(.phase == "new") | .label'
        edgecl listen --command 'parec --raw --format=s16le --rate=16000 --channels=1'
        ffmpeg -i rtsp://camera/stream -ac 1 -ar 16000 -f s16le - | edgecl listen -
    """
    workspace = settings.workspace
    recognizer = _load_recognizer(
        settings, task, workspace.threads if fast else choose_live_threads(workspace.home)
    )
    opened = open_named_source(source, command, PcmFormat(rate, channels, encoding), fast)
    sentences = _Sentences(isinstance(opened, FileSource))
    sink = JsonLines(sys.stdout).write if settings.as_json else sentences.write
    with (
        interrupts.poll() as stopped,
        open_display(opened.name) as display,
        open_listener(opened, recognizer, sink, display.write, display.update, loud) as pipeline,
    ):
        pipeline.run(stopped)
    output.print_message(pipeline.summary())
    return 0


def _load_recognizer(settings: Settings, task: str | None, threads: int) -> Recognizer:
    workspace = replace(settings.workspace, threads=threads)
    with workspace.open_store() as store:
        return load_recognizer(store, workspace.open_runtime(), task, workspace.warn)


class _Sentences:
    """A line on stdout when a sound starts, and one when it has ended."""

    def __init__(self, is_file: bool) -> None:
        self._is_file = is_file

    def write(self, event: Event) -> None:
        if isinstance(event, SoundEvent) and event.phase != "update":
            print(escape_unprintable("  ".join(self._words(event))), flush=True)

    def _words(self, event: SoundEvent) -> list[str]:
        start, end = datetime.fromisoformat(event.start), datetime.fromisoformat(event.end)
        duration = end - start
        if event.phase == "new":
            text = f"{event.score:.2f}  {event.level_dbfs:.0f} dBFS"
        else:
            text = f"ended after {duration.total_seconds():.1f} s"
        at_s, time = event.offset_s, start
        if event.phase == "end":
            at_s, time = at_s + duration.total_seconds(), end
        when = f"{timedelta(seconds=int(at_s))}" if self._is_file else f"{time.astimezone():%H:%M:%S}"
        return [when, event.task, event.label, text]
