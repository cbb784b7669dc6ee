"""A source that is a child process writing raw PCM, such as arecord.

A child process is more robust than a library: a driver that hangs blocks the child, which can be killed. Its
stderr gives the reason why it ended, and the frames it lost ('overrun!!! (at least 12.3 ms long)'). The pipe
buffers half a minute of sound, so that nothing is lost while the tasks are evaluated.
"""

import contextlib
import fcntl
import os
import re
import select
import shlex
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from device_runtime.daemon.sources.base import LISTENING, Block
from device_runtime.daemon.sources.pcm import Encoding, PcmFormat
from device_runtime.daemon.sources.pipe import PipeSource
from edgecl.errors import SourceError, UsageError

PIPE_BYTES = 1 << 20
GRACE_S = 1.0  # from SIGTERM to SIGKILL
STDERR_BYTES = 4096  # kept for the error message
OVERRUN = re.compile(rb"overrun!!! \(at least ([0-9.]+) ms long\)")
PASSWORD = re.compile(r"(?<=:)//[^/@\s]+@")
INDEXED_DEVICE = re.compile(r"(plug)?(hw|dsnoop):(CARD=)?\d+(,|$)")
ALSA_ENCODINGS = {Encoding.s16le: "S16_LE", Encoding.s32le: "S32_LE", Encoding.f32le: "FLOAT_LE"}


class CommandSource:
    """The frames that a command writes to its stdout. The command should never end: its end is an error."""

    def __init__(self, name: str, command: Sequence[str], pcm_format: PcmFormat) -> None:
        """Start the command.

        Raises:
            SourceError: the command is missing or cannot be run.
        """
        self.name = name
        self.rate_hz = pcm_format.rate_hz
        self.condition = LISTENING
        self._command = command
        self._child = _start(command)
        self._frames = PipeSource(name, _descriptor(self._child.stdout), pcm_format)
        self._errors = _descriptor(self._child.stderr)
        self._selected = [self._frames.descriptor, self._errors]
        self._stderr = b""

    @property
    def lost_frames(self) -> int:
        """See `Source`."""
        return self._frames.lost_frames

    def read(self, timeout_s: float) -> Block | None:
        """See `Source`; never None."""
        select.select(self._selected, [], [], timeout_s)
        self._read_stderr()
        block = self._frames.read(0.0)
        if block is None:
            raise self._exit_error()
        return block

    def close(self) -> None:
        """Stop the child and its own children, with SIGKILL if they ignore SIGTERM."""
        self._signal(signal.SIGTERM)
        try:
            self._child.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGKILL)
            self._child.wait()
        for pipe in (self._child.stdout, self._child.stderr):
            if pipe:
                pipe.close()

    def _signal(self, number: int) -> None:
        """Signal the whole session of the child, as of `sh -c 'parec … | sox …'`."""
        if self._child.poll() is None:
            os.killpg(self._child.pid, number)

    def _read_stderr(self) -> None:
        with contextlib.suppress(BlockingIOError):
            data = os.read(self._errors, STDERR_BYTES)
            if not data:  # closed, as by '2>/dev/null': select would return at once for ever
                self._selected = [self._frames.descriptor]
            for lost_ms in OVERRUN.findall(data):
                self._frames.skip(round(float(lost_ms) / 1000 * self.rate_hz))
            self._stderr = (self._stderr + data)[-STDERR_BYTES:]

    def _exit_error(self) -> SourceError:
        """Return the error for a child that has closed its output."""
        try:
            code = self._child.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            reason = f"'{self.name}': the command closed its output"
            return SourceError(reason, "see whether it writes raw PCM to stdout")
        lines = self._stderr.decode(errors="replace").strip().splitlines()
        reason = f": {lines[-1].strip()}" if lines else ""
        message = f"'{self.name}': the command ended with code {code}{reason}"
        return SourceError(message, _hint_for(self._command))


def format_command(command: Sequence[str]) -> str:
    """Return a command line for display, without the password of a URL in it."""
    return PASSWORD.sub("//…@", shlex.join(command))


def alsa_command(device: str, pcm_format: PcmFormat) -> list[str]:
    """Return the arecord command that records from an ALSA device.

    Raises:
        UsageError: the device is named by its index, which depends on the order of plugging in.
    """
    if INDEXED_DEVICE.match(device):
        reason = f"'{device}' names a sound card by its number, which changes from start to start"
        raise UsageError(reason, "'arecord -L' lists their names, such as plughw:CARD=Device,DEV=0")
    encoding = ALSA_ENCODINGS[pcm_format.encoding]
    options = ["-t", "raw", "-f", encoding, "-r", str(pcm_format.rate_hz), "-c", str(pcm_format.channels)]
    return ["arecord", "-q", "-D", device, *options]


def _hint_for(command: Sequence[str]) -> str:
    if Path(command[0]).name == "arecord":
        return "is the microphone plugged in? 'arecord -L' lists what there is"
    return f"run it by hand to see its messages: {format_command(command)}"


def _start(command: Sequence[str]) -> "subprocess.Popen[bytes]":
    """Start the child in a session of its own, so that Ctrl-C in the terminal does not reach it."""
    try:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        is_missing = isinstance(error, FileNotFoundError)
        hint = f"install it: sudo apt install {'alsa-utils' if command[0] == 'arecord' else command[0]}"
        reason = f"'{format_command(command)}' cannot be started: {error.strerror}"
        raise SourceError(reason, hint if is_missing else "") from None
    with contextlib.suppress(OSError):  # a smaller pipe is good enough
        fcntl.fcntl(_descriptor(child.stdout), fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    os.set_blocking(_descriptor(child.stderr), False)
    return child


def _descriptor(pipe: IO[bytes] | None) -> int:
    assert pipe is not None  # Popen was called with PIPE
    return pipe.fileno()
