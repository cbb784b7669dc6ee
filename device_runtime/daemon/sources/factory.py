"""From what a user names to a source of sound: a recording, a pipe, a sound card, a command."""

import os
import shlex
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from device_runtime.daemon.sources.base import Source
from device_runtime.daemon.sources.command import CommandSource, alsa_command, shown
from device_runtime.daemon.sources.file import FileSource
from device_runtime.daemon.sources.pcm import PcmFormat
from device_runtime.daemon.sources.pipe import PipeSource
from device_runtime.daemon.sources.sound_device import PREFIX, SoundDeviceSource, device_of
from device_runtime.daemon.sources.supervised import SupervisedSource
from edgecl.errors import SourceError, UsageError

DEFAULT_DEVICE = "default"
STDIN = "-"
NAME_CHARACTERS = 40  # of a command


def open_source(name: str, form: PcmFormat, fast: bool = False) -> Source:
    """The source of this name: '-' is stdin, a path a recording or a pipe, all else a microphone.

    Args:
        form: what the bytes of a pipe mean, and what is asked of a device.
        fast: whether a recording is to be heard as fast as possible.

    Raises:
        SourceError: it cannot be opened.
        UsageError: it is named by a number.
    """
    path = Path(name)
    if name == STDIN:
        return _stdin(form)
    if name.startswith(PREFIX):
        return microphone(name, form)
    if path.is_fifo() or path.is_char_device():
        return PipeSource.open(path, form)
    if path.exists() or os.sep in name or path.suffix:
        return FileSource(path, fast)
    return microphone(name, form)


def microphone(name: str, form: PcmFormat) -> SupervisedSource:
    """The ALSA device of this name, or what PortAudio calls so behind 'sounddevice:'.

    Raises:
        SourceError: there is no arecord.
        UsageError: it is named by a number, or an extra is missing.
    """
    device = device_of(name)
    if device is None:
        return supervised(name, alsa_command(name, form), form)
    return SupervisedSource(name, form.rate_hz, lambda: SoundDeviceSource(device, form))


def path_source(path: Path, form: PcmFormat) -> Source:
    """The recording, FIFO or device at this path, or stdin; FIFOs and devices are opened again and again.

    Raises:
        SourceError: there is nothing there, or it cannot be opened.
    """
    if str(path) == STDIN:
        return _stdin(form)
    if path.is_fifo() or path.is_char_device():
        return SupervisedSource(str(path), form.rate_hz, lambda: PipeSource.open(path, form))
    if not path.exists():
        hint = "a path is a recording, a FIFO or a device file; 'device' takes the name of a microphone"
        raise SourceError(f"there is no '{path}' to listen to", hint)
    return FileSource(path, fast=False)


def command_source(line: str, form: PcmFormat) -> SupervisedSource:
    """What a command line writes to its stdout, started again whenever it ends.

    Raises:
        SourceError: there is no such command.
        UsageError: it is no command line.
    """
    try:
        command = shlex.split(line)
    except ValueError as error:
        raise UsageError(f"{line!r} is no command line: {error}", "close every quotation mark") from None
    if not command:
        raise UsageError("the command is empty", "such as: --command 'parec --raw --rate=16000 --channels=1'")
    return supervised(_name_of(command), command, form)


def _name_of(command: Sequence[str]) -> str:
    """What events call it: its words, without the folder of the program, and no more than are read."""
    line = " ".join(shown([Path(command[0]).name, *command[1:]]).split())
    return line if len(line) <= NAME_CHARACTERS else f"{line[: NAME_CHARACTERS - 1]}…"


def supervised(name: str, command: Sequence[str], form: PcmFormat) -> SupervisedSource:
    """A command that is started again whenever it ends, fails or hangs.

    Raises:
        SourceError: there is no such command, which no attempt would change.
    """
    if shutil.which(command[0]) is None:
        hint = "sudo apt install alsa-utils" if command[0] == "arecord" else "check its name and the PATH"
        raise SourceError(f"there is no command '{command[0]}' here", hint)
    return SupervisedSource(name, form.rate_hz, lambda: CommandSource(name, command, form))


def _stdin(form: PcmFormat) -> PipeSource:
    if sys.stdin.isatty():
        raise UsageError(
            "stdin is a terminal, which sends no sound", "pipe raw PCM into it: … | edgecl listen -"
        )
    return PipeSource("stdin", os.dup(0), form)
