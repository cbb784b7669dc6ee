"""The options that name a source of live sound, which `listen` and `record` share."""

from typing import Annotated

import typer

from device_runtime.daemon.sources.base import Source
from device_runtime.daemon.sources.factory import DEFAULT_DEVICE, open_command, open_source
from device_runtime.daemon.sources.pcm import Encoding, PcmFormat
from edgecl.errors import UsageError

RAW = "Raw PCM and microphone format"
CommandLine = Annotated[
    str | None,
    typer.Option(
        metavar="LINE",
        help="Program that writes raw PCM to stdout.",
        show_default="arecord",
        rich_help_panel=RAW,
    ),
]
Rate = Annotated[
    int, typer.Option(metavar="HZ", help="Sample rate in Hz.", min=4000, max=192_000, rich_help_panel=RAW)
]
Channels = Annotated[
    int, typer.Option(help="Number of channels, mixed to mono.", min=1, max=64, rich_help_panel=RAW)
]
EncodingName = Annotated[Encoding, typer.Option(help="Sample format.", rich_help_panel=RAW)]


def open_named_source(
    source: str | None, command: str | None, pcm_format: PcmFormat, fast: bool = False
) -> Source:
    """Open the source that the options name; the microphone 'default' if they name none.

    Raises:
        SourceError: it cannot be opened.
        UsageError: the options contradict each other, or name a device by its index.
    """
    if source and command:
        raise UsageError("a source and --command exclude each other", "give one of them")
    if command:
        return open_command(command, pcm_format)
    return open_source(source or DEFAULT_DEVICE, pcm_format, fast)
