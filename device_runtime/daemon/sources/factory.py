"""Opening the source that a user names: a recording, a pipe, a sound card, a command."""

import os
import shlex
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from device_runtime.daemon.sources.base import Source
from device_runtime.daemon.sources.command import CommandSource, alsa_command, format_command
from device_runtime.daemon.sources.file import FileSource
from device_runtime.daemon.sources.pcm import Encoding, PcmFormat
from device_runtime.daemon.sources.pipe import PipeSource
from device_runtime.daemon.sources.sound_device import PREFIX, SoundDeviceSource, parse_device
from device_runtime.daemon.sources.supervised import SupervisedSource
from edgecl.config.schema import SourceConfig
from edgecl.errors import SourceError, UsageError

DEFAULT_DEVICE = "default"
STDIN = "-"
NAME_CHARACTERS = 40  # of a command


def open_source(name: str, pcm_format: PcmFormat, fast: bool = False) -> Source:
    """Open the source of this name: '-' is stdin, a path a recording or a pipe, all else a microphone.

    Args:
        name: as given on the command line.
        pcm_format: the format of a pipe, and the one requested from a device.
        fast: whether to play a recording as fast as possible.

    Raises:
        SourceError: it cannot be opened.
        UsageError: the device is named by its index.
    """
    path = Path(name)
    if name == STDIN:
        return _open_stdin(pcm_format)
    if name.startswith(PREFIX):
        return open_microphone(name, pcm_format)
    if path.is_fifo() or path.is_char_device():
        return PipeSource.open(path, pcm_format)
    if path.exists() or os.sep in name or path.suffix:
        return FileSource(path, fast)
    return open_microphone(name, pcm_format)


def open_configured(config: SourceConfig, choice: Callable[[], str] = lambda: "") -> Source:
    """Open the source of a configuration; all but recordings and stdin are reopened when they end.

    A microphone that is missing, with its program or without, is looked for until it is there.

    Args:
        config: the configuration.
        choice: returns the ALSA device to use in place of a configured device; empty: the configured one.
    """
    pcm_format = PcmFormat(config.rate_hz, config.channels, Encoding(config.encoding))
    if config.command:
        return open_command(config.command, pcm_format, must_exist=False)
    if config.path:
        return open_path(Path(config.path), pcm_format)
    if parse_device(config.device) is not None:
        return open_microphone(config.device, pcm_format, must_exist=False)
    alsa_command(config.device, pcm_format)  # refuse a device that is named by its number

    def open_chosen() -> Source:
        device = choice() or config.device
        try:
            command = alsa_command(device, pcm_format)
        except UsageError as error:
            raise SourceError(error.message, error.hint) from None
        return CommandSource(device, command, pcm_format)

    return SupervisedSource(config.device, pcm_format.rate_hz, open_chosen, choice)


def open_microphone(name: str, pcm_format: PcmFormat, must_exist: bool = True) -> SupervisedSource:
    """Open the ALSA device of this name, or the PortAudio device of a name that begins with 'sounddevice:'.

    Raises:
        SourceError: arecord is missing, and must exist.
        UsageError: the device is named by its index, or an extra is missing.
    """
    device = parse_device(name)
    if device is None:
        return _supervise_command(name, alsa_command(name, pcm_format), pcm_format, must_exist)
    return SupervisedSource(name, pcm_format.rate_hz, lambda: SoundDeviceSource(device, pcm_format))


def open_path(path: Path, pcm_format: PcmFormat) -> Source:
    """Open the recording, FIFO or device at this path, or stdin; FIFOs and devices are reopened at their end.

    Raises:
        SourceError: there is nothing at the path, or it cannot be opened.
    """
    if str(path) == STDIN:
        return _open_stdin(pcm_format)
    if path.is_fifo() or path.is_char_device():
        return SupervisedSource(str(path), pcm_format.rate_hz, lambda: PipeSource.open(path, pcm_format))
    if not path.exists():
        hint = "a path is a recording, a FIFO or a device file; 'device' takes the name of a microphone"
        raise SourceError(f"there is no '{path}' to listen to", hint)
    return FileSource(path, fast=False)


def open_command(line: str, pcm_format: PcmFormat, must_exist: bool = True) -> SupervisedSource:
    """Run a command line that writes PCM to its stdout, and run it again whenever it ends.

    Raises:
        SourceError: the command is missing, and must exist.
        UsageError: the command line is empty or malformed.
    """
    try:
        command = shlex.split(line)
    except ValueError as error:
        raise UsageError(f"{line!r} is no command line: {error}", "close every quotation mark") from None
    if not command:
        raise UsageError("the command is empty", "such as: --command 'parec --raw --rate=16000 --channels=1'")
    return _supervise_command(_name_of(command), command, pcm_format, must_exist)


def _name_of(command: Sequence[str]) -> str:
    """Return the name of a command in events: its words without the folder of the program, shortened."""
    line = " ".join(format_command([Path(command[0]).name, *command[1:]]).split())
    return line if len(line) <= NAME_CHARACTERS else f"{line[: NAME_CHARACTERS - 1]}…"


def _supervise_command(
    name: str, command: Sequence[str], pcm_format: PcmFormat, must_exist: bool
) -> SupervisedSource:
    if must_exist and shutil.which(command[0]) is None:
        hint = "sudo apt install alsa-utils" if command[0] == "arecord" else "check its name and the PATH"
        raise SourceError(f"there is no command '{command[0]}' here", hint)
    return SupervisedSource(name, pcm_format.rate_hz, lambda: CommandSource(name, command, pcm_format))


def _open_stdin(pcm_format: PcmFormat) -> PipeSource:
    if sys.stdin.isatty():
        raise UsageError(
            "stdin is a terminal, which sends no sound", "pipe raw PCM into it: … | edgecl listen -"
        )
    return PipeSource("stdin", os.dup(0), pcm_format)
