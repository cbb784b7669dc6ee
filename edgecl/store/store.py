"""The store: the tasks of one device, as files that survive a power cut at any moment.

    home/blobs/<sha256>.safetensors   the tasks; each blob names its task and its creation time
    home/lessons/<sha256>.json        the training set of each blob
    home/registry.db                  task → current and previous blob; rebuilt from the blobs when lost
    home/quarantine/                  damaged blobs, kept until their task is enrolled again or forgotten, and
                                      a damaged registry, until the next change
    home/.ballast                     takes space, given up on a full disk for `forget` and `undo`
    home/.lock                        held during a change, with the number of the process that holds it
    home/cache/                       the token cache; tokens go with the last task that refers to them

A commit writes training set and blob first (temporary file, flush, rename) and the registry last, all inside
one `BEGIN IMMEDIATE` transaction under a lock: writers queue, and a crash leaves the old state or the new
one. The next writer deletes files that no task refers to. `forget` leaves no trace of a task in these files.

A damaged blob stays its task's current one so that the damage stays visible: the previous generation is
used, and `verify` keeps reporting it until the task is enrolled again or forgotten.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

from edgecl.errors import (
    BlobError,
    NoPreviousVersionError,
    NoStoreError,
    StoreError,
    TaskChangedError,
    TaskExistsError,
    UnknownTaskError,
)
from edgecl.store import atomic, ballast, token_files
from edgecl.store.blob_folder import BlobFolder
from edgecl.store.blob_record import read_unverified_record
from edgecl.store.errors import may_be_full_disk, translate_errors
from edgecl.store.home import close_to_others, create_home, lock_home
from edgecl.store.integrity import IntegrityCheck, check_integrity, find_status, read_previous
from edgecl.store.recovery import open_or_rebuild
from edgecl.store.registry import REGISTRY_NAME, Registry, TaskEntry, UnconfirmedCommitError
from edgecl.store.training_set import TrainingSet, TrainingSetFolder
from edgecl.timestamps import clamp_time, parse_time

T = TypeVar("T")


def locate_blobs(home: Path) -> BlobFolder:
    """Return the blob folder of the store in `home`."""
    return BlobFolder(home / "blobs", home / "quarantine")


@dataclass(frozen=True)
class Successor:
    """The next version of a task."""

    data: bytes  # its blob
    training_set: TrainingSet
    base_sha256: str  # hash of the version that it was made from


@dataclass
class Store:
    """An open store. `warnings` collects a sentence for each damage that was found and repaired."""

    home: Path
    writable: bool
    blobs: BlobFolder
    training_sets: TrainingSetFolder
    registry: Registry
    warnings: list[str] = field(default_factory=list)

    @classmethod
    def open(cls, home: Path, create: bool) -> "Store":
        """Open the store in the folder `home`; read-only where the folder is not writable.

        Args:
            home: The folder.
            create: Whether to create a store where there is none.

        Raises:
            NoStoreError: There is no store, and `create` is false.
        """
        blobs = locate_blobs(home)
        with translate_errors(home):
            if home.exists() and not home.is_dir():
                raise StoreError(f"'{home}' is a file, not a folder", "choose a folder with --home")
            if create:
                create_home(home)
            elif not (blobs.path.is_dir() or (home / REGISTRY_NAME).exists()):
                raise NoStoreError(f"there is no store in '{home}'", "run 'edgecl enroll NAME FOLDER' first")
            writable = os.access(home, os.W_OK)
            if writable:
                close_to_others(home)
            registry, warnings = open_or_rebuild(home / REGISTRY_NAME, blobs, writable)
        return cls(home, writable, blobs, TrainingSetFolder(home / "lessons"), registry, warnings)

    def close(self) -> None:
        """Close the registry."""
        self.registry.close()

    def __enter__(self) -> "Store":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def list_tasks(self) -> list[TaskEntry]:
        """List all tasks, sorted by name."""
        with translate_errors(self.home):
            return list(self.registry.read_entries().values())

    def find_task(self, task: str) -> TaskEntry:
        """Return the entry of one task.

        Raises:
            UnknownTaskError: There is no such task.
        """
        with translate_errors(self.home):
            entry = self.registry.find_entry(task)
        if entry is None:
            raise UnknownTaskError(f"there is no task '{task}'", "'edgecl tasks' lists what there is")
        return entry

    def resolve_name(self, task: str) -> str:
        """Return the name of the stored task that is meant: names that differ only by case are one.

        A name that is not stored in any case is returned as it is. `warnings` says where another was meant.
        """
        names = [entry.task for entry in self.list_tasks()]
        if task in names:
            return task
        stored = next((name for name in names if name.casefold() == task.casefold()), task)
        if stored != task:
            self.warnings.append(f"'{task}' is the stored task '{stored}': the names differ only by case")
        return stored

    def read_blob(self, task: str) -> bytes:
        """Read a task's blob and check its hash.

        Returns:
            The current generation; if it is damaged, the previous one, with a warning.

        Raises:
            BlobError: No generation is intact.
        """
        with translate_errors(self.home):
            data = self.blobs.read(self.find_task(task).sha256)
            return self._recover(task) if data is None else data

    def commit(
        self,
        task: str,
        data: bytes,
        replace: bool = False,
        training_set: TrainingSet = (),
        base_sha256: str | None = None,
        discard_base: bool = False,
    ) -> str:
        """Store a blob as the task's current version; what it replaces becomes the previous version.

        Args:
            task: The task's name.
            data: The blob.
            replace: Whether the task may exist already.
            training_set: What the blob was trained on.
            base_sha256: The hash of the version that it was made from; refused if that is no longer current.
            discard_base: Whether that version was only a draft, not to be kept as the previous one.

        Returns:
            The SHA-256 of the blob.
        """
        entry = TaskEntry.from_blob(data)
        if entry.task != task:
            raise BlobError(f"this blob is of task '{entry.task}', not '{task}'", "commit it under its name")
        with self._transaction():
            old = self._check_base(task, base_sha256)
            if old is not None and not replace:
                hint = "add --replace to replace it, or choose another name"
                raise TaskExistsError(f"task '{task}' is already enrolled", hint)
            self._put(entry, data, training_set, old, base_sha256 if discard_base else None)
        return entry.sha256

    def commit_all(self, successors: Sequence[Successor]) -> dict[str, str]:
        """Store the next versions of several tasks: all or none.

        Returns:
            Task → SHA-256 of its new blob.
        """
        entries = [TaskEntry.from_blob(one.data) for one in successors]
        with self._transaction():
            for entry, one in zip(entries, successors, strict=True):
                self._put(entry, one.data, one.training_set, self._check_base(entry.task, one.base_sha256))
        return {entry.task: entry.sha256 for entry in entries}

    def undo(self, task: str) -> TaskEntry:
        """Swap a task's current and previous version, so that a second undo restores the first.

        Returns:
            The task's new entry.
        """
        return self._change_on_full_disk(lambda: self._undo(task), [self._evict_unreferenced])

    def _undo(self, task: str) -> TaskEntry:
        with self._transaction():
            entry = self.find_task(task)
            data = read_previous(entry, self.blobs)
            if data is None:
                hint = f"'edgecl enroll {task} FOLDER --replace' enrols it again"
                message = f"there is no earlier version of task '{task}' to go back to"
                raise NoPreviousVersionError(message, hint)
            restored = self._link_previous(TaskEntry.from_blob(data), entry)
            self.registry.put(restored)
        return restored

    def forget(self, task: str) -> None:
        """Remove a task and delete the files of both generations and the tokens of its recordings.

        Recordings that another task was trained on as well keep their tokens.
        """
        reliefs = [self._evict_unreferenced, lambda: self._evict_unreferenced(without=task)]
        self._change_on_full_disk(lambda: self._forget(task), reliefs)
        with self._warn_of_leftovers("its name may still be in the registry file"):
            self._change_on_full_disk(self._erase_deleted, reliefs)

    def _forget(self, task: str) -> None:
        with self._transaction():
            self.find_task(task)
            self.registry.remove(task)

    def _erase_deleted(self) -> None:
        with translate_errors(self.home), lock_home(self.home):
            self.registry.erase_deleted()
            ballast.keep(self.home)

    def verify(self, task: str | None = None) -> list[IntegrityCheck]:
        """Check the current blob of one task or of all; nothing is changed."""
        entries = self.list_tasks() if task is None else [self.find_task(task)]
        with translate_errors(self.home):
            checks = [self._check_current(entry) for entry in entries]
        return [check for check in checks if check is not None]

    def _check_current(self, entry: TaskEntry) -> IntegrityCheck | None:
        """Check a task's blob; None for one that another process removed in between."""
        while (check := check_integrity(entry, self.blobs)).status != "unchanged":
            current = self.registry.read_entries().get(entry.task)
            if current is None or current.sha256 == entry.sha256:
                return check if current else None
            entry = current  # another process replaced it, and deleted the old blob
        return check

    @contextmanager
    def expect_version(self, task: str, sha256: str) -> Iterator[None]:
        """Read a version of a task that another process may replace or remove at any moment.

        Raises:
            TaskChangedError: Reading failed, and the version is no longer current, which is the reason.
        """
        try:
            yield
        except StoreError:
            with translate_errors(self.home):
                self._check_base(task, sha256)
            raise

    def has_blob(self, entry: TaskEntry) -> bool:
        """Return whether the file of the task's current blob exists; its content is not read."""
        return self.blobs.has(entry.sha256)

    def choose_creation_time(self, task: str, now: datetime) -> str:
        """Choose the creation time of a task's next blob, ISO 8601.

        It is `now`, or one second after the current blob if the clock has stopped or was set back: the
        times distinguish the generations when the registry is lost.
        """
        with translate_errors(self.home):
            current = self.registry.read_entries().get(task)
        if current is not None:
            with suppress(
                ValueError, OverflowError
            ):  # a damaged blob, or one that an earlier edgecl accepted
                now = max(now, parse_time(current.created) + timedelta(seconds=1))
        return clamp_time(now).isoformat(timespec="seconds")

    def _check_base(self, task: str, base_sha256: str | None) -> TaskEntry | None:
        """Return the task's entry, if any; raise `TaskChangedError` if its version is not `base_sha256`."""
        current = self.registry.read_entries().get(task)
        if base_sha256 is not None and (current is None or current.sha256 != base_sha256):
            raise TaskChangedError(
                f"task '{task}' was changed in the meantime; nothing was stored", "try again"
            )
        return current

    def _put(
        self,
        entry: TaskEntry,
        data: bytes,
        training_set: TrainingSet,
        old: TaskEntry | None,
        discarded: str | None = None,
    ) -> None:
        """Write training set, blob and registry row, in this order; only within a transaction."""
        if training_set:
            self.training_sets.write(entry.sha256, training_set)
        self.blobs.write(data)
        self.registry.put(self._link_previous(entry, old, discarded))

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """Run one registry transaction; delete unreferenced files before and after it."""
        if not self.writable:
            raise StoreError(f"the store in '{self.home}' is read-only", "choose another folder with --home")
        try:
            with translate_errors(self.home), self._lock():
                self._delete_unreferenced()
                yield
        except StoreError as error:
            if not isinstance(error.__cause__, UnconfirmedCommitError):
                raise
            self.warnings.append(atomic.describe_unconfirmed("the change is stored", error.__cause__))
            return  # the files of the old state stay, which a power cut may bring back
        with self._warn_of_leftovers("old files are left for the next change to delete"), self._lock():
            self._delete_unreferenced()
            ballast.keep(self.home)

    @contextmanager
    def _warn_of_leftovers(self, consequence: str) -> Iterator[None]:
        """Turn a failure of tidying up into a warning: the change itself is committed."""
        try:
            with translate_errors(self.home):
                yield
        except StoreError as error:
            self.warnings.append(f"{consequence}: {error.message}")

    def _change_on_full_disk(self, change: Callable[[], T], reliefs: Sequence[Callable[[], None]]) -> T:
        """Make a change that users make to free space; where the disk is full, give up what can be spared.

        Args:
            change: The change.
            reliefs: Called one after another, the ballast being released after the first, until it succeeds.
        """
        first, *others = reliefs
        for relief in (first, lambda: ballast.release(self.home), *others):
            try:
                return change()
            except StoreError as error:
                if not may_be_full_disk(error):
                    raise
            with translate_errors(self.home):
                relief()
        return change()

    def _evict_unreferenced(self, without: str | None = None) -> None:
        """Delete cached tokens of recordings that no task, or only the task `without`, refers to."""
        entries = [entry for entry in self.registry.read_entries().values() if entry.task != without]
        kept = self._list_token_files({sha256 for entry in entries for sha256 in entry.generations})
        token_files.delete_others(self.home / token_files.FOLDER_NAME, kept)

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """Lock home and registry for one change; the registry alone would not name who holds it."""
        with lock_home(self.home), self.registry.transaction():
            yield

    def _delete_unreferenced(self) -> None:
        """Delete files that no task refers to; only within a transaction, when no other process writes."""
        entries = self.registry.read_entries().values()
        referenced = {sha256 for entry in entries for sha256 in entry.generations}
        released = self.training_sets.list_hashes() - referenced
        if released:  # before the blobs and training sets that name the recordings
            names = self._list_token_files(released) - self._list_token_files(referenced)
            token_files.delete(self.home / token_files.FOLDER_NAME, names)
        self.blobs.delete_unreferenced(referenced)
        self.training_sets.delete_unreferenced(referenced)

    def _list_token_files(self, blobs: set[str]) -> set[str]:
        """List the names of the token files of all recordings that some blobs were trained on."""
        names: set[str] = set()
        for sha256 in blobs:
            record = read_unverified_record(self.blobs.read_start(sha256))
            if record is not None:
                names |= token_files.list_names(self.training_sets.read(sha256) or (), record)
        return names

    def _recover(self, task: str) -> bytes:
        """Return the newest intact generation; move a damaged blob to the quarantine if writable."""
        with self._lock() if self.writable else nullcontext():
            entry = self.find_task(task)
            data = self.blobs.read(entry.sha256)
            if data is not None:  # another process committed since
                return data
            if self.writable:
                self.blobs.move_to_quarantine(entry.sha256)
            return self._fall_back(entry)

    def _fall_back(self, entry: TaskEntry) -> bytes:
        """Return the generation before a damaged or missing blob, with a warning."""
        damage = f"the blob of task '{entry.task}' is {find_status(entry, self.blobs)}"
        data = read_previous(entry, self.blobs)
        if data is None:
            hint = f"run 'edgecl enroll {entry.task} FOLDER --replace' to enrol it again"
            raise BlobError(f"{damage} and no earlier generation is intact", hint)
        self.warnings.append(f"{damage}; the version of {TaskEntry.from_blob(data).created} is used")
        return data

    def _link_previous(
        self, entry: TaskEntry, old: TaskEntry | None, discarded: str | None = None
    ) -> TaskEntry:
        """Set the newest intact generation of `old` as the previous one; never itself, nor `discarded`."""
        candidates = [old.sha256, old.previous_sha256] if old else []
        allowed = (sha256 for sha256 in candidates if sha256 not in (None, entry.sha256, discarded))
        return replace(entry, previous_sha256=next(filter(self.blobs.read, allowed), None))
