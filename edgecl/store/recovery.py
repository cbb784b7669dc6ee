"""Opening a store's registry, rebuilt from the blobs where it is missing or damaged.

A rebuilt registry lists damaged blobs too, by their file name and what their header still says, so that
`verify` keeps reporting which task was lost.
"""

import sqlite3
from collections import defaultdict
from dataclasses import dataclass, field, replace
from pathlib import Path

from edgecl.errors import BlobError, NewerBlobError
from edgecl.store import atomic
from edgecl.store.blob_folder import BlobFolder
from edgecl.store.home import lock_home
from edgecl.store.registry import IN_MEMORY, Registry, RegistryDamagedError, TaskEntry


def open_or_rebuild(path: Path, blobs: BlobFolder, writable: bool) -> tuple[Registry, list[str]]:
    """Open the registry, rebuilding it from the blobs if it is damaged.

    Returns:
        The registry, and a warning for each thing that was found damaged.

    Raises:
        StoreError: The registry was written by a newer edgecl; nothing was moved.
        NewerBlobError: A blob was written by a newer edgecl; nothing was moved.
    """
    if not writable:
        return _open_read_only(path, blobs)
    blobs.create()
    try:
        return Registry.open(path, writable=True), []
    except RegistryDamagedError:
        with lock_home(path.parent):
            return _open_or_rebuild_locked(path, blobs)


def _open_or_rebuild_locked(path: Path, blobs: BlobFolder) -> tuple[Registry, list[str]]:
    try:
        return Registry.open(path, writable=True), []  # another process rebuilt it
    except RegistryDamagedError as damage:
        found = _scan(blobs)
        for entry in found.damaged:
            blobs.move_to_quarantine(entry.sha256)
        _move_to_quarantine(path, blobs.quarantine)
        registry = Registry.create(path, found.newest_entries())
        atomic.sync_folder(path.parent)
        return registry, found.describe(damage)


def _open_read_only(path: Path, blobs: BlobFolder) -> tuple[Registry, list[str]]:
    """Open the registry without writing; a damaged one is rebuilt in memory."""
    try:
        return Registry.open(path, writable=False), []
    except (RegistryDamagedError, sqlite3.Error) as damage:
        found = _scan(blobs)
        return Registry.create(IN_MEMORY, found.newest_entries()), found.describe(damage)


def _move_to_quarantine(path: Path, quarantine: Path) -> None:
    """Move a damaged registry and its journal, which must not be replayed onto a new one."""
    for file in (path, path.with_name(f"{path.name}-journal")):
        if file.exists():
            atomic.move(file, quarantine)


@dataclass
class _Scan:
    """The tasks that a folder of blobs holds or once held."""

    intact: list[TaskEntry] = field(default_factory=list)
    damaged: list[TaskEntry] = field(default_factory=list)  # unverified
    warnings: list[str] = field(default_factory=list)

    def add_damaged(self, entry: TaskEntry) -> None:
        self.damaged.append(entry)
        self.warnings.append(f"the blob {entry.sha256[:8]} of task '{entry.task}' is damaged and set aside")

    def newest_entries(self) -> list[TaskEntry]:
        """Return one entry per task: its newest blob, damaged or not, and the newest intact one before it."""
        generations: dict[str, list[TaskEntry]] = defaultdict(list)
        for entry in sorted(self.intact + self.damaged, key=lambda entry: (entry.created, entry.sha256)):
            generations[entry.task].append(entry)
        return [self._newest(entries) for _, entries in sorted(generations.items())]

    def _newest(self, generations: list[TaskEntry]) -> TaskEntry:
        *older, current = generations
        previous = next((entry.sha256 for entry in reversed(older) if entry in self.intact), None)
        return replace(current, previous_sha256=previous)

    def describe(self, damage: Exception) -> list[str]:
        """Return the warnings about a rebuilt registry; none for a new, empty store."""
        entries = self.newest_entries()
        rebuilt = f"the registry was rebuilt from {len(entries)} tasks' blobs: {damage}"
        if any(entry.previous_sha256 for entry in entries):
            rebuilt += "; where a task has two, the newer one is in use"  # an undo is forgotten
        return ([rebuilt] if entries else []) + self.warnings


def _scan(blobs: BlobFolder) -> _Scan:
    """Read all blobs one by one; no file is moved."""
    found = _Scan()
    for sha256 in blobs.list_hashes():
        data = blobs.read(sha256)
        if data is None:
            found.add_damaged(TaskEntry.from_damaged_blob(sha256, blobs.read_start(sha256)))
            continue
        try:
            found.intact.append(TaskEntry.from_blob(data))
        except NewerBlobError:
            raise
        except BlobError as error:
            found.warnings.append(f"the file {sha256[:8]} among the blobs is not used: {error.message}")
    return found
