"""The store: the tasks of one device, as files that a power cut at any moment cannot spoil.

    home/blobs/<sha256>.safetensors   the truth: each blob names its task and its time
    home/registry.db                  task → current and previous blob; mended from the blobs when lost
    home/quarantine/                  damaged files, kept for a look, never used
    home/cache/                       tokens; not the store's business

A commit writes the blob under its hash first (beside, flush, rename) and turns the registry's pointer
last, both inside one `BEGIN IMMEDIATE`: writers queue, and a crash leaves the old state or the new one.
Blobs that no task points to are swept away by the next writer.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from edgecl.blob_folder import BlobFolder
from edgecl.errors import BlobError, StoreError, TaskExistsError, UnknownTaskError
from edgecl.mending import alone, open_or_mend
from edgecl.registry import Registry, TaskEntry
from edgecl.storage_errors import told

REGISTRY_NAME = "registry.db"


@dataclass(frozen=True)
class Verdict:
    """What `verify` found about one task's current blob."""

    task: str
    status: Literal["unchanged", "damaged", "missing"]
    sha256: str
    detail: str = ""


@dataclass
class Store:
    """An open store. `warnings` collects sentences about what was found damaged and mended."""

    home: Path
    writable: bool
    blobs: BlobFolder
    registry: Registry
    warnings: list[str] = field(default_factory=list)

    @classmethod
    def open(cls, home: Path, create: bool) -> "Store":
        """The store in the folder `home`; where that cannot be written, for reading only."""
        if not create and not home.is_dir():
            raise StoreError(f"there is no store in '{home}'", "run 'edgecl enroll NAME FOLDER' first")
        blobs = BlobFolder(home / "blobs", home / "quarantine")
        with told(home):
            home.mkdir(parents=True, exist_ok=True)
            writable = os.access(home, os.W_OK)
            with alone(home) if writable else nullcontext():
                registry, warnings = open_or_mend(home / REGISTRY_NAME, blobs, writable)
        return cls(home, writable, blobs, registry, warnings)

    def close(self) -> None:
        self.registry.close()

    def __enter__(self) -> "Store":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def tasks(self) -> list[TaskEntry]:
        """Every task, by name."""
        with told(self.home):
            return list(self.registry.entries().values())

    def entry(self, task: str) -> TaskEntry:
        """One task."""
        with told(self.home):
            entry = self.registry.entries().get(task)
        if entry is None:
            raise UnknownTaskError(f"there is no task '{task}'", "'edgecl tasks' lists what there is")
        return entry

    def read(self, task: str) -> bytes:
        """The task's blob, its hash checked; the previous generation, with a warning, if it is damaged."""
        with told(self.home):
            entry = self.entry(task)
            data = self.blobs.read(entry.sha256)
            if data is not None:
                return data
            if not self.writable:
                return self._previous(entry)
            with self.registry.writing():
                return self._recover(self.entry(task))

    def commit(self, task: str, data: bytes, replace: bool = False) -> str:
        """The SHA-256 under which `data` now is the task's blob; what it replaces is kept as previous."""
        entry = TaskEntry.of(data)
        if entry.task != task:
            raise BlobError(f"this blob is of task '{entry.task}', not '{task}'", "commit it under its name")
        with self._writing():
            old = self.registry.entries().get(task)
            if old is not None and not replace:
                raise TaskExistsError(
                    f"task '{task}' is already enrolled",
                    "add --replace to learn it anew, or choose another name",
                )
            self.blobs.write(data)
            self.registry.put(_succeed(entry, old))
        return entry.sha256

    def forget(self, task: str) -> None:
        """Remove the task and, right after, the files of both generations."""
        with self._writing():
            self.entry(task)
            self.registry.remove(task)

    def verify(self, task: str | None = None) -> list[Verdict]:
        """A verdict on one task or on all; nothing is changed."""
        entries = self.tasks() if task is None else [self.entry(task)]
        with told(self.home):
            return [self._verdict(entry) for entry in entries]

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """One registry transaction; files without a task are swept before and after it."""
        if not self.writable:
            raise StoreError(f"the store in '{self.home}' is read-only", "choose another folder with --home")
        with told(self.home):
            with self.registry.writing():
                self._sweep()
                yield
            with self.registry.writing():
                self._sweep()

    def _sweep(self) -> None:
        """Delete what no task points to. Only ever inside a transaction, when nobody else is writing."""
        entries = self.registry.entries().values()
        self.blobs.sweep({sha256 for e in entries for sha256 in (e.sha256, e.previous_sha256) if sha256})

    def _previous(self, entry: TaskEntry) -> bytes:
        """The generation before a damaged blob, with a warning, or a BlobError."""
        data = self.blobs.read(entry.previous_sha256) if entry.previous_sha256 else None
        if data is None:
            raise BlobError(
                f"the blob of task '{entry.task}' is damaged and no earlier generation is intact",
                f"run 'edgecl enroll {entry.task} FOLDER --replace' to learn it anew",
            )
        self.warnings.append(
            f"the blob {entry.sha256[:8]} of task '{entry.task}' is damaged; its previous generation is used"
        )
        return data

    def _recover(self, entry: TaskEntry) -> bytes:
        """The task's newest intact blob; a damaged one is put away. Inside a transaction."""
        data = self.blobs.read(entry.sha256)
        if data is not None:  # another process committed meanwhile
            return data
        self.blobs.put_away(entry.sha256)
        data = self._previous(entry)
        self.registry.put(TaskEntry.of(data))
        return data

    def _verdict(self, entry: TaskEntry) -> Verdict:
        if self.blobs.read(entry.sha256) is not None:
            return Verdict(entry.task, "unchanged", entry.sha256)
        spare = entry.previous_sha256 and self.blobs.read(entry.previous_sha256)
        detail = "its previous generation is intact and takes over" if spare else "enrol this task again"
        status: Literal["damaged", "missing"] = "damaged" if self.blobs.has(entry.sha256) else "missing"
        return Verdict(entry.task, status, entry.sha256, detail)


def _succeed(entry: TaskEntry, old: TaskEntry | None) -> TaskEntry:
    """`entry` with `old` as its previous generation; committing the same blob twice changes nothing."""
    if old is None:
        return entry
    previous = old.previous_sha256 if old.sha256 == entry.sha256 else old.sha256
    return replace(entry, previous_sha256=previous)
