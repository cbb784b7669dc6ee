"""Translation of disk and SQLite errors into `StoreError`."""

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edgecl.errors import StoreError
from edgecl.store.registry import RegistryDamagedError

DISK_FULL = "free some space and run the command again; nothing that was stored is lost"
READ_ONLY = "choose a writable folder with --home"
NO_PERMISSION = "check who owns this folder, or choose another one with --home"
DISK_FAILING = "check the disk or SD card; nothing that was stored was changed"
BUSY = "wait for the other edgecl to finish, then run the command again"
REGISTRY_DAMAGED = "run the command again: the registry is rebuilt from the blobs when the store is opened"

HINT_BY_ERRNO = {
    errno.ENOSPC: DISK_FULL,
    errno.EDQUOT: DISK_FULL,
    errno.EFBIG: DISK_FULL,
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
        message = f"the store in '{home}' cannot be used: {error.strerror or error}"
        raise StoreError(message, HINT_BY_ERRNO.get(error.errno or 0, DISK_FAILING)) from error
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        message = f"the registry of the store in '{home}' cannot be used: {error}"
        raise StoreError(message, HINT_BY_SQLITE_CODE.get(code, DISK_FAILING)) from error
    except RegistryDamagedError as error:
        raise StoreError(
            f"the registry of the store in '{home}' is damaged: {error}", REGISTRY_DAMAGED
        ) from error
