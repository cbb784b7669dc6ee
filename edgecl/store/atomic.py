"""File operations that leave the old content or the new one after a power cut, never a mixture."""

import os
from pathlib import Path


class UnconfirmedWriteError(OSError):
    """A file is written, but its folder could not be flushed: a power cut may bring the old content back."""


def describe_unconfirmed(change: str, reason: object) -> str:
    """Return the warning of a change that is made, but that the disk did not confirm."""
    return f"{change}, but perhaps not yet safe from a power cut: the disk did not confirm it ({reason})"


def write(path: Path, data: bytes) -> None:
    """Write a file durably: to a temporary file beside it, flushed, then renamed.

    After a crash `path` is the old file or the new one, and a hidden `.tmp` file may lie beside it.

    Raises:
        UnconfirmedWriteError: the flush of the folder failed, after which `path` is the new file.
        OSError: a step before failed, and `path` is as it was.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    try:
        sync_folder(path.parent)
    except OSError as error:
        raise UnconfirmedWriteError(error.errno, error.strerror, str(path)) from error


def move(path: Path, folder: Path) -> Path:
    """Move a file into a folder durably, under its own name or with the next free number appended.

    Returns:
        Its new path.
    """
    number, target = 0, folder / path.name
    while target.exists():
        number += 1
        target = folder / f"{path.name}.{number}"
    path.rename(target)
    sync_folder(folder)
    sync_folder(path.parent)
    return target


def sync_folder(folder: Path) -> None:
    """Flush the entries of a folder (created, renamed, removed) to the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
