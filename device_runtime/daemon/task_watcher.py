"""The tasks of a store, polled for changes: a task that is enrolled elsewhere is in use a second later."""

import time
from collections.abc import Callable
from pathlib import Path

from device_runtime.data.task_loader import load_tasks
from device_runtime.model.runtime import Runtime
from device_runtime.recognition.recognizer import Recognizer
from edgecl.errors import EdgeclError
from edgecl.store.blob import TaskBlob
from edgecl.store.registry import REGISTRY_NAME
from edgecl.store.store import Store

POLL_INTERVAL_S = 1.0


class TaskWatcher:
    """All usable tasks of a home; there may be none."""

    def __init__(self, home: Path, runtime: Runtime, warn: Callable[[str], None]) -> None:
        """Prepare the watcher; `warn` receives a sentence for every task that cannot be used."""
        self._home = home
        self._runtime = runtime
        self._warn = warn
        self.task_names: frozenset[str] = frozenset()
        """All tasks in the store at the last poll, including unusable ones."""
        self._stamp: tuple[int, ...] = ()
        self._next_poll_s = 0.0

    def poll(self) -> Recognizer | None:
        """Return a recognizer of all tasks if the store has changed since the last poll, else None.

        Raises:
            EdgeclError: the store cannot be opened at the first poll; later that is only a warning.
        """
        if time.monotonic() < self._next_poll_s:
            return None
        self._next_poll_s = time.monotonic() + POLL_INTERVAL_S
        stamp = self._read_stamp()
        if stamp and stamp == self._stamp:
            return None
        try:
            tasks = self._load()
        except EdgeclError as error:
            if not self._stamp:
                raise
            self._warn(error.message)
            return None
        self._stamp = stamp or self._read_stamp()
        return Recognizer(self._runtime, tasks, self._warn)

    def _read_stamp(self) -> tuple[int, ...]:
        """Return what changes with the registry file; empty if there is none."""
        try:
            stat = (self._home / REGISTRY_NAME).stat()
        except OSError:
            return ()
        return stat.st_mtime_ns, stat.st_size, stat.st_ino

    def _load(self) -> list[TaskBlob]:
        with Store.open(self._home, create=True) as store:
            self.task_names = frozenset(entry.task for entry in store.list_tasks())
            try:
                return load_tasks(store, self._runtime.bundle.manifest)
            except EdgeclError as error:
                self._warn(error.message)
                return []
            finally:
                for warning in store.warnings:
                    self._warn(warning)
