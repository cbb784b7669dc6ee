"""What the disk and SQLite can refuse, as sentences."""

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edgecl.errors import StoreError
from edgecl.store.registry import RegistryDamaged

FULL = "free some space and run the command again; nothing that was stored is lost"
READ_ONLY = "choose a writable folder with --home"
FORBIDDEN = "check who owns this folder, or choose another one with --home"
BROKEN = "check the disk or SD card; nothing that was stored was changed"
BUSY = "wait for the other edgecl to finish, then run the command again"
DAMAGED = "run the command again: the registry is rebuilt from the blobs when the store is opened"

HINT_BY_ERRNO = {
    errno.ENOSPC: FULL,
    errno.EDQUOT: FULL,
    errno.EFBIG: FULL,
    errno.EROFS: READ_ONLY,
    errno.EACCES: FORBIDDEN,
    errno.EPERM: FORBIDDEN,
    errno.EIO: BROKEN,
    errno.ENOTDIR: "choose a folder with --home",
    errno.EEXIST: "choose a folder with --home",
}
HINT_BY_SQLITE_CODE = {
    sqlite3.SQLITE_FULL: FULL,
    sqlite3.SQLITE_READONLY: READ_ONLY,
    sqlite3.SQLITE_PERM: FORBIDDEN,
    sqlite3.SQLITE_CANTOPEN: FORBIDDEN,
    sqlite3.SQLITE_IOERR: "check that the disk is neither full nor failing; nothing that was stored is lost",
    sqlite3.SQLITE_BUSY: BUSY,
    sqlite3.SQLITE_LOCKED: BUSY,
    sqlite3.SQLITE_CORRUPT: DAMAGED,
    sqlite3.SQLITE_NOTADB: DAMAGED,
}


@contextmanager
def translate_errors(home: Path) -> Iterator[None]:
    """Whatever the disk or SQLite refuses inside becomes a `StoreError` about the store in `home`."""
    try:
        yield
    except OSError as error:
        message = f"the store in '{home}' cannot be used: {error.strerror or error}"
        raise StoreError(message, HINT_BY_ERRNO.get(error.errno or 0, BROKEN)) from error
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        message = f"the registry of the store in '{home}' cannot be used: {error}"
        raise StoreError(message, HINT_BY_SQLITE_CODE.get(code, BROKEN)) from error
    except RegistryDamaged as error:
        raise StoreError(f"the registry of the store in '{home}' is damaged: {error}", DAMAGED) from error
