"""A source that is a child process writing raw PCM, such as arecord.

A process of its own is sturdier than a library: a driver that hangs hangs the child, which can be killed.
What it has to say it says on stderr: why it ended, and when it lost frames ('overrun!!! (at least 12.3 ms
long)'). The pipe between holds half a minute, so that nothing is lost while the tasks think.
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
SAID_BYTES = 4096  # of stderr, remembered
OVERRUN = re.compile(rb"overrun!!! \(at least ([0-9.]+) ms long\)")
PASSWORD = re.compile(r"(?<=:)//[^/@\s]+@")
BY_INDEX = re.compile(r"(plug)?(hw|dsnoop):(CARD=)?\d")
ALSA_ENCODINGS = {Encoding.s16le: "S16_LE", Encoding.s32le: "S32_LE", Encoding.f32le: "FLOAT_LE"}


class CommandSource:
    """The frames that a command writes to its stdout. It is never meant to end, so its end is an error."""

    def __init__(self, name: str, command: Sequence[str], form: PcmFormat) -> None:
        """Start the command.

        Raises:
            SourceError: there is no such command, or it may not be run.
        """
        self.name = name
        self.rate_hz = form.rate_hz
        self.condition = LISTENING
        self._command = command
        self._child = _started(command)
        self._frames = PipeSource(name, _descriptor(self._child.stdout), form)
        self._errors = _descriptor(self._child.stderr)
        self._heeded = [self._frames.descriptor, self._errors]
        self._said = b""

    @property
    def lost_frames(self) -> int:
        """See `Source`."""
        return self._frames.lost_frames

    def read(self, within_s: float) -> Block | None:
        """See `Source`; never None."""
        select.select(self._heeded, [], [], within_s)
        self._listen_to_errors()
        block = self._frames.read(0.0)
        if block is None:
            raise SourceError(*self._ending())
        return block

    def close(self) -> None:
        """End the child and what it started, by force if it does not listen."""
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
        """To the whole session of the child, such as `sh -c 'parec … | sox …'`."""
        if self._child.poll() is None:
            os.killpg(self._child.pid, number)

    def _listen_to_errors(self) -> None:
        with contextlib.suppress(BlockingIOError):
            said = os.read(self._errors, SAID_BYTES)
            if not said:  # closed, as by '2>/dev/null': it would be ready for ever
                self._heeded = [self._frames.descriptor]
            for lost_ms in OVERRUN.findall(said):
                self._frames.skip(round(float(lost_ms) / 1000 * self.rate_hz))
            self._said = (self._said + said)[-SAID_BYTES:]

    def _ending(self) -> tuple[str, str]:
        """The sentence and the hint for a child that writes no more."""
        try:
            code = self._child.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            return f"'{self.name}': the command closed its output", "see whether it writes raw PCM to stdout"
        lines = self._said.decode(errors="replace").strip().splitlines()
        reason = f": {lines[-1].strip()}" if lines else ""
        return f"'{self.name}': the command ended with code {code}{reason}", _advice(self._command)


def shown(command: Sequence[str]) -> str:
    """A command line to be read, without the password that an address in it may hold."""
    return PASSWORD.sub("//…@", shlex.join(command))


def _advice(command: Sequence[str]) -> str:
    if Path(command[0]).name == "arecord":
        return "is the microphone plugged in? 'arecord -L' lists what there is"
    return f"run it by hand, to see what it says: {shown(command)}"


def alsa_command(device: str, form: PcmFormat) -> list[str]:
    """The arecord call that records from an ALSA device.

    Raises:
        UsageError: the device is named by an index, which changes with the order of plugging in.
    """
    if BY_INDEX.match(device):
        reason = f"'{device}' names a sound card by its number, which changes from start to start"
        raise UsageError(reason, "'arecord -L' lists their names, such as plughw:CARD=Device,DEV=0")
    encoding = ALSA_ENCODINGS[form.encoding]
    options = ["-t", "raw", "-f", encoding, "-r", str(form.rate_hz), "-c", str(form.channels)]
    return ["arecord", "-q", "-D", device, *options]


def _started(command: Sequence[str]) -> "subprocess.Popen[bytes]":
    """The child, in a session of its own so that a Ctrl-C meant for us does not reach it."""
    try:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        missing = isinstance(error, FileNotFoundError)
        hint = f"install it: sudo apt install {'alsa-utils' if command[0] == 'arecord' else command[0]}"
        reason = f"'{shown(command)}' cannot be started: {error.strerror}"
        raise SourceError(reason, hint if missing else "") from None
    with contextlib.suppress(OSError):  # a smaller pipe will do
        fcntl.fcntl(_descriptor(child.stdout), fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    os.set_blocking(_descriptor(child.stderr), False)
    return child


def _descriptor(pipe: IO[bytes] | None) -> int:
    assert pipe is not None  # it was asked for
    return pipe.fileno()
