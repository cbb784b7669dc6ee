"""Opening a store's registry whatever state it is in: as it is, or made again from the blobs."""

import fcntl
import os
import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from edgecl import atomic
from edgecl.blob_folder import BlobFolder
from edgecl.errors import BlobError
from edgecl.registry import MEMORY, Registry, RegistryDamaged, TaskEntry


@contextmanager
def alone(home: Path) -> Iterator[None]:
    """No two processes mend one store at once. The lock is on the folder itself, so it needs no file."""
    descriptor = os.open(home, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def open_or_mend(path: Path, blobs: BlobFolder, writable: bool) -> tuple[Registry, list[str]]:
    """The registry, and a sentence for each thing that was found damaged and mended."""
    if not writable:
        return _open_to_read(path, blobs)
    blobs.create()
    try:
        return Registry.open(path, writable=True), []
    except RegistryDamaged as damage:
        entries, warnings = _entries_of(blobs, writable=True)
        _put_away(path, blobs.quarantine)
        registry = Registry.create(path, entries)
        atomic.sync_folder(path.parent)
        return registry, [*_rebuilt(damage, entries), *warnings]


def _open_to_read(path: Path, blobs: BlobFolder) -> tuple[Registry, list[str]]:
    """As `open_or_mend` where nothing may be written: what must be made again is made in memory."""
    try:
        return Registry.open(path, writable=False), []
    except (RegistryDamaged, sqlite3.Error) as damage:
        entries, warnings = _entries_of(blobs, writable=False)
        return Registry.create(MEMORY, entries), [*_rebuilt(damage, entries), *warnings]


def _rebuilt(damage: Exception, entries: list[TaskEntry]) -> list[str]:
    """The sentence about a rebuilt registry; a new, empty store deserves none."""
    return [f"the registry was rebuilt from {len(entries)} tasks' blobs: {damage}"] if entries else []


def _put_away(path: Path, quarantine: Path) -> None:
    """Move a damaged registry aside, and with it the journal, which must not be played onto a new one."""
    for file in (path, path.with_name(f"{path.name}-journal")):
        if file.exists():
            atomic.move(file, quarantine)


def _entries_of(blobs: BlobFolder, writable: bool) -> tuple[list[TaskEntry], list[str]]:
    """The newest two generations of every task among the blobs; unusable files go to the quarantine."""
    generations: dict[str, list[TaskEntry]] = defaultdict(list)
    warnings = []
    for sha256 in blobs.hashes():
        try:
            entry = TaskEntry.of(blobs.read(sha256) or b"")
        except BlobError as error:
            warnings.append(f"the blob {sha256[:8]} cannot be used and is set aside: {error.message}")
            if writable:
                blobs.put_away(sha256)
            continue
        generations[entry.task].append(entry)
    return [_newest(entries) for _, entries in sorted(generations.items())], warnings


def _newest(entries: list[TaskEntry]) -> TaskEntry:
    """The latest entry, with the one before it as its previous generation."""
    *_, previous, current = [None, *sorted(entries, key=lambda entry: (entry.created, entry.sha256))]
    assert current is not None
    return replace(current, previous_sha256=previous.sha256 if previous else None)
