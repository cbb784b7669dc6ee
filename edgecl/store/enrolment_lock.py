"""The lock on the name of a task while it is trained: a second training learns of it before its work begins.

The file bears a hash of the name, so that what is left after a crash says nothing of a task.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from edgecl.canonical_json import sha256_hex
from edgecl.errors import StoreBusyError

MODE = 0o600
MAX_PID_DIGITS = 20


@contextmanager
def lock_task_name(home: Path, task: str) -> Iterator[None]:
    """Keep other processes from enrolling a task of the same name; the lock ends with the process.

    Args:
        home: The folder of the store.
        task: The name of the task.

    Raises:
        StoreBusyError: Another process enrols it; it is named.
    """
    path = home / f".enrolling-{sha256_hex(task.casefold().encode())[:16]}"
    descriptor = _acquire(path, task)
    try:
        with suppress(OSError):  # a full disk: the lock holds all the same
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield
    finally:
        with suppress(OSError):
            path.unlink()
        os.close(descriptor)


def _acquire(path: Path, task: str) -> int:
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, MODE)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, MAX_PID_DIGITS, 0).decode("ascii", "replace") or "unknown"
            os.close(descriptor)
            raise StoreBusyError(
                f"task '{task}' is being enrolled by another process ({holder}); nothing was changed",
                "wait until it has finished, or choose another name",
            ) from None
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(descriptor), path.stat()):
                return descriptor
        os.close(descriptor)  # the holder removed the file in between
