"""A folder that is scanned every few seconds: what is copied into it is imported once it stops changing.

    copied ── ten seconds without a change ──► imported ──► recorded in the state file
                                                  ├───────► refused: again after a change, not before
                                                  └───────► failed: again in ten minutes

Nothing in the folder stops the pipeline: a folder that is missing is waited for, a fault is reported once. A
deleted recording stays part of its task.
"""

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from device_runtime.daemon.folder_import.importer import FolderImporter
from device_runtime.daemon.folder_import.scan import Files, ImportState, has_audio, scan_folder
from device_runtime.daemon.system.supervisor import ThreadSupervisor
from edgecl.errors import EdgeclError

SCAN_INTERVAL_S = 3.0
REST_FACTOR = 20  # × the duration of a scan: a large folder on a slow disk is scanned less often
QUIET_S = 10.0
RETRY_S = 600.0  # after a failure that may be temporary: no memory, a full disk
CLOSE_TIMEOUT_S = 10.0  # a network disk may hang


class FolderWatcher:
    """Decides which sub-folders are imported, and when."""

    def __init__(
        self,
        folder: Path,
        state: ImportState,
        import_folder: Callable[[Path], bool],
        log: Callable[[str], None],
    ) -> None:
        """Prepare to watch a folder.

        Args:
            folder: the watched folder.
            state: what was imported before.
            import_folder: imports a sub-folder and returns whether it could; it is not called twice for the
                same files, unless it raised an EdgeclError or OSError.
            log: receives a sentence for every new fault.
        """
        self.scan_duration_s = 0.0
        """How long the last scan took."""
        self._folder = folder
        self._state = state
        self._import_folder = import_folder
        self._log = log
        self._fault = ""
        self._seen: dict[str, tuple[Files, float]] = {}  # the present files, and since when
        self._failed: dict[str, tuple[Files, float]] = {}  # files that were not imported, and when to retry

    def scan(self, now_s: float) -> None:
        """Scan the folder once, at `now_s` of a monotonic clock, and import what is due."""
        started_s = time.monotonic()
        try:
            found = scan_folder(self._folder)
            self._fault = ""
        except OSError as error:
            self._report(f"the watched folder '{self._folder}' cannot be read: {error.strerror}")
            return
        finally:
            self.scan_duration_s = time.monotonic() - started_s
        before = self._seen
        self._seen = {
            name: before[name] if name in before and before[name][0] == files else (files, now_s)
            for name, files in found.items()
        }
        for name, (files, since_s) in self._seen.items():
            if now_s - since_s >= QUIET_S and self._is_due(name, files, now_s):
                self._import(name, files, now_s)

    def _is_due(self, name: str, files: Files, now_s: float) -> bool:
        imported = self._state.find_imported(name)
        if files <= imported:
            return False
        if imported and not has_audio(self._folder / name, files):  # its recordings were deleted since
            return False
        failed, retry_s = self._failed.get(name, (None, 0.0))
        return failed != files or now_s >= retry_s

    def _import(self, name: str, files: Files, now_s: float) -> None:
        self._failed[name] = files, math.inf
        try:
            if self._import_folder(self._folder / name):
                self._state.add(name, files)
        except (EdgeclError, OSError) as error:
            self._failed[name] = files, now_s + RETRY_S
            self._report(f"'{self._folder / name}' is not enrolled: {error}")

    def _report(self, fault: str) -> None:
        if fault != self._fault:
            self._fault = fault
            self._log(f"{fault}; it is tried again")


@contextmanager
def watch_folder(
    folder: Path, importer: FolderImporter, log: Callable[[str], None], supervisor: ThreadSupervisor
) -> Iterator[None]:
    """Watch a folder from a thread of its own while the context is open."""
    watcher = FolderWatcher(folder, importer.state, importer.import_folder, log)
    stopped = threading.Event()

    def run() -> None:
        while not stopped.wait(max(SCAN_INTERVAL_S, REST_FACTOR * watcher.scan_duration_s)):
            watcher.scan(time.monotonic())

    is_new = _create(folder)
    thread = supervisor.start("folder import", run)
    log(f"'{folder}' is {'created and ' if is_new else ''}watched: every folder in it becomes a task")
    try:
        yield
    finally:
        thread.stop()
        stopped.set()
        importer.stop()
        thread.join(CLOSE_TIMEOUT_S)


def _create(folder: Path) -> bool:
    """Create the folder if only it is missing; the first scan reports any other fault."""
    try:
        folder.mkdir()
    except OSError:
        return False
    return True
