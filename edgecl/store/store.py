"""The store: the tasks of one device, as files that a power cut at any moment cannot spoil.

    home/blobs/<sha256>.safetensors   the truth: each blob names its task and its time
    home/lessons/<sha256>.json        what each blob was learnt from
    home/registry.db                  task → current and previous blob; mended from the blobs when lost
    home/quarantine/                  damaged files, kept until their task is enrolled again or forgotten
    home/cache/                       tokens; not the store's business

A commit writes lessons and blob first (beside, flush, rename) and turns the registry's pointer last, all
inside one `BEGIN IMMEDIATE`: writers queue, and a crash leaves the old state or the new one. Files that no
task points to are swept away by the next writer.

A damaged blob stays its task's current one, so that the loss stays known: the previous generation is
used, and `verify` goes on saying so, until the task is enrolled again or forgotten.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

from edgecl.errors import (
    BlobError,
    NoPreviousVersionError,
    NoStoreError,
    StoreError,
    TaskExistsError,
    UnknownTaskError,
)
from edgecl.store.blob_folder import BlobFolder
from edgecl.store.errors import translate_errors
from edgecl.store.integrity import IntegrityCheck, judge, previous, status_of
from edgecl.store.recovery import alone, open_or_mend
from edgecl.store.registry import REGISTRY_NAME, Registry, TaskEntry
from edgecl.store.training_set import TrainingSet, TrainingSetFolder


def blobs_of(home: Path) -> BlobFolder:
    """The folder of all blobs of the store in `home`."""
    return BlobFolder(home / "blobs", home / "quarantine")


@dataclass(frozen=True)
class Successor:
    """The next version of a task."""

    data: bytes
    lessons: TrainingSet  # what it was learnt from
    made_from: str  # the hash of the version before


@dataclass
class Store:
    """An open store. `warnings` collects sentences about what was found damaged and mended."""

    home: Path
    writable: bool
    blobs: BlobFolder
    lessons: TrainingSetFolder
    registry: Registry
    warnings: list[str] = field(default_factory=list)

    @classmethod
    def open(cls, home: Path, create: bool) -> "Store":
        """The store in the folder `home`; where that cannot be written, for reading only.

        Raises:
            NoStoreError: there is none, and none is to be made.
        """
        blobs = blobs_of(home)
        with translate_errors(home):
            if home.exists() and not home.is_dir():
                raise StoreError(f"'{home}' is a file, not a folder", "choose a folder with --home")
            if create:
                home.mkdir(parents=True, exist_ok=True)
            elif not (blobs.path.is_dir() or (home / REGISTRY_NAME).exists()):
                raise NoStoreError(f"there is no store in '{home}'", "run 'edgecl enroll NAME FOLDER' first")
            writable = os.access(home, os.W_OK)
            with alone(home) if writable else nullcontext():
                registry, warnings = open_or_mend(home / REGISTRY_NAME, blobs, writable)
        return cls(home, writable, blobs, TrainingSetFolder(home / "lessons"), registry, warnings)

    def close(self) -> None:
        self.registry.close()

    def __enter__(self) -> "Store":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def tasks(self) -> list[TaskEntry]:
        """Every task, by name."""
        with translate_errors(self.home):
            return list(self.registry.entries().values())

    def entry(self, task: str) -> TaskEntry:
        """One task."""
        with translate_errors(self.home):
            entry = self.registry.entries().get(task)
        if entry is None:
            raise UnknownTaskError(f"there is no task '{task}'", "'edgecl tasks' lists what there is")
        return entry

    def read(self, task: str) -> bytes:
        """The task's blob, its hash checked; the previous generation, with a warning, if it is damaged."""
        with translate_errors(self.home):
            data = self.blobs.read(self.entry(task).sha256)
            return self._recover(task) if data is None else data

    def commit(
        self,
        task: str,
        data: bytes,
        replace: bool = False,
        lessons: TrainingSet = (),
        made_from: str | None = None,
        supersedes: bool = False,
    ) -> str:
        """The SHA-256 under which `data` now is the task's blob; what it replaces is kept as previous.

        Args:
            lessons: what the blob was learnt from.
            made_from: the hash of the blob it was made from; refused if that was replaced meanwhile.
            supersedes: whether that was only a first version of it, not to be kept as a generation.
        """
        entry = TaskEntry.of(data)
        if entry.task != task:
            raise BlobError(f"this blob is of task '{entry.task}', not '{task}'", "commit it under its name")
        with self._writing():
            old = self._unchanged(task, made_from)
            if old is not None and not replace:
                hint = "add --replace to learn it anew, or choose another name"
                raise TaskExistsError(f"task '{task}' is already enrolled", hint)
            self._put(entry, data, lessons, old, made_from if supersedes else None)
        return entry.sha256

    def commit_all(self, successors: Sequence[Successor]) -> dict[str, str]:
        """By task, the SHA-256 under which each of these now is its blob; where one cannot be, none is."""
        entries = [TaskEntry.of(one.data) for one in successors]
        with self._writing():
            for entry, one in zip(entries, successors, strict=True):
                self._put(entry, one.data, one.lessons, self._unchanged(entry.task, one.made_from))
        return {entry.task: entry.sha256 for entry in entries}

    def undo(self, task: str) -> TaskEntry:
        """The task with its previous generation in use again; the one it had is kept, to undo the undoing."""
        with self._writing():
            entry = self.entry(task)
            data = previous(entry, self.blobs)
            if data is None:
                hint = f"'edgecl enroll {task} FOLDER --replace' learns it anew"
                raise NoPreviousVersionError(
                    f"there is no earlier version of task '{task}' to go back to", hint
                )
            back = self._succeed(TaskEntry.of(data), entry)
            self.registry.put(back)
        return back

    def forget(self, task: str) -> None:
        """Remove the task and, right after, the files of both generations."""
        with self._writing():
            self.entry(task)
            self.registry.remove(task)

    def verify(self, task: str | None = None) -> list[IntegrityCheck]:
        """A verdict on one task or on all; nothing is changed."""
        entries = self.tasks() if task is None else [self.entry(task)]
        with translate_errors(self.home):
            return [judge(entry, self.blobs) for entry in entries]

    def is_whole(self, entry: TaskEntry) -> bool:
        """Whether the task's current blob is where it should be; its content is not read."""
        return self.blobs.has(entry.sha256)

    def time_of_next(self, task: str, now: datetime) -> str:
        """When the task's next blob is made: `now`, or on a board whose clock stands still or went back
        a second after the present one, so that generations can be told apart when the registry is lost."""
        with translate_errors(self.home):
            present = self.registry.entries().get(task)
        if present is not None and present.created:
            now = max(now, datetime.fromisoformat(present.created) + timedelta(seconds=1))
        return now.isoformat(timespec="seconds")

    def _unchanged(self, task: str, made_from: str | None) -> TaskEntry | None:
        """The task, if there is one; refused unless it still is what the next version was made from."""
        old = self.registry.entries().get(task)
        if made_from is not None and (old is None or old.sha256 != made_from):
            raise StoreError(f"task '{task}' was changed meanwhile; nothing was stored", "try again")
        return old

    def _put(
        self,
        entry: TaskEntry,
        data: bytes,
        lessons: TrainingSet,
        old: TaskEntry | None,
        superseded: str | None = None,
    ) -> None:
        """Write lessons and blob, then turn the pointer; only ever inside a transaction."""
        if lessons:
            self.lessons.write(entry.sha256, lessons)
        self.blobs.write(data)
        self.registry.put(self._succeed(entry, old, superseded))

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """One registry transaction; files without a task are swept before and after it."""
        if not self.writable:
            raise StoreError(f"the store in '{self.home}' is read-only", "choose another folder with --home")
        with translate_errors(self.home), self.registry.writing():
            self._sweep()
            yield
        try:
            with translate_errors(self.home), self.registry.writing():
                self._sweep()
        except StoreError as error:  # the change itself is made
            self.warnings.append(f"old files are left for the next change to delete: {error.message}")

    def _sweep(self) -> None:
        """Delete what no task points to. Only ever inside a transaction, when nobody else is writing."""
        kept = {sha256 for entry in self.registry.entries().values() for sha256 in entry.generations}
        self.blobs.sweep(kept)
        self.lessons.sweep(kept)

    def _recover(self, task: str) -> bytes:
        """The newest intact generation; a damaged blob is moved to the quarantine where that may be done."""
        with self.registry.writing() if self.writable else nullcontext():
            entry = self.entry(task)
            data = self.blobs.read(entry.sha256)
            if data is not None:  # another process committed meanwhile
                return data
            if self.writable:
                self.blobs.put_away(entry.sha256)
            return self._earlier(entry)

    def _earlier(self, entry: TaskEntry) -> bytes:
        """The generation before a damaged or missing blob, with a warning, or a BlobError."""
        fate = f"the blob of task '{entry.task}' is {status_of(entry, self.blobs)}"
        data = previous(entry, self.blobs)
        if data is None:
            hint = f"run 'edgecl enroll {entry.task} FOLDER --replace' to learn it anew"
            raise BlobError(f"{fate} and no earlier generation is intact", hint)
        self.warnings.append(f"{fate}; the version of {TaskEntry.of(data).created} is used")
        return data

    def _succeed(self, entry: TaskEntry, old: TaskEntry | None, superseded: str | None = None) -> TaskEntry:
        """`entry` with the newest intact generation of `old` before it; never itself, nor `superseded`."""
        candidates = [old.sha256, old.previous_sha256] if old else []
        spares = (sha256 for sha256 in candidates if sha256 not in (None, entry.sha256, superseded))
        return replace(entry, previous_sha256=next(filter(self.blobs.read, spares), None))
