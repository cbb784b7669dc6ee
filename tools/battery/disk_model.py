"""What a disk may hold after a power cut, stricter than any file system.

What was not flushed with fsync may be lost or not, each write and each entry of a folder on its own. A write
may be there, missing, torn between two sectors, or zeros; entries may change in any order. Flushing a file
does not flush its entry. A sector is written whole or not at all.
"""

import os
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tools.battery.disk_log import Create, DiskLog, Operation, Rename, Resize, Sync, Unlink, Write

SECTOR_BYTES = 512

EntryChange = tuple[tuple[str, int | None], ...]
"""The paths that one operation changes, each with its new file; None: there is none any more."""


@dataclass
class Disk:
    """A disk: what it holds for sure, and what was asked of it since."""

    contents: dict[int, bytes]
    entries: dict[str, int]
    now: dict[str, int]
    """Entries as processes see them."""
    changes: dict[int, list[Write | Resize]] = field(default_factory=dict)
    entry_changes: list[EntryChange] = field(default_factory=list)

    @classmethod
    def after(cls, log: DiskLog, count: int) -> "Disk":
        """Return the disk after the first operations of a log."""
        disk = cls(dict(log.contents), dict(log.files), dict(log.files))
        for operation in log.operations[:count]:
            disk._apply(operation)
        return disk

    def _apply(self, operation: Operation) -> None:
        match operation:
            case Create(path, number):
                self.contents[number] = b""
                self._change_entries((path, number))
            case Write() | Resize():
                self.changes.setdefault(operation.file, []).append(operation)
            case Rename(path, target):
                self._change_entries((target, self.now[path]), (path, None))
            case Unlink(path):
                self._change_entries((path, None))
            case Sync(int() as number):
                for change in self.changes.pop(number, []):
                    self.contents[number] = apply(self.contents[number], change)
            case Sync(str() as folder):
                self._flush_folder(folder)

    def _change_entries(self, *change: tuple[str, int | None]) -> None:
        _set_entries(self.now, change)
        self.entry_changes.append(change)

    def _flush_folder(self, folder: str) -> None:
        """Write the entries of a folder; of two folders that a file moves between, both."""
        kept = []
        for change in self.entry_changes:
            if any(os.path.dirname(path) == folder for path, _ in change):
                _set_entries(self.entries, change)
            else:
                kept.append(change)
        self.entry_changes = kept

    def cut_power(self, rng: random.Random) -> dict[str, bytes]:
        """Return one of the states that a power cut may leave: path → content."""
        entries = dict(self.entries)
        probability = rng.choice((0.0, 0.5, 1.0))
        for change in self.entry_changes:
            if rng.random() < probability:
                _set_entries(entries, change)
        contents = {number: self._cut_file(number, rng) for number in set(entries.values())}
        return {path: contents[number] for path, number in entries.items()}

    def _cut_file(self, number: int, rng: random.Random) -> bytes:
        content = self.contents[number]
        for change in self.changes.get(number, []):
            content = apply(content, _damage(change, len(content), rng))
        return content


def apply(content: bytes, change: Write | Resize | None) -> bytes:
    """Return the content of a file after a change; None changes nothing."""
    match change:
        case None:
            return content
        case Resize(_, size):
            return content[:size].ljust(size, b"\0")
        case Write(_, offset, data):
            return content[:offset].ljust(offset, b"\0") + data + content[offset + len(data) :]


def write_state(state: dict[str, bytes], base: Path, home: Path) -> None:
    """Write the files of a state, recorded in the folder `base`, into an existing folder."""
    for path, content in state.items():
        target = home / Path(path).relative_to(base)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


def _set_entries(entries: dict[str, int], change: Sequence[tuple[str, int | None]]) -> None:
    for path, number in change:
        if number is None:
            entries.pop(path, None)
        else:
            entries[path] = number


def _damage(change: Write | Resize, size: int, rng: random.Random) -> Write | Resize | None:
    """Return what the disk did of a change."""
    fate = rng.choice(("whole", "missing", "torn", "zeros"))
    if fate == "whole":
        return change
    if fate == "missing" or isinstance(change, Resize):
        return None
    if fate == "zeros":  # the size reached the disk, the data did not
        return Resize(change.file, max(size, change.offset + len(change.data)))
    first = -(-(change.offset + 1) // SECTOR_BYTES) * SECTOR_BYTES
    sectors = range(first, change.offset + len(change.data), SECTOR_BYTES)
    return (
        Write(change.file, change.offset, change.data[: rng.choice(sectors) - change.offset])
        if sectors
        else None
    )
