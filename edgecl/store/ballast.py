"""A file that only takes space, so that a full disk still has room for the change that frees some."""

import os
import shutil
from contextlib import suppress
from pathlib import Path

FILE_NAME = ".ballast"
SIZE_BYTES = 128 << 10  # several times the journal of a registry of a hundred tasks
PLENTY_BYTES = 3 * SIZE_BYTES


def keep(home: Path) -> None:
    """Create the file where the disk has plenty of room; fill up one that was released as far as it has."""
    path = home / FILE_NAME
    free_bytes = shutil.disk_usage(home).free
    if not path.exists() and free_bytes < PLENTY_BYTES:
        return
    with suppress(OSError), path.open("ab") as file:
        missing_bytes = min(SIZE_BYTES - file.tell(), free_bytes)
        file.write(os.urandom(max(0, missing_bytes)))  # random, because some file systems compress


def release(home: Path) -> None:
    """Empty the file."""
    with suppress(FileNotFoundError):
        os.truncate(home / FILE_NAME, 0)
