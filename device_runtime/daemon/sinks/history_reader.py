"""What was heard, as the history remembers it: to be read while the daemon writes, and never in its way."""

import os
import sqlite3
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from edgecl.bundle.manifest import Record
from edgecl.errors import StoreError, UnknownSoundError
from edgecl.events import SoundEvent, SourceEvent, Time

HISTORY_NAME = "history.db"


class Feedback(Record):
    """What somebody says a sound was."""

    kind: Literal["confirmed", "not", "is"]
    """It was what was heard; it was not; it was another."""
    task: str
    label: str
    """Confirmed, denied or named."""
    time: Time
    """When it was said."""


class HistoryReader:
    """A history that is read."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    @classmethod
    def open(cls, path: Path) -> "HistoryReader | None":
        """The history in this file; None where nothing was ever kept.

        Raises:
            StoreError: it cannot be read.
        """
        if not path.exists():
            return None
        try:
            uri = f"file:{quote(str(path))}?mode=ro{'' if _is_shared(path) else '&immutable=1'}"
            return cls(sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False))
        except sqlite3.Error as error:
            raise StoreError(f"the history '{path}' cannot be read: {error}", "it may be deleted") from error

    def sounds(
        self, count: int, before: str = "9999", task: str | None = None, label: str | None = None
    ) -> list[SoundEvent]:
        """The newest sounds, the newest first.

        Args:
            count: how many at most.
            before: only those that start before this time (RFC 3339, UTC), to turn the page.
            task: only those of this task,
            label: and of this label.
        """
        query = (
            "SELECT event FROM sounds WHERE start < ? AND task = coalesce(?, task) "
            "AND label = coalesce(?, label) ORDER BY start DESC LIMIT ?"
        )
        rows = self._connection.execute(query, (before, task, label, count))
        return [SoundEvent.model_validate_json(text) for (text,) in rows]

    def sound(self, identity: str) -> SoundEvent:
        """One sound.

        Raises:
            UnknownSoundError: none of this identity is remembered.
        """
        row = self._connection.execute("SELECT event FROM sounds WHERE id = ?", (identity,)).fetchone()
        if row is None:
            raise not_heard(identity)
        return SoundEvent.model_validate_json(row[0])

    def judgement(self, identity: str) -> Feedback | None:
        """What was said of a sound; None where nothing was."""
        row = self._connection.execute(
            "SELECT judgement FROM judgements WHERE id = ?", (identity,)
        ).fetchone()
        return Feedback.model_validate_json(row[0]) if row else None

    def conditions(self, count: int) -> list[SourceEvent]:
        """The newest changes of condition, the newest first."""
        query = "SELECT event FROM conditions ORDER BY time DESC LIMIT ?"
        return [
            SourceEvent.model_validate_json(text) for (text,) in self._connection.execute(query, (count,))
        ]

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()


def _is_shared(path: Path) -> bool:
    """Whether somebody may write a history while it is read.

    They agree by a file beside it. Where there is none and none can be made, nobody writes.
    """
    return path.with_name(f"{path.name}-wal").exists() or os.access(path.parent, os.W_OK)


def not_heard(identity: str) -> UnknownSoundError:
    """The failure of a sound that nobody remembers."""
    return UnknownSoundError(
        f"no sound '{identity[:40]}' is remembered",
        "its id is in the event that 'edgecl serve' told, and in GET /sounds; [history] says how long",
    )
