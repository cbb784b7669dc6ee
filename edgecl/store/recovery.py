"""Opening a store's registry whatever state it is in: as it is, or made again from the blobs.

A damaged blob is not forgotten when the registry is made again: it gives an entry too, from its file's
name and what its header still says, so that `verify` goes on telling which task was lost.
"""

import fcntl
import os
import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from edgecl.errors import BlobError, NewerBlobError
from edgecl.store import atomic
from edgecl.store.blob_folder import BlobFolder
from edgecl.store.registry import MEMORY, Registry, RegistryDamaged, TaskEntry


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
    """The registry, and a sentence for each thing that was found damaged and mended.

    Raises:
        StoreError, NewerBlobError: a newer edgecl made what lies there; nothing was moved.
    """
    if not writable:
        return _open_to_read(path, blobs)
    blobs.create()
    try:
        return Registry.open(path, writable=True), []
    except RegistryDamaged as damage:
        found = _survey(blobs)
        for entry in found.damaged:
            blobs.put_away(entry.sha256)
        _put_away(path, blobs.quarantine)
        registry = Registry.create(path, found.entries())
        atomic.sync_folder(path.parent)
        return registry, found.told(damage)


def _open_to_read(path: Path, blobs: BlobFolder) -> tuple[Registry, list[str]]:
    """As `open_or_mend` where nothing may be written: what must be made again is made in memory."""
    try:
        return Registry.open(path, writable=False), []
    except (RegistryDamaged, sqlite3.Error) as damage:
        found = _survey(blobs)
        return Registry.create(MEMORY, found.entries()), found.told(damage)


def _put_away(path: Path, quarantine: Path) -> None:
    """Move a damaged registry aside, and with it the journal, which must not be played onto a new one."""
    for file in (path, path.with_name(f"{path.name}-journal")):
        if file.exists():
            atomic.move(file, quarantine)


@dataclass
class _Found:
    """What a folder of blobs tells about the tasks there once were."""

    intact: list[TaskEntry] = field(default_factory=list)
    damaged: list[TaskEntry] = field(default_factory=list)  # as they claim to be
    warnings: list[str] = field(default_factory=list)

    def add_damaged(self, entry: TaskEntry) -> None:
        self.damaged.append(entry)
        self.warnings.append(f"the blob {entry.sha256[:8]} of task '{entry.task}' is damaged and set aside")

    def entries(self) -> list[TaskEntry]:
        """One entry a task: its newest blob, damaged or not, and the newest intact one before it."""
        generations: dict[str, list[TaskEntry]] = defaultdict(list)
        for entry in sorted(self.intact + self.damaged, key=lambda entry: (entry.created, entry.sha256)):
            generations[entry.task].append(entry)
        return [self._newest(entries) for _, entries in sorted(generations.items())]

    def _newest(self, generations: list[TaskEntry]) -> TaskEntry:
        *older, current = generations
        spare = next((entry.sha256 for entry in reversed(older) if entry in self.intact), None)
        return replace(current, previous_sha256=spare)

    def told(self, damage: Exception) -> list[str]:
        """The sentences about a rebuilt registry; a new, empty store deserves none."""
        entries = self.entries()
        rebuilt = f"the registry was rebuilt from {len(entries)} tasks' blobs: {damage}"
        if any(entry.previous_sha256 for entry in entries):
            rebuilt += "; where a task has two, the newer one is in use"  # an undo is forgotten
        return ([rebuilt] if entries else []) + self.warnings


def _survey(blobs: BlobFolder) -> _Found:
    """All blobs, looked at one by one; nothing is moved."""
    found = _Found()
    for sha256 in blobs.hashes():
        data = blobs.read(sha256)
        if data is None:
            found.add_damaged(TaskEntry.claimed(sha256, blobs.start(sha256)))
            continue
        try:
            found.intact.append(TaskEntry.of(data))
        except NewerBlobError:
            raise
        except BlobError as error:
            found.warnings.append(f"the file {sha256[:8]} among the blobs is not used: {error.message}")
    return found
