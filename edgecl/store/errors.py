"""Translation of disk and SQLite errors into `StoreError`."""

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edgecl.errors import DiskFullError, StoreError
from edgecl.store.registry import RegistryDamagedError

DISK_FULL = "free some space and run the command again; nothing that was stored is lost"
READ_ONLY = "choose a writable folder with --home"
NO_PERMISSION = "check who owns this folder, or choose another one with --home"
DISK_FAILING = "check the disk or SD card; nothing that was stored was changed"
BUSY = "end the program that has it open ('fuser' names it), then run the command again"
REGISTRY_DAMAGED = "run the command again: the registry is rebuilt from the blobs when the store is opened"

FULL_DISK_ERRNOS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
HINT_BY_ERRNO = {
    **dict.fromkeys(FULL_DISK_ERRNOS, DISK_FULL),
    errno.EROFS: READ_ONLY,
    errno.EACCES: NO_PERMISSION,
    errno.EPERM: NO_PERMISSION,
    errno.EIO: DISK_FAILING,
    errno.ENOTDIR: "choose a folder with --home",
    errno.EEXIST: "choose a folder with --home",
}
HINT_BY_SQLITE_CODE = {
    sqlite3.SQLITE_FULL: DISK_FULL,
    sqlite3.SQLITE_READONLY: READ_ONLY,
    sqlite3.SQLITE_PERM: NO_PERMISSION,
    sqlite3.SQLITE_CANTOPEN: NO_PERMISSION,
    sqlite3.SQLITE_IOERR: "check that the disk is neither full nor failing; nothing that was stored is lost",
    sqlite3.SQLITE_BUSY: BUSY,
    sqlite3.SQLITE_LOCKED: BUSY,
    sqlite3.SQLITE_CORRUPT: REGISTRY_DAMAGED,
    sqlite3.SQLITE_NOTADB: REGISTRY_DAMAGED,
}


@contextmanager
def translate_errors(home: Path) -> Iterator[None]:
    """Raise errors of the disk and of SQLite as a `StoreError` about the store in `home`."""
    try:
        yield
    except OSError as error:
        raise translate_os_error(f"the store in '{home}' cannot be used", error) from error
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        message = f"the registry of the store in '{home}' cannot be used: {error}"
        kind = DiskFullError if code == sqlite3.SQLITE_FULL else StoreError
        raise kind(message, HINT_BY_SQLITE_CODE.get(code, DISK_FAILING)) from error
    except RegistryDamagedError as error:
        raise StoreError(
            f"the registry of the store in '{home}' is damaged: {error}", REGISTRY_DAMAGED
        ) from error


def may_be_full_disk(error: StoreError) -> bool:
    """Return whether space may help; SQLite reports an exhausted quota like a failing disk."""
    code = getattr(error.__cause__, "sqlite_errorcode", 0) & 0xFF
    return isinstance(error, DiskFullError) or code == sqlite3.SQLITE_IOERR


def translate_os_error(message: str, error: OSError, consequence: str = "") -> StoreError:
    """Return the error for a failed file operation, with a hint that depends on its cause.

    Args:
        message: What could not be done.
        error: Why.
        consequence: What that means for the user; empty if it goes without saying.
    """
    kind = DiskFullError if error.errno in FULL_DISK_ERRNOS else StoreError
    parts = [f"{message}: {error.strerror or error}", consequence]
    return kind("; ".join(filter(None, parts)), HINT_BY_ERRNO.get(error.errno or 0, DISK_FAILING))
