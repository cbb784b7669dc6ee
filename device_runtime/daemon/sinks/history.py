"""A sink: what was heard, in SQLite, and no longer than it is wanted.

A file of its own, beside the store and never part of it: it may be deleted at any time. A sound is one row,
the newest event of it; what somebody said of it afterwards is another; a condition of a source is one row
each time it changed. Readers (`past`) never wait for the writer (write-ahead log), and a power cut costs the
last moments at most.
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
from edgecl.events import Event, SoundEvent, format_time

SCHEMA_VERSION = 1
CACHE_KIB = 256  # who writes a row now and then needs no more; SQLite would fill two megabytes, over hours
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
"""Of a history that is begun: what somebody's home sounds like is nobody else's business."""
PRUNED_EVERY = 500  # events
PATIENCE_S = 5.0  # while another process writes
DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
PRIMARY_CODE = 0xFF  # the part of an error's code that tells its kind


@dataclass(frozen=True)
class Retention:
    """How much is kept."""

    days: float = 30.0
    sounds: int = 100_000


class HistoryWriter(HistoryReader):
    """An open history, to be written."""

    def __init__(self, path: Path, retention: Retention = Retention()) -> None:
        """Open or begin it; a file that is none, or damaged, is put aside.

        Raises:
            StoreError: it can be neither opened nor begun.
        """
        self.path = path
        self._retention = retention
        self._taken = 0
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(MODE)
            super().__init__(_connected(path))
            self.prune()
        except (OSError, sqlite3.Error) as error:
            raise StoreError(
                f"the history '{path}' cannot be opened: {error}", "choose another folder, or delete it"
            ) from error

    def take(self, event: Event) -> None:
        """Store one event; a later phase of a sound replaces the one before."""
        document = json.dumps(event.model_dump())
        if isinstance(event, SoundEvent):
            self._insert("OR REPLACE INTO sounds", event.id, event.start, event.task, event.label, document)
        else:
            self._insert("INTO conditions", event.time, event.source, document)
        self._taken += 1
        if self._taken % PRUNED_EVERY == 0:
            self.prune()

    def prune(self) -> None:
        """Delete what is older or more than is kept."""
        oldest = format_time((datetime.now(UTC) - timedelta(days=self._retention.days)).timestamp())
        self._connection.execute("DELETE FROM conditions WHERE time < ?", (oldest,))
        self._connection.execute("DELETE FROM sounds WHERE start < ?", (oldest,))
        surplus = "SELECT id FROM sounds ORDER BY start DESC LIMIT -1 OFFSET ?"
        self._connection.execute(f"DELETE FROM sounds WHERE id IN ({surplus})", (self._retention.sounds,))
        self._connection.execute("DELETE FROM judgements WHERE id NOT IN (SELECT id FROM sounds)")

    def _insert(self, into: str, *row: str) -> None:
        self._connection.execute(f"INSERT {into} VALUES ({', '.join('?' * len(row))})", row)


def judge_sound(path: Path, identity: str, judgement: Feedback) -> None:
    """Store what somebody says a sound was; it replaces what was said before.

    The file may be open to be written elsewhere: nothing is mended or deleted here.

    Raises:
        StoreError: it cannot be written.
    """
    try:
        uri = f"file:{quote(str(path))}?mode=rw"
        with closing(sqlite3.connect(uri, PATIENCE_S, uri=True, isolation_level=None)) as connection:
            row = identity, judgement.model_dump_json()
            connection.execute("INSERT OR REPLACE INTO judgements VALUES (?, ?)", row)
    except sqlite3.Error as error:
        raise StoreError(f"the history '{path}' cannot be written: {error}", "is the disk full?") from error


def _connected(path: Path) -> sqlite3.Connection:
    try:
        return _opened(path)
    except sqlite3.DatabaseError as error:  # also where it is locked, or the disk is full
        if error.sqlite_errorcode & PRIMARY_CODE not in DAMAGED:
            raise
    path.replace(path.with_suffix(".damaged"))
    for rest in ("-wal", "-shm"):
        path.with_name(path.name + rest).unlink(missing_ok=True)
    path.touch(MODE)
    return _opened(path)


def _opened(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, PATIENCE_S, isolation_level=None, check_same_thread=False)
    try:
        connection.executescript(SCHEMA)
    except sqlite3.Error:
        connection.close()
        raise
    return connection
