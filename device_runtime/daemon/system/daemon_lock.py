"""The lock that one daemon holds on its home: a second one would delete the uploads of the first."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from edgecl.errors import EdgeclError
from edgecl.store.home import create_home

LOCK_NAME = ".daemon.lock"
MODE = 0o600
MAX_PID_DIGITS = 20


@contextmanager
def lock_for_daemon(home: Path) -> Iterator[None]:
    """Keep other daemons from using the same home; the lock ends with the process, however that ends.

    Raises:
        EdgeclError: another daemon uses it; the message names its process.
    """
    create_home(home)
    descriptor = os.open(home / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, MODE)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, MAX_PID_DIGITS, 0).decode("ascii", "replace") or "unknown"
            reason = f"another daemon uses the home '{home}' (process {holder})"
            raise EdgeclError(reason, "stop it, or choose another home with --home") from None
        with suppress(OSError):  # a full disk
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(descriptor)
