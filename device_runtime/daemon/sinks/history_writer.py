"""The sink that stores events in HOME/history.db, a SQLite file, for a limited time.

The file is not part of the store and may be deleted at any time. A sound is one row, its newest event; user
feedback on it is another; a source event is one row. Readers (`history_reader`) never wait for the writer
(write-ahead log), and a power cut loses the last moments at most. Of a sound that goes on, start and end are
written at once and the phases in between every few seconds: each write takes two pages of the log.

Order and age do not depend on the clock of the machine, which may be years off until it is set: rows are
numbered in the order of their detection, and their age is the time for which the history has been open since,
summed over all restarts. So a wrong clock deletes nothing; while the daemon is off, nothing grows older.
"""

import json
import sqlite3
import time
from collections.abc import Callable
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from device_runtime.daemon.sinks.history_reader import Feedback, HistoryReader, translate_error
from edgecl.events import Event, SoundEvent, SourceEvent

SCHEMA_VERSION = 2
CACHE_KIB = 256  # enough for a row now and then; SQLite's default grows to 2 MB over hours
PRAGMAS = f"""
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = NORMAL;
    PRAGMA cache_size = -{CACHE_KIB};
"""
SCHEMA = f"""
    CREATE TABLE IF NOT EXISTS sounds (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        task TEXT NOT NULL,
        label TEXT NOT NULL,
        stored_s REAL NOT NULL,
        event TEXT NOT NULL
    );
    CREATE INDEX IF NOT EXISTS sounds_of_task ON sounds (task, sequence, label);
    CREATE TABLE IF NOT EXISTS judgements (id TEXT PRIMARY KEY, judgement TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS conditions (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,
        stored_s REAL NOT NULL,
        event TEXT NOT NULL
    );
    CREATE TABLE IF NOT EXISTS running_time (row INTEGER PRIMARY KEY, seconds REAL NOT NULL);
    INSERT OR IGNORE INTO running_time VALUES (0, 0);
    PRAGMA user_version = {SCHEMA_VERSION};
"""
FROM_VERSION_1 = f"""
    BEGIN;
    ALTER TABLE sounds RENAME TO sounds_1;
    ALTER TABLE conditions RENAME TO conditions_1;
    {SCHEMA}
    INSERT INTO sounds (id, task, label, stored_s, event)
        SELECT id, task, label, 0, event FROM sounds_1 ORDER BY start;
    INSERT INTO conditions (stored_s, event) SELECT 0, event FROM conditions_1 ORDER BY time;
    DROP TABLE sounds_1;
    DROP TABLE conditions_1;
    COMMIT;
"""
"""Their age is not known: it begins anew."""
MODE = 0o600
"""Of a new history: the sounds of a home are private."""
DAY_S = 86_400
INSERT_SOUND = """
    INSERT INTO sounds (id, task, label, stored_s, event) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET event = excluded.event
"""
INSERT_CONDITION = "INSERT INTO conditions (stored_s, event) VALUES (?, ?)"
PRUNE_INTERVAL = 500  # events
UPDATE_INTERVAL_S = 5.0  # between two writes of a sound that goes on
LOCK_TIMEOUT_S = 5.0  # while another process writes
DAMAGE_CODES = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
PRIMARY_CODE = 0xFF  # mask of the primary part of an error code


@dataclass(frozen=True)
class Retention:
    """The limits of the history."""

    days: float = 30.0
    """Of running time."""
    sounds: int = 100_000
    conditions: int = 10_000


class HistoryWriter(HistoryReader):
    """A history that is open for writing."""

    def __init__(
        self,
        path: Path,
        retention: Retention = Retention(),
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """Open or create the file; a damaged one is renamed and replaced by an empty one.

        Args:
            path: the file.
            retention: the limits.
            monotonic_s: the clock for the running time.

        Raises:
            StoreError: it can be neither opened nor created.
        """
        self.path = path
        self._retention = retention
        self._written = 0
        self._updated_s: dict[str, float] = {}  # id of a sound that goes on → when it was last written
        self._monotonic_s = monotonic_s
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(MODE)
            with ExitStack() as opening:
                super().__init__(opening.enter_context(closing(_connect(path))))
                self._began_s = monotonic_s() - _read_running_time(self._connection)
                self._prune_if_there_is_room()
                opening.pop_all()
        except (OSError, sqlite3.Error) as error:
            raise translate_error(path, "opened", error) from error

    @property
    def running_s(self) -> float:
        """Seconds for which the history has been open, summed over all restarts."""
        return self._monotonic_s() - self._began_s

    def write(self, event: Event) -> None:
        """Store one event; a later phase of a sound replaces the one before.

        A phase between start and end is left out where another was stored `UPDATE_INTERVAL_S` ago or less.
        """
        if isinstance(event, SoundEvent) and self._is_redundant(event):
            return
        document = json.dumps(event.model_dump())
        if isinstance(event, SoundEvent):
            row = event.id, event.task, event.label, self.running_s, document
            self._connection.execute(INSERT_SOUND, row)
        elif isinstance(event, SourceEvent):
            self._connection.execute(INSERT_CONDITION, (self.running_s, document))
        self._written += 1
        if self._written % PRUNE_INTERVAL == 0:
            self.prune()

    def _is_redundant(self, event: SoundEvent) -> bool:
        """Return whether a phase of a sound may be left out; remember when it was stored if not."""
        now_s = self.running_s
        if event.phase == "end":
            self._updated_s.pop(event.id, None)
            return False
        last_s = self._updated_s.get(event.id)
        if event.phase == "update" and last_s is not None and now_s - last_s < UPDATE_INTERVAL_S:
            return True
        self._updated_s[event.id] = now_s
        return False

    def prune(self) -> None:
        """Delete the rows beyond the retention limits."""
        self._updated_s.clear()  # of sounds whose end was lost
        oldest_s = self.running_s - self._retention.days * DAY_S
        for table, count in (("sounds", self._retention.sounds), ("conditions", self._retention.conditions)):
            surplus = f"SELECT sequence FROM {table} ORDER BY sequence DESC LIMIT 1 OFFSET ?"
            self._connection.execute(f"DELETE FROM {table} WHERE stored_s < ?", (oldest_s,))
            self._connection.execute(f"DELETE FROM {table} WHERE sequence <= ({surplus})", (count,))
        self._connection.execute("DELETE FROM judgements WHERE id NOT IN (SELECT id FROM sounds)")

    def _prune_if_there_is_room(self) -> None:
        """Delete rows as far as the log, into which deletions are written first, has room on the disk."""
        try:
            self.prune()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_FULL:
                raise

    def close(self) -> None:
        """Store the running time, and close the file."""
        with suppress(sqlite3.Error):  # the newest row has most of it
            self._connection.execute("UPDATE running_time SET seconds = ?", (self.running_s,))
        super().close()


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
        raise translate_error(path, "written", error) from error


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
        connection.executescript(PRAGMAS)
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        connection.executescript(FROM_VERSION_1 if version == 1 else f"BEGIN; {SCHEMA} COMMIT;")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _read_running_time(connection: sqlite3.Connection) -> float:
    """Return the running time in seconds; after a crash the newest row has the best value."""
    newest = "(SELECT stored_s FROM {} ORDER BY sequence DESC LIMIT 1)"
    values = ", ".join(f"coalesce({newest.format(table)}, 0)" for table in ("sounds", "conditions"))
    (seconds,) = connection.execute(f"SELECT max(seconds, {values}) FROM running_time").fetchone()
    return float(seconds)
