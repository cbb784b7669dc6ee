"""Shared state of all routes."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import BoundedSemaphore
from typing import Annotated

from fastapi import Depends
from fastapi import Request as HttpRequest

from device_runtime.daemon.api import limits
from device_runtime.daemon.api.enrolment_session import create_private_folder
from device_runtime.daemon.api.event_audio import EventAudio
from device_runtime.daemon.api.event_hub import EventHub
from device_runtime.daemon.api.installation_check import InstallationCheck
from device_runtime.daemon.api.problems import BusyError
from device_runtime.daemon.api.session_manager import UPLOADS, SessionManager
from device_runtime.daemon.api.task_records import TaskRecords
from device_runtime.daemon.controls import Controls
from device_runtime.daemon.pipeline.loop import Pipeline
from device_runtime.daemon.sinks.factory import Sinks
from device_runtime.daemon.sources.wrappers import Tap
from device_runtime.daemon.system.log_buffer import LogBuffer
from device_runtime.daemon.system.supervisor import ThreadSupervisor
from device_runtime.daemon.worker.process import Worker
from device_runtime.daemon.worker.protocol import Request
from device_runtime.workflows.documents import Document
from device_runtime.workflows.workspace import Workspace
from edgecl.bundle.bundle import Bundle
from edgecl.config.schema import Config
from edgecl.store.store import Store

PREDICTIONS = 2  # at a time


@dataclass
class ApiContext:
    """A running daemon as the routes see it."""

    config: Config
    workspace: Workspace
    bundle: Bundle
    pipeline: Pipeline
    controls: Controls
    log: LogBuffer
    tap: Tap
    hub: EventHub
    sessions: SessionManager
    records: TaskRecords
    event_audio: EventAudio
    supervisor: ThreadSupervisor
    sinks: Sinks
    installation_check: InstallationCheck
    record_lock: BoundedSemaphore = field(default_factory=BoundedSemaphore)
    """Held while a client records from the microphone."""
    predict_slots: BoundedSemaphore = field(default_factory=lambda: BoundedSemaphore(PREDICTIONS))

    @property
    def home(self) -> Path:
        """Folder of the store and the history."""
        return self.workspace.home

    @contextmanager
    def open_store(self) -> Iterator[Store]:
        """Open the store for one request."""
        with Store.open(self.home, create=True) as store:
            yield store

    @contextmanager
    def make_scratch_folder(self) -> Iterator[Path]:
        """Create a folder for one request; one left by a killed daemon is deleted at the next start."""
        folder = self.home / UPLOADS
        create_private_folder(folder)
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            yield Path(scratch)

    def run_workflow(self, request: Request) -> Document:
        """Run a workflow in a worker process and return its result.

        Raises:
            EdgeclError: as raised by the workflow; or the process crashed or took too long.
        """
        return Worker(self.workspace, request).result(limits.WORKFLOW_TIMEOUT_S)


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


def _get_context(request: HttpRequest) -> ApiContext:
    context: ApiContext = request.app.state.context
    return context


Context = Annotated[ApiContext, Depends(_get_context)]
"""The context, as a parameter of a route."""
