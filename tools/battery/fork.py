"""Commands in forked children of this process, which has imported everything: they start in milliseconds.

The parent opens no session of onnxruntime, whose threads a child would lack.
"""

import ctypes
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

TIMEOUT_S = 120.0
POLL_S = 0.001
CRASHED = 70
"""Exit code of a child that an exception ended."""
PR_SET_PTRACER = 0x59616D61
ANY_PROCESS = -1


@dataclass(frozen=True)
class Ended:
    """How a child ended."""

    code: int
    """Exit code; negative: the signal that ended it."""
    messages: str
    """What it printed."""

    @property
    def crashed(self) -> bool:
        """Return whether an exception that nobody expected ended it."""
        return self.code == CRASHED or "Traceback (most recent call last)" in self.messages


@dataclass
class Child:
    """A forked child, which waits until `go` is called."""

    pid: int
    gate: int
    output: Path

    def go(self) -> None:
        """Let the child run."""
        os.write(self.gate, b"g")
        os.close(self.gate)

    def wait(self, timeout_s: float = TIMEOUT_S) -> Ended:
        """Wait for the end of the child; one that takes too long is killed."""
        deadline_s = time.monotonic() + timeout_s
        while (found := os.waitpid(self.pid, os.WNOHANG))[0] == 0:
            if time.monotonic() > deadline_s:
                os.kill(self.pid, signal.SIGKILL)
                os.waitpid(self.pid, 0)
                return Ended(CRASHED, f"takes longer than {timeout_s:g} s")
            time.sleep(POLL_S)
        return Ended(os.waitstatus_to_exitcode(found[1]), self.output.read_text(errors="replace"))


def fork(action: Callable[[], int | None], output: Path) -> Child:
    """Fork a child that waits for `Child.go`, runs an action and ends with the exit code that it returns.

    Args:
        action: what the child does.
        output: file for what it prints.
    """
    reader, gate = os.pipe()
    pid = os.fork()
    if pid:
        os.close(reader)
        return Child(pid, gate, output)
    os.close(gate)
    code = CRASHED
    try:
        _redirect(output)
        ctypes.CDLL(None).prctl(PR_SET_PTRACER, ANY_PROCESS, 0, 0, 0)  # where only ancestors may trace
        os.read(reader, 1)
        os.close(reader)
        code = action() or 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else CRASHED
    except BaseException:
        traceback.print_exc()
    finally:
        _flush()
        os._exit(code)


def run(action: Callable[[], int | None], output: Path, timeout_s: float = TIMEOUT_S) -> Ended:
    """Run an action in a forked child."""
    child = fork(action, output)
    child.go()
    return child.wait(timeout_s)


def _redirect(output: Path) -> None:
    descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(descriptor, stream)
    os.close(descriptor)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            continue
