"""The newest result of `edgecl doctor`, renewed in the background: a check takes seconds on a small board."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from device_runtime.daemon.api.limits import WORKFLOW_TIMEOUT_S
from device_runtime.daemon.worker.process import Worker
from device_runtime.daemon.worker.protocol import DoctorRequest
from device_runtime.workflows.workspace import Workspace
from edgecl.errors import EdgeclError

FRESH_S = 30.0
"""Age up to which a result is not renewed."""

Report = dict[str, Any]
"""As `edgecl doctor --json` prints it."""


@dataclass(frozen=True)
class LatestCheck:
    """What is known at present."""

    report: Report | None
    """None: the first check has not ended yet."""
    age_s: float | None
    is_running: bool


class InstallationCheck:
    """Runs the check in a worker process, one at a time."""

    def __init__(self, workspace: Workspace, report_crash: Callable[[str, BaseException], None]) -> None:
        """Check nothing yet.

        Args:
            workspace: what is checked.
            report_crash: called with an unexpected failure.
        """
        self._workspace, self._report_crash = workspace, report_crash
        self._lock = threading.Lock()
        self._report: Report | None = None
        self._ended_s = 0.0
        self._worker: Worker | None = None
        self._thread: threading.Thread | None = None
        self._is_closed = False

    def read(self) -> LatestCheck:
        """Return the newest result at once; start a check where that is missing or old."""
        with self._lock:
            age_s = None if self._report is None else time.monotonic() - self._ended_s
            if self._thread is None and not self._is_closed and (age_s is None or age_s >= FRESH_S):
                self._thread = threading.Thread(target=self._run, name="installation check", daemon=True)
                self._thread.start()
            return LatestCheck(self._report, age_s, self._thread is not None)

    def close(self) -> None:
        """Stop a check that is running."""
        with self._lock:
            self._is_closed, worker, thread = True, self._worker, self._thread
        if worker:
            worker.stop("the daemon ends")
        if thread:
            thread.join()

    def _run(self) -> None:
        try:
            report = self._check()
        except Exception as error:
            self._report_crash("installation check", error)
            report = _make_failure(f"{type(error).__name__}: {error}", "see the log")
        with self._lock:
            self._report, self._ended_s = report, time.monotonic()
            self._worker = self._thread = None

    def _check(self) -> Report:
        """Run the check; one that cannot be run is a check that failed."""
        try:
            with self._lock:
                if self._is_closed:
                    return _make_failure("the daemon ends", "")
                self._worker = Worker(self._workspace, DoctorRequest())
            return self._worker.result(WORKFLOW_TIMEOUT_S)
        except EdgeclError as error:
            return _make_failure(error.message, error.hint)


def _make_failure(detail: str, hint: str) -> Report:
    check = {"name": "check", "status": "fail", "detail": detail, "hint": hint}
    return {"healthy": False, "checks": [check]}
