"""The sink that stores events in the history, and that outlasts a full disk.

    open ◄──────────────────────── reopened, at most every ten seconds
     │                                          │
     └── cannot be opened, or fails other than ─┴─► unavailable
         for want of space or of a lock

Detection goes on without a history; every event that is not stored counts as lost.
"""

import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from device_runtime.daemon.sinks.history_reader import translate_error
from device_runtime.daemon.sinks.history_writer import PRIMARY_CODE, HistoryWriter, Retention
from edgecl.errors import StoreError
from edgecl.events import Event

RETRY_INTERVAL_S = 10.0
PASSING_CODES = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
CONSEQUENCE = "detection goes on, but events are not stored until it can be opened"

HistoryState = Literal["open", "unavailable"]


@dataclass(frozen=True)
class HistoryStatus:
    """The history as the API reports it."""

    state: HistoryState
    """`unavailable`: the newest event could not be stored."""
    detail: str
    """Why, or empty."""
    hint: str
    """What to do about it, or empty."""


class HistorySink:
    """A history that is opened again until it can be written."""

    def __init__(
        self,
        path: Path,
        retention: Retention,
        warn: Callable[[str], None],
        retry_interval_s: float = RETRY_INTERVAL_S,
    ) -> None:
        """Open the history; `warn` receives a sentence if it cannot be opened."""
        self._path = path
        self._retention = retention
        self._retry_interval_s = retry_interval_s
        self._history: HistoryWriter | None = None
        self._failure = self._open()
        if self._failure:
            warn(f"{self._failure.message}; {CONSEQUENCE}; {self._failure.hint}")

    @property
    def status(self) -> HistoryStatus:
        """Return whether events can be stored."""
        failure = self._failure
        if failure is None:
            return HistoryStatus("open", "", "")
        return HistoryStatus("unavailable", failure.message, failure.hint)

    def write(self, event: Event) -> None:
        """Store one event.

        Raises:
            StoreError: it cannot be stored.
        """
        if self._history is None and time.monotonic() >= self._next_attempt_s:
            self._failure = self._open()
        if self._history:
            self._store(event, self._history)
        if self._failure:
            raise self._failure

    def close(self) -> None:
        """Close the file."""
        if self._history:
            self._history.close()
            self._history = None

    def _open(self) -> StoreError | None:
        """Open the history, or return why it cannot be opened."""
        self._next_attempt_s = time.monotonic() + self._retry_interval_s
        try:
            self._history = HistoryWriter(self._path, self._retention)
        except StoreError as error:
            return error
        return None

    def _store(self, event: Event, history: HistoryWriter) -> None:
        try:
            history.write(event)
        except sqlite3.Error as error:
            self._failure = translate_error(self._path, "written", error)
            if getattr(error, "sqlite_errorcode", 0) & PRIMARY_CODE not in PASSING_CODES:
                self.close()
        else:
            self._failure = None
