"""Shared state of all routes."""

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
    """A running daemon as the routes see it."""

    config: Config
    home: Path
    bundle: Bundle
    pipeline: Pipeline
    controls: SavedControls
    log: LogBuffer
    tap: Tap
    hub: EventHub
    sessions: SessionManager
    records: TaskRecords
    event_audio: EventAudio
    threads: int
    """Number of inference threads."""
    record_lock: BoundedSemaphore = field(default_factory=BoundedSemaphore)
    """Held while a client records from the microphone."""
    predict_slots: BoundedSemaphore = field(default_factory=lambda: BoundedSemaphore(PREDICTIONS))
    doctor_lock: BoundedSemaphore = field(default_factory=BoundedSemaphore)

    @contextmanager
    def open_store(self) -> Iterator[Store]:
        """Open the store for one request."""
        with Store.open(self.home, create=True) as store:
            yield store

    @contextmanager
    def make_scratch_folder(self) -> Iterator[Path]:
        """Create a folder for one request; one left by a killed daemon is deleted at the next start."""
        folder = self.home / UPLOADS
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            yield Path(scratch)

    def run_command(self, *words: str) -> Document:
        """Run a command in a worker process and return its JSON document."""
        return Worker(self.home, self.bundle.path, words, ignore_progress).answer(limits.COMMAND_TIMEOUT_S)


@contextmanager
def hold(lock: BoundedSemaphore, reason: str) -> Iterator[None]:
    """Hold a lock or a slot that may not be waited for.

    Raises:
        BusyError: it is taken; `reason` is the message.
    """
    if not lock.acquire(blocking=False):
        raise BusyError(reason, "try again later")
    try:
        yield
    finally:
        lock.release()


def _get_context(request: Request) -> ApiContext:
    context: ApiContext = request.app.state.context
    return context


Context = Annotated[ApiContext, Depends(_get_context)]
"""The context, as a parameter of a route."""
