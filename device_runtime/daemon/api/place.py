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
from device_runtime.daemon.api.broadcast import Broadcast
from device_runtime.daemon.api.heard import Heard
from device_runtime.daemon.api.problems import BusyError
from device_runtime.daemon.api.records import Records
from device_runtime.daemon.api.sessions import UPLOADS, Sessions
from device_runtime.daemon.child import Child, Document
from device_runtime.daemon.journal import Journal
from device_runtime.daemon.kept import KeptControls
from device_runtime.daemon.station import Station
from device_runtime.daemon.tap import Tap
from device_runtime.progress import silent
from edgecl.bundle import Bundle
from edgecl.config import Config
from edgecl.store import Store

PREDICTIONS = 2  # at a time


@dataclass
class Place:
    """One daemon, as its API sees it."""

    config: Config
    home: Path
    bundle: Bundle
    station: Station
    controls: KeptControls
    journal: Journal
    tap: Tap
    broadcast: Broadcast
    sessions: Sessions
    records: Records
    heard: Heard
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
        return Child(self.home, self.bundle.path, words, silent).answer(limits.ANSWER_S)


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


def _place(request: Request) -> Place:
    place: Place = request.app.state.place
    return place


Here = Annotated[Place, Depends(_place)]
"""The place, as a parameter of a route."""
