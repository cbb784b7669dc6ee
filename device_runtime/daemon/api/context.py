"""What the routes work with: the store, the station that listens, and those who are told."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import BoundedSemaphore
from typing import Annotated

from fastapi import Depends, Request

from device_runtime.daemon.api import limits
from device_runtime.daemon.api.event_audio import EventAudio
from device_runtime.daemon.api.event_hub import EventHub
from device_runtime.daemon.api.problems import BusyError
from device_runtime.daemon.api.session_manager import UPLOADS, SessionManager
from device_runtime.daemon.api.task_records import TaskRecords
from device_runtime.daemon.pipeline.loop import Pipeline
from device_runtime.daemon.saved_controls import SavedControls
from device_runtime.daemon.sources.tap import Tap
from device_runtime.daemon.system.log_buffer import LogBuffer
from device_runtime.daemon.worker import Document, Worker
from device_runtime.system.progress import ignore_progress
from edgecl.bundle.bundle import Bundle
from edgecl.config.schema import Config
from edgecl.store.store import Store

PREDICTIONS = 2  # at a time


@dataclass
class ApiContext:
    """One daemon, as its API sees it."""

    config: Config
    home: Path
    bundle: Bundle
    station: Pipeline
    controls: SavedControls
    journal: LogBuffer
    tap: Tap
    broadcast: EventHub
    sessions: SessionManager
    records: TaskRecords
    heard: EventAudio
    threads: int
    """That hear."""
    recording: BoundedSemaphore = field(default_factory=BoundedSemaphore)
    """Held while somebody records from the microphone."""
    predicting: BoundedSemaphore = field(default_factory=lambda: BoundedSemaphore(PREDICTIONS))
    examining: BoundedSemaphore = field(default_factory=BoundedSemaphore)
    """Held while the doctor is at work."""

    @contextmanager
    def store(self) -> Iterator[Store]:
        """The store, opened for one request."""
        with Store.open(self.home, create=True) as store:
            yield store

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """A folder for one request; what a daemon that was killed left of it is deleted by the next."""
        folder = self.home / UPLOADS
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            yield Path(scratch)

    def command(self, *words: str) -> Document:
        """What a command answers, run in a process of its own."""
        return Worker(self.home, self.bundle.path, words, ignore_progress).answer(limits.ANSWER_S)


@contextmanager
def held(lock: BoundedSemaphore, reason: str) -> Iterator[None]:
    """Do something that few may do at a time.

    Raises:
        BusyError: others do it now.
    """
    if not lock.acquire(blocking=False):
        raise BusyError(reason, "wait until it is done")
    try:
        yield
    finally:
        lock.release()


def _place(request: Request) -> ApiContext:
    place: ApiContext = request.app.state.place
    return place


Here = Annotated[ApiContext, Depends(_place)]
"""The place, as a parameter of a route."""
