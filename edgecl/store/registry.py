"""The store's index, in SQLite: task → blob, and the generation before it.

Only an index: every row can be made again from the blobs, which name their own task. SQLite notices
much damage but not all, so each row also carries a digest; whatever is wrong shows as `RegistryDamaged`.
"""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from edgecl import canonical_json
from edgecl.canonical_json import sha256_hex
from edgecl.errors import StoreError
from edgecl.store import blob

REGISTRY_NAME = "registry.db"
SCHEMA_VERSION = 1
BUSY_TIMEOUT_S = 30.0
MEMORY = Path(":memory:")

# EXTRA also flushes the folder after the journal is deleted: without it a power cut could undo a commit
# whose older blobs are already gone.
SETTINGS = ("PRAGMA journal_mode = DELETE", "PRAGMA synchronous = EXTRA")
SIGNS_OF_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR)
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


class RegistryDamaged(Exception):  # noqa: N818 — a state the store mends, not a failure users meet
    """The index is missing, empty, or not what was written."""


@dataclass(frozen=True)
class TaskEntry:
    """One task of the store."""

    task: str
    sha256: str  # of the current blob
    previous_sha256: str | None  # of the generation before it
    created: str  # ISO date and time, from the blob
    size_bytes: int
    labels: tuple[str, ...]
    fingerprint: str

    @property
    def generations(self) -> tuple[str, ...]:
        """The hashes of its blobs, the current one first."""
        return (self.sha256, self.previous_sha256) if self.previous_sha256 else (self.sha256,)

    @classmethod
    def of(cls, data: bytes) -> "TaskEntry":
        """The entry of a blob that has no predecessor, from what the blob says."""
        return cls._of_record(blob.from_bytes(data).record, sha256_hex(data), len(data))

    @classmethod
    def claimed(cls, sha256: str, start: bytes) -> "TaskEntry":
        """The entry of a damaged blob, from what its first bytes still say; nameless ones get a name."""
        record = blob.claimed_record(start)
        if record is None:
            return cls(f"unreadable-{sha256[:8]}", sha256, None, "", 0, (), "")
        return cls._of_record(record, sha256, 0)

    @classmethod
    def _of_record(cls, record: blob.BlobRecord, sha256: str, size_bytes: int) -> "TaskEntry":
        return cls(record.task, sha256, None, record.created, size_bytes, record.labels, record.fingerprint)

    def row(self) -> tuple[object, ...]:
        """The entry's eight columns, digest last."""
        names = (self.task, self.sha256, self.previous_sha256, self.created)
        columns = (*names, self.size_bytes, json.dumps(self.labels), self.fingerprint)
        return (*columns, sha256_hex(canonical_json.dump(columns)))

    @classmethod
    def from_row(cls, row: tuple[Any, ...]) -> "TaskEntry":
        """The inverse of `row`; refuses a row whose digest is not its own."""
        *columns, digest = row
        task, sha256, previous_sha256, created, size_bytes, labels, fingerprint = columns
        if digest != sha256_hex(canonical_json.dump(columns)):
            raise RegistryDamaged("a row was altered")
        return cls(task, sha256, previous_sha256, created, size_bytes, tuple(json.loads(labels)), fingerprint)


class Registry:
    """An open index. Reading needs no lock; writing happens inside `writing`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        connection.text_factory = _decode
        for setting in SETTINGS:
            connection.execute(setting)

    @classmethod
    def open(cls, path: Path, writable: bool) -> "Registry":
        """The index in the file `path`, every row of it checked.

        Raises:
            RegistryDamaged: it can only be made again.
            StoreError: a newer edgecl made it.
        """
        if not path.exists():
            raise RegistryDamaged("it is missing")
        connection = _connect(path, "rw" if writable else "ro")
        try:
            registry = cls(connection)
            registry._check()
        except StoreError:
            connection.close()
            raise
        except (sqlite3.Error, UnicodeDecodeError, RegistryDamaged) as error:
            connection.close()
            if isinstance(error, sqlite3.Error) and error.sqlite_errorcode & 0xFF not in SIGNS_OF_DAMAGE:
                raise
            raise RegistryDamaged(str(error)) from error
        return registry

    @classmethod
    def create(cls, path: Path, entries: list[TaskEntry]) -> "Registry":
        """A new index of these entries, there at once or not at all; in `MEMORY` it leaves no trace."""
        connection = _connect(path, "memory" if path == MEMORY else "rwc")
        try:
            registry = cls(connection)
            registry._fill(entries)
        except BaseException:
            connection.close()
            raise
        return registry

    def close(self) -> None:
        self._connection.close()

    def entries(self) -> dict[str, TaskEntry]:
        """Every task by name, sorted."""
        rows = self._connection.execute("SELECT * FROM tasks ORDER BY task")
        try:
            return {entry.task: entry for entry in map(TaskEntry.from_row, rows)}
        except (TypeError, ValueError) as error:
            raise RegistryDamaged("a row holds values of another kind") from error

    def put(self, entry: TaskEntry) -> None:
        self._connection.execute("INSERT OR REPLACE INTO tasks VALUES (?, ?, ?, ?, ?, ?, ?, ?)", entry.row())

    def remove(self, task: str) -> None:
        self._connection.execute("DELETE FROM tasks WHERE task = ?", (task,))

    @contextmanager
    def writing(self) -> Iterator[None]:
        """One transaction; no other process writes meanwhile, and nothing of it stays if it fails."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise

    def _fill(self, entries: list[TaskEntry]) -> None:
        with self.writing():
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
                f"update edgecl; if it is the newest, delete '{REGISTRY_NAME}' and it is made from the blobs",
            )
        if version != SCHEMA_VERSION:
            raise RegistryDamaged(f"it has version {version}")
        (verdict,) = self._connection.execute("PRAGMA integrity_check(1)").fetchone()
        if verdict != "ok":
            raise RegistryDamaged(verdict)
        self.entries()


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    uri = f"file:{quote(str(path))}?mode={mode}"
    return sqlite3.connect(uri, uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None)


def _decode(text: bytes) -> str:
    """Damaged text is for the row's digest to refuse, not for the driver."""
    return text.decode(errors="replace")
