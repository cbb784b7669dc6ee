"""The stored events, read while the daemon may be writing, without blocking it."""

import json
import os
import sqlite3
from itertools import chain
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from edgecl.bundle.manifest import Record
from edgecl.errors import DiskFullError, StoreError, UnknownSoundError
from edgecl.events import SoundEvent, SourceEvent, Time
from edgecl.store.errors import FULL_DISK_ERRNOS

HISTORY_NAME = "history.db"
DAY = "date(json_extract(event, '$.start'), ?)"
"""SQL: the day on which a sound began; the parameter is the offset from UTC, such as "+60 minutes"."""
HINT_FULL = "free some space; what is stored is not lost"
HINT = "check that the disk has room and does not fail, and who owns the file; what is stored is not lost"


class Feedback(Record):
    """What a user says about a detected sound."""

    kind: Literal["confirmed", "not", "is"]
    """The detection was right; it was wrong; the sound was this other label."""
    task: str
    label: str
    """The label that is confirmed, denied or named."""
    time: Time
    """When the feedback was given."""


class StoredSound(SoundEvent):
    """A sound of the history."""

    sequence: int
    """Its place in the order of detection, which does not depend on the clock."""


class HistoryReader:
    """A history that is open for reading."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    @classmethod
    def open(cls, path: Path) -> "HistoryReader | None":
        """Open the history in this file; return None if there is no file, or no table in it yet.

        Raises:
            StoreError: it cannot be read.
        """
        if not path.exists() or not path.stat().st_size:
            return None
        try:
            uri = f"file:{quote(str(path))}?mode=ro{'' if _has_writer(path) else '&immutable=1'}"
            connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
            if connection.execute("PRAGMA user_version").fetchone() == (0,):  # it is being created
                connection.close()
                return None
            return cls(connection)
        except sqlite3.Error as error:
            raise translate_error(path, "read", error) from error

    def sounds(
        self,
        count: int,
        before: int | None = None,
        task: str | None = None,
        label: str | None = None,
        day: str | None = None,
        utc_offset_min: int = 0,
    ) -> list[StoredSound]:
        """Return the newest sounds, the newest first.

        Args:
            count: largest number of sounds.
            before: only sounds with a smaller sequence number, for paging.
            task: only sounds of this task.
            label: only sounds of this label.
            day: only sounds that began on this day, such as "2026-01-31".
            utc_offset_min: by how many minutes the clock of that day is ahead of UTC.
        """
        conditions: dict[str, list[object]] = {}
        if before is not None:
            conditions["sequence < ?"] = [before]
        if task is not None:
            conditions["task = ?"] = [task]
        if label is not None:
            conditions["label = ?"] = [label]
        if day is not None:
            conditions[f"{DAY} = ?"] = [f"{utc_offset_min:+d} minutes", day]
        chosen = (
            f"WHERE {' AND '.join(conditions)} " if conditions else ""
        )  # plain equality: an index serves it
        query = f"SELECT sequence, event FROM sounds {chosen}ORDER BY sequence DESC LIMIT ?"
        rows = self._connection.execute(query, (*chain(*conditions.values()), count))
        return [StoredSound(**json.loads(text), sequence=sequence) for sequence, text in rows]

    def count_sounds(
        self, days: int, utc_offset_min: int = 0, task: str | None = None
    ) -> list[tuple[str, str, str, int]]:
        """Count the sounds of the last days: (day, task, label, count), the newest day first.

        Args:
            days: number of days, today included.
            utc_offset_min: by how many minutes the clock of these days is ahead of UTC.
            task: only sounds of this task.
        """
        shift = f"{utc_offset_min:+d} minutes"
        query = (
            f"SELECT {DAY} AS day, task, label, count(*) FROM sounds WHERE task = coalesce(?, task) "
            "AND day > date('now', ?, ?) GROUP BY day, task, label ORDER BY day DESC, task, label"
        )
        return list(self._connection.execute(query, (shift, task, shift, f"-{days} days")))

    def sound(self, identity: str) -> SoundEvent:
        """Return one sound.

        Raises:
            UnknownSoundError: the history has no sound of this id.
        """
        row = self._connection.execute("SELECT event FROM sounds WHERE id = ?", (identity,)).fetchone()
        if row is None:
            raise unknown_sound(identity)
        return SoundEvent.model_validate_json(row[0])

    def feedback(self, identity: str) -> Feedback | None:
        """Return the feedback on a sound; None if there is none."""
        row = self._connection.execute(
            "SELECT judgement FROM judgements WHERE id = ?", (identity,)
        ).fetchone()
        return Feedback.model_validate_json(row[0]) if row else None

    def conditions(self, count: int) -> list[SourceEvent]:
        """Return the newest source events, the newest first."""
        query = "SELECT event FROM conditions ORDER BY sequence DESC LIMIT ?"
        return [
            SourceEvent.model_validate_json(text) for (text,) in self._connection.execute(query, (count,))
        ]

    def close(self) -> None:
        """Close the file."""
        self._connection.close()


def _has_writer(path: Path) -> bool:
    """Return whether another process may write the history while it is read.

    Processes coordinate by a file beside it: where there is none and none can be created, there is no writer.
    """
    return path.with_name(f"{path.name}-wal").exists() or os.access(path.parent, os.W_OK)


def translate_error(path: Path, done: str, error: OSError | sqlite3.Error) -> StoreError:
    """Return the error for a history that cannot be used; `done` is "opened", "read" or "written"."""
    message = f"the history '{path}' cannot be {done}: {error}"
    is_full = getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_FULL
    if is_full or (isinstance(error, OSError) and error.errno in FULL_DISK_ERRNOS):
        return DiskFullError(message, HINT_FULL)
    return StoreError(message, HINT)


def unknown_sound(identity: str) -> UnknownSoundError:
    """Return the error for an id that the history does not have."""
    return UnknownSoundError(
        f"there is no sound '{identity[:40]}' in the history",
        "its id is in the events of 'edgecl serve', and in GET /sounds; [history] limits how long it is kept",
    )
