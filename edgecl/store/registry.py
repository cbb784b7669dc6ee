"""The registry: an SQLite index from each task to its current and its previous blob.

Every row can be rebuilt from the blobs, which name their own task. SQLite does not detect all damage, so
each row also carries a digest; any damage raises `RegistryDamagedError`.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from edgecl import canonical_json
from edgecl.canonical_json import sha256_hex
from edgecl.errors import StoreError
from edgecl.store.blob_record import BlobRecord, read_unverified_record

REGISTRY_NAME = "registry.db"
SCHEMA_VERSION = 1
BUSY_TIMEOUT_S = 30.0
IN_MEMORY = Path(":memory:")

# EXTRA also flushes the folder after the journal is deleted: without it a power cut could undo a commit
# whose older blobs are already gone.
# secure_delete overwrites deleted rows; whether that is the default depends on who built SQLite.
PRAGMAS = (
    "PRAGMA journal_mode = DELETE",
    "PRAGMA synchronous = EXTRA",
    "PRAGMA secure_delete = ON",
    "PRAGMA temp_store = MEMORY",
)
DAMAGE_CODES = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR)
SCHEMA = (
    """CREATE TABLE tasks (
        task TEXT PRIMARY KEY,
        sha256 TEXT NOT NULL,
        previous_sha256 TEXT,
        created TEXT NOT NULL,
        size_bytes INTEGER NOT NULL,
        labels TEXT NOT NULL,
        fingerprint TEXT NOT NULL,
        digest TEXT NOT NULL
    )""",
    f"PRAGMA user_version = {SCHEMA_VERSION}",
)


class RegistryDamagedError(Exception):
    """The registry is missing, empty or altered; the store rebuilds it, so users never see this error."""


class UnconfirmedCommitError(sqlite3.OperationalError):
    """A transaction is in effect, but the disk did not confirm it: a power cut may still revert it."""


@dataclass(frozen=True)
class TaskEntry:
    """One task in the registry."""

    task: str
    sha256: str  # of the current blob
    previous_sha256: str | None  # of the generation before it
    created: str  # ISO date and time, from the blob
    size_bytes: int
    labels: tuple[str, ...]
    fingerprint: str

    @property
    def generations(self) -> tuple[str, ...]:
        """The hashes of the task's blobs, the current one first."""
        return (self.sha256, self.previous_sha256) if self.previous_sha256 else (self.sha256,)

    @classmethod
    def from_blob(cls, data: bytes) -> "TaskEntry":
        """Build the entry of a blob without a previous generation."""
        from edgecl.store import blob  # noqa: PLC0415  (numpy)

        return cls._from_record(blob.from_bytes(data).record, sha256_hex(data), len(data))

    @classmethod
    def from_damaged_blob(cls, sha256: str, start: bytes) -> "TaskEntry":
        """Build the entry of a damaged blob from its first bytes; without a readable name it gets one."""
        record = read_unverified_record(start)
        if record is None:
            return cls(f"unreadable-{sha256[:8]}", sha256, None, "", 0, (), "")
        return cls._from_record(record, sha256, 0)

    @classmethod
    def _from_record(cls, record: BlobRecord, sha256: str, size_bytes: int) -> "TaskEntry":
        return cls(record.task, sha256, None, record.created, size_bytes, record.labels, record.fingerprint)

    def to_row(self) -> tuple[object, ...]:
        """Return the entry's eight columns, the digest last."""
        names = (self.task, self.sha256, self.previous_sha256, self.created)
        columns = (*names, self.size_bytes, json.dumps(self.labels), self.fingerprint)
        return (*columns, sha256_hex(canonical_json.dump(columns)))

    @classmethod
    def from_row(cls, row: tuple[Any, ...]) -> "TaskEntry":
        """Build the entry of a row.

        Raises:
            RegistryDamagedError: The digest does not match the other columns.
        """
        *columns, digest = row
        task, sha256, previous_sha256, created, size_bytes, labels, fingerprint = columns
        if digest != sha256_hex(canonical_json.dump(columns)):
            raise RegistryDamagedError("a row was altered")
        return cls(task, sha256, previous_sha256, created, size_bytes, tuple(json.loads(labels)), fingerprint)


class Registry:
    """An open registry. Reading needs no lock; writing happens inside `transaction`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        connection.text_factory = _decode
        for pragma in PRAGMAS:
            connection.execute(pragma)

    @classmethod
    def open(cls, path: Path, writable: bool) -> "Registry":
        """Open a registry file and check every row.

        Raises:
            RegistryDamagedError: It has to be rebuilt.
            StoreError: A newer edgecl wrote it.
        """
        if not path.exists():
            raise RegistryDamagedError("it is missing")
        connection = _connect(path, "rw" if writable else "ro")
        try:
            registry = cls(connection)
            registry._check()
        except StoreError:
            connection.close()
            raise
        except (sqlite3.Error, UnicodeDecodeError, RegistryDamagedError) as error:
            connection.close()
            if isinstance(error, sqlite3.Error) and error.sqlite_errorcode & 0xFF not in DAMAGE_CODES:
                raise
            raise RegistryDamagedError(str(error)) from error
        return registry

    @classmethod
    def create(cls, path: Path, entries: list[TaskEntry]) -> "Registry":
        """Create a registry of these entries in one transaction; at `IN_MEMORY` without a file."""
        connection = _connect(path, "memory" if path == IN_MEMORY else "rwc")
        try:
            registry = cls(connection)
            registry._fill(entries)
        except BaseException:
            connection.close()
            raise
        return registry

    def close(self) -> None:
        """Close the database."""
        self._connection.close()

    def read_entries(self) -> dict[str, TaskEntry]:
        """Read the entries of all tasks, by name, sorted."""
        rows = self._connection.execute("SELECT * FROM tasks ORDER BY task")
        return {entry.task: entry for entry in _decode_rows(rows)}

    def find_entry(self, task: str) -> TaskEntry | None:
        """Read the entry of one task; None if there is no such task."""
        rows = self._connection.execute("SELECT * FROM tasks WHERE task = ?", (task,))
        return next(_decode_rows(rows), None)

    def put(self, entry: TaskEntry) -> None:
        """Insert a task's entry, or replace it."""
        self._connection.execute(
            "INSERT OR REPLACE INTO tasks VALUES (?, ?, ?, ?, ?, ?, ?, ?)", entry.to_row()
        )

    def remove(self, task: str) -> None:
        """Delete a task's entry."""
        self._connection.execute("DELETE FROM tasks WHERE task = ?", (task,))

    def erase_deleted(self) -> None:
        """Write the file anew, without rows that an earlier version deleted and did not overwrite."""
        self._connection.execute("VACUUM")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Lock the registry for writing; commit at the end, or roll back on any exception.

        Raises:
            UnconfirmedCommitError: The changes are in effect although committing failed.
        """
        self._connection.execute("BEGIN IMMEDIATE")
        changed: dict[str, TaskEntry] | None = None
        try:
            yield
            changed = self.read_entries()
            self._connection.execute("COMMIT")
        except BaseException as error:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            if isinstance(error, sqlite3.Error) and self._has_entries(changed):
                raise UnconfirmedCommitError(str(error)) from error
            raise

    def _has_entries(self, changed: dict[str, TaskEntry] | None) -> bool:
        """Return whether these are the entries in the file.

        The journal is deleted before its folder is flushed: where only the latter fails, the file has
        changed.
        """
        try:
            return changed is not None and self.read_entries() == changed
        except (sqlite3.Error, RegistryDamagedError):
            return False

    def _fill(self, entries: list[TaskEntry]) -> None:
        with self.transaction():
            for statement in SCHEMA:
                self._connection.execute(statement)
            for entry in entries:
                self.put(entry)

    def _check(self) -> None:
        (version,) = self._connection.execute("PRAGMA user_version").fetchone()
        if version > SCHEMA_VERSION:
            raise StoreError(
                f"the registry of this store was made by a newer edgecl: it has version {version}, "
                f"this edgecl reads version {SCHEMA_VERSION}",
                f"update edgecl; if it is the newest, delete '{REGISTRY_NAME}' to rebuild it from the blobs",
            )
        if version != SCHEMA_VERSION:
            raise RegistryDamagedError(f"it has version {version}")
        (result,) = self._connection.execute("PRAGMA integrity_check(1)").fetchone()
        if result != "ok":
            raise RegistryDamagedError(result)
        self.read_entries()


def _decode_rows(rows: Iterable[tuple[Any, ...]]) -> Iterator[TaskEntry]:
    try:
        yield from map(TaskEntry.from_row, rows)
    except (TypeError, ValueError) as error:
        raise RegistryDamagedError("a row holds values of another kind") from error


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    uri = f"file:{quote(str(path))}?mode={mode}"
    return sqlite3.connect(uri, uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None)


def _decode(text: bytes) -> str:
    """Decode text without failing: the row's digest detects damage."""
    return text.decode(errors="replace")
