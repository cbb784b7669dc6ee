"""The folder of a store: made for its owner alone, and locked by a file inside it.

A lock on the folder itself could be taken by every user who may list it. The lock file holds the number of
the process that has the lock, so that a process that waits in vain can name it.
"""

import fcntl
import os
import shlex
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from edgecl.errors import StoreBusyError
from edgecl.labels import is_hidden

MODE = 0o700
OTHERS = stat.S_IRWXO
LOCK_NAME = ".lock"
LOCK_TIMEOUT_S = 30.0  # no change takes longer than a few seconds, whatever the disk
POLL_INTERVAL_S = 0.02
MAX_PID_DIGITS = 20
MAX_COMMAND_CHARACTERS = 100


def create_home(home: Path) -> None:
    """Create the folder of a store, readable by its owner alone."""
    home.mkdir(MODE, parents=True, exist_ok=True)


def close_to_others(home: Path) -> None:
    """Make the folder of a store, which earlier versions left open to everyone, its owner's alone.

    A folder that is closed to others, but open to a group, is a choice and stays; so does a shared one such
    as /tmp, and one of another user.
    """
    mode = home.stat().st_mode
    if mode & OTHERS and not mode & stat.S_ISVTX:
        with suppress(PermissionError):
            home.chmod(MODE)


@contextmanager
def lock_home(home: Path, timeout_s: float | None = None) -> Iterator[None]:
    """Keep other processes and threads from changing the same store; not re-entrant.

    Args:
        home: The folder of the store.
        timeout_s: How long to wait for the lock; None: `LOCK_TIMEOUT_S`.

    Raises:
        StoreBusyError: Another process kept the lock for longer; it is named.
    """
    descriptor = _open_lock_file(home)
    try:
        _acquire(descriptor, home, LOCK_TIMEOUT_S if timeout_s is None else timeout_s)
        try:
            _write_holder(descriptor, str(os.getpid()).encode())
            yield
        finally:
            _write_holder(descriptor, b"")
            fcntl.flock(descriptor, fcntl.LOCK_UN)  # also where a forked child has a copy of the descriptor
    finally:
        os.close(descriptor)


def _open_lock_file(home: Path) -> int:
    """Open the lock file; one that is created belongs to those who may write to the folder."""
    flags = os.O_RDWR | os.O_NOFOLLOW
    path = home / LOCK_NAME
    with suppress(FileNotFoundError):
        return os.open(path, flags)
    descriptor = os.open(path, flags | os.O_CREAT, 0o600)
    folder = home.stat()
    with suppress(PermissionError):  # another process created it in between
        os.fchown(descriptor, folder.st_uid, folder.st_gid)
        os.fchmod(descriptor, stat.S_IMODE(folder.st_mode) & 0o660)
    return descriptor


def _acquire(descriptor: int, home: Path, timeout_s: float) -> None:
    deadline_s = time.monotonic() + timeout_s
    while True:
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline_s:
                raise _make_busy_error(descriptor, home, timeout_s) from None
        time.sleep(POLL_INTERVAL_S)


def _write_holder(descriptor: int, holder: bytes) -> None:
    with suppress(OSError):  # a full disk: the lock holds all the same
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, holder, 0)


def _make_busy_error(descriptor: int, home: Path, timeout_s: float) -> StoreBusyError:
    pid = os.pread(descriptor, MAX_PID_DIGITS, 0).decode("ascii", "replace")
    holder, hint = "another process", "wait until it has finished, then run the command again"
    if pid.isdecimal():
        holder = f"process {pid}{_describe_command(pid)}"
        hint = f"{hint}; if it hangs, end it: kill {pid}"
    message = (
        f"the store in '{home}' is locked by {holder}; nothing was changed after waiting {timeout_s:g} s"
    )
    return StoreBusyError(message, hint)


def _describe_command(pid: str) -> str:
    """Return the command line of a process in brackets; nothing where the system does not show it."""
    try:
        words = Path("/proc", pid, "cmdline").read_bytes().decode("utf-8", "replace").split("\0")
    except OSError:
        return ""
    line = shlex.join(filter(None, words))
    printable = "".join("?" if is_hidden(character) else character for character in line)
    return f" ({printable[:MAX_COMMAND_CHARACTERS]})" if printable else ""
