"""The sink that stores events in HOME/history.db, a SQLite file, for a limited time.

The file is not part of the store and may be deleted at any time. A sound is one row, its newest event; user
feedback on it is another; a source event is one row. Readers (`history_reader`) never wait for the writer
(write-ahead log), and a power cut loses the last moments at most.
"""

import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

from device_runtime.daemon.sinks.history_reader import Feedback, HistoryReader
from edgecl.errors import StoreError
from edgecl.events import Event, SoundEvent, SourceEvent, format_time

SCHEMA_VERSION = 1
CACHE_KIB = 256  # enough for a row now and then; SQLite's default grows to 2 MB over hours
SCHEMA = f"""
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = NORMAL;
    PRAGMA cache_size = -{CACHE_KIB};
    CREATE TABLE IF NOT EXISTS sounds (
        id TEXT PRIMARY KEY,
        start TEXT NOT NULL,
        task TEXT NOT NULL,
        label TEXT NOT NULL,
        event TEXT NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS sounds_by_start ON sounds (start);
    CREATE TABLE IF NOT EXISTS judgements (id TEXT PRIMARY KEY, judgement TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS conditions (time TEXT NOT NULL, source TEXT NOT NULL, event TEXT NOT NULL);
    CREATE INDEX IF NOT EXISTS conditions_by_time ON conditions (time);
    PRAGMA user_version = {SCHEMA_VERSION};
"""
MODE = 0o600
"""Of a new history: the sounds of a home are private."""
PRUNE_INTERVAL = 500  # events
LOCK_TIMEOUT_S = 5.0  # while another process writes
DAMAGE_CODES = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
PRIMARY_CODE = 0xFF  # mask of the primary part of an error code


@dataclass(frozen=True)
class Retention:
    """The limits of the history."""

    days: float = 30.0
    sounds: int = 100_000


class HistoryWriter(HistoryReader):
    """A history that is open for writing."""

    def __init__(self, path: Path, retention: Retention = Retention()) -> None:
        """Open or create the file; a damaged one is renamed and replaced by an empty one.

        Raises:
            StoreError: it can be neither opened nor created.
        """
        self.path = path
        self._retention = retention
        self._written = 0
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(MODE)
            super().__init__(_connect(path))
            self.prune()
        except (OSError, sqlite3.Error) as error:
            raise StoreError(
                f"the history '{path}' cannot be opened: {error}", "choose another folder, or delete it"
            ) from error

    def write(self, event: Event) -> None:
        """Store one event; a later phase of a sound replaces the one before."""
        document = json.dumps(event.model_dump())
        if isinstance(event, SoundEvent):
            self._insert("OR REPLACE INTO sounds", event.id, event.start, event.task, event.label, document)
        elif isinstance(event, SourceEvent):
            self._insert("INTO conditions", event.time, event.source, document)
        self._written += 1
        if self._written % PRUNE_INTERVAL == 0:
            self.prune()

    def prune(self) -> None:
        """Delete the rows beyond the retention limits."""
        oldest = format_time((datetime.now(UTC) - timedelta(days=self._retention.days)).timestamp())
        self._connection.execute("DELETE FROM conditions WHERE time < ?", (oldest,))
        self._connection.execute("DELETE FROM sounds WHERE start < ?", (oldest,))
        surplus = "SELECT id FROM sounds ORDER BY start DESC LIMIT -1 OFFSET ?"
        self._connection.execute(f"DELETE FROM sounds WHERE id IN ({surplus})", (self._retention.sounds,))
        self._connection.execute("DELETE FROM judgements WHERE id NOT IN (SELECT id FROM sounds)")

    def _insert(self, into: str, *row: str) -> None:
        self._connection.execute(f"INSERT {into} VALUES ({', '.join('?' * len(row))})", row)


def save_feedback(path: Path, identity: str, feedback: Feedback) -> None:
    """Store the user's feedback on a sound; it replaces earlier feedback.

    Another process may have the file open for writing: nothing is repaired or deleted here.

    Raises:
        StoreError: it cannot be written.
    """
    try:
        uri = f"file:{quote(str(path))}?mode=rw"
        with closing(sqlite3.connect(uri, LOCK_TIMEOUT_S, uri=True, isolation_level=None)) as connection:
            row = identity, feedback.model_dump_json()
            connection.execute("INSERT OR REPLACE INTO judgements VALUES (?, ?)", row)
    except sqlite3.Error as error:
        raise StoreError(f"the history '{path}' cannot be written: {error}", "is the disk full?") from error


def _connect(path: Path) -> sqlite3.Connection:
    try:
        return _open(path)
    except sqlite3.DatabaseError as error:  # also raised where it is locked, or the disk is full
        if error.sqlite_errorcode & PRIMARY_CODE not in DAMAGE_CODES:
            raise
    path.replace(path.with_suffix(".damaged"))
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    path.touch(MODE)
    return _open(path)


def _open(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, LOCK_TIMEOUT_S, isolation_level=None, check_same_thread=False)
    try:
        connection.executescript(SCHEMA)
    except sqlite3.Error:
        connection.close()
        raise
    return connection
