"""Writing a file so that a power cut leaves the old content or the new, never a mixture."""

import os
from pathlib import Path


def write(path: Path, data: bytes) -> None:
    """`path` holds `data`, on the disk itself, when this returns: written beside, flushed, renamed.

    After a failure `path` is as it was; after a crash a hidden `.tmp` file may lie beside it.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with beside.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def move(path: Path, folder: Path) -> Path:
    """Where `path` is now: in `folder`, under its own name or the next free one of its kind."""
    number, target = 0, folder / path.name
    while target.exists():
        number += 1
        target = folder / f"{path.name}.{number}"
    path.rename(target)
    sync_folder(folder)
    sync_folder(path.parent)
    return target


def sync_folder(folder: Path) -> None:
    """Names in `folder` (made, renamed, removed) are on the disk itself when this returns."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
