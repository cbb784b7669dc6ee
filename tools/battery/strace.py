"""Faults at chosen system calls of a child: strace attaches to it before it starts, and injects them."""

import re
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.battery.fork import POLL_S, Child, Ended
from tools.battery.tally import NotPossibleHereError

CHANGES = (
    *("openat", "mkdir", "rmdir", "rename", "unlink", "link", "symlink", "chmod", "fchmod", "fchown"),
    *("write", "pwrite64", "writev", "ftruncate", "truncate", "fallocate", "fsync", "fdatasync", "flock"),
    *("utimensat", "copy_file_range", "sendfile"),
)
"""System calls that change the state of a disk; `openat` does where it creates or empties a file."""
ATTACH_TIMEOUT_S = 20.0
CALL = re.compile(r"^(\d+) +(\w+)\(")
CREATING = re.compile(r"O_CREAT|O_TRUNC")


@dataclass(frozen=True)
class Point:
    """The `number`-th call of a system call, counted from 1; `line` is how strace prints it."""

    call: str
    number: int
    line: str


def require_strace() -> None:
    """Refuse to go on without strace.

    Raises:
        NotPossibleHereError: it is not installed.
    """
    if not shutil.which("strace"):
        raise NotPossibleHereError("strace is not installed")


def trace(child: Child, log: Path, *options: str) -> Ended:
    """Let a child run under strace.

    Args:
        child: the child, which has not started yet.
        log: file for what strace prints.
        options: further options of strace.
    """
    command = ["strace", "-f", "-y", "-qq", "-o", str(log), "-p", str(child.pid), *options]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as tracer:
        _wait_for_tracer(child, tracer)
        child.go()
        return child.wait()


def list_points(child: Child, folders: Sequence[Path], log: Path) -> list[Point]:
    """Run a child to its end, and list its calls that change something in some folders."""
    ended = trace(child, log, "-s", "0", "-e", f"trace={','.join(CHANGES)}")
    if ended.code != 0:
        raise RuntimeError(f"without a fault the command ends with {ended.code}: {ended.messages}")
    return list(_parse(log, folders))


def inject(child: Child, point: Point, fault: str, log: Path) -> tuple[Ended, bool]:
    """Run a child with a fault at a point.

    Args:
        child: the child, which has not started yet.
        point: the call.
        fault: as strace has it, such as `signal=SIGKILL` or `error=EIO`.
        log: file for what strace prints.

    Returns:
        How it ended, and whether the fault hit the intended call or one that looks the same.
    """
    injection = f"inject={point.call}:{fault}:when={point.number}"
    ended = trace(child, log, "-s", "0", "-e", f"trace={point.call}", "-e", injection)
    lines = log.read_text(errors="replace").splitlines()
    if ended.code < 0:
        return ended, True
    return ended, any("(INJECTED)" in line for line in lines)


def _wait_for_tracer(child: Child, tracer: "subprocess.Popen[bytes]") -> None:
    status, deadline_s = Path(f"/proc/{child.pid}/status"), time.monotonic() + ATTACH_TIMEOUT_S
    while "TracerPid:\t0\n" in status.read_text():
        if tracer.poll() is not None or time.monotonic() > deadline_s:
            child.go()
            child.wait()
            reason = tracer.stderr.read().decode(errors="replace").strip() if tracer.stderr else ""
            raise NotPossibleHereError(f"strace cannot attach to a process here: {reason}")
        time.sleep(POLL_S)


def _parse(log: Path, folders: Sequence[Path]) -> Iterator[Point]:
    """Yield the points in a log; strace counts the calls of every thread on its own."""
    numbers: Counter[tuple[str, str]] = Counter()
    for line in log.read_text(errors="replace").splitlines():
        if not (match := CALL.match(line)):
            continue
        thread, call = match.groups()
        numbers[thread, call] += 1
        if any(str(folder) in line for folder in folders) and (call != "openat" or CREATING.search(line)):
            yield Point(call, numbers[thread, call], line)
